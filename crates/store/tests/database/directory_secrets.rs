//! What a directory said of our secrets there.

use std::collections::BTreeSet;

use broker::tenant::SecretSlot;
use secrecy::SecretString;
use store::{DirectorySecretChanges, SecretChange};

use crate::common::connect_as;
use crate::fixture::{World, directory_settings, now, world};

async fn known(world: &World) -> (i64, BTreeSet<SecretSlot>) {
    let record = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap();
    (record.version, record.directories[0].expired.clone())
}

async fn put(world: &World, current: SecretChange<&SecretString>, next: &SecretString) {
    let mut tx = world.operator.begin().await.unwrap();
    let changes = DirectorySecretChanges { current, next: SecretChange::Set(next) };
    tx.put_directory(world.id, &directory_settings("okta"), changes, now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn expiry_is_learnt_once_and_told_to_every_node() {
    let world = world().await;
    let (before, expired) = known(&world).await;
    assert!(expired.is_empty());
    let note =
        |version| world.tenant.note_expired_secret(world.directory, SecretSlot::Current, version);
    assert!(note(before).await.unwrap());
    let (after, expired) = known(&world).await;
    assert!(after > before);
    assert_eq!(expired, [SecretSlot::Current].into());
    assert!(!note(after).await.unwrap());
    assert_eq!(known(&world).await.0, after, "the second login changes nothing");
}

#[tokio::test]
async fn two_secrets_expire_one_by_one_and_a_new_one_is_not_expired() {
    let world = world().await;
    let (first, second) = (SecretString::from("first"), SecretString::from("second"));
    put(&world, SecretChange::Set(&first), &second).await;
    let slots = [SecretSlot::Current, SecretSlot::Next];
    for slot in slots {
        let version = known(&world).await.0;
        assert!(world.tenant.note_expired_secret(world.directory, slot, version).await.unwrap());
    }
    assert_eq!(known(&world).await.1, slots.into());
    put(&world, SecretChange::Keep, &second).await;
    assert_eq!(known(&world).await.1, [SecretSlot::Current].into());
}

/// The login that learns it may have used the secret that was there before.
#[tokio::test]
async fn nothing_is_noted_of_a_configuration_that_has_changed_since() {
    let world = world().await;
    let (version, _) = known(&world).await;
    put(&world, SecretChange::Set(&SecretString::from("new")), &SecretString::from("next")).await;
    let noted = world.tenant.note_expired_secret(world.directory, SecretSlot::Current, version);
    assert!(!noted.await.unwrap());
    assert!(known(&world).await.1.is_empty());
}

#[tokio::test]
async fn tn_02_gateway_can_write_nothing_else_of_a_directory() {
    let world = world().await;
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    for column in ["settings = '{}'", "sealed_client_secret = null", "slug = 'x'"] {
        let sql = format!("update directories set {column}");
        let refused =
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut gateway).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{column}: {refused}");
    }
}
