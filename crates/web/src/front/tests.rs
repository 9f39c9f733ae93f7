//! The whole front before routes that misbehave in ways that ours cannot be made to.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use broker::front::host::PublicHost;
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::tally::Tally;
use super::{ALWAYS, Front, RUNNING, before};

/// A body that never comes.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Poll::Pending
    }
}

fn front() -> (Arc<Front>, watch::Sender<bool>) {
    let (stop, stopping) = watch::channel(false);
    let public = PublicHost::of("https://login.example.org").unwrap();
    let tally = Arc::new(Tally::default());
    (Arc::new(Front::new(public, Arc::from([]), tally, stopping)), stop)
}

fn ask(path: &str) -> Request {
    Request::builder().uri(path).header("host", "login.example.org").body(Body::empty()).unwrap()
}

fn assert_headers(response: &Response) {
    let headers: &HeaderMap = response.headers();
    for (name, value) in ALWAYS {
        let found = headers.get(&name).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let same = found == value || name == "content-security-policy" && found.starts_with("def");
        assert!(same, "{name}: {found}");
    }
}

#[tokio::test]
async fn rx_06_a_panic_ends_its_own_request_and_no_other() {
    let poisoned = Arc::new(Mutex::new(0));
    let held = Arc::clone(&poisoned);
    let panics = async move || -> &'static str {
        let _guard = held.lock();
        panic!("secret words")
    };
    let (front, _stop) = front();
    let routes = Router::new().route("/panics", get(panics)).route("/works", get(async || "fine"));
    let service = before(routes, &front);
    for _ in 0..3 {
        let response = service.clone().oneshot(ask("/panics")).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_headers(&response);
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        assert!(body.is_empty(), "nothing of the panic leaves");
        let response = service.clone().oneshot(ask("/works")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

/// A program is told what became of a request that panicked or took too long, and nothing of why.
#[tokio::test]
async fn rx_06_programs_are_told_of_panics_and_of_what_took_too_long() {
    let (front, _stop) = front();
    let routes = Router::new()
        .route("/api/v1/panics", get(async || -> &'static str { panic!("secret words") }))
        // As the layer that gives up has it.
        .route("/api/v1/waits", get(async || StatusCode::GATEWAY_TIMEOUT))
        .route("/waits", get(async || StatusCode::GATEWAY_TIMEOUT));
    let service = before(routes, &front);
    for (path, status, kind) in [
        ("/api/v1/panics", 500, "internal"),
        ("/api/v1/waits", 504, "too_slow"),
        ("/waits", 504, ""),
    ] {
        let response = service.clone().oneshot(ask(path)).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_headers(&response);
        let media = response.headers().get("content-type").map(|it| it.to_str().unwrap());
        assert_eq!(media, (!kind.is_empty()).then_some("application/problem+json"), "{path}");
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.contains(kind) && !body.contains("secret words"), "{body}");
    }
}

#[tokio::test]
async fn rx_06_panics_give_back_their_places() {
    let (front, _stop) = front();
    let routes = Router::new().route("/panics", get(async || -> &'static str { panic!("no") }));
    let service = before(routes, &front);
    for _ in 0..10 {
        service.clone().oneshot(ask("/panics")).await.unwrap();
    }
    assert_eq!(front.running.available_permits(), RUNNING);
}

#[tokio::test]
async fn rx_01_a_body_has_fifteen_seconds_and_two_when_the_gateway_stops() {
    for (stops, limit) in [(false, 15), (true, 2)] {
        let (front, stop) = front();
        let routes = Router::new().route("/t/a/token", post(async |_: Bytes| "read"));
        let request = Request::builder()
            .method("POST")
            .uri("/t/a/token")
            .header("host", "login.example.org")
            .body(Body::new(Never))
            .unwrap();
        stop.send(stops).unwrap();
        let began = tokio::time::Instant::now();
        let response = before(routes, &front).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(began.elapsed().as_secs(), limit);
        assert_headers(&response);
    }
}

#[tokio::test]
async fn f_28_requests_beyond_the_places_are_told_to_come_back() {
    let (front, _stop) = front();
    let _all = front.running.acquire_many(u32::try_from(RUNNING).unwrap()).await.unwrap();
    let routes = Router::new().route("/t/a/token", get(async || "no"));
    let service = before(routes, &front);
    for path in ["/t/a/token", "/elsewhere"] {
        let response = service.clone().oneshot(ask(path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(response.headers()["retry-after"], "1");
        assert_headers(&response);
    }
}
