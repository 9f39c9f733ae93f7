//! Running other programs in the repository's root.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
};

use anyhow::{Context, Result};

/// A program ended with an error of its own, which it has explained itself.
#[derive(Debug)]
pub(crate) struct Failed {
    program: String,
    status: ExitStatus,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` failed ({})", self.program, self.status)
    }
}

impl std::error::Error for Failed {}

impl Failed {
    /// The exit code to pass on; 1 for a program that a signal ended.
    pub(crate) fn code(&self) -> ExitCode {
        let code = self.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        ExitCode::from(code)
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    command(env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from))
}

/// A program, to be run in the root.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(root());
    command
}

/// Runs a program to its end, its output shown.
///
/// # Errors
/// [`Failed`] when it ends with an error; otherwise it could not be started.
pub(crate) async fn run(command: &mut Command) -> Result<()> {
    let line = described(command);
    let program = PathBuf::from(command.get_program());
    let child = command.spawn();
    let mut child = child.with_context(|| format!("cannot run {}", program.display()))?;
    let status = tokio::task::spawn_blocking(move || child.wait()).await??;
    if status.success() { Ok(()) } else { Err(Failed { program: line, status }.into()) }
}

/// The command line without the directories of the program.
fn described(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failed_program_passes_its_exit_code_on() {
        let error = run(Command::new("sh").args(["-c", "exit 7"])).await.unwrap_err();
        let failed = error.downcast_ref::<Failed>().unwrap();
        assert_eq!(failed.code(), ExitCode::from(7));
        assert!(failed.to_string().starts_with("`sh -c exit 7` failed"), "{failed}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = run(&mut command("no-such-program")).await.unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
