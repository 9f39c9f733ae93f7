//! Users from a file.

use broker::id::UserId;
use broker::import::{self, Checked, Existing, ImportPlan, Wanted};
use broker::user::{Identity, JoinReason, Resolved, Sighting, User};
use serde_json::json;
use store::{AuditEvent, LoginCommit, LoginOutcome, StoreError};

use crate::fixture::{World, id, now, world};

fn wanted(external_id: &str, email: Option<&str>, identity: Option<Identity>) -> Wanted {
    let external_id = external_id.to_owned();
    Wanted { line: 2, external_id, email: email.map(str::to_owned), identity, sub: None }
}

fn event() -> AuditEvent<'static> {
    AuditEvent { at: now(), actor: "operator", act: "users.imported", subject: json!({}) }
}

fn made(row: &Wanted) -> User {
    let sub = row.sub.clone().unwrap_or_else(|| id().to_string());
    User { id: UserId(id()), sub, external_id: row.external_id.clone() }
}

async fn planned(world: &World, rows: &[Wanted]) -> ImportPlan {
    let mut tx = world.operator.begin_import(world.id).await.unwrap();
    let mut existing = Existing::default();
    tx.look_up(rows, &mut existing).await.unwrap();
    import::plan(Checked { wanted: rows.to_vec(), conflicts: Vec::new() }, &existing)
}

/// Carries out what is planned, as the command does.
async fn imported(world: &World, rows: &[Wanted]) -> ImportPlan {
    let plan = planned(world, rows).await;
    assert!(plan.conflicts.is_empty(), "{plan:?}");
    let mut tx = world.operator.begin_import(world.id).await.unwrap();
    let users: Vec<_> = plan.add.iter().map(|row| (made(row), row)).collect();
    tx.add(&users, now()).await.unwrap();
    tx.attach(&plan.attach, now()).await.unwrap();
    tx.commit(&event()).await.unwrap();
    plan
}

#[tokio::test]
async fn second_import_finds_everything_there() {
    let world = world().await;
    let rows = [
        wanted("E-1", Some("ada@acme.example"), None),
        wanted("E-2", None, Some(world.identity("eve"))),
        Wanted { sub: Some("old-sub".to_owned()), ..wanted("E-3", Some("z@acme.example"), None) },
    ];
    assert_eq!(planned(&world, &rows).await.add.len(), 3);
    imported(&world, &rows).await;
    let again = planned(&world, &rows).await;
    assert!(again.is_empty() && again.conflicts.is_empty(), "{again:?}");
    assert_eq!(again.unchanged, 3);
    let audited = "select count(*) from audit_events
                    where tenant_id = $1 and act = 'users.imported' and actor = 'operator'";
    assert_eq!(world.count(audited).await, 1);
}

#[tokio::test]
async fn imported_identity_is_known_at_the_first_login() {
    let world = world().await;
    imported(&world, &[wanted("E-2", None, Some(world.identity("eve")))]).await;
    let known = world.known(&world.identity("eve")).await.unwrap();
    assert_eq!(known.user.external_id, "E-2");
    let login = LoginCommit { user: Resolved::Known(known.user), ..world.login("eve") };
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
}

/// [THREATS ID-10] An imported user awaits one login with the address, and no second one.
#[tokio::test]
async fn id_10_imported_user_is_joined_once() {
    let world = world().await;
    imported(&world, &[wanted("E-1", Some("ada@acme.example"), None)]).await;
    let mut login = world.login("ada");
    login.email = Some("ada@acme.example".to_owned());
    let sighting = world.tenant.known_user(&login.identity, login.email.as_deref()).await.unwrap();
    let Sighting::Address(candidates) = sighting else { panic!("{sighting:?}") };
    let [candidate] = candidates.as_slice() else { panic!("{candidates:?}") };
    assert!(candidate.awaited && !candidate.in_directory);
    let user = candidate.known.user.clone();
    login.user = Resolved::Joined(user.clone(), JoinReason::Import);
    let mut late = LoginCommit { user: login.user.clone(), ..world.login("mallory") };
    late.email.clone_from(&login.email);
    late.identity.issuer = "https://other.example".to_owned();
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    assert_eq!(world.known(&login.identity).await.unwrap().user, user);
    let outcome = world.tenant.commit_login(&late).await.unwrap();
    assert_eq!(outcome, LoginOutcome::IdentityAppeared);
    let awaited = "select count(*) from users where tenant_id = $1 and awaited";
    assert_eq!(world.count(awaited).await, 0);
}

/// Staff has said which identity is theirs, so the address alone is not enough any more.
#[tokio::test]
async fn attached_identity_ends_the_waiting() {
    let world = world().await;
    imported(&world, &[wanted("E-1", Some("ada@acme.example"), None)]).await;
    let plan =
        imported(&world, &[wanted("E-1", Some("ada@acme.example"), Some(world.identity("ada")))])
            .await;
    assert_eq!((plan.add.len(), plan.attach.len()), (0, 1));
    assert_eq!(world.known(&world.identity("ada")).await.unwrap().user.external_id, "E-1");
    let awaited = "select count(*) from users where tenant_id = $1 and awaited";
    assert_eq!(world.count(awaited).await, 0);
}

#[tokio::test]
async fn dropped_import_is_undone() {
    let world = world().await;
    let row = wanted("E-1", Some("ada@acme.example"), None);
    let mut tx = world.operator.begin_import(world.id).await.unwrap();
    tx.add(&[(made(&row), &row)], now()).await.unwrap();
    drop(tx);
    assert_eq!(world.count("select count(*) from users where tenant_id = $1").await, 0);
}

#[tokio::test]
async fn login_that_was_faster_is_a_conflict_and_nothing_is_imported() {
    let world = world().await;
    let rows = [wanted("E-0", Some("zoe@acme.example"), None), wanted("E-ada", None, None)];
    let mut tx = world.operator.begin_import(world.id).await.unwrap();
    tx.look_up(&rows, &mut Existing::default()).await.unwrap();
    // Logins do not wait for an import.
    world.tenant.commit_login(&world.login("ada")).await.unwrap();
    let users: Vec<_> = rows.iter().map(|row| (made(row), row)).collect();
    let error = tx.add(&users, now()).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
    drop(tx);
    assert_eq!(world.count("select count(*) from users where tenant_id = $1").await, 1);
}

#[tokio::test]
async fn another_import_into_the_tenant_waits() {
    let world = world().await;
    let first = world.operator.begin_import(world.id).await.unwrap();
    let (operator, tenant) = (world.operator.clone(), world.id);
    let second = tokio::spawn(async move { operator.begin_import(tenant).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!second.is_finished());
    first.commit(&event()).await.unwrap();
    second.await.unwrap().unwrap();
}
