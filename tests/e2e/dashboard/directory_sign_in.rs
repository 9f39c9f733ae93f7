//! Staff who sign in through a directory of their tenant, with the certified provider: how they come to
//! it, how far it reaches, and what nobody becomes by it.

mod asked;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::peers::node::{Directory, OidcProvider};

use super::staff::{PASSWORD, Person, address, form, invited, member, operator};
use crate::api::Api;
use crate::scene::{MEMBER, SECRET, Scene, application};

const ACCOUNT: &str = "/dashboard/account";
const CONNECT: &str = "/dashboard/account/directory";
const ANSWER: &str = "/dashboard/sign-in/directory/answer";
const OKTA: [(&str, &str); 2] = [("tenant", "acme"), ("directory", "okta")];

/// What a configuration says of a directory that signs staff in.
fn with_staff(configuration: &str) -> String {
    configuration.replace("state: active", "state: active\n        staff_sign_in: true")
        + "  - { slug: other, name: Other }\n"
}

fn applications() -> String {
    application("portal", "generic", "https://portal.example/cb")
}

/// A tenant whose directory signs staff in, and another tenant.
pub(crate) async fn scene(gateway: Gateway) -> Result<Scene> {
    let scene = Scene::on(gateway, &applications()).await?;
    scene.gateway.apply(&with_staff(&scene.configuration(&applications()))).await?;
    Ok(scene)
}

pub(super) async fn acme() -> Result<Scene> {
    scene(Gateway::start().await?).await
}

/// The way that a page shows.
fn way(page: &Page) -> Result<String> {
    let mut links = page.links().into_iter();
    let found = links.find(|(text, _)| text.starts_with("Go on to"));
    Ok(found.with_context(|| page.text())?.1)
}

/// Goes to the directory by a link, signs in there as somebody, and comes back to the dashboard.
async fn go(agent: &mut Agent, scene: &Scene, link: &str, who: &str) -> Result<Page> {
    agent.visit(link, &Visit::by(who, &format!("{}/dashboard", scene.gateway.url))).await
}

/// The link to the directory on the page where one signs in: to the page that says where it leads, as
/// for whoever is sent there by a page of somebody else.
async fn link(agent: &mut Agent, scene: &Scene) -> Result<String> {
    let url = format!("{}/dashboard/sign-in?organisation=acme", scene.gateway.url);
    let page = agent.get(&url).await?;
    let mut links = page.links().into_iter();
    let found = links.find(|(text, _)| text.starts_with("Go on with"));
    let (_, to) = found.with_context(|| page.text())?;
    Ok(page.url.join(&to)?.to_string())
}

/// The way to the directory, for signing in.
async fn begun(agent: &mut Agent, scene: &Scene) -> Result<String> {
    let link = link(agent, scene).await?;
    way(&agent.get(&link).await?)
}

/// Signs in through the directory, in a browser of its own.
pub(super) async fn through(scene: &Scene, who: &str) -> Result<(Person, Page)> {
    let mut agent = Agent::new()?;
    let link = begun(&mut agent, scene).await?;
    let page = go(&mut agent, scene, &link, who).await?;
    Ok((Person::in_browser(&scene.gateway, agent), page))
}

/// Connects somebody with who they are at the directory.
async fn connect(scene: &Scene, person: &mut Person, who: &str) -> Result<Page> {
    let asked = connecting(scene, person, who).await?;
    person.send(&asked, ANSWER, &[]).await
}

/// The same up to the page that asks.
async fn connecting(scene: &Scene, person: &mut Person, who: &str) -> Result<Page> {
    let page = person.get(ACCOUNT).await?;
    let shown = person.send(&page, CONNECT, &[]).await?;
    go(&mut person.agent, scene, &way(&shown)?, who).await
}

/// An owner who is connected as [`MEMBER`].
pub(super) async fn connected(scene: &Scene) -> Result<Person> {
    let mut owner = member(&scene.gateway, "acme", &["--role", "owner"]).await?;
    let page = connect(scene, &mut owner, MEMBER).await?;
    ensure!(page.text().contains("Connected. You can sign in"), "{}", page.text());
    Ok(owner)
}

fn failure(page: &Page) -> &str {
    let (_, after) = page.body.split_once("data-failure=\"").unwrap_or_default();
    after.split('"').next().unwrap_or_default()
}

/// A tenant with a host of its own: the way leads over that host, and back to the dashboard.
#[tokio::test]
async fn way_leads_over_the_host_of_the_tenant() -> Result<()> {
    let scene = acme().await?;
    connected(&scene).await?;
    let api = Api::with(&scene.gateway, &[]).await?;
    let host = json!({ "host": "login.acme.example" });
    api.patch("/tenants/acme", host).await?.done()?;
    let (person, start) = through(&scene, MEMBER).await?;
    assert_eq!(start.url.path(), "/dashboard/t/acme", "{}", start.text());
    assert!(start.url.as_str().starts_with(&scene.gateway.url), "{}", start.url);
    let hops = person.agent.hops();
    let over = hops.iter().any(|hop| hop.url.host_str() == Some("login.acme.example"));
    assert!(over, "{hops:#?}");
    assert!(start.text().contains("owner"), "{}", start.text());
    Ok(())
}

/// [THREATS ID-13] Somebody who was invited sets up with the directory, signs in by it from then on,
/// and changes nothing about the account by it.
#[tokio::test]
async fn id_13_invitation_is_set_up_with_the_directory() -> Result<()> {
    let scene = acme().await?;
    let command = ["staff", "invite", "kim@acme.example", "--tenant", "acme", "--role", "editor"];
    let printed = invited(&scene.gateway, &command).await?;
    let welcome = address(&printed)?;
    let mut agent = Agent::new()?;
    let page = agent.get(welcome).await?;
    let offer = form(&page, "/dashboard/welcome/directory")?;
    let shown = agent.submit(&page, &offer, &[("name", "Kim")]).await?;
    // Nothing is used up before the directory has answered.
    assert_eq!(Agent::new()?.get(welcome).await?.status, 200);
    let asked = go(&mut agent, &scene, &way(&shown)?, MEMBER).await?;
    assert!(asked.text().contains("Is this you?"), "{}", asked.text());
    assert!(asked.text().contains("kim@acme.example"), "{}", asked.text());
    // Nor before the person has agreed.
    assert_eq!(Agent::new()?.get(welcome).await?.status, 200);
    assert_eq!(
        agent.clone().get(&format!("{}{ACCOUNT}", scene.gateway.url)).await?.url.path(),
        "/dashboard/sign-in"
    );
    let start = agent.submit(&asked, &form(&asked, ANSWER)?, &[]).await?;
    assert_eq!(start.url.path(), "/dashboard/t/acme", "{}", start.text());
    assert!(start.text().contains("Kim") && start.text().contains("editor"), "{}", start.text());
    assert_eq!(Agent::new()?.get(welcome).await?.status, 404);

    let mut kim = Person::in_browser(&scene.gateway, agent);
    kim.send(&start, "/dashboard/sign-out", &[]).await?;
    let (mut kim, start) = through(&scene, MEMBER).await?;
    assert_eq!(start.url.path(), "/dashboard/t/acme", "{}", start.text());
    assert_eq!(kim.get("/dashboard/t/acme/domains/new").await?.status, 200);
    assert_eq!(kim.get("/dashboard/t/acme/staff").await?.status, 403);
    // The browser remembers the organisation.
    let start = kim.get("/dashboard/t/acme").await?;
    let out = kim.send(&start, "/dashboard/sign-out", &[]).await?;
    assert!(out.text().contains("Go on with Acme staff"), "{}", out.text());

    let (mut kim, _) = through(&scene, MEMBER).await?;
    let account = kim.get(ACCOUNT).await?;
    assert!(account.text().contains("You signed in through a directory"), "{}", account.text());
    assert!(!account.body.contains("<button class=\"button\">Add a passkey"), "{}", account.body);
    for path in
        [CONNECT, "/dashboard/account/directory/remove", "/dashboard/account/passkey/remove"]
    {
        let refused = kim.post(path, &OKTA).await?;
        let to = refused.location().with_context(|| refused.text())?;
        assert!(to.query().unwrap_or_default().contains("again=1"), "{path}: {to}");
    }
    let mut owner = member(&scene.gateway, "acme", &["--role", "owner"]).await?;
    let list = owner.get("/dashboard/t/acme/staff").await?;
    assert!(list.text().contains("A directory of this tenant"), "{}", list.text());
    let log = Api::with(&scene.gateway, &["--tenant", "acme"]).await?;
    let log = log.get("/tenants/acme/audit?act=member.directory").await?.done()?;
    assert_eq!(log["items"][0]["act"], "member.directory_connected", "{log:#}");
    Ok(())
}

/// [THREATS TN-12] [THREATS TN-01] Through a tenant's directory an operator is what they are at that
/// tenant, and reaches no other.
#[tokio::test]
async fn tn_12_tn_01_session_through_a_directory_reaches_its_tenant_alone() -> Result<()> {
    let scene = acme().await?;
    let mut olive = operator(&scene.gateway).await?;
    for (tenant, role) in [("acme", "viewer"), ("other", "owner")] {
        let command = ["staff", "invite", &olive.email, "--tenant", tenant, "--role", role];
        invited(&scene.gateway, &command).await?;
    }
    connect(&scene, &mut olive, MEMBER).await?;
    assert_eq!(olive.get("/dashboard/operators").await?.status, 200);
    let (mut there, start) = through(&scene, MEMBER).await?;
    assert_eq!(start.url.path(), "/dashboard/t/acme", "{}", start.text());
    assert!(start.text().contains("viewer") && !start.text().contains("operator"));
    for path in [
        "/dashboard/operators",
        "/dashboard/operators/invite",
        "/dashboard/tenants/new",
        "/dashboard/t/other",
        "/dashboard/t/other/staff",
    ] {
        let page = there.get(path).await?;
        assert_eq!(page.status, 404, "{path}: {}", page.text());
        assert!(!page.body.contains("Other"), "{path}");
    }
    assert_eq!(there.get("/dashboard/t/acme/domains/new").await?.status, 403);
    let account = there.get(ACCOUNT).await?;
    assert!(!account.text().contains("Other"), "{}", account.text());
    Ok(())
}

/// [THREATS ID-10] Nobody is signed in by an address: whoever the directory knows under an owner's
/// address is told what to do, and staff find out with the code on the page.
#[tokio::test]
async fn id_10_address_of_an_owner_signs_nobody_in() -> Result<()> {
    let scene = acme().await?;
    let owner = connected(&scene).await?;
    let (mut other, page) = through(&scene, &owner.email).await?;
    assert_eq!((page.status, failure(&page)), (403, "staff_not_connected"), "{}", page.text());
    assert!(page.text().contains("connect the directory there"), "{}", page.text());
    assert_eq!(other.get("/dashboard").await?.url.path(), "/dashboard/sign-in");
    let (_, code) = page.body.split_once("id=\"support-code\">").context("no code")?;
    let code = code.split('<').next().unwrap_or_default();
    let told = shown(&scene.gateway, code, "failed: staff_not_connected").await?;
    assert!(!told.contains(&owner.email), "{told}");
    // No user of the tenant was made, neither by that nor by whoever is connected.
    through(&scene, MEMBER).await?;
    let users = scene.gateway.run(&["users", "list", "--tenant", "acme"]).await?;
    assert!(!users.stdout.contains("acme.example"), "{}", users.stdout);
    Ok(())
}

/// What a timeline says, once it is written.
async fn shown(gateway: &Gateway, code: &str, wanted: &str) -> Result<String> {
    let begun = tokio::time::Instant::now();
    loop {
        let shown = gateway.run(&["login", "show", code]).await?.stdout;
        if shown.contains(wanted) {
            return Ok(shown);
        }
        ensure!(begun.elapsed().as_secs() < 5, "{code}: {shown}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// [THREATS TN-12] [THREATS UP-09] Which provider the directory is, and that it signs staff in, is the
/// owners': an editor and a manager do not become one by it. When it does become another, what was
/// connected counts no more, though that one knows the same people.
#[tokio::test]
async fn tn_12_up_09_nobody_becomes_an_owner_by_another_provider() -> Result<()> {
    let scene = acme().await?;
    connected(&scene).await?;
    let (mut owner, _) = through(&scene, MEMBER).await?;
    let callback = scene.gateway.callback("acme", "okta");
    let evil = OidcProvider::start(&Directory::with_client("gateway", SECRET, &callback)).await?;
    let flags = ["--tenant", "acme", "--role"];
    let editor = Api::with(&scene.gateway, &[&flags[..], &["editor"]].concat()).await?;
    let manager = [&flags[..], &["directory_manager", "--directory", "okta"]].concat();
    let manager = Api::with(&scene.gateway, &manager).await?;
    let okta = "/tenants/acme/directories/okta";
    let changes = [
        json!({ "staff_sign_in": false }),
        json!({ "issuer": evil.issuer, "client_secret": SECRET }),
        json!({ "metadata": { "jwks_uri": format!("{}/jwks", evil.issuer) }, "client_secret": SECRET }),
        json!({ "client_id": "evil" }),
        json!({ "preset": "oidc", "client_secret": SECRET }),
    ];
    for api in [&editor, &manager] {
        for change in &changes {
            let refused = api.patch(okta, change.clone()).await?;
            assert_eq!(refused.status.as_u16(), 403, "{change}: {refused:?}");
        }
    }
    let another = json!({
        "name": "Evil", "preset": "okta", "issuer": evil.issuer, "client_id": "gateway",
        "client_secret": SECRET, "state": "active", "staff_sign_in": true,
    });
    let refused = editor.put("/tenants/acme/directories/evil", another).await?;
    assert_eq!(refused.status.as_u16(), 403, "{refused:?}");
    assert_eq!(owner.get("/dashboard/t/acme/staff").await?.status, 200);

    let moved = with_staff(&scene.configuration(&applications()))
        .replace(&scene.directory.issuer, &evil.issuer);
    scene.gateway.apply(&moved).await?;
    let out = owner.get("/dashboard/t/acme/staff").await?;
    assert_eq!(out.url.path(), "/dashboard/sign-in", "{}", out.text());
    let (_, page) = through(&scene, MEMBER).await?;
    assert_eq!((page.status, failure(&page)), (403, "staff_not_connected"), "{}", page.text());
    Ok(())
}

/// [THREATS TK-12] [THREATS UP-09] A directory that is paused, or no longer signs staff in, refuses at
/// every step: the sessions that it made, whoever begins, and whoever is there.
#[tokio::test]
async fn tk_12_up_09_directory_that_is_switched_off_lets_nobody_in() -> Result<()> {
    let scene = acme().await?;
    connected(&scene).await?;
    let on = with_staff(&scene.configuration(&applications()));
    for (off, failed) in [
        (on.replace("state: active", "state: paused"), "directory_paused"),
        (on.replace("staff_sign_in: true", "staff_sign_in: false"), "staff_sign_in_off"),
    ] {
        let (mut owner, _) = through(&scene, MEMBER).await?;
        assert_eq!(owner.get("/dashboard/t/acme/staff").await?.status, 200);
        let mut there = Agent::new()?;
        let begin = link(&mut there, &scene).await?;
        let callback = scene.gateway.callback("acme", "okta");
        let leads = way(&there.get(&begin).await?)?;
        let left = there.visit(&leads, &Visit::stopping_before(MEMBER, &callback)).await?;
        let answer = left.location().with_context(|| left.text())?;
        scene.gateway.apply(&off).await?;
        assert_eq!(owner.get("/dashboard/t/acme").await?.url.path(), "/dashboard/sign-in");
        let came = there.get(answer.as_str()).await?;
        assert_eq!(failure(&came), failed, "{}", came.text());
        assert!(came.body.contains("/dashboard/sign-in"), "{}", came.body);
        let refused = there.get(&begin).await?;
        assert_eq!(refused.status, 404, "{}", refused.text());
        let url = format!("{}/dashboard/sign-in?organisation=acme", scene.gateway.url);
        let page = there.get(&url).await?;
        assert!(page.text().contains("No organisation of that name"), "{}", page.text());
        scene.gateway.apply(&on).await?;
        assert_eq!(owner.get("/dashboard/t/acme").await?.status, 200);
    }
    Ok(())
}

/// [THREATS UP-01] [THREATS ID-09] [THREATS UP-03] What began in one browser counts in no other, and
/// once: neither the way there, nor the directory's answer, nor the way back.
#[tokio::test]
async fn up_01_id_09_up_03_what_began_elsewhere_counts_for_nothing() -> Result<()> {
    let scene = acme().await?;
    let mut owner = connected(&scene).await?;
    let callback = scene.gateway.callback("acme", "okta");
    let back = format!("{}/dashboard/sign-in/directory/answer", scene.gateway.url);
    let mut thief = Agent::new()?;
    let begin = begun(&mut thief, &scene).await?;
    let left = thief.visit(&begin, &Visit::stopping_before(MEMBER, &callback)).await?;
    let answer = left.location().with_context(|| left.text())?.to_string();

    // The directory's answer, in the browser of somebody else.
    let mut victim = Agent::new()?;
    let page = victim.get(&answer).await?;
    assert_eq!((page.status, failure(&page)), (400, "attempt_missing"), "{}", page.text());
    // The way back, likewise; it is not used up by that.
    let returned = thief.visit(&answer, &Visit::stopping_before(MEMBER, &back)).await?;
    let end = returned.location().with_context(|| returned.text())?.to_string();
    let page = victim.get(&end).await?;
    assert_eq!(page.status, 400, "{}", page.text());
    assert!(page.text().contains("began in another browser"), "{}", page.text());
    assert!(victim.cookies().is_empty(), "{:?}", victim.cookies());
    let within = thief.get(&end).await?;
    assert_eq!(within.url.path(), "/dashboard/t/acme", "{}", within.text());
    // Nor once more, in the very browser.
    let page = thief.get(&answer).await?;
    assert_eq!(failure(&page), "attempt_missing", "{}", page.text());
    assert_eq!(thief.get(&end).await?.status, 400);

    // Whoever is led to the directory by somebody else's way connects nothing with theirs.
    let page = owner.get(ACCOUNT).await?;
    let way = way(&owner.send(&page, CONNECT, &[]).await?)?;
    let page = go(&mut victim, &scene, &way, "victim@acme.example").await?;
    assert_eq!(page.status, 400, "{}", page.text());
    let (_, page) = through(&scene, "victim@acme.example").await?;
    assert_eq!(failure(&page), "staff_not_connected", "{}", page.text());
    // Nor does what somebody is asked in one browser count in another.
    let mut viewer = member(&scene.gateway, "acme", &["--role", "viewer"]).await?;
    let asked = connecting(&scene, &mut viewer, "victim@acme.example").await?;
    let page = owner.send(&asked, ANSWER, &[]).await?;
    assert_eq!(page.status, 400, "{}", page.text());
    // And a way that was altered, or is another directory's, leads nowhere.
    for bad in [way.replace("ticket=", "ticket=x"), way.replace("ticket=", "other=")] {
        let page = victim.get(&bad).await?;
        assert_eq!(failure(&page), "attempt_expired", "{bad}");
    }
    Ok(())
}

/// [THREATS ID-09] Who somebody is there is one account's; what they connected can be removed, and ends
/// where it signed in.
#[tokio::test]
async fn id_09_connection_is_one_accounts_and_can_be_removed() -> Result<()> {
    let scene = acme().await?;
    let mut owner = connected(&scene).await?;
    let mut viewer = member(&scene.gateway, "acme", &["--role", "viewer"]).await?;
    let taken = connect(&scene, &mut viewer, MEMBER).await?;
    assert_eq!(taken.status, 409, "{}", taken.text());
    assert!(taken.text().contains("connected with another account"), "{}", taken.text());
    let (mut there, _) = through(&scene, MEMBER).await?;
    assert_eq!(there.get("/dashboard/t/acme/staff").await?.status, 200, "the owner's");
    let page = owner.get(ACCOUNT).await?;
    let gone = owner.send(&page, "/dashboard/account/directory/remove", &[]).await?;
    assert!(gone.text().contains("Not connected"), "{}", gone.text());
    assert_eq!(there.get("/dashboard/t/acme").await?.url.path(), "/dashboard/sign-in");
    assert_eq!(failure(&through(&scene, MEMBER).await?.1), "staff_not_connected");
    Ok(())
}

/// [THREATS BR-01] A session that somebody finds open does not make itself at home: what one signs in
/// with is changed within a quarter of an hour of signing in.
#[tokio::test]
async fn br_01_old_session_changes_nothing_that_signs_in() -> Result<()> {
    let scene = acme().await?;
    let mut owner = connected(&scene).await?;
    let age = "update account_sessions set created_at = created_at - interval '16 minutes'";
    super::execute(&scene.gateway, age).await?;
    let page = owner.get(ACCOUNT).await?;
    assert!(page.text().contains("prove that it is you"), "{}", page.text());
    assert!(form(&page, CONNECT).is_err(), "{}", page.body);
    for path in
        [CONNECT, "/dashboard/account/directory/remove", "/dashboard/account/passkey/remove"]
    {
        let refused = owner.post(path, &OKTA).await?;
        let to = refused.location().with_context(|| refused.text())?;
        assert_eq!(to.path(), "/dashboard/sign-in", "{path}");
    }
    let again = format!("{}/dashboard/sign-in?again=1&next={ACCOUNT}", scene.gateway.url);
    let page = owner.agent.get(&again).await?;
    assert!(!page.text().contains("With your organisation"), "{}", page.text());
    let (email, code) = (owner.email.clone(), owner.code()?);
    let fields = [("email", email.as_str()), ("password", PASSWORD), ("code", &code)];
    let page = owner.send(&page, "/dashboard/sign-in", &fields).await?;
    assert_eq!(page.url.path(), ACCOUNT, "{}", page.text());
    assert!(form(&page, CONNECT).is_ok(), "{}", page.text());
    Ok(())
}

/// An owner decides by page whether staff sign in through a directory; an editor sees it.
#[tokio::test]
async fn tn_12_owner_decides_whether_staff_sign_in_by_a_directory() -> Result<()> {
    let scene = acme().await?;
    let mut owner = member(&scene.gateway, "acme", &["--role", "owner"]).await?;
    let mut editor = member(&scene.gateway, "acme", &["--role", "editor"]).await?;
    let (okta, page) =
        ("/dashboard/t/acme/directories/okta", "/dashboard/t/acme/directories/okta/staff-sign-in");
    let seen = editor.get(okta).await?;
    assert!(seen.text().contains("Yes, once they have connected it"), "{}", seen.text());
    assert_eq!(editor.get(page).await?.status, 403);
    assert_eq!(editor.post(page, &[("version", "1")]).await?.status, 403);
    let ask = owner.get(page).await?;
    assert!(ask.text().contains("can then act as any of the staff"), "{}", ask.text());
    for value in ["off", "on"] {
        let ask = owner.get(page).await?;
        let mut button = form(&ask, page)?;
        button.press(value);
        let after = owner.agent.submit(&ask, &button, &[]).await?;
        assert!(after.text().contains("Saved."), "{}", after.text());
        let export = scene.gateway.run(&["export", "--tenant", "acme"]).await?.success()?;
        assert_eq!(export.contains("staff_sign_in: true"), value == "on", "{export}");
    }
    Ok(())
}
