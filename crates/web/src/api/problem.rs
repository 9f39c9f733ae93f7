//! How an operation is refused. [RFC9457]

use admin::{ActError, ChangeError, PartError};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use broker::authority::{Authority, Need};
use serde::Serialize;
use store::StoreError;
use utoipa::{IntoResponses, ToSchema};

/// How many seconds to wait before trying again while the database is away.
const RETRY_AFTER: &str = "2";

/// A request that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which kind, for programs: `urn:vestibule:problem:` and a word.
    #[schema(example = "urn:vestibule:problem:stale")]
    r#type: String,
    /// The same in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(value_type = u16, example = 412)]
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// What is wrong with this request, and what to do about it.
    detail: String,
    /// The members that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Mistake>,
    /// In how many seconds to try again.
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// A member that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mistake {
    /// Where: its path in what was sent, such as `claims.staff.expr`.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) message: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

// The signature is serde's.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serialize_with passes a reference")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

/// Every way in which any operation may be refused, for its description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes; answers are made from Problem")]
pub(crate) enum Refusals {
    /// The request cannot be read, or a value in it cannot be.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem),
    /// There is no token that works.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// The token's role does not allow it.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// There is nothing of that name, as far as the token may know.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// It does not go with what is stored.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The tenant is not at the version of `If-Match`, or what `If-None-Match` wants to be new is not.
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(Problem),
    /// The body is larger than 64 KiB; where a logo is sent, than 260 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not of a type that the operation reads.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(Problem),
    /// The settings are not valid.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many requests of this address failed, or of this token came.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// Something is wrong here.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// It took too long; whether it was done is not known.
    #[response(status = 504, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// The database is away, or too much is running.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let r#type = format!("urn:vestibule:problem:{kind}");
        Self { r#type, title, status, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened, in words.
    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    /// What is wrong, and what to do about it.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The members that are wrong.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = &Mistake> {
        self.errors.iter()
    }

    fn with(mut self, errors: impl IntoIterator<Item = Mistake>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// The request cannot be read.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// The body is of another type.
    pub(crate) fn media_type(wanted: &str) -> Self {
        let detail = format!("send the body as {wanted}");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "media_type", "The body is of another type", detail)
    }

    /// No token, or none that works.
    pub(crate) fn unauthenticated() -> Self {
        let detail = "send a token that works as `Authorization: Bearer vapi_…`; make one with: \
                      vestibule api-token create";
        let status = StatusCode::UNAUTHORIZED;
        Self::new(status, "unauthenticated", "There is no token that works", detail)
    }

    /// The token's role does not allow it.
    pub(crate) fn forbidden(need: Need) -> Self {
        let detail = format!("this takes {need}");
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The role does not allow it", detail)
    }

    /// There is nothing of that name.
    pub(crate) fn not_found() -> Self {
        let detail = "check the names in the address";
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing of that name", detail)
    }

    /// The same, to whoever asks for another tenant's; the operator hears of it.
    pub(crate) fn of_another_tenant() -> Self {
        tracing::warn!(event = "tenant.violation", "a token was sent to another tenant");
        Self::not_found()
    }

    /// There is no such address.
    pub(crate) fn no_operation() -> Self {
        let detail = "the operations are in /api/openapi.json";
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such operation", detail)
    }

    /// The address is there, and has no such method.
    pub(crate) fn no_method() -> Self {
        let detail = "the operations are in /api/openapi.json";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method_not_allowed", "This address has no such method", detail)
    }

    /// It does not go with what is stored.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It does not go with what is stored", detail)
    }

    /// A value is not valid.
    pub(crate) fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        let mistake = Mistake { path: path.into(), message: message.into() };
        Self::of_settings().with([mistake])
    }

    /// Several are not.
    pub(crate) fn mistaken(mistakes: impl IntoIterator<Item = Mistake>) -> Self {
        Self::of_settings().with(mistakes)
    }

    fn of_settings() -> Self {
        let detail = "`errors` says what is wrong where";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "invalid", "The settings are not valid", detail)
    }

    /// Too many requests of one token.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let detail = format!(
            "a token may make 100 requests a second, a tenant three at a time and six probes a \
             minute; wait {seconds} s"
        );
        let status = StatusCode::TOO_MANY_REQUESTS;
        let title = "Too many requests";
        Self { retry_after: Some(seconds), ..Self::new(status, "too_many_requests", title, detail) }
    }

    /// Another request had this idempotency key.
    pub(crate) fn key_reused() -> Self {
        let detail = "another request was sent with this Idempotency-Key; use a new one for each";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "key_reused", "The key is another request's", detail)
    }

    /// The request with this idempotency key has no answer yet.
    pub(crate) fn still_running() -> Self {
        let detail = "the same request is being carried out; send it again in a moment";
        let title = "It is still being carried out";
        let problem = Self::new(StatusCode::CONFLICT, "still_running", title, detail);
        Self { retry_after: Some(1), ..problem }
    }

    /// Nobody knows what became of the request with this idempotency key.
    pub(crate) fn outcome_unknown() -> Self {
        let detail = "the gateway was stopped while it carried the request out; look whether it was \
                      done, and use a new Idempotency-Key if it was not";
        let title = "It is not known whether it was done";
        Self::new(StatusCode::CONFLICT, "outcome_unknown", title, detail)
    }

    /// A token has used as many idempotency keys as it may.
    pub(crate) fn too_many_keys() -> Self {
        let detail = "a token may use 1000 idempotency keys within 24 hours, and 4 MiB of answers";
        let status = StatusCode::TOO_MANY_REQUESTS;
        let title = "Too many idempotency keys";
        Self { retry_after: Some(3_600), ..Self::new(status, "too_many_requests", title, detail) }
    }

    /// It took too long.
    pub(crate) fn too_slow() -> Self {
        let detail = "it was given up after 45 s; look whether it was done before you repeat it";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "too_slow", "It took too long", detail)
    }

    /// A request panicked, which the log has.
    pub(crate) fn panicked() -> Self {
        let detail = "it was logged here; tell the operator the time";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal", "Something is wrong here", detail)
    }

    /// Too many attempts to sign in to the dashboard.
    pub(crate) fn slow_down(seconds: u64) -> Self {
        let detail = format!("too many people try to sign in from here; wait {seconds} s");
        let status = StatusCode::TOO_MANY_REQUESTS;
        let title = "Too many attempts";
        Self { retry_after: Some(seconds), ..Self::new(status, "too_many_requests", title, detail) }
    }

    /// Rows are tried already: of the tenant, or by as many others as there are turns.
    pub(crate) fn tried_already() -> Self {
        let detail = "rows are being tried already; wait 1 s";
        let status = StatusCode::TOO_MANY_REQUESTS;
        let title = "Too many requests";
        Self { retry_after: Some(1), ..Self::new(status, "too_many_requests", title, detail) }
    }

    /// What the front refuses before any operation is reached.
    pub(crate) fn turned_away(status: StatusCode, kind: &str) -> Self {
        let detail = match status {
            StatusCode::TOO_MANY_REQUESTS => "too many requests failed; wait as Retry-After says",
            StatusCode::SERVICE_UNAVAILABLE => "too much is running; try again in a moment",
            StatusCode::PAYLOAD_TOO_LARGE => "a body has at most 64 KiB, a logo 256 KiB",
            _ => "check how the request is made",
        };
        Self::new(status, kind, "The request was not let in", detail)
    }

    /// The database is away.
    pub(crate) fn unavailable() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let detail = "try again in a few seconds";
        Self::new(status, "unavailable", "The database is away", detail)
    }

    /// Something is wrong here; what, is for the log.
    pub(crate) fn internal(why: &str) -> Self {
        tracing::error!(why, "an operation of the admin API failed");
        Self::panicked()
    }

    /// The tenant is not at the version that it has to be at.
    fn stale() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "It was changed meanwhile",
            "read it again and repeat the change with the version that is in its ETag",
        )
    }

    /// A change that was not made, told to whom this authority is. `part` is where what was sent
    /// begins in a tenant's configuration.
    pub(crate) fn of_change(error: ChangeError, authority: &Authority, part: &str) -> Self {
        match error {
            ChangeError::Foreign => Self::of_another_tenant(),
            ChangeError::Missing | ChangeError::Part(PartError::Missing) => Self::not_found(),
            ChangeError::Part(PartError::Shape { path, message }) => Self::invalid(path, message),
            ChangeError::Stale => Self::stale(),
            ChangeError::Exists => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "exists",
                "It is there already",
                "leave out If-None-Match to replace it",
            ),
            ChangeError::Denied(denied) => {
                let need = denied.iter().map(|one| one.needs).max().unwrap_or(Need::Owner);
                Self::forbidden(need).with(denied.into_iter().map(|one| Mistake {
                    path: if one.path.is_empty() { one.target.to_string() } else { one.path },
                    message: format!("this takes {}", one.needs),
                }))
            }
            ChangeError::Invalid(errors) => {
                Self::of_settings().with(errors.into_iter().map(|one| {
                    let path = one.path.strip_prefix(part).unwrap_or(&one.path);
                    // Which of them it is says the address.
                    let path = match path.strip_prefix('[').and_then(|rest| rest.split_once("].")) {
                        Some((_, path)) => path,
                        None => path,
                    };
                    Mistake { path: path.to_owned(), message: one.message }
                }))
            }
            ChangeError::Conflicts(conflicts) => {
                let sees_all = authority.tenant.is_none();
                let mistakes = conflicts.into_iter().map(|one| Mistake {
                    path: format!("{}, {}", one.target, one.path),
                    message: if sees_all { one.message } else { one.discreet },
                });
                Self::conflict("`errors` says what does not go together").with(mistakes)
            }
            ChangeError::Secret { field, why, .. } => {
                Self::invalid(field.as_str(), why.to_string())
            }
            ChangeError::Entropy => Self::internal("the operating system has no random bytes"),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the database is away");
                Self::unavailable()
            }
            // What was sent holds something that no column takes, such as U+0000.
            StoreError::Refused(_) => Self::invalid(".", "a value cannot be stored"),
            StoreError::Conflict(_) => Self::conflict("it was changed or removed just now"),
            StoreError::Corrupt { .. } | StoreError::Migration(_) => {
                Self::internal(&format!("the database holds what it should not: {error}"))
            }
        }
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Store(error) => error.into(),
            ActError::Entropy => Self::internal("the operating system has no random bytes"),
            ActError::Gone => Self::not_found(),
            ActError::Stale => Self::stale(),
            ActError::End | ActError::LinkEnd(_) => Self::invalid("expires_at", error.to_string()),
            refused => Self::conflict(refused.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = (status, Json(self)).into_response();
        let mut set = |name, value| {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        set(header::CONTENT_TYPE, "application/problem+json");
        match status {
            StatusCode::UNAUTHORIZED => set(header::WWW_AUTHENTICATE, "Bearer"),
            StatusCode::SERVICE_UNAVAILABLE => set(header::RETRY_AFTER, RETRY_AFTER),
            _ => {}
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
