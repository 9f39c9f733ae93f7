//! Users who are joined by an e-mail address, and the audit log that tells of it.

use broker::id::DirectoryId;
use broker::user::{Candidate, JoinReason, Resolved, Sighting};
use chrono::TimeDelta;
use sqlx::{Executor as _, Row as _};
use store::{LoginCommit, LoginOutcome, SecretChange};

use crate::common::connect_as;
use crate::fixture::{World, directory_settings, new_user, now, world, world_with};

const ADDRESS: &str = "ada@acme.example";

/// A world with a second directory, and a user of the first with [`ADDRESS`].
async fn two_directories(connections: u32) -> (World, DirectoryId, LoginCommit) {
    let world = world_with(connections).await;
    let mut tx = world.operator.begin().await.unwrap();
    let settings = directory_settings("entra");
    let second =
        tx.put_directory(world.id, &settings, SecretChange::Keep.into(), now()).await.unwrap();
    tx.commit().await.unwrap();
    let first = with_address(world.login("ada"));
    assert_eq!(world.tenant.commit_login(&first).await.unwrap(), LoginOutcome::Committed);
    (world, second, first)
}

fn with_address(login: LoginCommit) -> LoginCommit {
    LoginCommit { email: Some(ADDRESS.to_owned()), ..login }
}

/// The first login of `subject` at another directory, which joins the user of another login.
fn joining(
    world: &World,
    directory: DirectoryId,
    (subject, because): (&str, JoinReason),
    whom: &LoginCommit,
) -> LoginCommit {
    let mut login = with_address(world.login(subject));
    login.identity.directory = directory;
    login.user = Resolved::Joined(whom.user.user().clone(), because);
    login.grant = None;
    login
}

async fn sight(world: &World, login: &LoginCommit) -> Sighting {
    world.tenant.known_user(&login.identity, login.email.as_deref()).await.unwrap()
}

async fn candidates(world: &World, login: &LoginCommit) -> Vec<Candidate> {
    match sight(world, login).await {
        Sighting::Address(candidates) => candidates,
        Sighting::Identity(known) => panic!("{known:?}"),
    }
}

/// Act, actor and subject of every event about the tenant's users, as text.
async fn events(world: &World) -> Vec<(String, String, String)> {
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let rows = sqlx::query(
        "select act, actor, subject::text from audit_events
          where tenant_id = $1 and act like 'user.%' order by at, act",
    )
    .bind(world.id.0)
    .fetch_all(&mut owner)
    .await
    .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

async fn execute(world: &World, sql: &'static str) {
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    sqlx::query(sql).bind(world.id.0).execute(&mut owner).await.unwrap();
}

#[tokio::test]
async fn address_finds_its_user_only_when_somebody_vouches_for_it() {
    let (world, second, first) = two_directories(4).await;
    let mut arriving = joining(&world, second, ("ada@entra", JoinReason::JoinByEmail), &first);
    let found = candidates(&world, &arriving).await;
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(&one.known.user, first.user.user());
    assert_eq!((one.known.blocked, one.awaited, one.in_directory), (false, false, false));
    arriving.email = None;
    assert_eq!(candidates(&world, &arriving).await, []);
    // Whose identity is known is not looked for by address.
    assert!(matches!(sight(&world, &first).await, Sighting::Identity(_)));
}

#[tokio::test]
async fn join_adds_an_identity_and_an_audit_event() {
    let (world, second, first) = two_directories(4).await;
    let login = joining(&world, second, ("ada@entra", JoinReason::JoinByEmail), &first);
    assert_eq!(world.tenant.commit_login(&login).await.unwrap(), LoginOutcome::Committed);
    assert_eq!(world.count("select count(*) from users where tenant_id = $1").await, 1);
    let known = world.known(&login.identity).await.unwrap();
    assert_eq!(&known.user, first.user.user());
    let events = events(&world).await;
    let [(act, actor, subject)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((act.as_str(), actor), ("user.joined", &format!("login {}", login.login)));
    let subject: serde_json::Value = serde_json::from_str(subject).unwrap();
    assert_eq!(subject["user"], first.user.user().id.to_string());
    assert_eq!(subject["directory"], second.to_string());
    assert_eq!(subject["because"], "join_by_email");
    // From now on it is one identity of two.
    let again = LoginCommit { user: Resolved::Known(known.user), ..world.login("ada") };
    assert_eq!(world.tenant.commit_login(&again).await.unwrap(), LoginOutcome::Committed);
}

/// What a join was decided on may have changed until the commit; then nothing of it is written.
#[tokio::test]
async fn id_04_join_is_proved_again_in_the_commit() {
    for (change, sql) in [
        ("blocked", "update users set blocked_at = now() where tenant_id = $1"),
        ("another address", "update users set email = 'x@acme.example' where tenant_id = $1"),
        (
            "two of the address",
            "insert into users (tenant_id, user_id, sub, external_id, email, created_at)
             select tenant_id, gen_random_uuid(), 's', 'E-2', email, now() from users
              where tenant_id = $1",
        ),
        (
            "an identity of the directory",
            "insert into identities
             select i.tenant_id, d.directory_id, i.issuer, 'other', i.user_id, now(), now()
               from identities i join directories d using (tenant_id)
              where i.tenant_id = $1 and d.slug = 'entra'",
        ),
        ("gone", "delete from users where tenant_id = $1"),
    ] {
        let (world, second, first) = two_directories(4).await;
        execute(&world, sql).await;
        let login = joining(&world, second, ("ada@entra", JoinReason::JoinByEmail), &first);
        let outcome = world.tenant.commit_login(&login).await.unwrap();
        assert_eq!(outcome, LoginOutcome::IdentityAppeared, "{change}");
        assert_eq!(events(&world).await, [], "{change}");
    }
}

#[tokio::test]
async fn id_04_second_identity_of_the_same_directory_and_issuer_is_told() {
    let (world, _, _) = two_directories(4).await;
    let mut recreated = with_address(world.login("ada-again"));
    assert!(candidates(&world, &recreated).await[0].in_directory);
    // The directory was pointed at another issuer: whoever that vouches for is looked at anew.
    recreated.identity.issuer = "https://other.example".to_owned();
    assert!(!candidates(&world, &recreated).await[0].in_directory);
}

#[tokio::test]
async fn two_users_of_one_address_are_two_candidates() {
    let (world, second, first) = two_directories(4).await;
    let mut eve = with_address(world.login("eve"));
    eve.identity.directory = second;
    eve.user = new_user("E-eve");
    assert_eq!(world.tenant.commit_login(&eve).await.unwrap(), LoginOutcome::Committed);
    let third = joining(&world, second, ("third", JoinReason::JoinByEmail), &first);
    assert_eq!(candidates(&world, &third).await.len(), 2);
}

/// [THREATS TN-02]
#[tokio::test]
async fn tn_02_address_of_another_tenants_user_finds_nobody() {
    let (_theirs, _, _) = two_directories(4).await;
    let ours = world().await;
    let login = with_address(ours.login("ada"));
    assert_eq!(candidates(&ours, &login).await, []);
}

/// [THREATS ID-12] Of many first logins of one identity one joins, and the others find it joined.
#[tokio::test(flavor = "multi_thread")]
async fn id_12_parallel_joins_make_one_identity() {
    let (world, second, first) = two_directories(16).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let tenant = world.tenant.clone();
        let mut login = joining(&world, second, ("ada@entra", JoinReason::JoinByEmail), &first);
        tasks.spawn(async move {
            loop {
                match tenant.commit_login(&login).await.unwrap() {
                    LoginOutcome::Committed => return login.user,
                    LoginOutcome::IdentityAppeared => {
                        let email = login.email.as_deref();
                        let sighting = tenant.known_user(&login.identity, email).await.unwrap();
                        let Sighting::Identity(known) = sighting else { panic!("{sighting:?}") };
                        login.user = Resolved::Known(known.user);
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    let users = tasks.join_all().await;
    assert!(users.iter().all(|user| user.user() == first.user.user()));
    let joined = users.iter().filter(|user| matches!(user, Resolved::Joined(..))).count();
    assert_eq!(joined, 1);
    assert_eq!(world.count("select count(*) from identities where tenant_id = $1").await, 2);
    assert_eq!(events(&world).await.len(), 1);
}

/// [THREATS ID-04] Two accounts of one directory bring the address at the same moment: one of them.
#[tokio::test(flavor = "multi_thread")]
async fn id_04_parallel_joins_of_two_identities_join_one() {
    let (world, second, first) = two_directories(8).await;
    let mut tasks = tokio::task::JoinSet::new();
    for subject in ["one", "two", "three", "four"] {
        let tenant = world.tenant.clone();
        let login = joining(&world, second, (subject, JoinReason::JoinByEmail), &first);
        tasks.spawn(async move { tenant.commit_login(&login).await.unwrap() });
    }
    let outcomes = tasks.join_all().await;
    let committed = outcomes.iter().filter(|one| **one == LoginOutcome::Committed).count();
    assert_eq!(committed, 1, "{outcomes:?}");
    assert_eq!(world.count("select count(*) from identities where tenant_id = $1").await, 2);
}

#[tokio::test]
async fn address_of_a_known_user_is_kept_current_and_its_change_audited() {
    let (world, _, first) = two_directories(4).await;
    let later = |email: Option<&str>, hour| {
        let mut login = world.login("ada");
        login.user = Resolved::Known(first.user.user().clone());
        (login.email, login.now) = (email.map(str::to_owned), now() + TimeDelta::hours(hour));
        login.grant = None;
        login
    };
    let emails = |email: &'static str| {
        let sql = match email {
            ADDRESS => {
                "select count(*) from users where tenant_id = $1 and email = 'ada@acme.example'"
            }
            _ => "select count(*) from users where tenant_id = $1 and email = 'a.l@acme.example'",
        };
        world.count(sql)
    };
    // Nobody vouches for an address this time, or for the same one.
    for (email, hour) in [(None, 1), (Some(ADDRESS), 2)] {
        world.tenant.commit_login(&later(email, hour)).await.unwrap();
        assert_eq!((emails(ADDRESS).await, events(&world).await.len()), (1, 0));
    }
    world.tenant.commit_login(&later(Some("a.l@acme.example"), 3)).await.unwrap();
    assert_eq!(emails("a.l@acme.example").await, 1);
    let events = events(&world).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].0, "user.email_changed");
    assert!(!events[0].2.contains('@'), "{events:?}");
}

/// The audit log is written once: no role of ours changes or removes an event, or sees another
/// tenant's.
#[tokio::test]
async fn audit_events_are_append_only_and_of_one_tenant() {
    let (world, second, first) = two_directories(4).await;
    let login = joining(&world, second, ("ada@entra", JoinReason::JoinByEmail), &first);
    world.tenant.commit_login(&login).await.unwrap();
    for role in ["vestibule_gateway", "vestibule_operator"] {
        let mut connection = connect_as(world.url, role).await;
        for statement in [
            "update audit_events set actor = 'nobody'",
            "delete from audit_events",
            "truncate audit_events",
        ] {
            let refused = connection.execute(statement).await.unwrap_err();
            assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
        }
    }
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    let seen = "select count(*) from audit_events where act like 'user.%'";
    let of_nobody: i64 = sqlx::query_scalar(seen).fetch_one(&mut gateway).await.unwrap();
    assert_eq!(of_nobody, 0);
    let sql = "select set_config('vestibule.tenant_id', $1, false)";
    sqlx::query(sql).bind(world.id.to_string()).execute(&mut gateway).await.unwrap();
    let ours: i64 = sqlx::query_scalar(seen).fetch_one(&mut gateway).await.unwrap();
    assert_eq!(ours, 1);
    // It goes with its tenant.
    let mut tx = world.operator.begin().await.unwrap();
    assert!(tx.remove_tenant(world.id, now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(events(&world).await, []);
}

/// Nodes of the release before go on with the functions that they know.
#[tokio::test]
async fn previous_release_still_finds_and_makes_users() {
    let (world, ..) = two_directories(4).await;
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    let found = sqlx::query("select * from known_user($1, $2, $3, $4)")
        .bind(world.id.0)
        .bind(world.directory.0)
        .bind("https://idp.example")
        .bind("ada")
        .fetch_all(&mut gateway)
        .await
        .unwrap();
    assert_eq!((found.len(), found[0].columns().len()), (1, 4));
}
