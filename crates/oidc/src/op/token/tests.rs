use super::*;
use crate::client::{Client, ClientAuth, PkcePolicy};
use crate::client_auth::{Presented, verify};
use crate::secret::SecretHash;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const FORM: &str = "grant_type=authorization_code&code=abc&redirect_uri=https%3A%2F%2Fa.example%2F\
                    &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

fn params(raw: &str) -> Params {
    Params::parse(raw.as_bytes()).unwrap()
}

fn exchange(raw: &str) -> CodeExchange {
    match TokenRequest::parse(&params(raw)).unwrap() {
        TokenRequest::AuthorizationCode(exchange) => exchange,
        TokenRequest::RefreshToken(_) => panic!("another grant"),
    }
}

fn issued() -> IssuedCode {
    IssuedCode {
        client_id: "app".to_owned(),
        redirect_uri: "https://a.example/".to_owned(),
        code_challenge: Some(CodeChallenge::parse(CHALLENGE).unwrap()),
        expires_at: now() + chrono::Duration::seconds(60),
        redeemed: false,
        revoked: false,
    }
}

fn outcome(client_id: &str, issued: &IssuedCode, form: &str) -> Result<(), CodeRefusal> {
    let client = Client {
        client_id: client_id.to_owned(),
        auth: ClientAuth::None,
        redirect_uris: Vec::new(),
        response_types: Vec::new(),
        response_modes: Vec::new(),
        pkce: PkcePolicy::Required,
    };
    let presented = Presented::read(None, &params(&format!("client_id={client_id}"))).unwrap();
    let client = verify(&presented, &client, |_| SecretHash::new([0; 32])).unwrap();
    check_code(issued, &exchange(form), &client, now())
}

/// [RFC6749-4.1.3] [RFC7636-4.6]
#[test]
fn the_right_client_with_the_right_verifier_redeems() {
    assert_eq!(outcome("app", &issued(), FORM), Ok(()));
}

/// [RFC6749-5.2]
#[test]
fn tk_13_other_grant_types_and_none_are_unsupported() {
    let grants = [
        "grant_type=password",
        "grant_type=client_credentials",
        "grant_type=Refresh_Token",
        "grant_type=urn:ietf:params:oauth:grant-type:saml2-bearer",
        "grant_type=urn:ietf:params:oauth:grant-type:device_code",
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer",
        "grant_type=Authorization_Code",
        "grant_type=",
        "",
    ];
    for grant in grants {
        let error = TokenRequest::parse(&params(&format!("{grant}&code=abc"))).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnsupportedGrantType, "{grant}");
    }
}

#[test]
fn tk_14_a_missing_code_and_repeated_parameters_are_invalid_requests() {
    for raw in ["grant_type=authorization_code".to_owned(), format!("{FORM}&code=b")] {
        let error = TokenRequest::parse(&params(&raw)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest, "{raw}");
    }
}

#[test]
fn tk_03_another_client_is_refused_and_the_code_stays_good() {
    let refusal = outcome("other", &issued(), FORM).unwrap_err();
    assert_eq!(refusal, CodeRefusal::WrongClient);
    assert!(!refusal.consumes() && !refusal.revokes_grant());
    let redeemed = IssuedCode { redeemed: true, ..issued() };
    let replay_by_stranger = outcome("other", &redeemed, FORM).unwrap_err();
    assert!(!replay_by_stranger.revokes_grant());
}

#[test]
fn tk_03_another_redirect_uri_is_refused_and_the_code_stays_good() {
    for form in [FORM.replace("a.example", "b.example"), FORM.replace("redirect_uri", "x")] {
        let refusal = outcome("app", &issued(), &form).unwrap_err();
        assert_eq!(refusal, CodeRefusal::RedirectUriMismatch);
        assert!(!refusal.consumes());
    }
}

/// [RFC6749-4.1.2]
#[test]
fn tk_01_a_second_redemption_revokes_the_grant_also_when_late() {
    let redeemed = IssuedCode { redeemed: true, expires_at: now(), ..issued() };
    let refusal = outcome("app", &redeemed, FORM).unwrap_err();
    assert_eq!(refusal, CodeRefusal::Replayed);
    assert!(refusal.revokes_grant());
}

#[test]
fn tk_04_a_code_is_refused_from_its_expiry_on() {
    let expired = IssuedCode { expires_at: now(), ..issued() };
    assert_eq!(outcome("app", &expired, FORM), Err(CodeRefusal::Expired));
    let last = IssuedCode { expires_at: now() + chrono::Duration::nanoseconds(1), ..issued() };
    assert_eq!(outcome("app", &last, FORM), Ok(()));
}

#[test]
fn tk_12_a_revoked_grant_redeems_nothing() {
    let revoked = IssuedCode { revoked: true, ..issued() };
    assert_eq!(outcome("app", &revoked, FORM), Err(CodeRefusal::Revoked));
}

#[test]
fn tk_05_missing_wrong_and_malformed_verifiers_spend_the_code() {
    let cases = [
        (FORM.replace("code_verifier", "x"), CodeRefusal::VerifierMissing),
        (FORM.replace(VERIFIER, &"a".repeat(43)), CodeRefusal::VerifierMismatch),
        (FORM.replace(VERIFIER, "short"), CodeRefusal::VerifierMismatch),
        (FORM.replace(VERIFIER, CHALLENGE), CodeRefusal::VerifierMismatch),
    ];
    for (form, expected) in cases {
        let refusal = outcome("app", &issued(), &form).unwrap_err();
        assert_eq!(refusal, expected);
        assert!(refusal.consumes());
    }
}

/// [RFC9700-4.8.2]
#[test]
fn tk_05_a_verifier_for_a_code_without_challenge_is_refused() {
    let unbound = IssuedCode { code_challenge: None, ..issued() };
    assert_eq!(outcome("app", &unbound, FORM), Err(CodeRefusal::VerifierUnexpected));
    assert_eq!(outcome("app", &unbound, &FORM.replace("code_verifier", "x")), Ok(()));
}

#[test]
fn every_refusal_looks_the_same_to_the_client() {
    let all = [CodeRefusal::WrongClient, CodeRefusal::Expired, CodeRefusal::VerifierMismatch];
    for refusal in all {
        assert_eq!(refusal.oauth_error(), CodeRefusal::Replayed.oauth_error());
        assert_eq!(refusal.oauth_error().code, ErrorCode::InvalidGrant);
    }
}

/// [RFC6749-5.1]
#[test]
fn the_answer_is_written_as_the_specification_says() {
    let response = TokenResponse {
        refresh_token: None,
        access_token: "at".to_owned(),
        token_type: TokenType::Bearer,
        expires_in: 600,
        id_token: Some("h.p.s".to_owned()),
        scope: None,
    };
    assert_eq!(
        serde_json::to_value(&response).unwrap(),
        serde_json::json!({
            "access_token": "at", "token_type": "Bearer", "expires_in": 600, "id_token": "h.p.s"
        })
    );
    assert_eq!(format!("{response:?}"), "TokenResponse(…)");
}
