//! Everything Vestibule remembers, in Postgres; every SQL statement is in this crate.
//!
//! | module | what |
//! |---|---|
//! | [`catalogue`] | a tenant's configuration and keys, as the gateway caches them |
//! | [`users`], [`sessions`], [`logins`], [`grants`], [`spilled`], [`signing_keys`] | what [`TenantStore`] does, one module per table |
//! | [`operator`] | what crosses tenants: `apply`, `export`, `login show`, `keys` |
//! | [`import`] | users from a file |
//! | [`audit`] | what was done, and by whom |
//! | [`changes`] | the news that a tenant's configuration changed |
//! | [`domain_proofs`] | which domains a tenant has proven |
//! | [`cleanup`] | the removal of what has expired |
//! | [`migrate`] | the schema, from `migrations/` |
//!
//! Four rules hold throughout. A [`TenantStore`] or a transaction names its tenant to the database,
//! whose row-level security refuses everything else (`migrations/`). A hot step is one call of one
//! SQL function, so that nobody who stops waiting leaves a transaction behind
//! (`docs/adr/0006-one-statement-per-hot-step.md`). A change of state is a conditional write that
//! says whether it happened. Secrets go in sealed or hashed, and come out in types that do not print.
//!
//! Deliberately absent: caches and clocks (`web` has both), decisions (`broker` makes them).

pub mod audit;
pub mod catalogue;
pub mod changes;
pub mod cleanup;
mod compiled;
mod connect;
mod directory_secrets;
pub mod domain_proofs;
mod error;
pub mod grants;
pub mod import;
mod installation;
mod json;
pub mod logins;
mod migrate;
pub mod operator;
mod sealed;
pub mod sessions;
pub mod signing_keys;
pub mod spilled;
mod tx;
pub mod users;

use std::sync::Arc;

use broker::id::TenantId;
use broker::seal::MasterKey;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

pub use audit::AuditEvent;
pub use catalogue::{ApplicationRecord, DirectoryRecord, KeyRecord, TenantRecord};
pub use changes::ConfigurationChanges;
pub use cleanup::CleanupReport;
pub use compiled::Compiled;
pub use connect::{ConnectOptions, Role};
pub use domain_proofs::ProofChange;
pub use error::StoreError;
pub use grants::{GrantState, IssuedGrant, NewGrant, Redemption, RevokedBecause};
pub use import::{IMPORT_BATCH, ImportTx};
pub use logins::{
    LoginCommit, LoginOutcome, LoginRecord, LoginState, LoginView, Recorded, ReuseCommit,
    ReuseOutcome, UserinfoRecord,
};
pub use migrate::{MigrationReport, migrate};
pub use operator::{DirectorySecretChanges, Operator, OperatorTx, SecretChange, TenantSummary};
pub use sessions::{NewSession, SessionRecord};
pub use signing_keys::{KeyView, NewKey, Rotation};

/// The database, seen with one [`Role`]. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    options: Arc<PgConnectOptions>,
    role: Role,
    master: MasterKey,
}

/// The database of one tenant; every statement names it.
#[derive(Debug, Clone)]
pub struct TenantStore {
    store: Store,
    tenant: TenantId,
}

impl Store {
    /// Prepares connections; none is made before the first use, so that a gateway starts while the
    /// database is away and is whole again by itself. To be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the URL is not one of Postgres.
    pub fn connect(options: ConnectOptions<'_>, master: MasterKey) -> Result<Self, StoreError> {
        let (pool, connect) = connect::pool(&options)?;
        Ok(Self { pool, options: Arc::new(connect), role: options.role, master })
    }

    /// Whether the database answers, the schema is there and this process may use it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the reason.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query_scalar!(r#"select count(*) as "tenants!" from tenants where false"#)
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }

    /// As [`Store::ping`], over a connection of its own: the pool tries again until its patience
    /// ends, and then cannot say why, such as that the roles were never made.
    ///
    /// # Errors
    /// [`StoreError::is_without_schema`] before the first migration, else
    /// [`StoreError::Unavailable`] with the reason.
    pub async fn check(&self) -> Result<(), StoreError> {
        let asked = async {
            let mut connection = self.options.connect().await?;
            sqlx::raw_sql(connect::prepare(self.role)).execute(&mut connection).await?;
            let ping = "select count(*) from tenants where false";
            sqlx::raw_sql(ping).execute(&mut connection).await?;
            connection.close().await
        };
        match tokio::time::timeout(connect::PATIENCE, asked).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// The part of the database that belongs to `tenant`.
    pub fn tenant(&self, tenant: TenantId) -> TenantStore {
        TenantStore { store: self.clone(), tenant }
    }

    /// What crosses tenants. Needs [`Role::Operator`]: with the gateway's role, row-level security
    /// leaves nothing to see.
    pub fn operator(&self) -> Operator {
        Operator::new(self.clone())
    }

    /// The role that the statements run with.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Closes the connections, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl TenantStore {
    /// The tenant.
    pub fn id(&self) -> TenantId {
        self.tenant
    }

    fn pool(&self) -> &PgPool {
        &self.store.pool
    }
}
