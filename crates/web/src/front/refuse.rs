//! How the front refuses a request: a page for people, JSON for machines, and nothing that the
//! request said.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::api::Problem;
use crate::page::{Fixed, Turned};

/// The endpoints that machines call: the last segment of their path.
const MACHINES: [&str; 8] =
    ["token", "userinfo", "jwks", "introspect", "revoke", "par", "backchannel-logout", "api"];

/// Why the front refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The address is too long.
    UriTooLong,
    /// The header fields are.
    FieldsTooLarge,
    /// The body is.
    BodyTooLarge,
    /// The body did not come in time.
    BodyTooSlow,
    /// The body cannot be read.
    BodyBroken,
    /// No path of ours looks like this.
    NoSuchPath,
    /// There is no host, there are two, or it cannot be one.
    HostMalformed,
    /// It is for another host.
    Misdirected,
    /// A page of another site sent it.
    CrossSite,
    /// Too many failed, of this address; in so many seconds again.
    TooMany(u64),
    /// Too much is running.
    Busy,
}

impl Refusal {
    /// The event's name in the log.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::NoSuchPath | Self::HostMalformed | Self::Misdirected | Self::BodyBroken => {
                "http.rejected"
            }
            Self::CrossSite => "csrf.rejected",
            _ => "limit.tripped",
        }
    }

    /// What it is about, in the log and for machines.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::UriTooLong => "uri_too_long",
            Self::FieldsTooLarge => "header_fields_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyBroken => "body_broken",
            Self::NoSuchPath => "not_found",
            Self::HostMalformed => "host_malformed",
            Self::Misdirected => "misdirected",
            Self::CrossSite => "cross_site",
            Self::TooMany(_) => "too_many_failures",
            Self::Busy => "temporarily_unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::FieldsTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken | Self::HostMalformed => StatusCode::BAD_REQUEST,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn retry_after(self) -> Option<u64> {
        match self {
            Self::TooMany(seconds) => Some(seconds),
            Self::Busy => Some(1),
            _ => None,
        }
    }

    fn page(self) -> Response {
        let status = self.status();
        let page = match self {
            Self::NoSuchPath => Fixed::NotFound,
            Self::Misdirected => Fixed::TurnedAway(status, Turned::Misdirected),
            Self::TooMany(_) => Fixed::TurnedAway(status, Turned::TooMany),
            Self::Busy => Fixed::TurnedAway(status, Turned::Busy),
            _ => Fixed::TurnedAway(status, Turned::Unreadable),
        };
        page.into_response()
    }
}

/// Whether machines call this path.
pub(super) fn is_for_machines(path: &str) -> bool {
    // Below the dashboard a tenant or an application may be called as they are.
    let is_page = path == "/dashboard" || path.starts_with("/dashboard/");
    !is_page && path.rsplit('/').next().is_some_and(|last| MACHINES.contains(&last))
        || path.starts_with("/api/")
        || path.starts_with("/.well-known/")
}

/// Answers a refusal.
pub(super) fn refuse(path: &str, refusal: Refusal) -> Response {
    let mut response = if path.starts_with("/api/") {
        Problem::turned_away(refusal.status(), refusal.kind()).into_response()
    } else if is_for_machines(path) {
        (refusal.status(), Json(json!({ "error": refusal.kind() }))).into_response()
    } else {
        refusal.page()
    };
    if let Some(seconds) = refusal.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
