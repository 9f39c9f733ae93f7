//! What is decided and kept for a whole tenant, on pages: the audit log, signing keys, its own
//! settings, the tokens of its programs.

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::gateway::Gateway;

use super::staff::{member, operator};
use crate::api::Api;

async fn acme() -> Result<(Gateway, Api)> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &[]).await?;
    Ok((gateway, api))
}

/// The newest entry stands first, with what was before and after, and kinds of acts are told apart.
#[tokio::test]
async fn audit_log_shows_the_newest_first() -> Result<()> {
    let (gateway, api) = acme().await?;
    api.patch("/tenants/acme/directories/okta", json!({ "name": "People" })).await?.done()?;
    api.patch("/tenants/acme", json!({ "name": "Acme of Old" })).await?.done()?;
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = viewer.get("/dashboard/t/acme/audit").await?;
    let at = |text: &str| page.body.find(text).with_context(|| text.to_owned());
    assert!(at("<ins>Acme of Old</ins>")? < at("<ins>People</ins>")?, "{}", page.text());
    assert!(at("<del>Acme Association</del>")? < at("<del>Acme staff</del>")?);
    let some = viewer.get("/dashboard/t/acme/audit?act=directory.").await?;
    assert!(some.text().contains("People") && !some.body.contains("<ins>Acme of Old"));
    let end = viewer.get("/dashboard/t/acme/audit?after=1").await?;
    assert!(end.text().contains("Nothing of this kind"), "{}", end.text());
    assert_eq!(viewer.get("/dashboard/t/acme/audit?after=x").await?.status, 400);
    Ok(())
}

/// An owner rotates a key after being asked; nobody below does.
#[tokio::test]
async fn keys_are_rotated_by_owners() -> Result<()> {
    let (gateway, api) = acme().await?;
    let rotate = "/dashboard/t/acme/keys/rotate";
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let before = api.get("/tenants/acme/keys").await?.done()?;
    assert_eq!(editor.get(&format!("{rotate}?alg=ES256")).await?.status, 403);
    assert_eq!(editor.post(rotate, &[("alg", "ES256")]).await?.status, 403);
    assert_eq!(api.get("/tenants/acme/keys").await?.done()?, before);
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    for said in ["A new key was made.", "A new key was made.", "There is a successor already"] {
        let ask = owner.get(&format!("{rotate}?alg=ES256")).await?;
        let page = owner.send(&ask, rotate, &[]).await?;
        assert!(page.text().contains(said), "{said}: {}", page.text());
    }
    let keys = owner.get("/dashboard/t/acme/keys").await?;
    assert!(keys.text().contains("Published, signs later"), "{}", keys.text());
    assert_eq!(owner.post(rotate, &[("alg", "none")]).await?.status, 422);
    Ok(())
}

/// Settings are an owner's, but for what decides about other tenants; a form that is out of date
/// changes nothing and keeps what was typed.
#[tokio::test]
async fn settings_are_saved_at_their_version() -> Result<()> {
    let (gateway, api) = acme().await?;
    let settings = "/dashboard/t/acme/settings";
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let form = owner.get(settings).await?;
    for part in [gateway.issuer("acme"), "/.well-known/openid-configuration".to_owned()] {
        assert!(form.body.contains(&part), "{part}: {}", form.body);
    }
    assert!(!form.body.contains("name=\"suspended\""), "{}", form.body);
    let typed = [("name", "Acme Two"), ("join_by_email", "on")];
    let saved = owner.send(&form, settings, &typed).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    let stale = owner.send(&form, settings, &[("name", "Acme Three")]).await?;
    assert_eq!(stale.status, 412, "{}", stale.text());
    assert!(stale.body.contains("value=\"Acme Three\""), "{}", stale.body);
    let wrong = owner.send(&saved, settings, &[("name", " ")]).await?;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    let wanted = json!({ "slug": "acme", "name": "Acme Two", "join_by_email": true });
    assert_eq!(api.get("/tenants/acme").await?.done()?, wanted);
    let again = owner.send(&stale, settings, &[]).await?;
    assert!(again.text().contains("Saved."), "{}", again.text());

    let version = again.forms().iter().find_map(|one| Some(one.field("version")?.value.clone()));
    let version = version.context("no version")?;
    let sent = [("version", version.as_str()), ("name", "Acme Three"), ("suspended", "on")];
    owner.post(settings, &sent).await?;
    assert_eq!(api.get("/tenants/acme").await?.done()?.get("suspended"), None);
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let sent = [("version", version.as_str()), ("name", "Evil")];
    assert_eq!(editor.post(settings, &sent).await?.status, 403);
    assert_eq!(api.get("/tenants/acme").await?.done()?["name"], "Acme Three");
    assert!(!editor.get(settings).await?.body.contains("name=\"version\""));
    Ok(())
}

/// Operators suspend a tenant and remove it, the latter by typing its name.
#[tokio::test]
async fn tenant_is_removed_by_operators_who_type_its_name() -> Result<()> {
    let (gateway, api) = acme().await?;
    let (settings, remove) = ("/dashboard/t/acme/settings", "/dashboard/t/acme/settings/remove");
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    assert_eq!(owner.get(remove).await?.status, 403);
    let sent = [("version", "1"), ("slug", "acme")];
    assert_eq!(owner.post(remove, &sent).await?.status, 403);
    let mut olive = operator(&gateway).await?;
    let form = olive.get(settings).await?;
    let saved = olive.send(&form, settings, &[("suspended", "on")]).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    assert_eq!(api.get("/tenants/acme").await?.done()?["suspended"], true);
    let ask = olive.get(remove).await?;
    let wrong = olive.send(&ask, remove, &[("slug", "acne")]).await?;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert!(wrong.body.contains("value=\"acne\""), "{}", wrong.body);
    assert_eq!(api.get("/tenants/acme").await?.status, 200);
    let gone = olive.send(&wrong, remove, &[("slug", "acme")]).await?;
    assert!(gone.text().contains("Removed."), "{}", gone.text());
    assert_eq!(api.get("/tenants/acme").await?.status, 404);
    Ok(())
}

/// A token is shown once, works as its role says, and works no more when it was ended.
#[tokio::test]
async fn token_is_shown_once_and_ended() -> Result<()> {
    let (gateway, api) = acme().await?;
    let tokens = "/dashboard/t/acme/api-tokens";
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    assert_eq!(editor.get(tokens).await?.status, 403);
    let sent = [("name", "x"), ("role", "owner"), ("days", "30")];
    assert_eq!(editor.post(&format!("{tokens}/new"), &sent).await?.status, 403);
    let listed = "/tenants/acme/tokens";
    assert_eq!(api.get(listed).await?.done()?, json!({ "items": [] }));

    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let form = owner.get(&format!("{tokens}/new")).await?;
    let new = format!("{tokens}/new");
    let manager = [("name", "sync"), ("role", "directory_manager"), ("days", "30")];
    let wrong = owner.send(&form, &new, &manager).await?;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert!(wrong.body.contains("value=\"sync\""), "{}", wrong.body);
    let made = owner.send(&wrong, &new, &[("role", "viewer")]).await?;
    let (_, rest) = made.body.split_once("<code>vapi_").context("no token")?;
    let token = format!("vapi_{}", rest.split_once('<').context("no end")?.0);
    let by_token = Api::by(&gateway, &token)?;
    assert_eq!(by_token.get("/tenants/acme").await?.status, 200);
    assert_eq!(by_token.patch("/tenants/acme", json!({ "name": "E" })).await?.status, 403);
    let list = owner.get(tokens).await?;
    assert!(list.text().contains("sync") && !list.body.contains(&token), "{}", list.text());

    let mut links = list.links().into_iter();
    let (_, end) = links.find(|(_, to)| to.ends_with("/revoke")).context("no link")?;
    let ask = owner.get(&end).await?;
    let ended = owner.send(&ask, &end, &[]).await?;
    assert!(ended.text().contains("No token yet"), "{}", ended.text());
    assert_eq!(by_token.get("/tenants/acme").await?.status, 401);
    Ok(())
}

/// Operators make tokens for all tenants on a page of their own; to owners it is not there.
#[tokio::test]
async fn tn_12_tokens_for_all_tenants_are_operators() -> Result<()> {
    let (gateway, _) = acme().await?;
    let tokens = "/dashboard/api-tokens";
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    assert_eq!(owner.get(tokens).await?.status, 404);
    let mut olive = operator(&gateway).await?;
    let new = format!("{tokens}/new");
    let form = olive.get(&new).await?;
    assert!(!form.body.contains("directory_manager"), "{}", form.text());
    let wrong = olive.post(&new, &[("name", "x"), ("role", "directory_manager")]).await?;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    let typed = [("name", "billing"), ("role", "viewer"), ("days", "30")];
    let made = olive.send(&form, &new, &typed).await?;
    let (_, rest) = made.body.split_once("<code>vapi_").context("no token")?;
    let token = format!("vapi_{}", rest.split_once('<').context("no end")?.0);
    let by_token = Api::by(&gateway, &token)?;
    assert_eq!(by_token.get("/tenants/acme").await?.status, 200);
    let list = olive.get(tokens).await?;
    assert!(list.text().contains("billing") && !list.body.contains(&token), "{}", list.text());
    let end = list
        .body
        .split(&format!("{tokens}/"))
        .filter_map(|rest| rest.split_once("/revoke\" aria-label=\"End billing"))
        .find_map(|(id, _)| (id.len() == 36).then(|| format!("{tokens}/{id}/revoke")));
    let end = end.context("no link")?;
    let ask = olive.get(&end).await?;
    let ended = olive.send(&ask, &end, &[]).await?;
    assert!(!ended.text().contains("billing"), "{}", ended.text());
    assert_eq!(by_token.get("/tenants/acme").await?.status, 401);
    Ok(())
}

/// What ends soon is on a tenant's first page, and of all tenants on a page of operators: a directory's
/// secret for everybody who sees the tenant, a token for owners.
#[tokio::test]
async fn tn_12_what_ends_soon_is_pointed_out_to_who_can_replace_it() -> Result<()> {
    let (gateway, api) = acme().await?;
    let mut operator = operator(&gateway).await?;
    let all = "/dashboard/expiries";
    let page = operator.get(all).await?;
    assert!(page.text().contains("Nothing ends soon"), "{}", page.text());
    #[expect(clippy::disallowed_methods, reason = "the gateway's clock is this one")]
    let now = chrono::Utc::now();
    let end = |days| now + chrono::TimeDelta::days(days) + chrono::TimeDelta::hours(1);
    let secret = json!({ "client_secret_expires_at": end(20) });
    api.patch("/tenants/acme/directories/okta", secret).await?.done()?;
    let token = json!({ "name": "Website", "role": "viewer", "expires_at": end(5) });
    api.post("/tenants/acme/tokens", Some(token)).await?.done()?;
    let page = operator.get(all).await?;
    let text = page.text();
    for said in ["The secret of okta", "20 days left", "The API token Website", "acme"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let to = "/dashboard/t/acme/directories/okta/secret";
    assert!(page.links().iter().any(|(_, href)| href == to), "{:?}", page.links());
    assert_eq!(operator.get("/dashboard/expiries?after=x").await?.status, 400);

    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    for (person, sees_token) in [(&mut owner, true), (&mut viewer, false)] {
        let text = person.get("/dashboard/t/acme").await?.text();
        assert!(text.contains("The secret of “ okta ”: 20 days left."), "{text}");
        assert_eq!(text.contains("The API token “ Website ”"), sees_token, "{text}");
        assert_eq!(person.get(all).await?.status, 404);
    }
    Ok(())
}
