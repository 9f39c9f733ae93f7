use serde_json::json;

use super::*;
use crate::jose::SigningKey;

fn ed(kid: &str) -> Value {
    let mut jwk = SigningKey::generate(Alg::EdDSA).unwrap().public_jwk();
    jwk["kid"] = kid.into();
    jwk
}

fn parse(keys: &[Value]) -> Result<Jwks, JwksError> {
    Jwks::parse(json!({ "keys": keys }).to_string().as_bytes())
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

/// Key sets as the vendors publish them.
#[test]
fn recorded_key_sets_are_read() {
    let recorded = [
        include_str!("../../../tests/fixtures/cognito_jwks.json"),
        include_str!("../../../tests/fixtures/entra_common_jwks.json"),
        include_str!("../../../tests/fixtures/entra_single_tenant_jwks.json"),
        include_str!("../../../tests/fixtures/google_jwks.json"),
        include_str!("../../../tests/fixtures/okta_jwks.json"),
    ];
    for text in recorded {
        let published: Value = serde_json::from_str(text).unwrap();
        let jwks = Jwks::parse(text.as_bytes()).unwrap();
        assert_eq!(jwks.len(), published["keys"].as_array().unwrap().len());
    }
}

#[test]
fn jw_09_keys_we_cannot_use_are_skipped() {
    let rsa = SigningKey::generate(Alg::RS256).unwrap().public_jwk();
    let ec = SigningKey::generate(Alg::ES256).unwrap().public_jwk();
    let unusable = [
        with(ed("a"), "use", json!("enc")),
        with(ed("a"), "key_ops", json!(["encrypt"])),
        with(ed("a"), "alg", json!("RSA-OAEP")),
        with(ed("a"), "alg", json!("RS256")),
        with(ed("a"), "alg", json!(1)),
        with(ed("a"), "kid", json!(["a"])),
        with(ed("a"), "crv", json!("X25519")),
        with(ed("a"), "x", json!("AAAA")),
        with(ed("a"), "kty", json!("AKP")),
        with(rsa.clone(), "e", json!("AQ")),
        with(rsa.clone(), "e", json!("AAAC")),
        with(rsa.clone(), "n", json!(base64url([0xff; 255]))),
        with(rsa, "n", json!("AQAB")),
        // Not a point of the curve.
        with(ec.clone(), "y", ec["x"].clone()),
        with(ec.clone(), "x", json!("AAAA")),
        with(ec, "crv", json!("secp256k1")),
        json!("not an object"),
        json!({}),
    ];
    for jwk in unusable {
        assert_eq!(parse(std::slice::from_ref(&jwk)).unwrap_err(), JwksError::NoUsableKey, "{jwk}");
        assert_eq!(parse(&[jwk, ed("b")]).unwrap().len(), 1);
    }
}

#[test]
fn jw_09_a_set_that_shows_a_secret_is_refused_whole() {
    let secrets = [
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "oct"}),
        with(ed("a"), "d", json!("AAAA")),
        with(ed("a"), "p", json!("AAAA")),
    ];
    for secret in secrets {
        assert_eq!(parse(&[ed("b"), secret]).unwrap_err(), JwksError::Secret);
    }
}

#[test]
fn jw_09_size_number_and_form_are_bounded() {
    let large = vec![b' '; MAX_JWKS_BYTES + 1];
    assert_eq!(Jwks::parse(&large).unwrap_err(), JwksError::TooLarge);
    let key = ed("a");
    assert_eq!(parse(&vec![key.clone(); MAX_KEYS + 1]).unwrap_err(), JwksError::TooMany);
    assert_eq!(parse(&vec![key; MAX_KEYS]).unwrap().len(), 1);
    assert_eq!(parse(&[]).unwrap_err(), JwksError::NoUsableKey);
    for body in ["{}", "[]", "<html>", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(Jwks::parse(body.as_bytes()).unwrap_err(), JwksError::Malformed, "{body}");
    }
}

#[test]
fn jw_09_two_keys_under_one_name_are_both_dropped() {
    let jwks = parse(&[ed("a"), ed("a"), ed("b")]).unwrap();
    assert_eq!(jwks.len(), 1);
    assert!(jwks.select(Some("a"), Alg::EdDSA).is_err());
    assert!(jwks.select(Some("b"), Alg::EdDSA).is_ok());
}

/// [OIDCC-10.1]
#[test]
fn jw_03_without_a_name_there_must_be_one_fitting_key() {
    let ec = SigningKey::generate(Alg::ES256).unwrap().public_jwk();
    let one = parse(&[ed("a"), ec.clone()]).unwrap();
    assert!(one.select(None, Alg::EdDSA).is_ok());
    assert_eq!(one.select(None, Alg::RS256).unwrap_err(), Unselectable::Unknown);
    let two = parse(&[ed("a"), ed("b"), ec]).unwrap();
    assert_eq!(two.select(None, Alg::EdDSA).unwrap_err(), Unselectable::Ambiguous);
    assert!(two.select(Some("b"), Alg::EdDSA).is_ok());
}

#[test]
fn jw_03_an_unknown_name_gets_no_key() {
    let jwks = parse(&[ed("a")]).unwrap();
    for kid in ["b", "A", "../a", "a' or 1=1", "https://evil.example/jwks", ""] {
        let outcome = jwks.select(Some(kid), Alg::EdDSA);
        assert_eq!(outcome.unwrap_err(), Unselectable::Unknown, "{kid}");
    }
}

#[test]
fn jw_02_a_key_works_with_its_own_algorithm_only() {
    let pss = SigningKey::generate(Alg::PS256).unwrap();
    let jwks = parse(&[pss.public_jwk()]).unwrap();
    assert!(jwks.select(Some(pss.kid()), Alg::PS256).is_ok());
    for alg in [Alg::RS256, Alg::ES256, Alg::EdDSA] {
        assert_eq!(jwks.select(Some(pss.kid()), alg).unwrap_err(), Unselectable::Unknown);
    }
}

#[test]
fn a_key_without_an_algorithm_works_with_every_one_of_its_family() {
    let mut jwk = SigningKey::generate(Alg::RS256).unwrap().public_jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    let jwks = parse(&[jwk]).unwrap();
    assert!(jwks.select(None, Alg::PS256).is_ok() && jwks.select(None, Alg::RS512).is_ok());
}
