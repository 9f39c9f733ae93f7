//! A map that forgets: entries live for a fixed time, and the oldest go first when it is full.
//!
//! Every value a stranger can make us keep (codes, tokens, sessions, logins under way) is in one
//! of these, so the peers' memory is bounded whatever is sent to them. The lock is held for one
//! map operation at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// A bounded map whose entries expire. Times are passed in.
pub(crate) struct Expiring<V> {
    lifetime: TimeDelta,
    capacity: usize,
    entries: Mutex<Entries<V>>,
}

struct Entries<V> {
    by_key: HashMap<String, Entry<V>>,
    /// Keys in the order of their expiry, which is the order of insertion; removed ones linger
    /// here until they reach the front.
    order: VecDeque<String>,
}

struct Entry<V> {
    value: V,
    expires_at: DateTime<Utc>,
}

impl<V> Expiring<V> {
    /// An empty map for at most `capacity` entries that live for `lifetime`.
    pub(crate) fn new(capacity: usize, lifetime: TimeDelta) -> Self {
        let entries = Entries { by_key: HashMap::new(), order: VecDeque::new() };
        Self { lifetime, capacity, entries: Mutex::new(entries) }
    }

    /// Keeps `value` under an unguessable key that was never used before.
    pub(crate) fn insert(&self, key: String, value: V, now: DateTime<Utc>) {
        let mut entries = self.lock();
        entries.make_room(self.capacity, now);
        entries.order.push_back(key.clone());
        entries.by_key.insert(key, Entry { value, expires_at: now + self.lifetime });
    }

    /// Takes a living entry out.
    pub(crate) fn remove(&self, key: &str, now: DateTime<Utc>) -> Option<V> {
        let entry = self.lock().by_key.remove(key)?;
        (now < entry.expires_at).then_some(entry.value)
    }

    /// Looks at, or changes, a living entry in one step.
    pub(crate) fn with<R>(
        &self,
        key: &str,
        now: DateTime<Utc>,
        act: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        let mut entries = self.lock();
        let entry = entries.by_key.get_mut(key).filter(|entry| now < entry.expires_at)?;
        Some(act(&mut entry.value))
    }

    /// A copy of a living entry.
    pub(crate) fn get(&self, key: &str, now: DateTime<Utc>) -> Option<V>
    where
        V: Clone,
    {
        self.with(key, now, |value| value.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Entries<V>> {
        // No operation leaves the map half changed, so a poisoned lock is still good.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Entries<V> {
    fn make_room(&mut self, capacity: usize, now: DateTime<Utc>) {
        while let Some(oldest) = self.order.front() {
            let dead = self.by_key.get(oldest).is_none_or(|entry| entry.expires_at <= now);
            if !dead && self.order.len() < capacity {
                return;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn map(capacity: usize) -> Expiring<u8> {
        let map = Expiring::new(capacity, TimeDelta::seconds(60));
        map.insert("a".to_owned(), 1, at(0));
        map
    }

    #[test]
    fn an_entry_is_gone_when_its_lifetime_has_passed() {
        let map = map(10);
        assert_eq!(map.get("a", at(59)), Some(1));
        assert_eq!(map.get("a", at(60)), None);
        assert_eq!(map.remove("a", at(60)), None);
    }

    #[test]
    fn the_oldest_entry_makes_room_when_the_map_is_full() {
        let map = map(2);
        map.insert("b".to_owned(), 2, at(1));
        map.insert("c".to_owned(), 3, at(2));
        assert_eq!(map.get("a", at(3)), None);
        assert_eq!(map.get("b", at(3)), Some(2));
        assert_eq!(map.get("c", at(3)), Some(3));
    }

    #[test]
    fn a_removed_entry_does_not_come_back() {
        let map = map(10);
        assert_eq!(map.remove("a", at(1)), Some(1));
        assert_eq!(map.remove("a", at(1)), None);
    }

    #[test]
    fn removed_entries_do_not_pile_up() {
        let map = map(2);
        for round in 0..100 {
            let key = format!("k{round}");
            map.insert(key.clone(), 0, at(0));
            map.remove(&key, at(0));
        }
        assert!(map.lock().order.len() <= 2);
    }
}
