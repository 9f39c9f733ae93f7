//! The values of a directory, entered again: by its staff, or for the first time by whoever holds a
//! setup link.

use admin::To;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::settings::DirectoryState;
use serde_json::{Map, Value};

use super::form::{Asked, Values, wrong};
use super::new::{FormPage, no_domains};
use super::{Found, done, find_own, write_at};
use crate::api::Problem;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell::{self, Notice, Shell};
use crate::dashboard::tenants::{CHANGED_BEFORE_SAVE, refusal_or};

const NOT_SAVED: &str = "The directory was not saved";

/// The form.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let found = find_own(&desk, &slug, "edit")?;
    let values = Values::from(&found.record.settings);
    Ok(page(desk, &found, &values, None))
}

fn page(desk: Desk, found: &Found, values: &Values, problem: Option<&Problem>) -> Response {
    let settings = &found.record.settings;
    let asked = Asked::of(&desk, settings);
    let inputs = asked.inputs(values, problem);
    let status = problem.map_or(StatusCode::OK, Problem::status);
    let page = FormPage {
        list: found.head.list.clone(),
        action: format!("{}/edit", found.head.here),
        back: found.head.here.clone(),
        preset: settings.preset.data(),
        slug: settings.slug.to_string(),
        is_new: false,
        is_draft: settings.state == DirectoryState::Draft,
        version: desk.tenant.version,
        callback: found.callback.clone(),
        jwks: format!("{}/jwks", desk.app.issuer(&desk.tenant)),
        no_domains: no_domains(&desk, &inputs),
        inputs,
        shell: Shell {
            notice: problem.map(|problem| notice(problem, settings.client_secret.is_some())),
            ..desk.shell.titled(settings.name.clone())
        },
    };
    shell::respond(status, &page)
}

fn notice(problem: &Problem, has_secret: bool) -> Notice {
    if has_secret && !wrong(Some(problem), "client_secret").is_empty() {
        let line = "The address changed, so the client secret has to be entered again: it is never \
                    shown to another provider.";
        return Notice::bad(NOT_SAVED, vec![line.to_owned()]);
    }
    refusal_or(NOT_SAVED, problem, CHANGED_BEFORE_SAVE)
}

/// Saves it. A draft whose values are complete can be tested from then on.
pub(in crate::dashboard) async fn save(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let found = find_own(&desk, &slug, "edit")?;
    let settings = &found.record.settings;
    let values = Values::from(&fields);
    let before = Values::from(settings);
    let asked = Asked::of(&desk, settings);
    if let Err(problem) = asked.check(&values) {
        return Ok(page(desk, &found, &values, Some(&problem)));
    }
    let mut change = asked.change(&values, fields.text("client_secret"));
    keep(&mut change, &before, &values);
    if settings.state == DirectoryState::Draft {
        change.insert("state".to_owned(), "testing".into());
    }
    let to = To::Merge(change.into());
    match write_at(&desk, &settings.slug, &to, &fields).await {
        Ok(is_change) => {
            Ok(shell::see(&format!("{}{}", found.head.here, done(is_change, "saved"))))
        }
        Err(problem) => Ok(page(desk, &found, &values, Some(&problem))),
    }
}

/// Takes out what was not touched, so that finer settings made elsewhere stay: the hour at which a
/// secret expires, a parameter for the account chooser, a row that says who is staff.
fn keep(change: &mut Map<String, Value>, before: &Values, after: &Values) {
    if before.expires == after.expires {
        change.remove("client_secret_expires_at");
    }
    if before.hosted_domains == after.hosted_domains {
        change.remove("parameters");
    }
    if (&before.staff, &before.staff_names) == (&after.staff, &after.staff_names) {
        change.remove("profile");
    }
}
