//! The time of areas: milliseconds that never go back, whatever the machine's clock does.

use tokio::time::Instant;

/// A clock that starts at 1, so that 0 is always past.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since it was made, and one.
    pub(super) fn now_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}
