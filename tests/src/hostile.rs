//! A directory that lies, one lie at a time; without one it is honest and checks what it is sent.
//!
//! One server plays any number of directories: each name is an issuer of its own,
//! `http://127.0.0.1:PORT/NAME`, and has its own [`Lie`]s. Its sign-in page is none: `authorize`
//! answers at once. Everything that must never be seen outside of a login contains the word
//! [`HUSH`]: its client's secret, codes, tokens, subjects, claims, and the words of its errors.
//!
//! - [`Hostile::tells`] gives a name its lies, at any time; [`Hostile::asked`] counts requests;
//! - `token`: the ID token and its signatures; [`traps`]: servers that do worse than answer.

mod token;
pub mod traps;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::played::{Answer, fields, half_hash, json_reply, now, redirect, reply, sha256};
pub use token::Signature;
use token::Signers;

/// What nothing but the parties of a login may ever see contains this word.
pub const HUSH: &str = "hush";
/// The gateway's name at every directory.
pub const CLIENT_ID: &str = "gateway";
/// The gateway's secret at every directory.
pub const CLIENT_SECRET: &str = "hush-secret-0123456789";
/// What stands between an access token and whose it is.
const PERSON: &str = "~";
/// An answer far larger than any that a gateway reads.
const FLOOD: usize = 50 * 1024 * 1024;

/// What is said instead of the truth. The functions change what an honest directory would say.
#[derive(Debug, Clone)]
pub enum Lie {
    /// In the discovery document.
    Discovery(fn(&mut Value)),
    /// A member of the discovery document, with a value that only the test knows.
    Member(&'static str, String),
    /// Instead of the discovery document.
    DiscoveryReply(Reply),
    /// Instead of the key set.
    KeysReply(Reply),
    /// In the parameters of the authorization response.
    Answer(fn(&mut Value)),
    /// Instead of tokens.
    TokenReply(Reply),
    /// Tokens, but not before this time has passed.
    TokenAfter(Duration),
    /// The code is used up, and nothing is answered, ever.
    TokenHeld,
    /// Whoever is named by `login_hint` is who signs in: not a lie, but many people.
    PersonOfHint,
    /// In the token response.
    Token(fn(&mut Value)),
    /// In the ID token's header.
    Header(fn(&mut Value)),
    /// In its claims.
    Claims(fn(&mut Value)),
    /// In how it is signed.
    Signed(Signature),
    /// In the claims of userinfo.
    Userinfo(fn(&mut Value)),
    /// Instead of userinfo.
    UserinfoReply(Reply),
}

/// An answer that is not what was asked for.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status and JSON.
    Json(u16, Value),
    /// A status and a web page.
    Html(u16),
    /// A redirect to this very directory's discovery document.
    Redirect,
    /// Fifty megabytes of JSON.
    Flood,
    /// JSON that ends in the middle.
    Truncated,
    /// None, ever.
    Silence,
}

/// The server.
#[derive(Debug)]
pub struct Hostile {
    base: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    base: String,
    signers: Signers,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    lies: HashMap<String, Vec<Lie>>,
    asked: HashMap<(String, &'static str), usize>,
    codes: HashMap<String, Asked>,
    /// How many codes were given.
    given: usize,
}

/// What a code was asked for with.
#[derive(Debug)]
struct Asked {
    name: String,
    redirect_uri: String,
    challenge: String,
    nonce: String,
    /// Who signs in, where the directory has many people.
    person: Option<String>,
}

impl Hostile {
    /// A server of honest directories.
    ///
    /// # Errors
    /// When no port is free or no key can be made.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let known = Mutex::default();
        let signers = Signers::generate().context("no signing keys")?;
        let shared = Arc::new(Shared { base: base.clone(), signers, known });
        let router = Router::new()
            .route("/{name}/.well-known/openid-configuration", get(discovery))
            .route("/{name}/keys", get(keys))
            .route("/{name}/authorize", get(authorize))
            .route("/{name}/token", post(token))
            .route("/{name}/userinfo", get(userinfo))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(Self { base, shared, serving })
    }

    /// The issuer of a name.
    pub fn issuer(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// Gives a name its lies, in place of those that it had.
    pub fn tells(&self, name: &str, lies: &[Lie]) {
        self.shared.known().lies.insert(name.to_owned(), lies.to_vec());
    }

    /// How often a name's endpoint (`discovery`, `keys`, `authorize`, `token`, `userinfo`) was
    /// asked.
    pub fn asked(&self, name: &str, endpoint: &'static str) -> usize {
        self.shared.known().asked.get(&(name.to_owned(), endpoint)).copied().unwrap_or_default()
    }

    /// The directory `name` as a list item of a configuration file, active; several tenants may have
    /// it, since there is one client for all.
    pub fn configuration(&self, name: &str) -> String {
        format!(
            "      - slug: {name}
        name: {name}
        issuer: {}
        client_id: {CLIENT_ID}
        client_secret: {CLIENT_SECRET}
        shared_client: true
        userinfo: always
        state: active
",
            self.issuer(name)
        )
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and returns the lies of whom it is for.
    fn count(&self, name: &str, endpoint: &'static str) -> Vec<Lie> {
        let mut known = self.known();
        *known.asked.entry((name.to_owned(), endpoint)).or_default() += 1;
        known.lies.get(name).cloned().unwrap_or_default()
    }
}

async fn discovery(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    let lies = shared.count(&name, "discovery");
    let issuer = format!("{}/{name}", shared.base);
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    for lie in &lies {
        match lie {
            Lie::Discovery(change) => change(&mut document),
            Lie::Member(name, value) => {
                if let Some(members) = document.as_object_mut() {
                    members.insert((*name).to_owned(), json!(value));
                }
            }
            Lie::DiscoveryReply(reply) => return reply.send(&issuer).await,
            _ => {}
        }
    }
    json_reply(200, &document)
}

async fn keys(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    let lies = shared.count(&name, "keys");
    for lie in &lies {
        if let Lie::KeysReply(reply) = lie {
            return reply.send(&format!("{}/{name}", shared.base)).await;
        }
    }
    json_reply(200, &shared.signers.published(&lies))
}

/// Nobody is asked who they are.
async fn authorize(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let lies = shared.count(&name, "authorize");
    let query = fields(query.unwrap_or_default().as_bytes());
    let of = |name: &str| query.get(name).cloned().unwrap_or_default();
    let Ok(mut target) = Url::parse(&of("redirect_uri")) else {
        return json_reply(400, &json!({}));
    };
    let mut known = shared.known();
    known.given += 1;
    let code = format!("{HUSH}-code-{}", known.given);
    let many = lies.iter().any(|lie| matches!(lie, Lie::PersonOfHint));
    known.codes.insert(
        code.clone(),
        Asked {
            name,
            redirect_uri: of("redirect_uri"),
            challenge: of("code_challenge"),
            nonce: of("nonce"),
            person: many.then(|| of("login_hint")),
        },
    );
    drop(known);
    let mut answer = json!({ "code": code, "state": of("state") });
    for lie in &lies {
        if let Lie::Answer(change) = lie {
            change(&mut answer);
        }
    }
    let texts = answer.as_object().into_iter().flatten();
    let texts = texts.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    target.query_pairs_mut().extend_pairs(texts);
    redirect(target.as_str())
}

async fn token(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let lies = shared.count(&name, "token");
    for lie in &lies {
        match lie {
            Lie::TokenReply(reply) => return reply.send(&format!("{}/{name}", shared.base)).await,
            Lie::TokenAfter(time) => tokio::time::sleep(*time).await,
            _ => {}
        }
    }
    if !is_client(&headers) {
        return json_reply(401, &json!({ "error": "invalid_client" }));
    }
    let form = fields(&body);
    let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let asked = shared.known().codes.remove(of("code"));
    let asked = asked.filter(|asked| {
        asked.name == name
            && asked.redirect_uri == of("redirect_uri")
            && asked.challenge == URL_SAFE_NO_PAD.encode(sha256(of("code_verifier")))
    });
    let Some(asked) = asked else {
        return json_reply(400, &json!({ "error": "invalid_grant" }));
    };
    if lies.iter().any(|lie| matches!(lie, Lie::TokenHeld)) {
        return Reply::Silence.send("").await;
    }
    let person = asked.person.as_deref();
    let access_token = access_token(&name, person);
    let issuer = format!("{}/{name}", shared.base);
    let claims = id_token_claims(&issuer, &asked.nonce, &access_token, person);
    let Ok(id_token) = shared.signers.id_token(claims, &lies) else {
        return json_reply(500, &json!({}));
    };
    let mut tokens = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": 3600,
        "id_token": id_token,
    });
    for lie in &lies {
        if let Lie::Token(change) = lie {
            change(&mut tokens);
        }
    }
    json_reply(200, &tokens)
}

async fn userinfo(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let lies = shared.count(&name, "userinfo");
    let issuer = format!("{}/{name}", shared.base);
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|sent| sent.strip_prefix("Bearer ")).unwrap_or_default();
    let person = sent.split_once(PERSON).map(|(_, person)| person);
    if sent != access_token(&name, person) {
        return json_reply(401, &json!({ "error": "invalid_token" }));
    }
    let mut claims = json!({
        "sub": subject(&issuer, person),
        "email": email(person),
        "email_verified": true,
        "given_name": HUSH,
        "family_name": HUSH,
    });
    for lie in &lies {
        match lie {
            Lie::Userinfo(change) => change(&mut claims),
            Lie::UserinfoReply(reply) => return reply.send(&issuer).await,
            _ => {}
        }
    }
    json_reply(200, &claims)
}

fn id_token_claims(issuer: &str, nonce: &str, access_token: &str, person: Option<&str>) -> Value {
    let now = now();
    json!({
        "iss": issuer,
        "sub": subject(issuer, person),
        "aud": CLIENT_ID,
        "exp": now + 300,
        "iat": now,
        "auth_time": now,
        "nonce": nonce,
        "at_hash": half_hash(access_token),
        "email": email(person),
        "email_verified": true,
    })
}

fn subject(issuer: &str, person: Option<&str>) -> String {
    let name = person.unwrap_or(HUSH);
    format!("{name}-of-{}", issuer.rsplit('/').next().unwrap_or_default())
}

fn email(person: Option<&str>) -> String {
    person.map_or_else(|| format!("{HUSH}@acme.example"), str::to_owned)
}

fn access_token(name: &str, person: Option<&str>) -> String {
    let whose = person.map(|person| format!("{PERSON}{person}")).unwrap_or_default();
    format!("{HUSH}-access-token-{name}{whose}")
}

/// Whether these are [`CLIENT_ID`] and [`CLIENT_SECRET`], none of which needs escaping.
fn is_client(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    headers.get(header::AUTHORIZATION).is_some_and(|value| value == expected.as_str())
}

impl Reply {
    async fn send(&self, issuer: &str) -> Answer {
        match self {
            Self::Json(status, body) => json_reply(*status, body),
            Self::Html(status) => {
                let body = format!("<!doctype html><title>{HUSH}</title>");
                reply(*status, "text/html", body.into())
            }
            Self::Redirect => redirect(&format!("{issuer}/.well-known/openid-configuration")),
            Self::Flood => {
                let mut body = b"{\"error\":\"".to_vec();
                body.resize(FLOOD, b'a');
                reply(200, "application/json", body.into())
            }
            Self::Truncated => reply(200, "application/json", "{\"issuer\":\"http".into()),
            Self::Silence => {
                // Longer than anybody waits.
                tokio::time::sleep(Duration::from_mins(10)).await;
                json_reply(200, &json!({}))
            }
        }
    }
}
