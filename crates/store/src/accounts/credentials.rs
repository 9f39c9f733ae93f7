//! What accounts prove themselves by: passkeys (`account_passkeys`), or a password with a second
//! factor.
//!
//! Whoever changes what they have does so in a session, and the session has to last at that moment:
//! a request that was under way when it was ended leaves nothing behind.

use broker::id::AccountId;
use broker::staff_sign_in::StaffIdentity;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::staff_identities::{self, ConnectOutcome};
use super::{HeldSession, one_at_a_time};
use crate::sealed::Place;
use crate::{Operator, StoreError};

/// The most passkeys of an account.
const MOST: i64 = 20;

/// What an account is set up with: at least one of these.
#[derive(Clone, Copy, Default)]
pub struct NewCredentials<'a> {
    /// What its owner is called: 100 characters at most.
    pub name: &'a str,
    /// The hash of a password as a PHC string, the secret of the second factor, and the step of it
    /// that was used just now.
    pub password: Option<(&'a str, &'a [u8], i64)>,
    /// A passkey: its `credential_id`, what its owner calls it, and what it is verified with.
    pub passkey: Option<(&'a [u8], &'a str, &'a Value)>,
    /// Who its owner is at a directory of a tenant whose staff they are of.
    pub identity: Option<&'a StaffIdentity>,
}

impl std::fmt::Debug for NewCredentials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCredentials")
            .field("has_password", &self.password.is_some())
            .field("has_passkey", &self.passkey.is_some())
            .field("has_identity", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// Uses a link up: the account has these credentials and no others, and its sessions end.
    /// `false` when the link was used, was replaced, or is past its time (THREATS ID-13).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the passkey or the identity is
    /// another account's, or the directory does not sign staff in; [`StoreError::Refused`] without any
    /// credential, or for one that cannot be.
    pub async fn set_up_account(
        &self,
        account: AccountId,
        token_hash: [u8; 32],
        new: &NewCredentials<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (password, passkey) = (new.password, new.passkey);
        if password.is_none() && passkey.is_none() && new.identity.is_none() {
            return Err(StoreError::Refused("an account has something to sign in with".to_owned()));
        }
        let sealed = match password {
            Some((_, secret, _)) => Some(self.seal_totp(account, secret).await?),
            None => None,
        };
        let mut tx = self.pool().begin().await?;
        one_at_a_time(&mut tx).await?;
        let by_operator = sqlx::query_scalar!(
            "delete from account_links
              where account_id = $1 and token_hash = $2 and expires_at > $3
          returning by_operator",
            account.0,
            &token_hash[..],
            now,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(by_operator) = by_operator else { return Ok(false) };
        forget(&mut tx, account).await?;
        let email = sqlx::query_scalar!(
            "update accounts
                set name = $2, is_vouched = $3, password_hash = $4, sealed_totp_secret = $5,
                    totp_step = $6
              where account_id = $1
          returning email",
            account.0,
            new.name,
            by_operator,
            password.map(|(phc, _, _)| phc),
            sealed,
            password.map(|(_, _, step)| step),
        )
        .fetch_one(&mut *tx)
        .await?;
        if let Some((credential_id, name, passkey)) = passkey
            && !insert_passkey(&mut tx, account, (credential_id, name, passkey), now).await?
        {
            return Err(StoreError::Conflict("account_passkeys_credential_key".to_owned()));
        }
        if let Some(identity) = new.identity {
            let outcome = staff_identities::insert(&mut tx, account, identity, now).await?;
            if outcome != ConnectOutcome::Done {
                return Err(StoreError::Conflict("staff_identities_one_account".to_owned()));
            }
            let act = ("member.directory_connected", now);
            self.tell_of(&mut tx, account, identity, act).await?;
        }
        let subject = json!({
            "account": account.0, "email": email,
            "password": password.is_some(), "passkey": passkey.map(|(_, name, _)| name),
            "directory": new.identity.map(|one| one.directory.0),
        });
        self.tell(&mut tx, None, ("account.set_up", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Uses a step of the second factor up; `false` when it, or a later one, was used before.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn use_totp_step(&self, account: AccountId, step: i64) -> Result<bool, StoreError> {
        let used = sqlx::query!(
            "update accounts set totp_step = $2 where account_id = $1 and totp_step < $2",
            account.0,
            step,
        )
        .execute(self.pool())
        .await?;
        Ok(used.rows_affected() > 0)
    }

    /// Gives the account of a session a password with its second factor, in place of what it had, and
    /// ends its other sessions. `false` when the session has ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for a hash that is none.
    pub async fn set_password(
        &self,
        by: &HeldSession,
        phc: &str,
        totp_secret: &[u8],
        step: i64,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let sealed = self.seal_totp(by.account, totp_secret).await?;
        let mut tx = self.pool().begin().await?;
        if !hold(&mut tx, by.account).await? || !lasts(&mut tx, by).await? {
            return Ok(false);
        }
        sqlx::query!(
            "update accounts set password_hash = $2, sealed_totp_secret = $3, totp_step = $4
              where account_id = $1",
            by.account.0,
            phc,
            sealed,
            step,
        )
        .execute(&mut *tx)
        .await?;
        end_others(&mut tx, by).await?;
        let subject = json!({ "account": by.account.0 });
        self.tell(&mut tx, None, ("account.password_set", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Adds a passkey to the account of a session; `false` when there are 20 already, or it is known,
    /// or the session has ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for a passkey that cannot be.
    pub async fn add_passkey(
        &self,
        by: &HeldSession,
        credential_id: &[u8],
        name: &str,
        passkey: &Value,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (account, new) = (by.account, (credential_id, name, passkey));
        let mut tx = self.pool().begin().await?;
        if !hold(&mut tx, account).await?
            || !lasts(&mut tx, by).await?
            || !insert_passkey(&mut tx, account, new, now).await?
        {
            return Ok(false);
        }
        let subject = json!({ "account": account.0, "passkey": name });
        self.tell(&mut tx, None, ("account.passkey_added", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes a passkey of a session's account, and ends its other sessions: one may have been made
    /// with it. `false` when there is none, or it is all that the account has, or the session has
    /// ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_passkey(
        &self,
        by: &HeldSession,
        credential_id: &[u8],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let account = by.account;
        let mut tx = self.pool().begin().await?;
        if !hold(&mut tx, account).await? || !lasts(&mut tx, by).await? {
            return Ok(false);
        }
        let name = sqlx::query_scalar!(
            "delete from account_passkeys p
              where p.account_id = $1 and p.credential_id = $2
                and (exists (select from accounts a
                              where a.account_id = $1 and a.password_hash is not null)
                     or exists (select from account_passkeys o
                                 where o.account_id = $1 and o.credential_id <> $2))
          returning name",
            account.0,
            credential_id,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(name) = name else { return Ok(false) };
        end_others(&mut tx, by).await?;
        let subject = json!({ "account": account.0, "passkey": name });
        self.tell(&mut tx, None, ("account.passkey_removed", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that a passkey signed somebody in, and what it is verified with from now on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`].
    pub async fn note_passkey_use(
        &self,
        account: AccountId,
        credential_id: &[u8],
        passkey: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update account_passkeys set passkey = $3, last_used_at = $4
              where account_id = $1 and credential_id = $2",
            account.0,
            credential_id,
            passkey,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    async fn seal_totp(&self, account: AccountId, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let data_key = self.installation_key().await?;
        data_key.seal(Place::TotpSecret(account), secret)
    }
}

/// Takes everything from an account that lets somebody in, but for its links.
pub(super) async fn forget(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<(), StoreError> {
    // Whatever is being added is there first, and then goes too.
    hold(connection, account).await?;
    sqlx::query!(
        "with passkeys as (delete from account_passkeys where account_id = $1),
              identities as (delete from staff_identities where account_id = $1),
              sessions as (delete from account_sessions where account_id = $1)
         update accounts
            set password_hash = null, sealed_totp_secret = null, totp_step = null
          where account_id = $1",
        account.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends every session of a session's account but itself.
async fn end_others(connection: &mut PgConnection, by: &HeldSession) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from account_sessions where account_id = $1 and session_id <> $2",
        by.account.0,
        by.id.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a session is still there, once its account is held.
pub(super) async fn lasts(
    connection: &mut PgConnection,
    by: &HeldSession,
) -> Result<bool, StoreError> {
    let found = sqlx::query!(
        "select from account_sessions where account_id = $1 and session_id = $2",
        by.account.0,
        by.id.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// Holds an account, so that what it has changes one after the other; `false` when it is gone.
pub(super) async fn hold(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<bool, StoreError> {
    let held = sqlx::query!("select from accounts where account_id = $1 for update", account.0)
        .execute(connection)
        .await?;
    Ok(held.rows_affected() > 0)
}

async fn insert_passkey(
    connection: &mut PgConnection,
    account: AccountId,
    (credential_id, name, passkey): (&[u8], &str, &Value),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let added = sqlx::query!(
        "insert into account_passkeys (account_id, credential_id, name, passkey, created_at)
         select $1, $2, $3, $4, $5
          where (select count(*) from account_passkeys where account_id = $1) < $6
         on conflict do nothing",
        account.0,
        credential_id,
        name,
        passkey,
        now,
        MOST,
    )
    .execute(connection)
    .await?;
    Ok(added.rows_affected() > 0)
}
