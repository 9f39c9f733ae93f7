//! Step 3 of a login: state, nonce and PKCE are drawn, the attempt is sealed into the browser, and
//! the person leaves for the directory. Nothing is written, with one exception: a request too
//! large for a cookie waits in a table with a quota.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::address::HostName;
use broker::attempt::{Aim, Attempt, LIFETIME, Leg, UpstreamState};
use broker::failure::FailureCode;
use broker::forward;
pub(crate) use broker::forward::Wishes;
use broker::routing::Reason;
use broker::seal::Unopenable;
use broker::tenant::Directory;
use broker::timeline::Step;
use oidc::pkce::CodeVerifier;
use oidc::prompt::PromptValue;
use url::Url;

use super::finish::discovered;
use super::{Known, Login, Trace, Why};
use crate::cookie::Cookies;
use crate::entropy;
use crate::refusal::Refused;
use crate::upstream::AuthorizationRequest;

/// What stands in a cookie in place of an attempt that waits in the table.
pub(crate) const SPILLED: &[u8] = b"spilled";

/// Sends the person to the directory.
pub(crate) async fn start(
    mut login: Login,
    directory: Arc<Directory>,
    reason: Reason,
    cookies: &Cookies<'_>,
) -> Result<Response, Refused> {
    let tenant = login.trace.loaded.tenant.id;
    let application = login.application.id;
    let prompt = login.request.prompt.to_string();
    let wishes = Wishes {
        login_hint: login.request.login_hint.as_deref(),
        prompt: Some(&prompt),
        max_age: forwarded_max_age(&login),
        acr_values: login.request.acr_values.as_deref(),
        ui_locales: login.request.ui_locales.as_deref(),
    };
    let back = directory.callback_host.as_ref();
    let aim = Aim::Application(application);
    let left = leave(&login.trace, (&directory, back), aim, wishes).await;
    let (leg, url) = match left {
        Ok(left) => left,
        Err((failure, detail)) => {
            return Err(login.fail(Some(directory.id), Step::Start, failure, detail).into());
        }
    };
    let attempt = Attempt { leg, application, request: login.request.clone(), reason };
    let key = login.trace.app.master.browser_key();
    let sealed = fresh_nonce().and_then(|nonce| attempt.seal(key, tenant, nonce));
    let Ok(sealed) = sealed else { return Err(Refused::Internal) };
    let Some(cookie) = keep(&login, cookies, &sealed).await? else {
        let detail = "the request is too large for a cookie and too many such requests wait";
        return Err(login
            .fail(Some(directory.id), Step::Start, FailureCode::RequestTooLarge, detail)
            .into());
    };
    let host = url.host_str().unwrap_or_default();
    // Who is not registered there so is shown a page of the directory's and does not come back.
    let back = login.trace.loaded.callback(directory.callback_host.as_ref(), &directory.slug);
    let client_id = &directory.client_id;
    let left = format!("The browser left for {host} as `{client_id}`, to come back to {back}.");
    login.trace.note(Step::Start, left);
    let known = Known { application: Some(application), directory: Some(directory.id) };
    login.trace.record(None, known);
    Ok(depart(&url, cookies, cookie))
}

/// Draws what binds the answer to this attempt, and where the browser goes with it. `back` is the
/// host of the redirect URI that is sent; `None`: that below the public URL.
pub(crate) async fn leave(
    trace: &Trace,
    (directory, back): (&Directory, Option<&HostName>),
    aim: Aim,
    wishes: Wishes<'_>,
) -> Result<(Leg, Url), Why> {
    let (app, tenant) = (&trace.app, trace.loaded.tenant.id);
    let metadata = discovered(trace, directory).await?;
    let leg = Leg {
        login: trace.login,
        directory: directory.id,
        nonce: entropy::token()?,
        verifier: CodeVerifier::from_entropy(&entropy::bytes()?).expose().to_owned(),
        started_at: trace.started_at,
        registration: Some(directory.registration()),
        callback_host: back.cloned(),
        profile_only: false,
    };
    let state = UpstreamState { login: trace.login, aim };
    let state = state.seal(app.master.browser_key(), tenant, directory.id, entropy::bytes()?);
    let state = state.map_err(|error| (FailureCode::Internal, error.to_string()))?;
    let url = app.upstream.authorization_url(
        directory,
        &metadata,
        &AuthorizationRequest {
            state: &state,
            nonce: &leg.nonce,
            verifier: &leg.verifier,
            redirect_uri: &trace.loaded.callback(back, &directory.slug),
            told: forward::told(directory, &wishes),
        },
    )?;
    Ok((leg, url))
}

/// The redirect to the directory, with the attempt's cookie.
pub(crate) fn depart(url: &Url, cookies: &Cookies<'_>, attempt: HeaderValue) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, url.as_str())]).into_response();
    for value in cookies.make_room(&attempt).into_iter().chain([attempt]) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// The attempt in a cookie, or, when that is too large, in the table with a mark in the cookie.
async fn keep(
    login: &Login,
    cookies: &Cookies<'_>,
    sealed: &[u8],
) -> Result<Option<HeaderValue>, Refused> {
    let trace = &login.trace;
    let names = cookies.names();
    if let Some(cookie) = names.set_attempt(trace.login, trace.started_at, sealed) {
        return Ok(Some(cookie));
    }
    let store = trace.app.store.tenant(trace.loaded.tenant.id);
    let kept = store.spill(trace.login.0, sealed, trace.now + LIFETIME, trace.now).await?;
    let place = spilled_place(trace);
    let mark = trace.app.master.browser_key().seal(&place, entropy::bytes()?, SPILLED);
    let Ok(mark) = mark else { return Err(Refused::Internal) };
    Ok(kept.then(|| names.set_attempt(trace.login, trace.started_at, &mark)).flatten())
}

/// What the mark of a spilled attempt is bound to, as the attempt itself is.
pub(crate) fn spilled_place(trace: &Trace) -> [String; 3] {
    ["spilled".to_owned(), trace.loaded.tenant.id.to_string(), trace.login.to_string()]
}

pub(crate) fn fresh_nonce() -> Result<[u8; 12], Unopenable> {
    entropy::bytes().map_err(|_| Unopenable)
}

/// A fresh sign-in is asked for in a way that obliges the directory to say when it was
/// [OIDCC-3.1.2.1]; whether it was fresh is checked on the way back (THREATS AZ-10).
pub(crate) fn forwarded_max_age(login: &Login) -> Option<u32> {
    let fresh = login.request.prompt.contains(PromptValue::Login);
    if fresh { Some(0) } else { login.request.max_age }
}
