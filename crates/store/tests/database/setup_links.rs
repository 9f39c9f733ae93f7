//! Links with which somebody without an account connects one directory.

use broker::id::LinkId;
use chrono::TimeDelta;
use store::{NewSetupLink, StoreError};

use crate::fixture::{World, id, now, random, world, world_with};

fn new(world: &World) -> NewSetupLink<'static> {
    NewSetupLink {
        tenant: world.id,
        link: LinkId(id()),
        directory: world.directory,
        note: "Kim of Okta",
        token_hash: random(),
        expires_at: now() + TimeDelta::days(7),
    }
}

/// A link that was stored.
async fn link(world: &World) -> NewSetupLink<'static> {
    let new = new(world);
    assert!(world.operator.add_setup_link(&new, now()).await.unwrap());
    new
}

/// [THREATS ID-13] Sixteen who open one link at once: one of them has a session, for that tenant's one
/// directory.
#[tokio::test]
async fn id_13_setup_link_is_opened_once_however_many_try() {
    let world = world_with(16).await;
    let link = link(&world).await;
    let view = world.operator.setup_link(link.token_hash, now()).await.unwrap().unwrap();
    assert_eq!((view.tenant_name.as_str(), view.directory.as_str()), ("Acme", "okta"));
    assert_eq!((view.note.as_str(), view.opened_at), ("Kim of Okta", None));
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (operator, session) = (world.operator.clone(), random::<32>());
        tries.spawn(async move {
            let opened = operator.open_setup_link(link.token_hash, session, now()).await.unwrap();
            (opened, session)
        });
    }
    let mut held = Vec::new();
    for (opened, session) in tries.join_all().await {
        let setup = world.operator.held_setup(session, now()).await.unwrap();
        assert_eq!(setup.is_some(), opened);
        held.extend(setup);
    }
    let [setup] = held.as_slice() else { panic!("{held:?}") };
    assert_eq!((setup.link, setup.tenant, &setup.slug), (link.link, world.id, &world.slug));
    assert_eq!((setup.directory.as_str(), setup.suspended), ("okta", false));
    assert_eq!(setup.expires_at, link.expires_at);
    assert!(world.operator.setup_link(link.token_hash, now()).await.unwrap().is_none());
    let log = world.operator.audit_entries(world.id.into(), 0, 100, "setup_link.").await.unwrap();
    let acts: Vec<_> = log.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, ["setup_link.created", "setup_link.opened"]);
}

/// [THREATS ID-13] A link works until its second, and so does the session that it became.
#[tokio::test]
async fn id_13_setup_link_and_its_session_end_on_the_second() {
    let world = world().await;
    let (link, operator) = (link(&world).await, &world.operator);
    let end = link.expires_at;
    for at in [end, end + TimeDelta::seconds(1)] {
        assert!(operator.setup_link(link.token_hash, at).await.unwrap().is_none());
        assert!(!operator.open_setup_link(link.token_hash, random(), at).await.unwrap());
    }
    assert!(!operator.open_setup_link(random(), random(), now()).await.unwrap());
    let (session, last): ([u8; 32], _) = (random(), end - TimeDelta::seconds(1));
    assert!(operator.open_setup_link(link.token_hash, session, last).await.unwrap());
    assert!(operator.held_setup(session, last).await.unwrap().is_some());
    assert!(operator.held_setup(session, end).await.unwrap().is_none());
    // The token of the link is not that of the session.
    assert!(operator.held_setup(link.token_hash, last).await.unwrap().is_none());
}

/// [THREATS TN-01] A link is listed and ended in its tenant alone, opened or not.
#[tokio::test]
async fn tn_01_setup_link_is_of_its_tenant_and_ends_with_its_session() {
    let (ours, theirs) = (world().await, world().await);
    let (link, operator) = (link(&ours).await, &ours.operator);
    let session = random();
    assert!(operator.open_setup_link(link.token_hash, session, now()).await.unwrap());
    assert!(!operator.remove_setup_link(theirs.id, link.link, now()).await.unwrap());
    assert!(operator.setup_links(theirs.id).await.unwrap().is_empty());
    let listed = operator.setup_links(ours.id).await.unwrap();
    assert_eq!((listed.len(), listed[0].opened_at), (1, Some(now())));
    assert!(operator.remove_setup_link(ours.id, link.link, now()).await.unwrap());
    assert!(!operator.remove_setup_link(ours.id, link.link, now()).await.unwrap());
    assert!(operator.held_setup(session, now()).await.unwrap().is_none());
    let crossed = NewSetupLink { directory: theirs.directory, ..new(&ours) };
    let refused = operator.add_setup_link(&crossed, now()).await.unwrap_err();
    assert!(refused.is_conflict_of("setup_links_directory_fkey"), "{refused}");
    let long = NewSetupLink { expires_at: now() + TimeDelta::days(31), ..new(&ours) };
    let refused = operator.add_setup_link(&long, now()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
}

#[tokio::test]
async fn setup_links_are_a_hundred_at_most_and_the_old_make_room() {
    let world = world().await;
    let mut made = 0;
    while world.operator.add_setup_link(&new(&world), now()).await.unwrap() {
        made += 1;
    }
    assert_eq!(made, 100);
    let later = now() + TimeDelta::days(7);
    let new = NewSetupLink { expires_at: later + TimeDelta::days(1), ..new(&world) };
    assert!(world.operator.add_setup_link(&new, later).await.unwrap());
    assert_eq!(world.operator.setup_links(world.id).await.unwrap().len(), 1);
}
