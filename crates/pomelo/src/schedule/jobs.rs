//! Which jobs there are and which of them are due: times in, [`Action`]s out. No clock, no task.
//!
//! While clocks go forward the times of a job only grow, so that none is run twice; times that were missed while the process
//! or the machine slept are run once for all. A clock that is set back changes nothing for what is done every so often. What
//! follows the clock on the wall goes on at the next time that this clock shows, with one exception: times that were run are
//! left out as long as that costs the job no more than one of its own intervals, or [`BACK_MAX`]. So nothing daily is done
//! twice a day because of an hour, and nothing done every minute rests for an hour.

use std::{collections::BTreeMap, time::Duration};

use jiff::Zoned;
use tokio::time::Instant;

use super::{
    CronFn,
    timetable::{Due, Now, Timetable},
};

/// Most jobs of one server.
pub(super) const JOBS_MAX: usize = 1_000;

/// Most runs at once: of all jobs, and of as many former ones that hang. At the limit nothing is begun.
pub(super) const RUNS_MAX: usize = 2 * JOBS_MAX;

/// A clock that is set back by no more than this makes no time come twice, however often the job is done.
const BACK_MAX: Duration = Duration::from_secs(10);

/// What a job skips is told at most so often.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// All jobs of a server, by their ids.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: BTreeMap<String, Job>,
    /// The next job's serial number.
    serial: u64,
    /// Runs that have not ended, also of jobs that are gone.
    running: usize,
}

/// Where a job comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The code, or `crons.json`.
    Given,
    /// An administrator.
    Added,
}

/// What is done at certain times.
pub(super) struct Job {
    pub(super) action: String,
    /// As it was written.
    pub(super) time: String,
    pub(super) origin: Origin,
    pub(super) function: CronFn,
    pub(super) times: Timetable,
    /// Whether the leader says which server does it.
    pub(super) once: bool,
    /// None when there are no more.
    due: Option<Due>,
    /// The latest time of the clock on the wall that was run or skipped.
    last: Option<Zoned>,
    /// Apart from others that had its id before.
    serial: u64,
    /// Since when it runs.
    pub(super) busy: Option<Zoned>,
    pub(super) skipped: Skipped,
}

/// The times of a job that were left out, because it was still busy.
#[derive(Default)]
pub(super) struct Skipped {
    /// All of them.
    pub(super) times: u64,
    untold: u64,
    told: Option<Instant>,
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) serial: u64,
    /// When it was due.
    pub(super) at: Zoned,
    /// When the job is due next.
    pub(super) next: Option<Zoned>,
    /// Whether the leader has to be asked.
    pub(super) once: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Its function is to be called.
    Begin(Run),
    /// It was due, and so many times since this was told last; but it is busy since then, or (without `since`) too much
    /// else is. Said in the log.
    Skipped { id: String, times: u64, since: Option<Zoned> },
}

impl Job {
    pub(super) fn new(action: String, function: CronFn, time: String, times: Timetable) -> Self {
        Self {
            action,
            time,
            origin: Origin::Given,
            function,
            times,
            once: false,
            due: None,
            last: None,
            serial: 0,
            busy: None,
            skipped: Skipped::default(),
        }
    }

    /// When it is due next.
    pub(super) fn due(&self) -> Option<&Due> {
        self.due.as_ref()
    }

    /// Whether it does the same at the same times.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.action == other.action && self.time == other.time && self.once == other.once
    }

    /// The clock on the wall was set back to `now`.
    fn set_back(&mut self, now: &Now) {
        if !matches!(self.due, Some(Due::Wall(_))) {
            return;
        }
        let done = self.last.as_ref().filter(|last| self.may_wait_for(last, &now.wall));
        self.due = self.times.next_on_the_wall(done.unwrap_or(&now.wall)).map(Due::Wall);
    }

    /// Whether it may rest until the clock shows again what it showed when the job was done last.
    fn may_wait_for(&self, last: &Zoned, now: &Zoned) -> bool {
        let between = |from: &Zoned, to: &Zoned| {
            Duration::try_from(to.timestamp().duration_since(from.timestamp())).unwrap_or_default()
        };
        let interval = self.times.next_on_the_wall(last).map(|next| between(last, &next));
        last > now && between(now, last) <= interval.unwrap_or_default().max(BACK_MAX)
    }
}

impl Skipped {
    /// One more. How many are to be told of now, if so.
    fn one(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        self.untold += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < TELL_INTERVAL) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

impl Jobs {
    /// Adds a job; it is due for the first time after `now`. Says why not.
    pub(super) fn add(&mut self, id: String, mut job: Job, now: &Now) -> Result<(), String> {
        if let Some(known) = self.jobs.get(&id) {
            // A master that has just come to lead tells what the former one did.
            if known.is_like(&job) {
                return Ok(());
            }
            return Err(format!("there is a job with the id {id:?} already"));
        }
        if self.jobs.len() >= JOBS_MAX {
            return Err(format!("there are {JOBS_MAX} jobs already, as many as possible"));
        }
        self.serial += 1;
        job.serial = self.serial;
        job.due = job.times.next(now);
        self.jobs.insert(id, job);
        Ok(())
    }

    /// Whether there was one. A run that has begun goes on.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        self.jobs.remove(id).is_some()
    }

    /// Removes what was added and is not (any more) as it should be.
    pub(super) fn keep_added(&mut self, is_right: impl Fn(&str, &Job) -> bool) {
        self.jobs.retain(|id, job| job.origin == Origin::Given || is_right(id, job));
    }

    /// How long nothing is due.
    pub(super) fn left(&self, now: &Now) -> Option<Duration> {
        self.jobs.values().filter_map(|job| Some(job.due.as_ref()?.left(now))).min()
    }

    /// What is due now.
    pub(super) fn due(&mut self, now: &Now) -> Vec<Action> {
        let mut actions = Vec::new();
        for (id, job) in &mut self.jobs {
            let Some(due) = job.due.take_if(|due| due.left(now).is_zero()) else { continue };
            job.due = job.times.next(now);
            let at = due.on_the_wall(now);
            job.last = Some(at.clone());
            if job.busy.is_some() || self.running >= RUNS_MAX {
                let since = job.busy.clone();
                let told = job.skipped.one(now.steady);
                actions.extend(told.map(|times| Action::Skipped { id: id.clone(), times, since }));
                continue;
            }
            self.running += 1;
            job.busy = Some(at.clone());
            let next = job.due.as_ref().map(|due| due.on_the_wall(now));
            actions.push(Action::Begin(Run { id: id.clone(), serial: job.serial, at, next, once: job.once }));
        }
        actions
    }

    /// The function of a run, if its job is still there.
    pub(super) fn function(&self, run: &Run) -> Option<CronFn> {
        self.jobs.get(&run.id).filter(|job| job.serial == run.serial).map(|job| job.function.clone())
    }

    /// A run is over, or was not granted.
    pub(super) fn ended(&mut self, run: &Run) {
        self.running = self.running.saturating_sub(1);
        if let Some(job) = self.jobs.get_mut(&run.id).filter(|job| job.serial == run.serial) {
            job.busy = None;
        }
    }

    /// The clock on the wall was set back to `now`.
    pub(super) fn set_back(&mut self, now: &Now) {
        self.jobs.values_mut().for_each(|job| job.set_back(now));
    }

    /// All of them, by their ids.
    pub(super) fn list(&self) -> impl Iterator<Item = (&str, &Job)> {
        self.jobs.iter().map(|(id, job)| (id.as_str(), job))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::{ToSpan as _, civil::date, tz::TimeZone};

    use super::*;

    /// So many seconds after the start, on both clocks.
    fn at(start: Instant, seconds: i64) -> Now {
        let wall = date(2026, 11, 23).at(10, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
        Now { wall: &wall + seconds.seconds(), steady: start + Duration::from_secs(seconds.unsigned_abs()) }
    }

    fn job(time: &str) -> Job {
        let nothing: CronFn = Arc::new(|_| Box::pin(async { Ok(()) }));
        Job::new("a.b".to_owned(), nothing, time.to_owned(), time.parse().unwrap())
    }

    fn with(id: &str, time: &str, now: &Now) -> Jobs {
        let mut jobs = Jobs::default();
        jobs.add(id.into(), job(time), now).unwrap();
        jobs
    }

    fn begun(jobs: &mut Jobs, now: &Now) -> Vec<Run> {
        let run = |action| match action {
            Action::Begin(run) => Some(run),
            Action::Skipped { .. } => None,
        };
        jobs.due(now).into_iter().filter_map(run).collect()
    }

    #[test]
    fn a_job_is_due_at_its_times_and_skipped_while_it_is_busy() {
        let start = Instant::now();
        let mut jobs = with("1", "*/10 * * * * *", &at(start, 0));
        assert_eq!(jobs.due(&at(start, 9)), []);
        let run = begun(&mut jobs, &at(start, 10)).remove(0);
        assert_eq!((&run.at, run.next.as_ref()), (&at(start, 10).wall, Some(&at(start, 20).wall)));
        let since = Some(at(start, 10).wall);
        assert_eq!(jobs.due(&at(start, 20)), [Action::Skipped { id: "1".into(), times: 1, since }]);
        jobs.ended(&run);
        assert_eq!(begun(&mut jobs, &at(start, 30)).len(), 1);
    }

    #[test]
    fn a_job_that_hangs_is_told_of_once_a_minute_with_all_that_it_skipped() {
        let start = Instant::now();
        let mut jobs = with("1", "* * * * * *", &at(start, 0));
        let told: Vec<_> = (1..=122).flat_map(|second| jobs.due(&at(start, second))).skip(1).collect();
        let times: Vec<_> = told
            .iter()
            .map(|action| match action {
                Action::Skipped { times, .. } => *times,
                Action::Begin(_) => 0,
            })
            .collect();
        assert_eq!(times, [1, 60, 60]);
        assert_eq!(jobs.list().next().unwrap().1.skipped.times, 121);
    }

    #[test]
    fn runs_of_former_jobs_that_hang_are_limited_in_number() {
        let start = Instant::now();
        let mut jobs = Jobs::default();
        for second in 1..=RUNS_MAX as i64 {
            jobs.add("1".into(), job("* * * * * *"), &at(start, second - 1)).unwrap();
            assert_eq!(begun(&mut jobs, &at(start, second)).len(), 1);
            jobs.remove("1");
        }
        let now = RUNS_MAX as i64;
        jobs.add("1".into(), job("* * * * * *"), &at(start, now)).unwrap();
        let skipped = Action::Skipped { id: "1".into(), times: 1, since: None };
        assert_eq!(jobs.due(&at(start, now + 1)), [skipped]);
        let one = Run { id: "1".into(), serial: 1, at: at(start, 1).wall, next: None, once: false };
        jobs.ended(&one);
        assert_eq!(begun(&mut jobs, &at(start, now + 2)).len(), 1);
    }

    #[test]
    fn times_that_were_missed_are_run_once_for_all() {
        let start = Instant::now();
        let mut jobs = with("1", "0 * * * * *", &at(start, 0));
        let run = begun(&mut jobs, &at(start, 3 * 3600)).remove(0);
        jobs.ended(&run);
        assert_eq!(jobs.due(&at(start, 3 * 3600)), []);
        assert_eq!(begun(&mut jobs, &at(start, 3 * 3600 + 60)).len(), 1);
    }

    /// When a job that was done at 10:00:00 + `done` is due next, in seconds after the clock was set to 10:00:00 + `to`.
    fn rests(time: &str, done: i64, to: i64) -> u64 {
        let start = Instant::now();
        let mut jobs = with("1", time, &at(start, done - 1));
        let run = begun(&mut jobs, &at(start, done)).remove(0);
        jobs.ended(&run);
        jobs.set_back(&at(start, to));
        jobs.left(&at(start, to)).unwrap().as_secs()
    }

    #[test]
    fn a_job_rests_for_one_of_its_own_intervals_at_most_when_the_clock_is_set_back() {
        assert_eq!(rests("0 * * * * *", 3600, 3590), 70, "by less than the interval: nothing comes twice");
        assert_eq!(rests("0 * * * * *", 3600, 5), 55, "by more: it goes on");
        assert_eq!(rests("* * * * * *", 20, 10), 11, "a few seconds never come twice");
        assert_eq!(rests("* * * * * *", 20, 9), 1);
        assert_eq!(rests("0 0 11 * * *", 3600, 0), 25 * 3600, "nothing daily is done twice a day");
        assert_eq!(
            rests("0 0 11 * * *", 3600, -10 * 24 * 3600),
            3600,
            "a clock that was days ahead is forgotten"
        );
    }

    #[test]
    fn a_clock_that_was_days_ahead_before_the_first_time_keeps_no_job_waiting_for_days() {
        let start = Instant::now();
        let mut jobs = with("1", "0 * * * * *", &at(start, 48 * 3600));
        jobs.set_back(&at(start, 0));
        assert_eq!(begun(&mut jobs, &at(start, 60)).len(), 1);
    }

    #[test]
    fn jobs_come_and_go_and_what_runs_of_a_former_one_is_no_affair_of_the_next() {
        let start = Instant::now();
        let mut jobs = with("1", "*/10 * * * * *", &at(start, 0));
        let now = at(start, 0);
        assert!(jobs.add("1".into(), job("*/5 * * * * *"), &now).unwrap_err().contains("already"));
        assert!(jobs.add("1".into(), job("*/10 * * * * *"), &now).is_ok(), "the same again changes nothing");
        let old = begun(&mut jobs, &at(start, 10)).remove(0);
        assert!(jobs.remove("1") && !jobs.remove("1"));
        assert_eq!(jobs.left(&now), None);
        jobs.add("1".into(), job("*/10 * * * * *"), &at(start, 10)).unwrap();
        let new = begun(&mut jobs, &at(start, 20)).remove(0);
        jobs.ended(&old);
        assert!(matches!(jobs.due(&at(start, 30))[..], [Action::Skipped { .. }]), "the new one is busy");
        assert!(jobs.function(&old).is_none() && jobs.function(&new).is_some());
    }
}
