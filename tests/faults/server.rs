//! Postgres servers that can be killed, frozen, followed and promoted: the system's programs, under
//! the account that Postgres runs as, on a Unix socket each.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// The superuser, and the database that gateways use.
const OWNER: &str = "vestibule";
const READY_LIMIT: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(20);

/// One server and its files.
pub(crate) struct Server {
    files: TempDir,
    programs: PathBuf,
    running: Option<Child>,
}

impl Server {
    /// A new primary, which may have standbys.
    pub(crate) async fn start() -> Result<Self> {
        let server = Self::prepare()?;
        let data = server.data();
        let mut initdb = server.command("initdb");
        initdb.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
        run(initdb.args(["--username", OWNER, "--pgdata"]).arg(&data)).await?;
        let mut server = server;
        server.come_back().await?;
        let mut connection = PgConnection::connect(&server.url_of("postgres")).await?;
        connection.execute(AssertSqlSafe(format!("create database {OWNER}"))).await?;
        connection.close().await?;
        Ok(server)
    }

    /// A standby of this primary, which streams.
    pub(crate) async fn standby(&self) -> Result<Self> {
        let mut standby = Self::prepare()?;
        let mut backup = standby.command("pg_basebackup");
        backup.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--username"]);
        backup.arg(OWNER).arg("--host").arg(self.socket_dir());
        run(backup.arg("--pgdata").arg(standby.data())).await?;
        standby.come_back().await?;
        Ok(standby)
    }

    fn prepare() -> Result<Self> {
        let files = tempfile::Builder::new().prefix("faults-").tempdir()?;
        // Started by root, Postgres changes to another account, which must pass through.
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o711))?;
        let server = Self { programs: programs()?, files, running: None };
        for dir in [server.data(), server.socket_dir()] {
            fs::create_dir(&dir)?;
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
            if let Some(account) = account() {
                chown(&dir, Some(account.uid.as_raw()), Some(account.gid.as_raw()))?;
            }
        }
        Ok(server)
    }

    /// Starts it (again) and returns when it accepts connections.
    pub(crate) async fn come_back(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let mut child = self.spawn()?;
            loop {
                if child.try_wait()?.is_some() {
                    break;
                }
                if self.is_ready(child.id()) {
                    self.running = Some(child);
                    return Ok(());
                }
                ensure!(begun.elapsed() < READY_LIMIT, "Postgres did not start: {}", self.log());
                tokio::time::sleep(POLL).await;
            }
            // After a kill the shared memory is in use until the last of its processes is gone.
            ensure!(begun.elapsed() < READY_LIMIT, "Postgres did not start: {}", self.log());
            tokio::time::sleep(POLL).await;
        }
    }

    fn spawn(&self) -> Result<Child> {
        let log = fs::File::options().create(true).append(true).open(self.log_path())?;
        let socket = format!("unix_socket_directories={}", self.socket_dir().display());
        let mut command = self.command("postgres");
        for setting in [
            "listen_addresses=",
            socket.as_str(),
            "max_connections=100",
            "wal_level=replica",
            "max_wal_senders=5",
            "hot_standby=on",
            // The machine stays up; what is tested is the end of processes.
            "fsync=off",
            // As bad a default as an operator may have; the gateway asks for what it needs.
            "synchronous_commit=off",
        ] {
            command.args(["-c", setting]);
        }
        command.arg("-D").arg(self.data()).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn().context("postgres does not start")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = as_account(self.programs.join(program));
        command.current_dir(self.files.path());
        command
    }

    /// Postgres writes its state into the eighth line of the file, its process id into the first.
    fn is_ready(&self, pid: u32) -> bool {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        let ours = lines.next() == Some(&pid.to_string());
        ours && lines.nth(6).is_some_and(|state| state == "ready" || state == "standby")
    }

    /// `kill -9` of the postmaster; the other processes notice and end.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.end_by(Signal::SIGKILL).await
    }

    /// What `pg_ctl stop -m immediate` sends: an end without a farewell, to all of them.
    pub(crate) async fn stop_immediately(&mut self) -> Result<()> {
        self.end_by(Signal::SIGQUIT).await
    }

    async fn end_by(&mut self, signal: Signal) -> Result<()> {
        let mut child = self.running.take().context("it does not run")?;
        kill(pid_of(&child)?, signal)?;
        tokio::task::spawn_blocking(move || child.wait()).await??;
        Ok(())
    }

    /// No process of it may write beyond this size of a file; without one, all may.
    pub(crate) fn limit_files(&self, octets: Option<u64>) -> Result<()> {
        let postmaster = pid_of(self.running.as_ref().context("it does not run")?)?;
        let limit = octets.map_or_else(|| "unlimited".to_owned(), |octets| octets.to_string());
        // First the one that makes the others.
        for pid in std::iter::once(postmaster).chain(children_of(postmaster)?) {
            // Of the same account: root may not do this everywhere.
            let mut command = as_account("prlimit");
            command
                .args(["--pid", &pid.to_string(), &format!("--fsize={limit}:")])
                .stderr(Stdio::null());
            // It may have ended meanwhile.
            let set = command.status().context("prlimit does not start")?;
            ensure!(set.success() || pid != postmaster, "prlimit failed");
        }
        Ok(())
    }

    /// Stops every process of it where it stands.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    fn signal_all(&self, signal: Signal) -> Result<()> {
        let postmaster = pid_of(self.running.as_ref().context("it does not run")?)?;
        // First the one that makes the others.
        kill(postmaster, signal)?;
        for child in children_of(postmaster)? {
            // It may have ended meanwhile.
            let _gone = kill(child, signal);
        }
        Ok(())
    }

    /// Makes a standby the primary, and returns when it is.
    pub(crate) async fn promote(&self) -> Result<()> {
        let promoted = self.ask("select pg_promote(true, 30)").await?;
        ensure!(promoted, "not promoted: {}", self.log());
        Ok(())
    }

    /// Every commit waits until the standby has it.
    pub(crate) async fn wait_for_standby(&self) -> Result<()> {
        self.execute("alter system set synchronous_standby_names = '*'").await?;
        self.execute("select pg_reload_conf()").await?;
        let synchronous = "select exists (select from pg_stat_replication
                                           where sync_state in ('sync', 'quorum'))";
        self.until(synchronous).await
    }

    /// Returns when the standbys have everything.
    pub(crate) async fn wait_until_followed(&self) -> Result<()> {
        let followed = "select coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false)
                          from pg_stat_replication";
        self.until(followed).await
    }

    /// A standby gets no more of its primary's log.
    pub(crate) async fn stop_receiving(&self) -> Result<()> {
        self.execute("alter system set primary_conninfo = ''").await?;
        self.execute("select pg_reload_conf()").await?;
        self.until("select not exists (select from pg_stat_wal_receiver)").await
    }

    async fn until(&self, condition: &'static str) -> Result<()> {
        let begun = Instant::now();
        while !self.ask(condition).await? {
            ensure!(begun.elapsed() < READY_LIMIT, "never: {condition}");
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn ask(&self, question: &'static str) -> Result<bool> {
        let mut connection = PgConnection::connect(&self.url()).await?;
        let answer = sqlx::query_scalar(question).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(answer)
    }

    async fn execute(&self, statement: &'static str) -> Result<()> {
        let mut connection = PgConnection::connect(&self.url()).await?;
        connection.execute(statement).await?;
        Ok(connection.close().await?)
    }

    /// Its database for gateways, as the superuser, over its socket.
    pub(crate) fn url(&self) -> String {
        self.url_of(OWNER)
    }

    fn url_of(&self, database: &str) -> String {
        let host = self.socket_dir().display().to_string().replace('/', "%2F");
        format!("postgres://{OWNER}@localhost/{database}?host={host}")
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> PathBuf {
        self.socket_dir().join(".s.PGSQL.5432")
    }

    fn socket_dir(&self) -> PathBuf {
        self.files.path().join("s")
    }

    fn data(&self) -> PathBuf {
        self.files.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.files.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _thawed = self.thaw();
            // Its other processes end by themselves.
            let _gone = pid_of(&child).map(|pid| kill(pid, Signal::SIGQUIT));
            let _reaped = child.wait();
        }
    }
}

/// A program under the account that Postgres runs as.
fn as_account(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    if let Some(account) = account() {
        command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    command
}

async fn run(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().with_context(|| format!("{command:?}"))?;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}

/// Where the newest of the system's server programs are.
fn programs() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("VESTIBULE_PG_BINDIR") {
        return Ok(dir.into());
    }
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |dir: &Path| dir.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed.map(|entry| entry.path()).max_by_key(|dir| version(dir));
    let programs = newest.map(|dir| dir.join("bin")).filter(|dir| dir.join("initdb").exists());
    programs.context("the tests need Postgres: `cargo xtask test` installs it")
}

/// The account to change to: Postgres refuses root.
fn account() -> Option<User> {
    let found = |name| User::from_name(name).ok().flatten();
    geteuid().is_root().then(|| found("postgres").or_else(|| found("nobody"))).flatten()
}

fn pid_of(child: &Child) -> Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(child.id())?))
}

fn children_of(parent: Pid) -> Result<Vec<Pid>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // `pid (name) state ppid`, where the name may have spaces.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        if rest.split_whitespace().nth(1) == Some(&parent.to_string()) {
            children.push(Pid::from_raw(pid));
        }
    }
    if children.is_empty() {
        bail!("{parent} has no children");
    }
    Ok(children)
}
