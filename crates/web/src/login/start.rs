//! Step 3 of a login: state, nonce and PKCE are drawn, the attempt is sealed into the browser, and
//! the person leaves for the directory. Nothing is written, with one exception: a request too
//! large for a cookie waits in a table with a quota.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::attempt::{Attempt, LIFETIME, UpstreamState};
use broker::failure::FailureCode;
use broker::routing::Reason;
use broker::seal::Unopenable;
use broker::tenant::Directory;
use broker::timeline::Step;
use oidc::pkce::CodeVerifier;
use oidc::prompt::PromptValue;

use super::{Known, Login};
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
    let metadata = match login.trace.app.upstream.metadata(tenant, &directory).await {
        Ok(metadata) => metadata,
        Err(error) => {
            let (failure, detail) = (error.failure(), error.detail());
            return Err(login.fail(Some(directory.id), Step::Start, failure, detail).into());
        }
    };
    let attempt = Attempt {
        login: login.trace.login,
        application: login.application.id,
        directory: directory.id,
        request: login.request.clone(),
        reason,
        nonce: entropy::token()?,
        verifier: CodeVerifier::from_entropy(&entropy::bytes()?).expose().to_owned(),
        started_at: login.trace.started_at,
    };
    let app = Arc::clone(&login.trace.app);
    let key = app.master.browser_key();
    let state = UpstreamState { login: attempt.login, application: attempt.application };
    let sealed = state
        .seal(key, tenant, directory.id, entropy::bytes()?)
        .and_then(|state| Ok((state, attempt.seal(key, tenant, fresh_nonce()?)?)));
    let Ok((state, sealed)) = sealed else { return Err(Refused::Internal) };

    let Some(cookie) = keep(&login, cookies, &sealed).await? else {
        let detail = "the request is too large for a cookie and too many such requests wait";
        return Err(login
            .fail(Some(directory.id), Step::Start, FailureCode::RequestTooLarge, detail)
            .into());
    };
    let request = &attempt.request;
    let redirect_uri = callback(&login.trace.loaded.issuer, &directory);
    let url = app.upstream.authorization_url(
        &directory,
        &metadata,
        &AuthorizationRequest {
            state: &state,
            nonce: &attempt.nonce,
            verifier: &attempt.verifier,
            redirect_uri: &redirect_uri,
            login_hint: request.login_hint.as_deref(),
            prompt: forwarded_prompt(&login),
            max_age: forwarded_max_age(&login),
            acr_values: request.acr_values.as_deref(),
            ui_locales: request.ui_locales.as_deref(),
        },
    );
    let url = match url {
        Ok(url) => url,
        Err(error) => {
            let (failure, detail) = (error.failure(), error.detail());
            return Err(login.fail(Some(directory.id), Step::Start, failure, detail).into());
        }
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    login.trace.note(Step::Start, format!("The browser left for {host}."));
    let known = Known { application: Some(login.application.id), directory: Some(directory.id) };
    login.trace.record(None, known);

    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, url.as_str())]).into_response();
    for value in cookies.make_room().into_iter().chain([cookie]) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// The redirect URI to paste into that directory: one per directory, so that an answer cannot be
/// taken for another's. [RFC9700-4.4.2]
pub(crate) fn callback(issuer: &str, directory: &Directory) -> String {
    format!("{issuer}/directories/{}/callback", directory.slug)
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
pub(crate) fn spilled_place(trace: &super::Trace) -> [String; 3] {
    ["spilled".to_owned(), trace.loaded.tenant.id.to_string(), trace.login.to_string()]
}

fn fresh_nonce() -> Result<[u8; 12], Unopenable> {
    entropy::bytes().map_err(|_| Unopenable)
}

/// `none` never gets here; the rest is the directory's to honour.
fn forwarded_prompt(login: &Login) -> Option<String> {
    let prompt = &login.request.prompt;
    (!prompt.is_empty()).then(|| prompt.to_string())
}

/// A fresh sign-in is asked for in a way that obliges the directory to say when it was
/// [OIDCC-3.1.2.1]; whether it was fresh is checked on the way back (THREATS AZ-10).
pub(crate) fn forwarded_max_age(login: &Login) -> Option<u32> {
    let fresh = login.request.prompt.contains(PromptValue::Login);
    if fresh { Some(0) } else { login.request.max_age }
}
