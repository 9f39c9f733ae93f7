//! Where the server programs are: `VESTIBULE_PG_BINDIR`, `PATH`, `pg_config --bindir`,
//! `/usr/lib/postgresql/*/bin` (newest first), Homebrew. An existing cluster takes the first
//! place that has its major version; a new one takes the first place.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::Error;

/// One set of server programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    /// The directory with `initdb` and `postgres`.
    pub(crate) dir: PathBuf,
    /// The major version, such as `17`.
    pub(crate) major: String,
}

impl Binaries {
    /// The path of one program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Chooses the programs for a cluster of version `wanted`, or for a new cluster.
///
/// # Errors
/// `NoBinaries` when none are installed, `VersionMismatch` when none fit the cluster.
pub(crate) fn find(wanted: Option<&str>, data_dir: &Path) -> Result<Binaries, Error> {
    let explicit = env::var_os("VESTIBULE_PG_BINDIR").map(PathBuf::from);
    // An operator who names a directory means that one and no other.
    let places = explicit.map_or_else(installed_places, |dir| vec![dir]);
    choose(installed_in(&places), &places, wanted, data_dir)
}

/// The rule behind [`find`], without the environment.
fn choose(
    found: Vec<Binaries>,
    places: &[PathBuf],
    wanted: Option<&str>,
    data_dir: &Path,
) -> Result<Binaries, Error> {
    if found.is_empty() {
        let looked: Vec<_> = places.iter().map(|dir| dir.display().to_string()).collect();
        return Err(Error::NoBinaries { looked: looked.join(", ") });
    }
    let available: Vec<_> = found.iter().map(|one| one.major.clone()).collect();
    found.into_iter().find(|one| wanted.is_none_or(|major| major == one.major)).ok_or_else(|| {
        Error::VersionMismatch {
            data_dir: data_dir.to_owned(),
            cluster: wanted.unwrap_or_default().to_owned(),
            available: available.join(", "),
        }
    })
}

/// Every place worth a look, in order, without those that do not exist.
fn installed_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        places.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    places.extend(newest_first(children("/usr/lib/postgresql"), "bin"));
    for cellar in ["/opt/homebrew/opt", "/usr/local/opt"] {
        let kegs = children(cellar).into_iter().filter(|keg| {
            keg.file_name().is_some_and(|name| name.to_string_lossy().starts_with("postgresql"))
        });
        places.extend(newest_first(kegs.collect(), "bin"));
    }
    places.retain(|place| place.is_dir());
    places.dedup();
    places
}

fn children(dir: &str) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Sorts directories by the number in their name, `17` before `9.6`, and appends `sub`.
fn newest_first(mut dirs: Vec<PathBuf>, sub: &str) -> Vec<PathBuf> {
    dirs.sort_by_key(|dir| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let digits: String = name
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        std::cmp::Reverse(digits.parse::<u32>().unwrap_or(0))
    });
    dirs.into_iter().map(|dir| dir.join(sub)).collect()
}

fn installed_in(places: &[PathBuf]) -> Vec<Binaries> {
    let complete = |dir: &&PathBuf| dir.join("initdb").exists() && dir.join("postgres").exists();
    places
        .iter()
        .filter(complete)
        .filter_map(|dir| {
            let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
            let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
            Some(Binaries { dir: dir.clone(), major })
        })
        .collect()
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0)` is major version `15`, `18beta1` is `18`.
fn major_version(text: &str) -> Option<String> {
    let number = text.split_once(") ")?.1;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    (!major.is_empty()).then_some(major)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_versions() -> Vec<Binaries> {
        ["17", "15"]
            .map(|major| Binaries { dir: PathBuf::from("/x").join(major), major: major.to_owned() })
            .to_vec()
    }

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        let text = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(major_version(text).as_deref(), Some("15"));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1").as_deref(), Some("18"));
        assert_eq!(major_version("busybox"), None);
    }

    #[test]
    fn a_newer_version_comes_before_an_older_one_whatever_the_spelling() {
        let dirs = ["9", "17", "15"].map(|v| PathBuf::from("/usr/lib/postgresql").join(v));
        let sorted = newest_first(dirs.to_vec(), "bin");
        assert!(sorted[0].ends_with("17/bin"));
        assert!(sorted[2].ends_with("9/bin"));
    }

    #[test]
    fn a_cluster_takes_the_programs_of_its_own_version() {
        let chosen = choose(two_versions(), &[], Some("15"), Path::new("/d")).unwrap();
        assert_eq!(chosen.major, "15");
        let chosen = choose(two_versions(), &[], None, Path::new("/d")).unwrap();
        assert_eq!(chosen.major, "17");
    }

    #[test]
    fn a_cluster_of_a_missing_version_is_refused_by_name() {
        let error = choose(two_versions(), &[], Some("12"), Path::new("/d")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("made by Postgres 12"), "{text}");
        assert!(text.contains("17, 15"), "{text}");
    }

    #[test]
    fn without_programs_the_error_names_three_ways_out() {
        let error = choose(vec![], &[PathBuf::from("/nowhere")], None, Path::new("/d"));
        let text = error.unwrap_err().to_string();
        for way in ["DATABASE_URL", "apt-get install postgresql", "VESTIBULE_PG_BINDIR", "/nowhere"]
        {
            assert!(text.contains(way), "{way} is missing in: {text}");
        }
    }
}
