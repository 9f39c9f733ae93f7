//! What directories publish, remembered: fetched once however many ask, and never forgotten
//! because a fetch failed.
//!
//! | what is known | what a caller gets | what happens besides |
//! |---|---|---|
//! | a value younger than ten minutes | the value | nothing |
//! | an older one, up to a day | the value | one fetch in the background, unless one just failed |
//! | nothing, and a fetch failed within five seconds | that failure | nothing |
//! | nothing | the outcome of the one fetch that all wait for | |
//!
//! A fetch runs in a task of its own: a browser that gives up does not stop it for the others.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

use super::error::UpstreamError;
use crate::entropy;

/// Then a value is fetched again, in the background; varied by a fifth, so that entries made
/// together are not renewed together (THREATS F-19).
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// A directory whose documents cannot be fetched for longer than this is not trusted on old ones.
const USABLE: TimeDelta = TimeDelta::hours(24);
/// A failure is remembered so that a dead directory does not hold up every login (THREATS F-07).
const FAILED: TimeDelta = TimeDelta::seconds(5);
/// How often something is fetched because a token names a key we do not know (THREATS RX-03).
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// Entries: one or two per directory in use.
const CAPACITY: u64 = 20_000;
/// Nobody signed in through it for two days.
const IDLE: Duration = Duration::from_hours(48);

/// Values by key.
pub(super) struct SoftCache<K, V> {
    slots: Cache<K, Arc<Slot<V>>>,
}

/// What is known under one key, and whose turn it is to fetch.
struct Slot<V> {
    known: Mutex<Known<V>>,
    gate: Arc<Gate<()>>,
}

struct Known<V> {
    good: Option<Good<V>>,
    failure: Option<Failure>,
    /// When it was last fetched because of an unknown key.
    asked_again_at: Option<DateTime<Utc>>,
}

struct Good<V> {
    value: Arc<V>,
    loaded_at: DateTime<Utc>,
    fresh_until: DateTime<Utc>,
}

struct Failure {
    error: UpstreamError,
    until: DateTime<Utc>,
}

enum Look<V> {
    Fresh(Arc<V>),
    Stale(Arc<V>),
    Failed(UpstreamError),
    Nothing,
}

impl<K, V> SoftCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    pub(super) fn new() -> Self {
        Self { slots: Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build() }
    }

    /// The value, fetched by `load` if need be.
    ///
    /// # Errors
    /// The failure of the fetch, or of one within the last five seconds.
    pub(super) async fn get<L>(
        &self,
        key: K,
        now: DateTime<Utc>,
        load: L,
    ) -> Result<Arc<V>, UpstreamError>
    where
        L: Future<Output = Result<V, UpstreamError>> + Send + 'static,
    {
        let slot = self.slot(key).await;
        match slot.look(now) {
            Look::Fresh(value) => Ok(value),
            Look::Stale(value) => {
                if let Ok(turn) = Arc::clone(&slot.gate).try_lock_owned() {
                    tokio::spawn(slot.fetch(turn, now, load));
                }
                Ok(value)
            }
            Look::Failed(error) => Err(error),
            Look::Nothing => slot.wait(now, load).await,
        }
    }

    /// The value that replaced `seen`, which turned out to be outdated; `seen` itself if there is
    /// no other, because this was asked within the last 30 seconds or because the fetch failed.
    pub(super) async fn newer<L>(&self, key: K, seen: Arc<V>, now: DateTime<Utc>, load: L) -> Arc<V>
    where
        L: Future<Output = Result<V, UpstreamError>> + Send + 'static,
    {
        let slot = self.slot(key).await;
        // Whoever comes while a fetch runs waits for what it brings.
        let turn = Arc::clone(&slot.gate).lock_owned().await;
        if let Some(other) = slot.other_than(&seen) {
            return other;
        }
        if !slot.may_ask_again(now) {
            return seen;
        }
        match tokio::spawn(slot.fetch(turn, now, load)).await {
            Ok(Ok(value)) => value,
            _ => seen,
        }
    }

    async fn slot(&self, key: K) -> Arc<Slot<V>> {
        self.slots.get_with(key, async { Arc::new(Slot::default()) }).await
    }
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        let known = Known { good: None, failure: None, asked_again_at: None };
        Self { known: Mutex::new(known), gate: Arc::default() }
    }
}

impl<V: Send + Sync + 'static> Slot<V> {
    fn known(&self) -> MutexGuard<'_, Known<V>> {
        // What is behind it is whole after every statement.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, now: DateTime<Utc>) -> Look<V> {
        let known = self.known();
        let failure = known.failure.as_ref().filter(|failure| now < failure.until);
        let usable = known.good.as_ref().filter(|good| now < good.loaded_at + USABLE);
        match (usable, failure) {
            (Some(good), None) if now >= good.fresh_until => Look::Stale(Arc::clone(&good.value)),
            (Some(good), _) => Look::Fresh(Arc::clone(&good.value)),
            (None, Some(failure)) => Look::Failed(failure.error.clone()),
            (None, None) => Look::Nothing,
        }
    }

    fn other_than(&self, seen: &Arc<V>) -> Option<Arc<V>> {
        let known = self.known();
        let good = known.good.as_ref().filter(|good| !Arc::ptr_eq(&good.value, seen))?;
        Some(Arc::clone(&good.value))
    }

    fn may_ask_again(&self, now: DateTime<Utc>) -> bool {
        let mut known = self.known();
        if known.asked_again_at.is_some_and(|at| now < at + AGAIN) {
            return false;
        }
        known.asked_again_at = Some(now);
        true
    }

    async fn wait<L>(self: &Arc<Self>, now: DateTime<Utc>, load: L) -> Result<Arc<V>, UpstreamError>
    where
        L: Future<Output = Result<V, UpstreamError>> + Send + 'static,
    {
        let turn = Arc::clone(&self.gate).lock_owned().await;
        // Whoever had the turn before fetched for all who waited.
        match self.look(now) {
            Look::Fresh(value) | Look::Stale(value) => return Ok(value),
            Look::Failed(error) => return Err(error),
            Look::Nothing => {}
        }
        let fetching = tokio::spawn(Arc::clone(self).fetch(turn, now, load));
        fetching.await.unwrap_or(Err(UpstreamError::Interrupted))
    }

    async fn fetch<L>(
        self: Arc<Self>,
        turn: OwnedMutexGuard<()>,
        now: DateTime<Utc>,
        load: L,
    ) -> Result<Arc<V>, UpstreamError>
    where
        L: Future<Output = Result<V, UpstreamError>> + Send + 'static,
    {
        let began = Instant::now();
        let outcome = load.await;
        // A failure that took ten seconds to come is remembered from its end.
        let now = now + TimeDelta::from_std(began.elapsed()).unwrap_or_default();
        let mut known = self.known();
        let outcome = match outcome {
            Ok(value) => {
                let value = Arc::new(value);
                let good = Good {
                    value: Arc::clone(&value),
                    loaded_at: now,
                    fresh_until: now + freshness(),
                };
                known.good = Some(good);
                known.failure = None;
                Ok(value)
            }
            Err(error) => {
                if known.good.is_some() {
                    tracing::warn!(%error, "the last good answer of a directory stays in use");
                }
                known.failure = Some(Failure { error: error.clone(), until: now + FAILED });
                Err(error)
            }
        };
        drop(known);
        drop(turn);
        outcome
    }
}

/// Ten minutes, a fifth more or less. Without randomness it is ten.
fn freshness() -> TimeDelta {
    let Ok(random) = entropy::bytes::<2>() else { return FRESH };
    let permille = i32::from(u16::from_le_bytes(random) % 401) + 800;
    FRESH * permille / 1000
}

#[cfg(test)]
mod tests;
