//! A node whose clock is wrong: what it gives lives by the database's clock, and it says that it is
//! not ready. (THREATS KD-03, F-13)

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::Utc;
use sqlx::{Connection as _, PgConnection};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;

/// How soon a clock that was set is noticed: it is compared every ten seconds.
const NOTICED: Duration = Duration::from_secs(30);

/// The library that shows a process another time, and the file that says which.
fn faked(file: &str) -> Result<Vec<(&'static str, String)>> {
    let mut folders = std::fs::read_dir("/usr/lib")?.filter_map(Result::ok);
    let library = folders.find_map(|folder| {
        let path = folder.path().join("faketime/libfaketime.so.1");
        path.is_file().then(|| path.to_string_lossy().into_owned())
    });
    Ok(vec![
        ("LD_PRELOAD", library.context("libfaketime is not installed")?),
        ("FAKETIME_TIMESTAMP_FILE", file.to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // Only what an administrator could set is wrong, not the counter since the start.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ])
}

struct Wrong {
    gateway: Gateway,
    client: Client,
    file: std::path::PathBuf,
    _provider: tests::peers::node::OidcProvider,
    _work: tempfile::TempDir,
}

impl Wrong {
    async fn by(offset: &str) -> Result<Self> {
        let work = tempfile::tempdir()?;
        let file = work.path().join("offset");
        std::fs::write(&file, offset)?;
        let env = faked(&file.to_string_lossy())?;
        let gateway = Gateway::start_with(Options { env, ..Options::default() }).await?;
        let provider = provider(&gateway, &[("acme", "okta")], true).await?;
        let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
        let text = tenant("acme", &[Client::item("app")], &[okta]);
        gateway.apply(&format!("tenants:\n{text}")).await?;
        let client = Client::new(&gateway, "acme", "app");
        Ok(Self { gateway, client, file, _provider: provider, _work: work })
    }

    async fn ready(&self) -> Result<(u16, String)> {
        let page = Agent::new()?.get_once(&format!("{}/readyz", self.gateway.url)).await?;
        Ok((page.status, page.body))
    }

    async fn becomes(&self, status: u16) -> Result<()> {
        let began = Instant::now();
        while self.ready().await?.0 != status {
            ensure!(began.elapsed() < NOTICED, "not {status}: {}", self.gateway.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}

/// The directory's tokens, made at the right time, are accepted, and ours say the right time.
#[tokio::test]
async fn kd_03_f_13_what_a_wrong_node_gives_lives_by_the_databases_clock() -> Result<()> {
    for (offset, ready) in [("+0", 200), ("+30", 503), ("-30", 503), ("+300", 503), ("-300", 503)] {
        let node = Wrong::by(offset).await?;
        let (status, said) = node.ready().await?;
        assert_eq!(status, ready, "{offset}: {said}");
        if ready == 503 {
            assert!(said.contains("clock is off"), "{offset}: {said}");
            assert!(node.gateway.log().contains("node.clock_skew"), "{offset}");
        }
        let claims = node.client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
        let issued = claims["iat"].as_i64().context("no iat")?;
        #[expect(clippy::disallowed_methods, reason = "the test's own clock, which is right")]
        let now = Utc::now().timestamp();
        assert!((now - issued).abs() <= 10, "{offset}: {issued} at {now}");
    }
    Ok(())
}

/// A code given at a right node is redeemed at a wrong one and the other way about.
#[tokio::test]
async fn kd_03_f_13_a_code_is_good_at_a_node_that_is_five_minutes_off() -> Result<()> {
    let wrong = Wrong::by("+300").await?;
    let right = wrong.gateway.second_node().await?;
    let client = &wrong.client;
    let at_right = Client {
        issuer: client.issuer.replace(&wrong.gateway.url, &format!("http://{}", right.addr)),
        ..client.clone()
    };
    for redeemer in [&at_right, client] {
        let answer = client.ask(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
        let (status, tokens) = redeemer.redeem(answer.code()?).await?;
        assert_eq!(status, 200, "{tokens}");
    }
    Ok(())
}

/// A clock that is set while the node runs, forward and back, changes nothing that it gives, and
/// readiness follows.
#[tokio::test]
async fn kd_03_f_13_a_clock_that_jumps_is_noticed_and_changes_no_lifetime() -> Result<()> {
    let node = Wrong::by("+0").await?;
    assert_eq!(node.ready().await?.0, 200);
    let answer = node.client.ask(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    std::fs::write(&node.file, "-300")?;
    // Before the next comparison: by the machine's clock the code is not even given yet.
    assert_eq!(node.client.redeem(answer.code()?).await?.0, 200);
    node.becomes(503).await?;
    let claims = node.client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    assert!(claims["iat"].is_i64());
    std::fs::write(&node.file, "+0")?;
    node.becomes(200).await
}

/// A command on a machine that is a day ahead makes a key of today.
#[tokio::test]
async fn kd_03_commands_go_by_the_databases_clock() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply("tenants:\n  - slug: acme\n    name: The acme\n").await?;
    let work = tempfile::tempdir()?;
    let file = work.path().join("offset");
    std::fs::write(&file, "+86400")?;
    let env = faked(&file.to_string_lossy())?;
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    gateway.run_with(&["keys", "rotate", "--tenant", "acme"], &env).await?.success()?;
    let mut owner = PgConnection::connect(&gateway.database_url).await?;
    let seconds: Vec<f64> = sqlx::query_scalar(
        "select extract(epoch from clock_timestamp() - created_at)::float8 from signing_keys",
    )
    .fetch_all(&mut owner)
    .await?;
    assert!(!seconds.is_empty());
    assert!(seconds.iter().all(|age| (0.0..600.0).contains(age)), "{seconds:?}");
    Ok(())
}
