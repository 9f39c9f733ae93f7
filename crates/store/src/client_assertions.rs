//! `client_assertions`: the names of assertions that applications have used.

use broker::id::ApplicationId;
use chrono::{DateTime, Utc};

use crate::{StoreError, TenantStore};

impl TenantStore {
    /// Uses the name of an assertion up: one conditional write, so that of any number of callers,
    /// at whatever node, one hears `true`. (THREATS TK-08)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nobody knows then whether it was used, and the application
    /// makes another. [`StoreError::Conflict`] when the application is gone.
    pub async fn use_client_assertion(
        &self,
        application: ApplicationId,
        jti_hash: [u8; 32],
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let first = sqlx::query_scalar!(
            r#"select use_client_assertion($1, $2, $3, $4, $5) as "first!""#,
            self.id().0,
            application.0,
            &jti_hash[..],
            expires_at,
            now,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(first)
    }
}
