//! A wire between a node and Postgres that can be cut, muted, moved to another server: what a
//! network, a virtual address, or a kill at the worst moment does.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It arrives.
    Pass,
    /// Nothing arrives, and nobody is told: packets are dropped.
    Silent,
    /// Questions arrive and answers do not.
    Mute,
    /// Connections are not made.
    Refuse,
}

/// What becomes of the connections that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// They are closed.
    Closed,
    /// They stay open and are silent for ever, as those to a machine that is gone.
    Stranded,
}

#[derive(Debug, Clone)]
struct State {
    server: PathBuf,
    mode: Mode,
    generation: u64,
    /// Connections of an earlier generation are closed.
    closed_before: u64,
    /// Those of an earlier one than this are silent.
    stranded_before: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Toward {
    Server,
    Client,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Shut,
    Closed,
}

impl State {
    fn gate(&self, born: u64, toward: Toward) -> Gate {
        if born < self.closed_before {
            return Gate::Closed;
        }
        if born < self.stranded_before {
            return Gate::Shut;
        }
        match (self.mode, toward) {
            (Mode::Silent, _) | (Mode::Mute, Toward::Client) => Gate::Shut,
            _ => Gate::Open,
        }
    }
}

/// The wire.
pub(crate) struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// A wire to the server that listens on this socket.
    pub(crate) async fn to(server: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let server = server.to_owned();
        let mode = Mode::Pass;
        let state = State { server, mode, generation: 1, closed_before: 0, stranded_before: 0 };
        let (state, watching) = watch::channel(state);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, watching.clone()));
            }
        });
        Ok(Self { port, state, serving })
    }

    /// A wire to the server of a database, and that database by way of it.
    pub(crate) async fn before(database_url: &str) -> Result<(Self, String)> {
        let proxy = Self::to(&socket_of(database_url)?).await?;
        let url = proxy.url(database_url)?;
        Ok((proxy, url))
    }

    /// The same database by way of this wire.
    pub(crate) fn url(&self, database_url: &str) -> Result<String> {
        let url = Url::parse(database_url)?;
        let (user, password) = (url.username(), url.password().unwrap_or_default());
        let (port, database) = (self.port, url.path());
        Ok(format!("postgres://{user}:{password}@127.0.0.1:{port}{database}?sslmode=disable"))
    }

    /// What happens from now on, to open connections too.
    pub(crate) fn set(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }

    /// Ends the open connections, one way or the other.
    pub(crate) fn cut(&self, open: Open) {
        self.state.send_modify(|state| state.leave(open));
    }

    /// New connections lead to another server.
    pub(crate) fn lead_to(&self, server: &Path, open: Open) {
        self.state.send_modify(|state| {
            server.clone_into(&mut state.server);
            state.leave(open);
        });
    }
}

impl State {
    fn leave(&mut self, open: Open) {
        self.generation += 1;
        match open {
            Open::Closed => self.closed_before = self.generation,
            Open::Stranded => self.stranded_before = self.generation,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The socket that a URL of the test server names.
pub(crate) fn socket_of(database_url: &str) -> Result<PathBuf> {
    let url = Url::parse(database_url)?;
    let port = url.port().unwrap_or(5432);
    let named = url.query_pairs().find(|(name, _)| name == "host").map(|(_, dir)| dir.into_owned());
    let dir = match named {
        Some(dir) => dir,
        None => url.host_str().context("no host")?.replace("%2F", "/").replace("%2E", "."),
    };
    let dir = dir.replace("%2D", "-").replace("%5F", "_");
    Ok(Path::new(&dir).join(format!(".s.PGSQL.{port}")))
}

async fn carry(mut client: TcpStream, mut state: watch::Receiver<State>) {
    let (born, mode) = {
        let now = state.borrow();
        (now.generation, now.mode)
    };
    if mode == Mode::Refuse || !may_pass(&mut state, born, Toward::Server).await {
        return;
    }
    let server = state.borrow().server.clone();
    let Ok(mut server) = UnixStream::connect(server).await else { return };
    let _small_messages_leave_at_once = client.set_nodelay(true);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let ended = state.clone();
    tokio::select! {
        () = pump(from_client, to_server, (born, Toward::Server), state.clone()) => {}
        () = pump(from_server, to_client, (born, Toward::Client), state) => {}
        () = closed(ended, born) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (born, toward): (u64, Toward),
    mut state: watch::Receiver<State>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or_default();
        // The end of a connection is a packet too.
        if !may_pass(&mut state, born, toward).await || read == 0 {
            return;
        }
        let piece = buffer.get(..read).unwrap_or_default();
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}

/// Waits until something may pass; `false` when nothing ever will.
async fn may_pass(state: &mut watch::Receiver<State>, born: u64, toward: Toward) -> bool {
    let open = state.wait_for(|state| state.gate(born, toward) != Gate::Shut).await;
    open.is_ok_and(|state| state.gate(born, toward) == Gate::Open)
}

async fn closed(mut state: watch::Receiver<State>, born: u64) {
    // An error means that the test is over.
    let _over = state.wait_for(|state| born < state.closed_before).await;
}
