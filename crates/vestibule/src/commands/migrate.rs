//! `vestibule migrate`: brings the schema up to date, as the user of the database URL.

use crate::cli::{GatewayFlags, MigrateArgs};
use crate::database::{Database, Sharing};
use crate::settings::{Settings, process_env};
use crate::{logging, output};

/// Runs `migrate`.
pub(super) async fn run(args: MigrateArgs) -> anyhow::Result<()> {
    let settings = Settings::load(&args.common, &GatewayFlags::default(), &process_env)?;
    logging::start(&settings, "warn");
    let database = Database::open(&settings, Sharing::Join).await?;
    let outcome = database.migrate().await;
    database.close().await;
    let report = outcome?;
    match report.applied {
        0 => output::result(format_args!("The schema is up to date (version {}).", report.version)),
        applied => output::result(format_args!(
            "Applied {applied} migrations; the schema is at version {}.",
            report.version
        )),
    }
    Ok(())
}
