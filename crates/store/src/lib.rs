//! Everything Vestibule remembers, in Postgres; every SQL statement is in this crate.
//!
//! | module | what |
//! |---|---|
//! | [`catalogue`] | a tenant's configuration and keys, as the gateway caches them |
//! | [`users`], [`sessions`], [`logins`], [`grants`], [`client_assertions`], [`spilled`], [`signing_keys`] | what [`TenantStore`] does, one module per table |
//! | [`operator`] | what crosses tenants: `apply`, `export`, `login show`, `keys` |
//! | [`import`] | users from a file |
//! | [`people`] | the users that staff look for, sign out, block, unblock and join |
//! | [`claim_samples`] | what the last sign-ins said of people, to try rows on |
//! | [`sightings`], [`traces`] | what was observed of applications and directories |
//! | [`audit`] | what was done, and by whom |
//! | [`accounts`] | who uses the dashboard, with what they sign in, and links for those who do not |
//! | [`api_tokens`] | what programs act with at the admin API |
//! | [`keyed_requests`] | which of their requests were carried out already |
//! | `expiries` | what ends soon |
//! | [`master_key`] | which master key is in force, and its replacement |
//! | `logos` | what tenants put on their own pages |
//! | [`changes`] | the news that a tenant's configuration changed |
//! | `directory_hosts`, `proposed_hosts` | where directories are, and where they would be going |
//! | [`domain_proofs`] | which domains a tenant has proven |
//! | [`tenant_hosts`] | the hosts that lead to a tenant, and the one that is its issuer |
//! | [`cleanup`] | the removal of what has expired |
//! | [`migrate`] | the schema, from `migrations/` |
//! | [`inspect`] | what a database says of itself, whatever is in it |
//!
//! Four rules hold throughout. A [`TenantStore`] or a transaction names its tenant to the database,
//! whose row-level security refuses everything else (`migrations/`). A hot step is one call of one
//! SQL function, so that nobody who stops waiting leaves a transaction behind
//! (`docs/adr/0006-one-statement-per-hot-step.md`). A change of state is a conditional write that
//! says whether it happened. Secrets go in sealed or hashed, and come out in types that do not print.
//!
//! Deliberately absent: caches and clocks (`web` has both), decisions (`broker` makes them).

pub mod accounts;
pub mod api_tokens;
mod audit;
pub mod catalogue;
pub mod changes;
pub mod claim_samples;
pub mod cleanup;
pub mod client_assertions;
mod clock;
mod compiled;
mod connect;
mod directory_hosts;
mod directory_secrets;
pub mod domain_proofs;
mod epoch;
mod error;
pub mod expiries;
pub mod grants;
pub mod import;
mod inspect;
mod installation_key;
mod json;
pub mod keyed_requests;
pub mod logins;
mod logos;
pub mod master_key;
mod migrate;
pub mod operator;
pub mod people;
mod pool;
mod proposed_hosts;
mod sealed;
pub mod sessions;
pub mod sightings;
pub mod signing_keys;
pub mod spilled;
pub mod tenant_hosts;
pub mod traces;
mod tx;
pub mod users;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use broker::id::TenantId;
use broker::seal::MasterKey;
use futures_util::future::join_all;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

pub use accounts::{
    AccountRecord, ConnectOutcome, HeldSession, HeldSetup, InviteOutcome, InviteScope,
    MemberOutcome, MemberView, Membership, NewCredentials, NewInvite, NewSetupLink, OperatorView,
    PasskeyRecord, SetupLinkView, SignInMethod, StaffConnection, StaffDirectory, Through,
};
pub use api_tokens::{ApiTokenView, HeldApiToken, NewApiToken};
pub use audit::AuditEvent;
pub use catalogue::{ApplicationRecord, DirectoryRecord, KeyRecord, TenantRecord};
pub use changes::ConfigurationChanges;
pub use claim_samples::{ClaimRecord, ClaimSample, SaidClaims, WhichSamples};
pub use cleanup::CleanupReport;
pub use compiled::Compiled;
pub use connect::{ConnectOptions, Role};
pub use domain_proofs::ProofChange;
pub use error::StoreError;
pub use expiries::{ExpiryCursor, ExpiryQuery, ExpiryView};
pub use grants::{
    GrantState, IssuedGrant, IssuedRefreshToken, NewGrant, NewRefreshToken, PresentedToken,
    Redeemed, Redemption, Refresh, Refreshed, RevokedBecause, RevokedToken,
};
pub use import::{IMPORT_BATCH, ImportTx};
pub use inspect::{Inspected, StoredNames, inspect};
pub use keyed_requests::{Claim, KeyedRequest};
pub use logins::{
    LoginCommit, LoginEnd, LoginLine, LoginOutcome, LoginQuery, LoginRecord, LoginState, LoginUser,
    LoginView, Recorded, ReuseCommit, ReuseOutcome, UserinfoRecord,
};
pub use logos::LogoRecord;
pub use master_key::{KeyInForce, Replacement};
pub use migrate::{MigrationReport, migrate};
pub use operator::{DirectorySecretChanges, Operator, OperatorTx, SecretChange, TenantSummary};
pub use people::{
    BlockChange, Ended, IdentityView, Joined, Move, Moving, NOT_JOINED, PersonDetail, PersonQuery,
    PersonView, SessionView, WhichPerson,
};
pub use proposed_hosts::DirectoryHosts;
pub use sessions::{NewSession, SessionRecord};
pub use sightings::{Sighting, SightingKind, SightingRecord, SightingSubject};
pub use signing_keys::{KeyView, NewKey, Rotation};
pub use tenant_hosts::HostRemoval;
pub use traces::{TraceEntry, TraceRecord};

use crate::pool::Pool;

/// How often [`Store::warm_up`] tries.
const WARM_UPS: usize = 3;

/// The database, seen with one [`Role`]. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    options: Arc<PgConnectOptions>,
    role: Role,
    master: MasterKey,
    /// Whether the database has said which master key is in force.
    is_master_key_known: Arc<AtomicBool>,
    /// As whom the audit log names what is done here.
    actor: Arc<str>,
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
        let actor = match options.role {
            Role::Gateway => "gateway",
            Role::Operator => "operator",
        };
        Ok(Self {
            pool,
            options: Arc::new(connect),
            role: options.role,
            master,
            is_master_key_known: Arc::default(),
            actor: actor.into(),
        })
    }

    /// The same, of which the audit log says who acts: 300 bytes at most.
    #[must_use]
    pub fn acting_as(self, actor: &str) -> Self {
        Self { actor: actor.into(), ..self }
    }

    /// As whom the audit log names what is done here.
    pub fn actor(&self) -> &str {
        &self.actor
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

    /// Makes all connections that there may be, so that the first requests find them: a new one is
    /// slower by itself and at its first statements, and a node gets its share of all requests from
    /// the moment it is ready (THREATS F-15). What cannot be made now is made when it is needed.
    pub async fn warm_up(&self) {
        for _ in 0..WARM_UPS {
            let wanted = (0..self.pool.limit()).map(|_| self.pool.acquire());
            if join_all(wanted).await.iter().all(Result::is_ok) {
                return;
            }
        }
        tracing::warn!("not all connections to the database could be made");
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

    fn pool(&self) -> &Pool {
        &self.store.pool
    }
}
