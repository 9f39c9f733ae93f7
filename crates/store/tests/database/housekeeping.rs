//! Spilled requests, and the removal of what has expired.

use chrono::TimeDelta;
use store::{CleanupReport, StoreError};

use crate::fixture::{id, now, redemption, world};

const SEALED: [u8; 40] = [7; 40];

#[tokio::test]
async fn spilled_request_is_handed_out_once() {
    let (ours, theirs) = (world().await, world().await);
    let (key, end) = (id(), now() + TimeDelta::minutes(14));
    assert!(ours.tenant.spill(key, &SEALED, end, now()).await.unwrap());
    assert_eq!(theirs.tenant.take_spilled(key, now()).await.unwrap(), None);
    assert_eq!(ours.tenant.take_spilled(key, end).await.unwrap(), None);
    assert_eq!(ours.tenant.take_spilled(key, now()).await.unwrap(), Some(SEALED.to_vec()));
    assert_eq!(ours.tenant.take_spilled(key, now()).await.unwrap(), None);
}

/// [THREATS RE-01]
#[tokio::test]
async fn re_01_spilled_requests_have_a_quota_per_tenant() {
    let (ours, theirs) = (world().await, world().await);
    let end = now() + TimeDelta::minutes(14);
    for _ in 0..store::spilled::QUOTA {
        assert!(ours.tenant.spill(id(), &SEALED, end, now()).await.unwrap());
    }
    assert!(!ours.tenant.spill(id(), &SEALED, end, now()).await.unwrap());
    assert!(theirs.tenant.spill(id(), &SEALED, end, now()).await.unwrap());
    // What has expired does not count, cleaned up or not.
    let later = end + TimeDelta::minutes(1);
    let later_end = later + TimeDelta::minutes(14);
    assert!(ours.tenant.spill(id(), &SEALED, later_end, later).await.unwrap());
}

#[tokio::test]
async fn oversized_spilled_request_is_refused() {
    let world = world().await;
    let end = now() + TimeDelta::minutes(14);
    let error = world.tenant.spill(id(), &vec![7; 65_537], end, now()).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn cleanup_removes_what_has_expired_and_nothing_else() {
    let world = world().await;
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    world.tenant.redeem_code(&redemption(&login)).await.unwrap();
    world.tenant.spill(id(), &SEALED, now() + TimeDelta::minutes(14), now()).await.unwrap();
    let at = |hours: i64| world.tenant.cleanup(now() + TimeDelta::hours(hours), 100);
    let nothing = CleanupReport::default();
    assert_eq!(world.tenant.cleanup(now(), 100).await.unwrap(), nothing);
    assert_eq!(at(1).await.unwrap(), CleanupReport { spilled: 1, ..nothing });
    assert_eq!(at(2).await.unwrap(), CleanupReport { grants: 1, ..nothing });
    assert_eq!(at(7).await.unwrap(), nothing);
    assert_eq!(at(8).await.unwrap(), CleanupReport { sessions: 1, ..nothing });
    assert_eq!(at(29 * 24).await.unwrap(), nothing);
    assert_eq!(at(31 * 24).await.unwrap(), CleanupReport { logins: 1, ..nothing });
    assert_eq!(world.count("select count(*) from users where tenant_id = $1").await, 1);
}

#[tokio::test]
async fn cleanup_is_bounded_and_says_so() {
    let world = world().await;
    for _ in 0..5 {
        world.tenant.spill(id(), &SEALED, now() + TimeDelta::minutes(1), now()).await.unwrap();
    }
    let later = now() + TimeDelta::minutes(2);
    let report = world.tenant.cleanup(later, 3).await.unwrap();
    assert!(report.spilled == 3 && report.reached(3));
    let report = world.tenant.cleanup(later, 3).await.unwrap();
    assert!(report.spilled == 2 && !report.reached(3));
}

#[tokio::test]
async fn cleanup_leaves_other_tenants_alone() {
    let (ours, theirs) = (world().await, world().await);
    let end = now() + TimeDelta::minutes(1);
    theirs.tenant.spill(id(), &SEALED, end, now()).await.unwrap();
    ours.tenant.cleanup(now() + TimeDelta::days(60), 100).await.unwrap();
    let left = "select count(*) from spilled_requests where tenant_id = $1";
    assert_eq!(theirs.count(left).await, 1);
}
