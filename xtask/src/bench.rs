//! The benchmark: builds the gateway and the program that measures it (`tests/bench`), runs it.

use std::{env, path::PathBuf};

use anyhow::Result;
use clap::Args;

use crate::shell::{cargo, command, root, run};

/// What may be chosen; the program checks the values.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// How long each flow is measured, in seconds.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// How many browsers sign in at the same time.
    #[arg(long, default_value_t = 16)]
    concurrency: u16,
    /// Measure this flow only (may be repeated): code-rs256, code-es256 or hybrid.
    #[arg(long)]
    flow: Vec<String>,
    /// The cargo profile to build with; `dist` is what ships, and takes minutes to build.
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Write what was found as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  cargo xtask bench                                   the figures of docs/performance.md
  cargo xtask bench --concurrency 1                   how long a login takes on an idle gateway
  cargo xtask bench --flow code-rs256 --seconds 60
  cargo xtask bench --profile release --json /tmp/before.json

It ends by itself, about 30 seconds after the flows. Everything is on loopback and in a temporary
directory; set TMPDIR to a directory on the disk whose commits are to be measured.";

/// Builds and runs.
///
/// # Errors
/// When something does not build, or an answer of the gateway was wrong.
pub(crate) async fn bench(options: &Options) -> Result<()> {
    let profile = &options.profile;
    let packages = ["--package", "vestibule", "--package", "tests", "--bins"];
    run(cargo().args(["build", "--profile", profile]).args(packages)).await?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    // The profile `dev` is the one whose directory has another name.
    let built = root().join(target).join(if profile == "dev" { "debug" } else { profile });
    let mut program = command(built.join("bench"));
    program.env("VESTIBULE_BIN", built.join("vestibule")).args(["--profile", profile]);
    program.args(["--seconds", &options.seconds.to_string()]);
    program.args(["--concurrency", &options.concurrency.to_string()]);
    for flow in &options.flow {
        program.args(["--flow", flow]);
    }
    if let Some(path) = &options.json {
        program.arg("--json").arg(env::current_dir()?.join(path));
    }
    run(&mut program).await
}
