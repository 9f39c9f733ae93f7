//! The load: as many browsers as asked for, each beginning a new login when its last one is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::login::{Browser, Observer, Step};
use crate::process::{CpuTimes, Memory, memory};
use crate::target::{Flow, Target, email};
use crate::world::{World, Written};

/// How many people each browser signs in, one after the other: a person is at one place at a time.
pub(crate) const PEOPLE_PER_BROWSER: usize = 16;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) concurrency: usize,
    pub(crate) window: Duration,
}

/// What was seen in the window.
pub(crate) struct Measured {
    pub(crate) window: Duration,
    pub(crate) logins: Vec<Login>,
    pub(crate) cpu: CpuTimes,
    pub(crate) gateway_memory: Memory,
    pub(crate) transactions: i64,
    pub(crate) wal: i64,
}

/// One login that was completed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login {
    at: Instant,
    pub(crate) whole: Duration,
    /// In the order of [`Step::ALL`].
    pub(crate) steps: [Duration; Step::ALL.len()],
}

/// Notes how long each step took.
#[derive(Default)]
struct Stopwatch {
    steps: [Duration; Step::ALL.len()],
}

impl Observer for Stopwatch {
    async fn after(&mut self, step: Step, took: Duration) -> Result<()> {
        if let Some(place) = self.steps.get_mut(step as usize) {
            *place = took;
        }
        Ok(())
    }
}

/// Warms up (everybody signs in once), then counts the logins that end within the window.
///
/// # Errors
/// With the first answer that was wrong.
pub(crate) async fn measure(world: &World, flow: Flow, load: Load) -> Result<Measured> {
    let stop = Arc::new(AtomicBool::new(false));
    let (warm, mut warmed) = mpsc::channel::<()>(1);
    let mut browsers = JoinSet::new();
    for number in 0..load.concurrency {
        let (target, stop) = (Arc::clone(&world.target), Arc::clone(&stop));
        browsers.spawn(browse(target, flow, number, warm.clone(), stop));
    }
    drop(warm);
    tokio::select! {
        ended = browsers.join_next() => return Err(too_early(ended)),
        _ = warmed.recv() => {}
    }

    world.analyze().await?;
    let mut database = world.connect().await?;
    let written = Written::now(&mut database).await?;
    let (begun, cpu) = (Instant::now(), world.processes.cpu()?);
    tokio::select! {
        ended = browsers.join_next() => return Err(too_early(ended)),
        () = tokio::time::sleep(load.window) => {}
    }
    let (ended, cpu) = (Instant::now(), world.processes.cpu()?.since(&cpu));
    let after = Written::now(&mut database).await?;
    let gateway_memory = memory(world.processes.gateway)?;

    stop.store(true, Ordering::Relaxed);
    let mut logins = Vec::new();
    while let Some(done) = browsers.join_next().await {
        logins.extend(done??.into_iter().filter(|one| (begun..ended).contains(&one.at)));
    }
    if logins.is_empty() {
        bail!("no login was completed in {:?}", load.window);
    }
    Ok(Measured {
        window: ended - begun,
        logins,
        cpu,
        gateway_memory,
        transactions: after.transactions - written.transactions,
        wal: after.wal - written.wal,
    })
}

/// Nobody stops by themselves, except for an answer that was wrong.
fn too_early(
    ended: Option<std::result::Result<Result<Vec<Login>>, tokio::task::JoinError>>,
) -> anyhow::Error {
    match ended {
        Some(Ok(Err(error))) => error.context("a login went wrong, so nothing was measured"),
        Some(Err(error)) => error.into(),
        Some(Ok(Ok(_))) | None => anyhow::anyhow!("a browser stopped by itself"),
    }
}

/// One browser after the other, all of them fresh; `warm` is dropped when it is.
async fn browse(
    target: Arc<Target>,
    flow: Flow,
    number: usize,
    warm: mpsc::Sender<()>,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Login>> {
    let mut browser = Browser::open(target).await?;
    let people = number * PEOPLE_PER_BROWSER..(number + 1) * PEOPLE_PER_BROWSER;
    for person in people.clone() {
        browser.login(flow, &email(person), &mut Stopwatch::default()).await?;
    }
    drop(warm);
    let mut logins = Vec::with_capacity(10_000);
    for person in people.cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut stopwatch = Stopwatch::default();
        let begun = Instant::now();
        browser.login(flow, &email(person), &mut stopwatch).await?;
        let at = Instant::now();
        logins.push(Login { at, whole: at - begun, steps: stopwatch.steps });
    }
    Ok(logins)
}
