//! A standby takes the primary's place (THREATS F-02, F-03, F-25, KD-04).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use crate::balancer::Order;
use crate::people::{Redeemed, Seen, Story};
use crate::proxy::{Open, Proxy};
use crate::server::Server;
use crate::stand::{Access, Stand, figure};

const RECOVERED: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 4;

/// A primary with a standby, and two nodes that reach either by one address.
struct Pair {
    primary: Server,
    standby: Server,
    wire: Proxy,
    stand: Arc<Stand>,
}

impl Pair {
    async fn start(tenants: &[&str]) -> Result<Self> {
        let primary = Server::start().await?;
        let standby = primary.standby().await?;
        let wire = Proxy::to(&primary.socket()).await?;
        let way = wire.url(&primary.url())?;
        let ways = [way.clone(), way];
        let stand = Stand::new(&primary.url(), &ways, Order::Turns, tenants).await?;
        stand.ready().await?;
        Ok(Self { primary, standby, wire, stand: Arc::new(stand) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_02_f_25_standby_is_not_asked_until_it_is_promoted_and_then_logins_go_on() -> Result<()> {
    let _turn = crate::turn().await;
    let mut pair = Pair::start(&["acme", "other"]).await?;
    pair.primary.wait_for_standby().await?;
    let (done, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let people = tokio::spawn(keep_signing_in(
        Arc::clone(&pair.stand),
        Arc::clone(&done),
        Arc::clone(&enough),
    ));
    until_done(&done, 10).await?;

    pair.primary.kill().await?;
    // The address moves before the standby is the primary, as it does when things go badly.
    pair.wire.lead_to(&pair.standby.socket(), Open::Closed);
    let moved = Instant::now();
    while moved.elapsed() < Duration::from_secs(3) {
        // It would answer questions, from what it knows. Nobody asks it.
        assert_eq!(pair.stand.status(0, "readyz").await, 503);
        assert_eq!(pair.stand.status(1, "readyz").await, 503);
    }
    pair.standby.promote().await?;
    let promoted = Instant::now();
    pair.stand.ready().await?;
    let back = promoted.elapsed();
    figure(format!("F-02: both nodes served {back:?} after the promotion"));
    assert!(back <= RECOVERED, "{back:?}");
    let so_far = done.load(Ordering::Relaxed);
    until_done(&done, so_far + 10).await?;
    enough.store(true, Ordering::Relaxed);

    let stories = people.await??;
    let interrupted = stories.iter().filter(|one| one.interrupted.is_some()).count();
    let lost: Vec<&Story> = stories.iter().filter(|one| one.tokens.is_err()).collect();
    figure(format!(
        "F-02: {} logins, {interrupted} interrupted, {} not finished by one retry",
        stories.len(),
        lost.len()
    ));
    assert!(interrupted > 0, "the experiment interrupted nobody");
    assert!(lost.is_empty(), "{lost:#?}");
    let mut stand = Arc::into_inner(pair.stand).context("somebody still signs in")?;
    stand.database = pair.standby.url();
    // What was acknowledged before is there: no code works again.
    stand.assert_safe(&stories, Access::MayHaveEnded).await
}

/// The standby lags when the primary dies: what was redeemed in between is unredeemed there, and what
/// was given in between is unknown. Neither gives tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_03_kd_04_code_that_a_failover_forgot_was_used_is_not_redeemed_again() -> Result<()> {
    let _turn = crate::turn().await;
    let mut pair = Pair::start(&["acme"]).await?;
    let application = pair.stand.application("acme");
    let early = application.sign_in(pair.stand.browser.clone(), "first", async || {}).await;
    let early = early.tokens.map_err(anyhow::Error::msg)?;
    let mut codes = Vec::new();
    for number in 0..4 {
        let begin = application.begin(&format!("p{number}"));
        match application.browse(&mut pair.stand.browser.clone(), &begin).await {
            Seen::Code(code) => codes.push(code),
            other => anyhow::bail!("{other:?}"),
        }
    }
    pair.primary.wait_until_followed().await?;
    pair.standby.stop_receiving().await?;
    let mut used = vec![early.code.clone()];
    for code in &codes {
        match application.redeem(code).await {
            Redeemed::Tokens(_) => used.push(code.clone()),
            other => anyhow::bail!("{other:?}"),
        }
    }
    let late = application.begin("late");
    let Seen::Code(lost) = application.browse(&mut pair.stand.browser.clone(), &late).await else {
        anyhow::bail!("no code")
    };
    pair.primary.kill().await?;
    pair.wire.lead_to(&pair.standby.socket(), Open::Closed);
    pair.standby.promote().await?;
    let promoted = Instant::now();
    pair.stand.ready().await?;
    used.push(lost);
    for code in &used {
        for node in 0..2 {
            let refused = pair.stand.application_at(node, "acme").redeem_patiently(code).await;
            let is_refused =
                matches!(&refused, Redeemed::Refused(400, error) if error == "invalid_grant");
            assert!(is_refused, "a used code worked again: {refused:?}");
        }
    }
    // The one retry of everybody else: the login from the beginning.
    let again = application.sign_in(pair.stand.browser.clone(), "late", async || {}).await;
    again.tokens.map_err(anyhow::Error::msg)?;
    figure(format!(
        "F-03: {} used codes, {} of them unused in the promoted standby, 0 worked again; a login \
         worked {:?} after the promotion",
        used.len(),
        codes.len(),
        promoted.elapsed()
    ));
    Ok(())
}

/// People who sign in, four at a time, until it is enough.
async fn keep_signing_in(
    stand: Arc<Stand>,
    done: Arc<AtomicUsize>,
    enough: Arc<AtomicBool>,
) -> Result<Vec<Story>> {
    let mut stories = Vec::new();
    let mut running = JoinSet::new();
    let mut number = 0_usize;
    while !enough.load(Ordering::Relaxed) {
        if running.len() >= AT_ONCE {
            stories.push(running.join_next().await.context("nobody")??);
            done.fetch_add(1, Ordering::Relaxed);
        }
        number += 1;
        let stand = Arc::clone(&stand);
        running.spawn(async move {
            let tenant = if number.is_multiple_of(2) { "acme" } else { "other" };
            let (application, browser) = (stand.application(tenant), stand.browser.clone());
            let ready = async || {
                let _ready_or_the_retry_fails = stand.ready().await;
            };
            application.sign_in(browser, &format!("p{number}"), ready).await
        });
    }
    stories.extend(running.join_all().await);
    Ok(stories)
}

async fn until_done(done: &AtomicUsize, wanted: usize) -> Result<()> {
    let begun = Instant::now();
    while done.load(Ordering::Relaxed) < wanted {
        ensure!(begun.elapsed() < Duration::from_mins(1), "people do not get in");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
