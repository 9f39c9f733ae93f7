//! HTTP/1.1 on one kept connection, and no more of it than the login needs: what the load
//! generator spends is taken from the gateway, which shares the processors.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any answer takes, so that a run always ends.
const LONGEST: Duration = Duration::from_secs(15);
const LARGEST: usize = 256 * 1024;

/// A connection to one peer.
pub(crate) struct Connection {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

/// What a peer answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Connects to a peer on loopback.
    ///
    /// # Errors
    /// When nothing listens there.
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        ensure!(addr.ip().is_loopback(), "the benchmark talks to this machine only, not to {addr}");
        let stream =
            TcpStream::connect(addr).await.with_context(|| format!("connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: addr.to_string(), buffer: Vec::with_capacity(8 * 1024) })
    }

    /// GET; `headers` are whole lines, each with its line end.
    ///
    /// # Errors
    /// When no complete answer comes.
    pub(crate) async fn get(&mut self, path: &str, headers: &str) -> Result<Answer> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.host)).await
    }

    /// POST of a form; `headers` as for [`Connection::get`].
    ///
    /// # Errors
    /// When no complete answer comes.
    pub(crate) async fn post(&mut self, path: &str, headers: &str, form: &str) -> Result<Answer> {
        let length = form.len();
        let (host, kind) = (&self.host, "application/x-www-form-urlencoded");
        self.send(format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-type: {kind}\r\n\
             content-length: {length}\r\n\r\n{form}"
        ))
        .await
    }

    async fn send(&mut self, request: String) -> Result<Answer> {
        let exchange = async {
            self.stream.write_all(request.as_bytes()).await?;
            self.receive().await
        };
        let line = request.split(['?', '\r']).next().unwrap_or_default();
        match tokio::time::timeout(LONGEST, exchange).await {
            Ok(answer) => answer.with_context(|| format!("{line} at {}", self.host)),
            Err(_) => bail!("{line} at {}: no answer in {LONGEST:?}", self.host),
        }
    }

    async fn receive(&mut self) -> Result<Answer> {
        self.buffer.clear();
        loop {
            if let Some((head, length)) = head(&self.buffer)? {
                let end = head.len() + length;
                ensure!(end <= LARGEST, "the answer is larger than any of a login");
                while self.buffer.len() < end {
                    self.more().await?;
                }
                ensure!(self.buffer.len() == end, "more came than was asked for");
                let body = self.buffer.get(head.len()..).unwrap_or_default().to_vec();
                let status = head.get(9..12).and_then(|code| code.parse().ok());
                return Ok(Answer { status: status.context("no status")?, head, body });
            }
            ensure!(self.buffer.len() <= LARGEST, "the head does not end");
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the connection was closed");
        Ok(())
    }
}

/// The complete head, with its empty line, and the length of the body that follows.
fn head(received: &[u8]) -> Result<Option<(String, usize)>> {
    let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8(received.get(..at + 4).unwrap_or_default().to_vec())?;
    let length = header(&head, "content-length").next().context("an answer without length")?;
    let length = length.parse().context("content-length")?;
    Ok(Some((head, length)))
}

fn header<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    head.split("\r\n").skip(1).filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Answer {
    /// The values of a header.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        header(&self.head, name)
    }

    /// Where it redirects to.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn location(&self) -> Result<&str> {
        let target = self.header("location").next();
        target.filter(|_| self.status == 303).with_context(|| self.shown())
    }

    /// The whole answer, for the one that was wrong. Nobody's secrets: it is all made up here.
    pub(crate) fn shown(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(2_000).collect();
        format!("an answer that was not expected:\n{}{body}", self.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_only_with_its_empty_line() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nset-cookie: a=1\r\n\r\nok";
        for length in 0..whole.len() - 2 {
            assert!(head(&whole[..length]).unwrap().is_none(), "{length}");
        }
        let (head, length) = head(whole).unwrap().unwrap();
        assert_eq!((head.len() + length, length), (whole.len(), 2));
        assert_eq!(header(&head, "Set-Cookie").collect::<Vec<_>>(), ["a=1"]);
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
