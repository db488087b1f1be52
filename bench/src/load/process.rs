//! What a process has used, as Linux tells it.

use std::fs;

use anyhow::{Context as _, Result};

/// Ticks of `/proc/PID/stat` in a second: 100 on every Linux that we know.
const TICKS: f64 = 100.0;

/// A process of a server under test.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
}

/// CPU and memory of a process at one moment, or between two.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// User and system time of all its threads, in seconds.
    pub(crate) cpu: f64,
    /// Resident memory in KiB.
    pub(crate) resident: f64,
}

impl Process {
    pub(crate) fn used(&self) -> Result<Used> {
        let read = |file: &str| {
            let path = format!("/proc/{}/{file}", self.pid);
            fs::read_to_string(&path).with_context(|| format!("{} has ended: no {path}", self.name))
        };
        let stat = read("stat")?;
        // After the name, which may have anything in it, `utime` and `stime` are the 12th and 13th.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
        let mut ticks =
            || fields.next().and_then(|field| field.parse::<f64>().ok()).context("/proc/PID/stat");
        let cpu = (ticks()? + ticks()?) / TICKS;
        let status = read("status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
        Ok(Used { cpu, resident: resident.context("/proc/PID/status has no VmRSS")? })
    }
}

impl Used {
    /// What was used since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self { cpu: self.cpu - before.cpu, resident: self.resident - before.resident }
    }
}

/// CPU that everything on this machine has used since it began, in seconds.
pub(crate) fn machine_cpu() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; the rest is in these already.
    let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks[..] else {
        anyhow::bail!("/proc/stat has an unknown form");
    };
    Ok((user + nice + system + irq + softirq + steal) / TICKS)
}
