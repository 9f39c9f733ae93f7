//! Compact JWS: taken apart first, believed after verification. [RFC7515-5.2]
//!
//! [`Jws::parse`] refuses by size, number of parts and header before any cryptography;
//! [`Jws::verify`] returns the payload only of a token whose signature a given key made.
//! URLs and keys in a header are never used. [RFC8725-3.10]

use serde_json::{Map, Value};

use super::alg::Alg;
use super::jwk::VerificationKey;
use crate::encoding::base64url_decode;
use crate::json;

/// The longest token that is looked at.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;

const MAX_KID_BYTES: usize = 256;

/// A token that has the right form and nothing more.
pub(crate) struct Jws<'a> {
    pub(crate) alg: Alg,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// Why a text is not a token we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JwsError {
    TooLarge,
    Malformed,
    Encrypted,
    Algorithm,
    Critical,
    Signature,
}

impl<'a> Jws<'a> {
    pub(crate) fn parse(raw: &'a str) -> Result<Self, JwsError> {
        if raw.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::TooLarge);
        }
        let mut parts = raw.split('.');
        let (Some(header), Some(payload), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(JwsError::Malformed);
        };
        match parts.count() {
            0 => {}
            2 => return Err(JwsError::Encrypted),
            _ => return Err(JwsError::Malformed),
        }
        if payload.is_empty() {
            return Err(JwsError::Malformed);
        }
        let message = raw.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let header = base64url_decode(header)
            .and_then(|octets| json::object(&octets))
            .ok_or(JwsError::Malformed)?;
        // We understand no extension, so every critical one is one we do not. [RFC7515-4.1.11]
        if header.contains_key("crit") {
            return Err(JwsError::Critical);
        }
        let alg = match header.get("alg") {
            Some(Value::String(name)) => Alg::parse(name).ok_or(JwsError::Algorithm)?,
            _ => return Err(JwsError::Algorithm),
        };
        let kid = optional_text(&header, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(JwsError::Malformed);
        }
        let typ = optional_text(&header, "typ")?;
        Ok(Self { alg, kid, typ, message, payload, signature })
    }

    /// A text claim of a payload that nobody has verified: good for looking up whose keys to
    /// verify it with, and for nothing else.
    pub(crate) fn unverified_text(&self, claim: &str) -> Option<String> {
        let claims = base64url_decode(self.payload).and_then(|octets| json::object(&octets))?;
        claims.get(claim)?.as_str().map(str::to_owned)
    }

    pub(crate) fn verify(&self, key: &VerificationKey) -> Result<Map<String, Value>, JwsError> {
        // The crate's own decoder would accept other spellings of the same octets.
        base64url_decode(self.signature)
            .filter(|octets| !octets.is_empty())
            .ok_or(JwsError::Signature)?;
        let good = jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            key.decoding(),
            self.alg.jsonwebtoken(),
        );
        if !matches!(good, Ok(true)) {
            return Err(JwsError::Signature);
        }
        base64url_decode(self.payload)
            .and_then(|octets| json::object(&octets))
            .ok_or(JwsError::Malformed)
    }
}

fn optional_text(header: &Map<String, Value>, name: &str) -> Result<Option<String>, JwsError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JwsError::Malformed),
    }
}
