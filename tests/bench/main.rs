//! The benchmark behind `cargo xtask bench`: whole logins through the gateway, and what they cost
//! beside the signatures and the commit that no login can do without.
//!
//! - [`world`]: what runs: Postgres with fsync, the gateway as a process, [`directory`] as another
//! - [`target`]: the flows, the people, the configuration
//! - [`load`]: browsers that each begin a login when the last is done, over [`login`] and [`http`]
//! - [`process`]: processor time and memory as the kernel counts them
//! - [`floor`]: signatures and commits alone
//! - [`budget`]: round trips and transactions of each step, counted on the [`wire`]
//! - [`report`]: the table and the JSON document
//!
//! Deliberately absent: TLS, the network and other machines. Everything is on loopback.

mod budget;
mod directory;
mod floor;
mod http;
mod load;
mod login;
mod process;
mod report;
mod target;
mod wire;
mod world;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use floor::Floor;
use load::{Load, PEOPLE_PER_BROWSER};
use report::{FlowReport, Machine, Report};
use target::Flow;
use world::World;

/// Measures brokered logins. `cargo xtask bench` builds everything and runs this.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// How long each flow is measured, in seconds.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many browsers sign in at the same time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    concurrency: u16,
    /// Measure these flows only.
    #[arg(long, value_enum)]
    flow: Vec<Flow>,
    /// Write what was found as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The cargo profile that the gateway and this program were built with, for the report.
    #[arg(long, default_value = "unknown")]
    profile: String,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Started by the benchmark itself: the directory.
    #[command(hide = true)]
    Directory,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A standard error that is closed leaves the exit code.
            let _ = writeln!(std::io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The load generator runs on one thread, to disturb the others as little as possible.
fn run(arguments: &Arguments) -> Result<()> {
    if let Some(Role::Directory) = arguments.role {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(directory::serve());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = measure(arguments) => report,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                anyhow::bail!("interrupted")
            }
        }
    })?;
    write!(std::io::stdout(), "{report}")?;
    if let Some(path) = &arguments.json {
        save(&report, path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    let concurrency = usize::from(arguments.concurrency);
    progress("starting a durable Postgres, the gateway and the directory")?;
    let world = World::start(concurrency * PEOPLE_PER_BROWSER).await?;
    let version: String =
        sqlx::query_scalar("show server_version").fetch_one(&mut world.connect().await?).await?;
    let machine = Machine::look(&arguments.profile, version, now())?;
    progress("measuring signatures and commits alone")?;
    let floor = Floor::measure(&world).await?;
    progress("counting round trips and transactions")?;
    let budget = budget::count(&world).await?;

    let wanted = if arguments.flow.is_empty() { &Flow::ALL[..] } else { &arguments.flow };
    let load = Load { concurrency, window: Duration::from_secs(arguments.seconds) };
    let mut flows = Vec::new();
    for flow in wanted {
        progress(&format!("measuring {} for {} s", flow.name(), arguments.seconds))?;
        let measured = load::measure(&world, *flow, load).await?;
        flows.push(FlowReport::new(*flow, &measured, &floor)?);
    }
    world.stop().await?;
    Ok(Report { machine, concurrency, floor, flows, budget })
}

fn save(report: &Report, path: &Path) -> Result<()> {
    Ok(std::fs::write(path, serde_json::to_string_pretty(report)? + "\n")?)
}

#[expect(clippy::disallowed_methods, reason = "the clock of this program")]
fn now() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn progress(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr(), "bench: {text}")?)
}
