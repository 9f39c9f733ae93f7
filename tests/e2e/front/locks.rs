//! A table that somebody locked: requests that need it are told to come back, soon. (THREATS F-05)

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sqlx::{Connection as _, Executor as _};
use tests::agent::Agent;
use tests::gateway::Gateway;
use tokio::task::JoinSet;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;

/// Requests at a time, five for each connection that there is.
const AT_ONCE: usize = 50;
/// 1.4 seconds are waited by design; the rest is for a machine that runs other tests meanwhile.
const SHED_WITHIN: Duration = Duration::from_secs(2);
const RECOVERS_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn f_05_a_locked_table_sheds_requests_and_is_got_over() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let text = tenant("acme", &[Client::item("app")], &[okta]);
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let client = Client::new(&gateway, "acme", "app");
    client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;

    let mut owner = sqlx::PgConnection::connect(&gateway.database_url).await?;
    owner.execute("begin; lock table grants in access exclusive mode").await?;
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let client = client.clone();
        tasks.spawn(async move {
            let mut took = Vec::new();
            for _ in 0..4 {
                let began = Instant::now();
                let (status, error) = client.redeem("some-code").await?;
                took.push(began.elapsed());
                ensure!(status == 503, "{status} {error}");
                ensure!(error["error"] == "temporarily_unavailable", "{error}");
            }
            Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(one) = tasks.join_next().await {
        took.extend(one??);
    }
    took.sort();
    let p99 = took.iter().rev().nth(took.len() / 100).copied().context("nothing was measured")?;
    println!("{} requests shed, p50 {:?}, p99 {p99:?}", took.len(), took[took.len() / 2]);
    assert!(p99 <= SHED_WITHIN, "{p99:?}");
    let ready = Agent::new()?.get_once(&format!("{}/healthz", gateway.url)).await?;
    assert_eq!(ready.status, 200);

    owner.execute("rollback").await?;
    let unlocked = Instant::now();
    while client.redeem("some-code").await?.0 == 503 {
        ensure!(unlocked.elapsed() < RECOVERS_WITHIN, "it does not recover");
    }
    client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    assert!(unlocked.elapsed() < RECOVERS_WITHIN, "{:?}", unlocked.elapsed());
    Ok(())
}
