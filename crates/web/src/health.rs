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

/// `/readyz`: the database answers, and the master key is the one that it was sealed with.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.store.is_master_key_right().await {
        Ok(true) => (StatusCode::OK, "ready\n"),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "the master key is not this database's\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is away\n"),
    }
}
