//! What a person sees, in a browser with eyes: scripts run, forms post themselves, and whatever
//! the browser complains about (a blocked script or style) fails the test.
//!
//! With `VESTIBULE_SCREENSHOTS` set to a directory, every page on the way is photographed there at
//! the widths of a desk and of a telephone.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};
use tests::gateway::Gateway;
use tests::peers::browser;

use crate::client::{Client, directory, provider, tenant};
use crate::demo::Demo;

/// Steps that photograph the page, where that is wanted.
pub(crate) fn photographs(name: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("VESTIBULE_SCREENSHOTS").map(PathBuf::from) else {
        return Vec::new();
    };
    let at = |width: u32, height: u32| {
        let path = folder.join(format!("{name}-{width}.png"));
        [
            json!({"viewport": {"width": width, "height": height}}),
            json!({"screenshot": path.to_string_lossy()}),
        ]
    };
    [at(1440, 900), at(390, 844)].concat()
}

/// From the sample application's page to signed in: the steps for one person.
fn demo_login(application: &str, email: &str, name: &str) -> Value {
    let person = json!({"role": "button", "name": name});
    let mut steps = vec![json!({"goto": application})];
    steps.extend(photographs("application"));
    steps.extend([
        json!({"fill": {"label": "E-mail"}, "with": email}),
        json!({"click": {"role": "button", "name": "Sign in"}}),
        json!({"wait_for": person}),
        json!({"url": "at_directory"}),
    ]);
    steps.extend(photographs("directory"));
    steps.extend([
        json!({"click": person}),
        json!({"wait_for": {"text": format!("Signed in as {name}")}}),
        json!({"read": "body", "as": "page"}),
    ]);
    steps.extend(photographs(&format!("signed-in-{}", name.replace(' ', "-"))));
    steps.into()
}

pub(crate) fn text<'a>(report: &'a browser::Report, name: &str) -> &'a str {
    report.values.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The page of iMIS, the directory's page, and nothing between them.
#[tokio::test]
async fn demo_signs_staff_and_a_member_in_through_chromium() -> Result<()> {
    let demo = Demo::start().await?;
    for (email, name, verdict, claim) in [
        ("dana.whitfield@acme-assoc.example", "Dana Whitfield", "Staff", true),
        ("robin.member@acme-assoc.example", "Robin Member", "Public user", false),
    ] {
        let report = browser::run(&demo_login(&demo.application, email, name)).await?;
        let page = text(&report, "page");
        assert!(page.contains(verdict), "{page}");
        assert_eq!(page.contains("staff\t\"1\""), claim, "{page}");
        assert!(text(&report, "at_directory").starts_with(&demo.directory), "{report:?}");
        assert!(report.url.starts_with(&demo.application), "{}", report.url);
        assert_eq!(report.complaints, [""; 0]);
    }
    demo.interrupt().await
}

/// A tenant where nothing decides: two directories by address, one with a button.
#[tokio::test]
async fn chooser_error_and_notice_pages_work_in_chromium() -> Result<()> {
    let gateway = Gateway::start().await?;
    let slugs = [("acme", "staff"), ("acme", "public")];
    let provider = provider(&gateway, &slugs, false).await?;
    let directories = [
        directory("staff", &provider.issuer, &["domains: [acme.example]"]),
        directory("public", &provider.issuer, &[]),
    ];
    let acme = tenant("acme", &[Client::item("app")], &directories);
    gateway.apply(&format!("tenants:\n{acme}")).await?;
    let client = Client::new(&gateway, "acme", "app");
    let asked = client.request(&[])?;
    let wrong = asked.replace("app.app.example", "elsewhere.example");

    let mut steps = vec![json!({"goto": asked}), json!({"wait_for": "#chooser"})];
    steps.extend(photographs("chooser"));
    steps.extend([
        json!({"fill": {"label": "E-mail address"}, "with": "dana@nowhere.example"}),
        json!({"click": {"role": "button", "name": "Continue"}}),
        json!({"wait_for": "#email-problem"}),
        json!({"read": "#email-problem", "as": "problem"}),
    ]);
    steps.extend(photographs("chooser-unrouted"));
    steps.extend([
        json!({"fill": {"label": "E-mail address"}, "with": "dana@acme.example"}),
        json!({"press": "Enter"}),
        json!({"wait_for": {"label": "Username"}}),
        json!({"url": "by_address"}),
        json!({"goto": asked}),
        json!({"click": {"role": "button", "name": "The public"}}),
        json!({"wait_for": {"label": "Username"}}),
        json!({"url": "by_button"}),
        // The person cancels there, and learns here what that means.
        json!({"click": {"text": "Cancel"}}),
        json!({"wait_for": "#vestibule-error"}),
        json!({"read": "#support-code", "as": "support_code"}),
        json!({"read": "body", "as": "cancelled"}),
    ]);
    steps.extend(photographs("error-cancelled"));
    steps.extend([json!({"goto": wrong}), json!({"wait_for": "#vestibule-error"})]);
    steps.extend(photographs("error-redirect-uri"));
    let callback = format!("{}?state=x&code=y", gateway.callback("acme", "public"));
    steps.extend([json!({"goto": callback}), json!({"wait_for": "#vestibule-notice"})]);
    steps.extend(photographs("notice"));
    steps.extend([json!({"goto": format!("{}/nothing", gateway.url)})]);
    steps.extend(photographs("not-found"));

    let report = browser::run(&steps.into()).await?;
    assert!(text(&report, "problem").contains("does not lead to a sign-in here"), "{report:?}");
    for at in ["by_address", "by_button"] {
        assert!(text(&report, at).starts_with(&provider.issuer), "{report:?}");
    }
    let cancelled = text(&report, "cancelled");
    assert!(cancelled.contains("Return to The app"), "{cancelled}");
    assert_eq!(text(&report, "support_code").len(), 11, "{report:?}");
    // A browser reports every page with an error status; anything else is ours.
    let complaints = report.complaints.iter().filter(|one| !one.contains("status of 4"));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0]);
    Ok(())
}
