//! `vestibule serve`: the gateway, until it is told to stop.

use anyhow::{Context as _, bail};
use store::{KeyInForce, Role, Store, StoreError};
use web::{Dns, EgressPolicy, Gateway, Options};

use crate::cli::ServeArgs;
use crate::database::{Database, Sharing};
use crate::master_key::{self, Absent};
use crate::settings::{Settings, process_env};
use crate::{logging, output, signals};

/// Runs `serve`.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let settings = Settings::load(&args.common, &args.gateway, &process_env)?;
    // The driver repeats notices of the server that concern nobody.
    logging::start(&settings, "info,sqlx=warn");
    let master = master_key::load(&settings, Absent::Make)?;
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
        prove(&store, &settings).await?;
        let options = Options {
            listen: settings.listen,
            public_url: settings.public_url.clone(),
            store,
            operator: database.connect(Role::Operator, master.clone())?,
            api_tokens: database.connect(Role::Operator, master.clone())?,
            master,
            egress: EgressPolicy { allow: settings.egress_allow.clone() },
            dns: Dns::new(settings.dns.clone()),
            trusted_proxies: settings.trusted_proxies.clone(),
        };
        let running = Gateway::start(options).await.context("the gateway cannot start")?;
        output::result(format_args!("Listening on {}", running.addr));
        output::result(format_args!("Issuers are {}/t/TENANT", running.public_url));
        running.run_until(signals::stop(), settings.drain_delay).await;
        Ok(())
    }
    .await;
    database.close().await;
    served
}

/// Asks the database, if it answers, whether this gateway may work on it: the roles and the key. If
/// so, makes the connections.
async fn prove(store: &Store, settings: &Settings) -> anyhow::Result<()> {
    // The pool does not tell why it has no connection, so it is not asked first.
    let answer = match store.check().await {
        Ok(()) => store.master_key_in_force().await,
        Err(refusal) if is_forbidden(&refusal) => {
            return Err(anyhow::Error::new(refusal).context(FORBIDDEN));
        }
        Err(error) => Err(error),
    };
    match answer {
        Ok(KeyInForce::Here) => {
            store.warm_up().await;
            Ok(())
        }
        Ok(KeyInForce::Elsewhere) => bail!(
            "the master key in {} is not the one that this database was sealed with; \
             name the right file with --master-key-file{}",
            settings.master_key_path().as_path().display(),
            master_key::stray()
        ),
        Ok(KeyInForce::PreviousNeeded) => bail!(
            "the master key is being replaced, and the one before it is still needed; name its \
             file with --previous-master-key-file, or finish with vestibule secrets rotate-master"
        ),
        // The gateway starts while the database is away, and serves once it is back.
        Err(error) => {
            tracing::warn!(%error, "the master key is not checked");
            Ok(())
        }
    }
}

const FORBIDDEN: &str = "the user of DATABASE_URL may not work as vestibule_gateway, and waiting \
    does not change that; as a superuser, for that user: grant vestibule_gateway to USER; grant \
    vestibule_operator to USER; (docs/operate.md, The database)";

/// Whether the database answered that its user may not do this (`insufficient_privilege`).
fn is_forbidden(error: &StoreError) -> bool {
    let StoreError::Unavailable(why) = error else { return false };
    let Some(refusal) = why.as_database_error() else { return false };
    refusal.code().is_some_and(|code| code == "42501")
}
