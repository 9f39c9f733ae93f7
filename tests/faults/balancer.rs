//! What stands in front of several nodes: a connection goes to the next one in turn that says it is
//! ready, and on to another where it is refused. Nothing that was sent is ever sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::stand::{http, status};

/// Which node a connection is offered to first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Each in turn.
    Turns,
    /// Always the first, as long as it is there.
    First,
}

/// How often it asks whether nodes are ready.
const ASKS: Duration = Duration::from_millis(200);

/// The balancer.
pub(crate) struct Balancer {
    serving: JoinHandle<()>,
    asking: JoinHandle<()>,
}

/// A node, and whether it said that it is not ready.
struct Node {
    addr: String,
    leaves: AtomicBool,
}

impl Balancer {
    /// One on a listener that is bound already, since the nodes have to know its address.
    pub(crate) fn start(listener: TcpListener, nodes: Vec<String>, order: Order) -> Self {
        let node = |addr| Node { addr, leaves: AtomicBool::new(false) };
        let nodes: Arc<Vec<Node>> = Arc::new(nodes.into_iter().map(node).collect());
        let asking = tokio::spawn(ask(Arc::clone(&nodes)));
        let turn = Arc::new(AtomicUsize::new(0));
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let first = match order {
                    Order::Turns => turn.fetch_add(1, Ordering::Relaxed),
                    Order::First => 0,
                };
                tokio::spawn(carry(client, Arc::clone(&nodes), first));
            }
        });
        Self { serving, asking }
    }

    /// A listener, and what the nodes behind it are called.
    pub(crate) async fn listen() -> Result<(TcpListener, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok((listener, url))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.serving.abort();
        self.asking.abort();
    }
}

/// A node that says 503 gets nothing new, unless all of them do: then the database is away, and
/// they say so best themselves.
async fn ask(nodes: Arc<Vec<Node>>) {
    let Ok(http) = http() else { return };
    loop {
        for node in nodes.iter() {
            let leaves = status(&http, &format!("http://{}/readyz", node.addr)).await == 503;
            node.leaves.store(leaves, Ordering::Relaxed);
        }
        tokio::time::sleep(ASKS).await;
    }
}

async fn carry(mut client: TcpStream, nodes: Arc<Vec<Node>>, first: usize) {
    let in_turn = || nodes.iter().cycle().skip(first % nodes.len()).take(nodes.len());
    let leaves = |node: &&Node| node.leaves.load(Ordering::Relaxed);
    let ready = in_turn().filter(|node| !leaves(node));
    for node in ready.chain(in_turn().filter(leaves)) {
        let Ok(mut node) = TcpStream::connect(&node.addr).await else { continue };
        for stream in [&client, &node] {
            let _small_messages_leave_at_once = stream.set_nodelay(true);
        }
        let _ended = tokio::io::copy_bidirectional(&mut client, &mut node).await;
        return;
    }
}
