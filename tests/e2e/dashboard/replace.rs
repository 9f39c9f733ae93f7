//! A directory is replaced by another one on its page, and people stay who they are.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::agent::{Agent, Visit};
use tests::gateway::Gateway;
use tests::peers::node::{Directory, Katana, OidcProvider, Redemption};
use tests::peers::{self, Application, free_port};

use super::browser::{self, looked_at};
use super::staff::{address, invited, member};
use crate::client::Client;
use crate::pages::text;
use crate::scene::{MEMBER, SECRET, STAFF, application, sign_in, visit};
use crate::wire::Shown;

const OKTA: &str = "/dashboard/t/acme/directories/okta";
const ENTRA: &str = "/dashboard/t/acme/directories/entra";
/// What [`STAFF`] is called at the new directory: nothing but the address is the same.
const STAFF_THERE: &str = "s.newman";
/// Somebody whose address the old directory never vouched for.
const DOUBTFUL: &str = "doubtful";

/// The same people at two directories that know nothing of each other.
struct Stage {
    gateway: Gateway,
    okta: OidcProvider,
    entra: OidcProvider,
    imis: Katana,
}

impl Stage {
    async fn set(gateway: Gateway) -> Result<Self> {
        let users = json!({
            STAFF_THERE: { "email": STAFF },
            DOUBTFUL: { "email": "doubtful@acme.example", "email_verified": false },
        });
        let provider = async |slug: &str| {
            let callback = gateway.callback("acme", slug);
            let settings = Directory::with_client("gateway", SECRET, &callback);
            OidcProvider::start(&Directory { users: users.clone(), ..settings }).await
        };
        let (okta, entra) = (provider("okta").await?, provider("entra").await?);
        let port = free_port()?;
        let applications = [
            application("imis", "imis", &Katana::redirect_uri(port))
                + "        directories: [okta]\n",
            Client::item("app"),
        ];
        let applications = applications.concat();
        let directory = |slug: &str, issuer: &str, more: &str| {
            format!(
                "      - slug: {slug}
        name: The {slug}
        issuer: {issuer}
        client_id: gateway
        client_secret: {SECRET}
        {more}
"
            )
        };
        let directories = [
            directory("okta", &okta.issuer, "state: active\n        domains: [acme.example]"),
            directory("entra", &entra.issuer, "state: testing"),
        ];
        let directories = directories.concat();
        gateway
            .apply(&format!(
                "tenants:\n  - slug: acme\n    name: Acme Association\n    applications:\n\
                 {applications}    directories:\n{directories}"
            ))
            .await?;
        let settings = Application {
            port,
            issuer: gateway.issuer("acme"),
            client_id: "imis".to_owned(),
            client_secret: SECRET.to_owned(),
        };
        let imis = Katana::start(&settings, Redemption::Always).await?;
        Ok(Self { gateway, okta, entra, imis })
    }

    /// Somebody signs in at iMIS by their address, as whoever they are at the directory that they
    /// are sent to.
    async fn arrives(&self, agent: &mut Agent, login: &str) -> Result<Value> {
        let base = &self.imis.base;
        let url = format!("{base}/login?login_hint={STAFF}");
        visit(agent, &url, base, login).await?.json().context("not signed in")
    }
}

/// How many of the agent's requests went there.
fn requests(agent: &Agent, issuer: &str) -> usize {
    crate::client::requests_to(agent, issuer)
}

/// In Chromium, by keyboard where it matters: an owner replaces the directory. Whoever was known is
/// sent to the new one by the same `login_hint` and keeps `sub` and `external_id`; the old one signs
/// nobody in any more, and a sign-in through it that was under way is refused.
#[tokio::test]
async fn directory_is_replaced_in_chromium_and_people_stay_who_they_are() -> Result<()> {
    let stage = Stage::set(browser::gateway().await?).await?;
    let gateway = &stage.gateway;
    let mut agent = Agent::new()?;
    let before = stage.arrives(&mut agent, STAFF).await?;
    assert!(requests(&agent, &stage.okta.issuer) > 0, "{:#?}", agent.hops());
    sign_in(&mut Agent::new()?, &stage.imis.base, MEMBER).await?;
    stage.arrives(&mut Agent::new()?, DOUBTFUL).await?;
    let client = Client::new(gateway, "acme", "app");
    let mut late = Agent::new()?;
    let callback = gateway.callback("acme", "okta");
    let request = client.request(&[("login_hint", MEMBER)])?;
    let waiting = late.visit(&request, &Visit::stopping_before(MEMBER, &callback)).await?;

    let invite = ["staff", "invite", "olga@acme.example", "--tenant", "acme", "--role", "owner"];
    let printed = invited(gateway, &invite).await?;
    let mut steps = vec![
        json!({"passkeys": true}),
        json!({"goto": address(&printed)?}),
        json!({"fill": {"css": "#who"}, "with": "Olga Owner"}),
        json!({"click": {"role": "button", "name": "Make a passkey"}}),
        json!({"wait_for": {"text": "From nothing to the first sign-in"}}),
        json!({"goto": format!("{}{OKTA}", gateway.url)}),
        json!({"click": {"role": "link", "name": "Replace it"}}),
        json!({"wait_for": {"text": "What it means for people"}}),
        json!({"read": "body", "as": "asked"}),
    ];
    steps.extend(looked_at("directory-replace"));
    let button = "() => document.querySelector('form[method=post] .button.danger').focus()";
    steps.extend([
        json!({"evaluate": button, "as": "focus"}),
        json!({"press": "Enter"}),
        json!({"wait_for": {"text": "People sign in through this directory from now on."}}),
        json!({"url": "end"}),
        json!({"goto": format!("{}{OKTA}/replace", gateway.url)}),
        json!({"wait_for": {"text": "has taken its place already"}}),
    ]);
    let report = peers::browser::run(&Value::Array(steps)).await?;
    browser::assert_fine(&report);
    let asked = text(&report, "asked").split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "Have arrived from The okta 3",
        "known to The entra already 0",
        "recognised by e-mail address 2",
        "Would become new users 1",
        "Nobody has tested The entra.",
        "join_by_email: true",
        "state: \"active\" -> \"paused\"",
        "directories: [\"okta\"] -> [\"entra\"]",
    ] {
        assert!(asked.contains(said), "{said} in {asked}");
    }
    let end = report.values.get("end").and_then(Value::as_str).unwrap_or_default();
    assert!(end.ends_with(&format!("{ENTRA}?done=replaced")), "{end}");

    // Whoever is signed in comes to the new directory, and so does everybody else.
    for agent in [&mut agent, &mut Agent::new()?] {
        agent.forget_hops();
        let after = stage.arrives(agent, STAFF_THERE).await?;
        for claim in ["sub", "external_id"] {
            assert!(before["claims"][claim].is_string(), "{before:#}");
            assert_eq!(after["claims"][claim], before["claims"][claim], "{after:#}");
        }
        assert_eq!(requests(agent, &stage.okta.issuer), 0, "{:#?}", agent.hops());
        assert!(requests(agent, &stage.entra.issuer) > 0, "{:#?}", agent.hops());
    }
    let refused = client.go_on(&mut late, MEMBER, &waiting).await?;
    let shown = Shown::read(&refused.page).with_context(|| refused.page.text())?;
    assert_eq!(shown.failure, "directory_paused");

    is_in_the_audit_log(gateway).await
}

/// Once, with who did it, and with what followed.
async fn is_in_the_audit_log(gateway: &Gateway) -> Result<()> {
    let audit = ["audit", "list", "--tenant", "acme", "--json"];
    let audit = gateway.run(&audit).await?.success()?;
    let named = audit.lines().find(|line| line.contains("directory.replaced"));
    let named: Value = serde_json::from_str(named.context(audit.clone())?)?;
    assert_eq!(named.get("subject"), Some(&json!({ "directory": "okta", "by": "entra" })));
    assert_eq!(named.get("actor"), Some(&json!("account olga@acme.example")));
    assert_eq!(audit.matches("directory.replaced").count(), 1, "{audit}");
    assert!(audit.contains("tenant.changed") && audit.contains("user.joined"), "{audit}");
    Ok(())
}

/// Without another directory the page says what to do; a draft is not offered; whoever may not turn
/// recognition on is told who may, and what cannot be done keeps what was chosen.
#[tokio::test]
async fn page_leads_from_one_directory_to_two_and_says_what_is_missing() -> Result<()> {
    let gateway = Gateway::start().await?;
    let directory = |slug: &str, more: &str| {
        format!(
            "      - {{ slug: {slug}, name: The {slug}, issuer: \"https://{slug}.example\", \
             client_id: {slug}, client_secret: {SECRET}, {more} }}\n"
        )
    };
    let apply = async |directories: &[String]| {
        let acme = crate::client::tenant("acme", &[Client::item("app")], directories);
        gateway.apply(&format!("tenants:\n{acme}")).await
    };
    let okta = directory("okta", "state: active, domains: [acme.example]");
    apply(std::slice::from_ref(&okta)).await?;
    let mut olga = member(&gateway, "acme", &["--role", "owner"]).await?;
    let alone = olga.get(&format!("{OKTA}/replace")).await?;
    assert!(alone.text().contains("Three steps"), "{}", alone.text());
    let connects = alone.links().into_iter().any(|(_, href)| href.ends_with("/directories/new"));
    assert!(connects, "{}", alone.body);

    let more = [directory("draft", "state: draft"), directory("entra", "state: testing")];
    apply(&[okta, more.concat()]).await?;
    let asked = olga.get(&format!("{OKTA}/replace")).await?;
    assert!(!asked.text().contains("What it means for people"), "{}", asked.text());
    assert!(asked.text().contains("It is a draft: open it for tests"), "{}", asked.text());
    let draft = asked.body.split("value=\"draft\"").nth(1).unwrap_or_default();
    assert!(draft.starts_with(" disabled"), "{draft}");

    let mut eddy = member(&gateway, "acme", &["--role", "editor"]).await?;
    let asked = eddy.get(&format!("{OKTA}/replace?by=entra")).await?;
    let said = asked.text();
    assert!(said.contains("An owner of the tenant turns it on."), "{said}");
    assert!(!said.contains("join_by_email:"), "{said}");
    // What no box offers is refused, and says whose it is.
    let fields = [("join_by_email", "on")];
    let refused = eddy.post(&format!("{OKTA}/replace"), &posted(&asked, &fields)?).await?;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("this takes the role owner"), "{}", refused.text());
    assert!(refused.body.contains("value=\"entra\" checked"), "{}", refused.body);
    for (by, status) in [("okta", 422), ("nobody", 422), ("no slug", 400)] {
        let page = eddy.post(&format!("{OKTA}/replace"), &posted(&asked, &[("by", by)])?).await?;
        assert_eq!(page.status, status, "{by}: {}", page.text());
    }
    let stale =
        eddy.post(&format!("{OKTA}/replace"), &posted(&asked, &[("version", "1")])?).await?;
    assert_eq!(stale.status, 412, "{}", stale.text());
    assert!(stale.text().contains("Somebody changed the tenant"), "{}", stale.text());

    // The operator vouched for the tenant's domains; where they lead is its own to say.
    let done = eddy.send(&asked, &format!("{OKTA}/replace"), &[]).await?;
    assert_eq!((done.status, done.url.path()), (200, ENTRA), "{}", done.text());
    assert!(done.text().contains("People sign in through this directory"), "{}", done.text());
    assert!(done.text().contains("acme.example"), "{}", done.text());
    let again = eddy.post(&format!("{OKTA}/replace"), &[("by", "entra"), ("version", "1")]).await?;
    assert_eq!(again.status, 412);
    Ok(())
}

/// The fields of the form that replaces, with these in their place.
fn posted<'a>(
    page: &'a tests::agent::Page,
    with: &[(&'a str, &'a str)],
) -> Result<Vec<(&'a str, &'a str)>> {
    let version = page.body.split("name=\"version\" value=\"").nth(1).context("no version")?;
    let version = version.split('"').next().context("no version")?;
    ensure!(page.body.contains("name=\"by\" value=\"entra\""), "{}", page.body);
    let mut fields = vec![("version", version), ("by", "entra")];
    for (name, value) in with {
        fields.retain(|(one, _)| one != name);
        fields.push((name, value));
    }
    Ok(fields)
}

/// [THREATS TN-12] Whoever only looks, or has one of the two directories, replaces nothing.
#[tokio::test]
async fn tn_12_directory_is_replaced_by_editors_alone() -> Result<()> {
    let gateway = Gateway::start().await?;
    let directories = ["okta", "entra"].map(|slug| {
        format!(
            "      - {{ slug: {slug}, name: The {slug}, issuer: \"https://{slug}.example\", \
             client_id: {slug}, client_secret: {SECRET}, state: active }}\n"
        )
    });
    let acme = crate::client::tenant("acme", &[Client::item("app")], &directories);
    gateway.apply(&format!("tenants:\n{acme}")).await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let manager = ["--role", "directory_manager", "--directory", "okta"];
    for role in [&["--role", "viewer"][..], &manager] {
        let mut somebody = member(&gateway, "acme", role).await?;
        let page = somebody.get(OKTA).await?;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(!page.body.contains(&format!("{OKTA}/replace")), "{role:?}: {}", page.body);
        assert_eq!(somebody.get(&format!("{OKTA}/replace")).await?.status, 403, "{role:?}");
        for by in ["entra", "nobody"] {
            let fields = [("by", by), ("version", "1")];
            let refused = somebody.post(&format!("{OKTA}/replace"), &fields).await?;
            assert_eq!(refused.status, 403, "{role:?} {by}: {}", refused.text());
        }
    }
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    Ok(())
}
