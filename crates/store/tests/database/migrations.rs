//! The schema itself.

use sqlx::{AssertSqlSafe, Executor as _};
use store::{ConnectOptions, Role, Store, StoreError};

use crate::common::{connect, create_database};
use crate::fixture::{id, master, now};

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_once_however_many_start_them() {
    let (one, two) = (create_database().await, create_database().await);
    let mut tasks = tokio::task::JoinSet::new();
    // Two databases of one cluster at once, because roles belong to the cluster.
    for url in [&one, &one, &one, &two, &two, &two] {
        let url = url.clone();
        tasks.spawn(async move { (url.clone(), store::migrate(&url).await.unwrap()) });
    }
    let reports = tasks.join_all().await;
    for url in [one, two] {
        let of_it = || reports.iter().filter(|(it, _)| *it == url).map(|(_, report)| report);
        assert_eq!(of_it().filter(|report| report.applied > 0).count(), 1);
        assert!(of_it().all(|report| report.version == of_it().next().unwrap().version));
        assert_eq!(store::migrate(&url).await.unwrap().applied, 0);
    }
}

/// The previous release finds a schema that a later one has brought further, and runs on it.
#[tokio::test]
async fn later_schema_is_left_as_it_is() {
    let url = create_database().await;
    store::migrate(&url).await.unwrap();
    let later = "insert into _sqlx_migrations
                 (version, description, success, checksum, execution_time)
                 values (9999, 'later', true, '\\x00', 0)";
    connect(&url).await.execute(later).await.unwrap();
    let report = store::migrate(&url).await.unwrap();
    assert_eq!((report.applied, report.version), (0, 9999));
}

/// An owner without superuser rights, whom row-level security binds as well.
#[tokio::test]
async fn plain_owner_can_migrate_and_serve() {
    let url = create_database().await;
    let mut admin = connect(&url).await;
    let name = format!("owner_{}", id().simple());
    let database = url::Url::parse(&url).unwrap().path().trim_start_matches('/').to_owned();
    for statement in [
        format!("create role {name} login createrole password 'pw'"),
        format!("alter database {database} owner to {name}"),
    ] {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    // Where the roles are there already, somebody has to let the new owner become them.
    let roles = "do $$ begin
        create role vestibule_gateway nologin; create role vestibule_operator nologin;
        exception when duplicate_object or unique_violation then null; end $$";
    admin.execute(roles).await.unwrap();
    let grant = format!("grant vestibule_gateway, vestibule_operator to {name}");
    admin.execute(AssertSqlSafe(grant)).await.unwrap();
    let mut plain = url::Url::parse(&url).unwrap();
    plain.set_username(&name).unwrap();
    plain.set_password(Some("pw")).unwrap();
    store::migrate(plain.as_str()).await.unwrap();
    let connect =
        |role| Store::connect(ConnectOptions::new(plain.as_str(), role), master()).unwrap();
    let operator = connect(Role::Operator).operator();
    let slug = "acme".parse().unwrap();
    let mut tx = operator.begin().await.unwrap();
    let tenant = tx
        .put_tenant(&slug, "Acme", broker::settings::TenantPolicy::default(), now())
        .await
        .unwrap();
    let settings = crate::fixture::directory_settings("okta");
    tx.put_directory(tenant, &settings, store::SecretChange::Keep.into(), now()).await.unwrap();
    tx.commit().await.unwrap();
    let record = connect(Role::Gateway).tenant_by_slug(&slug).await.unwrap().unwrap();
    assert_eq!(record.directories.len(), 1);
    let mut tx = operator.begin().await.unwrap();
    assert!(tx.remove_tenant(tenant, now()).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn user_who_may_not_make_roles_is_told_what_to_do() {
    let url = create_database().await;
    let mut admin = connect(&url).await;
    let name = format!("weak_{}", id().simple());
    let database = url::Url::parse(&url).unwrap().path().trim_start_matches('/').to_owned();
    for statement in [
        format!("create role {name} login password 'pw'"),
        format!("alter database {database} owner to {name}"),
    ] {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let mut weak = url::Url::parse(&url).unwrap();
    weak.set_username(&name).unwrap();
    weak.set_password(Some("pw")).unwrap();
    let error = store::migrate(weak.as_str()).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("may not create or join") && text.contains("As a superuser:"), "{text}");
}

/// [THREATS KD-04] A redeemed code survives a crash, also where the database's default gives that
/// up for speed. A trigger tells what the session works with.
#[tokio::test]
async fn kd_04_commits_wait_for_the_disk() {
    let url = create_database().await;
    store::migrate(&url).await.unwrap();
    let database = url::Url::parse(&url).unwrap().path().trim_start_matches('/').to_owned();
    let mut admin = connect(&url).await;
    for statement in [
        format!("alter database {database} set synchronous_commit = 'off'"),
        "create function tell() returns trigger language plpgsql as $$ begin
             raise exception 'synchronous_commit is %', current_setting('synchronous_commit');
         end $$"
            .to_owned(),
        "create trigger tell before insert on tenants execute function tell()".to_owned(),
    ] {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let options = ConnectOptions::new(&url, Role::Operator);
    let operator = Store::connect(options, master()).unwrap().operator();
    let mut tx = operator.begin().await.unwrap();
    let told = tx
        .put_tenant(
            &"acme".parse().unwrap(),
            "Acme",
            broker::settings::TenantPolicy::default(),
            now(),
        )
        .await
        .unwrap_err();
    assert!(told.to_string().contains("synchronous_commit is on"), "{told}");
}
