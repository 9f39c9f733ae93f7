//! What a run found, as a table for people and as JSON for comparisons.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::budget::Budget;
use crate::floor::Floor;
use crate::load::Measured;
use crate::login::Step;
use crate::process::Memory;
use crate::target::Flow;

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) concurrency: usize,
    pub(crate) floor: Floor,
    pub(crate) flows: Vec<FlowReport>,
    pub(crate) budget: Vec<Budget>,
}

/// Where and how it ran.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The cargo profile.
    pub(crate) profile: String,
    pub(crate) processor: String,
    pub(crate) processors: usize,
    /// How busy the machine was before: the mean number of runnable tasks in a minute.
    pub(crate) load_before: f64,
    pub(crate) postgres: String,
    /// When it began. [RFC3339-5.6]
    pub(crate) at: String,
}

/// One flow.
#[derive(Debug, Serialize)]
pub(crate) struct FlowReport {
    pub(crate) flow: Flow,
    pub(crate) logins: usize,
    pub(crate) logins_per_second: f64,
    /// The whole login, as its browser saw it.
    pub(crate) login_ms: Quantiles,
    pub(crate) steps_ms: Vec<(Step, Quantiles)>,
    pub(crate) cpu_ms_per_login: CpuPerLogin,
    /// The share of all processors that was in use by the processes of the run.
    pub(crate) processors_used: f64,
    /// The processor time of the login's signatures alone, from the floor.
    pub(crate) signatures_ms: f64,
    /// The gateway's processor time over that.
    pub(crate) gateway_to_signatures: f64,
    pub(crate) write_transactions_per_login: f64,
    pub(crate) wal_kib_per_login: f64,
    pub(crate) gateway_memory: Memory,
}

/// Processor time, by process, in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct CpuPerLogin {
    pub(crate) gateway: f64,
    pub(crate) postgres: f64,
    pub(crate) directory: f64,
    pub(crate) load_generator: f64,
}

/// How long, in milliseconds: half of all took no longer than the first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Quantiles {
    /// Of at least one value, by the nearest rank.
    fn of(values: impl Iterator<Item = Duration>) -> Self {
        let mut values: Vec<Duration> = values.collect();
        values.sort_unstable();
        let rank = |percent: usize| {
            let at = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values.get(at).map_or(0.0, |value| value.as_secs_f64() * 1e3)
        };
        Self { p50: rank(50), p99: rank(99) }
    }
}

impl Machine {
    /// Looks around.
    ///
    /// # Errors
    /// When this is not Linux.
    pub(crate) fn look(profile: &str, postgres: String, at: String) -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let loadavg = fs::read_to_string("/proc/loadavg").context("/proc/loadavg")?;
        let load = loadavg.split(' ').next().unwrap_or_default().parse();
        Ok(Self {
            profile: profile.to_owned(),
            processor: model.unwrap_or("unknown").trim_start_matches([' ', '\t', ':']).to_owned(),
            processors: std::thread::available_parallelism()?.get(),
            load_before: load.context("/proc/loadavg")?,
            postgres,
            at,
        })
    }
}

impl FlowReport {
    /// Sums up.
    ///
    /// # Errors
    /// When there are more logins than anybody can count.
    pub(crate) fn new(flow: Flow, measured: &Measured, floor: &Floor) -> Result<Self> {
        let logins = &measured.logins;
        let count = f64::from(u32::try_from(logins.len())?);
        let per_login = |used: Duration| used.as_secs_f64() * 1e3 / count;
        let cpu = &measured.cpu;
        let all = cpu.gateway + cpu.postgres + cpu.directory + cpu.load_generator;
        let processors = u32::try_from(std::thread::available_parallelism()?.get())?;
        let step = |(at, step): (usize, Step)| {
            let took = logins.iter().filter_map(|login| login.steps.get(at).copied());
            (step, Quantiles::of(took))
        };
        let written = |amount: i64| f64::from(i32::try_from(amount).unwrap_or(i32::MAX)) / count;
        let signatures_ms = floor.signatures_ms(flow);
        Ok(Self {
            flow,
            logins: logins.len(),
            logins_per_second: count / measured.window.as_secs_f64(),
            login_ms: Quantiles::of(logins.iter().map(|login| login.whole)),
            steps_ms: Step::ALL.into_iter().enumerate().map(step).collect(),
            cpu_ms_per_login: CpuPerLogin {
                gateway: per_login(cpu.gateway),
                postgres: per_login(cpu.postgres),
                directory: per_login(cpu.directory),
                load_generator: per_login(cpu.load_generator),
            },
            processors_used: all.div_duration_f64(measured.window) / f64::from(processors),
            signatures_ms,
            gateway_to_signatures: per_login(cpu.gateway) / signatures_ms,
            write_transactions_per_login: written(measured.transactions),
            wal_kib_per_login: written(measured.wal) / 1024.0,
            gateway_memory: measured.gateway_memory,
        })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Machine { profile, processor, processors, load_before, postgres, at } = &self.machine;
        writeln!(f, "{at}, profile {profile}, {processors} x {processor}, Postgres {postgres}")?;
        writeln!(f, "load before the run {load_before:.2}, {} browsers at once", self.concurrency)?;
        self.write_floor(f)?;
        for flow in &self.flows {
            write!(f, "\n{flow}")?;
        }
        self.write_budget(f)
    }
}

impl Report {
    fn write_floor(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Floor { rs256_sign_us, es256_sign_us, es256_verify_us, commit, commit_by_ten } =
            &self.floor;
        writeln!(f, "\nThe floor (alone, before the flows)")?;
        writeln!(f, "  sign an ID token, RS256       {rs256_sign_us:8.1} us CPU")?;
        writeln!(f, "  sign an ID token, ES256       {es256_sign_us:8.1} us CPU")?;
        writeln!(f, "  verify an ID token, ES256     {es256_verify_us:8.1} us CPU")?;
        for (name, commits) in [("one connection ", commit), ("ten connections", commit_by_ten)] {
            writeln!(
                f,
                "  durable commits, {name}  {:5.0} /s, p50 {:.2} ms, {:.3} ms Postgres CPU each",
                commits.per_second, commits.p50_ms, commits.postgres_cpu_ms
            )?;
        }
        Ok(())
    }

    fn write_budget(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nThe database, counted per step (one browser, warm caches)")?;
        writeln!(
            f,
            "  {:32} {:10} {:>12} {:>12} {:>8} {:>14}",
            "", "", "round trips", "after the", "checks", "transactions"
        )?;
        writeln!(
            f,
            "  {:32} {:10} {:>12} {:>12} {:>8} {:>14}",
            "flow", "step", "waited for", "answer", "", "that write"
        )?;
        for budget in &self.budget {
            for (at, cost) in budget.steps.iter().enumerate() {
                let flow = if at == 0 { budget.flow.name() } else { "" };
                writeln!(
                    f,
                    "  {flow:32} {:10} {:12} {:12} {:8} {:14}",
                    cost.step.name(),
                    cost.round_trips,
                    cost.round_trips_after,
                    cost.checks,
                    cost.write_transactions
                )?;
            }
        }
        Ok(())
    }
}

impl Display for FlowReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let CpuPerLogin { gateway, postgres, directory, load_generator } = &self.cpu_ms_per_login;
        writeln!(
            f,
            "{}: {:.0} logins/s ({} logins, all answers checked)",
            self.flow.name(),
            self.logins_per_second,
            self.logins
        )?;
        writeln!(
            f,
            "  CPU per login, ms   gateway {gateway:.3}   Postgres {postgres:.3}   \
             [directory {directory:.3}   load generator {load_generator:.3}]   {:.0} % in use",
            self.processors_used * 100.0
        )?;
        writeln!(
            f,
            "  signatures alone    {:.3} ms; the gateway takes {:.1} times that",
            self.signatures_ms, self.gateway_to_signatures
        )?;
        write!(f, "  p50 / p99, ms       login {}", self.login_ms)?;
        for (step, quantiles) in &self.steps_ms {
            write!(f, "   {} {quantiles}", step.name())?;
        }
        writeln!(
            f,
            "\n  written per login   {:.2} transactions, {:.1} KiB of write-ahead log",
            self.write_transactions_per_login, self.wal_kib_per_login
        )?;
        let Memory { now_mib, peak_mib } = self.gateway_memory;
        writeln!(f, "  gateway's memory    {now_mib:.0} MiB resident, {peak_mib:.0} MiB at most")
    }
}

impl Display for Quantiles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} / {:.2}", self.p50, self.p99)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let of = |most: u64| Quantiles::of((1..=most).rev().map(Duration::from_millis));
        assert_eq!(of(1), Quantiles { p50: 1.0, p99: 1.0 });
        assert_eq!(of(100), Quantiles { p50: 50.0, p99: 99.0 });
        assert_eq!(of(1_000), Quantiles { p50: 500.0, p99: 990.0 });
    }
}
