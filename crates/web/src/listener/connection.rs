//! One connection, from its first octet to its last.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use http::Version;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::pulse::{Pulse, Running};
use super::{Local, Peer};
use crate::front::head;
use crate::gateway::stopped;

/// How long a connection without a running request has to take its leave.
const GRACE: Duration = Duration::from_secs(1);
/// The most requests at a time over one connection of HTTP/2.
const STREAMS: u32 = 100;
/// What an HTTP/2 peer may send before we read it: of one stream, and of all of them.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What waits for a peer that does not read.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a peer opened and reset before we saw them, and that we reset ourselves, at most:
/// more of either ends the connection (THREATS RX-02).
const RESETS: usize = 20;
const OUR_RESETS: usize = 200;
/// A peer of HTTP/2 that is gone without a word is noticed by a ping, this often.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);

/// Serves a connection until it ends, keeps us waiting too long, or the gateway stops.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stopping: watch::Receiver<bool>,
) {
    let Ok(local) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let pulse = Pulse::new(Instant::now());
    let io = TokioIo::new(Watched { stream, pulse: pulse.clone() });
    let service = {
        let pulse = pulse.clone();
        tower::service_fn(move |request: http::Request<Incoming>| {
            let running = pulse.begin(Instant::now(), request.version() == Version::HTTP_2);
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(Local(local));
            let answer = router.clone().oneshot(request);
            async move { answer.await.map(|answer| answer.map(|body| Answer { body, running })) }
        })
    };
    let builder = builder();
    let connection = builder.serve_connection(io, TowerToHyperService::new(service));
    tokio::pin!(connection);
    let alarm = tokio::time::sleep_until(pulse.deadline());
    tokio::pin!(alarm);
    let stop = stopped(stopping);
    tokio::pin!(stop);
    let mut leaving = None;
    loop {
        tokio::select! {
            // What a peer did wrong is between it and hyper, and answered there.
            _ = connection.as_mut() => return,
            () = &mut alarm => {}
            () = &mut stop, if leaving.is_none() => {
                connection.as_mut().graceful_shutdown();
                leaving = Some(Instant::now());
            }
        }
        let now = Instant::now();
        let deadline = match leaving {
            Some(since) if !pulse.is_running() => since + GRACE,
            _ => pulse.deadline(),
        };
        if now < deadline {
            // Once we leave, a request that ends late must not keep the connection.
            alarm.as_mut().reset(if leaving.is_some() {
                deadline.min(now + GRACE)
            } else {
                deadline
            });
            continue;
        }
        if leaving.is_some() || pulse.is_waiting_for_head() {
            return;
        }
        connection.as_mut().graceful_shutdown();
        leaving = Some(now);
        alarm.as_mut().reset(now + GRACE);
    }
}

/// The bounds of both versions. hyper's own timeout for a head is off: `pulse` has it, and tells
/// slow from idle. The timer is what the pings run on.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(head::MOST_FIELDS)
        .max_buf_size(head::LARGEST);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(head::LARGEST).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(OUR_RESETS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    builder
}

/// A stream whose pulse is felt when octets arrive.
struct Watched {
    stream: TcpStream,
    pulse: Pulse,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pulse.octets(Instant::now());
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The body of an answer; the request runs until it is handed over.
struct Answer {
    body: Body,
    #[expect(dead_code, reason = "what matters is when it is dropped")]
    running: Running,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
