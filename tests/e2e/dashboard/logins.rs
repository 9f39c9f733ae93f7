//! Logins on pages: found by what they have in common or by their code, each with its timeline.

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::hostile::Hostile;

use super::staff::{Person, member};
use crate::api::{Api, with_a_directory};
use crate::wire::{Parameters, post_token, signed_in};

/// A gateway at which one login went well and one failed; the support code of the failed one.
pub(super) async fn two_logins(gateway: &Gateway, hostile: &Hostile) -> Result<String> {
    let issuer = with_a_directory(gateway, hostile).await?;
    let answer = signed_in(&mut Agent::new()?, &Parameters::authorize("app").at(&issuer)).await?;
    let redeem = Parameters::token("app", answer.field("code"));
    assert_eq!(post_token(&issuer, &redeem).await?.status, 200);
    let api = Api::with(gateway, &["--tenant", "acme"]).await?;
    api.patch("/tenants/acme/directories/honest", json!({ "state": "paused" })).await?.done()?;
    Agent::new()?.get_once(&Parameters::authorize("app").at(&issuer)).await?;
    // What goes wrong is recorded in batches.
    loop {
        let found = api.get("/tenants/acme/logins?state=failed").await?.done()?;
        if let Some(code) = found.pointer("/items/0/support_code").and_then(|it| it.as_str()) {
            return Ok(code.to_owned());
        }
    }
}

/// The first link to a login of the list.
async fn first(person: &mut Person, query: &str) -> Result<String> {
    let page = person.get(&format!("/dashboard/t/acme/logins{query}")).await?;
    let mut links = page.links().into_iter();
    let found = links.find(|(_, to)| to.starts_with("/dashboard/t/acme/logins/"));
    Ok(found.with_context(|| page.text())?.1)
}

/// A viewer narrows the list down, and opens a login by its row, its code however typed, or its
/// identifier: a good one to its end, a failed one with cause and fix.
#[tokio::test]
async fn logins_are_found_and_explained() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let code = two_logins(&gateway, &hostile).await?;
    let mut kim = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let list = kim.get("/dashboard/t/acme/logins").await?;
    let said = list.text();
    assert!(said.contains("Signed in") && said.contains(&code), "{said}");
    let failed = kim.get("/dashboard/t/acme/logins?state=failed").await?;
    assert!(!failed.body.contains("badge ok"), "{}", failed.text());
    let none = kim.get("/dashboard/t/acme/logins?person=nobody").await?;
    assert!(none.text().contains("No login fits"), "{}", none.text());
    assert_eq!(kim.get("/dashboard/t/acme/logins?state=nonsense").await?.status, 400);

    let good = first(&mut kim, "?state=redeemed").await?;
    let good = kim.get(&good).await?;
    assert_eq!(good.status, 200);
    for part in ["The directory’s answer", "The ID token is verified.", "token request"] {
        assert!(good.text().contains(part), "{part}: {}", good.text());
    }
    assert!(!good.text().contains("Not reached"), "{}", good.text());

    let typed = code.to_lowercase().replace('-', "+");
    let failed = kim.get(&format!("/dashboard/t/acme/logins?code=+{typed}")).await?;
    assert_eq!(failed.status, 200, "{}", failed.text());
    for part in ["Who can mend it", "Not reached: ", "Failed", &code] {
        assert!(failed.text().contains(part), "{part}: {}", failed.text());
    }
    let (_, rest) =
        failed.body.split_once("Identifier</dt><dd class=\"mono\">").context("no id")?;
    let id = rest.split_once('<').context("no id")?.0;
    let by_id = kim.get(&format!("/dashboard/t/acme/logins/{id}")).await?;
    assert_eq!((by_id.status, by_id.text()), (200, failed.text()));
    let missing = kim.get("/dashboard/t/acme/logins?code=00000-0000").await?;
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("There is no such login"), "{}", missing.text());
    Ok(())
}

/// [THREATS TN-01] Who has one directory sees no login, and no tenant sees another's by its code.
#[tokio::test]
async fn tn_01_logins_are_for_those_who_see_the_tenant() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let code = two_logins(&gateway, &hostile).await?;
    let manager = ["--role", "directory_manager", "--directory", "honest"];
    let mut manager = member(&gateway, "acme", &manager).await?;
    for path in ["logins".to_owned(), format!("logins/{code}")] {
        let refused = manager.get(&format!("/dashboard/t/acme/{path}")).await?;
        assert_eq!(refused.status, 403, "{path}: {}", refused.text());
        assert!(!refused.body.contains("badge"), "{}", refused.text());
    }
    let operator = Api::with(&gateway, &[]).await?;
    operator.put("/tenants/other", json!({ "name": "Other" })).await?.done()?;
    let mut foreign = member(&gateway, "other", &["--role", "owner"]).await?;
    let theirs = foreign.get(&format!("/dashboard/t/other/logins/{code}")).await?;
    assert_eq!(theirs.status, 404);
    assert!(theirs.text().contains("There is no such login"), "{}", theirs.text());
    Ok(())
}
