//! What ends soon, in order, page by page, and to whom it is told.

use anyhow::{Context as _, Result};
use chrono::{TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::gateway::Gateway;

use super::Api;

fn kinds(page: &Value) -> Vec<(String, String)> {
    let all = page.get("items").and_then(Value::as_array).into_iter().flatten();
    let text = |one: &Value, path: &str| one.pointer(path)?.as_str().map(str::to_owned);
    all.map(|one| {
        let name = text(one, "/directory").or(text(one, "/token/name"));
        (name.unwrap_or_default(), text(one, "/urgency").unwrap_or_default())
    })
    .collect()
}

#[tokio::test]
async fn what_ends_soon_is_listed_soonest_first() -> Result<()> {
    let gateway = Gateway::start().await?;
    let all = Api::with(&gateway, &["--days", "400"]).await?;
    #[expect(clippy::disallowed_methods, reason = "the gateway's clock is this one")]
    let now = Utc::now();
    let directory = |days: i64| {
        json!({ "name": "D", "preset": "okta", "issuer": "a.okta.com",
                "client_id": format!("c{days}"), "client_secret": "a-secret-of-this-test",
                "client_secret_expires_at": now + TimeDelta::days(days) + TimeDelta::hours(1) })
    };
    for tenant in ["acme", "other"] {
        all.put(&format!("/tenants/{tenant}"), json!({ "name": tenant })).await?.done()?;
    }
    for (name, days) in [("far", 100), ("notice", 59), ("warning", 29), ("urgent", 6)] {
        all.put(&format!("/tenants/acme/directories/{name}"), directory(days)).await?.done()?;
    }
    all.put("/tenants/acme/directories/ended", directory(-2)).await?.done()?;
    let mut replaced = directory(3);
    replaced["next_client_secret"] = json!("the-next-secret-of-this-test");
    replaced["next_client_secret_expires_at"] = json!(now + TimeDelta::days(200));
    all.put("/tenants/acme/directories/replaced", replaced).await?.done()?;
    all.put("/tenants/other/directories/theirs", directory(1)).await?.done()?;
    let token = |name: &str, days| {
        Some(json!({ "name": name, "role": "viewer", "expires_at": now + TimeDelta::days(days) }))
    };
    all.post("/tenants/acme/tokens", token("soon", 10)).await?.done()?;
    all.post("/tenants/acme/tokens", token("later", 300)).await?.done()?;
    all.post("/tokens", token("of all", 20)).await?.done()?;

    let owner = Api::with(&gateway, &["--tenant", "acme", "--days", "400"]).await?;
    let wanted = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(name, how)| ((*name).to_owned(), (*how).to_owned())).collect()
    };
    let own = owner.get("/tenants/acme/expiries").await?.done()?;
    let with_token = [
        ("ended", "expired"),
        ("urgent", "urgent"),
        ("soon", "warning"),
        ("warning", "warning"),
        ("notice", "notice"),
    ];
    assert_eq!(kinds(&own), wanted(&with_token), "{own:#}");
    assert_eq!(own["items"][1]["days_left"], 6, "{own:#}");
    assert_eq!(own["items"][0]["days_left"], 0, "{own:#}");
    let viewer = Api::with(&gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    let seen = viewer.get("/tenants/acme/expiries").await?.done()?;
    let secrets: Vec<_> = with_token.into_iter().filter(|(name, _)| *name != "soon").collect();
    assert_eq!(kinds(&seen), wanted(&secrets), "{seen:#}");

    let mut found = Vec::new();
    let mut path = "/expiries?limit=2".to_owned();
    loop {
        let page = all.get(&path).await?.done()?;
        found.extend(kinds(&page).into_iter().map(|(name, _)| name));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/expiries?limit=2&after={}", next.replace('+', "%2B"));
    }
    assert_eq!(found, ["ended", "theirs", "urgent", "soon", "of all", "warning", "notice"]);
    assert_eq!(owner.get("/expiries").await?.status, StatusCode::FORBIDDEN);
    for wrong in ["x", "2026-01-01T00:00:00Z~api_token~x", "'"] {
        let refused = all.get(&format!("/expiries?after={wrong}")).await?;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let printed = gateway.run(&["expiries", "--tenant", "acme"]).await?.success()?;
    let first = printed.lines().next().context("nothing")?;
    assert!(first.contains("has ended") && first.contains("acme/ended"), "{printed}");
    assert_eq!(printed.lines().count(), 5, "{printed}");
    Ok(())
}

/// A secret that its directory says has ended is listed, whatever anybody wrote down.
#[tokio::test]
async fn secret_that_is_refused_is_listed_without_a_date() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    crate::dashboard::execute(
        &gateway,
        "update directories set expired_client_secret = sha256(sealed_client_secret)",
    )
    .await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let found = api.get("/tenants/acme/expiries").await?.done()?;
    let wanted = json!([{ "kind": "directory_secret", "tenant": "acme", "directory": "okta",
                          "days_left": 0, "urgency": "expired" }]);
    assert_eq!(found["items"], wanted, "{found:#}");
    Ok(())
}
