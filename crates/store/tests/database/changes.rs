//! News of changes, and a database that goes away.

use std::time::Duration;

use broker::id::TenantId;
use broker::seal::MasterKey;
use broker::settings::TenantPolicy;
use store::{ConnectOptions, NewKey, Role, SecretChange, Store, StoreError};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::common::{connect, create_database};
use crate::fixture::{World, application_settings, directory_settings, id, master, now, world};

const SOON: Duration = Duration::from_secs(10);

/// The next news about this world's tenant; other tests change theirs at the same time.
async fn news_of(world: &World, changes: &mut store::ConfigurationChanges) {
    let ours = async { while changes.next().await != Some(world.id) {} };
    timeout(SOON, ours).await.expect("news");
}

#[tokio::test]
async fn every_kind_of_change_raises_the_version_and_is_told() {
    let world = world().await;
    let mut changes = world.store.configuration_changes();
    assert_eq!(timeout(SOON, changes.next()).await.unwrap(), None, "the first answer");
    let mut version = world.store.tenant_version(world.id).await.unwrap();
    for kind in 0..6 {
        if kind == 5 {
            let key = NewKey {
                kid: "k".to_owned(),
                alg: "ES256".to_owned(),
                public_jwk: serde_json::json!({ "kty": "EC" }),
                pkcs8: Zeroizing::new(vec![1; 10]),
                active_from: now(),
            };
            assert!(world.tenant.insert_signing_key(&key, now()).await.unwrap());
        } else {
            let mut tx = world.operator.begin().await.unwrap();
            let keep = SecretChange::Keep;
            match kind {
                0 => drop(
                    tx.put_tenant(&world.slug, "Other", TenantPolicy::default(), now())
                        .await
                        .unwrap(),
                ),
                1 => {
                    let settings = application_settings("second");
                    tx.put_application(world.id, &settings, SecretChange::Keep, now())
                        .await
                        .unwrap();
                }
                2 => {
                    let settings = directory_settings("second");
                    tx.put_directory(world.id, &settings, keep.into(), now()).await.unwrap();
                }
                3 => assert!(
                    tx.remove_application(world.id, world.application, now()).await.unwrap()
                ),
                _ => assert!(tx.remove_directory(world.id, world.directory, now()).await.unwrap()),
            }
            tx.commit().await.unwrap();
        }
        news_of(&world, &mut changes).await;
        let raised = world.store.tenant_version(world.id).await.unwrap();
        assert!(raised > version, "kind {kind}");
        version = raised;
    }
}

/// In a database of its own, since every listener of it is cut off.
#[tokio::test]
async fn lost_connection_is_told_and_mended() {
    let url = create_database().await;
    let store = Store::connect(ConnectOptions::new(&url, Role::Gateway), master()).unwrap();
    let mut changes = store.configuration_changes();
    assert_eq!(timeout(SOON, changes.next()).await.unwrap(), None);
    let mut owner = connect(&url).await;
    let killed: Vec<bool> = sqlx::query_scalar(
        "select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and query like 'LISTEN%'",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(killed, [true]);
    assert_eq!(timeout(SOON, changes.next()).await.expect("the loss is told"), None);
    let tenant = TenantId(id());
    for payload in ["not a tenant".to_owned(), tenant.to_string()] {
        sqlx::query("select pg_notify('vestibule_configuration', $1)")
            .bind(payload)
            .execute(&mut owner)
            .await
            .unwrap();
    }
    assert_eq!(timeout(SOON, changes.next()).await.unwrap(), Some(tenant));
}

#[tokio::test]
async fn absent_database_is_unavailable_within_the_time_to_wait() {
    let mut options = ConnectOptions::new("postgres://nobody@127.0.0.1:1/none", Role::Gateway);
    options.acquire_timeout = Duration::from_millis(300);
    let store = Store::connect(options, master()).unwrap();
    let answer = timeout(SOON, store.ping()).await.unwrap();
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn ping_answers_for_both_roles() {
    let world = world().await;
    world.store.ping().await.unwrap();
    let options = ConnectOptions::new(world.url, Role::Operator);
    Store::connect(options, master()).unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn another_master_key_is_noticed_by_either_role() {
    let world = world().await;
    for role in [Role::Gateway, Role::Operator] {
        let with = |key: &[u8; 32]| {
            let options = ConnectOptions::new(world.url, role);
            Store::connect(options, MasterKey::new(key).unwrap()).unwrap()
        };
        // The first to ask, here or in another test, leaves the mark of the right one.
        assert!(world.store.is_master_key_right().await.unwrap());
        assert!(with(&[7; 32]).is_master_key_right().await.unwrap());
        assert!(!with(&[8; 32]).is_master_key_right().await.unwrap());
    }
}
