//! A lease, and how long it may be taken for granted: counted from when it was last *asked* for and given, because etcd starts
//! counting later than that and never earlier.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::client::Granted;
use crate::coordinator::clock::{ASK, GRANTED, SUSPENDED, part, since_boot};

/// An attempt is given up after this part of a lease, in hundredths, and the next endpoint is asked.
const ATTEMPT: u32 = 20;

/// A lease that etcd granted.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) id: i64,
    ttl: Duration,
    /// When it was last asked for and given, in ms since the machine was started.
    asked_ms: AtomicU64,
}

impl Lease {
    /// `asked` is [`now`] before it was asked for. etcd may grant a longer one than was asked for.
    pub(super) fn new(granted: &Granted, asked: Duration) -> Self {
        let ttl = Duration::from_secs(u64::try_from(granted.ttl).unwrap_or(0));
        let lease = Self { id: granted.id, ttl, asked_ms: AtomicU64::new(0) };
        lease.renewed(asked);
        lease
    }

    /// It was asked for at `asked`, and given.
    pub(super) fn renewed(&self, asked: Duration) {
        let asked_ms = u64::try_from(asked.as_millis()).unwrap_or(u64::MAX);
        self.asked_ms.fetch_max(asked_ms, Ordering::Relaxed);
    }

    /// How much longer the place may be taken for granted.
    pub(super) fn left(&self) -> Duration {
        self.part(GRANTED).saturating_sub(self.age())
    }

    /// When to ask for it again.
    pub(super) fn renew_in(&self) -> Duration {
        self.part(ASK).saturating_sub(self.age())
    }

    /// How long etcd may be silent until this candidate is suspended; zero: it is.
    pub(super) fn suspended_in(&self) -> Duration {
        self.part(SUSPENDED).saturating_sub(self.age())
    }

    /// How long to wait for the answer to one request for it: not past the moment at which silence gets a meaning.
    pub(super) fn attempt(&self) -> Duration {
        match self.suspended_in() {
            Duration::ZERO => self.part(ATTEMPT),
            left => left.min(self.part(ATTEMPT)),
        }
    }

    fn part(&self, hundredths: u32) -> Duration {
        part(self.ttl, hundredths)
    }

    fn age(&self) -> Duration {
        now().saturating_sub(Duration::from_millis(self.asked_ms.load(Ordering::Relaxed)))
    }
}

/// To be taken before asking.
pub(super) fn now() -> Duration {
    since_boot()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_ago(ms: u64) -> Lease {
        Lease::new(&Granted { id: 1, ttl: 10 }, now() - Duration::from_millis(ms))
    }

    #[test]
    fn a_lease_counts_from_when_it_was_asked_for() {
        let fresh = asked_ago(0);
        assert!(fresh.left() > Duration::from_secs(5) && fresh.left() <= Duration::from_secs(6));
        assert!(fresh.suspended_in() > Duration::from_secs(3));
        let silent = asked_ago(4_000);
        assert_eq!(silent.suspended_in(), Duration::ZERO);
        assert!(silent.left() > Duration::ZERO);
        assert_eq!(asked_ago(6_000).left(), Duration::ZERO);
    }

    #[test]
    fn an_answer_that_comes_late_takes_nothing_back() {
        let lease = asked_ago(0);
        lease.renewed(now() - Duration::from_secs(9));
        assert!(lease.left() > Duration::from_secs(5));
    }

    #[test]
    fn no_attempt_lasts_past_the_moment_of_suspension() {
        assert_eq!(asked_ago(0).attempt(), Duration::from_secs(2));
        assert!(asked_ago(3_500).attempt() <= Duration::from_millis(500));
        assert_eq!(asked_ago(5_000).attempt(), Duration::from_secs(2));
    }
}
