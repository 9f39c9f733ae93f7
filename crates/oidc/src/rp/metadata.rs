//! What a directory publishes about itself. [OIDCD-3] [OIDCD-4.3]
//!
//! Real documents are sometimes written by hand and wrong in places; single endpoints can then be
//! replaced ([`REPLACEABLE`]), and are checked like published ones.
//!
//! Real documents leave out required arrays and write booleans as text, so reading is
//! lenient everywhere except where an attack would begin: the issuer has to satisfy the
//! directory's [`IssuerRule`], and endpoints must be plain web addresses. Whether an address may be reached at
//! all, the egress layer decides.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::jose::Alg;
use crate::json;
use crate::rp::issuer::IssuerRule;

/// The largest document that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// The members that a directory's settings may replace.
pub const REPLACEABLE: [&str; 5] = [
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "end_session_endpoint",
];

const MAX_ENDPOINT_BYTES: usize = 2048;
const MAX_LIST: usize = 100;

/// The parts of a discovery document that we use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderMetadata {
    /// The issuer exactly as published; a template for Microsoft's shared endpoints.
    pub issuer: String,
    /// Where browsers are sent.
    pub authorization_endpoint: String,
    /// Where codes are exchanged.
    pub token_endpoint: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// Where claims can be asked for.
    pub userinfo_endpoint: Option<String>,
    /// Where a session ends. [OIDCRIL-2.1]
    pub end_session_endpoint: Option<String>,
    /// How we may authenticate; `client_secret_basic` if the document does not say.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms its ID tokens may have, narrowed to those we allow; RS256 if the
    /// document does not say. Empty means that we can verify none of them.
    pub id_token_signing_alg_values_supported: Vec<Alg>,
    /// The scopes it knows; empty if it does not say.
    pub scopes_supported: Vec<String>,
    /// The claims it knows; empty if it does not say.
    pub claims_supported: Vec<String>,
    /// The challenge methods it announces; several that support S256 announce none.
    pub code_challenge_methods_supported: Vec<String>,
    /// Whether its answers carry `iss`. [RFC9207-3]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Why a discovery document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Larger than [`MAX_BYTES`].
    #[error("the discovery document is larger than 256 KiB")]
    TooLarge,
    /// Not a JSON object, or one with duplicate members.
    #[error("the discovery document is not a JSON object")]
    Malformed,
    /// It speaks for another issuer. [OIDCD-4.3]
    #[error("the discovery document says its issuer is {published:?}, not {expected:?}")]
    IssuerMismatch {
        /// What was expected.
        expected: String,
        /// What it says, at most 256 characters.
        published: String,
    },
    /// A member we need is missing.
    #[error("the discovery document has no {0}")]
    Missing(&'static str),
    /// A member is not a web address.
    #[error("{0} in the discovery document is not a usable address")]
    Endpoint(&'static str),
    /// It names a host that it did not name when people first signed in.
    #[error("the discovery document now leads to {host:?}, where the directory was not before")]
    Moved {
        /// The host, at most 256 characters.
        host: String,
    },
    /// The settings replace a member that is not one of [`REPLACEABLE`].
    #[error("{0} of a discovery document cannot be replaced")]
    Replacement(String),
}

impl ProviderMetadata {
    /// Reads a discovery document that was fetched from a directory with this issuer.
    ///
    /// # Errors
    /// [`MetadataError`]; the caller keeps using the document it had.
    pub fn parse(bytes: &[u8], expected: &IssuerRule) -> Result<Self, MetadataError> {
        Self::parse_with(bytes, expected, &BTreeMap::new())
    }

    /// Reads a discovery document in which these endpoints are replaced; an empty text removes
    /// one. The issuer is never replaced.
    ///
    /// # Errors
    /// [`MetadataError`]; the caller keeps using the document it had.
    pub fn parse_with(
        bytes: &[u8],
        expected: &IssuerRule,
        replacements: &BTreeMap<String, String>,
    ) -> Result<Self, MetadataError> {
        if bytes.len() > MAX_BYTES {
            return Err(MetadataError::TooLarge);
        }
        let mut document = json::object(bytes).ok_or(MetadataError::Malformed)?;
        for (name, endpoint) in replacements {
            if !REPLACEABLE.contains(&name.as_str()) {
                return Err(MetadataError::Replacement(json::excerpt(name, 256)));
            }
            document.insert(name.clone(), endpoint.as_str().into());
        }
        Self::read(&document, expected)
    }

    /// The hosts, with their ports, that codes, secrets, tokens and people are sent to.
    pub fn hosts(&self) -> BTreeSet<String> {
        let endpoints = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        let all = endpoints.into_iter().chain(&self.userinfo_endpoint);
        all.filter_map(|endpoint| host(endpoint)).collect()
    }

    /// Whether it still leads to where the directory was: `known` is [`Self::hosts`] of the document
    /// with which people first signed in, or empty. Who can change a discovery document must not
    /// thereby get the codes, the secret and the people of a directory that is in use.
    /// (THREATS UP-07, UP-08)
    ///
    /// # Errors
    /// [`MetadataError::Moved`]; the caller keeps using the document it had.
    pub fn stays_at(self, known: &BTreeSet<String>) -> Result<Self, MetadataError> {
        let hosts = self.hosts();
        let elsewhere = hosts.difference(known).next().filter(|_| !known.is_empty());
        match elsewhere {
            None => Ok(self),
            Some(host) => Err(MetadataError::Moved { host: json::excerpt(host, 256) }),
        }
    }

    fn read(document: &Map<String, Value>, expected: &IssuerRule) -> Result<Self, MetadataError> {
        let issuer = text(document, "issuer").ok_or(MetadataError::Missing("issuer"))?;
        if !expected.admits_metadata(issuer) {
            let expected = json::excerpt(expected.as_str(), 256);
            return Err(MetadataError::IssuerMismatch { expected, published: shown(issuer) });
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: required(document, "authorization_endpoint")?,
            token_endpoint: required(document, "token_endpoint")?,
            jwks_uri: required(document, "jwks_uri")?,
            userinfo_endpoint: endpoint(document, "userinfo_endpoint")?,
            end_session_endpoint: endpoint(document, "end_session_endpoint")?,
            token_endpoint_auth_methods_supported: list(
                document,
                "token_endpoint_auth_methods_supported",
            )
            .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
            id_token_signing_alg_values_supported: algs(document),
            scopes_supported: list(document, "scopes_supported").unwrap_or_default(),
            claims_supported: list(document, "claims_supported").unwrap_or_default(),
            code_challenge_methods_supported: list(document, "code_challenge_methods_supported")
                .unwrap_or_default(),
            authorization_response_iss_parameter_supported: flag(
                document,
                "authorization_response_iss_parameter_supported",
            ),
        })
    }
}

fn host(endpoint: &str) -> Option<String> {
    let url = Url::parse(endpoint).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn text<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn flag(document: &Map<String, Value>, name: &str) -> bool {
    match document.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// An array of texts, or a single text that stands for an array of one.
fn list(document: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    match document.get(name)? {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => {
            let texts = many.iter().filter_map(Value::as_str).map(str::to_owned);
            Some(texts.take(MAX_LIST).collect())
        }
        _ => None,
    }
}

fn algs(document: &Map<String, Value>) -> Vec<Alg> {
    match list(document, "id_token_signing_alg_values_supported") {
        None => vec![Alg::RS256],
        Some(names) => names.iter().filter_map(|name| Alg::parse(name)).collect(),
    }
}

fn required(document: &Map<String, Value>, name: &'static str) -> Result<String, MetadataError> {
    endpoint(document, name)?.ok_or(MetadataError::Missing(name))
}

/// An issuer that may be shown to people: one that is no plain address might be a sentence of
/// somebody's choice (THREATS AZ-17).
pub(super) fn shown(issuer: &str) -> String {
    let is_plain = issuer.bytes().all(|octet| octet.is_ascii_graphic())
        && Url::parse(issuer).is_ok_and(|url| url.has_host() && url.username().is_empty());
    if is_plain { json::excerpt(issuer, 256) } else { "(no address)".to_owned() }
}

/// The address as text: signatures and comparisons want it as it was published.
fn endpoint(
    document: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, MetadataError> {
    let raw = match document.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(raw)) if raw.is_empty() => return Ok(None),
        Some(Value::String(raw)) => raw,
        Some(_) => return Err(MetadataError::Endpoint(name)),
    };
    let plain = Url::parse(raw).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    });
    let written = raw.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    if plain && written && raw.len() <= MAX_ENDPOINT_BYTES {
        Ok(Some(raw.clone()))
    } else {
        Err(MetadataError::Endpoint(name))
    }
}

#[cfg(test)]
mod tests;
