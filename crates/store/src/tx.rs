//! Transactions that name their tenant, for what is not on a hot path.

use broker::id::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use crate::{StoreError, TenantStore};

/// A transaction in which row-level security admits one tenant's rows.
pub(crate) struct TenantTx(Transaction<'static, Postgres>);

impl TenantStore {
    /// Begins one that sees a single moment and writes nothing.
    pub(crate) async fn read(&self) -> Result<TenantTx, StoreError> {
        let TenantId(tenant) = self.id();
        // A UUID's text has no character that SQL gives a meaning to.
        let begin = format!(
            "begin isolation level repeatable read, read only; \
             set local vestibule.tenant_id = '{tenant}'"
        );
        Ok(TenantTx(self.pool().begin_with(AssertSqlSafe(begin)).await?))
    }

    /// Begins one that writes.
    pub(crate) async fn write(&self) -> Result<TenantTx, StoreError> {
        let TenantId(tenant) = self.id();
        let begin = format!("begin; set local vestibule.tenant_id = '{tenant}'");
        Ok(TenantTx(self.pool().begin_with(AssertSqlSafe(begin)).await?))
    }
}

impl TenantTx {
    /// The connection to run statements on.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}
