//! A test login: the whole way through a directory, without signing anybody in.
//!
//! | beat | what |
//! |---|---|
//! | [`open`] | the link `/directories/{directory}/test?ticket=...` leads to the directory |
//! | the directory | comes back to its ordinary callback, see [`crate::login::finish`] |
//! | [`finish`] | the same exchange and verification, then [`report`] instead of steps 6 to 8 |
//!
//! It ends on a page for whoever tests, with every claim, row and verdict. No user, session or
//! grant is written and no cookie is set but the attempt's; the timeline is recorded, without
//! values, like every other, and what the directory said is kept to try rows on, sealed. A directory
//! can be tested in the states `testing` and `active`.

pub(crate) mod report;

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use broker::attempt::{Aim, Leg, Purpose};
use broker::failure::FailureCode;
use broker::gate::{self, Passage};
use broker::id::LoginId;
use broker::settings::DirectoryState;
use broker::tenant::Directory;
use broker::test_ticket::{Shown, TestTicket};
use broker::timeline::Step;
use oidc::params::Params;
use oidc::rp::callback::CallbackAnswer;
use store::{LoginEnd, SightingKind, SightingSubject};

use self::report::Report;
use crate::arrival::Here;
use crate::cookie::{Cookies, Names};
use crate::entropy;
use crate::gateway::App;
use crate::login::finish::{again, ask, elsewhere, outdated_leg};
use crate::login::start::{self, Wishes, depart, leave};
use crate::login::{Known, Trace, Why};
use crate::page;
use crate::refusal::Refused;

/// The link: takes the ticket away and sends the browser to the directory.
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    Path((_, directory)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let directory = loaded.tenant.directory(&directory).cloned().ok_or(Refused::NotFound)?;
    let mut trace = Trace::begin(app, Arc::clone(&loaded), &headers)?;
    trace.purpose = Purpose::Test;
    let step = Step::Start;
    let Some(ticket) = ticket(&trace, &directory, query.as_deref().unwrap_or_default()) else {
        let detail = "the link is altered, too old, or not for this directory";
        return Err(trace.fail(step, FailureCode::TestLinkInvalid, detail).into());
    };
    if let Some((failure, detail)) = untestable(&trace, &directory) {
        return Err(trace.fail(step, failure, detail).into());
    }
    let login = ticket.login;
    let store = trace.app.store.tenant(loaded.tenant.id);
    if store.take_spilled(login.0, trace.now).await?.is_none() {
        let detail = "the link was used before";
        return Err(trace.fail(step, FailureCode::TestLinkInvalid, detail).into());
    }
    trace.login = login;
    let back = if ticket.at_issuer {
        loaded.addresses.own.as_ref()
    } else {
        directory.callback_host.as_ref()
    };
    let left = leave(&trace, (&directory, back), Aim::Test, Wishes::default()).await;
    let (leg, url) = match left {
        Ok((leg, url)) => (Leg { profile_only: ticket.shown == Shown::Profile, ..leg }, url),
        Err((failure, detail)) => {
            begin_timeline(&mut trace, &directory);
            return failed(trace, &directory, (step, failure, detail), None);
        }
    };
    let key = trace.app.master.browser_key();
    let sealed = start::fresh_nonce().and_then(|nonce| leg.seal(key, loaded.tenant.id, nonce));
    let Ok(sealed) = sealed else { return Err(Refused::Internal) };
    let names = Names::new(&loaded.tenant.slug, trace.app.secure);
    let Some(cookie) = names.set_attempt(trace.login, trace.started_at, &sealed) else {
        return Err(Refused::Internal);
    };
    Ok(depart(&url, &Cookies::read(&headers, names), cookie))
}

/// What the link begins.
fn ticket(trace: &Trace, directory: &Directory, query: &str) -> Option<TestTicket> {
    let params = Params::parse(query.as_bytes()).ok()?;
    let (key, tenant) = (trace.app.master.browser_key(), trace.loaded.tenant.id);
    let text = params.get("ticket")?;
    TestTicket::open(key, tenant, directory.id, text, trace.now).ok()
}

/// Why this directory cannot be tested, if it cannot.
fn untestable(trace: &Trace, directory: &Directory) -> Option<Why> {
    let closed = gate::pass(&trace.loaded.tenant, Passage::Test(directory.id)).err()?;
    Some((closed.failure(), closed.to_string()))
}

/// What every timeline of a test begins with; nothing of it is recorded before its end.
fn begin_timeline(trace: &mut Trace, directory: &Directory) {
    let text = format!("A test of {}: nobody is signed in.", directory.slug);
    trace.timeline.note(trace.started_at, Step::Authorize, text);
}

/// The directory's answer to a test login.
pub(crate) async fn finish(
    mut trace: Trace,
    login: LoginId,
    (directory, answer): (Arc<Directory>, CallbackAnswer),
    cookies: &Cookies<'_>,
) -> Result<Response, Refused> {
    trace.purpose = Purpose::Test;
    let step = Step::Finish;
    let (key, tenant) = (trace.app.master.browser_key(), trace.loaded.tenant.id);
    let waiting = cookies
        .attempt(login)
        .and_then(|(name, sealed)| Some((name, Leg::open(key, tenant, login, &sealed).ok()?)));
    let Some((name, leg)) = waiting else {
        return Err(trace.fail(step, FailureCode::AttemptMissing, elsewhere(login)).into());
    };
    let spent = cookies.drop_attempt(&name);
    if !trace.app.finishing.claim(login) {
        // The first of the two may be at the directory still and must find its login unharmed.
        return Err(trace.fail(step, FailureCode::AttemptUsed, again(login)).into());
    }
    trace.login = login;
    trace.started_at = leg.started_at;
    begin_timeline(&mut trace, &directory);
    trace.timeline.note(leg.started_at, Step::Start, "The browser left for the directory.");
    let outdated = outdated_leg(&leg, &directory, trace.now)
        .map(|(failure, detail)| (failure, detail.to_owned()))
        .or_else(|| untestable(&trace, &directory));
    if let Some((failure, detail)) = outdated {
        return failed(trace, &directory, (step, failure, detail), spent);
    }
    match Box::pin(ask(&mut trace, &leg, answer, (Arc::clone(&directory), None))).await {
        Ok(answered) => {
            trace.app.claim_samples.keep(&trace, &answered, None).await;
            let report = Box::pin(report::report(&mut trace, answered, leg.profile_only)).await?;
            if report.failed.is_none() {
                let (kind, subject) =
                    (SightingKind::DirectoryTested, SightingSubject::Directory(directory.id));
                trace.app.see(&trace.loaded, kind, subject, String::new()).await;
            }
            Ok(show(trace, &directory, &report, spent)?)
        }
        Err((failure, detail)) => failed(trace, &directory, (step, failure, detail), spent),
    }
}

/// The page of a test that came to nothing.
fn failed(
    trace: Trace,
    directory: &Directory,
    (step, failure, detail): (Step, FailureCode, String),
    spent: Option<HeaderValue>,
) -> Result<Response, Refused> {
    let why: Why = (failure, detail);
    show(trace, directory, &Report::failed(step, why), spent)
}

/// Records the timeline and answers with the page.
fn show(
    mut trace: Trace,
    directory: &Directory,
    report: &Report,
    spent: Option<HeaderValue>,
) -> Result<Response, Refused> {
    let known = Known { application: None, directory: Some(directory.id) };
    if let Some((step, (failure, detail))) = &report.failed {
        trace.ended(known, *step, *failure, detail);
    } else {
        trace.note(Step::Answer, "The claims were shown to whoever tests.");
        trace.record(Some(LoginEnd::Answered), known);
    }
    let tenant = &trace.loaded.tenant.slug;
    let page = page::TestLogin {
        brand: &trace.loaded.brand,
        directory_name: &directory.name,
        back: &format!(
            "{}/dashboard/t/{tenant}/directories/{}",
            trace.app.public_url, directory.slug
        ),
        is_next_to_activate: directory.state == DirectoryState::Testing,
        support_code: &trace.login.support_code(),
        failure: report.failed.as_ref().map(|(_, (failure, detail))| (*failure, detail.as_str())),
        facts: &report.facts,
        tables: &report.tables,
    };
    let mut response = page::test_login(entropy::bytes()?, &page);
    if let Some(spent) = spent {
        response.headers_mut().append(header::SET_COOKIE, spent);
    }
    Ok(response)
}
