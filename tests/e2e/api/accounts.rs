//! Staff, operators and setup links, as a program looks after them.

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::gateway::Gateway;

use super::{Api, Reply};
use crate::dashboard::staff::{Person, operator};

const STAFF: &str = "/tenants/acme/staff";

async fn acme() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    Ok(gateway)
}

/// The link of an answer.
fn link(reply: &Reply) -> Result<&str> {
    assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
    let link = reply.body.get("link").and_then(Value::as_str);
    link.with_context(|| format!("no link: {:#}", reply.body))
}

fn account(reply: &Reply) -> Result<&str> {
    let account = reply.body.get("account").and_then(Value::as_str);
    account.with_context(|| format!("{:#}", reply.body))
}

async fn acts(api: &Api, tenant: &str, begin: &str) -> Result<Vec<String>> {
    let log = api.get(&format!("/tenants/{tenant}/audit?act={begin}")).await?.done()?;
    let all = log.get("items").and_then(Value::as_array).into_iter().flatten();
    assert!(!log.to_string().contains("vinv_") && !log.to_string().contains("vset_"), "{log:#}");
    Ok(all.filter_map(|one| one.get("act")?.as_str().map(str::to_owned)).collect())
}

/// [THREATS TN-12] An owner's token invites somebody, who sets their account up by the link, changes
/// what they may do and removes them; each takes effect at once, and the last owner stays.
#[tokio::test]
async fn tn_12_staff_are_invited_changed_and_removed_and_the_last_owner_stays() -> Result<()> {
    let gateway = acme().await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    for (order, place) in [
        (json!({ "email": "nobody", "role": "editor" }), "email"),
        (json!({ "email": "kim@acme.example", "role": "king" }), "role"),
        (json!({ "email": "kim@acme.example", "role": "directory_manager" }), "directory"),
        (json!({ "email": "k@acme.example", "role": "viewer", "directory": "okta" }), "directory"),
        (
            json!({ "email": "k@acme.example", "role": "viewer", "is_operator": true }),
            "is_operator",
        ),
    ] {
        let refused = api.post(STAFF, Some(order.clone())).await?;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{order}");
        assert_eq!(refused.places(), [place], "{order}");
    }
    let order = json!({ "email": "Kim@acme.example", "role": "owner" });
    let invited = api.post(STAFF, Some(order)).await?;
    let mut kim = Person::set_up(&gateway, "kim@acme.example", link(&invited)?).await?;
    let listed = api.get(STAFF).await?.done()?;
    assert_eq!(listed["items"][0]["email"], "kim@acme.example", "{listed:#}");
    assert_eq!(listed["items"][0]["is_set_up"], true);
    assert!(!listed.to_string().contains("vinv_"));

    let path = format!("{STAFF}/{}", account(&invited)?);
    let viewer = json!({ "role": "viewer" });
    let kept = api.put(&path, viewer.clone()).await?;
    assert_eq!((kept.status, kept.problem()), (StatusCode::CONFLICT, "conflict"));
    assert_eq!(api.delete(&path).await?.status, StatusCode::CONFLICT);
    let again = json!({ "email": "kim@acme.example", "role": "viewer" });
    assert_eq!(api.post(STAFF, Some(again)).await?.status, StatusCode::CONFLICT);

    let order = json!({ "email": "lee@acme.example", "role": "owner" });
    let lee = api.post(STAFF, Some(order.clone())).await?;
    let renewed = api.post(STAFF, Some(order)).await?;
    assert_ne!(link(&lee)?, link(&renewed)?);
    assert_eq!(Agent::new()?.get(link(&lee)?).await?.status, 404);
    assert_eq!(kim.get("/dashboard/t/acme/staff").await?.status, 200);
    let changed = api.put(&path, viewer).await?.done()?;
    assert_eq!(
        (&changed["role"], &changed["email"]),
        (&json!("viewer"), &json!("kim@acme.example"))
    );
    assert_eq!(kim.get("/dashboard/t/acme/staff").await?.status, 403);
    let managed = json!({ "role": "directory_manager", "directory": "okta" });
    assert_eq!(api.put(&path, managed).await?.done()?["directory"], "okta");
    assert_eq!(api.get(&path).await?.done()?["role"], "directory_manager");
    assert_eq!(api.delete(&path).await?.status, StatusCode::NO_CONTENT);
    assert_eq!(api.delete(&path).await?.status, StatusCode::NOT_FOUND);
    assert_eq!(api.get(&path).await?.status, StatusCode::NOT_FOUND);
    assert_eq!(kim.get("/dashboard/t/acme").await?.url.path(), "/dashboard/sign-in");
    let acts = acts(&api, "acme", "member.").await?;
    let wanted = ["invited", "invited", "invited", "changed", "changed", "removed"];
    assert_eq!(acts, wanted.map(|act| format!("member.{act}")));
    Ok(())
}

/// [THREATS ID-10] An owner's token gets no link to an account that is anything elsewhere; an
/// operator's does, and to somebody whom an operator vouched for none is needed.
#[tokio::test]
async fn id_10_owners_token_gets_no_link_to_an_account_of_others() -> Result<()> {
    let gateway = acme().await?;
    let all = Api::with(&gateway, &[]).await?;
    all.put("/tenants/other", json!({ "name": "Other" })).await?.done()?;
    let owner = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let other = Api::with(&gateway, &["--tenant", "other"]).await?;
    let invite = |email: &str| Some(json!({ "email": email, "role": "editor" }));

    let ann = other.post("/tenants/other/staff", invite("ann@other.example")).await?;
    Person::set_up(&gateway, "ann@other.example", link(&ann)?).await?;
    let refused = owner.post(STAFF, invite("ann@other.example")).await?;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    let waiting = other.post("/tenants/other/staff", invite("ben@other.example")).await?;
    assert!(link(&waiting).is_ok());
    assert_eq!(owner.post(STAFF, invite("ben@other.example")).await?.status, StatusCode::CONFLICT);

    let vouched = all.post("/tenants/other/staff", invite("vera@other.example")).await?;
    let mut vera = Person::set_up(&gateway, "vera@other.example", link(&vouched)?).await?;
    let known = owner.post(STAFF, invite("vera@other.example")).await?;
    assert_eq!((known.status, &known.body["link"]), (StatusCode::CREATED, &Value::Null));
    assert_eq!(vera.get("/dashboard/t/acme").await?.status, 200);
    let olive = operator(&gateway).await?;
    let known = owner.post(STAFF, invite(&olive.email)).await?;
    assert_eq!((known.status, &known.body["link"]), (StatusCode::CREATED, &Value::Null));
    Ok(())
}

/// [THREATS TN-12] Operators are invited and removed with an operator's token, down to the last one who
/// can sign in.
#[tokio::test]
async fn tn_12_operators_are_invited_and_removed_and_the_last_one_stays() -> Result<()> {
    let gateway = acme().await?;
    let api = Api::with(&gateway, &[]).await?;
    let order = |email: &str| Some(json!({ "email": email }));
    let olive = api.post("/operators", order("olive@operator.example")).await?;
    let mut person = Person::set_up(&gateway, "olive@operator.example", link(&olive)?).await?;
    assert_eq!(person.get("/dashboard/operators").await?.status, 200);
    let path = format!("/operators/{}", account(&olive)?);
    assert_eq!(api.delete(&path).await?.status, StatusCode::CONFLICT);
    let oscar = api.post("/operators", order("oscar@operator.example")).await?;
    // Somebody who cannot sign in yet does not count.
    assert_eq!(api.delete(&path).await?.status, StatusCode::CONFLICT);
    Person::set_up(&gateway, "oscar@operator.example", link(&oscar)?).await?;
    let listed = api.get("/operators").await?.done()?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed:#}");
    assert_eq!(api.delete(&path).await?.status, StatusCode::NO_CONTENT);
    assert_eq!(person.get("/dashboard/operators").await?.url.path(), "/dashboard/sign-in");
    assert_eq!(api.delete(&path).await?.status, StatusCode::NOT_FOUND);
    assert_eq!(api.post("/operators", order("x")).await?.places(), ["email"]);
    for flags in [&["--role", "viewer"][..], &["--role", "editor"], &["--tenant", "acme"]] {
        let lesser = Api::with(&gateway, flags).await?;
        let refused = lesser.post("/operators", order("eve@evil.example")).await?;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{flags:?}");
    }
    Ok(())
}

/// [THREATS ID-13] A setup link is made for one directory, opened once, listed without itself, and ended
/// with what its holder has open; not through another directory's address.
#[tokio::test]
async fn id_13_setup_link_is_made_listed_and_ended() -> Result<()> {
    let gateway = acme().await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let okta = "/tenants/acme/directories/okta/setup-links";
    for (order, place) in [
        (json!({}), "."),
        (json!({ "note": "" }), "note"),
        (json!({ "note": "x".repeat(101) }), "note"),
        (json!({ "note": "Kim", "days": 31 }), "days"),
        (json!({ "note": "Kim", "days": 0 }), "days"),
    ] {
        let refused = api.post(okta, Some(order.clone())).await?;
        assert_eq!(refused.places(), [place], "{order}: {refused:?}");
    }
    let made = api.post(okta, Some(json!({ "note": "Kim, their IT", "days": 30 }))).await?;
    assert_eq!(made.status, StatusCode::CREATED);
    let url = made.body["url"].as_str().context("no url")?;
    let mut person = Person::in_browser(&gateway, Agent::new()?);
    let page = person.agent.get(url).await?;
    let form = crate::dashboard::staff::form(&page, "/dashboard/setup")?;
    person.agent.submit(&page, &form, &[]).await?;
    assert_eq!(person.get("/dashboard/t/acme/directories/okta").await?.status, 200);
    let listed = api.get(okta).await?.done()?;
    assert_eq!(listed["items"][0]["note"], "Kim, their IT", "{listed:#}");
    assert!(listed["items"][0]["opened_at"].is_string(), "{listed:#}");
    assert!(!listed.to_string().contains("vset_"), "{listed:#}");

    api.put(
        "/tenants/acme/directories/other",
        json!({ "name": "Other", "preset": "okta", "issuer": "other.okta.com", "client_id": "c",
                "client_secret": "a-secret-of-this-test" }),
    )
    .await?
    .done()?;
    let id = made.body["id"].as_str().context("no id")?;
    let foreign = format!("/tenants/acme/directories/other/setup-links/{id}");
    assert_eq!(api.delete(&foreign).await?.status, StatusCode::NOT_FOUND);
    let path = format!("{okta}/{id}");
    let editor = Api::with(&gateway, &["--tenant", "acme", "--role", "editor"]).await?;
    assert_eq!(editor.delete(&path).await?.status, StatusCode::FORBIDDEN);
    assert_eq!(api.delete(&path).await?.status, StatusCode::NO_CONTENT);
    assert_eq!(api.delete(&path).await?.status, StatusCode::NOT_FOUND);
    let out = person.get("/dashboard/t/acme/directories/okta").await?;
    assert_eq!(out.url.path(), "/dashboard/sign-in", "{}", out.text());
    let acts = acts(&api, "acme", "setup_link.").await?;
    assert_eq!(acts, ["created", "opened", "removed"].map(|act| format!("setup_link.{act}")));
    Ok(())
}
