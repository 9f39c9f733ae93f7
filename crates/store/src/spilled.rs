//! `spilled_requests`: what is too long for a cookie, sealed, for minutes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{StoreError, TenantStore};

/// The most live rows of a tenant. At 10 KB each a flood fills 5 MB and then gets refusals.
/// Callers at the same moment may overshoot by as many as there are connections.
pub const QUOTA: i32 = 500;

impl TenantStore {
    /// Keeps `sealed` (at most 64 KiB) under `id` until `expires_at`; `false` when the tenant has
    /// [`QUOTA`] of them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when it is too long.
    pub async fn spill(
        &self,
        id: Uuid,
        sealed: &[u8],
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.spill_below(QUOTA, (id, sealed), expires_at, now).await
    }

    /// The same, unless the tenant has `quota` of them: what is less needed than a login leaves room
    /// for those.
    ///
    /// # Errors
    /// As [`TenantStore::spill`].
    pub async fn spill_below(
        &self,
        quota: i32,
        (id, sealed): (Uuid, &[u8]),
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let kept = sqlx::query_scalar!(
            r#"select spill_request($1, $2, $3, $4, $5, $6) as "kept!""#,
            self.id().0,
            id,
            sealed,
            expires_at,
            now,
            quota,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(kept)
    }

    /// Hands it out, once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn take_spilled(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed =
            sqlx::query_scalar!("select take_spilled_request($1, $2, $3)", self.id().0, id, now)
                .fetch_one(self.pool())
                .await?;
        Ok(sealed)
    }
}
