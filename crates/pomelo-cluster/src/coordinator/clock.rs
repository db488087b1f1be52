//! The clock that leases are counted on. Never the time of day, and not tokio's: that one stands still while the machine does.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Since the machine was started, times included during which it slept (`CLOCK_BOOTTIME`).
pub(crate) fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on() {
        let before = since_boot();
        assert!(before > Duration::ZERO);
        assert!(since_boot() >= before);
    }
}
