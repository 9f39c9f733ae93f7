//! Where a user is signed in, and the end of that.

use broker::id::{SessionId, TenantId, UserId};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use crate::audit::{self, AuditEvent};
use crate::{Operator, RevokedBecause, StoreError};

/// A browser in which a user is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// The session.
    pub id: SessionId,
    /// The directory that vouches, by its slug.
    pub directory: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// The applications that were given something by it, by their `client_id`.
    pub applications: Vec<String>,
}

/// What ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How many sessions.
    pub sessions: u64,
    /// How many grants of applications were revoked with them.
    pub grants: u64,
}

impl Operator {
    /// The sessions of a user that are in force at `now`, the newest first; 100 at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sessions_of_person(
        &self,
        tenant: TenantId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionView>, StoreError> {
        let rows = sqlx::query!(
            r#"select s.session_id, d.slug as directory, s.created_at, s.expires_at,
                      array(select distinct a.client_id
                              from grants g
                              join applications a
                                on a.tenant_id = g.tenant_id
                               and a.application_id = g.application_id
                             where g.tenant_id = s.tenant_id and g.session_id = s.session_id
                             order by a.client_id
                             limit 100) as "applications!"
                 from sessions s
                 join directories d
                   on d.tenant_id = s.tenant_id and d.directory_id = s.directory_id
                where s.tenant_id = $1 and s.user_id = $2
                  and s.ended_at is null and s.expires_at > $3
                order by s.created_at desc, s.session_id
                limit 100"#,
            tenant.0,
            user.0,
            now,
        )
        .fetch_all(self.pool())
        .await?;
        let views = rows.into_iter().map(|row| SessionView {
            id: SessionId(row.session_id),
            directory: row.directory,
            created_at: row.created_at,
            expires_at: row.expires_at,
            applications: row.applications,
        });
        Ok(views.collect())
    }

    /// Ends a session of a user, or every one, with what applications got by it; the audit log
    /// tells if that changed anything. (THREATS BR-13)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_sessions_of_person(
        &self,
        tenant: TenantId,
        user: UserId,
        which: Option<SessionId>,
        now: DateTime<Utc>,
    ) -> Result<Ended, StoreError> {
        let mut tx = self.pool().begin().await?;
        let ended = end(&mut tx, tenant, user, which, RevokedBecause::SessionEnded, now).await?;
        if ended.sessions > 0 || ended.grants > 0 {
            // Without one, it was every session.
            let subject = json!({
                "user": user.0,
                "session": which.map(|session| session.0),
                "sessions": ended.sessions,
                "grants": ended.grants,
            });
            let act = "user.sessions_ended";
            let event = AuditEvent { at: now, actor: self.store().actor(), act, subject };
            audit::write(&mut tx, tenant, &event).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}

/// Ends a session of a user, or every one, and revokes what was given by it. A login that is being
/// answered by the session at this moment holds its row: it is waited for, and then its grant is
/// seen.
pub(super) async fn end(
    connection: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
    which: Option<SessionId>,
    because: RevokedBecause,
    now: DateTime<Utc>,
) -> Result<Ended, StoreError> {
    let which = which.map(|session| session.0);
    let sessions = sqlx::query!(
        "update sessions set ended_at = $4
          where tenant_id = $1 and user_id = $2 and ($3::uuid is null or session_id = $3)
            and ended_at is null",
        tenant.0,
        user.0,
        which,
        now,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    // Those of sessions that ended before as well, with a note in the timelines.
    let grants = sqlx::query_scalar!(
        r#"with revoked as (
               update grants g set revoked_at = $4, revoked_because = $5,
                      refresh_until = least(g.refresh_until, $4)
                 from sessions s
                where s.tenant_id = $1 and s.user_id = $2
                  and ($3::uuid is null or s.session_id = $3)
                  and g.tenant_id = $1 and g.session_id = s.session_id and g.user_id = $2
                  and g.revoked_at is null
               returning g.login_id),
           noted as (
               update logins l set events = l.events || $6::jsonb
                 from revoked
                where l.tenant_id = $1 and l.login_id = revoked.login_id
                  and jsonb_array_length(l.events) < 60)
           select count(*) as "revoked!" from revoked"#,
        tenant.0,
        user.0,
        which,
        now,
        because.as_str(),
        because.timeline(now)?,
    )
    .fetch_one(connection)
    .await?;
    Ok(Ended { sessions, grants: u64::try_from(grants).unwrap_or(0) })
}
