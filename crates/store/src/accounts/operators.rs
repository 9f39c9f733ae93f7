//! Operators: the accounts that reach every tenant.

use broker::id::AccountId;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::{MemberOutcome, one_at_a_time, remove_idle};
use crate::{Operator, StoreError};

/// An operator, as the others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorView {
    /// Who.
    pub account: AccountId,
    /// Their address.
    pub email: String,
    /// What they are called; empty before they set their account up.
    pub name: String,
    /// Whether they have anything to sign in with.
    pub is_set_up: bool,
    /// Whether that is a passkey.
    pub has_passkey: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When they were last there, to the minute.
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Operator {
    /// The operators, by address.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn operators(&self) -> Result<Vec<OperatorView>, StoreError> {
        let rows = sqlx::query!(
            r#"select a.account_id, a.email, a.name, a.password_hash is not null as "has_password!",
                      exists (select from account_passkeys p where p.account_id = a.account_id)
                          as "has_passkey!",
                      a.created_at, a.created_by, a.last_seen_at
                 from accounts a where a.is_operator order by a.email"#
        )
        .fetch_all(self.pool())
        .await?;
        let views = rows.into_iter().map(|row| OperatorView {
            account: AccountId(row.account_id),
            email: row.email,
            name: row.name,
            is_set_up: row.has_password || row.has_passkey,
            has_passkey: row.has_passkey,
            created_at: row.created_at,
            created_by: row.created_by,
            last_seen_at: row.last_seen_at,
        });
        Ok(views.collect())
    }

    /// Makes somebody an operator no more, and ends their account if that was all. The last one who
    /// can sign in stays; [`MemberOutcome::LastOwner`] says so (THREATS TN-12).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_operator(
        &self,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<MemberOutcome, StoreError> {
        let mut tx = self.pool().begin().await?;
        one_at_a_time(&mut tx).await?;
        let email = sqlx::query_scalar!(
            "select email from accounts where account_id = $1 and is_operator",
            account.0,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(email) = email else { return Ok(MemberOutcome::NotFound) };
        let ended = sqlx::query!(
            "with able as (
                 select a.account_id from accounts a
                  where a.is_operator
                    and (a.password_hash is not null
                         or exists (select from account_passkeys p
                                     where p.account_id = a.account_id))
             )
             update accounts a set is_operator = false
              where a.account_id = $1 and a.is_operator
                and (not exists (select from able where able.account_id = $1)
                     or exists (select from able where able.account_id <> $1))",
            account.0,
        )
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(MemberOutcome::LastOwner);
        }
        let idle = remove_idle(&mut tx).await?;
        let subject = json!({ "account": account.0, "email": email });
        self.tell(&mut tx, None, ("operator.removed", subject), now).await?;
        for subject in idle {
            self.tell(&mut tx, None, ("account.removed", subject), now).await?;
        }
        tx.commit().await?;
        Ok(MemberOutcome::Done)
    }
}
