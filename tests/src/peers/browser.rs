//! Chromium without a window, driven by playwright-core through a list of steps; the steps are
//! described at the top of `tests/peers/browser.mjs`.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

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
    let steps = steps.clone();
    tokio::task::spawn_blocking(move || run_blocking(&steps)).await?
}

fn run_blocking(steps: &Value) -> Result<Report> {
    let work = work_dir()?;
    let mut child = Command::new("node")
        .arg("browser.mjs")
        .current_dir(programs())
        .env("WORK", work.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("node is not installed")?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(steps.to_string().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(!text.trim().is_empty(), "browser: {}", String::from_utf8_lossy(&output.stderr));
    let report: Report = serde_json::from_str(text.trim()).with_context(|| text.into_owned())?;
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
