//! Slow and silent senders. (THREATS RX-01, F-27, F-28)

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::Client as Http;
use tests::gateway::Gateway;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{acme, descriptors, rest};

/// As many as the row asks for.
const MANY: usize = 10_000;
/// From as many addresses, as a flood would be.
const ADDRESSES: u8 = 20;
/// What the machine's own hiccups may add to an answer while others build and test on it.
const FLOOR: Duration = Duration::from_millis(200);
/// When even a slow body has to be over: fifteen seconds, and time to notice.
const RELEASED: Duration = Duration::from_secs(40);

#[derive(Clone, Copy)]
enum Kind {
    Silent,
    Head,
    Body,
}

impl Kind {
    fn begin(self, addr: &str) -> String {
        match self {
            Self::Silent => String::new(),
            Self::Head => format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\nX-Slow: "),
            Self::Body => format!(
                "POST /t/acme/token HTTP/1.1\r\nHost: {addr}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\na="
            ),
        }
    }
}

async fn connect(addr: SocketAddr, from: u8) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, from), 0).into())?;
    Ok(tokio::time::timeout(Duration::from_secs(10), socket.connect(addr)).await??)
}

/// So many connections of one address, a third of each kind.
async fn flood(addr: SocketAddr, address: u8, count: usize) -> Result<Vec<(TcpStream, Kind)>> {
    let mut streams = Vec::new();
    for kind in [Kind::Silent, Kind::Head, Kind::Body].into_iter().cycle().take(count) {
        let mut stream = connect(addr, 2 + address).await?;
        stream.write_all(kind.begin(&addr.to_string()).as_bytes()).await?;
        streams.push((stream, kind));
    }
    Ok(streams)
}

/// Holds a connection by an octet now and then until the gateway has enough of it; how long it was.
async fn hold(mut stream: TcpStream, kind: Kind) -> Duration {
    let began = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let trickle = async {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            if !matches!(kind, Kind::Silent) && writer.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let ended = async {
        let mut buffer = [0; 4096];
        while let Ok(1..) = reader.read(&mut buffer).await {}
    };
    tokio::select! {
        () = trickle => {}
        () = ended => {}
        () = tokio::time::sleep(RELEASED) => {}
    }
    began.elapsed()
}

/// The slowest of a hundred healthy answers but one.
async fn healthy(http: &Http, url: &str) -> Result<Duration> {
    let mut took = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        let answer = http.get(url).send().await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        answer.bytes().await?;
        took.push(began.elapsed());
    }
    took.sort();
    took.iter().rev().nth(1).copied().context("nothing was measured")
}

/// The limit of the test's own descriptors, as high as it may be.
fn room() -> Result<usize> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(usize::try_from(hard)?.saturating_sub(500).min(MANY))
}

#[tokio::test(flavor = "multi_thread")]
async fn rx_01_f_27_ten_thousand_slow_connections_do_not_slow_down_the_others() -> Result<()> {
    let gateway = Gateway::start().await?;
    let client = acme(&gateway).await?;
    let many = room()?;
    ensure!(many >= 4_000, "too few descriptors for this test: {many}");
    let addr: SocketAddr = gateway.addr.parse()?;
    let http = Http::builder().no_proxy().build()?;
    let url = format!("{}/.well-known/openid-configuration", client.issuer);
    healthy(&http, &url).await?;
    let before = healthy(&http, &url).await?;
    let open = descriptors(&gateway)?;

    let mut connecting = JoinSet::new();
    for address in 0..ADDRESSES {
        connecting.spawn(flood(addr, address, many / usize::from(ADDRESSES)));
    }
    let mut held = JoinSet::new();
    while let Some(streams) = connecting.join_next().await {
        for (stream, kind) in streams?? {
            held.spawn(hold(stream, kind));
        }
    }
    let most = descriptors(&gateway)? - open;
    let during = healthy(&http, &url).await?;
    println!("{many} slow, {most} held: p99 {before:?} without them, {during:?} with them");
    // Each is let go after ten seconds, and a busy machine takes longer than that to open all.
    assert!(most > many / 4, "they were held, not refused: {most} of {many}");
    assert!(during <= (before * 2).max(FLOOR), "{during:?} against {before:?}");

    let mut longest = Duration::ZERO;
    while let Some(took) = held.join_next().await {
        longest = longest.max(took?);
    }
    println!("the last one was let go after {longest:?}");
    assert!(longest < RELEASED, "some connection was never let go");
    let released = Instant::now();
    while descriptors(&gateway)? > open + 50 {
        ensure!(released.elapsed() < Duration::from_secs(10), "descriptors are still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    healthy(&http, &url).await?;
    Ok(())
}

/// The connections of one address are limited, unless it is a proxy's that the operator trusts.
#[tokio::test(flavor = "multi_thread")]
async fn rx_01_f_28_one_address_cannot_take_every_place() -> Result<()> {
    let gateway = Gateway::start().await?;
    room()?;
    let addr: SocketAddr = gateway.addr.parse()?;
    let mut streams = Vec::new();
    for _ in 0..2_100 {
        streams.push(connect(addr, 9).await?);
    }
    let mut surplus = streams.pop().context("none")?;
    let said = rest(&mut surplus, Duration::from_secs(3)).await;
    assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("retry-after: 1"), "{said:?}");
    let http = Http::builder().no_proxy().build()?;
    let status = http.get(format!("{}/readyz", gateway.url)).send().await?.status();
    assert_eq!(status, 200, "another address has places");
    let refused = Instant::now();
    while !gateway.log().contains("connections") {
        ensure!(refused.elapsed() < Duration::from_secs(5), "the log does not say so");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Connections that are kept, that say nothing, or that are slow hold up no restart.
#[tokio::test(flavor = "multi_thread")]
async fn rx_01_idle_and_slow_connections_do_not_hold_up_a_stop() -> Result<()> {
    let gateway = Gateway::start().await?;
    acme(&gateway).await?;
    let addr: SocketAddr = gateway.addr.parse()?;
    let mut streams = Vec::new();
    for kind in [Kind::Silent, Kind::Head, Kind::Body] {
        let mut stream = connect(addr, 1).await?;
        stream.write_all(kind.begin(&gateway.addr).as_bytes()).await?;
        streams.push(stream);
    }
    let mut idle = connect(addr, 1).await?;
    idle.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes()).await?;
    let mut buffer = [0; 1024];
    ensure!(idle.read(&mut buffer).await? > 0);
    let asked = Instant::now();
    assert_eq!(gateway.stop().await?, 0);
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    drop((streams, idle));
    Ok(())
}

/// A connection that is kept between two requests serves the second one after more than the ten
/// seconds that a head may take.
#[tokio::test]
async fn rx_01_a_kept_connection_is_not_taken_for_a_slow_one() -> Result<()> {
    let gateway = Gateway::start().await?;
    let mut stream = TcpStream::connect(&gateway.addr).await?;
    let ask = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.addr);
    for pause in [Duration::ZERO, Duration::from_secs(12)] {
        tokio::time::sleep(pause).await;
        stream.write_all(ask.as_bytes()).await?;
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await?;
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "after {pause:?}");
    }
    Ok(())
}
