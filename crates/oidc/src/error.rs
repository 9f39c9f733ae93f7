//! Every error code that leaves on the wire, once, and what each endpoint does with it.
//!
//! A code is for the program at the other end, a description for its developer. The
//! description is `&'static str` so that nothing a user or a server said can get into it;
//! the cause belongs in the operator's log.

use std::fmt;

/// An error code of the specifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is missing a parameter, repeats one or is malformed. [RFC6749-4.1.2.1]
    InvalidRequest,
    /// The client may not use this method. [RFC6749-4.1.2.1]
    UnauthorizedClient,
    /// The user or the server said no. [RFC6749-4.1.2.1]
    AccessDenied,
    /// The response type is not offered, or not to this client. [RFC6749-4.1.2.1]
    UnsupportedResponseType,
    /// The scope is unknown, malformed or too wide. [RFC6749-4.1.2.1]
    InvalidScope,
    /// Something failed here that the client cannot mend. [RFC6749-4.1.2.1]
    ServerError,
    /// Something failed here that will pass. [RFC6749-4.1.2.1]
    TemporarilyUnavailable,
    /// The client did not authenticate. [RFC6749-5.2]
    InvalidClient,
    /// The code or refresh token is not, or no longer, this client's. [RFC6749-5.2]
    InvalidGrant,
    /// The grant type is not offered. [RFC6749-5.2]
    UnsupportedGrantType,
    /// A page would have to be shown although `prompt=none`. [OIDCC-3.1.2.6]
    InteractionRequired,
    /// A login would have to happen although `prompt=none`. [OIDCC-3.1.2.6]
    LoginRequired,
    /// An account would have to be chosen although `prompt=none`. [OIDCC-3.1.2.6]
    AccountSelectionRequired,
    /// Consent would have to be asked although `prompt=none`. [OIDCC-3.1.2.6]
    ConsentRequired,
    /// The `request_uri` cannot be used. [OIDCC-3.1.2.6]
    InvalidRequestUri,
    /// The `request` object cannot be used. [OIDCC-3.1.2.6]
    InvalidRequestObject,
    /// `request` is not supported. [OIDCC-3.1.2.6]
    RequestNotSupported,
    /// `request_uri` is not supported. [OIDCC-3.1.2.6]
    RequestUriNotSupported,
    /// `registration` is not supported. [OIDCC-3.1.2.6]
    RegistrationNotSupported,
    /// The demanded authentication context was not reached. [OIDCUAR-2]
    UnmetAuthenticationRequirements,
    /// The access token is unknown, expired or revoked. [RFC6750-3.1]
    InvalidToken,
    /// The access token does not reach this far. [RFC6750-3.1]
    InsufficientScope,
}

impl ErrorCode {
    /// The code as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InteractionRequired => "interaction_required",
            Self::LoginRequired => "login_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }

    /// HTTP status at the token endpoint: 400 unless the client failed to authenticate or
    /// we failed to answer. [RFC6749-5.2]
    pub const fn token_status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }

    /// HTTP status at an endpoint that takes a bearer token. [RFC6750-3.1]
    pub const fn resource_status(self) -> u16 {
        match self {
            Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as the client's developer reads it: the code, and what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// The code for the program.
    pub code: ErrorCode,
    /// One sentence for the developer; our own text, always. [RFC6749-A.8]
    pub description: &'static str,
}

impl OAuthError {
    /// An error of this code with this text.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }

    /// `invalid_request` with this text.
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// `invalid_client` with this text.
    pub const fn invalid_client(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidClient, description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RFC6749-5.2]
    #[test]
    fn only_failed_client_authentication_is_401_at_the_token_endpoint() {
        assert_eq!(ErrorCode::InvalidClient.token_status(), 401);
        assert_eq!(ErrorCode::InvalidGrant.token_status(), 400);
        assert_eq!(ErrorCode::InvalidRequest.token_status(), 400);
        assert_eq!(ErrorCode::ServerError.token_status(), 500);
    }

    /// [RFC6750-3.1]
    #[test]
    fn bearer_errors_have_the_statuses_of_rfc_6750() {
        assert_eq!(ErrorCode::InvalidRequest.resource_status(), 400);
        assert_eq!(ErrorCode::InvalidToken.resource_status(), 401);
        assert_eq!(ErrorCode::InsufficientScope.resource_status(), 403);
    }
}
