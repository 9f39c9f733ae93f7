//! `users` and `identities`: who somebody is. They are written by [`TenantStore::commit_login`].

use broker::id::UserId;
use broker::user::{Identity, KnownUser, User};

use crate::{StoreError, TenantStore};

impl TenantStore {
    /// The user that an identity belongs to, if it has been seen before.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn known_user(&self, identity: &Identity) -> Result<Option<KnownUser>, StoreError> {
        let row = sqlx::query!(
            r#"select user_id as "user_id!", sub as "sub!", external_id as "external_id!",
                      blocked as "blocked!"
                 from known_user($1, $2, $3, $4)"#,
            self.id().0,
            identity.directory.0,
            identity.issuer,
            identity.subject,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| KnownUser {
            user: User { id: UserId(row.user_id), sub: row.sub, external_id: row.external_id },
            blocked: row.blocked,
        }))
    }
}
