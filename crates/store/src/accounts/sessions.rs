//! `account_sessions`: who is signed in at the dashboard.

use std::fmt;
use std::str::FromStr;

use broker::id::{AccountId, AccountSessionId, DirectoryId, TenantId};
use broker::staff_sign_in::{self, StaffIdentity};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::credentials::hold;
use super::staff_identities::settings;
use super::{Membership, corrupt};
use crate::{Operator, StoreError};

/// The most sessions of an account; the oldest give way.
const MOST: i64 = 50;

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMethod {
    /// With a passkey.
    Passkey,
    /// With a password and a second factor.
    Password,
    /// With the link that set the account up.
    Link,
    /// Through a directory.
    Directory,
}

impl SignInMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::Passkey, Self::Password, Self::Link, Self::Directory];

    /// Its name, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Password => "password",
            Self::Link => "link",
            Self::Directory => "directory",
        }
    }
}

impl fmt::Display for SignInMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no [`SignInMethod`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a way to sign in is one of passkey, password, link, directory")]
pub struct UnknownMethod;

impl FromStr for SignInMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(UnknownMethod)
    }
}

/// What a session was made by, when that was a directory. It then reaches that tenant alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Through {
    /// The tenant.
    pub tenant: TenantId,
    /// The directory.
    pub directory: DirectoryId,
}

/// A session that is to begin.
pub(super) struct NewSession<'a> {
    pub(super) id: AccountSessionId,
    pub(super) token_hash: [u8; 32],
    pub(super) method: SignInMethod,
    pub(super) through: Option<&'a StaffIdentity>,
    pub(super) expires_at: DateTime<Utc>,
}

/// A session that lasts, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSession {
    /// Which.
    pub id: AccountSessionId,
    /// Whose.
    pub account: AccountId,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// Whether they reach every tenant in this session.
    pub is_operator: bool,
    /// What they may do where in this session, by the tenants' slugs.
    pub memberships: Vec<Membership>,
    /// How they signed in.
    pub method: SignInMethod,
    /// Through which directory, if that is how.
    pub through: Option<Through>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl Operator {
    /// Begins a session, and tells the audit log. `false` when the account is gone, or has nothing any
    /// more that signs in like that; through a directory, it is
    /// [`Operator::start_session_through`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for an end that is not ahead.
    #[expect(clippy::too_many_arguments, reason = "a column each, told apart by their types")]
    pub async fn start_session(
        &self,
        account: AccountId,
        id: AccountSessionId,
        token_hash: [u8; 32],
        method: SignInMethod,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let new = NewSession { id, token_hash, method, through: None, expires_at };
        self.begin_session(account, &new, now).await
    }

    pub(super) async fn begin_session(
        &self,
        account: AccountId,
        new: &NewSession<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        // Sessions of one account begin one after the other, and not while its credentials end.
        hold(&mut tx, account).await?;
        let through = new.through;
        let email = sqlx::query_scalar!(
            "update accounts a set last_seen_at = $2
              where a.account_id = $1
                and case $3
                    when 'password' then a.password_hash is not null
                    when 'passkey' then exists (select from account_passkeys p
                                                 where p.account_id = $1)
                    when 'directory' then exists (
                        select from staff_identities i
                         where i.tenant_id = $4 and i.account_id = $1 and i.directory_id = $5
                           and i.issuer = $6 and i.subject = $7 and i.provider = $8)
                    else true end
          returning email",
            account.0,
            now,
            new.method.as_str(),
            through.map(|one| one.tenant.0),
            through.map(|one| one.directory.0),
            through.map(|one| one.issuer.as_str()),
            through.map(|one| one.subject.as_str()),
            through.map(|one| one.provider.as_str()),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(email) = email else { return Ok(false) };
        make_room(&mut tx, account, through.map(|one| one.tenant), now).await?;
        sqlx::query!(
            "with used as (
                 update staff_identities set last_used_at = $5
                  where tenant_id = $7 and account_id = $1 and directory_id = $8)
             insert into account_sessions (account_id, session_id, token_hash, method, created_at,
                                           last_seen_at, expires_at, tenant_id, directory_id)
             values ($1, $2, $3, $4, $5, $5, $6, $7, $8)",
            account.0,
            new.id.0,
            &new.token_hash[..],
            new.method.as_str(),
            now,
            new.expires_at,
            through.map(|one| one.tenant.0),
            through.map(|one| one.directory.0),
        )
        .execute(&mut *tx)
        .await?;
        let mut subject =
            json!({ "account": account.0, "email": email, "by": new.method.as_str() });
        if let (Some(through), Some(members)) = (through, subject.as_object_mut()) {
            members.insert("tenant".to_owned(), json!(through.tenant.0));
            members.insert("directory".to_owned(), json!(through.directory.0));
        }
        self.tell(&mut tx, None, ("account.signed_in", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The session of that hash, if it lasts and was seen within `idle`; that it was seen is noted
    /// once a minute. One that a directory made reaches that tenant alone, and lasts only while the
    /// directory signs staff in and is the provider that it was (THREATS TN-12, UP-09).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn held_session(
        &self,
        token_hash: [u8; 32],
        idle: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Option<HeldSession>, StoreError> {
        let row = sqlx::query!(
            r#"select s.session_id, s.account_id, a.email, a.name, a.is_operator, s.method,
                      s.created_at, s.expires_at,
                      s.last_seen_at <= $2::timestamptz - interval '1 minute' as "is_stale!",
                      s.tenant_id, s.directory_id, i.provider as "provider?",
                      d.settings as "settings?: Value",
                      coalesce((t.policy ->> 'suspended')::boolean, false) as "suspended!"
                 from account_sessions s join accounts a on a.account_id = s.account_id
                 left join staff_identities i
                   on i.tenant_id = s.tenant_id and i.account_id = s.account_id
                  and i.directory_id = s.directory_id
                 left join tenants t on t.tenant_id = i.tenant_id
                 left join directories d
                   on d.tenant_id = i.tenant_id and d.directory_id = i.directory_id
                where s.token_hash = $1 and s.expires_at > $2 and s.last_seen_at > $3"#,
            &token_hash[..],
            now,
            now - idle,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (account, id) = (AccountId(row.account_id), AccountSessionId(row.session_id));
        let method: SignInMethod = row.method.parse().map_err(|_| corrupt("method", account))?;
        let through = match (method, row.tenant_id, row.directory_id, row.provider, row.settings) {
            (
                SignInMethod::Directory,
                Some(tenant),
                Some(directory),
                Some(provider),
                Some(kept),
            ) => {
                let through =
                    Through { tenant: TenantId(tenant), directory: DirectoryId(directory) };
                let settings = settings(through.directory, kept)?;
                if !staff_sign_in::is_open(&settings, row.suspended, &provider) {
                    return Ok(None);
                }
                Some(through)
            }
            (SignInMethod::Directory, ..) => return Ok(None),
            _ => None,
        };
        if row.is_stale {
            self.note_seen(account, id, now).await?;
        }
        Ok(Some(HeldSession {
            id,
            account,
            email: row.email,
            name: row.name,
            is_operator: row.is_operator && through.is_none(),
            memberships: self.memberships(account, through.map(|one| one.tenant)).await?,
            method,
            through,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }))
    }

    async fn note_seen(
        &self,
        account: AccountId,
        id: AccountSessionId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "with seen as (
                 update account_sessions set last_seen_at = greatest(last_seen_at, $3)
                  where account_id = $1 and session_id = $2
                 returning account_id)
             update accounts a set last_seen_at = greatest(a.last_seen_at, $3)
               from seen where a.account_id = seen.account_id",
            account.0,
            id.0,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Ends a session, and tells the audit log; `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_session(
        &self,
        account: AccountId,
        id: AccountSessionId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        let ended = sqlx::query!(
            "delete from account_sessions where account_id = $1 and session_id = $2",
            account.0,
            id.0,
        )
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(false);
        }
        let subject = json!({ "account": account.0 });
        self.tell(&mut tx, None, ("account.signed_out", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends the sessions of an account but that one, and says how many: every one, or those that
    /// directories of the tenant `within` made, since one of these reaches no further. The audit log
    /// is told if there were any. (THREATS TN-12)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_sessions_of(
        &self,
        account: AccountId,
        except: Option<AccountSessionId>,
        within: Option<TenantId>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.pool().begin().await?;
        let ended = sqlx::query!(
            "delete from account_sessions
              where account_id = $1 and ($2::uuid is null or session_id <> $2)
                and ($3::uuid is null or tenant_id = $3)",
            account.0,
            except.map(|id| id.0),
            within.map(|tenant| tenant.0),
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if ended > 0 {
            let subject = json!({ "account": account.0, "sessions": ended });
            self.tell(&mut tx, None, ("account.sessions_ended", subject), now).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}

/// Ends the sessions of an account that are over, and the oldest if there would be too many. Those that
/// directories of a tenant make are counted by themselves: they push no others out.
async fn make_room(
    connection: &mut PgConnection,
    account: AccountId,
    tenant: Option<TenantId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from account_sessions
              where account_id = $1
                and (expires_at <= $2
                     or tenant_id is not distinct from $4::uuid and session_id not in (
                         select s.session_id from account_sessions s
                          where s.account_id = $1 and s.expires_at > $2
                            and s.tenant_id is not distinct from $4::uuid
                          order by s.created_at desc, s.session_id desc
                          limit $3))",
        account.0,
        now,
        MOST - 1,
        tenant.map(|tenant| tenant.0) as Option<uuid::Uuid>,
    )
    .execute(connection)
    .await?;
    Ok(())
}
