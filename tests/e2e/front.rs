//! What stands before every login: connections, hosts, limits, headers, the clock.
//!
//! - [`slow`], [`http2`]: senders that take their time or too much of ours;
//! - [`hosts`]: whom a request is for, and requests that two programs could read in two ways;
//! - [`limits`]: what fails too often, what is too much, what a flood leaves behind;
//! - [`headers`]: every route and outcome, against a file that is read in review;
//! - [`browser`]: other sites' pages, many tabs, values that would like to be scripts;
//! - [`clock`]: a node whose clock is wrong; [`locks`]: a table that is locked.

mod browser;
mod clock;
mod headers;
mod hosts;
mod http2;
mod limits;
mod locks;
mod slow;

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::gateway::Gateway;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, directory, tenant};

/// How long an answer to raw octets is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A tenant `acme` whose directory is never reached.
async fn acme(gateway: &Gateway) -> Result<Client> {
    let nowhere = directory("okta", "https://127.0.0.1:9", &["domains: [acme.example]"]);
    let text = tenant("acme", &[Client::item("app")], &[nowhere]);
    gateway.apply(&format!("tenants:\n{text}")).await?;
    Ok(Client::new(gateway, "acme", "app"))
}

/// Sends octets and returns all that comes back until the end, or until nothing more comes.
pub(crate) async fn raw(addr: &str, octets: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    // What is refused early may be reset while it is sent.
    let _ = stream.write_all(octets).await;
    Ok(rest(&mut stream, PATIENCE).await)
}

/// What comes on a connection until its end, or until nothing came for a while.
async fn rest(stream: &mut TcpStream, patience: Duration) -> String {
    let mut all = Vec::new();
    while let Ok(Ok(1..)) = tokio::time::timeout(patience, stream.read_buf(&mut all)).await {}
    String::from_utf8_lossy(&all).into_owned()
}

/// The statuses of the answers in what came back.
pub(crate) fn statuses(text: &str) -> Vec<u16> {
    text.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

/// The memory of a process in megabytes.
fn resident(gateway: &Gateway) -> Result<u64> {
    let pid = gateway.pid().unwrap_or_default();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    ensure!(kilobytes.is_some(), "{status}");
    Ok(kilobytes.unwrap_or_default() / 1024)
}

/// How many descriptors a process has open.
fn descriptors(gateway: &Gateway) -> Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{}/fd", gateway.pid().unwrap_or_default()))?.count())
}
