//! What an agent decides about the servers of its machine: a state machine. Facts and the time in, [`Do`]s out; the
//! supervisor owns the processes and the links and carries them out.
//!
//! A server is started only with a claim: the active master's word, in an epoch that is not lower than the highest this
//! machine has seen, that this life of the server may begin. So no server is started twice, whoever believes to lead.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use pomelo_cluster::guardian::Backoff;
use pomelo_protocol::{ServerId, ServerInfo};
use serde_json::{Map, Value};

/// Pause before the active master is asked again for what it did not agree to start.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Servers named in one question; the others are asked for next.
const ASK_MAX: usize = 1024;

/// Restarts ordered and not done, each of any number of servers; one more is refused.
const RESTARTS_MAX: usize = 16;

/// How long the death of a server is told again to a master that begins to lead: the one that was told may be dead, too.
const DIED_AGAIN: Duration = Duration::from_secs(30);

/// Deaths that are remembered for that; an older one is forgotten.
const DIED_KEPT_MAX: usize = 1024;

/// Why a server is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Somebody said `pomelo start`.
    Asked,
    /// It died, and its entry says `auto-restart`.
    Died,
}

impl Why {
    /// As the master knows it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Died => "died",
        }
    }
}

/// Number of an order to restart servers, for its answer.
pub(super) type Ticket = u64;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Do {
    /// Start this server; its record says which life of it this is. [`Agent::started`] or [`Agent::not_started`] follows.
    Spawn(ServerInfo),
    /// End this child.
    Terminate(ServerId),
    /// End this child, which did not end when it was told to.
    Kill(ServerId),
    /// Tell every master that these lives are over.
    TellDied(Vec<(ServerId, u64)>),
    /// Answer an order: the new process of each server, or why there is none.
    Answer(Ticket, Result<Map<String, Value>, String>),
    /// Tell the person at the terminal.
    Say(String),
}

/// The servers of one machine, as far as this agent starts and ends them.
#[derive(Debug, Default)]
pub(super) struct Agent {
    /// Every server of the configuration, with its options that matter here.
    known: BTreeMap<ServerId, Known>,
    /// What no master has agreed to start yet, and when it is asked for.
    pending: BTreeMap<ServerId, (Why, Instant)>,
    /// What is asked at the moment.
    asking: Option<BTreeSet<ServerId>>,
    ask_at: Option<Instant>,
    children: BTreeMap<ServerId, Life>,
    restarts: BTreeMap<Ticket, Restart>,
    died: Vec<(Instant, ServerId, u64)>,
    grace: Duration,
    ending: bool,
}

#[derive(Debug)]
struct Known {
    info: ServerInfo,
    auto_restart: bool,
    backoff: Backoff,
}

#[derive(Debug)]
struct Life {
    incarnation: Option<u64>,
    started: Instant,
    /// It is to be started again with this incarnation once it has ended.
    restarting: Option<Restarting>,
}

#[derive(Clone, Copy, Debug)]
struct Restarting {
    incarnation: u64,
    kill_at: Option<Instant>,
}

/// An order under way.
#[derive(Debug, Default)]
struct Restart {
    waiting: BTreeSet<ServerId>,
    done: Map<String, Value>,
}

impl Agent {
    /// Knows these servers and starts none. `grace` is how long one that is started again may take to end.
    pub(super) fn new(known: impl IntoIterator<Item = (ServerInfo, bool)>, grace: Duration) -> Self {
        let one = |(info, auto_restart): (ServerInfo, bool)| {
            (info.id.clone(), Known { info, auto_restart, backoff: Backoff::default() })
        };
        Self { known: known.into_iter().map(one).collect(), grace, ..Self::default() }
    }

    /// These servers are to be started.
    pub(super) fn want(&mut self, ids: impl IntoIterator<Item = ServerId>, now: Instant) {
        self.pending.extend(ids.into_iter().map(|id| (id, (Why::Asked, now))));
    }

    /// Whether something is to be started that does not run.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Which life of a server runs here, if the active master has said so.
    pub(super) fn life(&self, id: &ServerId) -> Option<u64> {
        self.children.get(id)?.incarnation
    }

    /// The servers that this agent keeps: those that run here, and those that are started again. Masters are told, so that they
    /// know whom to ask for another life of one.
    pub(super) fn keeps(&self) -> BTreeSet<ServerId> {
        let died = self.pending.iter().filter(|(_, (why, _))| *why == Why::Died).map(|(id, _)| id);
        self.children.keys().chain(died).cloned().collect()
    }

    /// What to ask the active master now, if anything: may these be started? To be followed by [`Agent::answered`].
    pub(super) fn ask(&mut self, now: Instant) -> Option<(Why, Vec<ServerId>)> {
        if self.ending || self.asking.is_some() || self.ask_at.is_some_and(|at| at > now) {
            return None;
        }
        let due = |(_, at): &(Why, Instant)| *at <= now;
        let why = self.pending.values().filter(|pending| due(pending)).map(|(why, _)| *why).min()?;
        let of_that_kind = |(id, pending): (&ServerId, &(Why, Instant))| {
            (pending.0 == why && due(pending)).then(|| id.clone())
        };
        let ids: Vec<ServerId> = self.pending.iter().filter_map(of_that_kind).take(ASK_MAX).collect();
        self.asking = Some(ids.iter().cloned().collect());
        Some((why, ids))
    }

    /// What the active master says to that; `None` if it did not. `max_epoch` is the highest epoch seen.
    pub(super) fn answered(&mut self, answer: Option<&Value>, max_epoch: u64, now: Instant) -> Vec<Do> {
        let asked = self.asking.take().unwrap_or_default();
        self.ask_at = Some(now + ASK_AGAIN);
        let Some(answer) = answer else { return Vec::new() }; // another master may lead by the next time
        // A master of the original's kind, or an older one of ours, has no epoch to say.
        if let Some(epoch) = answer["epoch"].as_u64().filter(|epoch| *epoch < max_epoch) {
            return vec![Do::Say(format!(
                "a master of epoch {epoch} agreed to start servers: refused, because epoch {max_epoch} has begun"
            ))];
        }
        let named = |field: &str| -> Vec<ServerId> {
            let ids = answer[field].as_array().map_or(&[][..], Vec::as_slice);
            ids.iter().filter_map(|id| id.as_str()?.parse().ok()).filter(|id| asked.contains(id)).collect()
        };
        let mut dos = Vec::new();
        for id in named("running") {
            if self.pending.remove(&id).is_some() {
                dos.push(Do::Say(format!("{id} runs already")));
            }
        }
        for id in named("stopped") {
            if self.pending.remove(&id).is_some() {
                dos.push(Do::Say(format!(
                    "{id} was stopped on purpose and is not started again; `pomelo start -i {id}` does so"
                )));
            }
        }
        for id in named("spawn") {
            if self.ending || self.pending.remove(&id).is_none() {
                continue;
            }
            dos.extend(self.spawn(&id, answer["claims"][id.as_str()].as_u64()));
        }
        // What it agreed to at once leaves nothing to wait for; the rest may be refused for a reason that passes.
        if self.pending.is_empty() {
            self.ask_at = None;
        }
        dos
    }

    /// A child runs.
    pub(super) fn started(
        &mut self,
        id: &ServerId,
        incarnation: Option<u64>,
        pid: u32,
        now: Instant,
    ) -> Vec<Do> {
        self.children.insert(id.clone(), Life { incarnation, started: now, restarting: None });
        self.restarted(id, Some(pid))
    }

    /// A child could not be started. Whether that is the end of everything, the supervisor decides.
    pub(super) fn not_started(&mut self, id: &ServerId, now: Instant) -> Vec<Do> {
        let mut dos = self.restarted(id, None);
        dos.extend(self.again(id, Duration::ZERO, now));
        dos
    }

    /// A child has ended; `well` if it did so by itself, because it was asked to.
    pub(super) fn ended(&mut self, id: &ServerId, well: bool, now: Instant) -> Vec<Do> {
        let Some(life) = self.children.remove(id) else { return Vec::new() };
        let mut dos = Vec::new();
        if let Some(incarnation) = life.incarnation {
            dos.push(Do::TellDied(vec![(id.clone(), incarnation)]));
            if self.died.len() >= DIED_KEPT_MAX {
                self.died.remove(0);
            }
            self.died.push((now, id.clone(), incarnation));
        }
        match life.restarting {
            Some(restarting) if !self.ending => dos.extend(self.spawn(id, Some(restarting.incarnation))),
            None if !well => dos.extend(self.again(id, now.saturating_duration_since(life.started), now)),
            Some(_) | None => {}
        }
        dos
    }

    /// Whether this child is on its way out because it is started again.
    pub(super) fn is_restarting(&self, id: &ServerId) -> bool {
        self.children.get(id).is_some_and(|life| life.restarting.is_some())
    }

    /// The active master wants these servers to begin another life, which it has claimed for them.
    pub(super) fn restart(
        &mut self,
        ticket: Ticket,
        claims: BTreeMap<ServerId, u64>,
        now: Instant,
    ) -> Vec<Do> {
        if self.ending {
            return vec![Do::Answer(ticket, Err("everything here is being ended".to_owned()))];
        }
        if self.restarts.len() >= RESTARTS_MAX {
            return vec![Do::Answer(ticket, Err(format!("{RESTARTS_MAX} restarts are under way here")))];
        }
        if let Some(id) = claims.keys().find(|id| !self.known.contains_key(*id)) {
            return vec![Do::Answer(ticket, Err(format!("{id} is not in config/servers.json here")))];
        }
        let mut dos = Vec::new();
        let waiting: BTreeSet<ServerId> = claims.keys().cloned().collect();
        if waiting.is_empty() {
            return vec![Do::Answer(ticket, Err("restart names no server".to_owned()))];
        }
        self.restarts.insert(ticket, Restart { waiting, done: Map::new() });
        for (id, incarnation) in claims {
            self.pending.remove(&id);
            match self.children.get_mut(&id) {
                Some(life) => {
                    dos.push(Do::Say(format!("{id} is started again, as the master said")));
                    dos.push(Do::Terminate(id));
                    life.restarting = Some(Restarting { incarnation, kill_at: Some(now + self.grace) });
                }
                None => dos.extend(self.spawn(&id, Some(incarnation))),
            }
        }
        dos
    }

    /// Another master leads, or the link to it is there again: what may have been told to a dead one.
    pub(super) fn led_by_another(&mut self, now: Instant) -> Vec<Do> {
        self.ask_at = None;
        self.died.retain(|(at, ..)| now.saturating_duration_since(*at) < DIED_AGAIN);
        if self.died.is_empty() {
            return Vec::new();
        }
        vec![Do::TellDied(self.died.iter().map(|(_, id, incarnation)| (id.clone(), *incarnation)).collect())]
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Do> {
        let mut dos = Vec::new();
        for (id, life) in &mut self.children {
            let Some(restarting) = &mut life.restarting else { continue };
            if restarting.kill_at.is_some_and(|at| at <= now) {
                restarting.kill_at = None;
                dos.push(Do::Say(format!("{id} does not end; killing it")));
                dos.push(Do::Kill(id.clone()));
            }
        }
        dos
    }

    /// When something is due next, if anything is. Without an active master nobody can be asked.
    pub(super) fn due(&self, linked: bool) -> Option<Instant> {
        let kill = self.children.values().filter_map(|life| life.restarting?.kill_at).min();
        let asks = linked && self.asking.is_none() && !self.ending;
        let ask = self.pending.values().map(|(_, at)| *at).min().filter(|_| asks);
        let ask = ask.map(|at| self.ask_at.map_or(at, |not_before| at.max(not_before)));
        kill.into_iter().chain(ask).min()
    }

    /// Everything is to end: nothing more is started.
    pub(super) fn end(&mut self) -> Vec<Do> {
        self.ending = true;
        self.pending.clear();
        let restarts = std::mem::take(&mut self.restarts);
        let refuse = |ticket| Do::Answer(ticket, Err("everything here is being ended".to_owned()));
        restarts.into_keys().map(refuse).collect()
    }

    /// It died: again after a pause, if its entry says so.
    fn again(&mut self, id: &ServerId, lived: Duration, now: Instant) -> Vec<Do> {
        let Some(known) = self.known.get_mut(id).filter(|known| known.auto_restart && !self.ending) else {
            return Vec::new();
        };
        let pause = known.backoff.pause(lived);
        self.pending.insert(id.clone(), (Why::Died, now + pause));
        vec![Do::Say(format!("{id}: asking the active master to start it again in {} ms", pause.as_millis()))]
    }

    fn spawn(&self, id: &ServerId, incarnation: Option<u64>) -> Option<Do> {
        let info = self.known.get(id)?.info.clone();
        Some(Do::Spawn(ServerInfo { incarnation, ..info }))
    }

    fn restarted(&mut self, id: &ServerId, pid: Option<u32>) -> Vec<Do> {
        let mut dos = Vec::new();
        for (ticket, restart) in &mut self.restarts {
            if restart.waiting.remove(id) {
                restart.done.insert(id.to_string(), pid.into());
            }
            if restart.waiting.is_empty() {
                let done = std::mem::take(&mut restart.done);
                dos.push(Do::Answer(*ticket, Ok(done)));
            }
        }
        self.restarts.retain(|_, restart| !restart.waiting.is_empty());
        dos
    }
}

#[cfg(test)]
mod tests;
