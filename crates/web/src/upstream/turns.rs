//! How many calls a tenant has under way at its directories, so that one tenant's silent directory
//! cannot use up the node, nor what the tenant's other directories need (THREATS EG-05, F-06, F-20).
//!
//! Each endpoint of a directory begins with [`FEWEST`] calls at a time. Each answer that comes soon
//! adds one, up to [`MOST`]: a directory that works serves a lecture hall that signs in at once. Each
//! call that is late or lost takes its place away with it, down to [`FEWEST`] again. Whoever finds no
//! place waits in line, for a while; when the line is full, not even that. All endpoints of a tenant
//! together have [`ALTOGETHER`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls at a time at an endpoint that is new or in trouble.
const FEWEST: usize = 4;
/// Calls at a time at an endpoint that answers.
const MOST: usize = 64;
/// Calls at a time of a tenant: one endpoint in trouble leaves half of them to the others.
const ALTOGETHER: usize = 2 * MOST;
/// Who may wait in line. Each of them is a browser's request that is held in memory.
const LINE: usize = 256;
/// How long somebody waits; it comes off what the call itself may take, which has to be enough to
/// use a code that works once.
const WAIT: Duration = Duration::from_secs(3);

/// The places of one tenant at one endpoint.
#[derive(Debug)]
pub(super) struct Turns {
    free: Arc<Semaphore>,
    places: Mutex<usize>,
    in_line: AtomicUsize,
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    permit: OwnedSemaphorePermit,
    _of_tenant: OwnedSemaphorePermit,
}

/// The places of one tenant altogether.
#[derive(Debug, Clone)]
pub(super) struct OfTenant(Arc<Semaphore>);

impl Default for OfTenant {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALTOGETHER)))
    }
}

/// No place became free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// An answer came soon.
    Well,
    /// Late, or never.
    Badly,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            free: Arc::new(Semaphore::new(FEWEST)),
            places: Mutex::new(FEWEST),
            in_line: AtomicUsize::new(0),
        }
    }
}

impl Turns {
    /// Waits for a place: first come, first served.
    pub(super) async fn take(self: &Arc<Self>, of: &OfTenant) -> Result<Turn, Busy> {
        self.take_within(of, WAIT).await
    }

    async fn take_within(self: &Arc<Self>, of: &OfTenant, wait: Duration) -> Result<Turn, Busy> {
        let permit = self.place(wait).await?;
        // Only whoever has a place at the endpoint takes one of the tenant's, so that those who wait
        // for a slow one hold nothing that others need.
        let of_tenant = Arc::clone(&of.0).try_acquire_owned().map_err(|_| Busy)?;
        Ok(Turn { turns: Arc::clone(self), permit, _of_tenant: of_tenant })
    }

    async fn place(self: &Arc<Self>, wait: Duration) -> Result<OwnedSemaphorePermit, Busy> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(permit);
        }
        let _line = self.stand().ok_or(Busy)?;
        let waiting = tokio::time::timeout(wait, Arc::clone(&self.free).acquire_owned());
        waiting.await.ok().and_then(Result::ok).ok_or(Busy)
    }

    fn stand(self: &Arc<Self>) -> Option<InLine> {
        let line = InLine(Arc::clone(self));
        // Counted first: `line` counts back when it is dropped.
        (self.in_line.fetch_add(1, Ordering::Relaxed) < LINE).then_some(line)
    }
}

impl Turn {
    /// Gives the place back. Without this, as when a browser gave up, the number stays as it is.
    pub(super) fn end(self, went: Went) {
        let mut places = self.turns.places.lock().unwrap_or_else(PoisonError::into_inner);
        match went {
            Went::Well if *places < MOST => {
                *places += 1;
                self.turns.free.add_permits(1);
            }
            Went::Badly if *places > FEWEST => {
                *places -= 1;
                self.permit.forget();
            }
            _ => {}
        }
    }
}

/// Somebody in line, also when they leave it early.
struct InLine(Arc<Turns>);

impl Drop for InLine {
    fn drop(&mut self) {
        self.0.in_line.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    /// Takes places until there is none, and says how many there were.
    async fn all(turns: &Arc<Turns>) -> Vec<Turn> {
        let mut taken = Vec::new();
        while let Ok(turn) = turns.take_within(&OfTenant::default(), Duration::ZERO).await {
            taken.push(turn);
        }
        taken
    }

    #[tokio::test]
    async fn eg_05_f_06_a_host_begins_with_four_calls_at_a_time() {
        let turns = Arc::new(Turns::default());
        let taken = all(&turns).await;
        assert_eq!(taken.len(), FEWEST);
        assert_eq!(turns.take_within(&OfTenant::default(), SHORT).await.err(), Some(Busy));
        assert_eq!(turns.in_line.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn f_20_answers_add_places_and_lost_calls_take_them_away() {
        let turns = Arc::new(Turns::default());
        for _ in 0..100 {
            turns.take(&OfTenant::default()).await.unwrap().end(Went::Well);
        }
        let taken = all(&turns).await;
        assert_eq!(taken.len(), MOST);
        for turn in taken {
            turn.end(Went::Badly);
        }
        assert_eq!(all(&turns).await.len(), FEWEST);
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_place_and_who_gives_up_leaves_the_line() {
        let turns = Arc::new(Turns::default());
        let mut taken = all(&turns).await;
        let waiting = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take(&OfTenant::default()).await.is_ok() }
        });
        let impatient = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take(&OfTenant::default()).await.is_ok() }
        });
        while turns.in_line.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        impatient.abort();
        drop(taken.pop());
        assert!(waiting.await.unwrap());
        let _aborted = impatient.await;
        assert_eq!(turns.in_line.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn f_20_the_line_is_bounded() {
        let turns = Arc::new(Turns::default());
        let _taken = all(&turns).await;
        let line: Vec<_> = (0..LINE).map_while(|_| turns.stand()).collect();
        assert_eq!(line.len(), LINE);
        assert_eq!(turns.take(&OfTenant::default()).await.err(), Some(Busy), "at once");
        drop(line);
        assert!(turns.stand().is_some());
    }

    #[tokio::test]
    async fn f_20_a_tenant_has_a_bound_over_all_its_hosts() {
        let of = OfTenant::default();
        let hosts: Vec<Arc<Turns>> = (0..40).map(|_| Arc::default()).collect();
        let mut taken = Vec::new();
        for turns in &hosts {
            while let Ok(turn) = turns.take_within(&of, Duration::ZERO).await {
                taken.push(turn);
            }
        }
        assert_eq!(taken.len(), ALTOGETHER);
        drop(taken);
        assert!(hosts[39].take(&of).await.is_ok());
    }
}
