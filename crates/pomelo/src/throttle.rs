//! Keeps a log readable when something goes wrong for every message at once.
//!
//! Not here: what is said, and at which level the rest of it goes.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

use crate::lock;

/// Most lines of one kind within one [`WINDOW`].
const LINES_MAX: u32 = 20;

/// How long a window is.
const WINDOW: Duration = Duration::from_secs(10);

/// Lets so many lines of one kind through, and counts the others.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    window_begins: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Throttle {
    /// Whether a line may be written; and then, how many were left out since the last one.
    pub(crate) fn admit(&self) -> Option<u64> {
        let mut state = lock(&self.0);
        if state.window_begins.is_none_or(|began| began.elapsed() >= WINDOW) {
            state.window_begins = Some(Instant::now());
            state.lines = 0;
        }
        if state.lines == LINES_MAX {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_a_few_lines_and_a_count() {
        let throttle = Throttle::default();
        let admitted = (0..LINES_MAX + 5).filter_map(|_| throttle.admit()).collect::<Vec<_>>();
        assert_eq!(admitted, vec![0; LINES_MAX as usize]);
        tokio::time::advance(WINDOW).await;
        assert_eq!((throttle.admit(), throttle.admit()), (Some(5), Some(0)));
    }
}
