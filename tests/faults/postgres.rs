//! Postgres is killed and restarted while people sign in (THREATS F-01, KD-04, KD-05).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use crate::balancer::Order;
use crate::people::Story;
use crate::server::Server;
use crate::stand::{Access, BACK_WITHIN, Counts, Stand, figure, percentile, setting};

const TENANTS: [&str; 2] = ["acme", "other"];
const AT_ONCE: usize = 8;
const POLL: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_01_kd_04_kd_05_logins_survive_a_postgres_that_is_killed_and_restarted() -> Result<()> {
    let _turn = crate::turn().await;
    let logins = setting("FAULTS_LOGINS", 60);
    let mut server = Server::start().await?;
    let ways = [server.url(), server.url()];
    let stand = Arc::new(Stand::new(&server.url(), &ways, Order::Turns, &TENANTS).await?);
    stand.ready().await?;
    let done = Arc::new(AtomicUsize::new(0));
    let people = tokio::spawn(sign_in_all(Arc::clone(&stand), logins, Arc::clone(&done)));

    let mut settled = 0;
    for (part, how) in [(1, "kill -9"), (2, "immediate"), (3, "kill -9")] {
        // Whoever was interrupted is through with their one retry before the next blow.
        while done.load(Ordering::Relaxed) < settled.max(logins * part / 4) {
            tokio::time::sleep(POLL).await;
        }
        if how == "immediate" {
            server.stop_immediately().await?;
        } else {
            server.kill().await?;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let restarting = Instant::now();
        server.come_back().await?;
        let accepts = Instant::now();
        stand.ready().await?;
        let back = accepts.elapsed();
        // The last blow still has to hit somebody.
        settled = (done.load(Ordering::Relaxed) + 2 * AT_ONCE).min(logins.saturating_sub(AT_ONCE));
        figure(format!(
            "F-01 {how}: Postgres accepted after {:?}, both nodes served {back:?} later",
            accepts - restarting
        ));
        assert!(back <= BACK_WITHIN, "{back:?}");
    }

    let stories = people.await??;
    let interrupted: Vec<&Story> = stories.iter().filter(|one| one.interrupted.is_some()).collect();
    let lost: Vec<&Story> = stories.iter().filter(|one| one.tokens.is_err()).collect();
    for story in &interrupted {
        let why = story.interrupted.as_deref().unwrap_or_default();
        // Clear words, and never a wrong answer.
        let clear = ["503 database_unavailable", "503 temporarily_unavailable", "400 attempt_used"];
        assert!(clear.iter().any(|words| why.contains(words)), "{why}");
    }
    let times: Vec<Duration> =
        stories.iter().filter(|one| one.interrupted.is_none()).map(|one| one.took).collect();
    figure(format!(
        "F-01: {logins} logins at two nodes, {} interrupted, {} not finished by one retry; an \
         undisturbed one took {:?} (median)",
        interrupted.len(),
        lost.len(),
        percentile(&times, 50),
    ));
    assert!(!interrupted.is_empty(), "the experiment interrupted nobody");
    assert!(lost.len() * 100 <= interrupted.len(), "{lost:#?}");
    stand.assert_safe(&stories, Access::Kept).await?;
    let counts = Counts::of(&server.url(), None).await?;
    figure(format!("F-01: {counts:?}"));
    Ok(())
}

/// So many people, eight at a time, half of them at each tenant.
async fn sign_in_all(
    stand: Arc<Stand>,
    logins: usize,
    done: Arc<AtomicUsize>,
) -> Result<Vec<Story>> {
    let mut stories = Vec::new();
    let mut running = JoinSet::new();
    for number in 0..logins {
        if running.len() >= AT_ONCE {
            stories.push(running.join_next().await.context("nobody")??);
        }
        let (stand, done) = (Arc::clone(&stand), Arc::clone(&done));
        running.spawn(async move {
            let tenant = if number % 2 == 0 { "acme" } else { "other" };
            let (application, browser) = (stand.application(tenant), stand.browser.clone());
            let ready = async || {
                let _ready_or_the_retry_fails = stand.ready().await;
            };
            let story = application.sign_in(browser, &format!("p{number}"), ready).await;
            done.fetch_add(1, Ordering::Relaxed);
            story
        });
    }
    stories.extend(running.join_all().await);
    Ok(stories)
}
