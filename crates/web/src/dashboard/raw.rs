//! An application or a directory as the configuration file has it: what has no box on a form is changed
//! here. The text goes the way of a request of the admin API, with what it may change and who may.

use admin::{Part, To};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::settings::file::{self, FileErrors};
use broker::settings::{ApplicationSettings, DirectorySettings};
use serde_json::Value;

use super::Refused;
use super::desk::Desk;
use super::directories;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use super::tenants::{CHANGED_BEFORE_SAVE, refusal_or, saved};
use crate::api::Problem;
use crate::api::acts::application;
use crate::api::configuration::{Wanted, edit};

/// The longest text, in characters.
const LONGEST: usize = 40_000;

/// What a text is about.
struct Subject {
    part: Part,
    /// The list that it is in, by name and address.
    list: (&'static str, String),
    name: String,
    /// Its own page.
    back: String,
    /// As it is.
    text: String,
    can_edit: bool,
    read: fn(&str) -> Result<Value, FileErrors>,
}

#[derive(Template)]
#[template(path = "dashboard/raw.html")]
struct RawPage {
    shell: Shell,
    list: (&'static str, String),
    name: String,
    back: String,
    text: String,
    longest: usize,
    can_edit: bool,
    version: i64,
    /// What would become different, if somebody asked.
    changes: Option<String>,
}

/// An application's settings.
pub(super) async fn application_text(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let subject = of_application(&desk, &client_id)?;
    Ok(show(desk, subject, &query))
}

/// Saves them, or says what would become different.
pub(super) async fn save_application(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let subject = of_application(&desk, &client_id)?;
    sent(desk, subject, &fields).await
}

/// A directory's settings.
pub(super) async fn directory_text(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let subject = of_directory(&desk, &slug)?;
    Ok(show(desk, subject, &query))
}

/// Saves them, or says what would become different.
pub(super) async fn save_directory(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let subject = of_directory(&desk, &slug)?;
    sent(desk, subject, &fields).await
}

fn of_application(desk: &Desk, client_id: &str) -> Result<Subject, Refused> {
    desk.needs(Need::Viewer)?;
    let settings = &application(&desk.tenant, client_id)?.settings;
    let list = desk.path("applications");
    Ok(Subject {
        part: Part::Application(client_id.to_owned()),
        name: settings.name.clone(),
        back: format!("{list}/{client_id}"),
        list: ("Applications", list),
        text: file::print_part(settings).unwrap_or_default(),
        can_edit: desk.has(Need::Editor),
        read: file::part::<ApplicationSettings>,
    })
}

fn of_directory(desk: &Desk, slug: &str) -> Result<Subject, Refused> {
    let found = directories::find(desk, slug, "configuration")?;
    let settings = &found.record.settings;
    Ok(Subject {
        part: Part::Directory(settings.slug.clone()),
        name: settings.name.clone(),
        back: found.head.here,
        list: ("Directories", found.head.list),
        text: file::print_part(settings).unwrap_or_default(),
        can_edit: found.head.can_edit,
        read: file::part::<DirectorySettings>,
    })
}

fn show(desk: Desk, subject: Subject, query: &Query) -> Response {
    let mut page = page(desk, subject, None);
    page.shell = page.shell.after(query);
    shell::ok(&page)
}

fn page(desk: Desk, subject: Subject, typed: Option<&str>) -> RawPage {
    RawPage {
        list: subject.list,
        back: subject.back,
        text: typed.map_or(subject.text, str::to_owned),
        longest: LONGEST,
        can_edit: subject.can_edit,
        version: desk.tenant.version,
        changes: None,
        shell: desk.shell.titled(subject.name.clone()),
        name: subject.name,
    }
}

async fn sent(desk: Desk, subject: Subject, fields: &Fields) -> Result<Response, Refused> {
    if !subject.can_edit {
        return Err(Problem::forbidden(Need::Editor).into());
    }
    let typed = fields.verbatim("text");
    let version = fields.version()?;
    let is_trial = fields.text("act") == "try";
    let read = if typed.chars().count() > LONGEST {
        Err(FileErrors::one(format!("it is longer than {LONGEST} characters")))
    } else {
        (subject.read)(typed)
    };
    let value = match read {
        Ok(value) => value,
        Err(errors) => {
            let lines = errors.to_string().lines().map(str::to_owned).collect();
            let notice = Notice::bad("This cannot be read", lines);
            return Ok(again(desk, subject, typed, notice, StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    let wanted = Wanted { dry_run: is_trial, ..Wanted::at(version) };
    let to = To::Put(value);
    let place = (desk.slug(), &subject.part, &to);
    match Box::pin(edit(&desk.app, &desk.caller, wanted, place)).await {
        Ok((_, applied)) if is_trial => {
            let mut page = page(desk, subject, Some(typed));
            page.changes = Some(applied.plan.to_string());
            Ok(shell::ok(&page))
        }
        Ok((_, applied)) => {
            let done = saved(&applied);
            Ok(shell::see(&format!("{}/configuration?done={done}", subject.back)))
        }
        Err(problem) => {
            let notice = refusal_or("Nothing was saved", &problem, CHANGED_BEFORE_SAVE);
            Ok(again(desk, subject, typed, notice, problem.status()))
        }
    }
}

/// The page with what was typed, and what is wrong with it.
fn again(
    desk: Desk,
    subject: Subject,
    typed: &str,
    notice: Notice,
    status: StatusCode,
) -> Response {
    let mut page = page(desk, subject, Some(typed));
    page.shell = page.shell.noting(notice);
    shell::respond(status, &page)
}
