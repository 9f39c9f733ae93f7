//! The rotation of a tenant's signing keys.

use broker::id::TenantId;
use chrono::{DateTime, TimeDelta, Utc};
use oidc::jose::{Alg, SigningKey};
use store::{NewKey, Operator, Rotation, Store, StoreError};

/// How long a successor is published before it signs: middleware in use keeps the key set for a
/// day, and some of it fails the first sign-in with a key it has not seen (THREATS KD-01).
const PUBLISHED_BEFORE: TimeDelta = TimeDelta::hours(48);
/// How long a key stays published after it stopped signing: the longest life of an ID token, and
/// an hour for clocks.
const PUBLISHED_AFTER: TimeDelta = TimeDelta::hours(25);

/// What came of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// There was no key of that algorithm: the first signs from now on. `false`: another node made
    /// it in the same moment.
    First(bool),
    /// A successor is published.
    Published {
        /// Its `kid`.
        kid: String,
        /// From when it signs.
        active_from: DateTime<Utc>,
        /// Until when the one before it stays published.
        published_until: DateTime<Utc>,
    },
    /// A successor was published before.
    AlreadyPublished,
}

/// Why nothing was rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// No tenant's keys are of this algorithm.
    #[error("use RS256, PS256, ES256 or EdDSA")]
    Alg,
    /// The key could not be made.
    #[error("a key cannot be made")]
    Generate,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Publishes a successor of the newest key of this algorithm.
///
/// # Errors
/// [`RotateError`].
pub async fn rotate_keys(
    store: &Store,
    operator: &Operator,
    tenant: TenantId,
    alg: &str,
    now: DateTime<Utc>,
) -> Result<Rotated, RotateError> {
    let usable = |alg: &Alg| matches!(alg, Alg::RS256 | Alg::PS256 | Alg::ES256 | Alg::EdDSA);
    let alg = Alg::parse(alg).filter(usable).ok_or(RotateError::Alg)?;
    let keys = operator.signing_keys(Some(tenant)).await?;
    let is_there = keys.iter().any(|key| key.alg == alg.as_str() && key.retired_at.is_none());
    let store = store.tenant(tenant);
    if !is_there {
        let key = new_key(alg, now).await?;
        return Ok(Rotated::First(store.insert_signing_key(&key, now).await?));
    }
    let active_from = now + PUBLISHED_BEFORE;
    let published_until = active_from + PUBLISHED_AFTER;
    let key = new_key(alg, active_from).await?;
    Ok(match store.rotate_signing_key(&key, published_until, now).await? {
        Rotation::Published => Rotated::Published { kid: key.kid, active_from, published_until },
        Rotation::AlreadyPublished => Rotated::AlreadyPublished,
    })
}

/// A fresh key, which takes a processor a while.
///
/// # Errors
/// [`RotateError::Generate`].
pub async fn new_key(alg: Alg, active_from: DateTime<Utc>) -> Result<NewKey, RotateError> {
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(alg)).await;
    let made = made.ok().and_then(Result::ok).ok_or(RotateError::Generate)?;
    Ok(NewKey {
        kid: made.kid().to_owned(),
        alg: alg.as_str().to_owned(),
        public_jwk: made.public_jwk(),
        pkcs8: made.to_pkcs8().map_err(|_| RotateError::Generate)?,
        active_from,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ID token lives a day at most (`broker::tenant`).
    #[test]
    fn kd_01_a_retired_key_outlives_every_token_it_signed() {
        assert!(PUBLISHED_AFTER > TimeDelta::seconds(86_400));
        assert!(PUBLISHED_BEFORE >= TimeDelta::hours(48));
    }
}
