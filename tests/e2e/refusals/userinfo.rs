//! Userinfo and what is not an access token. [OIDCC-5.3.3] [RFC6750-3.1]

use anyhow::Result;
use serde_json::Value;
use sqlx::Connection as _;

use super::Desk;
use crate::wire::{Json, Parameters, http, post_token, userinfo};

const INVALID_TOKEN: (u16, &str) = (401, "invalid_token");

async fn tokens(desk: &Desk) -> Result<Value> {
    let code = desk.code("app").await?;
    let answer = post_token(&desk.acme(), &Parameters::token("app", &code)).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Ok(answer.body)
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

/// What resembles the token, and what is another kind of secret.
#[tokio::test]
async fn tk_15_what_is_not_an_access_token_opens_nothing() -> Result<()> {
    let desk = Desk::open().await?;
    let tokens = tokens(&desk).await?;
    let token = text(&tokens, "access_token");
    let fresh_code = desk.code("app").await?;
    let cases = [
        ("the ID token", text(&tokens, "id_token").to_owned()),
        ("a code", fresh_code.clone()),
        ("a made-up one", "vat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        ("without its prefix", token.trim_start_matches("vat_").to_owned()),
        ("cut", token[..token.len() - 1].to_owned()),
        ("extended", format!("{token}A")),
        ("padded", format!("{token}=")),
        ("in capitals", token.to_uppercase()),
        ("the secret of a client", crate::scene::SECRET.to_owned()),
    ];
    let mut bodies = Vec::new();
    for (case, wrong) in &cases {
        let answer = userinfo(&desk.acme(), wrong).await?;
        assert_eq!(answer.error(), INVALID_TOKEN, "{case}");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
        assert_eq!(answer.header("cache-control"), "no-store", "{case}");
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    let right = userinfo(&desk.acme(), token).await?;
    assert_eq!((right.status.as_u16(), right.header("cache-control")), (200, "no-store"));
    // Nor has any of it used the code up.
    let redeemed = post_token(&desk.acme(), &Parameters::token("app", &fresh_code)).await?;
    assert_eq!(redeemed.status, 200);
    Ok(())
}

/// One token, in one place that is no address. [RFC6750-2]
#[tokio::test]
async fn tk_15_token_in_the_wrong_place_opens_nothing() -> Result<()> {
    let desk = Desk::open().await?;
    let tokens = tokens(&desk).await?;
    let token = text(&tokens, "access_token");
    let (url, client) = (format!("{}/userinfo", desk.acme()), http()?);
    let bearer = format!("Bearer {token}");
    let form = |body: String| {
        client.post(&url).header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let nothing = Json::of(client.get(&url).send().await?).await?;
    assert_eq!((nothing.status.as_u16(), nothing.header("www-authenticate")), (401, "Bearer"));
    let query = client.get(format!("{url}?access_token={token}"));
    assert_eq!(Json::of(query.send().await?).await?.header("www-authenticate"), "Bearer");
    let basic = client.get(&url).header("authorization", format!("Basic {token}"));
    assert_eq!(basic.send().await?.status(), 401);
    for request in [
        client.get(&url).header("authorization", &bearer).header("authorization", &bearer),
        form(format!("access_token={token}")).header("authorization", &bearer),
        form(format!("access_token={token}&access_token={token}")),
        client.get(&url).header("authorization", "Bearer a b"),
        client.post(&url).header("content-type", "application/json").body("{}"),
    ] {
        let answer = Json::of(request.send().await?).await?;
        assert_eq!(answer.error(), (400, "invalid_request"));
    }
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE] {
        let answer = client.request(method, &url).header("authorization", &bearer).send().await?;
        assert_eq!(answer.status(), 405);
    }
    assert_eq!(form(format!("access_token={token}")).send().await?.status(), 200);
    Ok(())
}

/// Its hour, the application, and the person: each ends it. (THREATS TK-12)
#[tokio::test]
async fn tk_15_token_that_is_over_opens_nothing() -> Result<()> {
    let desk = Desk::open().await?;
    let statements = [
        ("expired", "update grants set access_token_expires_at = now() - interval '1 second'"),
        (
            "revoked",
            "update grants set revoked_at = now(), revoked_because = 'operator' \
                     where revoked_at is null",
        ),
        ("blocked", "update users set blocked_at = now()"),
    ];
    for (case, statement) in statements {
        let tokens = tokens(&desk).await?;
        let token = text(&tokens, "access_token");
        assert_eq!(userinfo(&desk.acme(), token).await?.status, 200, "{case}");
        let mut connection = sqlx::PgConnection::connect(&desk.gateway.database_url).await?;
        sqlx::query(statement).execute(&mut connection).await?;
        assert_eq!(userinfo(&desk.acme(), token).await?.error(), INVALID_TOKEN, "{case}");
    }
    Ok(())
}
