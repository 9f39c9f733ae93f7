//! The ID tokens of the hostile directory: signed well, badly, or not at all.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Lie;
use crate::played::{Key, hs256, unsigned};

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
    published: Key,
    other: Key,
}

impl Signers {
    pub(super) fn generate() -> Result<Self> {
        Ok(Self { published: Key::generate()?, other: Key::generate()? })
    }

    /// The key set. [RFC7517-5]
    pub(super) fn published(&self, lies: &[Lie]) -> Value {
        let mut keys = vec![self.published.jwk("published")];
        if signature(lies) == Signature::Rotated {
            keys.push(self.other.jwk("other"));
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
        let message = unsigned(&header, &claims);
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
                let jwk = self.other.jwk("own");
                json!({ "alg": "RS256", "kid": "own", "jwk": jwk })
            }
            _ => json!({ "alg": "RS256", "kid": "published", "typ": "JWT" }),
        }
    }

    fn sign(&self, signature: Signature, message: &[u8]) -> Result<Vec<u8>> {
        let public = self.published.public();
        match signature {
            Signature::Published => self.published.sign(message),
            Signature::OtherKey
            | Signature::UnknownKid
            | Signature::Rotated
            | Signature::OwnJwk => self.other.sign(message),
            Signature::None | Signature::CutOff => Ok(Vec::new()),
            Signature::OneBit => {
                let mut signed = self.published.sign(message)?;
                *signed.get_mut(100).context("a short signature")? ^= 1;
                Ok(signed)
            }
            Signature::HmacOfPem => Ok(hs256(pem(public).as_bytes(), message)),
            Signature::HmacOfModulus => Ok(hs256(self.published.modulus(), message)),
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

/// `-----BEGIN RSA PUBLIC KEY-----`, as libraries write it.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", lines.join("\n"))
}
