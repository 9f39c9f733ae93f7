//! The operator's count of the epochs of tokens, in `installation`
//! (`docs/adr/0015-the-epoch-of-tokens.md`).

use chrono::{DateTime, Utc};

use crate::{Store, StoreError};

impl Store {
    /// Ends every code, access token and refresh token of every tenant, by raising the count that is
    /// part of the epoch; each tenant's audit log says so. Needs
    /// [`Role::Operator`](crate::Role::Operator). Returns the new count, or `None` when no gateway
    /// has ever run on this database. (THREATS F-26)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_all_tokens(&self, now: DateTime<Utc>) -> Result<Option<i64>, StoreError> {
        let count = sqlx::query_scalar!(
            "with raised as (
                 update installation set token_generation = token_generation + 1
                 returning token_generation),
             noted as (
                 insert into audit_events (tenant_id, at, actor, act, subject)
                 select t.tenant_id, $1, $2, 'tokens.revoked_all',
                        jsonb_build_object('count', r.token_generation)
                   from tenants t, raised r order by t.tenant_id)
             select token_generation from raised",
            now,
            self.actor(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(count)
    }
}
