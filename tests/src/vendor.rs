//! A directory of some vendor, played back from documents in that vendor's shape.
//!
//! Paths, members, key identifiers and claims are the vendor's; the people are invented. Replaced
//! is what cannot be kept: each of its hosts by a port of this machine, its keys by ours, times by
//! now, and what belongs to one login (`nonce`, `at_hash`, `c_hash`). Nobody is asked who they are:
//! `authorize` answers at once. What a well-made directory checks of its client is checked.
//!
//! - [`Script`]: which documents; `documents`: how they are read and rewritten;
//! - [`Vendor`]: the server, and what it was asked; `serve`: its endpoints;
//! - `client`: whether it is the gateway that redeems a code.

mod client;
mod documents;
mod serve;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use documents::{Documents, Rewriting, hosts};

pub use crate::played::Key;
pub use documents::fixture;

/// The gateway's secret at every vendor.
pub const SECRET: &str = "hush-secret-of-this-client-0123456789";
/// The secret before that one; the vendor says that it has expired, in Microsoft's words.
pub const EXPIRED_SECRET: &str = "hush-secret-of-the-last-year-012345678";

/// What a directory says, by the names of documents, which [`fixture`] finds.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// The discovery document.
    pub discovery: &'static str,
    /// What stands before `/.well-known` in the discovery document's address; empty: its issuer.
    pub discovered_at: &'static str,
    /// The key set.
    pub keys: &'static str,
    /// Which of its keys signs, from 0.
    pub key: usize,
    /// The ID token's claims.
    pub id_token: &'static str,
    /// What is done to them before they are signed.
    pub change: fn(&mut Value),
    /// The claims of userinfo; empty: only `sub`.
    pub userinfo: &'static str,
    /// What the token response holds beside the ID token; empty: what the protocol requires.
    pub token_response: &'static str,
    /// What becomes of the request.
    pub outcome: Outcome,
}

/// What becomes of an authorization request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A code, and tokens for it.
    Tokens,
    /// The same, the ID token signed with HS256 and the client's secret.
    Symmetric,
    /// An error in place of a code: a document of its parameters.
    Refused(&'static str),
    /// A code, and for it this status and document.
    TokenError(u16, &'static str),
}

impl Script {
    /// The claims of nobody in particular; to be filled in by struct update.
    pub const PLAIN: Self = Self {
        discovery: "",
        discovered_at: "",
        keys: "plain_jwks",
        key: 0,
        id_token: "",
        change: |_| {},
        userinfo: "",
        token_response: "",
        outcome: Outcome::Tokens,
    };

    /// Every document that it names.
    pub fn documents(&self) -> Vec<&'static str> {
        let outcome = match self.outcome {
            Outcome::Tokens | Outcome::Symmetric => "",
            Outcome::Refused(name) | Outcome::TokenError(_, name) => name,
        };
        let all = [self.discovery, self.keys, self.id_token, self.userinfo, self.token_response];
        all.into_iter().chain([outcome]).filter(|name| !name.is_empty()).collect()
    }
}

/// What a vendor was asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The parameters of the last authorization request.
    pub authorization: HashMap<String, String>,
    /// The query of the last request for the discovery document.
    pub discovery: String,
    /// How the client authenticated last, by its name in the metadata. [OIDCC-9]
    pub client_auth: &'static str,
    /// How often a token was asked for.
    pub tokens: usize,
    /// How often userinfo was asked for.
    pub userinfo: usize,
}

/// The server.
#[derive(Debug)]
pub struct Vendor {
    shared: Arc<Shared>,
    serving: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    script: Script,
    rewriting: Rewriting,
    documents: Documents,
    key: Arc<Key>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    asked: Asked,
    /// The certificate of the client's key, as text.
    certificate: Option<String>,
    /// The authorization request of each code.
    codes: HashMap<String, HashMap<String, String>>,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vendor {
    /// Plays a script, each host on a port of its own. `label` is put before the mail domains of
    /// its people, so that several vendors can be directories of one gateway's tenants.
    ///
    /// # Errors
    /// When a document is not there or no port is free.
    pub async fn start(script: Script, label: &str, key: Arc<Key>) -> Result<Self> {
        let mut listeners = Vec::new();
        let mut origins = Vec::new();
        for host in hosts(&script)? {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            origins.push((host, listener.local_addr()?.to_string()));
            listeners.push(listener);
        }
        let rewriting = Rewriting::new(origins, label);
        let documents = Documents::read(&script, &rewriting, &key)?;
        let shared = Shared { script, rewriting, documents, key, known: Mutex::default() };
        let shared = Arc::new(shared);
        let serve = |listener| {
            let router = Router::new().fallback(serve::answer).with_state(Arc::clone(&shared));
            tokio::spawn(async move {
                // It ends with the test.
                let _ended = axum::serve(listener, router).await;
            })
        };
        let serving = listeners.into_iter().map(serve).collect();
        Ok(Self { shared, serving })
    }

    /// A text with the vendor's hosts and mail domains replaced as they are in its documents.
    pub fn rewritten(&self, text: &str) -> String {
        self.shared.rewriting.text(text)
    }

    /// What it calls itself in its discovery document.
    ///
    /// # Errors
    /// When that document has no issuer.
    pub fn issuer(&self) -> Result<String> {
        let issuer = self.shared.documents.discovery.get("issuer").and_then(Value::as_str);
        issuer.map(str::to_owned).context("no issuer")
    }

    /// The gateway's name at it: the audience of its ID token.
    pub fn client_id(&self) -> &str {
        &self.shared.documents.client_id
    }

    /// A claim of its ID token that is sent as it stands in the document.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.shared.documents.claims.get(name)
    }

    /// Registers the certificate of the client's key.
    pub fn upload(&self, certificate: &str) {
        self.shared.known().certificate = Some(certificate.to_owned());
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Asked {
        self.shared.known().asked.clone()
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        for serving in &self.serving {
            serving.abort();
        }
    }
}
