//! Step 2 of a login: which directory? Or does the browser's session answer?
//!
//! An application that asks again and again is stopped here ([`broker::sign_in_loop`]). What counts
//! is that the browser was sent on without a page of ours: back from the session, or off to a
//! directory, which may answer without a page as well. While an attempt is under way there, the
//! next one does not count: a loop has an end at the directory each time, several tabs do not.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use broker::email::Email;
use broker::failure::FailureCode;
use broker::gate::{self, Passage};
use broker::id::DirectoryId;
use broker::routing::explain::{self, PassedOver, Why};
use broker::routing::{self, Choice, Decision, Reason, Signals};
use broker::settings::DirectoryState;
use broker::sign_in_loop::{Recent, SignInLoop};
use broker::sso::{self, Reuse, SessionFacts};
use broker::tenant::Directory;
use broker::timeline::Step;
use oidc::error::{ErrorCode, OAuthError};
use oidc::params::Params;
use oidc::prompt::PromptValue;
use store::SessionRecord;

use super::answer::Authenticated;
use super::{Failed, Known, Login, answer, quoted, session, start};
use crate::cookie::{Cookies, Names};
use crate::entropy;
use crate::front::throttle::Probed;
use crate::page;
use crate::refusal::Refused;

/// Routes the login: answered from the session, to a directory, or to the chooser page.
pub(crate) async fn route(
    mut login: Login,
    params: &Params,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let trace = &login.trace;
    let loaded = Arc::clone(&trace.loaded);
    let cookies = Cookies::read(headers, Names::new(&loaded.tenant.slug, trace.app.secure));
    let recent = match count(&login, &cookies) {
        Ok(recent) => recent,
        Err(error) => return Ok(stop(login, error, cookies.names())),
    };
    let session = session::live(&trace.app, &loaded, &cookies, trace.now).await?;

    let came_from = session.as_ref().and_then(|one| loaded.tenant.directory_by_id(one.directory));
    let decision = routing::choose(
        &loaded.tenant,
        &login.application,
        Signals {
            directory_hint: login.request.directory_hint.as_deref(),
            login_hint: login.request.login_hint.as_deref(),
            session: came_from.map(|one| one.slug.as_str()),
            last_choice: cookies.directory().filter(|_| !chooses_account(&login)),
        },
    );
    if let Some(session) = session {
        let passage =
            Passage::SignIn { application: login.application.id, directory: session.directory };
        // A session of what was switched off answers nothing (THREATS TK-12).
        let usable = match gate::pass(&loaded.tenant, passage) {
            Ok(()) => usable(&login, &session, &decision),
            Err(closed) => Reuse::No(closed.to_string()),
        };
        match usable {
            Reuse::Yes => return Ok(with(from_session(login, session).await?, recent)),
            Reuse::No(why) => {
                login.trace.note(Step::Route, format!("The session was not used: {why}."));
            }
        }
    }
    if login.request.prompt.is_none() {
        // Nobody may be bothered, and without a session somebody would have to be. [OIDCC-3.1.2.6]
        let error = OAuthError::new(
            ErrorCode::LoginRequired,
            "there is no session that answers this request",
        );
        return Ok(login.refuse(Step::Route, FailureCode::DirectoryLoginRequired, &error)?);
    }
    match decision.choice {
        Choice::Directory(directory) => {
            login.trace.note(Step::Route, format!("To {}: {}.", directory.slug, decision.reason));
            let recent = recent.filter(|_| !cookies.has_attempts());
            let left = Box::pin(start::start(login, directory, decision.reason, &cookies)).await?;
            Ok(with(left, recent))
        }
        Choice::Ask(offered) => Ok(ask(login, &offered, params, method)?),
        Choice::Nowhere => Err(nowhere(login).into()),
    }
}

/// The cookie that counts this request, for when it is sent on. Silent requests do not count and
/// are never stopped: an application may renew as often as it likes, and would not see a page.
fn count(login: &Login, cookies: &Cookies<'_>) -> Result<Option<HeaderValue>, SignInLoop> {
    if login.request.prompt.is_none() {
        return Ok(None);
    }
    let recent = Recent::next(cookies.recent(), login.application.id, login.trace.now)?;
    Ok(cookies.names().set_recent(recent))
}

/// The page that ends a loop, and forgets it, so that *Try again* tries again.
fn stop(login: Login, error: SignInLoop, names: Names<'_>) -> Response {
    let failed = login.fail(None, Step::Route, FailureCode::SignInLoop, error.to_string());
    with(failed.into_response(), names.drop_recent())
}

fn with(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Whoever wants another account may want another directory too.
fn chooses_account(login: &Login) -> bool {
    login.request.prompt.contains(PromptValue::SelectAccount)
}

fn usable(login: &Login, session: &SessionRecord, decision: &Decision) -> Reuse {
    let sub = login.application.sub.apply(&session.user, &login.trace.loaded.pairwise).ok();
    let facts = SessionFacts {
        directory: session.directory,
        sub: sub.as_deref(),
        auth_time: session.auth_time,
        known_as: &session.profile.known_as(),
    };
    sso::reuse(facts, &login.request, led_to(decision), login.trace.now)
}

/// The directory that the request itself led to, as opposed to what was left over.
fn led_to(decision: &Decision) -> Option<DirectoryId> {
    match (&decision.choice, &decision.reason) {
        (Choice::Directory(directory), Reason::ExplicitHint | Reason::Domain(_)) => {
            Some(directory.id)
        }
        _ => None,
    }
}

async fn from_session(mut login: Login, session: SessionRecord) -> Result<Response, Refused> {
    let Some(directory) = login.trace.loaded.tenant.directory_by_id(session.directory).cloned()
    else {
        return Err(Refused::NotFound);
    };
    login.trace.note(Step::Route, format!("Answered from the session with {}.", directory.slug));
    let authenticated = Authenticated {
        directory,
        user: session.user,
        profile: session.profile,
        session: session.id,
        auth_time: session.auth_time,
        acr: session.acr,
        amr: session.amr,
    };
    Box::pin(answer::from_session(login, authenticated)).await
}

/// The page for an application whose people have no way in, and in the timeline what each directory
/// lacks.
fn nowhere(mut login: Login) -> Box<Failed> {
    let directories = &login.trace.loaded.tenant.directories;
    let lacks = |one: &Arc<Directory>| match one.state {
        DirectoryState::Active => format!("{} is not among the application's", one.slug),
        state => format!("{} is {}", one.slug, gate::state_name(state)),
    };
    let each: Vec<_> = directories.iter().map(lacks).collect();
    let is_active = |one: &Arc<Directory>| one.state == DirectoryState::Active;
    let failure = if directories.iter().any(is_active) {
        FailureCode::DirectoryNotAllowed
    } else {
        FailureCode::DirectoryNone
    };
    let note = if each.is_empty() { "There is no directory.".into() } else { each.join("; ") };
    login.trace.note(Step::Route, note);
    login.fail(None, Step::Route, failure, "no directory of this application is active")
}

/// An address that leads nowhere ends on the chooser page, from which the person goes on as another
/// login. Why it did is for staff alone: the page says the same of every address (THREATS ID-11).
fn unrouted(login: &mut Login, hint: &str, by_mail: bool) {
    let Some(email) = Email::parse(hint) else { return };
    let domain = quoted(email.domain().as_str());
    let passed_over =
        explain::explain(&login.trace.loaded.tenant, &login.application, hint).passed_over;
    let (failure, detail) = match passed_over.into_iter().next() {
        None if by_mail => (FailureCode::DomainUnrouted, format!("no directory has {domain}")),
        // Nobody is routed by e-mail, so that was no mistake.
        None => return,
        Some(PassedOver { directory, why }) => {
            let failure = match why {
                Why::Unproven(_) => FailureCode::DomainUnproven,
                Why::NotAdmitted => FailureCode::DirectoryNotAllowed,
                Why::Draft | Why::Testing | Why::Paused => FailureCode::DirectoryPaused,
            };
            (failure, format!("{domain} belongs to {}, but {why}", directory.slug))
        }
    };
    let known = Known { application: Some(login.application.id), directory: None };
    login.trace.ended(known, Step::Route, failure, &detail);
}

/// The chooser page: the request is carried along and comes back with a `login_hint` or a
/// `directory`.
fn ask(
    mut login: Login,
    offered: &[Arc<Directory>],
    params: &Params,
    method: &Method,
) -> Result<Response, Refused> {
    let carry: Vec<(String, String)> = params
        .iter()
        .filter(|(name, _)| !["login_hint", "directory"].contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // Those that route by e-mail need no button, unless the e-mail led to several of them.
    let by_mail = offered.iter().any(|one| !one.domains.is_empty());
    let hinted = login.request.login_hint.clone();
    let hinted = hinted.as_deref();
    let ambiguous =
        by_mail && hinted.is_some() && offered.iter().all(|one| !one.domains.is_empty());
    if let Some(hint) = hinted.filter(|_| !ambiguous) {
        unrouted(&mut login, hint, by_mail);
    }
    let buttons: Vec<(&str, &str)> = offered
        .iter()
        .filter(|one| ambiguous || one.domains.is_empty())
        .map(|one| (one.slug.as_str(), one.name.as_str()))
        .collect();
    let action = format!("{}/authorize", login.trace.loaded.issuer);
    let chooser = page::Chooser {
        brand: &login.trace.loaded.brand,
        application_name: &login.application.name,
        action: &action,
        method: if method == Method::POST { "post" } else { "get" },
        carry: &carry,
        email: hinted,
        unrouted: hinted.is_some() && !ambiguous,
        ask_email: by_mail,
        directories: &buttons,
    };
    let mut response = page::chooser(entropy::bytes()?, login.trace.language, &chooser);
    if hinted.is_some() {
        // Whoever tries out addresses is limited as if each had failed.
        response.extensions_mut().insert(Probed);
    }
    Ok(response)
}
