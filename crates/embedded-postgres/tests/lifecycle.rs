//! The server's life on this machine's real Postgres programs: first start, second start, two
//! processes, an orphan, an ordinary user and a nameless one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests: a failure is a failed test"
)]

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use embedded_postgres::{Error, Options, Postgres, start};
use tempfile::TempDir;

/// A directory that the account Postgres drops to can pass through.
fn open_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn fast(data_dir: impl AsRef<Path>) -> Options {
    Options { durable: false, ..Options::new(data_dir.as_ref()) }
}

fn query(postgres: &Postgres, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql])
        .arg(postgres.url("vestibule"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_first_start_makes_a_database_and_the_second_finds_it() {
    let dir = open_dir();
    let first = start(Options::new(dir.path().join("new"))).await.unwrap();
    query(&first, "create table kept as select 7 as n");
    assert_eq!(query(&first, "show listen_addresses"), "");
    first.stop().await;

    let begun = Instant::now();
    let second = start(Options::new(dir.path().join("new"))).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(query(&second, "select n from kept"), "7");
    assert_eq!(
        query(
            &second,
            "select current_user || ' ' || rolsuper from pg_roles where rolname = current_user"
        ),
        "vestibule true"
    );
}

#[tokio::test]
async fn the_socket_asks_for_the_password_and_debug_does_not_print_it() {
    let dir = open_dir();
    let postgres = start(fast(dir.path())).await.unwrap();
    let url = postgres.url("vestibule");
    let password = url.split(['@', ':']).nth(2).unwrap();
    assert_eq!(password.len(), 48);
    assert!(!format!("{postgres:?}").contains(password));
    let refused = Command::new("psql")
        .args(["--no-password", "--command", "select 1"])
        .arg(url.replace(password, "wrong"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("password authentication failed"));
}

#[tokio::test]
async fn a_second_server_on_one_data_directory_is_refused() {
    let dir = open_dir();
    let _first = start(fast(dir.path())).await.unwrap();
    let error = start(fast(dir.path())).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
}

#[tokio::test]
async fn a_first_start_that_was_interrupted_leaves_nothing_to_trip_over() {
    let dir = open_dir();
    drop(start(fast(dir.path())).await.unwrap());
    let home = dir.path().join("postgres");
    fs::rename(home.join("cluster"), home.join("cluster.building")).unwrap();
    let postgres = start(fast(dir.path())).await.unwrap();
    assert_eq!(query(&postgres, "select 1"), "1");
}

#[tokio::test]
async fn a_cluster_of_another_version_is_refused_by_name() {
    let dir = open_dir();
    drop(start(fast(dir.path())).await.unwrap());
    fs::write(dir.path().join("postgres/cluster/PG_VERSION"), "9\n").unwrap();
    let error = start(fast(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains("made by Postgres 9"), "{error}");
}

#[tokio::test]
async fn a_pid_file_of_a_dead_server_or_of_another_program_does_not_stop_the_start() {
    let dir = open_dir();
    drop(start(fast(dir.path())).await.unwrap());
    let stale = dir.path().join("postgres/cluster/postmaster.pid");
    fs::write(&stale, format!("{}\n", std::process::id())).unwrap();
    let postgres = start(fast(dir.path())).await.unwrap();
    assert_eq!(query(&postgres, "select 1"), "1");
}

#[tokio::test]
async fn a_data_directory_with_a_long_path_gets_its_socket_elsewhere() {
    let dir = open_dir();
    let postgres = start(fast(dir.path().join("x".repeat(120)))).await.unwrap();
    assert!(!postgres.socket_dir().starts_with(dir.path()));
    assert_eq!(query(&postgres, "select 1"), "1");
    let socket_dir = postgres.socket_dir().to_owned();
    drop(postgres);
    fs::remove_dir_all(socket_dir).unwrap();
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_started_again() {
    let dir = open_dir();
    let postgres = start(fast(dir.path())).await.unwrap();
    let pid = server_pid(dir.path()).unwrap();
    assert!(Command::new("kill").args(["-QUIT", &pid]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(20);
    while server_pid(dir.path()).is_none_or(|now| now == pid) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(query(&postgres, "select 1"), "1");
}

fn server_pid(data_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(data_dir.join("postgres/cluster/postmaster.pid")).ok()?;
    text.lines().next().map(str::to_owned)
}

/// Runs one of the tests below in a process of its own, as another user when one is named: a
/// copy of this test program, since the build directory may be closed to that user.
fn in_child(test: &str, data_dir: &Path, uid: Option<(u32, u32)>) -> Command {
    let copy = data_dir.parent().unwrap().join("program");
    if !copy.exists() {
        // By a program of its own: a file that this process has open for writing is busy for as long
        // as a child that another test starts at that moment has it open as well.
        let program = env::current_exe().unwrap();
        assert!(Command::new("cp").arg(program).arg(&copy).status().unwrap().success());
    }
    let mut command = Command::new(copy);
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("DATA_DIR", data_dir).current_dir("/");
    if let Some((uid, gid)) = uid {
        command.uid(uid).gid(gid);
    }
    command
}

fn data_dir_of_the_parent() -> String {
    env::var("DATA_DIR").expect("run by another test of this file")
}

fn we_are_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[tokio::test]
#[ignore = "the other process of the tests below"]
async fn child_runs_a_query() {
    let postgres = start(fast(data_dir_of_the_parent())).await.unwrap();
    println!("answer={}", query(&postgres, "select 6 * 7"));
}

#[tokio::test]
#[ignore = "the other process of the tests below"]
async fn child_waits_to_be_killed() {
    let _postgres = start(fast(data_dir_of_the_parent())).await.unwrap();
    println!("started");
    tokio::time::sleep(Duration::from_mins(1)).await;
}

#[tokio::test]
#[ignore = "the other process of the tests below"]
async fn child_has_no_name() {
    println!("error={}", start(fast(data_dir_of_the_parent())).await.unwrap_err());
}

#[test]
fn an_ordinary_user_runs_its_own_server() {
    if !we_are_root() {
        return; // Every other test of this file then shows it.
    }
    let dir = open_dir();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
    let output = in_child("child_runs_a_query", &home, Some((uid, gid))).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("answer=42"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_user_without_a_name_is_told_what_postgres_needs() {
    if !we_are_root() {
        return; // Only root can become such a user.
    }
    let dir = open_dir();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let output = in_child("child_has_no_name", &home, Some((54321, 54321))).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("error=user id 54321 has no name"), "{text}");
}

#[tokio::test]
async fn after_a_kill_the_server_goes_and_the_next_start_works() {
    let dir = open_dir();
    let home = dir.path().join("home");
    let mut child =
        in_child("child_waits_to_be_killed", &home, None).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_up = || {
        fs::read_to_string(home.join("postgres/cluster/postmaster.pid"))
            .is_ok_and(|text| text.contains("ready"))
    };
    while !is_up() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let orphan = server_pid(&home).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let postgres = start(fast(&home)).await.unwrap();
    assert_eq!(query(&postgres, "select 1"), "1");
    assert_ne!(server_pid(&home).unwrap(), orphan);
}
