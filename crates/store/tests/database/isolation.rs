//! The second net: what the database refuses when a statement forgets its tenant.

use futures_lite_poll::poll_times;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use std::time::Duration;
use store::{ConnectOptions, LoginOutcome, Role, Store};
use uuid::Uuid;

use crate::common::{connect, connect_as, database};
use crate::fixture::{World, master, now, redemption, refresh_token, world, world_with};

/// Every table with a tenant in it, as the catalogue lists them.
async fn tables(connection: &mut PgConnection) -> Vec<String> {
    let sql = "select c.relname::text from pg_class c
                 join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
                where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
                order by 1";
    let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await.unwrap();
    for table in ["tenants", "applications", "users", "grants", "audit_events", "signing_keys"] {
        assert!(tables.iter().any(|one| one == table), "{table} in {tables:?}");
    }
    tables
}

/// Those of them that the gateway's role may look at; of the others it has nothing at all.
async fn tables_of_the_gateway(connection: &mut PgConnection) -> Vec<String> {
    let sql = "select has_table_privilege('vestibule_gateway', $1, 'select')";
    let mut seen = Vec::new();
    for table in tables(connection).await {
        if sqlx::query_scalar(sql).bind(&table).fetch_one(&mut *connection).await.unwrap() {
            seen.push(table);
        }
    }
    for table in ["api_tokens", "members", "setup_links"] {
        assert!(!seen.iter().any(|one| one == table), "{table} in {seen:?}");
    }
    seen
}

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
    let login = world.login("ada");
    let outcome = world.tenant.commit_login(&login).await.unwrap();
    assert_eq!(outcome, LoginOutcome::Committed);
    let refresh = Some(refresh_token());
    let redemption = store::Redemption { refresh, ..redemption(&login) };
    assert_eq!(world.tenant.redeem_code(&redemption).await.unwrap(), store::Redeemed::Yes);
    world.observe().await;
    world
}

/// [THREATS TN-02] Before the first use the setting is null, afterwards it is empty.
#[tokio::test]
async fn tn_02_gateway_without_a_tenant_sees_nothing() {
    let world = filled().await;
    let mut gateway = connect_as(world.url, "vestibule_gateway").await;
    let tables = tables_of_the_gateway(&mut gateway).await;
    for table in &tables {
        assert_eq!(rows(&mut gateway, table, world.id.0).await, 0, "{table}, never set");
    }
    act_for(&mut gateway, "").await;
    for table in &tables {
        assert_eq!(rows(&mut gateway, table, world.id.0).await, 0, "{table}, set and ended");
    }
}

#[tokio::test]
async fn tn_02_gateway_sees_the_named_tenant_only() {
    let (ours, theirs) = (filled().await, filled().await);
    let mut gateway = connect_as(ours.url, "vestibule_gateway").await;
    act_for(&mut gateway, &ours.id.to_string()).await;
    let mut operator = connect_as(ours.url, "vestibule_operator").await;
    let mut seen = 0;
    for table in tables_of_the_gateway(&mut operator).await {
        let there = rows(&mut operator, &table, ours.id.0).await;
        assert_eq!(rows(&mut gateway, &table, ours.id.0).await, there, "{table}");
        assert_eq!(rows(&mut gateway, &table, theirs.id.0).await, 0, "{table}");
        seen += usize::from(there > 0);
    }
    assert!(seen >= 11, "{seen} tables have rows");
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
        "update grants set epoch = token_epoch()",
        "update refresh_tokens set family_expires_at = now()",
        "delete from refresh_tokens",
        "update installation set token_generation = 7",
        "truncate logins",
        "select from accounts",
        "select from account_passkeys",
        "select from account_links",
        "select from account_sessions",
        "select from members",
        "select from setup_links",
        "select from installation_data_key",
    ] {
        let refused = gateway.execute(statement).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
}

/// What may not be in the catalogue, and how it is found: each query lists offenders.
///
/// Tables of the installation and of accounts are exempt from leading with a tenant: what they hold
/// belongs to none, since one person may work for several, and the gateway's role sees none of it.
/// The links of all tenants have unique hashes, which are random: a tenant is told nothing by them.
const GAPS: &[(&str, &str)] = &[
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
            and c.conrelid not in ('_sqlx_migrations'::regclass, 'installation'::regclass,
                                   'installation_events'::regclass,
                                   'installation_tokens'::regclass,
                                   'installation_data_key'::regclass, 'accounts'::regclass,
                                   'account_passkeys'::regclass, 'account_links'::regclass,
                                   'account_sessions'::regclass)
            and c.conname not in ('tenants_slug_key', 'members_account_fkey')
            and (select a.attname from pg_attribute a
                  where a.attrelid = c.conrelid and a.attnum = c.conkey[1]) <> 'tenant_id'",
    ),
    (
        "a unique index is not per tenant",
        "select i.indexrelid::regclass::text from pg_index i
           join pg_class c on c.oid = i.indrelid
          where i.indisunique and c.relnamespace = 'public'::regnamespace
            and c.relname not in ('_sqlx_migrations', 'installation_events', 'installation_tokens',
                                  'installation_data_key', 'accounts', 'account_passkeys',
                                  'account_links', 'account_sessions')
            and i.indexrelid not in ('tenants_slug_key'::regclass, 'installation_pkey'::regclass,
                                     'domain_proofs_one_holder'::regclass,
                                     'setup_links_one_token'::regclass,
                                     'setup_links_one_session'::regclass)
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
        "names a tenant for longer than its transaction",
        "select p.proname::text from pg_proc p
          where p.pronamespace = 'public'::regnamespace
            and (p.prosrc ~* 'set_config\\([^;]*,\\s*false\\s*\\)'
                 or p.prosrc ~* 'set\\s+(session\\s+)?vestibule')",
    ),
    (
        "is executable by everybody",
        "select p.proname::text from pg_proc p
          where p.pronamespace = 'public'::regnamespace
            and has_function_privilege('public', p.oid, 'execute')",
    ),
    (
        "a view sees past row-level security",
        "select c.relname::text from pg_class c
          where c.relnamespace = 'public'::regnamespace
            and (c.relkind = 'm' or c.relkind = 'v' and not coalesce(
                array_to_string(c.reloptions, ',') ~ 'security_invoker=(true|on|1)', false))",
    ),
    (
        "the gateway's role reads a table without naming a tenant",
        "select c.relname::text from pg_class c
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and c.relname not in ('_sqlx_migrations', 'installation')
            and has_any_column_privilege('vestibule_gateway', c.oid, 'select')
            and not exists (
                select from pg_policy p
                 where p.polrelid = c.oid
                   and 'vestibule_gateway'::regrole = any(p.polroles)
                   and pg_get_expr(p.polqual, p.polrelid) like '%vestibule.tenant_id%')",
    ),
    (
        "a policy of the gateway's role holds for no tenant or for all",
        "select p.polname::text from pg_policy p
          where 'vestibule_gateway'::regrole = any(p.polroles) and p.polpermissive
            and coalesce(pg_get_expr(p.polqual, p.polrelid), '')
                !~ 'vestibule\\.tenant_(id|slug)'
            and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
                !~ 'vestibule\\.tenant_(id|slug)'",
    ),
    (
        "a policy is for everybody",
        "select p.polname::text from pg_policy p where p.polroles = '{0}'",
    ),
    (
        "a role may empty a table, or a role that is not ours may read one",
        "select c.relname || ' ' || r.rolname from pg_class c, pg_roles r
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and (r.rolname in ('vestibule_gateway', 'vestibule_operator')
                 and has_table_privilege(r.oid, c.oid, 'truncate, trigger, references')
              or has_table_privilege('public', c.oid, 'select, insert, update, delete'))",
    ),
    (
        "a reference leaves the tenant out",
        "select c.conrelid::regclass || '.' || c.conname from pg_constraint c
          where c.contype = 'f' and c.connamespace = 'public'::regnamespace
            and c.confrelid <> 'accounts'::regclass
            and (select a.attname from pg_attribute a
                  where a.attrelid = c.confrelid and a.attnum = c.confkey[1]) <> 'tenant_id'",
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
];

/// [THREATS TN-04] Every table (but `installation`, which belongs to no tenant) is bound by row-level
/// security, its owner included; no role of ours owns one or escapes; no function runs with other
/// rights than its caller's; no view sees what its reader may not.
#[tokio::test]
async fn tn_04_catalogue_has_no_gap() {
    let mut owner = connect(database().await).await;
    for (gap, sql) in GAPS {
        let found: Vec<String> = sqlx::query_scalar(*sql).fetch_all(&mut owner).await.unwrap();
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
            "refresh_tokens_grant_fkey",
            "insert into refresh_tokens
                    (tenant_id, grant_id, family_hash, token_hash,
                     issued_at, expires_at, family_expires_at)
             select $1, g.grant_id, sha256('a'), sha256('b'), now(), now(), now()
               from grants g where g.tenant_id = $2 limit 1",
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

/// [THREATS TN-03, F-24] A thousand callers that stop waiting at points spread over their whole work,
/// on a connection that answers late. What sqlx leaves behind of a cancelled `begin` (#4393) is
/// closed when it comes back, so that no later statement runs inside a foreign transaction.
#[tokio::test(flavor = "multi_thread")]
async fn tn_03_f_24_thousand_dropped_futures_poison_no_connection() {
    let (world, other) = (world_with(4).await, world_with(4).await);
    let slow = crate::latency::Proxy::start(world.url, Duration::from_millis(2)).await;
    let options = |role| ConnectOptions {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(30),
        ..ConnectOptions::new(&slow.url, role)
    };
    let store = Store::connect(options(Role::Gateway), master()).unwrap();
    let operator = Store::connect(options(Role::Operator), master()).unwrap().operator();
    let (ours, theirs) = (store.tenant(world.id), store.tenant(other.id));
    let end = now() + chrono::TimeDelta::minutes(14);
    let mut dropped = 0;
    for round in 0..125_u64 {
        let mut tasks = tokio::task::JoinSet::new();
        for caller in 0..8_u64 {
            // From at once to past the end of the longest of them.
            let after = Duration::from_micros((round * 8 + caller) * 7_919 % 40_000);
            let (store, tenant, operator) = (store.clone(), ours.clone(), operator.clone());
            let (slug, login) = (world.slug.clone(), world.login("eve"));
            tasks.spawn(async move {
                let work = async {
                    match caller % 4 {
                        0 => drop(store.tenant_by_slug(&slug).await),
                        1 => drop(tenant.commit_login(&login).await),
                        2 => drop(tenant.audit_head().await),
                        _ => {
                            // A whole change: begin, write, commit.
                            let Ok(mut tx) = operator.begin().await else { return };
                            let policy = broker::settings::TenantPolicy::default();
                            let _ = tx.put_tenant(&slug, "Acme", policy, now()).await;
                            drop(tx.commit().await);
                        }
                    }
                };
                tokio::time::timeout(after, work).await.is_err()
            });
        }
        dropped += tasks.join_all().await.into_iter().filter(|is_dropped| *is_dropped).count();
        // The next to borrow is of another tenant, and what it writes lasts.
        let id = crate::fixture::id();
        assert!(theirs.spill(id, &[7; 40], end, now()).await.unwrap(), "round {round}");
        let mut owner = connect_as(world.url, "vestibule_operator").await;
        let sql = "select count(*) from spilled_requests where tenant_id = $1 and id = $2";
        let lasts: i64 =
            sqlx::query_scalar(sql).bind(other.id.0).bind(id).fetch_one(&mut owner).await.unwrap();
        assert_eq!(lasts, 1, "round {round}");
    }
    assert!(dropped > 300, "{dropped} of 1,000 were dropped before their end");
    let idle = "select count(*) from pg_stat_activity
                 where datname = current_database() and state like 'idle in transaction%'
                   and application_name = 'vestibule'";
    let mut owner = connect(world.url).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let open: i64 = sqlx::query_scalar(idle).fetch_one(&mut owner).await.unwrap();
        if open == 0 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{open} transactions are still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// [THREATS TN-03] A caller that panics in the middle of a transaction: what it wrote is undone, and
/// the connection serves the next one, of another tenant.
#[tokio::test]
async fn tn_03_panic_in_a_transaction_leaves_a_clean_connection() {
    let (world, other) = (world_with(1).await, world_with(1).await);
    let (operator, slug) = (world.operator.clone(), world.slug.clone());
    let panicked = tokio::spawn(async move {
        let mut tx = operator.begin().await.unwrap();
        tx.put_tenant(&slug, "Half", broker::settings::TenantPolicy::default(), now())
            .await
            .unwrap();
        panic!("in the middle of a transaction");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    let mut tx = world.operator.begin().await.unwrap();
    let names: Vec<_> = tx.tenants().await.unwrap().into_iter().map(|one| one.name).collect();
    assert!(!names.contains(&"Half".to_owned()));
    drop(tx);
    assert!(other.store.tenant_by_slug(&other.slug).await.unwrap().is_some());
}

/// [THREATS TN-03] Nothing in the crate names a tenant for a session: a connection that was lent with
/// such a name would carry it to the next borrower.
#[test]
fn tn_03_no_statement_of_ours_names_a_tenant_for_the_session() {
    fn sources(directory: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, into) } else { into.push(path) }
        }
    }
    let mut files = Vec::new();
    sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    assert!(files.len() > 20);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for (name, line) in text.lines().enumerate() {
            let names = line.contains("vestibule.tenant_") && line.contains("set");
            let is_local = line.contains("set local") || line.contains("current_setting");
            assert!(!names || is_local, "{}:{}: {line}", path.display(), name + 1);
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
