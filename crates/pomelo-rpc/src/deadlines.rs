//! When the time of a link's calls is over, the soonest first. Not here: the calls (`calls`), and the clock (`drive`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::time::Instant;

/// So many calls that were answered may be among the times before they are looked for.
const ANSWERED_KEPT: usize = 64;

/// Times of calls, by their tags.
///
/// A call that is answered stays in until its time is over, or until those that are answered are more than those that wait:
/// then they are all dropped. So a call costs the same however many wait, and the table is at most twice as long as it has
/// to be.
#[derive(Default)]
pub(crate) struct Deadlines {
    soonest: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Deadlines {
    /// One more. Whether its time is over before that of all others.
    pub(crate) fn add(&mut self, until: Instant, tag: u64) -> bool {
        let sooner = self.next().is_none_or(|next| until < next);
        self.soonest.push(Reverse((until, tag)));
        sooner
    }

    /// No call's time is over before this.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.soonest.peek().map(|Reverse((until, _))| *until)
    }

    /// Takes out one whose time is over.
    pub(crate) fn over(&mut self, now: Instant) -> Option<u64> {
        self.next().filter(|until| *until <= now)?;
        self.soonest.pop().map(|Reverse((_, tag))| tag)
    }

    /// Drops those that are answered if they are many: so many wait, and these do.
    pub(crate) fn tidy(&mut self, waiting: usize, waits: impl Fn(u64) -> bool) {
        if self.soonest.len() > 2 * waiting + ANSWERED_KEPT {
            self.soonest.retain(|Reverse((_, tag))| waits(*tag));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_soonest_are_over_first_and_no_other_is_touched() {
        let (mut deadlines, now) = (Deadlines::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!(deadlines.add(at(5), 1) && !deadlines.add(at(9), 2) && deadlines.add(at(3), 3));
        assert_eq!(deadlines.next(), Some(at(3)));
        let over: Vec<_> = std::iter::from_fn(|| deadlines.over(at(5))).collect();
        assert_eq!((over, deadlines.next()), (vec![3, 1], Some(at(9))));
    }

    #[test]
    fn calls_that_are_answered_before_their_time_take_no_room_for_long() {
        let (mut deadlines, now) = (Deadlines::default(), Instant::now());
        for tag in 0..100_000u64 {
            deadlines.add(now + Duration::from_secs(10), tag);
            deadlines.tidy(50, |waiting| waiting + 50 > tag);
            assert!(deadlines.soonest.len() <= 2 * 50 + ANSWERED_KEPT);
        }
        let over: Vec<_> = std::iter::from_fn(|| deadlines.over(now + Duration::from_secs(10))).collect();
        assert!((99_950..100_000).all(|waiting| over.contains(&waiting)), "those that wait are all there");
    }
}
