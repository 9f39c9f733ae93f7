//! The schema: the files of `migrations/`, embedded.

use std::str::FromStr as _;

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::StoreError;

/// The oldest major version that has what the schema uses (`on delete set null (column)`).
pub(crate) const OLDEST_POSTGRES: u32 = 15;

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationReport {
    /// How many files were applied now.
    pub applied: usize,
    /// The version of the schema: the number of the newest file.
    pub version: i64,
}

/// Brings the schema of the database at `url` up to date, as the user of that URL, who then owns
/// it. Several processes may do so at once; the others wait for the first. A schema that a later
/// release has brought further is left as it is.
///
/// # Errors
/// [`StoreError::Migration`], whose text carries the hint that the migration gives;
/// [`StoreError::Unavailable`] when the database cannot be reached.
pub async fn migrate(url: &str) -> Result<MigrationReport, StoreError> {
    let options = PgConnectOptions::from_str(url)?.application_name("vestibule migrate");
    let mut connection = options.connect().await?;
    let server = connection.server_version_num().unwrap_or(u32::MAX) / 10_000;
    if server < OLDEST_POSTGRES {
        return Err(StoreError::Migration(format!(
            "Postgres {server} is too old, {OLDEST_POSTGRES} or later is needed"
        )));
    }
    let report = run(&migrator(), &mut connection).await.map_err(explain)?;
    connection.close().await?;
    Ok(report)
}

/// The files of this release.
pub(crate) fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.set_ignore_missing(true);
    migrator
}

async fn run(
    migrator: &Migrator,
    connection: &mut PgConnection,
) -> Result<MigrationReport, MigrateError> {
    // The lock is the session's and counts, so the migrator takes it once more; closing frees it.
    connection.lock().await?;
    connection.ensure_migrations_table(&migrator.table_name).await?;
    let before = connection.list_applied_migrations(&migrator.table_name).await?.len();
    migrator.run_direct(None, connection, false).await?;
    let after = connection.list_applied_migrations(&migrator.table_name).await?;
    connection.unlock().await?;
    Ok(MigrationReport {
        applied: after.len().saturating_sub(before),
        version: after.iter().map(|migration| migration.version).max().unwrap_or(0),
    })
}

fn explain(error: MigrateError) -> StoreError {
    let text = error.to_string();
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = error else {
        return StoreError::Migration(text);
    };
    match cause {
        sqlx::Error::Database(refusal) => {
            let hint = refusal
                .try_downcast_ref::<PgDatabaseError>()
                .and_then(PgDatabaseError::hint)
                .map(|hint| format!(". {hint}"));
            StoreError::Migration(format!("{text}{}", hint.unwrap_or_default()))
        }
        other => StoreError::Unavailable(other),
    }
}
