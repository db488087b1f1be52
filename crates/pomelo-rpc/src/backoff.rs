//! How long a peer that could not be dialled is left alone. Pure: the time is given, the jitter's seed is too.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

/// Failed dials of one peer in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Notes a failure. The pause doubles with each one from `min` to `max`; half of it is jitter, so that servers that
    /// lost the same peer do not come back in step.
    pub(crate) fn failed(&mut self, now: Instant, min: Duration, max: Duration, rng: &mut Rng) {
        let whole = min.saturating_mul(1 << self.failures.min(16)).min(max);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + whole / 2 + (whole / 2).mul_f64(rng.f64()));
    }

    /// Whether it is too early to dial again.
    pub(crate) fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_to_its_limit_and_never_past_it() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        for seed in 0..200 {
            let mut rng = Rng::with_seed(seed);
            let (mut backoff, now) = (Backoff::default(), Instant::now());
            assert!(!backoff.holds(now));
            for n in 0..40u32 {
                backoff.failed(now, min, max, &mut rng);
                let whole = min.saturating_mul(1 << n.min(10)).min(max);
                assert!(
                    backoff.holds(now + whole / 2 - Duration::from_millis(1)),
                    "seed {seed}, failure {n}"
                );
                assert!(!backoff.holds(now + whole), "seed {seed}, failure {n}");
            }
        }
    }
}
