//! `users` and `identities`: who somebody is. Logins write them by [`TenantStore::commit_login`],
//! imports by [`crate::import`].

use broker::id::UserId;
use broker::user::{Candidate, Identity, KnownUser, Sighting, User};

use crate::{StoreError, TenantStore};

impl TenantStore {
    /// The user that an identity belongs to; if it was never seen, the users who have the e-mail
    /// address that its directory is trusted with (`None`: it vouches for none), two at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when a text holds U+0000.
    pub async fn known_user(
        &self,
        identity: &Identity,
        email: Option<&str>,
    ) -> Result<Sighting, StoreError> {
        let rows = sqlx::query!(
            r#"select user_id as "user_id!", sub as "sub!", external_id as "external_id!",
                      blocked as "blocked!", by_email as "by_email!", awaited as "awaited!",
                      in_directory as "in_directory!"
                 from known_user($1, $2, $3, $4, $5)"#,
            self.id().0,
            identity.directory.0,
            identity.issuer,
            identity.subject,
            email,
        )
        .fetch_all(self.pool())
        .await?;
        let mut candidates = Vec::new();
        for row in rows {
            let known = KnownUser {
                user: User { id: UserId(row.user_id), sub: row.sub, external_id: row.external_id },
                blocked: row.blocked,
            };
            if !row.by_email {
                return Ok(Sighting::Identity(known));
            }
            let (awaited, in_directory) = (row.awaited, row.in_directory);
            candidates.push(Candidate { known, awaited, in_directory });
        }
        Ok(Sighting::Address(candidates))
    }
}
