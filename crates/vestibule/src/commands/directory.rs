//! `vestibule directory`: what a directory says of itself, a link to test it, and the list.
//!
//! What answers mean is decided in [`broker::probe`], and asked in [`web::Prober`].

pub(super) mod list;
mod presets;
mod replace;
mod setup_link;

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use broker::address::{self, HostName};
use broker::directory_preset::DirectoryPreset;
use broker::id::{Slug, TenantId};
use broker::probe::ProbeReport;
use broker::settings::DirectorySettings;
use broker::tenant::DirectorySecrets;
use broker::test_ticket::Shown;
use serde_json::json;
use store::{DirectoryRecord, KeyRecord, TenantRecord};
use web::{EgressPolicy, Prober, Subject};

use super::Tool;
use crate::cli::{
    DirectoryApproveArgs, DirectoryCommand, DirectoryListArgs, DirectoryProbeArgs,
    DirectoryTestArgs, OfTenant,
};
use crate::settings::{Settings, process_env};
use crate::{logging, output};

/// Runs a command about directories.
pub(super) async fn run(command: DirectoryCommand) -> anyhow::Result<()> {
    match command {
        DirectoryCommand::Probe(args) => Box::pin(probe(args)).await,
        DirectoryCommand::Test(args) => Box::pin(test(args)).await,
        DirectoryCommand::SetupLink(args) => Box::pin(setup_link::run(args)).await,
        DirectoryCommand::SetupLinks(args) => Box::pin(setup_link::list(args)).await,
        DirectoryCommand::EndSetupLink(args) => Box::pin(setup_link::end(args)).await,
        DirectoryCommand::List(args) => Box::pin(list(args)).await,
        DirectoryCommand::Approve(args) => Box::pin(approve(args)).await,
        DirectoryCommand::Replace(args) => Box::pin(replace::run(args)).await,
        DirectoryCommand::Presets(args) => presets::run(&args),
    }
}

/// Who asks: a command has every turn for itself.
pub(super) const NOBODY: TenantId = TenantId(uuid::Uuid::nil());

/// What is to be probed.
struct Probed {
    settings: DirectorySettings,
    secrets: DirectorySecrets,
    keys: Vec<KeyRecord>,
    /// The host of the redirect URI that it knows us by.
    host: Option<HostName>,
}

/// Runs `directory probe`.
async fn probe(args: DirectoryProbeArgs) -> anyhow::Result<()> {
    let settings = Settings::load(&args.common, &args.reach.gateway(), &process_env)?;
    logging::start(&settings, "warn");
    let prober = prober(&settings)?;
    let Probed { settings: wanted, secrets, keys, host } = match &args.slug {
        Some(slug) => Box::pin(stored(&args, slug)).await?,
        None => typed(&args)?,
    };
    let tenant = args.tenant.as_deref();
    let of: Slug = tenant.unwrap_or("tenant").parse()?;
    let redirect_uri = callback(&settings, &of, host.as_ref(), &wanted.slug);
    let redirect_uri = redirect_uri.as_str();
    let subject = Subject { tenant: NOBODY, settings: &wanted, secrets, keys, redirect_uri };
    let report = prober.probe(subject).await;
    if args.json {
        output::json(serde_json::to_string_pretty(&report)?);
    } else {
        output::result(&report);
        if tenant.is_some() {
            output::notice(format_args!("\nRedirect URI to register there: {redirect_uri}"));
        }
    }
    verdict(&report)
}

/// A directory of the database.
async fn stored(args: &DirectoryProbeArgs, slug: &str) -> anyhow::Result<Probed> {
    let tool = Tool::open(&args.common).await?;
    let outcome = with_keys(&tool, args.tenant.as_deref()).await;
    let tenant = tool.finish(outcome).await?;
    let record = directory(&tenant, slug)?.clone();
    let secrets = DirectorySecrets {
        current: record.client_secret,
        next: record.next_client_secret,
        expired: record.expired,
    };
    let (settings, host) = (record.settings, record.callback_host);
    Ok(Probed { settings, secrets, keys: tenant.keys, host })
}

/// A tenant with its signing keys, which the list of tenants leaves out.
async fn with_keys(tool: &Tool, tenant: Option<&str>) -> anyhow::Result<TenantRecord> {
    let tenant = only(super::tenants(&tool.store.operator(), tenant).await?)?;
    tool.store.tenant_by_slug(&tenant.slug).await?.context("there is no such tenant")
}

/// The exit code is for scripts; the findings have been printed.
fn verdict(report: &ProbeReport) -> anyhow::Result<()> {
    if report.has_problem() {
        bail!("people cannot sign in through this directory before the problems are mended");
    }
    Ok(())
}

/// A directory of the command line.
fn typed(args: &DirectoryProbeArgs) -> anyhow::Result<Probed> {
    let preset = preset(&args.preset)?;
    let secret = match &args.client_secret_env {
        Some(name) => {
            let secret = process_env(name).filter(|secret| !secret.trim().is_empty());
            let secret = secret.with_context(|| format!("the variable {name} is not set"))?;
            Some(secret.trim().to_owned().into())
        }
        None => None,
    };
    let settings = json!({
        "slug": preset.key(),
        "name": preset.data().name,
        "preset": preset.key(),
        "issuer": args.issuer,
        "client_id": args.client_id,
        "tenants": args.tenants,
    });
    let secrets = DirectorySecrets { current: secret, ..DirectorySecrets::default() };
    Ok(Probed {
        settings: serde_json::from_value(settings)?,
        secrets,
        keys: Vec::new(),
        host: None,
    })
}

fn preset(name: &str) -> anyhow::Result<DirectoryPreset> {
    DirectoryPreset::parse(name).with_context(|| {
        let all: Vec<_> = DirectoryPreset::all().map(DirectoryPreset::key).collect();
        format!("there is no preset `{name}`; use one of {}", all.join(", "))
    })
}

/// What asks directories, under the egress policy of the settings.
pub(super) fn prober(settings: &Settings) -> anyhow::Result<Prober> {
    let policy = EgressPolicy { allow: settings.egress_allow.clone() };
    Ok(Prober::new(policy)?)
}

/// The redirect URI of a directory at one of its tenant's addresses.
pub(super) fn callback(
    settings: &Settings,
    tenant: &Slug,
    host: Option<&HostName>,
    directory: &Slug,
) -> String {
    address::callback(&settings.public_url(), tenant, host, directory)
}

fn only(mut tenants: Vec<TenantRecord>) -> anyhow::Result<TenantRecord> {
    tenants.pop().context("there is no such tenant")
}

pub(super) fn directory<'a>(
    tenant: &'a TenantRecord,
    slug: &str,
) -> anyhow::Result<&'a DirectoryRecord> {
    let found = tenant.directories.iter().find(|one| one.settings.slug.as_str() == slug);
    found.with_context(|| {
        format!(
            "tenant {0} has no directory `{slug}`; see: vestibule directory list --tenant {0}",
            tenant.slug
        )
    })
}

fn load(of: &OfTenant) -> anyhow::Result<Settings> {
    super::with_public_url(&of.common, of.public_url.as_deref())
}

/// Runs `directory test`.
async fn test(args: DirectoryTestArgs) -> anyhow::Result<()> {
    let settings = load(&args.of)?;
    let tool = Tool::open(&args.of.common).await?;
    let outcome = link(&tool, &args, &settings).await;
    let link = tool.finish(outcome).await?;
    output::result(link);
    output::notice(
        "Open it in a browser within 15 minutes; it works once. Nobody is signed in by it.",
    );
    Ok(())
}

/// Makes a ticket, which waits in the database until its link is opened.
async fn link(tool: &Tool, args: &DirectoryTestArgs, at: &Settings) -> anyhow::Result<String> {
    let slug = &args.slug;
    let tenant = only(super::tenants(&tool.store.operator(), Some(&args.of.tenant)).await?)?;
    let record = directory(&tenant, slug)?;
    let link = admin::test_link(
        &tool.store,
        &tool.master,
        &tenant,
        record,
        (Shown::Everything, None),
        super::now(),
    )
    .await?;
    let host = tenant.addresses.own.as_ref();
    Ok(format!("{}{link}", address::issuer(&at.public_url(), &tenant.slug, host)))
}

/// What became of an approval.
enum Approved {
    /// The directory is believed to be at the hosts that its document leads to.
    At(BTreeSet<String>),
    /// Nothing was proposed: the next sign-in decides anew. It was here until now, if anywhere.
    Anew(BTreeSet<String>),
}

/// Runs `directory approve`.
async fn approve(args: DirectoryApproveArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = Box::pin(approved(&tool, &args)).await;
    let list = |hosts: BTreeSet<String>| hosts.into_iter().collect::<Vec<_>>().join(", ");
    match tool.finish(outcome).await? {
        Approved::At(hosts) => {
            output::result(format_args!("{} is at {} from now on", args.slug, list(hosts)));
        }
        Approved::Anew(before) if before.is_empty() => output::notice(format_args!(
            "nobody has signed in through {} since it was set",
            args.slug
        )),
        Approved::Anew(before) => {
            let before = list(before);
            output::result(format_args!("{} may be elsewhere now; it was at {before}", args.slug));
        }
    }
    Ok(())
}

/// Believes what is proposed, or forgets where the directory was.
async fn approved(tool: &Tool, args: &DirectoryApproveArgs) -> anyhow::Result<Approved> {
    let (operator, now) = (tool.store.operator(), super::now());
    let tenant = only(super::tenants(&operator, Some(&args.tenant)).await?)?;
    let record = directory(&tenant, &args.slug)?;
    let known = operator.directory_hosts(tenant.id, record.id).await?;
    let mut tx = operator.begin().await?;
    let approved = if let Some((hosts, _)) = known.proposed {
        if !tx.approve_hosts(tenant.id, record.id, &hosts, now).await? {
            bail!("its document leads elsewhere again; try once more");
        }
        Approved::At(hosts)
    } else {
        tx.forget_endpoint_hosts(tenant.id, record.id, now).await?;
        Approved::Anew(known.approved)
    };
    tx.commit().await?;
    Ok(approved)
}

/// Runs `directory list`.
async fn list(args: DirectoryListArgs) -> anyhow::Result<()> {
    let settings = load(&args.of)?;
    let tool = Tool::open(&args.of.common).await?;
    let outcome = super::tenants(&tool.store.operator(), Some(&args.of.tenant)).await;
    let tenant = only(tool.finish(outcome).await?)?;
    let now = super::now();
    for one in &tenant.directories {
        let host = one.callback_host.as_ref();
        let redirect_uri = callback(&settings, &tenant.slug, host, &one.settings.slug);
        output::result(list::lines(one, &redirect_uri, now).join("\n"));
    }
    if tenant.directories.is_empty() {
        output::notice(format_args!("tenant {} has no directory", tenant.slug));
    }
    Ok(())
}
