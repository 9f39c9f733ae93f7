//! A Postgres server for trying Vestibule out, for small single-node installations and for tests:
//! a supervisor around the server programs of the system.
//!
//! [`start`] finds the programs (`binaries`), decides which user they run as (`account`: Postgres
//! refuses root), makes a cluster on the first start (`cluster`, about two seconds) and keeps the
//! server running until it is stopped or dropped (`supervisor`; a second start takes about a tenth
//! of a second). The server has no TCP port: it listens on a Unix socket in a directory that only
//! its user can enter, and asks for a random password besides.
//!
//! Deliberately absent: upgrades between major versions, backups, and any SQL (`store` migrates).
//! Production installations set `DATABASE_URL` instead.

mod account;
mod binaries;
mod cluster;
mod error;
mod supervisor;

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

pub use error::Error;

use cluster::{Cluster, OWNER};
use supervisor::Supervisor;

/// How to run the server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept; made when missing. See [`default_data_dir`].
    pub data_dir: PathBuf,
    /// `false` gives up crash safety for speed (no fsync): for tests only.
    pub durable: bool,
    /// The server's connection limit.
    pub max_connections: u16,
}

impl Options {
    /// A durable server in `data_dir` with 100 connections.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), durable: true, max_connections: 100 }
    }
}

/// A running server. Dropping it stops the server and waits for that (about 0.1 seconds).
pub struct Postgres {
    supervisor: Supervisor,
    socket_dir: PathBuf,
    password: String,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("socket_dir", &self.socket_dir).finish_non_exhaustive()
    }
}

/// `/var/lib/vestibule` for root, whose home is closed to the account that Postgres then runs as;
/// `$XDG_STATE_HOME/vestibule` or `~/.local/state/vestibule` for everybody else.
pub fn default_data_dir() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/vestibule");
    }
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("vestibule")
}

/// Whether there is a cluster in a data directory, as far as this user may look.
pub fn is_made(data_dir: &Path) -> bool {
    // Whoever may not look is told why when the server is started.
    data_dir.join("postgres/cluster/PG_VERSION").try_exists().unwrap_or(true)
}

/// Starts the server of `options.data_dir`, making the cluster and its `vestibule` database when
/// there are none, and returns when it accepts connections.
///
/// # Errors
/// See [`Error`]: each text says what to do.
pub async fn start(options: Options) -> Result<Postgres, Error> {
    let started = tokio::task::spawn_blocking(move || start_blocking(options)).await;
    started.unwrap_or_else(|stopped| {
        Err(Error::io("start", "postgres")(std::io::Error::other(stopped)))
    })
}

fn start_blocking(options: Options) -> Result<Postgres, Error> {
    let cluster = Cluster::open(options)?;
    let socket_dir = cluster.socket_dir.clone();
    let password = cluster.password()?;
    let home = cluster.home.clone();
    let supervisor = Supervisor::start(cluster)?;
    tracing::info!(home = %home.display(), "embedded Postgres is ready");
    Ok(Postgres { supervisor, socket_dir, password })
}

impl Postgres {
    /// The connection URL of a database for the server's owner, who may create others. It contains
    /// the password. A first start makes the database `vestibule`; `postgres` exists always.
    pub fn url(&self, database: &str) -> String {
        // The host in the authority only satisfies URL parsers; drivers follow the parameter.
        format!(
            "postgres://{OWNER}:{}@localhost/{}?host={}",
            self.password,
            percent_encoded(database),
            percent_encoded(&self.socket_dir.display().to_string()),
        )
    }

    /// The directory of the server's socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Stops the server and waits until it is gone.
    pub async fn stop(self) {
        let mut supervisor = self.supervisor;
        // A join error means that the runtime is ending; dropping the supervisor has stopped it.
        let _stopped = tokio::task::spawn_blocking(move || supervisor.stop()).await;
    }
}

/// Everything but unreserved characters, escaped. [RFC3986-2.1]
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |done, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            done + char::from(byte).encode_utf8(&mut [0; 4])
        }
        other => done + &format!("%{other:02X}"),
    })
}
