//! The sample application's side of the hybrid flow, against an issuer that this test plays: it
//! reads the authorization request itself and posts an answer with one difference.

use std::error::Error;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use demo::application::{self, Application, ResponseType};
use http::StatusCode;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::Serializer;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;
type Claims = Map<String, Value>;
type Change = fn(&mut Claims);

const CODE: &str = "a-code_of.the~issuer";

/// What the issuer does differently from what is right.
struct Twist {
    front: Change,
    back: Change,
    form: fn(&mut Vec<(&'static str, String)>),
    userinfo_sub: &'static str,
    keep_cookie: bool,
}

const RIGHT: Twist =
    Twist { front: |_| {}, back: |_| {}, form: |_| {}, userinfo_sub: "u1", keep_cookie: true };

struct Issuer {
    url: String,
    key: EncodingKey,
    /// What the token endpoint answers.
    answer: Arc<Mutex<String>>,
}

impl Issuer {
    async fn start(userinfo_sub: &'static str) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1()?.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        jwk.common.key_id = Some("k1".to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let jwks = json!({ "keys": [jwk] }).to_string();
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"),
            "authorization_response_iss_parameter_supported": true,
        })
        .to_string();
        let answer = Arc::new(Mutex::new(String::new()));
        let given = Arc::clone(&answer);
        let userinfo = json!({ "sub": userinfo_sub, "name": "Dana" }).to_string();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async || metadata))
            .route("/jwks", get(async || jwks))
            .route("/token", post(async move || given.lock().await.clone()))
            .route("/userinfo", get(async || userinfo));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, key, answer })
    }

    fn token(&self, nonce: &str, extra: (&str, &str), twist: Change) -> Result<String> {
        let now = jsonwebtoken::get_current_timestamp();
        let mut claims = Claims::from_iter([
            ("iss".to_owned(), json!(self.url)),
            ("sub".to_owned(), json!("u1")),
            ("aud".to_owned(), json!("imis")),
            ("iat".to_owned(), json!(now)),
            ("exp".to_owned(), json!(now + 3600)),
            ("nonce".to_owned(), json!(nonce)),
            ("staff".to_owned(), json!("1")),
        ]);
        claims.insert(extra.0.to_owned(), json!(extra.1));
        twist(&mut claims);
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k1".to_owned());
        Ok(jsonwebtoken::encode(&header, &claims, &self.key)?)
    }
}

fn half_hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().iter().copied().take(16).collect::<Vec<_>>())
}

async fn start(issuer: &Issuer) -> Result<Application> {
    let options = application::Options {
        listen: "127.0.0.1:0".parse()?,
        issuer: issuer.url.clone(),
        client_id: "imis".to_owned(),
        client_secret: "s3cret".to_owned(),
        response_type: ResponseType::CodeIdToken,
        scope: "openid profile".to_owned(),
    };
    Ok(application::start(options).await?)
}

/// One login; gives the session as JSON, or the text of the page that refused it.
async fn login(twist: Twist) -> Result<std::result::Result<Value, String>> {
    let issuer = Issuer::start(twist.userinfo_sub).await?;
    let application = start(&issuer).await?;
    let policy = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder().no_proxy().redirect(policy).build()?;

    let begun = http.get(format!("{}/signin?email=d%40a.example", application.url)).send().await?;
    let sent = Url::parse(begun.headers()["location"].to_str()?)?;
    let asked = |name: &str| {
        sent.query_pairs()
            .find_map(|(n, v)| (n == name).then(|| v.into_owned()))
            .unwrap_or_default()
    };
    let cookie = begun.headers()["set-cookie"].to_str()?.split(';').next().unwrap_or_default();
    let nonce = asked("nonce");
    assert_eq!(asked("redirect_uri"), application.redirect_uri);
    assert_eq!(asked("response_mode"), "form_post");
    assert_eq!(asked("login_hint"), "d@a.example");
    assert_eq!(asked("code_challenge"), "", "Katana sends no PKCE in the hybrid flow");

    let back = issuer.token(&nonce, ("at_hash", &half_hash("at")), twist.back)?;
    *issuer.answer.lock().await =
        json!({ "access_token": "at", "token_type": "Bearer", "id_token": back }).to_string();
    let mut form = vec![
        ("code", CODE.to_owned()),
        ("id_token", issuer.token(&nonce, ("c_hash", &half_hash(CODE)), twist.front)?),
        ("state", asked("state")),
        ("iss", issuer.url.clone()),
    ];
    (twist.form)(&mut form);
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = http.post(&application.redirect_uri).body(body);
    if twist.keep_cookie {
        request = request.header("cookie", cookie);
    }
    let answered = request.send().await?;
    if answered.status() != StatusCode::SEE_OTHER {
        return Ok(Err(answered.text().await?));
    }
    let session = answered.headers()["set-cookie"].to_str()?.split(';').next().unwrap_or_default();
    let me = http.get(format!("{}/me", application.url)).header("cookie", session).send().await?;
    Ok(Ok(serde_json::from_str(&me.text().await?)?))
}

async fn refused(twist: Twist, because: &str) -> Result {
    match login(twist).await? {
        Ok(session) => Err(format!("signed in: {session}").into()),
        Err(text) if text.contains(because) => Ok(()),
        Err(text) => Err(format!("refused, but not because of {because:?}: {text}").into()),
    }
}

/// Katana takes the person from the front channel.
#[tokio::test]
async fn the_token_of_the_front_channel_is_the_one_that_counts() -> Result {
    let twist = Twist {
        back: |claims| {
            claims.remove("staff");
        },
        ..RIGHT
    };
    let session = login(twist).await??;
    assert_eq!(session["verdict"], "Staff");
    assert_eq!(session["id_token"]["c_hash"], half_hash(CODE));
    assert_eq!(session["userinfo"]["name"], "Dana");
    Ok(())
}

/// [OIDCC-3.3.2.11]
#[tokio::test]
async fn a_code_that_the_front_token_does_not_vouch_for_is_not_redeemed() -> Result {
    let other = Twist { form: |form| form[0].1.push('x'), ..RIGHT };
    refused(other, "c_hash does not belong to the code").await?;
    let none = Twist {
        front: |claims| {
            claims.remove("c_hash");
        },
        ..RIGHT
    };
    refused(none, "c_hash does not belong to the code").await
}

/// [OIDCC-3.1.3.7-11]
#[tokio::test]
async fn both_tokens_carry_the_nonce_that_was_sent() -> Result {
    fn other(claims: &mut Claims) {
        claims.insert("nonce".to_owned(), json!("other"));
    }
    refused(Twist { front: other, ..RIGHT }, "of the answer does not count").await?;
    refused(Twist { back: other, ..RIGHT }, "of the token endpoint does not count").await
}

/// [OIDCC-3.1.3.7]
#[tokio::test]
async fn a_token_of_another_issuer_for_another_client_or_another_time_does_not_count() -> Result {
    fn set(claims: &mut Claims, name: &str, value: Value) {
        claims.insert(name.to_owned(), value);
    }
    let twists: [(Change, &str); 5] = [
        (|claims| set(claims, "iss", json!("http://127.0.0.1")), "InvalidIssuer"),
        (|claims| set(claims, "aud", json!("other")), "InvalidAudience"),
        (|claims| set(claims, "exp", json!(1_700_000_000)), "ExpiredSignature"),
        (|claims| set(claims, "azp", json!("other")), "azp names another client"),
        (|claims| drop(claims.remove("iat")), "iat is missing"),
    ];
    for (front, because) in twists {
        refused(Twist { front, ..RIGHT }, because).await?;
    }
    Ok(())
}

/// [RFC7515-5.2]
#[tokio::test]
async fn a_token_with_a_broken_signature_does_not_count() -> Result {
    fn forge(form: &mut [(&'static str, String)]) {
        let token = form[1].1.clone();
        let (signed, _) = token.rsplit_once('.').unwrap();
        form[1].1 = format!("{signed}.{}", URL_SAFE_NO_PAD.encode([1; 64]));
    }
    refused(Twist { form: |form| forge(form), ..RIGHT }, "InvalidSignature").await
}

/// [OIDCC-3.1.3.8]
#[tokio::test]
async fn an_access_token_that_its_token_does_not_vouch_for_is_refused() -> Result {
    let back = |claims: &mut Claims| {
        claims.insert("at_hash".to_owned(), json!("other"));
    };
    refused(Twist { back, ..RIGHT }, "at_hash does not belong").await
}

/// [OIDCC-3.3.3.6] [OIDCC-5.3.2]
#[tokio::test]
async fn everything_is_about_one_subject() -> Result {
    let back = |claims: &mut Claims| {
        claims.insert("sub".to_owned(), json!("u2"));
    };
    let both_others = Twist { back, userinfo_sub: "u2", ..RIGHT };
    refused(both_others, "two ID tokens name different subjects").await?;
    refused(Twist { userinfo_sub: "u2", ..RIGHT }, "It is about another subject").await
}

/// Whatever comes back altered is nobody's login, as in Katana.
#[tokio::test]
async fn an_altered_or_missing_state_belongs_to_no_login() -> Result {
    let altered = Twist { form: |form| form[2].1.push('='), ..RIGHT };
    refused(altered, "belongs to no login of this browser").await?;
    let missing = Twist { form: |form| drop(form.remove(2)), ..RIGHT };
    refused(missing, "belongs to no login of this browser").await
}

/// [RFC6749-10.12]
#[tokio::test]
async fn an_answer_for_another_browser_is_refused() -> Result {
    refused(Twist { keep_cookie: false, ..RIGHT }, "belongs to no login of this browser").await
}

/// [RFC9207-2.4]
#[tokio::test]
async fn the_answer_names_its_issuer_where_that_was_announced() -> Result {
    let other = Twist { form: |form| form[3].1.push('/'), ..RIGHT };
    refused(other, "iss parameter").await?;
    let missing = Twist { form: |form| drop(form.remove(3)), ..RIGHT };
    refused(missing, "iss parameter").await
}

/// An error of the gateway is shown with its description.
#[tokio::test]
async fn an_error_by_form_post_is_shown_in_words() -> Result {
    fn error(form: &mut Vec<(&'static str, String)>) {
        form.drain(..2);
        form.push(("error", "access_denied".to_owned()));
        form.push(("error_description", "You said no.".to_owned()));
    }
    refused(Twist { form: error, ..RIGHT }, "access_denied: You said no.").await
}
