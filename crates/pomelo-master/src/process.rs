//! What this process uses, in the units the original prints: megabytes and minutes with two decimals, as text.

use std::time::Instant;

use serde_json::{Map, Value};

/// Memory and age of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Resident memory, in MB of 2^20 bytes.
    pub(crate) resident_mb: f64,
    /// Minutes since it started.
    pub(crate) uptime_min: f64,
}

impl Usage {
    /// Of this process, which began at `started`. Memory that can't be read is 0.
    pub(crate) fn of_this_process(started: Instant) -> Self {
        let uptime_min = started.elapsed().as_secs_f64() / 60.0;
        Self { resident_mb: resident_mb().unwrap_or(0.0), uptime_min }
    }

    /// Adds the columns of `show servers`. A Rust process has no garbage-collected heap: what is resident stands for it.
    pub(crate) fn short_columns(self, row: &mut Map<String, Value>) {
        row.insert("heapUsed".into(), hundredths(self.resident_mb));
        row.insert("uptime".into(), hundredths(self.uptime_min));
    }

    /// Adds the columns of `list`.
    pub(crate) fn long_columns(self, row: &mut Map<String, Value>) {
        row.insert("rss".into(), hundredths(self.resident_mb));
        row.insert("heapTotal".into(), hundredths(self.resident_mb));
        self.short_columns(row);
    }
}

fn hundredths(number: f64) -> Value {
    Value::String(format!("{number:.2}"))
}

fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_text_with_two_decimals_as_the_original_prints_them() {
        let mut row = Map::new();
        Usage { resident_mb: 15.984, uptime_min: 0.3 }.long_columns(&mut row);
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(text, r#"{"rss":"15.98","heapTotal":"15.98","heapUsed":"15.98","uptime":"0.30"}"#);
    }

    #[test]
    fn this_process_uses_some_memory() {
        assert!(Usage::of_this_process(Instant::now()).resident_mb > 0.0);
    }
}
