//! `staff_identities`: who somebody of the staff is at a directory of their tenant.
//!
//! A connection is made by whoever holds a session of the account, or its one-time link; it ends with
//! the membership and with the directory, and with it end the sessions that it made. It counts while
//! the directory is what it was ([`broker::staff_sign_in`], THREATS ID-09, UP-09).

use broker::id::{AccountId, AccountSessionId, DirectoryId, Slug, TenantId};
use broker::settings::DirectorySettings;
use broker::staff_sign_in::{self, StaffIdentity};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::credentials::{hold, lasts};
use super::{HeldSession, SignInMethod, parsed};
use crate::{Operator, StoreError};

/// A directory by which somebody may sign in to the dashboard, or once could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffDirectory {
    /// Its tenant.
    pub tenant: TenantId,
    /// The tenant's name in URLs.
    pub tenant_slug: Slug,
    /// The tenant's name for people.
    pub tenant_name: String,
    /// The directory.
    pub directory: DirectoryId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Whether staff may sign in through it now.
    pub is_open: bool,
    /// Who they are there.
    pub connection: Option<StaffConnection>,
}

/// An identity that is connected with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffConnection {
    /// The issuer.
    pub issuer: String,
    /// Its name for the person.
    pub subject: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it last signed them in.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whether it signs them in: the directory is open, and still the provider that it was.
    pub works: bool,
}

/// What became of an identity that somebody wanted to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectOutcome {
    /// It is connected, in place of another of that directory.
    Done,
    /// It is another account's.
    Taken,
    /// The session has ended, the account is not of that tenant's staff, or the directory does not
    /// sign staff in.
    Closed,
}

impl Operator {
    /// The directories of an account's tenants by which it may sign in, or that it is connected with,
    /// by tenant and name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn staff_directories(
        &self,
        account: AccountId,
    ) -> Result<Vec<StaffDirectory>, StoreError> {
        let rows = sqlx::query!(
            r#"select t.tenant_id, t.slug as tenant_slug, t.name as tenant_name,
                      coalesce((t.policy ->> 'suspended')::boolean, false) as "suspended!",
                      d.directory_id, d.settings as "settings: Value",
                      i.issuer as "issuer?", i.subject as "subject?", i.provider as "provider?",
                      i.created_at as "created_at?", i.last_used_at as "last_used_at?"
                 from members m
                 join tenants t on t.tenant_id = m.tenant_id
                 join directories d on d.tenant_id = m.tenant_id
                 left join staff_identities i
                   on i.tenant_id = m.tenant_id and i.account_id = m.account_id
                  and i.directory_id = d.directory_id
                where m.account_id = $1
                  and (i.account_id is not null
                       or (d.settings ->> 'staff_sign_in')::boolean is true)
                order by t.slug, d.slug"#,
            account.0,
        )
        .fetch_all(self.pool())
        .await?;
        let read = rows.into_iter().map(|row| {
            let (tenant, directory) = (TenantId(row.tenant_id), DirectoryId(row.directory_id));
            let settings = settings(directory, row.settings)?;
            let is_open =
                |provider: &str| staff_sign_in::is_open(&settings, row.suspended, provider);
            let connection = match (row.issuer, row.subject, row.provider, row.created_at) {
                (Some(issuer), Some(subject), Some(provider), Some(created_at)) => {
                    let (works, last_used_at) = (is_open(&provider), row.last_used_at);
                    Some(StaffConnection { issuer, subject, created_at, last_used_at, works })
                }
                _ => None,
            };
            Ok(StaffDirectory {
                tenant,
                tenant_slug: parsed("tenants", &row.tenant_slug)?,
                tenant_name: row.tenant_name,
                directory,
                is_open: is_open(&staff_sign_in::provider(&settings)),
                slug: settings.slug,
                name: settings.name,
                connection,
            })
        });
        read.collect()
    }

    /// The account that an identity is connected with, while the directory signs staff in and is the
    /// provider that it was then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn account_by_identity(
        &self,
        identity: &StaffIdentity,
    ) -> Result<Option<AccountId>, StoreError> {
        let row = sqlx::query!(
            r#"select i.account_id, d.settings as "settings: Value",
                      coalesce((t.policy ->> 'suspended')::boolean, false) as "suspended!"
                 from staff_identities i
                 join tenants t on t.tenant_id = i.tenant_id
                 join directories d
                   on d.tenant_id = i.tenant_id and d.directory_id = i.directory_id
                where i.tenant_id = $1 and i.directory_id = $2 and i.issuer = $3
                  and i.subject = $4 and i.provider = $5"#,
            identity.tenant.0,
            identity.directory.0,
            identity.issuer,
            identity.subject,
            identity.provider,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let settings = settings(identity.directory, row.settings)?;
        let is_open = staff_sign_in::is_open(&settings, row.suspended, &identity.provider);
        Ok(is_open.then_some(AccountId(row.account_id)))
    }

    /// Connects an identity with the account of a session, in place of another that it had at that
    /// directory, and tells the tenant's audit log.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn connect_identity(
        &self,
        by: &HeldSession,
        identity: &StaffIdentity,
        now: DateTime<Utc>,
    ) -> Result<ConnectOutcome, StoreError> {
        let mut tx = self.pool().begin().await?;
        if !hold(&mut tx, by.account).await? || !lasts(&mut tx, by).await? {
            return Ok(ConnectOutcome::Closed);
        }
        let outcome = insert(&mut tx, by.account, identity, now).await?;
        let ConnectOutcome::Done = outcome else { return Ok(outcome) };
        self.tell_of(&mut tx, by.account, identity, ("member.directory_connected", now)).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Ends the connection of a session's account with a directory, with the sessions that it made,
    /// and tells the tenant's audit log. `false` when there is none, or the session has ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn disconnect_identity(
        &self,
        by: &HeldSession,
        (tenant, directory): (TenantId, DirectoryId),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        if !hold(&mut tx, by.account).await? || !lasts(&mut tx, by).await? {
            return Ok(false);
        }
        let gone = sqlx::query!(
            "delete from staff_identities
              where tenant_id = $1 and account_id = $2 and directory_id = $3
          returning issuer, subject, provider",
            tenant.0,
            by.account.0,
            directory.0,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(gone) = gone else { return Ok(false) };
        let (issuer, subject, provider) = (gone.issuer, gone.subject, gone.provider);
        let identity = StaffIdentity { tenant, directory, issuer, subject, provider };
        self.tell_of(&mut tx, by.account, &identity, ("member.directory_removed", now)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Begins a session that reaches the identity's tenant and nothing else, and tells the audit log.
    /// `false` when the identity is not connected with the account any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for an end that is not ahead.
    pub async fn start_session_through(
        &self,
        (account, id): (AccountId, AccountSessionId),
        token_hash: [u8; 32],
        identity: &StaffIdentity,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let method = SignInMethod::Directory;
        let new = super::sessions::NewSession {
            id,
            token_hash,
            method,
            through: Some(identity),
            expires_at,
        };
        self.begin_session(account, &new, now).await
    }

    /// What the tenant's audit log says of a connection: which directory and issuer, and not which
    /// subject.
    pub(super) async fn tell_of(
        &self,
        connection: &mut PgConnection,
        account: AccountId,
        identity: &StaffIdentity,
        (act, now): (&str, DateTime<Utc>),
    ) -> Result<(), StoreError> {
        let row = sqlx::query!(
            "select d.slug, a.email from directories d cross join accounts a
              where d.tenant_id = $1 and d.directory_id = $2 and a.account_id = $3",
            identity.tenant.0,
            identity.directory.0,
            account.0,
        )
        .fetch_one(&mut *connection)
        .await?;
        let subject = json!({
            "account": account.0, "email": row.email, "directory": row.slug,
            "issuer": identity.issuer,
        });
        self.tell(connection, Some(identity.tenant), (act, subject), now).await
    }
}

/// Connects an identity with an account that is held.
pub(super) async fn insert(
    connection: &mut PgConnection,
    account: AccountId,
    identity: &StaffIdentity,
    now: DateTime<Utc>,
) -> Result<ConnectOutcome, StoreError> {
    let row = sqlx::query!(
        r#"select d.settings as "settings: Value",
                  coalesce((t.policy ->> 'suspended')::boolean, false) as "suspended!"
             from members m
             join tenants t on t.tenant_id = m.tenant_id
             join directories d on d.tenant_id = m.tenant_id and d.directory_id = $3
            where m.tenant_id = $1 and m.account_id = $2
              for share of m"#,
        identity.tenant.0,
        account.0,
        identity.directory.0,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(ConnectOutcome::Closed) };
    let settings = settings(identity.directory, row.settings)?;
    if !staff_sign_in::is_open(&settings, row.suspended, &identity.provider) {
        return Ok(ConnectOutcome::Closed);
    }
    // With what was there end the sessions that it made.
    sqlx::query!(
        "delete from staff_identities
          where tenant_id = $1 and account_id = $2 and directory_id = $3",
        identity.tenant.0,
        account.0,
        identity.directory.0,
    )
    .execute(&mut *connection)
    .await?;
    let added = sqlx::query!(
        "insert into staff_identities (tenant_id, account_id, directory_id, issuer, subject,
                                       provider, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint staff_identities_one_account do nothing",
        identity.tenant.0,
        account.0,
        identity.directory.0,
        identity.issuer,
        identity.subject,
        identity.provider,
        now,
    )
    .execute(connection)
    .await?;
    Ok(if added.rows_affected() > 0 { ConnectOutcome::Done } else { ConnectOutcome::Taken })
}

/// The settings of a directory, as they are stored.
pub(super) fn settings(id: DirectoryId, stored: Value) -> Result<DirectorySettings, StoreError> {
    serde_json::from_value(stored).map_err(|_| StoreError::Corrupt {
        table: "directories",
        column: "settings",
        id: id.to_string(),
    })
}
