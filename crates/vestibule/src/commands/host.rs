//! `vestibule host`: where a tenant is reached, and where its directories send people back.

use anyhow::Context as _;
use broker::address::{self, CallbackAt, HostName};
use store::TenantRecord;

use super::{Tool, directory};
use crate::cli::{At, HostCallbackArgs, HostCommand, HostListArgs, HostRemoveArgs};
use crate::output;

/// Runs one of the commands.
pub(super) async fn run(command: HostCommand) -> anyhow::Result<()> {
    match command {
        HostCommand::List(args) => Box::pin(list(args)).await,
        HostCommand::Remove(args) => Box::pin(remove(args)).await,
        HostCommand::Callback(args) => Box::pin(callback(args)).await,
    }
}

async fn list(args: HostListArgs) -> anyhow::Result<()> {
    let public_url = super::public_url(&args.of.common, args.of.public_url.as_deref())?;
    let tool = Tool::open(&args.of.common).await?;
    let outcome = tenant(&tool, &args.of.tenant).await;
    let tenant = tool.finish(outcome).await?;
    output::result(lines(&tenant, &public_url).join("\n"));
    Ok(())
}

/// The issuer, the hosts that lead to it, and the redirect URIs.
fn lines(tenant: &TenantRecord, public_url: &str) -> Vec<String> {
    let own = tenant.addresses.own.as_ref();
    let mut lines = vec![format!("issuer  {}", address::issuer(public_url, &tenant.slug, own))];
    let left = tenant.addresses.hosts.iter().filter(|host| own != Some(host));
    lines.extend(left.map(|host| format!("left    {host}")));
    for one in &tenant.directories {
        let slug = &one.settings.slug;
        let of = |host| address::callback(public_url, &tenant.slug, host, slug);
        let (used, at_issuer) = (of(one.callback_host.as_ref()), of(own));
        lines.push(format!("{slug} comes back to {used}"));
        if used != at_issuer {
            lines.push(format!("  at the issuer it would be {at_issuer}"));
        }
    }
    lines
}

async fn remove(args: HostRemoveArgs) -> anyhow::Result<()> {
    let host = HostName::parse(&args.host)?;
    let tool = Tool::open(&args.common).await?;
    let removed = async {
        let tenant = tenant(&tool, &args.tenant).await?;
        let operator = tool.store.operator();
        let removed = admin::remove_host(&operator, tenant.id, &host, super::now()).await;
        removed.with_context(|| format!("{host} stays with the tenant {}", tenant.slug))
    }
    .await;
    tool.finish(removed).await?;
    output::result(format_args!("{host} leads nowhere any more"));
    Ok(())
}

async fn callback(args: HostCallbackArgs) -> anyhow::Result<()> {
    let at = match args.at {
        At::Issuer => CallbackAt::Issuer,
        At::PublicUrl => CallbackAt::PublicUrl,
    };
    let tool = Tool::open(&args.common).await?;
    let set = async {
        let tenant = tenant(&tool, &args.tenant).await?;
        let one = directory::directory(&tenant, &args.directory)?;
        let of = (tenant.id, one.id);
        Ok(admin::set_callback(&tool.store.operator(), of, at, super::now()).await?)
    }
    .await;
    if tool.finish(set).await? {
        output::result(format_args!("{} has another redirect URI now", args.directory));
    } else {
        output::notice("it was so already");
    }
    Ok(())
}

async fn tenant(tool: &Tool, slug: &str) -> anyhow::Result<TenantRecord> {
    let mut found = super::tenants(&tool.store.operator(), Some(slug)).await?;
    found.pop().context("there is no such tenant")
}
