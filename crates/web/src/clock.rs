//! The one clock of the gateway: the database's, so that every node measures lifetimes alike
//! (THREATS KD-03; docs/adr/0021).
//!
//! It is compared with the database every ten seconds and runs on by itself in between, by a
//! counter that nobody can set: when the clock of this machine jumps, nothing here does. How far
//! that clock is off is kept as well, for `/readyz`, and a node that never heard the database's time
//! is not ready.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use store::{Store, StoreError};
use tokio::sync::watch;

use crate::gateway::stopped;

/// How often the clock is compared.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How often while it never was, because the database was away when the process began.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// An answer that took longer than this says too little about when it was given.
const TOO_SLOW: TimeDelta = TimeDelta::seconds(2);
/// How far this machine's clock may be off. Logs, certificates and what directories say are then
/// still understood; beyond it somebody has to look.
const TOLERATED: TimeDelta = TimeDelta::seconds(5);

/// When the process began: by this machine's clock, and by the counter.
static START: LazyLock<(DateTime<Utc>, Instant)> = LazyLock::new(|| (system(), Instant::now()));
/// What has to be added to reach the database's time, in microseconds.
static OFFSET: AtomicI64 = AtomicI64::new(0);
/// Whether it was ever compared.
static COMPARED: AtomicBool = AtomicBool::new(false);
/// How far this machine's clock is ahead of the database's, in microseconds.
static SKEW: AtomicI64 = AtomicI64::new(0);

/// Reads the time; everything below is handed what it read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The time now, as the database has it.
    pub fn now(self) -> DateTime<Utc> {
        counted() + TimeDelta::microseconds(OFFSET.load(Ordering::Relaxed))
    }

    /// Whether the database's time is known.
    pub(crate) fn is_compared() -> bool {
        COMPARED.load(Ordering::Relaxed)
    }

    /// How far this machine's clock is off, if that is too far.
    pub(crate) fn intolerable_skew() -> Option<TimeDelta> {
        let skew = TimeDelta::microseconds(SKEW.load(Ordering::Relaxed));
        (skew.abs() > TOLERATED).then_some(skew)
    }

    /// How far this machine's clock may be from the database's.
    pub const TOLERATED: TimeDelta = TOLERATED;

    /// How far this machine's clock is ahead of the database's; `None`: the answer took too long to
    /// tell.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ahead_of(self, store: &Store) -> Result<Option<TimeDelta>, StoreError> {
        let before = counted();
        let theirs = store.clock().await?;
        let after = counted();
        Ok(halfway(before, after).map(|halfway| system() - (after - halfway) - theirs))
    }

    /// Compares with the database once.
    pub(crate) async fn compare(self, store: &Store) {
        let before = counted();
        let Ok(theirs) = store.clock().await else { return };
        let after = counted();
        let Some(halfway) = halfway(before, after) else { return };
        let skew = system() - (after - halfway) - theirs;
        OFFSET.store(micros(theirs - halfway), Ordering::Relaxed);
        let was = Self::intolerable_skew();
        SKEW.store(micros(skew), Ordering::Relaxed);
        COMPARED.store(true, Ordering::Relaxed);
        match (was, Self::intolerable_skew()) {
            (None, Some(_)) => tracing::warn!(
                event = "node.clock_skew",
                milliseconds = skew.num_milliseconds(),
                "this machine's clock is not the database's"
            ),
            (Some(_), None) => {
                tracing::info!(event = "node.clock_skew", "this machine's clock is right again");
            }
            _ => {}
        }
    }

    /// Compares until the gateway stops.
    pub(crate) async fn follow(self, store: Store, stopping: watch::Receiver<bool>) {
        let stop = stopped(stopping);
        tokio::pin!(stop);
        loop {
            let wait = if Self::is_compared() { COMPARE_EVERY } else { TRY_EVERY };
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(wait) => self.compare(&store).await,
            }
        }
    }
}

/// This machine's clock, which anybody may set.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system() -> DateTime<Utc> {
    Utc::now()
}

/// This machine's clock as it was at the start, and the counter since then.
fn counted() -> DateTime<Utc> {
    let (began, counter) = *START;
    began + TimeDelta::from_std(counter.elapsed()).unwrap_or_default()
}

/// When an answer was given, as far as it can be told; `None` if it took too long.
fn halfway(before: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let took = after - before;
    (took <= TOO_SLOW).then(|| before + took / 2)
}

fn micros(delta: TimeDelta) -> i64 {
    delta.num_microseconds().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kd_03_an_answer_is_taken_to_come_from_the_middle_of_its_round_trip() {
        let at = |millis| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis);
        assert_eq!(halfway(at(0), at(100)), Some(at(50)));
        assert_eq!(halfway(at(0), at(2_000)), Some(at(1_000)));
        assert_eq!(halfway(at(0), at(2_001)), None);
    }

    #[test]
    fn kd_03_the_clock_does_not_run_backwards() {
        let first = Clock.now();
        assert!(Clock.now() >= first);
    }
}
