//! The bearer token of a userinfo request. [RFC6750-2] [OIDCC-5.3.1]
//!
//! The header or the body of a form, never the query: addresses end up in logs. The token
//! leaves as text to be hashed whole; whether it is good, the store knows.

use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;

/// The longest token that is looked at; ours are far shorter.
const MAX_BYTES: usize = 4096;

/// Why a request to a protected endpoint is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerRefusal {
    /// It carries no token; it is told how to, without an error code. [RFC6750-3.1]
    #[error("no access token is sent")]
    Missing,
    /// It carries a token in two ways, or in a broken one.
    #[error("{0}")]
    Refused(OAuthError),
}

impl BearerRefusal {
    /// The refusal of a token that is unknown, expired, revoked or another tenant's.
    pub const INVALID_TOKEN: Self = Self::Refused(OAuthError::new(
        ErrorCode::InvalidToken,
        "the access token is unknown, expired or revoked",
    ));

    /// The refusal of a token without the scope this needs.
    pub const INSUFFICIENT_SCOPE: Self = Self::Refused(OAuthError::new(
        ErrorCode::InsufficientScope,
        "the access token does not have the openid scope",
    ));

    /// HTTP status. [RFC6750-3.1]
    pub const fn status(self) -> u16 {
        match self {
            Self::Missing => 401,
            Self::Refused(error) => error.code.resource_status(),
        }
    }

    /// The `WWW-Authenticate` header. [RFC6750-3]
    pub fn challenge(self) -> String {
        match self {
            Self::Missing => "Bearer".to_owned(),
            Self::Refused(OAuthError { code, description }) => {
                format!("Bearer error=\"{code}\", error_description=\"{description}\"")
            }
        }
    }
}

const fn malformed(description: &'static str) -> BearerRefusal {
    BearerRefusal::Refused(OAuthError::invalid_request(description))
}

/// The token of a request; `body` is its form, if it has one.
///
/// # Errors
/// [`BearerRefusal`]: none, two at once, or one that cannot be a token. [RFC6750-2]
pub fn bearer(authorization: Option<&str>, body: Option<&Params>) -> Result<String, BearerRefusal> {
    if body.is_some_and(|params| params.is_repeated("access_token")) {
        return Err(malformed("access_token is sent more than once"));
    }
    let posted = body.and_then(|params| params.get("access_token"));
    let token = match (authorization, posted) {
        (None, None) => return Err(BearerRefusal::Missing),
        (Some(_), Some(_)) => {
            return Err(malformed("the access token is sent in the header and in the body"));
        }
        (None, Some(posted)) => posted,
        (Some(header), None) => header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| token.trim_start_matches(' '))
            .ok_or(BearerRefusal::Missing)?,
    };
    if token.len() > MAX_BYTES || !is_b64token(token) {
        return Err(malformed("the access token is not well-formed"));
    }
    Ok(token.to_owned())
}

/// [RFC6750-2.1]
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~+/".contains(&octet);
    !body.is_empty() && body.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(raw: &str) -> Params {
        Params::parse(raw.as_bytes()).unwrap()
    }

    fn status(header: Option<&str>, body: &str) -> Result<String, u16> {
        bearer(header, Some(&params(body))).map_err(BearerRefusal::status)
    }

    /// [RFC6750-2.1] [RFC6750-2.2]
    #[test]
    fn a_token_is_read_from_the_header_or_from_the_body() {
        assert_eq!(bearer(Some("Bearer a.b-c_1=="), None), Ok("a.b-c_1==".to_owned()));
        assert_eq!(bearer(Some("bearer abc"), None), Ok("abc".to_owned()));
        assert_eq!(status(None, "access_token=abc"), Ok("abc".to_owned()));
    }

    /// [RFC6750-2]
    #[test]
    fn tk_15_two_tokens_are_refused_even_when_equal() {
        assert_eq!(status(Some("Bearer abc"), "access_token=abc"), Err(400));
        assert_eq!(status(None, "access_token=abc&access_token=abc"), Err(400));
    }

    /// [RFC6750-3.1]
    #[test]
    fn no_token_gets_a_challenge_without_an_error_code() {
        for header in [None, Some("Basic abc"), Some("Bearer")] {
            let refusal = bearer(header, None).unwrap_err();
            assert_eq!((refusal.status(), refusal.challenge()), (401, "Bearer".to_owned()));
        }
    }

    #[test]
    fn malformed_tokens_are_refused() {
        for token in ["", " ", "a b", "a\"b", "a,b", "é", "=", &"a".repeat(MAX_BYTES + 1)] {
            let refused = status(Some(&format!("Bearer {token}")), "");
            assert_eq!(refused, Err(400), "{token}");
        }
    }

    /// [RFC6750-3]
    #[test]
    fn the_challenge_names_the_error() {
        let refusal = BearerRefusal::INVALID_TOKEN;
        assert_eq!(refusal.status(), 401);
        assert!(refusal.challenge().starts_with("Bearer error=\"invalid_token\", "));
        assert_eq!(BearerRefusal::INSUFFICIENT_SCOPE.status(), 403);
    }
}
