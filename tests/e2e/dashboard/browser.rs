//! The dashboard in Chromium: passkeys, and every page under axe at the width of a desk and of a
//! telephone.

use anyhow::Result;
use serde_json::{Value, json};
use tests::gateway::{Gateway, Options};
use tests::peers::{browser, free_port};

use super::staff::{address, invited};
use crate::pages::{photographs, text};
use crate::scene::MEMBER;

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

/// Somebody sets up with the directory of their organisation, in a browser and by keyboard where that
/// matters; and whoever is not connected is told so. Every new page is looked at.
#[tokio::test]
async fn staff_sign_in_through_a_directory_in_chromium() -> Result<()> {
    let scene = super::directory_sign_in::scene(gateway().await?).await?;
    let url = &scene.gateway.url;
    let command = ["staff", "invite", "kim@acme.example", "--tenant", "acme", "--role", "owner"];
    let printed = invited(&scene.gateway, &command).await?;
    let there = |who: &str| {
        [
            json!({"fill": {"label": "Username"}, "with": who}),
            json!({"fill": {"label": "Password"}, "with": "any"}),
            json!({"press": "Enter"}),
        ]
    };
    let mut steps = vec![json!({"goto": address(&printed)?})];
    steps.extend(looked_at("welcome-directory"));
    steps.extend([
        json!({"fill": {"css": "#name-1"}, "with": "Kim"}),
        json!({"click": {"role": "button", "name": "Set up with Acme staff"}}),
    ]);
    steps.extend(there(MEMBER));
    steps.push(json!({"wait_for": {"text": "Is this you?"}}));
    steps.extend(looked_at("directory-ask"));
    steps.extend([
        json!({"click": {"role": "button", "name": "Set up and sign in"}}),
        json!({"wait_for": {"text": "From nothing to the first sign-in"}}),
        json!({"goto": format!("{url}/dashboard/account")}),
        json!({"read": "body", "as": "account"}),
    ]);
    steps.extend(looked_at("account-directory"));
    steps.push(json!({"goto": format!("{url}/dashboard/t/acme/directories/okta/staff-sign-in")}));
    steps.extend(looked_at("directory-staff"));
    steps.extend([
        json!({"click": {"css": "header.bar details.end summary"}}),
        json!({"click": {"role": "button", "name": "Sign out"}}),
        json!({"wait_for": {"text": "You are signed out"}}),
    ]);
    steps.extend(looked_at("sign-in-organisation"));
    steps.push(json!({"goto": format!("{url}/dashboard/sign-in?organisation=nobody")}));
    steps.extend(looked_at("sign-in-unknown"));
    // The directory knows them still: by keyboard from the field to the dashboard.
    steps.extend([
        json!({"fill": {"css": "#organisation"}, "with": "acme"}),
        json!({"press": "Enter"}),
        json!({"wait_for": {"text": "Go on with"}}),
        json!({"evaluate": "() => document.querySelector('a.button').focus()", "as": "focus"}),
        json!({"press": "Enter"}),
        json!({"wait_for": {"text": "From nothing to the first sign-in"}}),
        json!({"url": "end"}),
    ]);
    let mut report = browser::run(&Value::Array(steps)).await?;
    // The directory has no icon.
    report.complaints.retain(|one| !one.contains("status of 404"));
    assert_fine(&report);
    let account = text(&report, "account");
    assert!(account.contains("You signed in through a directory"), "{account}");
    assert!(report.values["end"].as_str().is_some_and(|it| it.ends_with("/dashboard/t/acme")));

    let mut steps = vec![
        json!({"goto": format!("{url}/dashboard/sign-in/directory?organisation=acme&directory=okta")}),
    ];
    steps.extend(looked_at("directory-way"));
    steps.push(json!({"click": {"css": "#way"}}));
    steps.extend(there("stranger@acme.example"));
    steps.push(json!({"wait_for": {"text": "not connected yet"}}));
    steps.extend(looked_at("not-connected"));
    steps.push(json!({"goto": format!("{url}/dashboard/sign-in/directory/answer?answer=x")}));
    steps.push(json!({"wait_for": {"text": "start again"}}));
    let report = browser::run(&Value::Array(steps)).await?;
    let complaints = report.complaints.iter().filter(|one| !one.contains("status of 40"));
    assert_eq!(complaints.count(), 0, "{:?}", report.complaints);
    for page in ["not-connected", "directory-way"] {
        assert_eq!(report.values[&format!("axe {page} 390")], json!([]), "{:#}", report.values);
    }
    Ok(())
}
