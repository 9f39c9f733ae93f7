//! Rows of claims are looked at, tried on tests, on pasted claims and on people, and saved.
//!
//! Who signed in keeps their values to themselves: the page says whom edited rows would change, and
//! shows nothing that a directory said.

mod seen;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::peers::node::OidcProvider;

use super::staff::{Person, form, member};
use crate::api::Api;
use crate::client::Client;
use crate::scene::{MEMBER, SECRET, STAFF, Scene};

const PATH: &str = "/dashboard/t/acme/claims";
const PREVIEW: &str = "/tenants/acme/claims/preview";
const OKTA: &str = "?of=directory:okta";
/// How long claims may take to be kept.
const SOON: Duration = Duration::from_secs(5);
/// Claims of somebody whom no log may name.
const CLAIMS: &str = r#"{"sub":"00u-unheard-of","email":"unheard-of@acme.example",
    "email_verified":true,"given_name":"Dana","family_name":"Whitfield","groups":["Staff"]}"#;
/// What the directory says of [`STAFF`], beside what is their name here.
const VALUES: [&str; 3] = [STAFF, "Example", "Staff\""];

async fn gateway() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    let configuration = format!(
        "tenants:
  - slug: acme
    name: Acme Association
    applications:
      - client_id: imis
        name: iMIS
        preset: imis
        client_secret: {SECRET}
        redirect_uris: [\"https://imis.example/\"]
    directories:
      - slug: okta
        name: Acme staff
        preset: okta
        issuer: https://acme.okta.com
        client_id: gateway
        client_secret: {SECRET}
        state: active
        profile:
          staff: {{ expr: \"'Staff' in claims.groups\", type: bool, default: false }}
  - {{ slug: other, name: Other }}
"
    );
    gateway.apply(&configuration).await?;
    Ok(gateway)
}

/// The form's fields of a row.
fn row<'a>(number: &str, pairs: &[(&str, &'a str)]) -> Vec<(String, &'a str)> {
    pairs.iter().map(|(part, value)| (format!("row.{number}.{part}"), *value)).collect()
}

/// Presses a button of the form of some rows, with these fields besides what stands in it; a row that
/// is not there yet is added before.
async fn send(
    person: &mut Person,
    page: &Page,
    act: &str,
    more: &[(String, &str)],
) -> Result<Page> {
    let is_there =
        |page: &Page| more.iter().all(|(name, _)| page.body.contains(&format!("name=\"{name}\"")));
    let added;
    let page = if is_there(page) {
        page
    } else {
        added = press(person, page, "add", &[]).await?;
        ensure!(is_there(&added), "{more:?}: {}", added.body);
        &added
    };
    press(person, page, act, more).await
}

async fn press(
    person: &mut Person,
    page: &Page,
    act: &str,
    more: &[(String, &str)],
) -> Result<Page> {
    let mut form = form(page, PATH)?;
    form.press(act);
    let fields: Vec<(&str, &str)> =
        more.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    person.agent.submit(page, &form, &fields).await
}

fn named<'a>(pairs: &[(&str, &'a str)]) -> Vec<(String, &'a str)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

async fn pasted(person: &mut Person, claims: &str, more: Vec<(String, &str)>) -> Result<Page> {
    let page = person.get(&format!("{PATH}{OKTA}")).await?;
    let fields = [named(&[("source", "pasted"), ("claims", claims)]), more].concat();
    send(person, &page, "preview", &fields).await
}

#[tokio::test]
async fn pasted_claims_show_rows_releases_and_what_edited_rows_change() -> Result<()> {
    let gateway = gateway().await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let mut vera = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let text = pasted(&mut vera, CLAIMS, Vec::new()).await?.text();
    assert!(text.contains("This person could use everything."), "{text}");
    assert!(text.contains("from claims.email") && text.contains("by expression"), "{text}");
    assert!(text.contains("yes. It is trusted when email_verified is true"), "{text}");
    let imis = text.split("What iMIS would receive").nth(1).unwrap_or_default();
    assert!(imis.contains("staff \"1\""), "{imis}");
    assert!(imis.contains("external_id \"00u-unheard-of\""), "{imis}");

    // Without a first name iMIS gets nothing, and the page says who mends it.
    let unnamed = CLAIMS.replace("\"given_name\":\"Dana\",", "");
    let text = pasted(&mut vera, &unnamed, Vec::new()).await?.text();
    assert!(text.contains("could not use everything"), "{text}");
    assert!(text.contains("claim_contract_unmet") && text.contains("First name"), "{text}");

    let no_staff = row("0", &[("kind", "value"), ("source", "false")]);
    let no_groups = row("1", &[("name", "groups"), ("kind", "nothing")]);
    let text = pasted(&mut vera, CLAIMS, [no_staff, no_groups].concat()).await?.text();
    assert!(text.contains("Profile : staff true false"), "{text}");
    assert!(text.contains("iMIS : staff \"1\" –"), "{text}");
    assert!(!text.contains("iMIS : email"), "{text}");
    let fails = row(
        "1",
        &[("name", "email"), ("kind", "from"), ("source", "claims.mail"), ("on_missing", "fail")],
    );
    let text = pasted(&mut vera, CLAIMS, fails).await?.text();
    assert!(text.contains("This sign-in would end"), "{text}");
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    let log = gateway.log();
    assert!(!log.contains("unheard-of") && !log.contains("Whitfield"), "claims are in the log");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_is_said_at_its_box_and_kept_there() -> Result<()> {
    let gateway = gateway().await?;
    let mut edda = member(&gateway, "acme", &["--role", "editor"]).await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let long = format!("{{\"sub\":\"{}\"}}", "x".repeat(33_000));
    for (claims, said) in [
        ("[1]", "paste an object"),
        ("{\"sub\":", "this is no JSON"),
        ("{\"a\":1,\"a\":2}", "this is no JSON"),
        (long.as_str(), "32 KiB"),
    ] {
        let page = pasted(&mut edda, claims, Vec::new()).await?;
        assert_eq!(page.status, 422, "{}", page.text());
        assert!(page.body.contains("id=\"claims-wrong\"") && page.text().contains(said), "{said}");
    }
    let new = |pairs: &[(&str, &'static str)]| row("1", pairs);
    for (fields, at, said) in [
        (row("0", &[("kind", "value"), ("source", "[a")]), "row-0-source", "value"),
        (row("0", &[("transform", "shout")]), "row-0-transform", "shout"),
        (row("0", &[("source", "claims.")]), "row-0-source", "`expr`"),
        (row("0", &[("when", "claims.")]), "row-0-when", "`when`"),
        (row("0", &[("default", "maybe")]), "row-0-default", "`default`"),
        (row("0", &[("name", "sub")]), "row-0-name", "sub"),
        (new(&[("kind", "from"), ("source", "claims.a")]), "row-1-name", "name the claim"),
        (new(&[("name", "staff"), ("kind", "nothing")]), "row-1-name", "another row"),
        (new(&[("name", "x"), ("kind", "from"), ("source", "clams.a")]), "row-1-source", "clams"),
    ] {
        // Trying and saving say the same.
        for act in ["preview", "save"] {
            let page = edda.get(&format!("{PATH}{OKTA}")).await?;
            let more =
                [named(&[("source", "pasted"), ("claims", CLAIMS)]), fields.clone()].concat();
            let page = send(&mut edda, &page, act, &more).await?;
            let case = format!("{act} {fields:?}: {}", page.text());
            assert_eq!(page.status, 422, "{case}");
            let (_, wrong) =
                page.body.split_once(&format!("id=\"{at}-wrong\">")).context(case.clone())?;
            let wrong = wrong.split('<').next().unwrap_or_default();
            assert!(wrong.contains(said), "{wrong}: {case}");
            assert!(page.body.contains("00u-unheard-of"), "what was pasted is gone: {case}");
        }
    }
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    Ok(())
}

/// The buttons of the rows: a row is added, one of the preset's is taken over and given back.
#[tokio::test]
async fn rows_are_added_taken_over_given_back_and_saved() -> Result<()> {
    let gateway = gateway().await?;
    let mut edda = member(&gateway, "acme", &["--role", "editor"]).await?;
    let page = edda.get(&format!("{PATH}?of=application:imis")).await?;
    let page = send(&mut edda, &page, "override.email", &[]).await?;
    assert!(page.body.contains("name=\"row.0.name\" value=\"email\""), "{}", page.body);
    assert!(page.text().contains("Instead of the preset’s"), "{}", page.text());
    let page = send(&mut edda, &page, "add", &[]).await?;
    let fields = row("1", &[("name", "member_type"), ("kind", "value"), ("source", "\"1\"")]);
    let page = send(&mut edda, &page, "remove.0", &fields).await?;
    assert!(page.body.contains("name=\"row.0.name\" value=\"member_type\""), "{}", page.body);
    assert!(page.body.contains("value=\"override.email\""), "{}", page.body);
    let saved = send(&mut edda, &page, "save", &[]).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    let export = gateway.run(&["export"]).await?.success()?;
    assert!(export.contains("member_type") && !export.contains("email:"), "{export}");
    let again = send(&mut edda, &saved, "save", &[]).await?;
    assert!(again.text().contains("Nothing was changed"), "{}", again.text());
    // A form that somebody else's change has overtaken is not saved, and keeps what was typed.
    let fields = row("0", &[("source", "late")]);
    gateway.apply(&export.replace("name: iMIS", "name: The iMIS")).await?;
    let stale = send(&mut edda, &again, "save", &fields).await?;
    assert_eq!(stale.status, 412, "{}", stale.text());
    assert!(stale.text().contains("Somebody changed the tenant") && stale.body.contains("late"));
    let saved = send(&mut edda, &stale, "save", &[]).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    Ok(())
}

/// [THREATS TN-12] Whoever has one directory alone does not see applications or people, and leaves
/// alone by which rows somebody is somebody; a viewer saves nothing; to others nothing is there.
#[tokio::test]
async fn tn_12_managers_viewers_and_strangers_do_what_they_may() -> Result<()> {
    let gateway = gateway().await?;
    let of_okta = ["--role", "directory_manager", "--directory", "okta"];
    let mut manager = member(&gateway, "acme", &of_okta).await?;
    let page = manager.get(PATH).await?;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("iMIS") && !page.text().contains("people who signed in"));
    let tried = pasted(&mut manager, CLAIMS, Vec::new()).await?;
    assert!(tried.text().contains("from claims.email"), "{}", tried.text());
    assert!(!tried.text().contains("iMIS"), "{}", tried.text());
    let fields = [("of", "directory:okta"), ("act", "preview"), ("source", "recorded")];
    assert_eq!(manager.post(PATH, &fields).await?.status, 403);
    assert_eq!(manager.get_once(&format!("{PATH}?of=application:imis")).await?.status, 404);
    let email = row("1", &[("name", "email"), ("kind", "value"), ("source", "boss@acme.example")]);
    let refused = send(&mut manager, &page, "save", &email).await?;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.body.contains("id=\"row-1-name-wrong\""), "{}", refused.body);
    let nickname = row("1", &[("name", "nickname"), ("kind", "from"), ("source", "claims.nick")]);
    let saved = send(&mut manager, &page, "save", &nickname).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());

    let before = gateway.run(&["export"]).await?.success()?;
    let mut vera = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let page = vera.get(&format!("{PATH}{OKTA}")).await?;
    assert!(!page.body.contains("value=\"save\""), "{}", page.body);
    let version = page.body.split_once("name=\"version\" value=\"").context("no version")?.1;
    let version = version.split('"').next().unwrap_or_default();
    let fields = [("of", "directory:okta"), ("act", "save"), ("version", version)];
    assert_eq!(vera.post(PATH, &fields).await?.status, 403);
    let email = [named(&[("source", "recorded")]), row("0", &[("source", "true")])].concat();
    assert_eq!(send(&mut vera, &page, "preview", &email).await?.status, 403);
    let mut foreign = member(&gateway, "other", &["--role", "owner"]).await?;
    assert_eq!(foreign.get_once(PATH).await?.status, 404);
    let fields = [("of", "directory:okta"), ("act", "preview"), ("source", "recorded")];
    assert_eq!(foreign.post(PATH, &fields).await?.status, 404);
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    Ok(())
}

/// Two people have signed in through the certified directory, and it was tested.
pub(super) async fn signed_in() -> Result<(Scene, Client)> {
    signed_in_on(Gateway::start().await?).await
}

async fn signed_in_on(gateway: Gateway) -> Result<(Scene, Client)> {
    let scene = Scene::on(gateway, &Client::item("app")).await?;
    let client = Client::new(&scene.gateway, "acme", "app");
    for person in [STAFF, MEMBER] {
        client.sign_in(&mut Agent::new()?, person, &[]).await?;
    }
    test(&scene.gateway, STAFF).await?;
    let api = Api::with(&scene.gateway, &["--tenant", "acme"]).await?;
    let begun = tokio::time::Instant::now();
    loop {
        let tried = api.post(PREVIEW, Some(json!({ "source": { "kind": "recorded" } }))).await?;
        let tests = json!({ "source": { "kind": "test", "directory": "okta" } });
        let test = api.post(PREVIEW, Some(tests)).await?;
        if tried.done()?.get("tried") == Some(&json!(2)) && test.status.is_success() {
            return Ok((scene, client));
        }
        ensure!(begun.elapsed() < SOON, "the claims are not kept");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(super) async fn test(gateway: &Gateway, person: &str) -> Result<()> {
    let arguments = ["directory", "test", "okta", "--tenant", "acme", "--public-url", &gateway.url];
    let link = gateway.run(&arguments).await?.success()?.trim().to_owned();
    let (ours, _) = link.split_once("/test?").context("not a link")?;
    let page = Agent::new()?.visit(&link, &Visit::by(person, ours)).await?;
    ensure!(page.text().contains("It works."), "{}", page.text());
    Ok(())
}

/// [THREATS SC-01] What people's directories said is tried and not shown: on no page, in no answer, in
/// no log.
#[tokio::test]
async fn sc_01_recorded_logins_say_who_would_change_and_no_value() -> Result<()> {
    let (scene, _) = signed_in().await?;
    let gateway = &scene.gateway;
    let mut edda = member(gateway, "acme", &["--role", "editor"]).await?;
    let page = edda.get(&format!("{PATH}{OKTA}")).await?;
    let recorded = named(&[("source", "recorded")]);
    let tried = send(&mut edda, &page, "preview", &recorded).await?;
    let text = tried.text();
    assert!(text.contains("Tried on 2 people."), "{text}");
    assert!(text.contains("from claims.email: 2"), "{text}");
    assert!(text.contains(&format!("text, {} characters", STAFF.len())), "{text}");
    // Groups go to the application, and one of the two is in one.
    let groups = row(
        "1",
        &[
            ("name", "groups"),
            ("kind", "expr"),
            ("source", "['Everybody'] + claims.?groups.orValue([])"),
        ],
    );
    let staff = row(
        "1",
        &[
            ("name", "groups"),
            ("kind", "from"),
            ("source", "claims.groups"),
            ("when", "claims.email != 'staff@acme.example'"),
        ],
    );
    let subject = OidcProvider::subject_of(STAFF);
    let everybody =
        send(&mut edda, &page, "preview", &[recorded.clone(), groups.clone()].concat()).await?;
    assert!(everybody.text().contains("2 of 2 people would change."), "{}", everybody.text());
    let one = send(&mut edda, &page, "preview", &[recorded.clone(), staff].concat()).await?;
    let text = one.text();
    assert!(text.contains("1 of 2 people would change."), "{text}");
    assert!(text.contains("The app loses groups"), "{text}");
    let links = one.links();
    assert!(
        links.iter().any(|(name, href)| *name == subject && href.contains("/users/")),
        "{links:?}"
    );
    let shown = |page: &Page| {
        let (_, result) = page.body.split_once("id=\"result\"").unwrap_or_default();
        result.split("<section class=\"card\" id=\"rows\"").next().unwrap_or_default().to_owned()
    };
    for page in [&tried, &everybody, &one] {
        let shown = shown(page);
        assert!(shown.len() > 500, "{shown}");
        for value in VALUES {
            assert!(!shown.contains(value), "{value}: {shown}");
        }
    }
    // A row for external_id changes nobody who is known.
    let external = row("1", &[("name", "external_id"), ("kind", "value"), ("source", "same")]);
    let text =
        send(&mut edda, &page, "preview", &[recorded.clone(), external].concat()).await?.text();
    assert!(text.contains("0 of 2 people would change."), "{text}");

    let log = gateway.log();
    for value in [STAFF, MEMBER] {
        assert!(!log.contains(value), "{value} is in the log");
    }
    Ok(())
}

/// [THREATS SC-01] The same by the API.
#[tokio::test]
async fn sc_01_answers_about_recorded_logins_hold_no_value() -> Result<()> {
    let (scene, _) = signed_in().await?;
    let gateway = &scene.gateway;
    let api = Api::with(gateway, &["--tenant", "acme", "--role", "editor"]).await?;
    let order = json!({
        "source": { "kind": "recorded", "directory": "okta", "most": 10 },
        "applications": { "app": {
            "external_id": { "from": ["user.external_id"], "type": "string" },
            "groups": { "from": ["profile.groups"], "type": "list" },
            "given_name": { "value": null },
        } },
    });
    let answer = api.post(PREVIEW, Some(order.clone())).await?.done()?;
    assert_eq!((&answer["changed"], &answer["redacted"]), (&json!(2), &json!(true)));
    let change = answer.pointer("/people/0/places/1/changes/0").context("no change")?;
    assert_eq!(change, &json!({ "claim": "given_name", "change": "removed" }));
    for value in VALUES {
        assert!(!answer.to_string().contains(value), "{value}: {answer:#}");
    }
    let viewer = Api::with(gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    assert_eq!(viewer.post(PREVIEW, Some(order)).await?.status, 403);
    Ok(())
}

/// What is saved is what the next sign-in gets.
#[tokio::test]
async fn saved_row_counts_at_the_next_sign_in() -> Result<()> {
    let scene = Scene::with_applications(&Client::item("app")).await?;
    let client = Client::new(&scene.gateway, "acme", "app");
    let mut edda = member(&scene.gateway, "acme", &["--role", "editor"]).await?;
    let page = edda.get(&format!("{PATH}{OKTA}")).await?;
    let groups = row(
        "1",
        &[("name", "groups"), ("kind", "value"), ("source", "[Everybody]"), ("type", "list")],
    );
    let saved = send(&mut edda, &page, "save", &groups).await?;
    assert!(saved.text().contains("Saved."), "{}", saved.text());
    let claims = client.sign_in(&mut Agent::new()?, MEMBER, &[]).await?;
    assert_eq!(claims.get("groups"), Some(&json!(["Everybody"])), "{claims:#}");
    Ok(())
}

/// A test's values are shown; one tenant's claims are another's neither by page nor by API; and whoever
/// forgets them has none.
#[tokio::test]
async fn tn_01_tests_show_values_and_claims_stay_with_their_tenant() -> Result<()> {
    let (scene, _) = signed_in().await?;
    let gateway = &scene.gateway;
    let api = Api::with(gateway, &["--tenant", "acme"]).await?;
    let order = |source: Value| Some(json!({ "source": source }));
    let tested = json!({ "kind": "test", "directory": "okta" });
    let answer = api.post(PREVIEW, order(tested.clone())).await?.done()?;
    assert!(answer.to_string().contains(STAFF), "{answer:#}");
    assert_eq!(answer["redacted"], json!(false));
    let mut vera = member(gateway, "acme", &["--role", "viewer"]).await?;
    let page = vera.get(&format!("{PATH}{OKTA}")).await?;
    let text = send(&mut vera, &page, "preview", &named(&[("source", "test")])).await?.text();
    assert!(text.contains(STAFF) && text.contains("As the directory’s last test said"), "{text}");

    let acme = scene.configuration(&Client::item("app"));
    let acme = acme.replace("domains: [acme.example]", "shared_client: true");
    let twin = acme.replace("slug: acme", "slug: twin").replace("tenants:\n", "");
    gateway.apply(&(acme + &twin)).await?;
    let other = Api::with(gateway, &["--tenant", "twin"]).await?;
    let twins = "/tenants/twin/claims/preview";
    let none = other.post(twins, order(json!({ "kind": "recorded" }))).await?.done()?;
    assert_eq!((&none["tried"], &none["people"]), (&json!(0), &json!([])));
    let untested = other.post(twins, order(tested)).await?;
    assert_eq!((untested.status.as_u16(), untested.problem()), (409, "conflict"), "{untested:?}");
    assert_eq!(other.post(PREVIEW, order(json!({ "kind": "recorded" }))).await?.status, 404);

    let done = api.patch("/tenants/acme", json!({ "forget_claims": true })).await?;
    done.done()?;
    let refused = api.post(PREVIEW, order(json!({ "kind": "recorded" }))).await?;
    assert_eq!(refused.problem(), "conflict", "{refused:?}");
    api.patch("/tenants/acme", json!({ "forget_claims": null })).await?.done()?;
    let none = api.post(PREVIEW, order(json!({ "kind": "recorded" }))).await?.done()?;
    assert_eq!(none["tried"], json!(0), "{none:#}");
    Ok(())
}
