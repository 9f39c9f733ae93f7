//! Where discovery documents lead that are not believed, written down for whoever approves it
//! (THREATS UP-08). Nobody waits for it; a directory changes what is written no more often than its
//! document is fetched.

use std::collections::BTreeSet;

use broker::id::{DirectoryId, TenantId};
use store::Store;
use tokio::sync::mpsc;

use crate::clock::Clock;

/// How many wait at most; one more is noted when its document is fetched again.
const QUEUE: usize = 1_024;

/// A document that was fetched.
struct Fetched {
    tenant: TenantId,
    directory: DirectoryId,
    /// Where it leads; `None`: to where the directory was.
    elsewhere: Option<BTreeSet<String>>,
}

/// Takes what documents say, without waiting.
#[derive(Clone)]
pub(crate) struct Moves(mpsc::Sender<Fetched>);

impl Moves {
    /// Starts the writer. It ends when nobody can note anything any more; what is lost then is noted
    /// when the document is fetched again.
    pub(crate) fn start(store: Store, clock: Clock) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Fetched>(QUEUE);
        tokio::spawn(async move {
            while let Some(Fetched { tenant, directory, elsewhere }) = waiting.recv().await {
                let of = store.tenant(tenant);
                let noted = of.propose_hosts(directory, elsewhere.as_ref(), clock.now()).await;
                if let Err(error) = noted {
                    tracing::warn!(%error, "where a directory leads now was not written down");
                }
            }
        });
        Self(queue)
    }

    /// Notes where a document leads: `known` is where the directory was, if anybody signed in.
    pub(super) fn note(
        &self,
        tenant: TenantId,
        directory: DirectoryId,
        (hosts, known): (BTreeSet<String>, &BTreeSet<String>),
    ) {
        if known.is_empty() {
            return;
        }
        let elsewhere = Some(hosts).filter(|hosts| !hosts.is_subset(known));
        let _ = self.0.try_send(Fetched { tenant, directory, elsewhere });
    }
}
