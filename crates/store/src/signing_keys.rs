//! `signing_keys`: created on first need, published before use and after retirement.
//!
//! A key signs from `active_from` until `retired_at` and is published from its insertion until
//! `expires_at`. One key of an algorithm at most has no `retired_at`: the newest.

use broker::id::TenantId;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::audit::{self, AuditEvent};
use crate::pool::within;
use crate::sealed::{DataKey, Place};
use crate::tx::TenantTx;
use crate::{Operator, StoreError, TenantStore};

/// A signing key to keep.
pub struct NewKey {
    /// Its `kid`.
    pub kid: String,
    /// Its `alg`.
    pub alg: String,
    /// What is published of it. A private member is refused.
    pub public_jwk: Value,
    /// The private key; sealed before it leaves the process.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// From when it signs.
    pub active_from: DateTime<Utc>,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("active_from", &self.active_from)
            .finish_non_exhaustive()
    }
}

/// What became of the request for a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It is published, and its predecessor's end is set.
    Published,
    /// The newest key does not sign yet: somebody has rotated already, and nothing was changed.
    AlreadyPublished,
}

/// A signing key as `keys list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its `kid`.
    pub kid: String,
    /// Its `alg`.
    pub alg: String,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// From when it signs.
    pub active_from: DateTime<Utc>,
    /// Until when it signs; `None` for the newest.
    pub retired_at: Option<DateTime<Utc>>,
    /// Until when it is published.
    pub expires_at: Option<DateTime<Utc>>,
}

impl TenantStore {
    /// Keeps the first key of its algorithm; `false` when another node was first, whose key is then
    /// to be loaded. [`Store::tenant_by_slug`](crate::Store::tenant_by_slug) has it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the `kid` is there already or the
    /// tenant is gone.
    pub async fn insert_signing_key(
        &self,
        key: &NewKey,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        within(Box::pin(self.insert(key, now))).await
    }

    async fn insert(&self, key: &NewKey, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let sealed = Box::pin(self.seal_key(key)).await?;
        let mut tx = self.write().await?;
        let won = sqlx::query_scalar!(
            r#"select insert_signing_key($1, $2, $3, $4, $5, $6, $7) as "won!""#,
            self.id().0,
            key.kid,
            key.alg,
            key.public_jwk,
            sealed,
            now,
            key.active_from,
        )
        .fetch_one(tx.connection())
        .await?;
        if won {
            self.note_key(&mut tx, "signing_key.made", key, now).await?;
        }
        tx.commit().await?;
        Ok(won)
    }

    /// Publishes `key`, which signs from its `active_from`. Its predecessor then stops signing, and
    /// stays published until `old_expires_at`, when the last token that it signed has expired.
    /// `active_from` lies ahead by as long as an application may keep the key set; in an emergency
    /// it is `now`. (THREATS KD-01)
    ///
    /// # Errors
    /// As [`TenantStore::insert_signing_key`]; [`StoreError::Refused`] when the times are out of
    /// order. A conflict on `signing_keys_one_newest` means that another node rotated just now.
    pub async fn rotate_signing_key(
        &self,
        key: &NewKey,
        old_expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Rotation, StoreError> {
        within(Box::pin(self.rotate(key, old_expires_at, now))).await
    }

    async fn rotate(
        &self,
        key: &NewKey,
        old_expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Rotation, StoreError> {
        let sealed = Box::pin(self.seal_key(key)).await?;
        let mut tx = self.write().await?;
        let published = sqlx::query_scalar!(
            r#"select rotate_signing_key($1, $2, $3, $4, $5, $6, $7, $8) as "published!""#,
            self.id().0,
            key.kid,
            key.alg,
            key.public_jwk,
            sealed,
            now,
            key.active_from,
            old_expires_at,
        )
        .fetch_one(tx.connection())
        .await?;
        if published {
            self.note_key(&mut tx, "signing_key.rotated", key, now).await?;
        }
        tx.commit().await?;
        Ok(if published { Rotation::Published } else { Rotation::AlreadyPublished })
    }

    async fn note_key(
        &self,
        tx: &mut TenantTx,
        act: &str,
        key: &NewKey,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let subject = json!({
            "kid": key.kid, "alg": key.alg, "active_from": key.active_from.to_rfc3339(),
        });
        let event = AuditEvent { at: now, actor: self.store.actor(), act, subject };
        audit::write(tx.connection(), self.id(), &event).await
    }

    async fn seal_key(&self, key: &NewKey) -> Result<Vec<u8>, StoreError> {
        let data_key = self.data_key().await?;
        data_key.seal(Place::SigningKey(&key.kid), &key.pkcs8)
    }

    pub(crate) async fn data_key(&self) -> Result<DataKey, StoreError> {
        let tenant = self.id();
        let mut tx = self.read().await?;
        let wrapped =
            sqlx::query_scalar!("select data_key from tenants where tenant_id = $1", tenant.0)
                .fetch_optional(tx.connection())
                .await?;
        tx.commit().await?;
        let wrapped =
            wrapped.ok_or_else(|| StoreError::Conflict("signing_keys_tenant_fkey".to_owned()))?;
        self.store.open_data_key(tenant, &wrapped)
    }
}

impl Operator {
    /// The keys of a tenant, or of all of them, newest last.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn signing_keys(&self, tenant: Option<TenantId>) -> Result<Vec<KeyView>, StoreError> {
        let rows = sqlx::query!(
            "select tenant_id, kid, alg, created_at, active_from, retired_at, expires_at
               from signing_keys
              where $1::uuid is null or tenant_id = $1
              order by tenant_id, alg, active_from",
            tenant.map(|tenant| tenant.0),
        )
        .fetch_all(self.pool())
        .await?;
        let views = rows.into_iter().map(|row| KeyView {
            tenant: TenantId(row.tenant_id),
            kid: row.kid,
            alg: row.alg,
            created_at: row.created_at,
            active_from: row.active_from,
            retired_at: row.retired_at,
            expires_at: row.expires_at,
        });
        Ok(views.collect())
    }
}
