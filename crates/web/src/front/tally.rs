//! What is refused in a flood, counted: one line a second for each kind, not one for each request.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::gateway::stopped;

/// How often what was counted is logged.
const EVERY: Duration = Duration::from_secs(1);

/// An event and what it is about; both are words of ours, so that there are few.
type Kind = (&'static str, &'static str);

/// Counts events.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<Kind, u64>>);

impl Tally {
    /// Counts one.
    pub(crate) fn count(&self, event: &'static str, about: &'static str) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.entry((event, about)).or_default() += 1;
    }

    fn take(&self) -> BTreeMap<Kind, u64> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn log(&self) {
        for ((event, about), count) in self.take() {
            tracing::warn!(event, about, count, "requests were refused");
        }
    }

    /// Logs until the gateway stops.
    pub(crate) async fn run(self: Arc<Self>, stopping: watch::Receiver<bool>) {
        let mut every = tokio::time::interval(EVERY);
        let stop = stopped(stopping);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return self.log(),
                _ = every.tick() => self.log(),
            }
        }
    }
}
