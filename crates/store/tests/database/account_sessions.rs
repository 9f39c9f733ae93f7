//! Who is signed in at the dashboard, until when, and for which tenants.

use broker::authority::Role;
use broker::id::AccountSessionId;
use chrono::TimeDelta;
use store::{InviteScope, SignInMethod};

use crate::accounts::{email, held, known, owner, session, staff};
use crate::common::connect_as;
use crate::fixture::{id, now, random, world};

/// A session ends when nobody was there for a while, and at its end however busy it is.
#[tokio::test]
async fn session_ends_when_idle_and_at_its_end() {
    let world = world().await;
    let account = known(&world, &email(), InviteScope::Operator).await;
    let (begun, hash) = session(&world, account).await;
    assert_eq!(begun.expires_at, now() + TimeDelta::hours(8));
    let idle = now() + TimeDelta::minutes(30);
    assert!(held(&world, hash, idle).await.is_none());
    assert!(held(&world, hash, idle + TimeDelta::seconds(1)).await.is_none());
    let mut at = now();
    while at + TimeDelta::minutes(29) < begun.expires_at {
        at += TimeDelta::minutes(29);
        assert!(held(&world, hash, at).await.is_some(), "{at}");
    }
    assert!(held(&world, hash, begun.expires_at - TimeDelta::seconds(1)).await.is_some());
    assert!(held(&world, hash, begun.expires_at).await.is_none());
    assert!(held(&world, random(), now()).await.is_none());
}

/// That somebody is there is written once a minute, not with every page.
#[tokio::test]
async fn session_is_noted_once_a_minute() {
    let world = world().await;
    let account = known(&world, &email(), InviteScope::Operator).await;
    let (begun, hash) = session(&world, account).await;
    let seen = async || {
        let mut connection = connect_as(world.url, "vestibule_operator").await;
        let sql = "select last_seen_at from account_sessions where session_id = $1";
        let at = sqlx::query_scalar(sql).bind(begun.id.0).fetch_one(&mut connection).await.unwrap();
        let at: chrono::DateTime<chrono::Utc> = at;
        (at - now()).num_seconds()
    };
    for (second, noted) in [(0, 0), (59, 0), (60, 60), (119, 60), (120, 120)] {
        assert!(held(&world, hash, now() + TimeDelta::seconds(second)).await.is_some());
        assert_eq!(seen().await, noted, "after {second} s");
    }
    let operators = world.operator.operators().await.unwrap();
    let own = operators.iter().find(|one| one.account == account).unwrap();
    assert_eq!(own.last_seen_at, Some(now() + TimeDelta::seconds(120)));
    assert!(own.is_set_up && own.has_passkey);
}

#[tokio::test]
async fn sessions_end_one_by_one_or_all_at_once_and_the_oldest_give_way() {
    let world = world().await;
    let account = known(&world, &email(), InviteScope::Operator).await;
    let stranger = known(&world, &email(), InviteScope::Operator).await;
    let (first, hash) = session(&world, account).await;
    assert!(!world.operator.end_session(stranger, first.id, now()).await.unwrap());
    assert!(world.operator.end_session(account, first.id, now()).await.unwrap());
    assert!(held(&world, hash, now()).await.is_none());
    let mut begun = Vec::new();
    for second in 0..52 {
        let (id, hash, at) = (AccountSessionId(id()), random(), now() + TimeDelta::seconds(second));
        let end = at + TimeDelta::hours(8);
        let method = SignInMethod::Passkey;
        assert!(world.operator.start_session(account, id, hash, method, end, at).await.unwrap());
        begun.push((id, hash));
    }
    let at = now() + TimeDelta::minutes(2);
    for (number, (_, hash)) in begun.iter().enumerate() {
        assert_eq!(held(&world, *hash, at).await.is_some(), number >= 2, "{number}");
    }
    let (kept, hash) = begun[51];
    assert_eq!(world.operator.end_sessions_of(account, Some(kept), None, at).await.unwrap(), 49);
    assert!(held(&world, hash, at).await.is_some());
    assert_eq!(world.operator.end_sessions_of(account, None, None, at).await.unwrap(), 1);
    let method = SignInMethod::Link;
    let nobody = broker::id::AccountId(id());
    let end = at + TimeDelta::hours(1);
    let begun = world.operator.start_session(nobody, kept, hash, method, end, at).await.unwrap();
    assert!(!begun, "there is no such account");
}

/// [THREATS TN-02] A session says which tenants its account is of, as they are at that moment, and no
/// other.
#[tokio::test]
async fn tn_02_session_is_of_its_accounts_tenants_alone() {
    let (one, two, other) = (world().await, world().await, world().await);
    let address = email();
    let account = known(&one, &address, staff(&one, Role::Owner)).await;
    let manager = InviteScope::Staff {
        tenant: two.id,
        role: Role::DirectoryManager,
        directory: Some(two.directory),
    };
    let account_again = known(&two, &address, manager).await;
    assert_eq!(account, account_again);
    known(&other, &email(), owner(&other)).await;
    let (begun, hash) = session(&one, account).await;
    assert!(!begun.is_operator);
    let mut wanted = vec![
        (one.slug.to_string(), Role::Owner, None),
        (two.slug.to_string(), Role::DirectoryManager, Some("okta".to_owned())),
    ];
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    let found: Vec<_> = begun
        .memberships
        .iter()
        .map(|one| {
            (one.slug.to_string(), one.role, one.directory.as_ref().map(ToString::to_string))
        })
        .collect();
    assert_eq!(found, wanted);
    // With the directory its manager goes, and with the tenant its owner; then nothing is left.
    let mut tx = two.operator.begin().await.unwrap();
    assert!(tx.remove_directory(two.id, two.directory, now()).await.unwrap());
    tx.commit().await.unwrap();
    let left = held(&one, hash, now()).await.unwrap().memberships;
    assert_eq!(left.iter().map(|one| &one.slug).collect::<Vec<_>>(), [&one.slug]);
    let mut tx = one.operator.begin().await.unwrap();
    assert!(tx.remove_tenant(one.id, now()).await.unwrap());
    tx.commit().await.unwrap();
    assert!(held(&one, hash, now()).await.is_none());
    assert!(one.operator.account(account).await.unwrap().is_none());
}
