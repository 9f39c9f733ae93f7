//! What an operation makes of pages, preconditions and bodies that are no good.

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::gateway::Gateway;

use super::Api;

/// [THREATS TN-08] Pages join without a gap; what no page says is refused.
#[tokio::test]
async fn tn_08_pages_join_and_forged_ones_are_refused() -> Result<()> {
    let gateway = Gateway::start().await?;
    let api = Api::with(&gateway, &[]).await?;
    for number in 0..5 {
        api.put(&format!("/tenants/t{number}"), json!({ "name": "T" })).await?.done()?;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/tenants?limit=2{after}")).await?.done()?;
        let items = page["items"].as_array().into_iter().flatten();
        seen.extend(items.filter_map(|one| one["slug"].as_str()).map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ["t0", "t1", "t2", "t3", "t4"]);
    let long = format!("after={}", "a".repeat(2_000));
    for path in ["/tenants", "/tenants/t1/users", "/tenants/t1/audit", "/tenants/t1/applications"] {
        for query in [
            "limit=0",
            "limit=201",
            "limit=2147483648",
            "limit=-1",
            "limit=x",
            &long,
            "after=%00",
            "sort=name",
            "limit=1&limit=2",
        ] {
            let refused = api.get(&format!("{path}?{query}")).await?;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}?{query}: {refused:?}");
        }
    }
    // Not a number, hence no place in the audit log; everywhere else it is a name like any other.
    let forged = "after=%27%20or%201%3D1--";
    assert_eq!(api.get(&format!("/tenants/t1/audit?{forged}")).await?.status, 400);
    let page = api.get(&format!("/tenants/t1/users?{forged}")).await?.done()?;
    assert_eq!(page["items"], json!([]));
    let own = Api::with(&gateway, &["--tenant", "t3"]).await?;
    let page = own.get("/tenants?after=t0").await?.done()?;
    assert_eq!(page, json!({ "items": [{ "slug": "t3", "name": "T", "version": 1 }] }));
    Ok(())
}

/// Writes meet their preconditions or change nothing.
#[tokio::test]
async fn writes_keep_to_their_preconditions_and_to_dry_run() -> Result<()> {
    let gateway = Gateway::start().await?;
    let api = Api::with(&gateway, &[]).await?;
    let path = "/tenants/acme";
    let put = async |headers: &[(&str, &str)], name: &str| {
        api.send(Method::PUT, path, Some(json!({ "name": name })), headers).await
    };
    let dry = api.put("/tenants/acme?dry_run=true", json!({ "name": "Acme" })).await?;
    assert_eq!((dry.status, dry.etag), (StatusCode::OK, None));
    assert_eq!(dry.body["changes"][0]["action"], "added");
    assert_eq!(api.get(path).await?.status, StatusCode::NOT_FOUND);
    assert_eq!(put(&[("if-match", "\"1\"")], "A").await?.problem(), "stale");
    assert_eq!(put(&[("if-none-match", "*")], "A").await?.status, StatusCode::CREATED);
    let refused = put(&[("if-none-match", "*")], "B").await?;
    assert_eq!((refused.status, refused.problem()), (StatusCode::PRECONDITION_FAILED, "exists"));
    let etag = api.get(path).await?.etag.unwrap_or_default();
    let changed = put(&[("if-match", &etag)], "B").await?;
    assert_eq!(changed.status, StatusCode::OK);
    let refused = put(&[("if-match", &etag)], "C").await?;
    assert_eq!((refused.status, refused.problem()), (StatusCode::PRECONDITION_FAILED, "stale"));
    let newest = changed.etag.unwrap_or_default();
    assert_eq!(put(&[("if-match", &newest)], "C").await?.status, StatusCode::OK);
    for bad in ["1", "W/\"1\"", "\"1\", \"2\""] {
        let refused = put(&[("if-match", bad)], "D").await?;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let misspelt = api.put("/tenants/acme?dryrun=true", json!({ "name": "D" })).await?;
    assert_eq!(misspelt.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.get(path).await?.body["name"], "C");
    Ok(())
}

/// [THREATS TN-07] What is not a caller's to say is refused wherever it is said.
#[tokio::test]
async fn tn_07_members_that_nobody_may_set_are_refused() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let before = api.get("/tenants/acme/configuration").await?;
    let parts = ["", "/applications/imis", "/directories/okta"];
    for part in parts {
        let path = format!("/tenants/acme{part}");
        for (name, value) in [
            ("tenant_id", json!("00000000-0000-7000-8000-000000000001")),
            ("id", json!("00000000-0000-7000-8000-000000000001")),
            ("version", json!(1)),
            ("verified", json!(true)),
            ("proven_domains", json!(["acme.example"])),
            ("secret_hashes", json!(["x"])),
            ("created_at", json!("2020-01-01T00:00:00Z")),
            ("role", json!("owner")),
        ] {
            let refused = api.patch(&path, json!({ name: value })).await?;
            let told = (refused.status, refused.places());
            assert_eq!(told, (StatusCode::UNPROCESSABLE_ENTITY, vec![name]), "{path}");
        }
    }
    let order = json!({ "name": "x", "role": "viewer", "tenant": "other" });
    let refused = api.post("/tenants/acme/tokens", Some(order)).await?;
    assert_eq!(refused.places(), ["tenant"]);
    let after = api.get("/tenants/acme/configuration").await?;
    assert_eq!((after.body, after.etag), (before.body, before.etag));
    Ok(())
}

/// Bodies that are no good are refused with the place of the mistake.
#[tokio::test]
async fn bad_bodies_are_refused_by_their_place() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let app = "/tenants/acme/applications/imis";
    let cases = [
        (json!({ "name": "" }), "name"),
        (json!({ "color": "red" }), "color"),
        (json!({ "redirect_uris": ["http://imis.acme.example/"] }), "redirect_uris[0]"),
        (json!({ "claims": { "staff": { "expr": "profile." } } }), "claims.staff"),
        (json!({ "claims": { "sub": { "value": "x" } } }), "claims.sub"),
        (json!({ "client_id": "other" }), "client_id"),
        (json!({ "name": "a\u{0}b" }), "name"),
        (json!({ "pkce": "sometimes" }), "pkce"),
    ];
    for (body, place) in cases {
        let refused = api.patch(app, body.clone()).await?;
        let told = (refused.status, refused.problem());
        assert_eq!(told, (StatusCode::UNPROCESSABLE_ENTITY, "invalid"), "{body}: {refused:?}");
        assert!(refused.places().iter().any(|one| one.ends_with(place)), "{place}: {refused:?}");
    }
    let http = reqwest::Client::builder().no_proxy().build()?;
    let raw = async |kind: &'static str, body: &str| -> Result<(u16, Value)> {
        let url = format!("{}/api/v1{app}", gateway.url);
        let token = api.token.as_str();
        let request = http.patch(url).bearer_auth(token).header("content-type", kind);
        let response = request.body(body.to_owned()).send().await?;
        let status = response.status().as_u16();
        Ok((status, serde_json::from_slice(&response.bytes().await?)?))
    };
    let json = "application/json";
    assert_eq!(raw("text/plain", "{}").await?.0, 415);
    assert_eq!(raw("application/x-www-form-urlencoded", "name=x").await?.0, 415);
    assert_eq!(raw(json, "{").await?.0, 400);
    assert_eq!(raw(json, "").await?.0, 400);
    assert_eq!(raw(json, r#"{"name": "a", "name": "b"}"#).await?.0, 400);
    assert_eq!(raw(json, &format!("{}1{}", "[".repeat(200), "]".repeat(200))).await?.0, 400);
    let (status, body) = raw(json, &format!("{{\"name\": \"{}\"}}", "a".repeat(70_000))).await?;
    assert_eq!((status, &body["status"]), (413, &json!(413)), "{body}");
    assert_eq!(raw("application/merge-patch+json", "{}").await?.0, 200);
    Ok(())
}
