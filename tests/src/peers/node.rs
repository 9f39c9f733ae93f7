//! The peers that run on Node: one certified provider, two libraries' applications, a client
//! that behaves as .NET's, and a TLS proxy.

use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Application, Process, free_port, programs, tls::Certificate, work_dir};

pub(super) fn node(program: &str, port: u16) -> Result<Command> {
    ensure!(
        programs().join("node_modules").exists(),
        "tests/peers/node_modules is missing: run `npm ci` in tests/peers"
    );
    let mut command = Command::new("node");
    command.arg(program).env("PORT", port.to_string()).env("END_WITH_STDIN", "1");
    command.env("NODE_EXTRA_CA_CERTS", Certificate::get()?.authority);
    Ok(command)
}

fn application(program: &str, settings: &Application) -> Result<Command> {
    let mut command = node(program, settings.port)?;
    command.env("ISSUER", &settings.issuer);
    command.env("CLIENT_ID", &settings.client_id).env("CLIENT_SECRET", &settings.client_secret);
    Ok(command)
}

fn with_tls(command: &mut Command) -> Result<()> {
    let certificate = Certificate::get()?;
    command.env("TLS_KEY", certificate.key).env("TLS_CERT", certificate.certificate);
    Ok(())
}

pub(super) async fn started(name: &'static str, command: Command) -> Result<(Process, String)> {
    let mut process = Process::start(name, work_dir()?, command)?;
    let base = process.ready_line().await?;
    Ok((process, base))
}

/// How the directory behaves.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Its port; 0 for a free one.
    pub port: u16,
    /// Client metadata of those who may ask, as `OpenID.Registration` spells it.
    pub clients: Value,
    /// Login name to claims that replace the made-up ones. By default `staff…` is in the group
    /// `Staff`, everybody has `email_verified: true`.
    pub users: Value,
    /// No page: `login_hint` signs in at once.
    pub auto: bool,
    /// The ID token's algorithm, `RS256` or `ES256`.
    pub alg: &'static str,
    /// Whether its issuer is https, with the tests' certificate.
    pub tls: bool,
}

impl Directory {
    /// A directory on a free port with a sign-in page and one confidential client.
    pub fn with_client(client_id: &str, client_secret: &str, redirect_uri: &str) -> Self {
        let client = json!({
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uris": [redirect_uri],
        });
        Self {
            port: 0,
            clients: json!([client]),
            users: json!({}),
            auto: false,
            alg: "RS256",
            tls: false,
        }
    }
}

/// The certified npm `oidc-provider`, behaving like Okta: a thin ID token, everything else from
/// userinfo. Its page has the fields `login` and `password` (any password will do).
#[derive(Debug)]
pub struct OidcProvider {
    /// Its issuer.
    pub issuer: String,
    /// The process, for its log.
    pub process: Process,
}

impl OidcProvider {
    /// # Errors
    /// When it does not become ready.
    pub async fn start(directory: &Directory) -> Result<Self> {
        let mut command = node("oidc-provider.mjs", directory.port)?;
        command.env("CLIENTS", directory.clients.to_string());
        command.env("USERS", directory.users.to_string()).env("ALG", directory.alg);
        command.env("AUTO", if directory.auto { "1" } else { "0" });
        if directory.tls {
            with_tls(&mut command)?;
        }
        let (process, issuer) = started("oidc-provider", command).await?;
        Ok(Self { issuer, process })
    }

    /// The `sub` that a login name gets.
    pub fn subject_of(login: &str) -> String {
        login.bytes().fold("00u".to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// How the `openid-client` application asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// `code` by query, `client_secret_basic`.
    CodeBasic,
    /// `code` by query, `client_secret_post`.
    CodePost,
    /// `code` by query, `private_key_jwt`; its keys are at `{base}/jwks`.
    CodePrivateKeyJwt,
    /// `code id_token` by `form_post`, `client_secret_post`, over https.
    Hybrid,
}

/// The certified npm `openid-client`, with PKCE. `/me` shows `claims`, `userinfo`, `method` and
/// `has_refresh_token`; `/refresh` and `/logout` do that.
#[derive(Debug)]
pub struct OpenidClient {
    /// Where it listens; `{base}/login` starts a login.
    pub base: String,
    /// The process, for its log.
    pub process: Process,
}

impl OpenidClient {
    /// The redirect URI to register for `port` and `flow`.
    pub fn redirect_uri(port: u16, flow: Flow) -> String {
        let scheme = if flow == Flow::Hybrid { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{port}/cb")
    }

    /// Where the browser ends after a logout.
    pub fn post_logout_redirect_uri(port: u16, flow: Flow) -> String {
        Self::redirect_uri(port, flow).replace("/cb", "/")
    }

    /// # Errors
    /// When it does not become ready.
    pub async fn start(settings: &Application, flow: Flow) -> Result<Self> {
        let mut command = application("openid-client.mjs", settings)?;
        match flow {
            Flow::CodeBasic => {}
            Flow::CodePost => {
                command.env("CLIENT_AUTH", "client_secret_post");
            }
            Flow::CodePrivateKeyJwt => {
                command.env("CLIENT_AUTH", "private_key_jwt");
            }
            Flow::Hybrid => {
                command.env("RESPONSE_TYPE", "code id_token");
                command.env("CLIENT_AUTH", "client_secret_post");
                with_tls(&mut command)?;
            }
        }
        let (process, base) = started("openid-client", command).await?;
        Ok(Self { base, process })
    }
}

/// Microsoft's `passport-azure-ad`: `code id_token` by `form_post`. The issuer must be https: put a
/// [`TlsProxy`] before the gateway. `/me` shows `claims`.
#[derive(Debug)]
pub struct PassportAzureAd {
    /// Where it listens.
    pub base: String,
    /// The process, for its log.
    pub process: Process,
}

impl PassportAzureAd {
    /// The redirect URI to register for `port`.
    pub fn redirect_uri(port: u16) -> String {
        format!("https://127.0.0.1:{port}/cb")
    }

    /// # Errors
    /// When it does not become ready.
    pub async fn start(settings: &Application) -> Result<Self> {
        let mut command = application("passport-azure-ad.cjs", settings)?;
        with_tls(&mut command)?;
        let (process, base) = started("passport-azure-ad", command).await?;
        Ok(Self { base, process })
    }
}

/// Whether the Katana-like client uses the code that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redemption {
    /// As Katana does unless told otherwise.
    Never,
    /// With `client_secret_post`.
    Always,
}

/// A client that asks and checks as .NET's Katana does. `/me` shows `header`, `claims`,
/// `parameters`, `state_length` and perhaps `redeemed`.
#[derive(Debug)]
pub struct Katana {
    /// Where it listens.
    pub base: String,
    /// The process, for its log.
    pub process: Process,
}

impl Katana {
    /// The redirect URI to register for `port`: the application's root, as iMIS has it.
    pub fn redirect_uri(port: u16) -> String {
        format!("https://127.0.0.1:{port}/")
    }

    /// # Errors
    /// When it does not become ready.
    pub async fn start(settings: &Application, redemption: Redemption) -> Result<Self> {
        let mut command = application("katana.mjs", settings)?;
        command.env("REDEEM", if redemption == Redemption::Always { "1" } else { "0" });
        with_tls(&mut command)?;
        let (process, base) = started("katana", command).await?;
        Ok(Self { base, process })
    }
}

/// HTTPS before a plain-http server, as a load balancer does it (`X-Forwarded-Proto`,
/// `X-Forwarded-For`; the `Host` header passes through).
#[derive(Debug)]
pub struct TlsProxy {
    /// The https address, which is the gateway's public URL.
    pub base: String,
    /// The process, for its log.
    pub process: Process,
}

impl TlsProxy {
    /// # Errors
    /// When it does not become ready.
    pub async fn start(port: u16, upstream: &str) -> Result<Self> {
        let mut command = node("tls-proxy.mjs", port)?;
        command.env("UPSTREAM", upstream);
        with_tls(&mut command)?;
        let (process, base) = started("tls-proxy", command).await?;
        Ok(Self { base, process })
    }

    /// The address of a proxy on a port that is still free: the gateway must know it first.
    ///
    /// # Errors
    /// When no port is free.
    pub fn plan() -> Result<(u16, String)> {
        let port = free_port()?;
        Ok((port, format!("https://127.0.0.1:{port}")))
    }
}
