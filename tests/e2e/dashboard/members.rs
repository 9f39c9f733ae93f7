//! Staff and operators on pages: invited, changed, removed; and who is never without an owner.

use anyhow::{Context as _, Result};
use serde_json::json;
use tests::agent::Page;
use tests::gateway::Gateway;

use super::staff::{Person, member, operator};
use crate::api::Api;

const STAFF: &str = "/dashboard/t/acme/staff";

async fn acme() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    Ok(gateway)
}

/// The link that a page shows this once.
fn shown(page: &Page) -> Result<String> {
    let (_, rest) = page.body.split_once("<code>http").with_context(|| page.text())?;
    let (rest, _) = rest.split_once('<').context("no end")?;
    Ok(format!("http{rest}"))
}

/// The page of one of the staff.
async fn page_of(person: &mut Person, email: &str) -> Result<String> {
    let list = person.get(STAFF).await?;
    let row = list.body.split("<tr>").find(|row| row.contains(email));
    let row = row.with_context(|| list.text())?;
    let (_, rest) = row.split_once(&format!("{STAFF}/")).context("no link")?;
    Ok(format!("{STAFF}/{}", rest.split_once('"').context("no end")?.0))
}

/// [THREATS TN-12] An owner invites somebody, changes what they may do, and removes them: each takes
/// effect at once.
#[tokio::test]
async fn tn_12_owner_invites_changes_and_removes_somebody() -> Result<()> {
    let gateway = acme().await?;
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let form = owner.get(&format!("{STAFF}/invite")).await?;
    for (typed, why) in [
        ([("email", "nobody"), ("role", "editor")], "not an e-mail address"),
        ([("email", "kim@acme.example"), ("role", "directory_manager")], "Choose the one"),
    ] {
        let wrong = owner.send(&form, STAFF, &typed).await?;
        assert_eq!(wrong.status, 422, "{}", wrong.text());
        assert!(wrong.text().contains(why), "{}", wrong.text());
        assert!(wrong.body.contains(&format!("value=\"{}\"", typed[0].1)), "{}", wrong.body);
    }
    let typed = [("email", "Kim@acme.example"), ("role", "editor")];
    let invited = owner.send(&form, STAFF, &typed).await?;
    let link = shown(&invited)?;
    assert!(link.contains("/dashboard/welcome?token=vinv_"), "{link}");
    let list = owner.get(STAFF).await?;
    assert!(list.text().contains("Invited, not set up yet"), "{}", list.text());
    assert!(!list.body.contains("vinv_"));
    let mut kim = Person::set_up(&gateway, "kim@acme.example", &link).await?;
    assert_eq!(kim.get(&format!("{DOMAINS}/new")).await?.status, 200);

    let page = page_of(&mut owner, "kim@acme.example").await?;
    let form = owner.get(&page).await?;
    assert!(form.text().contains("Password and one-time codes"), "{}", form.text());
    assert!(!form.text().contains("New link"), "{}", form.text());
    let changed = owner.send(&form, &page, &[("role", "viewer")]).await?;
    assert!(changed.text().contains("Saved."), "{}", changed.text());
    assert_eq!(kim.get(&format!("{DOMAINS}/new")).await?.status, 403);
    let remove = format!("{page}/remove");
    let ask = owner.get(&remove).await?;
    let gone = owner.send(&ask, &remove, &[]).await?;
    assert!(!gone.text().contains("kim@acme.example"), "{}", gone.text());
    let out = kim.get("/dashboard/t/acme").await?;
    assert_eq!(out.url.path(), "/dashboard/sign-in", "{}", out.text());
    let log = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let log = log.get("/tenants/acme/audit?act=member.").await?.done()?;
    let acts = log["items"].as_array().into_iter().flatten();
    let acts: Vec<_> = acts.filter(|one| one["actor"] == "account owner@acme.example").collect();
    assert_eq!(acts.len(), 3, "{log:#}");
    Ok(())
}

const DOMAINS: &str = "/dashboard/t/acme/domains";

/// [THREATS TN-12] A tenant that has an owner keeps one.
#[tokio::test]
async fn tn_12_last_owner_stays() -> Result<()> {
    let gateway = acme().await?;
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let page = page_of(&mut owner, "owner@acme.example").await?;
    let form = owner.get(&page).await?;
    let kept = owner.send(&form, &page, &[("role", "viewer")]).await?;
    assert_eq!(kept.status, 409, "{}", kept.text());
    assert!(kept.text().contains("the last owner"), "{}", kept.text());
    let remove = format!("{page}/remove");
    let ask = owner.get(&remove).await?;
    assert_eq!(owner.send(&ask, &remove, &[]).await?.status, 409);
    let again = [("email", "owner@acme.example"), ("role", "viewer")];
    assert_eq!(owner.post(&format!("{STAFF}/invite"), &again).await?.status, 409);
    assert!(owner.get(STAFF).await?.text().contains("Owner"));
    Ok(())
}

/// [THREATS ID-10] An owner gets no link to an account that is something elsewhere: where an operator
/// vouched for it they are in without one, else an operator has to invite them.
#[tokio::test]
async fn id_10_owner_gets_no_link_to_an_account_of_others() -> Result<()> {
    let gateway = acme().await?;
    let api = Api::with(&gateway, &[]).await?;
    api.put("/tenants/other", json!({ "name": "Other" })).await?.done()?;
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let mut vouched = member(&gateway, "other", &["--role", "owner"]).await?;
    let form = vouched.get("/dashboard/t/other/staff/invite").await?;
    let typed = [("email", "ann@other.example"), ("role", "editor")];
    let link = shown(&vouched.send(&form, "/dashboard/t/other/staff", &typed).await?)?;
    Person::set_up(&gateway, "ann@other.example", &link).await?;

    let form = owner.get(&format!("{STAFF}/invite")).await?;
    let typed = [("email", "owner@other.example"), ("role", "viewer")];
    let known = owner.send(&form, STAFF, &typed).await?;
    assert!(known.text().contains("No link is needed"), "{}", known.text());
    assert!(!known.body.contains("vinv_"));
    assert_eq!(vouched.get("/dashboard/t/acme").await?.status, 200);
    let typed = [("email", "ann@other.example"), ("role", "owner")];
    let refused = owner.send(&form, STAFF, &typed).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("by whoever runs this gateway"), "{}", refused.text());
    assert!(!owner.get(STAFF).await?.text().contains("ann@other.example"));
    Ok(())
}

/// Who is no owner sees no staff, and changes nothing about them.
#[tokio::test]
async fn staff_is_for_owners() -> Result<()> {
    let gateway = acme().await?;
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let page = page_of(&mut owner, "owner@acme.example").await?;
    for path in [STAFF.to_owned(), format!("{STAFF}/invite"), page.clone()] {
        let refused = editor.get(&path).await?;
        assert_eq!(refused.status, 403, "{path}");
        assert!(!refused.body.contains("owner@acme.example"), "{}", refused.body);
    }
    let typed = [("email", "evil@acme.example"), ("role", "owner")];
    for path in [format!("{STAFF}/invite"), page.clone(), format!("{page}/remove")] {
        assert_eq!(editor.post(&path, &typed).await?.status, 403, "{path}");
    }
    let list = owner.get(STAFF).await?;
    assert!(!list.text().contains("evil"), "{}", list.text());
    assert_eq!(list.body.matches(&format!("href=\"{STAFF}/")).count(), 3, "{}", list.body);
    Ok(())
}

/// [THREATS TN-12] Operators invite and remove each other, but for the last who can sign in.
#[tokio::test]
async fn tn_12_last_operator_stays() -> Result<()> {
    let gateway = acme().await?;
    let operators = "/dashboard/operators";
    let mut olive = operator(&gateway).await?;
    let list = olive.get(operators).await?;
    let remove = |page: &Page| {
        let mut links = page.links().into_iter();
        links.find(|(_, to)| to.ends_with("/remove")).map(|(_, to)| to).context("no link")
    };
    let own = remove(&list)?;
    let ask = olive.get(&own).await?;
    assert_eq!(olive.send(&ask, &own, &[]).await?.status, 409);
    let form = olive.get(&format!("{operators}/invite")).await?;
    let wrong = olive.send(&form, operators, &[("email", "x")]).await?;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    let typed = [("email", "anna@operator.example")];
    let link = shown(&olive.send(&form, operators, &typed).await?)?;
    let mut anna = Person::set_up(&gateway, "anna@operator.example", &link).await?;
    assert_eq!(anna.get("/dashboard/t/acme").await?.status, 200);
    let ask = anna.get(&own).await?;
    let gone = anna.send(&ask, &own, &[]).await?;
    assert!(!gone.body.contains("Remove olive@operator.example"), "{}", gone.text());
    assert_eq!(olive.get(operators).await?.url.path(), "/dashboard/sign-in");
    Ok(())
}
