//! Secrets of the configuration file, fetched from where it says they are.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use broker::settings::SecretSource;
use secrecy::{ExposeSecret as _, SecretString};

use crate::settings::Env;

/// The longest secret that is read from a file, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// A secret could not be fetched; the text says what to do and holds nothing of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set; set it, for example: export {0}=...")]
    NotSet(String),
    /// The file cannot be read.
    #[error("the secret's file {path} cannot be read: {why}", path = .0.display(), why = .1)]
    File(PathBuf, String),
    /// It is there and empty, or white space.
    #[error("the secret is empty")]
    Empty,
    /// It looks like a reference and is none.
    #[error("write ${{env:NAME}} or ${{file:PATH}}, or the secret itself")]
    NoReference,
}

/// Where secrets are looked for.
pub(crate) struct Secrets<'a> {
    /// The environment.
    pub(crate) env: Env<'a>,
    /// What relative paths are relative to.
    pub(crate) base: &'a Path,
}

impl Secrets<'_> {
    /// Fetches a secret.
    ///
    /// # Errors
    /// [`SecretError`]; an unset variable is told apart, since a stored secret may stand in.
    pub(crate) fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        let text = match source {
            SecretSource::Literal(secret) => match secret.expose_secret() {
                // `${NAME}` is a slip, and as a secret it would be known to everybody.
                text if text.starts_with("${") => return Err(SecretError::NoReference),
                text if text.trim().is_empty() => return Err(SecretError::Empty),
                _ => return Ok(secret.clone()),
            },
            SecretSource::Env(name) => {
                let set = (self.env)(name).filter(|text| !text.is_empty());
                set.ok_or_else(|| SecretError::NotSet(name.clone()))?
            }
            SecretSource::File(path) => {
                let path = self.base.join(path);
                read(&path).map_err(|error| SecretError::File(path, error.to_string()))?
            }
        };
        match text.trim() {
            "" => Err(SecretError::Empty),
            secret => Ok(secret.to_owned().into()),
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other("it is larger than 64 KiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(text: &str, base: &Path) -> Result<String, SecretError> {
        let env = |name: &str| match name {
            "SET" => Some("from env".to_owned()),
            "EMPTY" => Some(String::new()),
            "BLANK" => Some("  ".to_owned()),
            _ => None,
        };
        let secrets = Secrets { env: &env, base };
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
