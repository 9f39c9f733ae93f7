//! Looks at proven domains again, so that one that changed hands stops routing (THREATS ID-06).
//!
//! Each node looks at the tenants that it serves, one domain at a time with a pause between. Nodes
//! may look at once: what one of them found is counted, see
//! [`note_domain_check`](store::TenantStore::note_domain_check).

use std::time::Duration;

use broker::domain_proof::{Finding, Proof, State};
use broker::id::TenantId;
use store::Store;
use tokio::sync::watch;

use super::Dns;
use crate::clock::Clock;
use crate::entropy;
use crate::gateway::stopped;
use crate::tenants::Tenants;

/// The shortest pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// What is added to it is below this, so that nodes that started together drift apart.
const JITTER_MILLIS: u64 = 10_000;

/// Looks at one domain after another, for as long as the gateway runs.
pub(crate) async fn run(
    store: Store,
    tenants: Tenants,
    dns: Dns,
    clock: Clock,
    stopping: watch::Receiver<bool>,
) {
    let looking = async {
        loop {
            tokio::time::sleep(PAUSE + jitter()).await;
            if let Some((tenant, proof)) = tenants.due_proof(clock.now()) {
                let finding = dns.look(&proof).await;
                note(&store, &tenants, tenant, &proof, (&finding, clock)).await;
            }
        }
    };
    tokio::select! {
        () = stopped(stopping) => {}
        () = looking => {}
    }
}

fn jitter() -> Duration {
    let millis = entropy::bytes().map_or(0, |bytes| u64::from_le_bytes(bytes) % JITTER_MILLIS);
    Duration::from_millis(millis)
}

/// Keeps what was found. When somebody else looked first, or the claim is gone, this node did not
/// hear of it, so what it knows of the tenant is dropped.
async fn note(
    store: &Store,
    tenants: &Tenants,
    tenant: TenantId,
    before: &Proof,
    (finding, clock): (&Finding, Clock),
) {
    let after = before.after(finding, clock.now());
    match store.tenant(tenant).note_domain_check(before, &after).await {
        Ok(true) => tell(tenant, &after, finding),
        Ok(false) => tenants.forget(Some(tenant)).await,
        Err(error) => {
            let domain = after.domain.as_str();
            tracing::warn!(tenant.id = %tenant, domain, %error, "a look at a domain was not noted");
        }
    }
}

fn tell(tenant: TenantId, after: &Proof, finding: &Finding) {
    let domain = after.domain.as_str();
    match (after.state(), finding) {
        (State::Lost, _) => {
            tracing::error!(tenant.id = %tenant, domain, ?finding, "a domain is proven no longer");
        }
        (_, Finding::Present) => {
            tracing::debug!(tenant.id = %tenant, domain, "a domain is proven still");
        }
        _ => {
            tracing::warn!(tenant.id = %tenant, domain, ?finding, "the proof of a domain is missing");
        }
    }
}
