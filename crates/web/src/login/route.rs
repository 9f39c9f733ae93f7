//! Step 2 of a login: which directory? Or does the browser's session answer?
//!
//! An application that asks again and again is stopped here ([`broker::sign_in_loop`]). What counts
//! is that the browser was sent on without a page of ours: back from the session, or off to a
//! directory, which may answer without a page as well. While an attempt is under way there, the
//! next one does not count: a loop has an end at the directory each time, several tabs do not.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use broker::failure::FailureCode;
use broker::id::DirectoryId;
use broker::routing::{self, Choice, Decision, Reason, Signals};
use broker::sign_in_loop::{Recent, SignInLoop};
use broker::sso::{self, Reuse, SessionFacts};
use broker::timeline::Step;
use oidc::error::{ErrorCode, OAuthError};
use oidc::params::Params;
use oidc::prompt::PromptValue;
use store::SessionRecord;

use super::answer::{Authenticated, digest};
use super::{Login, answer, start};
use crate::cookie::{Cookies, Names};
use crate::entropy;
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
    let loaded = std::sync::Arc::clone(&trace.loaded);
    let cookies = Cookies::read(headers, Names::new(&loaded.tenant.slug, trace.app.secure));
    let recent = match count(&login, &cookies) {
        Ok(recent) => recent,
        Err(error) => return Ok(stop(login, error, cookies.names())),
    };
    let session = match cookies.session() {
        Some(value) => {
            trace.app.store.tenant(loaded.tenant.id).session(digest(value), trace.now).await?
        }
        None => None,
    };

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
        match usable(&login, &session, &decision) {
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
        Choice::Ask(offered) => Ok(ask(&login, &offered, params, method)?),
        Choice::Nowhere => {
            let detail = "no directory of this application is active";
            Err(login.fail(None, Step::Route, FailureCode::DirectoryNone, detail).into())
        }
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
    let facts = SessionFacts {
        directory: session.directory,
        auth_time: session.auth_time,
        known_as: &session.profile.known_as(),
    };
    let directory = login.trace.loaded.tenant.directory_by_id(session.directory);
    let directory = directory.map(AsRef::as_ref);
    sso::reuse(
        facts,
        &login.request,
        &login.application,
        directory,
        led_to(decision),
        login.trace.now,
    )
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

/// The chooser page: the request is carried along and comes back with a `login_hint` or a
/// `directory`.
fn ask(
    login: &Login,
    offered: &[std::sync::Arc<broker::tenant::Directory>],
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
    let hinted = login.request.login_hint.as_deref();
    let ambiguous =
        by_mail && hinted.is_some() && offered.iter().all(|one| !one.domains.is_empty());
    let buttons: Vec<(&str, &str)> = offered
        .iter()
        .filter(|one| ambiguous || one.domains.is_empty())
        .map(|one| (one.slug.as_str(), one.name.as_str()))
        .collect();
    let action = format!("{}/authorize", login.trace.loaded.issuer);
    let chooser = page::Chooser {
        tenant_name: &login.trace.loaded.tenant.name,
        application_name: &login.application.name,
        action: &action,
        method: if method == Method::POST { "post" } else { "get" },
        carry: &carry,
        email: hinted,
        unrouted: hinted.is_some() && !ambiguous,
        ask_email: by_mail,
        directories: &buttons,
    };
    Ok(page::chooser(entropy::bytes()?, &chooser))
}
