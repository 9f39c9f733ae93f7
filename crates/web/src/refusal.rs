//! How a request ends that was not answered: as a page, as JSON, or as "try again".

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oidc::error::{ErrorCode, OAuthError};
use serde_json::json;
use store::StoreError;

use crate::entropy::NoEntropy;
use crate::keyring::KeyError;
use crate::login::Failed;
use crate::page::Fixed;
use crate::sightings::observe::Said;
use crate::tenants::Unloaded;

/// How many seconds to wait before trying again while the database is away.
pub(crate) const RETRY_AFTER: &str = "5";
/// The same for a machine. An application whose refresh was lost with the answer has ten seconds to
/// ask once more (THREATS TK-10), of which the database may have had six.
const MACHINE_RETRY_AFTER: &str = "2";

/// A request that ends without success.
pub(crate) enum Refused {
    /// There is nothing of that name. The same for another tenant's.
    NotFound,
    /// A login ended; the page says why.
    Failed(Box<Failed>),
    /// The database is away.
    Unavailable,
    /// Ours to mend. It was logged where it happened.
    Internal,
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Unavailable(_)) {
            tracing::warn!(%error, "the database is away");
            return Self::Unavailable;
        }
        tracing::error!(%error, "the database refused or holds what it should not");
        Self::Internal
    }
}

impl From<Unloaded> for Refused {
    fn from(unloaded: Unloaded) -> Self {
        match unloaded {
            Unloaded::Unavailable => Self::Unavailable,
            Unloaded::Broken => Self::Internal,
        }
    }
}

impl From<NoEntropy> for Refused {
    fn from(error: NoEntropy) -> Self {
        tracing::error!(%error, "nothing can be issued");
        Self::Internal
    }
}

impl From<KeyError> for Refused {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::Entropy(error) => error.into(),
            KeyError::Unloaded(error) => error.into(),
            KeyError::Generate | KeyError::Sign => {
                tracing::error!(%error, "nothing can be signed");
                Self::Internal
            }
        }
    }
}

impl From<Box<Failed>> for Refused {
    fn from(failed: Box<Failed>) -> Self {
        Self::Failed(failed)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => Fixed::NotFound.into_response(),
            Self::Failed(failed) => failed.into_response(),
            Self::Unavailable => Fixed::Unavailable.into_response(),
            Self::Internal => Fixed::Internal.into_response(),
        }
    }
}

/// The same for the endpoints that machines call. [RFC6749-5.2] [RFC6750-3.1]
pub(crate) enum RefusedJson {
    /// There is nothing of that name.
    NotFound,
    /// The protocol's own error at the token endpoint.
    Token(OAuthError),
    /// The protocol's own error at userinfo; `None`: no token was sent at all.
    Bearer(Option<OAuthError>),
    /// The database is away.
    Unavailable,
    /// Ours to mend.
    Internal,
}

impl From<Refused> for RefusedJson {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound => Self::NotFound,
            Refused::Unavailable => Self::Unavailable,
            Refused::Failed(_) | Refused::Internal => Self::Internal,
        }
    }
}

impl From<StoreError> for RefusedJson {
    fn from(error: StoreError) -> Self {
        Refused::from(error).into()
    }
}

impl From<Unloaded> for RefusedJson {
    fn from(unloaded: Unloaded) -> Self {
        Refused::from(unloaded).into()
    }
}

impl From<NoEntropy> for RefusedJson {
    fn from(error: NoEntropy) -> Self {
        Refused::from(error).into()
    }
}

impl From<KeyError> for RefusedJson {
    fn from(error: KeyError) -> Self {
        Refused::from(error).into()
    }
}

impl IntoResponse for RefusedJson {
    fn into_response(self) -> Response {
        let code = self.code();
        let response = match self {
            Self::NotFound => {
                (StatusCode::NOT_FOUND, Json(json!({ "error": "not_found" }))).into_response()
            }
            Self::Token(error) => token_error(&error),
            Self::Bearer(error) => bearer_error(error.as_ref()),
            Self::Unavailable => {
                let error = OAuthError::new(
                    ErrorCode::TemporarilyUnavailable,
                    "try again in a few seconds",
                );
                let mut response = body(StatusCode::SERVICE_UNAVAILABLE, &error);
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static(MACHINE_RETRY_AFTER));
                response
            }
            Self::Internal => {
                let error = OAuthError::new(ErrorCode::ServerError, "something went wrong here");
                body(StatusCode::INTERNAL_SERVER_ERROR, &error)
            }
        };
        Said::on(response, code)
    }
}

impl RefusedJson {
    /// The error code that is sent.
    fn code(&self) -> &'static str {
        match self {
            Self::Token(error) | Self::Bearer(Some(error)) => error.code.as_str(),
            Self::Unavailable => ErrorCode::TemporarilyUnavailable.as_str(),
            Self::Internal => ErrorCode::ServerError.as_str(),
            Self::NotFound | Self::Bearer(None) => "",
        }
    }
}

fn body(status: StatusCode, error: &OAuthError) -> Response {
    let body = json!({ "error": error.code.as_str(), "error_description": error.description });
    (status, Json(body)).into_response()
}

fn token_error(error: &OAuthError) -> Response {
    let status = StatusCode::from_u16(error.code.token_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = body(status, error);
    if status == StatusCode::UNAUTHORIZED {
        // The client may have used Basic, which asks for a challenge in return. [RFC6749-5.2]
        let challenge = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn bearer_error(error: Option<&OAuthError>) -> Response {
    let Some(error) = error else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    };
    let status =
        StatusCode::from_u16(error.code.resource_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let challenge = format!(
        "Bearer error=\"{}\", error_description=\"{}\"",
        error.code.as_str(),
        error.description
    );
    let mut response = body(status, error);
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
