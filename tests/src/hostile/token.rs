//! The ID tokens of the hostile directory: signed well, badly, or not at all.

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Lie;

/// Where the modulus stands in the DER of an RSA key of 2048 bits. [RFC8017-A.1.1]
const MODULUS: std::ops::Range<usize> = 9..265;

/// How an ID token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signature {
    /// By the published key.
    #[default]
    Published,
    /// By another key, under the published key's `kid`.
    OtherKey,
    /// By a key that is not published, under a `kid` of its own.
    UnknownKid,
    /// By that same key, which is published from now on.
    Rotated,
    /// Not at all: `alg` is `none`.
    None,
    /// The signature is cut off and `alg` says RS256.
    CutOff,
    /// By the right key, then one bit turned.
    OneBit,
    /// HS256, the key being the published key in PEM, which everybody has. [RFC8725-2.1]
    HmacOfPem,
    /// HS256, the key being the published modulus.
    HmacOfModulus,
    /// HS256, the key being the client's secret: symmetric, and right as such.
    HmacOfSecret,
    /// By a key that travels in the token's own header.
    OwnJwk,
}

/// The two keys of every directory here.
#[derive(Debug)]
pub(super) struct Signers {
    published: RsaKeyPair,
    other: RsaKeyPair,
}

impl Signers {
    pub(super) fn generate() -> Result<Self> {
        let key = || RsaKeyPair::generate(KeySize::Rsa2048).ok().context("no RSA key");
        Ok(Self { published: key()?, other: key()? })
    }

    /// The key set. [RFC7517-5]
    pub(super) fn published(&self, lies: &[Lie]) -> Value {
        let mut keys = vec![jwk(&self.published, "published")];
        if signature(lies) == Signature::Rotated {
            keys.push(jwk(&self.other, "other"));
        }
        json!({ "keys": keys })
    }

    /// The claims, and the lies in them, as a token.
    pub(super) fn id_token(&self, mut claims: Value, lies: &[Lie]) -> Result<String> {
        let signature = signature(lies);
        let mut header = self.header(signature);
        for lie in lies {
            match lie {
                Lie::Claims(change) => change(&mut claims),
                Lie::Header(change) => change(&mut header),
                _ => {}
            }
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signed = self.sign(signature, message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }

    fn header(&self, signature: Signature) -> Value {
        match signature {
            Signature::UnknownKid | Signature::Rotated => json!({ "alg": "RS256", "kid": "other" }),
            Signature::None => json!({ "alg": "none" }),
            Signature::HmacOfPem | Signature::HmacOfModulus | Signature::HmacOfSecret => {
                json!({ "alg": "HS256", "kid": "published" })
            }
            Signature::OwnJwk => {
                let jwk = jwk(&self.other, "own");
                json!({ "alg": "RS256", "kid": "own", "jwk": jwk })
            }
            _ => json!({ "alg": "RS256", "kid": "published", "typ": "JWT" }),
        }
    }

    fn sign(&self, signature: Signature, message: &[u8]) -> Result<Vec<u8>> {
        let public = self.published.public_key().as_ref();
        match signature {
            Signature::Published => rsa(&self.published, message),
            Signature::OtherKey
            | Signature::UnknownKid
            | Signature::Rotated
            | Signature::OwnJwk => rsa(&self.other, message),
            Signature::None | Signature::CutOff => Ok(Vec::new()),
            Signature::OneBit => {
                let mut signed = rsa(&self.published, message)?;
                *signed.get_mut(100).context("a short signature")? ^= 1;
                Ok(signed)
            }
            Signature::HmacOfPem => Ok(hs256(pem(public).as_bytes(), message)),
            Signature::HmacOfModulus => Ok(hs256(modulus(&self.published), message)),
            Signature::HmacOfSecret => Ok(hs256(super::CLIENT_SECRET.as_bytes(), message)),
        }
    }
}

fn signature(lies: &[Lie]) -> Signature {
    let chosen = lies.iter().find_map(|lie| match lie {
        Lie::Signed(signature) => Some(*signature),
        _ => None,
    });
    chosen.unwrap_or_default()
}

fn rsa(key: &RsaKeyPair, message: &[u8]) -> Result<Vec<u8>> {
    let mut signed = vec![0; key.public_modulus_len()];
    let done = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signed);
    done.ok().context("not signed")?;
    Ok(signed)
}

fn hs256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

/// `-----BEGIN RSA PUBLIC KEY-----`, as libraries write it.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", lines.join("\n"))
}

fn modulus(key: &RsaKeyPair) -> &[u8] {
    key.public_key().as_ref().get(MODULUS).unwrap_or_default()
}

/// The public key. [RFC7518-6.3]
fn jwk(key: &RsaKeyPair, kid: &str) -> Value {
    let n = URL_SAFE_NO_PAD.encode(modulus(key));
    json!({ "kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": "AQAB" })
}
