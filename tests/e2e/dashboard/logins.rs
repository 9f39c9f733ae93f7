//! Logins on pages: found by what they have in common or by their code, each with its timeline.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use broker::authority::Need;
use broker::failure::FailureCode;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::hostile::Hostile;
use web::dashboard::place;

use super::staff::{Person, member};
use super::{claims, directory_sign_in};
use crate::api::{Api, with_a_directory};
use crate::scene::{MEMBER, STAFF};
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

/// What the directory says of [`STAFF`] and of [`MEMBER`] besides their address, as JSON on a page.
const FAMILY_NAME: &str = "&#34;Example&#34;";

/// The logins that are for something, newest first, once there are as many that have ended.
pub(super) async fn ended(api: &Api, purpose: &str, wanted: usize) -> Result<Vec<Value>> {
    let begun = tokio::time::Instant::now();
    loop {
        let found = api.get(&format!("/tenants/acme/logins?purpose={purpose}")).await?.done()?;
        let all = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let has_ended = |one: &&Value| one.get("finished_at").is_some_and(Value::is_string);
        if all.iter().filter(has_ended).count() == wanted {
            return Ok(all);
        }
        ensure!(begun.elapsed() < Duration::from_secs(5), "{found:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn page_of(person: &mut Person, login: &Value) -> Result<tests::agent::Page> {
    let code = login["support_code"].as_str().context("no code")?;
    person.get(&format!("/dashboard/t/acme/logins/{code}")).await
}

/// [THREATS SC-01] The page of the last test of a directory shows what it said, to those who see that on
/// the page of its rows as well; the page of a test before shows it no longer, and that of a person's
/// login never did.
#[tokio::test]
async fn sc_01_login_pages_show_what_the_last_test_said_and_nothing_of_people() -> Result<()> {
    let (scene, _) = claims::signed_in().await?;
    let gateway = &scene.gateway;
    let api = Api::with(gateway, &["--tenant", "acme"]).await?;
    let first = ended(&api, "test", 1).await?.pop().context("no test")?;
    assert_eq!((&first["state"], &first["purpose"]), (&json!("completed"), &json!("test")));
    assert_eq!(first["directory"], "okta", "{first:#}");
    let mut vera = member(gateway, "acme", &["--role", "viewer"]).await?;
    let page = page_of(&mut vera, &first).await?;
    let text = page.text();
    for part in [
        "A test of",
        "Worked",
        STAFF,
        "Claims of the ID token",
        "Claims of userinfo",
        "from claims.email",
        "would receive",
        "nobody is signed in",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(page.body.contains(FAMILY_NAME), "{text}");
    assert!(!text.contains("Not reached") && !text.contains("Somebody to"), "{text}");

    for login in ended(&api, "application", 2).await? {
        let page = page_of(&mut vera, &login).await?;
        let text = page.text();
        assert!(text.contains("What claims held is not shown"), "{text}");
        assert!(!page.body.contains(FAMILY_NAME) && !text.contains("Claims of the ID"), "{text}");
    }

    claims::test(gateway, MEMBER).await?;
    let second = ended(&api, "test", 2).await?;
    let second = second.first().context("no test")?;
    // What is said is kept by another queue than the timelines are.
    let begun = tokio::time::Instant::now();
    while !page_of(&mut vera, second).await?.text().contains(MEMBER) {
        ensure!(begun.elapsed() < Duration::from_secs(5), "{second:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let page = page_of(&mut vera, &first).await?;
    let text = page.text();
    assert!(text.contains("Worked") && text.contains("kept of its last test alone"), "{text}");
    for value in [STAFF, MEMBER, FAMILY_NAME] {
        assert!(!page.body.contains(value), "{value}: {text}");
    }

    // A directory's manager sees that on the page of the rows, and no login.
    let of_okta = ["--role", "directory_manager", "--directory", "okta"];
    let mut manager = member(gateway, "acme", &of_okta).await?;
    let refused = page_of(&mut manager, second).await?;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(!refused.body.contains(MEMBER), "{}", refused.text());
    // The API tells which rows fired, and no value.
    let code = second["support_code"].as_str().context("no code")?;
    let whole = api.get(&format!("/tenants/acme/logins/{code}")).await?.done()?;
    let steps = whole["items"][0]["timeline"].as_array().context("no timeline")?;
    assert!(steps.iter().any(|step| step["name"] == "answer"), "{whole:#}");
    assert!(!whole.to_string().contains(MEMBER), "{whole:#}");
    Ok(())
}

/// The list tells tests from people's logins, and the start of the tenant's pages counts people's alone.
#[tokio::test]
async fn tests_are_told_from_peoples_logins() -> Result<()> {
    let (scene, _) = claims::signed_in().await?;
    let gateway = &scene.gateway;
    let api = Api::with(gateway, &["--tenant", "acme"]).await?;
    // One that fails: the link is not one that was made.
    let altered = format!("{}/directories/okta/test?ticket=altered", scene.issuer());
    assert_eq!(Agent::new()?.get(&altered).await?.status, 400);
    let tests = ended(&api, "test", 2).await?;
    assert!(tests.iter().any(|one| one["state"] == "failed"), "{tests:#?}");
    assert_eq!(ended(&api, "dashboard", 0).await?.len(), 0);
    let all = api.get("/tenants/acme/logins").await?.done()?;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(4), "{all:#}");
    assert_eq!(api.get("/tenants/acme/logins?purpose=fun").await?.status, 400);

    let mut vera = member(gateway, "acme", &["--role", "viewer"]).await?;
    let home = vera.get("/dashboard/t/acme").await?.text();
    assert!(home.contains("2 logins of late") && home.contains("0 of them failed"), "{home}");
    let list = vera.get("/dashboard/t/acme/logins?purpose=test").await?;
    let text = list.text();
    assert!(text.contains("Worked") && text.contains("A test"), "{text}");
    assert!(!text.contains(STAFF), "{text}");
    let people = vera.get("/dashboard/t/acme/logins?purpose=application").await?;
    assert!(!people.text().contains("Worked"), "{}", people.text());
    let wrong = vera.get("/dashboard/t/acme/logins?purpose=fun").await?;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    Ok(())
}

/// Staff who sign in through a directory, or connect it, have signed in: their login ends at the
/// dashboard, with all that happened on the way.
#[tokio::test]
async fn staff_sign_in_ends_at_the_dashboard() -> Result<()> {
    let scene = directory_sign_in::acme().await?;
    let mut owner = directory_sign_in::connected(&scene).await?;
    let (_, start) = directory_sign_in::through(&scene, MEMBER).await?;
    assert_eq!(start.url.path(), "/dashboard/t/acme", "{}", start.text());
    let api = Api::with(&scene.gateway, &["--tenant", "acme"]).await?;
    let all = ended(&api, "dashboard", 2).await?;
    for (login, last) in all.iter().zip(["signed in", "was connected"]) {
        assert_eq!(login["state"], "completed", "{login:#}");
        let page = page_of(&mut owner, login).await?;
        let text = page.text();
        for part in [
            "A sign-in to this dashboard",
            "Signed in",
            "The ID token is verified.",
            "Who that is went back to the dashboard.",
            last,
            "not kept of a sign-in to this dashboard",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("Not reached") && !text.contains(MEMBER), "{text}");
    }
    let code = all.first().and_then(|one| one["support_code"].as_str()).context("no code")?;
    let shown = scene.gateway.run(&["login", "show", code]).await?.success()?;
    for part in ["what for     a sign-in to the dashboard", "signed in to the dashboard"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let list = owner.get("/dashboard/t/acme/logins?purpose=dashboard&state=completed").await?;
    assert!(list.text().contains("This dashboard"), "{}", list.text());
    let pending = owner.get("/dashboard/t/acme/logins?state=pending").await?;
    assert!(pending.text().contains("No login fits"), "{}", pending.text());
    Ok(())
}

/// A login that failed leads to the very page on which that is mended, whoever may do it there.
#[tokio::test]
async fn failed_login_leads_to_where_it_is_mended() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let code = two_logins(&gateway, &hostile).await?;
    let path = format!("/dashboard/t/acme/logins/{code}");
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let page = editor.get(&path).await?;
    assert!(page.text().contains("press “Activate” on its page"), "{}", page.text());
    assert!(!page.text().contains('`') && page.body.contains("<code>"), "{}", page.text());
    let links = page.links();
    let found = links.iter().find(|(label, _)| label == "Activate the directory");
    let (_, to) = found.with_context(|| page.text())?;
    assert_eq!(to, "/dashboard/t/acme/directories/honest#next");
    let there = editor.get("/dashboard/t/acme/directories/honest").await?;
    assert!(there.body.contains("id=\"next\"") && there.text().contains("Activate it"));

    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = viewer.get(&path).await?;
    assert!(page.text().contains("An editor or an owner of the tenant can do that."));
    assert!(!page.text().contains("Activate the directory"), "{}", page.text());
    Ok(())
}

/// Every page that a failure leads to opens for whoever is led there.
#[tokio::test]
async fn every_failure_leads_to_a_page_that_its_reader_may_open() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    two_logins(&gateway, &hostile).await?;
    let api = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let users = api.get("/tenants/acme/users").await?.done()?;
    let user = users.pointer("/items/0/id").and_then(Value::as_str).context("no user")?;
    for (role, has) in [
        ("viewer", &[Need::Viewer][..]),
        ("editor", &[Need::Viewer, Need::Editor]),
        ("owner", &[Need::Viewer, Need::Editor, Need::Owner]),
    ] {
        let mut reader = member(&gateway, "acme", &["--role", role]).await?;
        let places = FailureCode::ALL.iter().filter_map(|code| place(*code));
        let paths: std::collections::BTreeSet<_> = places
            .filter(|place| has.contains(&place.need))
            .map(|place| place.path.split('#').next().unwrap_or_default())
            .collect();
        assert!(paths.len() >= 3, "{role}: {paths:?}");
        for path in paths {
            let path = path
                .replace("{tenant}", "acme")
                .replace("{directory}", "honest")
                .replace("{client_id}", "app")
                .replace("{user}", user);
            let page = reader.get(&path).await?;
            assert_eq!(page.status, 200, "{role} {path}: {}", page.text());
        }
    }
    Ok(())
}

/// An application that has a wrong secret leaves its login answered; the page says why that most
/// likely is, how sure it is, and leads to the secrets.
#[tokio::test]
async fn answered_login_says_that_the_application_was_refused_tokens() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let issuer = with_a_directory(&gateway, &hostile).await?;
    let answer = signed_in(&mut Agent::new()?, &Parameters::authorize("app").at(&issuer)).await?;
    let redeem =
        Parameters::token("app", answer.field("code")).set("client_secret", "<b>wrong</b>");
    assert_eq!(post_token(&issuer, &redeem).await?.error(), (401, "invalid_client"));
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let path = first(&mut editor, "?state=completed").await?;
    // Requests are written down in batches.
    let page = loop {
        let page = editor.get(&path).await?;
        if page.text().contains("Most likely:") {
            break page;
        }
    };
    let said = page.text();
    for part in [
        "Answered",
        "was refused: invalid_client. The secret that it sent is not one of those that work.",
        "Press “Add a secret” on the application's page “Secrets”",
        "anybody can send such a request",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!page.body.contains("wrong</b>"), "{said}");
    let links = page.links();
    let found = links.iter().find(|(label, _)| label == "Make a new secret for it");
    assert_eq!(found.with_context(|| said)?.1, "/dashboard/t/acme/applications/app/secrets");
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = viewer.get(&path).await?;
    assert!(page.text().contains("Most likely:"), "{}", page.text());
    assert!(!page.text().contains("Make a new secret"), "{}", page.text());
    Ok(())
}
