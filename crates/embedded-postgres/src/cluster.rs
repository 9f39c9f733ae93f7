//! The files of one embedded database and how they come to be.
//!
//! ```text
//! DATA_DIR/postgres/cluster      PGDATA
//!                  /password     of the database user `vestibule`, made at random once
//!                  /socket       the only way in (0700), unless its path is too long
//!                  /server.log   what Postgres says
//!                  /lock         held while a process of ours runs this database
//! ```
//! A cluster is built beside its final place and moved there when complete: a first start that
//! was interrupted leaves nothing that a second could trip over.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use aws_lc_rs::{digest, rand};
use nix::unistd::geteuid;

use crate::{Options, account::Account, binaries, binaries::Binaries, error::Error};

/// The role that owns the cluster and the database made in it.
pub(crate) const OWNER: &str = "vestibule";
/// `sun_path` holds 108 bytes with the terminating zero on Linux.
const SOCKET_PATH_LIMIT: usize = 107;
/// What Postgres appends to the socket directory.
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
/// A log beyond this is set aside at the next start, so that it cannot fill a disk for ever.
const LOG_LIMIT_BYTES: u64 = 10 * 1024 * 1024;
/// How much of a log an error shows.
const TAIL_BYTES: i64 = 2_000;
/// Enough that the password cannot be guessed by whoever reaches the socket.
const PASSWORD_BYTES: usize = 24;

/// A prepared cluster: its files, the programs that fit it and the account that owns it.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) home: PathBuf,
    pub(crate) socket_dir: PathBuf,
    pub(crate) binaries: Binaries,
    pub(crate) account: Account,
    pub(crate) options: Options,
    /// Released by the operating system when this process ends, however it ends.
    _lock: File,
}

impl Cluster {
    /// Opens the cluster of a data directory, making it first when there is none.
    pub(crate) fn open(options: Options) -> Result<Self, Error> {
        let account = Account::choose()?;
        let data_dir = make_data_dir(&options.data_dir)?;
        let home = data_dir.join("postgres");
        account.check_reach(&home)?;
        account.private_dir(&home)?;
        let lock = take_lock(&home.join("lock"), &data_dir)?;

        let wanted = fs::read_to_string(home.join("cluster/PG_VERSION")).ok();
        let wanted = wanted.as_deref().map(str::trim);
        let binaries = binaries::find(wanted, &data_dir)?;
        let socket_dir = socket_dir(&home, &account)?;
        let cluster = Self { home, socket_dir, binaries, account, options, _lock: lock };
        if wanted.is_none() {
            cluster.create()?;
        }
        Ok(cluster)
    }

    /// PGDATA.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("cluster")
    }

    /// What the server writes.
    pub(crate) fn log_path(&self) -> PathBuf {
        self.home.join("server.log")
    }

    /// The last lines of the log.
    pub(crate) fn log_tail(&self) -> String {
        let read = || {
            let mut file = File::open(self.log_path())?;
            let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
            file.seek(SeekFrom::End(-length.min(TAIL_BYTES)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok::<_, io::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    /// The log, opened for the server to append to.
    pub(crate) fn open_log(&self) -> Result<File, Error> {
        let path = self.log_path();
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_LIMIT_BYTES) {
            fs::rename(&path, self.home.join("server.log.old"))
                .map_err(Error::io("set aside", &path))?;
        }
        let mut open = OpenOptions::new();
        open.create(true).append(true).mode(0o600).open(&path).map_err(Error::io("open", &path))
    }

    /// The owner's password.
    pub(crate) fn password(&self) -> Result<String, Error> {
        let path = self.home.join("password");
        fs::read_to_string(&path).map_err(Error::io("read", path))
    }

    /// A command that runs one of the server programs as the right user, in a place that user
    /// can be in, without the settings that `PG*` variables of our own environment would make.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.home).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH", "TZ"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        self.account.apply(&mut command);
        command
    }

    fn create(&self) -> Result<(), Error> {
        tracing::info!(
            data_dir = %self.home.display(),
            postgres = %self.binaries.dir.display(),
            version = %self.binaries.major,
            "creating a Postgres database; for production, set DATABASE_URL to a server of your own"
        );
        let password_file = self.home.join("password");
        write_private(&password_file, &random_password()?)?;
        self.account.own(&password_file)?;

        let building = self.home.join("cluster.building");
        if building.exists() {
            fs::remove_dir_all(&building).map_err(Error::io("remove", &building))?;
        }
        self.initdb(&building, &password_file)?;
        self.create_database(&building)?;
        fs::rename(&building, self.data()).map_err(Error::io("rename", building))
    }

    fn initdb(&self, building: &Path, password_file: &Path) -> Result<(), Error> {
        // macOS has no C.UTF-8; plain C sorts the same way.
        let locale = if cfg!(target_os = "linux") { "C.UTF-8" } else { "C" };
        let mut command = self.command(self.binaries.program("initdb"));
        command.arg("--pgdata").arg(building);
        command.args(["--username", OWNER, "--auth", "scram-sha-256", "--encoding", "UTF8"]);
        command.args(["--locale", locale, "--pwfile"]).arg(password_file);
        if !self.options.durable {
            command.arg("--no-sync");
        }
        run("initdb", command, "")
    }

    /// Single-user mode needs no client program and no server that others could reach.
    fn create_database(&self, building: &Path) -> Result<(), Error> {
        let mut command = self.command(self.binaries.program("postgres"));
        command.arg("--single").arg("-D").arg(building).arg("postgres");
        run("postgres", command, &format!("create database {OWNER}\n"))
    }
}

/// Runs a program to its end with `input` on standard input; its output is shown when it fails.
fn run(name: &str, mut command: Command, input: &str) -> Result<(), Error> {
    let program = PathBuf::from(command.get_program());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io("run", &program))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(Error::io("talk to", &program))?;
    }
    let output = child.wait_with_output().map_err(Error::io("wait for", &program))?;
    if output.status.success() {
        return Ok(());
    }
    let Output { status, stdout, stderr } = output;
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Err(Error::Program { program: name.to_owned(), status: status.to_string(), output: text })
}

/// Makes the data directory and returns it without symbolic links.
fn make_data_dir(dir: &Path) -> Result<PathBuf, Error> {
    if !dir.is_dir() {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        // Dropped to another account, Postgres must still pass through.
        let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
        fs::set_permissions(dir, fs::Permissions::from_mode(mode))
            .map_err(Error::io("close", dir))?;
    }
    dir.canonicalize().map_err(Error::io("find", dir))
}

fn take_lock(path: &Path, data_dir: &Path) -> Result<File, Error> {
    let mut open = OpenOptions::new();
    let file = open
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse { data_dir: data_dir.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(Error::io("lock", path)(source)),
    }
}

/// The directory for the socket: inside the home, or, when that path is too long for a socket
/// address, a private one with a name derived from it under the runtime or temporary directory.
fn socket_dir(home: &Path, account: &Account) -> Result<PathBuf, Error> {
    let inside = home.join("socket");
    if fits(&inside) {
        account.private_dir(&inside)?;
        return Ok(inside);
    }
    let name = format!("vestibule-{}", short_hash(home));
    let run = if geteuid().is_root() { Some(PathBuf::from("/run")) } else { None };
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let outside = [run, runtime, Some(env::temp_dir())]
        .into_iter()
        .flatten()
        .filter(|parent| parent.is_dir() && account.check_reach(&parent.join(&name)).is_ok())
        .map(|parent| parent.join(&name))
        .find(|dir| fits(dir))
        .unwrap_or_else(|| Path::new("/tmp").join(&name));
    if fs::symlink_metadata(&outside).is_err() {
        account.private_dir(&outside)?;
    }
    if account.is_private(&outside) {
        Ok(outside)
    } else {
        Err(Error::UnsafeSocketDirectory { dir: outside })
    }
}

fn fits(dir: &Path) -> bool {
    dir.as_os_str().len() + SOCKET_NAME.len() <= SOCKET_PATH_LIMIT
}

fn short_hash(path: &Path) -> String {
    let hash = digest::digest(&digest::SHA256, path.as_os_str().as_bytes());
    hex(hash.as_ref().get(..8).unwrap_or_default())
}

fn random_password() -> Result<String, Error> {
    let mut bytes = [0; PASSWORD_BYTES];
    rand::fill(&mut bytes)
        .map_err(|error| Error::io("get random bytes for", "password")(io::Error::other(error)))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let mut open = OpenOptions::new();
    let mut file = open
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("create", path))?;
    file.write_all(text.as_bytes()).map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_of_107_bytes_fits_and_one_more_does_not() {
        let longest = "/".to_owned() + &"x".repeat(SOCKET_PATH_LIMIT - SOCKET_NAME.len() - 1);
        assert!(fits(Path::new(&longest)));
        assert!(!fits(Path::new(&(longest + "x"))));
    }

    #[test]
    fn two_long_homes_get_two_socket_directories() {
        assert_ne!(short_hash(Path::new("/a")), short_hash(Path::new("/b")));
    }

    #[test]
    fn the_second_process_on_a_data_directory_is_told_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _first = take_lock(&path, dir.path()).unwrap();
        let error = take_lock(&path, dir.path()).unwrap_err();
        assert!(matches!(error, Error::InUse { .. }), "{error}");
    }
}
