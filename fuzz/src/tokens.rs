//! Signed tokens, as they come and with every signature right.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey};
use oidc::jose::{Alg, Jwks, SigningKey};
use oidc::rp::id_token::{Expected, IdTokenError, LEEWAY, MaxAge, VerifiedIdToken, verify};
use oidc::rp::issuer::{IssuerRule, is_tenant_id};
use serde_json::{Map, Value, json};

use super::first_line;

/// The longest token that is read.
const MAX_TOKEN: usize = 16 * 1024;
const NOW: i64 = 1_760_000_000;
const NONCE: &str = "n-1";
const CLIENT: &str = "gateway";
const EXACT: &str = "https://op.example";
const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const TENANT: &str = "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11";

/// A key that is in no way secret: what PKCS#8 puts before an Ed25519 key, and 32 times 7. The
/// signatures of the seeds stay right, because this kind of signature has no randomness in it.
static PKCS8: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let prefix = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    [&prefix[..], &[7; 32]].concat()
});
static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_pkcs8(Alg::EdDSA, &PKCS8).unwrap());
static ENCODING: LazyLock<EncodingKey> = LazyLock::new(|| EncodingKey::from_ed_der(&PKCS8));

/// Our key, and two that are as large as they come.
static KEYS: LazyLock<Jwks> = LazyLock::new(|| {
    let others = include_bytes!("../../crates/oidc/tests/fixtures/okta_jwks.json");
    let mut set: Value = serde_json::from_slice(others).unwrap();
    set["keys"].as_array_mut().unwrap().push(KEY.public_jwk());
    Jwks::parse(set.to_string().as_bytes()).unwrap()
});

/// What a directory may be.
static RULES: LazyLock<[(IssuerRule, &str); 4]> = LazyLock::new(|| {
    let bare = "op.example".to_owned();
    let tenants = vec![TENANT.to_owned()];
    [
        (IssuerRule::Exact(EXACT.to_owned()), EXACT),
        (IssuerRule::Spellings(vec![EXACT.to_owned(), bare]), EXACT),
        (IssuerRule::Tenants { template: TEMPLATE.to_owned(), tenants }, TEMPLATE),
        (
            IssuerRule::Domain { template: TEMPLATE.to_owned() },
            "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/v2.0",
        ),
    ]
});

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn expected(rule: &'static (IssuerRule, &'static str)) -> Expected<'static> {
    static NOTHING: BTreeMap<String, String> = BTreeMap::new();
    Expected {
        issuer: &rule.0,
        published: rule.1,
        required: &NOTHING,
        client_id: CLIENT,
        nonce: NONCE,
        algs: &Alg::ALL,
        max_age: None,
        access_token: Some("at"),
        code: Some("c"),
    }
}

fn sign(message: &str) -> String {
    jsonwebtoken::crypto::sign(message.as_bytes(), &ENCODING, Algorithm::EdDSA).unwrap()
}

/// Our key, as it is published.
pub(crate) fn own_key() -> Value {
    KEY.public_jwk()
}

/// Whether a token of ours is accepted with these keys, by the key's name or by its kind.
pub(crate) fn verifies_with(keys: &Jwks) -> bool {
    let claims = json!({
        "iss": EXACT, "sub": "s", "aud": CLIENT, "nonce": NONCE, "iat": NOW, "exp": NOW + 60
    });
    let header = json!({ "alg": "EdDSA" }).to_string();
    let (header, claims) = (URL_SAFE_NO_PAD.encode(header), claims.as_object().unwrap());
    let named = KEY.sign(claims, "JWT").unwrap();
    let payload = named.split('.').nth(1).unwrap();
    let message = format!("{header}.{payload}");
    let unnamed = format!("{message}.{}", sign(&message));
    let expected = expected(&RULES[0]);
    [named, unnamed].iter().any(|raw| verify(raw, keys, &expected, now()).is_ok())
}

/// A token as it comes: nobody but the holder of the key makes one that is accepted.
pub fn jwt(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else { return };
    for rule in &*RULES {
        let Ok(token) = verify(raw, &KEYS, &expected(rule), now()) else { continue };
        assert!(raw.len() <= MAX_TOKEN);
        let (message, signature) = raw.rsplit_once('.').unwrap();
        assert_eq!(signature, sign(message), "a signature has one spelling");
        let (header, payload) = message.split_once('.').unwrap();
        for part in [header, payload] {
            let octets = URL_SAFE_NO_PAD.decode(part).unwrap();
            assert_eq!(URL_SAFE_NO_PAD.encode(octets), part);
        }
        consistent(&token, &expected(rule));
    }
}

/// The claims of a token whose signature is right, after a first line with a header; an empty line
/// stands for an ordinary one.
pub fn id_token(data: &[u8]) {
    let (header, payload) = match std::str::from_utf8(data) {
        Ok(text) => {
            let (header, payload) = first_line(text);
            (header.to_owned(), payload.as_bytes().to_vec())
        }
        Err(_) => (String::new(), data.to_vec()),
    };
    let header = match header.as_str() {
        "" => json!({ "alg": "EdDSA", "kid": KEY.kid() }).to_string(),
        _ => header.replace("KID", KEY.kid()),
    };
    let message =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&payload));
    let raw = format!("{message}.{}", sign(&message));
    for rule in &*RULES {
        let fresh = MaxAge { seconds: 60, requested_at: now() - TimeDelta::seconds(30) };
        let asked = Expected { max_age: Some(fresh), ..expected(rule) };
        let freely = verify(&raw, &KEYS, &expected(rule), now());
        let freshly = verify(&raw, &KEYS, &asked, now());
        if let Ok(token) = &freshly {
            assert!(freely.is_ok());
            assert!(token.auth_time().unwrap() >= fresh.requested_at - TimeDelta::seconds(120));
        }
        match freely {
            Ok(token) => {
                let read: Value = serde_json::from_slice(&payload).unwrap();
                assert_eq!(read.as_object(), Some(token.claims()));
                consistent(&token, &expected(rule));
                let later = now() + TimeDelta::days(400_000);
                assert!(verify(&raw, &KEYS, &expected(rule), later).is_err());
            }
            // The key is there under its name, or alone of its kind.
            Err(error) => assert_ne!(error, IdTokenError::Signature),
        }
    }
}

/// What has to be true of every token that passed, read anew.
fn consistent(token: &VerifiedIdToken, expected: &Expected<'_>) {
    let claims = token.claims();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let sub = text("sub").unwrap();
    assert_eq!(token.subject(), sub);
    assert!((1..=255).contains(&sub.chars().count()) && !sub.chars().any(char::is_control));
    assert!(!claims.contains_key("events"));
    assert_eq!(text("nonce"), Some(NONCE));
    let audiences: Vec<&Value> = match &claims["aud"] {
        Value::Array(many) => many.iter().collect(),
        one => vec![one],
    };
    assert!(audiences.contains(&&json!(CLIENT)) && audiences.len() <= 32);
    match claims.get("azp") {
        Some(azp) => assert_eq!(azp, CLIENT),
        None => assert_eq!(audiences.len(), 1),
    }
    within_time(claims);
    let iss = text("iss").unwrap();
    match expected.issuer {
        IssuerRule::Exact(_) => assert_eq!((iss, token.issuer()), (EXACT, EXACT)),
        IssuerRule::Spellings(all) => {
            assert!(all.iter().any(|one| one == iss));
            assert_eq!(token.issuer(), EXACT);
        }
        IssuerRule::Tenants { .. } => {
            let tid = text("tid").unwrap();
            assert!(is_tenant_id(tid) && tid.eq_ignore_ascii_case(TENANT));
            assert_eq!(iss, TEMPLATE.replace("{tenantid}", tid));
        }
        IssuerRule::Domain { .. } => assert_eq!(iss, expected.published),
    }
}

fn within_time(claims: &Map<String, Value>) {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    let (now, leeway) = (NOW as f64, LEEWAY.num_seconds() as f64);
    let time = |name: &str| claims.get(name).map(|value| value.as_f64().unwrap());
    assert!(time("exp").unwrap() > now - leeway);
    // Fractions of a second are cut off.
    assert!(time("iat").unwrap() < now + leeway + 1.0);
    assert!(time("nbf").is_none_or(|nbf| nbf < now + leeway + 1.0));
}
