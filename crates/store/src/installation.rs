//! `installation`: what belongs to no tenant, a value that only the right master key opens.

use crate::sealed::random;
use crate::{Store, StoreError};

impl Store {
    /// Whether the master key is the one that this database was begun with. The first to ask seals
    /// the value that the others compare with.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn is_master_key_right(&self) -> Result<bool, StoreError> {
        let stored = sqlx::query_scalar!("select key_check from installation")
            .fetch_optional(&self.pool)
            .await?;
        let stored = match stored {
            Some(stored) => stored,
            None => self.begin_installation().await?,
        };
        Ok(self.master.recognises(&stored))
    }

    async fn begin_installation(&self) -> Result<Vec<u8>, StoreError> {
        let mark =
            self.master.mark(random()?).map_err(|why| StoreError::Refused(why.to_string()))?;
        sqlx::query!(
            "insert into installation (key_check) values ($1) on conflict do nothing",
            mark
        )
        .execute(&self.pool)
        .await?;
        Ok(sqlx::query_scalar!("select key_check from installation").fetch_one(&self.pool).await?)
    }
}
