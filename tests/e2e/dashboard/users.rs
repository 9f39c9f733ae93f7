//! Users on pages: found, looked at, kept out and let in again.

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::hostile::Hostile;

use super::staff::member;
use crate::api::{Api, with_a_directory};
use crate::wire::{Parameters, post_token, signed_in};

const USERS: &str = "/dashboard/t/acme/users";

/// A gateway at which somebody signed in; who that is.
async fn somebody(gateway: &Gateway, hostile: &Hostile) -> Result<(Api, Value)> {
    let issuer = with_a_directory(gateway, hostile).await?;
    let answer = signed_in(&mut Agent::new()?, &Parameters::authorize("app").at(&issuer)).await?;
    let redeem = Parameters::token("app", answer.field("code"));
    assert_eq!(post_token(&issuer, &redeem).await?.status, 200);
    let api = Api::with(gateway, &["--tenant", "acme"]).await?;
    let users = api.get("/tenants/acme/users").await?.done()?;
    let user = users.pointer("/items/0").cloned().context("no user")?;
    Ok((api, user))
}

/// An editor finds somebody, sees as whom they arrive, keeps them out, and lets them in again.
#[tokio::test]
async fn tk_12_editor_blocks_somebody_and_sees_what_ended() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let (api, user) = somebody(&gateway, &hostile).await?;
    let text = |name: &str| user[name].as_str().unwrap_or_default().to_owned();
    let (id, sub, external_id) = (text("id"), text("sub"), text("external_id"));
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let found = editor.get(&format!("{USERS}?search={external_id}")).await?;
    let mut links = found.links().into_iter();
    let (_, page) =
        links.find(|(_, to)| to.starts_with(&format!("{USERS}/"))).context("no user")?;
    assert!(page.ends_with(&id), "{page}");
    let seen = editor.get(&page).await?;
    for part in [&sub, &external_id, "hush-of-honest", "signed in in one browser"] {
        assert!(seen.text().contains(part), "{part}: {}", seen.text());
    }
    let none = editor.get(&format!("{USERS}?search=nobody-at-all")).await?;
    assert!(none.text().contains("Nobody fits"), "{}", none.text());

    let block = format!("{page}/block");
    let ask = editor.get(&block).await?;
    assert!(ask.text().contains("Their sessions end at once (1 now)"), "{}", ask.text());
    let blocked = editor.send(&ask, &block, &[]).await?;
    let said = blocked.text();
    assert!(said.contains("Sessions that ended: 1."), "{said}");
    assert!(said.contains("was revoked: 1.") && said.contains("not signed in anywhere"), "{said}");
    let listed = editor.get(&format!("{USERS}?blocked=on")).await?;
    assert!(listed.body.contains(&id), "{}", listed.text());
    let in_again = editor.send(&blocked, &format!("{page}/unblock"), &[]).await?;
    assert!(in_again.text().contains("They may sign in again."), "{}", in_again.text());
    let after = api.get(&format!("/tenants/acme/users/{id}")).await?.done()?;
    assert_eq!(after.get("blocked_at"), None, "{after:#}");
    Ok(())
}

/// Who only looks keeps nobody out, and nobody opens a user of another tenant.
#[tokio::test]
async fn viewer_blocks_nobody() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let (api, user) = somebody(&gateway, &hostile).await?;
    let id = user["id"].as_str().context("no id")?;
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = viewer.get(&format!("{USERS}/{id}")).await?;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("/block"), "{}", page.body);
    for act in ["block", "unblock"] {
        let refused = viewer.post(&format!("{USERS}/{id}/{act}"), &[]).await?;
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    let after = api.get(&format!("/tenants/acme/users/{id}")).await?.done()?;
    assert_eq!((after.get("blocked_at"), &after["sessions"]), (None, &1.into()), "{after:#}");
    for missing in ["00000000-0000-7000-8000-000000000001", "nonsense"] {
        assert_eq!(viewer.get(&format!("{USERS}/{missing}")).await?.status, 404);
    }
    Ok(())
}
