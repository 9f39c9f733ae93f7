//! Requests that are carried out once, however often they are sent.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tests::gateway::Gateway;
use tokio::task::JoinSet;

use super::{Api, Reply};

const TOKENS: &str = "/tenants/acme/tokens";

async fn acme() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    Ok(gateway)
}

/// Makes a token called so, under a key.
async fn make(api: &Api, key: &str, name: &str) -> Result<Reply> {
    let order = json!({ "name": name, "role": "viewer" });
    api.send(Method::POST, TOKENS, Some(order), &[("idempotency-key", key)]).await
}

async fn made(api: &Api) -> Result<usize> {
    let listed = api.get(TOKENS).await?.done()?;
    let all = listed.get("items").and_then(Value::as_array).context("no items")?;
    Ok(all.iter().filter(|one| one.get("name").is_some_and(|name| name == "once")).count())
}

/// A request that is sent again is answered again, with the secret that it made, also by another node
/// and whether or not the key is in quotes; another one under its key is refused.
#[tokio::test]
async fn request_that_is_sent_again_is_answered_again() -> Result<()> {
    let gateway = acme().await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let first = make(&api, "\"key-1\"", "once").await?;
    assert_eq!((first.status, first.is_replayed), (StatusCode::CREATED, false));
    let token = first.body["token"].as_str().context("no token")?;
    let again = make(&api, "key-1", "once").await?;
    assert_eq!((again.status, again.is_replayed), (StatusCode::CREATED, true));
    assert_eq!((&again.body, &again.kind), (&first.body, &first.kind));
    let second = gateway.second_node().await?;
    let there = make(&Api::by(&second, &api.token)?, "key-1", "once").await?;
    assert_eq!((there.is_replayed, &there.body), (true, &first.body));
    assert_eq!(made(&api).await?, 1);

    let other = make(&api, "key-1", "another").await?;
    let told = (other.status, other.problem());
    assert_eq!(told, (StatusCode::UNPROCESSABLE_ENTITY, "key_reused"), "{other:?}");
    let elsewhere = "/tenants/acme/directories/okta/test-links";
    let other = api.send(Method::POST, elsewhere, None, &[("idempotency-key", "key-1")]).await?;
    assert_eq!(other.problem(), "key_reused");
    let long = "k".repeat(129);
    for wrong in ["", "\"\"", "a b", "\"a", "a,b", long.as_str()] {
        let refused = make(&api, wrong, "once").await?;
        assert_eq!((refused.status, refused.problem()), (StatusCode::BAD_REQUEST, "malformed"));
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let order = json!({ "name": "once", "role": "viewer" });
    let refused = api.send(Method::POST, TOKENS, Some(order), &twice).await?;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(made(&api).await?, 1);

    let stored = stored(&gateway).await?;
    for secret in [token, "key-1", "once"] {
        assert!(!stored.contains(secret), "{secret} is readable");
    }
    gateway.assert_log_is_silent();
    assert!(!gateway.log().contains(token));
    Ok(())
}

/// What the database has of it, as text.
async fn stored(gateway: &Gateway) -> Result<String> {
    let mut database = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    let rows: Vec<String> = sqlx::query_scalar(
        "select encode(sealed_answer, 'escape') || encode(key_hash, 'escape')
           from api_token_requests where sealed_answer is not null",
    )
    .fetch_all(&mut database)
    .await?;
    assert!(!rows.is_empty());
    Ok(rows.concat())
}

/// Ten that come at once: one runs, the others are told to wait or have its answer.
#[tokio::test]
async fn of_requests_that_come_at_once_one_is_carried_out() -> Result<()> {
    let gateway = acme().await?;
    let api = Arc::new(Api::with(&gateway, &["--tenant", "acme"]).await?);
    for round in 0..5 {
        let key = format!("round-{round}");
        let mut all = JoinSet::new();
        for _ in 0..10 {
            let (api, key) = (Arc::clone(&api), key.clone());
            all.spawn(async move { make(&api, &key, "once").await });
        }
        let mut done = Vec::new();
        for reply in all.join_all().await {
            let reply = reply?;
            match (reply.status, reply.problem()) {
                (StatusCode::CREATED, _) => done.push(reply),
                (StatusCode::CONFLICT, "still_running") => {}
                _ => panic!("{reply:?}"),
            }
        }
        let first = done.first().context("nobody was answered")?;
        assert!(done.iter().all(|one| one.body == first.body), "{done:?}");
        assert_eq!(done.iter().filter(|one| !one.is_replayed).count(), 1, "{done:?}");
        assert_eq!(made(&api).await?, round + 1);
    }
    Ok(())
}

/// A request whose sender hangs up is carried out to its end, and answered when it is sent again.
#[tokio::test]
async fn request_whose_sender_hangs_up_is_carried_out() -> Result<()> {
    let gateway = acme().await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let mut database = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    // It waits for this, and its sender does not.
    sqlx::query("begin").execute(&mut database).await?;
    sqlx::query("lock table tenants in share row exclusive mode").execute(&mut database).await?;
    let order = || Some(json!({ "name": "acme.example" }));
    let path = "/tenants/acme/domains";
    let key = [("idempotency-key", "hangs-up")];
    let sent = api.send(Method::POST, path, order(), &key);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(500), sent).await;
    assert!(waited.is_err(), "{waited:?}");
    let running = api.send(Method::POST, path, order(), &key).await?;
    assert_eq!((running.status, running.problem()), (StatusCode::CONFLICT, "still_running"));
    sqlx::query("rollback").execute(&mut database).await?;
    let mut reply = api.send(Method::POST, path, order(), &key).await?;
    while reply.problem() == "still_running" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        reply = api.send(Method::POST, path, order(), &key).await?;
    }
    assert_eq!((reply.status, reply.is_replayed), (StatusCode::CREATED, true), "{reply:?}");
    Ok(())
}

/// What was refused did nothing and leaves its key free; one whose end nobody knows is not repeated.
#[tokio::test]
async fn refused_request_leaves_its_key_free_and_an_unknown_end_is_not_repeated() -> Result<()> {
    let gateway = acme().await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let refused = make(&api, "key", "").await?;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.problem(), "invalid");
    let done = make(&api, "key", "once").await?;
    assert_eq!((done.status, done.is_replayed), (StatusCode::CREATED, false));
    let mut database = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    // As if the node had been killed while it ran.
    sqlx::query(
        "update api_token_requests set sealed_answer = null,
                claimed_at = claimed_at - interval '2 minutes',
                expires_at = expires_at - interval '2 minutes'",
    )
    .execute(&mut database)
    .await?;
    let unknown = make(&api, "key", "once").await?;
    let told = (unknown.status, unknown.problem());
    assert_eq!(told, (StatusCode::CONFLICT, "outcome_unknown"), "{unknown:?}");
    assert_eq!(made(&api).await?, 1);
    Ok(())
}

/// [THREATS TN-01] A key is its token's alone: a token of another tenant, another of the same, and one
/// of all tenants meet nothing of it; and neither does whoever has no token.
#[tokio::test]
async fn tn_01_key_is_its_tokens_alone() -> Result<()> {
    let gateway = acme().await?;
    let all = Api::with(&gateway, &[]).await?;
    all.put("/tenants/other", json!({ "name": "Other" })).await?.done()?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let first = make(&api, "shared", "once").await?;
    assert_eq!(first.status, StatusCode::CREATED);
    let second = Api::with(&gateway, &["--tenant", "acme"]).await?;
    for other in [&second, &all] {
        let theirs = make(other, "shared", "once").await?;
        assert_eq!((theirs.status, theirs.is_replayed), (StatusCode::CREATED, false));
        assert_ne!(theirs.body["token"], first.body["token"]);
        assert!(make(other, "shared", "once").await?.is_replayed);
    }
    let foreign = Api::with(&gateway, &["--tenant", "other"]).await?;
    assert_eq!(make(&foreign, "shared", "once").await?.status, StatusCode::NOT_FOUND);
    let viewer = Api::with(&gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    assert_eq!(make(&viewer, "shared", "once").await?.status, StatusCode::FORBIDDEN);
    for token in ["", "vapi_short"] {
        let nobody = Api::by(&gateway, token)?;
        assert_eq!(make(&nobody, "shared", "once").await?.status, StatusCode::UNAUTHORIZED);
    }
    // A revoked token's answers are gone with it, and those of a suspended tenant are not told.
    let id = second.get("/self").await?.done()?["id"].as_str().context("no id")?.to_owned();
    assert_eq!(api.delete(&format!("{TOKENS}/{id}")).await?.status, StatusCode::NO_CONTENT);
    assert_eq!(make(&second, "shared", "once").await?.status, StatusCode::UNAUTHORIZED);
    all.patch("/tenants/acme", json!({ "suspended": true })).await?.done()?;
    let suspended = make(&api, "shared", "once").await?;
    assert_eq!((suspended.status, &suspended.body["token"]), (StatusCode::FORBIDDEN, &Value::Null));
    Ok(())
}

/// Every operation that is sent with `POST` and does something, and no other, is described with the
/// header.
#[test]
fn header_is_described_with_each_operation_that_it_is_for() -> Result<()> {
    let document = serde_json::to_value(web::api::document())?;
    let paths = document["paths"].as_object().context("no paths")?;
    let mut posts = 0;
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().context("no methods")? {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let has = parameters.filter(|one| one["name"] == "Idempotency-Key").count();
            let does = method == "post" && !path.ends_with("/claims/preview");
            assert_eq!(has, usize::from(does), "{method} {path}");
            posts += has;
        }
    }
    assert!(posts >= 14, "{posts}");
    Ok(())
}
