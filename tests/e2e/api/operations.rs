//! What staff look at and do besides settings: logins, users, routing, domains, keys.

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use tests::hostile::Hostile;
use tests::peers::dnsmasq::Dnsmasq;

use super::Api;
use crate::wire::{Parameters, post_token, signed_in};

fn items(page: &Value) -> Vec<&Value> {
    page.get("items").and_then(Value::as_array).into_iter().flatten().collect()
}

/// Logins are found by what they have in common, each with cause and fix; the person of one is
/// blocked and let in again.
#[tokio::test]
async fn logins_are_found_and_their_person_is_blocked() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let issuer = super::with_a_directory(&gateway, &hostile).await?;
    let mut agent = Agent::new()?;
    let answer = signed_in(&mut agent, &Parameters::authorize("app").at(&issuer)).await?;
    let redeem = Parameters::token("app", answer.field("code"));
    assert_eq!(post_token(&issuer, &redeem).await?.status, 200);
    let api = Api::with(&gateway, &["--tenant", "acme", "--role", "editor"]).await?;
    api.patch("/tenants/acme/directories/honest", json!({ "state": "paused" })).await?.done()?;
    let refused = Parameters::authorize("app").set("prompt", "login").at(&issuer);
    let failed = async || -> Result<Value> {
        Agent::new()?.get_once(&refused).await?;
        api.get("/tenants/acme/logins?state=failed").await?.done()
    };
    let mut found = failed().await?;
    while items(&found).is_empty() {
        found = failed().await?;
    }
    let first = items(&found).first().copied().cloned().context("no login failed")?;
    assert_eq!(first["client_id"], "app", "{first:#}");
    assert!(first["failure"]["fix"].is_string(), "{first:#}");
    let by_code = format!("/tenants/acme/logins/{}", first["support_code"].as_str().unwrap_or(""));
    let whole = api.get(&by_code).await?.done()?;
    let whole = items(&whole).first().copied().cloned().context("not found by its code")?;
    assert_eq!(whole["id"], first["id"]);
    assert!(!whole["timeline"].as_array().context("no timeline")?.is_empty(), "{whole:#}");

    let users = api.get("/tenants/acme/users").await?.done()?;
    let user = items(&users).first().copied().cloned().context("no user")?;
    let sub = user["sub"].as_str().context("no sub")?;
    let theirs = api.get(&format!("/tenants/acme/logins?person={sub}")).await?.done()?;
    assert_eq!(items(&theirs).len(), 1, "{theirs:#}");
    assert_eq!(items(&theirs).first().map(|one| &one["state"]), Some(&json!("redeemed")));
    for (query, wanted) in [
        ("directory=honest&state=redeemed", 1),
        ("application=app&state=redeemed", 1),
        ("application=other", 0),
        ("directory=other", 0),
        ("person=nobody", 0),
        ("failure=directory_secret_expired", 0),
    ] {
        let found = api.get(&format!("/tenants/acme/logins?{query}")).await?.done()?;
        assert_eq!(items(&found).len(), wanted, "{query}: {found:#}");
    }
    for wrong in ["failure=nonsense", "state=nonsense", "after=nonsense", "person=%00"] {
        let refused = api.get(&format!("/tenants/acme/logins?{wrong}")).await?;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let id = user["id"].as_str().context("no id")?;
    let whole = api.get(&format!("/tenants/acme/users/{id}")).await?.done()?;
    assert_eq!((&whole["sub"], &whole["sessions"]), (&user["sub"], &json!(1)), "{whole:#}");
    assert_eq!(whole["identities"][0]["directory"], "honest", "{whole:#}");
    assert_eq!(items(&theirs).first().map(|one| &one["user"]["id"]), Some(&user["id"]));
    let block = format!("/tenants/acme/users/{id}/block");
    let blocked = api.post(&block, None).await?.done()?;
    assert_eq!(blocked, json!({ "changed": true, "sessions": 1, "grants": 1 }));
    let listed = api.get("/tenants/acme/users?blocked=true").await?.done()?;
    assert!(items(&listed).first().is_some_and(|one| one["blocked_at"].is_string()), "{listed:#}");
    let newest = api.get("/tenants/acme/audit?newest_first=true&limit=1").await?.done()?;
    assert_eq!(newest["items"][0]["act"], "user.blocked", "{newest:#}");
    let after = newest["next"].as_str().context("nothing before it")?;
    let before = format!("/tenants/acme/audit?newest_first=true&after={after}");
    let before = api.get(&before).await?.done()?;
    assert!(items(&before).iter().all(|one| one["act"] != "user.blocked"), "{before:#}");
    let unblocked = api.post(&format!("/tenants/acme/users/{id}/unblock"), None).await?.done()?;
    assert_eq!(unblocked["changed"], true);
    Ok(())
}

/// A domain is claimed, looked for and proven, and the routing of an address is explained by it.
#[tokio::test]
async fn id_05_domain_is_proven_and_then_routes() -> Result<()> {
    let mut dns = Dnsmasq::start().await?;
    let options = Options { dns: Some(dns.addr()), ..Options::default() };
    let gateway = Gateway::start_with(options).await?;
    crate::commands::plain(&gateway).await?;
    let operator = Api::with(&gateway, &[]).await?;
    operator.patch("/tenants/acme", json!({ "domain_proof": "dns" })).await?.done()?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let route = "/tenants/acme/route?email=dana@acme.example&application=lms";
    let before = api.get(route).await?.done()?;
    let before = items(&before).first().copied().cloned().context("no route")?;
    // It is the application's only one, so people get there without the domain.
    assert_eq!(before["passed_over"][0]["reason"], "acme.example is not proven", "{before:#}");
    for wrong in ["co.uk", "gmail.com", "not a domain", ""] {
        let refused = api.post("/tenants/acme/domains", Some(json!({ "name": wrong }))).await?;
        assert_eq!(refused.places(), ["name"], "{wrong}: {:#}", refused.body);
    }
    let order = json!({ "name": "acme.example" });
    let claimed = api.post("/tenants/acme/domains", Some(order)).await?;
    assert_eq!((claimed.status, &claimed.body["state"]), (StatusCode::CREATED, &json!("pending")));
    let check = "/tenants/acme/domains/acme.example/check";
    let looked = api.post(check, None).await?.done()?;
    assert_eq!((&looked["found"], &looked["domain"]["state"]), (&json!(false), &json!("pending")));
    let text = |name: &str| claimed.body[name].as_str().unwrap_or_default().to_owned();
    dns.publish(&[(&text("record_name"), &[&text("record_value")])]).await?;
    let looked = api.post(check, None).await?.done()?;
    assert_eq!((&looked["found"], &looked["domain"]["state"]), (&json!(true), &json!("proven")));
    let after = api.get(route).await?.done()?;
    let after = items(&after).first().copied().cloned().context("no route")?;
    assert_eq!(after["outcome"], "directory", "{after:#}");
    assert_eq!(after["directories"], json!(["okta"]));
    assert!(after["reason"].as_str().is_some_and(|why| why.contains("acme.example")), "{after:#}");
    assert_eq!(api.delete("/tenants/acme/domains/acme.example").await?.status, 204);
    assert_eq!(api.get("/tenants/acme/domains").await?.done()?, json!({ "items": [] }));
    assert_eq!(api.post(check, None).await?.status, StatusCode::NOT_FOUND);
    Ok(())
}

/// The first rotation makes a key, the second its successor, the third finds that one.
#[tokio::test]
async fn keys_are_rotated_once_at_a_time() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let rotate = async || {
        let order = json!({ "alg": "ES256" });
        api.post("/tenants/acme/keys/rotate", Some(order)).await
    };
    assert_eq!(rotate().await?.status, StatusCode::CREATED);
    let published = rotate().await?;
    assert_eq!(published.status, StatusCode::CREATED);
    let again = rotate().await?;
    assert_eq!((again.status, again.body), (StatusCode::OK, json!({})));
    let keys = api.get("/tenants/acme/keys").await?.done()?;
    let kids: Vec<_> = items(&keys).into_iter().map(|key| key["kid"].clone()).collect();
    assert!(kids.len() == 2 && kids.contains(&published.body["kid"]), "{keys:#}");
    let refused = api.post("/tenants/acme/keys/rotate", Some(json!({ "alg": "none" }))).await?;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    Ok(())
}
