//! Rows tried before they are saved: on a pasted claim set, on what a directory's last test said, or
//! on what the last people who signed in were said to be ([`store::claim_samples`]). Nothing is
//! stored, and no value is logged.
//!
//! - [`order`]: what is tried on whom, and who may try that;
//! - [`trial`]: steps 5 to 7 of a login for one person, as the login has them;
//! - [`compare`]: the rows that are stored beside the edited ones, and who would become different;
//! - [`result`]: what is answered, by the API and on pages alike;
//! - [`turns`]: trials run apart from logins, one of a tenant at a time, and end (THREATS CL-02).
//!
//! Values of people who signed in stay here: the answer says of each its kind and its length. Rows
//! that somebody wrote could ask for more than that ("is this claim x?"), so to try other rows on
//! people takes who may save them anyway.

mod compare;
mod order;
pub(crate) mod result;
mod trial;
mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::authority::Authority;
use broker::id::LoginId;
use broker::tenant::Directory;
use chrono::{DateTime, Utc};
use store::{Compiled, TenantRecord};

pub(crate) use self::order::{MOST_PEOPLE, Order, Source};
use self::order::{Subject, subjects, tested};
use self::result::{Person, Preview};
use self::trial::{Stage, attempt};
pub(crate) use self::turns::Turns;
use crate::api::Problem;
use crate::api::caller::Caller;
use crate::entropy;
use crate::gateway::App;

/// How long a trial of several people goes on. Whoever is left then is counted.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most rows that an answer tells of.
const MOST_ROWS: usize = 20_000;

/// Tries an order on the people that it names.
///
/// # Errors
/// What the caller may not, what the order gets wrong, and that too much is tried already.
pub(crate) async fn preview(
    app: &App,
    caller: &Caller,
    tenant: &TenantRecord,
    order: Order,
) -> Result<Preview, Problem> {
    order.may(caller.authority(), tenant)?;
    let subjects = subjects(caller, tenant, &order.source).await?;
    try_on(app, caller, tenant, (order, subjects)).await
}

/// What the test with this login said, and what the rows that are stored make of it; `None`: that is
/// kept of a later test, or of none. Nobody else's login is shown by it.
///
/// # Errors
/// As [`preview`].
pub(crate) async fn of_test(
    app: &App,
    caller: &Caller,
    tenant: &TenantRecord,
    (directory, login): (&str, LoginId),
) -> Result<Option<Preview>, Problem> {
    let order = Order::test(directory);
    order.may(caller.authority(), tenant)?;
    let Some(subject) = tested(caller, tenant, (directory, login)).await? else { return Ok(None) };
    try_on(app, caller, tenant, (order, vec![subject])).await.map(Some)
}

async fn try_on(
    app: &App,
    caller: &Caller,
    tenant: &TenantRecord,
    (order, subjects): (Order, Vec<Subject>),
) -> Result<Preview, Problem> {
    let (stored, authority) = (tenant.clone(), caller.authority().clone());
    let now = caller.now;
    let work = move || tried(&stored, &order, subjects, &authority, now);
    app.api.previews.apart(tenant.id, work).await?
}

fn tried(
    tenant: &TenantRecord,
    order: &Order,
    subjects: Vec<Subject>,
    authority: &Authority,
    now: DateTime<Utc>,
) -> Result<Preview, Problem> {
    let is_edited = order.is_edited();
    let edited = if is_edited { Some(order.edited(tenant)?.compile()) } else { None };
    let stored = tenant.clone().compile();
    let is_redacted = matches!(order.source, Source::Recorded { .. });
    let entropy = entropy::bytes();
    let entropy = entropy.map_err(|error| Problem::internal(&error.to_string()))?;
    // Whoever has one directory alone learns nothing of applications (THREATS TN-12).
    let with_applications = authority.has(broker::authority::Need::Viewer);
    let (until, mut room) = (Instant::now() + PATIENCE, MOST_ROWS);
    let mut people = Vec::new();
    let all = subjects.len();
    // One directory whose settings are not complete keeps nobody else's people from being looked at.
    let is_there = |one: &Subject| !is_redacted || directory(&stored, one).is_ok();
    for subject in subjects.into_iter().filter(is_there) {
        if !people.is_empty() && (Instant::now() >= until || room == 0) {
            break;
        }
        let stage = |compiled| {
            let directory = directory(compiled, &subject)?;
            Ok::<_, Problem>(Stage {
                compiled,
                directory,
                with_applications,
                now,
                entropy: &entropy,
            })
        };
        let before = attempt(&stage(&stored)?, &subject);
        let person = if let Some(edited) = &edited {
            let after = attempt(&stage(edited)?, &subject);
            compare::person(subject, Some(&before), after, is_redacted)
        } else {
            compare::person(subject, None, before, is_redacted)
        };
        room = room.saturating_sub(person.rows());
        people.push(person);
    }
    let changed = people.iter().filter(|one: &&Person| one.changed).count();
    Ok(Preview {
        redacted: is_redacted,
        tried: people.len(),
        changed,
        left_out: all - people.len(),
        people,
    })
}

/// The directory that somebody came through, compiled.
fn directory<'a>(compiled: &'a Compiled, subject: &Subject) -> Result<&'a Directory, Problem> {
    let found = compiled.tenant.directory(subject.directory.as_str()).map(Arc::as_ref);
    found.ok_or_else(|| Problem::conflict("the directory's settings are not complete"))
}
