//! The `vestibule` command: one binary that is the gateway, its tools and its demonstration.
//!
//! - [`cli`]: the commands and flags; [`settings`]: flags, environment, `vestibule.toml`;
//! - [`file`]: the configuration file with its errors; [`secrets`]: what it refers to;
//! - [`commands`]: what each command does;
//! - [`database`], [`master_key`], [`logging`], [`output`], [`signals`]: what they need.
//!
//! Exit codes: 0 done, 1 failed (the reason is on standard error), 2 the command line is wrong.

mod cli;
mod commands;
mod database;
#[cfg(test)]
mod documents;
mod file;
mod logging;
mod master_key;
mod output;
mod secrets;
mod settings;
mod signals;

use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;
use file::FileErrors;

/// Parsing a claim expression recurses: a debug build needs more than the usual 2 MiB.
const STACK: usize = 8 * 1024 * 1024;

/// The exit code when the command line is wrong.
const WRONG_COMMAND_LINE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // It quotes what was typed, or what a variable holds.
        Err(error) if error.use_stderr() => {
            output::notice(error.render().to_string().trim_end());
            return ExitCode::from(WRONG_COMMAND_LINE);
        }
        // Help or the version.
        Err(error) => error.exit(),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    let outcome = match runtime {
        // A worker has the large stack; the main thread has what the system gave it.
        Ok(runtime) => runtime.block_on(async {
            match tokio::spawn(commands::run(cli.command)).await {
                Ok(outcome) => outcome,
                Err(stopped) => Err(anyhow::Error::new(stopped)),
            }
        }),
        Err(error) => Err(anyhow::Error::new(error).context("the runtime cannot start")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::notice(explain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, each once: some texts already contain the text of their cause.
fn explain(error: &anyhow::Error) -> String {
    if let Some(errors) = error.downcast_ref::<FileErrors>() {
        return format!("{errors}\nerror: the configuration is not valid; nothing was changed");
    }
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str("\n  because: ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::explain;

    #[test]
    fn an_error_is_printed_with_each_cause_once() {
        let error = Err::<(), _>(anyhow!("connection refused"))
            .context("the database is unavailable: connection refused")
            .context("cannot list keys")
            .unwrap_err();
        assert_eq!(
            explain(&error),
            "error: cannot list keys\n  because: the database is unavailable: connection refused"
        );
    }
}
