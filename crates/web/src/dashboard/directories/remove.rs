//! A directory is removed: asked for by name, since its identities and sessions go with it.

use admin::To;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;

use super::form::wrong;
use super::{Found, Head, find, refused, write_at};
use crate::api::Problem;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell::{self, Shell};

#[derive(Template)]
#[template(path = "dashboard/directory_remove.html")]
struct RemovePage {
    shell: Shell,
    head: Head,
    slug: String,
    typed: String,
    wrong: String,
}

/// The question.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let found = find(&desk, &slug, "")?;
    let shell = desk.shell.titled(format!("Remove {}", found.head.name));
    Ok(page(shell, found, "", None))
}

fn page(shell: Shell, found: Found, typed: &str, problem: Option<&Problem>) -> Response {
    let page = RemovePage {
        shell,
        head: found.head,
        slug: found.record.settings.slug.to_string(),
        typed: typed.to_owned(),
        wrong: wrong(problem, "slug"),
    };
    shell::respond(problem.map_or(StatusCode::OK, Problem::status), &page)
}

/// Removes it, if its name was typed.
pub(in crate::dashboard) async fn remove(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let found = find(&desk, &slug, "")?;
    let slug = &found.record.settings.slug;
    let removed = if fields.text("slug") == slug.as_str() {
        write_at(&desk, slug, &To::Gone, &fields).await
    } else {
        Err(Problem::invalid("slug", format!("type {slug}, the directory's name in the address")))
    };
    match removed {
        Ok(_) => Ok(shell::see(&format!("{}?done=removed", found.head.list))),
        Err(problem) => {
            let title = format!("Remove {}", found.head.name);
            let notice = refused("The directory was not removed", &problem);
            let shell = desk.shell.titled(title).noting(notice);
            Ok(page(shell, found, fields.text("slug"), Some(&problem)))
        }
    }
}
