//! A tenant's signing keys: parsed once, kept, made on first need.
//!
//! A key is published from its creation on, signs from `active_from` until `retired_at`, and stays
//! published until `expires_at`, so that an application that fetched the keys yesterday verifies
//! what is signed today (THREATS KD-01). All of these are facts in the database.

use std::fmt;
use std::sync::Arc;

use broker::settings::TokenEndpointAuthMethod;
use broker::tenant::Directory;
use chrono::{DateTime, Utc};
use oidc::jose::{Alg, SigningKey};
use serde_json::Value;
use store::{KeyRecord, NewKey, StoreError};

use crate::entropy::NoEntropy;
use crate::gateway::App;
use crate::tenants::{Loaded, Unloaded};

/// The keys of one tenant.
pub(crate) struct KeyRing(Vec<Entry>);

struct Entry {
    key: Arc<SigningKey>,
    alg: Alg,
    public_jwk: Value,
    active_from: DateTime<Utc>,
    retired_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.0.len())
    }
}

impl KeyRing {
    /// Parses the private keys; this costs a quarter of a millisecond each, once.
    pub(crate) fn parse(records: Vec<KeyRecord>) -> Self {
        let entry = |record: KeyRecord| {
            let alg = Alg::parse(&record.alg)?;
            let key = SigningKey::from_pkcs8(alg, &record.pkcs8).ok()?;
            Some(Entry {
                key: Arc::new(key),
                alg,
                public_jwk: record.public_jwk,
                active_from: record.active_from,
                retired_at: record.retired_at,
                expires_at: record.expires_at,
            })
        };
        Self(records.into_iter().filter_map(entry).collect())
    }

    /// The key that signs now: the one that became active last.
    pub(crate) fn signing(&self, alg: Alg, now: DateTime<Utc>) -> Option<Arc<SigningKey>> {
        self.0
            .iter()
            .filter(|one| one.alg == alg && one.active_from <= now)
            .filter(|one| one.retired_at.is_none_or(|at| now < at))
            .max_by_key(|one| one.active_from)
            .map(|one| Arc::clone(&one.key))
    }

    /// The key that signs now or, where none does yet, the first that will: it was made by a node
    /// whose clock is ahead of ours, or a moment after the time of this request.
    fn usable(&self, alg: Alg, now: DateTime<Utc>) -> Option<Arc<SigningKey>> {
        let first = || {
            let coming = self.0.iter().filter(|one| one.alg == alg && one.retired_at.is_none());
            coming.min_by_key(|one| one.active_from).map(|one| Arc::clone(&one.key))
        };
        self.signing(alg, now).or_else(first)
    }

    /// The public keys, for the JWKS. [RFC7517-5]
    pub(crate) fn published(&self, now: DateTime<Utc>) -> Vec<&Value> {
        let live = |one: &&Entry| one.expires_at.is_none_or(|at| now < at);
        self.0.iter().filter(live).map(|one| &one.public_jwk).collect()
    }
}

/// No key could be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unloaded(#[from] Unloaded),
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    #[error("a signing key could not be made")]
    Generate,
    #[error("an ID token could not be signed")]
    Sign,
}

/// The key that signs now, made if there is none: once at this node, however many ask. Two nodes
/// that need the first key at once agree on one: the loser's insert does nothing and both load what
/// is there (THREATS KD-02).
pub(crate) async fn signing_key(
    app: &App,
    loaded: &Loaded,
    alg: Alg,
    now: DateTime<Utc>,
) -> Result<Arc<SigningKey>, KeyError> {
    if let Some(key) = loaded.keys.signing(alg, now) {
        return Ok(key);
    }
    let slug = &loaded.tenant.slug;
    let _making = app.making_key.lock().await;
    // Whoever waited here finds it made.
    let newest = app.tenants.get(slug.as_str()).await?;
    if let Some(key) = newest.and_then(|newest| newest.keys.usable(alg, now)) {
        return Ok(key);
    }
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(alg))
        .await
        .map_err(|_| KeyError::Generate)?
        .map_err(|_| KeyError::Generate)?;
    let new = NewKey {
        kid: made.kid().to_owned(),
        alg: alg.as_str().to_owned(),
        public_jwk: made.public_jwk(),
        pkcs8: made.to_pkcs8().map_err(|_| KeyError::Generate)?,
        active_from: now,
    };
    app.store.tenant(loaded.tenant.id).insert_signing_key(&new, now).await?;
    let again = app.tenants.reload(slug).await?.ok_or(KeyError::Generate)?;
    again.keys.usable(alg, now).ok_or(KeyError::Generate)
}

/// The key that signs the tenant's assertions at a directory, where it wants those: the one whose
/// algorithm every directory knows. [RFC7523-2.2]
///
/// # Errors
/// As [`signing_key`].
pub(crate) async fn assertion_key(
    app: &App,
    loaded: &Loaded,
    directory: &Directory,
    now: DateTime<Utc>,
) -> Result<Option<Arc<SigningKey>>, KeyError> {
    if directory.token_endpoint_auth_method != Some(TokenEndpointAuthMethod::PrivateKeyJwt) {
        return Ok(None);
    }
    signing_key(app, loaded, Alg::RS256, now).await.map(Some)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn ring(keys: &[(&str, i64, Option<i64>)]) -> KeyRing {
        let at = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let record = |(kid, active_from, retired_at): &(&str, i64, Option<i64>)| KeyRecord {
            kid: (*kid).to_owned(),
            alg: "ES256".to_owned(),
            public_jwk: Value::String((*kid).to_owned()),
            pkcs8: SigningKey::generate(Alg::ES256).unwrap().to_pkcs8().unwrap(),
            created_at: at(0),
            active_from: at(*active_from),
            retired_at: retired_at.map(at),
            expires_at: retired_at.map(|hours| at(hours + 25)),
        };
        KeyRing::parse(keys.iter().map(record).collect())
    }

    fn position(ring: &KeyRing, key: Option<&Arc<SigningKey>>) -> Option<usize> {
        ring.0.iter().position(|one| key.is_some_and(|key| Arc::ptr_eq(&one.key, key)))
    }

    #[test]
    fn kd_01_successor_signs_from_its_time_on_and_both_are_published() {
        let ring = ring(&[("old", 0, Some(24)), ("new", 24, None)]);
        let at = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        for (hours, wanted) in [(0, 0), (23, 0), (24, 1), (30, 1)] {
            let key = ring.usable(Alg::ES256, at(hours));
            assert_eq!(position(&ring, key.as_ref()), Some(wanted), "{hours}");
        }
        assert_eq!(ring.published(at(1)).len(), 2);
        assert_eq!(ring.published(at(49)).len(), 1);
    }

    #[test]
    fn kd_02_first_key_of_a_node_whose_clock_is_ahead_signs() {
        let ring = ring(&[("first", 1, None)]);
        let now = DateTime::UNIX_EPOCH;
        assert!(ring.signing(Alg::ES256, now).is_none());
        assert_eq!(position(&ring, ring.usable(Alg::ES256, now).as_ref()), Some(0));
        assert!(ring.usable(Alg::RS256, now).is_none());
    }
}
