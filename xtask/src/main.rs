//! The project's chores: `cargo xtask test`, `lint`, `prepare`, `bench`, `faults`, `fuzz`, `keycloak`.
//!
//! - [`bench`]: logins per second
//! - [`faults`]: the fault experiments at length
//! - [`fuzz`]: the parsers that see octets from outside
//! - [`install`]: what the tests need from the system and from npm
//! - [`database`]: a throw-away Postgres for the time of a command
//! - [`keycloak`]: the tests with a real Keycloak
//! - [`prepare`]: the query metadata in `.sqlx`
//! - [`shell`]: running other programs
#![expect(clippy::print_stderr, reason = "a command line tool reports to its user")]

mod bench;
mod database;
mod faults;
mod fuzz;
mod install;
mod keycloak;
mod prepare;
mod shell;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use database::Database;
use shell::{cargo, run};

/// The project's chores.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

const EXAMPLES: &str = "Examples:
  cargo xtask test                       install what is missing, run every test
  cargo xtask test az_02                 only tests whose name contains az_02
  cargo xtask test -p store              only the tests of one package
  cargo xtask test --no-install -- --nocapture
  cargo xtask lint                       formatting, clippy, licences
  cargo xtask prepare                    after changing a query or a migration
  cargo xtask prepare --check            what CI asks: is .sqlx up to date?
  cargo xtask keycloak                   the tests with a real Keycloak (fetches 160 MB)
  cargo xtask faults                     kill, freeze and cut at length; see --help
  cargo xtask fuzz                       every parser for a minute; see `cargo xtask fuzz --help`
  cargo xtask bench                      logins per second; see `cargo xtask bench --help`";

#[derive(Debug, Subcommand)]
enum Chore {
    /// Runs the tests against a Postgres of their own and the real peers, and passes on the exit
    /// code. Installs missing programs first (Debian packages as root; npm packages as anyone).
    Test {
        /// Install nothing; only say what is missing.
        #[arg(long)]
        no_install: bool,
        /// Test one package instead of all.
        #[arg(short, long)]
        package: Vec<String>,
        /// Handed to the tests: a part of their names, or options after `--`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        filter: Vec<String>,
    },
    /// Checks formatting, clippy with warnings as errors, and dependencies' licences and sources.
    Lint,
    /// Writes the metadata of every SQL query into `.sqlx`, from a database made by `migrations/`.
    Prepare {
        /// Change nothing; fail when `.sqlx` differs from what it should be.
        #[arg(long)]
        check: bool,
    },
    /// Runs the tests with a real Keycloak, which takes too long to start for the others: fetches it
    /// once (160 MB, needs Maven and Java 17), checks it, starts it, ends it.
    Keycloak {
        /// Install and fetch nothing; only say what is missing.
        #[arg(long)]
        no_install: bool,
        /// Handed to the tests: a part of their names, or options after `--`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        filter: Vec<String>,
    },
    /// Runs the fault experiments at length and shows their figures.
    Faults(faults::Options),
    /// Runs the fuzzer over every parser that sees octets from outside, and fails on a finding.
    Fuzz(fuzz::Options),
    /// Measures whole logins against the built-in test directory, and the signatures alone.
    Bench(bench::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    // An interrupt reaches the programs that run for us; we outlive them to clean up.
    let _listening = tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let outcome = match Arguments::parse().chore {
        Chore::Test { no_install, package, filter } => test(no_install, &package, &filter).await,
        Chore::Lint => lint().await,
        Chore::Prepare { check } => prepare::prepare(check).await,
        Chore::Keycloak { no_install, filter } => keycloak::keycloak(no_install, &filter).await,
        Chore::Faults(options) => faults::faults(&options).await,
        Chore::Fuzz(options) => fuzz::fuzz(&options).await,
        Chore::Bench(options) => bench::bench(&options).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            error.downcast_ref::<shell::Failed>().map_or(ExitCode::FAILURE, shell::Failed::code)
        }
    }
}

async fn test(no_install: bool, packages: &[String], filter: &[String]) -> Result<()> {
    install::for_tests(no_install).await?;
    let database = Database::start(400).await?;
    // The end-to-end tests start the binary, which `cargo test` alone would not build.
    run(cargo().args(["build", "--package", "vestibule"])).await?;
    let mut command = cargo();
    command.arg("test").env("TEST_DATABASE_URL", database.url("postgres"));
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    command.arg("--").args(filter.iter().skip_while(|argument| *argument == "--"));
    let tested = run(&mut command).await;
    database.stop().await;
    tested
}

async fn lint() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"])).await?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    run(cargo().args(clippy)).await?;
    // It is no test of the workspace's, so that all targets are not quite all.
    let keycloak = ["clippy", "--package", "tests", "--test", "keycloak", "--", "-D", "warnings"];
    run(cargo().args(keycloak)).await?;
    let mut deny = install::cargo_deny().await?;
    run(deny.args(["check", "licenses", "bans", "sources"])).await
}
