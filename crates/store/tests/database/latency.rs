//! A way to the database that takes its time, in either direction: what makes the moments wide in
//! which a caller may stop waiting.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// A proxy on a port of loopback.
pub(crate) struct Proxy {
    /// The database's URL, through it.
    pub(crate) url: String,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(url: &str, latency: Duration) -> Self {
        let direct = url::Url::parse(url).unwrap();
        let port = direct.port().unwrap_or(5432);
        let socket = direct.query_pairs().find(|(name, _)| name == "host");
        let socket = socket.map(|(_, directory)| format!("{directory}/.s.PGSQL.{port}"));
        let address = (direct.host_str().unwrap().to_owned(), port);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut through = direct.clone();
        through.set_query(None);
        through.set_host(Some("127.0.0.1")).unwrap();
        through.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (from_client, to_client) = client.into_split();
                if let Some(path) = &socket {
                    let Ok(server) = UnixStream::connect(path).await else { continue };
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(carry(from_client, to_server, latency));
                    tokio::spawn(carry(from_server, to_client, latency));
                } else {
                    let Ok(server) = TcpStream::connect(address.clone()).await else { continue };
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(carry(from_client, to_server, latency));
                    tokio::spawn(carry(from_server, to_client, latency));
                }
            }
        });
        Self { url: through.into(), accepting }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    latency: Duration,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        tokio::time::sleep(latency).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
