//! Nodes are replaced one by one while people sign in (THREATS F-15).

use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::{Connection as _, PgConnection};
use tests::agent::Agent;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::people::{Application, Story};
use crate::stand::{Access, Stand, figure, percentile, ready, setting};

/// Between two people: some forty a second, as long as fewer than [`AT_ONCE`] are under way.
const BETWEEN: Duration = Duration::from_millis(25);
const AT_ONCE: usize = 8;

/// A request waits less than this for the database before it is told to come back.
const SHED_AFTER: Duration = Duration::from_millis(800);
/// How often the experiment is made at most.
const ATTEMPTS: usize = 3;

/// What is measured is the replacement of nodes. A database that stood still on its own account, as
/// on a machine whose disk is throttled, tells nothing about it: the experiment is made again. If
/// that does not help, whoever was sent back must have got in with the one retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_15_no_login_fails_while_nodes_are_replaced_one_by_one() -> Result<()> {
    let _turn = crate::turn().await;
    let mut stand = Stand::plain(&["acme", "other"]).await?;
    stand.ready().await?;
    for attempt in 1..=ATTEMPTS {
        let (stories, stood_still) = replace_nodes(&mut stand).await?;
        let failed: Vec<_> = stories.iter().filter_map(|one| one.interrupted.as_ref()).collect();
        let is_telling = stood_still < SHED_AFTER;
        if is_telling {
            assert!(failed.is_empty(), "{failed:?}");
        }
        if attempt == ATTEMPTS {
            let lost: Vec<_> = stories.iter().filter_map(|one| one.tokens.as_ref().err()).collect();
            assert!(lost.is_empty(), "{lost:?}");
        }
        stand.assert_safe(&stories, Access::Kept).await?;
        if is_telling {
            break;
        }
    }
    Ok(())
}

/// Replaces each node, some times over, while people sign in: what became of them, and the longest
/// that the database took for the smallest thing that it writes.
async fn replace_nodes(stand: &mut Stand) -> Result<(Vec<Story>, Duration)> {
    let rounds = setting("FAULTS_ROUNDS", 2);
    let applications = vec![stand.application("acme"), stand.application("other")];
    // The first logins make keys and open connections.
    for application in &applications {
        application.sign_in(stand.browser.clone(), "first", async || {}).await.tokens.ok();
    }
    let http = stand.application("acme").http;
    let (stop, stopped) = watch::channel(false);
    let database = tokio::spawn(longest_write(stand.database.clone(), stopped.clone()));
    let people = tokio::spawn(sign_in_until(stopped, applications, stand.browser.clone()));
    let begun = Instant::now();
    let mut drained = Vec::new();
    for _ in 0..rounds {
        for _ in 0..stand.nodes.len() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let node = stand.nodes.remove(0);
            let stopping = Instant::now();
            let node = node.restart().await?;
            drained.push(stopping.elapsed());
            ready(&http, &node.addr).await?;
            stand.nodes.push(node);
        }
    }
    let took = begun.elapsed();
    stop.send(true)?;
    let (stories, stood_still) = (people.await?, database.await??);
    let failed = stories.iter().filter(|one| one.interrupted.is_some()).count();
    let times: Vec<Duration> = stories.iter().map(|one| one.took).collect();
    figure(format!(
        "F-15: {} logins in {took:?} ({:.0}/s), {} nodes replaced, each within {:?}; {failed} failed; \
         a login took {:?} (median), {:?} (99 %); the database wrote within {stood_still:?}",
        stories.len(),
        f64::from(u32::try_from(stories.len())?) / took.as_secs_f64(),
        drained.len(),
        drained.iter().max().copied().unwrap_or_default(),
        percentile(&times, 50),
        percentile(&times, 99),
    ));
    Ok((stories, stood_still))
}

/// People at both tenants in turn, until told to stop.
async fn sign_in_until(
    mut stopped: watch::Receiver<bool>,
    applications: Vec<Application>,
    browser: Agent,
) -> Vec<Story> {
    let (mut signing_in, mut stories) = (JoinSet::new(), Vec::new());
    let mut every = tokio::time::interval(BETWEEN);
    for (number, application) in applications.iter().cycle().enumerate() {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.changed() => break,
        }
        while signing_in.len() >= AT_ONCE {
            stories.extend(signing_in.join_next().await.and_then(Result::ok));
        }
        let (application, browser) = (application.clone(), browser.clone());
        signing_in.spawn(async move {
            application.sign_in(browser, &format!("p{number}"), async || {}).await
        });
    }
    stories.extend(signing_in.join_all().await);
    stories
}

/// The longest that a commit of next to nothing took, until told to stop.
async fn longest_write(database: String, stopped: watch::Receiver<bool>) -> Result<Duration> {
    let mut connection = PgConnection::connect(&database).await?;
    let mut longest = Duration::ZERO;
    while !*stopped.borrow() {
        let asked = Instant::now();
        sqlx::raw_sql("select pg_logical_emit_message(true, 'f15', 'a commit')")
            .execute(&mut connection)
            .await?;
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(BETWEEN).await;
    }
    connection.close().await?;
    Ok(longest)
}
