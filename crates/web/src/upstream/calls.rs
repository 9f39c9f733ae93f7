//! Every request to a directory, on its way to [`crate::egress`]: in its tenant's turn there,
//! and not at all to an endpoint that rests.
//!
//! Documents do not rest here: `cache` remembers a failed fetch for five seconds, and a fetch that
//! nobody waits for does no harm.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use broker::id::TenantId;
use moka::future::Cache;

use super::error::{Asked, UpstreamError};
use super::rest::Rest;
use super::turns::{OfTenant, Turns, Went};
use crate::clock::Clock;
use crate::egress::{Egress, EgressError, LONGEST, Reply, Request};

/// An answer within this time came soon.
const SOON: Duration = Duration::from_secs(3);
/// Tenants whose calls are counted at once, and endpoints that are watched.
const CAPACITY: u64 = 20_000;
/// Nobody signed in there for so long that nothing known of it matters.
const IDLE: Duration = Duration::from_hours(1);

/// The way to the directories. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Calls {
    egress: Egress,
    clock: Clock,
    turns: Cache<(TenantId, String), Arc<Turns>>,
    tenants: Cache<TenantId, OfTenant>,
    rests: Cache<(TenantId, String), Arc<Mutex<Rest>>>,
}

impl Calls {
    /// Nothing is under way yet.
    pub(crate) fn new(egress: Egress, clock: Clock) -> Self {
        let turns = Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build();
        let tenants = Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build();
        let rests = Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build();
        Self { egress, clock, turns, tenants, rests }
    }

    /// Sends a request of a tenant, once, and reads the whole answer. Waiting and asking take ten
    /// seconds together.
    ///
    /// # Errors
    /// [`UpstreamError::Egress`], [`UpstreamError::Resting`] or [`UpstreamError::Busy`]; after the
    /// last two nothing was sent.
    pub(crate) async fn send(
        &self,
        tenant: TenantId,
        asked: Asked,
        request: Request,
    ) -> Result<Reply, UpstreamError> {
        let rest = self.rest(tenant, asked, &request).await;
        if rest.as_ref().is_some_and(|rest| !lock(rest).admits(self.clock.now())) {
            return Err(UpstreamError::Resting { asked });
        }
        let began = Instant::now();
        let of_tenant = self.tenants.get_with(tenant, async { OfTenant::default() }).await;
        let endpoint = (tenant, request.url().to_owned());
        let turns = self.turns.get_with(endpoint, async { Arc::default() }).await;
        let turn = turns.take(&of_tenant).await.map_err(|_| UpstreamError::Busy { asked })?;
        let left = LONGEST.saturating_sub(began.elapsed());
        let sent = Instant::now();
        let answer = self.egress.send(request.deadline(left)).await;
        let went = went(&answer, sent.elapsed());
        if let Some(went) = went {
            turn.end(went);
        }
        if let (Some(rest), Some(_)) = (rest, went) {
            self.note(&rest, tenant, asked, is_lost(&answer));
        }
        answer.map_err(|error| UpstreamError::Egress { asked, error })
    }

    /// What is known of the endpoint, if it is one that logins wait for.
    async fn rest(
        &self,
        tenant: TenantId,
        asked: Asked,
        request: &Request,
    ) -> Option<Arc<Mutex<Rest>>> {
        match asked {
            Asked::Discovery | Asked::Keys => None,
            Asked::Token | Asked::Userinfo => {
                let key = (tenant, request.url().to_owned());
                Some(self.rests.get_with(key, async { Arc::default() }).await)
            }
        }
    }

    fn note(&self, rest: &Mutex<Rest>, tenant: TenantId, asked: Asked, lost: bool) {
        let now = self.clock.now();
        let mut rest = lock(rest);
        if !lost {
            rest.answered(now);
        } else if rest.failed(now) {
            tracing::warn!(
                tenant.id = %tenant,
                asked = %asked,
                "upstream.resting: an endpoint of a directory does not answer and is left alone"
            );
        }
    }
}

/// How a call went, if it went anywhere: what the policy forbids says nothing of the directory.
fn went(answer: &Result<Reply, EgressError>, took: Duration) -> Option<Went> {
    match answer {
        Err(EgressError::Blocked(_) | EgressError::BadUrl | EgressError::NoClient) => None,
        _ if is_lost(answer) || took > SOON => Some(Went::Badly),
        _ => Some(Went::Well),
    }
}

fn is_lost(answer: &Result<Reply, EgressError>) -> bool {
    matches!(
        answer,
        Err(EgressError::Unresolved(_)
            | EgressError::Unreachable(_)
            | EgressError::Certificate(..)
            | EgressError::Timeout(_))
    )
}

fn lock(rest: &Mutex<Rest>) -> MutexGuard<'_, Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}
