//! What runs beside the requests: following changes of configuration, cleaning up, looking after the
//! master key, and stating where audit logs end.

use std::collections::HashMap;
use std::time::Duration;

use broker::audit::Checkpoint;
use broker::id::TenantId;
use broker::seal::MasterKey;
use store::{KeyInForce, Store, TenantStore};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::gateway::stopped;
use crate::tenants::Tenants;

/// How often rows past their time are removed.
const CLEAN_EVERY: Duration = Duration::from_mins(5);
/// How many rows of a kind go at once: few enough for the limit of one statement.
const CLEAN_BATCH: i32 = 1_000;
/// How many batches of one tenant go before the next tenant's turn.
const CLEAN_BATCHES: usize = 100;
/// How often the database is asked which master key is in force. While one is replaced a gateway
/// has both, so it does not matter which of them it writes with for as long.
const KEY_EVERY: Duration = Duration::from_secs(30);
/// How often the ends of audit logs are stated in the log (THREATS SC-05).
const CHECKPOINT_EVERY: Duration = Duration::from_mins(5);

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
        // What is past its time by a clock that is wrong may not be: nothing goes for good by it.
        if Clock::intolerable_skew().is_some() {
            continue;
        }
        for tenant in tenants.served() {
            clean_up_one(&store.tenant(tenant), clock).await;
        }
    }
}

/// Until nothing is left, or so much was done that the other tenants come first.
async fn clean_up_one(tenant: &TenantStore, clock: Clock) {
    for _ in 0..CLEAN_BATCHES {
        match tenant.cleanup(clock.now(), CLEAN_BATCH).await {
            Ok(report) if report.reached(CLEAN_BATCH) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(tenant.id = %tenant.id(), %error, "nothing was cleaned up");
                return;
            }
        }
    }
}

/// Removes answers to keyed requests of the admin API that are past their time.
pub(crate) async fn forget_requests(
    operator: Store,
    clock: Clock,
    stopping: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval(CLEAN_EVERY);
    loop {
        tokio::select! {
            () = stopped(stopping.clone()) => return,
            _ = every.tick() => {}
        }
        if Clock::intolerable_skew().is_some() {
            continue;
        }
        for _ in 0..CLEAN_BATCHES {
            match operator.operator().forget_requests(clock.now(), CLEAN_BATCH.into()).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "no kept answer was removed");
                    break;
                }
            }
        }
    }
}

/// Learns of a replacement of the master key while it is under way.
pub(crate) async fn watch_master_key(store: Store, stopping: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(KEY_EVERY);
    loop {
        tokio::select! {
            () = stopped(stopping.clone()) => return,
            _ = every.tick() => {}
        }
        match store.master_key_in_force().await {
            Ok(KeyInForce::Here) => {}
            Ok(KeyInForce::Elsewhere) => {
                tracing::error!("another master key is in force: this gateway needs it");
            }
            Ok(KeyInForce::PreviousNeeded) => {
                tracing::error!("the previous master key is still needed and is not here");
            }
            Err(error) => tracing::debug!(%error, "the master key was not looked at"),
        }
    }
}

/// States in the log where the audit logs of the tenants end that this node serves, signed, when
/// there is something new, and once more at the end: whoever keeps the log keeps what a cut or
/// rewritten log is found by.
pub(crate) async fn state_audit_heads(
    (store, master): (Store, MasterKey),
    tenants: Tenants,
    clock: Clock,
    stopping: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval(CHECKPOINT_EVERY);
    let mut stated: HashMap<TenantId, i64> = HashMap::new();
    loop {
        let is_last = tokio::select! {
            () = stopped(stopping.clone()) => true,
            _ = every.tick() => false,
        };
        let served = tenants.served();
        stated.retain(|tenant, _| served.contains(tenant));
        for tenant in served {
            let head = match store.tenant(tenant).audit_head().await {
                Ok(head) => head,
                Err(error) => {
                    tracing::debug!(tenant.id = %tenant, %error, "no audit checkpoint");
                    break;
                }
            };
            let Some((seq, head)) = head.filter(|(seq, _)| stated.get(&tenant) != Some(seq)) else {
                continue;
            };
            let Ok(head) = head.as_slice().try_into() else { continue };
            let checkpoint = Checkpoint { chain: tenant.into(), seq, head, at: clock.now() };
            if let Ok(line) = checkpoint.line(&master) {
                tracing::info!(tenant.id = %tenant, "audit checkpoint: {line}");
                stated.insert(tenant, seq);
            }
        }
        if is_last {
            return;
        }
    }
}
