//! What the API is called with.

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::hostile::Hostile;

use super::Api;
use crate::wire::{Parameters, post_token, signed_in};

async fn one_tenant() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    gateway.apply("tenants: [{ slug: acme, name: Acme }]\n").await?;
    Ok(gateway)
}

async fn execute(gateway: &Gateway, statement: &'static str) -> Result<()> {
    let mut connection = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::query(statement).execute(&mut connection).await?;
    Ok(())
}

/// A token works until it is revoked, or until its end, and is shown once.
#[tokio::test]
async fn token_works_until_it_is_revoked_or_ends() -> Result<()> {
    let gateway = one_tenant().await?;
    let owner = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let order = json!({ "name": "Website", "role": "viewer" });
    let made = owner.post("/tenants/acme/tokens", Some(order)).await?;
    assert_eq!(made.status, StatusCode::CREATED);
    let token = made.body["token"].as_str().context("no token")?.to_owned();
    let id = made.body["id"].as_str().context("no id")?.to_owned();
    let viewer = Api::by(&gateway, &token)?;
    let own = viewer.get("/self").await?.done()?;
    let end = &made.body["expires_at"];
    let wanted = json!({
        "id": id, "name": "Website", "tenant": "acme", "role": "viewer", "expires_at": end,
    });
    assert_eq!(own, wanted);
    let listed = owner.get("/tenants/acme/tokens").await?.done()?;
    let mine = listed["items"].as_array().into_iter().flatten().find(|one| one["id"] == id);
    let mine = mine.with_context(|| format!("{listed:#}"))?;
    assert!(mine["last_used_at"].is_string() && mine["created_by"].is_string(), "{mine:#}");
    assert!(!listed.to_string().contains(&token), "{listed}");
    let printed = gateway.run(&["api-token", "list", "--tenant", "acme"]).await?.success()?;
    assert!(printed.contains("Website") && !printed.contains(&token), "{printed}");

    assert_eq!(owner.delete(&format!("/tenants/acme/tokens/{id}")).await?.status, 204);
    assert_eq!(viewer.get("/self").await?.status, StatusCode::UNAUTHORIZED);
    assert_eq!(owner.delete(&format!("/tenants/acme/tokens/{id}")).await?.status, 404);
    execute(
        &gateway,
        "update api_tokens set created_at = created_at - interval '91 days', \
                       expires_at = expires_at - interval '91 days'",
    )
    .await?;
    assert_eq!(owner.get("/self").await?.status, StatusCode::UNAUTHORIZED);
    let log = ["audit", "list", "--tenant", "acme", "--act", "token."];
    let log = gateway.run(&log).await?.success()?;
    assert_eq!(log.matches("token.created").count(), 2, "{log}");
    assert_eq!(log.matches("token.revoked").count(), 1, "{log}");
    assert!(!log.contains(&token), "{log}");
    Ok(())
}

/// [THREATS TN-05] A token of the API is none of an issuer's, and the other way round; it counts in the
/// header alone.
#[tokio::test]
async fn tn_05_tn_12_api_token_is_nothing_elsewhere_and_nothing_else_is_one() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let issuer = super::with_a_directory(&gateway, &hostile).await?;
    let answer = signed_in(&mut Agent::new()?, &Parameters::authorize("app").at(&issuer)).await?;
    let tokens = post_token(&issuer, &Parameters::token("app", answer.field("code"))).await?;
    let access_token = tokens.body["access_token"].as_str().context("no access token")?;
    let refused = Api::by(&gateway, access_token)?.get("/self").await?;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let made = gateway.run(&["api-token", "create", "x"]).await?.success()?;
    let token = made.trim();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let userinfo = http.get(format!("{issuer}/userinfo")).bearer_auth(token).send().await?;
    assert_eq!(userinfo.status(), StatusCode::UNAUTHORIZED);
    let by_secret = Parameters::token("app", "x").set("client_secret", token);
    assert_eq!(post_token(&issuer, &by_secret).await?.status, 401);
    let own = format!("{}/api/v1/self", gateway.url);
    let in_query = http.get(format!("{own}?access_token={token}")).send().await?;
    assert_eq!(in_query.status(), StatusCode::UNAUTHORIZED);
    let as_cookie = http.get(&own).header("cookie", format!("token={token}")).send().await?;
    assert_eq!(as_cookie.status(), StatusCode::UNAUTHORIZED);
    let as_basic = http.get(&own).basic_auth("x", Some(token)).send().await?;
    assert_eq!(as_basic.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(http.get(&own).bearer_auth(token).send().await?.status(), StatusCode::OK);
    Ok(())
}

/// [THREATS TN-12] Nobody makes a token that may do more than they may, and a token goes with what it
/// is for.
#[tokio::test]
async fn tn_12_token_is_of_its_tenant_and_goes_with_it() -> Result<()> {
    let gateway = one_tenant().await?;
    let operator = Api::with(&gateway, &[]).await?;
    let directory = json!({ "name": "D", "issuer": "https://d.example", "client_id": "c" });
    operator.put("/tenants/acme/directories/d", directory).await?.done()?;
    let owner = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let editor = Api::with(&gateway, &["--tenant", "acme", "--role", "editor"]).await?;
    let manager = json!({ "name": "m", "role": "directory_manager", "directory": "d" });
    let made = owner.post("/tenants/acme/tokens", Some(manager)).await?.done()?;
    let manager = Api::by(&gateway, made["token"].as_str().unwrap_or_default())?;
    assert_eq!(manager.get("/self").await?.done()?["directory"], "d");
    let orders: [(Value, &str); 7] = [
        (json!({ "name": "", "role": "viewer" }), "name"),
        (json!({ "name": "x".repeat(101), "role": "viewer" }), "name"),
        (json!({ "name": "x", "role": "god" }), "role"),
        (json!({ "name": "x", "role": "directory_manager" }), "directory"),
        (json!({ "name": "x", "role": "directory_manager", "directory": "e" }), "directory"),
        (json!({ "name": "x", "role": "owner", "directory": "d" }), "directory"),
        (
            json!({ "name": "x", "role": "owner", "expires_at": "2020-01-01T00:00:00Z" }),
            "expires_at",
        ),
    ];
    for (order, place) in orders {
        let refused = owner.post("/tenants/acme/tokens", Some(order.clone())).await?;
        let told = (refused.status, refused.places());
        assert_eq!(told, (StatusCode::UNPROCESSABLE_ENTITY, vec![place]), "{order}");
    }
    let order = || Some(json!({ "name": "x", "role": "viewer" }));
    for api in [&editor, &manager] {
        let refused = api.post("/tenants/acme/tokens", order()).await?;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(owner.post("/tokens", order()).await?.status, StatusCode::FORBIDDEN);
    assert_eq!(operator.post("/tokens", order()).await?.status, StatusCode::CREATED);
    // With its directory, the token of its manager is gone; with the tenant, all of them.
    operator.delete("/tenants/acme/directories/d").await?.done()?;
    assert_eq!(manager.get("/self").await?.status, StatusCode::UNAUTHORIZED);
    operator.delete("/tenants/acme").await?.done()?;
    assert_eq!(owner.get("/self").await?.status, StatusCode::UNAUTHORIZED);
    Ok(())
}
