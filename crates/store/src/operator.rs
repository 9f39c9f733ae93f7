//! What crosses tenants: the command line's side of the database. Needs
//! [`Role::Operator`](crate::Role::Operator).

use broker::id::{ApplicationId, DirectoryId, Slug, TenantId};
use broker::settings::{ApplicationSettings, DirectorySettings, TenantPolicy};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::json::json_text;
use crate::sealed::{DataKey, Place, random};
use crate::{Store, StoreError, TenantRecord, catalogue, domain_proofs};

/// The database, across tenants.
#[derive(Debug, Clone)]
pub struct Operator(Store);

/// A change of configuration: all of it or nothing, and one at a time.
#[derive(Debug)]
pub struct OperatorTx {
    tx: Transaction<'static, Postgres>,
    store: Store,
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

    pub(crate) fn pool(&self) -> &PgPool {
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
        let tx = self.pool().begin_with(begin).await?;
        Ok(OperatorTx { tx, store: self.0.clone() })
    }

    /// The tenant of that name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_tenant(&self, slug: &Slug) -> Result<Option<TenantSummary>, StoreError> {
        let row = sqlx::query!(
            "select tenant_id, name, version from tenants where slug = $1",
            slug.as_str(),
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| TenantSummary {
            id: TenantId(row.tenant_id),
            name: row.name,
            version: row.version,
        }))
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
        Ok(TenantId(id))
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
        let (keep, hashes) = match secrets {
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
        // The secret is sealed for the row, so the row comes first.
        let id = sqlx::query_scalar!(
            "insert into directories (tenant_id, directory_id, slug, settings)
             values ($1, $2, $3, $4::text::json)
             on conflict (tenant_id, slug) do update set settings = excluded.settings
             returning directory_id",
            tenant.0,
            DirectoryId::new(now, random()?).0,
            settings.slug.as_str(),
            json_text(settings)?,
        )
        .fetch_one(&mut *self.tx)
        .await?;
        let id = DirectoryId(id);
        let (current, next) = (Place::DirectorySecret(id), Place::NextDirectorySecret(id));
        let current = self.sealed(tenant, current, secrets.current).await?;
        let next = self.sealed(tenant, next, secrets.next).await?;
        if current.is_none() && next.is_none() {
            return Ok(id);
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
        Ok(id)
    }

    /// Removes a tenant and everything of it; `false` when it was not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_tenant(&mut self, tenant: TenantId) -> Result<bool, StoreError> {
        let gone = sqlx::query!("delete from tenants where tenant_id = $1", tenant.0)
            .execute(&mut *self.tx)
            .await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Removes an application and its grants; its logins stay as history. `false` when it was not
    /// there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_application(
        &mut self,
        tenant: TenantId,
        application: ApplicationId,
    ) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "delete from applications where tenant_id = $1 and application_id = $2",
            tenant.0,
            application.0,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Removes a directory with its identities, sessions and their grants. Users and logins stay:
    /// who arrives from elsewhere is still who they were. `false` when it was not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_directory(
        &mut self,
        tenant: TenantId,
        directory: DirectoryId,
    ) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "delete from directories where tenant_id = $1 and directory_id = $2",
            tenant.0,
            directory.0,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Makes it last, and tells every node.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn commit(self) -> Result<(), StoreError> {
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
