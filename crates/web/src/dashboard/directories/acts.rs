//! What is done with a directory from its page: it is checked, tested, switched on and off.

use admin::To;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use broker::address::CallbackAt;
use serde_json::json;

use super::{done, find_own, one, refused, write, write_at};
use crate::api::input::Conditions;
use crate::api::{Problem, acts};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;
use crate::dashboard::shell::{self, Shell};

/// Asks the directory about itself, and shows what was found.
pub(in crate::dashboard) async fn check(
    desk: Desk,
    Path((tenant, slug)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let found = find_own(&desk, &slug, "")?;
    match acts::probed(&desk.app, &desk.caller, (&tenant, &slug)).await {
        Ok(report) => one::checked(&desk, found, report).await,
        Err(problem) => {
            let notice = refused("The directory was not checked", &problem);
            one::noting(&desk, found, notice, problem.status()).await
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/directory_test.html")]
pub(in crate::dashboard) struct TestPage {
    pub(in crate::dashboard) shell: Shell,
    pub(in crate::dashboard) name: String,
    pub(in crate::dashboard) url: String,
    pub(in crate::dashboard) back: String,
}

/// The address of a link that tests a directory.
pub(in crate::dashboard) async fn lead_to_test(
    desk: &Desk,
    slug: &str,
    at: Option<CallbackAt>,
) -> Result<String, Problem> {
    acts::test_url(&desk.app, &desk.caller, (desk.slug(), slug), at).await
}

/// Leads to a real sign-in, from a page of its own: a form's answer may not lead to a directory
/// itself, since browsers hold redirects to the policy of the page that the form is on. [CSP3-6.4.1]
pub(in crate::dashboard) async fn test(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let found = find_own(&desk, &slug, "")?;
    match lead_to_test(&desk, &slug, None).await {
        Ok(url) => Ok(shell::ok(&TestPage {
            name: found.head.name,
            url,
            back: found.head.here,
            shell: desk.shell.titled("A test sign-in"),
        })),
        Err(problem) => {
            let notice = refused("The test did not begin", &problem);
            one::noting(&desk, found, notice, problem.status()).await
        }
    }
}

/// Sets the state. To switch it off is never out of date.
pub(in crate::dashboard) async fn state(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let found = find_own(&desk, &slug, "")?;
    let state = fields.text("state");
    let (slug, to) = (&found.record.settings.slug, To::Merge(json!({ "state": state })));
    let written = if state == "paused" {
        write(&desk, slug, &to, Conditions { version: None, only_new: false }).await
    } else {
        write_at(&desk, slug, &to, &fields).await
    };
    match written {
        Ok(is_change) => {
            Ok(shell::see(&format!("{}{}", found.head.here, done(is_change, "saved"))))
        }
        Err(problem) => {
            let notice = refused("The state was not changed", &problem);
            one::noting(&desk, found, notice, problem.status()).await
        }
    }
}
