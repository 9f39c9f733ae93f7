//! What an application asked for of late.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use store::TraceEntry;

use super::{Head, head, opened};
use crate::api::Problem;
use crate::api::input::{Asked, LoginStanding, LoginsQuery};
use crate::api::records::{LoginItem, list_logins};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Query;
use crate::dashboard::shell::{self, Shell};

/// A login of the application.
struct Line {
    support_code: String,
    href: String,
    at: DateTime<Utc>,
    directory: String,
    tone: &'static str,
    word: &'static str,
    failure: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "dashboard/applications/requests.html")]
struct RequestsPage {
    shell: Shell,
    head: Head,
    lines: Vec<Line>,
    /// Its last requests, newest first, without anything secret or personal.
    trace: Vec<TraceEntry>,
    /// Whether this is the first page.
    is_first: bool,
    next: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((tenant, client_id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let record = opened(&desk, &client_id)?;
    let head = head(&desk, &record, "requests").await?;
    let trace = desk.caller.operator().trace(desk.tenant.id, &client_id).await?;
    let after = query.get("after").map(str::parse).transpose();
    let asked = LoginsQuery {
        purpose: None,
        application: Some(client_id),
        directory: None,
        state: None,
        failure: None,
        person: None,
        after: after.map_err(|_| Problem::malformed("after: send the `next` of a page"))?,
        limit: None,
    };
    let logins = desk.path("logins");
    let shell = desk.shell.titled(&record.settings.name).after(&query);
    let is_first = asked.after.is_none();
    let found = list_logins(desk.caller, Path(tenant), Asked(asked)).await?.0;
    Ok(shell::ok(&RequestsPage {
        shell,
        head,
        trace,
        lines: found.items.into_iter().map(|one| line(one, &logins)).collect(),
        is_first,
        next: found.next.map(|next| query.with("after", &next)),
    }))
}

fn line(login: LoginItem, logins: &str) -> Line {
    let (tone, word) = match login.state {
        LoginStanding::Pending => ("idle", "At the directory"),
        LoginStanding::Completed => ("ok", "Answered"),
        LoginStanding::Redeemed => ("ok", "Signed in"),
        LoginStanding::Failed => ("bad", "Failed"),
    };
    Line {
        href: format!("{logins}/{}", login.support_code),
        support_code: login.support_code,
        at: login.started_at,
        directory: login.directory.unwrap_or_default(),
        tone,
        word,
        failure: login.failure.map(|one| one.code),
    }
}
