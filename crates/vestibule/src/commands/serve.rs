//! `vestibule serve`: the gateway, until it is told to stop.

use anyhow::Context as _;
use store::Role;
use web::{Dns, EgressPolicy, Gateway, Options};

use crate::cli::ServeArgs;
use crate::database::{Database, Sharing};
use crate::settings::{Settings, process_env};
use crate::{logging, master_key, output, signals};

/// Runs `serve`.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let settings = Settings::load(&args.common, &args.gateway, &process_env)?;
    // The driver repeats notices of the server that concern nobody.
    logging::start(&settings, "info,sqlx=warn");
    let master = master_key::load(&settings.master_key_path())?;
    let database = Database::open(&settings, Sharing::Own).await?;
    if database.is_embedded() {
        tracing::info!(
            data_dir = %settings.data_dir.display(),
            "using an embedded Postgres, which suits trying out and small single-node \
             installations; set DATABASE_URL to use another"
        );
    }
    let served = async {
        if args.no_migrate {
            tracing::info!("the schema is left as it is");
        } else {
            let report = database.migrate().await?;
            tracing::info!(applied = report.applied, version = report.version, "schema is ready");
        }
        let store = database.connect(Role::Gateway, master.clone())?;
        match store.is_master_key_right().await {
            Ok(true) => {}
            Ok(false) => anyhow::bail!(
                "the master key in {} is not the one that this database was sealed with; \
                 name the right file with --master-key-file",
                settings.master_key_path().as_path().display()
            ),
            // The gateway starts while the database is away, and serves once it is back.
            Err(error) => tracing::warn!(%error, "the master key is not checked"),
        }
        let options = Options {
            listen: settings.listen,
            public_url: settings.public_url.clone(),
            store,
            master,
            egress: EgressPolicy { allow: settings.egress_allow.clone() },
            dns: Dns::new(settings.dns.clone()),
        };
        let running = Gateway::start(options).await.context("the gateway cannot start")?;
        output::result(format_args!("Listening on {}", running.addr));
        output::result(format_args!("Issuers are {}/t/TENANT", running.public_url));
        running.run_until(signals::stop()).await;
        Ok(())
    }
    .await;
    database.close().await;
    served
}
