//! What an operator removes, and what the audit log keeps of it.

use std::fmt::Write as _;

use broker::id::{ApplicationId, DirectoryId, TenantId};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::OperatorTx;
use crate::StoreError;
use crate::accounts::{one_at_a_time, remove_idle};

impl OperatorTx {
    /// Removes a tenant and everything of it, its audit log included; the installation's says that
    /// it was there and how its own ended. `false` when it was not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_tenant(
        &mut self,
        tenant: TenantId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        one_at_a_time(self.connection()).await?;
        // Held, so that no event comes after the one that is read now.
        sqlx::query!("select from tenants where tenant_id = $1 for update", tenant.0)
            .execute(self.connection())
            .await?;
        let last = sqlx::query!(
            "select seq, hash from audit_events where tenant_id = $1 order by seq desc limit 1",
            tenant.0,
        )
        .fetch_optional(self.connection())
        .await?;
        let gone = sqlx::query!(
            "delete from tenants where tenant_id = $1 returning slug, name",
            tenant.0,
        )
        .fetch_optional(self.connection())
        .await?;
        let Some(gone) = gone else { return Ok(false) };
        let log = last.map(|last| json!({ "entries": last.seq, "head": hex(&last.hash) }));
        let subject = json!({
            "tenant_id": tenant.to_string(), "slug": gone.slug, "name": gone.name, "log": log,
        });
        self.forget(tenant);
        self.note_installation("tenant.removed", subject, now);
        self.remove_idle(now).await?;
        Ok(true)
    }

    /// Removes an application and its grants; its logins stay as history. `false` when it was not
    /// there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_application(
        &mut self,
        tenant: TenantId,
        application: ApplicationId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            r#"delete from applications where tenant_id = $1 and application_id = $2
            returning client_id, settings as "settings: Value""#,
            tenant.0,
            application.0,
        )
        .fetch_optional(self.connection())
        .await?;
        let Some(gone) = gone else { return Ok(false) };
        let mut subject = json!({ "application": gone.client_id });
        crate::audit::note(&mut subject, "before", gone.settings);
        self.note(tenant, "application.removed", subject, now);
        Ok(true)
    }

    /// Removes a directory with its identities, sessions and their grants. Users and logins stay:
    /// who arrives from elsewhere is still who they were. `false` when it was not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_directory(
        &mut self,
        tenant: TenantId,
        directory: DirectoryId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        one_at_a_time(self.connection()).await?;
        let gone = sqlx::query!(
            r#"delete from directories where tenant_id = $1 and directory_id = $2
            returning slug, settings as "settings: Value""#,
            tenant.0,
            directory.0,
        )
        .fetch_optional(self.connection())
        .await?;
        let Some(gone) = gone else { return Ok(false) };
        let mut subject = json!({ "directory": gone.slug });
        crate::audit::note(&mut subject, "before", gone.settings);
        self.note(tenant, "directory.removed", subject, now);
        self.remove_idle(now).await?;
        Ok(true)
    }

    /// Removes the accounts of staff that had nothing else.
    async fn remove_idle(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for subject in remove_idle(self.connection()).await? {
            self.note_installation("account.removed", subject, now);
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
