//! What crosses tenants: the command line's side of the database. Needs
//! [`Role::Operator`](crate::Role::Operator).
//!
//! Every change writes its own audit event, in its own transaction: there is no way to make one
//! without the other.

use broker::id::{ApplicationId, DirectoryId, Slug, TenantId};
use broker::settings::{ApplicationSettings, DirectorySettings, TenantPolicy};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sqlx::{PgConnection, Postgres, Transaction};

use crate::audit::{Changed, changed};
use crate::json::json_text;
use crate::pool::Pool;
use crate::sealed::{DataKey, Place, random};
use crate::{Store, StoreError, TenantRecord, catalogue, domain_proofs};

mod moved;
mod removal;
mod told;

use told::Told;

/// The database, across tenants.
#[derive(Debug, Clone)]
pub struct Operator(Store);

/// A change of configuration: all of it or nothing, and one at a time. What it does is in the audit
/// log if it is committed.
#[derive(Debug)]
pub struct OperatorTx {
    tx: Transaction<'static, Postgres>,
    store: Store,
    /// What the commit will tell the audit log.
    told: Vec<Told>,
}

/// A tenant, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSummary {
    /// The tenant.
    pub id: TenantId,
    /// The name that people see.
    pub name: String,
    /// Rises with every change of its configuration.
    pub version: i64,
    /// Whether it signs nobody in.
    pub suspended: bool,
}

/// What becomes of a stored secret.
#[derive(Debug, Clone, Copy)]
pub enum SecretChange<T> {
    /// It stays.
    Keep,
    /// This takes its place.
    Set(T),
    /// It goes.
    Clear,
}

/// What becomes of the two secrets of a directory.
#[derive(Debug, Clone, Copy)]
pub struct DirectorySecretChanges<'a> {
    /// Of the one in use.
    pub current: SecretChange<&'a SecretString>,
    /// Of the one that takes its place.
    pub next: SecretChange<&'a SecretString>,
}

impl SecretChange<&SecretString> {
    /// What the audit log says of it: never the secret.
    fn said(self, is_held: bool) -> Option<&'static str> {
        match self {
            Self::Keep => None,
            Self::Set(_) => said(true, is_held, &[()]),
            Self::Clear => said(is_held, is_held, &[] as &[()]),
        }
    }
}

/// What the audit log says of a secret that is another one now.
fn said<T>(is_other: bool, was_held: bool, now: &[T]) -> Option<&'static str> {
    match (is_other, was_held, now.is_empty()) {
        (false, ..) => None,
        (true, _, true) => Some("secret removed"),
        (true, true, false) => Some("secret replaced"),
        (true, false, false) => Some("secret set"),
    }
}

fn slug_of(tenant: uuid::Uuid, text: &str) -> Result<Slug, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt {
        table: "tenants",
        column: "slug",
        id: tenant.to_string(),
    })
}

/// As it is stored; a literal secret is refused.
fn as_json(value: &impl serde::Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|why| StoreError::Refused(why.to_string()))
}

/// The next secret stays as it is.
impl<'a> From<SecretChange<&'a SecretString>> for DirectorySecretChanges<'a> {
    fn from(current: SecretChange<&'a SecretString>) -> Self {
        Self { current, next: SecretChange::Keep }
    }
}

impl Operator {
    pub(crate) fn new(store: Store) -> Self {
        Self(store)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// As [`Store::check`].
    ///
    /// # Errors
    /// As [`Store::check`].
    pub async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }

    /// Begins a change. Another one that is under way is waited for, at most four seconds; logins
    /// go on meanwhile. Dropping it undoes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also when the other one takes longer.
    pub async fn begin(&self) -> Result<OperatorTx, StoreError> {
        let begin = "begin; lock table tenants in share row exclusive mode";
        // Secrets are hashed under a key that the database names.
        self.0.learn_master_key().await?;
        let tx = self.pool().begin_with(begin).await?;
        Ok(OperatorTx { tx, store: self.0.clone(), told: Vec::new() })
    }

    /// The tenant of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_tenant(&self, slug: &Slug) -> Result<Option<TenantSummary>, StoreError> {
        let row = sqlx::query!(
            r#"select tenant_id, name, version,
                      coalesce((policy ->> 'suspended')::boolean, false) as "suspended!"
                 from tenants where slug = $1"#,
            slug.as_str(),
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| TenantSummary {
            id: TenantId(row.tenant_id),
            name: row.name,
            version: row.version,
            suspended: row.suspended,
        }))
    }
}

impl Operator {
    /// Tenants by slug, after this one and at most so many; `only`: that one alone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn tenants(
        &self,
        only: Option<TenantId>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<(Slug, TenantSummary)>, StoreError> {
        let rows = sqlx::query!(
            r#"select tenant_id, slug, name, version,
                      coalesce((policy ->> 'suspended')::boolean, false) as "suspended!"
                 from tenants
                where ($1::uuid is null or tenant_id = $1)
                  and ($2::text is null or slug > $2 collate "C")
                order by slug collate "C" limit $3"#,
            only.map(|id| id.0),
            after,
            limit,
        )
        .fetch_all(self.pool())
        .await?;
        let read = rows.into_iter().map(|row| {
            let summary = TenantSummary {
                id: TenantId(row.tenant_id),
                name: row.name,
                version: row.version,
                suspended: row.suspended,
            };
            Ok((slug_of(row.tenant_id, &row.slug)?, summary))
        });
        read.collect()
    }

    /// What a tenant is called in addresses; `None` when it is gone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn slug_of(&self, tenant: TenantId) -> Result<Option<Slug>, StoreError> {
        sqlx::query_scalar!("select slug from tenants where tenant_id = $1", tenant.0)
            .fetch_optional(self.pool())
            .await?
            .map(|slug| slug_of(tenant.0, &slug))
            .transpose()
    }

    /// Every tenant, by slug.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn every_tenant(&self) -> Result<Vec<(TenantId, String)>, StoreError> {
        let rows = sqlx::query!("select tenant_id, slug from tenants order by slug")
            .fetch_all(self.pool())
            .await?;
        Ok(rows.into_iter().map(|row| (TenantId(row.tenant_id), row.slug)).collect())
    }
}

impl OperatorTx {
    /// Every tenant with its applications and directories, by slug. `keys` is left empty.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when the master key is not the one that
    /// wrapped a tenant's data key.
    pub async fn tenants(&mut self) -> Result<Vec<TenantRecord>, StoreError> {
        let mut records = Vec::new();
        for id in catalogue::every_tenant(&mut self.tx).await? {
            let Some(head) = catalogue::head(&mut self.tx, id).await? else { continue };
            let data_key = self.store.open_data_key(id, &head.data_key)?;
            let mut record = head.into_record(id, &self.store)?;
            record.applications = catalogue::applications(&mut self.tx, id).await?;
            record.directories = catalogue::directories(&mut self.tx, &data_key).await?;
            record.proven_domains = domain_proofs::in_force(&mut self.tx, id).await?;
            records.push(record);
        }
        Ok(records)
    }

    /// The version of a tenant's configuration, with what this transaction did; `None` when it is
    /// gone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn version_of(&mut self, slug: &Slug) -> Result<Option<i64>, StoreError> {
        let version =
            sqlx::query_scalar!("select version from tenants where slug = $1", slug.as_str());
        Ok(version.fetch_optional(&mut *self.tx).await?)
    }

    /// Makes the tenant of that slug, with a data key of its own, or renames it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when the name is empty or over 200
    /// characters.
    pub async fn put_tenant(
        &mut self,
        slug: &Slug,
        name: &str,
        policy: TenantPolicy,
        now: DateTime<Utc>,
    ) -> Result<TenantId, StoreError> {
        let policy = serde_json::to_value(policy);
        let policy = policy.map_err(|why| StoreError::Refused(why.to_string()))?;
        let before =
            sqlx::query!("select name, policy from tenants where slug = $1", slug.as_str())
                .fetch_optional(&mut *self.tx)
                .await?
                .map(|row| json!({ "name": row.name, "policy": row.policy }));
        self.store.mark_installation(&mut self.tx).await?;
        let fresh = TenantId::new(now, random()?);
        let data_key = zeroize::Zeroizing::new(random::<32>()?);
        let wrapped = self
            .store
            .master
            .wrap(fresh, random()?, &data_key)
            .map_err(|_| StoreError::Refused("sealing failed".to_owned()))?;
        let id = sqlx::query_scalar!(
            "insert into tenants (tenant_id, slug, name, data_key, created_at, policy)
             values ($1, $2, $3, $4, $5, $6::text::json)
             on conflict (slug) do update set name = excluded.name, policy = excluded.policy
             returning tenant_id",
            fresh.0,
            slug.as_str(),
            name,
            wrapped,
            now,
            json_text(&policy)?,
        )
        .fetch_one(&mut *self.tx)
        .await?;
        let tenant = TenantId(id);
        let mut subject = json!({ "tenant": slug.as_str() });
        let after = json!({ "name": name, "policy": policy });
        match changed(before.as_ref(), &after, &mut subject) {
            Changed::Nothing => {}
            Changed::Altered => self.note(tenant, "tenant.changed", subject, now),
            Changed::Added => {
                let known = json!({ "tenant_id": tenant.to_string(), "slug": slug.as_str() });
                self.note_installation("tenant.added", known, now);
                self.note(tenant, "tenant.added", subject, now);
            }
        }
        Ok(tenant)
    }

    /// Makes the application of that `client_id`, or changes it. `secrets` are hashes by
    /// [`MasterKey::client_secret_hash`](broker::seal::MasterKey::client_secret_hash), four at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when a value cannot be stored, such as
    /// settings that hold a literal secret.
    pub async fn put_application(
        &mut self,
        tenant: TenantId,
        settings: &ApplicationSettings,
        secrets: SecretChange<&[[u8; 32]]>,
        now: DateTime<Utc>,
    ) -> Result<ApplicationId, StoreError> {
        let before = sqlx::query!(
            r#"select settings as "settings: Value", secret_hashes from applications
                where tenant_id = $1 and client_id = $2"#,
            tenant.0,
            settings.client_id,
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let (keep, hashes): (_, Vec<Vec<u8>>) = match secrets {
            SecretChange::Keep => (true, Vec::new()),
            SecretChange::Set(hashes) => (false, hashes.iter().map(|hash| hash.to_vec()).collect()),
            SecretChange::Clear => (false, Vec::new()),
        };
        let id = sqlx::query_scalar!(
            "insert into applications as a
                    (tenant_id, application_id, client_id, settings, secret_hashes)
             values ($1, $2, $3, $4::text::json, $5)
             on conflict (tenant_id, client_id) do update
                set settings = excluded.settings,
                    secret_hashes = case when $6 then a.secret_hashes else excluded.secret_hashes end
             returning application_id",
            tenant.0,
            ApplicationId::new(now, random()?).0,
            settings.client_id,
            json_text(settings)?,
            &hashes,
            keep,
        )
        .fetch_one(&mut *self.tx)
        .await?;
        let held = before.as_ref().map_or(&[][..], |row| row.secret_hashes.as_slice());
        let secret = if keep { None } else { said(held != hashes, !held.is_empty(), &hashes) };
        let mut subject = json!({ "application": settings.client_id });
        let before = before.as_ref().map(|row| &row.settings);
        let change = changed(before, &as_json(settings)?, &mut subject);
        self.note_change(tenant, ("application", change), subject, [secret, None], now);
        Ok(ApplicationId(id))
    }

    /// Makes the directory of that slug, or changes it.
    ///
    /// # Errors
    /// As [`OperatorTx::put_application`].
    pub async fn put_directory(
        &mut self,
        tenant: TenantId,
        settings: &DirectorySettings,
        secrets: DirectorySecretChanges<'_>,
        now: DateTime<Utc>,
    ) -> Result<DirectoryId, StoreError> {
        let before = sqlx::query!(
            r#"select settings as "settings: Value",
                      sealed_client_secret is not null as "is_current!",
                      sealed_next_client_secret is not null as "is_next!"
                 from directories where tenant_id = $1 and slug = $2"#,
            tenant.0,
            settings.slug.as_str(),
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        // The secret is sealed for the row, so the row comes first. A new directory comes back to the
        // issuer of now; what is registered at the others stays.
        let id = sqlx::query_scalar!(
            "insert into directories as d
                    (tenant_id, directory_id, slug, settings, callback_host)
             values ($1, $2, $3, $4::text::json,
                     (select host from tenants where tenant_id = $1))
             on conflict (tenant_id, slug) do update
                set settings = excluded.settings,
                    -- Another provider, or other endpoints by hand, is elsewhere on purpose.
                    endpoint_hosts = case
                        when (d.settings ->> 'preset', d.settings ->> 'issuer', d.settings ->> 'metadata')
                             is not distinct from
                             (excluded.settings ->> 'preset', excluded.settings ->> 'issuer',
                              excluded.settings ->> 'metadata')
                        then d.endpoint_hosts end
             returning directory_id",
            tenant.0,
            DirectoryId::new(now, random()?).0,
            settings.slug.as_str(),
            json_text(settings)?,
        )
        .fetch_one(&mut *self.tx)
        .await?;
        let id = DirectoryId(id);
        let held = before.as_ref().map_or((false, false), |row| (row.is_current, row.is_next));
        let said = [secrets.current.said(held.0), secrets.next.said(held.1)];
        self.put_directory_secrets(tenant, id, secrets).await?;
        let mut subject = json!({ "directory": settings.slug.as_str() });
        let (before, after) = (before.as_ref().map(|row| &row.settings), as_json(settings)?);
        if before.is_some_and(|before| moved::is_elsewhere(before, &after)) {
            self.end_sessions_of(tenant, id, now).await?;
        }
        let change = changed(before, &after, &mut subject);
        self.note_change(tenant, ("directory", change), subject, said, now);
        Ok(id)
    }

    async fn put_directory_secrets(
        &mut self,
        tenant: TenantId,
        id: DirectoryId,
        secrets: DirectorySecretChanges<'_>,
    ) -> Result<(), StoreError> {
        let (current, next) = (Place::DirectorySecret(id), Place::NextDirectorySecret(id));
        let current = self.sealed(tenant, current, secrets.current).await?;
        let next = self.sealed(tenant, next, secrets.next).await?;
        if current.is_none() && next.is_none() {
            return Ok(());
        }
        sqlx::query!(
            "update directories
                set sealed_client_secret = case when $3 then $4 else sealed_client_secret end,
                    sealed_next_client_secret =
                        case when $5 then $6 else sealed_next_client_secret end
              where tenant_id = $1 and directory_id = $2",
            tenant.0,
            id.0,
            current.is_some(),
            current.flatten(),
            next.is_some(),
            next.flatten(),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Tells the audit log, makes all of it last, and tells every node.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.tell().await?;
        Ok(self.tx.commit().await?)
    }

    /// The connection to run statements on.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// What a secret's column becomes; `None`: it stays.
    async fn sealed(
        &mut self,
        tenant: TenantId,
        place: Place<'_>,
        change: SecretChange<&SecretString>,
    ) -> Result<Option<Option<Vec<u8>>>, StoreError> {
        match change {
            SecretChange::Keep => Ok(None),
            SecretChange::Clear => Ok(Some(None)),
            SecretChange::Set(secret) => {
                let data_key = self.data_key(tenant).await?;
                let sealed = data_key.seal(place, secret.expose_secret().as_bytes())?;
                Ok(Some(Some(sealed)))
            }
        }
    }

    async fn data_key(&mut self, tenant: TenantId) -> Result<DataKey, StoreError> {
        let head = catalogue::head(&mut self.tx, tenant).await?;
        let head =
            head.ok_or_else(|| StoreError::Conflict("directories_tenant_fkey".to_owned()))?;
        self.store.open_data_key(tenant, &head.data_key)
    }
}
