//! The directory that answers what it is told, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, Uri};
use oidc::jose::{Alg, SigningKey};
use oidc::rp::issuer::IssuerRule;
use oidc::rp::metadata::ProviderMetadata;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(super) const KEYS: &str = "/keys";
pub(super) const TOKEN: &str = "/token";
pub(super) const USERINFO: &str = "/userinfo";

/// One request as it arrived.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
}

#[derive(Default)]
struct Script {
    answers: Mutex<HashMap<&'static str, Answer>>,
    seen: Mutex<Vec<Seen>>,
}

pub(super) struct Peer {
    pub(super) issuer: String,
    script: Arc<Script>,
}

impl Peer {
    /// Listens, with a discovery document and no keys yet.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Script::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let peer = Self { issuer, script };
        peer.json(DISCOVERY, 200, &peer.document());
        peer
    }

    /// A discovery document whose endpoints are here.
    pub(super) fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize?policy=p1"),
            "token_endpoint": at(TOKEN),
            "userinfo_endpoint": at(USERINFO),
            "jwks_uri": at(KEYS),
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        })
    }

    /// The same document, read.
    pub(super) fn metadata(&self, extra: &Value) -> ProviderMetadata {
        let mut document = self.document();
        for (name, value) in extra.as_object().unwrap() {
            document[name] = value.clone();
        }
        let issuer = IssuerRule::Exact(self.issuer.clone());
        ProviderMetadata::parse(document.to_string().as_bytes(), &issuer).unwrap()
    }

    /// From now on this is answered at that path.
    pub(super) fn says(&self, path: &'static str, status: u16, kind: &'static str, body: &str) {
        let answer = Answer { status, content_type: kind, body: body.to_owned() };
        self.script.answers.lock().unwrap().insert(path, answer);
    }

    pub(super) fn json(&self, path: &'static str, status: u16, body: &Value) {
        self.says(path, status, "application/json", &body.to_string());
    }

    /// Publishes the public parts of these keys.
    pub(super) fn publishes(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public_jwk()).collect();
        self.json(KEYS, 200, &json!({ "keys": keys }));
    }

    /// The requests for a path so far.
    pub(super) fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.script.seen.lock().unwrap();
        seen.iter().filter(|one| one.path == path).cloned().collect()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }
}

pub(super) fn key() -> SigningKey {
    SigningKey::generate(Alg::ES256).unwrap()
}

async fn answer(
    State(script): State<Arc<Script>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let authorization =
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let body = String::from_utf8(body.to_vec()).unwrap();
    let seen = Seen { path: uri.path().to_owned(), authorization, body };
    script.seen.lock().unwrap().push(seen);
    let answers = script.answers.lock().unwrap();
    match answers.get(uri.path()) {
        Some(Answer { status, content_type, body }) => {
            let status = StatusCode::from_u16(*status).unwrap();
            let headers = [("content-type", *content_type), ("location", "/elsewhere")];
            (status, headers, body.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
