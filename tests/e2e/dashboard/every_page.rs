//! Every page that can be opened, of the one table there is of them, in a browser with eyes: axe
//! finds nothing in either theme, and nothing sticks out to the side. A page that is added is looked
//! at; one that names what this tenant has not got fails here until it has.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::gateway::Gateway;
use tests::hostile::Hostile;
use tests::peers::browser::Browser;
use web::dashboard::{PAGES, Page};

use super::browser::{assert_fine, gateway, looked_at};
use super::logins::two_logins;
use super::staff::{address, invited, operator};
use crate::api::Api;

/// What a tenant with something of everything calls it, by the names in the paths of pages.
struct Things(BTreeMap<&'static str, String>);

impl Things {
    /// Makes a tenant with something of everything.
    async fn make(gateway: &Gateway, hostile: &Hostile) -> Result<Self> {
        let login = two_logins(gateway, hostile).await?;
        let api = Api::with(gateway, &[]).await?;
        for host in [json!("login.acme.example"), Value::Null] {
            api.patch("/tenants/acme", json!({ "host": host })).await?.done()?;
        }
        super::execute(
            gateway,
            "insert into proposed_hosts (tenant_id, directory_id, hosts, proposed_at)
             select tenant_id, directory_id, array['login.moved.example:443', endpoint_hosts[1]], now()
               from directories where endpoint_hosts is not null",
        )
        .await?;
        api.patch("/tenants/acme", json!({ "domain_proof": "dns" })).await?.done()?;
        api.post("/tenants/acme/domains", Some(json!({ "name": "acme.example" }))).await?.done()?;
        let token = json!({ "name": "Website", "role": "viewer" });
        let token = api.post("/tenants/acme/tokens", Some(token)).await?.done()?;
        let users = api.get("/tenants/acme/users").await?.done()?;
        let id = |value: &Value, at: &str| {
            let text = value.pointer(at).and_then(Value::as_str).map(str::to_owned);
            text.with_context(|| format!("no {at} in {value:#}"))
        };
        invited(gateway, &["staff", "invite", "kim@acme.example", "--tenant", "acme"]).await?;
        let named = [
            ("tenant", "acme".to_owned()),
            ("client_id", "app".to_owned()),
            ("directory", "honest".to_owned()),
            ("domain", "acme.example".to_owned()),
            ("host", "login.acme.example".to_owned()),
            ("login", login),
            ("token", id(&token, "/id")?),
            ("user", id(&users, "/items/0/id")?),
        ];
        Ok(Self(named.into()))
    }

    /// The address of a page; the accounts are one of the staff's, and an operator's.
    fn path(&self, page: &Page, (staff, operator): (&str, &str)) -> Result<String> {
        let is_of_operators = page.path.starts_with("/dashboard/operators");
        let account = if is_of_operators { operator } else { staff };
        let path = page.path.replace("{account}", account);
        let path = self
            .0
            .iter()
            .fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        ensure!(!path.contains('{'), "{path}: this tenant has nothing of that name");
        Ok(path)
    }
}

/// The last part of the first link below `list` that holds an identifier.
fn first_id(page: &tests::agent::Page, list: &str) -> Result<String> {
    let links = page.links().into_iter().map(|(_, to)| to);
    let mut rest = links.filter_map(|to| to.strip_prefix(list).map(str::to_owned));
    let id = rest.find_map(|rest| {
        let id = rest.split('/').next().unwrap_or_default();
        (id.len() == 36).then(|| id.to_owned())
    });
    id.with_context(|| page.text())
}

#[tokio::test]
async fn every_page_passes_axe_and_fits_its_window() -> Result<()> {
    let gateway = gateway().await?;
    let hostile = Hostile::start().await?;
    let things = Things::make(&gateway, &hostile).await?;
    let mut olive = operator(&gateway).await?;
    let printed = invited(&gateway, &["operator", "invite", "second@operator.example"]).await?;
    let (staff, operators) = ("/dashboard/t/acme/staff", "/dashboard/operators");
    let staff = first_id(&olive.get(staff).await?, &format!("{staff}/"))?;
    let operators = first_id(&olive.get(operators).await?, &format!("{operators}/"))?;
    let mut browser = Browser::open()?;
    let enters = [
        json!({"passkeys": true}),
        json!({"goto": address(&printed)?}),
        json!({"fill": {"css": "#who"}, "with": "Olive Operator"}),
        json!({"click": {"role": "button", "name": "Make a passkey"}}),
        json!({"wait_for": {"text": "New tenant"}}),
    ];
    browser.run(&json!(enters)).await?;
    let mut looked = 0;
    for page in PAGES {
        let path = things.path(page, (&staff, &operators))?;
        // What is only sent to answers 405; what needs a link, or leads elsewhere, has its own test.
        if olive.get_once(&path).await?.status != 200 {
            continue;
        }
        let mut steps = vec![json!({"goto": format!("{}{path}", gateway.url)})];
        steps.extend(looked_at(&path.replace('/', "-")));
        assert_fine(&browser.run(&Value::Array(steps)).await?);
        looked += 1;
    }
    assert!(looked >= 35, "{looked} pages");
    Ok(())
}
