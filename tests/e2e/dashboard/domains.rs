//! Domains and routing on pages: claimed, looked for, proven, given up; and what routes whom.

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::gateway::{Gateway, Options};
use tests::peers::dnsmasq::Dnsmasq;

use super::staff::member;
use crate::api::Api;

const DOMAINS: &str = "/dashboard/t/acme/domains";

/// A text of a page, between what stands before it and the next tag.
fn copied<'a>(body: &'a str, before: &str) -> Result<&'a str> {
    let (_, rest) = body.split_once(before).with_context(|| before.to_owned())?;
    let (_, rest) = rest.split_once("<code>").context("no code")?;
    Ok(rest.split_once('<').context("no end")?.0)
}

/// An editor claims and proves a domain, which then routes; giving it up takes an owner.
#[tokio::test]
async fn id_05_domain_is_claimed_proven_and_given_up() -> Result<()> {
    let mut dns = Dnsmasq::start().await?;
    let options = Options { dns: Some(dns.addr()), ..Options::default() };
    let gateway = Gateway::start_with(options).await?;
    crate::commands::plain(&gateway).await?;
    let operator = Api::with(&gateway, &[]).await?;
    operator.patch("/tenants/acme", json!({ "domain_proof": "dns" })).await?.done()?;
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let empty = editor.get(DOMAINS).await?;
    let said = empty.text();
    assert!(said.contains("No domain yet") && said.contains("not claimed"), "{said}");

    let route = "/dashboard/t/acme/routing?email=dana@acme.example&application=lms";
    let before = editor.get(route).await?;
    assert!(before.text().contains("acme.example is not proven"), "{}", before.text());
    let form = editor.get(&format!("{DOMAINS}/new?name=acme.example")).await?;
    for wrong in ["co.uk", "not a domain"] {
        let refused = editor.send(&form, DOMAINS, &[("name", wrong)]).await?;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.body.contains(&format!("value=\"{wrong}\"")), "{}", refused.body);
        assert!(refused.body.contains("aria-invalid"), "{}", refused.body);
    }
    let claimed = editor.send(&form, DOMAINS, &[]).await?;
    assert!(claimed.text().contains("Not proven"), "{}", claimed.text());
    let name = copied(&claimed.body, "<dt>Name</dt>")?.to_owned();
    let value = copied(&claimed.body, "<dt>Value</dt>")?.to_owned();

    let check = format!("{DOMAINS}/acme.example/check");
    let looked = editor.send(&claimed, &check, &[]).await?;
    assert!(looked.text().contains("is not proven yet"), "{}", looked.text());
    assert!(looked.body.contains(&value), "{}", looked.body);
    dns.publish(&[(&name, &[&value])]).await?;
    let proven = editor.send(&looked, &check, &[]).await?;
    assert!(proven.text().contains("the domain is proven"), "{}", proven.text());
    let after = editor.get(route).await?;
    assert!(
        after.text().contains("Goes to") && after.text().contains("Acme staff"),
        "{}",
        after.text()
    );

    let remove = format!("{DOMAINS}/acme.example/remove");
    for refused in [editor.get(&remove).await?, editor.post(&remove, &[]).await?] {
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    assert!(editor.get(DOMAINS).await?.text().contains("Proven"));
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let ask = owner.get(&remove).await?;
    let gone = owner.send(&ask, &remove, &[]).await?;
    assert!(gone.text().contains("No domain yet"), "{}", gone.text());
    assert_eq!(operator.get("/tenants/acme/domains").await?.done()?, json!({ "items": [] }));
    Ok(())
}

/// Who only looks sees the records, and claims and checks nothing.
#[tokio::test]
async fn viewer_claims_no_domain() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let order = json!({ "name": "acme.example" });
    api.post("/tenants/acme/domains", Some(order)).await?.done()?;
    let before = api.get("/tenants/acme/domains").await?.done()?;
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = viewer.get(DOMAINS).await?;
    assert!(page.text().contains("vestibule-domain="), "{}", page.text());
    assert!(page.forms().iter().all(|one| !one.action.contains("domains")), "{}", page.body);
    for (path, fields) in [
        ("new", vec![("name", "other.example")]),
        ("acme.example/check", vec![]),
        ("acme.example/remove", vec![]),
    ] {
        let refused = viewer.post(&format!("{DOMAINS}/{path}"), &fields).await?;
        assert_eq!(refused.status, 403, "{path}: {}", refused.text());
    }
    assert_eq!(api.get("/tenants/acme/domains").await?.done()?, before);
    Ok(())
}
