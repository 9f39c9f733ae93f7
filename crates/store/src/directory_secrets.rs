//! What directories say of our secrets there: learnt at logins, kept with the directory.

use broker::id::DirectoryId;
use broker::tenant::SecretSlot;

use crate::{StoreError, TenantStore};

impl TenantStore {
    /// Remembers that the directory called a secret expired. `version` is that of the configuration
    /// in which the secret was found; when the configuration has changed since, or the same was
    /// noted before, nothing happens and the answer is `false`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_expired_secret(
        &self,
        directory: DirectoryId,
        slot: SecretSlot,
        version: i64,
    ) -> Result<bool, StoreError> {
        let noted = sqlx::query_scalar!(
            r#"select note_expired_secret($1, $2, $3, $4) as "noted!""#,
            self.id().0,
            directory.0,
            slot == SecretSlot::Next,
            version,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(noted)
    }
}
