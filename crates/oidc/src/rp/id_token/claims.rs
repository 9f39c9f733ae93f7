//! The claims that verification reads, each of exactly the type it must have. [OIDCC-2]

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::IdTokenError;
use crate::json::numeric_date;

/// The longest subject. [OIDCC-2]
const MAX_SUB_CHARS: usize = 255;

/// The most audiences that are compared.
const MAX_AUDIENCES: usize = 32;

/// Raw claims with a typed view.
pub(super) struct Claims<'a>(&'a Map<String, Value>);

/// The claims that are checked, typed.
pub(super) struct StandardClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) sub: &'a str,
    pub(super) aud: Vec<&'a str>,
    pub(super) exp: DateTime<Utc>,
    pub(super) iat: DateTime<Utc>,
    pub(super) nbf: Option<DateTime<Utc>>,
    pub(super) auth_time: Option<DateTime<Utc>>,
    pub(super) nonce: Option<&'a str>,
    pub(super) azp: Option<&'a str>,
    pub(super) at_hash: Option<&'a str>,
    pub(super) c_hash: Option<&'a str>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(raw: &'a Map<String, Value>) -> Self {
        Self(raw)
    }

    pub(super) fn standard(&self) -> Result<StandardClaims<'a>, IdTokenError> {
        Ok(StandardClaims {
            iss: self.text("iss")?.ok_or(IdTokenError::Missing("iss"))?,
            sub: self.subject()?,
            aud: self.audience()?,
            exp: self.time("exp")?.ok_or(IdTokenError::Missing("exp"))?,
            iat: self.time("iat")?.ok_or(IdTokenError::Missing("iat"))?,
            nbf: self.time("nbf")?,
            auth_time: self.time("auth_time")?,
            nonce: self.text("nonce")?,
            azp: self.text("azp")?,
            at_hash: self.text("at_hash")?,
            c_hash: self.text("c_hash")?,
        })
    }

    /// A text claim; `null` is not a text, and not an absence either.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&'a str>, IdTokenError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(IdTokenError::ClaimType(name)),
        }
    }

    fn time(&self, name: &'static str) -> Result<Option<DateTime<Utc>>, IdTokenError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => numeric_date(value).map(Some).ok_or(IdTokenError::ClaimType(name)),
        }
    }

    fn subject(&self) -> Result<&'a str, IdTokenError> {
        let sub = self.text("sub")?.ok_or(IdTokenError::Missing("sub"))?;
        let plausible = !sub.is_empty()
            && sub.chars().count() <= MAX_SUB_CHARS
            && !sub.chars().any(char::is_control);
        if plausible { Ok(sub) } else { Err(IdTokenError::ClaimType("sub")) }
    }

    /// One text, or an array of texts that is not empty.
    fn audience(&self) -> Result<Vec<&'a str>, IdTokenError> {
        const WRONG: IdTokenError = IdTokenError::ClaimType("aud");
        match self.0.get("aud").ok_or(IdTokenError::Missing("aud"))? {
            Value::String(one) => Ok(vec![one]),
            Value::Array(many) if (1..=MAX_AUDIENCES).contains(&many.len()) => {
                many.iter().map(|one| one.as_str().ok_or(WRONG)).collect()
            }
            _ => Err(WRONG),
        }
    }
}
