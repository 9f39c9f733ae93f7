//! How we authenticate at a directory without a shared secret: an assertion signed with the
//! tenant's own key, which the directory verifies with the key set we publish, or with the key's
//! certificate, where somebody uploaded that. [RFC7523-2.2] [OIDCC-9]

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use crate::jose::{Alg, Certificate, KeyError, SigningKey};

/// `client_assertion_type` of such an assertion. [RFC7523-2.2]
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is good for: the request is sent at once.
pub const LIFETIME: Duration = Duration::minutes(5);

/// What an assertion says.
#[derive(Debug, Clone, Copy)]
pub struct ClientAssertion<'a> {
    /// Who we are to the directory.
    pub client_id: &'a str,
    /// The token endpoint that it is sent to, and good for.
    pub token_endpoint: &'a str,
    /// A random name, never used again.
    pub jti: &'a str,
}

impl ClientAssertion<'_> {
    /// Its claims: we speak about ourselves, to one endpoint, for five minutes. [RFC7523-3]
    pub fn claims(&self, now: DateTime<Utc>) -> Map<String, Value> {
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.token_endpoint,
            "jti": self.jti,
            "iat": now.timestamp(),
            "nbf": now.timestamp(),
            "exp": (now + LIFETIME).timestamp(),
        });
        claims.as_object().cloned().unwrap_or_default()
    }

    /// The assertion, signed. Its header names the key, and its certificate if it can have one:
    /// Microsoft looks for that. [RFC7515-4.1.8]
    ///
    /// # Errors
    /// [`KeyError`], when the key does not sign.
    pub fn sign(&self, key: &SigningKey, now: DateTime<Utc>) -> Result<String, KeyError> {
        let mut header = Map::from_iter([("typ".to_owned(), "JWT".into())]);
        if key.alg() == Alg::RS256 {
            header.insert("x5t#S256".to_owned(), Certificate::of(key)?.thumbprint().into());
        }
        key.sign_under(header, &self.claims(now))
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::Jwk};

    use super::*;
    use crate::jose::Alg;

    const ENDPOINT: &str = "https://op.example/token";

    /// The other library looks at its own clock.
    fn later() -> DateTime<Utc> {
        DateTime::from_timestamp(4_102_444_800, 0).unwrap()
    }

    fn assertion() -> ClientAssertion<'static> {
        ClientAssertion { client_id: "gateway", token_endpoint: ENDPOINT, jti: "j-1" }
    }

    /// [RFC7523-3]
    #[test]
    fn an_assertion_names_us_the_endpoint_and_a_short_time() {
        let now = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
        let expected = json!({
            "iss": "gateway", "sub": "gateway", "aud": ENDPOINT, "jti": "j-1",
            "iat": 1_760_000_000, "nbf": 1_760_000_000, "exp": 1_760_000_300
        });
        assert_eq!(Value::Object(assertion().claims(now)), expected);
    }

    /// [RFC7515-4.1.8]
    #[test]
    fn the_header_names_the_certificate_that_was_uploaded() {
        let named = |key: &SigningKey| {
            let signed = assertion().sign(key, later()).unwrap();
            decode_header(&signed).unwrap().x5t_s256
        };
        let key = SigningKey::generate(Alg::RS256).unwrap();
        let uploaded = Certificate::of(&key).unwrap();
        assert_eq!(named(&key), Some(uploaded.thumbprint()));
        assert_eq!(named(&SigningKey::generate(Alg::ES256).unwrap()), None);
    }

    #[test]
    fn an_independent_library_verifies_it_with_the_published_key_for_this_endpoint_alone() {
        let key = SigningKey::generate(Alg::RS256).unwrap();
        let signed = assertion().sign(&key, later()).unwrap();
        assert_eq!(decode_header(&signed).unwrap().kid.as_deref(), Some(key.kid()));
        let jwk: Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        let decoding = DecodingKey::from_jwk(&jwk).unwrap();
        for (audience, good) in [(ENDPOINT, true), ("https://op.example", false)] {
            let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
            validation.set_audience(&[audience]);
            validation.set_issuer(&["gateway"]);
            let read = decode::<Map<String, Value>>(&signed, &decoding, &validation);
            assert_eq!(read.is_ok(), good, "{audience}");
        }
    }
}
