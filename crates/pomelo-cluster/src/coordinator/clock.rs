//! The clock that leases are counted on, and their parts. Never the time of day, and not tokio's: that one stands still while the
//! machine does.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Parts of a lease or session, in hundredths. It is asked for so often ...
pub(crate) const ASK: u32 = 12;
/// ... silence for this long means suspended ...
pub(crate) const SUSPENDED: u32 = 40;
/// ... and after this the place is not taken for granted any more. The rest is for clocks that don't run at the same rate, and
/// for what is on its way.
pub(crate) const GRANTED: u32 = 60;

/// So many hundredths of the whole.
pub(crate) fn part(whole: Duration, hundredths: u32) -> Duration {
    whole * hundredths / 100
}

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
