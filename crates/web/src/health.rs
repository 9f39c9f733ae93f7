//! Probes: is the process there, and can it serve?

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use store::KeyInForce;

use crate::clock::Clock;
use crate::gateway::App;

/// How long the database may take before a probe is told that it is away: less than probes wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// `/healthz`: the process answers. It does not look at the database, so that a restart of the
/// database does not restart the gateway.
pub(crate) async fn process() -> &'static str {
    "ok\n"
}

/// `/readyz`: it was not told to stop, the database answers, the master key is the one that it was
/// sealed with, and this machine's clock is near the database's, whose time it knows.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(PATIENCE, what_is_wrong(&app)).await {
        Ok(None) => (StatusCode::OK, "ready\n"),
        Ok(Some(reason)) => (StatusCode::SERVICE_UNAVAILABLE, reason),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is away\n"),
    }
}

async fn what_is_wrong(app: &App) -> Option<&'static str> {
    if app.leaving.load(Ordering::Relaxed) {
        return Some("stopping\n");
    }
    match app.store.master_key_in_force().await {
        Ok(KeyInForce::Here) if !Clock::is_compared() => {
            Some("the database's time is not known yet\n")
        }
        Ok(KeyInForce::Here) => {
            let skew = Clock::intolerable_skew();
            skew.map(|_| "the clock is off by more than five seconds\n")
        }
        Ok(KeyInForce::Elsewhere) => Some("the master key is not this database's\n"),
        Ok(KeyInForce::PreviousNeeded) => Some("the previous master key is still needed\n"),
        Err(_) => Some("the database is away\n"),
    }
}
