//! Where a directory's document leads that is not believed.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::fixture::{World, now, world};

fn hosts(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|host| (*host).to_owned()).collect()
}

async fn propose(world: &World, all: Option<&[&str]>) -> bool {
    let wanted = all.map(hosts);
    world.tenant.propose_hosts(world.directory, wanted.as_ref(), now()).await.unwrap()
}

async fn approve(world: &World, all: &[&str]) -> bool {
    let mut tx = world.operator.begin().await.unwrap();
    let approved = tx.approve_hosts(world.id, world.directory, &hosts(all), now()).await.unwrap();
    tx.commit().await.unwrap();
    approved
}

async fn known(world: &World, all: &[&str]) {
    let version = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap().version;
    let noted = world.tenant.note_endpoint_hosts(world.directory, &hosts(all), version).await;
    assert!(noted.unwrap());
}

/// [THREATS UP-08] What is proposed waits, with the time at which it was first seen, until exactly that
/// is approved; the audit log says what was and what is.
#[tokio::test]
async fn up_08_exactly_what_is_proposed_is_approved_once() {
    let world = world().await;
    // Nobody has signed in: there is nothing to compare with.
    assert!(!propose(&world, Some(&["a.example"])).await);
    known(&world, &["a.example"]).await;
    assert!(!propose(&world, Some(&["a.example"])).await);
    assert!(propose(&world, Some(&["a.example", "b.example"])).await);
    let later = now() + TimeDelta::hours(1);
    let same = hosts(&["a.example", "b.example"]);
    assert!(!world.tenant.propose_hosts(world.directory, Some(&same), later).await.unwrap());
    let stored = world.operator.directory_hosts(world.id, world.directory).await.unwrap();
    assert_eq!((stored.approved, stored.proposed), (hosts(&["a.example"]), Some((same, now()))));

    assert!(!approve(&world, &["b.example"]).await);
    assert!(approve(&world, &["a.example", "b.example"]).await);
    assert!(!approve(&world, &["a.example", "b.example"]).await);
    let stored = world.operator.directory_hosts(world.id, world.directory).await.unwrap();
    assert_eq!((stored.approved, stored.proposed), (hosts(&["a.example", "b.example"]), None));
    let log = world.operator.audit_entries(world.id.into(), 0, 100, "directory.hosts_").await;
    let log = log.unwrap();
    assert_eq!(log.len(), 1);
    assert!(log.iter().all(|one| one.subject.contains("hosts_before")), "{log:?}");
}

/// A document that leads back takes its proposal back, and settings that name another provider do.
#[tokio::test]
async fn up_08_proposal_that_is_overtaken_is_none() {
    let world = world().await;
    known(&world, &["a.example"]).await;
    assert!(propose(&world, Some(&["b.example"])).await);
    assert!(propose(&world, None).await);
    assert!(!approve(&world, &["b.example"]).await);
    assert!(propose(&world, Some(&["b.example"])).await);
    let mut tx = world.operator.begin().await.unwrap();
    assert!(tx.forget_endpoint_hosts(world.id, world.directory, now()).await.unwrap());
    tx.commit().await.unwrap();
    let stored = world.operator.directory_hosts(world.id, world.directory).await.unwrap();
    assert_eq!(stored.proposed, None);
    assert!(!approve(&world, &["b.example"]).await);
}

/// [THREATS TN-02] One tenant proposes nothing for another's directory.
#[tokio::test]
async fn tn_02_nothing_is_proposed_for_another_tenants_directory() {
    let (ours, theirs) = (world().await, world().await);
    known(&theirs, &["a.example"]).await;
    let wanted = hosts(&["evil.example"]);
    let noted = ours.tenant.propose_hosts(theirs.directory, Some(&wanted), now()).await.unwrap();
    assert!(!noted);
    let stored = theirs.operator.directory_hosts(theirs.id, theirs.directory).await.unwrap();
    assert_eq!(stored.proposed, None);
    let across = theirs.operator.directory_hosts(ours.id, theirs.directory).await.unwrap();
    assert!(across.approved.is_empty());
}
