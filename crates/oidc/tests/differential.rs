//! Our verifier of ID tokens beside `openidconnect`'s, an independent one.
//!
//! Every case is one difference from a good token. Where both define an answer they must
//! agree; where one of them is laxer, the case says so, and the test fails as soon as that
//! stops being true.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::str::FromStr;

    use chrono::{DateTime, Utc};
    use oidc::jose::{Alg, Jwks, SigningKey};
    use oidc::op::id_token::left_half_hash;
    use oidc::rp::id_token::{Expected, verify};
    use oidc::rp::issuer::IssuerRule;
    use openidconnect::core::{
        CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm as TheirAlg,
    };
    use openidconnect::{ClientId, IssuerUrl, Nonce};
    use serde_json::{Map, Value, json};

    const ISSUER: &str = "https://op.example";
    const NOW: i64 = 1_760_000_000;

    /// How the two answers relate.
    #[derive(Debug, PartialEq)]
    enum Verdict {
        BothAccept,
        BothRefuse,
        /// The other verifier accepts what we refuse.
        OnlyOursRefuses,
        /// The other verifier refuses what we accept.
        OnlyTheirsRefuses,
    }
    use Verdict::{BothAccept, BothRefuse, OnlyOursRefuses, OnlyTheirsRefuses};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }

    fn good() -> Map<String, Value> {
        let claims = json!({
            "iss": ISSUER, "sub": "00u1", "aud": "gateway", "nonce": "n-1",
            "iat": NOW - 5, "exp": NOW + 3600, "email_verified": true
        });
        claims.as_object().unwrap().clone()
    }

    fn ours(raw: &str, jwks: &Value) -> bool {
        let expected = Expected {
            issuer: &IssuerRule::Exact(ISSUER.to_owned()),
            published: ISSUER,
            required: &BTreeMap::new(),
            client_id: "gateway",
            nonce: "n-1",
            algs: &[Alg::RS256, Alg::PS256, Alg::ES256, Alg::EdDSA],
            max_age: None,
            access_token: Some("at"),
            code: None,
        };
        let jwks = Jwks::parse(jwks.to_string().as_bytes()).unwrap();
        verify(raw, &jwks, &expected, now()).is_ok()
    }

    fn theirs(raw: &str, jwks: &Value) -> bool {
        let keys: CoreJsonWebKeySet = serde_json::from_value(jwks.clone()).unwrap();
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new("gateway".to_owned()),
            IssuerUrl::new(ISSUER.to_owned()).unwrap(),
            keys,
        )
        .set_allowed_algs([
            TheirAlg::RsaSsaPkcs1V15Sha256,
            TheirAlg::RsaSsaPssSha256,
            TheirAlg::EcdsaP256Sha256,
            TheirAlg::EdDsa,
        ])
        .set_other_audience_verifier_fn(|_| true)
        .set_time_fn(now);
        let Ok(token) = CoreIdToken::from_str(raw) else { return false };
        token.claims(&verifier, &Nonce::new("n-1".to_owned())).is_ok()
    }

    fn verdict(raw: &str, jwks: &Value) -> Verdict {
        match (ours(raw, jwks), theirs(raw, jwks)) {
            (true, true) => BothAccept,
            (false, false) => BothRefuse,
            (false, true) => OnlyOursRefuses,
            (true, false) => OnlyTheirsRefuses,
        }
    }

    fn set_of(keys: &[&SigningKey]) -> Value {
        json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() })
    }

    #[test]
    fn both_accept_good_tokens_of_every_algorithm() {
        for alg in [Alg::RS256, Alg::PS256, Alg::ES256, Alg::EdDSA] {
            let key = SigningKey::generate(alg).unwrap();
            let token = key.sign(&good(), "JWT").unwrap();
            assert_eq!(verdict(&token, &set_of(&[&key])), BothAccept, "{alg}");
        }
    }

    #[test]
    fn both_judge_claims_alike_or_the_difference_is_known() {
        let key = SigningKey::generate(Alg::ES256).unwrap();
        let jwks = set_of(&[&key]);
        let cases = [
            ("iss", json!("https://op.example/"), BothRefuse),
            ("iss", json!("https://evil.example"), BothRefuse),
            ("iss", json!(null), BothRefuse),
            ("aud", json!("other"), BothRefuse),
            ("aud", json!(["gateway"]), BothAccept),
            ("aud", json!(["other"]), BothRefuse),
            ("aud", json!({}), BothRefuse),
            ("nonce", json!("n-2"), BothRefuse),
            ("nonce", json!(null), BothRefuse),
            ("exp", json!(NOW - 3600), BothRefuse),
            ("exp", json!("1760003600"), BothRefuse),
            ("exp", json!(null), BothRefuse),
            ("exp", json!(1_760_003_600.5), BothAccept),
            ("sub", json!(1), BothRefuse),
            ("sub", json!(null), BothRefuse),
            ("azp", json!("gateway"), BothAccept),
            ("at_hash", json!(left_half_hash(Alg::ES256, "at")), BothAccept),
            ("email_verified", json!("true"), BothAccept),
            ("groups", json!(["a", {"b": 1}]), BothAccept),
            // The other verifier does not look at azp at all.
            ("azp", json!("other"), OnlyOursRefuses),
            ("aud", json!(["gateway", "other"]), OnlyOursRefuses),
            // It leaves iat and at_hash to its caller, and does not know nbf.
            ("iat", json!(NOW + 3600), OnlyOursRefuses),
            ("nbf", json!(NOW + 3600), OnlyOursRefuses),
            ("at_hash", json!(left_half_hash(Alg::ES256, "other")), OnlyOursRefuses),
            // A logout token is an ID token with events for it.
            ("events", json!({}), OnlyOursRefuses),
            // It has no bounds on a subject.
            ("sub", json!("x".repeat(256)), OnlyOursRefuses),
            ("sub", json!(""), OnlyOursRefuses),
            // It has no leeway; we have sixty seconds.
            ("exp", json!(NOW - 30), OnlyTheirsRefuses),
            // It types claims that a broker only passes on.
            ("amr", json!("pwd"), OnlyTheirsRefuses),
            ("locale", json!({"a": 1}), OnlyTheirsRefuses),
            ("phone_number", json!(49123), OnlyTheirsRefuses),
        ];
        for (name, value, expected) in cases {
            let mut claims = good();
            claims.insert(name.to_owned(), value.clone());
            let token = key.sign(&claims, "JWT").unwrap();
            assert_eq!(verdict(&token, &jwks), expected, "{name}: {value}");
        }
    }

    #[test]
    fn both_refuse_tokens_without_a_required_claim() {
        let key = SigningKey::generate(Alg::EdDSA).unwrap();
        let jwks = set_of(&[&key]);
        for name in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
            let mut claims = good();
            claims.remove(name);
            let token = key.sign(&claims, "JWT").unwrap();
            assert_eq!(verdict(&token, &jwks), BothRefuse, "{name}");
        }
    }

    #[test]
    fn both_refuse_forged_broken_and_foreign_tokens() {
        let key = SigningKey::generate(Alg::ES256).unwrap();
        let stranger = SigningKey::generate(Alg::ES256).unwrap();
        let jwks = set_of(&[&key]);
        let token = key.sign(&good(), "JWT").unwrap();
        let mut parts = token.split('.');
        let (header, payload) = (parts.next().unwrap(), parts.next().unwrap());
        let signature = parts.next().unwrap();
        // {"alg":"none"} and {"alg":"HS256"}
        let none = "eyJhbGciOiJub25lIn0";
        let hmac = "eyJhbGciOiJIUzI1NiJ9";
        let forged = [
            stranger.sign(&good(), "JWT").unwrap(),
            format!("{none}.{payload}."),
            format!("{none}.{payload}.{signature}"),
            format!("{hmac}.{payload}.{signature}"),
            format!("{header}.{payload}."),
            format!("{header}.{payload}"),
            format!("{header}..{signature}"),
            format!("{header}.{payload}.{signature}.x"),
            format!("{header}.{payload}.{signature}.x.y"),
            format!("{header}.{payload}.{signature}="),
            format!("{header}.{payload}.{}", signature.to_ascii_uppercase()),
            "..".to_owned(),
            String::new(),
        ];
        for token in forged {
            assert_eq!(verdict(&token, &jwks), BothRefuse, "{token}");
        }
        assert_eq!(verdict(&token, &jwks), BothAccept);
    }

    #[test]
    fn both_refuse_an_access_token_by_its_type() {
        let key = SigningKey::generate(Alg::ES256).unwrap();
        let token = key.sign(&good(), "at+jwt").unwrap();
        assert_eq!(verdict(&token, &set_of(&[&key])), BothRefuse);
    }
}
