//! The only route table.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::gateway::App;
use crate::login::{authorize, finish, token, userinfo};
use crate::{health, page, test_login, well_known};

/// The largest body of any endpoint; a token request has a few hundred bytes, a `form_post` answer
/// of a directory a few thousand (THREATS AZ-15, TK-14).
const MAX_BODY: usize = 64 * 1024;
/// The longest a request may take: the egress client's ten seconds for each of three calls at the
/// directory, and the database's.
const TIMEOUT: Duration = Duration::from_secs(45);

/// Every route, with what holds for all of them.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/t/{tenant}/.well-known/openid-configuration", get(well_known::discovery))
        .route("/.well-known/oauth-authorization-server/t/{tenant}", get(well_known::discovery))
        .route("/t/{tenant}/jwks", get(well_known::jwks))
        .route("/t/{tenant}/authorize", get_and_post(authorize::authorize))
        .route("/t/{tenant}/directories/{directory}/callback", get_and_post(finish::callback))
        .route("/t/{tenant}/directories/{directory}/test", get(test_login::open))
        .route("/t/{tenant}/token", post(token::token))
        .route("/t/{tenant}/userinfo", get_and_post(userinfo::userinfo))
        .route("/healthz", get(health::process))
        .route("/readyz", get(health::ready))
        .fallback(async || page::not_found())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .with_state(app)
}

fn get_and_post<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: axum::handler::Handler<T, Arc<App>>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}

/// Our code does not panic (the lints see to that); if a library does, one request ends and
/// nothing of the panic's text leaves.
fn after_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
