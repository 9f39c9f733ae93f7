//! Staff on their way from the dashboard through a directory of their tenant, and back.
//!
//! | beat | what |
//! |---|---|
//! | `dashboard::organisation` | seals a ticket, and remembers in the browser that it began there |
//! | [`open`] | `/directories/{directory}/staff?ticket=...` leads to the directory |
//! | the directory | comes back to its ordinary callback, see [`crate::login::finish`] |
//! | [`finish`] | the same exchange and verification; who that is goes back, sealed |
//! | `dashboard::answered` | signs in, connects, or sets up, in the browser that began alone; asks first where something would be changed |
//!
//! Nothing is written before the end but the timeline, and no user of the tenant is made. What the
//! dashboard knows of accounts is not asked here: no handler of a login has the connections for it
//! (ADR 0026). The detour over the issuer is for the attempt's cookie, which belongs to the host of
//! the callback.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::attempt::{Aim, Purpose};
use broker::failure::FailureCode;
use broker::gate::{self, Passage};
use broker::id::LoginId;
use broker::staff_sign_in::{StaffAttempt, StaffIdentity, StaffTicket};
use broker::tenant::Directory;
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};
use oidc::params::Params;
use oidc::rp::callback::CallbackAnswer;

use crate::arrival::Here;
use crate::cookie::{Cookies, Names};
use crate::entropy;
use crate::gateway::App;
use crate::login::finish::{Answered, admit, again, ask, elsewhere, note_hosts, outdated_leg};
use crate::login::start::{Wishes, depart, fresh_nonce, leave};
use crate::login::{Known, Trace, Why};
use crate::refusal::Refused;

/// The address of a ticket.
pub(crate) fn address(issuer: &str, directory: &Directory, ticket: &str) -> String {
    format!("{issuer}/directories/{}/staff?ticket={ticket}", directory.slug)
}

/// The ticket: sends the browser to the directory.
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    Path((_, directory)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let directory = loaded.tenant.directory(&directory).cloned().ok_or(Refused::NotFound)?;
    let mut trace = Trace::begin(app, Arc::clone(&loaded), &headers)?;
    trace.purpose = Purpose::Dashboard;
    let step = Step::Start;
    let Some(ticket) = ticket(&trace, &directory, query.as_deref().unwrap_or_default()) else {
        let why = (step, FailureCode::AttemptExpired);
        let detail = "the way to the directory is altered, too old, or not for this directory";
        return Err(trace.fail_staff(&directory, why, detail).into());
    };
    if let Some((failure, detail)) = closed(&trace, &directory) {
        return Err(trace.fail_staff(&directory, (step, failure), detail).into());
    }
    trace.timeline = timeline(trace.started_at, directory.slug.as_str());
    let (leg, url) = match leave(
        &trace,
        (&directory, directory.callback_host.as_ref()),
        Aim::Dashboard,
        Wishes::default(),
    )
    .await
    {
        Ok(left) => left,
        Err((failure, detail)) => {
            return Err(trace.fail_staff(&directory, (step, failure), detail).into());
        }
    };
    let (key, tenant) = (trace.app.master.browser_key(), loaded.tenant.id);
    let attempt = StaffAttempt { leg, ticket };
    let sealed = fresh_nonce().and_then(|nonce| attempt.seal(key, tenant, nonce));
    let Ok(sealed) = sealed else { return Err(Refused::Internal) };
    let names = Names::new(&loaded.tenant.slug, trace.app.secure);
    let cookie = names.set_attempt(trace.login, trace.started_at, &sealed);
    let cookie = cookie.ok_or(Refused::Internal)?;
    trace.record(None, known(&directory));
    Ok(depart(&url, &Cookies::read(&headers, names), cookie))
}

/// What the address carries.
fn ticket(trace: &Trace, directory: &Directory, query: &str) -> Option<StaffTicket> {
    let params = Params::parse(query.as_bytes()).ok()?;
    let place = (trace.loaded.tenant.id, directory.id);
    let text = params.get("ticket")?;
    StaffTicket::open(trace.app.master.browser_key(), place, text, trace.now).ok()
}

/// Why staff do not pass here, if they do not.
fn closed(trace: &Trace, directory: &Directory) -> Option<Why> {
    let closed = gate::pass(&trace.loaded.tenant, Passage::Staff(directory.id)).err()?;
    Some((closed.failure(), closed.to_string()))
}

/// What every timeline of these begins with.
pub(crate) fn timeline(started_at: DateTime<Utc>, through: &str) -> Timeline {
    let mut timeline = Timeline::new();
    let text = format!("Staff on the way to the dashboard, through {through}.");
    timeline.note(started_at, Step::Authorize, text);
    timeline.note(started_at, Step::Start, "The browser left for the directory.");
    timeline
}

fn known(directory: &Directory) -> Known {
    Known { application: None, directory: Some(directory.id) }
}

/// The directory's answer.
pub(crate) async fn finish(
    mut trace: Trace,
    login: LoginId,
    (directory, answer): (Arc<Directory>, CallbackAnswer),
    cookies: &Cookies<'_>,
) -> Result<Response, Refused> {
    trace.purpose = Purpose::Dashboard;
    let step = Step::Finish;
    let (key, tenant) = (trace.app.master.browser_key(), trace.loaded.tenant.id);
    let waiting = cookies.attempt(login).and_then(|(name, sealed)| {
        Some((name, StaffAttempt::open(key, tenant, login, &sealed).ok()?))
    });
    let Some((name, attempt)) = waiting else {
        // Another browser, or a second time: nothing leaves us (THREATS UP-01).
        let why = (step, FailureCode::AttemptMissing);
        return Err(trace.fail_staff(&directory, why, elsewhere(login)).into());
    };
    let spent = cookies.drop_attempt(&name);
    if !trace.app.finishing.claim(login) {
        let why = (step, FailureCode::AttemptUsed);
        return Err(trace.fail_staff(&directory, why, again(login)).into());
    }
    trace.login = login;
    trace.started_at = attempt.leg.started_at;
    trace.timeline = timeline(trace.started_at, directory.slug.as_str());
    let outdated = outdated_leg(&attempt.leg, &directory, trace.now)
        .map(|(failure, detail)| (failure, detail.to_owned()))
        .or_else(|| closed(&trace, &directory));
    if let Some((failure, detail)) = outdated {
        return Err(trace.fail_staff(&directory, (step, failure), detail).into());
    }
    let asked =
        Box::pin(ask(&mut trace, &attempt.leg, answer, (Arc::clone(&directory), None))).await;
    let admitted = |answered| admit(&mut trace, &answered).map(|()| answered);
    match asked.and_then(admitted) {
        Ok(answered) => {
            note_hosts(&trace, &directory).await;
            back(trace, attempt, answered, spent)
        }
        Err((failure, detail)) => Err(trace.fail_staff(&directory, (step, failure), detail).into()),
    }
}

/// Back to the dashboard, with who that is.
fn back(
    mut trace: Trace,
    attempt: StaffAttempt,
    answered: Answered,
    spent: Option<HeaderValue>,
) -> Result<Response, Refused> {
    let Answered { directory, identity, id_token, userinfo, .. } = answered;
    let said = [Some(id_token), userinfo];
    let email = said.iter().flatten().find_map(|claims| claims.get("email")?.as_str());
    let identity = StaffIdentity {
        tenant: trace.loaded.tenant.id,
        directory: directory.id,
        issuer: identity.issuer,
        subject: identity.subject,
        provider: directory.provider.clone(),
    };
    trace.note(Step::Answer, "Who that is went back to the dashboard.");
    let answer = attempt.answered(identity, email, trace.timeline.clone(), trace.app.clock.now());
    let sealed = answer.seal(trace.app.master.browser_key(), entropy::bytes()?);
    let Ok(sealed) = sealed else { return Err(Refused::Internal) };
    // It ends at the dashboard, if it does.
    trace.record(None, known(&directory));
    let to = format!("{}/dashboard/sign-in/directory/answer?answer={sealed}", trace.app.public_url);
    let headers = [(header::LOCATION, to.as_str()), (header::REFERRER_POLICY, "no-referrer")];
    let mut response = (StatusCode::SEE_OTHER, headers).into_response();
    if let Some(spent) = spent {
        response.headers_mut().append(header::SET_COOKIE, spent);
    }
    Ok(response)
}
