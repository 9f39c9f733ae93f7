//! What a refused ID token says of itself, for whoever has to mend it: the algorithm, the key, the
//! issuer, the audience and the times, beside what was expected. Nothing of it is believed, and
//! nothing about a person is in it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::{Expected, IdTokenError};
use crate::encoding::base64url_decode;
use crate::json::{self, numeric_date};
use crate::rp::metadata::shown;

/// The longest name of a client, a key or an algorithm that is shown.
const LONGEST: usize = 100;

/// What differs from what was expected; empty where the error says all.
pub fn explain(
    raw: &str,
    error: IdTokenError,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> String {
    let mut parts = raw.split('.').map(|part| {
        base64url_decode(part).and_then(|octets| json::object(&octets)).unwrap_or_default()
    });
    let (header, claims) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match error {
        IdTokenError::Algorithm => {
            let allowed: Vec<_> = expected.algs.iter().map(|alg| alg.as_str()).collect();
            format!("it is {}, and allowed is {}", name(header.get("alg")), allowed.join(", "))
        }
        IdTokenError::UnknownKey | IdTokenError::Signature => {
            format!("its key is {}", name(header.get("kid")))
        }
        IdTokenError::Issuer | IdTokenError::KeyIssuer => {
            let stated = claims.get("iss").and_then(Value::as_str).map_or_else(String::new, shown);
            let expected = expected.published;
            format!(
                "it says its issuer is {stated:?}, and the discovery document says {expected:?}"
            )
        }
        IdTokenError::TenantNotAllowed => format!("tenant {}", name(claims.get("tid"))),
        IdTokenError::Audience | IdTokenError::AuthorizedParty => audience(&claims, expected),
        IdTokenError::Expired => time(&claims, "exp", now),
        IdTokenError::IssuedInFuture => time(&claims, "iat", now),
        IdTokenError::NotYetValid => time(&claims, "nbf", now),
        _ => String::new(),
    }
}

fn audience(claims: &Map<String, Value>, expected: &Expected<'_>) -> String {
    let aud = match claims.get("aud") {
        Some(Value::Array(many)) => {
            many.iter().take(5).map(|one| name(Some(one))).collect::<Vec<_>>().join(", ")
        }
        one => name(one),
    };
    let azp = claims.get("azp").map(|azp| format!(" with azp {}", name(Some(azp))));
    format!("it is for {aud}{}, and we are `{}`", azp.unwrap_or_default(), expected.client_id)
}

/// How far a time lies from that of this server.
fn time(claims: &Map<String, Value>, claim: &str, now: DateTime<Utc>) -> String {
    let Some(at) = claims.get(claim).and_then(numeric_date) else { return String::new() };
    let away = at - now;
    let (seconds, which) =
        if away > TimeDelta::zero() { (away, "from now") } else { (-away, "ago") };
    format!("{claim} is {} seconds {which} by the clock of this server", seconds.num_seconds())
}

/// A name that no sentence, no token and no address of a person fits.
fn name(value: Option<&Value>) -> String {
    let plain = |text: &&str| {
        (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b))
    };
    match value {
        None => "not named".to_owned(),
        Some(value) => match value.as_str().filter(plain) {
            Some(text) => format!("`{text}`"),
            None => "(not shown)".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::jose::Alg;
    use crate::rp::issuer::IssuerRule;

    fn told(header: &Value, claims: &Value, error: IdTokenError) -> String {
        let expected = Expected {
            issuer: &IssuerRule::Exact("https://op.example".to_owned()),
            published: "https://op.example",
            required: &BTreeMap::new(),
            client_id: "gateway",
            nonce: "n",
            algs: &[Alg::RS256],
            max_age: None,
            access_token: None,
            code: None,
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        explain(&format!("{}.{}.s", part(header), part(claims)), error, &expected, now)
    }

    #[test]
    fn what_was_stated_stands_beside_what_was_expected() {
        let cases = [
            (IdTokenError::Algorithm, "it is `HS256`, and allowed is RS256"),
            (IdTokenError::UnknownKey, "its key is `k.1`"),
            (
                IdTokenError::Issuer,
                "it says its issuer is \"https://other.example\", and the discovery document says \
                 \"https://op.example\"",
            ),
            (IdTokenError::Audience, "it is for `a`, `b` with azp `c`, and we are `gateway`"),
            (IdTokenError::Expired, "exp is 600 seconds ago by the clock of this server"),
            (
                IdTokenError::IssuedInFuture,
                "iat is 90 seconds from now by the clock of this server",
            ),
            (IdTokenError::Nonce, ""),
        ];
        let header = json!({ "alg": "HS256", "kid": "k.1" });
        let claims = json!({
            "iss": "https://other.example", "aud": ["a", "b"], "azp": "c",
            "exp": 999_400, "iat": 1_000_090,
        });
        for (error, expected) in cases {
            assert_eq!(told(&header, &claims, error), expected);
        }
    }

    /// Whoever can make a directory sign something can write sentences. (THREATS AZ-17, UP-12)
    #[test]
    fn az_17_up_12_what_is_no_name_is_not_shown() {
        let header = json!({ "alg": "call us", "kid": "a b" });
        let claims = json!({ "iss": "call 555", "aud": "jane@acme.example", "azp": 7 });
        for error in [IdTokenError::Algorithm, IdTokenError::Signature, IdTokenError::Audience] {
            let text = told(&header, &claims, error);
            assert!(text.contains("(not shown)") && !text.contains("jane"), "{text}");
        }
        assert!(told(&header, &claims, IdTokenError::Issuer).contains("(no address)"));
        let text = explain_nothing();
        assert_eq!(text, "its key is not named");
    }

    fn explain_nothing() -> String {
        told(&Value::Null, &Value::Null, IdTokenError::UnknownKey)
    }
}
