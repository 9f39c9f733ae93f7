//! Keeps one `postgres` process running from a thread of its own.
//!
//! The thread, not the async runtime, is the parent: Linux sends the parent-death signal when the
//! *thread* that started the child ends, and a runtime's threads come and go. It starts the
//! server, starts it again should it end by itself, and stops it when told to or when the handle
//! is dropped. If our process is killed, the signal (set by util-linux `setpriv`, so that nothing
//! here is unsafe) shuts the server down; where `setpriv` is missing, or the server has not gone
//! yet, the next start ends the orphan first.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{cluster::Cluster, error::Error};

/// How soon a server that ended by itself is noticed, and the pause before it starts again.
const WATCH: Duration = Duration::from_millis(500);
/// A first start after a crash replays the log; beyond this something is wrong.
const READY_LIMIT: Duration = Duration::from_mins(1);
const READY_POLL: Duration = Duration::from_millis(10);
/// A fast shutdown takes 50 to 150 ms; one that waits longer is cut short.
const FAST_STOP_LIMIT: Duration = Duration::from_secs(15);
const IMMEDIATE_STOP_LIMIT: Duration = Duration::from_secs(5);

/// The running thread. Dropping it stops the server and waits for it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    stop: Option<Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the server and returns when it accepts connections. Blocks.
    pub(crate) fn start(cluster: Cluster) -> Result<Self, Error> {
        end_orphan(&cluster)?;
        let (stop, stopped) = channel();
        let (report, started) = channel();
        let log = cluster.log_path();
        let thread = thread::Builder::new()
            .name("embedded-postgres".to_owned())
            .spawn(move || supervise(&cluster, &stopped, &report))
            .map_err(Error::io("start a thread for", "postgres"))?;
        let supervisor = Self { stop: Some(stop), thread: Some(thread) };
        match started.recv() {
            Ok(Ok(())) => Ok(supervisor),
            Ok(Err(error)) => Err(error),
            Err(_gone) => Err(Error::NotReady { log, tail: String::new() }),
        }
    }

    /// Stops the server and waits until it is gone.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread has logged what it could; there is nobody to tell at this point.
            let _ended = thread.join();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The thread: one life of the server after the other.
fn supervise(cluster: &Cluster, stopped: &Receiver<()>, report: &Sender<Result<(), Error>>) {
    let mut child = match launch(cluster) {
        Ok(child) => child,
        Err(error) => {
            // Nobody listens only if `start` was abandoned; there is nothing left to stop then.
            let _abandoned = report.send(Err(error));
            return;
        }
    };
    let _abandoned = report.send(Ok(()));
    loop {
        // Dropping the sender is the order to stop.
        let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(WATCH) else {
            end(&mut child);
            return;
        };
        if let Ok(Some(status)) = child.try_wait() {
            tracing::error!(%status, log = %cluster.log_path().display(),
                "the embedded Postgres ended by itself; starting it again");
            match launch(cluster) {
                Ok(next) => child = next,
                Err(error) => tracing::error!(%error, "the embedded Postgres did not come back"),
            }
        }
    }
}

/// Starts the server and waits until it accepts connections.
fn launch(cluster: &Cluster) -> Result<Child, Error> {
    let log = cluster.open_log()?;
    let errors = log.try_clone().map_err(Error::io("open", cluster.log_path()))?;
    let mut command = server_command(cluster);
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    let program = PathBuf::from(command.get_program());
    let mut child = command.spawn().map_err(Error::io("run", program))?;

    let deadline = Instant::now() + READY_LIMIT;
    loop {
        let ended = child.try_wait().ok().flatten().is_some();
        if !ended && is_ready(&cluster.data(), child.id()) {
            return Ok(child);
        }
        if ended || Instant::now() > deadline {
            end(&mut child);
            return Err(Error::NotReady { log: cluster.log_path(), tail: cluster.log_tail() });
        }
        thread::sleep(READY_POLL);
    }
}

fn server_command(cluster: &Cluster) -> Command {
    let postgres = cluster.binaries.program("postgres");
    let mut command = if has_setpriv() {
        let mut command = cluster.command("setpriv");
        command.args(["--pdeathsig", "INT", "--"]).arg(postgres);
        command
    } else {
        cluster.command(postgres)
    };
    let options = &cluster.options;
    let mut set = |name: &str, value: &str| {
        command.arg("-c").arg(format!("{name}={value}"));
    };
    // No port is open; the socket and its directory are for one account.
    set("listen_addresses", "");
    set("unix_socket_directories", &quoted(&cluster.socket_dir));
    set("unix_socket_permissions", "0700");
    set("max_connections", &options.max_connections.to_string());
    set("logging_collector", "off");
    if !options.durable {
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            set(name, "off");
        }
    }
    command.arg("-D").arg(cluster.data());
    // Ctrl-C in a terminal goes to the whole process group: ours must end first.
    command.process_group(0);
    command
}

/// The setting is a comma-separated list, so an element with odd characters is quoted.
fn quoted(dir: &Path) -> String {
    format!("\"{}\"", dir.display().to_string().replace('"', "\"\""))
}

fn has_setpriv() -> bool {
    let help = Command::new("setpriv").arg("--help").output();
    help.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("--pdeathsig"))
}

/// Postgres writes its state into the eighth line of `postmaster.pid`, its process id into the
/// first; a file left by an earlier server has another id.
fn is_ready(data: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
    let mut lines = text.lines();
    let ours = lines.next().is_some_and(|line| line.trim() == pid.to_string());
    ours && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// Asks for a fast shutdown (SIGINT), then an immediate one (SIGQUIT), then kills.
fn end(child: &mut Child) {
    let Ok(pid) = i32::try_from(child.id()).map(Pid::from_raw) else { return };
    for (signal, limit) in
        [(Signal::SIGINT, FAST_STOP_LIMIT), (Signal::SIGQUIT, IMMEDIATE_STOP_LIMIT)]
    {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        // The child is not reaped yet, so its id is still its own.
        let _already_gone = kill(pid, signal);
        if wait_until(limit, || !matches!(child.try_wait(), Ok(None))) {
            return;
        }
        tracing::warn!(%signal, "the embedded Postgres does not stop; insisting");
    }
    let _already_gone = child.kill();
    let _reaped = child.wait();
}

/// Ends a server that outlived the process which started it. We hold the lock on this data
/// directory, so whatever still runs there belongs to nobody.
fn end_orphan(cluster: &Cluster) -> Result<(), Error> {
    let data = cluster.data();
    let pid_file = data.join("postmaster.pid");
    let Some(pid) = first_line_as_pid(&pid_file) else { return Ok(()) };
    if !Path::new("/proc/self").exists() {
        return Ok(()); // Postgres itself judges the file where /proc cannot be asked.
    }
    if !runs_in(pid, &data) {
        // The id may meanwhile belong to another program (always likely in a container), which
        // Postgres would take for a server that still runs.
        return match fs::remove_file(&pid_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", pid_file)(error))
            }
            _ => Ok(()),
        };
    }
    tracing::info!(pid = pid.as_raw(), "ending a Postgres that an earlier process left behind");
    let _already_gone = kill(pid, Signal::SIGINT);
    if wait_until(FAST_STOP_LIMIT, || !runs_in(pid, &data)) {
        Ok(())
    } else {
        Err(Error::InUse { data_dir: cluster.options.data_dir.clone() })
    }
}

fn first_line_as_pid(path: &Path) -> Option<Pid> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next()?.trim().parse().ok().map(Pid::from_raw)
}

/// A server works in its data directory.
fn runs_in(pid: Pid, data: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == data)
}

fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if done() {
            return true;
        }
        thread::sleep(READY_POLL);
    }
    done()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid_file(lines: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("postmaster.pid"), lines).unwrap();
        dir
    }

    const READY: &str = "4711\n/data\n1700000000\n5432\n/socket\n\n  1234\nready   \n";

    #[test]
    fn a_server_is_ready_when_its_pid_file_says_so() {
        assert!(is_ready(pid_file(READY).path(), 4711));
    }

    #[test]
    fn a_server_that_is_starting_is_not_ready() {
        let dir = pid_file(&READY.replace("ready   ", "starting"));
        assert!(!is_ready(dir.path(), 4711));
    }

    #[test]
    fn the_pid_file_of_an_earlier_server_does_not_count() {
        assert!(!is_ready(pid_file(READY).path(), 4712));
    }

    #[test]
    fn a_socket_directory_with_a_quote_stays_one_list_element() {
        assert_eq!(quoted(Path::new("/a,b\"c")), "\"/a,b\"\"c\"");
    }
}
