//! What sign-ins say of people, kept so that other rows can be tried on them
//! (`docs/adr/0029-claims-are-kept-to-try-rows-on.md`): sealed and written in batches.
//!
//! Nobody waits for it, as for [`crate::recorder`]: a full queue drops and counts, and of one
//! directory a node hands over no more in a minute than the store keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use broker::id::{DirectoryId, TenantId, UserId};
use moka::future::Cache;
use store::claim_samples::PER_DIRECTORY;
use store::{ClaimRecord, SaidClaims, Store};
use tokio::sync::mpsc;

use crate::login::Trace;
use crate::login::finish::Answered;
use crate::recorder::gather;

/// How long a directory's people are counted.
const PACE: Duration = Duration::from_mins(1);
/// How many directories are counted. Beyond, some are counted anew.
const COUNTED: u64 = 20_000;
/// How many wait at most: of 32 KiB each, as the largest are, 4 MiB.
const QUEUE: usize = 128;
/// How many are written at once.
const BATCH: usize = 64;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(250);

/// Whether it is about somebody, or a test: counted apart.
type Key = (TenantId, DirectoryId, bool);

/// Takes what sign-ins say without waiting.
#[derive(Clone)]
pub(crate) struct ClaimSamples {
    queue: mpsc::Sender<ClaimRecord>,
    dropped: Arc<AtomicU64>,
    /// How many of a directory were handed over lately.
    taken: Cache<Key, Arc<AtomicUsize>>,
}

impl ClaimSamples {
    /// Starts the writer. It ends when nobody can hand over any more and the queue is empty.
    pub(crate) fn start(store: Store) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = tokio::spawn(write(store, waiting, Arc::clone(&dropped)));
        let taken = Cache::builder().max_capacity(COUNTED).time_to_live(PACE).build();
        (Self { queue, dropped, taken }, writer)
    }

    /// Hands over what a directory said of `user`; `None`: of whoever tested it. A tenant that forgets
    /// claims keeps none of its users'.
    pub(crate) async fn keep(&self, trace: &Trace, answered: &Answered, user: Option<UserId>) {
        let (tenant, directory) = (&trace.loaded.tenant, answered.directory.id);
        if user.is_some() && tenant.forget_claims {
            return;
        }
        if !self.has_room((tenant.id, directory, user.is_some())).await {
            return;
        }
        self.hand_over(ClaimRecord {
            tenant: tenant.id,
            directory,
            user,
            login: trace.login,
            at: trace.app.clock.now(),
            said: SaidClaims::of(&answered.id_token, answered.userinfo.as_ref()),
        });
    }

    async fn has_room(&self, key: Key) -> bool {
        let count = self.taken.get_with(key, async { Arc::default() }).await;
        count.fetch_add(1, Ordering::Relaxed) < usize::from(PER_DIRECTORY)
    }

    fn hand_over(&self, record: ClaimRecord) {
        if self.queue.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn write(store: Store, mut waiting: mpsc::Receiver<ClaimRecord>, dropped: Arc<AtomicU64>) {
    let mut batch = Vec::with_capacity(BATCH);
    while gather(&mut waiting, &mut batch, BATCH, GATHER).await {
        if let Err(error) = store.record_claims(&batch).await {
            tracing::warn!(%error, count = batch.len(), "claims were not kept to try rows on");
        }
        batch.clear();
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(count = lost, "claims to try rows on were dropped: too many at once");
        }
    }
}

#[cfg(test)]
mod tests {
    use broker::id::LoginId;
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn samples() -> (ClaimSamples, mpsc::Receiver<ClaimRecord>) {
        let (queue, waiting) = mpsc::channel(2);
        (ClaimSamples { queue, dropped: Arc::default(), taken: Cache::new(100) }, waiting)
    }

    fn record() -> ClaimRecord {
        let id = Uuid::from_u128(1);
        ClaimRecord {
            tenant: TenantId(id),
            directory: DirectoryId(id),
            user: None,
            login: LoginId(id),
            at: DateTime::UNIX_EPOCH,
            said: SaidClaims::of(&serde_json::Map::new(), None),
        }
    }

    /// [THREATS RX-04] What is dropped is counted, and nobody waits.
    #[tokio::test]
    async fn rx_04_full_queue_of_claims_drops_and_counts() {
        let (samples, _waiting) = samples();
        for _ in 0..5 {
            samples.hand_over(record());
        }
        assert_eq!(samples.dropped.load(Ordering::Relaxed), 3);
    }

    /// [THREATS RX-04] A directory through which everybody comes at once costs what it keeps.
    #[tokio::test]
    async fn rx_04_directory_is_written_no_more_often_than_it_keeps() {
        let (samples, _waiting) = samples();
        let key =
            |number| (TenantId(Uuid::from_u128(1)), DirectoryId(Uuid::from_u128(number)), true);
        let mut taken = 0;
        for _ in 0..1_000 {
            taken += usize::from(samples.has_room(key(1)).await);
        }
        assert_eq!(taken, usize::from(PER_DIRECTORY));
        assert!(samples.has_room(key(2)).await);
    }
}
