//! The second net: what the database refuses when a statement forgets its tenant.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use store::LoginOutcome;
use uuid::Uuid;

use crate::common::{connect, connect_as, database};
use crate::fixture::{World, redemption, refresh_token, world};

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
    let tables = ["api_tokens", "api_token_requests", "members", "setup_links", "staff_identities"];
    for table in tables {
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
    let said = [world.said(Some(login.user.user().id), "ada"), world.said(None, "test")];
    assert_eq!(world.store.record_claims(&said).await.unwrap(), 2);
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
    assert!(seen >= 12, "{seen} tables have rows");
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
        "update tenant_logos set image = ''",
        "delete from tenant_logos",
        "select from accounts",
        "select from account_passkeys",
        "select from account_links",
        "select from account_sessions",
        "select from members",
        "select from staff_identities",
        "select from setup_links",
        "select from api_token_requests",
        "select from installation_token_requests",
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
                                   'installation_token_requests'::regclass,
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
                                  'installation_token_requests',
                                  'installation_data_key', 'accounts', 'account_passkeys',
                                  'account_links', 'account_sessions')
            and i.indexrelid not in ('tenants_slug_key'::regclass, 'installation_pkey'::regclass,
                                     'domain_proofs_one_holder'::regclass,
                                     'tenant_hosts_one_holder'::regclass,
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
                !~ 'vestibule\\.tenant_(id|slug|host)'
            and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
                !~ 'vestibule\\.tenant_(id|slug|host)'",
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
            and c.confrelid not in ('accounts'::regclass, 'installation_tokens'::regclass)
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
