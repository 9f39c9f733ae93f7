//! The user that Postgres runs as: ourselves, or, because Postgres refuses root, the `postgres`
//! or `nobody` account.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{User, geteuid};

use crate::error::Error;

/// Who runs the server and owns its files.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether we are root and drop to this account.
    drops: bool,
}

impl Account {
    /// Decides from the effective user.
    ///
    /// # Errors
    /// `NoAccount` for root without `postgres` and `nobody`, `UnnamedUser` for a bare number.
    pub(crate) fn choose() -> Result<Self, Error> {
        let uid = geteuid();
        if uid.is_root() {
            let user = ["postgres", "nobody"]
                .into_iter()
                .find_map(|name| User::from_name(name).ok().flatten())
                .ok_or(Error::NoAccount)?;
            return Ok(Self::from_user(user, true));
        }
        let user = User::from_uid(uid).ok().flatten();
        user.map(|user| Self::from_user(user, false))
            .ok_or(Error::UnnamedUser { uid: uid.as_raw() })
    }

    fn from_user(user: User, drops: bool) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), drops }
    }

    /// Makes `command` run as this account.
    pub(crate) fn apply(&self, command: &mut Command) {
        if self.drops {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Gives a file to this account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        if self.drops {
            chown(path, Some(self.uid), Some(self.gid)).map_err(Error::io("change owner of", path))
        } else {
            Ok(())
        }
    }

    /// Makes `dir` (its parent must exist) and closes it to everybody else.
    pub(crate) fn private_dir(&self, dir: &Path) -> Result<(), Error> {
        if !dir.is_dir() {
            fs::create_dir(dir).map_err(Error::io("create", dir))?;
        }
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
            .map_err(Error::io("close", dir))?;
        self.own(dir)
    }

    /// Whether `dir` belongs to this account and nobody else can enter it: asked of directories
    /// under a shared parent, where somebody else may have been first.
    pub(crate) fn is_private(&self, dir: &Path) -> bool {
        fs::symlink_metadata(dir).is_ok_and(|meta| {
            meta.is_dir() && meta.uid() == self.uid && meta.mode() & 0o777 == 0o700
        })
    }

    /// Checks that this account can enter every ancestor of `dir`: dropping from root it may not.
    pub(crate) fn check_reach(&self, dir: &Path) -> Result<(), Error> {
        if !self.drops {
            return Ok(());
        }
        match dir.ancestors().skip(1).find(|parent| !self.can_enter(parent)) {
            Some(parent) => Err(Error::ClosedParent {
                parent: PathBuf::from(parent),
                account: self.name.clone(),
            }),
            None => Ok(()),
        }
    }

    fn can_enter(&self, dir: &Path) -> bool {
        fs::metadata(dir).is_ok_and(|meta| {
            let bit = if meta.uid() == self.uid {
                0o100
            } else if meta.gid() == self.gid {
                0o010
            } else {
                0o001
            };
            meta.mode() & bit != 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped() -> Account {
        Account { name: "postgres".to_owned(), uid: 54321, gid: 54321, drops: true }
    }

    #[test]
    fn a_data_directory_under_a_closed_parent_is_refused_with_the_parent_named() {
        let closed = tempfile::tempdir().unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let error = dropped().check_reach(&closed.path().join("data")).unwrap_err();
        assert!(error.to_string().contains(&closed.path().display().to_string()), "{error}");
        assert!(error.to_string().contains("`postgres`"), "{error}");
    }

    #[test]
    fn a_data_directory_under_open_parents_is_reachable() {
        let open = tempfile::tempdir().unwrap();
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).unwrap();
        dropped().check_reach(&open.path().join("data")).unwrap();
    }

    #[test]
    fn a_directory_others_can_enter_is_not_private() {
        let dir = tempfile::tempdir().unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();
        let account = Account { uid: owner, ..dropped() };
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(account.is_private(dir.path()));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        assert!(!account.is_private(dir.path()));
    }
}
