//! The audit log: written with the change, in a chain that no role of ours can bend.

use broker::audit::{Broken, ChainId, Checkpoint, Entry, Verifier};
use broker::settings::TenantPolicy;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use store::{Operator, SecretChange};

use crate::common::{connect, connect_as, create_database};
use crate::fixture::{World, application_settings, directory_settings, id, now, world, world_with};

async fn entries(operator: &Operator, chain: ChainId) -> Vec<Entry> {
    operator.audit_entries(chain, 0, 1_000, "").await.unwrap()
}

async fn acts(world: &World) -> Vec<String> {
    let entries = entries(&world.operator, world.id.into()).await;
    entries.into_iter().map(|entry| entry.act).collect()
}

fn verified(chain: ChainId, entries: &[Entry], checkpoints: &[Checkpoint]) -> Result<i64, Broken> {
    let mut verifier = Verifier::new(chain, checkpoints);
    entries.iter().try_for_each(|entry| verifier.next(entry))?;
    verifier.end().map(|(last, _)| last)
}

#[tokio::test]
async fn log_is_read_from_its_end_as_well() {
    let world = world().await;
    let newest = async |before, acts| -> Vec<(i64, String)> {
        let found = world.operator.newest_audit_entries(world.id, before, 2, acts).await.unwrap();
        found.into_iter().map(|entry| (entry.seq, entry.act)).collect()
    };
    let entry = |seq, act: &str| (seq, act.to_owned());
    let last = [entry(3, "directory.added"), entry(2, "application.added")];
    assert_eq!(newest(None, "").await, last);
    assert_eq!(newest(Some(2), "").await, [entry(1, "tenant.added")]);
    assert_eq!(newest(None, "application.").await, [entry(2, "application.added")]);
    assert_eq!(newest(Some(1), "").await, []);
}

/// [THREATS SC-05, KD-05] Each change of configuration leaves its event, with what was before and
/// after, and who did it; what changes nothing leaves none; what is undone takes its event with it.
#[tokio::test]
async fn sc_05_kd_05_every_change_of_configuration_is_audited_with_it() {
    let world = world().await;
    assert_eq!(acts(&world).await, ["tenant.added", "application.added", "directory.added"]);
    let mut tx = world.operator.begin().await.unwrap();
    let same = application_settings("imis");
    tx.put_tenant(&world.slug, "Acme", TenantPolicy::default(), now()).await.unwrap();
    tx.put_application(world.id, &same, SecretChange::Keep, now()).await.unwrap();
    tx.put_application(world.id, &same, SecretChange::Set(&[[1; 32]]), now()).await.unwrap();
    let directory = directory_settings("okta");
    tx.put_directory(world.id, &directory, SecretChange::Keep.into(), now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(acts(&world).await.len(), 3);

    let mut tx = world.operator.begin().await.unwrap();
    tx.put_tenant(&world.slug, "Undone", TenantPolicy::default(), now()).await.unwrap();
    drop(tx);
    assert_eq!(acts(&world).await.len(), 3);

    let mut tx = world.operator.begin().await.unwrap();
    tx.put_tenant(&world.slug, "Renamed", TenantPolicy::default(), now()).await.unwrap();
    let secret = SecretString::from("hush-another-secret");
    tx.put_application(world.id, &same, SecretChange::Set(&[[2; 32]]), now()).await.unwrap();
    let change = SecretChange::Set(&secret);
    tx.put_directory(world.id, &directory, change.into(), now()).await.unwrap();
    tx.put_directory(world.id, &directory, SecretChange::Clear.into(), now()).await.unwrap();
    assert!(tx.remove_application(world.id, world.application, now()).await.unwrap());
    assert!(tx.remove_directory(world.id, world.directory, now()).await.unwrap());
    tx.commit().await.unwrap();
    let written = entries(&world.operator, world.id.into()).await;
    let told: Vec<(&str, Value)> = written[3..]
        .iter()
        .map(|one| (one.act.as_str(), serde_json::from_str(&one.subject).unwrap()))
        .collect();
    let acts: Vec<_> = told.iter().map(|(act, _)| *act).collect();
    let wanted = [
        "tenant.changed",
        "application.changed",
        "directory.changed",
        "directory.changed",
        "application.removed",
        "directory.removed",
    ];
    assert_eq!(acts, wanted);
    assert_eq!(told[0].1["before"], serde_json::json!({ "name": "Acme" }));
    assert_eq!(told[0].1["after"], serde_json::json!({ "name": "Renamed" }));
    assert_eq!(told[1].1["client_secret"], "secret replaced");
    assert_eq!(told[2].1["client_secret"], "secret replaced");
    assert_eq!(told[3].1["client_secret"], "secret removed");
    assert_eq!(told[4].1["before"]["name"], "iMIS");
    assert!(written.iter().all(|one| one.actor == "operator" && !one.subject.contains("hush")));
    assert_eq!(verified(world.id.into(), &written, &[]).unwrap(), 9);
}

/// [THREATS KD-05] What cannot be told to the log is not done.
#[tokio::test]
async fn kd_05_change_whose_event_cannot_be_written_is_undone() {
    let world = world().await;
    let options = store::ConnectOptions::new(world.url, store::Role::Operator);
    let store = store::Store::connect(options, crate::fixture::master()).unwrap();
    let unnamable = store.acting_as(&"x".repeat(301)).operator();
    let mut tx = unnamable.begin().await.unwrap();
    tx.put_tenant(&world.slug, "Renamed", TenantPolicy::default(), now()).await.unwrap();
    tx.commit().await.unwrap_err();
    let name = world.store.tenant_by_slug(&world.slug).await.unwrap().unwrap().name;
    assert_eq!((name.as_str(), acts(&world).await.len()), ("Acme", 3));
}

/// Keys are made by a gateway that needs them and rotated by an operator.
#[tokio::test]
async fn sc_05_signing_keys_are_audited_where_they_are_made() {
    let world = world().await;
    let key = |kid: &str| store::NewKey {
        kid: kid.to_owned(),
        alg: "RS256".to_owned(),
        public_jwk: serde_json::json!({ "kty": "RSA" }),
        pkcs8: zeroize::Zeroizing::new(b"the private key".to_vec()),
        active_from: now(),
    };
    assert!(world.tenant.insert_signing_key(&key("one"), now()).await.unwrap());
    assert!(!world.tenant.insert_signing_key(&key("two"), now()).await.unwrap());
    let end = now() + chrono::TimeDelta::hours(1);
    world.tenant.rotate_signing_key(&key("three"), end, now()).await.unwrap();
    let told = entries(&world.operator, world.id.into()).await;
    let told: Vec<_> = told[3..].iter().map(|one| (one.act.as_str(), one.actor.as_str())).collect();
    assert_eq!(told, [("signing_key.made", "gateway"), ("signing_key.rotated", "gateway")]);
}

/// [THREATS SC-05] A tenant's log goes with it; the installation's keeps that it was there, and how
/// its log ended.
#[tokio::test]
async fn sc_05_removed_tenant_stays_in_the_installations_log() {
    let world = world().await;
    let log = entries(&world.operator, world.id.into()).await;
    let mut tx = world.operator.begin().await.unwrap();
    assert!(tx.remove_tenant(world.id, now()).await.unwrap());
    tx.commit().await.unwrap();
    assert!(entries(&world.operator, world.id.into()).await.is_empty());
    let installation = entries(&world.operator, ChainId::INSTALLATION).await;
    let of_it: Vec<&Entry> =
        installation.iter().filter(|entry| entry.subject.contains(&world.id.to_string())).collect();
    let acts: Vec<_> = of_it.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, ["tenant.added", "tenant.removed"]);
    let subject: Value = serde_json::from_str(&of_it[1].subject).unwrap();
    let head = log[2].hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert_eq!(subject["log"], serde_json::json!({ "entries": 3, "head": head }));
    verified(ChainId::INSTALLATION, &installation, &[]).unwrap();
}

/// [THREATS SC-05] Neither role changes, removes, numbers or hashes an entry, in whatever way.
#[tokio::test]
async fn sc_05_no_role_of_ours_can_bend_the_chain() {
    let world = world().await;
    let values = "gen_random_uuid(), now(), 'x', 'x.y', '{}'";
    for role in ["vestibule_gateway", "vestibule_operator"] {
        let mut connection = connect_as(world.url, role).await;
        for table in ["audit_events", "installation_events"] {
            for statement in [
                format!("update {table} set actor = 'nobody'"),
                format!("update {table} set seq = seq + 1"),
                format!("delete from {table}"),
                format!("truncate {table}"),
                format!(
                    "insert into {table} (event_id, at, actor, act, subject, seq)
                         values ({values}, 1)"
                ),
                format!(
                    "insert into {table} (event_id, at, actor, act, subject, hash)
                         values ({values}, '\\x00')"
                ),
                format!(
                    "insert into {table} (event_id, at, actor, act, subject, previous)
                         values ({values}, '\\x00')"
                ),
                format!("alter table {table} disable trigger all"),
                format!("drop trigger {table}_chain on {table}"),
                "set session_replication_role = replica".to_owned(),
            ] {
                let refused = connection.execute(AssertSqlSafe(statement.clone())).await;
                let refused = refused.unwrap_err().to_string();
                let told = ["permission denied", "must be owner"];
                assert!(told.iter().any(|one| refused.contains(one)), "{statement}: {refused}");
            }
        }
    }
    let before = acts(&world).await;
    assert_eq!(before.len(), 3);
}

/// [THREATS SC-05] Of whoever writes at once each gets a number of its own, and waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn sc_05_concurrent_writers_make_one_chain() {
    let world = world_with(8).await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (url, tenant) = (world.url, world.id.0);
        tasks.spawn(async move {
            let mut gateway = connect_as(url, "vestibule_gateway").await;
            for round in 0..10 {
                let mut tx = gateway.begin().await.unwrap();
                sqlx::query("select set_config('vestibule.tenant_id', $1, true)")
                    .bind(tenant.to_string())
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                let sql = "insert into audit_events (tenant_id, at, actor, act, subject)
                           values ($1, now(), $2, 'test.written', '{}')";
                let actor = format!("writer {writer}.{round}");
                sqlx::query(sql).bind(tenant).bind(actor).execute(&mut *tx).await.unwrap();
                // Some are undone, and leave no gap.
                if round % 3 == 0 { tx.rollback().await } else { tx.commit().await }.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let written = entries(&world.operator, world.id.into()).await;
    assert_eq!(written.len(), 3 + 8 * 6);
    let last = verified(world.id.into(), &written, &[]).unwrap();
    assert_eq!(world.tenant.audit_head().await.unwrap().unwrap().0, last);
}

/// The database and `broker` hash the same bytes, whatever the values are.
#[tokio::test]
async fn sc_05_hash_of_the_database_is_ours_for_every_text() {
    let world = world().await;
    let mut owner = connect_as(world.url, "vestibule_operator").await;
    let texts = ["Zürich \u{202e}\u{1f3db}", "a\r\nb\u{1b}[2J\"\\", "\u{1}", &"x".repeat(90_000)];
    for (text, at) in texts.iter().zip(["-infinity"; 0].iter().chain(&[
        "1969-12-31 23:59:59.999999+00",
        "2038-01-19 03:14:08.000001+00",
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59.999999+00",
    ])) {
        let sql = "insert into audit_events (tenant_id, at, actor, act, subject)
                   values ($1, $2::text::timestamptz, left($3, 50), 'test.text',
                           jsonb_build_object('b', $3, 'a', 1.50, 'n', 1e-7))";
        sqlx::query(sql).bind(world.id.0).bind(at).bind(text).execute(&mut owner).await.unwrap();
    }
    let written = entries(&world.operator, world.id.into()).await;
    assert_eq!(verified(world.id.into(), &written, &[]).unwrap(), 7);
}

async fn as_owner(world: &World, sql: &'static str) {
    let mut owner: PgConnection = connect(world.url).await;
    sqlx::query(sql).bind(world.id.0).execute(&mut owner).await.unwrap();
}

/// [THREATS SC-05] What somebody does who has the rights of the database's owner.
#[tokio::test]
async fn sc_05_edit_deletion_and_reordering_by_the_owner_name_the_first_bad_entry() {
    for (sql, wanted) in [
        ("update audit_events set actor = 'x' where tenant_id = $1 and seq = 2", "entry 2 (app"),
        ("delete from audit_events where tenant_id = $1 and seq = 2", "entry 2 is missing"),
        (
            "update audit_events set seq = case seq when 2 then -3 else -2 end
              where tenant_id = $1 and seq in (2, 3)",
            "",
        ),
        ("update audit_events set at = at + interval '1 s' where tenant_id = $1", "entry 1 (te"),
    ] {
        let world = world().await;
        if wanted.is_empty() {
            // Two entries change places; the owner lifts what is in the way.
            let mut owner = connect(world.url).await;
            let mut tx = owner.begin().await.unwrap();
            for step in [
                "update audit_events set seq = seq + 100 where tenant_id = $1 and seq in (2, 3)",
                "update audit_events set seq = case seq when 102 then 3 else 2 end
                  where tenant_id = $1 and seq in (102, 103)",
            ] {
                sqlx::query(step).bind(world.id.0).execute(&mut *tx).await.unwrap();
            }
            tx.commit().await.unwrap();
        } else {
            as_owner(&world, sql).await;
        }
        let written = entries(&world.operator, world.id.into()).await;
        let found = verified(world.id.into(), &written, &[]).unwrap_err().to_string();
        let wanted = if wanted.is_empty() { "entry 2 (directory.added) does not" } else { wanted };
        assert!(found.starts_with(wanted), "{found}");
    }
}

/// [THREATS SC-05] A chain that was cut, or hashed anew as a whole, is sound in itself.
#[tokio::test]
async fn sc_05_cut_tail_and_rewritten_chain_are_found_with_a_checkpoint() {
    let known = async |world: &World| {
        let (seq, head) = world.tenant.audit_head().await.unwrap().unwrap();
        let head = head.try_into().unwrap();
        Checkpoint { chain: world.id.into(), seq, head, at: now() }
    };
    let cut = world().await;
    let checkpoint = known(&cut).await;
    as_owner(&cut, "delete from audit_events where tenant_id = $1 and seq = 3").await;
    let written = entries(&cut.operator, cut.id.into()).await;
    assert_eq!(verified(cut.id.into(), &written, &[]).unwrap(), 2);
    let found = verified(cut.id.into(), &written, &[checkpoint]).unwrap_err();
    assert!(matches!(found, Broken::Cut { last: 2, seq: 3, .. }), "{found}");

    let rewritten = world().await;
    let checkpoint = known(&rewritten).await;
    let anew = "with gone as (delete from audit_events where tenant_id = $1 returning *)
                select count(*) from gone";
    as_owner(&rewritten, anew).await;
    let again = "insert into audit_events (tenant_id, at, actor, act, subject)
                 select $1, now(), 'somebody else', 'tenant.added', '{}' from generate_series(1, 3)";
    as_owner(&rewritten, again).await;
    let written = entries(&rewritten.operator, rewritten.id.into()).await;
    assert_eq!(verified(rewritten.id.into(), &written, &[]).unwrap(), 3);
    let found = verified(rewritten.id.into(), &written, &[checkpoint]).unwrap_err();
    assert!(matches!(found, Broken::Replaced { seq: 3, .. }), "{found}");
}

/// A log that an earlier release wrote is chained by the migration, also for an owner whom row-level
/// security binds.
#[tokio::test]
async fn sc_05_events_of_the_release_before_are_chained_in_the_order_of_their_times() {
    let url = create_database().await;
    let mut admin = connect(&url).await;
    let name = format!("owner_{}", id().simple());
    let database = url::Url::parse(&url).unwrap().path().trim_start_matches('/').to_owned();
    for statement in [
        format!("create role {name} login createrole password 'pw'"),
        format!("alter database {database} owner to {name}"),
        "do $$ begin
            create role vestibule_gateway nologin; create role vestibule_operator nologin;
            exception when duplicate_object or unique_violation then null; end $$"
            .to_owned(),
        format!("grant vestibule_gateway, vestibule_operator to {name}"),
    ] {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let mut plain = url::Url::parse(&url).unwrap();
    plain.set_username(&name).unwrap();
    plain.set_password(Some("pw")).unwrap();
    let mut owner = connect(plain.as_str()).await;
    let mut migrations: Vec<_> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|one| one == "sql"))
            .collect();
    migrations.sort();
    let text = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    let is_before = |path: &&std::path::PathBuf| path.file_name().unwrap() < "0030";
    for path in migrations.iter().filter(is_before) {
        owner.execute(AssertSqlSafe(text(path))).await.unwrap();
    }
    let tenant = id();
    admin
        .execute(AssertSqlSafe(format!(
            "insert into tenants (tenant_id, slug, name, data_key, created_at)
             values ('{tenant}', 'acme', 'Acme', '\\x00', now());
             insert into audit_events (tenant_id, at, actor, act, subject)
             select '{tenant}', now() - n * interval '1 hour', 'operator', 'test.n' || chr(96 + n),
                    jsonb_build_object('n', n) from generate_series(1, 5) n"
        )))
        .await
        .unwrap();
    for path in migrations.iter().filter(|path| !is_before(path)) {
        let mut tx = owner.begin().await.unwrap();
        tx.execute(AssertSqlSafe(text(path))).await.unwrap();
        tx.commit().await.unwrap();
    }
    let options = store::ConnectOptions::new(plain.as_str(), store::Role::Operator);
    let operator = store::Store::connect(options, crate::fixture::master()).unwrap().operator();
    let written = entries(&operator, ChainId(tenant)).await;
    let acts: Vec<_> = written.iter().map(|one| one.act.as_str()).collect();
    assert_eq!(acts, ["test.ne", "test.nd", "test.nc", "test.nb", "test.na"]);
    assert_eq!(verified(ChainId(tenant), &written, &[]).unwrap(), 5);
    let forced: bool = sqlx::query_scalar(
        "select relforcerowsecurity from pg_class where oid = 'audit_events'::regclass",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert!(forced);
}
