//! `vestibule application`: whoever fills in the application's screen needs nothing else.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::agent::Agent;

use super::{Stage, application, at, request, set};
use crate::scene::SECRET;

const CALLBACK: &str = "https://members.acme-assoc.example/";

async fn shown(stage: &Stage, client_id: &str, more: &[&str]) -> Result<String> {
    let url = &stage.gateway.url;
    let show = ["application", "show", client_id, "--tenant", "acme", "--public-url", url];
    stage.gateway.run(&[&show, more].concat()).await?.success()
}

/// The value of a field.
fn value<'a>(sheet: &'a Value, label: &str) -> Result<&'a str> {
    let sections = sheet["sections"].as_array().into_iter().flatten();
    let mut fields = sections.flat_map(|one| one["fields"].as_array().into_iter().flatten());
    let field = fields.find(|one| one["label"] == label);
    field.and_then(|one| one["value"].as_str()).with_context(|| format!("{label}: {sheet:#}"))
}

/// The thirteen fields come out of one command, and what they say works: discovery, issuer, client
/// and secret are taken from the sheet alone. The secret from before goes on working.
#[tokio::test]
async fn imis_signs_in_with_what_its_sheet_says() -> Result<()> {
    let stage = Stage::with(&application("imis", "imis", CALLBACK, &[])).await?;
    let sheet: Value =
        serde_json::from_str(&shown(&stage, "imis", &["--new-secret", "--json"]).await?)?;
    let labels: Vec<_> = sheet["sections"][0]["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|field| field["label"].as_str())
        .collect();
    assert_eq!(
        labels,
        [
            "OIDC authentication",
            "Type",
            "Name",
            "Client ID",
            "Client Secret",
            "Well-Known URL",
            "Authority URL",
            "Redirect login URL",
            "External ID claim type",
            "Set login hint",
            "Claim type",
            "Claim value",
            "Email body",
        ]
    );
    let document = crate::wire::http()?.get(value(&sheet, "Well-Known URL")?).send().await?;
    let document: Value = serde_json::from_str(&document.text().await?)?;
    assert_eq!(document["issuer"], value(&sheet, "Authority URL")?);

    let client_id = value(&sheet, "Client ID")?;
    let request = request(client_id, value(&sheet, "Redirect login URL")?);
    let mut agent = Agent::new()?;
    for secret in [value(&sheet, "Client Secret")?, SECRET] {
        let code = stage.sign_in(&mut agent, &request).await?.field("code").to_owned();
        let claims = redeemed(&stage, &request, &code, secret).await?;
        assert_eq!(claims[value(&sheet, "Claim type")?], value(&sheet, "Claim value")?);
        assert!(claims[value(&sheet, "External ID claim type")?].is_string(), "{claims:#}");
    }

    // A file that names the old one changes nothing; one that names the new one ends the old one.
    let plan = stage.apply(&application("imis", "imis", CALLBACK, &[])).await?;
    assert!(plan.contains("No changes."), "{plan}");
    let secret = value(&sheet, "Client Secret")?;
    let renewed = application("imis", "imis", CALLBACK, &[]).replace(SECRET, secret);
    stage.apply(&renewed).await?;
    let plan = stage.apply(&renewed).await?;
    assert!(plan.contains("No changes."), "{plan}");
    let code = stage.sign_in(&mut agent, &request).await?.field("code").to_owned();
    refused(&stage, SECRET).await?;
    redeemed(&stage, &request, &code, secret).await?;
    Ok(())
}

/// The ID token's claims; a node may need a moment to learn of the new secret, and a code that is
/// presented with a secret that it does not know yet is not used up.
async fn redeemed(
    stage: &Stage,
    request: &serde_json::Map<String, Value>,
    code: &str,
    secret: &str,
) -> Result<Value> {
    let client = [("client_id", super::text(request, "client_id")), ("client_secret", secret)];
    for _ in 0..50 {
        let tokens = stage.redeem(request, code, &client).await?;
        if tokens.status == 200 {
            return crate::scene::claims_of(at(&tokens.body, "/id_token"));
        }
        assert_eq!(tokens.error(), (401, "invalid_client"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the secret of the sheet is never accepted")
}

/// Waits until a secret is none any more. A request with a code that nobody has uses nothing up.
async fn refused(stage: &Stage, secret: &str) -> Result<()> {
    let client = [("client_id", "imis"), ("client_secret", secret)];
    for _ in 0..50 {
        let answer = stage.redeem(&request("imis", CALLBACK), "no-code", &client).await?;
        if answer.error() == (401, "invalid_client") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the secret from before is accepted for ever")
}

/// The four tabs of imc, filled in, lead to the claims that its mapping entries name.
#[tokio::test]
async fn imc_signs_in_with_what_its_sheet_says() -> Result<()> {
    let callback = "https://learn.acme-assoc.example/idm/oidc/login";
    let stage = Stage::with(&application(
        "imc",
        "imc",
        callback,
        &["claims: { \"Membership Status\": { from: [profile.membership_status] } }"],
    ))
    .await?;
    let sheet: Value = serde_json::from_str(&shown(&stage, "imc", &["--json"]).await?)?;
    assert_eq!(value(&sheet, "Authorization endpoint")?, format!("{}/authorize", stage.issuer()));
    assert_eq!(value(&sheet, "Client Secret")?, "", "the file's secret is not known any more");
    let request = request(value(&sheet, "Client ID")?, callback);
    let request = set(request, "response_type", value(&sheet, "Response type")?);
    let request = set(request, "response_mode", value(&sheet, "Response mode")?);
    let request = set(request, "scope", value(&sheet, "Scope")?);
    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    let (claims, _) = stage.known(&request, answer.field("code")).await?;
    assert!(claims[value(&sheet, "Person Identifier")?].is_string(), "{claims:#}");
    let targets = ["LOGIN", "FIRSTNAME", "LASTNAME", "EMAIL", "MEMBERSHIP_STATUS"];
    let entries: Vec<_> = sheet["sections"][4]["fields"].as_array().into_iter().flatten().collect();
    let of = |label: &str| -> Vec<&str> {
        let these = entries.iter().filter(|one| one["label"] == label);
        these.filter_map(|one| one["value"].as_str()).collect()
    };
    assert_eq!(of("Target Field"), targets);
    assert_eq!(of("Source Field").len(), targets.len());
    for source in of("Source Field") {
        assert!(claims[source].is_string(), "{source} in {claims:#}");
    }
    Ok(())
}

#[tokio::test]
async fn a_sheet_names_places_never_an_old_secret_and_makes_four_at_most() -> Result<()> {
    let staff = "https://members.acme-assoc.example/staff";
    let applications =
        [application("imis", "imis", staff, &[]), application("portal", "generic", CALLBACK, &[])];
    let stage = Stage::with(&applications.concat()).await?;
    let text = shown(&stage, "imis", &[]).await?;
    for words in
        ["Settings > Contacts > Open ID Connect", "Redirect login URL", "Warning: No redirect"]
    {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains(SECRET), "{text}");
    let list = stage.gateway.run(&["application", "list", "--tenant", "acme"]).await?.success()?;
    assert!(list.contains("imis") && list.contains(staff) && list.contains("portal"), "{list}");

    for _ in 0..3 {
        shown(&stage, "portal", &["--new-secret"]).await?;
    }
    let refused = shown(&stage, "portal", &["--new-secret"]).await.unwrap_err().to_string();
    assert!(refused.contains("has 4 secrets"), "{refused}");
    let unknown = shown(&stage, "nobody", &[]).await.unwrap_err().to_string();
    assert!(unknown.contains("has no application `nobody`"), "{unknown}");
    Ok(())
}
