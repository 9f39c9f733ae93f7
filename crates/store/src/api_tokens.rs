//! `api_tokens` and `installation_tokens`: what programs act with at the admin API. Needs
//! [`Role::Operator`](crate::Role::Operator).

use broker::authority::{Authority, Role};
use broker::id::{ApiTokenId, DirectoryId, Slug, TenantId};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::audit::{self, AuditEvent};
use crate::{Operator, StoreError};

/// The most tokens of a tenant, and the most for all tenants.
const MOST: i64 = 200;

/// A token that is to be made.
#[derive(Debug, Clone)]
pub struct NewApiToken<'a> {
    /// Which.
    pub id: ApiTokenId,
    /// What people call it: 1 to 100 characters.
    pub name: &'a str,
    /// The tenant it is for; `None`: all of them.
    pub tenant: Option<TenantId>,
    /// What it may do there.
    pub role: Role,
    /// The directory of a directory manager.
    pub directory: Option<DirectoryId>,
    /// The hash of it.
    pub hash: [u8; 32],
    /// Until when it works: 400 days at most.
    pub expires_at: DateTime<Utc>,
}

/// A token as people see it: everything but itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiTokenView {
    /// Which.
    pub id: ApiTokenId,
    /// What people call it.
    pub name: String,
    /// The tenant it is for; `None`: all of them.
    pub tenant: Option<Slug>,
    /// What it may do there.
    pub role: Role,
    /// The directory of a directory manager.
    pub directory: Option<Slug>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token that works, and what with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldApiToken {
    /// Which.
    pub id: ApiTokenId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub authority: Authority,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

impl Operator {
    /// The token of that hash, if it works at this moment; that it was used is noted once a minute.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn api_token(
        &self,
        hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<HeldApiToken>, StoreError> {
        let row = sqlx::query!(
            r#"select t.token_id as "token_id!", t.name as "name!", t.role as "role!",
                      t.tenant_id as "tenant_id?", d.slug as "directory?",
                      t.expires_at as "expires_at!",
                      coalesce(t.last_used_at < $2 - interval '1 minute', true) as "is_stale!"
                 from (select token_id, name, role, tenant_id, directory_id, expires_at,
                              last_used_at
                         from api_tokens where token_hash = $1 and expires_at > $2
                       union all
                       select token_id, name, role, null, null, expires_at, last_used_at
                         from installation_tokens where token_hash = $1 and expires_at > $2) t
                 left join directories d
                   on d.tenant_id = t.tenant_id and d.directory_id = t.directory_id"#,
            &hash[..],
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (id, tenant) = (ApiTokenId(row.token_id), row.tenant_id.map(TenantId));
        if row.is_stale {
            self.note_use(id, tenant, now).await?;
        }
        let authority = Authority {
            tenant,
            role: role(id, &row.role)?,
            directory: row.directory.map(|slug| parsed(id, &slug)).transpose()?,
        };
        let expires_at = row.expires_at;
        Ok(Some(HeldApiToken { id, name: row.name, authority, expires_at }))
    }

    async fn note_use(
        &self,
        id: ApiTokenId,
        tenant: Option<TenantId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        match tenant {
            Some(tenant) => sqlx::query!(
                "update api_tokens set last_used_at = $3 where tenant_id = $1 and token_id = $2",
                tenant.0,
                id.0,
                now,
            )
            .execute(self.pool())
            .await?,
            None => {
                sqlx::query!(
                    "update installation_tokens set last_used_at = $2 where token_id = $1",
                    id.0,
                    now,
                )
                .execute(self.pool())
                .await?
            }
        };
        Ok(())
    }

    /// Makes a token, and tells the audit log; `false` when there are 200 already, those that have
    /// ended included.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the tenant or the directory is
    /// gone; [`StoreError::Refused`] for a name or an end that cannot be.
    pub async fn add_api_token(
        &self,
        new: &NewApiToken<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        let (role, actor) = (new.role.as_str(), self.store().actor());
        let made = match new.tenant {
            Some(tenant) => {
                sqlx::query!(
                "insert into api_tokens (tenant_id, token_id, name, role, directory_id, token_hash,
                                         created_at, created_by, expires_at)
                 select $1, $2, $3, $4, $5, $6, $7, $8, $9
                  where (select count(*) from api_tokens where tenant_id = $1) < $10",
                tenant.0,
                new.id.0,
                new.name,
                role,
                new.directory.map(|id| id.0),
                &new.hash[..],
                now,
                actor,
                new.expires_at,
                MOST,
            )
                .execute(&mut *tx)
                .await?
            }
            None => {
                sqlx::query!(
                    "insert into installation_tokens (token_id, name, role, token_hash, created_at,
                                                  created_by, expires_at)
                 select $1, $2, $3, $4, $5, $6, $7
                  where (select count(*) from installation_tokens) < $8",
                    new.id.0,
                    new.name,
                    role,
                    &new.hash[..],
                    now,
                    actor,
                    new.expires_at,
                    MOST,
                )
                .execute(&mut *tx)
                .await?
            }
        };
        if made.rows_affected() == 0 {
            return Ok(false);
        }
        let subject = json!({
            "token": new.id.0, "name": new.name, "role": role,
            "directory": new.directory.map(|id| id.0), "expires_at": new.expires_at,
        });
        self.tell(&mut tx, new.tenant, ("token.created", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The tokens of a tenant, or those for all tenants, oldest first, those that have ended
    /// included.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn api_tokens(
        &self,
        tenant: Option<TenantId>,
    ) -> Result<Vec<ApiTokenView>, StoreError> {
        let rows = sqlx::query!(
            r#"select t.token_id as "token_id!", t.name as "name!", t.role as "role!",
                      t.created_at as "created_at!", t.created_by as "created_by!",
                      t.expires_at as "expires_at!", t.last_used_at,
                      n.slug as "tenant?", d.slug as "directory?"
                 from (select token_id, name, role, tenant_id, directory_id, created_at,
                              created_by, expires_at, last_used_at
                         from api_tokens where tenant_id = $1
                       union all
                       select token_id, name, role, null, null, created_at, created_by,
                              expires_at, last_used_at
                         from installation_tokens where $1::uuid is null) t
                 left join tenants n on n.tenant_id = t.tenant_id
                 left join directories d
                   on d.tenant_id = t.tenant_id and d.directory_id = t.directory_id
                order by t.token_id"#,
            tenant.map(|tenant| tenant.0),
        )
        .fetch_all(self.pool())
        .await?;
        let views = rows.into_iter().map(|row| {
            let id = ApiTokenId(row.token_id);
            Ok(ApiTokenView {
                id,
                name: row.name,
                tenant: row.tenant.map(|slug| parsed(id, &slug)).transpose()?,
                role: role(id, &row.role)?,
                directory: row.directory.map(|slug| parsed(id, &slug)).transpose()?,
                created_at: row.created_at,
                created_by: row.created_by,
                expires_at: row.expires_at,
                last_used_at: row.last_used_at,
            })
        });
        views.collect()
    }

    /// Ends a token of a tenant, or one for all tenants, and tells the audit log. `false` when there
    /// is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_api_token(
        &self,
        tenant: Option<TenantId>,
        id: ApiTokenId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        let gone =
            match tenant {
                Some(tenant) => sqlx::query_scalar!(
                    "delete from api_tokens where tenant_id = $1 and token_id = $2 returning name",
                    tenant.0,
                    id.0,
                )
                .fetch_optional(&mut *tx)
                .await?,
                None => {
                    sqlx::query_scalar!(
                        "delete from installation_tokens where token_id = $1 returning name",
                        id.0,
                    )
                    .fetch_optional(&mut *tx)
                    .await?
                }
            };
        let Some(name) = gone else { return Ok(false) };
        let subject = json!({ "token": id.0, "name": name });
        self.tell(&mut tx, tenant, ("token.revoked", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Tells the audit log of a tenant, or the installation's.
    pub(crate) async fn tell(
        &self,
        connection: &mut PgConnection,
        tenant: Option<TenantId>,
        (act, subject): (&str, Value),
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let event = AuditEvent { at, actor: self.store().actor(), act, subject };
        match tenant {
            Some(tenant) => audit::write(connection, tenant, &event).await,
            None => audit::write_installation(connection, &event).await,
        }
    }
}

fn role(id: ApiTokenId, text: &str) -> Result<Role, StoreError> {
    text.parse().map_err(|_| corrupt("role", id))
}

fn parsed(id: ApiTokenId, slug: &str) -> Result<Slug, StoreError> {
    slug.parse().map_err(|_| corrupt("slug", id))
}

fn corrupt(column: &'static str, id: ApiTokenId) -> StoreError {
    StoreError::Corrupt { table: "api_tokens", column, id: id.to_string() }
}
