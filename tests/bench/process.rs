//! What processes use, as the kernel counts it. Linux only.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Ticks per second in `/proc/PID/stat`: the same on every Linux, whatever the kernel's own rate.
const TICKS: u32 = 100;

/// The processes of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processes {
    pub(crate) gateway: u32,
    pub(crate) postgres: u32,
    pub(crate) directory: u32,
}

/// Processor time since the start of each process, in user and kernel mode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTimes {
    pub(crate) gateway: Duration,
    pub(crate) postgres: Duration,
    pub(crate) directory: Duration,
    pub(crate) load_generator: Duration,
}

/// Resident memory, in mebibytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Memory {
    pub(crate) now_mib: f64,
    pub(crate) peak_mib: f64,
}

impl Processes {
    /// The processor time of all of them, Postgres with every backend.
    ///
    /// # Errors
    /// When one is gone, or this is not Linux.
    pub(crate) fn cpu(&self) -> Result<CpuTimes> {
        Ok(CpuTimes {
            gateway: Stat::of(self.gateway)?.own,
            postgres: with_children(self.postgres)?,
            directory: Stat::of(self.directory)?.own,
            load_generator: Stat::of(std::process::id())?.own,
        })
    }
}

impl CpuTimes {
    /// What was used since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            gateway: self.gateway.saturating_sub(before.gateway),
            postgres: self.postgres.saturating_sub(before.postgres),
            directory: self.directory.saturating_sub(before.directory),
            load_generator: self.load_generator.saturating_sub(before.load_generator),
        }
    }
}

/// The fields of `/proc/PID/stat` that count here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: Duration,
    /// Of children that ended and were waited for.
    gone_children: Duration,
}

impl Stat {
    fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        Self::parse(&text).context(path)
    }

    /// The command's name stands in parentheses and may hold anything.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let ticks = |at: usize| Some(Duration::from_secs(number(at)?.into()) / TICKS);
        Some(Self {
            parent: number(1)?,
            own: ticks(11)? + ticks(12)?,
            gone_children: ticks(13)? + ticks(14)?,
        })
    }
}

fn with_children(parent: u32) -> Result<Duration> {
    let stat = Stat::of(parent)?;
    let mut sum = stat.own + stat.gone_children;
    for entry in fs::read_dir("/proc").context("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ends meanwhile is counted by its parent next time.
        if let Ok(child) = Stat::of(pid)
            && child.parent == parent
        {
            sum += child.own;
        }
    }
    Ok(sum)
}

/// The postmaster of a data directory of the embedded Postgres.
///
/// # Errors
/// When it does not run.
pub(crate) fn postmaster(data_dir: &Path) -> Result<u32> {
    let path = data_dir.join("postgres/cluster/postmaster.pid");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    text.lines().next().unwrap_or_default().trim().parse().context("postmaster.pid")
}

/// The memory of a process.
///
/// # Errors
/// When it is gone.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let mebibytes = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u32 = value.trim().trim_end_matches(" kB").parse().ok()?;
        Some(f64::from(kibibytes) / 1024.0)
    };
    let (now, peak) = (mebibytes("VmRSS:"), mebibytes("VmHWM:"));
    Ok(Memory {
        now_mib: now.with_context(|| path.clone())?,
        peak_mib: peak.with_context(|| path.clone())?,
    })
}

/// What this thread alone has used, to the nanosecond.
///
/// # Errors
/// When the kernel does not count that.
pub(crate) fn thread_cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("schedstat")?;
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    Ok(Duration::from_nanos(first.parse().context("schedstat")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_parentheses_and_spaces_is_passed_over() {
        let text = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 100 50 20 10 20 0 1 0 99 1 1";
        let stat = Stat {
            parent: 3,
            own: Duration::from_millis(1_500),
            gone_children: Duration::from_millis(300),
        };
        assert_eq!(Stat::parse(text), Some(stat));
    }

    #[test]
    fn this_process_has_memory_and_a_parent() {
        let pid = std::process::id();
        assert!(memory(pid).unwrap().now_mib > 0.0);
        assert!(Stat::of(pid).unwrap().parent > 0);
    }
}
