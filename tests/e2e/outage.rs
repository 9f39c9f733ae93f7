//! The database goes away and comes back; nodes are restarted and take over from each other.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use embedded_postgres::Postgres;
use serde_json::Value;
use tempfile::TempDir;
use tests::agent::{Agent, Page, Visit};
use tests::gateway::{Gateway, Options};
use tests::peers::node::OidcProvider;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;

/// How soon a gateway works again once its database does.
const RECOVERS_WITHIN: Duration = Duration::from_secs(10);

/// A Postgres that can be taken away.
struct Server {
    files: TempDir,
    running: Option<Postgres>,
    url: String,
}

impl Server {
    async fn start() -> Result<Self> {
        let files = tempfile::tempdir()?;
        // Started by root, Postgres changes to another account, which must pass through.
        std::fs::set_permissions(files.path(), PermissionsExt::from_mode(0o711))?;
        let mut server = Self { files, running: None, url: String::new() };
        server.come_back().await?;
        Ok(server)
    }

    async fn go_away(&mut self) {
        if let Some(postgres) = self.running.take() {
            postgres.stop().await;
        }
    }

    async fn come_back(&mut self) -> Result<()> {
        let options = embedded_postgres::Options::new(self.files.path());
        let options = embedded_postgres::Options { durable: false, ..options };
        let postgres = embedded_postgres::start(options).await?;
        self.url = postgres.url("vestibule");
        self.running = Some(postgres);
        Ok(())
    }
}

/// A tenant `acme` with a directory that asks for nothing but a `login_hint`.
async fn configured(gateway: &Gateway) -> Result<(OidcProvider, Client)> {
    let provider = provider(gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let acme = tenant("acme", &[Client::item("app")], &[okta]);
    let other = tenant("other", &[Client::item("app")], &[]).replace("    directories:\n", "");
    gateway.apply(&format!("tenants:\n{acme}{other}")).await?;
    Ok((provider, Client::new(gateway, "acme", "app")))
}

/// The directory's answer on its way to the gateway.
async fn answered(gateway: &Gateway, client: &Client, agent: &mut Agent) -> Result<Page> {
    let visit = Visit::stopping_before("", &gateway.callback("acme", "okta"));
    let page = agent.visit(&client.request(&[("login_hint", STAFF)])?, &visit).await?;
    ensure!(page.location().is_some(), "{} {}", page.url, page.text());
    Ok(page)
}

async fn status(url: &str) -> Result<u16> {
    Ok(Agent::new()?.get_once(url).await?.status)
}

#[tokio::test]
async fn without_its_database_the_gateway_says_503_and_recovers_by_itself() -> Result<()> {
    let mut server = Server::start().await?;
    let options = Options { database_url: Some(server.url.clone()), ..Options::default() };
    let gateway = Gateway::start_with(options).await?;
    let (_provider, client) = configured(&gateway).await?;
    client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    let probe = |path: &str| format!("{}/{path}", gateway.url);
    assert_eq!((status(&probe("healthz")).await?, status(&probe("readyz")).await?), (200, 200));
    let mut early = Agent::new()?;
    let waiting = answered(&gateway, &client, &mut early).await?;
    let mut late = Agent::new()?;
    let on_its_way = answered(&gateway, &client, &mut late).await?;

    server.go_away().await;
    assert_eq!((status(&probe("healthz")).await?, status(&probe("readyz")).await?), (200, 503));
    for document in [".well-known/openid-configuration", "jwks"] {
        assert_eq!(status(&format!("{}/{document}", client.issuer)).await?, 200, "{document}");
    }
    // Nothing is known of this tenant yet.
    let other = Client::new(&gateway, "other", "app");
    let page = Agent::new()?.get_once(&other.request(&[])?).await?;
    assert_eq!((page.status, page.header("retry-after")), (503, "5"), "{}", page.body);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text().contains("It will work again by itself"), "{}", page.text());
    let (status_, error) = client.redeem("some-code").await?;
    assert_eq!((status_, &error["error"]), (503, &Value::from("temporarily_unavailable")));
    let page = client.go_on(&mut early, "", &waiting).await?.page;
    assert_eq!(page.status, 503, "{}", page.text());

    server.come_back().await?;
    let back = Instant::now();
    while status(&probe("readyz")).await? != 200 {
        ensure!(back.elapsed() < RECOVERS_WITHIN, "not ready: {}", gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    assert_ne!(Agent::new()?.get_once(&other.request(&[])?).await?.status, 503);
    // A login that was under way goes on; one whose answer came meanwhile leads back to its start.
    let answer = client.go_on(&mut late, "", &on_its_way).await?;
    assert_eq!(client.claims(answer.code()?).await?["email"], STAFF);
    let page = client.go_on(&mut early, "", &waiting).await?.page;
    assert!(page.body.contains("start-again"), "{} {}", page.status, page.text());
    Ok(())
}

/// A change that nobody could tell the nodes about is seen when the database is back.
#[tokio::test]
async fn change_during_an_outage_of_the_connection_is_followed_afterwards() -> Result<()> {
    let mut server = Server::start().await?;
    let options = Options { database_url: Some(server.url.clone()), ..Options::default() };
    let gateway = Gateway::start_with(options).await?;
    let (_provider, client) = configured(&gateway).await?;
    assert_eq!(status(&client.request(&[])?).await?, 303);
    server.go_away().await;
    assert_eq!(status(&client.request(&[])?).await?, 303);
    server.come_back().await?;
    let text = tenant("acme", &[Client::item("app") + "        disabled: true\n"], &[]);
    let text = text.replace("    directories:\n", "");
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let back = Instant::now();
    while status(&client.request(&[])?).await? != 400 {
        ensure!(back.elapsed() < RECOVERS_WITHIN, "the application still works");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The attempt is in the browser, and no node has to remember it.
#[tokio::test]
async fn login_begun_before_a_restart_finishes_after_it() -> Result<()> {
    let gateway = Gateway::start().await?;
    let (_provider, client) = configured(&gateway).await?;
    let mut agent = Agent::new()?;
    let waiting = answered(&gateway, &client, &mut agent).await?;
    let gateway = gateway.restart().await?;
    let answer = client.go_on(&mut agent, "", &waiting).await?;
    let code = answer.code()?.to_owned();
    // And so does a code that was given before another one.
    let gateway = gateway.restart().await?;
    let first = client.claims(&code).await?;
    assert_eq!(first["email"], STAFF);
    // The session is still there as well.
    let again = client.sign_in(&mut agent, "", &[("prompt", "none")]).await?;
    assert_eq!(again["sub"], first["sub"]);
    drop(gateway);
    Ok(())
}

#[tokio::test]
async fn login_begun_at_one_node_finishes_at_another() -> Result<()> {
    let one = Gateway::start().await?;
    let two = one.second_node().await?;
    let (_provider, client) = configured(&one).await?;
    let mut agent = Agent::new()?;
    let waiting = answered(&one, &client, &mut agent).await?;
    let at_two = format!("http://{}", two.addr);
    let callback = waiting.location().context("no redirect")?;
    let callback = callback.as_str().replace(&one.url, &at_two);
    let visit = Visit::stopping_before("", &Client::redirect_uri("app"));
    let page = agent.visit(&callback, &visit).await?;
    let answer = page.location().with_context(|| page.text())?;
    let pairs: Vec<_> = answer.query_pairs().into_owned().collect();
    let parameter = |name: &str| pairs.iter().find(|(one, _)| one == name).map(|(_, it)| it);
    // Both answer as the one issuer that they are.
    assert_eq!(parameter("iss"), Some(&client.issuer));
    let code = parameter("code").context("no code")?;
    assert_eq!(client.claims(code).await?["email"], STAFF);
    // The session that two made counts at one, and the code that one gave is used up at two.
    let again = client.ask(&mut agent, "", &[("prompt", "none")]).await?;
    let there = Client { issuer: client.issuer.replace(&one.url, &at_two), ..client.clone() };
    let (status, _) = there.redeem(again.code()?).await?;
    assert_eq!(status, 200);
    let (status, error) = client.redeem(again.code()?).await?;
    assert_eq!((status, &error["error"]), (400, &Value::from("invalid_grant")));
    drop(two);
    Ok(())
}
