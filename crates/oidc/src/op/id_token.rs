//! The claims of the ID tokens we sign. [OIDCC-2]
//!
//! Protocol claims are set here and nowhere else; what the broker releases is added around
//! them and can never replace one. Signing is [`crate::jose::SigningKey::sign`].

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};

use crate::claims::is_reserved;
use crate::encoding::base64url;
use crate::jose::Alg;

/// What an ID token says.
#[derive(Clone)]
pub struct IdTokenInput<'a> {
    /// The issuer, as published. [OIDCC-2]
    pub issuer: &'a str,
    /// The user's stable subject.
    pub subject: &'a str,
    /// The one audience.
    pub client_id: &'a str,
    /// When it is issued, which is also when it becomes valid.
    pub issued_at: DateTime<Utc>,
    /// How long it is valid; some applications keep their own session as long.
    pub lifetime: Duration,
    /// When the user authenticated, if the directory said so; never a guess.
    pub auth_time: Option<DateTime<Utc>>,
    /// The request's `nonce`, octet for octet.
    pub nonce: Option<&'a str>,
    /// The session, for logout. [OIDCBCL-2.1]
    pub sid: Option<&'a str>,
    /// The authentication context reached.
    pub acr: Option<&'a str>,
    /// The authentication methods used; left out when empty.
    pub amr: &'a [String],
    /// The access token that goes with it, for `at_hash`. [OIDCC-3.1.3.6]
    pub access_token: Option<&'a str>,
    /// The code that goes with it, for `c_hash`. [OIDCC-3.3.2.11]
    pub code: Option<&'a str>,
    /// The algorithm it will be signed with; it decides the hash function.
    pub alg: Alg,
    /// The claims released to this client.
    pub released: &'a Map<String, Value>,
}

/// The claims of the token. `aud` is a single string and there is no `azp`: the form that
/// every client reads alike. [OIDCC-2]
pub fn claims(input: &IdTokenInput<'_>) -> Map<String, Value> {
    let issued_at = input.issued_at.timestamp();
    let mut claims: Map<String, Value> = input
        .released
        .iter()
        .filter(|(name, _)| !is_reserved(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value);
        }
    };
    set("iss", Some(input.issuer.into()));
    set("sub", Some(input.subject.into()));
    set("aud", Some(input.client_id.into()));
    set("iat", Some(issued_at.into()));
    set("nbf", Some(issued_at.into()));
    set("exp", Some(issued_at.saturating_add(input.lifetime.num_seconds()).into()));
    set("auth_time", input.auth_time.map(|time| time.timestamp().into()));
    set("nonce", input.nonce.map(Value::from));
    set("sid", input.sid.map(Value::from));
    set("acr", input.acr.map(Value::from));
    set("amr", (!input.amr.is_empty()).then(|| input.amr.to_vec().into()));
    let hash = |value: &str| Value::from(left_half_hash(input.alg, value));
    set("at_hash", input.access_token.map(hash));
    set("c_hash", input.code.map(hash));
    claims
}

/// The left half of a hash, as in `at_hash` and `c_hash`. The function is the one of the
/// token's own signature. [OIDCC-3.1.3.6]
pub fn left_half_hash(alg: Alg, value: &str) -> String {
    let digest = aws_lc_rs::digest::digest(alg.digest(), value.as_bytes());
    let octets = digest.as_ref();
    base64url(octets.get(..octets.len() / 2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(released: &Map<String, Value>) -> IdTokenInput<'_> {
        IdTokenInput {
            issuer: "https://login.example/t/acme",
            subject: "c7f3",
            client_id: "imis-acme",
            issued_at: DateTime::from_timestamp(1_760_000_000, 900_000_000).unwrap(),
            lifetime: Duration::hours(1),
            auth_time: None,
            nonce: None,
            sid: None,
            acr: None,
            amr: &[],
            access_token: None,
            code: None,
            alg: Alg::RS256,
            released,
        }
    }

    /// [OIDCC-2]
    #[test]
    fn a_minimal_token_has_the_required_claims_and_nothing_else() {
        assert_eq!(
            Value::Object(claims(&input(&Map::new()))),
            serde_json::json!({
                "iss": "https://login.example/t/acme", "sub": "c7f3", "aud": "imis-acme",
                "iat": 1_760_000_000, "nbf": 1_760_000_000, "exp": 1_760_003_600
            })
        );
    }

    #[test]
    fn what_is_known_is_said() {
        let released = Map::from_iter([("staff".to_owned(), Value::from("1"))]);
        let amr = ["mfa".to_owned()];
        let full = IdTokenInput {
            auth_time: DateTime::from_timestamp(1_759_999_988, 0),
            nonce: Some("6389.Nm=="),
            sid: Some("9f2c"),
            acr: Some("phr"),
            amr: &amr,
            ..input(&released)
        };
        let claims = claims(&full);
        assert_eq!(claims["auth_time"], 1_759_999_988);
        assert_eq!(claims["nonce"], "6389.Nm==");
        assert_eq!(claims["sid"], "9f2c");
        assert_eq!(claims["acr"], "phr");
        assert_eq!(claims["amr"], serde_json::json!(["mfa"]));
        assert_eq!(claims["staff"], "1");
    }

    #[test]
    fn cl_01_released_claims_never_replace_protocol_claims() {
        let released: Map<String, Value> = crate::claims::RESERVED
            .iter()
            .map(|name| ((*name).to_owned(), Value::from("forged")))
            .collect();
        assert_eq!(claims(&input(&released)), claims(&input(&Map::new())));
    }

    /// [OIDCC-3.3.2.11] [OIDCC-3.1.3.6]
    #[test]
    fn hashes_of_code_and_access_token_agree_with_the_vectors() {
        let released = Map::new();
        let hybrid = IdTokenInput {
            code: Some("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
            access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            ..input(&released)
        };
        let claims = claims(&hybrid);
        assert_eq!(claims["c_hash"], "LDktKdoQak3Pk0cnXxCltA");
        assert_eq!(claims["at_hash"], "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn the_hash_is_as_wide_as_the_algorithm_says() {
        let length = |alg| left_half_hash(alg, "x").len();
        assert_eq!(length(Alg::ES256), 22);
        assert_eq!(length(Alg::ES384), 32);
        assert_eq!(length(Alg::RS512), 43);
        assert_eq!(length(Alg::EdDSA), 43);
    }
}
