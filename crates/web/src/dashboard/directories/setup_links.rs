//! Links with which somebody without an account connects this directory, and sees nothing else.

use admin::LinkKind;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::form::wrong;
use super::{Found, Head, find, refused};
use crate::api::{Problem, setup_links};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Shell};

struct LinkRow {
    id: String,
    note: String,
    by: String,
    expires_at: DateTime<Utc>,
    opened_at: Option<DateTime<Utc>>,
    is_over: bool,
}

/// What was typed.
struct Typed {
    note: String,
    days: String,
}

#[derive(Template)]
#[template(path = "dashboard/directory_setup_links.html")]
struct LinksPage {
    shell: Shell,
    head: Head,
    links: Vec<LinkRow>,
    note: String,
    days: String,
    most_days: i64,
    wrong_note: String,
    wrong_days: String,
    /// The link that was made just now, and until when it works.
    made: Option<(String, DateTime<Utc>)>,
}

/// The links of this directory.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let found = find(&desk, &slug, "setup-links")?;
    let shell = desk.shell.clone().titled(found.head.name.clone()).after(&query);
    page(&desk, shell, found, (untyped(), None), None).await
}

fn untyped() -> Typed {
    Typed { note: String::new(), days: LinkKind::Setup.usual_days().to_string() }
}

async fn page(
    desk: &Desk,
    shell: Shell,
    found: Found,
    (typed, problem): (Typed, Option<&Problem>),
    made: Option<(SecretString, DateTime<Utc>)>,
) -> Result<Response, Refused> {
    let now = desk.caller.now;
    let own = setup_links::links_of(&desk.caller, &desk.tenant, &found.record).await?;
    let links = own.into_iter().map(|one| LinkRow {
        id: one.link.0.to_string(),
        note: one.note,
        by: one.created_by,
        expires_at: one.expires_at,
        opened_at: one.opened_at,
        is_over: one.expires_at <= now,
    });
    let page = LinksPage {
        shell,
        head: found.head,
        links: links.collect(),
        note: typed.note,
        days: typed.days,
        most_days: LinkKind::Setup.most_days(),
        wrong_note: wrong(problem, "note"),
        wrong_days: wrong(problem, "days"),
        made: made.map(|(address, until)| (address.expose_secret().to_owned(), until)),
    };
    Ok(shell::respond(problem.map_or(StatusCode::OK, Problem::status), &page))
}

/// Makes one, and shows it this once.
pub(in crate::dashboard) async fn make(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let found = find(&desk, &slug, "setup-links")?;
    let shell = desk.shell.clone().titled(found.head.name.clone());
    let typed =
        Typed { note: fields.text("note").to_owned(), days: fields.text("days").to_owned() };
    match added(&desk, &found, &typed).await {
        Ok(made) => page(&desk, shell, found, (untyped(), None), Some(made)).await,
        Err(problem) => {
            let shell = shell.noting(refused("No link was made", &problem));
            page(&desk, shell, found, (typed, Some(&problem)), None).await
        }
    }
}

async fn added(
    desk: &Desk,
    found: &Found,
    typed: &Typed,
) -> Result<(SecretString, DateTime<Utc>), Problem> {
    // What is no number is none that fits.
    let order = (typed.note.as_str(), typed.days.parse().unwrap_or(0));
    let made = setup_links::made(&desk.caller, &desk.tenant, &found.record, order).await?;
    Ok((made.address(&desk.app.public_url), made.expires_at))
}

/// Ends one, and the session that it became.
pub(in crate::dashboard) async fn end(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let found = find(&desk, &slug, "setup-links")?;
    let link = fields.text("link");
    setup_links::ended(&desk.caller, &desk.tenant, &found.record, link).await?;
    Ok(shell::see(&format!("{}/setup-links?done=ended", found.head.here)))
}
