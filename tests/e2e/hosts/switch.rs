//! What happens at both addresses when the issuer becomes another one.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::agent::{Agent, Visit};
use tests::canary::VERIFIER;
use tests::peers::node::{Flow, OpenidClient};
use tests::peers::{Application, free_port};

use super::{ACME, OTHER, Stage, origin};
use crate::api::Api;
use crate::client::{Client, requests_to};
use crate::scene::{SECRET, STAFF, application, claims_of, sign_in};

/// Everything about an application that is set up with the host, through the certified library: it
/// discovers, signs in and checks the issuer in every place. The directory still sends people back
/// to the old address, which leads on.
#[tokio::test]
async fn a_whole_login_at_a_host_of_its_own() -> Result<()> {
    let stage = Stage::with_hosts().await?;
    let issuer = origin(&stage.gateway, ACME);
    let port = free_port()?;
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::CodeBasic);
    let item = application("library", "generic", &redirect_uri);
    let file = stage.file(Some(ACME), Some(OTHER));
    let file = file.replacen("    applications:\n", &format!("    applications:\n{item}"), 1);
    stage.gateway.apply(&file).await?;
    let settings = Application {
        port,
        issuer: issuer.clone(),
        client_id: "library".to_owned(),
        client_secret: SECRET.to_owned(),
    };
    let library = OpenidClient::start(&settings, Flow::CodeBasic).await?;
    let mut browser = Agent::new()?;
    let me = sign_in(&mut browser, &library.base, STAFF).await?;
    assert_eq!(me["claims"]["iss"], issuer, "{me:#}");
    assert_eq!(requests_to(&browser, &stage.gateway.issuer("acme")), 1, "{:#?}", browser.hops());

    // Once the directory knows the new redirect URI, nothing of the old address is met.
    let callback = ["host", "callback", "okta", "--tenant", "acme", "--at", "issuer"];
    stage.gateway.run(&callback).await?.success()?;
    let listed = stage.gateway.run(&["host", "list", "--tenant", "acme"]).await?.success()?;
    assert!(listed.contains(ACME), "{listed}");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let mut browser = Agent::new()?;
    let me = sign_in(&mut browser, &library.base, STAFF).await?;
    assert_eq!(me["claims"]["iss"], issuer, "{me:#}");
    assert_eq!(requests_to(&browser, &stage.gateway.url), 0, "{:#?}", browser.hops());
    Ok(())
}

/// A login that is under way when the issuer changes ends where it began, with the issuer that it
/// began with; the next one is led to the new address.
#[tokio::test]
async fn what_began_before_a_switch_is_finished_where_it_began() -> Result<()> {
    let mut stage = Stage::set().await?;
    stage.prove("acme.example", "acme").await?;
    let old = stage.client(stage.gateway.issuer("acme"));
    let new = stage.client(origin(&stage.gateway, ACME));
    let mut browser = Agent::new()?;
    let away = browser.get_once(&old.request(&[])?).await?;
    stage.hosts(Some(ACME), None).await?;

    let answer = old.go_on(&mut browser, STAFF, &away).await?;
    let (status, tokens) = old.redeem(answer.code()?).await?;
    assert_eq!(status, 200, "{tokens:#}");
    let id_token = tokens["id_token"].as_str().context("no ID token")?;
    let claims = claims_of(id_token)?;
    assert_eq!(claims["iss"], old.issuer);

    // The next one, also when it is posted.
    let led = browser.get_once(&old.request(&[])?).await?;
    let wanted = new.request(&[])?;
    assert_eq!((led.status, led.header("location")), (307, wanted.as_str()));
    assert_eq!(led.header("cache-control"), "no-store");
    let posted = browser.post_once(&format!("{}/authorize", old.issuer), &[("a", "b")]).await?;
    assert_eq!(posted.status, 307);
    assert_eq!(posted.header("location"), format!("{}/authorize", new.issuer));
    let claims_there = new.sign_in(&mut browser, STAFF, &[]).await?;
    assert_eq!(claims_there["iss"], new.issuer);
    assert_eq!(
        (&claims_there["sub"], &claims_there["external_id"]),
        (&claims["sub"], &claims["external_id"])
    );

    // What was made at the old address still says whom it is about.
    let hint = [("id_token_hint", id_token), ("prompt", "none")];
    let silent = new.ask(&mut browser, STAFF, &hint).await?;
    assert!(!silent.code()?.is_empty());

    stage.let_half_an_hour_pass().await?;
    left_for_good(&stage, &old, &new).await
}

/// What the old address says to machines, a while after.
async fn left_for_good(stage: &Stage, old: &Client, new: &Client) -> Result<()> {
    let mut browser = Agent::new()?;
    let redirect_uri = Client::redirect_uri("app");
    let answer = new.ask(&mut browser, STAFF, &[]).await?;
    let code = [
        ("grant_type", "authorization_code"),
        ("code", answer.code()?),
        ("redirect_uri", &redirect_uri),
        ("client_id", "app"),
        ("client_secret", SECRET),
        ("code_verifier", VERIFIER),
    ];
    for endpoint in ["token", "userinfo", "introspect"] {
        let page = browser.post_once(&format!("{}/{endpoint}", old.issuer), &code).await?;
        let document: Value = page.json()?;
        assert_eq!(page.status, 400, "{endpoint} {document:#}");
        let said = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        let told = said("error_description");
        assert_eq!(said("error"), "invalid_request");
        assert!(told.contains("has another address now"), "{endpoint}: {told}");
    }
    // The code was not used up by that.
    let tokens = browser.post_once(&format!("{}/token", new.issuer), &code).await?;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    for (path, led) in [
        ("/.well-known/openid-configuration", "/.well-known/openid-configuration"),
        ("/logout?state=x", "/logout?state=x"),
        ("/authorize?a=b", "/authorize?a=b"),
    ] {
        let page = browser.get_once(&format!("{}{path}", old.issuer)).await?;
        assert_eq!(page.header("location"), format!("{}{led}", new.issuer), "{path}");
    }
    let root = format!("{}/.well-known/oauth-authorization-server/t/acme", stage.gateway.url);
    let page = browser.get_once(&root).await?;
    let wanted = format!("{}/.well-known/openid-configuration", new.issuer);
    assert_eq!(page.header("location"), wanted);
    // Directories may read the keys where they always did.
    let [here, there] = [&old.issuer, &new.issuer].map(|issuer| format!("{issuer}/jwks"));
    let (here, there) = (browser.get_once(&here).await?, browser.get_once(&there).await?);
    assert_eq!((here.status, here.text()), (200, there.text()));
    let given_back = [("token", "vat_nothing"), ("client_id", "app"), ("client_secret", SECRET)];
    let page = browser.post_once(&format!("{}/revoke", old.issuer), &given_back).await?;
    assert_eq!(page.status, 200);
    Ok(())
}

/// [THREATS UP-02, UP-04] An answer that is led on from the old address counts in the browser that
/// began, and nowhere else; nothing is led on that this callback did not give out.
#[tokio::test]
async fn up_02_an_answer_that_is_led_on_counts_in_its_own_browser_alone() -> Result<()> {
    let stage = Stage::with_hosts().await?;
    let new = stage.client(origin(&stage.gateway, ACME));
    let old_callback = stage.gateway.callback("acme", "okta");
    let mut browser = Agent::new()?;
    let away = browser.get_once(&new.request(&[])?).await?;
    let visit = Visit::stopping_before(STAFF, &old_callback);
    let back = browser.visit(away.location().context("no redirect")?.as_str(), &visit).await?;
    let answer = back.location().context("no answer")?;

    let mut stranger = Agent::new()?;
    let led = stranger.get_once(answer.as_str()).await?;
    let there = led.header("location").to_owned();
    assert_eq!(led.status, 307);
    assert!(there.starts_with(&format!("{}/directories/okta/callback?", new.issuer)), "{there}");
    let page = stranger.get_once(&there).await?;
    assert_eq!(page.status, 400, "{}", page.text());
    // At the callback of another tenant the state opens nothing.
    let elsewhere = there.replace(ACME, OTHER);
    let page = stranger.get_once(&elsewhere).await?;
    assert_eq!(page.status, 400, "{}", page.text());
    for made_up in ["?code=x&state=y", "?code=x", ""] {
        let page = stranger.get_once(&format!("{old_callback}{made_up}")).await?;
        assert_eq!((page.status, page.header("location")), (400, ""), "{made_up}");
    }
    let visit = Visit::stopping_before(STAFF, &Client::redirect_uri("app"));
    let page = browser.visit(answer.as_str(), &visit).await?;
    let code = page.location().context("no answer")?;
    let (_, code) = code.query_pairs().find(|(name, _)| name == "code").context("no code")?;
    assert_eq!(new.claims(&code).await?["iss"], new.issuer);
    Ok(())
}

/// Back to the path, from the dashboard's own operation: the host then leads to it.
#[tokio::test]
async fn a_tenant_can_switch_back() -> Result<()> {
    let stage = Stage::with_hosts().await?;
    let (host, path) = (origin(&stage.gateway, ACME), stage.gateway.issuer("acme"));
    let callback = ["host", "callback", "okta", "--tenant", "acme", "--at", "issuer"];
    stage.gateway.run(&callback).await?.success()?;
    let owner = Api::with(&stage.gateway, &["--tenant", "acme", "--role", "owner"]).await?;
    let changed = owner.patch("/tenants/acme", json!({ "host": null })).await?;
    assert_eq!(changed.status, 200, "{changed:?}");
    stage.comes_to_be(&path).await?;
    let client = stage.client(path.clone());
    let led = Agent::new()?.get_once(&stage.client(host.clone()).request(&[])?).await?;
    assert_eq!(led.header("location"), client.request(&[])?);
    // The directory still sends people to the host, which leads on.
    let claims = client.sign_in(&mut Agent::new()?, STAFF, &[]).await?;
    assert_eq!(claims["iss"], path);

    let addresses = owner.get("/tenants/acme/addresses").await?;
    assert_eq!(addresses.body["issuer"], path);
    assert_eq!(addresses.body["hosts"][0]["name"], ACME);
    let kept = owner.delete(&format!("/tenants/acme/hosts/{ACME}")).await?;
    assert_eq!(kept.status, 409, "{kept:?}");
    let order = json!({ "at": "public_url" });
    let moved = owner.put("/tenants/acme/directories/okta/callback", order).await?;
    assert_eq!(moved.body["redirect_uri"], stage.gateway.callback("acme", "okta"));
    let gone = owner.delete(&format!("/tenants/acme/hosts/{ACME}")).await?;
    assert_eq!(gone.status, 204, "{gone:?}");
    let page = Agent::new()?.get_once(&format!("{host}/jwks")).await?;
    assert!([404, 421].contains(&page.status), "{}", page.status);
    let page = Agent::new()?.get_once(&format!("{host}/jwks")).await?;
    assert_eq!(page.status, 421);
    Ok(())
}

/// A new redirect URI is tried before anybody depends on it.
#[tokio::test]
async fn the_redirect_uri_at_the_issuer_is_tried_by_a_test_sign_in() -> Result<()> {
    let stage = Stage::with_hosts().await?;
    let owner = Api::with(&stage.gateway, &["--tenant", "acme", "--role", "owner"]).await?;
    let link = owner.post("/tenants/acme/directories/okta/callback/test-links", None).await?;
    let url = link.body["url"].as_str().context("no link")?.to_owned();
    assert!(url.starts_with(&origin(&stage.gateway, ACME)), "{url}");
    let mut browser = Agent::new()?;
    let page = browser.visit(&url, &Visit::by(STAFF, "nowhere:")).await?;
    assert_eq!(page.status, 200);
    assert!(page.text().contains(STAFF), "{}", page.text());
    assert_eq!(requests_to(&browser, &stage.gateway.url), 0, "{:#?}", browser.hops());
    Ok(())
}
