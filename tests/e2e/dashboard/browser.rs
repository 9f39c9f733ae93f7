//! The dashboard in Chromium: passkeys, and every page under axe at the width of a desk and of a
//! telephone.

use anyhow::Result;
use serde_json::{Value, json};
use tests::gateway::{Gateway, Options};
use tests::peers::{browser, free_port};

use super::staff::{address, invited};
use crate::pages::{photographs, text};

/// A gateway that is called by a name, as passkeys need it.
pub(crate) async fn gateway() -> Result<Gateway> {
    let port = free_port()?;
    let public_url = Some(format!("http://localhost:{port}"));
    Gateway::start_with(Options { port: Some(port), public_url, ..Options::default() }).await
}

/// What a page has to pass at both widths: axe finds nothing, and nothing sticks out to the side.
pub(crate) fn looked_at(name: &str) -> Vec<Value> {
    let mut steps = photographs(&format!("dashboard-{name}"));
    for width in [1440, 390] {
        steps.push(json!({"viewport": {"width": width, "height": 900}}));
        steps.push(json!({"axe": format!("axe {name} {width}")}));
        steps.push(json!({
            "evaluate": "() => document.documentElement.scrollWidth - window.innerWidth",
            "as": format!("wide {name} {width}"),
        }));
    }
    steps
}

/// Nothing was found on any page that was looked at.
pub(crate) fn assert_fine(report: &browser::Report) {
    let mut looked = 0;
    for (name, value) in report.values.as_object().into_iter().flatten() {
        if name.starts_with("axe ") {
            assert_eq!(value, &json!([]), "{name}");
            looked += 1;
        }
        if name.starts_with("wide ") {
            assert!(value.as_i64().is_some_and(|pixels| pixels <= 0), "{name}: {value}");
        }
    }
    assert!(looked > 0, "no page was looked at");
    assert_eq!(report.complaints, [""; 0]);
}

/// Somebody sets their account up with a passkey, signs out, and signs in with it.
#[tokio::test]
async fn passkey_is_made_and_signs_in_again() -> Result<()> {
    let gateway = gateway().await?;
    let printed = invited(&gateway, &["operator", "invite", "olive@operator.example"]).await?;
    let mut steps = vec![json!({"passkeys": true}), json!({"goto": address(&printed)?})];
    steps.extend(looked_at("welcome"));
    steps.extend([
        json!({"fill": {"css": "#who"}, "with": "Olive Operator"}),
        json!({"click": {"role": "button", "name": "Make a passkey"}}),
        json!({"wait_for": {"text": "No tenant yet"}}),
    ]);
    steps.extend(looked_at("empty"));
    steps.extend([
        json!({"goto": format!("{}/dashboard/account", gateway.url)}),
        json!({"read": "body", "as": "account"}),
    ]);
    steps.extend(looked_at("account"));
    steps.extend([
        json!({"click": {"css": "header.bar details.end summary"}}),
        json!({"click": {"role": "button", "name": "Sign out"}}),
        json!({"wait_for": {"text": "You are signed out"}}),
    ]);
    steps.extend(looked_at("sign-in"));
    steps.extend([
        json!({"click": {"role": "button", "name": "Sign in with a passkey"}}),
        json!({"wait_for": {"text": "No tenant yet"}}),
        json!({"goto": format!("{}/dashboard/tenants/new", gateway.url)}),
    ]);
    steps.extend(looked_at("new-tenant"));
    steps.extend([
        json!({"fill": {"label": "Name"}, "with": "The Acme Association"}),
        json!({"fill": {"css": "#slug"}, "with": "acme"}),
        json!({"click": {"role": "button", "name": "Make the tenant"}}),
        json!({"wait_for": {"text": "From nothing to the first sign-in"}}),
    ]);
    steps.extend(looked_at("home"));
    let report = browser::run(&Value::Array(steps)).await?;
    assert_fine(&report);
    assert!(text(&report, "account").contains("Olive Operator"), "{}", text(&report, "account"));
    assert!(text(&report, "account").contains("This device"), "{}", text(&report, "account"));
    Ok(())
}
