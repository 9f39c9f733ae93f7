//! The refresh request: may this client have new tokens for this grant, and with which scope?
//!
//! Whether the token is the one that works, the store finds out in the statement that exchanges it:
//! that cannot be decided beforehand. What can be, is decided here, and costs the token nothing: one
//! that somebody else presents stays good. [RFC6749-6]

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::client_auth::AuthenticatedClient;
use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;
use crate::scope::Scope;

/// A refresh token that is to be exchanged. [RFC6749-6]
#[derive(Debug, Clone)]
pub struct RefreshExchange {
    /// The token.
    pub token: SecretString,
    /// The scope asked for; left out: the one that was granted.
    pub scope: Option<Scope>,
}

impl RefreshExchange {
    /// Reads the form of a refresh request, in which nothing is repeated.
    ///
    /// # Errors
    /// `invalid_request` without a token, `invalid_scope` for what is not a scope. [RFC6749-5.2]
    pub(super) fn parse(params: &Params) -> Result<Self, OAuthError> {
        let token = params
            .get("refresh_token")
            .ok_or(OAuthError::invalid_request("refresh_token is missing"))?;
        let scope = params.get("scope").map(Scope::parse).transpose();
        let scope = scope
            .map_err(|_| OAuthError::new(ErrorCode::InvalidScope, "scope is not well-formed"))?;
        Ok(Self { token: SecretString::from(token), scope })
    }
}

/// What is known of the grant of a refresh token.
#[derive(Debug, Clone, Copy)]
pub struct IssuedFamily<'a> {
    /// The client it was given to.
    pub client_id: &'a str,
    /// The scope that was granted.
    pub scope: &'a [String],
    /// The first moment at which the token that works is no longer accepted.
    pub expires_at: DateTime<Utc>,
    /// Whether the grant was revoked.
    pub revoked: bool,
}

/// Why a refresh token is not exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// It was given to another client.
    #[error("the refresh token was issued to another client")]
    WrongClient,
    /// Its grant was revoked.
    #[error("the grant was revoked")]
    Revoked,
    /// It was not used for too long, or the grant is too old.
    #[error("the refresh token has expired")]
    Expired,
    /// More is asked for than was granted. [RFC6749-6]
    #[error("the scope is wider than what was granted")]
    ScopeTooWide,
}

impl RefreshRefusal {
    /// What the client is told. Only what it knows itself has a text of its own. [RFC6749-5.2]
    pub const fn oauth_error(self) -> OAuthError {
        match self {
            Self::ScopeTooWide => {
                OAuthError::new(ErrorCode::InvalidScope, "scope is wider than what was granted")
            }
            Self::WrongClient | Self::Revoked | Self::Expired => REFUSED,
        }
    }
}

/// What is said of a refresh token that is not exchanged, whatever the reason.
pub const REFUSED: OAuthError =
    OAuthError::new(ErrorCode::InvalidGrant, "the refresh token is not valid");

/// Decides whether this client may have new tokens, and with which scope: `None`, the one that was
/// granted. [RFC6749-6]
///
/// # Errors
/// A [`RefreshRefusal`]; the token stays what it was.
pub fn check(
    issued: &IssuedFamily<'_>,
    exchange: &RefreshExchange,
    client: &AuthenticatedClient<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Vec<String>>, RefreshRefusal> {
    if issued.client_id != client.client_id() {
        return Err(RefreshRefusal::WrongClient);
    }
    if issued.revoked {
        return Err(RefreshRefusal::Revoked);
    }
    if now >= issued.expires_at {
        return Err(RefreshRefusal::Expired);
    }
    let Some(asked) = &exchange.scope else { return Ok(None) };
    let asked: Vec<String> = asked.iter().map(str::to_owned).collect();
    if !asked.iter().all(|word| issued.scope.contains(word)) {
        return Err(RefreshRefusal::ScopeTooWide);
    }
    let is_whole = asked.is_empty() || asked.len() == issued.scope.len();
    Ok((!is_whole).then_some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, ClientAuth, PkcePolicy};
    use crate::client_auth::{Presented, verify};
    use crate::op::token::TokenRequest;
    use crate::secret::SecretHash;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).unwrap()
    }

    fn parse(form: &str) -> Result<RefreshExchange, OAuthError> {
        let form = format!("grant_type=refresh_token&{form}");
        match TokenRequest::parse(&Params::parse(form.as_bytes()).unwrap())? {
            TokenRequest::RefreshToken(exchange) => Ok(exchange),
            TokenRequest::AuthorizationCode(_) => panic!("another grant"),
        }
    }

    fn outcome(
        client_id: &str,
        change: impl FnOnce(&mut IssuedFamily<'_>),
        form: &str,
    ) -> Result<Option<Vec<String>>, RefreshRefusal> {
        let scope = ["openid", "email", "offline_access"].map(str::to_owned);
        let mut issued = IssuedFamily {
            client_id: "app",
            scope: &scope,
            expires_at: now() + chrono::Duration::days(14),
            revoked: false,
        };
        change(&mut issued);
        let client = Client {
            client_id: client_id.to_owned(),
            auth: ClientAuth::None,
            redirect_uris: Vec::new(),
            response_types: Vec::new(),
            response_modes: Vec::new(),
            pkce: PkcePolicy::Required,
        };
        let form_of_client = format!("client_id={client_id}");
        let params = Params::parse(form_of_client.as_bytes()).unwrap();
        let presented = Presented::read(None, &params).unwrap();
        let client = verify(&presented, &client, |_| SecretHash::new([0; 32])).unwrap();
        check(&issued, &parse(form).unwrap(), &client, now())
    }

    /// [RFC6749-6]
    #[test]
    fn scope_may_be_left_out_repeated_or_narrowed_and_never_widened() {
        let asks = |scope: &str| outcome("app", |_| (), &format!("refresh_token=t&scope={scope}"));
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(outcome("app", |_| (), "refresh_token=t"), Ok(None));
        assert_eq!(asks(""), Ok(None));
        assert_eq!(asks("offline_access+email+openid"), Ok(None));
        assert_eq!(asks("openid"), Ok(words(&["openid"])));
        for wider in ["openid+profile", "profile", "openid+email+offline_access+x", "OPENID"] {
            assert_eq!(asks(wider), Err(RefreshRefusal::ScopeTooWide), "{wider}");
        }
        let error = RefreshRefusal::ScopeTooWide.oauth_error();
        assert_eq!(error.code, ErrorCode::InvalidScope);
    }

    /// [RFC6749-10.4]
    #[test]
    fn tk_03_refresh_token_of_another_client_is_refused_before_anything_is_said_of_it() {
        let revoked = |issued: &mut IssuedFamily<'_>| issued.revoked = true;
        let refused = outcome("other", revoked, "refresh_token=t&scope=wider");
        assert_eq!(refused, Err(RefreshRefusal::WrongClient));
        assert_eq!(RefreshRefusal::WrongClient.oauth_error(), REFUSED);
    }

    #[test]
    fn revoked_and_expired_tokens_are_refused_alike() {
        let revoked = |issued: &mut IssuedFamily<'_>| issued.revoked = true;
        let expired = |issued: &mut IssuedFamily<'_>| issued.expires_at = now();
        assert_eq!(outcome("app", revoked, "refresh_token=t"), Err(RefreshRefusal::Revoked));
        assert_eq!(outcome("app", expired, "refresh_token=t"), Err(RefreshRefusal::Expired));
        let errors =
            [RefreshRefusal::Revoked, RefreshRefusal::Expired].map(RefreshRefusal::oauth_error);
        assert_eq!(errors, [REFUSED; 2]);
    }

    /// [RFC6749-5.2]
    #[test]
    fn request_without_a_token_or_with_no_scope_is_malformed() {
        assert_eq!(parse("scope=openid").unwrap_err().code, ErrorCode::InvalidRequest);
        assert_eq!(parse("refresh_token=").unwrap_err().code, ErrorCode::InvalidRequest);
        let scope = parse("refresh_token=t&scope=a%22b").unwrap_err();
        assert_eq!(scope.code, ErrorCode::InvalidScope);
    }
}
