//! What a page of another site may send us (THREATS BR-05).
//!
//! Everything that changes something and is not in the table below has to come from a page of ours:
//! a browser says so in `Sec-Fetch-Site`, or in `Origin`. Whoever sends neither is no browser, or
//! one without cookies for us. A new route is therefore refused to other sites until it is listed.
//!
//! What people visit is for windows and frames: no page of any site may load it as an image or by a
//! script.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use broker::front::host::PublicHost;
use tower::{Layer as _, ServiceExt as _};
use tower_http::csrf::CsrfLayer;

use super::Front;
use super::refuse::Refusal;

/// The last segment of a path under an issuer that other sites may post to, and why.
const OPEN: [(&str, &str); 9] = [
    ("authorize", "applications may post their request [OIDCC-3.1.2.1]; it gives what GET gives"),
    ("callback", "a directory posts its answer; `state` and the attempt's cookie bind it"),
    ("token", "reads no cookie; the client authenticates itself"),
    ("introspect", "reads no cookie; the client authenticates itself"),
    ("revoke", "reads no cookie; the client authenticates itself"),
    ("par", "reads no cookie; the client authenticates itself"),
    ("userinfo", "reads no cookie; the access token is in the request"),
    ("logout", "applications may post it [OIDCRP-2]; what ends a session proves itself besides"),
    ("backchannel-logout", "reads no cookie; the token is signed by the directory"),
];

/// The last segment of a path under an issuer that people visit. As an image or by a script of a page
/// it would act all the same, with their cookies: begin a sign-in that pushes out another, use up an
/// answer or a link, end a session (THREATS BR-05, BR-09, BR-10).
const VISITED: [&str; 5] = ["authorize", "callback", "test", "staff", "logout"];

/// The library's check, which trusts our own origin.
pub(super) fn layer(public: &PublicHost) -> Option<CsrfLayer> {
    CsrfLayer::new().add_trusted_origin(public.origin()).ok()
}

/// Refuses what a page of another site may not send.
pub(super) async fn guard(
    State((front, origins)): State<(Arc<Front>, Option<CsrfLayer>)>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if is_visited(path) && !is_visit(request.headers()) {
        return front.refused(path, Refusal::CrossSite);
    }
    if is_open(path) {
        return next.run(request).await;
    }
    let path = path.to_owned();
    let passed = match origins {
        Some(origins) => origins.layer(next).oneshot(request).await.ok(),
        None => None,
    };
    match passed {
        Some(response) if !was_refused(&response) => response,
        _ => front.refused(&path, Refusal::CrossSite),
    }
}

/// Whether a window or a frame asks, as far as the browser says.
fn is_visit(headers: &HeaderMap) -> bool {
    const VISITS: [&str; 6] = ["document", "iframe", "frame", "fencedframe", "embed", "object"];
    let dest = headers.get("sec-fetch-dest").and_then(|value| value.to_str().ok());
    dest.is_none_or(|dest| VISITS.contains(&dest))
}

fn is_visited(path: &str) -> bool {
    path.starts_with("/t/") && path.rsplit('/').next().is_some_and(|last| VISITED.contains(&last))
}

fn was_refused(response: &Response) -> bool {
    response.extensions().get::<tower_http::csrf::ProtectionError>().is_some()
}

fn is_open(path: &str) -> bool {
    path.starts_with("/t/")
        && path.rsplit('/').next().is_some_and(|last| OPEN.iter().any(|(open, _)| *open == last))
}
