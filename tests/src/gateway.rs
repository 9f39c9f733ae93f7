//! The gateway as its operator runs it: the `vestibule` binary, a database of its own, and the
//! commands beside it.
//!
//! A test takes a port first where a peer has to know the gateway before it runs; the gateway is
//! then configured with `vestibule apply`, the way an operator would do it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::canary;
use crate::peers::free_port;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(35);
/// How long a change takes to be heard of, at the most.
const HEARD: Duration = Duration::from_millis(150);

/// What a test may set.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// What applications call it; `None`: its own loopback address.
    pub public_url: Option<String>,
    /// The port; `None`: a free one.
    pub port: Option<u16>,
    /// The database; `None`: a fresh one on the test server.
    pub database_url: Option<String>,
    /// Networks that directories may be in; `None`: loopback.
    pub egress_allow: Option<String>,
    /// The name server that proves domains, `address:port`; `None`: the system's.
    pub dns: Option<String>,
    /// Seconds that it goes on after SIGTERM; `None`: none.
    pub drain_delay: Option<u32>,
    /// A second node shares the first one's master key.
    pub master_key: Option<PathBuf>,
    /// The master key that this one takes the place of.
    pub previous_master_key: Option<PathBuf>,
    /// More of its environment.
    pub env: Vec<(&'static str, String)>,
}

/// A gateway that runs, and its directory of files.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    work: TempDir,
    /// What it answers as, without a trailing slash.
    pub url: String,
    /// Where it listens.
    pub addr: String,
    /// Its database, as its operator connects to it.
    pub database_url: String,
    master_key: PathBuf,
    options: Options,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// The output of a command that succeeded.
    ///
    /// # Errors
    /// With everything it printed, when it did not.
    pub fn success(self) -> Result<String> {
        if self.code == 0 {
            return Ok(self.stdout);
        }
        bail!("exit code {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

/// The binary under test, which `cargo xtask test` builds.
///
/// # Errors
/// When it is not there.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("VESTIBULE_BIN") {
        return Ok(path.into());
    }
    let beside = std::env::current_exe()?
        .ancestors()
        .nth(2)
        .map(|target| target.join("vestibule"))
        .filter(|path| path.is_file());
    beside.context("target/debug/vestibule is missing: run `cargo build` or `cargo xtask test`")
}

/// A fresh, empty database on the server of the test run.
///
/// # Errors
/// When `TEST_DATABASE_URL`, which `cargo xtask test` sets, is missing or does not answer.
pub async fn fresh_database() -> Result<String> {
    let server = std::env::var("TEST_DATABASE_URL")
        .context("TEST_DATABASE_URL is not set: run the tests with `cargo xtask test`")?;
    let options: PgConnectOptions = server.parse()?;
    let name = format!("e2e_{}_{}", std::process::id(), free_port()?);
    let mut connection = options.clone().connect().await?;
    let create = format!("create database {name}");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(options.database(&name).to_url_lossy().into())
}

impl Gateway {
    /// Starts one with a database of its own, allowed to reach directories on loopback.
    ///
    /// # Errors
    /// With what it printed, when it does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts one.
    ///
    /// # Errors
    /// With what it printed, when it does not start.
    pub async fn start_with(options: Options) -> Result<Self> {
        let work = tempfile::tempdir()?;
        let options = Options {
            database_url: match options.database_url {
                Some(url) => Some(url),
                None => Some(fresh_database().await?),
            },
            master_key: match options.master_key {
                Some(path) => Some(path),
                None => Some(new_master_key(work.path())?),
            },
            ..options
        };
        Self::spawn(work, options).await
    }

    async fn spawn(work: TempDir, options: Options) -> Result<Self> {
        let database_url = options.database_url.clone().context("no database")?;
        let master_key = options.master_key.clone().context("no master key")?;
        let port = options.port.unwrap_or(0);
        let log = work.path().join("log");
        let log = std::fs::File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(binary()?);
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("VESTIBULE_EGRESS_ALLOW", options.egress_allow.as_deref().unwrap_or("127.0.0.0/8"))
            .env("RUST_BACKTRACE", "1")
            // Whatever a test does, its gateway's log is looked through when it ends ([`canary`]).
            .env("VESTIBULE_LOG_LEVEL", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        surroundings(&mut command, work.path(), &database_url, &master_key);
        if let Some(public_url) = &options.public_url {
            command.env("VESTIBULE_PUBLIC_URL", public_url);
        }
        if let Some(previous) = &options.previous_master_key {
            command.env("VESTIBULE_PREVIOUS_MASTER_KEY_FILE", previous);
        }
        command.envs(options.env.iter().map(|(name, value)| (name, value)));
        if let Some(seconds) = options.drain_delay {
            command.env("VESTIBULE_DRAIN_DELAY", seconds.to_string());
        }
        if let Some(dns) = &options.dns {
            command.env("VESTIBULE_DNS", dns);
        }
        let mut child = command.spawn().context("the binary does not start")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let listening = tokio::time::timeout(START_LIMIT, listening(stdout)).await;
        let Ok(Ok(addr)) = listening else {
            bail!("the gateway did not start:\n{}", read(&work.path().join("log")));
        };
        let url = options.public_url.clone().unwrap_or_else(|| format!("http://{addr}"));
        Ok(Self { child, work, url, addr, database_url, master_key, options })
    }

    /// Ends it by SIGTERM and starts it again: same address, same database, same keys.
    ///
    /// # Errors
    /// When it does not end, or not start again.
    pub async fn restart(self) -> Result<Self> {
        let (_, port) = self.addr.rsplit_once(':').context("no port")?;
        let options = Options { port: Some(port.parse()?), ..self.options.clone() };
        let (work, _) = self.end().await?;
        Self::spawn(work, options).await
    }

    /// Ends it as a crash does, by SIGKILL. [`Gateway::revive`] starts it again.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Starts one that was killed: same address, same database, same keys.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn revive(mut self) -> Result<Self> {
        let (_, port) = self.addr.rsplit_once(':').context("no port")?;
        let options = Options { port: Some(port.parse()?), ..self.options.clone() };
        let work = std::mem::replace(&mut self.work, tempfile::tempdir()?);
        Self::spawn(work, options).await
    }

    /// How much memory it has, in bytes.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resident(&self) -> Result<u64> {
        let pid = self.pid().context("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? * 1024)
    }

    /// Another node on `database_url` with the same keys, answering as this one does.
    ///
    /// # Errors
    /// With what it printed, when it does not start.
    pub async fn node_on(&self, database_url: &str) -> Result<Self> {
        Self::start_with(Options {
            public_url: Some(self.url.clone()),
            database_url: Some(database_url.to_owned()),
            master_key: Some(self.master_key.clone()),
            drain_delay: self.options.drain_delay,
            ..Options::default()
        })
        .await
    }

    /// A second node on the same database with the same keys, answering as the first one does.
    ///
    /// # Errors
    /// With what it printed, when it does not start.
    pub async fn second_node(&self) -> Result<Self> {
        self.node_on(&self.database_url).await
    }

    /// A tenant's issuer.
    pub fn issuer(&self, tenant: &str) -> String {
        format!("{}/t/{tenant}", self.url)
    }

    /// The redirect URI of a tenant's directory.
    pub fn callback(&self, tenant: &str, directory: &str) -> String {
        format!("{}/directories/{directory}/callback", self.issuer(tenant))
    }

    /// Runs a command of the binary against the same database.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        self.run_with(arguments, &[]).await
    }

    /// The same with more environment variables.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Result<Outcome> {
        let mut command = Command::new(binary()?);
        command.args(arguments).stdin(Stdio::null());
        surroundings(&mut command, self.work.path(), &self.database_url, &self.master_key);
        command.envs(env.iter().copied());
        let output = command.output().await.context("the binary does not start")?;
        Ok(Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Writes a file beside the gateway and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: &str) -> Result<String> {
        let path = self.work.path().join(name);
        std::fs::File::create(&path)?.write_all(content.as_bytes())?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Applies a configuration, which has to succeed, and returns what was printed. The gateway has
    /// heard of it by then: the database tells it, a moment after the command has ended.
    ///
    /// # Errors
    /// With what was printed, when it does not succeed.
    pub async fn apply(&self, yaml: &str) -> Result<String> {
        let path = self.file("tenants.yaml", yaml)?;
        let printed = self.run(&["apply", "-f", &path]).await?.success()?;
        tokio::time::sleep(HEARD).await;
        Ok(printed)
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The file of its master key.
    pub fn master_key(&self) -> &Path {
        &self.master_key
    }

    /// A file beside it, such as its master key, as others are to find it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// Starts it again with other options: same address, same database.
    ///
    /// # Errors
    /// As [`Gateway::restart`].
    pub async fn restart_with(mut self, change: impl FnOnce(&mut Options)) -> Result<Self> {
        change(&mut self.options);
        self.restart().await
    }

    /// Asserts that its log, at the level `trace`, holds nothing that has to stay unseen
    /// (THREATS SC-01).
    ///
    /// # Panics
    /// When it does.
    pub fn assert_log_is_silent(&self) {
        let master_key = read(&self.master_key);
        let password = url::Url::parse(&self.database_url).ok();
        let password = password.as_ref().and_then(url::Url::password).unwrap_or_default();
        let mut found = canary::found(&self.log(), &[master_key.trim(), password]);
        // The first few show what it is.
        found.truncate(5);
        assert!(found.is_empty(), "the log holds what it must not: {found:#?}");
    }

    /// What the gateway has logged.
    pub fn log(&self) -> String {
        read(&self.work.path().join("log"))
    }

    /// Ends it as an operator does, by SIGTERM, and returns its exit code.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(self) -> Result<i32> {
        let (_, code) = self.end().await?;
        Ok(code)
    }

    async fn end(mut self) -> Result<(TempDir, i32)> {
        let pid = i32::try_from(self.child.id().context("it has ended already")?)?;
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        let status = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await??;
        self.assert_log_is_silent();
        let work = std::mem::replace(&mut self.work, tempfile::tempdir()?);
        Ok((work, status.code().unwrap_or(-1)))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(60).collect();
            let tail: Vec<_> = tail.into_iter().rev().collect();
            let _ = writeln!(std::io::stderr(), "--- the gateway's log\n{}", tail.join("\n"));
        } else {
            self.assert_log_is_silent();
        }
    }
}

/// A key that is named has to be there.
fn new_master_key(work: &Path) -> Result<PathBuf> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok().context("no random bytes")?;
    let path = work.join("master.key");
    let mut options = std::fs::File::options();
    let mut file = options.create_new(true).write(true).mode(0o600).open(&path)?;
    file.write_all(STANDARD.encode(bytes).as_bytes())?;
    Ok(path)
}

/// The same surroundings for every command: nothing of the developer's own settings comes in.
fn surroundings(command: &mut Command, work: &Path, database_url: &str, master_key: &Path) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VESTIBULE_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(work)
        .env("DATABASE_URL", database_url)
        .env("VESTIBULE_DATA_DIR", work)
        .env("VESTIBULE_MASTER_KEY_FILE", master_key);
}

/// Reads standard output until the address, then goes on reading so that nothing blocks.
async fn listening(stdout: tokio::process::ChildStdout) -> Result<String> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(addr) = line.strip_prefix("Listening on ") {
            let addr = addr.to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(addr);
        }
    }
    bail!("it ended")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
