//! Whether the tenant's staff may sign in to the dashboard through a directory: an owner decides, and is
//! told what that means.

use admin::To;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use serde_json::json;

use super::{Found, Head, done, find, refused, write_at};
use crate::api::Problem;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell::{self, Shell};

#[derive(Template)]
#[template(path = "dashboard/directory_staff.html")]
struct StaffSignInPage {
    shell: Shell,
    head: Head,
    is_on: bool,
    issuer: String,
    /// Where staff sign in, for bookmarks.
    address: String,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let found = own(&desk, &slug)?;
    Ok(page(desk, found, None))
}

fn own(desk: &Desk, slug: &str) -> Result<Found, Refused> {
    let found = find(desk, slug, "staff-sign-in")?;
    desk.needs(Need::Owner)?;
    Ok(found)
}

fn page(desk: Desk, found: Found, problem: Option<&Problem>) -> Response {
    let shell = desk.shell.titled(found.head.name.clone());
    let page = StaffSignInPage {
        is_on: found.record.settings.staff_sign_in,
        issuer: found.record.settings.issuer.clone(),
        address: format!(
            "{}/dashboard/sign-in?organisation={}",
            desk.app.public_url, desk.tenant.slug
        ),
        head: found.head,
        shell: match problem {
            Some(problem) => shell.noting(refused("Nothing was changed", problem)),
            None => shell,
        },
    };
    shell::respond(problem.map_or(StatusCode::OK, Problem::status), &page)
}

/// Allows it, or ends it.
pub(in crate::dashboard) async fn change(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let found = own(&desk, &slug)?;
    let to = To::Merge(json!({ "staff_sign_in": fields.text("staff_sign_in") == "on" }));
    match write_at(&desk, &found.record.settings.slug, &to, &fields).await {
        Ok(is_change) => {
            Ok(shell::see(&format!("{}{}", found.head.here, done(is_change, "saved"))))
        }
        Err(problem) => Ok(page(desk, found, Some(&problem))),
    }
}
