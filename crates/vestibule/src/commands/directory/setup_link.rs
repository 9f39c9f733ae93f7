//! `directory setup-link`: with the link somebody without an account connects that directory; the list
//! of them, and their end.

use anyhow::{Context as _, bail};
use broker::id::LinkId;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use store::{NewSetupLink, SetupLinkView};

use super::{Tool, directory, load, only};
use crate::cli::{DirectoryEndSetupLinkArgs, DirectorySetupLinkArgs, DirectorySetupLinksArgs};
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

/// Runs `directory setup-links`.
pub(super) async fn list(args: DirectorySetupLinksArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = Box::pin(links(&tool, &args)).await;
    let links = tool.finish(outcome).await?;
    for one in &links {
        if args.json {
            output::json(json!({
                "id": one.link.0, "note": one.note, "created_at": one.created_at,
                "created_by": one.created_by, "expires_at": one.expires_at,
                "opened_at": one.opened_at,
            }));
        } else {
            output::result(line(one));
        }
    }
    if links.is_empty() {
        output::notice("There is none.");
    }
    Ok(())
}

async fn links(tool: &Tool, args: &DirectorySetupLinksArgs) -> anyhow::Result<Vec<SetupLinkView>> {
    let operator = tool.store.operator();
    let tenant = only(tenants(&operator, Some(&args.tenant)).await?)?;
    let record = directory(&tenant, &args.slug)?;
    let mut links = operator.setup_links(tenant.id).await?;
    links.retain(|one| one.directory == record.settings.slug);
    Ok(links)
}

/// `0198c2ae-…  until 2026-12-05 06:00Z  opened 2026-11-28 06:00Z  Kim, their IT`.
fn line(one: &SetupLinkView) -> String {
    let minute = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%MZ").to_string();
    let opened = match one.opened_at {
        Some(at) => format!("opened {}", minute(at)),
        None => "not opened".to_owned(),
    };
    let end = minute(one.expires_at);
    format!("{}  until {end}  {opened:<24}  {}", one.link, one.note).trim_end().to_owned()
}

/// Runs `directory end-setup-link`.
pub(super) async fn end(args: DirectoryEndSetupLinkArgs) -> anyhow::Result<()> {
    let link = args.link.parse().map(LinkId).context("this is not the id of a link")?;
    let tool = Tool::open(&args.common).await?;
    let outcome = Box::pin(ended(&tool, link, &args.tenant)).await;
    tool.finish(outcome).await?;
    output::result(format_args!("{link} does not work any more."));
    Ok(())
}

async fn ended(tool: &Tool, link: LinkId, slug: &str) -> anyhow::Result<()> {
    let operator = tool.store.operator();
    let tenant = only(tenants(&operator, Some(slug)).await?)?;
    if !operator.remove_setup_link(tenant.id, link, now()).await? {
        bail!("tenant {slug} has no such link; see: vestibule directory setup-links");
    }
    Ok(())
}
