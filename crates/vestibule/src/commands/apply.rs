//! `vestibule apply`: makes the tenants in the database match a file.
//!
//! read and prove the file, and the logos beside it ([`logos`]) → migrate → with `--probe`, ask the
//! directories ([`probe`]) → [`admin::apply`] in one transaction → print. A file with a mistake in
//! it is refused before the database is touched.

mod logos;
mod probe;

use admin::{Applied, ChangeError, Mode, Order};
use anyhow::Context as _;
use broker::plan::Prune;
use broker::seal::MasterKey;
use secrecy::ExposeSecret as _;
use store::Store;

use super::{Tool, other_key};
use crate::cli::ApplyArgs;
use crate::file::{self, ConfigurationFile};
use crate::output;
use crate::secrets::Secrets;
use crate::settings::{Settings, process_env};

/// Runs `apply`.
pub(super) async fn run(args: ApplyArgs) -> anyhow::Result<()> {
    let file = file::read(&args.file)?;
    let tool = Tool::open_unchecked(&args.common).await?;
    let outcome = applied(&tool, &file, &args).await;
    let applied = tool.finish(outcome).await?;
    for note in &applied.notes {
        output::notice(format_args!("note: {note}"));
    }
    output::result(&applied.plan);
    if args.dry_run && !applied.plan.is_empty() {
        output::notice("Nothing was changed: this was a dry run.");
    }
    for (target, secret) in &applied.generated {
        output::result(format_args!(
            "\nClient secret of {target}, shown this once:\n    {}",
            secret.expose_secret()
        ));
    }
    Ok(())
}

async fn applied(
    tool: &Tool,
    file: &ConfigurationFile,
    args: &ApplyArgs,
) -> anyhow::Result<Applied> {
    let logos::Read { configuration, logos } = logos::read(file)?;
    // A dry run changes nothing, and the schema is something.
    if !args.dry_run {
        tool.database.migrate().await?;
    }
    let order = Order {
        wanted: &configuration,
        secrets: &Secrets { env: &process_env, base: &file.base, own: &tool.own_files },
        logos: &logos,
        prune: if args.prune { Prune::Remove } else { Prune::Keep },
        mode: if args.dry_run { Mode::DryRun } else { Mode::Commit },
        now: super::now(),
    };
    if args.probe {
        let settings = Settings::load(&args.common, &args.reach.gateway(), &process_env)?;
        probe::probe(tool, &settings, file, &order).await?;
    }
    carry_out(&tool.store, &tool.master, file, &order).await
}

/// Carries out an order about a file; also what `demo` calls for its tenant.
pub(super) async fn carry_out(
    store: &Store,
    master: &MasterKey,
    file: &ConfigurationFile,
    order: &Order<'_>,
) -> anyhow::Result<Applied> {
    admin::apply(&store.operator(), master, order)
        .await
        .map_err(|error| match error {
            ChangeError::Conflicts(conflicts) => file.conflicts(&conflicts).into(),
            ChangeError::Secret { target, field, why } => {
                file.secret_error(&target, field.as_str(), &why.to_string()).into()
            }
            ChangeError::Store(error) => other_key(error),
            other => other.into(),
        })
        .with_context(|| "the configuration could not be applied; nothing was changed")
}
