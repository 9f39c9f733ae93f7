//! Where a face looks for the secrets that settings name.

use broker::settings::SecretSource;
use secrecy::{ExposeSecret as _, SecretString};

/// A secret could not be fetched; the text says what to do and holds nothing of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or empty. A stored secret that came from it may stand in.
    #[error("the environment variable {0} is not set; set it, for example: export {0}=...")]
    NotSet(String),
    /// It is where only the configuration file leads. A stored secret that came from there may
    /// stand in.
    #[error(
        "send the secret itself; only a configuration file may name a variable or a file instead"
    )]
    Reference,
    /// The file cannot be read.
    #[error("the secret's file {0} cannot be read: {1}")]
    File(String, String),
    /// It is one of the process's own, which no tenant may be given.
    #[error(
        "{0} is a setting of vestibule itself; a secret of a tenant has a variable or a file of \
         its own"
    )]
    OfTheProcess(String),
    /// It is there and empty, or white space.
    #[error("the secret is empty")]
    Empty,
    /// It looks like a reference and is none.
    #[error("write ${{env:NAME}} or ${{file:PATH}}, or the secret itself")]
    NoReference,
}

/// Looks for secrets.
pub trait FetchSecret: Sync {
    /// Fetches a secret.
    ///
    /// # Errors
    /// [`SecretError`].
    fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError>;
}

/// The secrets of a request: those that it holds. What it names instead would be this machine's,
/// which whoever sends the request has no right to (THREATS SC-01, TN-09).
#[derive(Debug, Clone, Copy)]
pub struct Sent;

impl FetchSecret for Sent {
    fn fetch(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        match source {
            SecretSource::Literal(secret) => literal(secret),
            SecretSource::Env(_) | SecretSource::File(_) => Err(SecretError::Reference),
        }
    }
}

/// A secret that is written out.
///
/// # Errors
/// [`SecretError::NoReference`], [`SecretError::Empty`].
pub fn literal(secret: &SecretString) -> Result<SecretString, SecretError> {
    match secret.expose_secret() {
        // `${NAME}` is a slip, and as a secret it would be known to everybody.
        text if text.starts_with("${") => Err(SecretError::NoReference),
        text if text.trim().is_empty() => Err(SecretError::Empty),
        _ => Ok(secret.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_01_tn_09_request_names_no_secret_of_this_machine() {
        for text in ["${env:PATH}", "${env:DATABASE_URL}", "${file:/etc/hostname}"] {
            let fetched = Sent.fetch(&SecretSource::parse(text)).unwrap_err();
            assert_eq!(fetched, SecretError::Reference, "{text}");
        }
        let sent = Sent.fetch(&SecretSource::parse("hunter2hunter2")).unwrap();
        assert_eq!(sent.expose_secret(), "hunter2hunter2");
        for (text, wanted) in [(" ", SecretError::Empty), ("${PATH}", SecretError::NoReference)] {
            assert_eq!(Sent.fetch(&SecretSource::parse(text)).unwrap_err(), wanted);
        }
    }
}
