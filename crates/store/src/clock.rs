//! The database's time, which every node follows.

use chrono::{DateTime, Utc};

use crate::{Store, StoreError};

impl Store {
    /// The database's time, not that of a transaction's beginning.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn clock(&self) -> Result<DateTime<Utc>, StoreError> {
        let now = sqlx::query_scalar!("select clock_timestamp() as \"now!\"");
        Ok(now.fetch_one(&self.pool).await?)
    }
}
