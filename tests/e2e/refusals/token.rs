//! The token endpoint: a code works once, in time, for its client, redirect URI and verifier.
//! [RFC6749-4.1.3]

use anyhow::{Result, ensure};
use serde_json::json;
use sqlx::Connection as _;
use tests::gateway::Gateway;

use super::Desk;
use crate::wire::{Json, Parameters, VERIFIER, challenge, http, post_token, userinfo};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

/// Asserts that a code is still good, by using it.
async fn assert_good(desk: &Desk, client_id: &str, code: &str, case: &str) -> Result<()> {
    let redeemed = post_token(&desk.acme(), &Parameters::token(client_id, code)).await?;
    assert_eq!(redeemed.status, 200, "{case}: {}", redeemed.body);
    Ok(())
}

/// Changes rows as the owner of the database does, for what would take a minute otherwise.
async fn change(gateway: &Gateway, statement: &'static str) -> Result<()> {
    let mut connection = sqlx::PgConnection::connect(&gateway.database_url).await?;
    let done = sqlx::query(statement).execute(&mut connection).await?;
    ensure!(done.rows_affected() == 1, "{} rows changed", done.rows_affected());
    connection.close().await?;
    Ok(())
}

/// The second use ends what the first one gave. [RFC6749-4.1.2]
#[tokio::test]
async fn tk_01_code_that_is_used_again_is_refused_and_its_access_token_dies() -> Result<()> {
    let desk = Desk::open().await?;
    let request = Parameters::token("app", &desk.code("app").await?);
    let first = post_token(&desk.acme(), &request).await?;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.header("cache-control"), "no-store");
    let token = first.body["access_token"].as_str().unwrap_or_default();
    assert_eq!(userinfo(&desk.acme(), token).await?.status, 200);

    let second = post_token(&desk.acme(), &request).await?;
    assert_eq!(second.error(), INVALID_GRANT);
    assert_eq!(second.header("cache-control"), "no-store");
    assert_eq!(userinfo(&desk.acme(), token).await?.error(), (401, "invalid_token"));
    // A third one is refused as the second was.
    assert_eq!(post_token(&desk.acme(), &request).await?.body, second.body);
    Ok(())
}

/// Over HTTP, on two nodes, at the same moment.
#[tokio::test]
async fn tk_02_code_that_64_redeem_at_once_is_redeemed_once() -> Result<()> {
    let desk = Desk::open().await?;
    let second = desk.gateway.second_node().await?;
    let nodes = [desk.acme(), format!("http://{}/t/acme", second.addr)];
    // Opening a node's connections to the database takes seconds in a debug build, in which it
    // says 503. What is raced for here is the code.
    let all_lost = |answers: &[Json]| answers.iter().all(|one| one.error() == INVALID_GRANT);
    for _ in 0..5 {
        if all_lost(&race(&nodes, &Parameters::token("app", "no-code")).await?) {
            break;
        }
    }
    let request = Parameters::token("app", &desk.code("app").await?);
    let mut answers = race(&nodes, &request).await?;
    answers.sort_by_key(|answer| answer.status);
    let [won, lost @ ..] = answers.as_slice() else { anyhow::bail!("no answers") };
    assert_eq!(won.status, 200, "{}", won.body);
    assert!(lost.len() == 63 && all_lost(lost), "{lost:#?}");
    Ok(())
}

/// The same token request 64 times at once, in turn to each node.
async fn race(nodes: &[String], request: &Parameters) -> Result<Vec<Json>> {
    let mut racing = tokio::task::JoinSet::new();
    for node in nodes.iter().cycle().take(64) {
        let (node, request) = (node.clone(), request.clone());
        racing.spawn(async move { post_token(&node, &request).await });
    }
    racing.join_all().await.into_iter().collect()
}

/// Whoever else presents it does not use it up. [RFC6749-4.1.3]
#[tokio::test]
async fn tk_03_code_of_another_client_is_refused_and_still_works_for_its_owner() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    for thief in ["other", "imis"] {
        let stolen = post_token(&desk.acme(), &Parameters::token(thief, &code)).await?;
        assert_eq!(stolen.error(), INVALID_GRANT, "{thief}");
    }
    let public = Parameters::token("public", &code).without("client_secret");
    assert_eq!(post_token(&desk.acme(), &public).await?.error(), INVALID_GRANT);
    assert_good(&desk, "app", &code, "after the thieves").await
}

/// Exactly the one of the authorization request, and it has to be there. [RFC6749-4.1.3]
#[tokio::test]
async fn tk_03_code_with_another_redirect_uri_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let good = Parameters::token("app", &code);
    let others = ["https://app.example/cb/", "https://app.example/", "https://evil.example/cb"];
    for other in others {
        let answer = post_token(&desk.acme(), &good.clone().set("redirect_uri", other)).await?;
        assert_eq!(answer.error(), INVALID_GRANT, "{other}");
    }
    let answer = post_token(&desk.acme(), &good.without("redirect_uri")).await?;
    assert_eq!(answer.error(), INVALID_GRANT);
    assert_good(&desk, "app", &code, "the right redirect URI").await
}

/// The whole value is looked up: what resembles a code is none. [RFC6749-10.10]
#[tokio::test]
async fn tk_04_code_that_was_altered_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let (cut, flipped) = (&code[..code.len() - 1], flip_case(&code));
    let altered = [
        cut.to_owned(),
        code[1..].to_owned(),
        format!("{code}A"),
        format!("{code}="),
        format!("{code} "),
        format!(" {code}"),
        format!("{code}\0"),
        format!("{code}\n"),
        flipped,
        code.replace('_', "/").replace('-', "+") + "=",
        format!("{code}{code}"),
        "x".repeat(2000),
        "%00".to_owned(),
    ];
    for code in &altered {
        let answer = post_token(&desk.acme(), &Parameters::token("app", code)).await?;
        assert_eq!(answer.error(), INVALID_GRANT, "{code:?}");
    }
    let empty = post_token(&desk.acme(), &Parameters::token("app", "")).await?;
    assert_eq!(empty.error(), (400, "invalid_request"));
    assert_good(&desk, "app", &code, "unaltered").await
}

fn flip_case(text: &str) -> String {
    let flip = |c: char| {
        if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
    };
    text.chars().map(flip).collect()
}

/// Its minute is made over by the database's owner; the code itself came by the front door.
#[tokio::test]
async fn tk_04_code_that_has_expired_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    change(&desk.gateway, "update grants set code_expires_at = now() - interval '1 millisecond'")
        .await?;
    let answer = post_token(&desk.acme(), &Parameters::token("app", &code)).await?;
    assert_eq!(answer.error(), INVALID_GRANT);
    // Time is all that was wrong with it.
    change(&desk.gateway, "update grants set code_expires_at = now() + interval '20 seconds'")
        .await?;
    assert_good(&desk, "app", &code, "in time").await
}

/// One wrong proof and the code is spent, so that nobody tries a second one. [RFC7636-4.6]
#[tokio::test]
async fn tk_05_code_without_its_verifier_is_refused_and_used_up() -> Result<()> {
    let desk = Desk::open().await?;
    let (other, challenge) = ("w".repeat(43), challenge(VERIFIER));
    let cases = [
        ("missing", None),
        ("empty", Some("")),
        ("another", Some(other.as_str())),
        ("too short", Some("vvvv")),
        ("the challenge itself", Some(challenge.as_str())),
        ("with a line break", Some("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\n")),
    ];
    for (case, verifier) in cases {
        let good = Parameters::token("app", &desk.code("app").await?);
        let wrong = match verifier {
            None => good.clone().without("code_verifier"),
            Some(verifier) => good.clone().set("code_verifier", verifier),
        };
        assert_eq!(post_token(&desk.acme(), &wrong).await?.error(), INVALID_GRANT, "{case}");
        let answer = post_token(&desk.acme(), &good).await?;
        assert_eq!(answer.error(), INVALID_GRANT, "{case}: the right one comes too late");
    }
    Ok(())
}

/// A verifier for a code that has no challenge: somebody has taken that out of the request.
/// [RFC9700-4.8.2]
#[tokio::test]
async fn tk_05_verifier_for_a_code_without_challenge_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let request = Parameters::authorize("imis")
        .without("code_challenge")
        .without("code_challenge_method")
        .at(&desk.acme());
    let mut agent = tests::agent::Agent::new()?;
    let code = crate::wire::code(&mut agent, &request).await?;
    let answer = post_token(&desk.acme(), &Parameters::token("imis", &code)).await?;
    assert_eq!(answer.error(), INVALID_GRANT);
    // The same without one is how that application redeems.
    let code = crate::wire::code(&mut agent, &request).await?;
    let plain = Parameters::token("imis", &code).without("code_verifier");
    assert_eq!(post_token(&desk.acme(), &plain).await?.status, 200);
    Ok(())
}

/// [RFC6749-5.2]
#[tokio::test]
async fn tk_13_grant_types_that_are_not_offered_are_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let good = Parameters::token("app", &code);
    for grant_type in [
        "password",
        "client_credentials",
        "REFRESH_TOKEN",
        "implicit",
        "AUTHORIZATION_CODE",
        "authorization_code ",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "",
    ] {
        let answer = post_token(&desk.acme(), &good.clone().set("grant_type", grant_type)).await?;
        assert_eq!(answer.error(), (400, "unsupported_grant_type"), "{grant_type:?}");
    }
    let refresh = good.clone().set("grant_type", "refresh_token");
    assert_eq!(post_token(&desk.acme(), &refresh).await?.error(), (400, "invalid_request"));
    let answer = post_token(&desk.acme(), &good.clone().without("grant_type")).await?;
    assert_eq!(answer.error(), (400, "unsupported_grant_type"));
    let answer = post_token(&desk.acme(), &good.without("code")).await?;
    assert_eq!(answer.error(), (400, "invalid_request"));
    assert_good(&desk, "app", &code, "after all of them").await
}

/// By POST, as a form, once, of moderate size, and from no other origin. [RFC6749-3.2]
#[tokio::test]
async fn tk_14_token_request_of_another_shape_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let good = Parameters::token("app", &code);
    let (url, form) = (format!("{}/token", desk.acme()), good.encoded());
    let client = http()?;
    let typed = |kind: &str| client.post(&url).header("content-type", kind.to_owned());
    let invalid = (400, "invalid_request");

    let by_get = Json::of(client.get(format!("{url}?{form}")).send().await?).await?;
    assert_eq!((by_get.status.as_u16(), by_get.header("allow")), (405, "POST"));
    assert_eq!(by_get.header("cache-control"), "no-store");
    let json_body = json!({ "grant_type": "authorization_code", "code": code }).to_string();
    let json_sent = Json::of(typed("application/json").body(json_body).send().await?).await?;
    assert_eq!(json_sent.error(), invalid);
    let untyped = Json::of(client.post(&url).body(form.clone()).send().await?).await?;
    assert_eq!(untyped.error(), invalid);
    let plain = Json::of(typed("text/plain").body(form.clone()).send().await?).await?;
    assert_eq!(plain.error(), invalid);
    let form_type = "application/x-www-form-urlencoded";
    let in_query = client.post(format!("{url}?{form}")).header("content-type", form_type);
    assert_eq!(Json::of(in_query.send().await?).await?.error(), (401, "invalid_client"));
    let broken = Json::of(typed(form_type).body(form.clone() + "&x=%f").send().await?).await?;
    assert_eq!(broken.error(), invalid);
    for name in ["code", "grant_type", "redirect_uri", "code_verifier", "client_id", "x"] {
        let twice = good.clone().again(name, "y").again(name, "z");
        assert_eq!(post_token(&desk.acme(), &twice).await?.error(), invalid, "{name} twice");
    }
    let huge = form.clone() + "&x=" + &"x".repeat(70_000);
    assert_eq!(typed(form_type).body(huge).send().await?.status(), 413);

    let preflight = client
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    let crossed = typed(form_type).header("origin", "https://evil.example").body("x=y");
    for request in [preflight, crossed] {
        let answer = request.send().await?;
        let allowed = answer.headers().keys().find(|name| name.as_str().starts_with("access-"));
        assert_eq!(allowed, None);
    }
    assert_good(&desk, "app", &code, "after all of them").await
}
