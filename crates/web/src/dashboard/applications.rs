//! The applications of a tenant: the list, and the pages of one.
//!
//! - [`new`] adds one, and shows its secret with everything that is to be entered in it
//! - [`values`]: its own screen, field by field, and the address that it shows in turn
//! - [`settings`], [`secrets`], [`claims`], [`requests`]: the other tabs; [`remove`] takes it away
//! - [`kind`] is what the presets are called, and what their applications call things

pub(super) mod claims;
mod kind;
pub(super) mod new;
pub(super) mod remove;
pub(super) mod requests;
pub(super) mod secrets;
pub(super) mod settings;
pub(super) mod values;

use std::collections::BTreeMap;

use admin::{Part, To};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::front::path::is_clear;
use broker::settings::ApplicationSettings;
use chrono::{DateTime, Utc};
use store::{ApplicationRecord, LoginQuery, LoginState};

use self::kind::kind_of;
use super::Refused;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::shell::{self, Link, Notice, Shell};
use super::tenants;
use crate::api::Problem;
use crate::api::acts::application;
use crate::api::configuration::{Wanted, edit};
use crate::api::input::LoginStanding;
use crate::api::page::{Page, PageQuery};

/// How many logins are looked through at once for the last of each application.
const LOOKED_AT: i64 = 200;

/// How an application stands, in a word.
#[derive(Debug, Clone, Copy)]
struct Badge {
    tone: &'static str,
    word: &'static str,
}

/// An application in the list.
struct Line {
    name: String,
    client_id: String,
    /// Its page; `None`: its `client_id` cannot stand in an address.
    href: Option<String>,
    preset: &'static str,
    secrets: String,
    last: Option<DateTime<Utc>>,
    badge: Badge,
}

#[derive(Template)]
#[template(path = "dashboard/applications/list.html")]
struct ListPage {
    shell: Shell,
    add: Option<String>,
    lines: Vec<Line>,
    /// Whether this is the first page.
    is_first: bool,
    next: Option<String>,
}

/// The list.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Viewer)?;
    let asked = PageQuery { after: query.get("after").map(str::to_owned), limit: None };
    let all = desk.tenant.applications.iter();
    let found = Page::within(all, &asked, |one| one.settings.client_id.clone())?;
    let last = last_logins(&desk, &found.items).await?;
    let lines = found.items.iter().map(|one| line(&desk, one, &last)).collect();
    Ok(shell::ok(&ListPage {
        lines,
        is_first: asked.after.is_none(),
        next: found.next.map(|next| query.with("after", &next)),
        add: desk.has(Need::Editor).then(|| desk.path("applications/new")),
        shell: desk.shell.titled("Applications").after(&query),
    }))
}

fn line(desk: &Desk, one: &ApplicationRecord, last: &Last) -> Line {
    let settings = &one.settings;
    let last = last.get(&settings.client_id).copied();
    Line {
        name: settings.name.clone(),
        client_id: settings.client_id.clone(),
        href: has_page(&settings.client_id).then(|| path(desk, &settings.client_id, "")),
        preset: kind_of(settings.preset).title,
        secrets: match one.secret_hashes.len() {
            _ if settings.public => "none: public".to_owned(),
            _ if !settings.has_secret() => "none: its own key".to_owned(),
            many => many.to_string(),
        },
        last,
        badge: badge(settings, last),
    }
}

/// When each application, by its `client_id`, last took somebody in.
type Last = BTreeMap<String, DateTime<Utc>>;

async fn last_logins(desk: &Desk, all: &[&ApplicationRecord]) -> Result<Last, Refused> {
    let (operator, tenant) = (desk.caller.operator(), desk.tenant.id);
    let query = LoginQuery { limit: LOOKED_AT, ..LoginQuery::default() };
    let newest = operator.logins(tenant, &query).await?;
    let mut last = Last::new();
    for login in &newest {
        let is_through = matches!(login.state, LoginState::Completed | LoginState::Redeemed);
        if let (true, Some(client_id)) = (is_through, &login.client_id) {
            last.entry(client_id.clone()).or_insert(login.started_at);
        }
    }
    if i64::try_from(newest.len()).unwrap_or(LOOKED_AT) < LOOKED_AT {
        return Ok(last);
    }
    for client_id in all.iter().map(|one| one.settings.client_id.as_str()) {
        if !last.contains_key(client_id) {
            let mut found = None;
            for outcome in [LoginStanding::Completed, LoginStanding::Redeemed] {
                let query = LoginQuery {
                    client_id: Some(client_id),
                    outcome: Some(outcome.as_str()),
                    limit: 1,
                    ..LoginQuery::default()
                };
                let one = operator.logins(tenant, &query).await?;
                found = found.max(one.first().map(|one| one.started_at));
            }
            last.extend(found.map(|at| (client_id.to_owned(), at)));
        }
    }
    Ok(last)
}

/// Whether a page of its own can have that name.
pub(super) fn has_page(client_id: &str) -> bool {
    client_id != "new" && !client_id.contains('/') && is_clear(&format!("/{client_id}"))
}

/// The address of a page of an application.
fn path(desk: &Desk, client_id: &str, part: &str) -> String {
    let path = desk.path(&format!("applications/{client_id}"));
    if part.is_empty() { path } else { format!("{path}/{part}") }
}

fn badge(settings: &ApplicationSettings, last: Option<DateTime<Utc>>) -> Badge {
    let (tone, word) = match last {
        _ if settings.disabled => ("bad", "Disabled"),
        _ if settings.redirect_uris.is_empty() => ("warn", "No address yet"),
        Some(_) => ("ok", "In use"),
        None => ("idle", "Not used yet"),
    };
    Badge { tone, word }
}

/// What the pages of an application have on top.
struct Head {
    name: String,
    client_id: String,
    kind: &'static str,
    badge: Badge,
    last: Option<DateTime<Utc>>,
    /// The list of applications.
    list: String,
    /// Its own first page.
    base: String,
    tabs: Vec<Link>,
    can_edit: bool,
    can_remove: bool,
    /// What the tenant's version was when the page was made.
    version: i64,
}

/// The tabs: their names, and their part of the address.
const TABS: [(&str, &str); 6] = [
    ("Values to paste", ""),
    ("Settings", "settings"),
    ("Secrets", "secrets"),
    ("Claims", "claims"),
    ("Requests", "requests"),
    ("As configuration", "configuration"),
];

/// The top of the page `part` of an application.
async fn head(desk: &Desk, record: &ApplicationRecord, part: &str) -> Result<Head, Refused> {
    let settings = &record.settings;
    let last = last_logins(desk, &[record]).await?.get(&settings.client_id).copied();
    let tabs = TABS.into_iter().map(|(label, one)| Link {
        label,
        href: path(desk, &settings.client_id, one),
        is_current: one == part,
    });
    Ok(Head {
        name: settings.name.clone(),
        client_id: settings.client_id.clone(),
        kind: kind_of(settings.preset).title,
        badge: badge(settings, last),
        last,
        list: desk.path("applications"),
        base: path(desk, &settings.client_id, ""),
        tabs: tabs.collect(),
        can_edit: desk.has(Need::Editor),
        can_remove: desk.has(Need::Owner),
        version: desk.tenant.version,
    })
}

/// The application that an address names, for somebody who may look.
fn opened(desk: &Desk, client_id: &str) -> Result<ApplicationRecord, Refused> {
    desk.needs(Need::Viewer)?;
    Ok(application(&desk.tenant, client_id)?.clone())
}

/// Changes an application as a form says; the code of what to say about it.
async fn save(
    desk: &Desk,
    client_id: &str,
    to: To,
    fields: &Fields,
) -> Result<&'static str, Problem> {
    let wanted = Wanted::at(fields.version()?);
    let part = Part::Application(client_id.to_owned());
    let place = (desk.slug(), &part, &to);
    let (_, applied) = Box::pin(edit(&desk.app, &desk.caller, wanted, place)).await?;
    Ok(tenants::saved(&applied))
}

/// What is to be said on the form; what is not about the form is a page of its own.
fn about_form(problem: Problem) -> Result<Problem, Refused> {
    match problem.status() {
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            Err(problem.into())
        }
        _ => Ok(problem),
    }
}

/// What is said on top of a form that was refused.
fn refusal(title: &str, problem: &Problem) -> Notice {
    tenants::refusal_or(title, problem, tenants::CHANGED_BEFORE_SAVE)
}

/// What is wrong with a member, if something is; of a list, with the lines that it is in.
fn wrong(problem: Option<&Problem>, member: &str) -> Option<String> {
    let mistakes = problem.into_iter().flat_map(Problem::mistakes);
    let said: Vec<_> = mistakes
        .filter_map(|mistake| match mistake.path.strip_prefix(member)? {
            "" => Some(sentence(&mistake.message)),
            rest => {
                let at: usize = rest.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
                Some(format!("Line {}: {}", at + 1, sentence(&mistake.message)))
            }
        })
        .collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// The same for the one address of a form, wherever it stands in the list.
fn wrong_address(problem: Option<&Problem>) -> Option<String> {
    let mistakes = problem.into_iter().flat_map(Problem::mistakes);
    let mut found = mistakes.filter(|mistake| mistake.path.starts_with("redirect_uris"));
    found.next().map(|mistake| sentence(&mistake.message))
}

/// A remark as a sentence. Who writes a capital within their name, as iMIS does, has none before it.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let is_name = letters.clone().next().is_some_and(char::is_uppercase);
    let text =
        if is_name { text.to_owned() } else { first.to_uppercase().chain(letters).collect() };
    if text.ends_with('.') { text } else { text + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_has_a_page_where_an_address_can_hold_it() {
        for name in ["imis", "imc-2", "a.b", "A_b~", "news"] {
            assert!(has_page(name), "{name}");
        }
        for name in ["new", "a/b", "a b", "a%62", "..", ".", "a?b", "a;b", "é"] {
            assert!(!has_page(name), "{name}");
        }
    }

    #[test]
    fn remarks_become_sentences() {
        for (remark, wanted) in [
            ("until sign-ins work; then Enabled", "Until sign-ins work; then Enabled."),
            ("iMIS hands it over", "iMIS hands it over."),
            ("Done.", "Done."),
            ("", ""),
        ] {
            assert_eq!(sentence(remark), wanted);
        }
    }

    #[test]
    fn what_is_wrong_with_a_list_names_the_line() {
        let problem = Problem::invalid("redirect_uris[1]", "it has a fragment");
        let said = wrong(Some(&problem), "redirect_uris");
        assert_eq!(said.as_deref(), Some("Line 2: It has a fragment."));
        assert_eq!(wrong_address(Some(&problem)).as_deref(), Some("It has a fragment."));
        assert_eq!((wrong(Some(&problem), "name"), wrong_address(None)), (None, None));
        let problem = Problem::invalid("name", "use 1 to 200 printable characters");
        let said = wrong(Some(&problem), "name");
        assert_eq!(said.as_deref(), Some("Use 1 to 200 printable characters."));
    }
}
