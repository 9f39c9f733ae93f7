//! `installation_data_key`: the data key for what is sealed and is no tenant's. It is made when it is
//! first needed, and wrapped again with the tenants' when the master key is replaced
//! ([`master_key`](crate::master_key)).

use broker::id::TenantId;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::master_key::{not_here, sealing_failed};
use crate::sealed::{DataKey, random};
use crate::{KeyInForce, Operator, Store, StoreError};

/// Whose the key is: it is wrapped, and seals, as that of a tenant that nobody can be.
pub(crate) const INSTALLATION: TenantId = TenantId(Uuid::nil());

impl Store {
    /// Opens the data key.
    pub(crate) async fn open_installation_key(
        &self,
        wrapped: &[u8],
    ) -> Result<DataKey, StoreError> {
        self.learn_master_key().await?;
        let key = self.master.unwrap(INSTALLATION, wrapped).map_err(|_| corrupt())?;
        Ok(DataKey { tenant: INSTALLATION, key })
    }
}

impl Operator {
    /// The data key, made now if there is none. It needs a transaction of its own.
    pub(crate) async fn installation_key(&self) -> Result<DataKey, StoreError> {
        let wrapped = match self.wrapped_installation_key().await? {
            Some(wrapped) => wrapped,
            None => Box::pin(self.first_installation_key()).await?,
        };
        self.store().open_installation_key(&wrapped).await
    }

    async fn first_installation_key(&self) -> Result<Vec<u8>, StoreError> {
        // While this is under way nobody begins to replace the master key.
        let mut tx = self.begin().await?;
        if self.store().master_key_in_force().await? == KeyInForce::Elsewhere {
            return Err(not_here());
        }
        let data_key = Zeroizing::new(random::<32>()?);
        let wrapped = self.store().master.wrap(INSTALLATION, random()?, &data_key);
        sqlx::query!(
            "insert into installation_data_key (data_key) values ($1) on conflict do nothing",
            wrapped.map_err(sealing_failed)?,
        )
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        // Whoever was first has made it.
        self.wrapped_installation_key().await?.ok_or_else(corrupt)
    }

    async fn wrapped_installation_key(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let wrapped = sqlx::query_scalar!("select data_key from installation_data_key");
        Ok(wrapped.fetch_optional(self.pool()).await?)
    }

    /// Wraps the data key by the master key in force; `false` when it is, or there is none. What
    /// that key wraps begins with `current`.
    pub(crate) async fn rewrap_installation_key(&self, current: &[u8]) -> Result<bool, StoreError> {
        let Some(old) =
            self.wrapped_installation_key().await?.filter(|wrapped| !wrapped.starts_with(current))
        else {
            return Ok(false);
        };
        let new =
            self.store().master.rewrap(INSTALLATION, random()?, &old).map_err(|_| corrupt())?;
        sqlx::query!(
            "update installation_data_key set data_key = $2 where data_key = $1",
            old,
            new,
        )
        .execute(self.pool())
        .await?;
        Ok(true)
    }
}

fn corrupt() -> StoreError {
    let id = "the installation".to_owned();
    StoreError::Corrupt { table: "installation_data_key", column: "data_key", id }
}
