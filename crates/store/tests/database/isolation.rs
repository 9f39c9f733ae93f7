//! The second net: what the database refuses when a statement forgets its tenant.

use futures_lite_poll::poll_times;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use store::LoginOutcome;
use uuid::Uuid;

use crate::common::{connect, connect_as, database};
use crate::fixture::{World, now, world, world_with};

const TABLES: [&str; 9] = [
    "tenants",
    "applications",
    "directories",
    "signing_keys",
    "users",
    "identities",
    "sessions",
    "logins",
    "grants",
];

async fn rows(connection: &mut PgConnection, table: &str, tenant: Uuid) -> i64 {
    let sql = format!("select count(*) from {table} where tenant_id = $1");
    sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant).fetch_one(connection).await.unwrap()
}

async fn act_for(connection: &mut PgConnection, tenant: &str) {
    sqlx::query("select set_config('vestibule.tenant_id', $1, false)")
        .bind(tenant)
        .execute(connection)
        .await
        .unwrap();
}

async fn filled() -> World {
    let world = world().await;
    let outcome = world.tenant.commit_login(&world.login("ada")).await.unwrap();
    assert_eq!(outcome, LoginOutcome::Committed);
    world
}

/// [THREATS TN-02] Before the first use the setting is null, afterwards it is empty.
#[tokio::test]
async fn tn_02_gateway_without_a_tenant_sees_nothing() {
    let world = filled().await;
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    for table in TABLES {
        assert_eq!(rows(&mut gateway, table, world.id.0).await, 0, "{table}, never set");
    }
    act_for(&mut gateway, "").await;
    for table in TABLES {
        assert_eq!(rows(&mut gateway, table, world.id.0).await, 0, "{table}, set and ended");
    }
}

#[tokio::test]
async fn tn_02_gateway_sees_the_named_tenant_only() {
    let (ours, theirs) = (filled().await, filled().await);
    let mut gateway = connect_as(ours.url, "vestibule_gateway").await;
    act_for(&mut gateway, &ours.id.to_string()).await;
    for table in TABLES.into_iter().filter(|table| *table != "signing_keys") {
        assert!(rows(&mut gateway, table, ours.id.0).await > 0, "{table}");
        assert_eq!(rows(&mut gateway, table, theirs.id.0).await, 0, "{table}");
    }
}

#[tokio::test]
async fn tn_02_gateway_cannot_write_for_another_tenant() {
    let (ours, theirs) = (filled().await, filled().await);
    let mut gateway = connect_as(ours.url, "vestibule_gateway").await;
    act_for(&mut gateway, &ours.id.to_string()).await;
    let sql = "insert into users (tenant_id, user_id, sub, external_id, created_at)
               values ($1, gen_random_uuid(), 'x', 'x', now())";
    sqlx::query(sql).bind(ours.id.0).execute(&mut gateway).await.unwrap();
    let refused = sqlx::query(sql).bind(theirs.id.0).execute(&mut gateway).await.unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
    let moved = sqlx::query("update logins set outcome = outcome where tenant_id = $1")
        .bind(theirs.id.0)
        .execute(&mut gateway)
        .await
        .unwrap();
    assert_eq!(moved.rows_affected(), 0);
}

#[tokio::test]
async fn gateway_cannot_change_configuration() {
    let world = filled().await;
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    act_for(&mut gateway, &world.id.to_string()).await;
    for statement in [
        "update applications set secret_hashes = '{}'",
        "delete from directories",
        "update tenants set slug = 'other'",
        "update users set external_id = 'somebody else'",
        "update grants set claims = '{}'",
        "truncate logins",
    ] {
        let refused = gateway.execute(statement).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
}

/// [THREATS TN-04] Every table (but `installation`, which belongs to no tenant) is bound by row-level security, its owner included;
/// no role of ours owns one or escapes; no function runs with other rights than its caller's.
#[tokio::test]
async fn tn_04_catalogue_has_no_gap() {
    let mut owner = connect(database().await).await;
    for (gap, sql) in [
        (
            "row-level security is not forced",
            "select c.relname::text from pg_class c
              where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
                and c.relname not in ('_sqlx_migrations', 'installation')
                and not (c.relrowsecurity and c.relforcerowsecurity)",
        ),
        (
            "the tenant does not come first",
            "select c.conrelid::regclass || '.' || c.conname
               from pg_constraint c
              where c.contype in ('p', 'u', 'f') and c.connamespace = 'public'::regnamespace
                and c.conrelid not in ('_sqlx_migrations'::regclass, 'installation'::regclass)
                and c.conname <> 'tenants_slug_key'
                and (select a.attname from pg_attribute a
                      where a.attrelid = c.conrelid and a.attnum = c.conkey[1]) <> 'tenant_id'",
        ),
        (
            "a unique index is not per tenant",
            "select i.indexrelid::regclass::text from pg_index i
               join pg_class c on c.oid = i.indrelid
              where i.indisunique and c.relnamespace = 'public'::regnamespace
                and c.relname <> '_sqlx_migrations'
                and i.indexrelid not in ('tenants_slug_key'::regclass, 'installation_pkey'::regclass,
                                         'domain_proofs_one_holder'::regclass)
                and (select a.attname from pg_attribute a
                      where a.attrelid = i.indrelid and a.attnum = i.indkey[0]) <> 'tenant_id'",
        ),
        (
            "runs with its owner's rights",
            "select p.proname::text from pg_proc p
              where p.pronamespace = 'public'::regnamespace and p.prosecdef",
        ),
        // A body that was bound when it was made (`return ...`) looks no name up any more.
        (
            "does not pin its search_path",
            "select p.proname::text from pg_proc p
              where p.pronamespace = 'public'::regnamespace and p.prosqlbody is null
                and not coalesce(array_to_string(p.proconfig, ',') like '%search_path=%', false)",
        ),
        (
            "is executable by everybody",
            "select p.proname::text from pg_proc p
              where p.pronamespace = 'public'::regnamespace
                and has_function_privilege('public', p.oid, 'execute')",
        ),
        (
            "a view could see past row-level security",
            "select c.relname::text from pg_class c
              where c.relnamespace = 'public'::regnamespace and c.relkind in ('v', 'm')",
        ),
        (
            "a role escapes",
            "select rolname::text from pg_roles
              where rolname in ('vestibule_gateway', 'vestibule_operator')
                and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole)",
        ),
        (
            "a role owns something",
            "select c.relname::text from pg_class c
              where pg_get_userbyid(c.relowner) in ('vestibule_gateway', 'vestibule_operator')",
        ),
    ] {
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut owner).await.unwrap();
        assert!(found.is_empty(), "{gap}: {found:?}");
    }
}

/// [THREATS TN-04] Even a statement that no row-level security judges cannot refer across tenants.
#[tokio::test]
async fn tn_04_references_across_tenants_are_refused() {
    let (ours, theirs) = (filled().await, filled().await);
    let mut owner = connect_as(ours.url, "vestibule_operator").await;
    for (constraint, sql) in [
        (
            "identities_directory_fkey",
            "insert into identities
             select $1, d.directory_id, 'i', 's', u.user_id, now(), now()
               from directories d, users u where d.tenant_id = $2 and u.tenant_id = $1",
        ),
        (
            "identities_user_fkey",
            "insert into identities
             select $1, d.directory_id, 'i', 's', u.user_id, now(), now()
               from directories d, users u where d.tenant_id = $1 and u.tenant_id = $2",
        ),
        (
            "logins_application_fkey",
            "update logins set application_id =
                 (select application_id from applications where tenant_id = $2)
              where tenant_id = $1",
        ),
        (
            "grants_session_fkey",
            "update grants g set session_id = s.session_id, user_id = s.user_id
               from sessions s where s.tenant_id = $2 and g.tenant_id = $1",
        ),
    ] {
        let refused = sqlx::query(sql)
            .bind(ours.id.0)
            .bind(theirs.id.0)
            .execute(&mut owner)
            .await
            .unwrap_err();
        let name = refused.as_database_error().and_then(|it| it.constraint()).unwrap_or_default();
        assert_eq!(name, constraint, "{refused}");
    }
}

/// [THREATS TN-03] A caller that stops waiting, at whatever point, leaves nothing to the next one
/// on the same connection: neither a transaction in which its write is reported and lost, nor
/// another tenant's name.
#[tokio::test]
async fn tn_03_cancelled_callers_leave_no_transaction() {
    let (world, other) = (world_with(1).await, world_with(1).await);
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let spilled = "select exists (select from spilled_requests where tenant_id = $1 and id = $2)";
    let end = now() + chrono::TimeDelta::minutes(14);
    for polls in 1..30 {
        for caller in 0..2 {
            match caller {
                0 => poll_times(world.store.tenant_by_slug(&world.slug), polls).await,
                _ => poll_times(world.tenant.commit_login(&world.login("eve")), polls).await,
            }
            let id = crate::fixture::id();
            assert!(world.tenant.spill(id, &[7; 40], end, now()).await.unwrap());
            let lasts: bool = sqlx::query_scalar(spilled)
                .bind(world.id.0)
                .bind(id)
                .fetch_one(&mut owner)
                .await
                .unwrap();
            assert!(lasts, "caller {caller} stopped after {polls} polls");
            let of_another = world.store.tenant(other.id).cleanup(now(), 10).await.unwrap();
            assert_eq!(of_another, store::CleanupReport::default());
        }
    }
}

/// Polls a future a number of times and drops it.
mod futures_lite_poll {
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::Poll;

    pub(crate) async fn poll_times<F: Future>(future: F, times: usize) {
        let mut future = pin!(future);
        let mut left = times;
        poll_fn(|context| {
            left -= 1;
            if left == 0 || future.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }
}
