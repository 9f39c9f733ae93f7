//! The test directory's one signing key, made at start and kept parsed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::entropy;

/// What signs the ID tokens. [RFC7518-3.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SigningAlgorithm {
    /// RSA of 2048 bits: what directories use.
    #[default]
    Rs256,
    /// P-256: thirty times cheaper to sign, so that a benchmark measures the gateway.
    Es256,
}

impl SigningAlgorithm {
    /// The `alg` value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A key pair with its public half and its token header, both written beforehand.
pub(super) struct Signer {
    key: Key,
    algorithm: SigningAlgorithm,
    jwk: Value,
    /// The encoded JOSE header, the same for every token.
    header: String,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl Signer {
    pub(super) fn generate(algorithm: SigningAlgorithm) -> Result<Self, Unspecified> {
        let kid = URL_SAFE_NO_PAD.encode(entropy::bytes::<12>()?);
        let (key, mut jwk) = match algorithm {
            SigningAlgorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                let jwk = rsa_jwk(pair.public_key().as_ref())?;
                (Key::Rsa(Box::new(pair)), jwk)
            }
            SigningAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                let jwk = ec_jwk(pair.public_key().as_ref())?;
                (Key::Ec(Box::new(pair)), jwk)
            }
        };
        jwk.extend([
            ("kid".to_owned(), json!(kid)),
            ("use".to_owned(), json!("sig")),
            ("alg".to_owned(), json!(algorithm.name())),
        ]);
        let header = json!({ "alg": algorithm.name(), "typ": "JWT", "kid": kid }).to_string();
        let header = URL_SAFE_NO_PAD.encode(header);
        Ok(Self { key, algorithm, jwk: Value::Object(jwk), header })
    }

    pub(super) const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The public key. [RFC7517-4]
    pub(super) const fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// The claims as a signed token in compact form. [RFC7515-7.1]
    pub(super) fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        let message = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)?;
                URL_SAFE_NO_PAD.encode(signature)
            }
            Key::Ec(pair) => URL_SAFE_NO_PAD.encode(pair.sign(&random, message.as_bytes())?),
        };
        Ok(format!("{message}.{signature}"))
    }
}

/// The left half of the SHA-256 of a token, as `at_hash` carries it. [OIDCC-3.1.3.6]
pub(super) fn half_hash(token: &str) -> String {
    let hash = digest(&SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default())
}

type Jwk = serde_json::Map<String, Value>;

/// The modulus stands between two fixed runs of bytes in the DER of every RSA key of 2048 bits
/// whose exponent is 65537, and we make no other. [RFC8017-A.1.1]
fn rsa_jwk(der: &[u8]) -> Result<Jwk, Unspecified> {
    const BEFORE: [u8; 9] = [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
    const AFTER: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];
    let modulus =
        der.strip_prefix(&BEFORE).and_then(|rest| rest.strip_suffix(&AFTER)).ok_or(Unspecified)?;
    Ok(Jwk::from_iter([
        ("kty".to_owned(), json!("RSA")),
        ("n".to_owned(), json!(URL_SAFE_NO_PAD.encode(modulus))),
        ("e".to_owned(), json!("AQAB")),
    ]))
}

/// An uncompressed point is the byte 4, then both coordinates.
fn ec_jwk(point: &[u8]) -> Result<Jwk, Unspecified> {
    let coordinates = point.strip_prefix(&[4]).ok_or(Unspecified)?;
    let (x, y) = coordinates.split_at_checked(32).ok_or(Unspecified)?;
    Ok(Jwk::from_iter([
        ("kty".to_owned(), json!("EC")),
        ("crv".to_owned(), json!("P-256")),
        ("x".to_owned(), json!(URL_SAFE_NO_PAD.encode(x))),
        ("y".to_owned(), json!(URL_SAFE_NO_PAD.encode(y))),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifies(algorithm: SigningAlgorithm) {
        let signer = Signer::generate(algorithm).unwrap();
        let token = signer.sign(&json!({ "sub": "a" })).unwrap();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(signer.jwk().clone()).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let mut rules = jsonwebtoken::Validation::new(algorithm.name().parse().unwrap());
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        let token = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap();
        assert_eq!(token.claims, json!({ "sub": "a" }));
        assert_eq!(token.header.kid, jwk.common.key_id);
    }

    /// [RFC7518-6.3]
    #[test]
    fn the_published_rsa_key_verifies_what_was_signed() {
        verifies(SigningAlgorithm::Rs256);
    }

    /// [RFC7518-6.2]
    #[test]
    fn the_published_elliptic_key_verifies_what_was_signed() {
        verifies(SigningAlgorithm::Es256);
    }
}
