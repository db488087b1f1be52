//! What servers do at certain times: functions of the application, called as `crons.json`, the code or an administrator
//! says.
//!
//! [`timetable`] knows when, [`jobs`] decides what is due, [`run`] owns the clock and the tasks. Which server does a job
//! that is to be done once per cluster is the leader's to say.

mod jobs;
mod run;
#[cfg(test)]
pub(crate) mod tests;
mod timetable;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Zoned;
use pomelo_cluster::config::CronEntry;

use crate::{
    Context, Error, Extract, Hook, Needs, Server,
    extract::Parts,
    handler::{HookFn, hook_fn},
};

use self::timetable::{TimeError, Timetable};

pub(crate) use self::{
    jobs::Origin,
    run::{AskLeader, Clock, Granted, Schedule},
};

/// A function that is called at certain times, by the name that `crons.json` has for it as `action`.
///
/// ```
/// use pomelo::{Cron, Result, Server};
///
/// const SEND_MONEY: Cron = Cron::new("chatCron.sendMoney");
///
/// async fn send_money() -> Result<()> {
///     Ok(())
/// }
///
/// # let server = Server::default();
/// server.cron(SEND_MONEY, send_money);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron(&'static str);

impl Cron {
    /// `name.method`. In a `const`, anything else does not compile; elsewhere it panics.
    pub const fn new(action: &'static str) -> Self {
        let bytes = action.as_bytes();
        let (mut dots, mut n) = (0, 0);
        while n < bytes.len() {
            if bytes[n] == b'.' {
                dots += 1;
                assert!(n > 0 && n + 1 < bytes.len(), "an action has two non-empty parts: name.method");
            }
            n += 1;
        }
        assert!(dots == 1, "an action has two non-empty parts: name.method");
        Self(action)
    }

    /// As `crons.json` has it.
    pub const fn name(&self) -> &'static str {
        self.0
    }
}

/// One call of a job.
#[derive(Clone)]
pub struct CronRun {
    pub(crate) parts: Parts,
    pub(crate) id: Arc<str>,
    pub(crate) at: Zoned,
}

impl Context for CronRun {
    fn parts(&self) -> &Parts {
        &self.parts
    }
}

/// Which job is called and for which time, as an argument of its function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The job's id: of `crons.json`, or `code-1`, `code-2` for what the code says.
    pub id: Arc<str>,
    /// When it was due, in ms since 1970. The same on every server.
    pub at_ms: i64,
}

impl Extract<CronRun> for Due {
    fn extract(run: &CronRun) -> Result<Self, Error> {
        Ok(Self { id: Arc::clone(&run.id), at_ms: run.at.timestamp().as_millisecond() })
    }
}

pub(crate) type CronFn = HookFn<CronRun>;

/// What servers of one type can do at certain times.
#[derive(Clone, Default)]
pub(crate) struct Crons {
    /// By their actions.
    named: HashMap<&'static str, Named>,
    /// With their times.
    timed: Vec<Timed>,
    twice: Vec<&'static str>,
}

#[derive(Clone)]
struct Named {
    function: CronFn,
    needs: fn(&mut Needs<'_>),
}

/// A job of the code.
#[derive(Clone)]
struct Timed {
    when: When,
    function: CronFn,
    needs: fn(&mut Needs<'_>),
}

#[derive(Clone)]
enum When {
    At(String),
    Every(Duration),
}

impl Server {
    /// The function for an action of `crons.json`. Its arguments are extracted: [`State`](crate::State),
    /// [`Rpc`](crate::Rpc), [`Channels`](crate::Channels), [`Me`](crate::Me), [`Due`], ...
    ///
    /// A time that comes while the job is still at work is skipped, and that is said in the log, at most once a minute for each
    /// job and with how many there were; so are errors and panics.
    ///
    /// When the machine's clock is set back, a job goes on at the next time that it shows. Times that were run before come
    /// again only if the job would have to rest for more than one of its own intervals, and for more than 10 s, otherwise.
    pub fn cron<Args, H: Hook<CronRun, Args>>(mut self, cron: Cron, function: H) -> Self {
        let named = Named { function: hook_fn(function), needs: H::needs };
        if self.crons.named.insert(cron.name(), named).is_some() {
            self.crons.twice.push(cron.name());
        }
        self
    }

    /// Calls a function at these times, on every server of the type: six fields, as in `crons.json`.
    ///
    /// ```
    /// # use pomelo::{Result, Server};
    /// # let server = Server::default();
    /// server.cron_at("0 */5 * * * *", || async { Ok::<(), pomelo::Error>(()) });
    /// ```
    ///
    /// A text that says no time is found when the server starts.
    pub fn cron_at<Args, H: Hook<CronRun, Args>>(mut self, time: impl Into<String>, function: H) -> Self {
        let when = When::At(time.into());
        self.crons.timed.push(Timed { when, function: hook_fn(function), needs: H::needs });
        self
    }

    /// Calls a function again and again, for the first time after one interval; not faster than every 10 ms. It does not
    /// matter when the machine's clock is set.
    pub fn every<Args, H: Hook<CronRun, Args>>(mut self, interval: Duration, function: H) -> Self {
        let when = When::Every(interval);
        self.crons.timed.push(Timed { when, function: hook_fn(function), needs: H::needs });
        self
    }
}

impl Timed {
    fn times(&self) -> Result<Timetable, TimeError> {
        match &self.when {
            When::At(time) => time.parse(),
            When::Every(interval) => Ok(Timetable::every(*interval)),
        }
    }

    fn text(&self) -> String {
        match &self.when {
            When::At(time) => format!("at {time}"),
            When::Every(interval) => format!("every {interval:?}"),
        }
    }
}

impl Crons {
    fn function(&self, action: &str) -> Result<CronFn, String> {
        let known = || {
            let mut names: Vec<_> = self.named.keys().copied().collect();
            names.sort_unstable();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let named = self.named.get(action);
        let unknown = || format!("action {action:?} is unknown, the application has: {}", known());
        named.map(|named| named.function.clone()).ok_or_else(unknown)
    }

    /// Names, and what their functions need.
    pub(crate) fn needs(&self) -> impl Iterator<Item = (&'static str, fn(&mut Needs<'_>))> {
        let named = self.named.iter().map(|(name, named)| (*name, named.needs));
        named.chain(self.timed.iter().map(|timed| ("a job", timed.needs)))
    }

    /// What does not fit together, in words.
    pub(crate) fn problems(&self, entries: &[CronEntry]) -> Vec<String> {
        let twice = self.twice.iter().map(|name| format!("cron {name:?} is registered twice"));
        let times = self.timed.iter().filter_map(|timed| timed.times().err()).map(|error| error.to_string());
        let actions = entries.iter().filter_map(|entry| {
            let why = self
                .function(&entry.action)
                .err()
                .or_else(|| entry.time.parse::<Timetable>().err().map(|error| error.to_string()))?;
            Some(format!("crons.json, job {:?}: {why}", entry.id))
        });
        let all = entries.len() + self.timed.len();
        let many =
            (all > jobs::JOBS_MAX).then(|| format!("{all} jobs, at most {} are possible", jobs::JOBS_MAX));
        twice.chain(times).chain(actions).chain(many).collect()
    }
}
