//! Why a directory was of no help: a reason for the timeline, and a failure code for people.
//!
//! Nothing a directory wrote goes further than its error code, the number that Microsoft puts in
//! front of its descriptions, and the issuer it states: descriptions quote codes and addresses.

use broker::failure::FailureCode;
use oidc::jose::JwksError;
use oidc::rp::id_token::IdTokenError;
use oidc::rp::metadata::MetadataError;
use oidc::rp::token_response::TokenResponseError;
use oidc::rp::userinfo::UserinfoError;

use crate::egress::EgressError;

/// The longest text for a timeline.
const DETAIL: usize = 300;

/// How Okta says that it was shown two proofs at once.
const SEVERAL_CREDENTIALS: &str = "Cannot supply multiple client credentials";

/// How Okta says that a person is not assigned to the application.
const NOT_ASSIGNED: &str = "User is not assigned to the client application";

/// What was asked of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The discovery document.
    Discovery,
    /// The key set.
    Keys,
    /// Tokens for a code.
    Token,
    /// Claims.
    Userinfo,
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Discovery => "discovery",
            Self::Keys => "key set",
            Self::Token => "token endpoint",
            Self::Userinfo => "userinfo",
        })
    }
}

/// Why something that was asked of a directory did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No answer.
    #[error("{asked}: {error}")]
    Egress {
        /// What was asked.
        asked: Asked,
        /// What went wrong.
        error: EgressError,
    },
    /// It did not answer again and again, and is left alone for a moment. Nothing was sent.
    #[error("{asked}: it has not answered for a while and is asked again in a few seconds")]
    Resting {
        /// What would have been asked.
        asked: Asked,
    },
    /// Too many requests of the tenant wait for its directories. Nothing was sent.
    #[error("{asked}: too many requests wait for the tenant's directories")]
    Busy {
        /// What would have been asked.
        asked: Asked,
    },
    /// An answer with a status that is none.
    #[error("{asked}: the answer has status {status}")]
    Status {
        /// What was asked.
        asked: Asked,
        /// The HTTP status.
        status: u16,
    },
    /// The discovery document is not usable.
    #[error("discovery: {0}")]
    Metadata(MetadataError),
    /// The key set is not usable.
    #[error("key set: {0}")]
    Keys(JwksError),
    /// The directory's settings or metadata do not make a request.
    #[error("no request can be made: {0} is not usable")]
    Request(&'static str),
    /// The token endpoint refused the code, for the reason given.
    #[error("token endpoint: {said}")]
    Refused {
        /// Whose fault it is.
        why: Refusal,
        /// Its error code.
        said: Said,
    },
    /// The token endpoint answered with something else.
    #[error("token endpoint: {0}")]
    TokenResponse(TokenResponseError),
    /// There is no ID token in the answer.
    #[error("token endpoint: the answer has no ID token")]
    NoIdToken,
    /// The ID token is refused.
    #[error("{error} ({code}){}{stated}", if stated.is_empty() { "" } else { ": " }, code = error.code())]
    IdToken {
        /// Why.
        error: IdTokenError,
        /// What it says of itself, beside what was expected.
        stated: String,
    },
    /// Userinfo is not usable.
    #[error("userinfo: {0}")]
    Userinfo(UserinfoError),
    /// Userinfo is a signed or encrypted token, which we do not ask for. [OIDCC-5.3.2]
    #[error("userinfo: the answer is a token (application/jwt), not JSON")]
    UserinfoToken,
    /// The metadata names no userinfo endpoint.
    #[error("the directory has no userinfo endpoint")]
    NoUserinfo,
    /// The gateway is stopping.
    #[error("the request was interrupted")]
    Interrupted,
}

/// Why a token endpoint refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not accept our `client_id` and secret.
    Credentials,
    /// Our secret has expired.
    SecretExpired,
    /// It does not accept the way in which we sent them.
    Method,
    /// It does not accept its code, our redirect URI or our verifier.
    Code,
    /// It does not allow us a scope.
    Scope,
    /// It does not allow us the code flow.
    Flow,
    /// It cannot answer at the moment.
    Unavailable,
    /// Anything else.
    Other,
}

/// What a token endpoint said, as far as it may be shown: its error code, and Microsoft's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    error: Option<String>,
    number: Option<String>,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.error.as_deref().unwrap_or("an error"))?;
        self.number.as_ref().map_or(Ok(()), |number| write!(f, " ({number})"))
    }
}

impl From<JwksError> for UpstreamError {
    fn from(error: JwksError) -> Self {
        Self::Keys(error)
    }
}

impl From<MetadataError> for UpstreamError {
    fn from(error: MetadataError) -> Self {
        Self::Metadata(error)
    }
}

impl From<UserinfoError> for UpstreamError {
    fn from(error: UserinfoError) -> Self {
        Self::Userinfo(error)
    }
}

impl From<TokenResponseError> for UpstreamError {
    fn from(error: TokenResponseError) -> Self {
        match error {
            TokenResponseError::Provider { error, error_description } => {
                Self::refused(&error, error_description.as_deref())
            }
            other => Self::TokenResponse(other),
        }
    }
}

impl UpstreamError {
    /// [RFC6749-5.2], and what real servers make of it.
    fn refused(error: &str, description: Option<&str>) -> Self {
        let said = Said {
            error: error_code(error).map(str::to_owned),
            number: description.and_then(number),
        };
        let why = match (error, said.number.as_deref()) {
            (_, Some("AADSTS7000222")) => Refusal::SecretExpired,
            _ if description.is_some_and(|said| said.contains(SEVERAL_CREDENTIALS)) => {
                Refusal::Method
            }
            // Keycloak also calls a wrong secret so.
            ("unauthorized_client", _) if mentions(description, &["grant"]) => Refusal::Flow,
            ("invalid_client" | "unauthorized_client", _) => Refusal::Credentials,
            // Google names the redirect URI, others call a wrong one an invalid request.
            ("invalid_grant" | "invalid_request" | "redirect_uri_mismatch", _) => Refusal::Code,
            ("invalid_scope", _) => Refusal::Scope,
            ("unsupported_grant_type", _) => Refusal::Flow,
            ("temporarily_unavailable" | "server_error", _) => Refusal::Unavailable,
            _ => Refusal::Other,
        };
        Self::Refused { why, said }
    }

    /// The code that explains it to whoever can mend it.
    pub(crate) fn failure(&self) -> FailureCode {
        match self {
            Self::Egress { asked, error } => unanswered(*asked, error),
            Self::Resting { .. } | Self::Busy { .. } => FailureCode::DirectoryUnreachable,
            Self::Status { asked, status } => unexpected(*asked, *status),
            Self::Metadata(MetadataError::IssuerMismatch { .. }) => FailureCode::IssuerMismatch,
            Self::Metadata(MetadataError::Moved { .. }) => FailureCode::DirectoryMoved,
            Self::Metadata(_) | Self::Request(_) => FailureCode::DiscoveryInvalid,
            Self::Keys(_) => FailureCode::KeysInvalid,
            Self::Refused { why, .. } => match why {
                Refusal::Credentials => FailureCode::DirectoryCredentialsWrong,
                Refusal::SecretExpired => FailureCode::DirectorySecretExpired,
                Refusal::Method => FailureCode::DirectoryCredentialsMethod,
                Refusal::Code => FailureCode::DirectoryCodeRefused,
                Refusal::Scope => FailureCode::DirectoryScopeRefused,
                Refusal::Flow => FailureCode::DirectoryFlowRefused,
                Refusal::Unavailable => FailureCode::DirectoryUnreachable,
                Refusal::Other => FailureCode::DirectoryRefused,
            },
            Self::TokenResponse(_) => FailureCode::TokenResponseInvalid,
            Self::NoIdToken => FailureCode::IdTokenMissing,
            Self::IdToken { error, .. } => unverified(*error),
            Self::Userinfo(UserinfoError::Subject) => FailureCode::UserinfoSubjectMismatch,
            Self::UserinfoToken => FailureCode::UserinfoSigned,
            Self::Userinfo(_) | Self::NoUserinfo => FailureCode::UserinfoInvalid,
            Self::Interrupted => FailureCode::Internal,
        }
    }

    /// What happened, in at most 300 characters, without tokens, codes and claims.
    pub(crate) fn detail(&self) -> String {
        self.to_string().chars().take(DETAIL).collect()
    }
}

/// An error code as far as it may be shown: a grammar that no code, no token and no sentence fits,
/// so that none is shown by mistake. (THREATS AZ-17, UP-12)
pub(crate) fn error_code(error: &str) -> Option<&str> {
    let plain = !error.is_empty() && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    (plain && error.len() <= 40).then_some(error)
}

/// Why a directory sent the browser back without a code: its error, and the sentence beside it.
/// Whoever can bring an answer here can write a sentence, so that sentence only chooses among the
/// codes and is not repeated. (THREATS AZ-17) [OIDCC-3.1.2.6]
pub(crate) fn sent_back(error: &str, description: Option<&str>) -> (FailureCode, String) {
    let said =
        Said { error: error_code(error).map(str::to_owned), number: description.and_then(number) };
    let failure = match (error, said.number.as_deref()) {
        (_, Some("AADSTS50105")) => FailureCode::DirectoryNotAssigned,
        (_, Some("AADSTS65001" | "AADSTS90094")) => FailureCode::DirectoryConsentRequired,
        ("access_denied", _) if description.is_some_and(|said| said.contains(NOT_ASSIGNED)) => {
            FailureCode::DirectoryNotAssigned
        }
        (
            "login_required"
            | "interaction_required"
            | "consent_required"
            | "account_selection_required",
            _,
        ) => FailureCode::DirectoryLoginRequired,
        ("temporarily_unavailable" | "server_error", _) => FailureCode::DirectoryUnreachable,
        ("invalid_scope", _) => FailureCode::DirectoryScopeRefused,
        ("invalid_request", _) if mentions(description, &["response_type", "response type"]) => {
            FailureCode::DirectoryFlowRefused
        }
        ("unauthorized_client" | "unsupported_response_type" | "unsupported_response_mode", _) => {
            FailureCode::DirectoryFlowRefused
        }
        (
            "invalid_request"
            | "invalid_request_object"
            | "invalid_request_uri"
            | "invalid_target"
            | "request_not_supported"
            | "request_uri_not_supported",
            _,
        ) => FailureCode::DirectoryRequestRefused,
        _ => FailureCode::DirectoryRefused,
    };
    (failure, format!("the directory answered {said}"))
}

/// Whether a directory's sentence has one of these words in it, which are no reason by themselves.
fn mentions(description: Option<&str>, words: &[&str]) -> bool {
    description.is_some_and(|said| words.iter().any(|word| said.contains(word)))
}

/// `AADSTS7000222: The provided client secret keys ...`, `MSIS9612: ...`
fn number(description: &str) -> Option<String> {
    let is_number = |word: &&str| {
        let digits = word.strip_prefix("AADSTS").or_else(|| word.strip_prefix("MSIS"));
        digits.is_some_and(|d| (3..=10).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut words = description.split(|c: char| !c.is_ascii_alphanumeric());
    words.find(is_number).map(str::to_owned)
}

fn unanswered(asked: Asked, error: &EgressError) -> FailureCode {
    match error {
        EgressError::Blocked(_) | EgressError::BadUrl => FailureCode::EgressBlocked,
        EgressError::Unresolved(_) => FailureCode::DirectoryHostUnknown,
        EgressError::Certificate(..) => FailureCode::DirectoryCertificate,
        EgressError::Unreachable(_) | EgressError::Timeout(_) => FailureCode::DirectoryUnreachable,
        // Mostly from http to https, or to the name that it is meant to be called by.
        EgressError::Redirected(_) if asked == Asked::Discovery => FailureCode::DiscoveryNotFound,
        EgressError::TooLarge(_) | EgressError::Redirected(_) => garbage(asked),
        EgressError::NoClient => FailureCode::Internal,
    }
}

fn unexpected(asked: Asked, status: u16) -> FailureCode {
    match (asked, status) {
        (_, 429 | 500..) => FailureCode::DirectoryUnreachable,
        (Asked::Token, 401) => FailureCode::DirectoryCredentialsWrong,
        (Asked::Discovery, 400..) => FailureCode::DiscoveryNotFound,
        _ => garbage(asked),
    }
}

fn garbage(asked: Asked) -> FailureCode {
    match asked {
        Asked::Discovery => FailureCode::DiscoveryInvalid,
        Asked::Keys => FailureCode::KeysInvalid,
        Asked::Token => FailureCode::TokenResponseInvalid,
        Asked::Userinfo => FailureCode::UserinfoInvalid,
    }
}

fn unverified(error: IdTokenError) -> FailureCode {
    match error {
        IdTokenError::TooLarge
        | IdTokenError::Malformed
        | IdTokenError::Critical
        | IdTokenError::Missing(_)
        | IdTokenError::ClaimType(_) => FailureCode::IdTokenMalformed,
        IdTokenError::Encrypted => FailureCode::IdTokenEncrypted,
        IdTokenError::Type | IdTokenError::WrongUse => FailureCode::IdTokenType,
        IdTokenError::Algorithm => FailureCode::IdTokenAlgorithm,
        IdTokenError::UnknownKey | IdTokenError::AmbiguousKey => FailureCode::IdTokenKeyUnknown,
        IdTokenError::Signature => FailureCode::IdTokenSignature,
        IdTokenError::Issuer | IdTokenError::KeyIssuer => FailureCode::IdTokenIssuer,
        IdTokenError::TenantNotAllowed => FailureCode::TenantNotAllowed,
        IdTokenError::Audience | IdTokenError::AuthorizedParty => FailureCode::IdTokenAudience,
        IdTokenError::Expired | IdTokenError::NotYetValid | IdTokenError::IssuedInFuture => {
            FailureCode::IdTokenExpired
        }
        IdTokenError::Nonce => FailureCode::IdTokenNonce,
        IdTokenError::AuthTimeMissing | IdTokenError::AuthTimeTooOld => {
            FailureCode::AuthenticationTooOld
        }
        IdTokenError::AccessTokenHash | IdTokenError::CodeHash => FailureCode::IdTokenHash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(error: &str, description: &str) -> (FailureCode, String) {
        let provider = TokenResponseError::Provider {
            error: error.to_owned(),
            error_description: Some(description.to_owned()),
        };
        let error = UpstreamError::from(provider);
        (error.failure(), error.detail())
    }

    #[test]
    fn a_token_endpoints_error_names_its_cause() {
        let expired = "AADSTS7000222: The provided client secret keys for app '1' are expired.";
        let cases = [
            ("invalid_client", expired, FailureCode::DirectorySecretExpired),
            ("invalid_client", "AADSTS7000215: Invalid", FailureCode::DirectoryCredentialsWrong),
            ("unauthorized_client", "", FailureCode::DirectoryCredentialsWrong),
            ("unauthorized_client", "grant type not allowed", FailureCode::DirectoryFlowRefused),
            (
                "invalid_request",
                "Cannot supply multiple client credentials. Use one of the following: ...",
                FailureCode::DirectoryCredentialsMethod,
            ),
            ("invalid_grant", "PKCE verification failed", FailureCode::DirectoryCodeRefused),
            ("redirect_uri_mismatch", "Bad Request", FailureCode::DirectoryCodeRefused),
            ("invalid_scope", "", FailureCode::DirectoryScopeRefused),
            ("unsupported_grant_type", "", FailureCode::DirectoryFlowRefused),
            ("server_error", "", FailureCode::DirectoryUnreachable),
            ("access_denied", "not assigned", FailureCode::DirectoryRefused),
        ];
        for (error, description, expected) in cases {
            assert_eq!(refused(error, description).0, expected, "{error} {description}");
        }
        let (_, detail) = refused("invalid_client", expired);
        assert_eq!(detail, "token endpoint: invalid_client (AADSTS7000222)");
    }

    #[test]
    fn up_12_what_a_directory_quotes_in_an_error_is_not_shown() {
        let (failure, detail) = refused("0.AXcA-code", "code 0.AXcA-code of jane@acme.example");
        assert_eq!(failure, FailureCode::DirectoryRefused);
        assert_eq!(detail, "token endpoint: an error");
    }

    #[test]
    fn az_17_what_a_directory_sends_back_chooses_a_code_and_is_not_repeated() {
        let okta = "User is not assigned to the client application.";
        let cases = [
            ("access_denied", okta, FailureCode::DirectoryNotAssigned),
            ("access_denied", "AADSTS50105: not assigned", FailureCode::DirectoryNotAssigned),
            ("consent_required", "AADSTS65001: x", FailureCode::DirectoryConsentRequired),
            ("access_denied", "AADSTS90094: x", FailureCode::DirectoryConsentRequired),
            ("consent_required", "", FailureCode::DirectoryLoginRequired),
            ("access_denied", "", FailureCode::DirectoryRefused),
            ("server_error", okta, FailureCode::DirectoryUnreachable),
            ("invalid_scope", "", FailureCode::DirectoryScopeRefused),
            ("unauthorized_client", "", FailureCode::DirectoryFlowRefused),
            ("invalid_request", "response_type not allowed", FailureCode::DirectoryFlowRefused),
            ("invalid_request", "", FailureCode::DirectoryRequestRefused),
        ];
        for (error, description, expected) in cases {
            let (failure, detail) = sent_back(error, Some(description));
            assert_eq!(failure, expected, "{error} {description}");
            assert!(!detail.contains("assigned"), "{detail}");
        }
        let (_, detail) = sent_back("access_denied", Some("AADSTS50105: call +1 555 0100"));
        assert_eq!(detail, "the directory answered access_denied (AADSTS50105)");
        let (_, detail) = sent_back("Call us at once", None);
        assert_eq!(detail, "the directory answered an error");
    }

    #[test]
    fn a_status_is_blamed_on_what_was_asked() {
        let failure = |asked, status| UpstreamError::Status { asked, status }.failure();
        assert_eq!(failure(Asked::Discovery, 404), FailureCode::DiscoveryNotFound);
        assert_eq!(failure(Asked::Keys, 404), FailureCode::KeysInvalid);
        assert_eq!(failure(Asked::Keys, 503), FailureCode::DirectoryUnreachable);
        assert_eq!(failure(Asked::Token, 401), FailureCode::DirectoryCredentialsWrong);
        assert_eq!(failure(Asked::Token, 400), FailureCode::TokenResponseInvalid);
        assert_eq!(failure(Asked::Userinfo, 403), FailureCode::UserinfoInvalid);
    }
}
