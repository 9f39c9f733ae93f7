//! A small HTTP server on one socket that stops when its handle is dropped.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::serve::ListenerExt as _;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower_http::timeout::TimeoutLayer;

/// A form post with an ID token and an 8 KB state stays far below.
const LARGEST_BODY: usize = 64 * 1024;
/// The application's callback itself asks the gateway, each time for at most ten seconds.
const LONGEST_REQUEST: Duration = Duration::from_secs(45);
/// How long [`Running::stop`] waits for requests under way.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// A running server. Dropping it makes it stop.
#[derive(Debug)]
pub(crate) struct Running {
    /// Nothing is ever sent: the server waits for this end to go away.
    alive: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Stops accepting, waits a little for the requests under way, and ends.
    pub(crate) async fn stop(self) {
        drop(self.alive);
        let ending = self.task.abort_handle();
        if tokio::time::timeout(LONGEST_STOP, self.task).await.is_err() {
            ending.abort();
        }
    }
}

/// Binds the socket; port 0 picks a free one.
pub(crate) async fn bind(listen: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen).await?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

/// Serves `router` until the handle is dropped.
pub(crate) fn run(listener: TcpListener, router: Router) -> Running {
    let router = router
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST_REQUEST));
    let listener = listener.tap_io(|stream| {
        if let Err(cause) = stream.set_nodelay(true) {
            tracing::debug!(%cause, "answers may wait for Nagle's algorithm");
        }
    });
    let (alive, ended) = oneshot::channel();
    let task = tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(async move {
                // Both outcomes mean that the handle is gone.
                let _: Result<(), oneshot::error::RecvError> = ended.await;
            })
            .await
    });
    Running { alive, task }
}
