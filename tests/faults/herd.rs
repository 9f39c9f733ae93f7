//! Nodes that just started and know nothing, and people of all tenants at once (THREATS F-18).

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::people::Story;
use crate::stand::{Access, Stand, figure, percentile, ready, setting};

/// How many people are under way at a time.
const AT_ONCE: usize = 12;
/// How many people each tenant has.
const PEOPLE: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_18_cold_nodes_ask_each_directory_once_however_many_people_come() -> Result<()> {
    let _turn = crate::turn().await;
    let tenants: Vec<String> =
        (0..setting("FAULTS_TENANTS", 40)).map(|number| format!("t-{number}")).collect();
    let slugs: Vec<&str> = tenants.iter().map(String::as_str).collect();
    let mut stand = Stand::plain(&slugs).await?;
    stand.ready().await?;
    // Keys are made once in a tenant's life, and that is not what is measured.
    let mut stories = sign_in(&stand, &slugs, 1).await;
    for _ in 0..stand.nodes.len() {
        let node = stand.nodes.remove(0).restart().await?;
        ready(&stand.application(slugs[0]).http, &node.addr).await?;
        stand.nodes.push(node);
    }
    let asked = |stand: &Stand| -> Vec<[usize; 2]> {
        let of = |slug: &&str| ["discovery", "keys"].map(|one| stand.hostile.asked(slug, one));
        slugs.iter().map(of).collect()
    };
    let before = asked(&stand);
    let begun = Instant::now();
    let cold = sign_in(&stand, &slugs, PEOPLE).await;
    let took = begun.elapsed();
    let after = asked(&stand);
    for ((slug, before), after) in slugs.iter().zip(before).zip(after) {
        for (before, after) in before.into_iter().zip(after) {
            let nodes = stand.nodes.len();
            assert!(after - before <= nodes, "{slug} was asked {} times", after - before);
        }
    }
    let failed: Vec<&Story> = cold.iter().filter(|one| one.interrupted.is_some()).collect();
    let times: Vec<Duration> = cold.iter().map(|one| one.took).collect();
    figure(format!(
        "F-18: {} tenants, {} logins in {took:.1?} ({:.0}/s) at two nodes that had just started; \
         {} needed a retry; a login took {:.0?} (median), {:.0?} (99 %); each document was asked for at \
         most once by each node",
        slugs.len(),
        cold.len(),
        f64::from(u32::try_from(cold.len())?) / took.as_secs_f64(),
        failed.len(),
        percentile(&times, 50),
        percentile(&times, 99),
    ));
    // A busy machine tells some of them to come back, and one retry is what they have.
    let unfinished: Vec<&Story> = cold.iter().filter(|one| one.tokens.is_err()).collect();
    assert!(unfinished.is_empty(), "{unfinished:#?}");
    stories.extend(cold);
    stand.assert_safe(&stories, Access::Kept).await
}

/// So many people of each tenant, one tenant after another, again and again.
async fn sign_in(stand: &Stand, slugs: &[&str], people: usize) -> Vec<Story> {
    let (mut signing_in, mut stories) = (JoinSet::new(), Vec::new());
    for number in 0..people {
        for slug in slugs {
            while signing_in.len() >= AT_ONCE {
                stories.extend(signing_in.join_next().await.and_then(Result::ok));
            }
            let (application, browser) = (stand.application(slug), stand.browser.clone());
            signing_in.spawn(async move {
                application.sign_in(browser, &format!("p{number}"), async || {}).await
            });
        }
    }
    stories.extend(signing_in.join_all().await);
    stories
}
