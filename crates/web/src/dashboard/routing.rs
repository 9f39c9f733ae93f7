//! Where somebody would be sent, and why: nobody is signed in by asking.

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use store::TenantRecord;

use super::Refused;
use super::choice::Choice;
use super::desk::Desk;
use super::fields::Query;
use super::shell::{self, Notice, Shell};
use crate::api::input::{Asked, RouteQuery};
use crate::api::routing::{self, Outcome, Route};

/// A directory, as a link to it.
struct Target {
    name: String,
    href: String,
}

/// What would happen in one application.
struct Answer {
    application: String,
    tone: &'static str,
    label: &'static str,
    to: Vec<Target>,
    reason: String,
    passed_over: Vec<(Target, String)>,
}

#[derive(Template)]
#[template(path = "dashboard/routing.html")]
struct RoutingPage<'a> {
    shell: Shell,
    base: String,
    email: &'a str,
    applications: Vec<Choice>,
    /// `None`: nothing was asked.
    answers: Option<Vec<Answer>>,
}

/// The question, and its answer.
pub(super) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Viewer)?;
    let base = desk.path("routing");
    let Desk { caller, tenant, shell, .. } = desk;
    let (email, application) = (query.get("email"), query.get("application"));
    let all = tenant.applications.iter().map(|one| &one.settings);
    let applications =
        Choice::all_or(all.map(|one| (one.client_id.as_str(), one.name.clone())), application);
    let mut shell = shell.titled("Routing");
    let answers = match email {
        None => None,
        Some(email) => {
            let asked =
                RouteQuery { email: email.to_owned(), application: application.map(str::to_owned) };
            let found = routing::get_route(caller, Path(tenant.slug.to_string()), Asked(asked));
            match found.await {
                Ok(Json(page)) => {
                    Some(page.items.into_iter().map(|one| answer(one, &tenant)).collect())
                }
                Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
                    shell = shell.noting(Notice::bad("There is no such application", Vec::new()));
                    None
                }
                Err(problem) => return Err(problem.into()),
            }
        }
    };
    let email = email.unwrap_or_default();
    Ok(shell::ok(&RoutingPage { shell, base, email, applications, answers }))
}

fn answer(route: Route, tenant: &TenantRecord) -> Answer {
    let target = |slug: &String| target(slug, tenant);
    let (tone, label) = match route.outcome {
        Outcome::Directory => ("ok", "Goes to"),
        Outcome::Chooser => ("warn", "Is asked to choose"),
        Outcome::Nowhere => ("bad", "Cannot sign in"),
    };
    let mut all = tenant.applications.iter().map(|one| &one.settings);
    let found = all.find(|one| one.client_id == route.client_id);
    Answer {
        application: found.map_or(route.client_id, |one| one.name.clone()),
        tone,
        label,
        to: route.directories.iter().map(target).collect(),
        reason: route.reason,
        passed_over: route
            .passed_over
            .into_iter()
            .map(|one| (target(&one.directory), one.reason))
            .collect(),
    }
}

fn target(slug: &str, tenant: &TenantRecord) -> Target {
    let mut all = tenant.directories.iter().map(|one| &one.settings);
    let found = all.find(|one| one.slug.as_str() == slug);
    Target {
        name: found.map_or_else(|| slug.to_owned(), |one| one.name.clone()),
        href: format!("/dashboard/t/{}/directories/{slug}", tenant.slug),
    }
}
