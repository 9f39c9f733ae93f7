//! What has no box is changed as configuration.

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::gateway::Gateway;

use super::staff::{form, member};
use crate::api::Api;

const APP: &str = "/dashboard/t/acme/applications/imis/configuration";
const OKTA: &str = "/dashboard/t/acme/directories/okta/configuration";

async fn acme() -> Result<(Gateway, Api)> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    Ok((gateway, api))
}

/// The text of the page's box.
fn text(body: &str) -> Result<String> {
    let (_, rest) = body.split_once("<textarea").context("no box")?;
    let (_, rest) = rest.split_once('>').context("no box")?;
    let text = rest.split_once("</textarea>").context("no end")?.0;
    let text = text.strip_prefix('\n').unwrap_or(text);
    let plain = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&quot;", "\"");
    Ok(plain.replace("&lt;", "<").replace("&gt;", ">").replace("&#60;", "<").replace("&#38;", "&"))
}

/// [THREATS TN-09] A row of claims is added: first it is shown what would change, then it is saved; the
/// secret, which the text names and does not hold, stays as it is.
#[tokio::test]
async fn tn_09_row_is_added_and_the_secret_stays() -> Result<()> {
    let (gateway, api) = acme().await?;
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let page = editor.get(APP).await?;
    let before = text(&page.body)?;
    assert!(before.contains("client_id: imis"), "{before}");
    let kept = editor.send(&page, APP, &[("text", &before)]).await?;
    assert!(kept.text().contains("Nothing was changed"), "{}", kept.text());
    let more = before.replace("claims:\n", "claims:\n  level: { value: gold }\n");
    let mut trial = form(&page, APP)?;
    trial.press("try");
    let tried = editor.agent.submit(&page, &trial, &[("text", &more)]).await?;
    assert!(tried.text().contains("claims.level"), "{}", tried.text());
    let path = "/tenants/acme/applications/imis";
    assert_eq!(api.get(path).await?.done()?["claims"]["level"], json!(null));
    let saved = editor.send(&tried, APP, &[]).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    assert_eq!(api.get(path).await?.done()?["claims"]["level"], json!({ "value": "gold" }));
    let log = api.get("/tenants/acme/audit?act=application.changed").await?.done()?;
    let last = log["items"].as_array().and_then(|all| all.last()).context("no entry")?;
    assert_eq!(last["actor"], "account editor@acme.example", "{log:#}");
    assert!(!last.to_string().contains("secret replaced"), "{last:#}");
    Ok(())
}

/// What cannot be saved comes back as it was typed, with what is wrong and where.
#[tokio::test]
async fn text_that_is_wrong_comes_back_with_the_place() -> Result<()> {
    let (gateway, api) = acme().await?;
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let page = editor.get(APP).await?;
    let before = text(&page.body)?;
    for (typed, says) in [
        (before.replace("name:", "nmae:"), "unknown key `nmae`"),
        (before.replace("claims:\n", "claims:\n  sub: { value: x }\n"), "claims.sub"),
        (before.replace("client_id: imis", "client_id: other"), "nothing is renamed"),
        (String::new(), "cannot be read"),
    ] {
        let wrong = editor.send(&page, APP, &[("text", &typed)]).await?;
        assert_eq!(wrong.status, 422, "{typed}: {}", wrong.text());
        assert!(wrong.text().contains(says), "{says}: {}", wrong.text());
        assert_eq!(text(&wrong.body)?.trim_end(), typed.trim_end());
    }
    api.patch("/tenants/acme/applications/imis", json!({ "name": "iMIS 2" })).await?.done()?;
    let late = editor.send(&page, APP, &[("text", &before)]).await?;
    assert_eq!(late.status, 412, "{}", late.text());
    assert_eq!(api.get("/tenants/acme/applications/imis").await?.done()?["name"], "iMIS 2");
    Ok(())
}

/// [THREATS TN-12] Whoever may look looks; a directory's manager changes what is theirs and no more, and
/// their text says nothing of other directories.
#[tokio::test]
async fn tn_12_each_role_changes_as_configuration_what_it_may() -> Result<()> {
    let (gateway, api) = acme().await?;
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = viewer.get(APP).await?;
    assert!(page.status == 200 && !page.body.contains("value=\"save\""), "{}", page.text());
    let typed = text(&page.body)?;
    let sent = [("text", typed.as_str()), ("version", "1"), ("act", "save")];
    assert_eq!(viewer.post(APP, &sent).await?.status, 403);
    let flags = ["--role", "directory_manager", "--directory", "okta"];
    let mut manager = member(&gateway, "acme", &flags).await?;
    assert_eq!(manager.get(APP).await?.status, 403);
    let page = manager.get(OKTA).await?;
    let before = text(&page.body)?;
    let more = format!("{before}email_trust: never\n");
    let refused = manager.send(&page, OKTA, &[("text", &more)]).await?;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("email_trust"), "{}", refused.text());
    let more = format!("{before}scopes: [openid, email]\n");
    let saved = manager.send(&page, OKTA, &[("text", &more)]).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    let now = api.get("/tenants/acme/directories/okta").await?.done()?;
    assert_eq!(now["scopes"], json!(["openid", "email"]), "{now:#}");
    Ok(())
}
