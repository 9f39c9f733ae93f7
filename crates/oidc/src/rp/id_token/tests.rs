mod hostile;
mod vendors;

use std::sync::OnceLock;

use serde_json::json;

use super::*;
use crate::encoding::base64url;
use crate::jose::SigningKey;

const ISSUER: &str = "https://op.example";
const NOW: i64 = 1_760_000_000;

/// One key for all tests of this file.
fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Alg::ES256).unwrap())
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn keys_of(jwks: &[Value]) -> Jwks {
    Jwks::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap()
}

fn keys() -> Jwks {
    keys_of(&[key().public_jwk()])
}

fn exact() -> &'static IssuerRule {
    static RULE: OnceLock<IssuerRule> = OnceLock::new();
    RULE.get_or_init(|| IssuerRule::Exact(ISSUER.to_owned()))
}

fn expected() -> Expected<'static> {
    static NOTHING: BTreeMap<String, String> = BTreeMap::new();
    Expected {
        issuer: exact(),
        published: ISSUER,
        required: &NOTHING,
        client_id: "gateway",
        nonce: "n-1",
        algs: &[Alg::ES256],
        max_age: None,
        access_token: None,
        code: None,
    }
}

fn claims() -> Map<String, Value> {
    let claims = json!({
        "iss": ISSUER, "sub": "00u1", "aud": "gateway", "nonce": "n-1",
        "iat": NOW, "exp": NOW + 3600, "email": "dana@acme.example"
    });
    claims.as_object().unwrap().clone()
}

fn with(name: &str, value: Value) -> Map<String, Value> {
    let mut claims = claims();
    claims.insert(name.to_owned(), value);
    claims
}

fn without(name: &str) -> Map<String, Value> {
    let mut claims = claims();
    claims.remove(name);
    claims
}

fn verified(claims: &Map<String, Value>) -> Result<VerifiedIdToken, IdTokenError> {
    verify(&key().sign(claims, "JWT").unwrap(), &keys(), &expected(), now())
}

fn outcome(claims: &Map<String, Value>) -> Result<(), IdTokenError> {
    verified(claims).map(|_| ())
}

/// A token with this header text and payload text, signed by `key`.
fn signed(header: &str, payload: &str) -> String {
    // The header that `sign` writes is replaced, so the signature is made by hand.
    let message = format!("{}.{}", base64url(header), base64url(payload));
    let encoding = jsonwebtoken::EncodingKey::from_ec_der(&key().to_pkcs8().unwrap());
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &encoding, jsonwebtoken::Algorithm::ES256);
    format!("{message}.{}", signature.unwrap())
}

fn raw(token: &str) -> Result<(), IdTokenError> {
    verify(token, &keys(), &expected(), now()).map(|_| ())
}

fn with_header(header: &Value) -> Result<(), IdTokenError> {
    raw(&signed(&header.to_string(), &Value::Object(claims()).to_string()))
}

#[test]
fn a_good_token_is_verified_and_keeps_all_its_claims() {
    let token = verified(&claims()).unwrap();
    assert_eq!((token.issuer(), token.subject()), (ISSUER, "00u1"));
    assert_eq!(token.claims(), &claims());
    assert_eq!(format!("{token:?}"), "VerifiedIdToken(https://op.example)");
}

#[test]
fn jw_01_unsigned_tokens_and_unknown_algorithms_are_refused() {
    for alg in [json!("none"), json!("nOnE"), json!(""), json!(null), json!(1), json!("HS256")] {
        let header = json!({ "alg": alg, "kid": key().kid() });
        assert_eq!(with_header(&header), Err(IdTokenError::Algorithm), "{header}");
    }
    assert_eq!(with_header(&json!({"kid": key().kid()})), Err(IdTokenError::Algorithm));
    let crit = json!({"alg": "ES256", "kid": key().kid(), "crit": ["b64"], "b64": false});
    assert_eq!(with_header(&crit), Err(IdTokenError::Critical));
    let token = key().sign(&claims(), "JWT").unwrap();
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(raw(&format!("{message}.")), Err(IdTokenError::Signature));
}

#[test]
fn jw_02_an_algorithm_outside_the_directorys_list_is_refused() {
    let token = key().sign(&claims(), "JWT").unwrap();
    let narrowed = Expected { algs: &[Alg::RS256], ..expected() };
    let refused = verify(&token, &keys(), &narrowed, now()).unwrap_err();
    assert_eq!(refused, IdTokenError::Algorithm);
    let swapped = json!({"alg": "RS256", "kid": key().kid()});
    let payload = Value::Object(claims()).to_string();
    let widened = Expected { algs: &Alg::ALL, ..expected() };
    let refused = verify(&signed(&swapped.to_string(), &payload), &keys(), &widened, now());
    assert_eq!(refused.unwrap_err(), IdTokenError::UnknownKey);
}

#[test]
fn jw_03_the_key_comes_from_the_set_and_never_from_the_header() {
    let stranger = SigningKey::generate(Alg::ES256).unwrap();
    let token = stranger.sign(&claims(), "JWT").unwrap();
    assert_eq!(raw(&token), Err(IdTokenError::UnknownKey));
    let payload = Value::Object(claims()).to_string();
    let header = json!({
        "alg": "ES256", "kid": "x", "jku": "https://evil.example/jwks",
        "jwk": stranger.public_jwk(), "x5u": "https://evil.example/x"
    });
    assert_eq!(raw(&signed(&header.to_string(), &payload)), Err(IdTokenError::UnknownKey));
    for kid in [json!(["x"]), json!("x".repeat(64 * 1024 / 8))] {
        let header = json!({"alg": "ES256", "kid": kid});
        assert_eq!(with_header(&header), Err(IdTokenError::Malformed));
    }
    let two = keys_of(&[key().public_jwk(), stranger.public_jwk()]);
    let nameless = signed(r#"{"alg":"ES256"}"#, &payload);
    assert_eq!(raw(&nameless), Ok(()));
    let ambiguous = verify(&nameless, &two, &expected(), now()).unwrap_err();
    assert_eq!(ambiguous, IdTokenError::AmbiguousKey);
}

#[test]
fn jw_04_a_claim_of_a_wrong_type_is_malformed_and_not_absent() {
    let wrong = [
        ("exp", json!("never")),
        ("exp", json!("1760003600")),
        ("exp", json!(null)),
        ("nbf", json!("99999999999")),
        ("iat", json!("1760000000")),
        ("iat", json!(-1)),
        ("iat", json!(1e300)),
        ("auth_time", json!("1760000000")),
        ("aud", json!({})),
        ("aud", json!([])),
        ("aud", json!(["gateway", 1])),
        ("aud", json!(null)),
        ("sub", json!(1)),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("sub", json!("a\nb")),
        ("sub", json!(null)),
        ("iss", json!(null)),
        ("nonce", json!(1)),
        ("azp", json!(null)),
        ("at_hash", json!(null)),
        ("c_hash", json!([])),
    ];
    for (name, value) in wrong {
        assert_eq!(
            outcome(&with(name, value.clone())),
            Err(IdTokenError::ClaimType(name)),
            "{value}"
        );
    }
}

#[test]
fn jw_04_required_claims_must_be_there() {
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        assert_eq!(outcome(&without(name)), Err(IdTokenError::Missing(name)));
    }
    assert_eq!(outcome(&without("nonce")), Err(IdTokenError::Nonce));
}

/// [OIDCC-3.1.3.7-2]
#[test]
fn jw_05_another_issuer_is_refused_to_the_last_octet() {
    for iss in ["https://op.example/", "https://OP.example", "https://evil.example", ""] {
        assert_eq!(outcome(&with("iss", json!(iss))), Err(IdTokenError::Issuer), "{iss}");
    }
}

/// [OIDCC-3.1.3.7-3] [OIDCC-3.1.3.7-4] [OIDCC-3.1.3.7-5]
#[test]
fn jw_05_the_token_must_be_for_us_and_issued_to_us() {
    assert_eq!(outcome(&with("aud", json!(["gateway"]))), Ok(()));
    for aud in [json!("other"), json!("Gateway"), json!(["other"])] {
        assert_eq!(outcome(&with("aud", aud)), Err(IdTokenError::Audience));
    }
    assert_eq!(outcome(&with("azp", json!("gateway"))), Ok(()));
    assert_eq!(outcome(&with("azp", json!("other"))), Err(IdTokenError::AuthorizedParty));
    let mut several = with("aud", json!(["gateway", "other"]));
    assert_eq!(outcome(&several), Err(IdTokenError::AuthorizedParty));
    several.insert("azp".to_owned(), json!("other"));
    assert_eq!(outcome(&several), Err(IdTokenError::AuthorizedParty));
    several.insert("azp".to_owned(), json!("gateway"));
    assert_eq!(outcome(&several), Ok(()));
}

/// [OIDCC-3.1.3.7-9] [OIDCC-3.1.3.7-10]
#[test]
fn jw_05_times_have_sixty_seconds_of_leeway_and_no_more() {
    assert_eq!(outcome(&with("exp", json!(NOW - 59))), Ok(()));
    assert_eq!(outcome(&with("exp", json!(NOW - 60))), Err(IdTokenError::Expired));
    assert_eq!(outcome(&with("iat", json!(NOW + 60))), Ok(()));
    assert_eq!(outcome(&with("iat", json!(NOW + 61))), Err(IdTokenError::IssuedInFuture));
    assert_eq!(outcome(&with("nbf", json!(NOW + 60))), Ok(()));
    assert_eq!(outcome(&with("nbf", json!(NOW + 61))), Err(IdTokenError::NotYetValid));
}

/// [OIDCC-3.1.3.7-11]
#[test]
fn jw_05_the_nonce_must_be_this_logins() {
    for nonce in ["n-2", "N-1", "n-1 ", ""] {
        assert_eq!(outcome(&with("nonce", json!(nonce))), Err(IdTokenError::Nonce), "{nonce}");
    }
}

/// [OIDCC-3.1.3.8] [OIDCC-3.3.2.10]
#[test]
fn jw_06_hashes_that_are_there_must_agree() {
    let with_values = Expected { access_token: Some("at"), code: Some("co"), ..expected() };
    let check = |name: &str, hashed: &str| {
        let claims = with(name, json!(left_half_hash(Alg::ES256, hashed)));
        let token = key().sign(&claims, "JWT").unwrap();
        verify(&token, &keys(), &with_values, now()).map(|_| ())
    };
    assert_eq!(check("at_hash", "at"), Ok(()));
    assert_eq!(check("at_hash", "other"), Err(IdTokenError::AccessTokenHash));
    assert_eq!(check("c_hash", "co"), Ok(()));
    assert_eq!(check("c_hash", "other"), Err(IdTokenError::CodeHash));
}

#[test]
fn jw_07_encrypted_and_nested_tokens_are_refused_before_any_cryptography() {
    assert_eq!(raw("eyJ.a.b.c.d"), Err(IdTokenError::Encrypted));
    let inner = key().sign(&claims(), "JWT").unwrap();
    let nested = signed(&json!({"alg": "ES256", "cty": "JWT"}).to_string(), &inner);
    assert_eq!(raw(&nested), Err(IdTokenError::Malformed));
}

#[test]
fn jw_08_malformed_tokens_are_refused() {
    let good = key().sign(&claims(), "JWT").unwrap();
    let dots = ".".repeat(16 * 1024);
    let malformed = ["", ".", "..", "a.b", "a.b.c.d", "a.b.c", &dots, &format!("{good} ")];
    for token in malformed {
        assert!(raw(token).is_err(), "{token:?}");
    }
    assert_eq!(raw(&"x".repeat(16 * 1024 + 1)), Err(IdTokenError::TooLarge));
    assert!(raw(&format!("{good}=")).is_err());
    let kid = key().kid();
    let twice = format!(r#"{{"alg":"ES256","alg":"ES256","kid":"{kid}"}}"#);
    assert_eq!(raw(&signed(&twice, "{}")), Err(IdTokenError::Malformed));
    let header = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
    let text = Value::Object(claims()).to_string();
    let two_subs = text.replace(r#""sub":"00u1""#, r#""sub":"00u1","sub":"00u2""#);
    assert_ne!(text, two_subs);
    assert_eq!(raw(&signed(&header, &two_subs)), Err(IdTokenError::Malformed));
    assert_eq!(raw(&signed(&header, "[]")), Err(IdTokenError::Malformed));
}

#[test]
fn jw_10_a_key_of_another_issuer_in_a_shared_set_is_refused() {
    let shared = |issuer: &str| {
        let mut jwk = key().public_jwk();
        jwk["issuer"] = issuer.into();
        keys_of(&[jwk])
    };
    let issuer = "https://login.microsoftonline.com/7d1c/v2.0";
    let rule = IssuerRule::Exact(issuer.to_owned());
    let entra = Expected { issuer: &rule, published: issuer, ..expected() };
    let mut claims = with("iss", json!(issuer));
    claims.insert("tid".to_owned(), json!("7d1c"));
    let token = key().sign(&claims, "JWT").unwrap();
    let check = |keys: &Jwks, token: &str| verify(token, keys, &entra, now()).map(|_| ());
    let template = shared("https://login.microsoftonline.com/{tenantid}/v2.0");
    assert_eq!(check(&template, &token), Ok(()));
    assert_eq!(check(&shared(issuer), &token), Ok(()));
    let consumers = shared("https://login.microsoftonline.com/9188/v2.0");
    assert_eq!(check(&consumers, &token), Err(IdTokenError::KeyIssuer));
    claims.insert("tid".to_owned(), json!("other"));
    let foreign = key().sign(&claims, "JWT").unwrap();
    assert_eq!(check(&template, &foreign), Err(IdTokenError::KeyIssuer));
}

/// [RFC8725-3.11]
#[test]
fn jw_11_other_kinds_of_tokens_are_refused() {
    for typ in ["at+jwt", "logout+jwt", "secevent+jwt", "application/at+jwt", ""] {
        let token = key().sign(&claims(), typ).unwrap();
        assert_eq!(raw(&token), Err(IdTokenError::Type), "{typ}");
    }
    assert_eq!(raw(&key().sign(&claims(), "jwt").unwrap()), Ok(()));
    assert_eq!(outcome(&with("events", json!({}))), Err(IdTokenError::Type));
}

/// [OIDCC-3.1.3.7-13]
#[test]
fn az_10_a_fresh_authentication_counts_from_the_request() {
    let requested_at = now() - Duration::minutes(5);
    let check = |claims: &Map<String, Value>, seconds| {
        let max_age = Some(MaxAge { seconds, requested_at });
        let token = key().sign(claims, "JWT").unwrap();
        verify(&token, &keys(), &Expected { max_age, ..expected() }, now()).map(|_| ())
    };
    let at = |time: i64| with("auth_time", json!(time));
    let requested = requested_at.timestamp();
    assert_eq!(check(&claims(), 300), Err(IdTokenError::AuthTimeMissing));
    assert_eq!(check(&at(requested + 1), 0), Ok(()));
    assert_eq!(check(&at(requested - 60), 0), Ok(()));
    assert_eq!(check(&at(requested - 61), 0), Err(IdTokenError::AuthTimeTooOld));
    assert_eq!(check(&at(requested - 361), 300), Err(IdTokenError::AuthTimeTooOld));
    assert_eq!(check(&at(NOW + 61), 300), Err(IdTokenError::IssuedInFuture));
    assert_eq!(verified(&at(requested)).unwrap().auth_time(), Some(requested_at));
}
