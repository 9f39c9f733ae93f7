//! Requests of applications, and answers that a browser brings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use oidc::Params;
use oidc::client::{Client, ClientAuth, PkcePolicy};
use oidc::client_auth::{Presented, verify};
use oidc::error::{ErrorCode, OAuthError};
use oidc::op::answer::{AuthorizationResponse, Success, refusal, success};
use oidc::op::authorize::{
    CheckedRequest, MAX_ADVICE_BYTES, MAX_LOGIN_HINT_CHARS, MAX_NONCE_BYTES, MAX_STATE_BYTES,
    Refusal, check, client_id,
};
use oidc::op::token::{IssuedCode, PresentedVerifier, TokenRequest, check_code};
use oidc::params::{MAX_BYTES, MAX_PARAMETERS};
use oidc::pkce::CodeVerifier;
use oidc::redirect_uri::{self, RedirectUri, TrustedRedirect};
use oidc::response_mode::ResponseMode;
use oidc::response_type::ResponseType;
use oidc::rp::callback::{self, CallbackAnswer};
use oidc::secret::{ExposeSecret as _, SecretHash, sha256};

use super::first_line;

const SECRET: &str = "s3cret:+%2F";
const ISSUER: &str = "https://op.example";

const REGISTERED: [&str; 5] = [
    "https://a.example/",
    "https://a.example/cb?p=1",
    "http://127.0.0.1/cb",
    "http://[::1]",
    "com.example.app:/cb",
];

/// The clients that there are kinds of.
fn clients() -> [Client; 3] {
    let client =
        |auth, pkce, response_types: &[ResponseType], response_modes: &[ResponseMode]| Client {
            client_id: "app".to_owned(),
            auth,
            redirect_uris: REGISTERED.map(|uri| RedirectUri::parse(uri).unwrap()).to_vec(),
            response_types: response_types.to_vec(),
            response_modes: response_modes.to_vec(),
            pkce,
        };
    let secret = || ClientAuth::Secret(vec![hash(SECRET), SecretHash::new([7; 32])]);
    let all = (&ResponseType::ALL[..], &ResponseMode::ALL[..]);
    [
        client(ClientAuth::None, PkcePolicy::Optional, all.0, all.1),
        client(secret(), PkcePolicy::Optional, all.0, all.1),
        client(secret(), PkcePolicy::Required, &all.0[..1], &[ResponseMode::Query]),
    ]
}

fn hash(secret: &str) -> SecretHash {
    SecretHash::new(sha256(secret.as_bytes()))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

/// Parameters that were read keep to the bounds and read back from what they print.
fn params(data: &[u8]) -> Option<Params> {
    let params = Params::parse(data).ok()?;
    assert!(data.len() <= MAX_BYTES && params.iter().count() <= MAX_PARAMETERS);
    assert!(params.iter().all(|(_, value)| !value.is_empty()));
    let printed = params.to_urlencoded();
    // Escaped, a text may be longer than what is read.
    if printed.len() <= MAX_BYTES {
        assert!(Params::parse(printed.as_bytes()).as_ref() == Ok(&params), "{printed}");
    }
    Some(params)
}

/// An authorization request: whatever it says, answers go where a client registered that they may.
pub fn authorize(data: &[u8]) {
    let Some(params) = params(data) else { return };
    if let Ok(id) = client_id(&params) {
        assert!(id.len() <= 512 && !id.chars().any(char::is_control));
    }
    for client in clients() {
        match check(&params, &client) {
            Ok(request) => {
                delivered(&params, &request.redirect);
                accepted(&params, &client, &request);
            }
            Err(Refusal::Redirect(redirect, error)) => {
                delivered(&params, &redirect);
                answers_arrive(&refusal(&redirect, &error, Some(ISSUER)), &redirect);
            }
            Err(Refusal::Page(_)) => {}
        }
    }
}

fn delivered(params: &Params, redirect: &TrustedRedirect) {
    let uri = redirect.uri().as_str();
    assert_eq!(params.get("client_id"), Some("app"));
    assert_eq!(params.get("redirect_uri"), Some(uri));
    assert!(REGISTERED.iter().any(|one| *one == uri || is_on_another_port(one, uri)), "{uri}");
    if let Some(state) = redirect.state() {
        assert!(state.len() <= MAX_STATE_BYTES);
        assert_eq!(params.get("state"), Some(state));
    }
}

fn accepted(params: &Params, client: &Client, request: &CheckedRequest) {
    let mode = request.redirect.mode();
    assert!(params.repeated().is_none());
    assert!(client.response_types.contains(&request.response_type));
    assert!(client.response_modes.contains(&mode));
    assert!(!(request.response_type.has_id_token() && mode == ResponseMode::Query));
    assert!(request.scope.contains("openid"));
    assert!(request.nonce.is_some() || !request.response_type.has_id_token());
    let unbound = request.response_type.has_code() && request.code_challenge.is_none();
    assert!(!unbound || (!client.must_send_challenge() && request.nonce.is_some()));
    assert_eq!(request.redirect.state(), params.get("state"));
    let printable = |text: &str| !text.chars().any(char::is_control);
    let bounded = |text: &Option<String>, max: usize| {
        text.as_ref().is_none_or(|text| text.len() <= max && printable(text))
    };
    assert!(bounded(&request.nonce, MAX_NONCE_BYTES));
    assert!(bounded(&request.acr_values, MAX_ADVICE_BYTES));
    assert!(bounded(&request.ui_locales, MAX_ADVICE_BYTES));
    assert!(bounded(&request.directory_hint, MAX_ADVICE_BYTES));
    assert!(bounded(&request.login_hint, 4 * MAX_LOGIN_HINT_CHARS));

    let answer = Success { code: Some("c&=+#"), id_token: None };
    answers_arrive(&success(&request.redirect, answer, Some(ISSUER)), &request.redirect);
    let error = OAuthError::new(ErrorCode::AccessDenied, "denied");
    answers_arrive(&refusal(&request.redirect, &error, None), &request.redirect);

    // What is sealed into a cookie opens as the same, and *Try again* asks the same.
    let sealed = serde_json::to_vec(request).unwrap();
    assert_eq!(&serde_json::from_slice::<CheckedRequest>(&sealed).unwrap(), request);
    let again = request.to_query("app");
    if again.len() <= MAX_BYTES {
        let again = check(&Params::parse(again.as_bytes()).unwrap(), client).unwrap();
        assert_eq!(again, CheckedRequest { directory_hint: None, ..request.clone() });
    }
}

/// The client finds its `state` in the answer, which goes to its redirect URI.
fn answers_arrive(answer: &AuthorizationResponse, redirect: &TrustedRedirect) {
    let uri = redirect.uri().as_str();
    let state = match answer {
        AuthorizationResponse::FormPost { action, fields } => {
            assert_eq!(action, uri);
            fields.iter().find(|(name, _)| *name == "state").map(|(_, value)| value.clone())
        }
        AuthorizationResponse::Redirect(target) => {
            assert!(target.bytes().all(|octet| octet.is_ascii_graphic()), "{target}");
            let added = target.strip_prefix(uri).unwrap();
            let sent = added.trim_start_matches(['?', '#', '&']);
            let mut pairs = url::form_urlencoded::parse(sent.as_bytes());
            pairs.find(|(name, _)| name == "state").map(|(_, value)| value.into_owned())
        }
    };
    assert_eq!(state.as_deref(), redirect.state());
}

/// The freedom of a loopback literal, written anew. [RFC8252-7.3]
fn is_on_another_port(registered: &str, asked: &str) -> bool {
    ["http://127.0.0.1", "http://[::1]"].into_iter().any(|origin| {
        let Some(rest) = registered.strip_prefix(origin) else { return false };
        let port = asked.strip_prefix(origin).and_then(|asked| asked.strip_prefix(':'));
        let port = port.and_then(|port| port.strip_suffix(rest)?.parse::<u16>().ok());
        let port = port.filter(|port| *port != 0 && !rest.starts_with(':'));
        port.is_some_and(|port| asked == format!("{origin}:{port}{rest}"))
    })
}

/// A token request: the form, and an `Authorization` header on the first line.
pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (header, form) = first_line(text);
    let Some(params) = params(form.as_bytes()) else { return };
    let header = Some(header).filter(|header| !header.is_empty());
    let request = TokenRequest::parse(&params);
    if let Ok(TokenRequest::AuthorizationCode(_)) = &request {
        assert_eq!(params.get("grant_type"), Some("authorization_code"));
        assert!(params.repeated().is_none());
    }
    let Ok(presented) = Presented::read(header, &params) else { return };
    let id = presented.client_id();
    assert!(!id.is_empty() && id.len() <= 512 && !id.chars().any(char::is_control));
    for client in clients() {
        let Ok(authenticated) = verify(&presented, &client, hash) else { continue };
        assert_eq!(authenticated.client_id(), presented.client_id());
        match client.auth {
            ClientAuth::None => assert!(!sent(header, &params).any(|secret| !secret.is_empty())),
            _ => assert!(sent(header, &params).any(|secret| secret == SECRET)),
        }
        let Ok(TokenRequest::AuthorizationCode(exchange)) = &request else { continue };
        assert!(exchange.code.expose_secret().len() <= 1024);
        let issued = IssuedCode {
            client_id: "app".to_owned(),
            redirect_uri: REGISTERED[0].to_owned(),
            code_challenge: Some(CodeVerifier::from_entropy(&[3; 32]).challenge()),
            expires_at: now() + TimeDelta::seconds(1),
            redeemed: false,
            revoked: false,
        };
        if check_code(&issued, exchange, &authenticated, now()).is_ok() {
            assert_eq!(params.get("redirect_uri"), Some(REGISTERED[0]));
            let PresentedVerifier::Present(verifier) = &exchange.verifier else {
                panic!("redeemed without a verifier")
            };
            assert_eq!(verifier.expose(), CodeVerifier::from_entropy(&[3; 32]).expose());
        }
        assert!(
            check_code(&issued, exchange, &authenticated, now() + TimeDelta::seconds(1)).is_err()
        );
    }
}

/// Every text that could be meant as the secret, read anew.
fn sent<'a>(header: Option<&'a str>, params: &'a Params) -> impl Iterator<Item = String> + 'a {
    let basic = header.and_then(|header| {
        let octets = STANDARD.decode(header.split_once(' ')?.1.trim()).ok()?;
        let text = String::from_utf8(octets).ok()?;
        Some(text.split_once(':')?.1.to_owned())
    });
    let decoded = basic.as_ref().map(|raw| {
        let pair = format!("x={}", raw.replace('&', "%26"));
        url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
    });
    let posted = params.get("client_secret").map(str::to_owned);
    [basic, decoded, posted].into_iter().flatten()
}

/// A directory's answer at the callback.
pub fn callback(data: &[u8]) {
    let Some(params) = params(data) else { return };
    let Ok(answer) = callback::parse(&params) else { return };
    assert!(!params.is_repeated("state") && !params.is_repeated("code"));
    assert_eq!(params.get("state"), Some(answer.state()));
    let shown = |text: &str| text.chars().count() <= 256 && !text.chars().any(char::is_control);
    match &answer {
        CallbackAnswer::Code { code, .. } => {
            assert_eq!(params.get("code"), Some(code.as_str()));
            assert!(params.get("error").is_none());
        }
        CallbackAnswer::Error { error, error_description, .. } => {
            assert!(shown(error) && error_description.as_deref().is_none_or(shown));
        }
    }
    for announced in [true, false] {
        if callback::check_issuer(answer.iss(), ISSUER, announced).is_ok() {
            assert!(params.get("iss").map_or(!announced, |iss| iss == ISSUER));
        }
    }
}

/// A redirect URI to register on the first line, one that is asked for on the second.
pub fn redirect_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (registered, asked) = first_line(text);
    let Ok(uri) = RedirectUri::parse(registered) else { return };
    assert_eq!(uri.as_str(), registered);
    assert!(registered.len() <= redirect_uri::MAX_BYTES);
    let plain = |octet: u8| octet.is_ascii_graphic() && !b"\\#*".contains(&octet);
    assert!(registered.bytes().all(plain));
    let url = url::Url::parse(registered).unwrap();
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    match url.scheme() {
        "https" => assert!(url.has_host()),
        "http" => assert!(loopback, "{registered}"),
        scheme => assert!(scheme.contains('.'), "{registered}"),
    }
    if matches!(url.scheme(), "http" | "https") {
        // No segment goes away when a browser reads it.
        let path = registered.split('?').next().unwrap_or_default();
        let written = path.split('/').skip(3).count().max(1);
        assert_eq!(url.path().split('/').skip(1).count(), written, "{registered}");
    }
    let kept = serde_json::to_string(&uri).unwrap();
    assert_eq!(serde_json::from_str::<RedirectUri>(&kept).unwrap(), uri);
    assert!(uri.matches(registered));

    let matches = uri.matches(asked);
    assert_eq!(matches, asked == registered || is_on_another_port(registered, asked), "{asked}");
    let all = [RedirectUri::parse("https://other.example/").unwrap(), uri];
    let resolved = TrustedRedirect::resolve(asked, &all, ResponseMode::Query, Some("s"));
    assert_eq!(resolved.is_some(), matches || asked == "https://other.example/");
    if let Some(target) = resolved {
        assert_eq!(target.uri().as_str(), asked);
        assert!(RedirectUri::parse(asked).is_ok(), "{asked}");
    }
}
