//! The cost budget of a login, counted: what each step asks of the database before it answers,
//! what follows afterwards, and how many transactions write.
//!
//! A second node of the gateway works through a socket that counts ([`crate::wire`]); its one
//! browser pauses after each step until the database is quiet, so that nothing is counted where it
//! does not belong.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use sqlx::PgConnection;

use crate::login::{Browser, Observer, Step};
use crate::target::{Flow, email};
use crate::wire::{Counter, Passed, Wire};
use crate::world::{World, Written};

/// Timelines are gathered for a tenth of a second before they are written.
const QUIET: Duration = Duration::from_millis(250);
/// An odd number: of each count the middle one is taken, which autovacuum cannot disturb.
const LOGINS: usize = 5;

/// After so many every cache is filled, and every connection of the pool, which take turns, has
/// prepared every statement.
const WARM_UP: usize = 40;

/// What the steps of a flow cost.
#[derive(Debug, Serialize)]
pub(crate) struct Budget {
    pub(crate) flow: Flow,
    pub(crate) steps: Vec<Cost>,
}

/// What one step costs.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    pub(crate) step: Step,
    /// Round trips to the database that the person or the application waits for.
    pub(crate) round_trips: u64,
    /// Round trips after the answer.
    pub(crate) round_trips_after: u64,
    /// Questions whether a returned connection is alive and clean, which nobody waits for.
    pub(crate) checks: u64,
    /// Transactions that write, before and after the answer.
    pub(crate) write_transactions: i64,
}

/// Counts the logins of every flow.
///
/// # Errors
/// When one goes wrong.
pub(crate) async fn count(world: &World) -> Result<Vec<Budget>> {
    let socket_dir = tempfile::Builder::new().prefix("vestibule-bench-").tempdir()?;
    let wire = Wire::listen(socket_dir.path(), world.socket())?;
    let path = socket_dir.path().to_str().context("a temporary directory with a strange name")?;
    let (gateway, target) = world.second_node(path).await?;
    let mut browser = Browser::open(target).await?;
    let mut budgets = Vec::new();
    for flow in Flow::ALL {
        let mut database = world.connect().await?;
        for _ in 0..WARM_UP {
            browser.login(flow, &email(0), &mut Nobody).await?;
        }
        tokio::time::sleep(QUIET).await;
        let mut all = Vec::new();
        for _ in 0..LOGINS {
            let written = Written::now(&mut database).await?;
            let mut observer = Accountant {
                counter: Arc::clone(&wire.counter),
                database: &mut database,
                passed: wire.counter.passed(),
                written,
                costs: Vec::new(),
            };
            browser.login(flow, &email(0), &mut observer).await?;
            all.push(observer.costs);
        }
        budgets.push(Budget { flow, steps: middle(&all) });
    }
    gateway.stop().await?;
    Ok(budgets)
}

/// Looks at nothing, while everything warms up.
struct Nobody;

impl Observer for Nobody {
    async fn after(&mut self, _: Step, _: Duration) -> Result<()> {
        Ok(())
    }
}

struct Accountant<'a> {
    counter: Arc<Counter>,
    database: &'a mut PgConnection,
    passed: Passed,
    written: Written,
    costs: Vec<Cost>,
}

impl Observer for Accountant<'_> {
    async fn after(&mut self, step: Step, _: Duration) -> Result<()> {
        let answered = self.counter.passed().since(self.passed);
        tokio::time::sleep(QUIET).await;
        let all = self.counter.passed().since(self.passed);
        let written = Written::now(self.database).await?;
        let before = std::mem::replace(&mut self.written, written);
        self.passed = self.counter.passed();
        self.costs.push(Cost {
            step,
            round_trips: answered.statements,
            round_trips_after: all.statements - answered.statements,
            checks: all.checks,
            write_transactions: written.transactions - before.transactions,
        });
        Ok(())
    }
}

/// Of each count the middle one.
fn middle(logins: &[Vec<Cost>]) -> Vec<Cost> {
    let of_step = |step: Step| {
        let costs = logins.iter().flatten().filter(|cost| cost.step == step);
        let costs: Vec<Cost> = costs.copied().collect();
        Cost {
            step,
            round_trips: median(costs.iter().map(|cost| cost.round_trips)),
            round_trips_after: median(costs.iter().map(|cost| cost.round_trips_after)),
            checks: median(costs.iter().map(|cost| cost.checks)),
            write_transactions: median(costs.iter().map(|cost| cost.write_transactions)),
        }
    };
    Step::ALL.into_iter().filter(|step| *step != Step::Directory).map(of_step).collect()
}

fn median<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
