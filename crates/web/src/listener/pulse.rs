//! What a connection is doing, from which follows how long it may go on like this.
//!
//! hyper has one timeout for the head of a request; it runs while nothing comes as well, so that it
//! cannot tell a slow sender from a connection that is kept for later. This can.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long the head of a request may take, and how long a new connection may be silent.
pub(super) const HEAD: Duration = Duration::from_secs(10);
/// How long a connection is kept between two requests.
pub(super) const IDLE: Duration = Duration::from_mins(1);
/// How long a connection is kept on which neither a request began nor an answer ended. Longer than
/// the longest request takes: whoever is met by this does not read the answers.
pub(super) const STUCK: Duration = Duration::from_secs(75);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The head of a request is on its way.
    Head,
    /// Nothing, until the next request.
    Idle,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    running: usize,
    since: Instant,
    multiplexed: bool,
}

/// What a connection is doing.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Arc<Mutex<State>>);

impl Pulse {
    /// A connection that was just accepted: its first request is awaited.
    pub(super) fn new(now: Instant) -> Self {
        let state = State { phase: Phase::Head, running: 0, since: now, multiplexed: false };
        Self(Arc::new(Mutex::new(state)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Octets arrived. HTTP/2 sends some that begin no request, so there they mean nothing.
    pub(super) fn octets(&self, now: Instant) {
        self.with(|state| {
            if state.phase == Phase::Idle && state.running == 0 && !state.multiplexed {
                state.phase = Phase::Head;
                state.since = now;
            }
        });
    }

    /// A request is there.
    pub(super) fn begin(&self, now: Instant, multiplexed: bool) -> Running {
        self.with(|state| {
            state.running += 1;
            state.since = now;
            state.multiplexed = multiplexed;
        });
        Running(self.clone())
    }

    fn end(&self, now: Instant) {
        self.with(|state| {
            state.running = state.running.saturating_sub(1);
            state.phase = Phase::Idle;
            state.since = now;
        });
    }

    /// Whether any request is running.
    pub(super) fn is_running(&self) -> bool {
        self.with(|state| state.running > 0)
    }

    /// Whether the head of a request is awaited: there is nothing to take leave from.
    pub(super) fn is_waiting_for_head(&self) -> bool {
        self.with(|state| state.running == 0 && state.phase == Phase::Head)
    }

    /// Until when it may go on like this.
    pub(super) fn deadline(&self) -> Instant {
        self.with(|state| {
            state.since
                + match state.phase {
                    _ if state.running > 0 => STUCK,
                    Phase::Head => HEAD,
                    Phase::Idle => IDLE,
                }
        })
    }
}

/// A running request; dropped when its answer was handed over, or when nobody wants it any more.
#[derive(Debug)]
pub(super) struct Running(Pulse);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.end(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(pulse: &Pulse, start: Instant) -> u64 {
        (pulse.deadline() - start).as_secs()
    }

    #[test]
    fn rx_01_silent_and_slow_connections_have_ten_seconds() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        pulse.octets(start + Duration::from_secs(9));
        assert_eq!(waits(&pulse, start), 10, "octets do not prolong it");
        drop(pulse.begin(start, false));
        assert_eq!(waits(&pulse, start), 60, "idle");
        pulse.octets(start + Duration::from_secs(5));
        assert_eq!(waits(&pulse, start), 15, "the second request has ten seconds as well");
    }

    #[test]
    fn rx_01_connection_lives_as_long_as_any_of_its_requests() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        let one = pulse.begin(start, true);
        let two = pulse.begin(start, true);
        drop(one);
        assert!(pulse.is_running());
        assert_eq!(waits(&pulse, start), 75);
        drop(two);
        assert!(!pulse.is_running());
        pulse.octets(start + Duration::from_secs(5));
        assert_eq!(waits(&pulse, start), 60, "a ping begins no request");
    }
}
