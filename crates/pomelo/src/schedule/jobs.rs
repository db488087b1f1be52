//! Which jobs there are and which of them are due: times in, [`Action`]s out. No clock, no task.
//!
//! The times of a job only ever grow. So a time is not run twice, whatever the clock does; times that were missed while
//! the process or the machine slept are run once for all.

use std::{collections::BTreeMap, time::Duration};

use jiff::Zoned;

use super::{CronFn, timetable::Timetable};

/// Most jobs of one server.
pub(super) const JOBS_MAX: usize = 1_000;

/// A clock that was set back further than this was wrong before: jobs begin anew with the time of now. When it is less,
/// they wait until it is later than they have been.
const BACK_MAX: Duration = Duration::from_secs(24 * 3600);

/// All jobs of a server, by their ids.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: BTreeMap<String, Job>,
    /// The next job's serial number.
    serial: u64,
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
    due: Option<Zoned>,
    /// Apart from others that had its id before.
    serial: u64,
    busy: Option<Zoned>,
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
    /// It is due, and still busy with a former time: said in the log.
    Skip { id: String, at: Zoned, since: Zoned },
}

impl Job {
    pub(super) fn new(action: String, function: CronFn, time: String, times: Timetable) -> Self {
        let origin = Origin::Given;
        Self { action, time, origin, function, times, once: false, due: None, serial: 0, busy: None }
    }

    /// When it is due next.
    pub(super) fn due(&self) -> Option<&Zoned> {
        self.due.as_ref()
    }

    fn is_like(&self, other: &Self) -> bool {
        self.action == other.action && self.time == other.time && self.once == other.once
    }
}

impl Jobs {
    /// Adds a job; it is due for the first time after `now`. Says why not.
    pub(super) fn add(&mut self, id: String, mut job: Job, now: &Zoned) -> Result<(), String> {
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
        job.due = job.times.after(now);
        self.jobs.insert(id, job);
        Ok(())
    }

    /// Whether there was one. A run that has begun goes on.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        self.jobs.remove(id).is_some()
    }

    /// Removes what was added and is not among these.
    pub(super) fn keep_added(&mut self, ids: &[&str]) {
        self.jobs.retain(|id, job| job.origin == Origin::Given || ids.contains(&id.as_str()));
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<&Zoned> {
        self.jobs.values().filter_map(|job| job.due.as_ref()).min()
    }

    /// What is due now.
    pub(super) fn due(&mut self, now: &Zoned) -> Vec<Action> {
        let mut actions = Vec::new();
        for (id, job) in &mut self.jobs {
            let Some(due) = job.due.take_if(|due| *due <= *now) else { continue };
            job.due = job.times.after(now);
            let next = job.due.clone();
            match &job.busy {
                Some(since) => {
                    actions.push(Action::Skip { id: id.clone(), at: due, since: since.clone() });
                }
                None => {
                    job.busy = Some(due.clone());
                    actions.push(Action::Begin(Run {
                        id: id.clone(),
                        serial: job.serial,
                        at: due,
                        next,
                        once: job.once,
                    }));
                }
            }
        }
        actions
    }

    /// The function of a run, if its job is still there.
    pub(super) fn function(&self, run: &Run) -> Option<CronFn> {
        self.jobs.get(&run.id).filter(|job| job.serial == run.serial).map(|job| job.function.clone())
    }

    /// A run is over, or was not granted.
    pub(super) fn ended(&mut self, run: &Run) {
        if let Some(job) = self.jobs.get_mut(&run.id).filter(|job| job.serial == run.serial) {
            job.busy = None;
        }
    }

    /// The clock was set back: says whether jobs begin anew.
    pub(super) fn set_back(&mut self, by: Duration, now: &Zoned) -> bool {
        if by <= BACK_MAX {
            return false;
        }
        for job in self.jobs.values_mut() {
            job.due = job.times.after(now);
        }
        true
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

    fn start() -> Zoned {
        date(2026, 11, 23).at(10, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap()
    }

    fn job(time: &str) -> Job {
        let nothing: CronFn = Arc::new(|_| Box::pin(async { Ok(()) }));
        Job::new("a.b".to_owned(), nothing, time.to_owned(), time.parse().unwrap())
    }

    fn begun(jobs: &mut Jobs, now: &Zoned) -> Vec<Run> {
        let run = |action| match action {
            Action::Begin(run) => Some(run),
            Action::Skip { .. } => None,
        };
        jobs.due(now).into_iter().filter_map(run).collect()
    }

    #[test]
    fn a_job_is_due_at_its_times_and_skipped_while_it_is_busy() {
        let (mut jobs, now) = (Jobs::default(), start());
        jobs.add("1".into(), job("*/10 * * * * *"), &now).unwrap();
        assert_eq!(jobs.due(&(&now + 9.seconds())), []);
        let run = begun(&mut jobs, &(&now + 10.seconds())).remove(0);
        assert_eq!((&run.at, run.next.as_ref()), (&(&now + 10.seconds()), Some(&(&now + 20.seconds()))));
        let skipped = jobs.due(&(&now + 20.seconds()));
        assert!(matches!(&skipped[..], [Action::Skip { since, .. }] if *since == &now + 10.seconds()));
        jobs.ended(&run);
        assert_eq!(begun(&mut jobs, &(&now + 30.seconds())).len(), 1);
    }

    #[test]
    fn times_that_were_missed_are_run_once_and_no_time_is_run_twice() {
        let (mut jobs, now) = (Jobs::default(), start());
        jobs.add("1".into(), job("0 * * * * *"), &now).unwrap();
        let later = &now + 3.hours();
        let run = begun(&mut jobs, &later).remove(0);
        jobs.ended(&run);
        assert_eq!(jobs.due(&later), []);
        // An hour back: what was run is not run again.
        let back = &now + 2.hours();
        assert!(!jobs.set_back(Duration::from_secs(3600), &back));
        assert_eq!(jobs.due(&(&back + 30.minutes())), []);
        assert_eq!(begun(&mut jobs, &(&later + 1.minute())).len(), 1);
    }

    #[test]
    fn a_clock_that_was_days_ahead_does_not_keep_jobs_waiting_for_days() {
        let (mut jobs, now) = (Jobs::default(), start());
        jobs.add("1".into(), job("0 * * * * *"), &(&now + 48.hours())).unwrap();
        assert!(jobs.set_back(Duration::from_secs(48 * 3600), &now));
        assert_eq!(begun(&mut jobs, &(&now + 1.minute())).len(), 1);
    }

    #[test]
    fn jobs_come_and_go_and_what_runs_of_a_former_one_is_no_affair_of_the_next() {
        let (mut jobs, now) = (Jobs::default(), start());
        jobs.add("1".into(), job("*/10 * * * * *"), &now).unwrap();
        assert!(jobs.add("1".into(), job("*/5 * * * * *"), &now).unwrap_err().contains("already"));
        assert!(jobs.add("1".into(), job("*/10 * * * * *"), &now).is_ok(), "the same again changes nothing");
        let old = begun(&mut jobs, &(&now + 10.seconds())).remove(0);
        assert!(jobs.remove("1") && !jobs.remove("1"));
        assert_eq!(jobs.next(), None);
        jobs.add("1".into(), job("*/10 * * * * *"), &now).unwrap();
        let new = begun(&mut jobs, &(&now + 20.seconds())).remove(0);
        jobs.ended(&old);
        assert!(matches!(jobs.due(&(&now + 30.seconds()))[..], [Action::Skip { .. }]), "the new one is busy");
        assert!(jobs.function(&old).is_none() && jobs.function(&new).is_some());
    }
}
