//! Floods of HTTP/2, in raw frames: no client library would send them. (THREATS RX-02)

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tests::gateway::Gateway;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{acme, raw, resident};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The most that a flood sends before the test gives up on being stopped.
const FRAMES: u32 = 1_000_000;
/// How long it tries.
const LONGEST: Duration = Duration::from_secs(30);
/// What a flood may cost in memory while it lasts, in megabytes.
const GROWTH: u64 = 64;

/// [RFC9113-4.1]
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A GET or POST of the path `/`, in the static table's words. [RFC7541-A]
fn request(method: u8, authority: &str) -> Vec<u8> {
    let mut block = vec![method, 0x86, 0x84, 0x41];
    block.push(u8::try_from(authority.len()).unwrap_or(0x7f));
    block.extend(authority.as_bytes());
    block
}

const GET: u8 = 0x82;
const POST: u8 = 0x83;

/// A header of one octet each, never indexed, over and over.
fn small_headers(count: usize) -> Vec<u8> {
    [0x10, 1, b'a', 1, b'a'].repeat(count)
}

/// What a flood sends next, by its number.
type Flood = fn(u32, &str) -> Vec<u8>;

const FLOODS: [(&str, Flood); 4] = [
    ("rapid reset", |number, authority| {
        let stream = 2 * number + 1;
        let mut frames = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request(GET, authority));
        frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        frames
    }),
    ("CONTINUATION without end", |number, authority| match number {
        0 => frame(HEADERS, END_STREAM, 1, &request(GET, authority)),
        _ => frame(CONTINUATION, 0, 1, &small_headers(3_000)),
    }),
    ("a hundred thousand small headers", |number, authority| {
        let stream = 2 * (number / 40) + 1;
        match number % 40 {
            0 => frame(HEADERS, END_STREAM, stream, &request(GET, authority)),
            39 => frame(CONTINUATION, END_HEADERS, stream, &small_headers(2_600)),
            _ => frame(CONTINUATION, 0, stream, &small_headers(2_600)),
        }
    }),
    ("empty DATA", |number, authority| match number {
        0 => frame(HEADERS, END_HEADERS, 1, &request(POST, authority)),
        _ => frame(DATA, 0, 1, &[]),
    }),
];

/// Floods until the gateway hangs up; how many frames that took.
async fn flood(addr: &str, next: Flood) -> Result<u32> {
    let stream = TcpStream::connect(addr).await?;
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    writer.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    // Whatever comes is read, so that neither side waits for the other.
    let closed = tokio::spawn(async move {
        let mut buffer = [0; 16 * 1024];
        while let Ok(1..) = reader.read(&mut buffer).await {}
    });
    let began = Instant::now();
    for number in 0..FRAMES {
        if closed.is_finished() || writer.write_all(&next(number, addr)).await.is_err() {
            return Ok(number);
        }
        ensure!(began.elapsed() < LONGEST, "still open after {number} frames");
    }
    anyhow::bail!("still open after {FRAMES} frames")
}

#[tokio::test(flavor = "multi_thread")]
async fn rx_02_floods_of_http_2_end_their_connection_and_cost_little() -> Result<()> {
    let gateway = Gateway::start().await?;
    acme(&gateway).await?;
    for (name, next) in FLOODS {
        let before = resident(&gateway)?;
        let frames = flood(&gateway.addr, next).await.map_err(|error| error.context(name))?;
        let grown = resident(&gateway)?.saturating_sub(before);
        println!("{name}: closed after {frames} frames, {grown} MB more");
        assert!(grown < GROWTH, "{name}: {grown} MB");
        let ask = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.addr);
        let healthy = raw(&gateway.addr, ask.as_bytes()).await?;
        assert!(healthy.starts_with("HTTP/1.1 200"), "{name}: {healthy}");
    }
    Ok(())
}
