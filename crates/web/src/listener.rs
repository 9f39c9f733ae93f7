//! The listener: how many may connect, how long each may keep us waiting, and how it ends
//! (docs/adr/0020).
//!
//! - `connection`: one connection, its deadlines and the bounds of both HTTP versions;
//! - `pulse`: what a connection is doing, from which its deadlines follow;
//! - `places`: how many connections there may be, in all and for each address.

mod connection;
mod places;
mod pulse;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::front::tally::Tally;
use crate::gateway::stopped;
use places::Places;

/// How long running requests may take to finish when the gateway stops.
const DRAIN: Duration = Duration::from_secs(30);
/// How long to wait when the system has no descriptor left for a connection.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);
/// What a connection is told that there is no place for.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    cache-control: no-store\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What the listener needs to know.
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// Proxies, behind which many people share one address.
    pub(crate) trusted: Arc<[IpNet]>,
    /// What is counted and logged.
    pub(crate) tally: Arc<Tally>,
}

impl Listener {
    /// Accepts connections until the gateway stops, then waits for those with a running request.
    pub(crate) async fn serve(self, router: Router, stopping: watch::Receiver<bool>) {
        let Self { socket, trusted, tally } = self;
        let places = Places::new(places::descriptors());
        let mut connections = JoinSet::new();
        let stop = stopped(stopping.clone());
        tokio::pin!(stop);
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => continue,
                accepted = socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        rest(&error).await;
                        continue;
                    }
                },
            };
            let behind_proxy = broker::front::client::is_trusted(peer.ip(), &trusted);
            let Some(place) = places.take(peer.ip(), behind_proxy) else {
                tally.count("limit.tripped", "connections");
                refuse(&stream);
                continue;
            };
            let (router, stopping) = (router.clone(), stopping.clone());
            connections.spawn(async move {
                connection::serve(stream, peer, router, stopping).await;
                drop(place);
            });
        }
        // Nobody may connect while the rest finishes.
        drop(socket);
        let finished = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, finished).await.is_err() {
            tracing::warn!("requests were still running after 30 seconds");
            connections.shutdown().await;
        }
    }
}

/// A connection that was gone before it was accepted is nothing; anything else is about the
/// machine, and asking again at once would only burn the processor.
async fn rest(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "connections cannot be accepted");
        tokio::time::sleep(NO_DESCRIPTOR).await;
    }
}

/// Says so, if that can be done at once, and hangs up.
fn refuse(stream: &TcpStream) {
    let _ = stream.try_write(FULL);
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address of ours that a connection was made to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local(pub(crate) SocketAddr);
