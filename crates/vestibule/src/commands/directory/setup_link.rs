//! `directory setup-link`: with the link somebody without an account connects that directory.

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use store::NewSetupLink;

use super::{Tool, directory, load, only};
use crate::cli::DirectorySetupLinkArgs;
use crate::commands::{now, tenants};
use crate::output;
use crate::settings::Settings;

/// Runs the command.
pub(super) async fn run(args: DirectorySetupLinkArgs) -> anyhow::Result<()> {
    if args.note.chars().count() > 100 || args.note.contains(char::is_control) {
        bail!("a note has 100 characters at most, which print");
    }
    let settings = load(&args.of)?;
    let tool = Tool::open(&args.of.common).await?;
    let outcome = Box::pin(made(&tool, &args, &settings)).await;
    let (address, end) = tool.finish(outcome).await?;
    output::result(address.expose_secret());
    output::notice(format_args!(
        "This is shown once, and works in the one browser that opens it first, until {}. Whoever \
         opens it can connect {} and nothing else.",
        end.format("%Y-%m-%d %H:%MZ"),
        args.slug
    ));
    Ok(())
}

async fn made(
    tool: &Tool,
    args: &DirectorySetupLinkArgs,
    settings: &Settings,
) -> anyhow::Result<(SecretString, DateTime<Utc>)> {
    let (operator, now) = (tool.store.operator(), now());
    let tenant = only(tenants(&operator, Some(&args.of.tenant)).await?)?;
    let record = directory(&tenant, &args.slug)?;
    let link = admin::link(admin::LinkKind::Setup, args.days, now)?;
    let new = NewSetupLink {
        tenant: tenant.id,
        link: link.id,
        directory: record.id,
        note: &args.note,
        token_hash: link.hash,
        expires_at: link.expires_at,
    };
    if !operator.add_setup_link(&new, now).await.context("no link was made")? {
        bail!("tenant {} has 100 links that work; end some of them first", tenant.slug);
    }
    Ok((link.address(&settings.public_url()), link.expires_at))
}
