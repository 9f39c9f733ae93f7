//! When rows are tried: expressions of a tenant's choice run where they keep no login waiting, and no
//! tenant's keep another's (THREATS CL-02).

use std::sync::Arc;
use std::time::Duration;

use broker::id::TenantId;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::api::Problem;

/// How many trials run at a time, one of a tenant.
const AT_ONCE: usize = 2;
/// How long one more waits.
const WAITS: Duration = Duration::from_secs(5);
/// How many tenants are remembered.
const REMEMBERED: u64 = 10_000;

/// Who tries rows at this node.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    of_tenants: Cache<TenantId, Arc<Semaphore>>,
    waits: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        let of_tenants = Cache::builder().max_capacity(REMEMBERED).build();
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), of_tenants, waits: WAITS }
    }
}

impl Turns {
    /// Does the work when its turn comes. Whoever goes away does not give the turn back before the
    /// work is done.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        tenant: TenantId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let until = Instant::now() + self.waits;
        let own = self.of_tenants.get_with(tenant, || Arc::new(Semaphore::new(1)));
        // In this order: who waits for their own tenant's holds no turn that others need.
        let held = [turn(own, until).await?, turn(Arc::clone(&self.all), until).await?];
        let done = tokio::task::spawn_blocking(move || {
            let _held = held;
            work()
        });
        done.await.map_err(|_| Problem::internal("trying rows ended without a result"))
    }
}

async fn turn(of: Arc<Semaphore>, until: Instant) -> Result<OwnedSemaphorePermit, Problem> {
    let turn = timeout_at(until, of.acquire_owned()).await;
    turn.ok().and_then(Result::ok).ok_or_else(Problem::tried_already)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// [THREATS CL-02] One tenant tries one thing at a time, and keeps no other from trying.
    #[tokio::test]
    async fn cl_02_tenant_tries_one_thing_at_a_time() {
        let turns = Turns { waits: Duration::from_millis(200), ..Turns::default() };
        let tenant = |number| TenantId(Uuid::from_u128(number));
        let (begun, wait) = std::sync::mpsc::channel::<()>();
        let first = turns.apart(tenant(1), move || wait.recv().is_ok());
        let others = async {
            let second = turns.apart(tenant(1), || ()).await;
            assert_eq!(second.unwrap_err().status(), 429);
            assert!(turns.apart(tenant(2), || ()).await.is_ok());
            begun.send(()).unwrap();
        };
        let (first, ()) = tokio::join!(first, others);
        assert!(first.unwrap());
        assert!(turns.apart(tenant(1), || ()).await.is_ok());
    }
}
