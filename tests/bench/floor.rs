//! What a login cannot do without: its signatures, and one commit that is on the disk. Measured in
//! the same run, so that what is compared was measured on the same machine at the same time.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use oidc::jose::{Alg, Jwks, SigningKey};
use oidc::rp::id_token::{self, Expected};
use oidc::rp::issuer::IssuerRule;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::process::thread_cpu;
use crate::target::Flow;
use crate::world::World;

/// How long each of them is repeated.
const LONG: Duration = Duration::from_secs(1);
/// As many as the gateway has connections to its database.
const CONNECTIONS: usize = 10;
/// Whose ID token is verified.
const ISSUER: &str = "https://directory.bench.example";

/// The cost of each, once.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Floor {
    /// Processor time of one signature, on one thread, in microseconds.
    pub(crate) rs256_sign_us: f64,
    pub(crate) es256_sign_us: f64,
    /// Processor time of the verification of an ID token signed with ES256, in microseconds.
    pub(crate) es256_verify_us: f64,
    /// One row inserted, again and again, on one connection and on ten.
    pub(crate) commit: Commits,
    pub(crate) commit_by_ten: Commits,
}

/// The cost of durable commits.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Commits {
    pub(crate) per_second: f64,
    /// How long the caller waits, in milliseconds.
    pub(crate) p50_ms: f64,
    /// Processor time of the server, in milliseconds.
    pub(crate) postgres_cpu_ms: f64,
}

impl Floor {
    /// Measures all of it; nothing else should run.
    ///
    /// # Errors
    /// When a key, a token or the database does not work.
    pub(crate) async fn measure(world: &World) -> Result<Self> {
        let rs256 = SigningKey::generate(Alg::RS256)?;
        let es256 = SigningKey::generate(Alg::ES256)?;
        let now = now();
        let claims = claims(now);
        let keys = json!({ "keys": [es256.public_jwk()] }).to_string();
        let keys = Jwks::parse(keys.as_bytes())?;
        let token = es256.sign(&claims, "JWT")?;
        let expected = Expected {
            issuer: &IssuerRule::Exact(ISSUER.to_owned()),
            published: ISSUER,
            required: &BTreeMap::new(),
            client_id: "vestibule",
            nonce: "n-0S6_WzA2Mj",
            algs: &[Alg::ES256],
            max_age: None,
            access_token: None,
            code: None,
        };
        Ok(Self {
            rs256_sign_us: repeat(|| Ok(rs256.sign(&claims, "JWT")?))?,
            es256_sign_us: repeat(|| Ok(es256.sign(&claims, "JWT")?))?,
            es256_verify_us: repeat(|| Ok(id_token::verify(&token, &keys, &expected, now)?))?,
            commit: commits(world, 1).await?,
            commit_by_ten: commits(world, CONNECTIONS).await?,
        })
    }

    /// The processor time of a login's signatures, in milliseconds: those that the gateway makes,
    /// and the one of the directory's that it verifies.
    pub(crate) fn signatures_ms(&self, flow: Flow) -> f64 {
        let each = match flow {
            Flow::CodeRs256 | Flow::Hybrid => self.rs256_sign_us,
            Flow::CodeEs256 => self.es256_sign_us,
        };
        (each * f64::from(flow.signatures()) + self.es256_verify_us) / 1_000.0
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of this program")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Claims as a directory or the gateway signs them.
fn claims(now: DateTime<Utc>) -> Map<String, Value> {
    let now = now.timestamp();
    let claims = [
        ("iss", json!(ISSUER)),
        ("sub", json!("00u1bench7f3c2a9d")),
        ("aud", json!("vestibule")),
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("iat", json!(now)),
        ("exp", json!(now + 3_600)),
        ("auth_time", json!(now)),
        ("email", json!("person@bench.example")),
        ("email_verified", json!(true)),
        ("given_name", json!("Bench")),
        ("family_name", json!("Person")),
        ("amr", json!(["pwd"])),
    ];
    claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The processor time that one `act` takes on this thread, in microseconds.
fn repeat<T>(mut act: impl FnMut() -> Result<T>) -> Result<f64> {
    for _ in 0..50 {
        black_box(act()?);
    }
    let (begun, before) = (Instant::now(), thread_cpu()?);
    let mut times = 0_u32;
    while begun.elapsed() < LONG {
        black_box(act()?);
        times += 1;
    }
    let used = thread_cpu()?.saturating_sub(before);
    ensure!(!used.is_zero(), "the kernel counts no processor time");
    Ok(used.as_secs_f64() * 1e6 / f64::from(times))
}

async fn commits(world: &World, connections: usize) -> Result<Commits> {
    let mut first = world.connect().await?;
    let table = "create table if not exists bench_commits (id bigserial primary key, text text)";
    sqlx::query(table).execute(&mut first).await?;
    let mut writers = JoinSet::new();
    let mut all = Vec::new();
    for _ in 0..connections {
        all.push(world.connect().await?);
    }
    let before = world.processes.cpu()?;
    let begun = Instant::now();
    for connection in all {
        writers.spawn(write(connection, begun + LONG));
    }
    let (mut took, mut kept) = (Vec::new(), Vec::new());
    while let Some(done) = writers.join_next().await {
        let (connection, its) = done??;
        took.extend(its);
        // A server process that ends meanwhile could be missed in the sum.
        kept.push(connection);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = world.processes.cpu()?.since(&before).postgres;
    drop(kept);
    took.sort_unstable();
    let count = f64::from(u32::try_from(took.len()).context("too many commits to count")?);
    let median = took.get(took.len() / 2).context("no commit in a second")?;
    Ok(Commits {
        per_second: count / seconds,
        p50_ms: median.as_secs_f64() * 1e3,
        postgres_cpu_ms: cpu.as_secs_f64() * 1e3 / count,
    })
}

async fn write(
    mut connection: PgConnection,
    until: Instant,
) -> Result<(PgConnection, Vec<Duration>)> {
    let text = "x".repeat(200);
    let mut took = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        let insert = sqlx::query("insert into bench_commits (text) values ($1)").bind(&text);
        insert.execute(&mut connection).await?;
        took.push(begun.elapsed());
    }
    Ok((connection, took))
}
