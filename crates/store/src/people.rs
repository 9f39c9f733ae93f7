//! The users of a tenant as staff see them: looked for, blocked, unblocked; [`sessions`] ends where
//! they are signed in, [`join`] makes two of them one, [`moving`] counts who would come over to
//! another directory. Needs [`Role::Operator`](crate::Role::Operator).

mod join;
mod moving;
mod sessions;

use broker::id::{TenantId, UserId};
use chrono::{DateTime, Utc};
use serde_json::json;

pub use self::join::{Joined, NOT_JOINED};
pub use self::moving::{Move, Moving};
pub use self::sessions::{Ended, SessionView};
use crate::audit::{self, AuditEvent};
use crate::{Operator, RevokedBecause, StoreError};

/// Which users a list is about.
#[derive(Debug, Clone, Default)]
pub struct PersonQuery<'a> {
    /// Only those who are blocked.
    pub blocked: bool,
    /// Only those whose address, `external_id` or `sub` holds this text, whatever its case.
    pub search: Option<&'a str>,
    /// Only those after this `external_id`, in the order of the list.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: u16,
}

/// A user, as staff see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// The user.
    pub id: UserId,
    /// What applications call them.
    pub sub: String,
    /// The number that applications keep.
    pub external_id: String,
    /// The address that a directory vouched for, or an import stated.
    pub email: Option<String>,
    /// Since when they may not sign in.
    pub blocked_at: Option<DateTime<Utc>>,
    /// As whom they arrive since somebody joined them.
    pub joined_into: Option<UserId>,
}

/// A user with what there is of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonDetail {
    /// The user.
    pub person: PersonView,
    /// Since when they are known.
    pub created_at: DateTime<Utc>,
    /// When they were imported; `None`: they arrived by themselves.
    pub imported_at: Option<DateTime<Utc>>,
    /// As whom they arrive, by directory.
    pub identities: Vec<IdentityView>,
    /// In how many browsers they are signed in.
    pub sessions: u64,
}

/// As whom a user arrives from a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityView {
    /// The directory's name in URLs.
    pub directory: String,
    /// Who vouches.
    pub issuer: String,
    /// What they are called there.
    pub subject: String,
    /// When they were first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When they were last seen.
    pub last_seen_at: DateTime<Utc>,
}

/// How staff name a user: by the address, the `sub` or the `external_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichPerson {
    /// Nobody is called that.
    Nobody,
    /// This one.
    One(PersonView),
    /// Several are; these, ten at most.
    Several(Vec<PersonView>),
}

/// What became of blocking or unblocking somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockChange {
    /// Whether anything changed.
    pub changed: bool,
    /// How many sessions ended.
    pub sessions: u64,
    /// How many grants were revoked.
    pub grants: u64,
}

impl Operator {
    /// Users of a tenant, by `external_id`. Those who were joined into another are found when
    /// somebody searches for them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn people(
        &self,
        tenant: TenantId,
        query: &PersonQuery<'_>,
    ) -> Result<Vec<PersonView>, StoreError> {
        let rows = sqlx::query_as!(
            Found,
            r#"select user_id, sub, external_id, email, blocked_at, joined_into from users
                where tenant_id = $1
                  and (not $2 or blocked_at is not null)
                  and (joined_into is null or $3::text is not null and not $2)
                  and ($3::text is null
                       or strpos(lower(external_id), lower($3)) > 0
                       or strpos(lower(coalesce(email, '')), lower($3)) > 0
                       or strpos(lower(sub), lower($3)) > 0)
                  and ($4::text is null or external_id > $4)
                order by external_id
                limit $5"#,
            tenant.0,
            query.blocked,
            query.search,
            query.after,
            i64::from(query.limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(PersonView::from).collect())
    }

    /// The user whose `sub`, `external_id` or address this is, exactly save for the address's case.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_person(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<WhichPerson, StoreError> {
        let mut found = sqlx::query_as!(
            Found,
            r#"select user_id, sub, external_id, email, blocked_at, joined_into from users
                where tenant_id = $1 and (sub = $2 or external_id = $2 or email = lower($2))
                order by external_id
                limit 10"#,
            tenant.0,
            name,
        )
        .fetch_all(self.pool())
        .await?
        .into_iter()
        .map(PersonView::from)
        .collect::<Vec<_>>();
        Ok(match (found.pop(), found.is_empty()) {
            (None, _) => WhichPerson::Nobody,
            (Some(one), true) => WhichPerson::One(one),
            (Some(last), false) => {
                found.push(last);
                WhichPerson::Several(found)
            }
        })
    }

    /// A user with their identities, and the sessions that are in force at `now`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn person(
        &self,
        tenant: TenantId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<PersonDetail>, StoreError> {
        let row = sqlx::query!(
            r#"select u.sub, u.external_id, u.email, u.blocked_at, u.joined_into, u.created_at,
                      u.imported_at,
                      (select count(*) from sessions s
                        where s.tenant_id = u.tenant_id and s.user_id = u.user_id
                          and s.ended_at is null and s.expires_at > $3) as "sessions!"
                 from users u where u.tenant_id = $1 and u.user_id = $2"#,
            tenant.0,
            user.0,
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let identities = sqlx::query_as!(
            IdentityView,
            r#"select d.slug as directory, i.issuer, i.subject, i.first_seen_at, i.last_seen_at
                 from identities i
                 join directories d
                   on d.tenant_id = i.tenant_id and d.directory_id = i.directory_id
                where i.tenant_id = $1 and i.user_id = $2
                order by d.slug, i.issuer, i.subject
                limit 100"#,
            tenant.0,
            user.0,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Some(PersonDetail {
            person: PersonView {
                id: user,
                sub: row.sub,
                external_id: row.external_id,
                email: row.email,
                blocked_at: row.blocked_at,
                joined_into: row.joined_into.map(UserId),
            },
            created_at: row.created_at,
            imported_at: row.imported_at,
            identities,
            sessions: u64::try_from(row.sessions).unwrap_or(0),
        }))
    }

    /// Whether the tenant has this user.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_person(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar!(
            r#"select exists (select from users where tenant_id = $1 and user_id = $2) as "is!""#,
            tenant.0,
            user.0,
        );
        Ok(found.fetch_one(self.pool()).await?)
    }

    /// Keeps a user out: they cannot sign in, their sessions end, what applications got is
    /// revoked, and the audit log tells, all at one moment or not at all. (THREATS TK-12)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn block_person(
        &self,
        tenant: TenantId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<BlockChange, StoreError> {
        self.set_blocked(tenant, user, Some(now), now).await
    }

    /// Lets a user in again, unless they were joined into another. What they had before stays
    /// ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn unblock_person(
        &self,
        tenant: TenantId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<BlockChange, StoreError> {
        self.set_blocked(tenant, user, None, now).await
    }

    async fn set_blocked(
        &self,
        tenant: TenantId,
        user: UserId,
        blocked_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<BlockChange, StoreError> {
        let mut tx = self.pool().begin().await?;
        let changed = sqlx::query!(
            "update users set blocked_at = $3::timestamptz
              where tenant_id = $1 and user_id = $2 and joined_into is null
                and (blocked_at is null) <> ($3::timestamptz is null)",
            tenant.0,
            user.0,
            blocked_at,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected()
            > 0;
        // Also when nothing changed, and when they are let in again: a login that was under way
        // while somebody was blocked may have left a session behind, which is dead and stays so.
        let because = RevokedBecause::UserBlocked;
        let Ended { sessions, grants } =
            sessions::end(&mut tx, tenant, user, None, because, now).await?;
        if changed || sessions > 0 || grants > 0 {
            let act = if blocked_at.is_some() { "user.blocked" } else { "user.unblocked" };
            let subject = json!({ "user": user.0, "sessions": sessions, "grants": grants });
            let event = AuditEvent { at: now, actor: self.store().actor(), act, subject };
            audit::write(&mut tx, tenant, &event).await?;
        }
        tx.commit().await?;
        Ok(BlockChange { changed, sessions, grants })
    }
}

struct Found {
    user_id: uuid::Uuid,
    sub: String,
    external_id: String,
    email: Option<String>,
    blocked_at: Option<DateTime<Utc>>,
    joined_into: Option<uuid::Uuid>,
}

impl From<Found> for PersonView {
    fn from(row: Found) -> Self {
        Self {
            id: UserId(row.user_id),
            sub: row.sub,
            external_id: row.external_id,
            email: row.email,
            blocked_at: row.blocked_at,
            joined_into: row.joined_into.map(UserId),
        }
    }
}
