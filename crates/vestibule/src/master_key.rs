//! The master key: read from its file, or made on first use.
//!
//! Without it nothing that is sealed in the database opens again, so a key that was named has to
//! be there, and one that is made is announced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::seal::MasterKey;

use crate::settings::MasterKeyPath;

/// The key's length before encoding.
const LENGTH: usize = 32;

/// The master key of this installation.
///
/// # Errors
/// When a named file cannot be read, or holds something else; the text says how to make one.
pub(crate) fn load(path: &MasterKeyPath<'_>) -> anyhow::Result<MasterKey> {
    match path {
        MasterKeyPath::Named(path) => read(path).with_context(|| {
            format!(
                "the master key {} cannot be used; a new one is made by: \
                 (umask 077; openssl rand -base64 32 > {})",
                path.display(),
                path.display()
            )
        }),
        MasterKeyPath::Generated(path) => {
            if !path.exists()
                && create(path)
                    .with_context(|| format!("cannot make the master key {}", path.display()))?
            {
                tracing::warn!(
                    "made a master key in {}; keep a copy in a safe place: without it the \
                     secrets in the database cannot be read",
                    path.display()
                );
            }
            read(path).with_context(|| format!("cannot use the master key {}", path.display()))
        }
    }
}

fn read(path: &Path) -> anyhow::Result<MasterKey> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            "the master key {} can be read by other users of this machine; close it with: \
             chmod 600 {}",
            path.display(),
            path.display()
        );
    }
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text)?;
    let bytes = STANDARD.decode(text.trim()).ok();
    let Some(bytes) = bytes.and_then(|bytes| <[u8; LENGTH]>::try_from(bytes).ok()) else {
        bail!("it does not hold 32 bytes as base64");
    };
    Ok(MasterKey::new(&bytes)?)
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
    use broker::id::TenantId;

    use super::*;

    fn hash(key: &MasterKey) -> [u8; 32] {
        key.client_secret_hash(TenantId(uuid::Uuid::nil()), "c", "s")
    }

    #[test]
    fn a_missing_key_is_made_once_and_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/master.key");
        let first = load(&MasterKeyPath::Generated(path.clone())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = load(&MasterKeyPath::Generated(path.clone())).unwrap();
        assert_eq!(hash(&first), hash(&second));
        assert!(!create(&path).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_named_key_has_to_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let error = load(&MasterKeyPath::Named(&path)).unwrap_err().to_string();
        assert!(error.contains("openssl rand -base64 32"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        for bad in ["", "short", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            fs::write(&path, bad).unwrap();
            assert!(load(&MasterKeyPath::Named(&path)).is_err(), "{bad}");
        }
        fs::write(&path, STANDARD.encode([1; 32])).unwrap();
        assert!(load(&MasterKeyPath::Named(&path)).is_ok());
    }
}
