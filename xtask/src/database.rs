//! A Postgres in a temporary directory, for the time of one command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, Result};
use embedded_postgres::{Options, Postgres};
use nix::sys::statvfs::statvfs;
use tempfile::TempDir;

/// Where Linux keeps files in memory.
const IN_MEMORY: &str = "/dev/shm";
/// The whole suite makes some 500 databases of 12 MB; twice that is memory to spare, in bytes.
const ROOMY: u64 = 12 << 30;

/// The running server and its files, both gone when this is.
pub(crate) struct Database {
    postgres: Postgres,
    _directory: TempDir,
}

impl Database {
    /// Starts a server that forgets how to survive a crash, which makes it fast.
    pub(crate) async fn start(max_connections: u16) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("vestibule-xtask-").tempdir_in(roomy())?;
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

/// Memory where there is plenty: what is measured here must not be the disk, which stands still for
/// seconds where it is shared and throttled. Else the usual place.
fn roomy() -> PathBuf {
    let has_room = statvfs(IN_MEMORY).is_ok_and(|shared| {
        shared.blocks_available().saturating_mul(shared.fragment_size()) >= ROOMY
    });
    if has_room && available().is_some_and(|bytes| bytes >= ROOMY) {
        IN_MEMORY.into()
    } else {
        env::temp_dir()
    }
}

/// How much memory programs may still take, in bytes.
fn available() -> Option<u64> {
    let told = fs::read_to_string("/proc/meminfo").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes.saturating_mul(1_024))
}
