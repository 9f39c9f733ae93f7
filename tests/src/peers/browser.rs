//! Chromium without a window, driven by playwright-core through lists of steps; the steps are
//! described at the top of `tests/peers/browser.mjs`.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{programs, work_dir};

/// What the browser saw.
#[derive(Debug, Deserialize)]
pub struct Report {
    ok: bool,
    step: Option<usize>,
    error: Option<String>,
    text: Option<String>,
    /// What `read`, `json` and `url` steps read, by name.
    pub values: Value,
    /// The address at the end.
    pub url: String,
    /// What the page's console said at level `error`, blocked scripts and styles among them.
    pub complaints: Vec<String>,
}

/// Runs `steps` (a JSON array) in a fresh profile.
///
/// # Errors
/// When Chromium or playwright-core is missing; with the step, the address and the page's text
/// when a step failed.
pub async fn run(steps: &Value) -> Result<Report> {
    Browser::open()?.run(steps).await
}

/// A browser in a profile of its own, which stays open between lists of steps.
#[derive(Debug)]
pub struct Browser {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    // Ends with it.
    child: Child,
    _work: TempDir,
}

impl Browser {
    /// Opens one.
    ///
    /// # Errors
    /// When node is missing.
    pub fn open() -> Result<Self> {
        let work = work_dir()?;
        let mut child = Command::new("node")
            .arg("browser.mjs")
            .current_dir(programs())
            .env("WORK", work.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node is not installed")?;
        let stdin = child.stdin.take().context("no standard input")?;
        let stdout = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { stdin, stdout, child, _work: work })
    }

    /// Goes on with `steps` (a JSON array).
    ///
    /// # Errors
    /// As [`run`].
    pub async fn run(&mut self, steps: &Value) -> Result<Report> {
        self.stdin.write_all(format!("{steps}\n").as_bytes()).await.context("browser")?;
        let mut line = String::new();
        if self.stdout.read_line(&mut line).await? == 0 {
            let mut said = String::new();
            if let Some(mut stderr) = self.child.stderr.take() {
                stderr.read_to_string(&mut said).await?;
            }
            bail!("browser: {said}");
        }
        let report: Report = serde_json::from_str(line.trim()).with_context(|| line.clone())?;
        if report.ok {
            return Ok(report);
        }
        let step = report.step.and_then(|step| steps.get(step)).map(Value::to_string);
        bail!(
            "step {} failed at {}: {}\nthe page says:\n{}",
            step.unwrap_or_default(),
            report.url,
            report.error.unwrap_or_default(),
            report.text.unwrap_or_default()
        )
    }
}
