//! A database that went back in time re-arms nothing. [THREATS KD-04, F-03, F-26]
//!
//! The clusters are real: a primary, a standby that stopped listening, a second server that a dump
//! is read into.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use embedded_postgres::Postgres;
use sqlx::{AssertSqlSafe, Executor as _};
use store::{LoginCommit, Redeemed, Redemption, Refresh, Refreshed, Role, Store, TenantStore};

use crate::common::{connect, connect_as, create_database};
use crate::fixture::{World, master, now, random, redemption, refresh_token, world_at};

/// A server of a test's own, and the programs beside it.
struct Server {
    files: PathBuf,
    postgres: Postgres,
}

/// A directory that goes when the test ends.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("vb-epoch-{}", crate::fixture::id().simple()));
        std::fs::create_dir(&path).unwrap();
        // Started by root, Postgres changes to another account, which must pass through.
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o711)).unwrap();
        Self(path)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Server {
    async fn start(files: &Path) -> Self {
        let options = embedded_postgres::Options::new(files);
        let postgres = embedded_postgres::start(options).await.unwrap();
        Self { files: files.to_owned(), postgres }
    }

    fn cluster(&self) -> PathBuf {
        self.files.join("postgres/cluster")
    }

    fn password(&self) -> String {
        std::fs::read_to_string(self.files.join("postgres/password")).unwrap()
    }

    /// One of the programs that the server came with, as the account that it runs as.
    fn program(&self, name: &str) -> Command {
        let started = std::fs::read_to_string(self.cluster().join("postmaster.opts")).unwrap();
        let postgres = started.split(' ').next().unwrap().trim().to_owned();
        let mut command = Command::new(Path::new(&postgres).with_file_name(name));
        command.env("PGPASSWORD", self.password()).current_dir("/");
        let account = std::fs::metadata(self.cluster()).unwrap();
        if account.uid() != nix_euid() {
            command.gid(account.gid()).uid(account.uid());
        }
        command
    }
}

/// The account of this process, which owns what it makes.
fn nix_euid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A copy of a server that follows it, until it stops listening.
struct Standby {
    control: Command,
    url: String,
}

impl Standby {
    /// `home` is where its files go: a directory that the server's account can write.
    fn of(server: &Server, home: &Path) -> Self {
        let (data, socket) = (home.join("standby"), home.join("s"));
        std::fs::create_dir(&socket).unwrap();
        let account = std::fs::metadata(server.cluster()).unwrap();
        for path in [home, &socket] {
            std::os::unix::fs::chown(path, Some(account.uid()), Some(account.gid())).unwrap();
        }
        let mut backup = server.program("pg_basebackup");
        backup.args(["--host", &server.postgres.socket_dir().display().to_string()]);
        backup.args(["--username", "vestibule", "--write-recovery-conf", "--checkpoint=fast"]);
        run(backup.arg("--pgdata").arg(&data));
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c max_connections=100",
            socket.display()
        );
        let mut start = server.program("pg_ctl");
        start.arg("-D").arg(&data).args(["-w", "-t", "60", "-o", &options, "-l"]);
        // It keeps the pipes of whoever started it.
        start.arg(home.join("log")).arg("start").stdout(Stdio::null()).stderr(Stdio::null());
        assert!(start.stdin(Stdio::null()).status().unwrap().success());
        let url = server.postgres.url("vestibule");
        let url = url.split_once("?host=").unwrap().0.to_owned();
        let host: String = socket.display().to_string().replace('/', "%2F");
        let mut control = server.program("pg_ctl");
        control.arg("-D").arg(&data).args(["-w", "-t", "60"]);
        Self { control, url: format!("{url}?host={host}") }
    }

    /// What happens on the primary from now on does not arrive.
    async fn stops_listening(&self) {
        let mut connection = connect(&self.url).await;
        connection.execute("alter system set primary_conninfo = ''").await.unwrap();
        connection.execute("select pg_reload_conf()").await.unwrap();
        until(async || {
            let receivers = "select count(*) = 0 from pg_stat_wal_receiver";
            sqlx::query_scalar(receivers).fetch_one(&mut connection).await.unwrap()
        })
        .await;
    }

    async fn is_promoted(&self) {
        let mut connection = connect(&self.url).await;
        connection.execute("select pg_promote(true, 60)").await.unwrap();
    }

    /// Whether what the primary has committed is here.
    async fn has_caught_up(&self, world: &World) {
        let mut connection = connect(&self.url).await;
        until(async || {
            let grants = "select count(*) from refresh_tokens where tenant_id = $1";
            let grants = sqlx::query_scalar::<_, i64>(grants).bind(world.id.0);
            grants.fetch_one(&mut connection).await.is_ok_and(|count| count == 1)
        })
        .await;
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = self.control.args(["-m", "immediate", "stop"]).output();
    }
}

async fn until(mut happened: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !happened().await {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn tenant_at(url: &str, world: &World) -> TenantStore {
    let options = store::ConnectOptions {
        acquire_timeout: Duration::from_secs(30),
        ..store::ConnectOptions::new(url, Role::Gateway)
    };
    Store::connect(options, master()).unwrap().tenant(world.id)
}

async fn migrated(url: String) -> &'static str {
    store::migrate(&url).await.unwrap();
    Box::leak(url.into_boxed_str())
}

/// One code that was not used, and one whose refresh token was not.
async fn held(world: &World) -> (LoginCommit, Redemption, Refresh) {
    let (unused, used) = (world.login("ada"), world.login("bob"));
    for login in [&unused, &used] {
        world.tenant.commit_login(login).await.unwrap();
    }
    let family = refresh_token();
    let redemption = Redemption { refresh: Some(family), ..redemption(&used) };
    assert_eq!(world.tenant.redeem_code(&redemption).await.unwrap(), Redeemed::Yes);
    let refresh = Refresh {
        family_hash: family.family_hash,
        hash: family.hash,
        application: world.application,
        client_id: "imis".to_owned(),
        next_hash: random(),
        next_expires_at: now() + chrono::TimeDelta::days(14),
        access_token_hash: random(),
        access_token_expires_at: now() + chrono::TimeDelta::hours(1),
        access_token_scope: None,
        now: now(),
    };
    (unused, redemption, refresh)
}

/// Asserts that nothing of before works there, and that the audit log says so once for each grant.
async fn assert_void(
    url: &str,
    world: &World,
    (unused, redeemed, refresh): &(LoginCommit, Redemption, Refresh),
) {
    let tenant = tenant_at(url, world);
    for _ in 0..2 {
        let code = redemption(unused);
        assert_eq!(tenant.redeem_code(&code).await.unwrap(), Redeemed::OtherEpoch);
        assert_eq!(tenant.refresh(refresh).await.unwrap(), Refreshed::OtherEpoch);
    }
    let access = redeemed.access_token_hash;
    assert!(tenant.grant_by_access_token(access, now()).await.unwrap().is_none());
    let mut operator = connect_as(url, "vestibule_operator").await;
    let acts = "select act from audit_events where tenant_id = $1 and act like 'token.%'";
    let acts: Vec<String> =
        sqlx::query_scalar(acts).bind(world.id.0).fetch_all(&mut operator).await.unwrap();
    assert_eq!(acts, ["token.epoch_rejected"; 2]);
}

/// Appendix A, experiment 13: without the stamp the second redemption succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn kd_04_f_03_promoted_standby_refuses_the_code_that_was_used_on_the_primary() {
    let (files, home) = (Files::new(), Files::new());
    let server = Server::start(&files.0).await;
    let url = migrated(server.postgres.url("vestibule")).await;
    let world = world_at(url, 4).await;
    let standby = Standby::of(&server, &home.0);
    let given = held(&world).await;
    standby.has_caught_up(&world).await;
    standby.stops_listening().await;
    let code = redemption(&given.0);
    assert_eq!(world.tenant.redeem_code(&code).await.unwrap(), Redeemed::Yes);
    assert_eq!(world.tenant.refresh(&given.2).await.unwrap(), Refreshed::Rotated);

    // A replica that may lag is not asked, by however it was reached. (THREATS KD-04)
    let replica = tenant_at(&standby.url, &world);
    assert!(replica.redeem_code(&code).await.is_err());
    assert!(replica.grant_by_code(code.code_hash).await.is_err());

    server.postgres.stop().await;
    standby.is_promoted().await;
    // It has the code, unused, and the family before its first use.
    let code_there = replica.grant_by_code(code.code_hash).await.unwrap().unwrap();
    assert_eq!(code_there.state, store::GrantState::Issued);
    assert!(code_there.other_epoch);
    assert_void(&standby.url, &world, &given).await;

    // What is given from now on works, and people are still signed in.
    let fresh = world.login("eve");
    assert_eq!(replica.commit_login(&fresh).await.unwrap(), store::LoginOutcome::Committed);
    assert_eq!(replica.redeem_code(&redemption(&fresh)).await.unwrap(), Redeemed::Yes);
    let session = replica.session(given.0.session.token_hash, now()).await.unwrap();
    assert!(session.is_some());
}

/// What a backup brings back was perhaps used since.
#[tokio::test(flavor = "multi_thread")]
async fn f_26_dump_that_is_read_into_another_cluster_re_arms_nothing() {
    let (files, others) = (Files::new(), Files::new());
    let server = Server::start(&files.0).await;
    let url = migrated(server.postgres.url("vestibule")).await;
    let world = world_at(url, 4).await;
    let given = held(&world).await;
    let dump = run(server.program("pg_dump").arg("--dbname").arg(url));
    let code = redemption(&given.0);
    assert_eq!(world.tenant.redeem_code(&code).await.unwrap(), Redeemed::Yes);

    let other = Server::start(&others.0).await;
    let restored = other.postgres.url("vestibule");
    let mut admin = connect(&restored).await;
    for role in ["vestibule_gateway", "vestibule_operator"] {
        admin.execute(AssertSqlSafe(format!("create role {role} nologin"))).await.unwrap();
    }
    read_back(&other, &restored, &dump);
    assert_void(&restored, &world, &given).await;
}

/// Nor into the cluster that it came from.
#[tokio::test(flavor = "multi_thread")]
async fn f_26_dump_that_is_read_back_into_its_own_cluster_re_arms_nothing() {
    let files = Files::new();
    let server = Server::start(&files.0).await;
    let url = migrated(server.postgres.url("vestibule")).await;
    let world = world_at(url, 4).await;
    let given = held(&world).await;
    // As `pg_restore --clean` would: the same database, its tables made anew.
    let dump = run(server.program("pg_dump").args(["--clean", "--if-exists", "--dbname", url]));
    let code = redemption(&given.0);
    assert_eq!(world.tenant.redeem_code(&code).await.unwrap(), Redeemed::Yes);
    read_back(&server, url, &dump);
    assert_void(url, &world, &given).await;
}

fn read_back(server: &Server, url: &str, dump: &str) {
    use std::io::Write as _;
    let mut psql = server.program("psql");
    psql.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url]);
    let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    psql.stdin.take().unwrap().write_all(dump.as_bytes()).unwrap();
    assert!(psql.wait().unwrap().success());
}

/// The operator's way, where the database cannot tell by itself.
#[tokio::test]
async fn f_26_operator_ends_every_token_of_every_tenant() {
    let url = migrated(create_database().await).await;
    let world = world_at(url, 4).await;
    let operator = Store::connect(store::ConnectOptions::new(url, Role::Operator), master());
    let operator = operator.unwrap();
    let given = held(&world).await;
    assert_eq!(operator.revoke_all_tokens(now()).await.unwrap(), Some(1));
    assert_void(url, &world, &given).await;
    let acts = "select count(*) from audit_events
                 where tenant_id = $1 and act = 'tokens.revoked_all' and actor = 'operator'";
    assert_eq!(world.count(acts).await, 1);
    // The gateway cannot.
    let error = world.store.revoke_all_tokens(now()).await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    let fresh = world.login("eve");
    world.tenant.commit_login(&fresh).await.unwrap();
    assert_eq!(world.tenant.redeem_code(&redemption(&fresh)).await.unwrap(), Redeemed::Yes);
}

/// What a managed service does not let anybody ask is left out, and the rest still counts.
#[tokio::test]
async fn kd_04_epoch_does_without_what_a_service_refuses() {
    let url = migrated(create_database().await).await;
    let world = world_at(url, 4).await;
    let mut admin = connect(url).await;
    let whole = epoch(url).await;
    assert!(!whole.contains('?'), "{whole}");
    for function in ["pg_control_system()", "pg_current_wal_lsn()"] {
        let revoke = format!("revoke execute on function {function} from public");
        admin.execute(AssertSqlSafe(revoke)).await.unwrap();
    }
    let partial = epoch(url).await;
    assert!(partial.starts_with("?.?."), "{partial}");
    assert_eq!(
        whole.split('.').skip(2).collect::<Vec<_>>(),
        partial.split('.').skip(2).collect::<Vec<_>>()
    );
    let fresh = world.login("eve");
    world.tenant.commit_login(&fresh).await.unwrap();
    assert_eq!(world.tenant.redeem_code(&redemption(&fresh)).await.unwrap(), Redeemed::Yes);
}

async fn epoch(url: &str) -> String {
    let mut gateway = connect_as(url, "vestibule_gateway").await;
    sqlx::query_scalar("select token_epoch()").fetch_one(&mut gateway).await.unwrap()
}
