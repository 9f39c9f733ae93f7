//! What the directories that tests play themselves ([`crate::hostile`], [`crate::vendor`]) have in
//! common: a key, a clock, replies, and the reading of forms.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{digest, hmac};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

/// Where the modulus stands in the DER of an RSA key of 2048 bits. [RFC8017-A.1.1]
const MODULUS: std::ops::Range<usize> = 9..265;

/// An answer to a request.
pub(crate) type Answer = Response<Body>;

/// A key that ID tokens are signed with.
#[derive(Debug)]
pub struct Key(RsaKeyPair);

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// When none can be made.
    pub fn generate() -> Result<Self> {
        RsaKeyPair::generate(KeySize::Rsa2048).ok().map(Self).context("no RSA key")
    }

    /// An RS256 signature. [RFC7518-3.3]
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signed = vec![0; self.0.public_modulus_len()];
        let done = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signed);
        done.ok().context("not signed")?;
        Ok(signed)
    }

    /// The public key as DER.
    pub(crate) fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The modulus of the public key.
    pub(crate) fn modulus(&self) -> &[u8] {
        self.public().get(MODULUS).unwrap_or_default()
    }

    /// The public key as a member of a key set. [RFC7518-6.3]
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let n = URL_SAFE_NO_PAD.encode(self.modulus());
        json!({ "kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": "AQAB" })
    }
}

/// An HS256 signature. [RFC7518-3.2]
pub(crate) fn hs256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a directory has a clock of its own")]
pub(crate) fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// The SHA-256 of a text, or of any octets.
pub(crate) fn sha256(text: impl AsRef<[u8]>) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_ref()).as_ref().to_vec()
}

/// What binds an ID token to a code or an access token: `c_hash`, `at_hash`. [OIDCC-3.1.3.6]
pub(crate) fn half_hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(text).get(..16).unwrap_or_default())
}

/// Header and claims, as they stand in front of a signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// The fields of a form or a query.
pub(crate) fn fields(raw: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(raw).into_owned().collect()
}

/// JSON.
pub(crate) fn json_reply(status: u16, body: &Value) -> Answer {
    reply(status, "application/json", body.to_string().into())
}

/// A redirect of the browser.
pub(crate) fn redirect(target: &str) -> Answer {
    let mut response = reply(303, "text/plain", Body::empty());
    if let Ok(target) = target.parse() {
        response.headers_mut().insert(header::LOCATION, target);
    }
    response
}

/// Any answer.
pub(crate) fn reply(status: u16, content_type: &'static str, body: Body) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
