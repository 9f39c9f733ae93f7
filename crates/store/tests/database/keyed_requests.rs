//! Requests of the admin API that are carried out once.

use broker::authority::Role;
use broker::id::{ApiTokenId, TenantId};
use chrono::TimeDelta;
use store::keyed_requests::{KEPT, LARGEST_ANSWER, MOST};
use store::{Claim, KeyedRequest, NewApiToken};

use crate::common::{connect, create_database};
use crate::fixture::{World, id, now, random, world, world_at, world_with};

async fn token(world: &World, tenant: Option<TenantId>) -> ApiTokenId {
    let new = NewApiToken {
        id: ApiTokenId(id()),
        name: "of a test",
        tenant,
        role: Role::Owner,
        directory: None,
        hash: random(),
        expires_at: now() + TimeDelta::days(30),
    };
    assert!(world.operator.add_api_token(&new, now()).await.unwrap());
    new.id
}

async fn of(world: &World, tenant: Option<TenantId>) -> KeyedRequest {
    KeyedRequest { tenant, token: token(world, tenant).await, key: [1; 32], request: [2; 32] }
}

/// Sixteen that come at once: one of them runs, and its answer is that of all who come after.
#[tokio::test]
async fn key_is_claimed_once_however_many_come_at_once() {
    let world = world_with(16).await;
    for tenant in [Some(world.id), None] {
        let request = of(&world, tenant).await;
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let operator = world.operator.clone();
            tries.spawn(async move { operator.claim_request(&request, now()).await.unwrap() });
        }
        let claims = tries.join_all().await;
        assert_eq!(claims.iter().filter(|one| **one == Claim::First).count(), 1, "{claims:?}");
        assert_eq!(claims.iter().filter(|one| **one == Claim::Unanswered(now())).count(), 15);
        assert!(world.operator.keep_answer(&request, now(), b"a secret").await.unwrap());
        assert!(!world.operator.keep_answer(&request, now(), b"another").await.unwrap());
        let claim = world.operator.claim_request(&request, now()).await.unwrap();
        assert_eq!(claim, Claim::Answered(b"a secret".to_vec()));
        let other = KeyedRequest { request: [3; 32], ..request };
        assert_eq!(world.operator.claim_request(&other, now()).await.unwrap(), Claim::Other);
    }
}

/// [THREATS TN-01] [THREATS SC-03] A key is its token's: another token, of the same tenant, of another
/// or of all, finds nothing; and an answer that is moved to another row opens nowhere.
#[tokio::test]
async fn tn_01_sc_03_key_is_its_tokens_and_its_answer_opens_there_alone() {
    let (world, others) = (world().await, world().await);
    let request = of(&world, Some(world.id)).await;
    assert_eq!(world.operator.claim_request(&request, now()).await.unwrap(), Claim::First);
    assert!(world.operator.keep_answer(&request, now(), b"a secret").await.unwrap());
    for tenant in [Some(world.id), Some(others.id), None] {
        let other = of(&world, tenant).await;
        assert_eq!(world.operator.claim_request(&other, now()).await.unwrap(), Claim::First);
        if tenant.is_some() {
            let mut database = connect(world.url).await;
            sqlx::query(
                "update api_token_requests set sealed_answer =
                        (select sealed_answer from api_token_requests where token_id = $1)
                  where token_id = $2",
            )
            .bind(request.token.0)
            .bind(other.token.0)
            .execute(&mut database)
            .await
            .unwrap();
            assert!(world.operator.claim_request(&other, now()).await.is_err());
        }
    }
    // A token with the identifier of another tenant's is no token.
    let foreign = KeyedRequest { tenant: Some(others.id), key: [9; 32], ..request };
    let refused = world.operator.claim_request(&foreign, now()).await.unwrap_err();
    assert!(refused.is_conflict_of("api_token_requests_token_fkey"), "{refused}");
}

/// [THREATS SC-04] What is stored of a key, a request and an answer is no use to whoever reads it.
#[tokio::test]
async fn sc_04_answer_is_sealed_and_goes_with_its_token() {
    let world = world().await;
    let request = of(&world, Some(world.id)).await;
    assert_eq!(world.operator.claim_request(&request, now()).await.unwrap(), Claim::First);
    let secret = b"vapi_this-is-shown-once";
    assert!(world.operator.keep_answer(&request, now(), secret).await.unwrap());
    let mut database = connect(world.url).await;
    let stored: Vec<u8> =
        sqlx::query_scalar("select sealed_answer from api_token_requests where token_id = $1")
            .bind(request.token.0)
            .fetch_one(&mut database)
            .await
            .unwrap();
    assert!(!stored.windows(8).any(|part| secret.windows(8).any(|one| one == part)));
    let gone = world.operator.remove_api_token(Some(world.id), request.token, now()).await;
    assert!(gone.unwrap());
    let left: i64 =
        sqlx::query_scalar("select count(*) from api_token_requests where token_id = $1")
            .bind(request.token.0)
            .fetch_one(&mut database)
            .await
            .unwrap();
    assert_eq!(left, 0);
}

/// A key that was given back, or is past its time, is free again; one that is not, is not.
#[tokio::test]
async fn key_is_free_again_once_it_is_given_back_or_past_its_time() {
    let world = world().await;
    for tenant in [Some(world.id), None] {
        let request = of(&world, tenant).await;
        let claim = async |at| world.operator.claim_request(&request, at).await.unwrap();
        assert_eq!(claim(now()).await, Claim::First);
        world.operator.release_request(&request, now()).await.unwrap();
        let later = now() + TimeDelta::seconds(1);
        assert_eq!(claim(later).await, Claim::First);
        // Whoever ran before does not speak for the one that runs now.
        world.operator.release_request(&request, now()).await.unwrap();
        assert!(!world.operator.keep_answer(&request, now(), b"early").await.unwrap());
        assert!(world.operator.keep_answer(&request, later, b"done").await.unwrap());
        world.operator.release_request(&request, later).await.unwrap();
        assert_eq!(claim(later).await, Claim::Answered(b"done".to_vec()));
        let end = later + KEPT;
        assert_eq!(claim(end - TimeDelta::seconds(1)).await, Claim::Answered(b"done".to_vec()));
        assert_eq!(claim(end).await, Claim::First);
    }
}

/// What is past its time goes in batches, in a database of its own, since it is everybody's.
#[tokio::test]
async fn what_is_past_its_time_goes_in_batches() {
    let url: &'static str = Box::leak(create_database().await.into_boxed_str());
    store::migrate(url).await.unwrap();
    let world = world_at(url, 4).await;
    for tenant in [Some(world.id), None] {
        let first = of(&world, tenant).await;
        for key in 0..3 {
            let request = KeyedRequest { key: [key; 32], ..first };
            let claim = world.operator.claim_request(&request, now()).await.unwrap();
            assert_eq!(claim, Claim::First);
        }
    }
    let end = now() + KEPT;
    let forget = async |at| world.operator.forget_requests(at, 2).await.unwrap();
    assert_eq!(forget(end - TimeDelta::seconds(1)).await, 0);
    assert_eq!((forget(end).await, forget(end).await, forget(end).await), (4, 2, 0));
}

/// A token has so many keys, and its answers so many bytes.
#[tokio::test]
async fn keys_and_answers_of_a_token_are_bounded() {
    let world = world().await;
    for tenant in [Some(world.id), None] {
        let first = of(&world, tenant).await;
        let numbered = |number: i64| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            KeyedRequest { key, ..first }
        };
        for number in 0..MOST {
            let claim = world.operator.claim_request(&numbered(number), now()).await.unwrap();
            assert_eq!(claim, Claim::First, "{number}");
        }
        let one_more = numbered(MOST);
        assert_eq!(world.operator.claim_request(&one_more, now()).await.unwrap(), Claim::Full);
        let known = world.operator.claim_request(&numbered(0), now()).await.unwrap();
        assert_eq!(known, Claim::Unanswered(now()));

        let large = of(&world, tenant).await;
        let answer = vec![7; LARGEST_ANSWER];
        let mut kept = 0;
        for number in 0..100_u8 {
            let request = KeyedRequest { key: [number; 32], ..large };
            match world.operator.claim_request(&request, now()).await.unwrap() {
                Claim::First => {
                    kept += 1;
                    assert!(world.operator.keep_answer(&request, now(), &answer).await.unwrap());
                }
                claim => assert_eq!(claim, Claim::Full),
            }
        }
        assert!((15..=17).contains(&kept), "{kept} answers of the largest size");
        let larger = vec![7; LARGEST_ANSWER + 1];
        assert!(world.operator.keep_answer(&first, now(), &larger).await.is_err());
    }
}

/// The tokens of a suspended tenant are not told what they did before.
#[tokio::test]
async fn suspended_tenant_is_told_nothing() {
    let world = world().await;
    let request = of(&world, Some(world.id)).await;
    assert_eq!(world.operator.claim_request(&request, now()).await.unwrap(), Claim::First);
    assert!(world.operator.keep_answer(&request, now(), b"a secret").await.unwrap());
    let mut database = connect(world.url).await;
    sqlx::query("update tenants set policy = '{\"suspended\": true}' where tenant_id = $1")
        .bind(world.id.0)
        .execute(&mut database)
        .await
        .unwrap();
    let claim = world.operator.claim_request(&request, now()).await.unwrap();
    assert_eq!(claim, Claim::Suspended);
}
