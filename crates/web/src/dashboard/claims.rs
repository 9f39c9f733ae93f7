//! What becomes of somebody's claims: a claim set is pasted, and the page shows which rows fire, what
//! each application would receive, and what other rows would change. Nothing of it is stored or logged.

mod trial;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::authority::Need;
use broker::plan::each;
use broker::settings::{Configuration, file};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use store::TenantRecord;

use self::trial::{Difference, Trial, directory, trial};
use super::Refused;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use super::tenants::refusal;
use crate::api::Problem;
use crate::entropy;

/// The largest claim set, in bytes: larger than any directory sends.
const MOST_CLAIMS: usize = 32 * 1024;
/// The longest text of rows, in bytes.
const MOST_ROWS: usize = 16 * 1024;

/// A directory to choose.
struct Choice {
    slug: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/claims.html")]
struct ClaimsPage {
    shell: Shell,
    here: String,
    new: String,
    choices: Vec<Choice>,
    claims: String,
    rows: String,
    wrong_claims: String,
    wrong_rows: String,
    trial: Option<Trial>,
    /// What the other rows would change, if there are any.
    differences: Option<Vec<Difference>>,
}

/// What was typed.
#[derive(Default, Clone)]
struct Typed {
    directory: String,
    claims: String,
    rows: String,
}

/// What was made of it: with the rows that are stored, and what others would change.
struct Made {
    trial: Trial,
    differences: Option<Vec<Difference>>,
}

/// The form; with the directory's own rows in it where one is named.
pub(super) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Viewer)?;
    let slug = query.get("directory").unwrap_or_default().to_owned();
    let typed = Typed { rows: own_rows(&desk.tenant, &slug), directory: slug, ..Typed::default() };
    Ok(page(desk, typed, Ok(None)))
}

/// The rows of a directory as text; empty: it has none of its own, or is not there.
fn own_rows(tenant: &TenantRecord, slug: &str) -> String {
    let mut all = tenant.directories.iter();
    let found = all.find(|one| one.settings.slug.as_str() == slug);
    let rows = found.map(|one| &one.settings.profile).filter(|rows| !rows.is_empty());
    rows.and_then(|rows| file::print_part(rows).ok()).unwrap_or_default()
}

fn page(desk: Desk, typed: Typed, made: Result<Option<Made>, Problem>) -> Response {
    let choices = desk.tenant.directories.iter().map(|one| Choice {
        slug: one.settings.slug.to_string(),
        name: one.settings.name.clone(),
        is_chosen: one.settings.slug.as_str() == typed.directory,
    });
    let choices = choices.collect();
    let (here, new) = (desk.path("claims"), desk.path("directories/new"));
    let mut shell = desk.shell.titled("Claims");
    let (mut status, mut wrong_claims, mut wrong_rows) =
        (StatusCode::OK, String::new(), String::new());
    let made = match made {
        Ok(made) => made,
        Err(problem) => {
            status = problem.status();
            for one in problem.mistakes() {
                match one.path.as_str() {
                    "claims" => wrong_claims.clone_from(&one.message),
                    _ => wrong_rows = format!("{wrong_rows}{one}. "),
                }
            }
            shell.notice = Some(notice(&problem));
            None
        }
    };
    let (trial, differences) = match made {
        Some(made) => (Some(made.trial), made.differences),
        None => (None, None),
    };
    let Typed { claims, rows, .. } = typed;
    let page = ClaimsPage {
        shell,
        here,
        new,
        choices,
        claims,
        rows,
        wrong_claims,
        wrong_rows,
        trial,
        differences,
    };
    shell::respond(status, &page)
}

fn notice(problem: &Problem) -> Notice {
    refusal("Nothing was tried", problem)
}

/// Tries the rows on the claims.
pub(super) async fn try_out(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    desk.needs(Need::Viewer)?;
    let typed = Typed {
        directory: fields.text("directory").to_owned(),
        claims: fields.text("claims").to_owned(),
        rows: fields.text("rows").to_owned(),
    };
    let (tenant, now, sent) = (desk.tenant.clone(), desk.caller.now, typed.clone());
    // Expressions of the tenant's choice run where they keep no login waiting (THREATS CL-02).
    let work = move || made(&tenant, now, &sent);
    let made = desk.app.attempts.apart(work).await.and_then(|made| made);
    Ok(page(desk, typed, made.map(Some)))
}

fn made(tenant: &TenantRecord, now: DateTime<Utc>, typed: &Typed) -> Result<Made, Problem> {
    let claims = claims(&typed.claims)?;
    let entropy = entropy::bytes();
    let entropy = entropy.map_err(|error| Problem::internal(&error.to_string()))?;
    let tried = |tenant: &TenantRecord| {
        let compiled = tenant.clone().compile();
        let directory = directory(&compiled.tenant, &typed.directory);
        let directory = directory.ok_or_else(Problem::not_found)?;
        Ok::<_, Problem>(trial(&compiled, directory, &claims, now, &entropy))
    };
    let before = tried(tenant)?;
    if typed.rows.is_empty() {
        return Ok(Made { trial: before, differences: None });
    }
    let after = tried(&with_rows(tenant, typed)?)?;
    let differences = Some(before.differences(&after));
    Ok(Made { trial: after, differences })
}

/// The claims that were pasted: JSON, or a whole token, of which only what it says is looked at.
fn claims(text: &str) -> Result<Map<String, Value>, Problem> {
    let wrong = |message: String| Problem::invalid("claims", message);
    if text.len() > MOST_CLAIMS {
        return Err(wrong("paste 32 KiB at most".to_owned()));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let payload = match &parts[..] {
        [_, payload, _] if !text.starts_with('{') => URL_SAFE_NO_PAD.decode(payload).ok(),
        _ => None,
    };
    let json = payload.as_deref().unwrap_or(text.as_bytes());
    match oidc::json::parse(json) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err(wrong("paste an object: a JSON text that begins with {".to_owned())),
        // The parser names a place, and nothing that stands there.
        Err(error) => Err(wrong(format!("this is no JSON: {error}"))),
    }
}

/// The tenant with other rows in one directory, if it can be so.
fn with_rows(tenant: &TenantRecord, typed: &Typed) -> Result<TenantRecord, Problem> {
    if typed.rows.len() > MOST_ROWS {
        return Err(Problem::invalid("rows", "write 16 KiB at most"));
    }
    let rows = file::rows(&typed.rows);
    let rows = rows.map_err(|error| Problem::invalid("rows", error.to_string()))?;
    let mut tenant = tenant.clone();
    let mut all = tenant.directories.iter_mut();
    let found = all.find(|one| one.settings.slug.as_str() == typed.directory);
    found.ok_or_else(Problem::not_found)?.settings.profile = rows;
    // Checked as if it were to be saved, with the same bounds.
    let at = format!("tenants[0].directories[{}].", place(&tenant, &typed.directory));
    let configuration = Configuration { tenants: vec![admin::settings_of(&tenant)] };
    let wrong = each(&configuration).into_iter().find_map(|one| {
        let path = one.path.strip_prefix(&at)?.to_owned();
        Some(Problem::invalid(path, one.message))
    });
    wrong.map_or(Ok(tenant), Err)
}

fn place(tenant: &TenantRecord, slug: &str) -> usize {
    let mut all = tenant.directories.iter();
    all.position(|one| one.settings.slug.as_str() == slug).unwrap_or_default()
}
