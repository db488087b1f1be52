//! What robots count. Each thread has one of these and only adds to it; whoever runs them takes it away again and again. Bounded:
//! what has too many names is counted under one.

use std::{collections::HashMap, hash::BuildHasher, time::Duration};

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;

/// Most routes, pushes, and errors that are told apart.
const NAMES_MAX: usize = 256;

/// What is counted for all further ones.
pub(crate) const OTHERS: &str = "(others)";

/// Longest time that is told apart, in microseconds: 10 minutes.
const LONGEST_US: u64 = 600_000_000;

/// Digits that count of a measured time.
const DIGITS: u8 = 2;

/// Counts of one thread, or of all.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) requests: HashMap<String, Timed>,
    /// Counted each by itself, hundreds of thousands a second.
    pub(crate) pushes: FxHashMap<String, u64>,
    /// By what failed and how.
    pub(crate) failures: HashMap<(String, String), Failed>,
    /// Pushes that nobody took in time.
    pub(crate) untaken: u64,
    pub(crate) robots: Robots,
}

/// Where the robots are. Grows only, so that those of several threads can be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Robots {
    /// Began to play for the first time.
    pub(crate) came: u64,
    /// Returned, and do not come again.
    pub(crate) done: u64,
    /// Failed, each time.
    pub(crate) failed: u64,
    /// Began again after that.
    pub(crate) again: u64,
    pub(crate) links_opened: u64,
    pub(crate) links_closed: u64,
}

/// Something that takes time and may fail.
#[derive(Debug)]
pub(crate) struct Timed {
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    /// Of what was answered, in microseconds.
    pub(crate) times: Histogram<u64>,
}

/// Errors of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) times: u64,
    /// The first one, in full.
    pub(crate) example: String,
}

impl Stats {
    /// A request was answered after this time, or failed.
    pub(crate) fn request(&mut self, route: &str, answered: Option<Duration>) {
        let timed = named(&mut self.requests, route, Timed::new);
        match answered {
            Some(time) => timed.answered(time),
            None => timed.failed += 1,
        }
    }

    /// A message was sent that nobody answers.
    pub(crate) fn notify(&mut self, route: &str, sent: bool) {
        let timed = named(&mut self.requests, route, Timed::new);
        if sent { timed.answered += 1 } else { timed.failed += 1 }
    }

    pub(crate) fn pushes(&mut self, route: &str, count: u64) {
        // Asked for each push: nearly always there is one of the name.
        match self.pushes.get_mut(route) {
            Some(known) => *known += count,
            None => *named(&mut self.pushes, route, || 0) += count,
        }
    }

    /// Adds failures of one kind.
    pub(crate) fn failure(&mut self, what: &str, kind: String, times: u64, example: impl FnOnce() -> String) {
        let key = (what.to_owned(), kind);
        let known = self.failures.len() < NAMES_MAX || self.failures.contains_key(&key);
        let key = if known { key } else { (OTHERS.to_owned(), OTHERS.to_owned()) };
        self.failures.entry(key).or_insert_with(|| Failed { times: 0, example: example() }).times += times;
    }

    /// What failed and where the robots are; what was answered and pushed is forgotten.
    pub(crate) fn without_times(self) -> Self {
        Self { requests: HashMap::new(), pushes: FxHashMap::default(), ..self }
    }

    /// Adds what another one counted, which begins anew.
    pub(crate) fn take(&mut self, other: &mut Self) {
        for (route, theirs) in &mut other.requests {
            let ours = named(&mut self.requests, route, Timed::new);
            ours.answered += std::mem::take(&mut theirs.answered);
            ours.failed += std::mem::take(&mut theirs.failed);
            // Both have the same bounds.
            let _ = ours.times.add(&theirs.times);
            theirs.times.reset();
        }
        for (route, theirs) in &mut other.pushes {
            *named(&mut self.pushes, route, || 0) += std::mem::take(theirs);
        }
        for ((what, kind), Failed { times, example }) in other.failures.drain() {
            self.failure(&what, kind, times, || example);
        }
        self.untaken += std::mem::take(&mut other.untaken);
        self.robots.add(std::mem::take(&mut other.robots));
    }
}

impl Robots {
    /// How many play now.
    pub(crate) fn playing(&self) -> u64 {
        (self.came + self.again).saturating_sub(self.done + self.failed)
    }

    /// How many connections are open.
    pub(crate) fn links(&self) -> u64 {
        self.links_opened.saturating_sub(self.links_closed)
    }

    fn add(&mut self, other: Self) {
        self.came += other.came;
        self.done += other.done;
        self.failed += other.failed;
        self.again += other.again;
        self.links_opened += other.links_opened;
        self.links_closed += other.links_closed;
    }
}

impl Timed {
    #[expect(clippy::expect_used, reason = "the bounds are constants that it takes")]
    fn new() -> Self {
        let times = Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("good bounds");
        Self { answered: 0, failed: 0, times }
    }

    fn answered(&mut self, time: Duration) {
        self.answered += 1;
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.times.saturating_record(us.max(1));
    }
}

/// What is counted under this name, or under that of all others if there are too many names.
fn named<'a, T, S: BuildHasher>(
    all: &'a mut HashMap<String, T, S>,
    name: &str,
    new: impl FnOnce() -> T,
) -> &'a mut T {
    let name = if all.contains_key(name) || all.len() < NAMES_MAX { name } else { OTHERS };
    all.entry(name.to_owned()).or_insert_with(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_added_once() {
        let (mut all, mut thread) = (Stats::default(), Stats::default());
        for round in 1..=3 {
            thread.request("a", Some(Duration::from_millis(round)));
            thread.request("a", None);
            thread.pushes("p", 1);
            thread.failure("a", "late".into(), 1, || format!("{round}"));
            thread.robots.came += 1;
            all.take(&mut thread);
            all.take(&mut thread);
        }
        let timed = &all.requests["a"];
        assert_eq!((timed.answered, timed.failed, timed.times.len()), (3, 3, 3));
        assert_eq!((all.pushes["p"], all.robots.came, all.robots.playing()), (3, 3, 3));
        let failed = &all.failures[&("a".to_owned(), "late".to_owned())];
        assert_eq!((failed.times, failed.example.as_str()), (3, "1"));
    }

    #[test]
    fn too_many_names_are_counted_under_one() {
        let mut stats = Stats::default();
        for n in 0..2 * NAMES_MAX {
            stats.request(&format!("r{n}"), None);
            stats.pushes(&format!("p{n}"), 1);
            stats.failure("r", format!("{n}"), 1, String::new);
        }
        assert_eq!((stats.requests[OTHERS].failed, stats.pushes[OTHERS]), (256, 256));
        assert_eq!(stats.failures[&(OTHERS.to_owned(), OTHERS.to_owned())].times, 256);
        assert!(stats.failures.len() <= NAMES_MAX + 1);
    }

    #[test]
    fn times_beyond_all_bounds_are_the_longest() {
        let mut timed = Timed::new();
        for time in [Duration::ZERO, Duration::from_micros(10_000), Duration::MAX] {
            timed.answered(time);
        }
        let near = |value: u64, wanted: u64| value.abs_diff(wanted) <= wanted / 50;
        assert_eq!(timed.times.min(), 1);
        assert!(near(timed.times.value_at_quantile(0.5), 10_000) && near(timed.times.max(), LONGEST_US));
    }

    #[test]
    fn what_failed_while_robots_came_is_not_forgotten_with_what_was_answered() {
        let mut stats = Stats::default();
        stats.request("a", Some(Duration::from_millis(1)));
        stats.pushes("onA", 3);
        stats.failure("connect", "refused".to_owned(), 1, || "refused".to_owned());
        stats.robots.came = 2;
        let warm = stats.without_times();
        assert!(warm.requests.is_empty() && warm.pushes.is_empty());
        assert_eq!((warm.failures.len(), warm.robots.came), (1, 2));
    }
}
