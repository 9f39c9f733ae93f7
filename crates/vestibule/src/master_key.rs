//! The master key: read from its file, or made by what begins an installation.
//!
//! Without it nothing that is sealed in the database opens again, so a key that was named has to
//! be there, and one that is made is announced. No advice here leads to writing over a key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::seal::MasterKey;

use crate::settings::{MasterKeyPath, Settings};

/// The key's length before encoding.
const LENGTH: usize = 32;

/// The bytes of a master key.
type Bytes = zeroize::Zeroizing<[u8; LENGTH]>;

/// What is done when nobody named a key and there is none in the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// One is made: by commands that may be the first of an installation.
    Make,
    /// That is an error: for whoever works on what is there.
    Refuse,
}

/// The file that this process made.
static MADE: OnceLock<PathBuf> = OnceLock::new();

/// What to add to the word that the key is not the database's: where it comes from, if this process
/// made it. Nothing was sealed with it then.
pub(crate) fn stray() -> String {
    let told = |path: &PathBuf| {
        format!("; none was named, so {} was made just now and may be deleted", path.display())
    };
    MADE.get().map(told).unwrap_or_default()
}

/// The master key of this installation; while it is replaced, with the one before it.
///
/// # Errors
/// When a named file cannot be read, or holds something else, or there is none and none is to be
/// made; the text says what to do.
pub(crate) fn load(settings: &Settings, absent: Absent) -> anyhow::Result<MasterKey> {
    ring(settings, absent, None)
}

/// The same behind a new one, which is to take its place.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_behind(settings: &Settings, new: &Path) -> anyhow::Result<MasterKey> {
    let new = read(new).with_context(|| {
        format!(
            "the new master key {0} cannot be used; make it in a file that is not there yet: \
             (umask 077; set -C; openssl rand -base64 32 > {0})",
            new.display()
        )
    })?;
    ring(settings, Absent::Refuse, Some(&new))
}

fn ring(settings: &Settings, absent: Absent, new: Option<&Bytes>) -> anyhow::Result<MasterKey> {
    let current = load_one(&settings.master_key_path(), absent)?;
    let previous = settings.previous_master_key_file.as_deref().map(known).transpose()?;
    let all: Vec<&[u8; LENGTH]> =
        [new, Some(&current), previous.as_ref()].into_iter().flatten().map(|one| &**one).collect();
    Ok(MasterKey::ring(&all)?)
}

/// A key that somebody has named. `set -C` keeps a shell from writing over a file.
fn named(path: &Path) -> anyhow::Result<Bytes> {
    read(path).with_context(|| {
        format!(
            "the master key {0} cannot be used; restore it from your copy: what is sealed in the \
             database opens with no other. Only for a new installation make one: \
             (umask 077; set -C; openssl rand -base64 32 > {0})",
            path.display()
        )
    })
}

/// A key that something is sealed with.
fn known(path: &Path) -> anyhow::Result<Bytes> {
    read(path).with_context(|| {
        format!(
            "the master key {} cannot be used; restore it from your copy: what is sealed in the \
             database opens with no other",
            path.display()
        )
    })
}

fn load_one(path: &MasterKeyPath<'_>, absent: Absent) -> anyhow::Result<Bytes> {
    match path {
        MasterKeyPath::Named(path) => named(path),
        MasterKeyPath::Generated(path) => {
            if !path.exists() {
                make(path, absent)?;
            }
            known(path)
        }
    }
}

fn make(path: &Path, absent: Absent) -> anyhow::Result<()> {
    let place = path.display();
    if absent == Absent::Refuse {
        bail!(
            "no master key was named and there is none at {place}; name the one that the gateways \
             use with VESTIBULE_MASTER_KEY_FILE (`vestibule serve` and `vestibule apply` make one \
             for a new installation)"
        );
    }
    if create(path).with_context(|| format!("cannot make the master key {place}"))? {
        let _ = MADE.set(path.to_owned());
        tracing::warn!(
            "no master key was named, so one was made in {place}; keep a copy in a safe place: \
             without it the secrets in the database cannot be read"
        );
    }
    Ok(())
}

/// Whether other users of this machine can read the file; `false` if that cannot be told.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

fn read(path: &Path) -> anyhow::Result<Bytes> {
    let file = File::open(path)?;
    if is_open_to_others(path) {
        tracing::warn!(
            "the master key {} can be read by other users of this machine; close it with: \
             chmod 600 {}",
            path.display(),
            path.display()
        );
    }
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(1024).read_to_string(&mut text)?;
    let bytes = STANDARD.decode(text.trim()).ok();
    let Some(bytes) = bytes.and_then(|bytes| <[u8; LENGTH]>::try_from(bytes).ok()) else {
        bail!("it does not hold 32 bytes as base64");
    };
    Ok(bytes.into())
}

/// Makes a key unless another process is first; says whether this one was. The file appears whole
/// or not at all, since another process may be waiting to read it.
fn create(path: &Path) -> anyhow::Result<bool> {
    let parent = path.parent().unwrap_or(Path::new("."));
    if !parent.is_dir() {
        // The embedded Postgres, started by root, runs as another user below this directory.
        fs::DirBuilder::new().recursive(true).mode(0o711).create(parent)?;
    }
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no random bytes"))?;
    let being_written = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(&being_written)?;
    writeln!(file, "{}", STANDARD.encode(bytes))?;
    file.sync_all()?;
    let linked = fs::hard_link(&being_written, path);
    fs::remove_file(&being_written)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_is_made_once_and_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/master.key");
        let key = MasterKeyPath::Generated(path.clone());
        let refused = load_one(&key, Absent::Refuse).unwrap_err().to_string();
        assert!(refused.contains("VESTIBULE_MASTER_KEY_FILE") && !path.exists(), "{refused}");
        let first = load_one(&key, Absent::Make).unwrap();
        assert!(stray().contains("may be deleted"), "{}", stray());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = load_one(&key, Absent::Refuse).unwrap();
        assert_eq!(*first, *second);
        assert!(!create(&path).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_named_key_has_to_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let error = load_one(&MasterKeyPath::Named(&path), Absent::Make).unwrap_err().to_string();
        assert!(error.contains("restore it from your copy"), "{error}");
        assert!(error.contains("(umask 077; set -C; openssl rand -base64 32 > "), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_key_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        fs::write(&path, "half of a k").unwrap();
        for key in [MasterKeyPath::Named(&path), MasterKeyPath::Generated(path.clone())] {
            let error = load_one(&key, Absent::Make).unwrap_err().to_string();
            assert!(error.contains("restore it from your copy"), "{error}");
            assert!(!error.contains("openssl") || error.contains("set -C"), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "half of a k");
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        for bad in ["", "short", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            fs::write(&path, bad).unwrap();
            assert!(load_one(&MasterKeyPath::Named(&path), Absent::Make).is_err(), "{bad}");
        }
        fs::write(&path, STANDARD.encode([1; 32])).unwrap();
        assert!(load_one(&MasterKeyPath::Named(&path), Absent::Make).is_ok());
    }
}
