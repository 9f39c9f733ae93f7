//! An assertion works once.

use chrono::TimeDelta;
use store::{CleanupReport, StoreError};

use crate::fixture::{id, now, random, world, world_with};

/// As many callers as two nodes have connections, and one of them is first.
#[tokio::test(flavor = "multi_thread")]
async fn tk_08_of_parallel_uses_of_a_name_one_is_the_first() {
    let world = world_with(32).await;
    let (name, end) = (random(), now() + TimeDelta::minutes(5));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (tenant, application) = (world.tenant.clone(), world.application);
        tasks.spawn(async move {
            tenant.use_client_assertion(application, name, end, now()).await.unwrap()
        });
    }
    let firsts = tasks.join_all().await.into_iter().filter(|first| *first).count();
    assert_eq!(firsts, 1);
}

#[tokio::test]
async fn tk_08_names_are_the_applications_and_the_tenants_own() {
    let (ours, theirs) = (world().await, world().await);
    let (name, end) = (random(), now() + TimeDelta::minutes(1));
    for world in [&ours, &theirs] {
        let used = || world.tenant.use_client_assertion(world.application, name, end, now());
        assert!(used().await.unwrap());
        assert!(!used().await.unwrap());
    }
    // An application of another tenant is none of this one's.
    let foreign = ours.tenant.use_client_assertion(theirs.application, random(), end, now()).await;
    assert!(matches!(foreign, Err(StoreError::Conflict(_))), "{foreign:?}");
    let gone = broker::id::ApplicationId(id());
    let gone = ours.tenant.use_client_assertion(gone, random(), end, now()).await;
    assert!(matches!(gone, Err(StoreError::Conflict(_))), "{gone:?}");
}

#[tokio::test]
async fn tk_08_no_name_is_kept_longer_than_its_five_minutes_ask_for() {
    let world = world().await;
    let five = TimeDelta::minutes(5);
    let used = |end| world.tenant.use_client_assertion(world.application, random(), end, now());
    for wrong in [now() + five + TimeDelta::seconds(1), now()] {
        assert!(used(wrong).await.is_err(), "{wrong}");
    }
    assert!(used(now() + five).await.unwrap());
    // A node whose clock is behind still refuses the second use.
    let early = world.tenant.cleanup(now() + five * 2, 100).await.unwrap();
    assert_eq!(early, CleanupReport::default());
    let report = world.tenant.cleanup(now() + five * 3, 100).await.unwrap();
    assert_eq!(report, CleanupReport { client_assertions: 1, ..CleanupReport::default() });
}
