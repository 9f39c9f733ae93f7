//! What runs beside the requests: following changes of configuration, and cleaning up.

use std::time::Duration;

use store::Store;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::gateway::stopped;
use crate::tenants::Tenants;

/// How often rows past their time are removed.
const CLEAN_EVERY: Duration = Duration::from_mins(5);
/// How many rows of a kind go at once.
const CLEAN_BATCH: i32 = 5_000;

/// Forgets what changed in the database. When the connection is lost words may be lost too, so
/// everything is forgotten then.
pub(crate) async fn follow_changes(
    store: Store,
    tenants: Tenants,
    stopping: watch::Receiver<bool>,
) {
    let mut changes = store.configuration_changes();
    loop {
        tokio::select! {
            () = stopped(stopping.clone()) => return,
            tenant = changes.next() => tenants.forget(tenant).await,
        }
    }
}

/// Removes rows past their time of the tenants that this node serves, in bounded batches. Nodes may
/// do it at once: each takes what it finds.
pub(crate) async fn clean_up(
    store: Store,
    tenants: Tenants,
    clock: Clock,
    stopping: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval(CLEAN_EVERY);
    loop {
        tokio::select! {
            () = stopped(stopping.clone()) => return,
            _ = every.tick() => {}
        }
        for tenant in tenants.served() {
            if let Err(error) = store.tenant(tenant).cleanup(clock.now(), CLEAN_BATCH).await {
                tracing::debug!(tenant.id = %tenant, %error, "nothing was cleaned up");
                break;
            }
        }
    }
}
