//! Settings through the API: the same as the file's, and enough for a login.

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::agent::{Agent, Visit};
use tests::gateway::Gateway;
use tests::hostile::{CLIENT_ID, CLIENT_SECRET, Hostile};

use super::Api;
use crate::scene::SECRET;
use crate::wire::{CALLBACK, Parameters, post_token, signed_in};

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("{pointer}: {value:#}"))
}

/// From an empty installation to a login, by requests alone; then the same settings as a file.
#[tokio::test]
async fn tenant_is_made_tested_and_used_through_the_api_alone() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let api = Api::with(&gateway, &[]).await?;
    let made = api.put("/tenants/acme", json!({ "name": "Acme" })).await?;
    assert_eq!((made.status, made.etag.as_deref()), (StatusCode::CREATED, Some("\"1\"")));
    let application = json!({ "name": "App", "redirect_uris": [CALLBACK] });
    let made = api.put("/tenants/acme/applications/app", application).await?.done()?;
    let secret = text(&made, "/secrets/0/client_secret")?.to_owned();
    assert_eq!(text(&made, "/secrets/0/target")?, "application acme/app");
    let directory = json!({
        "name": "Honest", "issuer": hostile.issuer("honest"), "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET, "shared_client": true, "userinfo": "always",
        "state": "testing",
    });
    let made = api.put("/tenants/acme/directories/honest", directory).await?.done()?;
    assert_eq!(made["secrets"], json!([]));
    assert!(!made.to_string().contains(CLIENT_SECRET), "{made}");

    let probe = "/tenants/acme/directories/honest/probe";
    let report = api.post(probe, None).await?.done()?;
    assert!(!report.to_string().contains("\"problem\""), "{report:#}");
    let link = api.post("/tenants/acme/directories/honest/test-links", None).await?.done()?;
    let link = text(&link, "/url")?;
    let ours = link.split("/test?").next().unwrap_or_default();
    let page = Agent::new()?.visit(link, &Visit::by("", ours)).await?;
    assert!(page.text().contains("It works."), "{}", page.text());

    let activated = json!({ "state": "active" });
    api.patch("/tenants/acme/directories/honest", activated).await?.done()?;
    let issuer = gateway.issuer("acme");
    let answer = signed_in(&mut Agent::new()?, &Parameters::authorize("app").at(&issuer)).await?;
    let redeem = Parameters::token("app", answer.field("code")).set("client_secret", &secret);
    let tokens = post_token(&issuer, &redeem).await?;
    assert_eq!(tokens.status, 200, "{}", tokens.body);

    let file = gateway.file("same.yaml", &gateway.run(&["export"]).await?.success()?)?;
    let plan = gateway.run(&["apply", "-f", &file, "--dry-run"]).await?.success()?;
    assert!(plan.contains("No changes."), "{plan}");
    Ok(())
}

/// The whole of a tenant is read as the file has it, and written back without a change.
#[tokio::test]
async fn what_is_read_is_written_back_without_a_change() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let paths = [
        "/tenants/acme",
        "/tenants/acme/configuration",
        "/tenants/acme/applications/imis",
        "/tenants/acme/applications/lms",
        "/tenants/acme/directories/okta",
    ];
    for path in paths {
        let read = api.get(path).await?;
        assert!(!read.body.to_string().contains("of_this-test"), "{:#}", read.body);
        let written = api.put(path, read.body).await?;
        assert_eq!((written.status, &written.body["changes"]), (StatusCode::OK, &json!([])));
        assert_eq!(written.etag, read.etag, "{path}");
    }
    // The secrets are as they were: the file finds nothing to change either.
    let again = crate::commands::plain(&gateway).await?;
    assert!(again.contains("No changes."), "{again}");
    Ok(())
}

/// [THREATS SC-01, TN-09] A secret of this machine is nothing that a request can name, and a stored
/// one does not go to another provider.
#[tokio::test]
async fn sc_01_tn_09_requests_name_no_secret_of_this_machine_and_move_none() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let okta = "/tenants/acme/directories/okta";
    for named in ["${env:PATH}", "${env:DATABASE_URL}", "${file:/etc/hostname}", "${PATH}", " "] {
        let refused = api.patch(okta, json!({ "client_secret": named })).await?;
        let place = (refused.status, refused.places());
        let wanted = (StatusCode::UNPROCESSABLE_ENTITY, vec!["client_secret"]);
        assert_eq!(place, wanted, "{named}: {:#}", refused.body);
    }
    for elsewhere in [
        json!({ "issuer": "https://evil.example" }),
        json!({ "preset": "oidc" }),
        json!({ "metadata": { "token_endpoint": "https://evil.example/token" } }),
    ] {
        let moved = api.patch(okta, elsewhere.clone()).await?;
        assert_eq!(moved.places(), ["client_secret"], "{elsewhere}: {:#}", moved.body);
    }
    api.patch(okta, json!({ "client_secret": SECRET })).await?.done()?;
    let read = api.get(okta).await?.done()?;
    assert!(!read.to_string().contains(SECRET), "{read}");
    let log = api.get("/tenants/acme/audit").await?.done()?;
    let last = log["items"].as_array().and_then(|all| all.last()).context("an empty log")?;
    assert_eq!(last["subject"]["client_secret"], "secret replaced", "{last:#}");
    assert!(text(last, "/actor")?.starts_with("token "), "{last:#}");
    assert!(text(last, "/actor")?.ends_with(" of a test"), "{last:#}");
    Ok(())
}

/// [THREATS ID-05, TN-01] A tenant learns that a domain is taken, and not by whom.
#[tokio::test]
async fn id_05_tn_01_conflict_with_another_tenant_does_not_name_it() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let operator = Api::with(&gateway, &[]).await?;
    operator.put("/tenants/rival", json!({ "name": "R", "domain_proof": "dns" })).await?.done()?;
    let rival = Api::with(&gateway, &["--tenant", "rival"]).await?;
    let directory = json!({
        "name": "D", "issuer": "https://rival.example", "client_id": "c", "client_secret": SECRET,
        "domains": ["acme.example"],
    });
    let path = "/tenants/rival/directories/own";
    let refused = rival.put(path, directory.clone()).await?;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{:#}", refused.body);
    assert_eq!(refused.places(), ["directory rival/own, domains[0]"]);
    let told = refused.body.to_string();
    assert!(told.contains("another tenant") && !told.contains("okta"), "{told}");
    let refused = operator.put(path, directory).await?;
    assert!(refused.body.to_string().contains("directory acme/okta"), "{:#}", refused.body);
    Ok(())
}

/// [THREATS TN-11] What acts for a tenant stops when the tenant is suspended, and goes on with it.
#[tokio::test]
async fn tn_11_tokens_of_a_suspended_tenant_do_nothing() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let operator = Api::with(&gateway, &[]).await?;
    let owner = Api::with(&gateway, &["--tenant", "acme"]).await?;
    operator.patch("/tenants/acme", json!({ "suspended": true })).await?.done()?;
    let okta = "/tenants/acme/directories/okta";
    let renamed = json!({ "name": "Other" });
    assert_eq!(owner.patch(okta, renamed.clone()).await?.status, StatusCode::FORBIDDEN);
    assert_eq!(owner.get(okta).await?.status, StatusCode::FORBIDDEN);
    let order = json!({ "name": "later", "role": "owner" });
    let refused = owner.post("/tenants/acme/tokens", Some(order)).await?;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    operator.patch("/tenants/acme", json!({ "suspended": false })).await?.done()?;
    owner.patch(okta, renamed).await?.done()?;
    Ok(())
}

/// A tenant has so many applications and no more, whichever way they come (THREATS RX-06).
#[tokio::test]
async fn rx_06_parts_of_a_tenant_are_bounded() -> Result<()> {
    let gateway = Gateway::start().await?;
    let api = Api::with(&gateway, &[]).await?;
    let one = |number: usize| {
        json!({ "client_id": format!("a{number}"), "name": "A", "public": true,
                "redirect_uris": ["https://a.example/cb"] })
    };
    let all = |count: usize| json!({ "name": "Acme", "applications": (0..count).map(one).collect::<Vec<_>>() });
    let path = "/tenants/acme/configuration";
    let refused = api.put(path, all(201)).await?;
    assert_eq!(refused.places(), ["applications"], "{:#}", refused.body);
    assert_eq!(api.put(path, all(200)).await?.status, StatusCode::CREATED);
    let refused = api.put("/tenants/acme/applications/more", one(1000)).await?;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{:#}", refused.body);
    Ok(())
}

/// A tenant, an application and a directory go as they came, and a second secret works beside the
/// first.
#[tokio::test]
async fn parts_are_removed_and_secrets_added() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &[]).await?;
    let added = api.post("/tenants/acme/applications/lms/secrets", None).await?;
    assert_eq!((added.status, &added.body["secrets"]), (StatusCode::CREATED, &json!(2)));
    let secrets = "/tenants/acme/applications/lms/secrets";
    let stale = api.send(Method::DELETE, secrets, None, &[("if-match", "\"1000000\"")]).await?;
    assert_eq!((stale.status, stale.problem()), (StatusCode::PRECONDITION_FAILED, "stale"));
    for _ in 0..2 {
        assert_eq!(api.delete(secrets).await?.status, StatusCode::NO_CONTENT);
    }
    let added = api.post(secrets, None).await?;
    assert_eq!((added.status, &added.body["secrets"]), (StatusCode::CREATED, &json!(2)));
    let sheet = api.get("/tenants/acme/applications/imis/setup").await?.done()?;
    assert_eq!(sheet["preset"], "imis");
    let in_use = api.delete("/tenants/acme/directories/okta").await?;
    assert_eq!(in_use.status, StatusCode::CONFLICT, "{:#}", in_use.body);
    for path in [
        "/tenants/acme/applications/lms",
        "/tenants/acme/directories/okta",
        "/tenants/acme/applications/imis",
        "/tenants/acme",
    ] {
        let gone = api.delete(path).await?.done()?;
        assert_eq!(gone["changes"][0]["action"], "removed", "{gone:#}");
        assert_eq!(api.get(path).await?.status, StatusCode::NOT_FOUND);
        assert_eq!(api.delete(path).await?.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(api.get("/tenants").await?.done()?, json!({ "items": [] }));
    Ok(())
}
