//! Who may do what in a tenant, and who reaches all of them.

use broker::authority::Role;
use broker::id::{AccountId, Slug};
use store::{InviteScope, MemberOutcome, StoreError};

use crate::accounts::{email, held, known, linked, owner, session, staff};
use crate::common::create_database;
use crate::fixture::{World, id, now, world, world_at, world_with};

async fn owners(world: &World) -> Vec<AccountId> {
    let members = world.operator.members(world.id).await.unwrap();
    let owners = members.into_iter().filter(|one| one.role == Role::Owner);
    owners.map(|one| one.account).collect()
}

/// [THREATS TN-12] Two owners who remove each other at the same moment, or make each other less: one of
/// them stays.
#[tokio::test]
async fn tn_12_tenant_keeps_an_owner_whoever_removes_whom() {
    let world = world_with(4).await;
    let operator = &world.operator;
    let mut one = known(&world, &email(), staff(&world, Role::Owner)).await;
    for round in 0..20 {
        let two = known(&world, &email(), staff(&world, Role::Owner)).await;
        let less = async |account| {
            if round % 2 == 0 {
                return operator.remove_member(world.id, account, now()).await.unwrap();
            }
            let viewer = operator.set_member(world.id, account, Role::Viewer, None, now());
            viewer.await.unwrap()
        };
        let (first, second) = tokio::join!(operator.remove_member(world.id, one, now()), less(two));
        let outcomes = [first.unwrap(), second];
        for outcome in [MemberOutcome::Done, MemberOutcome::LastOwner] {
            assert!(outcomes.contains(&outcome), "round {round}: {outcomes:?}");
        }
        let left = owners(&world).await;
        let [left] = left.as_slice() else { panic!("round {round}: {left:?}") };
        one = *left;
    }
    assert_eq!(
        operator.set_member(world.id, one, Role::Viewer, None, now()).await.unwrap(),
        MemberOutcome::LastOwner
    );
    assert_eq!(
        operator.set_member(world.id, one, Role::Owner, None, now()).await.unwrap(),
        MemberOutcome::Done
    );
}

/// [THREATS TN-12] Of two operators who remove each other one stays; one who cannot sign in does not
/// count, and may go.
#[tokio::test]
async fn tn_12_gateway_keeps_an_operator_who_can_sign_in() {
    let url = Box::leak(create_database().await.into_boxed_str());
    store::migrate(url).await.unwrap();
    let world = world_at(url, 4).await;
    let operator = &world.operator;
    let mut one = known(&world, &email(), InviteScope::Operator).await;
    let (awaited, _) = linked(&world, &email(), InviteScope::Operator).await;
    let alone = operator.remove_operator(one, now()).await.unwrap();
    assert_eq!(alone, MemberOutcome::LastOwner);
    for round in 0..20 {
        let two = known(&world, &email(), InviteScope::Operator).await;
        let (first, second) = tokio::join!(
            operator.remove_operator(one, now()),
            operator.remove_operator(two, now()),
        );
        let outcomes = [first.unwrap(), second.unwrap()];
        for outcome in [MemberOutcome::Done, MemberOutcome::LastOwner] {
            assert!(outcomes.contains(&outcome), "round {round}: {outcomes:?}");
        }
        let left = operator.operators().await.unwrap();
        let left: Vec<_> = left.iter().filter(|one| one.is_set_up).collect();
        assert_eq!(left.len(), 1, "round {round}");
        one = left[0].account;
    }
    assert_eq!(operator.remove_operator(awaited, now()).await.unwrap(), MemberOutcome::Done);
    assert_eq!(operator.remove_operator(awaited, now()).await.unwrap(), MemberOutcome::NotFound);
    assert!(operator.account(awaited).await.unwrap().is_none());
    let last = operator.remove_operator(one, now()).await.unwrap();
    assert_eq!(last, MemberOutcome::LastOwner);
}

/// An account stays for as long as it may do anything, and its sessions with it.
#[tokio::test]
async fn account_goes_with_the_last_that_it_may_do() {
    let (world, other) = (world().await, world().await);
    let operator = &world.operator;
    let address = email();
    let account = known(&world, &address, staff(&world, Role::Viewer)).await;
    known(&world, &address, staff(&other, Role::Editor)).await;
    known(&world, &address, InviteScope::Operator).await;
    let (_, cookie) = session(&world, account).await;
    let elsewhere = operator.remove_member(other.id, account, now()).await.unwrap();
    assert_eq!(elsewhere, MemberOutcome::Done);
    let again = operator.remove_member(other.id, account, now()).await.unwrap();
    assert_eq!(again, MemberOutcome::NotFound);
    assert_eq!(operator.remove_operator(account, now()).await.unwrap(), MemberOutcome::Done);
    let seen = held(&world, cookie, now()).await.unwrap();
    assert!(!seen.is_operator && seen.memberships.len() == 1);
    assert_eq!(
        operator.remove_member(world.id, account, now()).await.unwrap(),
        MemberOutcome::Done
    );
    assert!(held(&world, cookie, now()).await.is_none());
    assert!(operator.account_by_email(&address).await.unwrap().is_none());
}

/// [THREATS TN-01] Another tenant's staff are nobody there, and its directory is none.
#[tokio::test]
async fn tn_01_staff_of_another_tenant_are_not_found() {
    let (ours, theirs) = (world().await, world().await);
    let operator = &ours.operator;
    let account = known(&theirs, &email(), owner(&theirs)).await;
    let removed = operator.remove_member(ours.id, account, now()).await.unwrap();
    assert_eq!(removed, MemberOutcome::NotFound);
    let set = operator.set_member(ours.id, account, Role::Owner, None, now()).await.unwrap();
    assert_eq!(set, MemberOutcome::NotFound);
    assert!(operator.members(ours.id).await.unwrap().is_empty());
    let nobody = operator.set_member(ours.id, AccountId(id()), Role::Owner, None, now()).await;
    assert_eq!(nobody.unwrap(), MemberOutcome::NotFound);
    known(&ours, &email(), owner(&ours)).await;
    let own = known(&ours, &email(), owner(&ours)).await;
    let manager = Role::DirectoryManager;
    let crossed = operator
        .set_member(ours.id, own, manager, Some(theirs.directory), now())
        .await
        .unwrap_err();
    assert!(crossed.is_conflict_of("members_directory_fkey"), "{crossed}");
    let none = operator.set_member(ours.id, own, manager, None, now()).await.unwrap_err();
    assert!(matches!(none, StoreError::Refused(_)), "{none}");
    let done = operator.set_member(ours.id, own, manager, Some(ours.directory), now()).await;
    assert_eq!(done.unwrap(), MemberOutcome::Done);
    let members = operator.members(ours.id).await.unwrap();
    let view = members.iter().find(|one| one.account == own).unwrap();
    assert_eq!(view.directory.as_ref().map(Slug::as_str), Some("okta"));
    assert_eq!((view.name.as_str(), view.created_by.as_str()), ("Ada", "operator"));
}
