//! How many connections there may be: in all, so that descriptors are left for the database and
//! for directories (THREATS F-28), and for each address, so that one does not take them all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use broker::front::client::neighbourhood;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The most connections at a time, however many descriptors there are: each may make us keep
/// the head of a request.
const MOST: usize = 16_384;
/// The most of one address. Browsers open six each, and people share an address.
const MOST_OF_ONE: usize = 2_048;
/// The least number of descriptors that is kept for other things.
const RESERVE: usize = 64;
/// What systems give when they cannot be asked.
const USUAL: usize = 1_024;

/// Raises the limit of open descriptors as far as the system lets us, and says what it is.
pub(super) fn descriptors() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return USUAL };
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    };
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Counts connections.
#[derive(Clone)]
pub(super) struct Places {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// A connection's place, given back when it is dropped.
pub(super) struct Place {
    places: Places,
    by: Option<IpAddr>,
}

impl Places {
    /// A quarter of the descriptors is for the database, directories and files.
    pub(super) fn new(descriptors: usize) -> Self {
        let most = descriptors.saturating_sub(RESERVE.max(descriptors / 4)).clamp(1, MOST);
        Self { most, taken: Arc::default() }
    }

    /// A place for a connection, if there is one. A proxy's address is not counted by itself,
    /// since many people are behind it.
    pub(super) fn take(&self, peer: IpAddr, is_proxy: bool) -> Option<Place> {
        let by = (!is_proxy).then(|| neighbourhood(peer));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return None;
        }
        if let Some(by) = by {
            let count = taken.by.entry(by).or_default();
            if *count >= MOST_OF_ONE {
                return None;
            }
            *count += 1;
        }
        taken.all += 1;
        Some(Place { places: self.clone(), by })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let Some(by) = self.by else { return };
        if let Entry::Occupied(mut count) = taken.by.entry(by) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn f_28_a_quarter_of_the_descriptors_is_kept_for_other_things() {
        for (descriptors, most) in [(1_024, 768), (100, 36), (10, 1), (1_000_000, MOST)] {
            assert_eq!(Places::new(descriptors).most, most, "{descriptors}");
        }
    }

    #[test]
    fn rx_01_one_address_does_not_take_every_place() {
        let places = Places::new(100_000);
        let taken: Vec<_> = (0..MOST_OF_ONE).map(|_| places.take(address(1), false)).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(places.take(address(1), false).is_none());
        assert!(places.take(address(2), false).is_some());
        drop(taken);
        assert!(places.take(address(1), false).is_some());
        assert!(places.taken.lock().unwrap().by.is_empty(), "an address is forgotten");
    }

    #[test]
    fn rx_01_people_behind_a_trusted_proxy_are_not_counted_as_one() {
        let places = Places::new(100_000);
        let taken: Vec<_> = (0..=MOST_OF_ONE).map(|_| places.take(address(1), true)).collect();
        assert!(taken.iter().all(Option::is_some));
    }

    #[test]
    fn f_28_no_more_connections_than_places() {
        let places = Places::new(100);
        let taken: Vec<_> = (0..40).filter_map(|_| places.take(address(1), true)).collect();
        assert_eq!(taken.len(), 36);
        drop(taken);
        assert!(places.take(address(1), true).is_some());
    }
}
