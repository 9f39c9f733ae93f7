//! What a caller leaves to the next one on the same connection: nothing.

use futures_lite_poll::poll_times;
use std::time::Duration;
use store::{ConnectOptions, Role, Store};

use crate::common::{connect, connect_as};
use crate::fixture::{master, now, world_with};

/// [THREATS TN-03] A caller that stops waiting, at whatever point, leaves nothing to the next one
/// on the same connection: neither a transaction in which its write is reported and lost, nor
/// another tenant's name.
#[tokio::test]
async fn tn_03_cancelled_callers_leave_no_transaction() {
    let (world, other) = (world_with(1).await, world_with(1).await);
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let spilled = "select exists (select from spilled_requests where tenant_id = $1 and id = $2)";
    let end = now() + chrono::TimeDelta::minutes(14);
    for polls in 1..30 {
        for caller in 0..2 {
            match caller {
                0 => poll_times(world.store.tenant_by_slug(&world.slug), polls).await,
                _ => poll_times(world.tenant.commit_login(&world.login("eve")), polls).await,
            }
            let id = crate::fixture::id();
            assert!(world.tenant.spill(id, &[7; 40], end, now()).await.unwrap());
            let lasts: bool = sqlx::query_scalar(spilled)
                .bind(world.id.0)
                .bind(id)
                .fetch_one(&mut owner)
                .await
                .unwrap();
            assert!(lasts, "caller {caller} stopped after {polls} polls");
            let of_another = world.store.tenant(other.id).cleanup(now(), 10).await.unwrap();
            assert_eq!(of_another, store::CleanupReport::default());
        }
    }
}

/// [THREATS TN-03, F-24] A thousand callers that stop waiting at points spread over their whole work,
/// on a connection that answers late. What sqlx leaves behind of a cancelled `begin` (#4393) is
/// closed when it comes back, so that no later statement runs inside a foreign transaction.
#[tokio::test(flavor = "multi_thread")]
async fn tn_03_f_24_thousand_dropped_futures_poison_no_connection() {
    let (world, other) = (world_with(4).await, world_with(4).await);
    let slow = crate::latency::Proxy::start(world.url, Duration::from_millis(2)).await;
    let options = |role| ConnectOptions {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(30),
        ..ConnectOptions::new(&slow.url, role)
    };
    let store = Store::connect(options(Role::Gateway), master()).unwrap();
    let operator = Store::connect(options(Role::Operator), master()).unwrap().operator();
    let (ours, theirs) = (store.tenant(world.id), store.tenant(other.id));
    let end = now() + chrono::TimeDelta::minutes(14);
    let mut dropped = 0;
    for round in 0..125_u64 {
        let mut tasks = tokio::task::JoinSet::new();
        for caller in 0..8_u64 {
            // From at once to past the end of the longest of them.
            let after = Duration::from_micros((round * 8 + caller) * 7_919 % 40_000);
            let (store, tenant, operator) = (store.clone(), ours.clone(), operator.clone());
            let (slug, login) = (world.slug.clone(), world.login("eve"));
            tasks.spawn(async move {
                let work = async {
                    match caller % 4 {
                        0 => drop(store.tenant_by_slug(&slug).await),
                        1 => drop(tenant.commit_login(&login).await),
                        2 => drop(tenant.audit_head().await),
                        _ => {
                            // A whole change: begin, write, commit.
                            let Ok(mut tx) = operator.begin().await else { return };
                            let policy = broker::settings::TenantPolicy::default();
                            let _ = tx.put_tenant(&slug, "Acme", policy, now()).await;
                            drop(tx.commit().await);
                        }
                    }
                };
                tokio::time::timeout(after, work).await.is_err()
            });
        }
        dropped += tasks.join_all().await.into_iter().filter(|is_dropped| *is_dropped).count();
        // The next to borrow is of another tenant, and what it writes lasts.
        let id = crate::fixture::id();
        assert!(theirs.spill(id, &[7; 40], end, now()).await.unwrap(), "round {round}");
        let mut owner = connect_as(world.url, "vestibule_operator").await;
        let sql = "select count(*) from spilled_requests where tenant_id = $1 and id = $2";
        let lasts: i64 =
            sqlx::query_scalar(sql).bind(other.id.0).bind(id).fetch_one(&mut owner).await.unwrap();
        assert_eq!(lasts, 1, "round {round}");
    }
    assert!(dropped > 300, "{dropped} of 1,000 were dropped before their end");
    let idle = "select count(*) from pg_stat_activity
                 where datname = current_database() and state like 'idle in transaction%'
                   and application_name = 'vestibule'";
    let mut owner = connect(world.url).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let open: i64 = sqlx::query_scalar(idle).fetch_one(&mut owner).await.unwrap();
        if open == 0 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{open} transactions are still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// [THREATS TN-03] A caller that panics in the middle of a transaction: what it wrote is undone, and
/// the connection serves the next one, of another tenant.
#[tokio::test]
async fn tn_03_panic_in_a_transaction_leaves_a_clean_connection() {
    let (world, other) = (world_with(1).await, world_with(1).await);
    let (operator, slug) = (world.operator.clone(), world.slug.clone());
    let panicked = tokio::spawn(async move {
        let mut tx = operator.begin().await.unwrap();
        tx.put_tenant(&slug, "Half", broker::settings::TenantPolicy::default(), now())
            .await
            .unwrap();
        panic!("in the middle of a transaction");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    let mut tx = world.operator.begin().await.unwrap();
    let names: Vec<_> = tx.tenants().await.unwrap().into_iter().map(|one| one.name).collect();
    assert!(!names.contains(&"Half".to_owned()));
    drop(tx);
    assert!(other.store.tenant_by_slug(&other.slug).await.unwrap().is_some());
}

/// [THREATS TN-03] Nothing in the crate names a tenant for a session: a connection that was lent with
/// such a name would carry it to the next borrower.
#[test]
fn tn_03_no_statement_of_ours_names_a_tenant_for_the_session() {
    fn sources(directory: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, into) } else { into.push(path) }
        }
    }
    let mut files = Vec::new();
    sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    assert!(files.len() > 20);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for (name, line) in text.lines().enumerate() {
            let names = line.contains("vestibule.tenant_") && line.contains("set");
            let is_local = line.contains("set local") || line.contains("current_setting");
            assert!(!names || is_local, "{}:{}: {line}", path.display(), name + 1);
        }
    }
}

/// Polls a future a number of times and drops it.
mod futures_lite_poll {
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::Poll;

    pub(crate) async fn poll_times<F: Future>(future: F, times: usize) {
        let mut future = pin!(future);
        let mut left = times;
        poll_fn(|context| {
            left -= 1;
            if left == 0 || future.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }
}
