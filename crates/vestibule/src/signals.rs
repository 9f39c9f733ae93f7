//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Completes on SIGTERM or SIGINT (Ctrl-C). Without signal handlers it never does, and the system's
/// default action ends the process.
pub(crate) async fn stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
