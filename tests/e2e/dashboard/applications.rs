//! The pages of applications: added, set up and taken away without a program.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::agent::{Agent, Page};
use tests::gateway::Gateway;

use super::staff::{Person, form, member};
use crate::api::Api;
use crate::client::{Client, tenant};
use crate::scene::SECRET;
use crate::wire::{Parameters, Shown, post_token};

const LIST: &str = "/dashboard/t/acme/applications";
const ADDRESS: &str = "https://members.acme.example/";

/// A tenant `acme` without applications, and another.
async fn nothing_yet() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    gateway
        .apply("tenants:\n  - { slug: acme, name: Acme }\n  - { slug: other, name: Other }\n")
        .await?;
    Ok(gateway)
}

/// A tenant `acme` with an application `app`, two directories, and another tenant.
async fn with_an_application() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    let directory = |name: &str| {
        format!(
            "      - {{ slug: {name}, name: The {name}, issuer: \"https://{name}.example\", \
             client_id: c, client_secret: a-secret-of-this-test, state: testing }}\n"
        )
    };
    let acme = tenant("acme", &[Client::item("app")], &[directory("okta"), directory("entra")]);
    let other = tenant("other", &[Client::item("theirs")], &[directory("adfs")]);
    gateway.apply(&format!("tenants:\n{acme}{other}")).await?;
    Ok(gateway)
}

/// An application's settings, as the API has them.
async fn stored(gateway: &Gateway, client_id: &str) -> Result<Value> {
    let api = Api::with(gateway, &[]).await?;
    api.get(&format!("/tenants/acme/applications/{client_id}")).await?.done()
}

/// The secret that a page shows.
fn secret(page: &Page) -> Result<String> {
    let (_, rest) = page.body.split_once("class=\"secret\"").context("no secret")?;
    let (_, rest) = rest.split_once("<code>").context("no secret")?;
    Ok(rest.split_once('<').context("no secret")?.0.to_owned())
}

/// What the token endpoint says of a code that there is not: with a secret that works, that.
async fn tried(gateway: &Gateway, client_id: &str, secret: &str) -> Result<String> {
    let form = Parameters::token(client_id, "no-code").set("client_secret", secret);
    Ok(post_token(&gateway.issuer("acme"), &form).await?.error().1.to_owned())
}

/// iMIS says its address once its own screen was filled in. It is added without one, its values are
/// copied, the address is pasted back, and that is all: one text is typed here.
#[tokio::test]
async fn imis_is_set_up_in_one_pass() -> Result<()> {
    let gateway = nothing_yet().await?;
    let mut edith = member(&gateway, "acme", &["--role", "editor"]).await?;
    let list = edith.get(LIST).await?;
    ensure!(list.text().contains("No application yet"), "{}", list.text());
    let presets = edith.get(&format!("{LIST}/new")).await?;
    let links = presets.links();
    let (_, link) = links.iter().find(|(text, _)| text.starts_with("iMIS")).context("no iMIS")?;
    let new = edith.get(link).await?;
    let answer = edith.send(&new, &format!("{LIST}/new"), &[]).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let made = secret(&answer)?;
    assert_eq!(answer.body.matches(&format!("<code>{made}</code>")).count(), 2);
    let said = answer.text();
    let mut rest = said.as_str();
    for field in [
        "Settings › Contacts › Open ID Connect",
        "OIDC authentication Test mode",
        "Type Okta",
        "Name Vestibule",
        "Client ID imis",
        &format!("Client Secret {made}"),
        &format!("Well-Known URL {}/.well-known/openid-configuration", gateway.issuer("acme")),
        &format!("Authority URL {}", gateway.issuer("acme")),
        "Redirect login URL You enter it yourself.",
        "External ID claim type external_id",
        "Set login hint Enabled",
        "Claim type staff",
        "Claim value 1",
        "Email body You enter it yourself.",
        "Paste the Redirect login URL back",
    ] {
        (_, rest) = rest.split_once(field).with_context(|| format!("{field}: {said}"))?;
    }

    // The secret works at once; sign-ins end with the address that is not registered yet, on a page
    // that leads nowhere.
    assert_eq!(tried(&gateway, "imis", &made).await?, "invalid_grant");
    let asked = Parameters::authorize("imis").set("redirect_uri", ADDRESS);
    let page = Agent::new()?.get(&asked.at(&gateway.issuer("acme"))).await?;
    let shown = Shown::read(&page).with_context(|| page.text())?;
    assert_eq!(shown.failure, "redirect_uri_unknown", "{}", page.text());
    assert!(!page.body.contains("href=\"\""), "{}", page.body);

    let typed = [("redirect_uri", ADDRESS)];
    let saved = edith.send(&answer, &format!("{LIST}/imis"), &typed).await?;
    ensure!(saved.text().contains("Saved."), "{}", saved.text());
    assert!(saved.text().contains(&format!("Redirect login URL {ADDRESS}")), "{}", saved.text());
    assert!(!saved.body.contains(&made), "the secret is shown again");
    let settings = json!({ "client_id": "imis", "name": "iMIS", "preset": "imis",
                           "redirect_uris": [ADDRESS] });
    assert_eq!(stored(&gateway, "imis").await?, settings);
    let list = edith.get(LIST).await?;
    assert!(list.text().contains("Not used yet"), "{}", list.text());
    Ok(())
}

/// What was typed stays, with what is wrong beside it; a name that is taken is not taken over.
#[tokio::test]
async fn what_cannot_be_added_comes_back_as_it_was_typed() -> Result<()> {
    let gateway = with_an_application().await?;
    let mut edith = member(&gateway, "acme", &["--role", "editor"]).await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let path = format!("{LIST}/new?preset=generic");
    let good = [("name", "A \"new\" one"), ("client_id", "forum")];
    for (member, typed, status, said) in [
        ("client_id", "app", 412, "It is there already"),
        ("client_id", "a/b", 422, "It stands in addresses"),
        ("client_id", "new", 422, "It stands in addresses"),
        ("name", "   ", 422, "Use 1 to 200 printable characters."),
        ("redirect_uri", "http://forum.example/", 422, "redirect_uris[0]"),
        ("redirect_uri", "forum.example/*", 422, "redirect_uris[0]"),
    ] {
        let page = edith.get(&path).await?;
        let fields = [&good[..], &[(member, typed)]].concat();
        let again = edith.send(&page, &format!("{LIST}/new"), &fields).await?;
        assert_eq!(again.status, status, "{member}: {}", again.text());
        assert!(again.text().contains("The application was not added"), "{}", again.text());
        if status == 422 {
            assert!(again.text().contains(said), "{member}: {}", again.text());
            assert!(again.body.contains("aria-invalid"), "{member}");
        }
        let kept = form(&again, &format!("{LIST}/new"))?;
        let kept = kept.field(member).map(|field| field.value.as_str());
        assert_eq!(kept, Some(typed.trim()), "{member}");
    }
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);

    // Without a client_id it gets one of its name, and the Learning Suite its address to sign out to.
    let page = edith.get(&format!("{LIST}/new?preset=imc")).await?;
    let address = "https://learn.acme.example/idm/oidc/login";
    let fields = [("name", "The App"), ("client_id", ""), ("redirect_uri", address)];
    let added = edith.send(&page, &format!("{LIST}/new"), &fields).await?;
    assert_eq!(added.status, 200, "{}", added.text());
    let settings = stored(&gateway, "the-app").await?;
    assert_eq!(
        settings["post_logout_redirect_uris"],
        json!(["https://learn.acme.example/idm/logoff"])
    );
    Ok(())
}

/// The form of settings changes what it shows and nothing else; with what somebody else changed
/// meanwhile it comes back.
#[tokio::test]
async fn settings_are_changed_by_a_form() -> Result<()> {
    let gateway = with_an_application().await?;
    let mut edith = member(&gateway, "acme", &["--role", "editor"]).await?;
    let path = format!("{LIST}/app/settings");
    let before = stored(&gateway, "app").await?;
    let page = edith.get(&path).await?;
    let same = edith.send(&page, &path, &[]).await?;
    assert!(same.text().contains("Nothing was changed"), "{}", same.text());
    assert_eq!(stored(&gateway, "app").await?, before);

    let addresses = "https://a.example/cb\r\n\r\n https://b.example/cb ";
    let fields = [
        ("name", "Renamed"),
        ("redirect_uris", addresses),
        ("who", "some"),
        ("from_entra", "on"),
        ("state", "disabled"),
        ("id_token_lifetime", "600"),
        ("pkce", "optional"),
    ];
    let saved = edith.send(&page, &path, &fields).await?;
    assert!(saved.text().contains("Saved.") && saved.text().contains("Disabled"));
    let mut wanted = before.clone();
    for (name, value) in [
        ("name", json!("Renamed")),
        ("redirect_uris", json!(["https://a.example/cb", "https://b.example/cb"])),
        ("directories", json!(["entra"])),
        ("disabled", json!(true)),
        ("id_token_lifetime", json!(600)),
        ("pkce", json!("optional")),
    ] {
        wanted[name] = value;
    }
    assert_eq!(stored(&gateway, "app").await?, wanted);

    // The page from before is of an earlier version.
    let stale = edith.send(&page, &path, &[("name", "Too late")]).await?;
    assert_eq!(stale.status, 412, "{}", stale.text());
    assert!(stale.text().contains("Somebody changed the tenant"), "{}", stale.text());
    assert_eq!(form(&stale, &path)?.field("name").context("no name")?.value, "Too late");
    assert_eq!(stored(&gateway, "app").await?, wanted);
    let wrong = edith.send(&saved, &path, &[("id_token_lifetime", "an hour")]).await?;
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert!(wrong.text().contains("Write a number of seconds."), "{}", wrong.text());

    let back = [("state", "enabled"), ("who", "all"), ("id_token_lifetime", ""), ("pkce", "")];
    let back = edith.send(&saved, &path, &back).await?;
    assert!(back.text().contains("Saved."), "{}", back.text());
    let settings = stored(&gateway, "app").await?;
    for name in ["directories", "disabled", "id_token_lifetime", "pkce"] {
        assert_eq!(settings.get(name), None, "{name}");
    }
    assert_eq!(settings["claims"], before["claims"]);
    Ok(())
}

/// Another secret works beside the first until that is ended, and is shown once.
#[tokio::test]
async fn secret_is_replaced_without_a_gap() -> Result<()> {
    let gateway = with_an_application().await?;
    let mut edith = member(&gateway, "acme", &["--role", "editor"]).await?;
    let path = format!("{LIST}/app/secrets");
    let page = edith.get(&path).await?;
    assert!(page.text().contains("One secret works"), "{}", page.text());
    let added = edith.send(&page, &format!("{path}/add"), &[]).await?;
    let made = secret(&added)?;
    assert_eq!((added.status, added.header("cache-control")), (200, "no-store"));
    assert!(added.text().contains("2 secrets work"), "{}", added.text());
    for works in [SECRET, &made] {
        assert_eq!(tried(&gateway, "app", works).await?, "invalid_grant");
    }
    for tab in ["", "/settings", "/secrets", "/claims", "/requests"] {
        let page = edith.get(&format!("{LIST}/app{tab}")).await?;
        assert_eq!(page.status, 200, "{tab}: {}", page.text());
        assert!(!page.body.contains(&made), "{tab}");
    }

    let unsure = edith.send(&added, &format!("{path}/end"), &[]).await?;
    assert_eq!(unsure.status, 422, "{}", unsure.text());
    assert_eq!(tried(&gateway, "app", SECRET).await?, "invalid_grant");
    let ended = edith.send(&added, &format!("{path}/end"), &[("in_use", "on")]).await?;
    assert!(ended.text().contains("Ended.") && ended.text().contains("One secret works"));
    assert_eq!(tried(&gateway, "app", SECRET).await?, "invalid_client");
    assert_eq!(tried(&gateway, "app", &made).await?, "invalid_grant");

    // A page from before ends nothing: by then another secret was added.
    let mut page = ended;
    for count in 2..=4 {
        page = edith.send(&page, &format!("{path}/add"), &[]).await?;
        assert!(page.text().contains(&format!("{count} secrets work")), "{}", page.text());
    }
    assert!(form(&page, &format!("{path}/add")).is_err(), "a fifth is offered");
    let stale = edith.post(&format!("{path}/end"), &[("in_use", "on"), ("version", "1")]).await?;
    assert_eq!(stale.status, 412, "{}", stale.text());
    let fifth = edith.post(&format!("{path}/add"), &[]).await?;
    assert_eq!(fifth.status, 409, "{}", fifth.text());
    Ok(())
}

/// An owner removes an application by typing its name; whatever else was typed removes nothing.
#[tokio::test]
async fn application_is_removed_by_its_name() -> Result<()> {
    let gateway = with_an_application().await?;
    let mut owner = member(&gateway, "acme", &["--role", "owner"]).await?;
    let path = format!("{LIST}/app/remove");
    let settings = owner.get(&format!("{LIST}/app/settings")).await?;
    assert!(settings.links().iter().any(|(_, to)| *to == path), "{:?}", settings.links());
    let page = owner.get(&path).await?;
    for typed in ["", "App", "The app"] {
        let again = owner.send(&page, &path, &[("client_id", typed)]).await?;
        assert_eq!(again.status, 422, "{}", again.text());
        stored(&gateway, "app").await?;
    }
    let list = owner.send(&page, &path, &[("client_id", "app")]).await?;
    assert!(list.text().contains("Removed.") && list.text().contains("No application yet"));
    assert_eq!(owner.get(&format!("{LIST}/app")).await?.status, 404);
    Ok(())
}

/// Everything that is sent to the pages of `app`, by somebody who tries.
async fn tries(person: &mut Person) -> Result<Vec<(String, u16)>> {
    let version = ("version", "1");
    let mut answers = Vec::new();
    for (part, fields) in [
        ("new", vec![("preset", "generic"), ("name", "Evil"), ("client_id", "evil")]),
        ("app", vec![("redirect_uri", "https://evil.example/cb"), version]),
        ("app/settings", vec![("name", "Evil"), ("state", "disabled"), version]),
        ("app/secrets/add", vec![]),
        ("app/secrets/end", vec![("in_use", "on"), version]),
        ("app/remove", vec![("client_id", "app"), version]),
    ] {
        let status = person.post(&format!("{LIST}/{part}"), &fields).await?.status;
        answers.push((part.to_owned(), status));
    }
    Ok(answers)
}

/// [THREATS TN-01] [THREATS TN-12] Who may look changes nothing, who may change removes nothing, a
/// directory manager sees no application, and to another tenant's staff there is none.
#[tokio::test]
async fn tn_12_each_role_does_with_applications_what_it_may() -> Result<()> {
    let gateway = with_an_application().await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let manager = ["--role", "directory_manager", "--directory", "okta"];
    for (of, role, reads, sends) in [
        ("acme", &["--role", "viewer"][..], 200, 403),
        ("acme", &manager[..], 403, 403),
        ("other", &["--role", "owner"][..], 404, 404),
    ] {
        let mut person = member(&gateway, of, role).await?;
        for part in ["", "/app", "/app/settings", "/app/secrets", "/app/claims", "/app/requests"] {
            let page = person.get(&format!("{LIST}{part}")).await?;
            assert_eq!(page.status, reads, "{role:?} {part}: {}", page.text());
            let content = page.body.split_once("<main").map_or("", |(_, content)| content);
            // A page that is refused offers to sign out, and nothing else.
            let buttons = content.matches("<button class").count();
            let ways_out = content.matches("action=\"/dashboard/sign-out\"").count();
            assert_eq!(buttons, ways_out, "{role:?} {part}: {content}");
            assert_eq!(page.body.contains("The app"), reads == 200, "{role:?} {part}");
        }
        for (part, status) in tries(&mut person).await? {
            assert_eq!(status, sends, "{role:?} {part}");
        }
        assert_eq!(gateway.run(&["export"]).await?.success()?, before, "{role:?}");
        assert_eq!(tried(&gateway, "app", SECRET).await?, "invalid_grant");
    }
    let mut edith = member(&gateway, "acme", &["--role", "editor"]).await?;
    let path = format!("{LIST}/app/remove");
    assert_eq!(edith.get(&path).await?.status, 403);
    let version = [("client_id", "app"), ("version", "1")];
    assert_eq!(edith.post(&path, &version).await?.status, 403);
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    assert_eq!(edith.get(&format!("{LIST}/theirs")).await?.status, 404);
    Ok(())
}
