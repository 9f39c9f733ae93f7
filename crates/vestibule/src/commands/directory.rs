//! `vestibule directory`: what a directory says of itself, a link to test it, and the list.
//!
//! What answers mean is decided in [`broker::probe`], and asked in [`web::Prober`].

pub(super) mod list;
mod presets;

use anyhow::{Context as _, bail};
use aws_lc_rs::rand;
use broker::directory_preset::DirectoryPreset;
use broker::id::LoginId;
use broker::probe::ProbeReport;
use broker::settings::{DirectorySettings, DirectoryState};
use broker::tenant::DirectorySecrets;
use broker::test_ticket::TestTicket;
use serde_json::json;
use store::{DirectoryRecord, KeyRecord, TenantRecord};
use web::{EgressPolicy, Prober, Subject};

use super::Tool;
use crate::cli::{
    DirectoryCommand, DirectoryListArgs, DirectoryProbeArgs, DirectoryTestArgs, GatewayFlags,
    OfTenant,
};
use crate::settings::{Settings, process_env};
use crate::{logging, output};

/// Runs a command about directories.
pub(super) async fn run(command: DirectoryCommand) -> anyhow::Result<()> {
    match command {
        DirectoryCommand::Probe(args) => Box::pin(probe(args)).await,
        DirectoryCommand::Test(args) => Box::pin(test(args)).await,
        DirectoryCommand::List(args) => Box::pin(list(args)).await,
        DirectoryCommand::Presets(args) => presets::run(&args),
    }
}

/// What is to be probed.
struct Probed {
    settings: DirectorySettings,
    secrets: DirectorySecrets,
    keys: Vec<KeyRecord>,
}

/// Runs `directory probe`.
async fn probe(args: DirectoryProbeArgs) -> anyhow::Result<()> {
    let settings = Settings::load(&args.common, &args.reach.gateway(), &process_env)?;
    logging::start(&settings, "warn");
    let prober = prober(&settings)?;
    let Probed { settings: wanted, secrets, keys } = match &args.slug {
        Some(slug) => Box::pin(stored(&args, slug)).await?,
        None => typed(&args)?,
    };
    let tenant = args.tenant.as_deref();
    let redirect_uri = callback(&settings, tenant.unwrap_or("tenant"), wanted.slug.as_str());
    let subject = Subject { settings: &wanted, secrets, keys, redirect_uri: &redirect_uri };
    let report = prober.probe(subject).await;
    if args.json {
        output::result(serde_json::to_string_pretty(&report)?);
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
    Ok(Probed { settings: record.settings, secrets, keys: tenant.keys })
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
    Ok(Probed { settings: serde_json::from_value(settings)?, secrets, keys: Vec::new() })
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

/// The redirect URI of a directory.
pub(super) fn callback(settings: &Settings, tenant: &str, directory: &str) -> String {
    format!("{}/directories/{directory}/callback", issuer(settings, tenant))
}

fn issuer(settings: &Settings, tenant: &str) -> String {
    let public_url =
        settings.public_url.clone().unwrap_or_else(|| format!("http://{}", settings.listen));
    format!("{public_url}/t/{tenant}")
}

fn only(mut tenants: Vec<TenantRecord>) -> anyhow::Result<TenantRecord> {
    tenants.pop().context("there is no such tenant")
}

fn directory<'a>(tenant: &'a TenantRecord, slug: &str) -> anyhow::Result<&'a DirectoryRecord> {
    let found = tenant.directories.iter().find(|one| one.settings.slug.as_str() == slug);
    found.with_context(|| {
        format!(
            "tenant {0} has no directory `{slug}`; see: vestibule directory list --tenant {0}",
            tenant.slug
        )
    })
}

fn load(of: &OfTenant) -> anyhow::Result<Settings> {
    let flags = GatewayFlags { public_url: of.public_url.clone(), ..GatewayFlags::default() };
    let settings = Settings::load(&of.common, &flags, &process_env)?;
    if settings.public_url.is_none() {
        output::notice(
            "note: VESTIBULE_PUBLIC_URL is not set; these are addresses of this machine",
        );
    }
    Ok(settings)
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
    if let DirectoryState::Draft | DirectoryState::Paused = record.settings.state {
        bail!("{slug} is a draft or paused; write `state: testing` for it and apply that first");
    }
    let now = super::now();
    let ticket = TestTicket::new(LoginId::new(now, random()?), now);
    let text = ticket.seal(tool.master.browser_key(), tenant.id, record.id, random()?)?;
    let store = tool.store.tenant(tenant.id);
    let kept = store.spill(ticket.login.0, text.as_bytes(), ticket.expires_at, now).await?;
    if !kept {
        bail!("too many test links and long requests wait at the moment; try again in 15 minutes");
    }
    let issuer = issuer(at, tenant.slug.as_str());
    Ok(format!("{issuer}/directories/{slug}/test?ticket={text}"))
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok().context("the operating system gave no randomness")?;
    Ok(bytes)
}

/// Runs `directory list`.
async fn list(args: DirectoryListArgs) -> anyhow::Result<()> {
    let settings = load(&args.of)?;
    let tool = Tool::open(&args.of.common).await?;
    let outcome = super::tenants(&tool.store.operator(), Some(&args.of.tenant)).await;
    let tenant = only(tool.finish(outcome).await?)?;
    let now = super::now();
    for one in &tenant.directories {
        let redirect_uri = callback(&settings, tenant.slug.as_str(), one.settings.slug.as_str());
        output::result(list::lines(one, &redirect_uri, now).join("\n"));
    }
    if tenant.directories.is_empty() {
        output::notice(format_args!("tenant {} has no directory", tenant.slug));
    }
    Ok(())
}
