//! Two users who are one person, on somebody's word.

use broker::id::{TenantId, UserId};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::sessions::{self, Ended};
use crate::audit::{self, AuditEvent};
use crate::{Operator, RevokedBecause, StoreError};

/// What became of the one who was joined into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// How many identities arrive as the other from now on.
    pub identities: u64,
    /// What ended.
    pub ended: Ended,
}

/// What to say, on every face, of two users whom [`Operator::join_people`] did not join.
pub const NOT_JOINED: &str = "one of the two is blocked, or was joined into another user: let them in \
                              again first, or name the user as whom they arrive";

impl Operator {
    /// Makes `other` arrive as `kept` from now on: its identities become theirs, its sessions end,
    /// and the audit log tells. `None`: they are not two users who may both sign in, and nothing
    /// was changed. Nobody gets the `sub` and `external_id` of `other` any more. (THREATS ID-01)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn join_people(
        &self,
        tenant: TenantId,
        kept: UserId,
        other: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<Joined>, StoreError> {
        let mut tx = self.pool().begin().await?;
        // A login holds its identity before it touches its user: the same order here.
        let identities = sqlx::query!(
            "update identities set user_id = $2 where tenant_id = $1 and user_id = $3",
            tenant.0,
            kept.0,
            other.0,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let left = sqlx::query!(
            "with kept as (
                 select user_id from users
                  where tenant_id = $1 and user_id = $2 and user_id <> $3 and blocked_at is null
                    for no key update)
             update users u
                set joined_into = kept.user_id, blocked_at = $4, email = null, awaited = false
               from kept
              where u.tenant_id = $1 and u.user_id = $3 and u.blocked_at is null",
            tenant.0,
            kept.0,
            other.0,
            now,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if left == 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        // Who has an identity is not waited for.
        sqlx::query!(
            "update users set awaited = false
              where tenant_id = $1 and user_id = $2 and awaited and $3",
            tenant.0,
            kept.0,
            identities > 0,
        )
        .execute(&mut *tx)
        .await?;
        // What was kept of the other to try rows on is kept anew when they arrive.
        sqlx::query!(
            "delete from claim_samples where tenant_id = $1 and user_id = $2",
            tenant.0,
            other.0,
        )
        .execute(&mut *tx)
        .await?;
        let because = RevokedBecause::SessionEnded;
        let ended = sessions::end(&mut tx, tenant, other, None, because, now).await?;
        let subject = json!({
            "user": kept.0,
            "joined": other.0,
            "identities": identities,
            "because": "staff",
        });
        let event =
            AuditEvent { at: now, actor: self.store().actor(), act: "user.joined", subject };
        audit::write(&mut tx, tenant, &event).await?;
        tx.commit().await?;
        Ok(Some(Joined { identities, ended }))
    }
}
