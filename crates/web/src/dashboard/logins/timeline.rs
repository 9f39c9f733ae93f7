//! One login: what happened in it, step by step, and what to do if it failed. Of a test also what the
//! directory said ([`values`]), as long as that is kept.

mod values;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::attempt::Purpose;
use broker::authority::Authority;
use broker::failure::FailureCode;
use broker::id::LoginId;
use broker::timeline::Step as Which;
use chrono::{DateTime, TimeDelta, Utc};
use store::TenantRecord;
use uuid::Uuid;

use self::values::Values;
use super::remedy::{self, About, Remedy};
use super::{Mark, Person, application_name, directory_name, span, words};
use crate::api::input::LoginStanding;
use crate::api::records::{self, Login, Step};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::shell::{self, Shell};

/// The steps of an application's login, in their order, and what they are called on pages.
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
/// Those of a test.
const STEPS_OF_TEST: [(Which, &str); 7] = [
    (Which::Authorize, "The test"),
    (Which::Start, "To the directory"),
    (Which::Finish, "The directory’s answer"),
    (Which::Profile, "The profile"),
    (Which::User, "The user"),
    (Which::Release, "The applications’ claims"),
    (Which::Answer, "The result"),
];
/// Those of a sign-in to the dashboard.
const STEPS_OF_DASHBOARD: [(Which, &str); 5] = [
    (Which::Authorize, "The sign-in"),
    (Which::Start, "To the directory"),
    (Which::Finish, "The directory’s answer"),
    (Which::Answer, "Back to the dashboard"),
    (Which::User, "The account"),
];

const fn steps(purpose: Purpose) -> &'static [(Which, &'static str)] {
    match purpose {
        Purpose::Application => &STEPS,
        Purpose::Test => &STEPS_OF_TEST,
        Purpose::Dashboard => &STEPS_OF_DASHBOARD,
    }
}

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
    /// Where an application that was refused tokens is mended.
    token_remedy: Option<Remedy>,
    stages: Vec<Stage>,
    values: Values,
    /// The page of the rows of the directory.
    claims: String,
}

impl LoginPage {
    fn is_for(&self, purpose: &str) -> bool {
        self.login.purpose.as_str() == purpose
    }
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
    let id: Option<Uuid> = name.parse().ok();
    let code = id.map_or_else(|| name.clone(), |id| LoginId(id).support_code());
    let found = match records::logins_of_code(&desk.caller, desk.slug(), &code).await {
        Ok(all) => all.into_iter().find(|one| id.is_none_or(|id| one.id == id)),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => None,
        Err(problem) => return Err(problem.into()),
    };
    let Some(login) = found else {
        let shell = desk.shell.titled("There is no such login");
        let page = MissingPage { shell, base, code: &name };
        return Ok(shell::respond(StatusCode::NOT_FOUND, &page));
    };
    let values = Box::pin(Values::of(&desk, &login)).await;
    let Desk { caller, tenant, shell, .. } = desk;
    let reader = (caller.authority(), caller.now);
    Ok(shell::ok(&page(shell, base, (login, values), (&tenant, reader))))
}

fn page(
    shell: Shell,
    base: String,
    (mut login, values): (Login, Values),
    (tenant, (reader, now)): (&TenantRecord, (&Authority, DateTime<Utc>)),
) -> LoginPage {
    let failure = login.failure.as_ref();
    let about = About::of(&login, tenant);
    let code = failure.and_then(|one| FailureCode::parse(one.code));
    let proof = tenant.policy.domain_proof;
    let remedy = code.and_then(|code| remedy::resolve(code, &about, (reader, proof)));
    let refused = login.refused_token_request.as_ref();
    LoginPage {
        shell: shell.titled(format!("Login {}", login.support_code)),
        base,
        mark: Mark::of(
            (login.purpose, login.state),
            failure.map(|one| one.code),
            now - login.started_at,
        ),
        remedy,
        token_remedy: refused.map(|one| remedy::of_token(one.place, &about, reader)),
        application: application_name(tenant, login.client_id.as_deref()),
        directory: directory_name(tenant, login.directory.as_deref()),
        took: login.finished_at.map(|end| span(end - login.started_at)),
        stages: stages(&login),
        person: Person::of(login.user.take(), tenant),
        claims: claims(tenant, login.directory.as_deref()),
        login,
        values,
    }
}

/// Where the rows of a directory are tried on what its last test said.
fn claims(tenant: &TenantRecord, directory: Option<&str>) -> String {
    let of = directory.map(|slug| format!("?of=directory:{slug}")).unwrap_or_default();
    format!("/dashboard/t/{}/claims{of}", tenant.slug)
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
                title: title(login.purpose, step.name).to_owned(),
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
    let (all, place) = (steps(login.purpose), |name| place(login.purpose, name));
    let reached = login.timeline.iter().filter_map(|step| place(step.name)).max();
    let first = reached.map_or(0, |place| place + 1);
    let last = match (login.state, login.purpose) {
        (LoginStanding::Redeemed, _)
        | (LoginStanding::Completed, Purpose::Test | Purpose::Dashboard) => return None,
        (LoginStanding::Completed, Purpose::Application) => Which::Token,
        (LoginStanding::Pending | LoginStanding::Failed, Purpose::Application | Purpose::Test) => {
            Which::Answer
        }
        (LoginStanding::Pending | LoginStanding::Failed, Purpose::Dashboard) => Which::User,
    };
    let last = place(last.as_str())?;
    let titles: Vec<_> = all.get(first..=last)?.iter().map(|(_, title)| *title).collect();
    let title = match &titles[..] {
        [] => return None,
        all => format!("Not reached: {}", lowered(&all.join(", "))),
    };
    Some(Stage { tone: "idle", title, at: "–".to_owned(), events: Vec::new() })
}

fn place(purpose: Purpose, name: &str) -> Option<usize> {
    steps(purpose).iter().position(|(step, _)| step.as_str() == name)
}

fn title(purpose: Purpose, name: &str) -> &str {
    steps(purpose).iter().find(|(step, _)| step.as_str() == name).map_or(name, |(_, title)| title)
}

/// The titles within a sentence.
fn lowered(titles: &str) -> String {
    titles.replace("The ", "the ").replace("To ", "to ").replace("Back ", "back ")
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
            purpose: Purpose::Application,
            client_id: None,
            directory: None,
            user: None,
            started_at: DateTime::UNIX_EPOCH,
            finished_at: None,
            state,
            failure: None,
            refused_token_request: None,
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

    /// A test and a sign-in to the dashboard know other steps, and miss nothing once they ended well.
    #[test]
    fn login_for_no_application_misses_what_it_would_have_come_to() {
        let begun = || vec![step(0, "authorize", None), step(2, "start", None)];
        for (purpose, missed) in [
            (Purpose::Test, "the profile, the user, the applications’ claims, the result"),
            (Purpose::Dashboard, "back to the dashboard, the account"),
        ] {
            let of = |state| Login { purpose, ..login(state, begun()) };
            let last = stages(&of(LoginStanding::Pending)).pop().unwrap();
            let wanted = format!("Not reached: the directory’s answer, {missed}");
            assert_eq!(last.title, wanted);
            assert_eq!(stages(&of(LoginStanding::Completed)).len(), 2);
        }
    }

    #[test]
    fn rows_of_a_mapping_stand_in_a_line_each() {
        let rows = happened(&step(0, "profile", None), None).lines;
        assert_eq!(rows, ["a from claims.a", "b by default"]);
        assert_eq!(happened(&step(0, "finish", None), None).lines.len(), 1);
    }
}
