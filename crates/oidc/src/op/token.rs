//! The token request: which grant, and may this client redeem this code now?
//!
//! [`TokenRequest::parse`] reads the form; credentials are read beside it by
//! [`crate::client_auth`]. [`check_code`] decides over what the store found. A refusal says
//! what is to become of the code: one that somebody else presents stays good, so that nobody
//! can spoil another's login; one whose verifier is wrong is spent. [RFC6749-4.1.3]

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::client_auth::AuthenticatedClient;
use crate::error::{ErrorCode, OAuthError};
use crate::op::refresh::RefreshExchange;
use crate::params::Params;
use crate::pkce::{CodeChallenge, CodeVerifier};

/// The longest code that is looked at; ours are far shorter.
const MAX_CODE_BYTES: usize = 1024;

/// A request to the token endpoint, by grant type.
#[derive(Debug, Clone)]
pub enum TokenRequest {
    /// `authorization_code` [RFC6749-4.1.3]
    AuthorizationCode(CodeExchange),
    /// `refresh_token` [RFC6749-6]
    RefreshToken(RefreshExchange),
}

/// A code that is to be redeemed.
#[derive(Debug, Clone)]
pub struct CodeExchange {
    /// The code, to be hashed whole and looked up.
    pub code: SecretString,
    /// The redirect URI of the authorization request, once more.
    pub redirect_uri: Option<String>,
    /// The proof that the sender began the login.
    pub verifier: PresentedVerifier,
}

/// The `code_verifier` parameter. A malformed one is a failed proof and not a malformed
/// request, so that it spends the code like any other failed proof.
#[derive(Debug, Clone)]
pub enum PresentedVerifier {
    /// It was not sent.
    Absent,
    /// It was sent and cannot be a verifier.
    Malformed,
    /// It was sent.
    Present(CodeVerifier),
}

impl TokenRequest {
    /// Reads the form of a token request.
    ///
    /// # Errors
    /// `invalid_request` for missing or repeated parameters, `unsupported_grant_type` for
    /// every other grant and for none. [RFC6749-5.2]
    pub fn parse(params: &Params) -> Result<Self, OAuthError> {
        if params.repeated().is_some() {
            return Err(OAuthError::invalid_request("a parameter is sent more than once"));
        }
        match params.get("grant_type") {
            Some("authorization_code") => CodeExchange::parse(params).map(Self::AuthorizationCode),
            Some("refresh_token") => RefreshExchange::parse(params).map(Self::RefreshToken),
            _ => Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "grant_type must be authorization_code or refresh_token",
            )),
        }
    }
}

impl CodeExchange {
    fn parse(params: &Params) -> Result<Self, OAuthError> {
        let code = params.get("code").ok_or(OAuthError::invalid_request("code is missing"))?;
        if code.len() > MAX_CODE_BYTES {
            return Err(OAuthError::new(ErrorCode::InvalidGrant, "the code is not valid"));
        }
        let verifier = match params.get("code_verifier").map(CodeVerifier::parse) {
            None => PresentedVerifier::Absent,
            Some(Err(_)) => PresentedVerifier::Malformed,
            Some(Ok(verifier)) => PresentedVerifier::Present(verifier),
        };
        Ok(Self {
            code: SecretString::from(code),
            redirect_uri: params.get("redirect_uri").map(str::to_owned),
            verifier,
        })
    }
}

/// What is known of a code that was found by its hash.
#[derive(Debug, Clone)]
pub struct IssuedCode {
    /// The client it was given to.
    pub client_id: String,
    /// The redirect URI it was sent to.
    pub redirect_uri: String,
    /// What its verifier has to open; `None` for a client that is exempt from PKCE.
    pub code_challenge: Option<CodeChallenge>,
    /// The first moment at which it is no longer accepted.
    pub expires_at: DateTime<Utc>,
    /// Whether it was redeemed before.
    pub redeemed: bool,
    /// Whether its grant was revoked.
    pub revoked: bool,
}

/// Why a code is not redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// It was given to another client.
    #[error("the code was issued to another client")]
    WrongClient,
    /// It was redeemed before: whoever came first or now may be a thief, so the caller
    /// revokes the whole grant. [RFC6749-4.1.2]
    #[error("the code was redeemed before")]
    Replayed,
    /// Its grant was revoked.
    #[error("the grant was revoked")]
    Revoked,
    /// It is too old.
    #[error("the code has expired")]
    Expired,
    /// The redirect URI is missing or another.
    #[error("redirect_uri is not the one of the authorization request")]
    RedirectUriMismatch,
    /// The code is bound to a challenge and no verifier was sent.
    #[error("code_verifier is missing")]
    VerifierMissing,
    /// The verifier does not open the challenge, or cannot be one.
    #[error("code_verifier does not match code_challenge")]
    VerifierMismatch,
    /// A verifier for a code without challenge: somebody removed it. [RFC9700-4.8.2]
    #[error("code_verifier was sent for a code that has no code_challenge")]
    VerifierUnexpected,
}

impl CodeRefusal {
    /// What the client is told: one text, so that a thief learns nothing. [RFC6749-5.2]
    pub const fn oauth_error(self) -> OAuthError {
        OAuthError::new(ErrorCode::InvalidGrant, "the code is not valid for this request")
    }

    /// Whether the code is spent by this attempt. Only a failed proof of possession by the
    /// right client spends it; then nobody can try a second verifier.
    pub const fn consumes(self) -> bool {
        matches!(self, Self::VerifierMissing | Self::VerifierMismatch | Self::VerifierUnexpected)
    }

    /// Whether everything the grant gave has to be revoked. [RFC6749-4.1.2]
    pub const fn revokes_grant(self) -> bool {
        matches!(self, Self::Replayed)
    }
}

/// Decides whether this client may redeem this code now. [RFC6749-4.1.3] [RFC7636-4.6]
///
/// Redeeming itself is a conditional write of the caller, who treats a lost race as
/// [`CodeRefusal::Replayed`].
///
/// # Errors
/// A [`CodeRefusal`], which says what the client is told and what becomes of the code.
pub fn check_code(
    issued: &IssuedCode,
    exchange: &CodeExchange,
    client: &AuthenticatedClient<'_>,
    now: DateTime<Utc>,
) -> Result<(), CodeRefusal> {
    if issued.client_id != client.client_id() {
        return Err(CodeRefusal::WrongClient);
    }
    if issued.redeemed {
        return Err(CodeRefusal::Replayed);
    }
    if issued.revoked {
        return Err(CodeRefusal::Revoked);
    }
    if now >= issued.expires_at {
        return Err(CodeRefusal::Expired);
    }
    if exchange.redirect_uri.as_deref() != Some(issued.redirect_uri.as_str()) {
        return Err(CodeRefusal::RedirectUriMismatch);
    }
    check_verifier(issued.code_challenge.as_ref(), &exchange.verifier)
}

fn check_verifier(
    challenge: Option<&CodeChallenge>,
    presented: &PresentedVerifier,
) -> Result<(), CodeRefusal> {
    match (challenge, presented) {
        (None, PresentedVerifier::Absent) => Ok(()),
        (None, _) => Err(CodeRefusal::VerifierUnexpected),
        (Some(_), PresentedVerifier::Absent) => Err(CodeRefusal::VerifierMissing),
        (Some(challenge), PresentedVerifier::Present(verifier)) if verifier.opens(challenge) => {
            Ok(())
        }
        (Some(_), _) => Err(CodeRefusal::VerifierMismatch),
    }
}

/// A successful answer of the token endpoint. [RFC6749-5.1] [OIDCC-3.1.3.3]
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// The opaque access token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: TokenType,
    /// Seconds that the access token lives.
    pub expires_in: u32,
    /// The refresh token, where one was granted. [RFC6749-6]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The signed ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// The granted scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenResponse(…)")
    }
}

/// The type of the access tokens we give. [RFC6749-7.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TokenType {
    /// Whoever holds it may use it. [RFC6750-1]
    #[default]
    Bearer,
}

#[cfg(test)]
mod tests;
