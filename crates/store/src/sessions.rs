//! `sessions`: browsers that are signed in. They are opened by [`TenantStore::commit_login`].

use broker::id::{ApplicationId, DirectoryId, SessionId, UserId};
use broker::profile::Profile;
use broker::user::User;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{RevokedBecause, StoreError, TenantStore};

/// A session to open.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its identifier, the ID token's `sid`.
    pub id: SessionId,
    /// SHA-256 of the cookie's value.
    pub token_hash: [u8; 32],
    /// SHA-256 of the value of the cookie that the browser brought, whose session ends here.
    pub replaces: Option<[u8; 32]>,
    /// What the directory said about the person, mapped.
    pub profile: Profile,
    /// When the person authenticated at the directory, if it said so. [OIDCC-2]
    pub auth_time: Option<DateTime<Utc>>,
    /// How, as one name. [OIDCC-2]
    pub acr: Option<String>,
    /// How, as a list. [OIDCC-2]
    pub amr: Vec<String>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// A live session of a user who is not blocked.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// Its identifier.
    pub id: SessionId,
    /// Whose it is.
    pub user: User,
    /// Where the person authenticated.
    pub directory: DirectoryId,
    /// What the directory said about them, mapped.
    pub profile: Profile,
    /// When they authenticated, if the directory said so.
    pub auth_time: Option<DateTime<Utc>>,
    /// How, as one name.
    pub acr: Option<String>,
    /// How, as a list.
    pub amr: Vec<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When an application was last entered by it.
    pub last_used_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

impl TenantStore {
    /// The live session of a cookie. One of a blocked user counts as none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn session(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let row = sqlx::query!(
            r#"select session_id as "session_id!", user_id as "user_id!", sub as "sub!",
                      external_id as "external_id!", directory_id as "directory_id!",
                      profile as "profile!", auth_time, acr, amr as "amr!",
                      created_at as "created_at!", expires_at as "expires_at!",
                      last_used_at as "last_used_at!"
                 from session_in_use($1, $2, $3)"#,
            self.id().0,
            &token_hash[..],
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let Value::Object(profile) = row.profile else {
            let id = row.session_id.to_string();
            return Err(StoreError::Corrupt { table: "sessions", column: "profile", id });
        };
        Ok(Some(SessionRecord {
            id: SessionId(row.session_id),
            user: User { id: UserId(row.user_id), sub: row.sub, external_id: row.external_id },
            directory: DirectoryId(row.directory_id),
            profile: Profile(profile),
            auth_time: row.auth_time,
            acr: row.acr,
            amr: row.amr,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        }))
    }
    /// The applications that were given something by a session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn applications_of_session(
        &self,
        session: SessionId,
    ) -> Result<Vec<ApplicationId>, StoreError> {
        let ids = sqlx::query_scalar!(
            r#"select application_id as "application_id!" from applications_of_session($1, $2)"#,
            self.id().0,
            session.0,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(ids.into_iter().map(ApplicationId).collect())
    }

    /// Ends a session with everything that applications got by it; `false` when it had ended
    /// before, as one does that a fresh sign-in replaced. It never lives again. (THREATS BR-13)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: asking again tells.
    pub async fn end_session(
        &self,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query_scalar!(
            r#"select end_session($1, $2, $3, $4) as "ended!""#,
            self.id().0,
            session.0,
            now,
            RevokedBecause::SessionEnded.timeline(now)?,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(ended)
    }
}
