//! The keys a directory publishes. [RFC7517-5]
//!
//! A set is read whole: keys we cannot use are skipped, since real sets hold encryption keys
//! and new algorithms, but a set that shows a secret, or leaves nothing, is refused and the
//! caller keeps the last good one.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents};
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::alg::{Alg, Family};
use crate::encoding::{base64url, base64url_decode};
use crate::json;

/// The largest key set that is read.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;

/// The most keys a set may have.
pub const MAX_KEYS: usize = 64;

/// The members that only private and symmetric keys have. [RFC7518-6]
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Public keys that may verify signatures of one issuer.
#[derive(Debug, Clone)]
pub struct Jwks {
    keys: Vec<VerificationKey>,
}

/// One public key, checked to be sound.
#[derive(Clone)]
pub(crate) struct VerificationKey {
    kid: Option<String>,
    family: Family,
    /// The only algorithm it may be used with, if it says so.
    alg: Option<Alg>,
    /// Whose tokens it signs, in the sets that many issuers share (Microsoft).
    issuer: Option<String>,
    material: Vec<u8>,
    decoding: DecodingKey,
}

impl std::fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerificationKey({:?}, {:?})", self.family, self.kid)
    }
}

/// Why a key set is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Larger than [`MAX_JWKS_BYTES`].
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// Not a JSON object with an array of `keys`.
    #[error("not a key set")]
    Malformed,
    /// More than [`MAX_KEYS`].
    #[error("the key set has more than 64 keys")]
    TooMany,
    /// It publishes a symmetric or private key: whoever reads it can sign.
    #[error("the key set publishes a secret key")]
    Secret,
    /// No key of it can verify a signature we allow.
    #[error("the key set has no usable key")]
    NoUsableKey,
}

/// Why no key of a set fits a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unselectable {
    /// None fits; the set may be out of date.
    Unknown,
    /// The token names no key and several would fit.
    Ambiguous,
}

impl Jwks {
    /// Reads a key set.
    ///
    /// # Errors
    /// [`JwksError`]; the caller keeps using the set it had.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwksError> {
        if bytes.len() > MAX_JWKS_BYTES {
            return Err(JwksError::TooLarge);
        }
        let set = json::object(bytes).ok_or(JwksError::Malformed)?;
        let members = set.get("keys").and_then(Value::as_array).ok_or(JwksError::Malformed)?;
        if members.len() > MAX_KEYS {
            return Err(JwksError::TooMany);
        }
        let members: Vec<&Map<String, Value>> =
            members.iter().filter_map(Value::as_object).collect();
        if members.iter().any(|jwk| is_secret(jwk)) {
            return Err(JwksError::Secret);
        }
        let keys = without_ambiguous(members.into_iter().filter_map(read_key).collect());
        if keys.is_empty() { Err(JwksError::NoUsableKey) } else { Ok(Self { keys }) }
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never true of a set that was read; here for completeness.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of this name that works with this algorithm; a token without a name gets one
    /// only when there is a single candidate. [OIDCC-10.1]
    pub(crate) fn select(
        &self,
        kid: Option<&str>,
        alg: Alg,
    ) -> Result<&VerificationKey, Unselectable> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.family == alg.family()
                && key.alg.is_none_or(|own| own == alg)
                && (kid.is_none() || key.kid.as_deref() == kid)
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(Unselectable::Unknown),
            (Some(_), Some(_)) => Err(Unselectable::Ambiguous),
        }
    }
}

impl VerificationKey {
    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

fn is_secret(jwk: &Map<String, Value>) -> bool {
    let symmetric = jwk.get("kty").and_then(Value::as_str) == Some("oct");
    symmetric || SECRET_MEMBERS.iter().any(|name| jwk.contains_key(*name))
}

/// Different keys under one name are all dropped: which of them is meant depends on the
/// reader. The same key twice is one key.
fn without_ambiguous(keys: Vec<VerificationKey>) -> Vec<VerificationKey> {
    let mut named: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut ambiguous: Vec<String> = Vec::new();
    let mut distinct: Vec<VerificationKey> = Vec::new();
    for key in keys {
        if let Some(kid) = &key.kid {
            match named.get(kid) {
                Some(material) if *material != key.material => ambiguous.push(kid.clone()),
                Some(_) => {}
                None => {
                    named.insert(kid.clone(), key.material.clone());
                }
            }
        }
        let same = |seen: &VerificationKey| {
            seen.kid == key.kid && seen.material == key.material && seen.alg == key.alg
        };
        if !distinct.iter().any(same) {
            distinct.push(key);
        }
    }
    distinct.retain(|key| key.kid.as_ref().is_none_or(|kid| !ambiguous.contains(kid)));
    distinct
}

fn read_key(jwk: &Map<String, Value>) -> Option<VerificationKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    if let Some(operations) = jwk.get("key_ops") {
        operations.as_array()?.iter().any(|operation| operation == "verify").then_some(())?;
    }
    let alg = match jwk.get("alg") {
        None | Some(Value::Null) => None,
        Some(name) => Some(Alg::parse(name.as_str()?)?),
    };
    let (family, material, decoding) = match (text("kty")?, text("crv")) {
        ("RSA", _) => rsa(text("n")?, text("e")?)?,
        ("EC", Some("P-256")) => ec(Family::P256, text("x")?, text("y")?)?,
        ("EC", Some("P-384")) => ec(Family::P384, text("x")?, text("y")?)?,
        ("OKP", Some("Ed25519")) => ed25519(text("x")?)?,
        _ => return None,
    };
    if alg.is_some_and(|alg| alg.family() != family) {
        return None;
    }
    let kid = match jwk.get("kid") {
        None | Some(Value::Null) => None,
        Some(kid) => Some(kid.as_str()?.to_owned()),
    };
    let issuer = text("issuer").map(str::to_owned);
    Some(VerificationKey { kid, family, alg, issuer, material, decoding })
}

type KeyMaterial = (Family, Vec<u8>, DecodingKey);

/// At least 2048 bits, and an exponent that hides something. [RFC7518-3.3]
fn rsa(n: &str, e: &str) -> Option<KeyMaterial> {
    let modulus = magnitude(base64url_decode(n)?);
    let exponent = magnitude(base64url_decode(e)?);
    let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
    let odd_above_one = exponent.last()? % 2 == 1 && exponent != [1] && exponent.len() <= 8;
    if !(2048..=8192).contains(&bits) || !odd_above_one {
        return None;
    }
    RsaPublicKeyComponents { n: &modulus, e: &exponent }
        .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
        .ok()?;
    let decoding = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
    Some((Family::Rsa, [modulus, exponent].concat(), decoding))
}

/// The point must lie on the curve. [RFC7518-6.2]
fn ec(family: Family, x: &str, y: &str) -> Option<KeyMaterial> {
    let (width, algorithm) = match family {
        Family::P384 => (48, &signature::ECDSA_P384_SHA384_FIXED),
        _ => (32, &signature::ECDSA_P256_SHA256_FIXED),
    };
    let (x, y) = (base64url_decode(x)?, base64url_decode(y)?);
    if x.len() != width || y.len() != width {
        return None;
    }
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    ParsedPublicKey::new(algorithm, &point).ok()?;
    let decoding = DecodingKey::from_ec_components(&base64url(x), &base64url(y)).ok()?;
    Some((family, point, decoding))
}

/// [RFC8037-2]
fn ed25519(x: &str) -> Option<KeyMaterial> {
    let octets = base64url_decode(x)?;
    ParsedPublicKey::new(&signature::ED25519, &octets).ok()?;
    let decoding = DecodingKey::from_ed_components(x).ok()?;
    Some((Family::Ed25519, octets, decoding))
}

/// Some providers write a sign octet in front of the modulus.
fn magnitude(octets: Vec<u8>) -> Vec<u8> {
    octets.into_iter().skip_while(|octet| *octet == 0).collect()
}

#[cfg(test)]
mod tests;
