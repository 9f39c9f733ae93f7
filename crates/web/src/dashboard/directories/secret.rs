//! The secret of a directory, replaced while people go on signing in: the new one is entered beside the
//! old one, either may be the right one, and later the old one has ended.

use admin::To;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use store::DirectoryRecord;

use super::form::{Input, day, end_of, expiry_box, wrong};
use super::{Found, Head, done, find_own, refused, write_at};
use crate::api::Problem;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Shell};

/// What is entered about a secret: never the secret, once it was sent.
#[derive(Default)]
struct Entered {
    expires: String,
}

#[derive(Template)]
#[template(path = "dashboard/directory_secret.html")]
struct SecretPage {
    shell: Shell,
    head: Head,
    /// Whether there is a secret, and one that takes its place.
    has_current: bool,
    has_next: bool,
    current_ends: String,
    next_ends: String,
    inputs: Vec<Input>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let found = find_own(&desk, &slug, "secret")?;
    let shell = desk.shell.titled(found.head.name.clone()).after(&query);
    Ok(page(shell, found, &Entered::default(), None))
}

fn page(shell: Shell, found: Found, entered: &Entered, problem: Option<&Problem>) -> Response {
    let Found { record, head, .. } = found;
    let settings = &record.settings;
    let words = &settings.preset.data().words;
    let status = problem.map_or(StatusCode::OK, Problem::status);
    let secret = Input {
        name: "next_client_secret",
        label: format!("New secret ({})", words.client_secret),
        hint: "It is kept sealed, and never shown again.".to_owned(),
        kind: "password",
        is_mono: true,
        is_required: true,
        wrong: wrong(problem, "next_client_secret"),
        ..Input::default()
    };
    let expiry = Input {
        name: "next_client_secret_expires_at",
        wrong: wrong(problem, "next_client_secret_expires_at"),
        ..expiry_box(&entered.expires)
    };
    let page = SecretPage {
        shell,
        head,
        has_current: record.client_secret.is_some(),
        has_next: record.next_client_secret.is_some(),
        current_ends: settings.client_secret_expires_at.map_or_else(String::new, day),
        next_ends: settings.next_client_secret_expires_at.map_or_else(String::new, day),
        inputs: vec![secret, expiry],
    };
    shell::respond(status, &page)
}

/// Enters a new secret, or ends one of the two.
pub(in crate::dashboard) async fn act(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let found = find_own(&desk, &slug, "secret")?;
    let entered = Entered { expires: fields.text("next_client_secret_expires_at").to_owned() };
    let written = match change(&found.record, &fields, &entered) {
        Ok(change) => {
            let to = To::Merge(change);
            write_at(&desk, &found.record.settings.slug, &to, &fields).await
        }
        Err(problem) => Err(problem),
    };
    match written {
        Ok(is_change) => {
            Ok(shell::see(&format!("{}/secret{}", found.head.here, done(is_change, "saved"))))
        }
        Err(problem) => {
            let notice = refused("The secret was not changed", &problem);
            let shell = desk.shell.titled(found.head.name.clone()).noting(notice);
            Ok(page(shell, found, &entered, Some(&problem)))
        }
    }
}

fn change(record: &DirectoryRecord, fields: &Fields, entered: &Entered) -> Result<Value, Problem> {
    let nothing = || Problem::conflict("there is no second secret; look at the page again");
    let then = fields.text("then");
    // A secret that goes does not come back.
    if matches!(then, "ended" | "back") && !fields.is_ticked("sure") {
        return Err(Problem::invalid("sure", "tick the box beside the button as well"));
    }
    match then {
        "ended" => {
            // The one that was second is the only one from now on.
            let next = record.next_client_secret.as_ref().ok_or_else(nothing)?;
            Ok(json!({
                "client_secret": next.expose_secret(),
                "client_secret_expires_at": record.settings.next_client_secret_expires_at,
                "next_client_secret": null,
                "next_client_secret_expires_at": null,
            }))
        }
        "back" => {
            record.next_client_secret.as_ref().ok_or_else(nothing)?;
            Ok(json!({ "next_client_secret": null, "next_client_secret_expires_at": null }))
        }
        _ => {
            let secret = fields.text("next_client_secret");
            if secret.is_empty() {
                return Err(Problem::invalid("next_client_secret", "enter the new secret"));
            }
            // Where there is none, it takes nothing's place.
            let (name, ends) = match &record.client_secret {
                Some(_) => ("next_client_secret", "next_client_secret_expires_at"),
                None => ("client_secret", "client_secret_expires_at"),
            };
            Ok(json!({ name: secret, ends: end_of(&entered.expires) }))
        }
    }
}
