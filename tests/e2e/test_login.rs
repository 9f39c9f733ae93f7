//! A test login: the whole way through a directory, shown to whoever tests, and nothing that stays.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::id::{DirectoryId, LoginId, TenantId};
use broker::seal::MasterKey;
use broker::test_ticket::{Shown, TestTicket};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::Connection as _;
use tests::agent::{Agent, Page, Visit};
use tests::gateway::{Gateway, Options};
use tests::peers::browser;
use tests::peers::node::OidcProvider;

use crate::client::{Client, directory, provider, requests_to, tenant};
use crate::pages::{photographs, text};
use crate::scene::{SECRET, STAFF, Scene, application};

/// How long the gateway may take to follow a change, or to write a timeline.
const SOON: Duration = Duration::from_secs(5);
/// Everything that a login writes.
const TABLES: [&str; 4] = ["users", "identities", "sessions", "grants"];

/// A link from the command line.
async fn link(gateway: &Gateway, tenant: &str, directory: &str) -> Result<String> {
    let arguments = ["directory", "test", directory, "--tenant", tenant];
    let printed = gateway.run(&[&arguments[..], &["--public-url", &gateway.url]].concat()).await?;
    Ok(printed.success()?.trim().to_owned())
}

/// Opens a link and signs in where that is asked for, until a page of the gateway.
async fn follow(agent: &mut Agent, link: &str, person: &str) -> Result<Page> {
    let (ours, _) = link.split_once("/test?").context("not a link")?;
    agent.visit(link, &Visit::by(person, ours)).await
}

async fn counts(gateway: &Gateway) -> Result<Vec<i64>> {
    let mut connection = sqlx::PgConnection::connect(&gateway.database_url).await?;
    let mut counts = Vec::new();
    for table in TABLES {
        let count = format!("select count(*) from {table}");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count));
        counts.push(count.fetch_one(&mut connection).await?);
    }
    Ok(counts)
}

/// What stands in the element of this id that has no elements inside.
fn told<'a>(page: &'a Page, id: &str) -> &'a str {
    let (_, after) = page.body.split_once(&format!("id=\"{id}\">")).unwrap_or_default();
    after.split('<').next().unwrap_or_default()
}

fn failure(page: &Page) -> &str {
    let (_, after) = page.body.split_once("data-failure=\"").unwrap_or_default();
    after.split('"').next().unwrap_or_default()
}

/// The certified directory, being tested, before iMIS and another application.
async fn testing() -> Result<Scene> {
    let applications = application("imis", "imis", "https://imis.example/")
        + &application("portal", "generic", "https://portal.example/cb");
    let scene = Scene::with_applications(&applications).await?;
    let configuration = scene.configuration(&applications);
    scene.gateway.apply(&configuration.replace("state: active", "state: testing")).await?;
    Ok(scene)
}

#[tokio::test]
async fn test_login_shows_claims_profile_and_releases_and_stores_nobody() -> Result<()> {
    let scene = testing().await?;
    let before = counts(&scene.gateway).await?;
    let link = link(&scene.gateway, "acme", "okta").await?;
    let mut agent = Agent::new()?;
    let page = follow(&mut agent, &link, STAFF).await?;

    assert_eq!((page.status, failure(&page)), (200, ""), "{}", page.text());
    assert!(page.text().contains("It works."), "{}", page.text());
    let subject = OidcProvider::subject_of(STAFF);
    assert_eq!(told(&page, "issuer"), scene.directory.issuer);
    assert_eq!(told(&page, "subject"), subject);
    assert_eq!(told(&page, "external-id"), subject);
    assert!(told(&page, "email-trust").starts_with("yes"), "{}", told(&page, "email-trust"));
    assert!(told(&page, "user").starts_with("new"), "{}", told(&page, "user"));
    for section in ["id-token", "userinfo", "profile", "application-imis", "application-portal"] {
        assert!(page.body.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    let (_, imis) = page.body.split_once("id=\"application-imis\"").context("no iMIS")?;
    let staff = "<code>staff</code></th><td><code>&#34;1&#34;</code>";
    assert!(imis.contains(staff), "{imis}");
    assert!(page.text().contains("from claims.email"), "{}", page.text());

    // No token, nothing kept: neither in the database nor in the browser.
    assert!(!page.body.contains("eyJ"), "{}", page.body);
    assert_eq!(counts(&scene.gateway).await?, before);
    let ours: Vec<_> =
        agent.cookies().iter().filter(|one| one.name.contains("vestibule")).collect();
    assert!(ours.is_empty(), "{ours:?}");
    assert_recorded(&scene.gateway, &page, "worked: it went the whole way").await
}

/// Who is kept out by a setting learns of it beside the claims that it goes by.
#[tokio::test]
async fn person_who_is_not_let_in_sees_the_claims_that_decided() -> Result<()> {
    let scene = testing().await?;
    let applications = application("imis", "imis", "https://imis.example/");
    let configuration = scene.configuration(&applications).replace(
        "preset: okta",
        "preset: google\n        hosted_domains: [acme.example]\n        userinfo: always",
    );
    scene.gateway.apply(&configuration.replace("state: active", "state: testing")).await?;
    let link = link(&scene.gateway, "acme", "okta").await?;
    let page = follow(&mut Agent::new()?, &link, STAFF).await?;
    assert_eq!(failure(&page), "hosted_domain_not_allowed", "{}", page.text());
    for section in ["id-token", "userinfo"] {
        assert!(page.body.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    assert!(!page.body.contains("id=\"profile\""), "{}", page.text());
    Ok(())
}

/// The timeline names rows and no values.
async fn assert_recorded(gateway: &Gateway, page: &Page, wanted: &str) -> Result<()> {
    let code = told(page, "support-code").to_owned();
    let begun = tokio::time::Instant::now();
    loop {
        let shown = gateway.run(&["login", "show", &code]).await?.stdout;
        if shown.contains(wanted) {
            assert!(shown.contains("what for     a test of okta"), "{shown}");
            assert!(!shown.contains(STAFF), "{shown}");
            return Ok(());
        }
        ensure!(begun.elapsed() < SOON, "{code}: {shown}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The link is for one directory of one tenant, for one use, and nobody else can make one.
#[tokio::test]
async fn az_16_used_altered_and_foreign_links_lead_nowhere() -> Result<()> {
    let gateway = Gateway::start().await?;
    let all = [("acme", "first"), ("acme", "second"), ("other", "first")];
    let provider = provider(&gateway, &all[..2], false).await?;
    let of = |slug| directory(slug, &provider.issuer, &["shared_client: true"]);
    let configuration = format!(
        "tenants:\n{}{}",
        tenant("acme", &[Client::item("app")], &[of("first"), of("second")]),
        tenant("other", &[Client::item("app")], &[of("first")]),
    );
    gateway.apply(&configuration).await?;
    let link = link(&gateway, "acme", "first").await?;

    let (at, ticket) = link.split_once("ticket=").context("no ticket")?;
    let (head, tail) = ticket.split_at(ticket.len() / 2);
    let turned: String = tail.chars().rev().collect();
    let mut agent = Agent::new()?;
    for bad in [
        link.replace("/t/acme/", "/t/other/"),
        link.replace("/first/", "/second/"),
        format!("{at}ticket={head}{turned}"),
        format!("{at}ticket={head}"),
        format!("{at}ticket="),
        at.trim_end_matches('?').to_owned(),
    ] {
        let page = agent.get(&bad).await?;
        assert_eq!((page.status, failure(&page)), (400, "test_link_invalid"), "{bad}");
    }
    assert_eq!(requests_to(&agent, &provider.issuer), 0);

    // All of that has not used it up; one use does.
    let page = follow(&mut agent, &link, STAFF).await?;
    assert!(page.text().contains("It works."), "{}", page.text());
    agent.forget_hops();
    let again = agent.get(&link).await?;
    assert_eq!((again.status, failure(&again)), (400, "test_link_invalid"), "{}", again.text());
    assert_eq!(requests_to(&agent, &provider.issuer), 0);
    // Nor is its answer good for a second page, there or in another browser.
    let answer = page.url.as_str();
    for agent in [&mut agent, &mut Agent::new()?] {
        let replayed = agent.get(answer).await?;
        assert_eq!(failure(&replayed), "attempt_missing", "{}", replayed.text());
    }
    Ok(())
}

/// Nobody waits fifteen minutes here: the ticket is made with the gateway's own key.
#[tokio::test]
async fn link_of_fifteen_minutes_ago_leads_nowhere() -> Result<()> {
    let work = tempfile::tempdir()?;
    let key_file = work.path().join("master.key");
    std::fs::write(&key_file, STANDARD.encode([7; 32]))?;
    std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let options = Options { master_key: Some(key_file), ..Options::default() };
    let scene = Scene::on(
        Gateway::start_with(options).await?,
        &application("portal", "generic", "https://portal.example/cb"),
    )
    .await?;
    let gateway = &scene.gateway;
    let mut connection = sqlx::PgConnection::connect(&gateway.database_url).await?;
    let ids = "select tenant_id::text, directory_id::text from directories";
    let (tenant, directory): (String, String) =
        sqlx::query_as(ids).fetch_one(&mut connection).await?;
    let (tenant, directory) = (TenantId(tenant.parse()?), DirectoryId(directory.parse()?));
    for (minutes, wanted) in [(14, ""), (15, "test_link_invalid")] {
        let key = MasterKey::new(&[7; 32])?.browser_key().clone();
        let began = now() - TimeDelta::minutes(minutes);
        let login = LoginId::new(began, [u8::try_from(minutes)?; 10]);
        let ticket = TestTicket::new(login, Shown::Everything, began);
        let text = ticket.seal(&key, tenant, directory, [9; 12])?;
        // It waits in the database for longer than it is good, so that its age alone decides.
        let waits = "insert into spilled_requests (tenant_id, id, sealed, expires_at)
                     values ($1::text::uuid, $2::text::uuid, $3, now() + interval '1 hour')";
        sqlx::query(waits)
            .bind(tenant.to_string())
            .bind(ticket.login.to_string())
            .bind(text.as_bytes())
            .execute(&mut connection)
            .await?;
        let link = format!("{}/directories/okta/test?ticket={text}", scene.issuer());
        let page = follow(&mut Agent::new()?, &link, STAFF).await?;
        assert_eq!(failure(&page), wanted, "{minutes}: {}", page.text());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a test is where the clock is read")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[tokio::test]
async fn draft_or_paused_directory_is_not_tested() -> Result<()> {
    let scene = testing().await?;
    let link = link(&scene.gateway, "acme", "okta").await?;
    let configuration = scene.configuration(&application("imis", "imis", "https://imis.example/"));
    scene.gateway.apply(&configuration.replace("state: active", "state: paused")).await?;
    let arguments = ["directory", "test", "okta", "--tenant", "acme"];
    let refused = scene.gateway.run(&arguments).await?;
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("state: testing"), "{}", refused.stderr);

    let begun = tokio::time::Instant::now();
    loop {
        let page = Agent::new()?.get(&link).await?;
        if failure(&page) == "directory_paused" {
            return Ok(());
        }
        ensure!(begun.elapsed() < SOON, "{} {}", page.status, page.text());
    }
}

/// What went wrong is told on the same page, to the person who can mend it.
#[tokio::test]
async fn failed_test_says_why_and_what_to_do() -> Result<()> {
    let applications = application("imis", "imis", "https://imis.example/");
    let scene = Scene::with_applications(&applications).await?;
    let configuration = scene.configuration(&applications);
    let wrong = configuration.replace(
        &format!("client_secret: {SECRET}\n        state"),
        "client_secret: another-secret-0123456789\n        state",
    );
    ensure!(wrong != configuration);
    scene.gateway.apply(&wrong).await?;
    let link = link(&scene.gateway, "acme", "okta").await?;
    let page = follow(&mut Agent::new()?, &link, STAFF).await?;
    assert_eq!(failure(&page), "directory_credentials_wrong", "{}", page.text());
    assert!(page.body.contains("id=\"vestibule-test\""), "{}", page.body);
    assert!(page.text().contains("What to do (tenant staff)"), "{}", page.text());
    assert_recorded(&scene.gateway, &page, "failed: directory_credentials_wrong").await
}

#[tokio::test]
async fn test_login_works_in_chromium() -> Result<()> {
    let scene = testing().await?;
    let link = link(&scene.gateway, "acme", "okta").await?;
    let mut steps = vec![
        json!({"goto": link}),
        json!({"fill": {"label": "Username"}, "with": STAFF}),
        json!({"fill": {"label": "Password"}, "with": "any"}),
        json!({"press": "Enter"}),
        json!({"wait_for": "#vestibule-test"}),
        json!({"read": "#verdict", "as": "verdict"}),
    ];
    steps.extend(photographs("test-login"));
    steps.push(json!({"goto": link}));
    steps.extend([json!({"wait_for": "#vestibule-error"}), json!({"read": "body", "as": "used"})]);
    steps.extend(photographs("test-login-used"));
    let report = browser::run(&steps.into()).await?;
    assert!(text(&report, "verdict").contains("It works."), "{report:?}");
    assert!(text(&report, "used").contains("This test link does not work"), "{report:?}");
    let complaints = report.complaints.iter().filter(|one| !one.contains("status of 4"));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0]);
    Ok(())
}
