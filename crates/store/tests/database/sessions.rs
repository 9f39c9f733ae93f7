//! A session that ends: what ends with it, and that it stays ended.

use std::time::Duration;

use broker::id::LoginId;
use broker::user::Resolved;
use chrono::TimeDelta;
use store::{
    GrantState, LoginCommit, LoginOutcome, NewSession, Redeemed, Redemption, ReuseCommit,
    ReuseOutcome, SecretChange,
};

use crate::fixture::{
    World, directory_settings, grant, id, now, random, refresh_token, timeline, world, world_with,
};

async fn signed_in(world: &World, subject: &str) -> LoginCommit {
    let login = world.login(subject);
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    login
}

fn reuse(world: &World, login: &LoginCommit) -> ReuseCommit {
    ReuseCommit {
        login: LoginId(id()),
        application: world.application,
        session: login.session.id,
        grant: Some(grant(&login.user.user().sub)),
        started_at: now(),
        now: now(),
        timeline: timeline("from the session"),
    }
}

/// The redemption of a code that the application of the fixture holds.
fn redemption(code_hash: [u8; 32]) -> Redemption {
    Redemption {
        code_hash,
        client_id: "imis".to_owned(),
        access_token_hash: random(),
        access_token_expires_at: now() + TimeDelta::hours(1),
        refresh: Some(refresh_token()),
        now: now(),
    }
}

#[tokio::test]
async fn br_13_ended_session_takes_its_codes_and_tokens_with_it_and_says_so() {
    let world = world().await;
    let (login, other) = (signed_in(&world, "ada").await, signed_in(&world, "eve").await);
    let redeemed = redemption(login.grant.as_ref().unwrap().code_hash);
    assert_eq!(world.tenant.redeem_code(&redeemed).await.unwrap(), Redeemed::Yes);
    let waiting = reuse(&world, &login);
    assert_eq!(world.tenant.commit_reuse(&waiting).await.unwrap(), ReuseOutcome::Committed);

    assert!(world.tenant.end_session(login.session.id, now()).await.unwrap());
    assert!(!world.tenant.end_session(login.session.id, now()).await.unwrap());

    let live = |session: &NewSession| world.tenant.session(session.token_hash, now());
    assert!(live(&login.session).await.unwrap().is_none());
    assert!(live(&other.session).await.unwrap().is_some());
    let token = redeemed.access_token_hash;
    assert!(world.tenant.grant_by_access_token(token, now()).await.unwrap().is_none());
    let code = waiting.grant.as_ref().unwrap().code_hash;
    assert_eq!(world.tenant.redeem_code(&redemption(code)).await.unwrap(), Redeemed::No);
    let revoked = world.tenant.grant_by_code(code).await.unwrap().unwrap();
    assert_eq!(revoked.state, GrantState::Revoked { at: now() });
    let code = other.grant.as_ref().unwrap().code_hash;
    assert_eq!(world.tenant.redeem_code(&redemption(code)).await.unwrap(), Redeemed::Yes);
    let told = "select count(*) from logins where tenant_id = $1 and events::text like \
                '%the session ended, and the grant was revoked%'";
    assert_eq!(world.count(told).await, 2);
}

/// A fresh sign-in leaves the grants of the session that it replaces; whoever ends that one as well
/// ends them.
#[tokio::test]
async fn br_13_session_that_was_replaced_takes_its_grants_with_it_when_it_is_ended() {
    let world = world().await;
    let first = signed_in(&world, "ada").await;
    let redeemed = redemption(first.grant.as_ref().unwrap().code_hash);
    assert_eq!(world.tenant.redeem_code(&redeemed).await.unwrap(), Redeemed::Yes);
    let mut second = world.login("ada");
    second.user = Resolved::Known(first.user.user().clone());
    second.session.replaces = Some(first.session.token_hash);
    assert_eq!(world.tenant.commit_login(&second).await.unwrap(), LoginOutcome::Committed);
    let works = || world.tenant.grant_by_access_token(redeemed.access_token_hash, now());
    assert!(works().await.unwrap().is_some());
    assert!(!world.tenant.end_session(first.session.id, now()).await.unwrap());
    assert!(works().await.unwrap().is_none());
    assert!(world.tenant.session(second.session.token_hash, now()).await.unwrap().is_some());
}

/// What another provider vouched for is worth nothing once the directory is this one.
#[tokio::test]
async fn up_09_tk_12_directory_that_becomes_another_ends_its_sessions_and_grants() {
    let world = world().await;
    let login = signed_in(&world, "ada").await;
    let redeemed = redemption(login.grant.as_ref().unwrap().code_hash);
    assert_eq!(world.tenant.redeem_code(&redeemed).await.unwrap(), Redeemed::Yes);
    let put = async |issuer: &str, name: &str| {
        let mut settings = directory_settings("okta");
        (settings.issuer, settings.name) = (issuer.to_owned(), name.to_owned());
        let mut tx = world.operator.begin().await.unwrap();
        tx.put_directory(world.id, &settings, SecretChange::Keep.into(), now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let live = || world.tenant.session(login.session.token_hash, now());
    let works = || world.tenant.grant_by_access_token(redeemed.access_token_hash, now());
    put(&directory_settings("okta").issuer, "Another name").await;
    assert!(live().await.unwrap().is_some() && works().await.unwrap().is_some());
    put("https://elsewhere.example", "Another name").await;
    assert!(live().await.unwrap().is_none() && works().await.unwrap().is_none());
}

/// A request that began before the logout and commits after it finds the tombstone; so does one
/// that writes to it on purpose.
#[tokio::test]
async fn br_13_ended_session_is_never_alive_again() {
    let world = world().await;
    let login = signed_in(&world, "ada").await;
    let late = reuse(&world, &login);
    assert!(world.tenant.end_session(login.session.id, now()).await.unwrap());
    assert_eq!(world.tenant.commit_reuse(&late).await.unwrap(), ReuseOutcome::SessionEnded);
    let mut again = world.login("eve");
    again.session.token_hash = login.session.token_hash;
    assert!(world.tenant.commit_login(&again).await.is_err(), "a session's value was used twice");
    let mut same = world.login("eve");
    same.session.id = login.session.id;
    assert!(world.tenant.commit_login(&same).await.is_err(), "a session's id was used twice");

    let mut operator = crate::common::connect_as(world.url, "vestibule_operator").await;
    let revived = sqlx::query("update sessions set ended_at = null where tenant_id = $1")
        .bind(world.id.0)
        .execute(&mut operator)
        .await;
    assert!(revived.is_err());
    assert!(world.tenant.session(login.session.token_hash, now()).await.unwrap().is_none());
}

/// Logins that are answered by the session at the very moment of the logout: each is either refused
/// or its grant is revoked. None is left with a code that works.
#[tokio::test(flavor = "multi_thread")]
async fn br_13_logout_among_parallel_logins_leaves_no_grant() {
    let world = world_with(32).await;
    for round in 0..8 {
        let login = signed_in(&world, &format!("ada-{round}")).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (tenant, reuse) = (world.tenant.clone(), reuse(&world, &login));
            tasks.spawn(async move { tenant.commit_reuse(&reuse).await.unwrap() });
        }
        let (tenant, session) = (world.tenant.clone(), login.session.id);
        tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(round)).await;
            assert!(tenant.end_session(session, now()).await.unwrap());
            ReuseOutcome::SessionEnded
        });
        tasks.join_all().await;
        let alive = "select count(*) from grants where tenant_id = $1 and revoked_at is null";
        assert_eq!(world.count(alive).await, 0, "round {round}");
    }
}

#[tokio::test]
async fn br_10_session_knows_its_applications_longer_than_their_grants() {
    let (world, theirs) = (world().await, world().await);
    let login = signed_in(&world, "ada").await;
    assert_eq!(
        world.tenant.applications_of_session(login.session.id).await.unwrap(),
        [world.application]
    );
    assert_eq!(theirs.tenant.applications_of_session(login.session.id).await.unwrap(), []);
    let report = world.tenant.cleanup(now() + TimeDelta::hours(3), 100).await.unwrap();
    assert_eq!(report.grants, 1);
    let ours = world.tenant.applications_of_session(login.session.id).await.unwrap();
    assert_eq!(ours, [world.application]);
}

#[tokio::test]
async fn br_04_session_of_another_tenant_is_not_ended() {
    let (ours, theirs) = (world().await, world().await);
    let login = signed_in(&theirs, "ada").await;
    assert!(!ours.tenant.end_session(login.session.id, now()).await.unwrap());
    assert!(theirs.tenant.session(login.session.token_hash, now()).await.unwrap().is_some());
}
