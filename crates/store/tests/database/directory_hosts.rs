//! Where a directory was at its first sign-in.

use std::collections::BTreeSet;

use store::{DirectorySecretChanges, SecretChange};

use crate::fixture::{World, directory_settings, now, world};

fn hosts(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn known(world: &World) -> (i64, BTreeSet<String>) {
    let record = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap();
    (record.version, record.directories[0].endpoint_hosts.clone())
}

/// Writes the directory's settings, changed so.
async fn put(world: &World, change: impl FnOnce(&mut broker::settings::DirectorySettings)) {
    let mut settings = directory_settings("okta");
    change(&mut settings);
    let mut tx = world.operator.begin().await.unwrap();
    let kept = DirectorySecretChanges { current: SecretChange::Keep, next: SecretChange::Keep };
    tx.put_directory(world.id, &settings, kept, now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A world whose directory was seen at `a.example:443`.
async fn seen() -> World {
    let world = world().await;
    let (version, before) = known(&world).await;
    assert!(before.is_empty());
    let here = hosts(&["a.example:443"]);
    assert!(world.tenant.note_endpoint_hosts(world.directory, &here, version).await.unwrap());
    assert_eq!(known(&world).await.1, here);
    world
}

#[tokio::test]
async fn up_07_the_first_sight_of_a_directory_is_kept_and_told_to_every_node() {
    let world = world().await;
    let (before, _) = known(&world).await;
    let (here, there) = (hosts(&["a.example:443", "b.example:443"]), hosts(&["evil.example:443"]));
    assert!(world.tenant.note_endpoint_hosts(world.directory, &here, before).await.unwrap());
    let (after, kept) = known(&world).await;
    assert_eq!(kept, here);
    assert!(after > before);
    for version in [before, after] {
        let noted = world.tenant.note_endpoint_hosts(world.directory, &there, version);
        assert!(!noted.await.unwrap());
    }
    assert_eq!(known(&world).await, (after, here));
}

/// The login may have been through another provider than the settings name now.
#[tokio::test]
async fn up_07_nothing_is_noted_of_a_configuration_that_has_changed_since() {
    let world = world().await;
    let (version, _) = known(&world).await;
    put(&world, |settings| settings.client_id = "another".to_owned()).await;
    let here = hosts(&["a.example:443"]);
    assert!(!world.tenant.note_endpoint_hosts(world.directory, &here, version).await.unwrap());
    assert!(known(&world).await.1.is_empty());
}

#[tokio::test]
async fn up_08_a_directory_may_be_elsewhere_once_its_provider_changed_or_the_operator_said_so() {
    let kept = seen().await;
    put(&kept, |settings| settings.name = "Other".to_owned()).await;
    assert_eq!(known(&kept).await.1, hosts(&["a.example:443"]));
    put(&kept, |settings| settings.issuer = "https://other.example".to_owned()).await;
    assert!(known(&kept).await.1.is_empty());

    let replaced = seen().await;
    let endpoint = ("userinfo_endpoint".to_owned(), "https://u.example/".to_owned());
    put(&replaced, |settings| settings.metadata = [endpoint].into()).await;
    assert!(known(&replaced).await.1.is_empty());

    let approved = seen().await;
    let mut forgotten = Vec::new();
    for _ in 0..2 {
        let mut tx = approved.operator.begin().await.unwrap();
        let forgot =
            tx.forget_endpoint_hosts(approved.id, approved.directory, now()).await.unwrap();
        tx.commit().await.unwrap();
        forgotten.push(forgot);
    }
    assert_eq!(forgotten, [true, false]);
    assert!(known(&approved).await.1.is_empty());
}
