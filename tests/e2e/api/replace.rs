//! One directory takes another's place, by the API and by the command.

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::gateway::Gateway;

use super::{Api, Reply};
use crate::client::{Client, tenant};
use crate::scene::SECRET;

const REPLACE: &str = "/tenants/acme/directories/okta/replace";

async fn stage() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    let directory = |slug: &str, more: &str| {
        format!(
            "      - {{ slug: {slug}, name: The {slug}, issuer: \"https://{slug}.example\", \
             client_id: {slug}, client_secret: {SECRET}, {more} }}\n"
        )
    };
    let directories = [
        directory("okta", "state: active, domains: [acme.example], staff_sign_in: true"),
        directory("entra", "state: testing, email_trust: domain, domains: [new.example]"),
        directory("third", "state: active, domains: [third.example]"),
        directory("later", "state: draft")
            .replace("client_id: later", "client_id: to-be-entered-x"),
    ];
    let applications = [Client::item("app") + "        directories: [third, okta]\n"];
    gateway.apply(&format!("tenants:\n{}", tenant("acme", &applications, &directories))).await?;
    // Known by the old one, by both, by an address of the new one's domains, of its own, of the
    // third one's, of nobody's, of two people; and one who is known by the third alone.
    let people = "external_id,email,directory,subject
E-1,,okta,1
E-2,both@acme.example,okta,2
E-2,both@acme.example,entra,2
E-3,three@acme.example,okta,3
E-4,four@new.example,okta,4
E-5,five@third.example,okta,5
E-6,six@nobody.example,okta,6
E-7,seven@acme.example,okta,7
E-8,eight@sub.acme.example,okta,8
E-9,nine@acme.example,third,9
";
    let mut people: Vec<_> = people.lines().collect();
    // A file names somebody once.
    let second = people.remove(3);
    let header = people.first().copied().unwrap_or_default();
    for (name, lines) in
        [("one.csv", people.join("\n")), ("two.csv", format!("{header}\n{second}"))]
    {
        let path = gateway.file(name, &lines)?;
        gateway.run(&["users", "import", &path, "--tenant", "acme"]).await?.success()?;
    }
    crate::dashboard::execute(
        &gateway,
        "update users set email = 'seven@acme.example' where external_id = 'E-9'",
    )
    .await?;
    Ok(gateway)
}

/// What became different, by target.
fn changed(answer: &Value) -> Vec<&str> {
    let changes = answer.get("changes").and_then(Value::as_array).into_iter().flatten();
    changes.filter_map(|one| one.get("target")?.as_str()).collect()
}

async fn replace(api: &Api, path: &str, body: Value, headers: &[(&str, &str)]) -> Result<Reply> {
    api.send(Method::POST, path, Some(body), headers).await
}

/// A dry run says what would become different and what it means for people, and changes nothing; then
/// it is done, once, at the version that was seen; and a second time there is nothing to do.
#[tokio::test]
async fn directory_is_replaced_once_after_a_dry_run_that_changes_nothing() -> Result<()> {
    let gateway = stage().await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let before = api.get("/tenants/acme/configuration").await?;
    let order = json!({ "by": "entra", "join_by_email": true });
    let dry = format!("{REPLACE}?dry_run=true");
    let tried = replace(&api, &dry, order.clone(), &[]).await?;
    assert_eq!((tried.status, &tried.etag), (StatusCode::OK, &before.etag), "{tried:?}");
    let tried = tried.done()?;
    let parts =
        ["tenant acme", "application acme/app", "directory acme/entra", "directory acme/okta"];
    assert_eq!(changed(&tried), parts, "{tried:#}");
    // Two of the new one's domains, and nobody else's; the one whose address is another's too is not.
    let people = json!({
        "users": 8, "known": 1, "by_email": 2, "new_users": 5,
        "join_by_email": true, "email_trust": "domain",
    });
    assert_eq!(tried["people"], people);
    let remark = tried["remarks"][0].as_str().unwrap_or_default();
    assert!(remark.contains("Staff who sign in to the dashboard by okta"), "{tried:#}");
    let now = api.get("/tenants/acme/configuration").await?;
    assert_eq!((&now.body, &now.etag), (&before.body, &before.etag));

    // Without an owner's word nobody is recognised.
    let alone = replace(&api, &dry, json!({ "by": "entra" }), &[]).await?.done()?;
    let numbers = (&alone["people"]["by_email"], &alone["people"]["new_users"]);
    assert_eq!(numbers, (&json!(2), &json!(7)), "{alone:#}");

    let stale = replace(&api, REPLACE, order.clone(), &[("if-match", "\"1\"")]).await?;
    assert_eq!(stale.problem(), "stale", "{stale:?}");
    let version = before.etag.as_deref().context("no ETag")?;
    let headers = [("if-match", version), ("idempotency-key", "once")];
    let done = replace(&api, REPLACE, order.clone(), &headers).await?;
    assert_eq!((done.status, done.is_replayed), (StatusCode::OK, false), "{done:?}");
    assert_ne!(done.etag, before.etag);
    assert_eq!(changed(&done.body), parts);
    let again = replace(&api, REPLACE, order.clone(), &headers).await?;
    assert_eq!((again.is_replayed, &again.body), (true, &done.body));

    let after = api.get("/tenants/acme/configuration").await?.done()?;
    assert_eq!(after["join_by_email"], true);
    assert_eq!(after["applications"][0]["directories"], json!(["third", "entra"]));
    assert_eq!(after["directories"][0]["domains"], json!(["new.example", "acme.example"]));
    assert_eq!(after["directories"][0]["state"], "active");
    assert_eq!(after["directories"][2]["state"], "paused");
    assert_eq!(after["directories"][2].get("domains"), None);
    let second = replace(&api, REPLACE, order, &[]).await?.done()?;
    assert_eq!((changed(&second), &second["people"]), (vec![], &done.body["people"]));
    let log = api.get("/tenants/acme/audit?act=directory.replaced").await?.done()?;
    let items = log["items"].as_array().context("no items")?;
    assert_eq!(items.len(), 1, "{log:#}");
    assert_eq!(items[0]["subject"], json!({ "directory": "okta", "by": "entra" }));
    Ok(())
}

/// What cannot be is refused where it is written; who may not is told who may.
#[tokio::test]
async fn tn_12_replacement_is_refused_at_its_place_or_names_the_role_it_takes() -> Result<()> {
    let gateway = stage().await?;
    let owner = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let editor = Api::with(&gateway, &["--tenant", "acme", "--role", "editor"]).await?;
    let before = owner.get("/tenants/acme/configuration").await?;
    for by in ["okta", "nobody", "later"] {
        let refused = replace(&owner, REPLACE, json!({ "by": by }), &[]).await?;
        assert_eq!((refused.problem(), refused.places()), ("invalid", vec!["by"]), "{refused:?}");
    }
    for body in [json!({}), json!({ "by": "A b" }), json!({ "by": "entra", "join": true })] {
        assert_eq!(replace(&owner, REPLACE, body, &[]).await?.problem(), "invalid");
    }
    let nowhere = REPLACE.replace("okta", "nobody");
    assert_eq!(
        replace(&owner, &nowhere, json!({ "by": "entra" }), &[]).await?.problem(),
        "not_found"
    );

    let order = json!({ "by": "entra", "join_by_email": true });
    for path in [REPLACE.to_owned(), format!("{REPLACE}?dry_run=true")] {
        let refused = replace(&editor, &path, order.clone(), &[]).await?;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
        assert_eq!(refused.body["errors"][0]["path"], "tenant acme");
        assert_eq!(refused.body["errors"][0]["message"], "this takes the role owner");
    }
    let now = owner.get("/tenants/acme/configuration").await?;
    assert_eq!((&now.body, &now.etag), (&before.body, &before.etag));
    // The rest is an editor's, the domains of the tenant included.
    replace(&editor, REPLACE, json!({ "by": "entra" }), &[]).await?.done()?;
    Ok(())
}

/// The command is the same operation.
#[tokio::test]
async fn command_replaces_a_directory_and_takes_it_back() -> Result<()> {
    let gateway = stage().await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let command = ["directory", "replace", "okta", "--by", "entra", "--tenant", "acme"];
    let with = |more: &[&'static str]| [&command[..], more].concat();
    let tried = gateway.run(&with(&["--join-by-email", "--dry-run"])).await?;
    for said in [
        "~ directory acme/okta",
        "People of okta: 8",
        "known to entra already: 1",
        "recognised by e-mail address, whose address is of a domain of entra: 2",
        "would become new users: 5",
    ] {
        assert!(tried.stdout.contains(said), "{said} in {}", tried.stdout);
    }
    assert!(tried.stderr.contains("this was a dry run"), "{}", tried.stderr);
    assert!(tried.stderr.contains("Staff who sign in"), "{}", tried.stderr);
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);

    gateway.run(&with(&[])).await?.success()?;
    let again = gateway.run(&with(&[])).await?.success()?;
    assert!(again.starts_with("No changes."), "{again}");
    let back = ["directory", "replace", "entra", "--by", "okta", "--tenant", "acme"];
    gateway.run(&back).await?.success()?;
    let after = gateway.run(&["export"]).await?.success()?;
    assert!(after.contains("- third\n") && after.contains("- okta\n"), "{after}");

    for (by, said) in [
        ("nobody", "has no directory `nobody`"),
        ("okta", "does not take its own place"),
        ("later", "are yet to be entered"),
    ] {
        let refused = ["directory", "replace", "okta", "--by", by, "--tenant", "acme"];
        let refused = gateway.run(&refused).await?;
        assert_eq!(refused.code, 1, "{}", refused.stdout);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    Ok(())
}
