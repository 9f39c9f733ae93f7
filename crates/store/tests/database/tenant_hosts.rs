//! Hosts of tenants' own: who has one, which is the issuer, and what the gateway may see.

use broker::address::{CallbackAt, HostName};
use sqlx::{AssertSqlSafe, Executor as _};
use store::{HostRemoval, SecretChange};

use crate::common::connect_as;
use crate::fixture::{World, directory_settings, id, now, world};

/// A name that no other test has.
fn fresh() -> HostName {
    HostName::parse(&format!("login.h{}.example", id().simple())).unwrap()
}

async fn set(world: &World, host: Option<&HostName>) -> bool {
    let mut tx = world.operator.begin().await.unwrap();
    let is_other = tx.set_host(world.id, host, now()).await.unwrap();
    tx.commit().await.unwrap();
    is_other
}

async fn remove(world: &World, host: &HostName) -> HostRemoval {
    let mut tx = world.operator.begin().await.unwrap();
    let removal = tx.remove_host(world.id, host, now()).await.unwrap();
    tx.commit().await.unwrap();
    removal
}

async fn callback(world: &World, at: CallbackAt) -> bool {
    let mut tx = world.operator.begin().await.unwrap();
    let is_other = tx.set_callback(world.id, world.directory, at, now()).await.unwrap();
    tx.commit().await.unwrap();
    is_other
}

async fn acts(world: &World) -> Vec<String> {
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let sql = "select act from audit_events
                where tenant_id = $1 and (act like '%host%' or act like '%issuer%'
                      or act like '%callback%') order by seq";
    sqlx::query_scalar(sql).bind(world.id.0).fetch_all(&mut owner).await.unwrap()
}

#[tokio::test]
async fn host_becomes_the_issuer_with_the_next_version_and_stays_when_it_was_one() {
    let (world, host) = (world().await, fresh());
    assert_eq!(world.store.tenant_by_host(&host).await.unwrap(), None);
    let version = world.store.tenant_version(world.id).await.unwrap();
    assert!(set(&world, Some(&host)).await);
    assert!(!set(&world, Some(&host)).await);
    assert!(world.store.tenant_version(world.id).await.unwrap() > version);
    assert_eq!(world.store.tenant_by_host(&host).await.unwrap(), Some(world.slug.clone()));
    let known = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap().addresses;
    assert_eq!((known.own.as_ref(), known.hosts.as_slice()), (Some(&host), &[host.clone()][..]));
    assert!(known.since.is_some());

    assert!(set(&world, None).await);
    let known = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap().addresses;
    assert_eq!((known.own, known.hosts.as_slice()), (None, &[host.clone()][..]));
    assert_eq!(world.store.tenant_by_host(&host).await.unwrap(), Some(world.slug.clone()));
    let known = acts(&world).await;
    assert_eq!(known, ["tenant.issuer_changed", "tenant.issuer_changed"]);
}

#[tokio::test]
async fn id_05_host_of_one_tenant_is_no_others_even_after_it_left_it() {
    let (ours, theirs, host) = (world().await, world().await, fresh());
    assert!(set(&ours, Some(&host)).await);
    assert!(set(&ours, None).await);
    let mut tx = theirs.operator.begin().await.unwrap();
    let refused = tx.set_host(theirs.id, Some(&host), now()).await.unwrap_err();
    assert!(refused.is_conflict_of("tenant_hosts_one_holder"), "{refused}");
    drop(tx);
    assert_eq!(remove(&theirs, &host).await, HostRemoval::Unknown);
    assert_eq!(remove(&ours, &host).await, HostRemoval::Removed);
    assert!(set(&theirs, Some(&host)).await);
    assert_eq!(theirs.store.tenant_by_host(&host).await.unwrap(), Some(theirs.slug.clone()));
}

#[tokio::test]
async fn host_that_people_come_to_is_not_removed() {
    let (world, host) = (world().await, fresh());
    assert!(set(&world, Some(&host)).await);
    assert_eq!(remove(&world, &host).await, HostRemoval::InUse);
    // A directory stays where it is known until somebody says otherwise; a new one begins here.
    let mut tx = world.operator.begin().await.unwrap();
    let keep = SecretChange::Keep.into();
    tx.put_directory(world.id, &directory_settings("new"), keep, now()).await.unwrap();
    tx.put_directory(world.id, &directory_settings("okta"), keep, now()).await.unwrap();
    tx.commit().await.unwrap();
    let record = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap();
    let at: Vec<_> = record.directories.iter().map(|one| one.callback_host.as_ref()).collect();
    assert_eq!(at, [Some(&host), None]);

    assert!(callback(&world, CallbackAt::Issuer).await);
    assert!(!callback(&world, CallbackAt::Issuer).await);
    assert!(set(&world, None).await);
    assert_eq!(remove(&world, &host).await, HostRemoval::InUse);
    assert!(callback(&world, CallbackAt::PublicUrl).await);
    assert_eq!(remove(&world, &host).await, HostRemoval::InUse);
    let mut tx = world.operator.begin().await.unwrap();
    tx.remove_directory(world.id, record.directories[0].id, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(remove(&world, &host).await, HostRemoval::Removed);
    let told = acts(&world).await;
    assert!(told.contains(&"tenant.host_removed".to_owned()), "{told:?}");
    assert!(told.contains(&"directory.callback_changed".to_owned()), "{told:?}");
}

#[tokio::test]
async fn tenant_with_a_host_can_be_removed() {
    let (world, host) = (world().await, fresh());
    assert!(set(&world, Some(&host)).await);
    assert!(callback(&world, CallbackAt::Issuer).await);
    let mut tx = world.operator.begin().await.unwrap();
    tx.remove_tenant(world.id, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.store.tenant_by_host(&host).await.unwrap(), None);
}

/// [THREATS TN-02] The gateway's role sees the one host that it names, and gives and takes none.
#[tokio::test]
async fn tn_02_gateway_lists_no_hosts_and_changes_none() {
    let (world, host) = (world().await, fresh());
    assert!(set(&world, Some(&host)).await);
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    let all: i64 = sqlx::query_scalar("select count(*) from tenant_hosts")
        .fetch_one(&mut gateway)
        .await
        .unwrap();
    assert_eq!(all, 0);
    for statement in [
        format!("delete from tenant_hosts where host = '{host}'"),
        format!("update tenant_hosts set host = 'a.example' where host = '{host}'"),
        format!("insert into tenant_hosts values ('{}', 'a.example', now())", world.id),
        "update tenants set host = null".to_owned(),
        "update directories set callback_host = null".to_owned(),
    ] {
        let refused = gateway.execute(AssertSqlSafe(statement.clone())).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
}
