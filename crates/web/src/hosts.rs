//! Which tenant a host leads to, in memory.
//!
//! Whoever asks may name any host, so what that costs is bounded: a host that leads nowhere is
//! remembered for [`NOBODYS_FOR`], and the database is asked for unknown ones only so often, for one
//! address and for all of them (THREATS RX-05, AZ-15). A host that led somewhere is remembered until
//! its tenant, which is loaded anyway, says that it does not any more ([`Hosts::forget`]), so that
//! no flood pushes out what is in use.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::address::HostName;
use broker::front::client::neighbourhood;
use broker::id::Slug;
use moka::future::Cache;
use store::{Store, StoreError};

use crate::front::throttle::Limit;

/// The most hosts that lead somewhere kept.
const CAPACITY: u64 = 10_000;
/// How long it is remembered that a host is nobody's.
const NOBODYS_FOR: Duration = Duration::from_secs(5);
/// The most such hosts kept.
const NOBODYS_CAPACITY: u64 = 10_000;
/// How often the database is asked for one address.
const OF_AN_ADDRESS: (u32, u32) = (100, 2);
/// The same for everybody: a node whose memory is empty still finds its tenants' hosts in a flood.
const OF_ALL: (u32, u32) = (500, 50);

/// Why nobody knows whose a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// This address asked too often; in so many seconds again.
    TooMany(u64),
    /// Everybody together did, or the database is away.
    Busy,
}

/// The hosts that were asked for lately.
#[derive(Clone)]
pub(crate) struct Hosts(Arc<Known>);

struct Known {
    store: Store,
    tenants: Cache<HostName, Slug>,
    nobodys: Cache<HostName, ()>,
    of_an_address: Limit,
    of_all: Limit,
    keys: RandomState,
}

impl Hosts {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(Known {
            store,
            tenants: Cache::builder().max_capacity(CAPACITY).build(),
            nobodys: Cache::builder()
                .max_capacity(NOBODYS_CAPACITY)
                .time_to_live(NOBODYS_FOR)
                .build(),
            of_an_address: Limit::new(OF_AN_ADDRESS),
            of_all: Limit::new(OF_ALL),
            keys: RandomState::new(),
        }))
    }

    /// The tenant that a host leads to, `None` if it leads nowhere.
    pub(crate) async fn tenant(
        &self,
        host: &HostName,
        from: IpAddr,
    ) -> Result<Option<Slug>, Unasked> {
        let Known { store, tenants, nobodys, of_an_address, of_all, keys } = &*self.0;
        if let Some(slug) = tenants.get(host).await {
            return Ok(Some(slug));
        }
        if nobodys.contains_key(host) {
            return Ok(None);
        }
        of_an_address.count(keys.hash_one(neighbourhood(from))).map_err(Unasked::TooMany)?;
        of_all.count(0).map_err(|_| Unasked::Busy)?;
        // Several who ask at once for a host are one question.
        let asking = async { store.tenant_by_host(host).await?.ok_or(Missing::Nobodys) };
        match tenants.try_get_with_by_ref(host, asking).await {
            Ok(slug) => Ok(Some(slug)),
            Err(missing) => match *missing {
                Missing::Nobodys => {
                    nobodys.insert(host.clone(), ()).await;
                    Ok(None)
                }
                Missing::Unknown => Err(Unasked::Busy),
            },
        }
    }

    /// A host that does not lead to its tenant any more is asked for anew.
    pub(crate) async fn forget(&self, host: &HostName) {
        self.0.tenants.invalidate(host).await;
    }

    /// A tenant changed: a host that was nobody's may be its.
    pub(crate) fn ask_again(&self) {
        self.0.nobodys.invalidate_all();
    }
}

enum Missing {
    Nobodys,
    Unknown,
}

impl From<StoreError> for Missing {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "it is not known whose a host is");
        Self::Unknown
    }
}
