//! The sample application: a relying party that plays iMIS.
//!
//! It asks for nothing but an e-mail, sends the browser to its issuer with that as `login_hint`,
//! and afterwards shows what it was told. On the wire it behaves as .NET middleware does: hybrid
//! flow by form post to the site's root, a `state` of 1.5 KB, a `nonce` with the time in it,
//! `x-client-*` parameters, no PKCE, and the secret in the body of the token request.
//!
//! | path | what | where |
//! |---|---|---|
//! | `/` (GET) | sign-in page, or what is known about the person; query-mode answers | [`pages`], [`callback`] |
//! | `/` (POST) | the answer of the issuer by form post | [`callback`] |
//! | `/signin?email=` | starts a login | [`signin`] |
//! | `/signout` (POST), `/me` | ends the local session; the session as JSON | [`pages`] |
//!
//! [`tokens`] holds the rules of the ID token. Absent on purpose: logout at the issuer, refresh.

mod callback;
mod pages;
mod signin;
mod tokens;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use chrono::TimeDelta;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::expiring::Expiring;
use crate::server::Running;
use crate::{fetch, reply, server};
use signin::{Login, Provider};

/// How the application wants its answer. [OIDCC-3]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseType {
    /// `code id_token` by form post, without PKCE: iMIS on Katana's defaults. [OIDCC-3.3]
    #[default]
    CodeIdToken,
    /// `code` in the query, with PKCE: newer middleware. [OIDCC-3.1]
    Code,
}

impl ResponseType {
    /// The `response_type` value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CodeIdToken => "code id_token",
            Self::Code => "code",
        }
    }
}

/// How to start a sample application.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The issuer it trusts, exactly as its metadata names it.
    pub issuer: String,
    /// Its `client_id` there.
    pub client_id: String,
    /// Its `client_secret` there.
    pub client_secret: String,
    /// How it wants its answer.
    pub response_type: ResponseType,
    /// The `scope` it asks for; iMIS asks for `openid profile`.
    pub scope: String,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("response_type", &self.response_type)
            .finish_non_exhaustive()
    }
}

/// A running sample application; dropping it stops it.
#[derive(Debug)]
pub struct Application {
    /// Its address for a browser, without a trailing slash.
    pub url: String,
    /// The `redirect_uri` to register: the address with a trailing slash, as iMIS has it.
    pub redirect_uri: String,
    /// Where it listens.
    pub addr: SocketAddr,
    running: Running,
}

impl Application {
    /// Stops it and waits, a few seconds at most, for requests under way.
    pub async fn shutdown(self) {
        self.running.stop().await;
    }
}

/// Who is signed in, and how we know.
#[derive(Debug, Clone)]
struct Session {
    /// The ID token that counted: the front channel's in the hybrid flow, as in Katana.
    id_token: Map<String, Value>,
    userinfo: Map<String, Value>,
}

/// Everything the handlers share.
struct Shared {
    options: Options,
    redirect_uri: String,
    /// Browsers share cookies between ports, so the names carry the port.
    browser_cookie: String,
    session_cookie: String,
    client: reqwest::Client,
    /// The issuer's metadata and keys, once they were needed.
    provider: Mutex<Option<Arc<Provider>>>,
    logins: Expiring<Login>,
    sessions: Expiring<Session>,
}

/// Starts a sample application. Its issuer need not be there yet.
///
/// # Errors
/// The address is taken, or no HTTP client can be made.
pub async fn start(options: Options) -> io::Result<Application> {
    let (listener, addr) = server::bind(options.listen).await?;
    let url = format!("http://{addr}");
    let redirect_uri = format!("{url}/");
    let shared = Arc::new(Shared {
        options,
        redirect_uri: redirect_uri.clone(),
        browser_cookie: format!("sample_application_browser_{}", addr.port()),
        session_cookie: format!("sample_application_session_{}", addr.port()),
        client: fetch::client().map_err(io::Error::other)?,
        provider: Mutex::new(None),
        // Katana refuses a nonce that is older than 15 minutes.
        logins: Expiring::new(10_000, TimeDelta::minutes(15)),
        sessions: Expiring::new(10_000, TimeDelta::hours(8)),
    });
    let router = Router::new()
        .route("/", get(callback::by_query).post(callback::by_form_post))
        .route("/signin", get(signin::signin))
        .route("/signout", post(pages::signout))
        .route("/me", get(pages::me))
        .route("/style.css", get(reply::stylesheet))
        .with_state(shared);
    let running = server::run(listener, router);
    Ok(Application { url, redirect_uri, addr, running })
}
