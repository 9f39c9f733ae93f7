//! Apache with the certified `mod_auth_openidc` as an application: `code`, PKCE S256,
//! `client_secret_basic`.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Application, Process, programs, until_stdin_ends, work_dir};
use crate::agent::{Agent, Visit};

const MODULE_DIRECTORIES: [&str; 3] =
    ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2"];

/// The running server.
#[derive(Debug)]
pub struct ModAuthOpenidc {
    /// Where it listens.
    pub base: String,
    /// The process, for its log.
    pub process: Process,
}

impl ModAuthOpenidc {
    /// The redirect URI to register for `port`.
    pub fn redirect_uri(port: u16) -> String {
        format!("http://127.0.0.1:{port}/protected/redirect_uri")
    }

    /// Where a directory or the gateway posts a logout token for `port`.
    pub fn backchannel_logout_uri(port: u16) -> String {
        Self::redirect_uri(port) + "?logout=backchannel"
    }

    /// # Errors
    /// When Apache or the module is missing, or it does not become ready.
    pub async fn start(settings: &Application) -> Result<Self> {
        let modules = MODULE_DIRECTORIES
            .into_iter()
            .find(|dir| Path::new(dir).join("mod_auth_openidc.so").exists())
            .context("mod_auth_openidc is not installed (cargo xtask test installs it)")?;
        let work = work_dir()?;
        fs::create_dir(work.path().join("htdocs"))?;
        fs::create_dir(work.path().join("htdocs/protected"))?;
        fs::write(work.path().join("htdocs/index.html"), "home")?;
        fs::write(work.path().join("htdocs/protected/index.html"), "signed in")?;

        let mut command = until_stdin_ends("apache2");
        command.arg("-f").arg(programs().join("apache/httpd.conf")).args(["-D", "FOREGROUND"]);
        command.env("PORT", settings.port.to_string()).env("WORK", work.path());
        command.env("MODULES", modules).env("ISSUER", &settings.issuer);
        command.env("CLIENT_ID", &settings.client_id).env("CLIENT_SECRET", &settings.client_secret);
        // Debian keeps the program where ordinary users' PATH does not look.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        let mut process = Process::start("apache2", work, command)?;
        process.listening(settings.port).await?;
        Ok(Self { base: format!("http://127.0.0.1:{}", settings.port), process })
    }

    /// The page that asks for a login.
    pub fn protected(&self) -> String {
        format!("{}/protected/", self.base)
    }

    /// What its session holds, as JSON.
    pub fn info(&self) -> String {
        format!("{}/protected/redirect_uri?info=json", self.base)
    }

    /// Signs `user` in, whose password is the same word, and returns what the session then holds:
    /// `id_token`, `userinfo`, `access_token`.
    ///
    /// # Errors
    /// When the login ends anywhere but at the protected page; with what was there.
    pub async fn sign_in(&self, agent: &mut Agent, user: &str) -> Result<Value> {
        let page = agent.visit(&self.protected(), &Visit::by(user, &self.protected())).await?;
        ensure!(page.body == "signed in", "{} answered {}: {}", page.url, page.status, page.text());
        agent.get(&self.info()).await?.json()
    }

    /// Signs out here and at the provider.
    pub fn logout(&self) -> String {
        format!("{}/protected/redirect_uri?logout=http%3A%2F%2F{}%2F", self.base, self.host())
    }

    /// Where the browser ends after a logout.
    pub fn post_logout_redirect_uri(port: u16) -> String {
        format!("http://127.0.0.1:{port}/")
    }

    fn host(&self) -> String {
        self.base.trim_start_matches("http://").replace(':', "%3A")
    }
}
