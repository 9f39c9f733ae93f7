//! Probes: is the process there, and can it serve?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::gateway::App;

/// `/healthz`: the process answers. It does not look at the database, so that a restart of the
/// database does not restart the gateway.
pub(crate) async fn process() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database answers.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is away\n"),
    }
}
