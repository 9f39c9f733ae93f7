//! The hand-over in Chromium, over TLS: the attempt is in a cookie of the tenant's host, the directory
//! sends the browser to the old address, and the login ends all the same.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::gateway::{Gateway, Options};
use tests::peers::browser::run;
use tests::peers::node::{Directory, OidcProvider, TlsProxy};
use url::Url;

use super::ACME;
use crate::client::{Client, directory, tenant};
use crate::scene::{SECRET, STAFF};

#[tokio::test]
async fn browser_is_led_from_the_old_address_to_its_attempt() -> Result<()> {
    let (port, public_url) = TlsProxy::plan()?;
    let options = Options { public_url: Some(public_url.clone()), ..Options::default() };
    let gateway = Gateway::start_with(options).await?;
    let _proxy = TlsProxy::start(port, &format!("http://{}", gateway.addr)).await?;
    let callback = gateway.callback("acme", "okta");
    let provider =
        OidcProvider::start(&Directory::with_client("at-okta", SECRET, &callback)).await?;
    // A page that is there without an application.
    let landing = format!("{public_url}/healthz");
    let item = Client::item("app").replace(&Client::redirect_uri("app"), &landing);
    let okta = directory("okta", &provider.issuer, &[]);
    let acme = tenant("acme", &[item], &[okta]);
    gateway.apply(&format!("tenants:\n{acme}")).await?;
    let acme =
        acme.replacen("    applications:", &format!("    host: {ACME}\n    applications:"), 1);
    gateway.apply(&format!("tenants:\n{acme}")).await?;

    let issuer = format!("https://{ACME}:{port}");
    let client = Client { issuer: issuer.clone(), ..Client::new(&gateway, "acme", "app") };
    let mut request = Url::parse(&client.request(&[])?)?;
    let pairs: Vec<(String, String)> = request.query_pairs().into_owned().collect();
    let pairs = pairs.into_iter().map(|(name, value)| match name.as_str() {
        "redirect_uri" => (name, landing.clone()),
        _ => (name, value),
    });
    request.query_pairs_mut().clear().extend_pairs(pairs.collect::<Vec<_>>());
    let steps = json!([
        {"goto": request.as_str()},
        {"fill": {"css": "[name=login]"}, "with": STAFF},
        {"fill": {"css": "[name=password]"}, "with": "x"},
        {"click": {"css": "button, [type=submit]"}},
        {"wait_for": {"text": "ok"}},
        {"url": "landed"},
        // The session is in this browser, at the tenant's host.
        {"goto": format!("{request}&prompt=none")},
        {"url": "again"},
    ]);
    let report = run(&steps).await?;
    for name in ["landed", "again"] {
        let url = report.values.get(name).and_then(Value::as_str).context("no address")?;
        let url = Url::parse(url)?;
        let said = |wanted: &str| {
            url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        assert!(url.as_str().starts_with(&landing), "{name}: {url}");
        assert!(said("code").is_some(), "{name}: {url}");
        assert_eq!(said("iss").as_deref(), Some(issuer.as_str()), "{name}: {url}");
    }
    Ok(())
}
