//! What the test directory refuses, and how sessions decide whether it asks.

use std::collections::HashMap;
use std::error::Error;

use demo::directory::{self, Directory, SigningAlgorithm};
use http::StatusCode;
use serde_json::Value;
use url::Url;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback?tenant=a";
/// The pair of [RFC7636-B].
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const DANA: &str = "dana.whitfield@acme-assoc.example";

type Pairs<'a> = HashMap<&'static str, &'a str>;

fn request() -> Pairs<'static> {
    HashMap::from([
        ("client_id", "gateway"),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "st=ate&1"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("login_hint", DANA),
    ])
}

fn redemption(code: &str) -> Pairs<'_> {
    HashMap::from([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("client_id", "gateway"),
        ("client_secret", "s3cret"),
    ])
}

fn encode(pairs: &Pairs<'_>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn client(id: &str) -> directory::Client {
    directory::Client {
        client_id: id.to_owned(),
        client_secret: "s3cret".to_owned(),
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        post_logout_redirect_uris: vec!["http://127.0.0.1:9/out".to_owned()],
    }
}

async fn start(auto: bool) -> Result<(Directory, reqwest::Client)> {
    let directory = directory::start(directory::Options {
        listen: "127.0.0.1:0".parse()?,
        issuer: None,
        people: directory::people(),
        clients: vec![client("gateway"), client("other")],
        signing: SigningAlgorithm::Es256,
        auto,
    })
    .await?;
    let policy = reqwest::redirect::Policy::none();
    Ok((directory, reqwest::Client::builder().no_proxy().redirect(policy).build()?))
}

async fn authorize(
    directory: &Directory,
    http: &reqwest::Client,
    pairs: &Pairs<'_>,
) -> Result<reqwest::Response> {
    Ok(http.get(format!("{}/authorize?{}", directory.issuer, encode(pairs))).send().await?)
}

/// The parameters of a redirect to the client.
fn answer(response: &reqwest::Response) -> Result<HashMap<String, String>> {
    let location = response.headers().get("location").ok_or("no redirect")?.to_str()?;
    assert!(location.starts_with(REDIRECT_URI), "{location}");
    Ok(Url::parse(location)?.query_pairs().into_owned().collect())
}

async fn code(directory: &Directory, http: &reqwest::Client) -> Result<String> {
    let answer = answer(&authorize(directory, http, &request()).await?)?;
    Ok(answer.get("code").ok_or("no code")?.clone())
}

async fn redeem(
    directory: &Directory,
    http: &reqwest::Client,
    pairs: &Pairs<'_>,
) -> Result<(StatusCode, Value)> {
    let request = http
        .post(format!("{}/token", directory.issuer))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encode(pairs));
    let response = request.send().await?;
    Ok((response.status(), serde_json::from_str(&response.text().await?)?))
}

/// A refusal of the authorization endpoint that goes to the client, with one difference.
async fn refused(name: &'static str, value: &str) -> Result<String> {
    let (directory, http) = start(true).await?;
    let mut pairs = request();
    pairs.insert(name, value);
    let answer = answer(&authorize(&directory, &http, &pairs).await?)?;
    assert_eq!(answer.get("iss"), Some(&directory.issuer), "RFC 9207 holds for errors too");
    assert_eq!(answer.get("code"), None);
    Ok(answer.get("error").ok_or("no error")?.clone())
}

/// A refusal of the token endpoint, with one difference.
async fn not_redeemed(name: &'static str, value: &str) -> Result<(StatusCode, Value)> {
    let (directory, http) = start(true).await?;
    let code = code(&directory, &http).await?;
    let mut pairs = redemption(&code);
    pairs.insert(name, value);
    let (status, answer) = redeem(&directory, &http, &pairs).await?;
    assert!(answer.get("access_token").is_none());
    Ok((status, answer.get("error").cloned().unwrap_or_default()))
}

/// [RFC6749-4.1.2] [RFC9207-2]
#[tokio::test]
async fn the_answer_carries_the_state_unchanged_and_the_issuer() -> Result {
    let (directory, http) = start(true).await?;
    let answer = answer(&authorize(&directory, &http, &request()).await?)?;
    assert_eq!(answer["state"], "st=ate&1");
    assert_eq!(answer["iss"], directory.issuer);
    assert_eq!(answer["tenant"], "a", "the redirect URI keeps its own query");
    Ok(())
}

/// [RFC6749-4.1.2.1]
#[tokio::test]
async fn an_unregistered_redirect_uri_is_shown_not_followed() -> Result {
    let (directory, http) = start(true).await?;
    for near in ["http://127.0.0.1:9/callback", "http://127.0.0.1:9/callback?tenant=a&", ""] {
        let mut pairs = request();
        pairs.insert("redirect_uri", near);
        let response = authorize(&directory, &http, &pairs).await?;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{near}");
        assert!(response.headers().get("location").is_none());
    }
    Ok(())
}

/// [RFC6749-3.1]
#[tokio::test]
async fn a_repeated_parameter_is_shown_not_followed() -> Result {
    let (directory, http) = start(true).await?;
    let url = format!("{}/authorize?{}&nonce=m", directory.issuer, encode(&request()));
    assert_eq!(http.get(url).send().await?.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

/// [RFC7636-4.4.1]
#[tokio::test]
async fn a_request_without_s256_is_refused() -> Result {
    assert_eq!(refused("code_challenge_method", "plain").await?, "invalid_request");
    assert_eq!(refused("code_challenge", "").await?, "invalid_request");
    Ok(())
}

#[tokio::test]
async fn a_request_that_asks_for_something_else_is_refused() -> Result {
    assert_eq!(refused("response_type", "code id_token").await?, "unsupported_response_type");
    assert_eq!(refused("scope", "profile").await?, "invalid_scope");
    assert_eq!(refused("prompt", "none login").await?, "invalid_request");
    assert_eq!(refused("max_age", "-1").await?, "invalid_request");
    assert_eq!(refused("request_uri", "http://127.0.0.1:9/").await?, "request_not_supported");
    Ok(())
}

#[tokio::test]
async fn in_auto_mode_a_stranger_is_not_assigned() -> Result {
    assert_eq!(refused("login_hint", "nobody@acme-assoc.example").await?, "access_denied");
    Ok(())
}

/// [RFC7636-4.6]
#[tokio::test]
async fn a_wrong_verifier_redeems_nothing() -> Result {
    let wrong = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    let expected = (StatusCode::BAD_REQUEST, Value::from("invalid_grant"));
    assert_eq!(not_redeemed("code_verifier", wrong).await?, expected);
    assert_eq!(not_redeemed("code_verifier", "").await?, expected);
    Ok(())
}

/// [RFC6749-5.2]
#[tokio::test]
async fn a_wrong_secret_redeems_nothing() -> Result {
    let expected = (StatusCode::UNAUTHORIZED, Value::from("invalid_client"));
    assert_eq!(not_redeemed("client_secret", "wrong").await?, expected);
    assert_eq!(not_redeemed("client_secret", "").await?, expected);
    Ok(())
}

/// [RFC6749-4.1.3]
#[tokio::test]
async fn a_code_belongs_to_its_client_and_its_redirect_uri() -> Result {
    let expected = (StatusCode::BAD_REQUEST, Value::from("invalid_grant"));
    assert_eq!(not_redeemed("client_id", "other").await?, expected);
    assert_eq!(not_redeemed("redirect_uri", "http://127.0.0.1:9/").await?, expected);
    Ok(())
}

/// [RFC6749-4.1.2]
#[tokio::test]
async fn a_second_redemption_fails_and_ends_what_the_first_gave() -> Result {
    let (directory, http) = start(true).await?;
    let code = code(&directory, &http).await?;
    let userinfo = async |token: &str| {
        let request = http.get(format!("{}/userinfo", directory.issuer)).bearer_auth(token);
        request.send().await.map(|response| response.status())
    };

    let (status, first) = redeem(&directory, &http, &redemption(&code)).await?;
    let token = first["access_token"].as_str().ok_or("no access token")?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(userinfo(token).await?, StatusCode::OK);

    let (status, second) = redeem(&directory, &http, &redemption(&code)).await?;
    assert_eq!((status, &second["error"]), (StatusCode::BAD_REQUEST, &"invalid_grant".into()));
    assert_eq!(userinfo(token).await?, StatusCode::UNAUTHORIZED);
    Ok(())
}

/// [RFC6749-2.3.1]
#[tokio::test]
async fn a_client_may_use_basic_but_not_both() -> Result {
    let (directory, http) = start(true).await?;
    for (in_body, expected) in [(false, StatusCode::OK), (true, StatusCode::BAD_REQUEST)] {
        let code = code(&directory, &http).await?;
        let mut pairs = redemption(&code);
        if !in_body {
            pairs.remove("client_secret");
        }
        let request = http
            .post(format!("{}/token", directory.issuer))
            .basic_auth("gateway", Some("s3cret"))
            .body(encode(&pairs));
        assert_eq!(request.send().await?.status(), expected);
    }
    Ok(())
}

/// Signs Dana in by the page; gives her session cookie.
async fn signed_in(directory: &Directory, http: &reqwest::Client) -> Result<String> {
    let page = authorize(directory, http, &request()).await?.text().await?;
    let (_, after) = page.split_once("name=\"request\" value=\"").ok_or("no login page")?;
    let (handle, _) = after.split_once('"').ok_or("no handle")?;
    let response = http
        .post(format!("{}/login", directory.issuer))
        .body(encode(&HashMap::from([("request", handle), ("email", DANA)])))
        .send()
        .await?;
    assert!(answer(&response)?.contains_key("code"));
    let cookie = response.headers().get("set-cookie").ok_or("no cookie")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

/// What a browser with the cookie gets for a request with one difference: `code`, an error, or
/// `page`.
async fn asked_again(name: &'static str, value: &str) -> Result<String> {
    let (directory, http) = start(false).await?;
    let cookie = signed_in(&directory, &http).await?;
    let mut pairs = request();
    pairs.insert(name, value);
    let url = format!("{}/authorize?{}", directory.issuer, encode(&pairs));
    let response = http.get(url).header("cookie", cookie).send().await?;
    if response.status() == StatusCode::OK {
        return Ok("page".to_owned());
    }
    let answer = answer(&response)?;
    Ok(answer.get("error").cloned().unwrap_or_else(|| "code".to_owned()))
}

/// [OIDCC-3.1.2.1]
#[tokio::test]
async fn a_session_answers_until_the_request_wants_a_fresh_login_or_someone_else() -> Result {
    assert_eq!(asked_again("prompt", "none").await?, "code");
    assert_eq!(asked_again("max_age", "600").await?, "code");
    assert_eq!(asked_again("prompt", "login").await?, "page");
    assert_eq!(asked_again("login_hint", "robin.member@acme-assoc.example").await?, "page");
    Ok(())
}

/// [OIDCC-3.1.2.6]
#[tokio::test]
async fn nobody_is_asked_when_prompt_is_none() -> Result {
    let (directory, http) = start(false).await?;
    let mut pairs = request();
    pairs.insert("prompt", "none");
    let answer = answer(&authorize(&directory, &http, &pairs).await?)?;
    assert_eq!(answer["error"], "login_required");
    Ok(())
}

/// [OIDCRIL-3]
#[tokio::test]
async fn logout_ends_the_session_and_follows_registered_addresses_only() -> Result {
    let (directory, http) = start(false).await?;
    let cookie = signed_in(&directory, &http).await?;
    let out = |target: &str| {
        let query = encode(&HashMap::from([("post_logout_redirect_uri", target), ("state", "s")]));
        http.get(format!("{}/logout?{query}", directory.issuer)).header("cookie", &cookie).send()
    };
    let elsewhere = out("http://127.0.0.1:9/out/").await?;
    assert_eq!(elsewhere.status(), StatusCode::OK);
    let registered = out("http://127.0.0.1:9/out").await?;
    let location = registered.headers().get("location").ok_or("no redirect")?;
    assert_eq!(location, "http://127.0.0.1:9/out?state=s");

    let url = format!("{}/authorize?{}", directory.issuer, encode(&request()));
    let page = http.get(url).header("cookie", &cookie).send().await?;
    assert_eq!(page.status(), StatusCode::OK, "the person is asked again");
    Ok(())
}

/// Cognito, Okta's custom servers and Entra have issuers with a path.
#[tokio::test]
async fn an_issuer_with_a_path_serves_everything_below_it() -> Result {
    let issuer = "http://directory.example/oauth2/default";
    let directory = directory::start(directory::Options {
        listen: "127.0.0.1:0".parse()?,
        issuer: Some(issuer.to_owned()),
        people: directory::people(),
        clients: vec![client("gateway")],
        signing: SigningAlgorithm::Es256,
        auto: true,
    })
    .await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let base = format!("http://{}/oauth2/default", directory.addr);
    let url = format!("{base}/.well-known/openid-configuration");
    let metadata: Value = serde_json::from_str(&http.get(url).send().await?.text().await?)?;
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["jwks_uri"], format!("{issuer}/jwks"));
    assert_eq!(http.get(format!("{base}/jwks")).send().await?.status(), StatusCode::OK);
    Ok(())
}
