//! iMIS: the requests that its middleware can send, in every documented variant, and the tokens
//! that it has to get.

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use tests::agent::{Agent, Visit};
use tests::vendor::fixture;

use super::{Stage, at, object, take, text};
use crate::scene::claims_of;
use crate::wire::{Answer, userinfo};

/// The application as the fixtures know it.
fn imis(secret: &str) -> String {
    format!(
        "      - client_id: imis-acme
        name: iMIS
        preset: imis
        client_secret: {secret}
        redirect_uris: [\"https://members.acme-assoc.example/\"]
        id_token_lifetime: 3600
"
    )
}

struct Fixtures {
    requests: Value,
    tokens: Value,
    hybrid: Value,
    code: Value,
    userinfo: Value,
}

impl Fixtures {
    fn read() -> Result<Self> {
        Ok(Self {
            requests: fixture("downstream_imis_authorize_requests")?,
            tokens: fixture("downstream_imis_token_requests")?,
            hybrid: fixture("downstream_imis_expected_id_token_hybrid")?,
            code: fixture("downstream_imis_expected_id_token_code")?,
            userinfo: fixture("downstream_imis_expected_userinfo")?,
        })
    }

    fn request(&self, variant: &str) -> Result<Map<String, Value>> {
        let mut all = self.requests.as_object().into_iter().flatten();
        let found = all.find(|(name, _)| name.starts_with(variant)).context("no such variant")?;
        object(found.1)
    }

    fn secret(&self) -> &str {
        at(&self.tokens, "/B_katana_redeemcode_post/form/client_secret")
    }

    /// The form of the token request with HTTP Basic.
    fn basic(&self) -> Result<Map<String, Value>> {
        object(self.tokens.pointer("/A_identitymodel_basic/form").context("no form")?)
    }

    fn verifier(&self) -> &str {
        at(&self.tokens, "/B_katana_redeemcode_post/form/code_verifier")
    }
}

/// Every request that .NET middleware is known to send, and the tokens that it has to get.
#[tokio::test]
async fn imis_gets_the_expected_tokens_whatever_its_middleware_sends() -> Result<()> {
    let fixtures = Fixtures::read()?;
    let stage = Stage::with(&imis(fixtures.secret())).await?;
    variant_a(&stage, &fixtures).await.context("A")?;
    variant_a_by_post(&stage, &fixtures).await.context("A by POST")?;
    variant_b(&stage, &fixtures).await.context("B")?;
    variant_c(&stage, &fixtures).await.context("C")?;
    variant_d(&stage, &fixtures).await.context("D")
}

/// The left half of a hash. [OIDCC-3.3.2.11]
fn half_hash(value: &str) -> String {
    let hash = digest(&SHA256, value.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default())
}

/// Compares an ID token with the expected one: what changes with every login is checked by rule,
/// everything else has to be equal, and nothing may be there besides.
fn assert_expected(
    stage: &Stage,
    token: &str,
    expected: &Value,
    hash: Option<(&str, &str)>,
) -> Result<()> {
    let (mut claims, mut expected) = (claims_of(token)?, expected.clone());
    let varying = ["iss", "sub", "iat", "nbf", "exp", "auth_time", "sid"];
    let (got, wanted) = (take(&mut claims, &varying), take(&mut expected, &varying));
    if let Some((name, of)) = hash {
        let hash = take(&mut claims, &[name]);
        assert_eq!(text(&hash, name), half_hash(of), "{name}");
    }
    for name in ["c_hash", "at_hash"] {
        assert_eq!(claims.get(name), None);
        if let Some(expected) = expected.as_object_mut() {
            expected.remove(name);
        }
    }
    assert_eq!(claims, expected);
    assert_eq!(text(&got, "iss"), stage.issuer());
    assert!(!text(&got, "sub").is_empty() && !text(&got, "sid").is_empty());
    let time = |claims: &Map<String, Value>, name: &str| claims.get(name).and_then(Value::as_i64);
    assert_eq!(time(&got, "nbf"), time(&got, "iat"));
    let lifetime = |claims| Some(time(claims, "exp")? - time(claims, "iat")?);
    assert_eq!(lifetime(&got), lifetime(&wanted));
    assert!(time(&got, "auth_time") <= time(&got, "iat"));
    let header = token.split('.').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    assert_eq!((at(&header, "/alg"), at(&header, "/typ")), ("RS256", "JWT"));
    assert!(!at(&header, "/kid").is_empty(), "{header}");
    Ok(())
}

/// `sub` is checked against the ID token's, the rest has to be equal.
async fn assert_userinfo(stage: &Stage, tokens: &Value, fixtures: &Fixtures) -> Result<()> {
    let token = at(tokens, "/access_token");
    let answer = userinfo(&stage.issuer(), token).await?;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/json"));
    let (mut got, mut expected) = (answer.body, fixtures.userinfo.clone());
    let sub = take(&mut got, &["sub"]);
    take(&mut expected, &["sub"]);
    let id_token = claims_of(at(tokens, "/id_token"))?;
    assert_eq!(text(&sub, "sub"), at(&id_token, "/sub"));
    assert_eq!(got, expected);
    Ok(())
}

/// The long `state` and the odd `nonce` come back to the octet, and nothing else but `iss`.
fn assert_carried(answer: &Answer, request: &Map<String, Value>, fields: &[&str]) {
    let names: Vec<_> = answer.fields.keys().map(String::as_str).collect();
    assert_eq!((answer.mode, names.as_slice()), ("form_post", fields));
    assert_eq!(answer.field("state"), text(request, "state"));
}

/// Katana's default and Okta.AspNet up to 1.4: the front-channel token is the one that is read, and
/// the code is redeemed with HTTP Basic by those that redeem it.
async fn variant_a(stage: &Stage, fixtures: &Fixtures) -> Result<()> {
    let request = fixtures.request("A_")?;
    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    assert_carried(&answer, &request, &["code", "id_token", "iss", "state"]);
    let code = answer.field("code");
    assert!(
        code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    );
    assert_expected(stage, answer.field("id_token"), &fixtures.hybrid, Some(("c_hash", code)))?;

    let form = fixtures.basic()?;
    let tokens = basic(stage, &form, code, fixtures.secret()).await?;
    let access_token = at(&tokens, "/access_token");
    let id_token = at(&tokens, "/id_token");
    assert_expected(stage, id_token, &fixtures.code, Some(("at_hash", access_token)))?;
    assert_eq!(
        at(&claims_of(id_token)?, "/sub"),
        at(&claims_of(answer.field("id_token"))?, "/sub")
    );
    assert!(tokens.get("expires_in").is_some_and(Value::is_number), "{tokens:#}");
    assert_eq!(at(&tokens, "/token_type"), "Bearer");
    assert_eq!(tokens.get("refresh_token"), None);
    assert_userinfo(stage, &tokens, fixtures).await
}

/// The same request by POST, as `RedirectBehavior.FormPost` sends it.
async fn variant_a_by_post(stage: &Stage, fixtures: &Fixtures) -> Result<()> {
    let request = fixtures.request("A_")?;
    let pairs: Vec<_> =
        request.iter().filter_map(|(n, v)| Some((n.as_str(), v.as_str()?))).collect();
    let mut agent = Agent::new()?;
    let page = agent.post_once(&format!("{}/authorize", stage.issuer()), &pairs).await?;
    let next = page.location().with_context(|| page.text())?;
    let visit = Visit::stopping_before("", text(&request, "redirect_uri"));
    let page = agent.visit(next.as_str(), &visit).await?;
    let answer = Answer::at(&page, text(&request, "redirect_uri")).with_context(|| page.text())?;
    assert_carried(&answer, &request, &["code", "id_token", "iss", "state"]);
    let hash = Some(("c_hash", answer.field("code")));
    assert_expected(stage, answer.field("id_token"), &fixtures.hybrid, hash)
}

/// Okta.AspNet from 3.0: code with PKCE, redeemed in the form.
async fn variant_b(stage: &Stage, fixtures: &Fixtures) -> Result<()> {
    let request = fixtures.request("B_")?;
    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    assert_carried(&answer, &request, &["code", "iss", "state"]);
    let wrong = [("client_id", "imis-acme"), ("client_secret", fixtures.secret())];
    let refused = stage.redeem(&request, answer.field("code"), &wrong).await?;
    assert_eq!(refused.error(), (400, "invalid_grant"), "a challenge that is sent is enforced");

    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    let client = [wrong.as_slice(), &[("code_verifier", fixtures.verifier())]].concat();
    let tokens = stage.redeem(&request, answer.field("code"), &client).await?;
    assert_eq!(tokens.status, 200, "{:#}", tokens.body);
    assert_eq!(tokens.header("cache-control"), "no-store");
    assert!(tokens.header("content-type").starts_with("application/json"));
    let tokens = tokens.body;
    let access_token = at(&tokens, "/access_token");
    let id_token = at(&tokens, "/id_token");
    assert_expected(stage, id_token, &fixtures.code, Some(("at_hash", access_token)))?;
    assert_userinfo(stage, &tokens, fixtures).await
}

/// ASP.NET Core's default: the ID token alone.
async fn variant_c(stage: &Stage, fixtures: &Fixtures) -> Result<()> {
    let request = fixtures.request("C_")?;
    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    assert_carried(&answer, &request, &["id_token", "iss", "state"]);
    assert_expected(stage, answer.field("id_token"), &fixtures.hybrid, None)
}

/// Okta.AspNet 1.5 to 2.x: code without PKCE, and whatever scopes and strange parameters there are,
/// the claims are the same.
async fn variant_d(stage: &Stage, fixtures: &Fixtures) -> Result<()> {
    let mut request = fixtures.request("D_")?;
    for (name, value) in [("scope", "openid custom offline_access"), ("resource", "urn:moodle")] {
        request = super::set(request, name, value);
    }
    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    assert_carried(&answer, &request, &["code", "iss", "state"]);
    let form = fixtures.basic()?;
    let tokens = basic(stage, &form, answer.field("code"), fixtures.secret()).await?;
    let access_token = at(&tokens, "/access_token");
    let id_token = at(&tokens, "/id_token");
    assert_expected(stage, id_token, &fixtures.code, Some(("at_hash", access_token)))?;
    assert_userinfo(stage, &tokens, fixtures).await
}

/// The token request with HTTP Basic, its form as the fixture has it.
async fn basic(
    stage: &Stage,
    form: &Map<String, Value>,
    code: &str,
    secret: &str,
) -> Result<Value> {
    let form = super::set(form.clone(), "code", code);
    let pairs = form.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let credentials = STANDARD.encode(format!("imis-acme:{secret}"));
    let sent = crate::wire::http()?
        .post(format!("{}/token", stage.issuer()))
        .header("authorization", format!("Basic {credentials}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let answer = crate::wire::Json::of(sent.send().await?).await?;
    anyhow::ensure!(answer.status == 200, "{} {:#}", answer.status, answer.body);
    Ok(answer.body)
}
