//! Who may have which host, and what is served there.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tests::agent::Agent;

use super::{ACME, OTHER, Stage, origin};
use crate::api::Api;
use crate::front::{raw, statuses};
use crate::scene::STAFF;

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// [THREATS ID-05] A host takes the proof of the domain it is below, and two runs agree.
#[tokio::test]
async fn id_05_host_is_taken_only_once_it_is_proven() -> Result<()> {
    let mut stage = Stage::set().await?;
    let at_host = origin(&stage.gateway, ACME);
    let refused = stage.try_hosts(Some(ACME), None).await?;
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("is not proven"), "{}", refused.stderr);
    let page = Agent::new()?.get_once(&format!("{at_host}{DISCOVERY}")).await?;
    assert_eq!(page.status, 421);

    // A name that only ends alike proves nothing.
    stage.prove("m.example", "acme").await?;
    assert_eq!(stage.try_hosts(Some(ACME), None).await?.code, 1);
    stage.prove("acme.example", "acme").await?;
    let told = stage.hosts(Some(ACME), None).await?;
    assert!(told.contains(ACME), "{told}");
    let again = stage.hosts(Some(ACME), None).await?;
    assert!(again.contains("o changes"), "{again}");
    let export = stage.gateway.run(&["export", "--tenant", "acme"]).await?.success()?;
    assert!(export.contains(&format!("host: {ACME}")), "{export}");

    for path in [DISCOVERY, "/.well-known/oauth-authorization-server"] {
        let page = Agent::new()?.get_once(&format!("{at_host}{path}")).await?;
        let document: Value = page.json()?;
        assert_eq!(document["issuer"], at_host);
        assert_eq!(document["token_endpoint"], format!("{at_host}/token"));
        let leaks = page.text().contains("127.0.0.1") || page.text().contains("/t/acme");
        assert!(!leaks, "{}", page.text());
    }
    Ok(())
}

/// [THREATS ID-05, TN-01] What one tenant has no other gets, and is not told whose it is.
#[tokio::test]
async fn id_05_two_tenants_never_have_one_host() -> Result<()> {
    let mut stage = Stage::set().await?;
    stage.prove("acme.example", "acme").await?;
    stage.hosts(Some(ACME), None).await?;
    let refused = stage.try_hosts(Some(ACME), Some(ACME)).await?;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("leads to the tenant acme"), "{}", refused.stderr);
    // Nor a name below what another has proven, nor one that it has left.
    assert_eq!(stage.try_hosts(Some(ACME), Some("id.acme.example")).await?.code, 1);
    stage.hosts(None, None).await?;
    assert_eq!(stage.try_hosts(None, Some(ACME)).await?.code, 1);

    let owner = Api::with(&stage.gateway, &["--tenant", "other", "--role", "owner"]).await?;
    let refused = owner.patch("/tenants/other", json!({ "host": ACME })).await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(!refused.body.to_string().contains("acme,"), "{refused:?}");
    assert!(!refused.body.to_string().contains("tenant acme"), "{refused:?}");

    let editor = Api::with(&stage.gateway, &["--tenant", "acme", "--role", "editor"]).await?;
    let refused = editor.patch("/tenants/acme", json!({ "host": ACME })).await?;
    assert_eq!(refused.status, 403, "{refused:?}");
    Ok(())
}

/// [THREATS TN-05] At a tenant's host there is that tenant and nothing else: neither other tenants
/// nor administration, whatever the path.
#[tokio::test]
async fn tn_05_nothing_but_its_tenant_is_served_at_a_host() -> Result<()> {
    let stage = Stage::with_hosts().await?;
    for path in [
        "/",
        "/dashboard",
        "/dashboard/sign-in",
        "/api/v1/tenants",
        "/api/openapi.json",
        "/metrics",
        "/t/acme/jwks",
        "/t/other/jwks",
        "/t/other/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/t/other",
        "/.well-known/oauth-authorization-server/t/acme",
        "/%2e%2e/other/jwks",
        "//t/other/jwks",
    ] {
        let ask = format!(
            "GET {path} HTTP/1.1\r\nHost: {ACME}:{}\r\nConnection: close\r\n\r\n",
            stage.gateway.addr.rsplit_once(':').unwrap_or_default().1
        );
        let answer = raw(&stage.gateway.addr, ask.as_bytes()).await?;
        assert_eq!(statuses(&answer), [404], "{path}: {answer}");
        assert!(!answer.contains("other.example"), "{path}: {answer}");
    }
    // The host of one with the absolute form of another, and the port of neither.
    for (target, host) in [
        (format!("http://{OTHER}/jwks"), ACME),
        (format!("http://{ACME}/jwks"), OTHER),
        ("/jwks".to_owned(), "login.acme.example:1"),
        ("/jwks".to_owned(), "login.acme.example."),
        ("/jwks".to_owned(), "x.login.acme.example"),
    ] {
        let ask = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw(&stage.gateway.addr, ask.as_bytes()).await?;
        assert_eq!(statuses(&answer), [421], "{target} {host}: {answer}");
    }
    Ok(())
}

/// [THREATS TN-05] What a person and an application got at one tenant's host is nothing at another's;
/// no cookie reaches it.
#[tokio::test]
async fn tn_05_nothing_of_one_host_works_at_another() -> Result<()> {
    let stage = Stage::with_hosts().await?;
    let acme = stage.client(origin(&stage.gateway, ACME));
    let other = stage.client(origin(&stage.gateway, OTHER));
    let mut browser = Agent::new()?;
    let answer = acme.ask(&mut browser, STAFF, &[]).await?;
    assert!(browser.cookies().iter().any(|one| one.domain == ACME && one.host_only));
    assert!(browser.cookies().iter().all(|one| one.domain != OTHER));
    let post = [
        ("grant_type", "authorization_code"),
        ("code", answer.code()?),
        ("redirect_uri", "https://app.app.example/cb"),
        ("client_id", "app"),
        ("client_secret", &acme.secret),
        ("code_verifier", tests::canary::VERIFIER),
    ];
    let refused = Agent::new()?.post_once(&format!("{}/token", other.issuer), &post).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(refused.json::<Value>()?["error"], "invalid_grant");
    let tokens = Agent::new()?.post_once(&format!("{}/token", acme.issuer), &post).await?;
    let tokens: Value = tokens.json()?;
    let claims = crate::scene::claims_of(tokens["id_token"].as_str().unwrap_or_default())?;
    assert_eq!(claims["iss"], acme.issuer);
    let token = tokens["access_token"].as_str().unwrap_or_default();
    for (issuer, status) in [(&acme.issuer, 200), (&other.issuer, 401)] {
        let fields = [("access_token", token)];
        let page = Agent::new()?.post_once(&format!("{issuer}/userinfo"), &fields).await?;
        assert_eq!(page.status, status, "{issuer}");
    }
    // A path keeps its tenant's cookies to its own host, too.
    let silent = [("prompt", "none")];
    let page = browser.get_once(&other.request(&silent)?).await?;
    assert!(page.header("location").contains("error=login_required"), "{page:?}");
    Ok(())
}

/// [THREATS RX-05, AZ-15] Random names cost a bounded number of queries, and leave the hosts that
/// there are alone.
#[tokio::test]
async fn rx_05_a_flood_of_names_reaches_the_database_only_so_often() -> Result<()> {
    let mut stage = Stage::with_hosts().await?;
    let database = stage.gateway.database_url.clone();
    let name = database.rsplit('/').next().unwrap_or_default();
    let name = name.split('?').next().unwrap_or_default();
    execute(&database, &format!("alter database {name} set track_functions = 'pl'")).await?;
    stage.gateway = stage.gateway.restart().await?;
    let (mut nobodys, mut refused) = (0_i64, 0);
    for number in 0..600 {
        let ask = format!(
            "GET /jwks HTTP/1.1\r\nHost: n{number}.flood.example:{}\r\nConnection: close\r\n\r\n",
            stage.gateway.addr.rsplit_once(':').unwrap_or_default().1
        );
        match statuses(&raw(&stage.gateway.addr, ask.as_bytes()).await?)[..] {
            [421] => nobodys += 1,
            [429] => refused += 1,
            ref other => panic!("{other:?}"),
        }
    }
    assert!(nobodys >= 50 && refused >= 100, "{nobodys} {refused}");
    let asked = questions(&database).await?;
    assert!((50..=nobodys + 5).contains(&asked), "{asked} for {nobodys}");
    let page = Agent::new()?.get_once(&format!("{}/jwks", origin(&stage.gateway, ACME))).await?;
    assert_eq!(page.status, 200);
    Ok(())
}

async fn execute(database: &str, statement: &str) -> Result<()> {
    let options: PgConnectOptions = database.parse()?;
    let mut owner = options.connect().await?;
    owner.execute(sqlx::AssertSqlSafe(statement.to_owned())).await?;
    Ok(owner.close().await?)
}

/// How often the database was asked whose a host is, once it has counted: a connection tells within
/// ten seconds of idling.
async fn questions(database: &str) -> Result<i64> {
    let options: PgConnectOptions = database.parse()?;
    let mut owner = options.connect().await?;
    let (mut calls, mut before) = (0, -1);
    while calls == 0 || calls != before {
        before = calls;
        tokio::time::sleep(Duration::from_secs(11)).await;
        let count = "select coalesce(sum(calls), 0)::bigint from pg_stat_user_functions
                      where funcname = 'tenant_by_host'";
        calls = sqlx::query_scalar(count).fetch_one(&mut owner).await?;
    }
    owner.close().await?;
    Ok(calls)
}
