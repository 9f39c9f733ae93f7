//! Who somebody of the staff is at a directory: connected by themselves, ended with what it hangs on, and
//! good for one tenant.

use broker::authority::Role;
use broker::id::{AccountId, AccountSessionId};
use broker::settings::{DirectorySettings, DirectoryState};
use broker::staff_sign_in::{StaffIdentity, provider};
use chrono::TimeDelta;
use store::{
    ConnectOutcome, DirectorySecretChanges, HeldSession, InviteOutcome, InviteScope,
    NewCredentials, SecretChange, SignInMethod, StoreError,
};

use crate::accounts::{account, email, held, invite, known, linked, owner, session, staff};
use crate::common::connect_as;
use crate::fixture::{World, directory_settings, id, now, random, world, world_with};

fn settings() -> DirectorySettings {
    let state = DirectoryState::Active;
    DirectorySettings { staff_sign_in: true, state, ..directory_settings("okta") }
}

async fn put(world: &World, settings: &DirectorySettings) {
    let mut tx = world.operator.begin().await.unwrap();
    let secrets = DirectorySecretChanges { current: SecretChange::Keep, next: SecretChange::Keep };
    tx.put_directory(world.id, settings, secrets, now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A tenant whose directory signs staff in.
async fn open() -> World {
    let world = world_with(8).await;
    put(&world, &settings()).await;
    world
}

fn identity(world: &World, subject: &str) -> StaffIdentity {
    StaffIdentity {
        tenant: world.id,
        directory: world.directory,
        issuer: "https://idp.example".to_owned(),
        subject: subject.to_owned(),
        provider: provider(&settings()),
    }
}

async fn connect(world: &World, by: &HeldSession, subject: &str) -> ConnectOutcome {
    world.operator.connect_identity(by, &identity(world, subject), now()).await.unwrap()
}

/// Signs in by an identity; `None`: nobody is connected with it.
async fn through(world: &World, identity: &StaffIdentity) -> Option<[u8; 32]> {
    let account = world.operator.account_by_identity(identity).await.unwrap()?;
    let (who, hash) = ((account, AccountSessionId(id())), random());
    let end = now() + TimeDelta::hours(8);
    let begun = world.operator.start_session_through(who, hash, identity, end, now());
    begun.await.unwrap().then_some(hash)
}

/// One of the staff, connected as `ada`.
async fn ada(world: &World, role: Role) -> (AccountId, HeldSession) {
    let account = known(world, &email(), staff(world, role)).await;
    let (by, _) = session(world, account).await;
    assert_eq!(connect(world, &by, "ada").await, ConnectOutcome::Done);
    (account, by)
}

/// [THREATS TN-12] [THREATS ID-09] What a directory says reaches its tenant, with the role there, and
/// nothing else: neither the rights of an operator nor another tenant.
#[tokio::test]
async fn tn_12_id_09_session_through_a_directory_reaches_its_tenant_alone() {
    let (here, other) = (open().await, world().await);
    let address = email();
    let account = known(&here, &address, InviteScope::Operator).await;
    for (world, role) in [(&here, Role::Editor), (&other, Role::Owner)] {
        invite(world, &address, staff(world, role)).await;
    }
    let (by, own) = session(&here, account).await;
    assert_eq!((by.is_operator, by.memberships.len(), by.through), (true, 2, None));
    assert_eq!(connect(&here, &by, "ada").await, ConnectOutcome::Done);
    let hash = through(&here, &identity(&here, "ada")).await.unwrap();
    let session = held(&here, hash, now()).await.unwrap();
    assert_eq!((session.account, session.method), (account, SignInMethod::Directory));
    assert!(!session.is_operator);
    let [only] = session.memberships.as_slice() else { panic!("{:?}", session.memberships) };
    assert_eq!((only.tenant, only.role), (here.id, Role::Editor));
    assert_eq!(
        session.through.map(|one| (one.tenant, one.directory)),
        Some((here.id, here.directory))
    );
    assert!(held(&here, own, now()).await.unwrap().is_operator);
    // It ends those of its kind alone, and however many begin, they push no other out.
    for _ in 0..51 {
        through(&here, &identity(&here, "ada")).await.unwrap();
    }
    let ended = here.operator.end_sessions_of(account, None, Some(here.id), now()).await.unwrap();
    assert_eq!(ended, 50);
    assert!(held(&here, own, now()).await.unwrap().is_operator);
    // Without an identity nobody signs in like that.
    let (id, end) = (AccountSessionId(id()), now() + TimeDelta::hours(1));
    let method = SignInMethod::Directory;
    let bare = here.operator.start_session(account, id, random(), method, end, now()).await;
    assert!(!bare.unwrap());
    let log =
        here.operator.audit_entries(here.id.into(), 0, 100, "member.directory").await.unwrap();
    assert!(!log[0].subject.contains("ada"), "{}", log[0].subject);
    assert_eq!(log[0].act, "member.directory_connected");
}

/// [THREATS ID-09] An identity is one account's, and an account is one identity of a directory.
#[tokio::test]
async fn id_09_identity_is_one_accounts() {
    let world = open().await;
    let (account, by) = ada(&world, Role::Owner).await;
    let thief = known(&world, &email(), staff(&world, Role::Viewer)).await;
    let (thief, _) = session(&world, thief).await;
    assert_eq!(connect(&world, &thief, "ada").await, ConnectOutcome::Taken);
    let found = world.operator.account_by_identity(&identity(&world, "ada")).await.unwrap();
    assert_eq!(found, Some(account));
    // Another in its place ends the sessions that the first made.
    let hash = through(&world, &identity(&world, "ada")).await.unwrap();
    assert_eq!(connect(&world, &by, "ada2").await, ConnectOutcome::Done);
    assert!(held(&world, hash, now()).await.is_none());
    assert!(through(&world, &identity(&world, "ada")).await.is_none());
    assert_eq!(connect(&world, &thief, "ada").await, ConnectOutcome::Done);
}

/// [THREATS ID-09] Nobody connects what is not of their tenant, or in a session that has ended.
#[tokio::test]
async fn id_09_nobody_connects_a_directory_of_others() {
    let (world, other) = (open().await, open().await);
    let account = known(&other, &email(), staff(&other, Role::Owner)).await;
    let (by, _) = session(&other, account).await;
    assert_eq!(connect(&world, &by, "eve").await, ConnectOutcome::Closed);
    put(&other, &DirectorySettings { staff_sign_in: false, ..settings() }).await;
    assert_eq!(connect(&other, &by, "eve").await, ConnectOutcome::Closed);
    put(&other, &settings()).await;
    other.operator.end_session(account, by.id, now()).await.unwrap();
    assert_eq!(connect(&other, &by, "eve").await, ConnectOutcome::Closed);
}

/// [THREATS UP-09] [THREATS TK-12] What is switched off, or becomes another provider, signs nobody in,
/// and sessions that it made are refused; switched on again, it is what it was.
#[tokio::test]
async fn up_09_tk_12_connection_does_not_follow_the_directory() {
    let world = open().await;
    ada(&world, Role::Owner).await;
    let here = identity(&world, "ada");
    let hash = through(&world, &here).await.unwrap();
    let metadata = [("jwks_uri".to_owned(), "https://evil.example/keys".to_owned())];
    for changed in [
        DirectorySettings { issuer: "https://evil.example".into(), ..settings() },
        DirectorySettings { client_id: "evil".into(), ..settings() },
        DirectorySettings { metadata: metadata.into(), ..settings() },
        DirectorySettings { state: DirectoryState::Paused, ..settings() },
        DirectorySettings { staff_sign_in: false, ..settings() },
    ] {
        put(&world, &changed).await;
        assert!(held(&world, hash, now()).await.is_none(), "{changed:?}");
        for provider in [here.provider.clone(), provider(&changed)] {
            let identity = StaffIdentity { provider, ..here.clone() };
            assert!(through(&world, &identity).await.is_none(), "{changed:?}");
        }
        put(&world, &settings()).await;
        assert!(held(&world, hash, now()).await.is_some());
    }
    let policy = broker::settings::TenantPolicy { suspended: true, ..Default::default() };
    let mut tx = world.operator.begin().await.unwrap();
    tx.put_tenant(&world.slug, "Acme", policy, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(held(&world, hash, now()).await.is_none());
    assert!(through(&world, &here).await.is_none());
}

/// [THREATS TK-12] A connection, and what it made, ends with the connection, the membership and the
/// directory; a directory that takes another's name is another.
#[tokio::test]
async fn tk_12_session_ends_with_what_it_hangs_on() {
    let world = open().await;
    let operator = &world.operator;
    known(&world, &email(), staff(&world, Role::Owner)).await;
    let here = identity(&world, "ada");
    let (_, by) = ada(&world, Role::Owner).await;
    let hash = through(&world, &here).await.unwrap();
    let there = (world.id, world.directory);
    assert!(operator.disconnect_identity(&by, there, now()).await.unwrap());
    assert!(!operator.disconnect_identity(&by, there, now()).await.unwrap());
    assert!(held(&world, hash, now()).await.is_none());
    assert!(through(&world, &here).await.is_none());

    assert_eq!(connect(&world, &by, "ada").await, ConnectOutcome::Done);
    let hash = through(&world, &here).await.unwrap();
    operator.set_member(world.id, by.account, Role::Viewer, None, now()).await.unwrap();
    assert_eq!(held(&world, hash, now()).await.unwrap().memberships[0].role, Role::Viewer);
    // Their account stays, for they belong to another tenant as well.
    invite(&world, &by.email, InviteScope::Operator).await;
    operator.remove_member(world.id, by.account, now()).await.unwrap();
    assert!(held(&world, hash, now()).await.is_none());
    assert!(operator.account_by_identity(&here).await.unwrap().is_none());

    let (_, _) = ada(&world, Role::Viewer).await;
    let hash = through(&world, &here).await.unwrap();
    let mut tx = operator.begin().await.unwrap();
    tx.remove_directory(world.id, world.directory, now()).await.unwrap();
    tx.commit().await.unwrap();
    put(&world, &settings()).await;
    assert!(held(&world, hash, now()).await.is_none());
    assert!(through(&world, &here).await.is_none());
}

/// [THREATS ID-13] [THREATS ID-10] A link sets an account up with a directory, once. That account is let
/// in nowhere else by it, and its own tenant's owners get no link to it.
#[tokio::test]
async fn id_13_id_10_link_sets_up_with_a_directory_of_the_tenant() {
    let (world, other) = (open().await, world().await);
    let address = email();
    let (account, link) = linked(&world, &address, owner(&world)).await;
    let operator = &world.operator;
    let foreign =
        StaffIdentity { tenant: other.id, directory: other.directory, ..identity(&world, "a") };
    let new = NewCredentials { name: "Ada", identity: Some(&foreign), ..Default::default() };
    let refused = operator.set_up_account(account, link, &new, now()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    let here = identity(&world, "ada");
    let new = NewCredentials { name: "Ada", identity: Some(&here), ..Default::default() };
    assert!(operator.set_up_account(account, link, &new, now()).await.unwrap());
    assert!(!operator.set_up_account(account, link, &new, now()).await.unwrap());
    assert!(self::account(&world, account).await.is_set_up());
    assert!(through(&world, &here).await.is_some());
    let members = operator.members(world.id).await.unwrap();
    let own = members.iter().find(|one| one.account == account).unwrap();
    assert!(own.is_set_up && own.has_directory && !own.has_passkey && !own.has_password);

    let (again, _) = invite(&world, &address, owner(&world)).await;
    assert_eq!(again, InviteOutcome::AlreadySetUp(account));
    assert_eq!(invite(&other, &address, owner(&other)).await.0, InviteOutcome::Elsewhere);
    // An operator's link takes the place of all that, once it is used.
    let (_, link) = linked(&other, &address, staff(&other, Role::Viewer)).await;
    assert!(through(&world, &here).await.is_some());
    assert!(crate::accounts::set_up(&world, account, link).await);
    assert!(through(&world, &here).await.is_none());
}

/// When somebody was last at a tenant is told there; where else they were is not.
#[tokio::test]
async fn tn_01_owner_learns_when_somebody_was_at_their_tenant() {
    let (world, other) = (world().await, world().await);
    let address = email();
    let account = known(&world, &address, staff(&world, Role::Viewer)).await;
    invite(&other, &address, staff(&other, Role::Viewer)).await;
    let (_, hash) = session(&world, account).await;
    let operator = &world.operator;
    let seen = async |of: &World| {
        let members = of.operator.members(of.id).await.unwrap();
        members.iter().find(|one| one.account == account).unwrap().last_seen_at
    };
    assert_eq!((seen(&world).await, seen(&other).await), (None, None));
    for (second, noted) in [(0, 0), (59, 0), (60, 60)] {
        let at = now() + TimeDelta::seconds(second);
        operator.note_member_seen(world.id, account, at).await.unwrap();
        assert_eq!(seen(&world).await, Some(now() + TimeDelta::seconds(noted)));
    }
    assert_eq!(seen(&other).await, None);
    let session = held(&world, hash, now()).await.unwrap();
    let noted: Vec<_> = session.memberships.iter().map(|one| one.last_seen_at.is_some()).collect();
    assert_eq!(noted.iter().filter(|noted| **noted).count(), 1);
}

/// [THREATS ID-13] A node of the release before knows of no connections: an account that is set up
/// anew there loses them all the same.
#[tokio::test]
async fn id_13_account_that_is_set_up_anew_at_an_older_node_is_connected_with_nobody() {
    let world = open().await;
    let (account, _) = ada(&world, Role::Owner).await;
    assert!(through(&world, &identity(&world, "ada")).await.is_some());
    let mut older = connect_as(world.url, "vestibule_operator").await;
    sqlx::query("update accounts set is_vouched = true where account_id = $1")
        .bind(account.0)
        .execute(&mut older)
        .await
        .unwrap();
    assert!(through(&world, &identity(&world, "ada")).await.is_none());
}
