//! `vestibule secrets rotate-master`: a new master key takes the place of the one in use.
//!
//! put it in force → wrap the data keys again, batch after batch → say that the old one is
//! needed no more. Interrupted anywhere it is run again ([`store::master_key`]).

use anyhow::{Context as _, bail};
use store::{KeyInForce, Replacement, Role, Store};

use super::Tool;
use crate::cli::{GatewayFlags, RotateMasterArgs, SecretsCommand};
use crate::master_key;
use crate::output;
use crate::settings::{Settings, process_env};

/// How many data keys are wrapped again in one transaction: a moment's work, so that a
/// change of configuration beside it waits for no more than that.
const BATCH: i64 = 100;

/// Runs one of the commands.
pub(super) async fn run(command: SecretsCommand) -> anyhow::Result<()> {
    let SecretsCommand::RotateMaster(args) = command;
    let settings = Settings::load(&args.common, &GatewayFlags::default(), &process_env)?;
    let ring = master_key::load_behind(&settings, &args.new_key_file)?;
    let tool = Tool::open(&args.common).await?;
    let store = tool.database.connect(Role::Operator, ring.clone())?;
    let outcome = rotated(&tool.store, &store, &args).await;
    store.close().await;
    let text = tool.finish(outcome).await?;
    output::result(text);
    Ok(())
}

async fn rotated(before: &Store, ring: &Store, args: &RotateMasterArgs) -> anyhow::Result<String> {
    // Whoever has no gateway yet has no mark yet, and the new key is not to make it.
    before.master_key_in_force().await?;
    if ring.master_key_in_force().await? == KeyInForce::Elsewhere {
        bail!(
            "neither the new master key nor the one of the settings is the one that this database \
             was sealed with; name that one with VESTIBULE_MASTER_KEY_FILE"
        );
    }
    let operator = ring.operator();
    if args.dry_run {
        return Ok(format!(
            "{}\nNothing was changed: this was a dry run.",
            left(&operator.replacement().await?)
        ));
    }
    if operator.begin_replacement(super::now()).await? {
        output::notice("The new master key is in force.");
    }
    let mut done = 0;
    loop {
        let wrapped = operator.replace_batch(BATCH).await.context(
            "not every data key was wrapped again; run the command again, with every master key \
             that is still in use",
        )?;
        if wrapped == 0 {
            break;
        }
        done += wrapped;
        output::notice(format_args!("{done} data keys wrapped again"));
    }
    if !operator.end_replacement(super::now()).await? {
        bail!("a data key was made with the old master key just now; run the command again");
    }
    let left = left(&operator.replacement().await?);
    Ok(format!(
        "{left}\nEvery data key is wrapped by the new master key. Gateways need the old one for \
         fifteen minutes more, for the sign-ins under way.\nKeep it for what was backed up before, \
         and for checkpoints of the audit log that it signed."
    ))
}

/// Data keys by master key, a line each.
fn left(replacement: &Replacement) -> String {
    let mut lines = vec![format!("{:<18} DATA KEYS", "MASTER KEY")];
    lines.extend(replacement.iter().map(|(id, keys)| {
        let id = id.map_or_else(|| "(before ids)".to_owned(), |id| id.to_string());
        format!("{id:<18} {keys}")
    }));
    lines.join("\n")
}
