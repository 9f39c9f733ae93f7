//! Many of the certified npm `oidc-provider` in one process, each of which a test sets up, and sets
//! up anew: what an administrator of a directory does wrong, and how it is mended. The settings are
//! described at the top of `tests/peers/realms.mjs`.

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use serde_json::Value;

use super::Process;
use super::node::{node, started};

/// The running process.
#[derive(Debug)]
pub struct Realms {
    /// Where the realms are: `{base}/{name}` is an issuer.
    pub base: String,
    control: String,
    http: Client,
    /// The process, for its log.
    pub process: Process,
}

impl Realms {
    /// One without realms.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start() -> Result<Self> {
        let (process, base) = started("realms", node("realms.mjs", 0)?).await?;
        let log = process.log();
        let control = log.lines().find_map(|line| line.strip_prefix("control "));
        let control = control.context("no control")?.to_owned();
        Ok(Self { base, control, http: Client::builder().no_proxy().build()?, process })
    }

    /// Sets a realm up, in place of what it was.
    ///
    /// # Errors
    /// When the library does not take the settings.
    pub async fn set(&self, name: &str, setup: &Value) -> Result<()> {
        let request = self.http.put(format!("{}/{name}", self.control)).body(setup.to_string());
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{name}: {}", answer.text().await?);
        Ok(())
    }
}
