//! `accounts`: operators and the staff of tenants, who use the dashboard. Needs
//! [`Role::Operator`](crate::Role::Operator).
//!
//! An account belongs to no tenant. What it may do is that it is an operator, and its rows in
//! `members`; without either it goes.
//!
//! | module | what |
//! |---|---|
//! | `invite` | who gets an account, and a link to set it up |
//! | `credentials` | setting it up; passkeys, passwords, second factors |
//! | `staff_identities` | who somebody is at a directory of their tenant |
//! | `sessions` | who is signed in |
//! | `members`, `operators` | who may do what, and who no longer |
//! | `setup_links` | links of those who have no account, for one directory |
//!
//! Checked nowhere here: passwords, second factors and passkeys. Only what is stored of them is.

mod credentials;
mod invite;
mod members;
mod operators;
mod sessions;
mod setup_links;
mod staff_identities;

use std::fmt;

use broker::email::Email;
use broker::id::{AccountId, LinkId, Slug};
use chrono::{DateTime, Utc};
use secrecy::SecretBox;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::sealed::Place;
use crate::{Operator, StoreError};

pub use credentials::NewCredentials;
pub use invite::{InviteOutcome, InviteScope, NewInvite};
pub use members::{MemberOutcome, MemberView, Membership};
pub use operators::OperatorView;
pub use sessions::{HeldSession, SignInMethod, Through, UnknownMethod};
pub use setup_links::{HeldSetup, NewSetupLink, SetupLinkView};
pub use staff_identities::{ConnectOutcome, StaffConnection, StaffDirectory};

/// An account, with what it proves itself by.
pub struct AccountRecord {
    /// Which.
    pub id: AccountId,
    /// Its address, in lower case.
    pub email: String,
    /// What its owner is called; empty before it is set up.
    pub name: String,
    /// Whether it reaches every tenant.
    pub is_operator: bool,
    /// The hash of its password, as a PHC string.
    pub password_hash: Option<String>,
    /// The secret of the second factor that goes with the password.
    pub totp_secret: Option<SecretBox<Vec<u8>>>,
    /// The newest step of it that was used.
    pub totp_step: Option<i64>,
    /// Its passkeys, oldest first.
    pub passkeys: Vec<PasskeyRecord>,
    /// With how many directories it is connected.
    pub directories: i64,
}

/// A passkey of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct PasskeyRecord {
    /// What the authenticator calls it.
    pub credential_id: Vec<u8>,
    /// What its owner calls it.
    pub name: String,
    /// What it is verified with.
    pub passkey: Value,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last signed somebody in.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl AccountRecord {
    /// Whether there is anything to sign in with.
    pub fn is_set_up(&self) -> bool {
        self.password_hash.is_some() || !self.passkeys.is_empty() || self.directories > 0
    }
}

impl fmt::Debug for AccountRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountRecord")
            .field("id", &self.id)
            .field("is_operator", &self.is_operator)
            .field("has_password", &self.password_hash.is_some())
            .field("passkeys", &self.passkeys.len())
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// The account.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when its secret does not open.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountRecord>, StoreError> {
        let row = sqlx::query!(
            r#"select email, name, is_operator, password_hash, sealed_totp_secret, totp_step,
                      (select count(*) from staff_identities i
                        where i.account_id = accounts.account_id) as "directories!",
                      case when sealed_totp_secret is not null
                           then (select data_key from installation_data_key) end as data_key
                 from accounts where account_id = $1"#,
            id.0,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let totp_secret = match row.sealed_totp_secret {
            Some(sealed) => Some(self.totp_secret(id, &sealed, row.data_key.as_deref()).await?),
            None => None,
        };
        let passkeys = sqlx::query_as!(
            PasskeyRecord,
            r#"select credential_id, name, passkey as "passkey: Value", created_at, last_used_at
                 from account_passkeys where account_id = $1
                order by created_at, credential_id"#,
            id.0,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Some(AccountRecord {
            id,
            email: row.email,
            name: row.name,
            is_operator: row.is_operator,
            password_hash: row.password_hash,
            totp_secret,
            totp_step: row.totp_step,
            passkeys,
            directories: row.directories,
        }))
    }

    async fn totp_secret(
        &self,
        id: AccountId,
        sealed: &[u8],
        data_key: Option<&[u8]>,
    ) -> Result<SecretBox<Vec<u8>>, StoreError> {
        let data_key = data_key.ok_or_else(|| corrupt("sealed_totp_secret", id))?;
        let data_key = self.store().open_installation_key(data_key).await?;
        let plain = data_key.open(Place::TotpSecret(id), sealed);
        let plain = plain.map_err(|_| corrupt("sealed_totp_secret", id))?;
        Ok(SecretBox::new(Box::new(plain)))
    }

    /// The account of an address, whatever the case of its letters.
    ///
    /// # Errors
    /// As [`Operator::account`].
    pub async fn account_by_email(&self, email: &str) -> Result<Option<AccountRecord>, StoreError> {
        let Some(email) = address(email) else { return Ok(None) };
        let found = sqlx::query_scalar!("select account_id from accounts where email = $1", email)
            .fetch_optional(self.pool())
            .await?;
        self.found(found).await
    }

    /// Which account an address is of, and the hash of its password: in one statement whether there
    /// is one or not, so that nobody learns it by the time (THREATS ID-11).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn password_by_email(
        &self,
        email: &str,
    ) -> Result<Option<(AccountId, Option<String>)>, StoreError> {
        // What is no address costs as much as one.
        let email = address(email).unwrap_or_default();
        let found =
            sqlx::query!("select account_id, password_hash from accounts where email = $1", email)
                .fetch_optional(self.pool())
                .await?;
        Ok(found.map(|row| (AccountId(row.account_id), row.password_hash)))
    }

    /// The account that a passkey is of.
    ///
    /// # Errors
    /// As [`Operator::account`].
    pub async fn account_by_credential(
        &self,
        credential_id: &[u8],
    ) -> Result<Option<AccountRecord>, StoreError> {
        let found = sqlx::query_scalar!(
            "select account_id from account_passkeys where credential_id = $1",
            credential_id,
        )
        .fetch_optional(self.pool())
        .await?;
        self.found(found).await
    }

    /// Whom the link of that hash lets set up an account, while it works. It is not used up.
    ///
    /// # Errors
    /// As [`Operator::account`].
    pub async fn welcome(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<(LinkId, AccountRecord)>, StoreError> {
        let row = sqlx::query!(
            "select link_id, account_id from account_links
              where token_hash = $1 and expires_at > $2",
            &token_hash[..],
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let account = self.found(Some(row.account_id)).await?;
        Ok(account.map(|account| (LinkId(row.link_id), account)))
    }

    async fn found(&self, id: Option<Uuid>) -> Result<Option<AccountRecord>, StoreError> {
        match id {
            Some(id) => self.account(AccountId(id)).await,
            None => Ok(None),
        }
    }
}

/// As it is stored and compared; `None`: it is no address. (THREATS ID-08)
fn address(email: &str) -> Option<String> {
    Email::parse(email).map(|email| email.to_key())
}

/// Lets nobody else change who has an account or who may do what, until the transaction ends: each
/// statement then sees all that was decided before, so that two owners cannot remove each other. What
/// waits for this has not written to the audit log.
pub(crate) async fn one_at_a_time(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('who has an account', 0))")
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes the accounts that may do nothing any more, with their sessions, and says what the audit
/// log is to say of each. To be called after [`one_at_a_time`].
pub(crate) async fn remove_idle(connection: &mut PgConnection) -> Result<Vec<Value>, StoreError> {
    let gone = sqlx::query!(
        "delete from accounts a
          where not a.is_operator
            and not exists (select from members m where m.account_id = a.account_id)
        returning account_id, email"
    )
    .fetch_all(connection)
    .await?;
    Ok(gone
        .into_iter()
        .map(|row| json!({ "account": row.account_id, "email": row.email }))
        .collect())
}

fn parsed(table: &'static str, slug: &str) -> Result<Slug, StoreError> {
    slug.parse().map_err(|_| StoreError::Corrupt { table, column: "slug", id: slug.to_owned() })
}

fn corrupt(column: &'static str, id: AccountId) -> StoreError {
    StoreError::Corrupt { table: "accounts", column, id: id.to_string() }
}
