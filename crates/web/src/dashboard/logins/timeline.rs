//! One login: what happened in it, step by step, and what to do if it failed.

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::failure::{FailureCode, Fixer};
use broker::id::LoginId;
use broker::timeline::Step as Which;
use chrono::{DateTime, TimeDelta, Utc};
use store::TenantRecord;
use uuid::Uuid;

use super::{Mark, Person, application_name, directory_name, span, words};
use crate::api::input::LoginStanding;
use crate::api::records::{self, Failure, Login, Step};
use crate::dashboard::Refused;
use crate::dashboard::applications::has_page;
use crate::dashboard::desk::Desk;
use crate::dashboard::shell::{self, Shell};

/// The steps of a login, in their order, and what they are called on pages.
const STEPS: [(Which, &str); 10] = [
    (Which::Authorize, "The application’s request"),
    (Which::Route, "The choice of a directory"),
    (Which::Start, "To the directory"),
    (Which::Finish, "The directory’s answer"),
    (Which::Profile, "The profile"),
    (Which::User, "The user"),
    (Which::Release, "The application’s claims"),
    (Which::Answer, "The answer to the application"),
    (Which::Token, "The application’s token request"),
    (Which::Userinfo, "The application’s userinfo request"),
];

/// A step that was reached, or those that were not.
struct Stage {
    /// `ok`, `bad` or `idle`.
    tone: &'static str,
    title: String,
    /// Since the login began; a dash: it did not happen.
    at: String,
    events: Vec<Happened>,
}

/// An event of a step.
struct Happened {
    /// When, if not with the step.
    at: Option<String>,
    /// What, in a line for each row of a mapping.
    lines: Vec<String>,
    failure: Option<String>,
}

/// Where staff mend what is wrong.
struct Remedy {
    label: String,
    href: String,
}

#[derive(Template)]
#[template(path = "dashboard/login.html")]
struct LoginPage {
    shell: Shell,
    base: String,
    login: Login,
    mark: Mark,
    person: Option<Person>,
    application: String,
    directory: String,
    took: Option<String>,
    remedy: Option<Remedy>,
    stages: Vec<Stage>,
}

#[derive(Template)]
#[template(path = "dashboard/login_missing.html")]
struct MissingPage<'a> {
    shell: Shell,
    base: String,
    code: &'a str,
}

/// The page of a login, by its support code or its identifier.
pub(crate) async fn show(
    desk: Desk,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let base = desk.path("logins");
    let Desk { caller, tenant, shell, .. } = desk;
    let id: Option<Uuid> = name.parse().ok();
    let code = id.map_or_else(|| name.clone(), |id| LoginId(id).support_code());
    let (now, slug) = (caller.now, tenant.slug.to_string());
    let found = match records::get_login(caller, Path((slug, code))).await {
        Ok(Json(page)) => page.items.into_iter().find(|one| id.is_none_or(|id| one.id == id)),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => None,
        Err(problem) => return Err(problem.into()),
    };
    let Some(login) = found else {
        let shell = shell.titled("There is no such login");
        let page = MissingPage { shell, base, code: &name };
        return Ok(shell::respond(StatusCode::NOT_FOUND, &page));
    };
    Ok(shell::ok(&page(shell, base, login, (&tenant, now))))
}

fn page(
    shell: Shell,
    base: String,
    mut login: Login,
    (tenant, now): (&TenantRecord, DateTime<Utc>),
) -> LoginPage {
    let failure = login.failure.as_ref();
    LoginPage {
        shell: shell.titled(format!("Login {}", login.support_code)),
        base,
        mark: Mark::of(login.state, failure.map(|one| one.code), now - login.started_at),
        remedy: failure.and_then(|one| remedy(one, &login, tenant)),
        application: application_name(tenant, login.client_id.as_deref()),
        directory: directory_name(tenant, login.directory.as_deref()),
        took: login.finished_at.map(|end| span(end - login.started_at)),
        stages: stages(&login),
        person: Person::of(login.user.take(), tenant),
        login,
    }
}

/// Where to mend it, if that is here: what is still there, and is named by the login.
fn remedy(failure: &Failure, login: &Login, tenant: &TenantRecord) -> Option<Remedy> {
    let base = format!("/dashboard/t/{}", tenant.slug);
    let code = FailureCode::parse(failure.code)?;
    match code.fixer() {
        Fixer::Staff | Fixer::DirectoryAdmin => {
            let slug = login.directory.as_deref()?;
            let label = format!("Open the directory {}", directory_name(tenant, Some(slug)));
            Some(Remedy { label, href: format!("{base}/directories/{slug}") })
        }
        Fixer::ApplicationAdmin => {
            let client_id = login.client_id.as_deref().filter(|name| has_page(name))?;
            let name = application_name(tenant, Some(client_id));
            let label = format!("Open the application {name}");
            Some(Remedy { label, href: format!("{base}/applications/{client_id}") })
        }
        Fixer::Person | Fixer::Operator => None,
    }
}

fn stages(login: &Login) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut last = None;
    for step in &login.timeline {
        let at = offset(step.at, login.started_at);
        let is_failed = step.failure.is_some();
        match stages.last_mut().filter(|_| last == Some(step.name)) {
            Some(stage) => {
                let other = (at != stage.at).then_some(at);
                stage.events.push(happened(step, other));
                if is_failed {
                    stage.tone = "bad";
                }
            }
            None => stages.push(Stage {
                tone: if is_failed { "bad" } else { "ok" },
                title: title(step.name).to_owned(),
                at,
                events: vec![happened(step, None)],
            }),
        }
        last = Some(step.name);
    }
    stages.extend(missing(login));
    stages
}

/// The steps that were not reached; those that a session made unnecessary lie before the last one
/// that was.
fn missing(login: &Login) -> Option<Stage> {
    let reached = login.timeline.iter().filter_map(|step| place(step.name)).max();
    let first = reached.map_or(0, |place| place + 1);
    let last = match login.state {
        LoginStanding::Redeemed => return None,
        LoginStanding::Completed => Which::Token,
        LoginStanding::Pending | LoginStanding::Failed => Which::Answer,
    };
    let last = place(last.as_str())?;
    let titles: Vec<_> = STEPS.get(first..=last)?.iter().map(|(_, title)| *title).collect();
    let title = match &titles[..] {
        [] => return None,
        all => format!("Not reached: {}", lowered(&all.join(", "))),
    };
    Some(Stage { tone: "idle", title, at: "–".to_owned(), events: Vec::new() })
}

fn place(name: &str) -> Option<usize> {
    STEPS.iter().position(|(step, _)| step.as_str() == name)
}

fn title(name: &str) -> &str {
    STEPS.iter().find(|(step, _)| step.as_str() == name).map_or(name, |(_, title)| title)
}

/// The titles within a sentence.
fn lowered(titles: &str) -> String {
    titles.replace("The ", "the ").replace("To ", "to ")
}

fn offset(at: DateTime<Utc>, start: DateTime<Utc>) -> String {
    match at - start {
        none if none < TimeDelta::milliseconds(1) => "0 ms".to_owned(),
        some => format!("+{}", span(some)),
    }
}

fn happened(step: &Step, at: Option<String>) -> Happened {
    let is_mapping =
        [Which::Profile, Which::Release].iter().any(|which| which.as_str() == step.name);
    // The rows of a mapping are told in one sentence, each by where its value came from.
    let lines = if is_mapping && step.failure.is_none() {
        step.text.split("; ").map(str::to_owned).collect()
    } else {
        vec![sentence(&step.text)]
    };
    Happened { at, lines, failure: step.failure.map(words) }
}

/// What happened, written as the other texts of the page are.
fn sentence(text: &str) -> String {
    let text =
        text.strip_prefix("the ").map_or_else(|| text.to_owned(), |rest| format!("The {rest}"));
    if text.ends_with(['.', '?', ':']) { text } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(millis: i64, name: &'static str, failure: Option<&'static str>) -> Step {
        let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis);
        Step { at, name, text: "a from claims.a; b by default".to_owned(), failure }
    }

    fn login(state: LoginStanding, timeline: Vec<Step>) -> Login {
        Login {
            id: Uuid::nil(),
            support_code: "00000-00000".to_owned(),
            client_id: None,
            directory: None,
            user: None,
            started_at: DateTime::UNIX_EPOCH,
            finished_at: None,
            state,
            failure: None,
            timeline,
        }
    }

    fn shown(login: &Login) -> serde_json::Value {
        let stages = stages(login);
        let all = stages.iter().map(|one| json!([one.tone, one.at, one.events.len()]));
        all.collect()
    }

    #[test]
    fn failed_login_shows_where_it_ended_and_what_was_not_reached() {
        let code = FailureCode::IssuerMismatch.as_str();
        let timeline = vec![
            step(0, "authorize", None),
            step(2, "start", None),
            step(1_500, "finish", None),
            step(1_700, "finish", Some(code)),
        ];
        let login = login(LoginStanding::Failed, timeline);
        let wanted = json!([
            ["ok", "0 ms", 1],
            ["ok", "+2 ms", 1],
            ["bad", "+1.500 s", 2],
            ["idle", "–", 0],
        ]);
        assert_eq!(shown(&login), wanted);
        let last = stages(&login).pop().unwrap();
        assert!(last.title.starts_with("Not reached: the profile, the user"), "{}", last.title);
        assert!(last.title.ends_with("the answer to the application"), "{}", last.title);
    }

    #[test]
    fn login_by_a_session_misses_nothing_but_the_token_request() {
        let answered = vec![step(0, "authorize", None), step(3, "answer", None)];
        let stages = stages(&login(LoginStanding::Completed, answered));
        let last = stages.last().unwrap();
        assert_eq!(last.title, "Not reached: the application’s token request");
        let redeemed = vec![step(0, "authorize", None), step(9, "token", None)];
        assert_eq!(super::stages(&login(LoginStanding::Redeemed, redeemed)).len(), 2);
    }

    #[test]
    fn rows_of_a_mapping_stand_in_a_line_each() {
        let rows = happened(&step(0, "profile", None), None).lines;
        assert_eq!(rows, ["a from claims.a", "b by default"]);
        assert_eq!(happened(&step(0, "finish", None), None).lines.len(), 1);
    }
}
