//! What becomes of people's claims on their way to applications, and the rows that decide it: edited,
//! tried, and saved.
//!
//! - [`mapping`]: whose rows they are, those of a directory or of an application
//! - [`draft`]: a row as somebody edits it; [`form`]: all of them, and what is wrong where
//! - [`shown`]: what a trial ([`crate::preview`]) showed
//!
//! Everything is one form whose buttons say what is to happen (`act`), so it works without a script.
//! Nothing that is pasted is stored or logged.

mod draft;
mod form;
mod mapping;
pub(super) mod shown;

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::{Need, Role};
use broker::claims::Rows;

use self::form::{Listed, Said, Typed};
use self::mapping::{Of, offered};
use self::shown::Shown;
use super::Refused;
use super::choice::Choice;
use super::desk::Desk;
use super::fields::{LongFields, Query};
use super::shell::{self, Shell};
use super::tenants::{CHANGED_BEFORE_SAVE, refusal_or};
use crate::api::Problem;
use crate::api::configuration::{Wanted, edit};
use crate::preview::{Order, preview};

/// A list to choose whose rows are opened.
struct Group {
    label: &'static str,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "dashboard/claims.html")]
struct ClaimsPage {
    shell: Shell,
    here: String,
    new: String,
    groups: Vec<Group>,
    /// Whose rows these are; empty: there are none at all.
    of: String,
    name: String,
    can_save: bool,
    /// Whether rows may be tried on people who signed in.
    can_record: bool,
    forgets: bool,
    settings: String,
    version: i64,
    typed: Typed,
    sources: Vec<Choice>,
    through: Vec<Choice>,
    amounts: Vec<Choice>,
    listed: Vec<Listed>,
    shown: Shown,
}

impl ClaimsPage {
    /// Whether the rows are a directory's.
    fn is_directory(&self) -> bool {
        self.of.starts_with("directory:")
    }
}

/// The page with the rows that are stored.
pub(super) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    may_look(&desk)?;
    let Some(of) = asked(&desk, query.get("of"))? else { return Ok(nothing(desk)) };
    let typed = Typed::stored(&desk.tenant, &of);
    let desk = Desk { shell: desk.shell.after(&query), ..desk };
    let said = Said::default();
    Ok(page(&desk, &of, typed, (said, Shown::Nothing), StatusCode::OK))
}

/// To look takes what any of the rows take.
fn may_look(desk: &Desk) -> Result<(), Problem> {
    let authority = desk.caller.authority();
    if authority.role == Role::DirectoryManager { Ok(()) } else { desk.needs(Need::Viewer) }
}

/// The rows that are asked for, or the first that there are.
fn asked(desk: &Desk, text: Option<&str>) -> Result<Option<Of>, Refused> {
    let (directories, applications) = offered(&desk.tenant, desk.caller.authority());
    let mut all = directories.into_iter().chain(applications).map(|one| one.of);
    match text {
        None => Ok(all.next()),
        Some(text) => all.find(|of| of.to_string() == text).map(Some).ok_or(Refused::NotFound),
    }
}

/// There is nothing to have rows.
fn nothing(desk: Desk) -> Response {
    shell::ok(&ClaimsPage {
        here: desk.path("claims"),
        new: desk.path("directories/new"),
        settings: desk.path("settings"),
        groups: Vec::new(),
        of: String::new(),
        name: String::new(),
        can_save: false,
        can_record: false,
        forgets: false,
        version: desk.tenant.version,
        typed: Typed::default(),
        sources: Vec::new(),
        through: Vec::new(),
        amounts: Vec::new(),
        listed: Vec::new(),
        shown: Shown::Nothing,
        shell: desk.shell.titled("Claims"),
    })
}

fn page(
    desk: &Desk,
    of: &Of,
    typed: Typed,
    (said, shown): (Said, Shown),
    status: StatusCode,
) -> Response {
    let authority = desk.caller.authority();
    let (directories, applications) = offered(&desk.tenant, authority);
    let mut name = String::new();
    let mut group = |label, all: Vec<mapping::Offered>| {
        let choices = all.into_iter().map(|one| {
            let is_chosen = one.of == *of;
            if is_chosen {
                name.clone_from(&one.name);
            }
            Choice { value: one.of.to_string(), label: one.name, is_chosen }
        });
        Group { label, choices: choices.collect() }
    };
    let groups = vec![
        group("Directory to profile", directories),
        group("Profile to application", applications),
    ];
    let can_record = authority.has(Need::Viewer);
    let mut shell = desk.shell.clone().titled("Claims");
    shell.notice = said.notice.clone().or(shell.notice);
    let page = ClaimsPage {
        here: desk.path("claims"),
        new: desk.path("directories/new"),
        settings: desk.path("settings"),
        groups,
        of: of.to_string(),
        name,
        can_save: of.is_editable(authority),
        can_record,
        forgets: desk.tenant.policy.forget_claims,
        version: desk.tenant.version,
        sources: typed.sources(can_record),
        through: typed.through(&desk.tenant, authority),
        amounts: typed.amounts(),
        listed: typed.listed(&desk.tenant, of, &said),
        typed: Typed { wrong_claims: said.claims, ..typed },
        shown,
        shell,
    };
    shell::respond(status, &page)
}

/// What a button of the form does.
pub(super) async fn act(desk: Desk, LongFields(fields): LongFields) -> Result<Response, Refused> {
    may_look(&desk)?;
    let of = asked(&desk, Some(fields.text("of")))?.ok_or(Refused::NotFound)?;
    let mut typed = Typed::sent(&fields);
    let said = Said::default();
    match fields.text("act") {
        "save" => save(desk, &of, typed).await,
        "preview" | "" => Ok(tried(desk, &of, typed).await),
        other => {
            let known = typed.edit(other, &desk.tenant, &of);
            known.ok_or_else(|| Problem::malformed("the form did not arrive whole"))?;
            Ok(page(&desk, &of, typed, (said, Shown::Nothing), StatusCode::OK))
        }
    }
}

async fn tried(desk: Desk, of: &Of, typed: Typed) -> Response {
    let made = match typed.rows() {
        Ok(rows) => order(&desk, of, &typed, rows),
        Err(problem) => Err(problem),
    };
    let made = match made {
        Ok(order) => {
            let is_edited = !order.directories.is_empty() || !order.applications.is_empty();
            let made = Box::pin(preview(&desk.app, &desk.caller, &desk.tenant, order)).await;
            made.map(|preview| Shown::of(preview, is_edited, &desk.path("")))
        }
        Err(problem) => Err(problem),
    };
    match made {
        Ok(shown) => page(&desk, of, typed, (Said::default(), shown), StatusCode::OK),
        Err(problem) => {
            let said = typed.said(&problem, of, refusal_or("Nothing was tried", &problem, ""));
            page(&desk, of, typed, (said, Shown::Nothing), problem.status())
        }
    }
}

/// What is to be tried; rows are edited only if they are others than those that are stored.
fn order(desk: &Desk, of: &Of, typed: &Typed, rows: Rows) -> Result<Order, Problem> {
    let mut order = Order {
        source: typed.source(of)?,
        directories: BTreeMap::new(),
        applications: BTreeMap::new(),
    };
    if of.own(&desk.tenant) != Some(&rows) {
        match of {
            Of::Directory(slug) => order.directories.insert(slug.to_string(), rows),
            Of::Application(client_id) => order.applications.insert(client_id.clone(), rows),
        };
    }
    Ok(order)
}

async fn save(desk: Desk, of: &Of, typed: Typed) -> Result<Response, Refused> {
    if !of.is_editable(desk.caller.authority()) {
        return Err(Problem::forbidden(Need::Editor).into());
    }
    let saved = match typed.rows() {
        Ok(rows) => write(&desk, of, &typed, &rows).await,
        Err(problem) => Err(problem),
    };
    match saved {
        Ok(is_change) => {
            let done = if is_change { "saved" } else { "nothing" };
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("of", &of.to_string()).append_pair("done", done);
            Ok(shell::see(&format!("{}?{}", desk.path("claims"), query.finish())))
        }
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Err(problem.into()),
        Err(problem) => {
            let notice = refusal_or("The rows were not saved", &problem, CHANGED_BEFORE_SAVE);
            let said = typed.said(&problem, of, notice);
            Ok(page(&desk, of, typed, (said, Shown::Nothing), problem.status()))
        }
    }
}

/// Writes the rows as a request to the API would; `false`: they were so already.
async fn write(desk: &Desk, of: &Of, typed: &Typed, rows: &Rows) -> Result<bool, Problem> {
    let version = typed.version.parse();
    let version = version.map_err(|_| Problem::malformed("the form did not arrive whole"))?;
    let wanted = Wanted::at(version);
    let (part, to) = (of.part(), of.with(&desk.tenant, rows)?);
    let place = (desk.slug(), &part, &to);
    let (_, applied) = Box::pin(edit(&desk.app, &desk.caller, wanted, place)).await?;
    Ok(!applied.plan.is_empty())
}
