//! The test directory: an OpenID Provider whose people sign in by saying who they are.
//!
//! | path | what | where |
//! |---|---|---|
//! | `/.well-known/openid-configuration`, `/jwks` | metadata and key | here, [`signing`] |
//! | `/authorize` (GET), `/login` (POST) | request, page with the people | [`authorize`] |
//! | `/token` | code for tokens, once | [`token`] |
//! | `/userinfo` (GET, POST), `/logout` (GET) | claims, end of the session | [`account`] |
//!
//! Like Okta's org server it issues a thin ID token: names and groups come from userinfo alone.
//! It requires PKCE with S256 and a `state`, and names itself in every answer [RFC9207-2].
//!
//! Absent on purpose: passwords, consent, refresh tokens, response modes other than `query`.

mod account;
mod authorize;
mod people;
mod signing;
mod token;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

pub use people::{Person, people};
pub use signing::SigningAlgorithm;

use crate::expiring::Expiring;
use crate::server::Running;
use crate::{reply, server};
use authorize::AuthorizeRequest;
use signing::Signer;

/// An application of the test directory; the gateway is one.
#[derive(Clone)]
pub struct Client {
    /// Its `client_id`.
    pub client_id: String,
    /// Its `client_secret`, sent by Basic or in the body.
    pub client_secret: String,
    /// Where codes may be sent; compared exactly. [RFC6749-3.1.2.3]
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after `/logout`; compared exactly.
    pub post_logout_redirect_uris: Vec<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// How to start a test directory.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Its issuer identifier, without a trailing slash; left out, `http://` and the address.
    pub issuer: Option<String>,
    /// Who can sign in.
    pub people: Vec<Person>,
    /// Who may ask; [`Directory::register`] adds more.
    pub clients: Vec<Client>,
    /// What it signs ID tokens with.
    pub signing: SigningAlgorithm,
    /// Whether a `login_hint` that names one of the people signs them in without a page.
    pub auto: bool,
}

/// A running test directory; dropping it stops it.
pub struct Directory {
    /// Its issuer identifier.
    pub issuer: String,
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    running: Running,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Directory {
    /// Adds an application, or replaces the one with its `client_id`: an application's address is
    /// often known only when the directory already runs.
    pub fn register(&self, client: Client) {
        let mut clients = self.shared.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(client.client_id.clone(), Arc::new(client));
    }

    /// Stops it and waits, a few seconds at most, for requests under way.
    pub async fn shutdown(self) {
        self.running.stop().await;
    }
}

/// A code that was handed out. [RFC6749-4.1.2]
struct Code {
    request: AuthorizeRequest,
    person: Arc<Person>,
    auth_time: DateTime<Utc>,
    /// The access token that its first use gave; a second use takes it back.
    redeemed_for: Option<String>,
}

/// What an access token opens.
#[derive(Clone)]
struct Access {
    person: Arc<Person>,
    scope: String,
}

/// A browser's signed-in state.
#[derive(Clone)]
struct Session {
    person: Arc<Person>,
    auth_time: DateTime<Utc>,
}

/// Everything the handlers share.
struct Shared {
    issuer: String,
    /// Browsers share cookies between ports, so the name carries the port.
    cookie_name: String,
    people: Vec<Arc<Person>>,
    by_email: HashMap<String, Arc<Person>>,
    clients: RwLock<HashMap<String, Arc<Client>>>,
    signer: Signer,
    auto: bool,
    logins: Expiring<AuthorizeRequest>,
    codes: Expiring<Code>,
    tokens: Expiring<Access>,
    sessions: Expiring<Session>,
    metadata: String,
    jwks: String,
}

impl Shared {
    fn person(&self, email: &str) -> Option<&Arc<Person>> {
        self.by_email.get(&email.trim().to_lowercase())
    }

    fn client(&self, id: &str) -> Option<Arc<Client>> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Whether some application registered the address for after a logout.
    fn may_return_to(&self, uri: &str) -> bool {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.values().any(|client| client.post_logout_redirect_uris.iter().any(|u| u == uri))
    }
}

/// Starts a test directory.
///
/// # Errors
/// The address is taken, or the signing key cannot be made.
pub async fn start(options: Options) -> io::Result<Directory> {
    let (listener, addr) = server::bind(options.listen).await?;
    let issuer = options.issuer.clone().unwrap_or_else(|| format!("http://{addr}"));
    let algorithm = options.signing;
    // A tenth of a second of arithmetic for RSA: not on a thread that serves requests.
    let signer = tokio::task::spawn_blocking(move || Signer::generate(algorithm))
        .await?
        .map_err(|_| io::Error::other("the signing key of the test directory cannot be made"))?;
    let shared = shared(options, &issuer, addr, signer);
    let running = server::run(listener, routes(&issuer, Arc::clone(&shared)));
    Ok(Directory { issuer, addr, shared, running })
}

fn shared(options: Options, issuer: &str, addr: SocketAddr, signer: Signer) -> Arc<Shared> {
    let people: Vec<_> = options.people.into_iter().map(Arc::new).collect();
    let by_email =
        people.iter().map(|person| (person.email.to_lowercase(), Arc::clone(person))).collect();
    let clients = options
        .clients
        .into_iter()
        .map(|client| (client.client_id.clone(), Arc::new(client)))
        .collect();
    Arc::new(Shared {
        issuer: issuer.to_owned(),
        cookie_name: format!("test_directory_session_{}", addr.port()),
        people,
        by_email,
        clients: RwLock::new(clients),
        auto: options.auto,
        logins: Expiring::new(10_000, TimeDelta::minutes(15)),
        codes: Expiring::new(50_000, TimeDelta::seconds(60)),
        tokens: Expiring::new(100_000, TimeDelta::minutes(10)),
        sessions: Expiring::new(10_000, TimeDelta::hours(8)),
        metadata: metadata(issuer, signer.algorithm()).to_string(),
        jwks: json!({ "keys": [signer.jwk()] }).to_string(),
        signer,
    })
}

fn routes(issuer: &str, shared: Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .route("/authorize", get(authorize::authorize))
        .route("/login", post(authorize::login))
        .route("/token", post(token::token))
        .route("/userinfo", get(account::userinfo).post(account::userinfo))
        .route("/logout", get(account::logout))
        .route("/style.css", get(reply::stylesheet))
        .with_state(shared);
    // An issuer may have a path, as Okta's custom authorization servers do.
    let path = url::Url::parse(issuer).map(|url| url.path().to_owned()).unwrap_or_default();
    if path.trim_matches('/').is_empty() { router } else { Router::new().nest(&path, router) }
}

/// [OIDCD-3] [RFC9207-3]
fn metadata(issuer: &str, algorithm: SigningAlgorithm) -> serde_json::Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm.name()],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email", "groups"],
        "claims_supported": [
            "sub", "email", "email_verified", "name", "given_name", "family_name",
            "preferred_username", "groups", "employee_number", "auth_time", "amr"
        ],
        "prompt_values_supported": ["none", "login", "select_account"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    reply::published(&shared.metadata)
}

async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    reply::published(&shared.jwks)
}
