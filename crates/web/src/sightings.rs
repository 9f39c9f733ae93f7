//! What is observed of applications and directories, written in batches (docs/operate.md): when
//! something was seen, and the last requests of each application.
//!
//! Nobody waits for it, as for [`crate::recorder`], and strangers cause it, so it is held down three
//! times: a node writes one and the same sighting once a minute, and in ten seconds no more changes
//! of its detail, or requests of a ring, than a ring holds; a full queue drops and counts; and the
//! store has a fixed number of rows (THREATS RX-04). [`observe`] looks at requests and their answers; what a login
//! learns of a directory it says itself.

pub(crate) mod observe;

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use broker::id::{ApplicationId, TenantId};
use moka::future::Cache;
use store::traces::PER_RING;
use store::{SightingKind, SightingRecord, SightingSubject, Store, TraceRecord};
use tokio::sync::mpsc;

use crate::recorder::gather;

/// How long a sighting that was just written is not written again.
const SIGHTED_FOR: Duration = Duration::from_mins(1);
/// How long a ring takes no more than it holds, and a sighting no more changes: somebody mends a
/// redirect URI and tries again.
const PACE: Duration = Duration::from_secs(10);
/// How many sightings and rings are remembered. Beyond, some are written more often.
const REMEMBERED: u64 = 50_000;
/// How many observations wait at most.
const QUEUE: usize = 2_048;
/// How many are written at once.
const BATCH: usize = 256;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(250);

type Key = (TenantId, SightingKind, SightingSubject);
type Ring = (TenantId, Option<ApplicationId>, bool);

/// What is written.
enum Observed {
    Sighting(SightingRecord),
    Request(TraceRecord),
}

/// Takes observations without waiting.
#[derive(Clone)]
pub(crate) struct Sightings {
    queue: mpsc::Sender<Observed>,
    dropped: Arc<AtomicU64>,
    /// What was just written: the detail.
    written: Cache<Key, String>,
    /// How often a sighting was handed over lately.
    changed: Cache<Key, Arc<AtomicUsize>>,
    /// How many requests of a ring were taken lately.
    taken: Cache<Ring, Arc<AtomicUsize>>,
}

impl Sightings {
    /// Starts the writer. It ends when nobody can observe any more and the queue is empty.
    pub(crate) fn start(store: Store) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let written = remembered(SIGHTED_FOR);
        let writer = tokio::spawn(write(store, waiting, written.clone(), Arc::clone(&dropped)));
        let (changed, taken) = (remembered(PACE), remembered(PACE));
        (Self { queue, dropped, written, changed, taken }, writer)
    }

    /// Hands a sighting over, unless it was just written.
    pub(crate) async fn see(&self, record: SightingRecord) {
        let key = key(&record);
        let before = self.written.get(&key).await;
        if before.as_ref() == Some(&record.detail) || !has_room(&self.changed, key).await {
            return;
        }
        let detail = record.detail.clone();
        if self.hand_over(Observed::Sighting(record)) {
            self.written.insert(key, detail).await;
        }
    }

    /// Whether one more request of that ring is wanted.
    async fn takes(&self, ring: Ring) -> bool {
        has_room(&self.taken, ring).await
    }

    /// Hands a request over.
    fn keep(&self, record: TraceRecord) {
        self.hand_over(Observed::Request(record));
    }

    fn hand_over(&self, observed: Observed) -> bool {
        let is_taken = self.queue.try_send(observed).is_ok();
        if !is_taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        is_taken
    }
}

fn remembered<K, V>(time: Duration) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(REMEMBERED).time_to_live(time).build()
}

/// Counts one more of these, and says whether it is within the pace.
async fn has_room<K>(counts: &Cache<K, Arc<AtomicUsize>>, key: K) -> bool
where
    K: Hash + Eq + Send + Sync + 'static,
{
    let count = counts.get_with(key, async { Arc::default() }).await;
    count.fetch_add(1, Ordering::Relaxed) < PER_RING
}

fn key(record: &SightingRecord) -> Key {
    (record.tenant, record.kind, record.subject)
}

async fn write(
    store: Store,
    mut waiting: mpsc::Receiver<Observed>,
    written: Cache<Key, String>,
    dropped: Arc<AtomicU64>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while gather(&mut waiting, &mut batch, BATCH, GATHER).await {
        let (mut sightings, mut requests) = (Vec::new(), Vec::new());
        for observed in batch.drain(..) {
            match observed {
                Observed::Sighting(record) => sightings.push(record),
                Observed::Request(record) => requests.push(record),
            }
        }
        if let Err(error) = store.record_sightings(&sightings).await {
            tracing::warn!(%error, count = sightings.len(), "sightings were not written");
            for record in &sightings {
                written.invalidate(&key(record)).await;
            }
        }
        if let Err(error) = store.record_traces(&requests).await {
            tracing::warn!(%error, count = requests.len(), "traces were not written");
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(count = lost, "sightings were dropped: too many at once");
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn sightings() -> (Sightings, mpsc::Receiver<Observed>) {
        let (queue, waiting) = mpsc::channel(4);
        let (written, changed, taken) = (Cache::new(100), Cache::new(100), Cache::new(100));
        (Sightings { queue, dropped: Arc::default(), written, changed, taken }, waiting)
    }

    fn seen(tenant: u128, second: i64, detail: &str) -> SightingRecord {
        SightingRecord {
            tenant: TenantId(uuid::Uuid::from_u128(tenant)),
            kind: SightingKind::RedirectUriRefused,
            subject: SightingSubject::Application(ApplicationId(uuid::Uuid::from_u128(7))),
            at: DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap(),
            detail: detail.to_owned(),
        }
    }

    #[tokio::test]
    async fn sighting_is_written_again_only_if_it_says_something_else() {
        let (sightings, mut waiting) = sightings();
        for (record, is_new) in [
            (seen(1, 0, "a"), true),
            (seen(1, 30, "a"), false),
            (seen(1, 30, "b"), true),
            (seen(2, 30, "b"), true),
            (seen(1, 31, "a"), true),
        ] {
            sightings.see(record.clone()).await;
            assert_eq!(waiting.try_recv().is_ok(), is_new, "{record:?}");
        }
    }

    /// [THREATS RX-04] A stranger who sends another detail every time has few of them written.
    #[tokio::test]
    async fn rx_04_details_change_no_more_often_than_the_pace() {
        let (sightings, mut waiting) = sightings();
        let mut written = 0;
        for n in 0..1_000 {
            sightings.see(seen(1, n, &n.to_string())).await;
            written += usize::from(waiting.try_recv().is_ok());
        }
        assert_eq!(written, PER_RING);
    }

    /// [THREATS RX-04] What is dropped is counted, and not taken for written.
    #[tokio::test]
    async fn rx_04_full_queue_drops_and_counts() {
        let (sightings, mut waiting) = sightings();
        for tenant in 0..6 {
            sightings.see(seen(tenant, 0, "")).await;
        }
        assert_eq!(sightings.dropped.load(Ordering::Relaxed), 2);
        while waiting.try_recv().is_ok() {}
        sightings.see(seen(5, 1, "")).await;
        assert!(waiting.try_recv().is_ok());
    }

    #[tokio::test]
    async fn rx_04_ring_takes_no_more_than_it_holds() {
        let (sightings, _waiting) = sightings();
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        let mut taken = 0;
        for _ in 0..1_000 {
            taken += usize::from(sightings.takes((tenant, None, false)).await);
        }
        assert_eq!(taken, PER_RING);
        let application = Some(ApplicationId(uuid::Uuid::from_u128(7)));
        assert!(sightings.takes((tenant, application, false)).await);
        assert!(sightings.takes((tenant, application, true)).await);
    }
}
