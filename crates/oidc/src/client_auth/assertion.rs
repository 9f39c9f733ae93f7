//! `private_key_jwt`: a client proves who it is with an assertion that it signed for us.
//! [RFC7523-3] [OIDCC-9]
//!
//! [`verify`] looks at everything that the assertion says and gives an [`UnusedAssertion`]; it
//! becomes an [`AuthenticatedClient`] once the caller has made sure, across all nodes, that its
//! `jti` was never used before. What is accepted is the narrow form of RFC 10070: our issuer as a
//! single text is the audience, not the address of an endpoint and not a list, so that an
//! assertion made for another server is worth nothing here and the other way round.

use chrono::{DateTime, Duration, Utc};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::{AuthenticatedClient, Credential, FAILED, Presented};
use crate::client::{Client, ClientAuth};
use crate::error::OAuthError;
use crate::jose::jws::Jws;
use crate::jose::{Alg, Jwks};
use crate::json::numeric_date;

/// The longest assertion that is looked at: a header with a chain of certificates fits.
pub const MAX_BYTES: usize = 8 * 1024;

/// How far ahead `exp` may be. It bounds how long a used `jti` is remembered. (THREATS TK-08)
pub const MAX_LIFETIME: Duration = Duration::minutes(5);

/// How far ahead of ours a client's clock may be.
const LEEWAY: Duration = Duration::seconds(60);

/// The longest `jti`.
const MAX_JTI_BYTES: usize = 256;

/// The media type of such assertions, which a header may state. Other kinds of tokens state
/// theirs. [RFC8725-3.11]
const TYPE: &str = "client-authentication+jwt";

/// An assertion whose every check passed, of a client that is not proven before nobody has used
/// it already.
#[derive(Debug)]
pub struct UnusedAssertion<'a> {
    client: &'a Client,
    jti: String,
    expires_at: DateTime<Utc>,
}

impl<'a> UnusedAssertion<'a> {
    /// Its name, which the client uses once.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// Until when the name has to be remembered.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// The client, if this was the first use of the name.
    ///
    /// # Errors
    /// `invalid_client` if it was not.
    pub fn used(self, first: bool) -> Result<AuthenticatedClient<'a>, OAuthError> {
        if first { Ok(AuthenticatedClient { client: self.client }) } else { Err(FAILED) }
    }
}

/// Why an assertion proves nothing. It is for the log: a client is told one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionRefusal {
    /// The client is registered with another method, or presented another one.
    #[error("the client is not registered with private_key_jwt")]
    Method,
    /// It cannot be read, or not with what we allow.
    #[error("it is not a signed token of a kind that is read")]
    Malformed,
    /// Its header says that it is something else.
    #[error("its typ is that of another kind of token")]
    Type,
    /// None of the client's keys, or several, could have signed it.
    #[error("the client has no key for it")]
    Key,
    /// The key did not sign it.
    #[error("its signature is wrong")]
    Signature,
    /// `iss` or `sub` is not the client.
    #[error("iss and sub are not the client_id")]
    Party,
    /// `aud` is not our issuer alone.
    #[error("aud is not the issuer as a single text")]
    Audience,
    /// A claim is missing or of a wrong type.
    #[error("a required claim is missing or of a wrong type")]
    Claim,
    /// `exp` is past.
    #[error("it has expired")]
    Expired,
    /// `exp` is more than five minutes ahead.
    #[error("it lives longer than five minutes")]
    Lifetime,
    /// `nbf` or `iat` is more than a minute ahead.
    #[error("it is from the future")]
    Future,
}

impl AssertionRefusal {
    /// What the client is told. [RFC6749-5.2]
    pub const fn oauth_error(self) -> OAuthError {
        FAILED
    }
}

/// Verifies an assertion that was presented. `issuer` is who we are. [RFC7523-3] [RFC10070]
///
/// # Errors
/// [`AssertionRefusal`].
pub fn verify<'a>(
    presented: &Presented,
    client: &'a Client,
    issuer: &str,
    now: DateTime<Utc>,
) -> Result<UnusedAssertion<'a>, AssertionRefusal> {
    let (ClientAuth::PrivateKeyJwt(keys), Credential::Assertion(raw)) =
        (&client.auth, &presented.credential)
    else {
        return Err(AssertionRefusal::Method);
    };
    let claims = signed_claims(raw.expose_secret(), keys)?;
    let is_client = |name| text(&claims, name) == Some(client.client_id.as_str());
    if !is_client("iss") || !is_client("sub") || presented.client_id != client.client_id {
        return Err(AssertionRefusal::Party);
    }
    if text(&claims, "aud") != Some(issuer) {
        return Err(AssertionRefusal::Audience);
    }
    let expires_at = check_times(&claims, now)?;
    let jti = text(&claims, "jti")
        .filter(|jti| (1..=MAX_JTI_BYTES).contains(&jti.len()))
        .ok_or(AssertionRefusal::Claim)?;
    Ok(UnusedAssertion { client, jti: jti.to_owned(), expires_at })
}

fn signed_claims(raw: &str, keys: &Jwks) -> Result<Map<String, Value>, AssertionRefusal> {
    let token = Jws::parse(raw).map_err(|_| AssertionRefusal::Malformed)?;
    let is_ours = |typ: &String| [TYPE, "JWT"].iter().any(|ours| typ.eq_ignore_ascii_case(ours));
    if token.typ.as_ref().is_some_and(|typ| !is_ours(typ)) {
        return Err(AssertionRefusal::Type);
    }
    let key = keys.select(token.kid.as_deref(), token.alg).map_err(|_| AssertionRefusal::Key)?;
    let claims = token.verify(key).map_err(|_| AssertionRefusal::Signature)?;
    // A client may be a provider too: what it signs as one is no assertion. [RFC8725-3.12]
    if ["events", "nonce"].iter().any(|name| claims.contains_key(*name)) {
        return Err(AssertionRefusal::Type);
    }
    Ok(claims)
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str)
}

/// `exp` is required, `nbf` and `iat` are not. No leeway on `exp`: it bounds a lifetime. [RFC7523-3]
fn check_times(
    claims: &Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, AssertionRefusal> {
    let time = |name| match claims.get(name) {
        None => Ok(None),
        Some(value) => numeric_date(value).map(Some).ok_or(AssertionRefusal::Claim),
    };
    let expires_at = time("exp")?.ok_or(AssertionRefusal::Claim)?;
    if now >= expires_at {
        return Err(AssertionRefusal::Expired);
    }
    if expires_at > now + MAX_LIFETIME {
        return Err(AssertionRefusal::Lifetime);
    }
    for name in ["nbf", "iat"] {
        if time(name)?.is_some_and(|at| at > now + LEEWAY) {
            return Err(AssertionRefusal::Future);
        }
    }
    Ok(expires_at)
}

/// The algorithms of assertions: all that we have. [OIDCD-3]
pub const ALGS: [Alg; 7] = Alg::ALL;

#[cfg(test)]
mod tests;
