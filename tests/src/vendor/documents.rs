//! The documents of a [`Script`]: read, and moved to this machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use url::{Position, Url};

use super::Script;
use crate::played::{Key, half_hash};

/// Where the documents are.
const FOLDERS: [&str; 2] = ["fixtures", "../crates/oidc/tests/fixtures"];
/// The time at which all of them were made.
const MADE_AT: i64 = 1_760_000_000;
/// The mail domains of the people in them.
const DOMAINS: [&str; 4] =
    ["acme-assoc.example", "members.example", "partner.example", "outlook.example"];

/// A document by its name, as it is on disk.
///
/// # Errors
/// When it is not there or not JSON.
pub fn fixture(name: &str) -> Result<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = FOLDERS.iter().map(|folder| root.join(folder).join(format!("{name}.json")));
    let path = paths.find(|path| path.exists()).with_context(|| format!("no document {name}"))?;
    serde_json::from_slice(&fs::read(path)?).with_context(|| name.to_owned())
}

/// The hosts that a script's documents speak of as the directory's own.
pub(super) fn hosts(script: &Script) -> Result<BTreeSet<String>> {
    let discovery = fixture(script.discovery)?;
    let issuer = fixture(script.id_token)?.get("iss").cloned();
    let members = discovery.as_object().context("not an object")?.iter();
    let own = |name: &str| matches!(name, "issuer" | "jwks_uri") || name.ends_with("_endpoint");
    let urls = members.filter(|(name, _)| own(name)).map(|(_, value)| value.clone()).chain(issuer);
    let urls = urls.filter_map(|url| Url::parse(url.as_str()?).ok());
    let urls = urls.filter(|url| url.scheme() == "https");
    let hosts = urls.map(|url| url[Position::BeforeHost..Position::AfterPort].to_owned());
    Ok(hosts.collect())
}

/// What is replaced in every document.
#[derive(Debug)]
pub(super) struct Rewriting(Vec<(String, String)>);

impl Rewriting {
    /// Hosts with what replaces them, and the label before mail domains.
    pub(super) fn new(origins: Vec<(String, String)>, label: &str) -> Self {
        let hosts = origins.into_iter().flat_map(|(host, port)| {
            // Google also calls itself by its bare host.
            let bare = (format!("\"{host}\""), format!("\"{port}\""));
            [(format!("https://{host}"), format!("http://{port}")), bare]
        });
        let domains = DOMAINS.map(|domain| (domain.to_owned(), format!("{label}.{domain}")));
        Self(hosts.chain(domains).collect())
    }

    pub(super) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn document(&self, name: &str) -> Result<Value> {
        if name.is_empty() {
            return Ok(Value::Object(serde_json::Map::default()));
        }
        Ok(serde_json::from_str(&self.text(&fixture(name)?.to_string()))?)
    }
}

/// What the server says.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) discovery: Value,
    /// Where it is found.
    pub(super) well_known: String,
    pub(super) keys: Value,
    /// The key that signs.
    pub(super) kid: String,
    pub(super) client_id: String,
    /// The ID token's claims, before they are moved to now.
    pub(super) claims: Value,
    pub(super) userinfo: Value,
    pub(super) token_response: Value,
}

impl Documents {
    pub(super) fn read(script: &Script, rewriting: &Rewriting, key: &Key) -> Result<Self> {
        let discovery = rewriting.document(script.discovery)?;
        let issuer = discovery.get("issuer").and_then(Value::as_str).context("no issuer")?;
        let place = match script.discovered_at {
            "" => issuer.to_owned(),
            place => rewriting.text(place),
        };
        let well_known =
            format!("{}/.well-known/openid-configuration", place.trim_end_matches('/'));
        let (keys, kid) = ours(rewriting.document(script.keys)?, script.key, key)?;
        let mut claims = rewriting.document(script.id_token)?;
        // The audience is the gateway; an access token of Cognito names it elsewhere.
        let client_id = claims.get("aud").or_else(|| claims.get("client_id"));
        let client_id = client_id.and_then(Value::as_str).context("no audience")?.to_owned();
        (script.change)(&mut claims);
        let mut userinfo = rewriting.document(script.userinfo)?;
        if let (Some(members), Some(sub)) = (userinfo.as_object_mut(), claims.get("sub")) {
            members.entry("sub").or_insert_with(|| sub.clone());
        }
        let token_response = rewriting.document(script.token_response)?;
        Ok(Self { discovery, well_known, keys, kid, client_id, claims, userinfo, token_response })
    }

    /// The ID token's claims for one login.
    pub(super) fn claims(&self, now: i64, nonce: &str, code: &str, access_token: &str) -> Value {
        let mut claims = self.claims.clone();
        for (name, value) in claims.as_object_mut().into_iter().flatten() {
            *value = match (name.as_str(), value.as_i64()) {
                ("iat" | "nbf" | "exp" | "auth_time", Some(then)) => (now - MADE_AT + then).into(),
                ("nonce", _) => nonce.into(),
                ("at_hash", _) => half_hash(access_token).into(),
                ("c_hash", _) => half_hash(code).into(),
                _ => continue,
            };
        }
        claims
    }
}

/// The key set with our modulus in every key, without the certificates of the keys that it had;
/// and the `kid` of the one that signs.
fn ours(mut keys: Value, signs: usize, key: &Key) -> Result<(Value, String)> {
    let jwk = key.jwk("");
    let ours =
        ["n", "e"].iter().filter_map(|name| Some(((*name).to_owned(), jwk.get(name)?.clone())));
    let ours: Vec<_> = ours.collect();
    let members = keys.get_mut("keys").and_then(Value::as_array_mut).context("no keys")?;
    for member in members.iter_mut().filter_map(Value::as_object_mut) {
        member.remove("x5c");
        member.extend(ours.clone());
    }
    let kid = members.get(signs).and_then(|one| one.get("kid")).and_then(Value::as_str);
    let kid = kid.context("no such key")?.to_owned();
    Ok((keys, kid))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GOOGLE: Script = Script {
        discovery: "google_discovery",
        keys: "google_jwks",
        id_token: "google_id_token_legacy_issuer",
        ..Script::PLAIN
    };

    fn google() -> Documents {
        let hosts = hosts(&GOOGLE).unwrap();
        let ports = hosts.into_iter().zip(1..).map(|(host, port)| (host, format!("here:{port}")));
        let rewriting = Rewriting::new(ports.collect(), "c0");
        Documents::read(&GOOGLE, &rewriting, &Key::generate().unwrap()).unwrap()
    }

    #[test]
    fn each_host_of_a_vendor_becomes_an_address_here_and_paths_stay() {
        let documents = google();
        let discovery = &documents.discovery;
        assert_eq!(discovery["issuer"], "http://here:1");
        assert_eq!(discovery["authorization_endpoint"], "http://here:1/o/oauth2/v2/auth");
        assert_eq!(discovery["token_endpoint"], "http://here:2/token");
        assert_eq!(discovery["jwks_uri"], "http://here:4/oauth2/v3/certs");
        assert_eq!(documents.claims["iss"], "here:1");
        assert_eq!(documents.claims["email"], "sam.lee@c0.acme-assoc.example");
    }

    #[test]
    fn times_move_and_keep_their_distance_and_what_is_absent_stays_absent() {
        let claims = google().claims(2_000_000_000, "n", "code", "token");
        assert_eq!(claims["exp"], 2_000_003_600);
        assert_eq!(
            (&claims["nonce"], &claims["at_hash"]),
            (&json!("n"), &json!(half_hash("token")))
        );
        assert_eq!((claims.get("auth_time"), claims.get("c_hash")), (None, None));
    }
}
