//! A socket between a gateway and its database that counts round trips as they pass.
//!
//! The messages of the client are enough: each `Sync` of the extended protocol ends something that
//! is answered, and each simple `Query` is. The gateway's statements are of the first kind. A
//! `Query`, and a `Sync` with nothing before it, come from the pool, which asks connections that
//! are handed back whether they are alive and clean; nobody waits for those.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// The name of the socket in its directory, which drivers expect.
pub(crate) const SOCKET: &str = ".s.PGSQL.5432";
/// The first message of a connection has no type but a code instead of one.
const HEADLESS: usize = 4;

/// What has passed so far.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    statements: AtomicU64,
    checks: AtomicU64,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Round trips of statements.
    pub(crate) statements: u64,
    /// Round trips that look after connections.
    pub(crate) checks: u64,
}

/// The socket; dropping it stops new connections.
pub(crate) struct Wire {
    pub(crate) counter: Arc<Counter>,
    task: JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Counter {
    /// The numbers now.
    pub(crate) fn passed(&self) -> Passed {
        Passed {
            statements: self.statements.load(Ordering::Relaxed),
            checks: self.checks.load(Ordering::Relaxed),
        }
    }

    fn count(&self, end: End) {
        match end {
            End::Statement => self.statements.fetch_add(1, Ordering::Relaxed),
            End::Check => self.checks.fetch_add(1, Ordering::Relaxed),
        };
    }
}

impl Passed {
    /// What passed since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            statements: self.statements.saturating_sub(before.statements),
            checks: self.checks.saturating_sub(before.checks),
        }
    }
}

impl Wire {
    /// Listens in `socket_dir` and passes everything on to the server's socket.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn listen(socket_dir: &Path, server: PathBuf) -> Result<Self> {
        let listener = UnixListener::bind(socket_dir.join(SOCKET)).context("a socket")?;
        let counter = Arc::new(Counter::default());
        let counting = Arc::clone(&counter);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&server).await else { continue };
                let (mut from_server, to_server) = server.into_split();
                let (from_client, mut to_client) = client.into_split();
                tokio::spawn(
                    async move { tokio::io::copy(&mut from_server, &mut to_client).await },
                );
                tokio::spawn(count(from_client, to_server, Arc::clone(&counting)));
            }
        });
        Ok(Self { counter, task })
    }
}

/// Passes the client's octets on. A connection that breaks has been counted up to there.
async fn count(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    counter: Arc<Counter>,
) -> std::io::Result<()> {
    let mut messages = Messages::default();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return server.shutdown().await;
        }
        let octets = buffer.get(..read).unwrap_or_default();
        // Counted before it is passed on: by the time of an answer it is in the numbers.
        messages.read(octets, |end| counter.count(end));
        server.write_all(octets).await?;
    }
}

/// What a round trip was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Statement,
    Check,
}

/// Finds the messages in a stream that comes in pieces.
#[derive(Debug, Default)]
struct Messages {
    started: bool,
    /// Whether there is something for the next `Sync` to end.
    pending: bool,
    head: Vec<u8>,
    body_left: usize,
}

impl Messages {
    fn read(&mut self, mut octets: &[u8], mut found: impl FnMut(End)) {
        while !octets.is_empty() {
            if self.body_left > 0 {
                let (_, rest) = octets.split_at(self.body_left.min(octets.len()));
                self.body_left -= octets.len() - rest.len();
                octets = rest;
                continue;
            }
            let Some((first, rest)) = octets.split_first() else { return };
            self.head.push(*first);
            octets = rest;
            let head_length = HEADLESS + usize::from(self.started);
            if self.head.len() == head_length {
                let length = self.head.iter().skip(usize::from(self.started));
                let length = length.fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
                self.body_left = length.saturating_sub(4);
                if self.started
                    && let Some(end) = self.end()
                {
                    found(end);
                }
                // A request for TLS (of 8 octets) is answered by a refusal and a second start.
                self.started = self.started || length != 8;
                self.head.clear();
            }
        }
    }

    /// What the message that begins here ends, if anything.
    fn end(&mut self) -> Option<End> {
        let pending = std::mem::take(&mut self.pending);
        match self.head.first() {
            Some(b'S') if pending => Some(End::Statement),
            Some(b'S' | b'Q') => Some(End::Check),
            _ => {
                self.pending = true;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(stream: &[u8], piece: usize) -> Vec<End> {
        let (mut messages, mut ends) = (Messages::default(), Vec::new());
        for octets in stream.chunks(piece) {
            messages.read(octets, |end| ends.push(end));
        }
        ends
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        // A request for TLS, a start, then B (with an S inside), S, another S, Q.
        let stream = [
            &[0, 0, 0, 8, 4, 210, 22, 47][..],
            &[0, 0, 0, 10, 0, 3, 0, 0, b'S', b'S'],
            &[b'B', 0, 0, 0, 6, b'S', b'S', b'S', 0, 0, 0, 4, b'S', 0, 0, 0, 4],
            &[b'Q', 0, 0, 0, 5, 0],
        ]
        .concat();
        for piece in 1..=stream.len() {
            assert_eq!(ends(&stream, piece), [End::Statement, End::Check, End::Check], "{piece}");
        }
    }
}
