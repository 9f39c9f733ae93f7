//! A node does not hear that something changed (THREATS F-30). Nodes never talk to each other; what
//! they tell each other goes through Postgres, and each looks there by itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::gateway::fresh_database;

use crate::balancer::Order;
use crate::people::Seen;
use crate::proxy::{Open, Proxy, socket_of};
use crate::stand::{Stand, figure};

const VISIBLE: Duration = Duration::from_secs(5);
/// What a busy machine adds to that.
const SLACK: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_30_change_is_in_force_within_five_seconds_though_its_news_is_lost() -> Result<()> {
    let _turn = crate::turn().await;
    let database = fresh_database().await?;
    let (wire, way) = Proxy::before(&database).await?;
    let ways = [database.clone(), way];
    let stand = Stand::new(&database, &ways, Order::Turns, &["acme"]).await?;
    let deaf = stand.application_at(1, "acme");
    let begin = deaf.begin("ada");
    let leaves = async || {
        // The answer alone counts: a redirect to the directory, or a page.
        let page = stand.browser.clone().get_once(&begin).await?;
        anyhow::Ok(page.location().is_some())
    };
    ensure!(leaves().await?);

    for (open, what) in [(Open::Stranded, "silent"), (Open::Closed, "cut")] {
        wire.lead_to(&socket_of(&database)?, open);
        stand.configure(&["acme"], "        disabled: true\n").await?;
        let changed = Instant::now();
        while leaves().await? {
            ensure!(changed.elapsed() < VISIBLE + SLACK, "{what}: still the old settings");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        figure(format!("F-30 listener {what}: in force after {:?}", changed.elapsed()));
        stand.configure(&["acme"], "").await?;
        while !leaves().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    // A node that nobody asked anything meanwhile does not begin with what it knew: its listener is
    // deaf, and what else was open is found out and replaced.
    wire.lead_to(&socket_of(&database)?, Open::Stranded);
    while stand.status(1, "readyz").await != 200 {}
    stand.configure(&["acme"], "        disabled: true\n").await?;
    tokio::time::sleep(VISIBLE).await;
    let seen = deaf.browse(&mut stand.browser.clone(), &begin).await;
    ensure!(matches!(&seen, Seen::Page(page) if page.status == 400), "{seen:?}");
    Ok(())
}
