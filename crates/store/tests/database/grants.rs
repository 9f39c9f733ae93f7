//! A code counts once.

use chrono::TimeDelta;
use store::{GrantState, LoginCommit, Redeemed, Redemption, RevokedBecause};

use crate::fixture::{World, now, random, redemption, world, world_with};

async fn issued(world: &World) -> LoginCommit {
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    login
}

/// [THREATS TK-02] [RFC6749-4.1.2]
#[tokio::test(flavor = "multi_thread")]
async fn tk_02_parallel_redemptions_have_one_winner() {
    let world = world_with(32).await;
    let login = issued(&world).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (tenant, redemption) = (world.tenant.clone(), redemption(&login));
        tasks.spawn(async move { tenant.redeem_code(&redemption).await.unwrap() });
    }
    let outcomes = tasks.join_all().await;
    let count = |outcome: Redeemed| outcomes.iter().filter(|it| **it == outcome).count();
    assert_eq!((count(Redeemed::Yes), count(Redeemed::Replayed)), (1, 63));
    // The others have ended what the first one got. (THREATS TK-01)
    let code = login.grant.as_ref().unwrap().code_hash;
    let grant = world.tenant.grant_by_code(code).await.unwrap().unwrap();
    assert_eq!(grant.state, GrantState::Revoked { at: now() });
    assert!(grant.access_token_expires_at.is_some());
}

/// What a code gave works.
#[tokio::test]
async fn tk_02_redeemed_code_gives_an_access_token() {
    let world = world().await;
    let login = issued(&world).await;
    let redemption = redemption(&login);
    assert_eq!(world.tenant.redeem_code(&redemption).await.unwrap(), Redeemed::Yes);
    let token = redemption.access_token_hash;
    let grant = world.tenant.grant_by_access_token(token, now()).await.unwrap().unwrap();
    assert_eq!(grant.state, GrantState::Redeemed { at: now() });
}

#[tokio::test]
async fn tk_04_expired_or_unknown_code_is_not_redeemed() {
    let world = world().await;
    let login = issued(&world).await;
    let mut late = redemption(&login);
    late.now = login.grant.as_ref().unwrap().code_expires_at;
    assert_eq!(world.tenant.redeem_code(&late).await.unwrap(), Redeemed::No);
    let unknown = Redemption { code_hash: random(), ..redemption(&login) };
    assert_eq!(world.tenant.redeem_code(&unknown).await.unwrap(), Redeemed::No);
    assert_eq!(world.tenant.redeem_code(&redemption(&login)).await.unwrap(), Redeemed::Yes);
}

/// [THREATS TK-03]
#[tokio::test]
async fn tk_03_code_of_another_tenant_is_unknown() {
    let (ours, theirs) = (world().await, world().await);
    let login = issued(&theirs).await;
    assert_eq!(ours.tenant.redeem_code(&redemption(&login)).await.unwrap(), Redeemed::No);
    let code = login.grant.as_ref().unwrap().code_hash;
    assert!(ours.tenant.grant_by_code(code).await.unwrap().is_none());
    assert_eq!(theirs.tenant.redeem_code(&redemption(&login)).await.unwrap(), Redeemed::Yes);
}

/// [THREATS TK-05] A code whose proof failed is used up.
#[tokio::test]
async fn tk_05_consumed_code_gives_nothing() {
    let world = world().await;
    let login = issued(&world).await;
    let code = login.grant.as_ref().unwrap().code_hash;
    let because = RevokedBecause::VerifierMismatch;
    assert!(world.tenant.consume_code(code, now(), because).await.unwrap());
    assert!(!world.tenant.consume_code(code, now(), because).await.unwrap());
    assert_eq!(world.tenant.redeem_code(&redemption(&login)).await.unwrap(), Redeemed::No);
    let grant = world.tenant.grant_by_code(code).await.unwrap().unwrap();
    assert_eq!(grant.state, GrantState::Revoked { at: now() });
}

#[tokio::test]
async fn redeemed_code_cannot_be_consumed() {
    let world = world().await;
    let login = issued(&world).await;
    assert_eq!(world.tenant.redeem_code(&redemption(&login)).await.unwrap(), Redeemed::Yes);
    let code = login.grant.as_ref().unwrap().code_hash;
    let because = RevokedBecause::VerifierMismatch;
    assert!(!world.tenant.consume_code(code, now(), because).await.unwrap());
}

/// [THREATS TK-01]
#[tokio::test]
async fn tk_01_revoked_grant_ends_its_access_token() {
    let world = world().await;
    let login = issued(&world).await;
    let redemption = redemption(&login);
    world.tenant.redeem_code(&redemption).await.unwrap();
    let token = redemption.access_token_hash;
    assert!(world.tenant.grant_by_access_token(token, now()).await.unwrap().is_some());
    let id = login.grant.as_ref().unwrap().id;
    for (because, first) in
        [(RevokedBecause::CodeReplayed, true), (RevokedBecause::Operator, false)]
    {
        assert_eq!(world.tenant.revoke_grant(id, because, "imis", now()).await.unwrap(), first);
    }
    assert!(world.tenant.grant_by_access_token(token, now()).await.unwrap().is_none());
    let views = world.operator.login_by_support_code(&login.login.support_code()).await.unwrap();
    let timeline = &views.iter().find(|view| view.login == login.login).unwrap().timeline;
    assert!(timeline.events().last().unwrap().text.contains("second time"));
}

#[tokio::test]
async fn access_token_ends_on_time() {
    let world = world().await;
    let login = issued(&world).await;
    let redemption = redemption(&login);
    world.tenant.redeem_code(&redemption).await.unwrap();
    let end = redemption.access_token_expires_at;
    let at = |time| world.tenant.grant_by_access_token(redemption.access_token_hash, time);
    assert!(at(end - TimeDelta::seconds(1)).await.unwrap().is_some());
    assert!(at(end).await.unwrap().is_none());
}

/// Every reason is one that the table knows.
#[tokio::test]
async fn every_reason_can_be_stored() {
    let world = world().await;
    for because in [
        RevokedBecause::CodeReplayed,
        RevokedBecause::VerifierMismatch,
        RevokedBecause::SessionEnded,
        RevokedBecause::UserBlocked,
        RevokedBecause::Operator,
        RevokedBecause::RefreshReused,
        RevokedBecause::Application,
    ] {
        let login = world.login(because.as_str());
        world.tenant.commit_login(&login).await.unwrap();
        let id = login.grant.unwrap().id;
        assert!(world.tenant.revoke_grant(id, because, "imis", now()).await.unwrap());
    }
}

/// [RFC6749-4.1.2] The table itself refuses a code that lives longer than a minute.
#[tokio::test]
async fn long_lived_code_is_refused() {
    let world = world().await;
    let mut login = world.login("ada");
    login.grant.as_mut().unwrap().code_expires_at = now() + TimeDelta::seconds(61);
    let error = world.tenant.commit_login(&login).await.unwrap_err();
    assert!(error.to_string().contains("grants_code_is_short_lived"), "{error}");
}
