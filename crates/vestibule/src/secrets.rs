//! Secrets of the configuration file, fetched from where it says they are.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use admin::secrets::{FetchSecret, SecretError, literal};
use broker::settings::SecretSource;
use secrecy::SecretString;

use crate::settings::Env;

/// The longest secret that is read from a file, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Where secrets are looked for.
pub(crate) struct Secrets<'a> {
    /// The environment.
    pub(crate) env: Env<'a>,
    /// What relative paths are relative to.
    pub(crate) base: &'a Path,
    /// The files of the process itself.
    pub(crate) own: &'a [PathBuf],
}

impl FetchSecret for Secrets<'_> {
    fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        let text = match source {
            SecretSource::Literal(secret) => return literal(secret),
            SecretSource::Env(name) if is_of_the_process(name) => {
                return Err(SecretError::OfTheProcess(name.clone()));
            }
            SecretSource::Env(name) => {
                let set = (self.env)(name).filter(|text| !text.is_empty());
                set.ok_or_else(|| SecretError::NotSet(name.clone()))?
            }
            SecretSource::File(path) => {
                let path = self.base.join(path);
                if self.is_of_the_process(&path) {
                    return Err(SecretError::OfTheProcess(path.display().to_string()));
                }
                read(&path).map_err(|error| {
                    SecretError::File(path.display().to_string(), error.to_string())
                })?
            }
        };
        match text.trim() {
            "" => Err(SecretError::Empty),
            secret => Ok(secret.to_owned().into()),
        }
    }
}

impl Secrets<'_> {
    /// The files of the process, whatever path or link leads to them, and what the system shows of
    /// processes.
    fn is_of_the_process(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        let file = |path: &Path| path.metadata().map(|it| (it.dev(), it.ino())).ok();
        let this = file(&path);
        self.own.iter().any(|own| this.is_some() && file(own) == this)
            || ["/proc", "/sys", "/dev"].iter().any(|root| path.starts_with(root))
    }
}

/// What is in the file goes to a directory, which its tenant chooses: whoever writes a part of the
/// file must not learn the operator's secrets by it (THREATS SC-01).
fn is_of_the_process(variable: &str) -> bool {
    variable.starts_with("VESTIBULE_") || ["DATABASE_URL", "PGPASSWORD"].contains(&variable)
}

fn read(path: &Path) -> std::io::Result<String> {
    // One that is no file, such as a pipe, may never end.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other("it is larger than 64 KiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn fetch(text: &str, base: &Path) -> Result<String, SecretError> {
        let env = |name: &str| match name {
            "SET" => Some("from env".to_owned()),
            "EMPTY" => Some(String::new()),
            "BLANK" => Some("  ".to_owned()),
            _ => None,
        };
        let secrets = Secrets { env: &env, base, own: &[] };
        secrets.fetch(&SecretSource::parse(text)).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn a_file_is_relative_to_the_configuration_and_its_white_space_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("okta.secret"), "from file\n").unwrap();
        assert_eq!(fetch("${file:okta.secret}", dir.path()).unwrap(), "from file");
        assert_eq!(fetch("${env:SET}", dir.path()).unwrap(), "from env");
        assert_eq!(fetch("itself", dir.path()).unwrap(), "itself");
    }

    #[test]
    fn sc_01_tn_09_secrets_of_the_process_are_given_to_no_tenant() {
        let dir = tempfile::tempdir().unwrap();
        let named = dir.path().join("kept-elsewhere");
        std::fs::write(&named, "the master key").unwrap();
        std::os::unix::fs::symlink(&named, dir.path().join("a-link")).unwrap();
        std::fs::hard_link(&named, dir.path().join("another-name")).unwrap();
        let env = |_: &str| Some("a secret".to_owned());
        let own = [dir.path().join("not-there"), named];
        let secrets = Secrets { env: &env, base: dir.path(), own: &own };
        for own in [
            "${env:DATABASE_URL}",
            "${env:VESTIBULE_MASTER_KEY_FILE}",
            "${env:PGPASSWORD}",
            "${file:kept-elsewhere}",
            "${file:a-link}",
            "${file:another-name}",
            "${file:/proc/self/environ}",
            "${file:../../../../../../proc/self/environ}",
        ] {
            let fetched = secrets.fetch(&SecretSource::parse(own));
            assert!(matches!(fetched, Err(SecretError::OfTheProcess(_))), "{own}: {fetched:?}");
        }
        assert!(secrets.fetch(&SecretSource::parse("${env:ACME_OKTA}")).is_ok());
        std::fs::write(dir.path().join("okta"), "a secret").unwrap();
        assert!(secrets.fetch(&SecretSource::parse("${file:okta}")).is_ok());
        let folder = secrets.fetch(&SecretSource::parse("${file:.}"));
        assert!(matches!(folder, Err(SecretError::File(..))), "{folder:?}");
    }

    #[test]
    fn what_cannot_be_fetched_says_what_to_do() {
        let error = |text| fetch(text, Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error("${env:OTHER}"), SecretError::NotSet("OTHER".to_owned()));
        assert_eq!(error("${env:EMPTY}"), SecretError::NotSet("EMPTY".to_owned()));
        assert_eq!(error("${env:BLANK}"), SecretError::Empty);
        assert_eq!(error(" "), SecretError::Empty);
        for text in ["${SET}", "${vault:okta}", "${env:}", "${env:SET"] {
            assert_eq!(error(text), SecretError::NoReference);
        }
        let text = error("${file:x}").to_string();
        assert!(text.starts_with("the secret's file /nonexistent/x cannot be read: "), "{text}");
    }
}
