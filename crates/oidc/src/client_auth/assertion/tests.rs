use std::sync::OnceLock;

use serde_json::json;

use super::*;
use crate::client::PkcePolicy;
use crate::client_auth;
use crate::encoding::base64url;
use crate::jose::SigningKey;
use crate::params::Params;
use crate::secret::{SecretHash, sha256};

const ISSUER: &str = "https://login.example/t/acme";
const ID: &str = "acme app";
const NOW: i64 = 1_760_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Alg::ES256).unwrap())
}

fn client_with(jwks: &[Value]) -> Client {
    let set = json!({ "keys": jwks }).to_string();
    client(ClientAuth::PrivateKeyJwt(Jwks::parse(set.as_bytes()).unwrap()))
}

fn client(auth: ClientAuth) -> Client {
    Client {
        client_id: ID.to_owned(),
        auth,
        redirect_uris: Vec::new(),
        response_types: Vec::new(),
        response_modes: Vec::new(),
        pkce: PkcePolicy::Required,
    }
}

fn ours() -> Client {
    client_with(&[key().public_jwk()])
}

fn claims() -> Map<String, Value> {
    let claims = json!({
        "iss": ID, "sub": ID, "aud": ISSUER, "jti": "j-1",
        "iat": NOW, "nbf": NOW, "exp": NOW + 60
    });
    claims.as_object().unwrap().clone()
}

fn with(name: &str, value: Value) -> Map<String, Value> {
    let mut claims = claims();
    if value.is_null() {
        claims.remove(name);
    } else {
        claims.insert(name.to_owned(), value);
    }
    claims
}

fn sign(claims: &Map<String, Value>) -> String {
    key().sign(claims, "JWT").unwrap()
}

fn form(assertion: &str, more: &str) -> Params {
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let body = format!("client_assertion_type={kind}&client_assertion={assertion}{more}");
    Params::parse(body.as_bytes()).unwrap()
}

fn presented(assertion: &str) -> Result<Presented, OAuthError> {
    Presented::read(None, &form(assertion, ""))
}

fn outcome(assertion: &str, client: &Client) -> Result<(), AssertionRefusal> {
    // What cannot be attributed to a client at all is refused before this.
    let presented = presented(assertion).map_err(|_| AssertionRefusal::Malformed)?;
    verify(&presented, client, ISSUER, now()).map(|_| ())
}

/// [RFC7523-3] [RFC7521-4.2]
#[test]
fn a_good_assertion_is_its_clients_with_and_without_client_id() {
    for more in ["", "&client_id=acme%20app"] {
        let presented = Presented::read(None, &form(&sign(&claims()), more)).unwrap();
        assert_eq!((presented.client_id(), presented.is_assertion()), (ID, true));
        let client = ours();
        let unused = verify(&presented, &client, ISSUER, now()).unwrap();
        assert_eq!((unused.jti(), unused.expires_at().timestamp()), ("j-1", NOW + 60));
        assert_eq!(unused.used(true).unwrap().client_id(), ID);
    }
}

#[test]
fn tk_08_the_second_use_of_a_name_proves_nothing() {
    let presented = presented(&sign(&claims())).unwrap();
    let client = ours();
    let unused = verify(&presented, &client, ISSUER, now()).unwrap();
    assert_eq!(unused.used(false).unwrap_err(), FAILED);
}

/// Each differs from the good one in one claim. [RFC7523-3] [RFC10070]
#[test]
fn tk_08_an_assertion_with_one_wrong_claim_is_refused() {
    use AssertionRefusal as R;
    let token_url = format!("{ISSUER}/token");
    let cases = [
        ("iss", json!("other"), R::Party),
        ("iss", Value::Null, R::Party),
        ("iss", json!([ID]), R::Party),
        ("aud", json!(token_url), R::Audience),
        ("aud", json!([ISSUER]), R::Audience),
        ("aud", json!([ISSUER, token_url]), R::Audience),
        ("aud", json!("https://login.example/t/beta"), R::Audience),
        ("aud", json!(format!("{ISSUER}/")), R::Audience),
        ("aud", json!(""), R::Audience),
        ("aud", Value::Null, R::Audience),
        ("exp", Value::Null, R::Claim),
        ("exp", json!((NOW + 60).to_string()), R::Claim),
        ("exp", json!(NOW), R::Expired),
        ("exp", json!(NOW - 1), R::Expired),
        ("exp", json!(NOW + 301), R::Lifetime),
        ("exp", json!(9_999_999_999_i64), R::Lifetime),
        ("nbf", json!(NOW + 61), R::Future),
        ("nbf", json!("now"), R::Claim),
        ("iat", json!(NOW + 61), R::Future),
        ("jti", Value::Null, R::Claim),
        ("jti", json!(""), R::Claim),
        ("jti", json!(7), R::Claim),
        ("jti", json!("j".repeat(257)), R::Claim),
        ("events", json!({}), R::Type),
        ("nonce", json!("n"), R::Type),
    ];
    for (name, value, wanted) in cases {
        let token = sign(&with(name, value.clone()));
        assert_eq!(outcome(&token, &ours()), Err(wanted), "{name} {value}");
    }
    // Without a subject nobody knows whose it is.
    for value in [Value::Null, json!(""), json!(["acme app"]), json!("a\u{0}b")] {
        assert_eq!(presented(&sign(&with("sub", value))).unwrap_err(), FAILED);
    }
    assert_eq!(outcome(&sign(&with("sub", json!("other"))), &ours()), Err(R::Party));
}

#[test]
fn tk_08_the_bounds_of_time_and_size_are_where_they_are_said_to_be() {
    let good = [
        ("exp", json!(NOW + 300)),
        ("exp", json!(NOW + 1)),
        ("nbf", json!(NOW + 60)),
        ("nbf", Value::Null),
        ("iat", json!(NOW + 60)),
        ("iat", Value::Null),
        ("jti", json!("j".repeat(256))),
    ];
    for (name, value) in good {
        assert_eq!(outcome(&sign(&with(name, value.clone())), &ours()), Ok(()), "{name} {value}");
    }
    let large = sign(&with("padding", json!("x".repeat(MAX_BYTES))));
    assert_eq!(presented(&large).unwrap_err(), FAILED);
}

#[test]
fn tk_08_unsigned_symmetric_and_foreign_signatures_are_refused() {
    use AssertionRefusal as R;
    let stranger = SigningKey::generate(Alg::ES256).unwrap();
    assert_eq!(outcome(&stranger.sign(&claims(), "JWT").unwrap(), &ours()), Err(R::Key));
    let payload = base64url(Value::Object(claims()).to_string());
    let signature = sign(&claims()).rsplit('.').next().unwrap().to_owned();
    for (header, wanted) in [
        (json!({"alg": "none"}), R::Malformed),
        (json!({"alg": "HS256", "kid": key().kid()}), R::Malformed),
        (json!({"alg": "ES384", "kid": key().kid()}), R::Key),
        (json!({"alg": "ES256", "kid": key().kid(), "crit": ["b64"]}), R::Malformed),
        (json!({"alg": "ES256", "kid": key().kid(), "jwk": stranger.public_jwk()}), R::Signature),
        (json!({"alg": "ES256"}), R::Signature),
    ] {
        let token = format!("{}.{payload}.{signature}", base64url(header.to_string()));
        assert_eq!(outcome(&token, &ours()), Err(wanted), "{header}");
    }
    // A header that promises a signature, and none.
    let unsigned = format!("{}.{payload}.", base64url(r#"{"alg":"ES256"}"#));
    assert_eq!(outcome(&unsigned, &ours()), Err(R::Signature));
    // Without a name for the key, only a client with one key of that kind is served.
    let two = client_with(&[key().public_jwk(), stranger.public_jwk()]);
    let nameless = format!("{}.{payload}.{signature}", base64url(r#"{"alg":"ES256"}"#));
    assert_eq!(outcome(&nameless, &two), Err(R::Key));
}

/// [RFC8725-3.11]
#[test]
fn jw_11_only_what_is_typed_as_an_assertion_or_not_at_all_is_one() {
    let typed = |typ: &str| outcome(&key().sign(&claims(), typ).unwrap(), &ours());
    for good in ["JWT", "jwt", "client-authentication+jwt"] {
        assert_eq!(typed(good), Ok(()), "{good}");
    }
    for bad in
        ["at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "application/at+jwt", "", "id_token"]
    {
        assert_eq!(typed(bad), Err(AssertionRefusal::Type), "{bad}");
    }
}

/// A client has one method, and no other one works for it.
#[test]
fn tk_06_a_client_is_proven_by_its_own_method_alone() {
    let hash = |secret: &str| SecretHash::new(sha256(secret.as_bytes()));
    let token = sign(&claims());
    for auth in [ClientAuth::None, ClientAuth::Secret(vec![hash("secret")])] {
        let client = client(auth);
        assert_eq!(outcome(&token, &client), Err(AssertionRefusal::Method));
        let presented = presented(&token).unwrap();
        assert!(client_auth::verify(&presented, &client, hash).is_err());
    }
    let secret = "client_id=acme%20app&client_secret=secret";
    for (header, body) in
        [(None, secret), (None, "client_id=acme%20app"), (Some("Basic YWNtZSBhcHA6c2VjcmV0"), "")]
    {
        let presented = Presented::read(header, &Params::parse(body.as_bytes()).unwrap()).unwrap();
        assert!(client_auth::verify(&presented, &ours(), hash).is_err(), "{body}");
        let refused = verify(&presented, &ours(), ISSUER, now()).unwrap_err();
        assert_eq!(refused, AssertionRefusal::Method, "{body}");
    }
}

/// [RFC6749-2.3] [RFC7521-4.2]
#[test]
fn tk_06_an_assertion_comes_alone_and_says_what_it_is() {
    let token = sign(&claims());
    let read = |header, more: &str| Presented::read(header, &form(&token, more));
    assert!(read(None, "").is_ok());
    for (header, more) in [
        (Some("Basic YWNtZSBhcHA6c2VjcmV0"), ""),
        (None, "&client_secret=x"),
        (None, "&client_id=other"),
        (None, "&client_assertion=x"),
    ] {
        assert!(read(header, more).is_err(), "{header:?} {more}");
    }
    for body in [
        format!("client_assertion={token}"),
        format!("client_assertion_type=x&client_assertion={token}"),
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
            .to_owned(),
    ] {
        let refused = Presented::read(None, &Params::parse(body.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(refused.code.as_str(), "invalid_client", "{body}");
    }
}
