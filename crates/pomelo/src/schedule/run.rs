//! The task that waits for the next time and calls what is due, and the handle by which jobs come and go.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::{Timestamp, tz::TimeZone};
use pomelo_cluster::config::CronEntry;
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    CronRun, Crons,
    jobs::{Action, Job, Jobs, Origin, RUNS_MAX, Run},
    timetable::{Now, Timetable},
};
use crate::{extract::Parts, lock};

/// How long jobs that run may go on after the server was told to stop, before they are dropped.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// How often is looked whether the clock on the wall was set.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Asks the leader whether this server does a job at a time: the job's id, the time in ms since 1970, and for how long an
/// answer is of use.
pub(crate) type AskLeader = Arc<dyn Fn(&str, i64, Duration) -> BoxFuture<'static, Granted> + Send + Sync>;

/// What the leader said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    /// This server does it.
    Here,
    /// Another one does, or did.
    Elsewhere,
    /// No answer in time.
    Nobody(String),
}

/// What time it is, and where.
#[derive(Clone)]
pub(crate) struct Clock {
    pub(super) zone: TimeZone,
    pub(super) now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Clock {
    /// The machine's clock and time zone.
    pub(crate) fn system() -> Self {
        Self { zone: TimeZone::system(), now: Arc::new(Timestamp::now) }
    }

    fn now(&self) -> Now {
        Now { wall: (self.now)().to_zoned(self.zone.clone()), steady: Instant::now() }
    }
}

/// The jobs of a running server.
#[derive(Clone)]
pub(crate) struct Schedule(Arc<Shared>);

struct Shared {
    crons: Crons,
    parts: Parts,
    clock: Clock,
    ask: AskLeader,
    jobs: Mutex<Jobs>,
    changed: Notify,
}

/// A schedule's task.
pub(crate) struct Scheduling {
    stop: watch::Sender<bool>,
    /// One task, which ends when this is dropped.
    task: JoinSet<()>,
}

impl Scheduling {
    /// Begins nothing more, and waits a while for what runs.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.task.join_next().await.is_some() {}
    }
}

impl Schedule {
    /// With the jobs of the code and of `crons.json`, which were checked before.
    pub(crate) fn new(
        crons: Crons,
        entries: &[CronEntry],
        parts: Parts,
        clock: Clock,
        ask: AskLeader,
    ) -> Self {
        let schedule = Self(Arc::new(Shared {
            parts,
            clock,
            ask,
            jobs: Mutex::default(),
            changed: Notify::new(),
            crons,
        }));
        let shared = &schedule.0;
        let now = shared.clock.now();
        for (n, timed) in shared.crons.timed.iter().enumerate() {
            let id = format!("code-{}", n + 1);
            let Ok(times) = timed.times() else { continue };
            let job = Job::new("code".to_owned(), timed.function.clone(), timed.text(), times);
            // There is room for them: they are counted when the application is checked.
            let _ = lock(&shared.jobs).add(id, job, &now);
        }
        for entry in entries {
            if let Err(why) = schedule.add(entry, Origin::Given) {
                tracing::error!(id = entry.id, "job of crons.json: {why}");
            }
        }
        schedule
    }

    /// Adds a job, unless it is another server's. Says why not.
    pub(crate) fn add(&self, entry: &CronEntry, origin: Origin) -> Result<(), String> {
        let Some(job) = self.job(entry, origin)? else { return Ok(()) };
        lock(&self.0.jobs).add(entry.id.clone(), job, &self.0.clock.now())?;
        self.0.changed.notify_one();
        Ok(())
    }

    /// These are the jobs that administrators have added, and no others. One that became another one under its id begins anew.
    pub(crate) fn set_added(&self, entries: &[CronEntry]) {
        let mut new = Vec::new();
        for entry in entries {
            match self.job(entry, Origin::Added) {
                Ok(job) => new.extend(job.map(|job| (entry.id.as_str(), job))),
                Err(why) => tracing::warn!(id = entry.id, "job can't be added: {why}"),
            }
        }
        let now = self.0.clock.now();
        let mut jobs = lock(&self.0.jobs);
        jobs.keep_added(|id, known| new.iter().any(|(new_id, job)| *new_id == id && job.is_like(known)));
        for (id, job) in new {
            if let Err(why) = jobs.add(id.to_owned(), job, &now) {
                tracing::warn!(id, "job can't be added: {why}");
            }
        }
        self.0.changed.notify_one();
    }

    /// What an entry says; nothing if it is another server's.
    fn job(&self, entry: &CronEntry, origin: Origin) -> Result<Option<Job>, String> {
        if entry.server_id.as_ref().is_some_and(|id| *id != self.0.parts.0.me.id) {
            return Ok(None);
        }
        let function = self.0.crons.function(&entry.action)?;
        let times: Timetable = entry.time.parse().map_err(|error| format!("{error}"))?;
        let mut job = Job::new(entry.action.clone(), function, entry.time.clone(), times);
        (job.once, job.origin) = (entry.once, origin);
        Ok(Some(job))
    }

    /// Whether there was such a job.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let removed = lock(&self.0.jobs).remove(id);
        self.0.changed.notify_one();
        removed
    }

    /// Every job with its id, action and next time, whether an administrator added it, since when it runs, and how many times it
    /// skipped because it still ran.
    pub(crate) fn list(&self) -> Value {
        let now = self.0.clock.now();
        let row = |(id, job): (&str, &Job)| {
            json!({
                "id": id,
                "action": job.action,
                "time": job.time,
                "once": job.once,
                "added": job.origin == Origin::Added,
                "next": job.due().map(|due| due.on_the_wall(&now).timestamp().to_string()),
                "busySince": job.busy.as_ref().map(|since| since.timestamp().to_string()),
                "skipped": job.skipped.times,
            })
        };
        lock(&self.0.jobs).list().map(row).collect()
    }

    /// Begins to run them.
    pub(crate) fn start(&self) -> Scheduling {
        let (stop, stopping) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(self.clone().run(stopping));
        Scheduling { stop, task }
    }

    async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut runs = JoinSet::new();
        let mut latest = self.0.clock.now().wall;
        loop {
            tokio::select! {
                _ = stopping.wait_for(|&stop| stop) => break,
                () = sleep(self.wait()) => {}
                () = self.0.changed.notified() => {}
                Some(_) = runs.join_next() => continue,
            }
            let now = self.0.clock.now();
            if now.wall < latest {
                let by = latest.timestamp().duration_since(now.wall.timestamp());
                tracing::warn!(?by, "the clock was set back");
                lock(&self.0.jobs).set_back(&now);
            }
            latest.clone_from(&now.wall);
            let actions = lock(&self.0.jobs).due(&now);
            for action in actions {
                match action {
                    Action::Begin(run) => {
                        runs.spawn(self.clone().begin(run));
                    }
                    Action::Skipped { id, times, since: Some(since) } => {
                        tracing::warn!(id, times, %since, "job was due while it was still busy: skipped");
                    }
                    Action::Skipped { id, times, since: None } => {
                        tracing::error!(id, times, "job was due while {RUNS_MAX} runs hang: skipped");
                    }
                }
            }
        }
        let finished = timeout(FINISH_TIMEOUT, async { while runs.join_next().await.is_some() {} });
        if finished.await.is_err() {
            tracing::warn!(jobs = runs.len(), "jobs did not end in time, dropped");
        }
    }

    /// How long nothing is due.
    fn wait(&self) -> Duration {
        let left = lock(&self.0.jobs).left(&self.0.clock.now());
        left.map_or(LOOK_INTERVAL, |left| left.min(LOOK_INTERVAL))
    }

    async fn begin(self, run: Run) {
        if !run.once || self.is_granted(&run).await {
            self.call(&run).await;
        }
        lock(&self.0.jobs).ended(&run);
        self.0.changed.notify_one();
    }

    async fn is_granted(&self, run: &Run) -> bool {
        let now = (self.0.clock.now)();
        let left = run.next.as_ref().map(|next| next.timestamp().duration_since(now));
        let left = left.map_or(LOOK_INTERVAL, |left| Duration::try_from(left).unwrap_or_default());
        match (self.0.ask)(&run.id, run.at.timestamp().as_millisecond(), left).await {
            Granted::Here => true,
            Granted::Elsewhere => {
                tracing::debug!(id = run.id, at = %run.at, "job is done by another server");
                false
            }
            Granted::Nobody(why) => {
                tracing::error!(id = run.id, at = %run.at, why, "no leader said who does the job: not run here");
                false
            }
        }
    }

    async fn call(&self, run: &Run) {
        let Some(function) = lock(&self.0.jobs).function(run) else { return };
        let context = CronRun { parts: self.0.parts.clone(), id: run.id.as_str().into(), at: run.at.clone() };
        let begin = async { function(context).await };
        match AssertUnwindSafe(begin).catch_unwind().await {
            Ok(Ok(())) => tracing::debug!(id = run.id, at = %run.at, "job is done"),
            Ok(Err(error)) => tracing::error!(id = run.id, at = %run.at, %error, "job failed"),
            // The panic hook has told where.
            Err(_) => tracing::error!(id = run.id, at = %run.at, "job panicked"),
        }
    }
}
