//! RP-initiated logout: what a request says, and whose it is. [OIDCRIL-2]
//!
//! [`LogoutRequest::parse`] reads it, [`identify`] finds out whom an ID token that comes along was
//! made for, and [`destination`] is where a browser goes afterwards. What happens to a session is
//! decided elsewhere: an ID token is no proof of anything here, it only says who asks.

use serde_json::{Map, Value};

use crate::encoding::{append_query, query};
use crate::jose::Jwks;
use crate::jose::jws::Jws;
use crate::params::Params;
use crate::redirect_uri::RedirectUri;

/// The longest `state` that is sent back.
const MAX_STATE_BYTES: usize = 2048;

/// A request to end a session. Parameters that it may carry besides are ignored. [OIDCRIL-2]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    /// An ID token that we made once.
    pub id_token_hint: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// Where the client wants the browser afterwards, not yet compared with anything.
    pub post_logout_redirect_uri: Option<String>,
    /// What goes back with it.
    pub state: Option<String>,
}

impl LogoutRequest {
    /// Reads a query or a form. A parameter that is repeated, or a `state` over 2048 bytes, makes it
    /// a request that asks for nothing but to be asked: which of the two was meant is anybody's
    /// guess.
    pub fn parse(params: &Params) -> Self {
        let state = params.get("state");
        if params.repeated().is_some() || state.is_some_and(|state| state.len() > MAX_STATE_BYTES) {
            return Self::default();
        }
        let text = |name| params.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            id_token_hint: text("id_token_hint"),
            client_id: text("client_id"),
            post_logout_redirect_uri: text("post_logout_redirect_uri"),
            state: text("state"),
        }
    }
}

/// Whom an ID token was made for.
#[derive(Clone, PartialEq, Eq)]
pub struct Hint {
    /// The client.
    pub client_id: String,
    /// What the client calls the person.
    pub sub: String,
    /// The session.
    pub sid: Option<String>,
}

/// A person's identifier is personal data.
impl std::fmt::Debug for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hint({})", self.client_id)
    }
}

/// Reads an ID token that this issuer made: signed by one of its published keys, typed as one, with
/// one audience. It may have expired long ago: it identifies, and proves nothing. [OIDCRIL-2]
/// Anything else is `None`. (THREATS BR-10)
pub fn identify(raw: &str, keys: &Jwks, issuer: &str) -> Option<Hint> {
    let token = Jws::parse(raw).ok()?;
    // What an ID token of ours says, to the letter; other kinds say something else. [RFC8725-3.11]
    if token.typ.as_deref() != Some("JWT") {
        return None;
    }
    let key = keys.select(token.kid.as_deref(), token.alg).ok()?;
    let claims = token.verify(key).ok()?;
    if text(&claims, "iss") != Some(issuer) || claims.contains_key("events") {
        return None;
    }
    Some(Hint {
        client_id: text(&claims, "aud")?.to_owned(),
        sub: text(&claims, "sub")?.to_owned(),
        sid: text(&claims, "sid").map(str::to_owned),
    })
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str)
}

/// The registered address that was asked for: the same octets, without the freedom that a loopback
/// port has for sign-ins. [OIDCRIL-3]
pub fn registered<'r>(asked: &str, registered: &'r [RedirectUri]) -> Option<&'r RedirectUri> {
    registered.iter().find(|one| one.as_str() == asked)
}

/// Where the browser goes, with `state` if there is one. [OIDCRIL-3]
pub fn destination(uri: &RedirectUri, state: Option<&str>) -> String {
    match state {
        Some(state) => append_query(uri.as_str(), &query([("state", state)])),
        None => uri.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use serde_json::json;

    use super::*;
    use crate::encoding::base64url;
    use crate::jose::{Alg, SigningKey};

    const ISSUER: &str = "https://login.example/t/acme";

    fn key() -> &'static SigningKey {
        static KEY: OnceLock<SigningKey> = OnceLock::new();
        KEY.get_or_init(|| SigningKey::generate(Alg::ES256).unwrap())
    }

    fn keys() -> Jwks {
        Jwks::parse(json!({"keys": [key().public_jwk()]}).to_string().as_bytes()).unwrap()
    }

    fn claims(more: &Value) -> Map<String, Value> {
        let mut claims = json!({
            "iss": ISSUER, "sub": "c7f3", "aud": "imis", "sid": "s-1", "iat": 1, "exp": 2
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims.as_object().unwrap().clone()
    }

    fn found(token: &str) -> Option<Hint> {
        identify(token, &keys(), ISSUER)
    }

    fn sign(more: &Value) -> String {
        key().sign(&claims(more), "JWT").unwrap()
    }

    /// [OIDCRIL-2]
    #[test]
    fn br_10_an_expired_token_of_ours_says_whom_it_was_made_for() {
        let hint = found(&sign(&json!({}))).unwrap();
        let wanted = Hint { client_id: "imis".into(), sub: "c7f3".into(), sid: Some("s-1".into()) };
        assert_eq!(hint, wanted);
    }

    #[test]
    fn br_10_a_token_of_another_issuer_or_key_or_altered_identifies_nobody() {
        for wrong in [
            json!({"iss": "https://login.example/t/beta"}),
            json!({"aud": ["imis"]}),
            json!({"aud": null}),
            json!({"sub": 7}),
        ] {
            assert_eq!(found(&sign(&wrong)), None, "{wrong}");
        }
        let stranger = SigningKey::generate(Alg::ES256).unwrap();
        assert_eq!(found(&stranger.sign(&claims(&json!({})), "JWT").unwrap()), None);
        let good = sign(&json!({}));
        assert_eq!(found(&good[1..]), None);
        assert_eq!(found(&good[..good.len() - 1]), None);
        let (_, rest) = good.split_once('.').unwrap();
        for header in [r#"{"alg":"none","typ":"JWT"}"#, r#"{"alg":"HS256","typ":"JWT"}"#] {
            assert_eq!(found(&format!("{}.{rest}", base64url(header))), None, "{header}");
        }
        assert_eq!(found("not a token"), None);
    }

    /// [RFC8725-3.11]
    #[test]
    fn jw_11_no_other_token_that_we_sign_is_a_hint() {
        for typ in ["at+jwt", "logout+jwt", "secevent+jwt", ""] {
            assert_eq!(found(&key().sign(&claims(&json!({})), typ).unwrap()), None, "{typ}");
        }
        assert_eq!(found(&sign(&json!({"events": {}}))), None);
        let ours = crate::rp::client_assertion::ClientAssertion {
            client_id: "gateway",
            token_endpoint: "https://op.example/token",
            jti: "j",
        };
        let now = chrono::DateTime::from_timestamp(1_760_000_000, 0).unwrap();
        assert_eq!(found(&ours.sign(key(), now).unwrap()), None);
    }

    /// [OIDCRIL-3]
    #[test]
    fn br_10_an_address_is_registered_to_the_octet() {
        let uris = ["https://a.example/bye", "http://127.0.0.1/bye"]
            .map(|uri| RedirectUri::parse(uri).unwrap());
        assert_eq!(registered("https://a.example/bye", &uris), uris.first());
        for other in [
            "https://a.example/bye/",
            "https://a.example/bye?x=1",
            "https://A.example/bye",
            "https://a.example:443/bye",
            "http://127.0.0.1:4711/bye",
            "",
        ] {
            assert_eq!(registered(other, &uris), None, "{other}");
        }
    }

    /// [OIDCRIL-3]
    #[test]
    fn state_goes_back_behind_the_query_of_the_address() {
        let to = |uri: &str, state| destination(&RedirectUri::parse(uri).unwrap(), state);
        assert_eq!(to("https://a.example/bye", None), "https://a.example/bye");
        assert_eq!(
            to("https://a.example/bye", Some("a b&c")),
            "https://a.example/bye?state=a%20b%26c"
        );
        assert_eq!(to("https://a.example/?x=1", Some("s")), "https://a.example/?x=1&state=s");
    }

    #[test]
    fn a_request_that_says_something_twice_says_nothing() {
        let read = |body: &str| LogoutRequest::parse(&Params::parse(body.as_bytes()).unwrap());
        let full = read("id_token_hint=x&client_id=imis&post_logout_redirect_uri=u&state=s&x=1");
        assert_eq!(full.client_id.as_deref(), Some("imis"));
        assert_eq!(full.state.as_deref(), Some("s"));
        let twice = read("client_id=imis&post_logout_redirect_uri=u&post_logout_redirect_uri=v");
        assert_eq!(twice, LogoutRequest::default());
        let long = read(&format!("client_id=imis&state={}", "x".repeat(2049)));
        assert_eq!(long, LogoutRequest::default());
    }
}
