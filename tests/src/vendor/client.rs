//! Whether it is the gateway that redeems a code: by its secret, or by its key.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::{EXPIRED_SECRET, SECRET, Shared, fixture};
use crate::played::{fields, sha256};

/// [RFC7523-2.2]
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The octets of an RSA key of 2048 bits whose exponent is 65537.
const KEY_LENGTH: usize = 270;

type Form = HashMap<String, String>;

impl Shared {
    /// Exactly one way to authenticate, out of those that the metadata names; a status and an
    /// error otherwise. [RFC6749-2.3]
    pub(super) fn authenticate(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<(), (u16, Value)> {
        let unknown = || (401, json!({ "error": "invalid_client" }));
        let posted = form
            .get("client_secret")
            .map(|secret| (form.get("client_id").cloned().unwrap_or_default(), secret.clone()));
        let (method, is_us) = match (basic(headers), posted, form.get("client_assertion")) {
            (Some(sent), None, None) => ("client_secret_basic", self.is_secret(&sent)?),
            (None, Some(sent), None) => ("client_secret_post", self.is_secret(&sent)?),
            (None, None, Some(assertion)) => {
                let is_typed =
                    form.get("client_assertion_type").is_some_and(|t| t == ASSERTION_TYPE);
                ("private_key_jwt", is_typed && self.is_asserted(assertion).is_some())
            }
            (None, None, None) => return Err(unknown()),
            _ => {
                let refusal = fixture("okta_error_multiple_credentials").unwrap_or_default();
                return Err((400, refusal));
            }
        };
        self.known().asked.client_auth = method;
        let allowed = self.documents.discovery.get("token_endpoint_auth_methods_supported");
        let allowed = allowed.and_then(Value::as_array);
        let is_allowed = allowed.is_some_and(|all| all.contains(&method.into()));
        if is_allowed && is_us { Ok(()) } else { Err(unknown()) }
    }

    fn is_secret(&self, (id, secret): &(String, String)) -> Result<bool, (u16, Value)> {
        if secret == EXPIRED_SECRET {
            return Err((401, fixture("entra_error_expired_secret").unwrap_or_default()));
        }
        Ok(*id == self.documents.client_id && secret == SECRET)
    }

    /// An assertion by the key whose certificate was uploaded, which its header has to name, as
    /// Microsoft wants it. [RFC7523-3] [RFC7515-4.1.8]
    fn is_asserted(&self, assertion: &str) -> Option<()> {
        let certificate = self.known().certificate.clone()?;
        let lines = certificate.lines().filter(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>()).ok()?;
        let thumbprint = URL_SAFE_NO_PAD.encode(sha256(&der));
        let header = decode_header(assertion).ok()?;
        let client_id = &self.documents.client_id;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[self.documents.discovery.get("token_endpoint")?.as_str()?]);
        validation.set_issuer(&[client_id]);
        validation.sub = Some(client_id.clone());
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        validation.validate_nbf = true;
        let key = DecodingKey::from_rsa_der(public_key(&der)?);
        let claims = decode::<Value>(assertion, &key, &validation).ok()?.claims;
        let is_named = header.x5t_s256.is_some_and(|named| named == thumbprint);
        (is_named && claims.get("jti").is_some_and(Value::is_string)).then_some(())
    }
}

/// The RSA key of 2048 bits in a certificate: it is found by how such keys begin. [RFC8017-A.1.1]
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let begin = [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01];
    let at = certificate.windows(begin.len()).position(|octets| octets == begin)?;
    certificate.get(at..)?.get(..KEY_LENGTH)
}

/// Id and secret of HTTP Basic, which are form-encoded first. [RFC6749-2.3.1]
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| fields(format!("v={text}").as_bytes()).remove("v");
    Some((decoded(id)?, decoded(secret)?))
}
