//! `vestibule directory replace`: another directory takes the place of one.

use admin::{
    Applied, ChangeError, Edit, Mode, Part, PartError, Recognition, Remark, Replacement, To,
};
use anyhow::{Context as _, bail};
use broker::authority::Authority;
use broker::settings::EmailTrust;

use super::{directory, only};
use crate::cli::DirectoryReplaceArgs;
use crate::commands::{Tool, now, tenants};
use crate::output;

/// What was done, or would be.
struct Outcome {
    applied: Applied,
    people: Recognition,
    remarks: Vec<Remark>,
}

/// Runs `directory replace`.
pub(super) async fn run(args: DirectoryReplaceArgs) -> anyhow::Result<()> {
    let how = Replacement {
        directory: args.slug.parse()?,
        by: args.by.parse()?,
        join_by_email: args.join_by_email,
    };
    let tool = Tool::open(&args.common).await?;
    let outcome = Box::pin(replaced(&tool, &args, &how)).await;
    let Outcome { applied, people, remarks } = tool.finish(outcome).await?;
    output::result(&applied.plan);
    output::result(lines(&people, &how).join("\n"));
    for one in &remarks {
        output::notice(format_args!("note: {}", one.say(&how)));
    }
    if args.dry_run && !applied.plan.is_empty() {
        output::notice("Nothing was changed: this was a dry run.");
    }
    Ok(())
}

async fn replaced(
    tool: &Tool,
    args: &DirectoryReplaceArgs,
    how: &Replacement,
) -> anyhow::Result<Outcome> {
    let operator = tool.store.operator();
    let tenant = only(tenants(&operator, Some(&args.tenant)).await?)?;
    directory(&tenant, &args.slug)?;
    directory(&tenant, &args.by)?;
    let people = admin::recognition(&operator, &tenant, how).await?;
    let remarks = admin::remarks(&admin::settings_of(&tenant), how);
    let edit = Edit {
        tenant: &tenant.slug,
        part: &Part::Configuration,
        to: &To::Replaced(how.clone()),
        logos: &[],
        version: None,
        only_new: false,
        authority: &Authority::OPERATOR,
        mode: if args.dry_run { Mode::DryRun } else { Mode::Commit },
        now: now(),
    };
    let applied = match Box::pin(admin::edit(&operator, &tool.master, &edit)).await {
        Ok(applied) => applied,
        Err(ChangeError::Part(PartError::Shape { message, .. })) => bail!("{message}"),
        Err(ChangeError::Invalid(errors)) => {
            let errors: Vec<_> =
                errors.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
            bail!("the settings would not be valid:\n{}", errors.join("\n"))
        }
        Err(ChangeError::Conflicts(conflicts)) => {
            let all: Vec<_> = conflicts.iter().map(|one| one.message.clone()).collect();
            bail!("it does not go with what is stored:\n{}", all.join("\n"))
        }
        Err(other) => return Err(other.into()),
    };
    let people = people.context("one of them was removed just now")?;
    Ok(Outcome { applied, people, remarks })
}

/// The people, in words.
fn lines(people: &Recognition, how: &Replacement) -> Vec<String> {
    let Replacement { directory, by, .. } = how;
    let trust = match people.trust {
        EmailTrust::VerifiedClaim => format!("if {by} says that their address is verified"),
        EmailTrust::Domain => format!("whose address is of a domain of {by}"),
        EmailTrust::Never => format!("since {by} is never trusted with addresses"),
    };
    let off = if people.join_by_email { "" } else { ", with --join-by-email" };
    vec![
        format!("People of {directory}: {}", people.users),
        format!("    known to {by} already: {}", people.known),
        format!("    recognised by e-mail address, {trust}{off}: {}", people.by_email),
        format!("    would become new users: {}", people.strangers()),
    ]
}
