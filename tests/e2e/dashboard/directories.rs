//! A tenant's staff connect a directory: from an empty tenant to the first sign-in, with nothing but
//! pages; and what each of them may not do.

use anyhow::{Context as _, Result, ensure};
use tests::agent::{Agent, Field, Form, Page, Visit};
use tests::gateway::Gateway;
use tests::peers::node::{Directory, OidcProvider};

use super::staff::{Person, form, member};
use crate::client::Client;
use crate::scene::{SECRET, STAFF};

/// Where a form goes, what it sends, and what a viewer, a manager and an editor are answered.
type Act<'a> = (&'a str, &'a [(&'a str, &'a str)], [u16; 3]);

/// Where the directories of the tenant are.
const ALL: &str = "/dashboard/t/acme/directories";
/// Where the one of the tests is.
const OKTA: &str = "/dashboard/t/acme/directories/okta";

/// A gateway with a tenant that has an application and no directory, and another tenant.
async fn empty() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    gateway.apply(&configuration("", "")).await?;
    Ok(gateway)
}

fn configuration(more: &str, directories: &str) -> String {
    let application = Client::item("app");
    format!(
        "tenants:
  - slug: acme
    name: Acme Association
{more}    applications:
{application}{directories}  - {{ slug: other, name: Other }}
"
    )
}

/// A directory as a list item of a configuration.
fn item(slug: &str, state: &str, issuer: &str) -> String {
    format!(
        "      - slug: {slug}
        name: The {slug}
        preset: okta
        issuer: {issuer}
        client_id: gateway
        client_secret: {SECRET}
        state: {state}
"
    )
}

/// The certified provider, which knows the gateway as a client of this secret.
async fn provider(gateway: &Gateway, secret: &str) -> Result<OidcProvider> {
    let callback = gateway.callback("acme", "okta");
    OidcProvider::start(&Directory::with_client("gateway", secret, &callback)).await
}

async fn owner(gateway: &Gateway) -> Result<Person> {
    member(gateway, "acme", &["--role", "owner"]).await
}

/// What the tenants are, as a file.
async fn stored(gateway: &Gateway) -> Result<String> {
    gateway.run(&["export"]).await?.success()
}

/// The form of a page that sends this to a path.
fn form_with(page: &Page, path: &str, name: &str, value: &str) -> Result<Form> {
    let mut forms = page.forms().into_iter();
    let has = |one: &Form| {
        let field = one.field(name).is_some_and(|field| field.value == value);
        field || one.buttons.iter().any(|button| button.name == name && button.value == value)
    };
    let found = forms.find(|one| one.action.starts_with(path) && has(one));
    found.with_context(|| format!("no form to {path} with {name}={value}: {}", page.text()))
}

impl Person {
    /// Presses the button that sends this.
    async fn press(&mut self, page: &Page, path: &str, name: &str, value: &str) -> Result<Page> {
        let mut form = form_with(page, path, name, value)?;
        form.press(value);
        self.agent.submit(page, &form, &[]).await
    }

    /// Goes through a test sign-in from the directory's page.
    async fn test(&mut self, page: &Page, path: &str) -> Result<Page> {
        let leads = self.send(page, &format!("{path}/test"), &[]).await?;
        ensure!(leads.status == 200, "{} {}", leads.status, leads.text());
        let mut links = leads.links().into_iter();
        let link = links.find(|(_, href)| href.contains("/test?ticket=")).context("no link")?.1;
        // A form's answer that led there would be stopped by the page's own policy.
        assert!(leads.body.contains("http-equiv=\"refresh\""), "{}", leads.body);
        let ours = link.split_once("/test?").context("no link")?.0.to_owned();
        Agent::new()?.visit(&link, &Visit::by(STAFF, &ours)).await
    }
}

#[tokio::test]
async fn directory_is_connected_tested_and_activated_through_pages_alone() -> Result<()> {
    let gateway = empty().await?;
    let mut olga = owner(&gateway).await?;
    let list = olga.get(ALL).await?;
    assert!(list.text().contains("No directory yet"), "{}", list.text());
    let vendors = olga.get(&format!("{ALL}/new")).await?;
    for vendor in ["Okta", "Microsoft Entra ID", "Amazon Cognito", "Another OpenID Provider"] {
        assert!(vendors.text().contains(vendor), "{}", vendors.text());
    }
    let (_, okta) =
        vendors.links().into_iter().find(|(_, href)| href.ends_with("=okta")).context("no Okta")?;
    let new = olga.get(&okta).await?;
    // What is to be registered there is known before anything is saved.
    assert!(new.text().contains(&gateway.callback("acme", "okta")), "{}", new.text());
    assert!(new.text().contains("Sign-in redirect URIs"), "{}", new.text());
    let directory = provider(&gateway, SECRET).await?;
    let typed = [
        ("issuer", directory.issuer.as_str()),
        ("client_id", "gateway"),
        ("client_secret", SECRET),
        ("client_secret_expires_at", "2031-01-31"),
    ];
    let page = olga.send(&new, &format!("{ALL}/new"), &typed).await?;
    assert_eq!((page.status, page.url.path()), (200, OKTA), "{}", page.text());
    assert!(page.text().contains("Testing") && page.text().contains("2031-01-31"));
    assert!(!page.body.contains(SECRET), "the secret is on the page");

    let checked = olga.send(&page, &format!("{OKTA}/check"), &[]).await?;
    assert!(checked.text().contains("It accepts the client id"), "{}", checked.text());
    assert!(checked.text().contains("Nothing stands in the way"), "{}", checked.text());
    let tested = olga.test(&page, OKTA).await?;
    assert!(tested.text().contains("It works."), "{}", tested.text());
    let client = Client::new(&gateway, "acme", "app");
    let early = client.ask(&mut Agent::new()?, STAFF, &[]).await?;
    assert!(early.code().is_err(), "nobody is sent to a directory that is being tested");

    let active = olga.press(&page, &format!("{OKTA}/state"), "state", "active").await?;
    assert!(active.text().contains("People sign in through it"), "{}", active.text());
    let answer = client.ask(&mut Agent::new()?, STAFF, &[]).await?;
    assert_eq!(client.redeem(answer.code()?).await?.0, 200);
    // The first sign-in wrote down where the directory is; switching off is never out of date.
    let paused = olga.press(&active, &format!("{OKTA}/state"), "state", "paused").await?;
    assert!(paused.text().contains("Saved.") && paused.text().contains("Paused"));
    let list = olga.get(ALL).await?;
    assert!(list.text().contains("Paused") && list.text().contains("Okta"), "{}", list.text());
    Ok(())
}

/// Whatever is wrong is said at its box, what was typed stays, and nothing is stored.
#[tokio::test]
async fn what_cannot_be_saved_comes_back_with_what_is_wrong() -> Result<()> {
    let gateway = empty().await?;
    let mut olga = owner(&gateway).await?;
    let before = stored(&gateway).await?;
    let new = olga.get(&format!("{ALL}/new?preset=okta")).await?;
    let secret = "a-secret-that-nobody-sees-again";
    for (name, value, said) in [
        (
            "issuer",
            "https://acme.okta.com/oauth2",
            "the authorization server&#39;s name is missing",
        ),
        ("client_id", "caf\u{e9}", "Use 1 to 255 printable ASCII characters"),
        ("client_secret", "${env:PATH}", "Send the secret itself"),
        ("client_secret_expires_at", "tomorrow", ""),
        ("token_endpoint_auth_method", "guess", ""),
    ] {
        let mut typed = vec![
            ("issuer", "acme.okta.com"),
            ("client_id", "0oa1"),
            ("client_secret", secret),
            ("client_secret_expires_at", "2031-01-31"),
        ];
        typed.retain(|(one, _)| *one != name);
        typed.push((name, value));
        let page = olga.send(&new, &format!("{ALL}/new"), &typed).await?;
        assert_eq!(page.status, 422, "{name}: {}", page.text());
        let marked = format!("id=\"{name}-wrong\"");
        assert!(page.body.contains(&marked), "{name}: {}", page.body);
        assert!(page.body.to_lowercase().contains(&said.to_lowercase()), "{name}: {}", page.text());
        assert!(!page.body.contains(secret), "{name}: the secret is on the page");
        let again = form(&page, &format!("{ALL}/new"))?;
        let kept = again.field("client_id").map(|field| field.value.clone());
        let wanted = if name == "client_id" { value } else { "0oa1" };
        assert_eq!(kept.as_deref(), Some(wanted), "{name}");
    }
    assert_eq!(stored(&gateway).await?, before);

    // Another name in the address, before anything is typed; and one that is taken.
    let other = olga.get(&format!("{ALL}/new?preset=okta&slug=staff")).await?;
    assert!(other.text().contains(&gateway.callback("acme", "staff")), "{}", other.text());
    let typed = [("issuer", "acme.okta.com"), ("client_id", "0oa1"), ("client_secret", secret)];
    let made = olga.send(&other, &format!("{ALL}/new"), &typed).await?;
    assert_eq!(made.url.path(), format!("{ALL}/staff"), "{}", made.text());
    let twice = olga.send(&other, &format!("{ALL}/new"), &typed).await?;
    assert_eq!(twice.status, 412, "{}", twice.text());
    for taken in ["staff", "new", "No Slug"] {
        let page = olga.get(&format!("{ALL}/new?preset=okta&slug={taken}")).await?;
        assert_eq!(page.status, 422, "{taken}: {}", page.text());
        assert!(page.text().contains(&gateway.callback("acme", "okta")), "{}", page.text());
    }
    Ok(())
}

/// [THREATS TN-12] Each role does what the API lets it do, and nothing else changes.
#[tokio::test]
async fn tn_12_each_role_sees_and_does_what_it_may() -> Result<()> {
    let gateway = empty().await?;
    let (first, second) = ("https://first.okta.com", "https://second.okta.com");
    let directories = format!(
        "    directories:\n{}{}",
        item("okta", "testing", first),
        item("second", "active", second)
    );
    gateway.apply(&configuration("", &directories)).await?;
    let before = stored(&gateway).await?;
    let mut viewer = member(&gateway, "acme", &["--role", "viewer"]).await?;
    let manager = ["--role", "directory_manager", "--directory", "okta"];
    let mut manager = member(&gateway, "acme", &manager).await?;
    let mut editor = member(&gateway, "acme", &["--role", "editor"]).await?;
    let mut foreign = member(&gateway, "other", &["--role", "owner"]).await?;

    let seen = manager.get(ALL).await?;
    assert!(seen.text().contains("The okta") && !seen.text().contains("The second"));
    assert_eq!(manager.get(&format!("{ALL}/second")).await?.status, 404);
    let page = viewer.get(OKTA).await?;
    assert!(page.forms().iter().all(|one| !one.action.contains("/directories/")));
    let page = editor.get(OKTA).await?;
    let version = form_with(&page, &format!("{OKTA}/state"), "state", "active")?;
    let version = version.field("version").context("no version")?.value.clone();

    let version = version.as_str();
    let active = [("state", "active"), ("version", version)];
    let renamed =
        [("name", "Else"), ("issuer", first), ("client_id", "gateway"), ("version", version)];
    let secret = [("then", "add"), ("next_client_secret", "another"), ("version", version)];
    let removed = [("slug", "okta"), ("version", version)];
    let link = [("note", "Ina"), ("days", "3")];
    let new = [
        ("preset", "okta"),
        ("slug", "third"),
        ("name", "T"),
        ("issuer", "t.okta.com"),
        ("client_id", "x"),
    ];
    // Which act, what is sent with it, and what becomes of it for a viewer, a manager, an editor.
    let acts: [Act<'_>; 8] = [
        ("okta/state", &active, [403, 403, 0]),
        ("okta/edit", &renamed, [403, 0, 0]),
        ("okta/secret", &secret, [403, 0, 0]),
        ("okta/remove", &removed, [403, 403, 403]),
        ("okta/setup-links", &link, [403, 403, 403]),
        ("okta/test", &[], [403, 0, 0]),
        ("second/state", &[("state", "paused"), ("version", version)], [403, 404, 0]),
        ("new", &new, [403, 403, 0]),
    ];
    for (path, fields, statuses) in acts {
        let path = format!("{ALL}/{path}");
        assert_eq!(foreign.post(&path, fields).await?.status, 404, "{path}");
        let all = [&mut viewer, &mut manager, &mut editor];
        for (person, status) in all.into_iter().zip(statuses).filter(|(_, status)| *status > 0) {
            let answer = person.post(&path, fields).await?;
            assert_eq!(answer.status, status, "{path} by {}: {}", person.email, answer.text());
        }
    }
    for (person, wanted) in [(&mut viewer, 403), (&mut manager, 403), (&mut foreign, 404)] {
        for path in ["new", "okta/remove", "okta/setup-links"] {
            let answer = person.get_once(&format!("{ALL}/{path}")).await?;
            assert_eq!(answer.status, wanted, "{path} by {}", person.email);
        }
    }
    assert_eq!(stored(&gateway).await?, before);
    // What is left to each of them.
    assert_eq!(manager.post(&format!("{OKTA}/edit"), &renamed).await?.status, 303);
    let page = editor.get(OKTA).await?;
    assert!(page.text().contains("Else"), "{}", page.text());
    let active = editor.press(&page, &format!("{OKTA}/state"), "state", "active").await?;
    assert!(active.text().contains("Saved."), "{}", active.text());
    Ok(())
}

/// A form that was made before somebody else's change overwrites nothing.
#[tokio::test]
async fn form_that_is_out_of_date_overwrites_nothing() -> Result<()> {
    let gateway = empty().await?;
    let directories =
        format!("    directories:\n{}", item("okta", "testing", "https://a.okta.com"));
    gateway.apply(&configuration("", &directories)).await?;
    let mut olga = owner(&gateway).await?;
    let edit = olga.get(&format!("{OKTA}/edit")).await?;
    let page = olga.get(OKTA).await?;
    let others = directories.replace("The okta", "Their name");
    gateway.apply(&configuration("", &others)).await?;
    let before = stored(&gateway).await?;
    let late = olga.send(&edit, &format!("{OKTA}/edit"), &[("name", "My name")]).await?;
    assert_eq!(late.status, 412, "{}", late.text());
    assert!(late.body.contains("value=\"My name\""), "{}", late.body);
    let late = olga.press(&page, &format!("{OKTA}/state"), "state", "active").await?;
    assert_eq!(late.status, 412, "{}", late.text());
    assert!(late.text().contains("Somebody changed"), "{}", late.text());
    assert_eq!(stored(&gateway).await?, before);
    Ok(())
}

/// Two secrets at a time, either of which may be the right one, and then the new one alone.
#[tokio::test]
async fn secret_is_replaced_while_people_sign_in() -> Result<()> {
    let gateway = empty().await?;
    let renewed = "a-renewed-secret-0123456789";
    let directory = provider(&gateway, renewed).await?;
    let directories = format!("    directories:\n{}", item("okta", "active", &directory.issuer));
    gateway.apply(&configuration("", &directories)).await?;
    let mut olga = owner(&gateway).await?;
    let page = olga.get(&format!("{OKTA}/secret")).await?;
    let path = format!("{OKTA}/secret");
    let empty = olga.send(&page, &path, &[]).await?;
    assert_eq!(empty.status, 422, "{}", empty.text());
    let typed = [("next_client_secret", renewed), ("next_client_secret_expires_at", "2031-01-31")];
    let both = olga.send(&page, &path, &typed).await?;
    assert!(both.text().contains("Two secrets"), "{}", both.text());
    assert!(!both.body.contains(renewed) && both.text().contains("2031-01-31"), "{}", both.body);
    let client = Client::new(&gateway, "acme", "app");
    client.ask(&mut Agent::new()?, STAFF, &[]).await?.code()?;
    let checked = olga.send(&both, &format!("{OKTA}/check"), &[]).await?;
    assert!(checked.text().contains("and the next client secret"), "{}", checked.text());
    let both = olga.get(&path).await?;
    // A secret that goes does not come back, so that a button alone is not enough.
    let unsure = olga.press(&both, &path, "then", "ended").await?;
    assert_eq!(unsure.status, 422, "{}", unsure.text());
    let mut form = form_with(&both, &path, "then", "ended")?;
    form.fill("sure", "on");
    let ended = olga.agent.submit(&both, &form, &[]).await?;
    assert!(ended.text().contains("Replace the secret"), "{}", ended.text());
    let page = olga.get(OKTA).await?;
    assert!(page.text().contains("Until 2031-01-31"), "{}", page.text());
    let checked = olga.send(&page, &format!("{OKTA}/check"), &[]).await?;
    assert!(checked.text().contains("It accepts the client id and the client secret"));
    client.ask(&mut Agent::new()?, STAFF, &[]).await?.code()?;
    let twice = olga.agent.submit(&both, &form, &[]).await?;
    assert_eq!(twice.status, 409, "{}", twice.text());
    Ok(())
}

/// [THREATS ID-13] Somebody without an account connects one directory, and sees nothing else; who let
/// them in brings it into use, and ends what the link became.
#[tokio::test]
async fn id_13_setup_link_connects_one_directory() -> Result<()> {
    let gateway = empty().await?;
    let directories =
        format!("    directories:\n{}", item("second", "active", "https://b.okta.com"));
    gateway.apply(&configuration("", &directories)).await?;
    let directory = provider(&gateway, SECRET).await?;
    let mut olga = owner(&gateway).await?;
    let new = olga.get(&format!("{ALL}/new?preset=okta")).await?;
    let links = olga.press(&new, &format!("{ALL}/new"), "then", "draft").await?;
    let path = format!("{OKTA}/setup-links");
    assert_eq!(links.url.path(), path, "{}", links.text());
    for (note, days) in [("", "3"), ("Ina", "31"), ("Ina", "0")] {
        let refused = olga.send(&links, &path, &[("note", note), ("days", days)]).await?;
        assert_eq!(refused.status, 422, "{note} {days}: {}", refused.text());
    }
    let made = olga.send(&links, &path, &[("note", "Ina of Corp"), ("days", "3")]).await?;
    let (_, rest) = made.body.split_once("id=\"setup-link\">").context("no link")?;
    let link = rest.split_once('<').context("no link")?.0.to_owned();
    assert!(link.contains("/dashboard/setup?token=vset_"), "{link}");
    let listed = olga.get(&path).await?;
    assert!(listed.text().contains("Ina of Corp") && !listed.body.contains("vset_"));

    let mut ina = Person::in_browser(&gateway, Agent::new()?);
    let asks = ina.agent.get(&link).await?;
    let within = ina.send(&asks, "/dashboard/setup", &[]).await?;
    assert_eq!(within.url.path(), OKTA, "{}", within.text());
    assert!(within.text().contains("yet to be entered"), "{}", within.text());
    let list = ina.get(ALL).await?;
    assert!(!list.text().contains("The second"), "{}", list.text());
    assert_eq!(ina.get(&format!("{ALL}/second")).await?.status, 404);
    assert_eq!(ina.get_once(&path).await?.status, 403);
    let edit = ina.get(&format!("{OKTA}/edit")).await?;
    assert!(edit.text().contains(&gateway.callback("acme", "okta")), "{}", edit.text());
    let fields = form(&edit, &format!("{OKTA}/edit"))?;
    assert!(fields.field("issuer").is_some_and(|one| one.value.is_empty()));
    assert!(fields.field("domains").is_none() && fields.field("email_trust").is_none());
    let issuer = directory.issuer.as_str();
    let typed = [("issuer", issuer), ("client_id", "gateway"), ("client_secret", SECRET)];
    let saved = ina.send(&edit, &format!("{OKTA}/edit"), &typed).await?;
    assert!(saved.text().contains("Testing"), "{}", saved.text());
    let tested = ina.test(&saved, OKTA).await?;
    assert!(tested.text().contains("It works."), "{}", tested.text());
    let edit = ina.get(&format!("{OKTA}/edit")).await?;
    let version = form(&edit, &format!("{OKTA}/edit"))?;
    let version = version.field("version").context("no version")?.value.clone();
    let active = [("state", "active"), ("version", version.as_str())];
    assert_eq!(ina.post(&format!("{OKTA}/state"), &active).await?.status, 403);

    let page = olga.get(OKTA).await?;
    olga.press(&page, &format!("{OKTA}/state"), "state", "active").await?;
    let listed = olga.get(&path).await?;
    assert!(listed.text().contains("Opened"), "{}", listed.text());
    let ended = olga.send(&listed, &format!("{path}/end"), &[]).await?;
    assert!(ended.text().contains("Ended.") && !ended.text().contains("Ina"), "{}", ended.text());
    assert_eq!(ina.get(OKTA).await?.url.path(), "/dashboard/sign-in");
    Ok(())
}

/// A directory goes when its name was typed, and not before.
#[tokio::test]
async fn directory_is_removed_by_its_name() -> Result<()> {
    let gateway = empty().await?;
    let directories = format!("    directories:\n{}", item("okta", "active", "https://a.okta.com"));
    gateway.apply(&configuration("", &directories)).await?;
    let mut olga = owner(&gateway).await?;
    let asks = olga.get(&format!("{OKTA}/remove")).await?;
    for typed in ["", "The okta", "second"] {
        let page = olga.send(&asks, &format!("{OKTA}/remove"), &[("slug", typed)]).await?;
        assert_eq!(page.status, 422, "{}", page.text());
    }
    assert!(stored(&gateway).await?.contains("The okta"));
    let gone = olga.send(&asks, &format!("{OKTA}/remove"), &[("slug", "okta")]).await?;
    assert_eq!(gone.url.path(), ALL, "{}", gone.text());
    assert!(gone.text().contains("Removed.") && gone.text().contains("No directory yet"));
    assert_eq!(olga.get(OKTA).await?.status, 404);
    Ok(())
}

/// [THREATS ID-05] Where domains are proven, staff enter them; where the operator vouches, they cannot.
#[tokio::test]
async fn id_05_domains_are_entered_by_who_answers_for_them() -> Result<()> {
    let gateway = empty().await?;
    let directories =
        format!("    directories:\n{}", item("okta", "testing", "https://a.okta.com"));
    gateway.apply(&configuration("", &directories)).await?;
    let mut olga = owner(&gateway).await?;
    let path = format!("{OKTA}/edit");
    let edit = olga.get(&path).await?;
    assert!(form(&edit, &path)?.field("domains").is_none(), "{}", edit.text());
    assert!(edit.text().contains("entered by whoever runs this gateway"), "{}", edit.text());
    let mut smuggled = form(&edit, &path)?;
    let field = smuggled.field("name").context("no name")?.clone();
    smuggled.fields.push(Field {
        name: "domains".to_owned(),
        value: "acme.org".to_owned(),
        ..field
    });
    let saved = olga.agent.submit(&edit, &smuggled, &[]).await?;
    assert!(saved.text().contains("Nothing was changed"), "{}", saved.text());
    assert!(!stored(&gateway).await?.contains("acme.org"));
    gateway.apply(&configuration("    domain_proof: dns\n", &directories)).await?;
    let edit = olga.get(&path).await?;
    let saved = olga.send(&edit, &path, &[("domains", "@acme.org; *.acme.org")]).await?;
    assert!(saved.text().contains("acme.org Not proven"), "{}", saved.text());
    Ok(())
}
