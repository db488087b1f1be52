//! Giving leadership to another master on purpose: on an administrator's wish ([`Control::hand_over`]), and before this process
//! ends ([`Control::shut_down`](super::Control)).
//!
//! First all other masters are asked how they are, then those that may be before the chosen one stand aside, and only then this
//! master gives up: authority first, then its place in the queue. Until that moment nothing is changed, so that a wish that can't
//! be met costs nothing. What tools ask from then until the next leader is known waits, and is answered with who that is.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::MasterAddr,
    messages::{Asked, CLUSTER},
    status::CandidateStatus,
};
use pomelo_protocol::admin::{Envelope, Failure, MasterRole, ReqId, Response};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{
    Action, Control, Ending, Peer, Standing,
    rounds::{Purpose, Round},
};
use crate::link::LinkId;

/// How long the others may take to say how they are, and then to stand aside.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// The same before this process ends: it ends all the same.
const ANSWER_MAX_ENDING: Duration = Duration::from_millis(300);
/// After so long without a new leader the chosen master loses its place to the next one.
const TAKE_OVER_MAX: Duration = Duration::from_secs(1);
/// After so long without a new leader it is said that none leads.
const QUIET_MAX: Duration = Duration::from_millis(200);
/// After so long nobody waits any more.
const GIVE_UP: Duration = Duration::from_secs(5);
/// Requests that wait for the next leader; one more is refused in words.
const HELD_MAX: usize = 256;

/// A handover under way.
#[derive(Debug)]
pub(super) struct Handover {
    /// Who wants it, if it is not this process's end.
    asker: Option<(LinkId, ReqId)>,
    /// Whom they chose.
    wanted: Option<MasterAddr>,
    /// Whether this process ends afterwards.
    end: bool,
    step: Step,
    /// What tools ask meanwhile, and where the answer goes.
    held: Vec<(LinkId, Envelope)>,
}

#[derive(Debug)]
enum Step {
    /// The others are asked how they are.
    Asking { rev: u64 },
    /// Those before the chosen one are to stand aside.
    Aside { to: MasterAddr },
    /// This master has given up.
    Gone { to: Option<MasterAddr>, epoch: u64, since: Instant, told: bool, evicted: bool },
}

impl Control {
    /// An administrator wants another master to lead: the one named by id, `host:port` or port, or whoever is next.
    pub(super) fn hand_over(&mut self, asker: (LinkId, ReqId), to: Option<&str>, now: Instant) {
        match self.wanted(to) {
            Ok(wanted) => self.begin_handover(Some(asker), wanted, false, now),
            Err(failure) => self.refuse(asker.0, asker.1, &failure),
        }
    }

    fn wanted(&self, to: Option<&str>) -> Result<Option<MasterAddr>, Failure> {
        if self.handover.is_some() {
            return Err(Failure::again("this master hands over already"));
        }
        if self.is_failsafe() {
            return Err(Failure::again("nobody can be elected while the coordinator is away"));
        }
        let Some(to) = to else {
            let alone = self.linked_masters().next().is_none();
            let failure =
                Failure::new("no other master is linked with this one: there is nobody to hand over to");
            return if alone { Err(failure) } else { Ok(None) };
        };
        let names =
            |id: &str, addr: &MasterAddr| id == to || addr.to_string() == to || addr.port.to_string() == to;
        let mut fit = self.linked_masters().filter(|(_, info)| names(info.id.as_str(), &info.addr));
        match (fit.next(), fit.next()) {
            (Some((_, info)), None) => Ok(Some(info.addr.clone())),
            (Some(_), Some(_)) => {
                Err(Failure::new(format!("several masters are called {to}: name one by host:port")))
            }
            (None, _) if names(self.me.id.as_str(), &self.me.addr) => {
                Err(Failure::new(format!("master {to} leads already")))
            }
            (None, _) => {
                let known: Vec<_> = self.linked_masters().map(|(_, info)| info.addr.to_string()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(Failure::new(format!("no master {to} is linked with this one (there are: {known})")))
            }
        }
    }

    fn begin_handover(
        &mut self,
        asker: Option<(LinkId, ReqId)>,
        wanted: Option<MasterAddr>,
        end: bool,
        now: Instant,
    ) {
        let rev = self.registry.view().version.rev;
        let step = Step::Asking { rev };
        self.handover = Some(Handover { asker, wanted, end, step, held: Vec::new() });
        let to = self.linked_masters().map(|(link, _)| link).collect();
        let within = if end { ANSWER_MAX_ENDING } else { ANSWER_MAX };
        self.ask_masters(Purpose::Ready, to, &Asked::About, within, now);
    }

    /// Before this process ends: true if that waits for a handover.
    pub(super) fn end_by_handover(&mut self, now: Instant) -> bool {
        if let Some(handover) = &mut self.handover {
            handover.end = true;
            if matches!(handover.step, Step::Gone { .. }) {
                // Its place is given back already. It ends as soon as another one leads.
                self.resign_after_handover(now);
            }
            return true;
        }
        let others = self.is_active() && self.linked_masters().next().is_some();
        if others {
            info!(target: "pomelo::master", "handing over before it ends");
            self.begin_handover(None, None, true, now);
        }
        others
    }

    /// The others have said how they are.
    pub(super) fn handover_asked(
        &mut self,
        answers: &BTreeMap<LinkId, Result<Value, Failure>>,
        now: Instant,
    ) {
        let Some(Handover { wanted, end, step: Step::Asking { rev }, .. }) = &self.handover else { return };
        let (end, rev) = (*end, *rev);
        let chosen = self.choose(wanted.as_ref(), rev, answers);
        let (to, ahead) = match chosen {
            Ok(chosen) => chosen,
            // It ends all the same; whoever is first takes over.
            Err(_) if end => return self.give_up(None, now),
            Err(why) => return self.handover_fails(&Failure::again(why), now),
        };
        // Whoever has not said where it stands may be before the chosen one.
        let before = |link: &LinkId| match answers.get(link) {
            Some(Ok(answer)) => {
                status_of(answer).and_then(|status| status.ahead).is_none_or(|its| its <= ahead)
            }
            _ => true,
        };
        let aside: Vec<_> = self
            .linked_masters()
            .filter(|(link, info)| info.addr != to && before(link))
            .map(|(link, _)| link)
            .collect();
        if let Some(handover) = &mut self.handover {
            handover.step = Step::Aside { to: to.clone() };
        }
        let within = if end { ANSWER_MAX_ENDING } else { ANSWER_MAX };
        self.ask_masters(Purpose::Aside, aside, &Asked::StepAside { to }, within, now);
    }

    /// Who takes over, and how many are before it.
    fn choose(
        &self,
        wanted: Option<&MasterAddr>,
        rev: u64,
        answers: &BTreeMap<LinkId, Result<Value, Failure>>,
    ) -> Result<(MasterAddr, usize), String> {
        let mut faults = Vec::new();
        let mut best: Option<(usize, MasterAddr)> = None;
        for (link, info) in self.linked_masters() {
            if wanted.is_some_and(|wanted| *wanted != info.addr) {
                continue;
            }
            let ready = match answers.get(&link) {
                // It would lead at once, and whoever waits for that here would be told late.
                _ if !self.is_linked_to(&info.addr) => Err("this master has no link to it yet".to_owned()),
                Some(Ok(answer)) => self.readiness(answer, rev),
                Some(Err(failure)) => Err(failure.message.clone()),
                None => Err("it does not answer".to_owned()),
            };
            match ready {
                Ok(ahead) if best.as_ref().is_none_or(|(least, _)| ahead < *least) => {
                    best = Some((ahead, info.addr.clone()));
                }
                Ok(_) => {}
                Err(why) => faults.push(format!("{}: {why}", info.addr)),
            }
        }
        best.map(|(ahead, addr)| (addr, ahead)).ok_or_else(|| {
            let faults = if faults.is_empty() { "none is linked".to_owned() } else { faults.join("; ") };
            format!("no master is ready to take over, and nothing was changed: {faults}")
        })
    }

    /// How many are before a master that could lead at once; or why it could not.
    fn readiness(&self, answer: &Value, rev: u64) -> Result<usize, String> {
        let status = status_of(answer).ok_or("its answer is not understood")?;
        if let Some(trouble) = status.trouble {
            return Err(trouble);
        }
        if status.role.as_deref() != Some(MasterRole::Standby.as_str()) {
            return Err(format!("it is {}", status.role.as_deref().unwrap_or("in an unknown role")));
        }
        let field = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        if self.epoch() != Some(field("epoch")) || field("rev") < rev {
            return Err("it does not have the whole membership yet".to_owned());
        }
        status.ahead.ok_or_else(|| "it does not know its place".to_owned())
    }

    /// Those before the chosen one have stood aside, or not.
    pub(super) fn handover_stood_aside(&mut self, round: &Round, now: Instant) {
        let Some(Handover { end, step: Step::Aside { to }, .. }) = &self.handover else { return };
        let (end, to) = (*end, to.clone());
        let name = |link: &LinkId| self.master_on(*link).map(|addr| addr.to_string());
        let silent = round.waiting.iter().filter_map(name).map(|addr| format!("{addr} does not answer"));
        let refused = round.answers.iter().filter_map(|(link, answer)| {
            let failure = answer.as_ref().err()?;
            Some(format!("{}: {failure}", name(link)?))
        });
        let faults: Vec<_> = silent.chain(refused).collect();
        if faults.is_empty() || end {
            self.give_up(Some(to), now);
        } else {
            let why = format!("{to} can't be first, and this master leads on: {}", faults.join("; "));
            self.handover_fails(&Failure::again(why), now);
        }
    }

    /// The point of no return: authority off, then the place in the queue.
    fn give_up(&mut self, to: Option<MasterAddr>, now: Instant) {
        let (Some(epoch), Some(handover)) = (self.epoch(), &mut self.handover) else { return };
        let end = handover.end;
        handover.step = Step::Gone { to: to.clone(), epoch, since: now, told: false, evicted: false };
        match &to {
            Some(to) => info!(target: "pomelo::master", "hands epoch {epoch} over to {to}"),
            None => info!(target: "pomelo::master", "hands epoch {epoch} over to whoever is next"),
        }
        let told = to.unwrap_or_else(|| self.me.addr.clone());
        let news = Envelope::notify(CLUSTER, Asked::HandingOver { to: told }.body());
        self.tell(|peer| matches!(peer, Peer::Candidate(_)), news);
        if end {
            self.resign_after_handover(now);
        } else {
            self.given_up = epoch;
            self.actions.push(Action::HandOver);
            self.not_leading(Standing::Joining, now);
        }
    }

    fn resign_after_handover(&mut self, now: Instant) {
        let epoch = match &self.handover {
            Some(Handover { step: Step::Gone { epoch, .. }, .. }) => *epoch,
            _ => self.epoch_seen,
        };
        self.resign(now);
        self.ending = Some(Ending::HandingOver { epoch, due: now + self.limits.handover_timeout });
    }

    /// Another master leads.
    pub(super) fn handover_succeeds(&mut self, now: Instant) {
        let Some(Handover { step: Step::Gone { epoch, since, .. }, .. }) = &self.handover else {
            if self.handover.is_some() && self.epoch().is_none() {
                self.handover_fails(&Failure::again("another master leads already"), now);
            }
            return;
        };
        let Some(leader) = self.leader.clone().filter(|leader| leader.epoch > *epoch) else { return };
        let pause_ms = now.saturating_duration_since(*since).as_secs_f64() * 1_000.0;
        let Some(handover) = self.handover.take() else { return };
        if !handover.end {
            self.ops_deposed();
        }
        let addr = |host: &str, port: u16| json!({ "host": host, "port": port });
        let answer = json!({
            "from": addr(&self.me.addr.host, self.me.addr.port), "to": addr(&leader.host, leader.port),
            "epoch": leader.epoch, "pause_ms": pause_ms,
        });
        info!(
            target: "pomelo::master",
            "handed over to {}:{} in epoch {}: nobody led for {pause_ms:.1} ms", leader.host, leader.port, leader.epoch
        );
        if let Some((link, req_id)) = handover.asker {
            self.answer((link, Response::ok(req_id, answer)));
        }
        self.release(handover.held, now);
        if !handover.end {
            self.tell_state();
        }
    }

    /// This master leads again, since nobody else was there.
    pub(super) fn handover_undone(&mut self, now: Instant) {
        if matches!(&self.handover, Some(Handover { step: Step::Gone { .. }, .. })) {
            self.handover_fails(&Failure::again("nobody took over: this master leads again"), now);
        }
    }

    /// Leadership was lost before it could be given away.
    pub(super) fn handover_deposed(&mut self, now: Instant) {
        if matches!(&self.handover, Some(Handover { step: Step::Asking { .. } | Step::Aside { .. }, .. })) {
            let failure =
                Failure { leader: self.known_leader(), ..Failure::again("this master leads no more") };
            self.handover_fails(&failure, now);
        }
    }

    fn handover_fails(&mut self, failure: &Failure, now: Instant) {
        let Some(handover) = self.handover.take() else { return };
        warn!(target: "pomelo::master", "not handed over: {failure}");
        if self.epoch().is_none() && !handover.end {
            self.ops_deposed();
        }
        if let Some((link, req_id)) = handover.asker {
            self.refuse(link, req_id, failure);
        }
        self.release(handover.held, now);
    }

    pub(super) fn handover_tick(&mut self, now: Instant) {
        let standby = self.standing == Standing::Standby;
        let Some(Handover { step: Step::Gone { to, since, told, evicted, .. }, end, .. }) =
            &mut self.handover
        else {
            return;
        };
        let waited = now.saturating_duration_since(*since);
        let mut news = false;
        if waited >= QUIET_MAX && !*told && !*end {
            *told = true;
            news = true;
        }
        let mut evict = None;
        if waited >= TAKE_OVER_MAX && !*evicted && standby {
            *evicted = true;
            evict.clone_from(to);
        }
        if news {
            self.tell_state();
        }
        if let Some(addr) = evict {
            warn!(target: "pomelo::master", "{addr} has not taken over: its place goes to the next one");
            self.actions.push(Action::Evict { addr });
        }
        if waited >= GIVE_UP {
            let failure = Failure::again(format!("no master has taken over within {} s", GIVE_UP.as_secs()));
            self.handover_fails(&failure, now);
        }
    }

    /// Whether this master has given up and nobody has taken over: then nothing is said of its role, which is over in a moment.
    pub(super) fn is_between_leaders(&self) -> bool {
        matches!(&self.handover, Some(Handover { step: Step::Gone { told: false, .. }, .. }))
    }

    /// What a tool asks waits for the next leader. Gives the request back if it does not.
    pub(super) fn hold_for_successor(&mut self, link: LinkId, envelope: Envelope) -> Option<Envelope> {
        let Some(Handover { step: Step::Gone { .. }, held, .. }) = &mut self.handover else {
            return Some(envelope);
        };
        if held.len() >= HELD_MAX || !matches!(envelope, Envelope::Request { .. }) {
            return Some(envelope);
        }
        held.push((link, envelope));
        None
    }

    /// Whoever waited asks again, and is told where to go, if this master does not lead after all.
    fn release(&mut self, held: Vec<(LinkId, Envelope)>, now: Instant) {
        for (link, envelope) in held {
            if self.peers.contains_key(&link) {
                self.client_says(link, envelope, now);
            }
        }
    }

    /// Another master hands over, and wants this one to let somebody pass; `None` if the answer comes later.
    pub(super) fn step_aside(&mut self, ask: u64, to: &MasterAddr) -> Option<Result<Value, Failure>> {
        if *to == self.me.addr {
            return Some(Ok(Value::Null));
        }
        if self.standing != Standing::Standby || self.trouble.is_some() {
            let role = self.cluster_state().role;
            let trouble = self.trouble.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
            return Some(Err(Failure::new(format!("it is {}{trouble}", role.as_str()))));
        }
        if self.asides.is_empty() {
            info!(target: "pomelo::master", "goes to the tail of the queue, so that {to} is before it");
            self.actions.push(Action::StepAside);
        }
        self.asides.insert(ask);
        None
    }

    /// This master has gone to the tail of the queue, or has not.
    pub(super) fn stepped_aside(&mut self, result: Result<(), String>) {
        if let Err(why) = &result {
            warn!(target: "pomelo::master", "has not gone to the tail of the queue: {why}");
        }
        for ask in std::mem::take::<BTreeSet<u64>>(&mut self.asides) {
            let result = result.clone().map(|()| Value::Null).map_err(Failure::new);
            self.actions.push(Action::Reply { ask, result });
        }
    }

    /// Links of the other masters that are registered here.
    pub(super) fn linked_masters(
        &self,
    ) -> impl Iterator<Item = (LinkId, &pomelo_cluster::coordinator::CandidateInfo)> {
        self.peers.iter().filter_map(|(link, peer)| match peer {
            Peer::Candidate(info) => Some((*link, info)),
            _ => None,
        })
    }

    /// Whether the link that this master has made to another one is up.
    pub(super) fn is_linked_to(&self, addr: &MasterAddr) -> bool {
        self.masters.get(addr).is_some_and(|state| state.up)
    }

    /// Sends what only other masters are told.
    pub(super) fn reply(&mut self, ask: Option<u64>, result: Result<Value, Failure>) {
        if let Some(ask) = ask {
            self.actions.push(Action::Reply { ask, result });
        }
    }
}

fn status_of(answer: &Value) -> Option<CandidateStatus> {
    serde_json::from_value(answer.clone()).ok()
}
