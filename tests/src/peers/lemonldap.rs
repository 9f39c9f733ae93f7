//! `LemonLDAP::NG` as a directory: an issuer without path, `aud` as an array, `sub` the user name,
//! profile only at userinfo. Its users are `dwho`, `rtyler` and `msmith`, each with its name as
//! password (form fields `user` and `password`).

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Process, programs, until_stdin_ends, work_dir};

/// The running portal.
#[derive(Debug)]
pub struct LemonLdap {
    /// Its issuer.
    pub issuer: String,
    /// The process, for its log.
    pub process: Process,
}

impl LemonLdap {
    /// Starts a portal at `port` for clients of the form `{client_id, client_secret,
    /// redirect_uris, post_logout_redirect_uris}`.
    ///
    /// # Errors
    /// When `lemonldap-ng` or `starman` is missing, or the portal does not become ready.
    pub async fn start(port: u16, clients: &Value) -> Result<Self> {
        let work = work_dir()?;
        let folder = programs().join("lemonldap");
        let configured = Command::new("node")
            .arg(folder.join("configure.mjs"))
            .env("WORK", work.path())
            .env("PORT", port.to_string())
            .env("CLIENTS", clients.to_string())
            .output()
            .context("node is not installed")?;
        let errors = String::from_utf8_lossy(&configured.stderr);
        ensure!(configured.status.success(), "configure.mjs: {errors}");

        let mut command = until_stdin_ends("starman");
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--workers", "2"]);
        command.arg("--preload-app").arg(folder.join("portal.psgi")).env("WORK", work.path());
        let mut process = Process::start("LemonLDAP::NG", work, command)?;
        process.listening(port).await?;
        Ok(Self { issuer: format!("http://127.0.0.1:{port}"), process })
    }

    /// The clients of a portal that has one.
    pub fn client(client_id: &str, client_secret: &str, redirect_uri: &str) -> Value {
        json!([{
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": [redirect_uri],
        }])
    }
}
