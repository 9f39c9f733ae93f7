//! The rules of the ID token, as .NET's middleware applies them. [OIDCC-3.1.3.7] [OIDCC-3.3.2.11]

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

/// Seconds that clocks may differ; the middleware's five minutes.
const LEEWAY: u64 = 300;

/// What an ID token must agree with.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
}

/// Why an ID token does not count.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum TokenError {
    /// The issuer may have new keys.
    #[error("no published key has the kid {0:?}")]
    UnknownKey(String),
    /// Everything else; the text is for people.
    #[error("{0}")]
    Wrong(String),
}

fn wrong(reason: impl Into<String>) -> TokenError {
    TokenError::Wrong(reason.into())
}

/// A token whose signature and claims are right.
#[derive(Debug, Clone)]
pub(super) struct IdToken {
    pub(super) claims: Map<String, Value>,
    algorithm: Algorithm,
}

/// Checks everything that does not depend on the channel it came by.
pub(super) fn verify(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
) -> Result<IdToken, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|cause| wrong(cause.to_string()))?;
    // Only algorithms with a public key: a secret that both sides know proves nothing here.
    if !matches!(
        header.alg,
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 | Algorithm::EdDSA
    ) {
        return Err(wrong(format!("alg {:?} is not accepted", header.alg)));
    }
    let kid = header.kid.unwrap_or_default();
    let jwk = keys.find(&kid).filter(|jwk| for_signatures(jwk));
    let jwk = jwk.ok_or(TokenError::UnknownKey(kid))?;
    let key = DecodingKey::from_jwk(jwk).map_err(|cause| wrong(cause.to_string()))?;

    let mut rules = Validation::new(header.alg);
    rules.leeway = LEEWAY;
    rules.validate_nbf = true;
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &rules)
        .map_err(|cause| wrong(cause.to_string()))?;

    let token = IdToken { claims: decoded.claims, algorithm: header.alg };
    if token.text("azp").is_some_and(|azp| azp != expected.client_id) {
        return Err(wrong("azp names another client"));
    }
    if !token.claims.get("iat").is_some_and(Value::is_number) {
        return Err(wrong("iat is missing"));
    }
    // [OIDCC-3.1.3.7-11]
    if token.text("nonce") != Some(expected.nonce) {
        return Err(wrong("nonce is not the one that was sent"));
    }
    Ok(token)
}

fn for_signatures(jwk: &Jwk) -> bool {
    jwk.common.public_key_use.as_ref().is_none_or(|r#use| *r#use == PublicKeyUse::Signature)
}

impl IdToken {
    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    pub(super) fn sub(&self) -> Option<&str> {
        self.text("sub")
    }

    /// Obligatory where a code came with the token. [OIDCC-3.3.2.11]
    pub(super) fn require_c_hash(&self, code: &str) -> Result<(), TokenError> {
        if self.text("c_hash") == Some(&self.half_hash(code)) {
            return Ok(());
        }
        Err(wrong("c_hash does not belong to the code"))
    }

    /// Checked where present. [OIDCC-3.1.3.8]
    pub(super) fn check_at_hash(&self, access_token: &str) -> Result<(), TokenError> {
        if self.claims.get("at_hash").is_none()
            || self.text("at_hash") == Some(&self.half_hash(access_token))
        {
            return Ok(());
        }
        Err(wrong("at_hash does not belong to the access token"))
    }

    /// The left half of the hash that the signature's algorithm uses. [OIDCC-3.3.2.11]
    fn half_hash(&self, value: &str) -> String {
        let algorithm = match self.algorithm {
            Algorithm::EdDSA => &SHA512,
            _ => &SHA256,
        };
        let hash = digest(algorithm, value.as_bytes());
        let half = hash.as_ref().get(..hash.as_ref().len() / 2);
        URL_SAFE_NO_PAD.encode(half.unwrap_or_default())
    }
}
