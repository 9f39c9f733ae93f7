//! The page of a tenant's addresses: what a switch takes is said before it is made.

use anyhow::Result;
use serde_json::{Value, json};
use tests::gateway::Gateway;
use tests::peers;

use super::browser;
use super::staff::{address, invited, member};
use crate::api::Api;

const HOSTS: &str = "/dashboard/t/acme/hosts";
const HOST: &str = "login.acme.example";

/// An owner sees what has to be changed in each application; a switch to a host that is not proven, or
/// that only the operator may write, is refused. To whom may not, there is no button and no effect.
#[tokio::test]
async fn issuer_is_switched_by_whoever_has_read_what_it_takes() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let operator = Api::with(&gateway, &[]).await?;
    operator.patch("/tenants/acme", json!({ "domain_proof": "dns" })).await?.done()?;
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let page = owner.get(HOSTS).await?;
    assert!(page.text().contains(&gateway.issuer("acme")), "{}", page.text());
    for wrong in ["127.0.0.1", "co.uk", "login.acme.example:8443", "x y"] {
        let refused = owner.get(&format!("{HOSTS}/change?host={wrong}")).await?;
        assert_eq!(refused.status, 422, "{wrong}: {}", refused.text());
        assert!(refused.body.contains("aria-invalid"), "{}", refused.body);
    }
    let change = format!("{HOSTS}/change");
    let asked = owner.get(&format!("{change}?host={HOST}")).await?;
    let said = asked.text();
    assert!(said.contains(&format!("{HOST} is not proven")), "{said}");
    assert!(said.contains("iMIS") && said.contains("Learning"), "{said}");
    assert!(said.contains(&format!("http://{HOST}:")), "{said}");
    let refused = owner.send(&asked, &change, &[]).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("is not proven"), "{}", refused.text());

    // The operator vouches; then only the operator may write one.
    operator.patch("/tenants/acme", json!({ "domain_proof": "operator" })).await?.done()?;
    let asked = owner.get(&format!("{change}?host={HOST}")).await?;
    assert_eq!(owner.send(&asked, &change, &[]).await?.status, 403);
    operator.patch("/tenants/acme", json!({ "host": HOST })).await?.done()?;
    let page = owner.get(HOSTS).await?;
    let issuer = format!("<code>{HOST}</code> <span class=\"badge ok\">Issuer");
    assert!(page.body.contains(&issuer), "{}", page.body);
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let seen = viewer.get(HOSTS).await?;
    assert!(seen.forms().iter().all(|one| !one.action.contains("hosts")), "{}", seen.body);
    assert_eq!(viewer.get(&format!("{change}?host=")).await?.status, 403);
    for (path, fields) in [("change", vec![("host", ""), ("version", "1")]), (HOST, vec![])] {
        let path = if path == HOST { format!("{HOSTS}/{HOST}/remove") } else { change.clone() };
        assert_eq!(viewer.post(&path, &fields).await?.status, 403, "{path}");
    }

    // A directory is moved to the redirect URI at the issuer, and back.
    let slug = "/tenants/acme/addresses";
    let directory = operator.get(slug).await?.done()?;
    let directory = directory.pointer("/directories/0/directory").and_then(Value::as_str);
    let directory = directory.unwrap_or_default().to_owned();
    let callback = format!("/dashboard/t/acme/directories/{directory}/callback");
    assert_eq!(viewer.post(&callback, &[("at", "issuer")]).await?.status, 403);
    let page = owner.get(HOSTS).await?;
    assert!(page.forms().iter().any(|one| one.action == callback), "{}", page.body);
    let moved = owner.post(&callback, &[("at", "issuer")]).await?;
    assert!(moved.header("location").ends_with("/hosts?done=saved"), "{}", moved.text());
    let used = operator.get(slug).await?.done()?;
    let used = used.pointer("/directories/0/redirect_uri").and_then(Value::as_str);
    assert!(used.is_some_and(|uri| uri.starts_with(&format!("http://{HOST}:"))), "{used:?}");
    Ok(())
}

/// The gateway's own host is nobody's.
#[tokio::test]
async fn hp_01_the_gateways_own_host_is_no_tenants() -> Result<()> {
    let options = tests::gateway::Options {
        public_url: Some("https://login.hub.example".to_owned()),
        ..tests::gateway::Options::default()
    };
    let gateway = Gateway::start_with(options).await?;
    crate::commands::plain(&gateway).await?;
    let mut api = Api::with(&gateway, &[]).await?;
    api.at(&format!("http://{}", gateway.addr));
    let refused = api.patch("/tenants/acme", json!({ "host": "Login.Hub.example" })).await?;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.places(), ["host"]);
    Ok(())
}

/// The pages in a browser with eyes.
#[tokio::test]
async fn address_pages_look_fine() -> Result<()> {
    let gateway = browser::gateway().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &[]).await?;
    let printed = invited(&gateway, &["operator", "invite", "o@operator.example"]).await?;
    let mut steps = vec![
        json!({"passkeys": true}),
        json!({"goto": address(&printed)?}),
        json!({"fill": {"css": "#who"}, "with": "Olive Operator"}),
        json!({"click": {"role": "button", "name": "Make a passkey"}}),
        json!({"wait_for": {"text": "New tenant"}}),
        json!({"goto": format!("{}{HOSTS}", gateway.url)}),
    ];
    steps.extend(browser::looked_at("hosts"));
    steps.extend([
        json!({"fill": {"css": "#host"}, "with": HOST}),
        json!({"click": {"role": "button", "name": "See what it takes"}}),
        json!({"wait_for": {"text": "In every application"}}),
    ]);
    steps.extend(browser::looked_at("hosts-change"));
    steps.extend([
        json!({"click": {"role": "button", "name": "Switch now"}}),
        json!({"wait_for": {"text": "Where directories send people back"}}),
        json!({"read": "body", "as": "after"}),
    ]);
    steps.extend(browser::looked_at("hosts-own"));
    api.patch("/tenants/acme", json!({ "domain_proof": "operator" })).await?.done()?;
    let report = peers::browser::run(&Value::Array(steps)).await?;
    browser::assert_fine(&report);
    let after = report.values.get("after").and_then(Value::as_str).unwrap_or_default();
    assert!(after.contains(&format!("http://{HOST}:")), "{after}");
    Ok(())
}
