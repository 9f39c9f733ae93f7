//! What can go wrong, each with what to do about it: these texts are read by someone who wanted a
//! one-command start and met a machine that is set up differently.

use std::{io, path::PathBuf};

/// Why the embedded Postgres did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No directory with both `initdb` and `postgres` was found.
    #[error(
        "no Postgres server programs (initdb, postgres) found; looked in {looked}.\n\
         Any one of these helps:\n  \
         - use a server you have:         export DATABASE_URL=postgres://USER:PASSWORD@HOST/DATABASE\n  \
         - install the programs:          apt-get install postgresql    (Debian, Ubuntu)\n                                 \
         dnf install postgresql-server    (Fedora)\n                                 \
         brew install postgresql@17       (macOS)\n  \
         - say where they are:            export VESTIBULE_PG_BINDIR=/path/to/bin"
    )]
    NoBinaries {
        /// The places that were searched, for the message.
        looked: String,
    },
    /// Postgres refuses to run as root and there is no account to drop to.
    #[error(
        "Postgres does not run as root, and this machine has neither a `postgres` nor a `nobody` \
         account to run it as; start as an ordinary user or set DATABASE_URL"
    )]
    NoAccount,
    /// The running user id has no entry in the user database, which `initdb` requires.
    #[error(
        "user id {uid} has no name on this machine (no passwd entry), and Postgres needs one; add \
         an entry to /etc/passwd, run as a named user, or set DATABASE_URL"
    )]
    UnnamedUser {
        /// The effective user id.
        uid: u32,
    },
    /// A parent of the data directory is closed to the account that Postgres runs as.
    #[error(
        "{} is closed to the user `{account}` that Postgres runs as (started as root, Postgres \
         drops to it); choose another data directory, for example /var/lib/vestibule, or open \
         this one with: chmod o+x {}", .parent.display(), .parent.display()
    )]
    ClosedParent {
        /// The ancestor directory that cannot be entered.
        parent: PathBuf,
        /// The account that cannot enter it.
        account: String,
    },
    /// The cluster was made by another major version of Postgres.
    #[error(
        "the database in {} was made by Postgres {cluster}, and only Postgres {available} was \
         found; install version {cluster}, point VESTIBULE_PG_BINDIR at its programs, or move the \
         data over with pg_dump from the old version", .data_dir.display()
    )]
    VersionMismatch {
        /// The cluster's directory.
        data_dir: PathBuf,
        /// The major version in `PG_VERSION`.
        cluster: String,
        /// The major versions found on this machine.
        available: String,
    },
    /// Another process runs the Postgres of this data directory.
    #[error(
        "another process already runs the database in {}; stop it first, or give this one a data \
         directory of its own (VESTIBULE_DATA_DIR)", .data_dir.display()
    )]
    InUse {
        /// The shared data directory.
        data_dir: PathBuf,
    },
    /// A directory for the socket exists but is open to, or owned by, somebody else.
    #[error(
        "the socket directory {} exists and is not private to the user that Postgres runs as; \
         remove it, or set TMPDIR to a directory of your own", .dir.display()
    )]
    UnsafeSocketDirectory {
        /// The directory.
        dir: PathBuf,
    },
    /// A Postgres program ran and failed.
    #[error("{program} failed ({status}):\n{output}")]
    Program {
        /// `initdb` or `postgres`.
        program: String,
        /// The exit status in words.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// The server did not become ready, or ended while starting.
    #[error("Postgres did not start; the end of {} says:\n{tail}", .log.display())]
    NotReady {
        /// The log file.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// A file or process operation failed.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or program.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    /// Names the operation and the path of an I/O error.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
