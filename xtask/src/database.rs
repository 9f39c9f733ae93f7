//! A Postgres in a temporary directory, for the time of one command.

use std::{fs, os::unix::fs::PermissionsExt};

use anyhow::{Context, Result};
use embedded_postgres::{Options, Postgres};
use tempfile::TempDir;

/// The running server and its files, both gone when this is.
pub(crate) struct Database {
    postgres: Postgres,
    _directory: TempDir,
}

impl Database {
    /// Starts a server that forgets how to survive a crash, which makes it fast.
    pub(crate) async fn start(max_connections: u16) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("vestibule-xtask-").tempdir()?;
        // Started by root, Postgres changes to another account, which must pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711))?;
        let options = Options { durable: false, max_connections, ..Options::new(directory.path()) };
        let postgres = embedded_postgres::start(options).await;
        let postgres = postgres.context("no Postgres for this command")?;
        Ok(Self { postgres, _directory: directory })
    }

    /// The URL of one database for a superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        self.postgres.url(database)
    }

    /// Stops the server, then removes its files.
    pub(crate) async fn stop(self) {
        self.postgres.stop().await;
    }
}
