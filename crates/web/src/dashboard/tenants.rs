//! The tenants that somebody looks after, and a new one.

use std::sync::Arc;

use admin::{Applied, Part, To};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Refused;
use super::desk::shell_without_tenant;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Place, Shell};
use super::visitor::Visitor;
use crate::api::Problem;
use crate::api::caller::Caller;
use crate::api::configuration::{Wanted, edit};
use crate::api::input::Conditions;
use crate::gateway::App;

/// How many tenants a page lists.
const LISTED: usize = 100;

#[derive(Template)]
#[template(path = "dashboard/tenants.html")]
struct TenantsPage {
    shell: Shell,
    is_operator: bool,
    places: Vec<Place>,
    next: Option<String>,
}

/// The tenants; whoever has one only is at it at once.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    query: Query,
) -> Result<Response, Refused> {
    if let Visitor::Setup(held) = &visitor {
        let path = format!("/dashboard/t/{}/directories/{}", held.slug, held.directory);
        return Ok(shell::see(&path));
    }
    let is_operator = visitor.is_operator();
    let shell = shell_without_tenant(&visitor, "Tenants").after(&query);
    let (mut places, mut next) = (visitor.places(), None);
    if is_operator {
        let limit = i64::try_from(LISTED + 1).unwrap_or(i64::MAX);
        let found = app.api_tokens.operator().tenants(None, query.get("after"), limit).await?;
        let found = found.into_iter().map(|(slug, one)| Place { slug, name: one.name });
        places = found.collect();
        next = places
            .get(LISTED - 1)
            .filter(|_| places.len() > LISTED)
            .map(|one| one.slug.to_string());
        places.truncate(LISTED);
    } else if let [only] = &places[..]
        && !visitor.is_suspended(&only.slug)
    {
        return Ok(shell::see(&format!("/dashboard/t/{}", only.slug)));
    }
    let next = next.map(|slug| query.with("after", &slug));
    Ok(shell::ok(&TenantsPage { shell, is_operator, places, next }))
}

#[derive(Template)]
#[template(path = "dashboard/tenant_new.html")]
struct NewTenantPage<'a> {
    shell: Shell,
    name: &'a str,
    slug: &'a str,
    public_url: &'a str,
}

/// The form.
pub(super) async fn new(
    State(app): State<Arc<App>>,
    visitor: Visitor,
) -> Result<Response, Refused> {
    if !visitor.is_operator() {
        return Err(Refused::NotFound);
    }
    let shell = shell_without_tenant(&visitor, "A new tenant");
    let page = NewTenantPage { shell, name: "", slug: "", public_url: &app.public_url };
    Ok(shell::ok(&page))
}

/// Makes one.
pub(super) async fn make(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Refused> {
    // To everybody else the page is not there.
    let authority = visitor.authority("").ok_or(Refused::NotFound)?;
    let (name, slug) = (fields.text("name"), fields.text("slug"));
    let caller = Caller::acting(&app, (visitor.id(), authority), &visitor.actor()).await?;
    let wanted =
        Wanted { conditions: Conditions { version: None, only_new: true }, dry_run: false };
    let to = To::Put(json!({ "name": name }));
    match Box::pin(edit(&app, &caller, wanted, (slug, &Part::Tenant, &to))).await {
        Ok((slug, _)) => Ok(shell::see(&format!("/dashboard/t/{slug}?done=added"))),
        Err(problem) => {
            let shell = shell_without_tenant(&visitor, "A new tenant");
            let shell = shell.noting(refusal("The tenant was not made", &problem));
            let page = NewTenantPage { shell, name, slug, public_url: &app.public_url };
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

/// What is said on top of a form that was refused.
pub(super) fn refusal(title: &str, problem: &Problem) -> Notice {
    let mut lines: Vec<String> = problem.mistakes().map(ToString::to_string).collect();
    if lines.is_empty() {
        lines.push(problem.detail().to_owned());
    }
    Notice::bad(title, lines)
}

/// Said where somebody else changed the tenant before a button was pressed.
pub(super) const CHANGED_BEFORE_ACT: &str = "Somebody changed the tenant's settings meanwhile. Look \
    at what is there now, and do it again.";

/// Said where somebody else changed the tenant before a form was sent.
pub(super) const CHANGED_BEFORE_SAVE: &str = "Somebody changed the tenant's settings meanwhile. What \
    you typed is still here: compare it with what is there now, then save it again.";

/// The same; `stale` is what is said where somebody else changed the tenant meanwhile.
pub(super) fn refusal_or(title: &str, problem: &Problem, stale: &str) -> Notice {
    if problem.status() == StatusCode::PRECONDITION_FAILED {
        return Notice::bad(title, vec![stale.to_owned()]);
    }
    refusal(title, problem)
}

/// What the address of the page after a change says was done.
pub(super) fn saved(applied: &Applied) -> &'static str {
    if applied.plan.is_empty() { "nothing" } else { "saved" }
}
