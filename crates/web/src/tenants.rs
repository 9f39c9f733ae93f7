//! Configuration in memory: a tenant with its applications, directories and keys.
//!
//! Loaded once however many ask, kept at its last good value while the database is away, dropped
//! when the database says that it changed (LISTEN/NOTIFY), and checked against its version in case
//! that word was lost: beside the request that comes after [`FRESH`], and before the answer to one
//! that comes after [`OLD`]. Nothing here lists all tenants.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use broker::address::{self, Addresses, HostName};
use broker::domain_proof::Proof;
use broker::id::{ApplicationId, Slug, TenantId};
use broker::sub::PairwiseKey;
use broker::tenant::{Application, Tenant};
use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use oidc::jose::Jwks;
use oidc::op::logout::{Hint, identify};
use serde_json::json;
use store::{Compiled, LogoRecord, Store, StoreError, TenantRecord};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::hosts::Hosts;
use crate::keyring::KeyRing;
use crate::logo;
use crate::page::Brand;

/// How long a value is used without asking whether it is still the newest.
const FRESH: TimeDelta = TimeDelta::seconds(2);
/// From then on a request waits for the answer: a change is in force everywhere within five seconds,
/// also at a node that was idle and heard no word of it (THREATS F-30).
const OLD: TimeDelta = TimeDelta::milliseconds(4_500);
/// How long a request may wait for the check of a value that may be out of date.
const SUSPECT_CHECK: Duration = Duration::from_millis(250);
/// The most tenants kept.
const CAPACITY: u64 = 10_000;
/// How long it is remembered that a name is nobody's.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// The most such names kept; they are named by anybody (THREATS AZ-15).
const UNKNOWN_CAPACITY: u64 = 10_000;

/// A tenant as a request uses it: its configuration, at one of its addresses.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The issuer at this address: `{public_url}/t/{slug}`, or a host of the tenant's own.
    pub(crate) issuer: String,
    /// The issuer that there is now, where this is an address that the tenant has left.
    pub(crate) left_for: Option<String>,
    /// What its pages show of it at this address.
    pub(crate) brand: Brand,
    core: Arc<Core>,
}

/// The same wherever it is reached.
#[derive(Debug)]
pub(crate) struct Core {
    /// The configuration.
    pub(crate) tenant: Tenant,
    /// The applications that are switched off and not in it, by `client_id`.
    pub(crate) disabled: Vec<(ApplicationId, String)>,
    /// The signing keys.
    pub(crate) keys: KeyRing,
    /// The key of pairwise identifiers.
    pub(crate) pairwise: PairwiseKey,
    /// Where it is reached.
    pub(crate) addresses: Addresses,
    public_url: Arc<str>,
    /// The logo that its pages show.
    pub(crate) logo: Option<LogoRecord>,
    /// The proofs of its domains that are in force.
    proofs: Vec<Proof>,
    version: i64,
    checked_at: AtomicI64,
    checking: AtomicBool,
    /// The word of a change may have been lost: to be checked before the next use.
    suspect: AtomicBool,
}

impl Deref for Loaded {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

/// What pages show of a tenant: its logo is below the very address, since no other site's is shown.
fn brand(core: &Core, issuer: &str) -> Brand {
    let logo = core.logo.map(|one| (one, logo::path(issuer, one.hash)));
    Brand::new(&core.tenant.name, &core.tenant.branding, logo)
}

impl Loaded {
    /// The tenant as it is at its issuer.
    fn new(core: Core) -> Self {
        let issuer =
            address::issuer(&core.public_url, &core.tenant.slug, core.addresses.own.as_ref());
        let brand = brand(&core, &issuer);
        Self { issuer, left_for: None, brand, core: Arc::new(core) }
    }

    /// The tenant as it is at another of its addresses, for what began there.
    pub(crate) fn at(&self, host: Option<&HostName>) -> Self {
        let issuer = address::issuer(&self.public_url, &self.tenant.slug, host);
        let brand = brand(&self.core, &issuer);
        Self { issuer, left_for: Some(self.issuer.clone()), brand, core: Arc::clone(&self.core) }
    }

    /// The redirect URI of a directory at one of the tenant's addresses.
    pub(crate) fn callback(&self, host: Option<&HostName>, directory: &Slug) -> String {
        address::callback(&self.public_url, &self.tenant.slug, host, directory)
    }

    /// Which configuration it is.
    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    /// Whom an ID token names that this issuer made; keys that have retired count while they are
    /// published.
    pub(crate) fn identify(&self, raw: &str, now: DateTime<Utc>) -> Option<Hint> {
        let set = json!({ "keys": self.keys.published(now) });
        let keys = Jwks::parse(set.to_string().as_bytes()).ok()?;
        identify(raw, &keys, &self.issuer).or_else(|| self.identify_earlier(raw, &keys))
    }

    /// The same for one that was made while the tenant was at another of its addresses.
    fn identify_earlier(&self, raw: &str, keys: &Jwks) -> Option<Hint> {
        let hosts = &self.addresses.hosts;
        let all = (!hosts.is_empty()).then(|| hosts.iter().map(Some).chain([None]));
        all.into_iter().flatten().find_map(|host| {
            identify(raw, keys, &address::issuer(&self.public_url, &self.tenant.slug, host))
        })
    }

    /// The issuer, where the application wants it in authorization responses. [RFC9207-2]
    pub(crate) fn iss(&self, application: &Application) -> Option<&str> {
        application.iss_parameter.then_some(self.issuer.as_str())
    }
}

/// All tenants that were asked for lately.
#[derive(Clone)]
pub(crate) struct Tenants {
    store: Store,
    clock: Clock,
    public_url: Arc<str>,
    loaded: Cache<Slug, Arc<Loaded>>,
    unknown: Cache<Slug, ()>,
    hosts: Hosts,
}

impl Tenants {
    pub(crate) fn new(store: Store, clock: Clock, public_url: Arc<str>) -> Self {
        Self {
            hosts: Hosts::new(store.clone()),
            store,
            clock,
            public_url,
            loaded: Cache::builder().max_capacity(CAPACITY).build(),
            unknown: Cache::builder()
                .max_capacity(UNKNOWN_CAPACITY)
                .time_to_live(UNKNOWN_FOR)
                .build(),
        }
    }

    /// Which tenants their own hosts lead to.
    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The tenant of that name, `None` if there is none.
    pub(crate) async fn get(&self, slug: &str) -> Result<Option<Arc<Loaded>>, Unloaded> {
        let Ok(slug) = slug.parse::<Slug>() else { return Ok(None) };
        if let Some(loaded) = self.loaded.get(&slug).await {
            let check = self.check(&slug, &loaded);
            if !loaded.suspect.load(Ordering::Relaxed) && !self.is_older_than(OLD, &loaded) {
                return Ok(Some(loaded));
            }
            if let Some(check) = check {
                // Whether it was in time or not: what is in the cache then is what is served.
                let _ = tokio::time::timeout(SUSPECT_CHECK, check).await;
            }
        }
        if self.unknown.contains_key(&slug) {
            return Ok(None);
        }
        self.load(slug).await
    }

    /// The same if it is in memory, without asking anybody.
    pub(crate) async fn peek(&self, slug: &str) -> Option<Arc<Loaded>> {
        self.loaded.get(&slug.parse::<Slug>().ok()?).await
    }

    /// Loads the tenant again, for instance after its first key was made.
    pub(crate) async fn reload(&self, slug: &Slug) -> Result<Option<Arc<Loaded>>, Unloaded> {
        self.loaded.invalidate(slug).await;
        self.hosts.ask_again();
        self.load(slug.clone()).await
    }

    /// Forgets a tenant that changed. When the word of changes was interrupted, any may have: each
    /// is then checked before its next use, and kept if the database is away.
    pub(crate) async fn forget(&self, tenant: Option<TenantId>) {
        self.unknown.invalidate_all();
        self.hosts.ask_again();
        let Some(tenant) = tenant else {
            self.loaded.iter().for_each(|(_, one)| one.suspect.store(true, Ordering::Relaxed));
            return;
        };
        let slug =
            self.loaded.iter().find(|(_, one)| one.tenant.id == tenant).map(|(slug, _)| slug);
        if let Some(slug) = slug {
            self.loaded.invalidate(slug.as_ref()).await;
        }
    }

    /// The tenants that were served lately.
    pub(crate) fn served(&self) -> Vec<TenantId> {
        self.loaded.iter().map(|(_, one)| one.tenant.id).collect()
    }

    /// A proof of a tenant that was served lately that it is time to look at again.
    pub(crate) fn due_proof(&self, now: DateTime<Utc>) -> Option<(TenantId, Proof)> {
        self.loaded.iter().find_map(|(_, one)| {
            let due = one.proofs.iter().find(|proof| proof.is_due_at(now))?;
            Some((one.tenant.id, due.clone()))
        })
    }

    async fn load(&self, slug: Slug) -> Result<Option<Arc<Loaded>>, Unloaded> {
        let loading = async {
            let record =
                self.store.tenant_by_slug(&slug).await.map_err(|error| Missing::failed(&error))?;
            let record = record.ok_or(Missing::Unknown)?;
            self.compile(record).await.map(Arc::new)
        };
        match self.loaded.try_get_with_by_ref(&slug, loading).await {
            Ok(loaded) => Ok(Some(loaded)),
            Err(missing) => match *missing {
                Missing::Unknown => {
                    self.unknown.insert(slug, ()).await;
                    Ok(None)
                }
                Missing::Failed(unloaded) => Err(unloaded),
            },
        }
    }

    /// Starts to check a value that is due or suspect, unless that is under way. The check is a task
    /// of its own: it ends also when the request that began it is gone.
    fn check(&self, slug: &Slug, loaded: &Arc<Loaded>) -> Option<JoinHandle<()>> {
        let wanted = self.is_older_than(FRESH, loaded) || loaded.suspect.load(Ordering::Relaxed);
        if !wanted || loaded.checking.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (this, slug, loaded) = (self.clone(), slug.clone(), Arc::clone(loaded));
        Some(tokio::spawn(async move {
            if this.is_outdated(&loaded).await {
                this.loaded.invalidate(&slug).await;
            }
            loaded.checking.store(false, Ordering::Relaxed);
        }))
    }

    /// Whether it is this long since the database was asked.
    fn is_older_than(&self, age: TimeDelta, loaded: &Loaded) -> bool {
        let then = loaded.checked_at.load(Ordering::Relaxed);
        self.clock.now().timestamp_millis() >= then + age.num_milliseconds()
    }

    /// Asks the database; while it is away, the last good value stays in use.
    async fn is_outdated(&self, loaded: &Loaded) -> bool {
        match self.store.tenant_version(loaded.tenant.id).await {
            Ok(version) if version == Some(loaded.version) => {
                loaded.checked_at.store(self.clock.now().timestamp_millis(), Ordering::Relaxed);
                loaded.suspect.store(false, Ordering::Relaxed);
                false
            }
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(tenant.slug = %loaded.tenant.slug, %error, "configuration not checked");
                false
            }
        }
    }

    /// Compiling may take a while, where mappings have many regular expressions: others of this
    /// thread need not wait for it (THREATS CL-02, F-20).
    async fn compile(&self, record: TenantRecord) -> Result<Loaded, Missing> {
        let compiled = tokio::task::spawn_blocking(|| record.compile()).await;
        let Ok(compiled) = compiled else {
            return Err(Missing::Failed(Unloaded::Broken));
        };
        let Compiled {
            tenant,
            disabled,
            keys,
            pairwise,
            proofs,
            addresses,
            logo,
            version,
            invalid,
        } = compiled;
        for (what, errors) in &invalid {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            tracing::error!(tenant.slug = %tenant.slug, %what, ?errors, "stored settings are not valid");
        }
        let now: DateTime<Utc> = self.clock.now();
        Ok(Loaded::new(Core {
            addresses: addresses.under(&self.public_url),
            public_url: Arc::clone(&self.public_url),
            logo,
            tenant,
            disabled,
            keys: KeyRing::parse(keys),
            pairwise,
            proofs,
            version,
            checked_at: AtomicI64::new(now.timestamp_millis()),
            checking: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
        }))
    }
}

/// Why a tenant could not be loaded. It was logged when that was tried.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum Unloaded {
    #[error("the database is away")]
    Unavailable,
    #[error("the database holds what it should not")]
    Broken,
}

enum Missing {
    Unknown,
    Failed(Unloaded),
}

impl Missing {
    fn failed(error: &StoreError) -> Self {
        if let StoreError::Unavailable(_) = error {
            tracing::warn!(%error, "a tenant could not be loaded");
            return Self::Failed(Unloaded::Unavailable);
        }
        tracing::error!(%error, "a tenant could not be loaded");
        Self::Failed(Unloaded::Broken)
    }
}
