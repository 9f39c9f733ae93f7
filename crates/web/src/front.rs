//! What every request passes before and after its handler, and what it may not be.
//!
//! From the outside in: headers that every answer has; a panic becomes a 500; [`head`], [`path`] and
//! [`mod@host`] refuse what cannot be meant for us; [`origin`] refuses what another site's page sends;
//! [`body`] reads the body within its bounds; then a place among the running requests, the longest
//! time, and [`throttle`], which counts failures by address and application. [`peer`] says whose
//! address that is, [`tally`] keeps the log short in a flood, [`language`] has refusals speak that of
//! whoever reads them.

pub(crate) mod body;
pub(crate) mod head;
pub(crate) mod host;
mod language;
pub(crate) mod origin;
pub(crate) mod peer;
mod refuse;
pub(crate) mod tally;
#[cfg(test)]
mod tests;
pub(crate) mod throttle;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use broker::front::host::{PublicHost, Whom};
use broker::front::path;
use ipnet::IpNet;
use tokio::sync::{Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::api::Problem;
use crate::hosts::Hosts;
use refuse::{Refusal, refuse};
use tally::Tally;
use throttle::Throttle;

/// The longest a request may take: the egress client's ten seconds for each of three calls at the
/// directory, and the database's.
const TIMEOUT: Duration = Duration::from_secs(45);
/// The most requests that run at a time; one more is told to come back (THREATS F-28). The database
/// has ten connections, so these are mostly those that wait for a directory.
const RUNNING: usize = 2_048;
/// What holds for every answer that says nothing else: it is not kept, not guessed at, not framed,
/// runs nothing, and its address goes nowhere (THREATS BR-06, BR-08).
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// What the front knows.
pub(crate) struct Front {
    pub(crate) public: PublicHost,
    pub(crate) trusted: Arc<[IpNet]>,
    pub(crate) throttle: Throttle,
    pub(crate) tally: Arc<Tally>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// Which other hosts are tenants'; `None`: none is.
    hosts: Option<Hosts>,
    running: Semaphore,
}

impl Front {
    pub(crate) fn new(
        public: PublicHost,
        trusted: Arc<[IpNet]>,
        tally: Arc<Tally>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let running = Semaphore::new(RUNNING);
        Self {
            public,
            trusted,
            throttle: Throttle::default(),
            tally,
            stopping,
            hosts: None,
            running,
        }
    }

    /// The same with hosts of tenants.
    pub(crate) fn with_hosts(self, hosts: Hosts) -> Self {
        Self { hosts: Some(hosts), ..self }
    }

    /// Counts a refusal and answers it.
    fn refused(&self, path: &str, refusal: Refusal) -> Response {
        self.tally.count(refusal.event(), refusal.kind());
        refuse(path, refusal)
    }
}

/// Puts the front before a table of routes. A route is looked for once the front is passed, by the
/// address that it may have turned.
pub(crate) fn before(routes: Router, front: &Arc<Front>) -> Router {
    let origins = origin::layer(&front.public);
    let guarded = Router::new()
        .fallback_service(routes)
        .layer(from_fn_with_state(Arc::clone(front), throttle::throttle))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(from_fn_with_state(Arc::clone(front), admit))
        .layer(DefaultBodyLimit::max(body::LARGEST_LOGO))
        .layer(from_fn_with_state(Arc::clone(front), body::read))
        .layer(from_fn_with_state((Arc::clone(front), origins), origin::guard))
        .layer(from_fn_with_state(Arc::clone(front), check))
        .layer(from_fn(language::tell))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn(explain));
    ALWAYS.into_iter().fold(guarded, |router, (name, value)| {
        let value = HeaderValue::from_static(value);
        router.layer(SetResponseHeaderLayer::if_not_present(name, value))
    })
}

/// Refuses what cannot be meant for us, before anything of it is used (THREATS HP-01, HP-03).
async fn check(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let refused = head::check(request.uri(), request.headers())
        .and_then(|()| path::is_clear(path).then_some(()).ok_or(Refusal::NoSuchPath))
        .and_then(|()| host::check(&request, &front.public));
    let whom = match refused {
        Ok(whom) => whom,
        Err(refusal) => return front.refused(path, refusal),
    };
    let client = peer::client(&request, &front.trusted);
    if let Whom::Host(name) = whom {
        let turned = match &front.hosts {
            Some(hosts) => host::turn(&mut request, name, hosts, client).await,
            None => Err(Refusal::Misdirected),
        };
        if let Err(refusal) = turned {
            return front.refused(request.uri().path(), refusal);
        }
    }
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// Lets a request run if there is a place for it.
async fn admit(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let Ok(_place) = front.running.try_acquire() else {
        return front.refused(request.uri().path(), Refusal::Busy);
    };
    next.run(request).await
}

/// Says to a program what the layers below have no words for: that a request took too long, or
/// panicked.
async fn explain(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    if !is_api || response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    match response.status() {
        StatusCode::GATEWAY_TIMEOUT => Problem::too_slow().into_response(),
        StatusCode::INTERNAL_SERVER_ERROR => Problem::panicked().into_response(),
        _ => response,
    }
}

/// Our code does not panic (the lints see to that); if a library does, one request ends and
/// nothing of the panic's text leaves.
fn after_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request panicked");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
