//! Step 4 of a login: the directory's answer is matched to its attempt, exchanged and verified.
//!
//! The order is the defence: the `state` opens at this callback alone, the attempt has to be in
//! this very browser, the issuer is compared before the code leaves us, and the answer counts only
//! when the ID token is verified in full. No transaction is open while the directory is asked.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use broker::attempt::{Attempt, UpstreamState};
use broker::failure::FailureCode;
use broker::settings::{DirectoryState, UserinfoUse};
use broker::sso;
use broker::tenant::Directory;
use broker::timeline::Step;
use broker::user::Identity;
use chrono::{DateTime, TimeDelta, Utc};
use oidc::params::Params;
use oidc::rp::callback::{self, CallbackAnswer};
use oidc::rp::id_token::VerifiedIdToken;
use oidc::rp::metadata::ProviderMetadata;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::start::{self, SPILLED, callback as callback_url};
use super::{Failed, Login, Trace, profile};
use crate::cookie::{Cookies, Names};
use crate::gateway::App;
use crate::refusal::Refused;
use crate::upstream::{Exchange, Verify, error_code};

/// How far the directory's clock may be off. [OIDCC-3.1.3.7-9]
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// What the directory said, verified.
pub(crate) struct Answered {
    pub(crate) directory: Arc<Directory>,
    pub(crate) identity: Identity,
    pub(crate) id_token: Map<String, Value>,
    pub(crate) userinfo: Option<Map<String, Value>>,
    pub(crate) auth_time: Option<DateTime<Utc>>,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
    /// The hash of the session that this browser had before.
    pub(crate) replaces: Option<[u8; 32]>,
    /// The attempt's cookie, to be removed.
    pub(crate) spent: Option<HeaderValue>,
}

/// A directory's redirect URI, by GET and by POST.
pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    Path((tenant, directory)): Path<(String, String)>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let loaded = app.tenants.get(&tenant).await?.ok_or(Refused::NotFound)?;
    let directory = loaded.tenant.directory(&directory).cloned().ok_or(Refused::NotFound)?;
    let trace = Trace::begin(app, Arc::clone(&loaded))?;
    let cookies = Cookies::read(&headers, Names::new(&loaded.tenant.slug, trace.app.secure));

    let query = query.unwrap_or_default();
    let raw = if method == Method::POST { body.as_ref() } else { query.as_bytes() };
    let (login, attempt, answer, spent) = arrive(trace, &directory, &cookies, raw).await?;
    let (login, mut answered) = finish(login, attempt, answer, directory).await?;
    answered.replaces = cookies.session().map(super::answer::digest);
    answered.spent = spent;
    profile::profile(login, answered).await
}

type Arrival = (Login, Attempt, CallbackAnswer, Option<HeaderValue>);

/// Matches the answer to the attempt that is waiting for it in this browser.
async fn arrive(
    mut trace: Trace,
    directory: &Directory,
    cookies: &Cookies<'_>,
    raw: &[u8],
) -> Result<Arrival, Refused> {
    let step = Step::Finish;
    let answer = Params::parse(raw)
        .map_err(|error| error.to_string())
        .and_then(|params| callback::parse(&params).map_err(|error| error.to_string()));
    let answer = match answer {
        Ok(answer) => answer,
        Err(detail) => return Err(trace.fail(step, FailureCode::CallbackInvalid, detail).into()),
    };
    let tenant = trace.loaded.tenant.id;
    let app = Arc::clone(&trace.app);
    let key = app.master.browser_key();
    let Ok(state) = UpstreamState::open(key, tenant, directory.id, answer.state()) else {
        let detail = "state is not one that this callback gave out";
        return Err(trace.fail(step, FailureCode::AttemptMissing, detail).into());
    };
    let own = std::mem::replace(&mut trace.login, state.login);
    let found = cookies.attempt(state.login);
    let opened = match &found {
        Some((_, sealed)) => open(&trace, sealed).await?,
        None => None,
    };
    let application = trace.loaded.tenant.application_by_id(state.application).cloned();
    let (Some(attempt), Some(application)) = (opened, application.clone()) else {
        // Another browser, a second time, or cookies blocked: nothing leaves us. It is recorded as
        // a login of its own, because the one it names may still be finished where it began.
        trace.login = own;
        let code = state.login.support_code();
        let detail = format!("this browser holds no attempt for the login {code}");
        return Err(trace
            .fail_towards(application, step, FailureCode::AttemptMissing, detail)
            .into());
    };
    trace.started_at = attempt.started_at;
    let kind = attempt.request.response_type.as_str();
    // These three happened then, perhaps at another node.
    let then = attempt.started_at;
    let events = &mut trace.timeline;
    events.note(then, Step::Authorize, format!("{} asked for {kind}.", application.name));
    events.note(then, Step::Route, format!("To {}: {}.", directory.slug, attempt.reason));
    events.note(then, Step::Start, "The browser left for the directory.");
    let spent = found.and_then(|(name, _)| cookies.drop_attempt(&name));
    let mut login = Login { trace, application, request: attempt.request.clone() };
    if let Some((failure, detail)) = outdated(&login, &attempt, directory) {
        return Err(login.fail(Some(directory.id), step, failure, detail).into());
    }
    if !app.finishing.claim(attempt.login) {
        // The first of the two may be at the directory still and must find its login unharmed.
        login.trace.login = own;
        let detail =
            format!("the same answer arrived before, for {}", attempt.login.support_code());
        return Err(login.fail(Some(directory.id), step, FailureCode::AttemptUsed, detail).into());
    }
    Ok((login, attempt, answer, spent))
}

/// What may have changed while the person was away (THREATS UP-09).
fn outdated(
    login: &Login,
    attempt: &Attempt,
    directory: &Directory,
) -> Option<(FailureCode, &'static str)> {
    if attempt.directory != directory.id {
        return Some((FailureCode::CallbackInvalid, "the attempt was for another directory"));
    }
    if attempt.is_expired(login.trace.now) {
        return Some((FailureCode::AttemptExpired, "more than 14 minutes passed"));
    }
    if !matches!(directory.state, DirectoryState::Active | DirectoryState::Testing) {
        return Some((FailureCode::DirectoryPaused, "it was switched off meanwhile"));
    }
    let admitted = login.application.admits(directory);
    (!admitted).then_some((FailureCode::DirectoryNone, "the application no longer admits it"))
}

/// Opens an attempt, from the cookie or from where the cookie says that it waits.
async fn open(trace: &Trace, sealed: &[u8]) -> Result<Option<Attempt>, Refused> {
    let key = trace.app.master.browser_key();
    let tenant = trace.loaded.tenant.id;
    if let Ok(attempt) = Attempt::open(key, tenant, trace.login, sealed) {
        return Ok(Some(attempt));
    }
    let mark = key.open(&start::spilled_place(trace), sealed);
    if mark.as_deref() != Ok(SPILLED) {
        return Ok(None);
    }
    let store = trace.app.store.tenant(tenant);
    let spilled = store.take_spilled(trace.login.0, trace.now).await?;
    Ok(spilled.and_then(|sealed| Attempt::open(key, tenant, trace.login, &sealed).ok()))
}

/// Redeems the directory's code and verifies what comes for it.
async fn finish(
    mut login: Login,
    attempt: Attempt,
    answer: CallbackAnswer,
    directory: Arc<Directory>,
) -> Result<(Login, Answered), Box<Failed>> {
    let step = Step::Finish;
    let id = Some(directory.id);
    let app = Arc::clone(&login.trace.app);
    let tenant = login.trace.loaded.tenant.id;
    let metadata = match app.upstream.metadata(tenant, &directory).await {
        Ok(metadata) => metadata,
        Err(error) => return Err(login.fail(id, step, error.failure(), error.detail())),
    };
    // Before the code leaves us: is it from the one that was asked? [RFC9207-2.4]
    let announced = metadata.authorization_response_iss_parameter_supported;
    if callback::check_issuer(answer.iss(), &metadata.issuer, announced).is_err() {
        let detail = "iss in the answer is not the directory's issuer";
        return Err(login.fail(id, step, FailureCode::CallbackIssuerMismatch, detail));
    }
    let code = match answer {
        CallbackAnswer::Code { code, .. } => code,
        CallbackAnswer::Error { error, .. } => {
            // Whoever can bring an answer here can put a sentence in it; only a code is repeated.
            let said = error_code(&error).unwrap_or("an error");
            let detail = format!("the directory answered {said}");
            return Err(login.fail(id, step, refusal(&error), detail));
        }
    };
    let redirect_uri = callback_url(&login.trace.loaded.issuer, &directory);
    let exchange =
        Exchange { code: &code, redirect_uri: &redirect_uri, verifier: &attempt.verifier };
    let tokens = match app.upstream.exchange(tenant, &directory, &metadata, exchange).await {
        Ok(tokens) => tokens,
        Err(error) => return Err(login.fail(id, step, error.failure(), error.detail())),
    };
    login.trace.note(step, "The directory redeemed its code.");
    let access_token = tokens.access_token.as_ref();
    let verify =
        Verify { id_token: &tokens.id_token, access_token, code: &code, nonce: &attempt.nonce };
    let now = app.clock.now();
    let verified = match app.upstream.verify(tenant, &directory, &metadata, verify, now).await {
        Ok(verified) => verified,
        Err(error) => return Err(login.fail(id, step, error.failure(), error.detail())),
    };
    let auth_time = time(verified.claims().get("auth_time"));
    if !is_fresh(&login, &attempt, auth_time) {
        let detail = "auth_time is missing or older than the application allows";
        return Err(login.fail(id, step, FailureCode::AuthenticationTooOld, detail));
    }
    login.trace.note(step, "The ID token is verified.");
    let userinfo = match userinfo(&login, &directory, &metadata, access_token, &verified).await {
        Ok(userinfo) => userinfo,
        Err((failure, detail)) => return Err(login.fail(id, step, failure, detail)),
    };
    if userinfo.is_some() {
        login.trace.note(step, "Userinfo answered.");
    }
    let answered = Answered {
        identity: Identity {
            directory: directory.id,
            issuer: verified.issuer().to_owned(),
            subject: verified.subject().to_owned(),
        },
        acr: text(verified.claims().get("acr")),
        amr: texts(verified.claims().get("amr")),
        id_token: verified.claims().clone(),
        directory,
        userinfo,
        auth_time,
        replaces: None,
        spent: None,
    };
    Ok((login, answered))
}

/// A fresh sign-in was asked for: the directory has to say when it was, and it has to have been
/// since then (THREATS AZ-10). [OIDCC-3.1.3.7-13]
fn is_fresh(login: &Login, attempt: &Attempt, auth_time: Option<DateTime<Utc>>) -> bool {
    start::forwarded_max_age(login)
        .is_none_or(|max_age| sso::is_fresh(auth_time, max_age, attempt.started_at - LEEWAY))
}

async fn userinfo(
    login: &Login,
    directory: &Directory,
    metadata: &ProviderMetadata,
    access_token: Option<&SecretString>,
    verified: &VerifiedIdToken,
) -> Result<Option<Map<String, Value>>, (FailureCode, String)> {
    let Some(access_token) = access_token else { return Ok(None) };
    if metadata.userinfo_endpoint.is_none() || !is_userinfo_wanted(directory, verified.claims()) {
        return Ok(None);
    }
    let tenant = login.trace.loaded.tenant.id;
    let upstream = &login.trace.app.upstream;
    match upstream.userinfo(tenant, directory, metadata, access_token, verified.subject()).await {
        Ok(claims) => Ok(Some(claims)),
        Err(error) => Err((error.failure(), error.detail())),
    }
}

fn is_userinfo_wanted(directory: &Directory, id_token: &Map<String, Value>) -> bool {
    match directory.userinfo {
        UserinfoUse::Always => true,
        UserinfoUse::WhenNeeded => {
            directory.wanted_claims.iter().any(|name| !id_token.contains_key(name))
        }
        UserinfoUse::Never => false,
    }
}

/// A directory's own error, in our terms; its description is never shown. [OIDCC-3.1.2.6]
fn refusal(error: &str) -> FailureCode {
    match error {
        "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => FailureCode::DirectoryLoginRequired,
        "temporarily_unavailable" | "server_error" => FailureCode::DirectoryUnreachable,
        _ => FailureCode::DirectoryRefused,
    }
}

/// A time of zero, which some directories send, is none.
fn time(value: Option<&Value>) -> Option<DateTime<Utc>> {
    let seconds = value.and_then(Value::as_i64).filter(|seconds| *seconds > 0)?;
    DateTime::from_timestamp(seconds, 0)
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| text.len() <= 255).map(str::to_owned)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let all = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|one| text(Some(one))).take(20).collect()
}
