//! Verification of a directory's ID token, in the thirteen steps of the specification.
//! [OIDCC-3.1.3.7]
//!
//! A raw token, the directory's keys and what we expect enter; [`VerifiedIdToken`] is the
//! only way out, and [`verify`] its only constructor. The claims stay raw JSON, because a
//! broker passes on what it was told and typed claims would refuse real tokens. A claim of
//! a wrong type is malformed and never treated as absent. [RFC8725-3]
//!
//! | step | what | where |
//! |---|---|---|
//! | 1 | decryption: encrypted tokens are refused | `jose::jws` |
//! | 2 | issuer, its tenant, and the issuer of the key | `check_issuer`, [`IssuerRule`] |
//! | 3, 4, 5 | audience and `azp` | `check_audience` |
//! | 6, 7, 8 | signature, algorithm of the allow-list, no symmetric keys | `signed_claims` |
//! | 9, 10 | `exp`, `iat`, `nbf` | `check_times` |
//! | 11 | `nonce` | `check_nonce` |
//! | 12 | `acr` | the caller, who knows what was asked |
//! | 13 | `auth_time` | `check_auth_time` |
//! | | texts that only this directory's ID tokens have, such as `token_use` | `check_use` |
//! | | `at_hash`, `c_hash` [OIDCC-3.1.3.8] [OIDCC-3.3.2.10] | `check_hashes` |

mod claims;
mod error;
mod stated;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};

pub use error::IdTokenError;
pub use stated::explain;

use self::claims::{Claims, StandardClaims};
use super::issuer::{IssuerRule, TENANT_ID};
use crate::jose::jws::{Jws, JwsError};
use crate::jose::{Alg, Jwks};
use crate::op::id_token::left_half_hash;

/// Clocks may differ by this much, either way. Whoever remembers used tokens remembers them
/// for their lifetime and this on top.
pub const LEEWAY: Duration = Duration::seconds(60);

/// What an ID token has to agree with.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// Which issuers are accepted.
    pub issuer: &'a IssuerRule,
    /// The issuer that the directory's metadata states.
    pub published: &'a str,
    /// Claims that have to have these texts, such as Cognito's `token_use`.
    pub required: &'a BTreeMap<String, String>,
    /// Who we are to the directory.
    pub client_id: &'a str,
    /// The nonce of this login's request; we always send one.
    pub nonce: &'a str,
    /// The algorithms of this directory.
    pub algs: &'a [Alg],
    /// How old the authentication may be, if we asked.
    pub max_age: Option<MaxAge>,
    /// The access token that came along, for `at_hash`.
    pub access_token: Option<&'a str>,
    /// The code that was exchanged, for `c_hash`.
    pub code: Option<&'a str>,
}

/// A demand for a fresh authentication. It counts from the request, not from the answer:
/// the user may take minutes with a second factor. `prompt=login` is a `max_age` of zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAge {
    /// Seconds that the authentication may lie before the request.
    pub seconds: u32,
    /// When the login began.
    pub requested_at: DateTime<Utc>,
}

/// An ID token whose every check passed.
#[derive(Clone)]
pub struct VerifiedIdToken {
    claims: Map<String, Value>,
    issuer: String,
    subject: String,
    auth_time: Option<DateTime<Utc>>,
}

/// Claims are personal data: only the issuer is shown.
impl std::fmt::Debug for VerifiedIdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifiedIdToken({})", self.issuer)
    }
}

impl VerifiedIdToken {
    /// All claims, as the directory wrote them.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// All claims, as the directory wrote them.
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }

    /// The issuer that signed it, in the one spelling that people are remembered under.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject, unique within its issuer.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When the user authenticated, if the directory says so.
    pub fn auth_time(&self) -> Option<DateTime<Utc>> {
        self.auth_time
    }
}

/// Verifies an ID token. [OIDCC-3.1.3.7]
///
/// # Errors
/// [`IdTokenError`], one variant per reason. After [`IdTokenError::UnknownKey`] the caller
/// may fetch the keys once more and try again; every other reason is final.
pub fn verify(
    raw: &str,
    keys: &Jwks,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
) -> Result<VerifiedIdToken, IdTokenError> {
    // Steps 1, 6, 7 and 8 come first: nothing of an unsigned text is worth comparing.
    let token = Jws::parse(raw).map_err(refused)?;
    let (raw_claims, key_issuer) = signed_claims(&token, keys, expected.algs)?;
    // Before the rest: an access token lacks other things too, and this is what to say of it.
    check_use(&raw_claims, expected.required)?;
    let claims = Claims::new(&raw_claims);
    let standard = claims.standard()?;
    check_issuer(&claims, &standard, key_issuer, expected)?;
    check_audience(&standard, expected.client_id)?;
    check_times(&standard, now)?;
    check_nonce(&standard, expected.nonce)?;
    check_auth_time(&standard, expected.max_age, now)?;
    check_hashes(&standard, token.alg, expected)?;
    let issuer = expected.issuer.canonical(standard.iss).to_owned();
    let subject = standard.sub.to_owned();
    let auth_time = standard.auth_time;
    Ok(VerifiedIdToken { claims: raw_claims, issuer, subject, auth_time })
}

fn refused(error: JwsError) -> IdTokenError {
    match error {
        JwsError::TooLarge => IdTokenError::TooLarge,
        JwsError::Malformed => IdTokenError::Malformed,
        JwsError::Encrypted => IdTokenError::Encrypted,
        JwsError::Algorithm => IdTokenError::Algorithm,
        JwsError::Critical => IdTokenError::Critical,
        JwsError::Signature => IdTokenError::Signature,
    }
}

/// Steps 6, 7 and 8: the algorithm is the directory's choice from our list, the key one of
/// the directory's that fits it, and symmetric algorithms do not exist.
fn signed_claims<'k>(
    token: &Jws<'_>,
    keys: &'k Jwks,
    algs: &[Alg],
) -> Result<(Map<String, Value>, Option<&'k str>), IdTokenError> {
    use crate::jose::Unselectable;
    if !algs.contains(&token.alg) {
        return Err(IdTokenError::Algorithm);
    }
    // Access, logout and event tokens say what they are. [RFC8725-3.11]
    if token.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(IdTokenError::Type);
    }
    let key = keys.select(token.kid.as_deref(), token.alg).map_err(|reason| match reason {
        Unselectable::Unknown => IdTokenError::UnknownKey,
        Unselectable::Ambiguous => IdTokenError::AmbiguousKey,
    })?;
    let claims = token.verify(key).map_err(refused)?;
    // A logout token is an ID token with events, and no ID token has them. [OIDCBCL-4]
    if claims.contains_key("events") {
        return Err(IdTokenError::Type);
    }
    Ok((claims, key.issuer()))
}

/// Not every directory types its tokens in the header; some do in a claim.
fn check_use(
    claims: &Map<String, Value>,
    required: &BTreeMap<String, String>,
) -> Result<(), IdTokenError> {
    let stated = |(name, text): (&String, &String)| {
        claims.get(name).and_then(Value::as_str) == Some(text.as_str())
    };
    if required.iter().all(stated) { Ok(()) } else { Err(IdTokenError::WrongUse) }
}

/// Step 2. A key that names its issuer signs for that one alone; in a template the token's
/// own tenant id is put, which the issuer then has to agree with.
fn check_issuer(
    claims: &Claims<'_>,
    standard: &StandardClaims<'_>,
    key_issuer: Option<&str>,
    expected: &Expected<'_>,
) -> Result<(), IdTokenError> {
    // A directory that has no tenants may use the name for anything.
    let tid = claims.text("tid").unwrap_or_default();
    expected.issuer.check_token(expected.published, standard.iss, tid)?;
    let Some(key_issuer) = key_issuer else { return Ok(()) };
    if key_issuer.replace(TENANT_ID, tid.unwrap_or_default()) == standard.iss {
        Ok(())
    } else {
        Err(IdTokenError::KeyIssuer)
    }
}

/// Steps 3, 4 and 5. With several audiences `azp` has to say that the token is ours.
fn check_audience(standard: &StandardClaims<'_>, client_id: &str) -> Result<(), IdTokenError> {
    if !standard.aud.contains(&client_id) {
        return Err(IdTokenError::Audience);
    }
    match standard.azp {
        Some(azp) if azp == client_id => Ok(()),
        None if standard.aud.len() == 1 => Ok(()),
        _ => Err(IdTokenError::AuthorizedParty),
    }
}

/// Steps 9 and 10, and `nbf`. [RFC7519-4.1.5]
fn check_times(standard: &StandardClaims<'_>, now: DateTime<Utc>) -> Result<(), IdTokenError> {
    if now >= standard.exp + LEEWAY {
        return Err(IdTokenError::Expired);
    }
    if standard.iat > now + LEEWAY {
        return Err(IdTokenError::IssuedInFuture);
    }
    if standard.nbf.is_some_and(|nbf| nbf > now + LEEWAY) {
        return Err(IdTokenError::NotYetValid);
    }
    Ok(())
}

/// Step 11.
fn check_nonce(standard: &StandardClaims<'_>, nonce: &str) -> Result<(), IdTokenError> {
    if standard.nonce == Some(nonce) { Ok(()) } else { Err(IdTokenError::Nonce) }
}

/// Step 13.
fn check_auth_time(
    standard: &StandardClaims<'_>,
    max_age: Option<MaxAge>,
    now: DateTime<Utc>,
) -> Result<(), IdTokenError> {
    let Some(max_age) = max_age else { return Ok(()) };
    let auth_time = standard.auth_time.ok_or(IdTokenError::AuthTimeMissing)?;
    let oldest = max_age.requested_at - Duration::seconds(i64::from(max_age.seconds)) - LEEWAY;
    if auth_time < oldest {
        return Err(IdTokenError::AuthTimeTooOld);
    }
    if auth_time > now + LEEWAY {
        return Err(IdTokenError::IssuedInFuture);
    }
    Ok(())
}

/// [OIDCC-3.1.3.8] [OIDCC-3.3.2.10]
fn check_hashes(
    standard: &StandardClaims<'_>,
    alg: Alg,
    expected: &Expected<'_>,
) -> Result<(), IdTokenError> {
    let agrees = |hash: Option<&str>, value: Option<&str>| match (hash, value) {
        (Some(hash), Some(value)) => hash == left_half_hash(alg, value),
        _ => true,
    };
    if !agrees(standard.at_hash, expected.access_token) {
        return Err(IdTokenError::AccessTokenHash);
    }
    if !agrees(standard.c_hash, expected.code) {
        return Err(IdTokenError::CodeHash);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
