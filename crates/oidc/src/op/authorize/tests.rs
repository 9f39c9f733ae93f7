use super::*;
use crate::client::{ClientAuth, PkcePolicy};
use crate::error::ErrorCode;
use crate::redirect_uri::RedirectUri;
use crate::response_mode::ResponseMode;
use crate::secret::SecretHash;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client() -> Client {
    Client {
        client_id: "imis".to_owned(),
        auth: ClientAuth::Secret(vec![SecretHash::new([1; 32])]),
        redirect_uris: vec![RedirectUri::parse("https://members.example.org/").unwrap()],
        response_types: vec![ResponseType::Code],
        response_modes: vec![ResponseMode::Query, ResponseMode::FormPost],
        pkce: PkcePolicy::Required,
    }
}

/// Allowed what the middleware of the iMIS preset does.
fn hybrid_client() -> Client {
    Client {
        response_types: ResponseType::ALL.to_vec(),
        response_modes: vec![ResponseMode::FormPost, ResponseMode::Fragment],
        pkce: PkcePolicy::Optional,
        ..client()
    }
}

/// A valid request with some parameters replaced; an empty value leaves one out.
fn request(changes: &[(&str, &str)]) -> String {
    let valid = [
        ("client_id", "imis"),
        ("redirect_uri", "https://members.example.org/"),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "st=1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = valid.into_iter().filter(|(name, _)| !changes.iter().any(|(new, _)| new == name));
    crate::encoding::query(kept.chain(changes.iter().copied()))
}

fn check_raw(raw: &str, client: &Client) -> Result<CheckedRequest, Refusal> {
    check(&Params::parse(raw.as_bytes()).unwrap(), client)
}

fn checked(changes: &[(&str, &str)]) -> Result<CheckedRequest, Refusal> {
    check_raw(&request(changes), &client())
}

fn redirected(outcome: Result<CheckedRequest, Refusal>) -> (TrustedRedirect, ErrorCode) {
    match outcome {
        Err(Refusal::Redirect(redirect, error)) => (*redirect, error.code),
        other => panic!("expected a redirect, got {other:?}"),
    }
}

fn refused(changes: &[(&str, &str)]) -> ErrorCode {
    redirected(checked(changes)).1
}

#[test]
fn a_valid_request_is_understood() {
    let request = checked(&[
        ("nonce", "6389.Nm=="),
        ("max_age", "300"),
        ("prompt", "login"),
        ("login_hint", " dana@acme.example "),
        ("acr_values", "phr"),
        ("ui_locales", "de en"),
        ("x-client-SKU", "ID_NET472"),
    ])
    .unwrap();
    assert_eq!(request.redirect.uri().as_str(), "https://members.example.org/");
    assert_eq!(request.redirect.state(), Some("st=1"));
    assert_eq!(request.redirect.mode(), ResponseMode::Query);
    assert_eq!(request.response_type, ResponseType::Code);
    assert_eq!(request.scope.to_string(), "openid profile");
    assert_eq!(request.nonce.as_deref(), Some("6389.Nm=="));
    assert_eq!(request.code_challenge.unwrap().to_text(), CHALLENGE);
    assert_eq!(request.max_age, Some(300));
    assert_eq!(request.prompt.to_string(), "login");
    assert_eq!(request.login_hint.as_deref(), Some("dana@acme.example"));
    assert_eq!(request.acr_values.as_deref(), Some("phr"));
    assert_eq!(request.ui_locales.as_deref(), Some("de en"));
}

#[test]
fn a_request_survives_the_sealed_cookie() {
    let request = checked(&[("max_age", "0"), ("prompt", "none")]).unwrap();
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<CheckedRequest>(&text).unwrap(), request);
}

/// [RFC6749-4.1.2.1]
#[test]
fn az_01_a_client_that_is_not_this_one_gets_a_page() {
    for (client_id, reason) in [
        ("other", PageRefusal::ClientUnknown),
        ("imis\0", PageRefusal::ClientUnknown),
        ("", PageRefusal::ClientIdMissing),
    ] {
        assert_eq!(checked(&[("client_id", client_id)]), Err(Refusal::Page(reason)));
    }
}

#[test]
fn az_02_unregistered_redirect_uri_is_shown_not_followed() {
    let outcome = checked(&[("redirect_uri", "https://members.example.org")]);
    assert_eq!(outcome, Err(Refusal::Page(PageRefusal::RedirectUriUnregistered)));
}

/// [RFC6749-3.1]
#[test]
fn az_04_missing_or_repeated_redirect_uri_and_client_id_are_shown() {
    let outcome = checked(&[("redirect_uri", "")]);
    assert_eq!(outcome, Err(Refusal::Page(PageRefusal::RedirectUriMissing)));
    let twice =
        |name: &str, value: &str| check_raw(&format!("{}&{name}={value}", request(&[])), &client());
    assert_eq!(
        twice("redirect_uri", "https%3A%2F%2Fmembers.example.org%2F"),
        Err(Refusal::Page(PageRefusal::RedirectUriRepeated))
    );
    assert_eq!(twice("client_id", "imis"), Err(Refusal::Page(PageRefusal::ClientIdRepeated)));
}

/// [RFC6749-3.1]
#[test]
fn az_04_any_other_repeated_parameter_is_an_invalid_request() {
    for name in ["scope", "nonce", "response_type", "response_mode", "prompt", "unknown"] {
        let raw = format!("{}&{name}=a&{name}=b", request(&[]));
        let (redirect, code) = redirected(check_raw(&raw, &client()));
        assert_eq!(code, ErrorCode::InvalidRequest, "{name}");
        assert_eq!(redirect.state(), Some("st=1"));
    }
    let (redirect, _) = redirected(check_raw(&format!("{}&state=x", request(&[])), &client()));
    assert_eq!(redirect.state(), None, "which of two states is meant, nobody knows");
}

/// [RFC9700-2.1.2]
#[test]
fn az_05_response_types_that_are_not_enabled_are_unsupported() {
    for kind in ["token", "id_token", "code id_token", "id_token code", "none", "code token"] {
        let code = refused(&[("response_type", kind), ("nonce", "n")]);
        assert_eq!(code, ErrorCode::UnsupportedResponseType, "{kind}");
    }
    assert_eq!(refused(&[("response_type", "")]), ErrorCode::InvalidRequest);
}

#[test]
fn az_06_a_mode_that_is_not_enabled_is_answered_in_an_enabled_one() {
    for mode in ["fragment", "web_message", "form_post.jwt", "FORM_POST", "jwt"] {
        let (redirect, code) = redirected(checked(&[("response_mode", mode)]));
        assert_eq!((redirect.mode(), code), (ResponseMode::Query, ErrorCode::InvalidRequest));
        let form_only = Client { response_modes: vec![ResponseMode::FormPost], ..client() };
        let outcome = check_raw(&request(&[("response_mode", mode)]), &form_only);
        assert_eq!(redirected(outcome).0.mode(), ResponseMode::FormPost, "{mode}");
    }
}

#[test]
fn az_06_the_redirect_uri_comes_before_the_mode() {
    let outcome =
        checked(&[("response_mode", "form_post.jwt"), ("redirect_uri", "https://evil.example/")]);
    assert_eq!(outcome, Err(Refusal::Page(PageRefusal::RedirectUriUnregistered)));
}

#[test]
fn an_enabled_mode_is_used_also_for_errors() {
    let request = checked(&[("response_mode", "form_post")]).unwrap();
    assert_eq!(request.redirect.mode(), ResponseMode::FormPost);
    let (redirect, _) =
        redirected(checked(&[("response_mode", "form_post"), ("scope", "profile")]));
    assert_eq!(redirect.mode(), ResponseMode::FormPost);
}

/// [OAuth2-RT-5]
#[test]
fn an_id_token_never_travels_in_a_query() {
    let everything = Client { response_modes: ResponseMode::ALL.to_vec(), ..hybrid_client() };
    let hybrid = [("response_type", "code id_token"), ("nonce", "n")];
    let by_default = check_raw(&request(&hybrid), &everything).unwrap();
    assert_eq!(by_default.redirect.mode(), ResponseMode::Fragment);
    let raw = request(&[hybrid[0], hybrid[1], ("response_mode", "query")]);
    let (redirect, code) = redirected(check_raw(&raw, &everything));
    assert_eq!((redirect.mode(), code), (ResponseMode::Fragment, ErrorCode::InvalidRequest));
}

#[test]
fn az_06_a_default_mode_that_is_not_enabled_is_refused_too() {
    let hybrid = [("response_type", "code id_token"), ("nonce", "n")];
    for modes in [vec![ResponseMode::Query], Vec::new()] {
        let query_only = Client { response_modes: modes.clone(), ..hybrid_client() };
        for asked in ["", "fragment", "query"] {
            let raw = request(&[hybrid[0], hybrid[1], ("response_mode", asked)]);
            let (redirect, code) = redirected(check_raw(&raw, &query_only));
            assert_eq!(code, ErrorCode::InvalidRequest, "{asked}");
            let told = modes.first().copied().unwrap_or(ResponseMode::Fragment);
            assert_eq!(redirect.mode(), told, "{asked}");
        }
    }
    let form_only = Client { response_modes: vec![ResponseMode::FormPost], ..client() };
    let (redirect, code) = redirected(check_raw(&request(&[]), &form_only));
    assert_eq!((redirect.mode(), code), (ResponseMode::FormPost, ErrorCode::InvalidRequest));
}

/// [RFC7636-4.4.1] [RFC9700-2.1.1]
#[test]
fn az_07_challenges_must_be_there_and_s256() {
    let long = "a".repeat(129);
    let cases: [&[(&str, &str)]; 7] = [
        &[("code_challenge", ""), ("code_challenge_method", "")],
        &[("code_challenge", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "s256")],
        &[("code_challenge", &CHALLENGE[..42])],
        &[("code_challenge", &long)],
    ];
    for changes in cases {
        assert_eq!(refused(changes), ErrorCode::InvalidRequest, "{changes:?}");
        let exempt = redirected(check_raw(&request(changes), &hybrid_client())).1;
        assert_eq!(exempt, ErrorCode::InvalidRequest, "exempt: {changes:?}");
    }
}

#[test]
fn az_07_an_exempt_client_sends_a_nonce_instead_of_a_challenge() {
    let without = [("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "n")];
    let mut form_post = without.to_vec();
    form_post.push(("response_mode", "form_post"));
    let request_ = check_raw(&request(&form_post), &hybrid_client()).unwrap();
    assert_eq!(request_.code_challenge, None);
    assert_eq!(refused(&without), ErrorCode::InvalidRequest, "not exempt");
    let public = Client { auth: ClientAuth::None, ..hybrid_client() };
    let outcome = redirected(check_raw(&request(&form_post), &public));
    assert_eq!(outcome.1, ErrorCode::InvalidRequest, "public clients are never exempt");
}

/// [OIDCC-3.2.2.1] [OIDCC-3.3.2.11]
#[test]
fn an_id_token_from_the_front_channel_needs_a_nonce() {
    for kind in ["id_token", "code id_token"] {
        let changes = [("response_type", kind), ("response_mode", "form_post")];
        let (_, code) = redirected(check_raw(&request(&changes), &hybrid_client()));
        assert_eq!(code, ErrorCode::InvalidRequest, "{kind}");
        let with = [changes[0], changes[1], ("nonce", "n")];
        assert!(check_raw(&request(&with), &hybrid_client()).is_ok(), "{kind}");
    }
}

#[test]
fn a_client_that_asks_for_no_code_needs_no_challenge() {
    let client = Client { pkce: PkcePolicy::Required, ..hybrid_client() };
    let changes = [
        ("response_type", "id_token"),
        ("nonce", "n"),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    assert!(check_raw(&request(&changes), &client).is_ok());
}

/// [OIDCC-3.1.2.1]
#[test]
fn az_08_prompt_none_is_alone_and_comes_after_the_redirect_uri() {
    assert!(checked(&[("prompt", "none")]).unwrap().prompt.is_none());
    assert_eq!(refused(&[("prompt", "none login")]), ErrorCode::InvalidRequest);
    let outcome = checked(&[("prompt", "none"), ("redirect_uri", "https://evil.example/")]);
    assert!(matches!(outcome, Err(Refusal::Page(_))));
}

/// [OIDCC-6]
#[test]
fn az_13_request_objects_and_registration_are_refused_by_name() {
    let cases = [
        ("request", "eyJ.e30.", ErrorCode::RequestNotSupported),
        ("request_uri", "http://169.254.169.254/", ErrorCode::RequestUriNotSupported),
        ("registration", "{}", ErrorCode::RegistrationNotSupported),
    ];
    for (name, value, expected) in cases {
        assert_eq!(refused(&[(name, value)]), expected);
    }
}

#[test]
fn az_15_state_nonce_and_scope_are_bounded() {
    let fits = "s".repeat(MAX_STATE_BYTES);
    assert_eq!(checked(&[("state", &fits)]).unwrap().redirect.state(), Some(fits.as_str()));
    let (redirect, code) = redirected(checked(&[("state", &format!("{fits}s"))]));
    assert_eq!((redirect.state(), code), (None, ErrorCode::InvalidRequest));
    let nonce = "n".repeat(MAX_NONCE_BYTES + 1);
    assert_eq!(refused(&[("nonce", &nonce)]), ErrorCode::InvalidRequest);
    assert!(checked(&[("nonce", &nonce[1..])]).is_ok());
    assert_eq!(refused(&[("nonce", "a\0b")]), ErrorCode::InvalidRequest);
    let words: Vec<String> = (0..50).map(|i| format!("s{i}")).collect();
    let scopes = format!("openid {}", words.join(" "));
    assert_eq!(refused(&[("scope", &scopes)]), ErrorCode::InvalidScope);
}

/// [OIDCC-3.1.2.1]
#[test]
fn scope_must_contain_openid() {
    for scope in ["", "profile", "openid2", "OpenID"] {
        assert_eq!(refused(&[("scope", scope)]), ErrorCode::InvalidScope, "{scope}");
    }
}

/// [OIDCC-3.1.2.1]
#[test]
fn max_age_is_a_number_of_seconds() {
    assert_eq!(checked(&[("max_age", "0")]).unwrap().max_age, Some(0));
    for raw in ["-1", "+1", "1.5", "x", "99999999999", " 1"] {
        assert_eq!(refused(&[("max_age", raw)]), ErrorCode::InvalidRequest, "{raw}");
    }
}

#[test]
fn hints_that_cannot_be_hints_are_dropped_and_stop_nobody() {
    let long = "x".repeat(MAX_LOGIN_HINT_CHARS + 1);
    for hint in [long.as_str(), "a\r\nb", "   "] {
        assert_eq!(checked(&[("login_hint", hint)]).unwrap().login_hint, None, "{hint:?}");
    }
    let locales = "x".repeat(MAX_ADVICE_BYTES + 1);
    assert_eq!(checked(&[("ui_locales", &locales)]).unwrap().ui_locales, None);
}

#[test]
fn the_directory_is_read_from_the_first_of_its_names() {
    let hint = |changes: &[(&str, &str)]| checked(changes).unwrap().directory_hint;
    assert_eq!(hint(&[]), None);
    assert_eq!(hint(&[("domain_hint", "acme.org")]).as_deref(), Some("acme.org"));
    let all = [("domain_hint", "d"), ("idp_hint", "c"), ("kc_idp_hint", "b"), ("directory", "a")];
    assert_eq!(hint(&all).as_deref(), Some("a"));
    assert_eq!(hint(&all[..3]).as_deref(), Some("b"));
}

#[test]
fn asking_again_asks_the_same_without_the_directory() {
    let full = [
        ("nonce", "6389.Nm=="),
        ("max_age", "300"),
        ("prompt", "login consent"),
        ("login_hint", "dana@acme.example"),
        ("response_mode", "form_post"),
        ("directory", "okta"),
    ];
    for changes in [&full[..], &[]] {
        let first = checked(changes).unwrap();
        let again = check_raw(&first.to_query("imis"), &client()).unwrap();
        assert_eq!(again, CheckedRequest { directory_hint: None, ..first });
    }
}
