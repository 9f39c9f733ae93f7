//! The authorization URL, the code exchange and userinfo.

use secrecy::ExposeSecret;

use super::peer::{TOKEN, USERINFO};
use super::*;
use broker::forward::Told;

/// The pair of RFC 7636, appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(super) const REDIRECT_URI: &str = "https://login.example/t/acme/directories/okta/callback";

pub(super) async fn exchange(
    directory: &Directory,
    metadata: &ProviderMetadata,
) -> Result<Tokens, UpstreamError> {
    let exchange = Exchange { code: "4/0A+x", redirect_uri: REDIRECT_URI, verifier: VERIFIER };
    let exchanged =
        upstream("127.0.0.0/8").exchange(tenant(1), directory, metadata, exchange, None).await;
    exchanged.tokens
}

fn request() -> AuthorizationRequest<'static> {
    AuthorizationRequest {
        state: "st",
        nonce: "no",
        verifier: VERIFIER,
        redirect_uri: REDIRECT_URI,
        told: Told {
            login_hint: Some("jane@acme.example".to_owned()),
            prompt: Some("login".to_owned()),
            max_age: Some(0),
            acr_values: Some("urn:a urn:b".to_owned()),
            ui_locales: Some("de en".to_owned()),
        },
    }
}

async fn url_of(request: AuthorizationRequest<'_>) -> Result<url::Url, UpstreamError> {
    let peer = Peer::start().await;
    let directory = plain_directory(&peer.issuer);
    upstream("").authorization_url(&directory, &peer.metadata(&json!({})), &request)
}

fn sorted(pairs: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    pairs
}

pub(super) fn form(body: &str) -> Vec<(String, String)> {
    sorted(url::form_urlencoded::parse(body.as_bytes()).into_owned())
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    sorted(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// [OIDCC-3.1.2.1]
#[tokio::test]
async fn up_06_the_browser_is_sent_with_state_nonce_and_challenge() {
    let url = url_of(request()).await.unwrap();
    assert_eq!(url.path(), "/authorize");
    let expected = owned([
        ("policy", "p1"),
        ("response_type", "code"),
        ("client_id", "0oa1"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid profile email"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("login_hint", "jane@acme.example"),
        ("prompt", "login"),
        ("max_age", "0"),
        ("acr_values", "urn:a urn:b"),
        ("ui_locales", "de en"),
    ]);
    assert_eq!(form(url.query().unwrap()), expected);
}

#[tokio::test]
async fn what_is_absent_is_not_sent() {
    let bare = AuthorizationRequest { told: Told::default(), ..request() };
    let names: Vec<String> =
        url_of(bare).await.unwrap().query_pairs().map(|(name, _)| name.into_owned()).collect();
    for name in ["login_hint", "prompt", "max_age", "acr_values", "ui_locales"] {
        assert!(!names.iter().any(|other| other == name), "{name}");
    }
}

#[tokio::test]
async fn directorys_own_parameters_are_sent_and_the_applications_wish_wins() {
    let peer = Peer::start().await;
    let parameters = json!({ "parameters": { "hd": "acme.example", "acr_values": "urn:c" } });
    let directory = directory(&peer.issuer, &parameters);
    let sent = |request| {
        let metadata = peer.metadata(&json!({}));
        let url = upstream("").authorization_url(&directory, &metadata, &request).unwrap();
        form(url.query().unwrap())
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let asked = sent(request());
    assert!(asked.contains(&pair("hd", "acme.example")));
    assert!(asked.contains(&pair("acr_values", "urn:a urn:b")));
    assert!(!asked.contains(&pair("acr_values", "urn:c")));
    let silent = AuthorizationRequest { told: Told::default(), ..request() };
    assert!(sent(silent).contains(&pair("acr_values", "urn:c")));
}

#[tokio::test]
async fn a_verifier_that_is_none_is_an_error_and_no_panic() {
    let short = AuthorizationRequest { verifier: "short", ..request() };
    assert_eq!(url_of(short).await, Err(UpstreamError::Request("the code verifier")));
}

/// [RFC6749-2.3.1] [RFC6749-4.1.3]
#[tokio::test]
async fn a_code_is_exchanged_with_basic_authentication_unless_told_otherwise() {
    let peer = Peer::start().await;
    // Lenient reading: the lifetime as text, no token type.
    peer.json(TOKEN, 200, &json!({ "id_token": "h.p.s", "access_token": "at", "expires_in": "1" }));
    let tokens =
        exchange(&plain_directory(&peer.issuer), &peer.metadata(&json!({}))).await.unwrap();
    assert_eq!(tokens.id_token.expose_secret(), "h.p.s");
    assert_eq!(tokens.access_token.unwrap().expose_secret(), "at");
    let seen = peer.seen(TOKEN);
    // base64 of `0oa1:s3cret%2F%2B+`: both parts are encoded before they are joined.
    assert_eq!(seen[0].authorization.as_deref(), Some("Basic MG9hMTpzM2NyZXQlMkYlMkIr"));
    let expected = owned([
        ("grant_type", "authorization_code"),
        ("code", "4/0A+x"),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ]);
    assert_eq!((form(&seen[0].body), seen.len()), (expected, 1));
}

/// [OIDCC-9]
#[tokio::test]
async fn exactly_one_authentication_method_is_used() {
    let peer = Peer::start().await;
    peer.json(TOKEN, 200, &json!({ "id_token": "h.p.s" }));
    let in_form = |method: &str| json!({ "token_endpoint_auth_methods_supported": [method] });
    let basic_set = json!({ "token_endpoint_auth_method": "client_secret_basic" });
    let post_set = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let cases = [
        (in_form("client_secret_post"), json!({}), true),
        (in_form("client_secret_basic"), post_set, true),
        (in_form("client_secret_post"), basic_set, false),
        (in_form("private_key_jwt"), json!({}), false),
        (
            json!({ "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"] }),
            json!({}),
            false,
        ),
    ];
    for (document, settings, posted) in cases {
        let directory = directory(&peer.issuer, &settings);
        exchange(&directory, &peer.metadata(&document)).await.unwrap();
        let seen = peer.seen(TOKEN).pop().unwrap();
        let secret = ("client_secret".to_owned(), "s3cret/+ ".to_owned());
        assert_eq!(form(&seen.body).contains(&secret), posted, "{document} {settings}");
        assert_eq!(seen.authorization.is_none(), posted, "{document} {settings}");
    }
}

#[tokio::test]
async fn without_a_secret_the_client_is_named_in_the_form() {
    let peer = Peer::start().await;
    peer.json(TOKEN, 200, &json!({ "id_token": "h.p.s" }));
    let public = Directory { secrets: Vec::new(), ..plain_directory(&peer.issuer) };
    exchange(&public, &peer.metadata(&json!({}))).await.unwrap();
    let seen = peer.seen(TOKEN).pop().unwrap();
    let names = form(&seen.body);
    assert!(names.contains(&("client_id".to_owned(), "0oa1".to_owned())));
    assert!(!seen.body.contains("client_secret") && seen.authorization.is_none());
}

#[tokio::test]
async fn up_10_what_is_no_token_response_is_told_apart() {
    let peer = Peer::start().await;
    let (directory, metadata) = (plain_directory(&peer.issuer), peer.metadata(&json!({})));
    let expired = r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#;
    let cases = [
        (401, expired, FailureCode::DirectorySecretExpired),
        (401, r#"{"error":"invalid_client"}"#, FailureCode::DirectoryCredentialsWrong),
        (401, "", FailureCode::DirectoryCredentialsWrong),
        (200, r#"{"error":"invalid_grant"}"#, FailureCode::DirectoryCodeRefused),
        (200, "<html>", FailureCode::TokenResponseInvalid),
        (400, r#"{"id_token":"h.p.s"}"#, FailureCode::TokenResponseInvalid),
        (200, r#"{"access_token":"at"}"#, FailureCode::IdTokenMissing),
        (302, "", FailureCode::TokenResponseInvalid),
        (502, "<html>", FailureCode::DirectoryUnreachable),
    ];
    for (at, (status, body, expected)) in cases.into_iter().enumerate() {
        peer.says(TOKEN, status, "application/json", body);
        let answer = exchange(&directory, &metadata).await;
        assert_eq!(failure(answer), Some(expected), "{status} {body}");
        assert_eq!(peer.count(TOKEN), at + 1, "never twice: {status} {body}");
    }
}

async fn userinfo(
    peer: &Peer,
    metadata: &ProviderMetadata,
) -> Result<Map<String, Value>, UpstreamError> {
    let directory = plain_directory(&peer.issuer);
    upstream("127.0.0.0/8").userinfo(tenant(1), &directory, metadata, &"at".into(), "00u1").await
}

/// [OIDCC-5.3.2]
#[tokio::test]
async fn userinfo_is_asked_with_the_token_and_must_be_about_the_same_person() {
    let peer = Peer::start().await;
    let metadata = peer.metadata(&json!({}));
    peer.json(USERINFO, 200, &json!({ "sub": "00u1", "email": "jane@acme.example" }));
    assert_eq!(userinfo(&peer, &metadata).await.unwrap()["email"], "jane@acme.example");
    assert_eq!(peer.seen(USERINFO)[0].authorization.as_deref(), Some("Bearer at"));
    peer.json(USERINFO, 200, &json!({ "sub": "00u2" }));
    let answer = userinfo(&peer, &metadata).await;
    assert_eq!(failure(answer), Some(FailureCode::UserinfoSubjectMismatch));
}

#[tokio::test]
async fn userinfo_that_is_no_json_is_refused() {
    let peer = Peer::start().await;
    let metadata = peer.metadata(&json!({}));
    peer.says(USERINFO, 200, "application/jwt", r#"{"sub":"00u1"}"#);
    assert_eq!(userinfo(&peer, &metadata).await, Err(UpstreamError::UserinfoToken));
    peer.json(USERINFO, 403, &json!({ "sub": "00u1" }));
    let status = UpstreamError::Status { asked: Asked::Userinfo, status: 403 };
    assert_eq!(userinfo(&peer, &metadata).await, Err(status));
    let without = peer.metadata(&json!({ "userinfo_endpoint": null }));
    assert_eq!(userinfo(&peer, &without).await, Err(UpstreamError::NoUserinfo));
}
