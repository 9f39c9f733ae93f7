//! Step 4 of a login: the directory's answer is matched to its attempt, exchanged and verified.
//!
//! The order is the defence: the `state` opens at this callback alone, the attempt has to be in
//! this very browser, the issuer is compared before the code leaves us, and the answer counts only
//! when the ID token is verified in full. No transaction is open while the directory is asked.

mod ask;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::Response;
use broker::attempt::{Aim, Attempt, Leg, UpstreamState};
use broker::failure::FailureCode;
use broker::gate::{self, Passage};
use broker::id::{ApplicationId, LoginId};
use broker::tenant::Directory;
use broker::timeline::Step;
use broker::user::Identity;
use chrono::{DateTime, Utc};
use oidc::params::Params;
use oidc::rp::callback::{self, CallbackAnswer};
use serde_json::{Map, Value};

pub(crate) use self::ask::{admit, ask, discovered};
use super::start::{self, SPILLED};
use super::{Failed, Login, Trace, Why, profile};
use crate::arrival::{Here, lead, same_at};
use crate::cookie::{Cookies, Names};
use crate::gateway::App;
use crate::refusal::Refused;
use crate::{staff_sign_in, test_login};

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
    Here(loaded): Here,
    Path((_, directory)): Path<(String, String)>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let directory = loaded.tenant.directory(&directory).cloned().ok_or(Refused::NotFound)?;
    let trace = Trace::begin(app, Arc::clone(&loaded), &headers)?;
    let cookies = Cookies::read(&headers, Names::new(&loaded.tenant.slug, trace.app.secure));

    let query = uri.query().unwrap_or_default();
    let raw = if method == Method::POST { body.as_ref() } else { query.as_bytes() };
    let (answer, state) = match read(&trace, &directory, raw) {
        Ok(read) => read,
        Err((failure, detail)) => return Err(trace.fail(Step::Finish, failure, detail).into()),
    };
    // It went out from the issuer and came back to where the directory knows us: the attempt is in
    // the cookies of the issuer's host. What began here is finished here.
    let (issuer, slug) = (loaded.left_for.as_deref(), loaded.tenant.slug.as_str());
    if let Some(issuer) = issuer.filter(|_| cookies.attempt(state.login).is_none()) {
        return Ok(lead(&same_at(issuer, slug, &uri)));
    }
    let application = match state.aim {
        Aim::Application(application) => application,
        Aim::Test => {
            return test_login::finish(trace, state.login, (directory, answer), &cookies).await;
        }
        Aim::Dashboard => {
            return staff_sign_in::finish(trace, state.login, (directory, answer), &cookies).await;
        }
    };
    let (login, attempt, spent) =
        arrive(trace, (state.login, application), &directory, &cookies).await?;
    let (login, mut answered) = finish(login, attempt, answer, directory).await?;
    answered.replaces = cookies.session().map(super::answer::digest);
    answered.spent = spent;
    profile::profile(login, answered).await
}

/// Reads the answer, and which login it is for.
fn read(
    trace: &Trace,
    directory: &Directory,
    raw: &[u8],
) -> Result<(CallbackAnswer, UpstreamState), Why> {
    let answer = Params::parse(raw)
        .map_err(|error| error.to_string())
        .and_then(|params| callback::parse(&params).map_err(|error| error.to_string()))
        .map_err(|detail| (FailureCode::CallbackInvalid, detail))?;
    let (key, tenant) = (trace.app.master.browser_key(), trace.loaded.tenant.id);
    let state = UpstreamState::open(key, tenant, directory.id, answer.state()).map_err(|_| {
        let detail = "state is not one that this callback gave out";
        (FailureCode::AttemptMissing, detail.to_owned())
    })?;
    Ok((answer, state))
}

type Arrival = (Login, Attempt, Option<HeaderValue>);

/// Matches the answer to the attempt that is waiting for it in this browser.
async fn arrive(
    mut trace: Trace,
    (login, application): (LoginId, ApplicationId),
    directory: &Directory,
    cookies: &Cookies<'_>,
) -> Result<Arrival, Refused> {
    let step = Step::Finish;
    let app = Arc::clone(&trace.app);
    let own = std::mem::replace(&mut trace.login, login);
    let found = cookies.attempt(login);
    let opened = match &found {
        Some((_, sealed)) => open(&trace, sealed).await?,
        None => None,
    };
    let id = application;
    let application = trace.loaded.tenant.application_by_id(id).cloned();
    if opened.is_some() && trace.loaded.disabled.iter().any(|(off, _)| *off == id) {
        let detail = "meanwhile the application was switched off";
        return Err(trace.fail_of(id, (step, FailureCode::ApplicationDisabled), detail).into());
    }
    let (Some(attempt), Some(application)) = (opened, application.clone()) else {
        // Another browser, a second time, or cookies blocked: nothing leaves us. It is recorded as
        // a login of its own, because the one it names may still be finished where it began.
        trace.login = own;
        let detail = elsewhere(login);
        return Err(trace
            .fail_towards(application, step, FailureCode::AttemptMissing, detail)
            .into());
    };
    trace.started_at = attempt.leg.started_at;
    trace.speak(attempt.request.ui_locales.as_deref());
    let kind = attempt.request.response_type.as_str();
    // These three happened then, perhaps at another node.
    let then = attempt.leg.started_at;
    let events = &mut trace.timeline;
    events.note(then, Step::Authorize, format!("{} asked for {kind}.", application.name));
    events.note(then, Step::Route, format!("To {}: {}.", directory.slug, attempt.reason));
    events.note(then, Step::Start, "The browser left for the directory.");
    let spent = found.and_then(|(name, _)| cookies.drop_attempt(&name));
    if let Err(detail) = attempt.request.is_still_allowed(&application.client) {
        // Nothing goes to an address that the application has given up (THREATS AZ-02).
        let failure = FailureCode::RequestInvalid;
        return Err(trace.fail_towards(Some(application), step, failure, detail).into());
    }
    let mut login = Login { trace, application, request: attempt.request.clone() };
    if let Some((failure, detail)) = outdated(&login, &attempt, directory) {
        return Err(login.fail(Some(directory.id), step, failure, detail).into());
    }
    if !app.finishing.claim(attempt.leg.login) {
        // The first of the two may be at the directory still and must find its login unharmed.
        login.trace.login = own;
        let detail = again(attempt.leg.login);
        return Err(login.fail(Some(directory.id), step, FailureCode::AttemptUsed, detail).into());
    }
    Ok((login, attempt, spent))
}

/// Why nothing happens in a browser that did not begin the login.
pub(crate) fn elsewhere(login: LoginId) -> String {
    format!("this browser holds no attempt for the login {}", login.support_code())
}

/// Why nothing happens a second time.
pub(crate) fn again(login: LoginId) -> String {
    format!("the same answer arrived before, for {}", login.support_code())
}

/// What may have changed while the person was away (THREATS UP-09).
fn outdated(login: &Login, attempt: &Attempt, directory: &Directory) -> Option<Why> {
    if let Some((failure, detail)) = outdated_leg(&attempt.leg, directory, login.trace.now) {
        return Some((failure, detail.to_owned()));
    }
    let passage = Passage::SignIn { application: login.application.id, directory: directory.id };
    let closed = gate::pass(&login.trace.loaded.tenant, passage).err()?;
    Some((closed.failure(), format!("meanwhile {closed}")))
}

/// The part of it that a login for no application has as well.
pub(crate) fn outdated_leg(
    leg: &Leg,
    directory: &Directory,
    now: DateTime<Utc>,
) -> Option<(FailureCode, &'static str)> {
    if leg.directory != directory.id {
        return Some((FailureCode::CallbackInvalid, "the attempt was for another directory"));
    }
    if !leg.is_for(directory) {
        let detail = "the directory was set to another provider or client meanwhile";
        return Some((FailureCode::AttemptOutdated, detail));
    }
    leg.is_expired(now).then_some((FailureCode::AttemptExpired, "more than 14 minutes passed"))
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

/// Asks the directory, on behalf of an application.
async fn finish(
    mut login: Login,
    attempt: Attempt,
    answer: CallbackAnswer,
    directory: Arc<Directory>,
) -> Result<(Login, Answered), Box<Failed>> {
    let id = directory.id;
    let max_age = start::forwarded_max_age(&login);
    let asked = ask(&mut login.trace, &attempt.leg, answer, (directory, max_age)).await;
    let admitted = |answered| admit(&mut login.trace, &answered).map(|()| answered);
    match asked.and_then(admitted) {
        Ok(answered) => {
            note_hosts(&login.trace, &answered.directory).await;
            Ok((login, answered))
        }
        Err((failure, detail)) => Err(login.fail(Some(id), Step::Finish, failure, detail)),
    }
}

/// Writes down where the directory is, the first time that it let somebody in; from then on its
/// discovery document has to lead there (THREATS UP-07). The login does not depend on it.
pub(crate) async fn note_hosts(trace: &Trace, directory: &Directory) {
    if !directory.endpoint_hosts.is_empty() {
        return;
    }
    let tenant = trace.loaded.tenant.id;
    let Ok(metadata) = trace.app.upstream.metadata(tenant, directory).await else { return };
    let (store, version) = (trace.app.store.tenant(tenant), trace.loaded.version());
    let noted = store.note_endpoint_hosts(directory.id, &metadata.hosts(), version).await;
    if let Err(error) = noted {
        tracing::warn!(%error, "the hosts of a directory were not written down");
    }
}
