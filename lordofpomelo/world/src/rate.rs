//! "At most so many in so long", for one asker. Not here: what is done with who asks too often.

/// Lets at most `N` pass within any `window_ms`.
///
/// ```
/// use lordofpomelo_world::rate::Rate;
/// let mut moves = Rate::<2>::per(1000);
/// assert!(moves.pass(0) && moves.pass(10));
/// assert!(!moves.pass(999));
/// assert!(moves.pass(1000));
/// ```
#[derive(Debug, Clone)]
pub struct Rate<const N: usize> {
    window_ms: u64,
    /// When the last `N` passed; `next` is the oldest.
    passed_ms: [Option<u64>; N],
    next: usize,
}

impl<const N: usize> Rate<N> {
    /// None have passed yet.
    #[must_use]
    pub fn per(window_ms: u64) -> Self {
        Self { window_ms, passed_ms: [None; N], next: 0 }
    }

    /// Whether one more may pass at `now_ms`; if so it is counted.
    pub fn pass(&mut self, now_ms: u64) -> bool {
        if self.passed_ms[self.next].is_some_and(|oldest| now_ms.saturating_sub(oldest) < self.window_ms) {
            return false;
        }
        self.passed_ms[self.next] = Some(now_ms);
        self.next = (self.next + 1) % N;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_the_limit() {
        let mut rate = Rate::<5>::per(5000);
        let passed: Vec<u64> = (0..200).map(|n| n * 137).filter(|now| rate.pass(*now)).collect();
        for window in passed.windows(6) {
            assert!(window[5] - window[0] >= 5000, "{window:?}");
        }
        assert!(passed.len() >= 25, "refuses too much: {}", passed.len());
    }
}
