//! The database: the one that `DATABASE_URL` names, or an embedded one in the data directory.
//!
//! One process at a time runs the embedded one. It leaves its connection URL in the data
//! directory, readable by its user only, so that `vestibule login show` works beside a running
//! `vestibule serve`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use broker::seal::MasterKey;
use embedded_postgres::Postgres;
use secrecy::{ExposeSecret as _, SecretString};
use store::{ConnectOptions, Inspected, MigrationReport, Role, Store};

use crate::settings::Settings;

/// The name of the database in the embedded Postgres.
const NAME: &str = "vestibule";

/// What is done when another process runs the embedded database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Its database is used: for commands that end by themselves.
    Join,
    /// That is an error: for whoever keeps running.
    Own,
}

/// A database that is there.
#[derive(Debug)]
pub(crate) struct Database {
    url: SecretString,
    embedded: Option<Embedded>,
}

#[derive(Debug)]
struct Embedded {
    postgres: Postgres,
    announcement: PathBuf,
}

impl Database {
    /// Finds or starts the database of the settings.
    ///
    /// # Errors
    /// When the embedded one does not start; the text says what to do.
    pub(crate) async fn open(settings: &Settings, sharing: Sharing) -> anyhow::Result<Self> {
        if let Some(url) = &settings.database_url {
            return Ok(Self { url: url.clone(), embedded: None });
        }
        let announcement = settings.data_dir.join("database-url");
        let options = embedded_postgres::Options::new(&settings.data_dir);
        match embedded_postgres::start(options).await {
            Ok(postgres) => {
                let url = postgres.url(NAME);
                announce(&announcement, &url)
                    .with_context(|| format!("cannot write {}", announcement.display()))?;
                let embedded = Some(Embedded { postgres, announcement });
                Ok(Self { url: url.into(), embedded })
            }
            Err(embedded_postgres::Error::InUse { .. }) if sharing == Sharing::Join => {
                let url = fs::read_to_string(&announcement).with_context(|| {
                    format!(
                        "another process is using the database in {} and cannot be joined \
                         ({} is missing); try again in a moment, or stop it",
                        settings.data_dir.display(),
                        announcement.display()
                    )
                })?;
                Ok(Self { url: url.trim().to_owned().into(), embedded: None })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What it says of itself, whatever is in it.
    pub(crate) async fn inspect(&self) -> Inspected {
        store::inspect(self.url.expose_secret()).await
    }

    /// Whether this process runs the database itself.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// As [`store::migrate`].
    pub(crate) async fn migrate(&self) -> anyhow::Result<MigrationReport> {
        store::migrate(self.url.expose_secret()).await.context("the database cannot be migrated")
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub(crate) fn connect(&self, role: Role, master: MasterKey) -> anyhow::Result<Store> {
        let store = Store::connect(ConnectOptions::new(self.url.expose_secret(), role), master)?;
        Ok(match role {
            Role::Gateway => store,
            Role::Operator => store.acting_as(&operator()),
        })
    }

    /// Stops the database if this process runs it.
    pub(crate) async fn close(self) {
        if let Some(Embedded { postgres, announcement }) = self.embedded {
            withdraw(&announcement);
            postgres.stop().await;
        }
    }
}

/// Who runs this command, for the audit log: the user of the operating system, by name where it has
/// one. The environment is not asked, since everybody may say anything there.
fn operator() -> String {
    let uid = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    let name =
        name.map(|name| name.chars().take(64).filter(|c| !c.is_control()).collect::<String>());
    format!("operator {}", name.unwrap_or_else(|| format!("uid {uid}")))
}

fn announce(path: &Path, url: &str) -> io::Result<()> {
    withdraw(path);
    let mut open = OpenOptions::new();
    writeln!(open.write(true).create_new(true).mode(0o600).open(path)?, "{url}")
}

/// What is left over after a crash is replaced by the next start, so a failure may be passed over.
fn withdraw(path: &Path) {
    drop(fs::remove_file(path));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_a_crash_left_is_replaced_and_the_url_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("database-url");
        fs::write(&path, "stale").unwrap();
        announce(&path, "postgres://x").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "postgres://x\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        withdraw(&path);
        assert!(!path.exists());
    }
}
