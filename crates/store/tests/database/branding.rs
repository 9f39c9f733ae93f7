//! A tenant's logo, the last use of a session, and timelines by the days that a tenant keeps them.

use broker::id::LoginId;
use broker::settings::{LogoHash, LogoSource, Retention, TenantPolicy};
use chrono::TimeDelta;
use store::{LogoRecord, ReuseCommit, ReuseOutcome, StoreError};

use crate::fixture::{World, id, now, random, redemption, timeline, world};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

fn logo() -> LogoRecord {
    LogoRecord { hash: LogoHash(random()), width: 300, height: 80, is_light: true }
}

async fn put(world: &World, logo: &LogoRecord) {
    let mut policy = TenantPolicy::default();
    policy.branding.logo = Some(LogoSource::Stored(logo.hash));
    let mut tx = world.operator.begin().await.unwrap();
    let id = tx.put_tenant(&world.slug, "Acme", policy, now()).await.unwrap();
    tx.put_logo(id, logo, PNG).await.unwrap();
    tx.commit().await.unwrap();
}

async fn shown(world: &World) -> Option<LogoRecord> {
    world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap().compile().logo
}

/// [THREATS TN-01] [THREATS TN-10]
#[tokio::test]
async fn tn_01_logo_is_found_by_its_own_tenant_alone() {
    let (ours, theirs) = (world().await, world().await);
    let (first, second) = (logo(), logo());
    put(&ours, &first).await;
    assert_eq!(shown(&ours).await, Some(first));
    assert_eq!(ours.tenant.logo(first.hash).await.unwrap().as_deref(), Some(PNG));
    assert_eq!(theirs.tenant.logo(first.hash).await.unwrap(), None);
    assert_eq!(shown(&theirs).await, None);
    // There is one: the next takes its place.
    put(&ours, &second).await;
    assert_eq!(shown(&ours).await, Some(second));
    assert_eq!(ours.tenant.logo(first.hash).await.unwrap(), None);
    let mut tx = ours.operator.begin().await.unwrap();
    tx.remove_logo(ours.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ours.tenant.logo(second.hash).await.unwrap(), None);
    // The settings still name it, and nothing is shown.
    assert_eq!(shown(&ours).await, None);
}

/// A row that the settings do not name is not shown, as one that an older release left.
#[tokio::test]
async fn logo_that_the_settings_do_not_name_is_not_shown() {
    let world = world().await;
    put(&world, &logo()).await;
    let mut tx = world.operator.begin().await.unwrap();
    tx.put_tenant(&world.slug, "Acme", TenantPolicy::default(), now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(shown(&world).await, None);
}

#[tokio::test]
async fn tn_10_what_is_no_small_png_is_not_stored() {
    let world = world().await;
    let large = [PNG, &vec![0; 262_144]].concat();
    let wide = LogoRecord { width: 481, ..logo() };
    for (logo, png) in [(logo(), &b"<svg/>  "[..]), (logo(), &large), (wide, PNG)] {
        let mut tx = world.operator.begin().await.unwrap();
        let refused = tx.put_logo(world.id, &logo, png).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn use_of_a_session_is_noted() {
    let world = world().await;
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    let used = async |at| {
        let session = world.tenant.session(login.session.token_hash, at).await.unwrap().unwrap();
        (session.created_at, session.last_used_at)
    };
    assert_eq!(used(now()).await, (now(), now()));
    let reuse = |at| ReuseCommit {
        login: LoginId(id()),
        application: world.application,
        session: login.session.id,
        grant: None,
        started_at: at,
        now: at,
        timeline: timeline("from the session"),
    };
    let later = now() + TimeDelta::minutes(7);
    let committed = world.tenant.commit_reuse(&reuse(later)).await.unwrap();
    assert_eq!(committed, ReuseOutcome::Committed);
    assert_eq!(used(later).await, (now(), later));
    // A node that is late takes nothing back.
    world.tenant.commit_reuse(&reuse(now())).await.unwrap();
    assert_eq!(used(later).await, (now(), later));
}

/// Each tenant's timelines go after its own days, and another's stay.
#[tokio::test]
async fn timelines_are_kept_as_long_as_their_tenant_says() {
    let days = |days| TenantPolicy {
        retention: Retention { logins_days: days },
        ..TenantPolicy::default()
    };
    for (said, kept, gone) in [(Some(1), 0, 2), (None, 29, 31), (Some(730), 729, 731)] {
        let (ours, theirs) = (world().await, world().await);
        for world in [&ours, &theirs] {
            let login = world.login("ada");
            world.tenant.commit_login(&login).await.unwrap();
            world.tenant.redeem_code(&redemption(&login)).await.unwrap();
        }
        let mut tx = ours.operator.begin().await.unwrap();
        tx.put_tenant(&ours.slug, "Acme", days(said), now()).await.unwrap();
        tx.put_tenant(&theirs.slug, "Acme", days(Some(400)), now()).await.unwrap();
        tx.commit().await.unwrap();
        let left = async |world: &World, after: i64| {
            let at = now() + TimeDelta::days(after) + TimeDelta::hours(3);
            world.tenant.cleanup(at, 100).await.unwrap();
            world.count("select count(*) from logins where tenant_id = $1").await
        };
        assert_eq!(left(&ours, kept).await, 1, "{said:?}");
        assert_eq!(left(&ours, gone).await, 0, "{said:?}");
        assert_eq!(left(&theirs, 399).await, 1, "{said:?}");
        assert_eq!(left(&theirs, 401).await, 0, "{said:?}");
    }
}
