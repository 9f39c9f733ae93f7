//! The logins of a tenant: a list that is narrowed down, and each with its timeline ([`timeline`])
//! and where to mend what ended it ([`remedy`]).

mod remedy;
mod timeline;

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use broker::attempt::Purpose;
use broker::failure::FailureCode;
use chrono::{DateTime, TimeDelta, Utc};
use store::TenantRecord;

use super::Refused;
use super::choice::Choice;
use super::desk::Desk;
use super::fields::Query;
use super::shell::{self, Shell};
use crate::api::Problem;
use crate::api::input::{Asked, LoginStanding, LoginsQuery};
use crate::api::records::{self, LoginItem, UserOfLogin};

pub use remedy::{Place, place};
pub(super) use timeline::show;

/// How long somebody may take at a directory: as long as an attempt lasts.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(14);

/// Where a login stands, as it is shown.
struct Mark {
    tone: &'static str,
    label: &'static str,
    /// More about it; may be empty.
    note: String,
}

impl Mark {
    fn of(
        (purpose, state): (Purpose, LoginStanding),
        failure: Option<&str>,
        age: TimeDelta,
    ) -> Self {
        let (tone, label, note) = match state {
            LoginStanding::Completed if purpose == Purpose::Test => ("ok", "Worked", String::new()),
            LoginStanding::Completed if purpose == Purpose::Dashboard => {
                ("ok", "Signed in", String::new())
            }
            LoginStanding::Redeemed => ("ok", "Signed in", String::new()),
            LoginStanding::Completed => ("ok", "Answered", "No code was redeemed".to_owned()),
            LoginStanding::Pending if age < ON_THE_WAY => {
                ("idle", "Under way", "At the directory".to_owned())
            }
            LoginStanding::Pending => {
                ("idle", "Did not return", "Left for the directory".to_owned())
            }
            LoginStanding::Failed => ("bad", "Failed", failure.map(words).unwrap_or_default()),
        };
        Self { tone, label, note }
    }
}

/// A code in words: `issuer_mismatch` becomes `Issuer mismatch`.
fn words(code: &str) -> String {
    let mut all = code.replace('_', " ");
    if let Some(first) = all.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    all
}

/// A person, as a link to them.
struct Person {
    name: String,
    href: String,
}

impl Person {
    fn of(user: Option<UserOfLogin>, tenant: &TenantRecord) -> Option<Self> {
        let user = user?;
        let href = format!("/dashboard/t/{}/users/{}", tenant.slug, user.id);
        Some(Self { name: user.email.unwrap_or(user.external_id), href })
    }
}

struct Row {
    code: String,
    href: String,
    started_at: DateTime<Utc>,
    mark: Mark,
    person: Option<Person>,
    what_for: String,
    directory: String,
    took: Option<String>,
}

#[derive(Template)]
#[template(path = "dashboard/logins.html")]
struct LoginsPage<'a> {
    shell: Shell,
    base: String,
    person: &'a str,
    purposes: Vec<Choice>,
    applications: Vec<Choice>,
    directories: Vec<Choice>,
    states: Vec<Choice>,
    failures: Vec<Choice>,
    rows: Vec<Row>,
    /// Whether anything narrows the list down.
    is_narrowed: bool,
    is_first: bool,
    older: Option<String>,
}

/// The list.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    let base = desk.path("logins");
    if let Some(typed) = query.get("code") {
        // What is no letter or digit tells codes apart no more than upper case does.
        let code: String = typed.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        let code = if code.is_empty() { "none" } else { &code };
        return Ok(shell::see(&format!("{base}/{code}")));
    }
    let Desk { caller, tenant, shell, .. } = desk;
    let (now, slug) = (caller.now, tenant.slug.to_string());
    let Json(page) = records::list_logins(caller, Path(slug), Asked(asked(&query)?)).await?;
    let rows = page.items.into_iter().map(|one| row(one, &tenant, now)).collect();
    let narrowing = ["person", "purpose", "application", "directory", "state", "failure"];
    Ok(shell::ok(&LoginsPage {
        shell: shell.titled("Logins").after(&query),
        base,
        person: query.get("person").unwrap_or_default(),
        purposes: purposes(query.get("purpose")),
        applications: applications(&tenant, query.get("application")),
        directories: directories(&tenant, query.get("directory")),
        states: states(query.get("state")),
        failures: failures(query.get("failure")),
        rows,
        is_narrowed: narrowing.iter().any(|name| query.get(name).is_some()),
        is_first: query.get("after").is_none(),
        older: page.next.map(|after| query.with("after", &after)),
    }))
}

fn asked(query: &Query) -> Result<LoginsQuery, Problem> {
    let text = |name: &str| query.get(name).map(str::to_owned);
    let state = match query.get("state") {
        None => None,
        Some(name) => {
            let found = LoginStanding::ALL.into_iter().find(|one| one.as_str() == name);
            Some(found.ok_or_else(|| Problem::malformed("state: there is no such state"))?)
        }
    };
    let purpose = match query.get("purpose") {
        None => None,
        Some(name) => {
            let found = Purpose::parse(name);
            Some(found.ok_or_else(|| Problem::malformed("purpose: there is no such purpose"))?)
        }
    };
    let after = query.get("after").map(str::parse).transpose();
    Ok(LoginsQuery {
        purpose,
        application: text("application"),
        directory: text("directory"),
        state,
        failure: text("failure"),
        person: text("person"),
        after: after.map_err(|_| Problem::malformed("after: the `next` of a page"))?,
        limit: None,
    })
}

fn row(login: LoginItem, tenant: &TenantRecord, now: DateTime<Utc>) -> Row {
    let failure = login.failure.as_ref().map(|one| one.code);
    Row {
        href: format!("/dashboard/t/{}/logins/{}", tenant.slug, login.support_code),
        code: login.support_code,
        started_at: login.started_at,
        mark: Mark::of((login.purpose, login.state), failure, now - login.started_at),
        person: Person::of(login.user, tenant),
        what_for: match login.purpose {
            Purpose::Application => application_name(tenant, login.client_id.as_deref()),
            Purpose::Test => "A test".to_owned(),
            Purpose::Dashboard => "This dashboard".to_owned(),
        },
        directory: directory_name(tenant, login.directory.as_deref()),
        took: login.finished_at.map(|end| span(end - login.started_at)),
    }
}

/// What people call an application; empty: it is gone, or was never known.
fn application_name(tenant: &TenantRecord, client_id: Option<&str>) -> String {
    let Some(client_id) = client_id else { return String::new() };
    let mut all = tenant.applications.iter().map(|one| &one.settings);
    let found = all.find(|one| one.client_id == client_id);
    found.map_or(client_id, |one| one.name.as_str()).to_owned()
}

/// What people call a directory; empty: it is gone, or none was chosen.
fn directory_name(tenant: &TenantRecord, slug: Option<&str>) -> String {
    let Some(slug) = slug else { return String::new() };
    let mut all = tenant.directories.iter().map(|one| &one.settings);
    let found = all.find(|one| one.slug.as_str() == slug);
    found.map_or(slug, |one| one.name.as_str()).to_owned()
}

/// A time between two moments, for people.
fn span(time: TimeDelta) -> String {
    let millis = time.num_milliseconds().max(0);
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{:03} s", millis / 1_000, millis % 1_000),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis / 1_000 % 60),
        _ => format!("{} h {} min", millis / 3_600_000, millis / 60_000 % 60),
    }
}

fn purposes(chosen: Option<&str>) -> Vec<Choice> {
    let all = Purpose::ALL.into_iter().map(|one| {
        let label = match one {
            Purpose::Application => "An application",
            Purpose::Test => "A test",
            Purpose::Dashboard => "This dashboard",
        };
        (one.as_str(), label.to_owned())
    });
    Choice::all_or(all, chosen)
}

fn applications(tenant: &TenantRecord, chosen: Option<&str>) -> Vec<Choice> {
    let all = tenant.applications.iter().map(|one| &one.settings);
    Choice::all_or(all.map(|one| (one.client_id.as_str(), one.name.clone())), chosen)
}

fn directories(tenant: &TenantRecord, chosen: Option<&str>) -> Vec<Choice> {
    let all = tenant.directories.iter().map(|one| &one.settings);
    Choice::all_or(all.map(|one| (one.slug.as_str(), one.name.clone())), chosen)
}

fn states(chosen: Option<&str>) -> Vec<Choice> {
    let all = LoginStanding::ALL.into_iter().map(|one| {
        let label = match one {
            LoginStanding::Pending => "Did not return yet",
            // Of what commits nothing it is the good end.
            LoginStanding::Completed => "Answered, or worked",
            LoginStanding::Redeemed => "Signed in",
            LoginStanding::Failed => "Failed",
        };
        (one.as_str(), label.to_owned())
    });
    Choice::all_or(all, chosen)
}

fn failures(chosen: Option<&str>) -> Vec<Choice> {
    let all = FailureCode::ALL.iter().map(|one| (one.as_str(), words(one.as_str())));
    Choice::all_or(all, chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_fine_as_they_matter() {
        for (millis, said) in [
            (-5, "0 ms"),
            (0, "0 ms"),
            (999, "999 ms"),
            (41_039, "41.039 s"),
            (61_500, "1 min 1 s"),
            (3_725_000, "1 h 2 min"),
        ] {
            assert_eq!(span(TimeDelta::milliseconds(millis)), said);
        }
    }

    #[test]
    fn codes_are_read_as_words() {
        assert_eq!(words("issuer_mismatch"), "Issuer mismatch");
        assert_eq!(words(""), "");
    }
}
