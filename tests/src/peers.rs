//! The peers of `tests/peers`, started from a test: each on a port of its own, ready when its
//! `start` returns, gone when its value is dropped, with the end of its log printed when the test
//! that holds it fails.
//!
//! Applications must know the gateway's issuer and the gateway their redirect URI, so ports come
//! first: take [`free_port`]s, write the configuration from the `redirect_uri` functions, start
//! the gateway, then the applications. (They discover the issuer at their first login.)
//!
//! - [`node`], the npm `oidc-provider`, `openid-client`, `passport-azure-ad`, a Katana-like client
//!   and a TLS proxy
//! - [`apache`], `mod_auth_openidc`
//! - [`lemonldap`], `LemonLDAP::NG` as a directory
//! - [`browser`], Chromium following a script
//! - [`dnsmasq`], the name server of everybody
//! - [`realms`], many of the same provider, set up anew while they run
//! - [`vendor`], the same provider with the habits of Okta, Entra, Cognito or AD FS
//! - [`tls`], the certificate that peers use where they insist on https

pub mod apache;
pub mod browser;
pub mod dnsmasq;
pub mod lemonldap;
pub mod node;
pub mod realms;
pub mod tls;
pub mod vendor;

use std::{
    fs::{self, File},
    net::TcpListener,
    ops::Range,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tempfile::TempDir;

/// `LemonLDAP::NG` compiles its Perl for three seconds, more on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(40);
const STOP_LIMIT: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(25);
const TAIL_LINES: usize = 40;

/// What an application is told about its provider, and where it listens.
#[derive(Debug, Clone)]
pub struct Application {
    /// The port it listens on; its redirect URI follows from it.
    pub port: u16,
    /// The tenant's issuer at the gateway.
    pub issuer: String,
    /// Its client identifier.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: String,
}

/// A loopback port for a peer that has to be told one, handed out once per process.
///
/// A port that the kernel gave out and that was closed again may go to anybody before the peer
/// listens, so these come from below the range the kernel gives out of: nobody takes one of those
/// without asking for it by number.
///
/// # Errors
/// When the machine has no port left.
pub fn free_port() -> Result<u16> {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let ports = ports_to_hand_out();
    // Test programs that run at once begin at different places.
    let width = u32::from(ports.end - ports.start);
    let begin = u16::try_from(std::process::id().wrapping_mul(97) % width)?;
    let mut port = next.unwrap_or(ports.start + begin);
    for _ in ports.clone() {
        let candidate = port;
        port = if port + 1 < ports.end { port + 1 } else { ports.start };
        if TcpListener::bind(("127.0.0.1", candidate)).is_ok() {
            *next = Some(port);
            return Ok(candidate);
        }
    }
    anyhow::bail!("no free port among {ports:?}")
}

/// Ten thousand ports below those that the kernel hands out by itself.
fn ports_to_hand_out() -> Range<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let lowest = range.ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
    let end: u16 = lowest.filter(|lowest| *lowest > 12_000).unwrap_or(32_768);
    end - 10_000..end
}

/// The directory `tests/peers` with the peers' programs.
pub fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// A peer's process, its working directory and its log.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    work: TempDir,
}

impl Process {
    /// Starts `command` in a process group of its own, told to end with our end of its standard
    /// input: whatever happens to the test run, nothing stays behind.
    ///
    /// # Errors
    /// When the program is not installed.
    pub fn start(name: &'static str, work: TempDir, mut command: Command) -> Result<Self> {
        let log = File::create(work.path().join("log"))?;
        command
            .current_dir(programs())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let child = command.spawn().with_context(|| {
            format!("{name} did not start: is it installed? (cargo xtask test installs it)")
        })?;
        Ok(Self { name, child, work })
    }

    /// Everything the peer has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.work.path().join("log")).unwrap_or_default()
    }

    /// The peer's own directory, removed when it is dropped.
    pub fn work(&self) -> &Path {
        self.work.path()
    }

    /// Waits for the line `ready URL` and returns the URL.
    ///
    /// # Errors
    /// With the end of the log, when the peer ends or says nothing.
    pub async fn ready_line(&mut self) -> Result<String> {
        self.wait_until(|log| {
            let line = log.lines().find_map(|line| line.strip_prefix("ready "))?;
            Some(line.to_owned())
        })
        .await
    }

    /// Waits until `port` accepts connections.
    ///
    /// # Errors
    /// With the end of the log, when the peer ends or does not listen.
    pub async fn listening(&mut self, port: u16) -> Result<()> {
        self.wait_until(|_| std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop)).await
    }

    async fn wait_until<T>(&mut self, check: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + READY_LIMIT;
        while Instant::now() < deadline {
            if let Some(found) = check(&self.log()) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}):\n{}", self.name, self.tail());
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("{} is not ready after {READY_LIMIT:?}:\n{}", self.name, self.tail())
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let skipped = lines.len().saturating_sub(TAIL_LINES);
        lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "shown with the output of the test that failed")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("---- the end of what {} said\n{}\n----", self.name, self.tail());
        }
        drop(self.child.stdin.take());
        if let Ok(group) = i32::try_from(self.child.id()).map(Pid::from_raw) {
            // An error means that the whole group has ended.
            let _gone = killpg(group, Signal::SIGTERM);
            let deadline = Instant::now() + STOP_LIMIT;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                thread::sleep(POLL);
            }
            let _gone = killpg(group, Signal::SIGKILL);
        }
        let _reaped = self.child.wait();
    }
}

/// A temporary directory that the accounts which some peers change to can enter.
fn work_dir() -> Result<TempDir> {
    let dir = tempfile::Builder::new().prefix("vestibule-peer-").tempdir()?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    Ok(dir)
}

/// For programs that do not watch their standard input themselves: ends them when it ends, and
/// ends with them.
fn until_stdin_ends(program: &str) -> Command {
    const SCRIPT: &str = r#"("$@" </dev/null; kill $$) & cat >/dev/null; kill 0"#;
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh", program]);
    command
}

#[cfg(test)]
mod tests;
