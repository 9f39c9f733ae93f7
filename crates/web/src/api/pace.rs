//! How much a token and a tenant may ask for: a program that runs wild keeps no other tenant's from
//! working (THREATS RX-05, EG-05). Each node counts for itself.

use std::sync::Arc;
use std::time::Duration;

use broker::id::TenantId;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::front::throttle::Limit;
use crate::preview::Turns;

/// So many requests of a token at once, and so many a second.
const OF_A_TOKEN: (u32, u32) = (2_000, 100);
/// So many probes of a tenant at once, and so many a minute: each goes to addresses of its choice.
const PROBES: (u32, u32) = (6, 6);
/// The most requests of a tenant that run at a time, one fewer than there are connections for all.
const AT_ONCE: usize = 3;
/// How long one more waits.
const WAITS: Duration = Duration::from_secs(3);
/// How many tenants are remembered; one that is forgotten while its requests run has more turns.
const REMEMBERED: u64 = 10_000;

/// What is counted. The tenant `None` is whoever acts for all of them.
pub(crate) struct Pace {
    tokens: Limit,
    probes: Limit,
    turns: Cache<Option<TenantId>, Arc<Semaphore>>,
    /// When rows are tried.
    pub(crate) previews: Turns,
    pictures: Arc<Semaphore>,
}

impl Default for Pace {
    fn default() -> Self {
        let turns = Cache::builder().max_capacity(REMEMBERED).build();
        let (tokens, probes) = (Limit::new(OF_A_TOKEN), Limit::per_minute(PROBES));
        let pictures = Arc::new(Semaphore::new(1));
        Self { tokens, probes, turns, previews: Turns::default(), pictures }
    }
}

impl Pace {
    /// Counts a request; otherwise says in how many seconds another one may come.
    pub(crate) fn request(&self, token: Uuid) -> Result<(), u64> {
        // The identifier's random part.
        let (_, random) = token.as_u64_pair();
        self.tokens.count(random)
    }

    /// Counts a probe.
    pub(crate) fn probe(&self, tenant: TenantId) -> Result<(), u64> {
        let (_, random) = tenant.0.as_u64_pair();
        self.probes.count(random)
    }

    /// A turn to read a picture, which takes tens of megabytes: one at a time. To be held until it was
    /// read, whoever still waits for it.
    pub(crate) async fn picture(&self) -> Result<OwnedSemaphorePermit, u64> {
        let turn = Arc::clone(&self.pictures).acquire_owned();
        match tokio::time::timeout(WAITS, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(1),
        }
    }

    /// A turn, to be held while a request runs; otherwise in how many seconds to try again.
    pub(crate) async fn turn(&self, tenant: Option<TenantId>) -> Result<OwnedSemaphorePermit, u64> {
        let turns = self.turns.get_with(tenant, || Arc::new(Semaphore::new(AT_ONCE)));
        match tokio::time::timeout(WAITS, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_05_tokens_are_counted_apart() {
        let pace = Pace::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let refused = (0..3_000).find_map(|_| pace.request(one).err());
        assert_eq!(refused, Some(1));
        assert!(pace.request(other).is_ok());
    }

    #[test]
    fn eg_05_tenant_probes_six_times_a_minute() {
        let pace = Pace::default();
        let (one, other) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let allowed = (0..20).filter(|_| pace.probe(one).is_ok()).count();
        assert_eq!(allowed, 6);
        assert!(pace.probe(one).is_err_and(|seconds| (1..=11).contains(&seconds)));
        assert!(pace.probe(other).is_ok());
    }

    #[tokio::test]
    async fn rx_05_requests_of_one_tenant_wait_for_each_other_and_for_no_other_tenant() {
        let pace = Pace::default();
        let tenant = |number| Some(TenantId(Uuid::from_u128(number)));
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(pace.turn(tenant(1)).await.unwrap());
        }
        assert_eq!(pace.turn(tenant(1)).await.err(), Some(1));
        assert!(pace.turn(tenant(2)).await.is_ok() && pace.turn(None).await.is_ok());
        held.pop();
        assert!(pace.turn(tenant(1)).await.is_ok());
    }
}
