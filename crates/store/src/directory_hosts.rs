//! Where directories are: learnt at the first login, kept with the directory, forgotten by whoever
//! runs the hub or when the settings name another provider.

use std::collections::BTreeSet;

use broker::id::{DirectoryId, TenantId};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{OperatorTx, StoreError, TenantStore};

impl TenantStore {
    /// Remembers the hosts of a directory's endpoints, unless some are remembered. `version` is that
    /// of the configuration with which they were found; when it has changed since, nothing happens
    /// and the answer is `false`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_endpoint_hosts(
        &self,
        directory: DirectoryId,
        hosts: &BTreeSet<String>,
        version: i64,
    ) -> Result<bool, StoreError> {
        let hosts: Vec<String> = hosts.iter().cloned().collect();
        let noted = sqlx::query_scalar!(
            r#"select note_endpoint_hosts($1, $2, $3, $4) as "noted!""#,
            self.id().0,
            directory.0,
            &hosts,
            version,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(noted)
    }
}

impl OperatorTx {
    /// Forgets the hosts of a directory's endpoints, so that the next login decides anew, and tells
    /// the audit log. `false` when none were remembered.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_endpoint_hosts(
        &mut self,
        tenant: TenantId,
        directory: DirectoryId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let forgotten = sqlx::query_scalar!(
            "update directories set endpoint_hosts = null
              where tenant_id = $1 and directory_id = $2 and endpoint_hosts is not null
          returning slug",
            tenant.0,
            directory.0,
        )
        .fetch_optional(self.connection())
        .await?;
        let Some(slug) = forgotten else { return Ok(false) };
        self.note(tenant, "directory.hosts_forgotten", json!({ "directory": slug }), now);
        Ok(true)
    }
}
