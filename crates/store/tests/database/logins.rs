//! Steps 4 to 8 of a login, once.

use broker::attempt::Purpose;
use broker::failure::FailureCode;
use broker::id::{ApplicationId, LoginId};
use broker::timeline::Step;
use broker::user::{Resolved, Sighting};
use chrono::TimeDelta;
use sqlx::AssertSqlSafe;
use store::{
    LoginCommit, LoginEnd, LoginOutcome, LoginQuery, LoginRecord, LoginState, Recorded,
    ReuseCommit, ReuseOutcome, StoreError,
};

use crate::fixture::{World, grant, id, new_user, now, redemption, timeline, world, world_with};

fn record(world: &World, login: LoginId, failed: Option<FailureCode>) -> LoginRecord {
    LoginRecord {
        tenant: world.id,
        login,
        purpose: Purpose::Application,
        application: Some(world.application),
        directory: Some(world.directory),
        started_at: now(),
        ended: failed.map(|code| (LoginEnd::Failed(code), now())),
        timeline: timeline("left for the directory"),
    }
}

/// A login that is for no application, with as many events as said.
fn other(
    world: &World,
    (login, purpose): (LoginId, Purpose),
    end: Option<LoginEnd>,
    events: usize,
) -> LoginRecord {
    let mut timeline = broker::timeline::Timeline::new();
    (0..events).for_each(|n| timeline.note(now(), Step::Finish, n.to_string()));
    let ended = end.map(|end| (end, now() + TimeDelta::seconds(7)));
    LoginRecord { purpose, application: None, ended, timeline, ..record(world, login, None) }
}

async fn view(world: &World, login: LoginId) -> Option<store::LoginView> {
    let found = world.operator.login_by_support_code(&login.support_code()).await.unwrap();
    found.into_iter().find(|view| view.login == login)
}

#[tokio::test]
async fn login_makes_user_session_and_grant() {
    let world = world().await;
    let login = world.login("ada");
    assert!(world.known(&login.identity).await.is_none());
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    let known = world.known(&login.identity).await.unwrap();
    assert_eq!((&known.user, known.blocked), (login.user.user(), false));
    let session = world.tenant.session(login.session.token_hash, now()).await.unwrap().unwrap();
    assert_eq!(session.id, login.session.id);
    assert_eq!(&session.user, login.user.user());
    assert_eq!(session.profile, login.session.profile);
    assert_eq!(session.auth_time, login.session.auth_time);
    assert_eq!(
        (session.acr.as_deref(), session.amr.as_slice()),
        (Some("urn:acr"), &["pwd".into()][..])
    );
    let grant = login.grant.unwrap();
    let issued = world.tenant.grant_by_code(grant.code_hash).await.unwrap().unwrap();
    assert_eq!(issued.id, grant.id);
    assert_eq!(issued.claims, grant.claims);
    assert_eq!(issued.session, login.session.id);
    let view = view(&world, login.login).await.unwrap();
    assert_eq!(view.state, LoginState::Completed);
    assert_eq!(view.timeline, login.timeline);
    assert_eq!(view.client_id.as_deref(), Some("imis"));
    assert_eq!(view.directory_slug.as_deref(), Some("okta"));
}

/// [THREATS UP-02] A callback that is played again finds its login used and changes nothing.
#[tokio::test]
async fn up_03_replayed_login_is_already_used() {
    let world = world().await;
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    let again = LoginCommit { login: login.login, ..world.login("eve") };
    assert_eq!(world.tenant.commit_login(&again).await.unwrap(), LoginOutcome::AlreadyUsed);
    assert!(world.known(&again.identity).await.is_none());
    assert!(world.tenant.session(again.session.token_hash, now()).await.unwrap().is_none());
}

#[tokio::test]
async fn up_03_failed_login_cannot_be_finished() {
    let world = world().await;
    let login = world.login("ada");
    let failed = record(&world, login.login, Some(FailureCode::IdTokenNonce));
    world.store.record_logins(&[failed]).await.unwrap();
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::AlreadyUsed);
}

#[tokio::test]
async fn pending_login_is_finished_by_its_commit() {
    let world = world().await;
    let login = world.login("ada");
    world.store.record_logins(&[record(&world, login.login, None)]).await.unwrap();
    assert_eq!(view(&world, login.login).await.unwrap().state, LoginState::Pending);
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    assert_eq!(view(&world, login.login).await.unwrap().state, LoginState::Completed);
}

/// [THREATS ID-12] The losers look again and find the winner's user.
#[tokio::test(flavor = "multi_thread")]
async fn id_12_parallel_first_logins_make_one_user() {
    let world = world_with(16).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (tenant, mut login) = (world.tenant.clone(), world.login("ada"));
        tasks.spawn(async move {
            loop {
                match tenant.commit_login(&login).await.unwrap() {
                    LoginOutcome::Committed => return login.user.user().clone(),
                    LoginOutcome::IdentityAppeared => {
                        let sighting = tenant.known_user(&login.identity, None).await.unwrap();
                        let Sighting::Identity(known) = sighting else { panic!("{sighting:?}") };
                        login.user = Resolved::Known(known.user);
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    let users = tasks.join_all().await;
    assert!(users.iter().all(|user| user == &users[0]));
    assert_eq!(world.count("select count(*) from users where tenant_id = $1").await, 1);
    assert_eq!(world.count("select count(*) from sessions where tenant_id = $1").await, 32);
}

#[tokio::test]
async fn lost_race_for_an_identity_writes_nothing() {
    let world = world().await;
    world.tenant.commit_login(&world.login("ada")).await.unwrap();
    // The same person, whom another node has just met under another external_id.
    let login = LoginCommit { user: new_user("E-other"), ..world.login("ada") };
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::IdentityAppeared);
    assert_eq!(world.count("select count(*) from users where tenant_id = $1").await, 1);
    assert!(view(&world, login.login).await.is_none());
}

/// [THREATS ID-01] An `external_id` alone joins nobody.
#[tokio::test]
async fn id_01_external_id_of_another_person_is_refused() {
    let world = world().await;
    world.tenant.commit_login(&world.login("ada")).await.unwrap();
    let login = LoginCommit { user: new_user("E-ada"), ..world.login("eve") };
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::ExternalIdTaken);
    assert!(world.known(&login.identity).await.is_none());
    assert!(view(&world, login.login).await.is_none());
}

#[tokio::test]
async fn known_user_is_seen_again() {
    let world = world().await;
    let first = world.login("ada");
    world.tenant.commit_login(&first).await.unwrap();
    let user = Resolved::Known(first.user.user().clone());
    let later = now() + TimeDelta::hours(1);
    let mut second = LoginCommit { user, ..world.login("ada") };
    (second.now, second.grant) = (later, None);
    assert_eq!(world.tenant.commit_login(&second).await.unwrap(), LoginOutcome::Committed);
    let seen = "select count(*) from identities
                 where tenant_id = $1 and last_seen_at = first_seen_at + interval '1 hour'";
    assert_eq!(world.count(seen).await, 1);
}

/// [THREATS TK-12]
#[tokio::test]
async fn tk_12_blocked_user_gets_nothing() {
    let world = world().await;
    let first = world.login("ada");
    world.tenant.commit_login(&first).await.unwrap();
    let mut owner = crate::common::connect_as(world.url, "vestibule_operator").await;
    sqlx::query("update users set blocked_at = now() where tenant_id = $1")
        .bind(world.id.0)
        .execute(&mut owner)
        .await
        .unwrap();
    assert!(world.known(&first.identity).await.unwrap().blocked);
    assert!(world.tenant.session(first.session.token_hash, now()).await.unwrap().is_none());
    let user = Resolved::Known(first.user.user().clone());
    let second = LoginCommit { user, ..world.login("ada") };
    assert_eq!(world.tenant.commit_login(&second).await.unwrap(), LoginOutcome::IdentityAppeared);
    let reuse = reuse(&world, &first);
    assert_eq!(world.tenant.commit_reuse(&reuse).await.unwrap(), ReuseOutcome::SessionEnded);
}

#[tokio::test]
async fn user_who_is_removed_meanwhile_is_looked_up_again() {
    let world = world().await;
    let first = world.login("ada");
    world.tenant.commit_login(&first).await.unwrap();
    let mut owner = crate::common::connect_as(world.url, "vestibule_operator").await;
    sqlx::query("delete from users where tenant_id = $1")
        .bind(world.id.0)
        .execute(&mut owner)
        .await
        .unwrap();
    let user = Resolved::Known(first.user.user().clone());
    let second = LoginCommit { user, ..world.login("ada") };
    assert_eq!(world.tenant.commit_login(&second).await.unwrap(), LoginOutcome::IdentityAppeared);
}

/// [THREATS BR-03] Signing in again in the same browser ends the session before.
#[tokio::test]
async fn new_session_replaces_the_browsers_old_one() {
    let world = world().await;
    let first = world.login("ada");
    world.tenant.commit_login(&first).await.unwrap();
    let mut second = world.login("eve");
    second.session.replaces = Some(first.session.token_hash);
    world.tenant.commit_login(&second).await.unwrap();
    assert!(world.tenant.session(first.session.token_hash, now()).await.unwrap().is_none());
    assert!(world.tenant.session(second.session.token_hash, now()).await.unwrap().is_some());
}

#[tokio::test]
async fn expired_session_is_none() {
    let world = world().await;
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    let (hash, end) = (login.session.token_hash, login.session.expires_at);
    let just_before = end - TimeDelta::seconds(1);
    assert!(world.tenant.session(hash, just_before).await.unwrap().is_some());
    assert!(world.tenant.session(hash, end).await.unwrap().is_none());
}

fn reuse(world: &World, login: &LoginCommit) -> ReuseCommit {
    ReuseCommit {
        login: LoginId(id()),
        application: world.application,
        session: login.session.id,
        grant: Some(grant(&login.user.user().sub)),
        timeline: timeline("the session answers"),
        started_at: now(),
        now: now(),
    }
}

#[tokio::test]
async fn live_session_answers_a_login_once() {
    let world = world().await;
    let first = world.login("ada");
    world.tenant.commit_login(&first).await.unwrap();
    let reuse = reuse(&world, &first);
    assert_eq!(world.tenant.commit_reuse(&reuse).await.unwrap(), ReuseOutcome::Committed);
    let code = reuse.grant.as_ref().unwrap().code_hash;
    let issued = world.tenant.grant_by_code(code).await.unwrap().unwrap();
    assert_eq!(issued.auth_time, first.session.auth_time);
    assert_eq!(issued.user, first.user.user().id);
    assert_eq!(world.tenant.commit_reuse(&reuse).await.unwrap(), ReuseOutcome::AlreadyUsed);
}

#[tokio::test]
async fn ended_session_answers_nothing() {
    let world = world().await;
    let first = world.login("ada");
    world.tenant.commit_login(&first).await.unwrap();
    let mut reuse = reuse(&world, &first);
    reuse.now = first.session.expires_at;
    assert_eq!(world.tenant.commit_reuse(&reuse).await.unwrap(), ReuseOutcome::SessionEnded);
    assert!(view(&world, reuse.login).await.is_none());
}

#[tokio::test]
async fn removed_application_is_a_conflict() {
    let world = world().await;
    let login = LoginCommit { application: ApplicationId(id()), ..world.login("ada") };
    let error = world.tenant.commit_login(&login).await.unwrap_err();
    assert!(error.is_conflict_of("logins_application_fkey"), "{error:?}");
}

/// What a directory sends may hold U+0000: a profile keeps it, a subject cannot.
#[tokio::test]
async fn text_that_postgres_cannot_hold_is_refused_not_unavailable() {
    let world = world().await;
    let mut login = world.login("ada");
    login.session.profile.0.insert("name".to_owned(), "a\u{0}b".into());
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    let session = world.tenant.session(login.session.token_hash, now()).await.unwrap().unwrap();
    assert_eq!(session.profile, login.session.profile);
    for subject in ["a\u{0}b".to_owned(), "x".repeat(1025)] {
        let error = world.tenant.commit_login(&world.login(&subject)).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    }
}

#[tokio::test]
async fn record_never_changes_a_finished_login() {
    let world = world().await;
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    let late = [
        record(&world, login.login, None),
        record(&world, login.login, Some(FailureCode::AttemptUsed)),
    ];
    let recorded = world.store.record_logins(&late).await.unwrap();
    assert_eq!(recorded, Recorded { written: 0, dropped: 1 });
    assert_eq!(view(&world, login.login).await.unwrap().state, LoginState::Completed);
}

#[tokio::test]
async fn records_of_several_tenants_and_of_gone_ones() {
    let (ours, theirs) = (world().await, world().await);
    let mut gone = record(&ours, LoginId(id()), None);
    gone.tenant = broker::id::TenantId(id());
    let mut unknown_application =
        record(&ours, LoginId(id()), Some(FailureCode::ApplicationUnknown));
    unknown_application.application = Some(ApplicationId(id()));
    let one = record(&theirs, LoginId(id()), Some(FailureCode::DirectoryRefused));
    let batch = [gone, unknown_application.clone(), one.clone()];
    let recorded = ours.store.record_logins(&batch).await.unwrap();
    assert_eq!(recorded, Recorded { written: 2, dropped: 1 });
    let seen = view(&ours, unknown_application.login).await.unwrap();
    assert_eq!(seen.state, LoginState::Failed(FailureCode::ApplicationUnknown));
    assert_eq!(seen.client_id, None);
    assert_eq!(view(&theirs, one.login).await.unwrap().tenant, theirs.id);
}

/// [THREATS RE-01] A flood fills the quota of its own tenant and no more.
#[tokio::test]
async fn re_01_flood_of_records_is_dropped_and_counted() {
    let (flooded, quiet) = (world().await, world().await);
    let quota = usize::try_from(store::logins::PER_HOUR).unwrap();
    let batch: Vec<_> = (0..quota + 3).map(|_| record(&flooded, LoginId(id()), None)).collect();
    let recorded = flooded.store.record_logins(&batch).await.unwrap();
    assert_eq!(recorded, Recorded { written: quota as u64, dropped: 3 });
    let more = [record(&flooded, LoginId(id()), None), record(&quiet, LoginId(id()), None)];
    let recorded = flooded.store.record_logins(&more).await.unwrap();
    assert_eq!(recorded, Recorded { written: 1, dropped: 1 });
    // Never needed for the login itself.
    let outcome = flooded.tenant.commit_login(&flooded.login("ada")).await.unwrap();
    assert_eq!(outcome, LoginOutcome::Committed);
}

/// [THREATS RE-01] What ended well without a commit counts towards the quota where one more is to be
/// written; what is there already takes no room, so that a flood keeps nobody's end from being told.
#[tokio::test]
async fn re_01_good_ends_count_and_what_is_there_ends_in_a_flood() {
    let world = world().await;
    let quota = usize::try_from(store::logins::PER_HOUR).unwrap();
    let answered = |purpose| other(&world, (LoginId(id()), purpose), Some(LoginEnd::Answered), 2);
    let waiting = [Purpose::Application, Purpose::Dashboard].map(|purpose| {
        let login = LoginId(id());
        (login, purpose)
    });
    let first = waiting.map(|one| other(&world, one, None, 1));
    world.store.record_logins(&first).await.unwrap();
    let tests: Vec<_> = (0..quota - 2).map(|_| answered(Purpose::Test)).collect();
    let recorded = world.store.record_logins(&tests).await.unwrap();
    assert_eq!(recorded, Recorded { written: quota as u64 - 2, dropped: 0 });
    let more = [answered(Purpose::Test), answered(Purpose::Dashboard)];
    let recorded = world.store.record_logins(&more).await.unwrap();
    assert_eq!(recorded, Recorded { written: 0, dropped: 2 });
    // Of all the others there is a quota besides, and no test is a way round that.
    let flood: Vec<_> = (0..quota).map(|_| record(&world, LoginId(id()), None)).collect();
    let recorded = world.store.record_logins(&flood).await.unwrap();
    assert_eq!(recorded, Recorded { written: quota as u64 - 2, dropped: 2 });
    let failed = LoginEnd::Failed(FailureCode::DirectoryRefused);
    let ends = [
        other(&world, waiting[0], Some(failed), 2),
        other(&world, waiting[1], Some(LoginEnd::Answered), 2),
    ];
    let recorded = world.store.record_logins(&ends).await.unwrap();
    assert_eq!(recorded, Recorded { written: 2, dropped: 0 });
    assert_eq!(view(&world, waiting[1].0).await.unwrap().state, LoginState::Completed);
}

/// A test, and a sign-in to the dashboard, end well with all that happened; once, and however the
/// records arrive.
#[tokio::test]
async fn login_for_no_application_ends_once_with_its_whole_timeline() {
    let world = world().await;
    let failed = LoginEnd::Failed(FailureCode::StaffNotConnected);
    for purpose in [Purpose::Test, Purpose::Dashboard] {
        for (first, second, state) in [
            (LoginEnd::Answered, failed, LoginState::Completed),
            (failed, LoginEnd::Answered, LoginState::Failed(FailureCode::StaffNotConnected)),
        ] {
            for in_one_batch in [false, true] {
                let login = (LoginId(id()), purpose);
                let records = [
                    other(&world, login, None, 1),
                    other(&world, login, None, 3),
                    // As from a node whose batch was late.
                    other(&world, login, None, 2),
                    other(&world, login, Some(first), 4),
                    other(&world, login, Some(second), 5),
                    other(&world, login, None, 6),
                ];
                if in_one_batch {
                    world.store.record_logins(&records).await.unwrap();
                } else {
                    for (record, written) in records.iter().zip([1, 1, 0, 1, 0, 0]) {
                        let one = std::slice::from_ref(record);
                        let recorded = world.store.record_logins(one).await.unwrap();
                        assert_eq!(recorded.written, written, "{record:?}");
                    }
                }
                let view = view(&world, login.0).await.unwrap();
                assert_eq!((view.purpose, view.state), (purpose, state));
                assert_eq!(view.timeline.events().len(), 4);
                assert_eq!(view.finished_at, Some(now() + TimeDelta::seconds(7)));
                assert_eq!(view.client_id, None);
            }
        }
    }
    for (purpose, count) in [(Purpose::Application, 0), (Purpose::Test, 4), (Purpose::Dashboard, 4)]
    {
        let query = LoginQuery { purpose: Some(purpose), limit: 100, ..LoginQuery::default() };
        let found = world.operator.logins(world.id, &query).await.unwrap();
        assert_eq!(found.len(), count);
        assert!(found.iter().all(|line| line.purpose == purpose), "{found:?}");
    }
}

/// [THREATS UP-03] No record ends an application's login well: that would use up what its commit has
/// to find.
#[tokio::test]
async fn up_03_only_its_commit_ends_an_applications_login_well() {
    let world = world().await;
    let login = world.login("ada");
    let answered = (login.login, Purpose::Application);
    let answered = other(&world, answered, Some(LoginEnd::Answered), 2);
    for before in [0, 1] {
        let recorded = world.store.record_logins(std::slice::from_ref(&answered)).await.unwrap();
        assert_eq!(recorded, Recorded { written: 0, dropped: 1 });
        let found = view(&world, login.login).await;
        assert_eq!(found.map(|one| one.state), (before == 1).then_some(LoginState::Pending));
        world.store.record_logins(&[record(&world, login.login, None)]).await.unwrap();
    }
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    assert_eq!(view(&world, login.login).await.unwrap().purpose, Purpose::Application);
}

/// The release before writes timelines by its own function, beside this one.
#[tokio::test]
async fn timelines_of_the_release_before_are_taken_further() {
    let world = world().await;
    let login = LoginId(id());
    let before = format!(
        "select record_logins('{}', array['{login}']::uuid[], array[null]::uuid[],
                              array['{}']::uuid[], array[$1], array[null]::timestamptz[],
                              array[null]::text[], array['[]'::jsonb], 10)",
        world.id, world.directory
    );
    let mut gateway = crate::common::connect_as(world.url, "vestibule_gateway").await;
    let written: i64 = sqlx::query_scalar(AssertSqlSafe(before))
        .bind(now())
        .fetch_one(&mut gateway)
        .await
        .unwrap();
    assert_eq!(written, 1);
    let seen = view(&world, login).await.unwrap();
    assert_eq!((seen.purpose, seen.state), (Purpose::Application, LoginState::Pending));
    let ended = other(&world, (login, Purpose::Dashboard), Some(LoginEnd::Answered), 2);
    world.store.record_logins(&[ended]).await.unwrap();
    let seen = view(&world, login).await.unwrap();
    assert_eq!((seen.purpose, seen.state), (Purpose::Dashboard, LoginState::Completed));
    assert_eq!(seen.directory_slug.as_deref(), Some("okta"));
}

#[tokio::test]
async fn timeline_grows_with_the_redemption() {
    let world = world().await;
    let login = world.login("ada");
    world.tenant.commit_login(&login).await.unwrap();
    let redeemed = world.tenant.redeem_code(&redemption(&login)).await.unwrap();
    assert_eq!(redeemed, store::Redeemed::Yes);
    let view = view(&world, login.login).await.unwrap();
    assert_eq!(view.state, LoginState::Redeemed);
    assert_eq!(view.timeline.events().last().unwrap().step, Step::Token);
    assert_eq!(view.timeline.events().len(), 2);
}
