//! What is known of logins outside their commit, written in batches: those that have not (or not
//! yet) succeeded, and what comes after.
//!
//! Best effort by design: nobody waits for it, a full queue drops and counts, and the store keeps a
//! quota per tenant, so that an anonymous flood neither slows a login nor fills the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store::{LoginRecord, Store, UserinfoRecord};
use tokio::sync::mpsc;

/// How many records wait at most.
const QUEUE: usize = 4_096;
/// How many are written at once.
const BATCH: usize = 256;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(100);

/// What is recorded.
pub(crate) enum Record {
    /// How far a login came.
    Login(LoginRecord),
    /// That step 10 took place.
    Userinfo(UserinfoRecord),
}

/// Takes records without waiting.
#[derive(Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Record>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// Starts the writer. It ends when every recorder is gone and the queue is empty.
    pub(crate) fn start(store: Store) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, records) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = tokio::spawn(write(store, records, Arc::clone(&dropped)));
        (Self { queue, dropped }, writer)
    }

    /// Hands a record over; it is dropped and counted if too many wait.
    pub(crate) fn record(&self, record: Record) {
        if self.queue.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits for what is to be written, and then as long as said for more; `false` when nothing can come.
pub(crate) async fn gather<T>(
    records: &mut mpsc::Receiver<T>,
    batch: &mut Vec<T>,
    most: usize,
    time: Duration,
) -> bool {
    if records.recv_many(batch, most).await == 0 {
        return false;
    }
    if batch.len() < most {
        tokio::time::sleep(time).await;
        while batch.len() < most {
            let Ok(record) = records.try_recv() else { break };
            batch.push(record);
        }
    }
    true
}

async fn write(store: Store, mut records: mpsc::Receiver<Record>, dropped: Arc<AtomicU64>) {
    let mut batch = Vec::with_capacity(BATCH);
    while gather(&mut records, &mut batch, BATCH, GATHER).await {
        let (mut logins, mut userinfo) = (Vec::new(), Vec::new());
        for record in batch.drain(..) {
            match record {
                Record::Login(record) => logins.push(record),
                Record::Userinfo(record) => userinfo.push(record),
            }
        }
        if let Err(error) = store.record_logins(&logins).await {
            tracing::warn!(%error, count = logins.len(), "timelines were not written");
        }
        if let Err(error) = store.record_userinfo(&userinfo).await {
            tracing::warn!(%error, count = userinfo.len(), "timelines were not written");
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(count = lost, "timelines were dropped: too many at once");
        }
    }
}
