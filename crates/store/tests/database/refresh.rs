//! A family of refresh tokens has one that works.

use chrono::TimeDelta;
use store::{
    CleanupReport, GrantState, LoginCommit, NewRefreshToken, PresentedToken, Redeemed, Refresh,
    Refreshed, RevokedToken,
};

use crate::common::connect_as;
use crate::fixture::{World, id, now, random, redemption, refresh_token, world, world_with};

/// A grant that was redeemed, with its first refresh token.
async fn family(world: &World) -> (LoginCommit, NewRefreshToken) {
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    let token = refresh_token();
    let redemption = store::Redemption { refresh: Some(token), ..redemption(&login) };
    assert_eq!(world.tenant.redeem_code(&redemption).await.unwrap(), Redeemed::Yes);
    (login, token)
}

/// The exchange of a token of the family, some seconds after it was begun.
fn exchange(world: &World, family: &NewRefreshToken, hash: [u8; 32], seconds: i64) -> Refresh {
    let now = now() + TimeDelta::seconds(seconds);
    Refresh {
        family_hash: family.family_hash,
        hash,
        application: world.application,
        client_id: "imis".to_owned(),
        next_hash: random(),
        next_expires_at: now + TimeDelta::days(14),
        access_token_hash: random(),
        access_token_expires_at: now + TimeDelta::hours(1),
        access_token_scope: None,
        now,
    }
}

async fn state(world: &World, family: &NewRefreshToken) -> GrantState {
    world.tenant.grant_by_refresh_token(family.family_hash).await.unwrap().unwrap().state
}

/// What was noted of tokens, as opposed to the configuration of the fixture.
async fn acts(world: &World) -> Vec<String> {
    let mut operator = connect_as(world.url, "vestibule_operator").await;
    sqlx::query_scalar(
        "select act || ' by ' || actor from audit_events
          where tenant_id = $1 and act like 'token.%' order by at, act",
    )
    .bind(world.id.0)
    .fetch_all(&mut operator)
    .await
    .unwrap()
}

/// [RFC6749-6]
#[tokio::test]
async fn tk_09_token_works_once_and_its_successor_after_it() {
    let world = world().await;
    let (_, family) = family(&world).await;
    let first = exchange(&world, &family, family.hash, 60);
    assert_eq!(world.tenant.refresh(&first).await.unwrap(), Refreshed::Rotated);
    let second = exchange(&world, &family, first.next_hash, 120);
    assert_eq!(world.tenant.refresh(&second).await.unwrap(), Refreshed::Rotated);
    // The access token is the newest one.
    for (token, works) in [(first.access_token_hash, false), (second.access_token_hash, true)] {
        let found = world.tenant.grant_by_access_token(token, second.now).await.unwrap();
        assert_eq!(found.is_some(), works);
    }
}

/// [THREATS TK-09] [RFC9700-4.14.2] However old it is.
#[tokio::test]
async fn tk_09_old_token_ends_the_family_and_is_audited_once() {
    for (age, generations) in [(1, 1), (11, 1), (3600, 1), (1, 5)] {
        let world = world().await;
        let (login, family) = family(&world).await;
        let mut newest = exchange(&world, &family, family.hash, 0);
        assert_eq!(world.tenant.refresh(&newest).await.unwrap(), Refreshed::Rotated);
        for _ in 0..generations {
            newest = exchange(&world, &family, newest.next_hash, 0);
            assert_eq!(world.tenant.refresh(&newest).await.unwrap(), Refreshed::Rotated);
        }
        let reuse = exchange(&world, &family, family.hash, age);
        assert_eq!(world.tenant.refresh(&reuse).await.unwrap(), Refreshed::Reused, "{age}");
        // Now nothing works: neither the newest refresh token nor the access token.
        let after = exchange(&world, &family, newest.next_hash, age);
        assert_eq!(world.tenant.refresh(&after).await.unwrap(), Refreshed::No);
        let token = newest.access_token_hash;
        assert!(world.tenant.grant_by_access_token(token, now()).await.unwrap().is_none());
        assert!(matches!(state(&world, &family).await, GrantState::Revoked { .. }));
        assert_eq!(world.tenant.refresh(&reuse).await.unwrap(), Refreshed::No);
        assert_eq!(acts(&world).await, ["token.refresh_reused by application imis"]);
        let views = world.operator.login_by_support_code(&login.login.support_code()).await;
        let timeline = &views.unwrap()[0].timeline;
        assert!(timeline.events().last().unwrap().text.contains("old refresh token"));
    }
}

/// [THREATS TK-10] The answer was lost, and the client asks again.
#[tokio::test]
async fn tk_10_retry_within_ten_seconds_kills_the_unused_successor() {
    let world = world().await;
    let (_, family) = family(&world).await;
    let lost = exchange(&world, &family, family.hash, 0);
    assert_eq!(world.tenant.refresh(&lost).await.unwrap(), Refreshed::Rotated);
    let retry = exchange(&world, &family, family.hash, 10);
    assert_eq!(world.tenant.refresh(&retry).await.unwrap(), Refreshed::Retried);
    let next = exchange(&world, &family, retry.next_hash, 11);
    assert_eq!(world.tenant.refresh(&next).await.unwrap(), Refreshed::Rotated);
    // Whoever has the token that was lost is not who retried.
    let thief = exchange(&world, &family, lost.next_hash, 12);
    assert_eq!(world.tenant.refresh(&thief).await.unwrap(), Refreshed::Reused);
}

/// [THREATS TK-10] Ten seconds from the first use, not from the last retry.
#[tokio::test]
async fn tk_10_retry_after_ten_seconds_is_a_reuse() {
    let world = world().await;
    let (_, family) = family(&world).await;
    for (seconds, outcome) in
        [(0, Refreshed::Rotated), (6, Refreshed::Retried), (11, Refreshed::Reused)]
    {
        let again = exchange(&world, &family, family.hash, seconds);
        assert_eq!(world.tenant.refresh(&again).await.unwrap(), outcome, "{seconds}");
    }
}

/// [THREATS TK-10] Two to 64 at once leave one token that works, over connections of their own.
#[tokio::test(flavor = "multi_thread")]
async fn tk_10_parallel_refreshes_leave_one_live_successor() {
    for callers in [2, 8, 64] {
        let world = world_with(32).await;
        let (_, family) = family(&world).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (tenant, refresh) =
                (world.tenant.clone(), exchange(&world, &family, family.hash, 1));
            tasks.spawn(async move {
                let outcome = tenant.refresh(&refresh).await.unwrap();
                (outcome, refresh.next_hash)
            });
        }
        let outcomes = tasks.join_all().await;
        let rotated = outcomes.iter().filter(|(it, _)| *it == Refreshed::Rotated).count();
        let retried = outcomes.iter().filter(|(it, _)| *it == Refreshed::Retried).count();
        assert_eq!((rotated, retried), (1, callers - 1));
        let held = world.tenant.grant_by_refresh_token(family.family_hash).await.unwrap().unwrap();
        let live = held.refresh.unwrap().hash;
        assert_eq!(outcomes.iter().filter(|(_, next)| *next == live).count(), 1);
        let next = exchange(&world, &family, live, 2);
        assert_eq!(world.tenant.refresh(&next).await.unwrap(), Refreshed::Rotated);
    }
}

/// [THREATS TK-03] The family is as it was.
#[tokio::test]
async fn tk_03_another_application_or_tenant_gets_nothing_and_spoils_nothing() {
    let (world, other) = (world().await, world().await);
    let (_, family) = family(&world).await;
    let mut stolen = exchange(&world, &family, family.hash, 1);
    stolen.application = broker::id::ApplicationId(id());
    assert_eq!(world.tenant.refresh(&stolen).await.unwrap(), Refreshed::No);
    let elsewhere = exchange(&world, &family, family.hash, 1);
    assert_eq!(other.tenant.refresh(&elsewhere).await.unwrap(), Refreshed::No);
    assert!(other.tenant.grant_by_refresh_token(family.family_hash).await.unwrap().is_none());
    let ours = exchange(&world, &family, family.hash, 1);
    assert_eq!(world.tenant.refresh(&ours).await.unwrap(), Refreshed::Rotated);
}

/// [THREATS TK-12] The statement itself sees that the user was blocked a moment ago.
#[tokio::test]
async fn tk_12_blocked_user_is_refused_by_the_statement_that_would_rotate_or_redeem() {
    let world = world().await;
    let (_, family) = family(&world).await;
    let fresh = world.login("bob");
    world.tenant.commit_login(&fresh).await.unwrap();
    let mut operator = connect_as(world.url, "vestibule_operator").await;
    for (blocked, refreshed, redeemed) in
        [("now()", Refreshed::No, Redeemed::No), ("null", Refreshed::Rotated, Redeemed::Yes)]
    {
        let sql = format!("update users set blocked_at = {blocked} where tenant_id = $1");
        let sql = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(world.id.0);
        sql.execute(&mut operator).await.unwrap();
        let refresh = exchange(&world, &family, family.hash, 1);
        assert_eq!(world.tenant.refresh(&refresh).await.unwrap(), refreshed, "{blocked}");
        let redemption = redemption(&fresh);
        assert_eq!(world.tenant.redeem_code(&redemption).await.unwrap(), redeemed, "{blocked}");
    }
    assert!(acts(&world).await.is_empty());
}

#[tokio::test]
async fn family_ends_when_unused_and_at_its_end_however_used() {
    let world = world().await;
    let (_, family) = family(&world).await;
    let day = 86_400;
    let late = exchange(&world, &family, family.hash, 14 * day);
    assert_eq!(world.tenant.refresh(&late).await.unwrap(), Refreshed::No);
    let mut hash = family.hash;
    for week in 1..=12 {
        let refresh = exchange(&world, &family, hash, 7 * week * day);
        assert_eq!(world.tenant.refresh(&refresh).await.unwrap(), Refreshed::Rotated, "{week}");
        hash = refresh.next_hash;
    }
    let held = world.tenant.grant_by_refresh_token(family.family_hash).await.unwrap().unwrap();
    assert_eq!(held.refresh.unwrap().expires_at, family.family_expires_at);
    let end = exchange(&world, &family, hash, 90 * day);
    assert_eq!(world.tenant.refresh(&end).await.unwrap(), Refreshed::No);
}

/// [THREATS TK-01] The second use of a code ends the refresh tokens as well, and is audited once.
#[tokio::test]
async fn tk_01_replayed_code_ends_the_family() {
    let world = world().await;
    let (login, family) = family(&world).await;
    assert_eq!(world.tenant.redeem_code(&redemption(&login)).await.unwrap(), Redeemed::Replayed);
    let refresh = exchange(&world, &family, family.hash, 1);
    assert_eq!(world.tenant.refresh(&refresh).await.unwrap(), Refreshed::No);
    assert_eq!(world.tenant.redeem_code(&redemption(&login)).await.unwrap(), Redeemed::Replayed);
    assert_eq!(acts(&world).await, ["token.code_replayed by application imis"]);
}

/// [RFC7009-2.1] [THREATS TK-11]
#[tokio::test]
async fn tk_11_revoked_token_ends_everything_of_its_grant_and_nothing_of_another_application() {
    for by_access in [true, false] {
        let world = world().await;
        let (_, family) = family(&world).await;
        let refresh = exchange(&world, &family, family.hash, 0);
        world.tenant.refresh(&refresh).await.unwrap();
        let token = if by_access {
            PresentedToken::Access(refresh.access_token_hash)
        } else {
            PresentedToken::Refresh(family.family_hash)
        };
        let another = (broker::id::ApplicationId(id()), "other");
        for _ in 0..2 {
            let revoked = world.tenant.revoke_token(token, another, now()).await.unwrap();
            assert_eq!(revoked, RevokedToken::WrongClient);
        }
        assert_eq!(acts(&world).await, ["token.wrong_client by application other"]);
        let access = refresh.access_token_hash;
        assert!(world.tenant.grant_by_access_token(access, now()).await.unwrap().is_some());

        let owner = (world.application, "imis");
        assert_eq!(
            world.tenant.revoke_token(token, owner, now()).await.unwrap(),
            RevokedToken::Yes
        );
        assert!(world.tenant.grant_by_access_token(access, now()).await.unwrap().is_none());
        let next = exchange(&world, &family, refresh.next_hash, 1);
        assert_eq!(world.tenant.refresh(&next).await.unwrap(), Refreshed::No);
        let unknown = PresentedToken::Access(random());
        let unknown = world.tenant.revoke_token(unknown, owner, now()).await.unwrap();
        assert_eq!(unknown, RevokedToken::Unknown);
    }
}

/// [THREATS TK-11] Refreshes that race with a revocation: whoever came last, nothing works after.
#[tokio::test(flavor = "multi_thread")]
async fn tk_11_refreshes_that_race_with_a_revocation_leave_nothing() {
    let world = world_with(16).await;
    for _ in 0..8 {
        let login = world.login(&id().to_string());
        world.tenant.commit_login(&login).await.unwrap();
        let family = refresh_token();
        let redeemed = store::Redemption { refresh: Some(family), ..redemption(&login) };
        world.tenant.redeem_code(&redeemed).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (tenant, refresh) =
                (world.tenant.clone(), exchange(&world, &family, family.hash, 1));
            tasks.spawn(async move {
                tenant.refresh(&refresh).await.unwrap();
                refresh.access_token_hash
            });
        }
        let token = PresentedToken::Refresh(family.family_hash);
        let owner = (world.application, "imis");
        let revoked = world.tenant.revoke_token(token, owner, now()).await.unwrap();
        assert_eq!(revoked, RevokedToken::Yes);
        for access in tasks.join_all().await {
            assert!(world.tenant.grant_by_access_token(access, now()).await.unwrap().is_none());
        }
        let held = world.tenant.grant_by_refresh_token(family.family_hash).await.unwrap().unwrap();
        assert!(matches!(held.state, GrantState::Revoked { .. }));
        let live = exchange(&world, &family, held.refresh.unwrap().hash, 2);
        assert_eq!(world.tenant.refresh(&live).await.unwrap(), Refreshed::No);
    }
}

#[tokio::test]
async fn cleanup_keeps_a_grant_as_long_as_its_refresh_token_works() {
    let world = world().await;
    let (_, family) = family(&world).await;
    let at = |hours: i64| world.tenant.cleanup(now() + TimeDelta::hours(hours), 100);
    let nothing = CleanupReport::default();
    assert_eq!(at(2).await.unwrap(), nothing);
    assert_eq!(at(14 * 24).await.unwrap(), nothing);
    let refresh = exchange(&world, &family, family.hash, 13 * 86_400);
    assert_eq!(world.tenant.refresh(&refresh).await.unwrap(), Refreshed::Rotated);
    assert_eq!(at(27 * 24).await.unwrap(), nothing);
    let gone = at(27 * 24 + 1).await.unwrap();
    assert_eq!((gone.grants, gone.sessions), (1, 1));
    assert!(world.tenant.grant_by_refresh_token(family.family_hash).await.unwrap().is_none());
}

/// What was ended is not kept for the weeks that it could have lived.
#[tokio::test]
async fn cleanup_removes_a_family_that_has_ended() {
    let world = world().await;
    let (_, family) = family(&world).await;
    let token = PresentedToken::Refresh(family.family_hash);
    world.tenant.revoke_token(token, (world.application, "imis"), now()).await.unwrap();
    let gone = world.tenant.cleanup(now() + TimeDelta::hours(2), 100).await.unwrap();
    assert_eq!(gone.grants, 1);
}
