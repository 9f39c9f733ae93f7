//! How people get into the dashboard, and out.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use reqwest::{Client, header, redirect::Policy};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use web::dashboard::{PAGES, Visit};

use super::staff::{PASSWORD, Person, address, form, invited, member, operator};

const TENANTS: &str = "tenants:
  - { slug: acme, name: Acme }
  - { slug: other, name: Other }
";

async fn two_tenants() -> Result<Gateway> {
    let gateway = Gateway::start().await?;
    gateway.apply(TENANTS).await?;
    Ok(gateway)
}

/// The session's cookie of a browser.
fn session(agent: &Agent) -> Option<String> {
    let found = agent.cookies().iter().find(|one| one.name.ends_with("vestibule-dashboard"));
    found.map(|one| one.value.clone()).filter(|value| !value.is_empty())
}

/// [THREATS ID-13] A link sets one account up, once; what is typed wrong uses it up as little as
/// opening it does.
#[tokio::test]
async fn id_13_link_sets_an_account_up_once() -> Result<()> {
    let gateway = Gateway::start().await?;
    let printed = invited(&gateway, &["operator", "invite", "olive@operator.example"]).await?;
    let link = address(&printed)?;
    let mut agent = Agent::new()?;
    for (password, code, said) in
        [("short", "000000", "at least 12 characters"), (PASSWORD, "000000", "code is not right")]
    {
        let page = agent.get(link).await?;
        let fields = [("name", "Olive"), ("password", password), ("code", code)];
        let again = agent.submit(&page, &form(&page, "/dashboard/welcome")?, &fields).await?;
        assert_eq!(again.status, 422);
        assert!(again.text().contains(said), "{}", again.text());
        assert_eq!(session(&agent), None);
    }
    let olive = Person::set_up(&gateway, "olive@operator.example", link).await?;
    assert!(session(&olive.agent).is_some());
    let late = Agent::new()?.get(link).await?;
    assert_eq!(late.status, 404, "{}", late.text());
    assert!(late.text().contains("does not work any more"), "{}", late.text());
    let altered = format!("{}x", link.get(..link.len() - 1).context("short")?);
    assert_eq!(Agent::new()?.get(&altered).await?.status, 404);
    Ok(())
}

/// [THREATS BR-01] [THREATS TK-02] Each sign-in makes a session of its own, a one-time code makes one
/// alone, and signing out ends what there is.
#[tokio::test]
async fn br_01_each_sign_in_makes_a_session_of_its_own() -> Result<()> {
    let gateway = two_tenants().await?;
    let mut olive = operator(&gateway).await?;
    let first = session(&olive.agent).context("no session")?;
    let start = olive.get("/dashboard").await?;
    assert!(start.text().contains("Acme") && start.text().contains("Other"), "{}", start.text());
    let kept = olive.agent.clone();
    let out = olive.send(&start, "/dashboard/sign-out", &[]).await?;
    assert!(out.text().contains("You are signed out"), "{}", out.text());
    let mut thief = Person::in_browser(&gateway, kept);
    assert_eq!(thief.get("/dashboard").await?.url.path(), "/dashboard/sign-in");

    let page = olive.get("/dashboard/sign-in?next=/dashboard/tenants/new").await?;
    let code = olive.code()?;
    let fields = [("email", "Olive@Operator.example"), ("password", PASSWORD), ("code", &code)];
    let within = olive.send(&page, "/dashboard/sign-in", &fields).await?;
    assert_eq!(within.url.path(), "/dashboard/tenants/new", "{}", within.text());
    assert_ne!(session(&olive.agent).context("no session")?, first);
    let mut second = Agent::new()?;
    let page = second.get(&format!("{}/dashboard/sign-in", gateway.url)).await?;
    let again = second.submit(&page, &form(&page, "/dashboard/sign-in")?, &fields).await?;
    assert_eq!((again.status, session(&second)), (401, None), "{}", again.text());
    Ok(())
}

/// [THREATS ID-11] Whoever does not get in does not learn why.
#[tokio::test]
async fn id_11_nobody_learns_which_accounts_there_are() -> Result<()> {
    let gateway = Gateway::start().await?;
    let mut olive = operator(&gateway).await?;
    let code = olive.code()?;
    let mut seen = BTreeSet::new();
    for (email, password, code) in [
        ("olive@operator.example", "wrong password of twelve", code.as_str()),
        ("olive@operator.example", PASSWORD, "000000"),
        ("nobody@operator.example", PASSWORD, code.as_str()),
    ] {
        let mut agent = Agent::new()?;
        let page = agent.get(&format!("{}/dashboard/sign-in", gateway.url)).await?;
        let fields = [("email", email), ("password", password), ("code", code)];
        let page = agent.submit(&page, &form(&page, "/dashboard/sign-in")?, &fields).await?;
        seen.insert((page.status, page.body.replace(email, "E-MAIL"), session(&agent)));
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
    Ok(())
}

/// [THREATS BR-05] No page of another site changes anything with somebody's session.
#[tokio::test]
async fn br_05_other_sites_change_nothing() -> Result<()> {
    let gateway = Gateway::start().await?;
    let olive = operator(&gateway).await?;
    let cookie = session(&olive.agent).context("no session")?;
    let client = Client::builder().redirect(Policy::none()).no_proxy().build()?;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        for page in PAGES.iter().filter(|page| page.takes) {
            let path = page.path.replace("{tenant}", "acme").replace(['{', '}'], "");
            let answer = client
                .post(format!("{}{path}", gateway.url))
                .header(name, value)
                .header(header::COOKIE, format!("vestibule-dashboard={cookie}"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body("name=Evil&slug=evil")
                .send()
                .await?;
            assert_eq!(answer.status(), 403, "{path} with {name}: {value}");
        }
    }
    let printed = gateway.run(&["export"]).await?.success()?;
    assert!(!printed.contains("evil"), "{printed}");
    Ok(())
}

/// [THREATS TN-01] [THREATS TN-12] Every page, for everybody who may not open it: whoever is not
/// signed in is sent to sign in, and to staff of another tenant, to whoever is no operator and to
/// the holder of a setup link a page is not there.
#[tokio::test]
async fn tn_01_tn_12_page_is_not_there_for_whoever_may_not_open_it() -> Result<()> {
    let gateway = two_tenants().await?;
    let mut foreign = member(&gateway, "other", &["--role", "owner"]).await?;
    let mut nobody = Person::in_browser(&gateway, Agent::new()?);
    for page in PAGES {
        let path = page.path.replace("{tenant}", "acme").replace(['{', '}'], "");
        let (read, sent) = (nobody.get_once(&path).await?, nobody.post(&path, &[]).await?);
        if page.visit != Visit::Anybody {
            for answer in [read, sent].iter().filter(|answer| answer.status != 405) {
                let to = answer.location().map(|url| url.path().to_owned()).unwrap_or_default();
                // A script is told in its own way.
                assert!(to == "/dashboard/sign-in" || answer.status == 401, "{path}: {answer:?}");
            }
        }
        if matches!(page.visit, Visit::Staff | Visit::Operators) {
            let (read, sent) = (foreign.get_once(&path).await?, foreign.post(&path, &[]).await?);
            for answer in [read, sent].iter().filter(|answer| answer.status != 405) {
                assert_eq!(answer.status, 404, "{path}: {}", answer.text());
                assert!(!answer.body.contains("Acme"), "{path}: {}", answer.text());
            }
        }
    }
    Ok(())
}

/// A session ends an hour after its last use, and twelve hours after its start.
#[tokio::test]
async fn session_ends_unused_and_in_the_end() -> Result<()> {
    let gateway = Gateway::start_with(Options::default()).await?;
    let mut olive = operator(&gateway).await?;
    for statement in [
        "update account_sessions set last_seen_at = last_seen_at - interval '59 minutes'",
        "update account_sessions set last_seen_at = last_seen_at - interval '61 minutes'",
    ] {
        super::execute(&gateway, statement).await?;
        let still_in = olive.get("/dashboard").await?.url.path() == "/dashboard";
        assert_eq!(still_in, statement.contains("59"), "{statement}");
    }
    Ok(())
}
