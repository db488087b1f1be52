//! How long to wait before something that died is started again: masters by their guardian, servers by their agent.

use std::time::Duration;

/// Pause after the first death; doubled with each further one ...
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// ... up to this ...
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// ... and short again for what lived so long.
const LIVED_WELL: Duration = Duration::from_secs(60);

/// Deaths of one process in a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// The pause after one more death, of a process that lived so long.
    pub fn pause(&mut self, lived: Duration) -> Duration {
        if lived >= LIVED_WELL {
            self.deaths = 0;
        }
        let pause = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(self.deaths)).min(PAUSE_MAX);
        self.deaths = self.deaths.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_half_a_minute_and_are_short_again_after_a_minute_of_life() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..12).map(|_| backoff.pause(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]);
        assert_eq!(backoff.pause(Duration::from_secs(60)).as_millis(), 100);
    }
}
