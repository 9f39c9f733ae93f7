//! The Claims page in a browser with eyes: the rows, what a test said, and whom edited rows change.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::peers;

use super::super::browser;
use super::super::logins::ended;
use super::super::staff::{address, invited};
use super::{PATH, signed_in_on};
use crate::api::Api;

#[tokio::test]
async fn claims_page_looks_fine_and_is_used_by_its_labels() -> Result<()> {
    let (scene, _) = signed_in_on(browser::gateway().await?).await?;
    let gateway = &scene.gateway;
    let printed = invited(gateway, &["operator", "invite", "o@operator.example"]).await?;
    let mut steps = vec![
        json!({"passkeys": true}),
        json!({"goto": address(&printed)?}),
        json!({"fill": {"css": "#who"}, "with": "Olive Operator"}),
        json!({"click": {"role": "button", "name": "Make a passkey"}}),
        json!({"wait_for": {"text": "New tenant"}}),
        json!({"goto": format!("{}{PATH}", gateway.url)}),
    ];
    steps.extend(browser::looked_at("claims"));
    steps.extend([
        json!({"click": {"role": "button", "name": "Preview"}}),
        json!({"wait_for": {"text": "As the directory’s last test said"}}),
    ]);
    steps.extend(browser::looked_at("claims-test"));
    steps.extend([
        json!({"click": {"role": "button", "name": "Override groups"}}),
        json!({"wait_for": {"text": "Back to the preset’s"}}),
        json!({"fill": {"css": "#row-1-source"}, "with": "claims.nothing"}),
        json!({"click": {"css": "input[value=recorded]"}}),
        json!({"click": {"role": "button", "name": "Preview"}}),
        json!({"wait_for": {"text": "2 of 2 people would change."}}),
    ]);
    steps.extend(browser::looked_at("claims-people"));
    steps.extend([
        json!({"fill": {"css": "#row-1-source"}, "with": "clams.nothing"}),
        json!({"click": {"role": "button", "name": "Save"}}),
        json!({"wait_for": {"text": "The rows were not saved"}}),
    ]);
    steps.extend(browser::looked_at("claims-wrong"));
    steps.push(json!({"goto": format!("{}{PATH}?of=application:app", gateway.url)}));
    steps.extend(browser::looked_at("claims-application"));
    // The page of the test's own login shows the same.
    let api = Api::with(gateway, &["--tenant", "acme"]).await?;
    let test = ended(&api, "test", 1).await?.pop().context("no test")?;
    let code = test["support_code"].as_str().context("no code")?;
    steps.extend([
        json!({"goto": format!("{}/dashboard/t/acme/logins/{code}", gateway.url)}),
        json!({"wait_for": {"text": "Claims of the ID token"}}),
    ]);
    steps.extend(browser::looked_at("login-test"));
    let mut report = peers::browser::run(&Value::Array(steps)).await?;
    // The browser says of a form that was refused that it was.
    report.complaints.retain(|one| !one.contains("422"));
    browser::assert_fine(&report);
    Ok(())
}
