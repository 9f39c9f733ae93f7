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
    match whole(body, front.stopping.clone()).await {
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

async fn whole(body: Body, stopping: watch::Receiver<bool>) -> Result<Bytes, Refusal> {
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > LARGEST {
        return Err(Refusal::BodyTooLarge);
    }
    let collected = tokio::select! {
        collected = Limited::new(body, LARGEST).collect() => collected,
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
