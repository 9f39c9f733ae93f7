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
    for part in [&sub, &external_id, "hush-of-honest", "Sign out everywhere"] {
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
    assert!(said.contains("was revoked: 1.") && said.contains("Not signed in anywhere."), "{said}");
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

/// An editor ends one session and then every one; who joins two users is an owner, and sees both
/// before anything happens.
#[tokio::test]
async fn sessions_end_one_by_one_and_two_users_become_one() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let (api, user) = somebody(&gateway, &hostile).await?;
    let text = |user: &Value, name: &str| user[name].as_str().unwrap_or_default().to_owned();
    let id = text(&user, "id");
    let issuer = gateway.issuer("acme");
    signed_in(&mut Agent::new()?, &Parameters::authorize("app").at(&issuer)).await?;
    let page = format!("{USERS}/{id}");
    let (mut editor, mut owner) = (
        member(&gateway, "acme", &["--role", "editor"]).await?,
        member(&gateway, "acme", &["--role", "owner"]).await?,
    );

    let listed = api.get(&format!("/tenants/acme/users/{id}/sessions")).await?.done()?;
    let listed = listed["items"].as_array().context("no sessions")?.clone();
    assert_eq!(listed.len(), 2, "{listed:#?}");
    assert_eq!(listed[1]["applications"], serde_json::json!(["app"]), "{listed:#?}");
    let end = format!("{page}/sessions/end");
    let seen = editor.get(&page).await?;
    let ended = editor.send(&seen, &end, &[("session", &text(&listed[1], "id"))]).await?;
    let said = ended.text();
    assert!(said.contains("Sessions that ended: 1.") && said.contains("was revoked: 1."), "{said}");
    assert_eq!(editor.post(&end, &[]).await?.status, 303);
    let after = editor.get(&page).await?;
    assert!(after.text().contains("Not signed in anywhere."), "{}", after.text());

    // Somebody else, who is the same person.
    let csv = "external_id,email\nE-77,dana@acme.example\n";
    let path = gateway.file("people.csv", csv)?;
    gateway.run(&["users", "import", &path, "--tenant", "acme"]).await?.success()?;
    let join = format!("{page}/join");
    assert_eq!(editor.get(&join).await?.status, 403);
    let refused = editor.post(&join, &[("confirmed", &id)]).await?;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let ask = owner.get(&join).await?;
    let nobody = owner.send(&ask, &join, &[("other", "nobody")]).await?;
    assert_eq!(nobody.status, 400);
    assert!(nobody.text().contains("Nobody of this tenant is called that"), "{}", nobody.text());
    let both = owner.send(&nobody, &join, &[("other", "E-77")]).await?;
    let said = both.text();
    for part in ["E-77", &text(&user, "external_id"), "This cannot be taken back."] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let done = owner.send(&both, &join, &[]).await?;
    assert!(done.text().contains("They are one user now."), "{}", done.text());
    let gone = owner.get(&format!("{USERS}?search=E-77")).await?;
    assert!(gone.text().contains("Joined"), "{}", gone.text());
    let users = api.get("/tenants/acme/users").await?.done()?;
    assert_eq!(users["items"].as_array().map(Vec::len), Some(1), "{users:#}");
    Ok(())
}
