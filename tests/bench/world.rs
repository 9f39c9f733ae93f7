//! Everything that runs during a benchmark: a durable Postgres in a temporary directory, the
//! gateway, the directory. All of it ends with the value.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use embedded_postgres::Postgres;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tests::gateway::{Gateway, Options};

use crate::directory::Directory;
use crate::process::{self, Processes};
use crate::target::{Target, configuration};

const MASTER_KEY: &str = "master.key";

/// What runs.
pub(crate) struct World {
    gateway: Gateway,
    _directory: Directory,
    postgres: Postgres,
    work: TempDir,
    /// Their processes.
    pub(crate) processes: Processes,
    /// Their addresses.
    pub(crate) target: Arc<Target>,
}

/// How far the server has come in writing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// Transactions that wrote something.
    pub(crate) transactions: i64,
    /// Octets of write-ahead log.
    pub(crate) wal: i64,
}

impl World {
    /// Starts everything, for this many people.
    ///
    /// # Errors
    /// When something does not start.
    pub(crate) async fn start(people: usize) -> Result<Self> {
        let work = tempfile::Builder::new().prefix("vestibule-bench-").tempdir()?;
        // Started by root, Postgres changes to another account, which must pass through.
        fs::set_permissions(work.path(), fs::Permissions::from_mode(0o711))?;
        let postgres = embedded_postgres::start(embedded_postgres::Options::new(work.path()));
        let postgres = postgres.await.context("the database")?;

        let database_url = Some(postgres.url("vestibule"));
        let master_key = Some(master_key(work.path())?);
        let options = Options { database_url, master_key, ..Options::default() };
        let gateway = Gateway::start_with(options).await?;

        let secret = secret()?;
        let callback = gateway.callback(Target::TENANT, Target::DIRECTORY);
        let directory = Directory::start(&callback, &secret, people).await?;
        gateway.apply(&configuration(&directory.issuer, &secret)).await?;

        let processes = Processes {
            gateway: gateway.pid().context("the gateway has ended")?,
            postgres: process::postmaster(work.path())?,
            directory: directory.pid()?,
        };
        let target = Arc::new(Target {
            gateway: gateway.addr.parse()?,
            public_url: gateway.url.clone(),
            issuer: gateway.issuer(Target::TENANT),
            path: format!("/t/{}", Target::TENANT),
            directory: directory.addr,
            directory_issuer: directory.issuer.clone(),
            secret,
        });
        Ok(Self { gateway, _directory: directory, postgres, work, processes, target })
    }

    /// A second node of the gateway whose way to the database is another socket directory.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn second_node(&self, socket_dir: &str) -> Result<(Gateway, Arc<Target>)> {
        let own = self.postgres.socket_dir().display().to_string();
        let url = self.postgres.url("vestibule");
        let (before, _) = url.split_once("?host=").context("a database URL of another kind")?;
        anyhow::ensure!(own != socket_dir, "the second node would not pass the counter");
        let gateway = Gateway::start_with(Options {
            public_url: Some(self.gateway.url.clone()),
            database_url: Some(format!("{before}?host={}", socket_dir.replace('/', "%2F"))),
            master_key: Some(self.work.path().join(MASTER_KEY)),
            ..Options::default()
        })
        .await?;
        let target = Target { gateway: gateway.addr.parse()?, ..Target::clone(&self.target) };
        Ok((gateway, Arc::new(target)))
    }

    /// The socket that Postgres listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        self.postgres.socket_dir().join(crate::wire::SOCKET)
    }

    /// A connection to the server, in a database that is not the gateway's.
    ///
    /// # Errors
    /// When there is none to be had.
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.postgres.url("postgres")).await?)
    }

    /// Tells the planner what is in the gateway's tables, which autovacuum does within a minute of
    /// the first logins. Before that it knows nothing and may take an index for another.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn analyze(&self) -> Result<()> {
        let mut owner = PgConnection::connect(&self.postgres.url("vestibule")).await?;
        sqlx::query("analyze").execute(&mut owner).await?;
        Ok(owner.close().await?)
    }

    /// Ends everything in order.
    pub(crate) async fn stop(self) -> Result<()> {
        self.gateway.stop().await?;
        self.postgres.stop().await;
        Ok(())
    }
}

impl Written {
    /// As of now. Asking writes nothing itself.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn now(connection: &mut PgConnection) -> Result<Self> {
        let sql = "select txid_snapshot_xmax(txid_current_snapshot()),
                          (pg_current_wal_insert_lsn() - '0/0')::bigint";
        let (transactions, wal) = sqlx::query_as(sql).fetch_one(connection).await?;
        Ok(Self { transactions, wal })
    }
}

fn secret() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random()?))
}

/// Two nodes share it, so it is not left to the first one to make.
fn master_key(work: &Path) -> Result<PathBuf> {
    let path = work.join(MASTER_KEY);
    fs::write(&path, STANDARD.encode(random()?))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(path)
}

fn random() -> Result<[u8; 32]> {
    let mut octets = [0; 32];
    rand::fill(&mut octets).ok().context("the system has no random octets")?;
    Ok(octets)
}
