//! Rows are tried on claims that somebody pastes.

use anyhow::Result;
use tests::agent::Page;
use tests::gateway::Gateway;

use super::staff::{Person, member};
use crate::scene::SECRET;

const PATH: &str = "/dashboard/t/acme/claims";
/// Claims of somebody whom no log may name.
const CLAIMS: &str = r#"{"sub":"00u-unheard-of","email":"unheard-of@acme.example",
    "email_verified":true,"given_name":"Dana","family_name":"Whitfield","groups":["Staff"]}"#;

async fn gateway() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    let configuration = format!(
        "tenants:
  - slug: acme
    name: Acme Association
    applications:
      - client_id: imis
        name: iMIS
        preset: imis
        client_secret: {SECRET}
        redirect_uris: [\"https://imis.example/\"]
    directories:
      - slug: okta
        name: Acme staff
        preset: okta
        issuer: https://acme.okta.com
        client_id: gateway
        client_secret: {SECRET}
        state: active
        profile:
          staff: {{ expr: \"'Staff' in claims.groups\", type: bool, default: false }}
  - {{ slug: other, name: Other }}
"
    );
    gateway.apply(&configuration).await?;
    Ok(gateway)
}

async fn tried(person: &mut Person, claims: &str, rows: &str) -> Result<Page> {
    let page = person.get(PATH).await?;
    person.send(&page, PATH, &[("claims", claims), ("rows", rows)]).await
}

#[tokio::test]
async fn pasted_claims_show_rows_releases_and_what_other_rows_change() -> Result<()> {
    let gateway = gateway().await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let mut vera = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = tried(&mut vera, CLAIMS, "").await?;
    let text = page.text();
    assert!(text.contains("This person could use everything."), "{text}");
    assert!(text.contains("from claims.email") && text.contains("by expression"), "{text}");
    assert!(text.contains("yes. It is trusted when email_verified is true"), "{text}");
    let imis = text.split("What iMIS would receive").nth(1).unwrap_or_default();
    assert!(imis.contains("staff \"1\""), "{imis}");
    assert!(imis.contains("external_id \"00u-unheard-of\""), "{imis}");

    // Without a first name iMIS gets nothing, and the page says who mends it.
    let unnamed = CLAIMS.replace("\"given_name\":\"Dana\",", "");
    let text = tried(&mut vera, &unnamed, "").await?.text();
    assert!(text.contains("could not use everything"), "{text}");
    assert!(text.contains("claim_contract_unmet") && text.contains("First name"), "{text}");

    let rows = "staff: { value: false, type: bool }\ngroups: { value: null }";
    let text = tried(&mut vera, CLAIMS, rows).await?.text();
    assert!(text.contains("Profile : staff true false"), "{text}");
    assert!(text.contains("iMIS : staff \"1\" –"), "{text}");
    assert!(!text.contains("iMIS : email"), "{text}");
    let same =
        r#"{"staff": {"expr": "'Staff' in claims.groups", "type": "bool", "default": false}}"#;
    let text = tried(&mut vera, CLAIMS, same).await?.text();
    assert!(text.contains("change for this person Nothing."), "{text}");
    let refused = r#"{"email": {"from": ["claims.mail"], "on_missing": "fail"}}"#;
    let text = tried(&mut vera, CLAIMS, refused).await?.text();
    assert!(text.contains("This sign-in would end"), "{text}");
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    let log = gateway.log();
    assert!(!log.contains("unheard-of") && !log.contains("Whitfield"), "claims are in the log");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_is_said_at_its_box_and_kept_there() -> Result<()> {
    let gateway = gateway().await?;
    let mut vera = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let long = format!("{{\"sub\":\"{}\"}}", "x".repeat(33_000));
    for (claims, rows, at, said) in [
        ("[1]", "", "claims", "paste an object"),
        ("{\"sub\":", "", "claims", "this is no JSON"),
        ("{\"a\":1,\"a\":2}", "", "claims", "this is no JSON"),
        (long.as_str(), "", "claims", "32 KiB"),
        (CLAIMS, "staff: [", "rows", ""),
        (CLAIMS, "sub: { value: x }", "rows", "profile.sub"),
        (CLAIMS, "staff: { expr: \"claims.\" }", "rows", "profile.staff"),
        (CLAIMS, "staff: { from: [claims.x], colour: red }", "rows", "colour"),
    ] {
        let page = tried(&mut vera, claims, rows).await?;
        assert_eq!(page.status, 422, "{rows}: {}", page.text());
        assert!(page.body.contains(&format!("id=\"{at}-wrong\"")), "{rows}: {}", page.body);
        assert!(page.text().contains(said), "{said}: {}", page.text());
    }
    Ok(())
}

/// [THREATS TN-12] Whoever has one directory alone does not see applications.
#[tokio::test]
async fn tn_12_claims_are_not_for_managers_and_strangers() -> Result<()> {
    let gateway = gateway().await?;
    let manager = ["--role", "directory_manager", "--directory", "okta"];
    let mut manager = member(&gateway, "acme", &manager).await?;
    let mut foreign = member(&gateway, "other", &["--role", "owner"]).await?;
    let fields = [("directory", "okta"), ("claims", CLAIMS)];
    for (person, wanted) in [(&mut manager, 403), (&mut foreign, 404)] {
        assert_eq!(person.get_once(PATH).await?.status, wanted);
        let answer = person.post(PATH, &fields).await?;
        assert_eq!(answer.status, wanted);
        assert!(!answer.text().contains("iMIS"), "{}", answer.text());
    }
    Ok(())
}
