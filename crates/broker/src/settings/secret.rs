//! Where a secret comes from.

use std::fmt;

use oidc::secret::is_same;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Where a secret comes from: `${env:NAME}`, `${file:PATH}`, or the text itself.
#[derive(Clone)]
pub enum SecretSource {
    /// An environment variable of the process that applies the file.
    Env(String),
    /// A file beside it; surrounding white space is dropped.
    File(String),
    /// The secret itself. It is never written back: an export names a variable instead.
    Literal(SecretString),
}

impl SecretSource {
    /// Reads the notation of the file.
    pub fn parse(text: &str) -> Self {
        let reference = |prefix: &str| {
            text.strip_prefix(prefix)?.strip_suffix('}').filter(|name| !name.is_empty())
        };
        match (reference("${env:"), reference("${file:")) {
            (Some(name), _) => Self::Env(name.to_owned()),
            (_, Some(path)) => Self::File(path.to_owned()),
            _ => Self::Literal(text.to_owned().into()),
        }
    }

    /// What is stored and exported: a reference stays, a literal becomes the variable `name`.
    #[must_use]
    pub fn as_reference(&self, name: &str) -> Self {
        match self {
            Self::Literal(_) => Self::Env(name.to_owned()),
            reference => reference.clone(),
        }
    }
}

/// Compares references; two literals are equal when their texts are.
impl PartialEq for SecretSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Env(a), Self::Env(b)) | (Self::File(a), Self::File(b)) => a == b,
            (Self::Literal(a), Self::Literal(b)) => is_same(a, b),
            _ => false,
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${{env:{name}}}"),
            Self::File(path) => write!(f, "${{file:{path}}}"),
            Self::Literal(_) => f.write_str("(a literal secret)"),
        }
    }
}

impl Serialize for SecretSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Env(name) => serializer.collect_str(&format_args!("${{env:{name}}}")),
            Self::File(path) => serializer.collect_str(&format_args!("${{file:{path}}}")),
            Self::Literal(_) => Err(serde::ser::Error::custom("a secret is never written out")),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_references_or_literals() {
        assert_eq!(SecretSource::parse("${env:A}"), SecretSource::Env("A".into()));
        assert_eq!(SecretSource::parse("${file:/run/a}"), SecretSource::File("/run/a".into()));
        let literal = SecretSource::parse("hunter2hunter2");
        assert_eq!(format!("{literal:?}"), "(a literal secret)");
        assert!(serde_json::to_string(&literal).is_err());
        assert_eq!(serde_json::to_string(&literal.as_reference("X")).unwrap(), "\"${env:X}\"",);
    }
}
