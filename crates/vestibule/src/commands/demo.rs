//! `vestibule demo`: database, gateway, test directory and sample application, in one process.
//!
//! The addresses of the parties are known only once they listen, so they start first and the demo
//! tenant is applied afterwards, by the same path as `vestibule apply`, at every start. The parties
//! talk over real sockets; the gateway treats them like any directory and any application.

mod world;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;

use crate::cli::DemoArgs;
use crate::settings::{Settings, process_env};
use crate::{logging, output, signals};
use world::World;

/// Who signs in with `--once`: somebody on the association's staff.
const PERSON: &str = "dana.whitfield@acme-assoc.example";

/// Runs `demo`.
pub(super) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let settings = Settings::load_demo(&args, &process_env)?;
    if args.once { Box::pin(once(settings)).await } else { Box::pin(stay(settings)).await }
}

/// One scripted sign-in. Nothing of it stays, unless a data directory was given.
async fn once(mut settings: Settings) -> anyhow::Result<()> {
    logging::start(&settings, "warn,vestibule=error");
    let temporary = if settings.data_dir_given { None } else { Some(temporary_dir()?) };
    if let Some(dir) = &temporary {
        settings.data_dir.clone_from(dir);
    }
    if !settings.listen_given {
        settings.listen.set_port(0);
    }
    let outcome = sign_in_once(&settings).await;
    if let Some(dir) = temporary {
        // Left over, it is one of many in a temporary directory, which the system clears.
        drop(tokio::fs::remove_dir_all(dir).await);
    }
    output::json(outcome?);
    Ok(())
}

async fn sign_in_once(settings: &Settings) -> anyhow::Result<String> {
    let world = World::start(settings).await?;
    let outcome = demo::scripted::login_once(&world.application.url, PERSON).await;
    world.stop().await;
    match outcome {
        Ok(outcome) => Ok(serde_json::to_string_pretty(&outcome.id_token_claims)?),
        Err(error) => {
            for hop in &error.hops {
                output::notice(format_args!("  {hop}"));
            }
            bail!("the sign-in failed at {}: {}", error.step, error.detail);
        }
    }
}

async fn stay(mut settings: Settings) -> anyhow::Result<()> {
    logging::start(&settings, "warn,vestibule=error");
    if !settings.data_dir_given {
        settings.data_dir.push("demo");
    }
    output::notice(
        "Starting a database, the gateway, a test directory and a sample application...",
    );
    let world = World::start(&settings).await?;
    let data_dir = settings.data_dir.display();
    output::result(format_args!(
        "
Open the sample application and sign in:

    {application}

It plays iMIS: it asks for an e-mail address and leaves the rest to the gateway. Try
    {PERSON}     (staff)
    robin.member@acme-assoc.example       (a member)

To look behind it, or connect a directory of your own, open the dashboard:

    {dashboard}

  gateway         {gateway}
  discovery       {issuer}/.well-known/openid-configuration
  test directory  {directory}   (asks nobody for a password)
  data            {data_dir}

To see what happened in a sign-in, use the support code of its page:
    vestibule login show CODE --data-dir {data_dir}

Ctrl-C stops everything.",
        application = world.application.url,
        dashboard = world.dashboard.expose_secret(),
        gateway = world.gateway.public_url,
        issuer = world.issuer,
        directory = world.directory.issuer,
    ));
    signals::stop().await;
    output::notice("Stopping...");
    world.stop().await;
    Ok(())
}

/// A name nobody can guess; the embedded Postgres makes the directory with the mode it needs.
fn temporary_dir() -> anyhow::Result<PathBuf> {
    let name = format!("vestibule-demo-{}", unguessable()?);
    Ok(std::env::temp_dir().join(name))
}

/// 128 random bits, as text for names and secrets.
fn unguessable() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok().context("the system has no random bytes")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
