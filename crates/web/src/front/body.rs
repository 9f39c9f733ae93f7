//! The body of a request: read before anything else happens, within its bounds of size and time,
//! so that a slow sender holds a connection and nothing more (THREATS RX-01, TK-14).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::watch;

use super::Front;
use super::refuse::Refusal;
use crate::gateway::stopped;

/// The largest body of any endpoint; a token request has a few hundred bytes, a `form_post` answer
/// of a directory a few thousand (THREATS AZ-15, TK-14).
pub(crate) const LARGEST: usize = 64 * 1024;
/// The largest where a logo is sent: the file, and a form around it.
pub(crate) const LARGEST_LOGO: usize = admin::logo::MAX_BYTES + 4 * 1024;
/// How long it may take to arrive.
const ARRIVES: Duration = Duration::from_secs(15);
/// How long it may still take when the gateway stops.
const ARRIVES_WHEN_STOPPING: Duration = Duration::from_secs(2);

/// The body, for those who look at a request after its handler had it.
#[derive(Debug, Clone)]
pub(crate) struct Whole(pub(crate) Bytes);

/// Reads the body, then lets the request go on.
pub(super) async fn read(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    match whole(body, largest(parts.uri.path()), front.stopping.clone()).await {
        Ok(bytes) => {
            parts.extensions.insert(Whole(bytes.clone()));
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
        Err(refusal) => {
            let mut response = front.refused(parts.uri.path(), refusal);
            // The rest of the body is not wanted, so nothing can follow it.
            if parts.version < http::Version::HTTP_2 {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            response
        }
    }
}

/// The largest body of a path.
fn largest(path: &str) -> usize {
    let below = |root: &str, end: &str| {
        let tenant = path.strip_prefix(root).and_then(|rest| rest.strip_suffix(end));
        tenant.is_some_and(|tenant| !tenant.contains('/'))
    };
    let is_logo = below("/api/v1/tenants/", "/logo") || below("/dashboard/t/", "/settings/logo");
    if is_logo { LARGEST_LOGO } else { LARGEST }
}

async fn whole(
    body: Body,
    largest: usize,
    stopping: watch::Receiver<bool>,
) -> Result<Bytes, Refusal> {
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > largest {
        return Err(Refusal::BodyTooLarge);
    }
    let collected = tokio::select! {
        collected = Limited::new(body, largest).collect() => collected,
        () = tokio::time::sleep(ARRIVES) => return Err(Refusal::BodyTooSlow),
        () = hurry(stopping) => return Err(Refusal::BodyTooSlow),
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Err(_) => Err(Refusal::BodyBroken),
    }
}

async fn hurry(stopping: watch::Receiver<bool>) {
    stopped(stopping).await;
    tokio::time::sleep(ARRIVES_WHEN_STOPPING).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_01_only_a_logo_may_be_large() {
        for path in ["/api/v1/tenants/acme/logo", "/dashboard/t/acme/settings/logo"] {
            assert_eq!(largest(path), LARGEST_LOGO, "{path}");
        }
        for path in [
            "/t/acme/logo",
            "/t/acme/token",
            "/api/v1/tenants/logo",
            "/api/v1/tenants/acme/directories/logo",
            "/dashboard/t/acme/settings",
            "/dashboard/t/acme/applications/settings/logo",
            "/dashboard/t/acme/settings/logo/remove",
        ] {
            assert_eq!(largest(path), LARGEST, "{path}");
        }
    }
}
