//! The database is out of reach without a word: packets are dropped, the machine stands still, or
//! its address has moved and old connections lead nowhere (THREATS F-02, F-04, F-25).

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::gateway::fresh_database;
use tokio::task::JoinSet;

use crate::balancer::Order;
use crate::people::{Application, Redeemed, Seen, failure, way_out};
use crate::proxy::{Mode, Open, Proxy, socket_of};
use crate::server::Server;
use crate::stand::{Stand, figure, setting};

/// The longest that a request may take while nobody answers: the deadline of a statement, the wait
/// for a connection, and some for a busy machine.
const GIVEN_UP: Duration = Duration::from_secs(10);
const RECOVERED: Duration = Duration::from_secs(10);
const GROWTH: u64 = 50 * 1024 * 1024;

/// A login that works; how long until it did.
async fn until_it_works(stand: &Stand, application: &Application) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let start = application.begin("ada");
        match application.attempt(&mut stand.browser.clone(), &start).await {
            Ok(_) => return Ok(begun.elapsed()),
            Err(why) => ensure!(begun.elapsed() < RECOVERED, "no recovery: {}", why.said()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What has to hold as long as the database is away, looked at until `long` has passed.
async fn bear(stand: &Stand, long: Duration) -> Result<usize> {
    let application = stand.application("acme");
    let begun = Instant::now();
    let mut asked = 0;
    while begun.elapsed() < long || asked == 0 {
        let round = Instant::now();
        assert_eq!(stand.status(0, "healthz").await, 200);
        for document in [".well-known/openid-configuration", "jwks"] {
            assert_eq!(stand.status(0, &format!("t/acme/{document}")).await, 200, "{document}");
        }
        let at_once = round.elapsed();
        assert!(at_once < Duration::from_secs(2), "what is in memory took {at_once:?}");
        let codes = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let mut refusing = JoinSet::new();
        for code in codes {
            let application = application.clone();
            refusing.spawn(async move { application.redeem(code).await });
        }
        let [mut none, mut other] = [stand.browser.clone(), stand.browser.clone()];
        let cold_application = stand.application("cold");
        let (start, cold) = (application.begin("ada"), cold_application.begin("ada"));
        let (ready, warm, cold, refusals) = tokio::join!(
            stand.status(0, "readyz"),
            application.browse(&mut none, &start),
            cold_application.browse(&mut other, &cold),
            refusing.join_all(),
        );
        assert_eq!(ready, 503);
        for refused in refusals {
            let clear =
                matches!(&refused, Redeemed::Refused(503, e) if e == "temporarily_unavailable");
            assert!(clear, "{refused:?}");
        }
        for (seen, has_way_out) in [(warm, true), (cold, false)] {
            let Seen::Page(page) = seen else { anyhow::bail!("{seen:?}") };
            let shown = (page.status, failure(&page));
            assert_eq!(shown, (503, "database_unavailable".to_owned()), "{}", page.text());
            assert_eq!(page.header("retry-after"), "5");
            // The directory has answered by then, so the way on is by way of it.
            assert_eq!(way_out(&page).is_some(), has_way_out, "{}", page.text());
        }
        assert!(round.elapsed() < GIVEN_UP, "a round took {:?}", round.elapsed());
        asked += codes.len() + 3;
    }
    Ok(asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_04_database_out_of_reach_is_said_in_time_and_forgotten_soon() -> Result<()> {
    let _turn = crate::turn().await;
    let long = Duration::from_secs(setting("FAULTS_OUTAGE_SECONDS", 20).try_into()?);
    let database = fresh_database().await?;
    let (wire, way) = Proxy::before(&database).await?;
    let stand = Stand::new(&database, &[way], Order::First, &["acme", "cold"]).await?;
    let application = stand.application("acme");
    until_it_works(&stand, &application).await?;
    let node = &stand.nodes[0];
    let (pid, memory) = (node.pid(), node.resident()?);

    wire.set(Mode::Silent);
    let asked = bear(&stand, long).await?;
    let grown = node.resident()?.saturating_sub(memory);
    wire.set(Mode::Pass);
    let back = until_it_works(&stand, &application).await?;
    figure(format!(
        "F-04: packets dropped for {long:?}, {asked} requests; memory grew by {} KiB; a login worked \
         {back:?} after the return",
        grown / 1024
    ));
    assert!(grown < GROWTH, "{grown}");
    assert_eq!(node.pid(), pid);

    // The address moved: whatever was open is silent for ever, and new connections work.
    wire.lead_to(&socket_of(&database)?, Open::Stranded);
    let back = until_it_works(&stand, &application).await?;
    figure(format!("F-02: every open connection stranded: a login worked after {back:?}"));
    assert!(!node.log().contains("panicked"), "{}", node.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_04_postgres_that_stands_still_is_said_in_time_and_forgotten_soon() -> Result<()> {
    let _turn = crate::turn().await;
    let server = Server::start().await?;
    let ways = [server.url()];
    let stand = Stand::new(&server.url(), &ways, Order::First, &["acme", "cold"]).await?;
    let application = stand.application("acme");
    until_it_works(&stand, &application).await?;
    server.freeze()?;
    let begun = Instant::now();
    let asked = bear(&stand, Duration::from_secs(5)).await?;
    server.thaw()?;
    let back = until_it_works(&stand, &application).await?;
    figure(format!(
        "F-04: Postgres stopped for {:?}, {asked} requests; a login worked {back:?} after the return",
        begun.elapsed().saturating_sub(back)
    ));
    assert!(!stand.nodes[0].log().contains("panicked"), "{}", stand.nodes[0].log());
    Ok(())
}
