//! `members`: what an account may do in a tenant.

use broker::authority::Role;
use broker::id::{AccountId, DirectoryId, Slug, TenantId};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{corrupt, one_at_a_time, parsed, remove_idle};
use crate::{Operator, StoreError};

/// What an account may do in one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The tenant.
    pub tenant: TenantId,
    /// Its name in URLs.
    pub slug: Slug,
    /// The name that people see.
    pub tenant_name: String,
    /// Whether it signs nobody in.
    pub suspended: bool,
    /// What the account may do there.
    pub role: Role,
    /// The directory of a directory manager.
    pub directory: Option<Slug>,
    /// When they were last there, to the minute.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// One of a tenant's staff, as the others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one way to sign in whether it is there"
)]
pub struct MemberView {
    /// Who.
    pub account: AccountId,
    /// Their address.
    pub email: String,
    /// What they are called; empty before they set their account up.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The directory of a directory manager.
    pub directory: Option<Slug>,
    /// Whether they have anything to sign in with.
    pub is_set_up: bool,
    /// Whether that is a passkey.
    pub has_passkey: bool,
    /// Whether that is a password with a second factor.
    pub has_password: bool,
    /// Whether that is a directory of this tenant.
    pub has_directory: bool,
    /// Since when they belong to it.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When they were last at this tenant, to the minute.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// What became of a change to who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberOutcome {
    /// It was made.
    Done,
    /// There is no such account, or it is not one of these.
    NotFound,
    /// It was not made: it is the last one that can do everything.
    LastOwner,
}

/// What an account is to be in a tenant.
pub(super) struct NewMember {
    pub(super) tenant: TenantId,
    pub(super) account: AccountId,
    pub(super) role: Role,
    pub(super) directory: Option<DirectoryId>,
}

impl NewMember {
    /// Adds to what the audit log says.
    pub(super) fn name(&self, subject: &mut Value) {
        if let Some(members) = subject.as_object_mut() {
            members.insert("role".to_owned(), self.role.as_str().into());
            members.insert("directory".to_owned(), json!(self.directory.map(|id| id.0)));
        }
    }
}

/// Adds somebody to a tenant's staff, or changes what they may do; `false` when it would be without
/// an owner. To be called after [`one_at_a_time`].
pub(super) async fn put(
    connection: &mut PgConnection,
    new: &NewMember,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let put = sqlx::query!(
        "insert into members as m (tenant_id, account_id, role, directory_id, created_at, created_by)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, account_id) do update
            set role = excluded.role, directory_id = excluded.directory_id
          where excluded.role = 'owner' or m.role <> 'owner'
             or exists (select from members o
                         where o.tenant_id = $1 and o.role = 'owner' and o.account_id <> $2)",
        new.tenant.0,
        new.account.0,
        new.role.as_str(),
        new.directory.map(|id| id.0),
        now,
        actor,
    )
    .execute(connection)
    .await?;
    Ok(put.rows_affected() > 0)
}

impl Operator {
    /// The staff of a tenant, by address.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn members(&self, tenant: TenantId) -> Result<Vec<MemberView>, StoreError> {
        let rows = sqlx::query!(
            r#"select m.account_id, a.email, a.name, m.role, d.slug as "directory?",
                      a.password_hash is not null as "has_password!",
                      exists (select from account_passkeys p where p.account_id = m.account_id)
                          as "has_passkey!",
                      exists (select from staff_identities i
                               where i.tenant_id = m.tenant_id and i.account_id = m.account_id)
                          as "has_directory!",
                      m.created_at, m.created_by, m.last_seen_at
                 from members m
                 join accounts a on a.account_id = m.account_id
                 left join directories d
                   on d.tenant_id = m.tenant_id and d.directory_id = m.directory_id
                where m.tenant_id = $1
                order by a.email"#,
            tenant.0,
        )
        .fetch_all(self.pool())
        .await?;
        let views = rows.into_iter().map(|row| {
            let account = AccountId(row.account_id);
            Ok(MemberView {
                account,
                email: row.email,
                name: row.name,
                role: role(account, &row.role)?,
                directory: row.directory.map(|slug| parsed("directories", &slug)).transpose()?,
                is_set_up: row.has_password || row.has_passkey || row.has_directory,
                has_passkey: row.has_passkey,
                has_password: row.has_password,
                has_directory: row.has_directory,
                created_at: row.created_at,
                created_by: row.created_by,
                last_seen_at: row.last_seen_at,
            })
        });
        views.collect()
    }

    /// Where an account may do what, by the tenants' slugs: at that tenant, or at each.
    pub(super) async fn memberships(
        &self,
        account: AccountId,
        only: Option<TenantId>,
    ) -> Result<Vec<Membership>, StoreError> {
        let rows = sqlx::query!(
            r#"select m.tenant_id, t.slug, t.name,
                      coalesce((t.policy ->> 'suspended')::boolean, false) as "suspended!",
                      m.role, d.slug as "directory?", m.last_seen_at
                 from members m
                 join tenants t on t.tenant_id = m.tenant_id
                 left join directories d
                   on d.tenant_id = m.tenant_id and d.directory_id = m.directory_id
                where m.account_id = $1 and ($2::uuid is null or m.tenant_id = $2)
                order by t.slug"#,
            account.0,
            only.map(|tenant| tenant.0),
        )
        .fetch_all(self.pool())
        .await?;
        let read = rows.into_iter().map(|row| {
            Ok(Membership {
                tenant: TenantId(row.tenant_id),
                slug: parsed("tenants", &row.slug)?,
                tenant_name: row.name,
                suspended: row.suspended,
                role: role(account, &row.role)?,
                directory: row.directory.map(|slug| parsed("directories", &slug)).transpose()?,
                last_seen_at: row.last_seen_at,
            })
        });
        read.collect()
    }

    /// Notes that one of a tenant's staff was there, once a minute.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_member_seen(
        &self,
        tenant: TenantId,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update members set last_seen_at = $3
              where tenant_id = $1 and account_id = $2
                and (last_seen_at is null or last_seen_at <= $3::timestamptz - interval '1 minute')",
            tenant.0,
            account.0,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Changes what one of a tenant's staff may do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the directory is gone;
    /// [`StoreError::Refused`] for a manager without a directory, or another role with one.
    pub async fn set_member(
        &self,
        tenant: TenantId,
        account: AccountId,
        role: Role,
        directory: Option<DirectoryId>,
        now: DateTime<Utc>,
    ) -> Result<MemberOutcome, StoreError> {
        let mut tx = self.pool().begin().await?;
        one_at_a_time(&mut tx).await?;
        let Some(mut subject) = said(&mut tx, tenant, account).await? else {
            return Ok(MemberOutcome::NotFound);
        };
        let new = NewMember { tenant, account, role, directory };
        if !put(&mut tx, &new, self.store().actor(), now).await? {
            return Ok(MemberOutcome::LastOwner);
        }
        new.name(&mut subject);
        self.tell(&mut tx, Some(tenant), ("member.changed", subject), now).await?;
        tx.commit().await?;
        Ok(MemberOutcome::Done)
    }

    /// Ends what somebody may do in a tenant, and their account if that was all (THREATS TN-12).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_member(
        &self,
        tenant: TenantId,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<MemberOutcome, StoreError> {
        let mut tx = self.pool().begin().await?;
        one_at_a_time(&mut tx).await?;
        let Some(subject) = said(&mut tx, tenant, account).await? else {
            return Ok(MemberOutcome::NotFound);
        };
        let gone = sqlx::query!(
            "delete from members m
              where m.tenant_id = $1 and m.account_id = $2
                and (m.role <> 'owner'
                     or exists (select from members o
                                 where o.tenant_id = $1 and o.role = 'owner'
                                   and o.account_id <> $2))",
            tenant.0,
            account.0,
        )
        .execute(&mut *tx)
        .await?;
        if gone.rows_affected() == 0 {
            return Ok(MemberOutcome::LastOwner);
        }
        let idle = remove_idle(&mut tx).await?;
        self.tell(&mut tx, Some(tenant), ("member.removed", subject), now).await?;
        for subject in idle {
            self.tell(&mut tx, None, ("account.removed", subject), now).await?;
        }
        tx.commit().await?;
        Ok(MemberOutcome::Done)
    }
}

/// What the audit log says of one of a tenant's staff; `None`: they are not.
async fn said(
    connection: &mut PgConnection,
    tenant: TenantId,
    account: AccountId,
) -> Result<Option<Value>, StoreError> {
    let row = sqlx::query!(
        "select a.email, m.role from members m join accounts a on a.account_id = m.account_id
          where m.tenant_id = $1 and m.account_id = $2",
        tenant.0,
        account.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| json!({ "account": account.0, "email": row.email, "role_before": row.role })))
}

fn role(account: AccountId, text: &str) -> Result<Role, StoreError> {
    text.parse().map_err(|_| corrupt("role", account))
}
