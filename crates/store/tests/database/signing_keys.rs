//! Signing keys: one first, one next.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use store::{NewKey, Rotation, StoreError};
use zeroize::Zeroizing;

use crate::fixture::{id, now, world, world_with};

fn key(alg: &str, active_from: DateTime<Utc>) -> NewKey {
    NewKey {
        kid: id().simple().to_string(),
        alg: alg.to_owned(),
        public_jwk: json!({ "kty": "EC", "x": "…" }),
        pkcs8: Zeroizing::new(b"the private key".to_vec()),
        active_from,
    }
}

/// [THREATS KD-02]
#[tokio::test(flavor = "multi_thread")]
async fn kd_02_several_nodes_make_one_first_key() {
    let world = world_with(16).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let tenant = world.tenant.clone();
        tasks.spawn(async move {
            tenant.insert_signing_key(&key("RS256", now()), now()).await.unwrap()
        });
    }
    let winners = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 1);
    assert!(world.tenant.insert_signing_key(&key("ES256", now()), now()).await.unwrap());
    let record = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap();
    assert_eq!(record.keys.len(), 2);
    assert_eq!(record.keys[0].pkcs8.as_slice(), b"the private key");
}

/// [THREATS KD-01] Published before it signs; its predecessor is published after it signed.
#[tokio::test]
async fn kd_01_successor_signs_when_its_predecessor_stops() {
    let world = world().await;
    let first = key("RS256", now());
    world.tenant.insert_signing_key(&first, now()).await.unwrap();
    let (switch, end) = (now() + TimeDelta::hours(24), now() + TimeDelta::hours(26));
    let next = key("RS256", switch);
    let rotation = world.tenant.rotate_signing_key(&next, end, now()).await.unwrap();
    assert_eq!(rotation, Rotation::Published);
    let record = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap();
    let at = |time| -> (Vec<&str>, usize) {
        let signs = record.keys.iter().filter(|key| key.signs_at(time)).map(|key| key.kid.as_str());
        let published = record.keys.iter().filter(|key| key.is_published_at(time)).count();
        (signs.collect(), published)
    };
    assert_eq!(at(now()), (vec![first.kid.as_str()], 2));
    assert_eq!(at(switch - TimeDelta::seconds(1)), (vec![first.kid.as_str()], 2));
    assert_eq!(at(switch), (vec![next.kid.as_str()], 2));
    assert_eq!(at(end), (vec![next.kid.as_str()], 1));
    let views = world.operator.signing_keys(Some(world.id)).await.unwrap();
    assert_eq!(views.iter().map(|view| &view.kid).collect::<Vec<_>>(), [&first.kid, &next.kid]);
}

/// [THREATS KD-02] However many nodes rotate, one successor is published, and the next one not
/// before that signs.
#[tokio::test(flavor = "multi_thread")]
async fn kd_02_several_nodes_publish_one_successor() {
    let world = world_with(8).await;
    world.tenant.insert_signing_key(&key("RS256", now()), now()).await.unwrap();
    let rotate = |at: DateTime<Utc>| {
        let tenant = world.tenant.clone();
        let next = key("RS256", at + TimeDelta::hours(24));
        async move { tenant.rotate_signing_key(&next, at + TimeDelta::hours(26), at).await.unwrap() }
    };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        tasks.spawn(rotate(now()));
    }
    let rotations = tasks.join_all().await;
    assert_eq!(rotations.iter().filter(|it| **it == Rotation::Published).count(), 1);
    let before_it_signs = now() + TimeDelta::hours(23);
    assert_eq!(rotate(before_it_signs).await, Rotation::AlreadyPublished);
    assert_eq!(rotate(now() + TimeDelta::hours(24)).await, Rotation::Published);
    assert_eq!(world.operator.signing_keys(Some(world.id)).await.unwrap().len(), 3);
}

#[tokio::test]
async fn rotation_without_a_key_makes_the_first() {
    let world = world().await;
    let end = now() + TimeDelta::hours(1);
    let rotation = world.tenant.rotate_signing_key(&key("PS256", now()), end, now()).await.unwrap();
    assert_eq!(rotation, Rotation::Published);
}

/// [THREATS KD-01] What is published never holds a private member.
#[tokio::test]
async fn kd_01_private_member_in_the_public_part_is_refused() {
    let world = world().await;
    for member in ["d", "p", "q", "k"] {
        let mut bad = key("RS256", now());
        bad.public_jwk = json!({ "kty": "RSA", member: "secret" });
        let error = world.tenant.insert_signing_key(&bad, now()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused(why) if why == "signing_keys_jwk_is_public"));
    }
    let error = world.tenant.insert_signing_key(&key("HS256", now()), now()).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)));
}

/// The gateway destroys a key only when nothing that it signed is valid any more, by the
/// database's own clock.
#[tokio::test]
async fn expired_key_is_destroyed_and_no_other() {
    let world = world().await;
    let past = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
    world.tenant.insert_signing_key(&key("RS256", past), past).await.unwrap();
    let end = past + TimeDelta::hours(2);
    let switch = past + TimeDelta::hours(1);
    world.tenant.rotate_signing_key(&key("RS256", switch), end, past).await.unwrap();
    let before = world.tenant.cleanup(end - TimeDelta::seconds(1), 100).await.unwrap();
    assert_eq!(before.signing_keys, 0);
    let after = world.tenant.cleanup(end, 100).await.unwrap();
    assert_eq!(after.signing_keys, 1);
    assert_eq!(world.operator.signing_keys(Some(world.id)).await.unwrap().len(), 1);
}
