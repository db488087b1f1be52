//! Whether a silent process had the chance to speak, as far as the kernel tells of the thread that would: a thread that waits for a
//! processor or for a disk is not one that hangs. Where the kernel tells nothing, every process had its chance.
//!
//! Not here: what is made of it ([`pomelo_cluster::guardian::GuardianState`]).

use std::{
    fs,
    time::{Duration, Instant},
};

/// What is known of the first thread of a process, which makes all decisions of a master.
#[derive(Debug, Default)]
pub(super) struct Chance {
    last: Option<(Instant, Spent)>,
}

/// What a thread did with its time so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent {
    state: State,
    /// It ran.
    ran: Duration,
    /// It could have run, and waited for a processor until it did.
    waited: Duration,
}

/// What a thread does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It runs, or waits for a processor.
    Runnable,
    /// It waits for a disk, and nothing can wake it.
    Disk,
    /// It waits for something else, or was stopped.
    Other,
}

impl Chance {
    /// It was heard: what it does is of no interest.
    pub(super) fn heard(&mut self) {
        self.last = None;
    }

    /// For how long of the time since the last call it had no chance; nothing at first.
    pub(super) fn excused(&mut self, pid: u32, now: Instant) -> Duration {
        let Some(spent) = Spent::of(pid) else { return Duration::ZERO };
        let last = self.last.replace((now, spent));
        last.map_or(Duration::ZERO, |(then, last)| spent.excuse(last, now.saturating_duration_since(then)))
    }
}

impl Spent {
    fn of(pid: u32) -> Option<Self> {
        let thread = format!("/proc/{pid}/task/{pid}");
        let stat = fs::read_to_string(format!("{thread}/stat")).ok()?;
        let schedstat = fs::read_to_string(format!("{thread}/schedstat")).ok()?;
        Self::read(&stat, &schedstat)
    }

    fn read(stat: &str, schedstat: &str) -> Option<Self> {
        // The name before may have anything in it.
        let (_, fields) = stat.rsplit_once(") ")?;
        let state = match fields.chars().next()? {
            'R' => State::Runnable,
            'D' => State::Disk,
            _ => State::Other,
        };
        let mut times = schedstat.split_whitespace().map(|ns| ns.parse().ok().map(Duration::from_nanos));
        let (ran, waited) = (times.next()??, times.next()??);
        // A kernel that does not count says 0 of everybody, and then a thread in an endless loop would seem to wait.
        (!ran.is_zero()).then_some(Self { state, ran, waited })
    }

    /// The part of the time `passed` since `last` in which it could not do anything.
    fn excuse(self, last: Self, passed: Duration) -> Duration {
        let ran = self.ran.saturating_sub(last.ran);
        match self.state {
            // The kernel counts a wait when it is over: this one, if it is one, is all that it did not run.
            State::Runnable | State::Disk => passed.saturating_sub(ran),
            State::Other => self.waited.saturating_sub(last.waited).min(passed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn spent(state: State, ran_ms: u32, waited_ms: u32) -> Spent {
        Spent { state, ran: MS * ran_ms, waited: MS * waited_ms }
    }

    #[test]
    fn who_waits_for_a_processor_or_a_disk_is_excused_and_who_runs_sleeps_or_is_stopped_is_not() {
        let before = spent(State::Other, 10, 5);
        let excuse = |now: Spent| now.excuse(before, MS * 50);
        assert_eq!(excuse(spent(State::Runnable, 10, 5)), MS * 50, "it waits for a processor");
        assert_eq!(excuse(spent(State::Runnable, 60, 5)), Duration::ZERO, "it goes round in circles");
        assert_eq!(excuse(spent(State::Runnable, 20, 5)), MS * 40);
        assert_eq!(excuse(spent(State::Disk, 10, 5)), MS * 50);
        assert_eq!(
            excuse(spent(State::Other, 10, 5)),
            Duration::ZERO,
            "it waits for what never comes, or was stopped"
        );
        assert_eq!(excuse(spent(State::Other, 12, 35)), MS * 30);
        assert_eq!(excuse(spent(State::Other, 12, 500)), MS * 50, "of this time, and not of an earlier one");
    }

    #[test]
    fn what_the_kernel_says_is_understood() {
        let read = Spent::read("7 (a) b) c) D 1 7 7 0 -1", "12000000 3000000 17\n");
        assert_eq!(read, Some(spent(State::Disk, 12, 3)));
        assert_eq!(Spent::read("7 (x) R 1", "1"), None);
        assert_eq!(Spent::read("", "1 2 3"), None);
        assert_eq!(Spent::read("7 (x) R 1", "0 0 0\n"), None, "it counts nothing");
    }

    #[test]
    fn a_thread_that_sleeps_is_not_excused_and_none_that_is_gone() {
        let mut sleeper = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let (pid, now) = (sleeper.id(), Instant::now());
        while Spent::of(pid).is_none_or(|spent| spent.state != State::Other) {
            std::thread::yield_now();
        }
        let mut chance = Chance::default();
        assert_eq!(chance.excused(pid, now), Duration::ZERO, "nothing is known of the time before");
        assert_eq!(chance.excused(pid, now + MS * 50), Duration::ZERO, "it sleeps");
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert_eq!(chance.excused(pid, now + MS * 100), Duration::ZERO, "it is gone");
    }
}
