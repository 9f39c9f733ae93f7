//! What a failure is to programs: the status of its page, and the protocol's error that *Return to
//! the application* delivers. [OIDCC-3.1.2.6]

use axum::http::StatusCode;
use broker::failure::FailureCode;
use oidc::error::{ErrorCode, OAuthError};

/// What the application is told when a person returns to it from the error page.
pub(super) fn protocol_error(failure: FailureCode) -> OAuthError {
    match failure {
        FailureCode::DirectoryRefused
        | FailureCode::DirectoryNotAssigned
        | FailureCode::DirectoryScopeRefused
        | FailureCode::DirectoryFlowRefused
        | FailureCode::DirectoryRequestRefused
        | FailureCode::TenantNotAllowed
        | FailureCode::HostedDomainNotAllowed
        | FailureCode::GuestNotAllowed
        | FailureCode::UserBlocked
        | FailureCode::TenantSuspended => {
            OAuthError::new(ErrorCode::AccessDenied, "the sign-in was refused")
        }
        // What a directory calls so is not passed on: an application that asked for a page takes it
        // for the answer to a silent request (THREATS UP-11).
        FailureCode::AuthenticationTooOld => {
            OAuthError::new(ErrorCode::LoginRequired, "a fresh sign-in is needed")
        }
        FailureCode::OtherPerson => {
            OAuthError::new(ErrorCode::LoginRequired, "somebody else signed in")
        }
        FailureCode::DirectoryUnreachable
        | FailureCode::DirectoryHostUnknown
        | FailureCode::DirectoryCertificate
        | FailureCode::DatabaseUnavailable => OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "the sign-in is not possible at the moment",
        ),
        _ => OAuthError::new(ErrorCode::ServerError, "the sign-in could not be completed"),
    }
}

pub(super) fn status(failure: FailureCode) -> StatusCode {
    match failure {
        FailureCode::DatabaseUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        FailureCode::DirectoryUnreachable
        | FailureCode::DirectoryHostUnknown
        | FailureCode::DirectoryCertificate => StatusCode::BAD_GATEWAY,
        FailureCode::UserBlocked
        | FailureCode::TenantSuspended
        | FailureCode::DirectoryRefused
        | FailureCode::DirectoryNotAssigned
        | FailureCode::DirectoryScopeRefused
        | FailureCode::DirectoryFlowRefused
        | FailureCode::DirectoryRequestRefused
        | FailureCode::TenantNotAllowed
        | FailureCode::HostedDomainNotAllowed
        | FailureCode::GuestNotAllowed => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_11_what_a_directory_refuses_becomes_few_errors_of_the_protocol() {
        let cases = [
            ("access_denied", ErrorCode::AccessDenied),
            ("login_required", ErrorCode::ServerError),
            ("interaction_required", ErrorCode::ServerError),
            ("consent_required", ErrorCode::ServerError),
            ("server_error", ErrorCode::TemporarilyUnavailable),
            ("temporarily_unavailable", ErrorCode::TemporarilyUnavailable),
        ];
        for (said, expected) in cases {
            let (failure, _) = crate::upstream::sent_back(said, None);
            assert_eq!(protocol_error(failure).code, expected, "{said}");
        }
        // What nobody knows is told as a refusal, whatever it says.
        for said in ["invalid_scope", "unknown", "<script>", ""] {
            let (failure, _) = crate::upstream::sent_back(said, None);
            assert_eq!(protocol_error(failure).code, ErrorCode::AccessDenied, "{said}");
        }
    }
}
