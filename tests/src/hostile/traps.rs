//! Addresses where worse waits than a wrong answer.

use anyhow::Result;
use tokio::net::TcpListener;

use crate::peers::free_port;

/// The port of a server that accepts every connection and closes it at the first octet. It lives
/// as long as the runtime of the test.
///
/// # Errors
/// When no port is free.
pub async fn hangs_up() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whatever was sent is not read, so the other side sees a reset.
            let _readable = stream.readable().await;
        }
    });
    Ok(port)
}

/// A port where nobody listens.
///
/// # Errors
/// When no port is free.
pub fn nobody() -> Result<u16> {
    free_port()
}
