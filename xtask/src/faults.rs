//! The fault experiments (`tests/faults`) at length: more logins, longer outages, and the figures.

use anyhow::Result;
use clap::Args;

use crate::database::Database;
use crate::install;
use crate::shell::{cargo, run};

/// How much of everything.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// How many people sign in while Postgres is killed, and beside directories that hang.
    #[arg(long, default_value_t = 400)]
    logins: u32,
    /// How long packets to Postgres are dropped, in seconds.
    #[arg(long, default_value_t = 300)]
    outage: u32,
    /// How often each node is replaced.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// How many tenants sign people in at nodes that have just started.
    #[arg(long, default_value_t = 1_000)]
    tenants: u32,
    /// Install nothing; only say what is missing.
    #[arg(long)]
    no_install: bool,
    /// A part of the experiments' names.
    filter: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  cargo xtask faults                        the figures of docs/reliability.md
  cargo xtask faults f_01 --logins 1000     one experiment
  cargo xtask faults f_04 --outage 30

`cargo xtask test` runs the same experiments, smaller. They kill processes of their own only.";

/// Builds, runs and shows the figures.
///
/// # Errors
/// When something is missing or does not build, or when an experiment misses its bar.
pub(crate) async fn faults(options: &Options) -> Result<()> {
    install::for_tests(options.no_install).await?;
    let database = Database::start(400).await?;
    run(cargo().args(["build", "--package", "vestibule"])).await?;
    let mut command = cargo();
    command.args(["test", "--package", "tests", "--test", "faults", "--"]);
    command.args(["--nocapture", "--test-threads=1"]).args(&options.filter);
    command.env("TEST_DATABASE_URL", database.url("postgres"));
    for (name, value) in [
        ("FAULTS_LOGINS", options.logins),
        ("FAULTS_OUTAGE_SECONDS", options.outage),
        ("FAULTS_ROUNDS", options.rounds),
        ("FAULTS_TENANTS", options.tenants),
    ] {
        command.env(name, value.to_string());
    }
    let tested = run(&mut command).await;
    database.stop().await;
    tested
}
