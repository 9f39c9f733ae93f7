//! The fuzzer: builds the targets of `fuzz/` with coverage counters, and runs each for some seconds.
//!
//! This is what `cargo fuzz` does, without that program: compiling it takes longer than a brief run,
//! and the counters need no flag that a stable compiler refuses. Only the address sanitizer does;
//! for it, and nothing else, `RUSTC_BOOTSTRAP` is set.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell::{cargo, command, root, run};

/// What `cargo fuzz` passes to the compiler, save for the sanitizer and `--cfg fuzzing`, under which
/// libraries change what they do.
const COVERAGE: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];
/// What one input may take, in seconds and MiB. The slowest takes milliseconds, but a machine that
/// does much else stops and starts programs as it likes.
const LIMITS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=20000"];

/// What may be chosen.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The targets to run; all if none is named.
    target: Vec<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What chance begins with. The same number tries the same inputs in the same order, so that a
    /// brief run before every change does not stop one by luck.
    #[arg(long)]
    seed: Option<u32>,
    /// Only name the targets.
    #[arg(long)]
    list: bool,
    /// Run this one input, such as a finding, through the one target that is named.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seconds", "list"])]
    input: Option<PathBuf>,
    /// Look for misuse of memory too: half as fast, and of use for `unsafe` code in libraries.
    #[arg(long)]
    address_sanitizer: bool,
}

const EXAMPLES: &str = "Examples:
  cargo xtask fuzz                            every target for a minute
  cargo xtask fuzz --seconds 3 --seed 1       a brief look, the same each time
  cargo xtask fuzz --seconds 3600 expression  one target for an hour
  cargo xtask fuzz expression --input fuzz/artifacts/expression/crash-...
  cargo xtask fuzz --list

What is found is written to fuzz/artifacts/TARGET, what was learned to fuzz/corpus/TARGET; both are
kept out of git. docs/security/fuzzing.md says what each target asserts.";

/// Builds and runs.
///
/// # Errors
/// When something does not build, or a target found something.
pub(crate) async fn fuzz(options: &Options) -> Result<()> {
    let all = targets()?;
    if options.list {
        for target in &all {
            eprintln!("{target}");
        }
        return Ok(());
    }
    if let Some(unknown) = options.target.iter().find(|one| !all.contains(one)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    let chosen = if options.target.is_empty() { &all } else { &options.target };
    let programs = build(chosen, options.address_sanitizer).await?;
    if let Some(input) = &options.input {
        let [target] = chosen.as_slice() else { bail!("name the one target to run it through") };
        let input = env::current_dir()?.join(input);
        return run(command(programs.join(target)).args(LIMITS).arg(input)).await;
    }
    eprintln!(
        "{:<14} {:>12} {:>8} {:>8} {:>8}",
        "target", "executions", "edges", "features", "corpus"
    );
    let mut found = Vec::new();
    for target in chosen {
        if let Err(finding) = run_target(&programs, target, options) {
            eprintln!("{target:<14} {finding:#}");
            found.push(target.as_str());
        }
    }
    if found.is_empty() { Ok(()) } else { bail!("something was found in {}", found.join(", ")) }
}

/// The names of the targets, in order.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds targets; returns the directory that has them.
async fn build(targets: &[String], address_sanitizer: bool) -> Result<PathBuf> {
    let host = host()?;
    let directory = root().join("fuzz/target");
    let mut flags = COVERAGE.join(" ");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml"]);
    // With a target named, build scripts and macros are compiled without the flags.
    build.args(["--target", &host, "--target-dir"]).arg(&directory);
    for target in targets {
        build.args(["--bin", target]);
    }
    if address_sanitizer {
        flags.push_str(" -Zsanitizer=address");
        build.env("RUSTC_BOOTSTRAP", "1");
    }
    run(build.env("RUSTFLAGS", flags).env_remove("CARGO_ENCODED_RUSTFLAGS")).await?;
    Ok(directory.join(host).join("release"))
}

/// What the compiler calls this machine.
fn host() -> Result<String> {
    let output = command("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}

/// Runs a target and prints its figures.
fn run_target(programs: &Path, target: &str, options: &Options) -> Result<()> {
    let fuzz = root().join("fuzz");
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|one| fuzz.join(one).join(target));
    for directory in [&corpus, &artifacts] {
        fs::create_dir_all(directory)?;
    }
    let mut program = Command::new(programs.join(target));
    program.arg(&corpus).arg(fuzz.join("seeds").join(target)).args(LIMITS);
    program.args(["-print_final_stats=1", &format!("-max_total_time={}", options.seconds)]);
    program.args(options.seed.map(|seed| format!("-seed={seed}")));
    program.arg(format!("-artifact_prefix={}/", artifacts.display()));
    let dictionary = fuzz.join(format!("dictionaries/{target}.dict"));
    if dictionary.exists() {
        program.arg(format!("-dict={}", dictionary.display()));
    }
    let output = program.stdin(Stdio::null()).output().context("cannot run it")?;
    let log = String::from_utf8_lossy(&output.stderr);
    let figures = Figures::read(&log);
    if output.status.success() {
        eprintln!("{target:<14} {figures}");
        return Ok(());
    }
    let end: Vec<&str> = log.lines().rev().take(40).collect();
    let end: Vec<&str> = end.into_iter().rev().collect();
    let input =
        log.lines().find_map(|line| line.split_once("Test unit written to ")).map(|it| it.1);
    let again = input.map_or_else(
        || format!("cargo xtask fuzz {target}"),
        |input| {
            format!(
                "cargo xtask fuzz {target} --input {input}\nOnce it is mended, it becomes a seed: \
                 mv {input} fuzz/seeds/{target}/finding_WHAT_IT_IS"
            )
        },
    );
    bail!("{figures}\n{}\n\nAgain: {again}\n", end.join("\n"))
}

/// What a run says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    executions: u64,
    edges: u64,
    features: u64,
    corpus: u64,
}

impl Figures {
    /// Reads the lines that the fuzzer ends with, such as `#9 DONE cov: 7 ft: 8 corp: 3/9b` and
    /// `stat::number_of_executed_units: 9`.
    fn read(log: &str) -> Self {
        let units = "stat::number_of_executed_units:";
        let last = log.lines().rev().find(|line| line.contains(" cov: ")).unwrap_or_default();
        let after = |name: &str| -> u64 {
            let mut words = last.split_whitespace().skip_while(|word| *word != name).skip(1);
            let word = words.next().and_then(|word| word.split('/').next());
            word.and_then(|word| word.parse().ok()).unwrap_or(0)
        };
        let counted = log.lines().find_map(|line| line.strip_prefix(units)?.trim().parse().ok());
        let tagged = || last.split_whitespace().next()?.strip_prefix('#')?.parse().ok();
        Self {
            executions: counted.or_else(tagged).unwrap_or(0),
            edges: after("cov:"),
            features: after("ft:"),
            corpus: after("corp:"),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { executions, edges, features, corpus } = self;
        write!(f, "{executions:>12} {edges:>8} {features:>8} {corpus:>8}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_last_line() {
        let log = "#2\tINITED cov: 1 ft: 2 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #900\tDONE   cov: 7 ft: 8 corp: 3/9b lim: 4 exec/s: 450 rss: 40Mb\n\
                   Done 901 runs in 2 second(s)\n\
                   stat::number_of_executed_units: 901\n";
        let figures = Figures { executions: 901, edges: 7, features: 8, corpus: 3 };
        assert_eq!(Figures::read(log), figures);
        assert_eq!(Figures::read("nothing"), Figures::default());
    }

    #[test]
    fn every_target_is_listed_by_its_file() {
        assert!(targets().unwrap().contains(&"authorize".to_owned()));
    }
}
