//! Commands that change something: recorded before they are carried out, finished by the next master if this one dies, and
//! done once by each target, which knows them by their number.
//!
//! accepted -> recorded -> sent -> answered by the targets -> recorded with the answer -> answered. Nothing is sent before the
//! record is written, so that whatever was begun is known to whoever leads next; and a target that is sent one twice repeats
//! its answer. Who asks again with the same number gets the answer of the first time.
//!
//! Not here: how a whole cluster is ended ([`super::ending`]), the store ([`super::stores`]).

mod log;
mod op;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::{Record, StoreError, Write, store},
    ops::OpId,
};
use pomelo_protocol::{
    ServerId, ServerInfo,
    admin::{AdminMessage, Failure, ReqId, Response},
};
use serde_json::{Value, json};
use tracing::{info, warn};

pub(in crate::control) use self::log::OpLog;
use self::{
    log::{Known, UNDERWAY_MAX},
    op::{Asker, Op, OpRecord, Phase, State, Target, Who},
};
use super::{Control, Peer, stores::Purpose};
use crate::{
    console::{self, CONSOLE, Change, Which},
    link::LinkId,
};

/// How long an operation may take; who has not answered then is said not to have.
const OP_MAX: Duration = Duration::from_secs(30);
/// Commands and questions of agents that wait until this master knows what former terms left; one more is refused in words.
const HELD_MAX: usize = 256;
/// How long they wait.
const HELD_FOR: Duration = Duration::from_secs(5);
/// Longest record of an operation, in bytes; a command with a longer one is refused in words.
const RECORD_BYTES_MAX: usize = store::VALUE_BYTES_MAX;

/// Who waits until this master knows what former terms left.
#[derive(Debug, Default)]
pub(super) struct Held(VecDeque<(Instant, Waits)>);

#[derive(Debug)]
enum Waits {
    Tool { asker: Asker, id: OpId, body: Value, change: Change },
    Agent { link: LinkId, req_id: ReqId, body: Value },
}

impl Control {
    /// A tool wants something changed.
    pub(super) fn asked_to_change(
        &mut self,
        (link, req_id): (LinkId, ReqId),
        body: &Value,
        change: Change,
        now: Instant,
    ) {
        match number_of(body) {
            Ok((id, plain)) => {
                self.change(Asker { link, req_id, plain }, id, console::as_kept(body), change, now);
            }
            Err(failure) => self.refuse(link, req_id, &failure),
        }
    }

    fn change(&mut self, asker: Asker, id: OpId, body: Value, change: Change, now: Instant) {
        if !self.recalled() {
            return self.hold(Waits::Tool { asker, id, body, change }, now);
        }
        match self.ops.ask(&id, &body, &asker) {
            Known::Waits => return,
            Known::Answered(response) => return self.answer((asker.link, response)),
            Known::New => {}
        }
        if let Err(failure) = self.accept(asker.clone(), &id, body, change, now) {
            self.refuse(asker.link, asker.req_id, &failure);
        }
    }

    /// An agent's question waits, too: who may be started depends on what former terms left.
    pub(super) fn hold_agent(&mut self, link: LinkId, req_id: ReqId, body: Value, now: Instant) {
        self.hold(Waits::Agent { link, req_id, body }, now);
    }

    fn hold(&mut self, waits: Waits, now: Instant) {
        if self.held.0.len() >= HELD_MAX {
            let failure = Failure::again(format!("busy: {HELD_MAX} commands wait for this master already"));
            return self.turn_away(waits, &failure);
        }
        self.held.0.push_back((now + HELD_FOR, waits));
    }

    fn turn_away(&mut self, waits: Waits, failure: &Failure) {
        let (Waits::Tool { asker: Asker { link, req_id, .. }, .. } | Waits::Agent { link, req_id, .. }) =
            waits;
        self.refuse(link, req_id, failure);
    }

    fn accept(
        &mut self,
        asker: Asker,
        id: &OpId,
        body: Value,
        change: Change,
        now: Instant,
    ) -> Result<(), Failure> {
        if let Change::Stop { ids, .. } = &change
            && ids.is_empty()
            && self.ops.open.values().any(Op::is_whole)
        {
            return Err(self.not_the_leader());
        }
        if self.ops.open.len() >= UNDERWAY_MAX {
            return Err(Failure::again(format!("busy: {UNDERWAY_MAX} operations are under way already")));
        }
        let Some(epoch) = self.epoch() else { return Err(self.not_the_leader()) };
        let targets = self.targets(&change, now)?;
        let mut op = Op {
            id: id.clone(),
            body,
            change,
            targets,
            phase: Phase::Accepting,
            askers: vec![asker.clone()],
            at_ms: self.wall_us(now) / 1_000,
            due: now + OP_MAX,
            marked: Vec::new(),
        };
        let mut writes = vec![op.record(epoch, None)];
        if matches!(&writes[..], [Write::Put { value, .. }] if value.len() > RECORD_BYTES_MAX) {
            return Err(Failure::new("too many servers for one command: name fewer of them"));
        }
        match &op.change {
            Change::Stop { ids, .. } => {
                let (write, marked) = self.desired.stop(ids)?;
                op.marked = marked;
                writes.extend(write);
            }
            Change::Restart(_) => {
                let claims = op.claims();
                let ids: Vec<_> = claims.iter().map(|(id, _)| id.clone()).collect();
                writes.extend(self.desired.want(&ids));
                writes.extend(self.claims.writes(epoch, &claims));
            }
            Change::Blacklist(addresses) => writes.extend(self.desired.block(addresses)?),
            Change::Drill { .. } => {}
        }
        info!(target: "pomelo::master", "operation {id} of link {}: {}", asker.link.0, op.body);
        self.ops.doubtful.remove(id);
        self.ops.open.insert(id.clone(), op);
        self.store(Purpose::Accept(id.clone()), writes, now);
        Ok(())
    }

    /// Who is to carry a command out. Nothing is done if one of them is not there, so that a typing error has no half effect.
    fn targets(&mut self, change: &Change, now: Instant) -> Result<Vec<Target>, Failure> {
        let servers = match change {
            Change::Stop { ids, .. } if ids.is_empty() => Vec::new(),
            Change::Stop { ids, .. } => self.members(&Which::Ids(ids.clone()))?,
            Change::Restart(which) => return self.agents_of(which, now),
            Change::Blacklist(_) => self.members_where(|info| info.frontend),
            Change::Drill { which, .. } => self.members(which)?,
        };
        Ok(servers
            .into_iter()
            .map(|(id, incarnation)| Target::new(Who::Server { id, incarnation }))
            .collect())
    }

    fn members(&self, which: &Which) -> Result<Vec<(ServerId, Option<u64>)>, Failure> {
        match which {
            Which::All => Ok(self.members_where(|_| true)),
            Which::Type(name) => {
                match self.members_where(|info| info.server_type.as_str() == name.as_str()) {
                    none if none.is_empty() => Err(Failure::new(format!("no server of type {name:?}"))),
                    members => Ok(members),
                }
            }
            Which::Ids(ids) => {
                let servers = &self.registry.view().servers;
                let unknown: Vec<_> = ids.iter().filter(|id| !servers.contains_key(*id)).cloned().collect();
                if !unknown.is_empty() {
                    return Err(self.unknown(&unknown));
                }
                Ok(self.members_where(|info| ids.contains(&info.id)))
            }
        }
    }

    fn members_where(&self, wanted: impl Fn(&ServerInfo) -> bool) -> Vec<(ServerId, Option<u64>)> {
        let members = self.registry.view().servers.values().filter(|info| wanted(info));
        members.map(|info| (info.id.clone(), info.incarnation)).collect()
    }

    /// The agents that run servers, each with the lives that it may begin. A server that runs without one, or not at all, is
    /// nobody's to start again.
    fn agents_of(&mut self, which: &Which, now: Instant) -> Result<Vec<Target>, Failure> {
        let ids: BTreeSet<ServerId> = match which {
            Which::Ids(ids) => ids.iter().cloned().collect(),
            all => self.members(all)?.into_iter().map(|(id, _)| id).collect(),
        };
        let mut agents: BTreeMap<String, Vec<ServerId>> = BTreeMap::new();
        let mut nobodys = Vec::new();
        for id in ids {
            match self.agent_of(&id) {
                Some(agent) => agents.entry(agent).or_default().push(id),
                None => nobodys.push(id),
            }
        }
        if !nobodys.is_empty() {
            let names = nobodys.iter().map(ServerId::as_str).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(format!(
                "no agent runs {names}: only what `pomelo start` has started on a linked machine can be started again"
            )));
        }
        if agents.is_empty() {
            return Err(Failure::new("no server runs that could be started again"));
        }
        let mut targets = Vec::new();
        for (agent, ids) in agents {
            let claims = ids.into_iter().map(|id| (id.clone(), self.claim(&id, &agent, now))).collect();
            targets.push(Target::new(Who::Agent { agent, claims }));
        }
        if targets.iter().map(|target| target.claims().len()).sum::<usize>() + 2 > store::WRITES_MAX {
            let most = store::WRITES_MAX - 2;
            return Err(Failure::new(format!("at most {most} servers can be started again by one command")));
        }
        Ok(targets)
    }

    /// The record of an operation is written, or not.
    pub(super) fn op_accepted(&mut self, id: &OpId, result: Result<(), StoreError>, now: Instant) {
        let Err(why) = result else {
            if let Some(op) = self.ops.open.get_mut(id) {
                op.phase = Phase::Underway;
            }
            return self.begin(id, now);
        };
        let Some(op) = self.ops.drop_open(id) else { return };
        self.desired.want(&op.marked);
        self.desired.doubt();
        let failure = match why {
            StoreError::Fenced(why) => Failure { leader: self.known_leader(), ..Failure::again(why) },
            StoreError::Unavailable(why) => {
                // The record may be there all the same: it must not be found by the next master.
                self.ops.doubt(op.id.clone());
                Failure::again(format!("operation {id} could not be recorded, so nothing was done: {why}"))
            }
            StoreError::Invalid(why) => Failure::new(why),
        };
        warn!(target: "pomelo::master", "operation {id} is not done: {failure}");
        for asker in op.askers {
            self.refuse(asker.link, asker.req_id, &failure);
        }
    }

    fn begin(&mut self, id: &OpId, now: Instant) {
        if !self.is_active() {
            // Reads only, until the coordinator is heard again.
            return;
        }
        match self.ops.open.get(id).map(|op| &op.change) {
            Some(Change::Stop { ids, kill }) if ids.is_empty() => {
                let kill = *kill;
                if self.ending.is_none() {
                    self.end_all(id, kill, now);
                }
            }
            Some(_) => self.pursue(id, now),
            None => {}
        }
    }

    /// Sends an operation to those of its targets that can be asked and were not, and ends it when all have answered.
    fn pursue(&mut self, id: &OpId, now: Instant) {
        let Some(op) = self.ops.open.get(id) else { return };
        if op.phase != Phase::Underway || op.is_whole() {
            return;
        }
        let mut news: Vec<(usize, Result<LinkId, Value>)> = Vec::new();
        for (n, target) in op.targets.iter().enumerate() {
            if target.state == State::Unasked {
                match &target.who {
                    Who::Server { id, incarnation } => {
                        let member = self.registry.view().servers.get(id);
                        let link = self.registry.link_of_life(id, *incarnation);
                        match link {
                            Some(link) => news.push((n, Ok(link))),
                            None if member.is_some_and(|member| member.incarnation == *incarnation) => {}
                            None => news.push((n, Err("gone".into()))),
                        }
                    }
                    Who::Agent { agent, .. } => {
                        news.extend(self.link_of_agent(agent).map(|link| (n, Ok(link))));
                    }
                }
            }
        }
        let active = self.is_active();
        let mut to_servers = Vec::new();
        for (n, news) in news {
            match news {
                Err(gone) => self.target_answers(id, n, gone),
                // Reads only, until the coordinator is heard again.
                Ok(_) if !active => {}
                Ok(link) => match self.peers.get(&link) {
                    // Servers of the original answer nothing, and know no numbers.
                    Some(Peer::Server { rust: false, .. }) => {
                        let order = self.op_order(id, n).map(|(_, body)| self.order(body));
                        self.target_answers(id, n, "told".into());
                        if let Some(order) = order {
                            self.send(vec![link], AdminMessage::Monitor(order));
                        }
                    }
                    Some(Peer::Server { .. }) => to_servers.push((n, link)),
                    _ => self.ask_targets(id, &[(n, link)]),
                },
            }
        }
        if !to_servers.is_empty() {
            self.ask_targets(id, &to_servers);
        }
        if self.ops.open.get(id).is_some_and(Op::is_over) {
            self.finish(id, None, now);
        }
    }

    /// All of them are asked the same.
    fn ask_targets(&mut self, id: &OpId, targets: &[(usize, LinkId)]) {
        let Some((_, mut body)) = targets.first().and_then(|(n, _)| self.op_order(id, *n)) else { return };
        body["op"] = id.as_str().into();
        let request = self.request(CONSOLE, body);
        self.ops.asked(self.last_req_id, id.clone());
        if let Some(op) = self.ops.open.get_mut(id) {
            for (n, link) in targets {
                op.targets[*n].state = State::Asked(*link);
            }
        }
        self.send(targets.iter().map(|(_, link)| *link).collect(), AdminMessage::Monitor(request));
    }

    fn target_answers(&mut self, id: &OpId, n: usize, answer: Value) {
        if let Some(target) = self.ops.open.get_mut(id).and_then(|op| op.targets.get_mut(n)) {
            target.answered(answer);
        }
    }

    fn op_order(&self, id: &OpId, n: usize) -> Option<(&Target, Value)> {
        let op = self.ops.open.get(id)?;
        let target = op.targets.get(n)?;
        let body = match &op.change {
            Change::Stop { kill, .. } => json!({ "signal": if *kill { "kill" } else { "stop" } }),
            Change::Restart(_) => {
                let claims: BTreeMap<_, _> = target.claims().iter().cloned().collect();
                json!({ "signal": "restart", "claims": claims })
            }
            Change::Blacklist(addresses) => blacklist(addresses),
            Change::Drill { body, .. } => body.clone(),
        };
        Some((target, body))
    }

    /// A target answers. Says whether it was an operation that was answered.
    pub(super) fn op_answered(&mut self, link: LinkId, response: &Response, now: Instant) -> bool {
        let Some(req_id) = response.resp_id.number() else { return false };
        let answer = match response.clone().into_monitor_result() {
            Ok(answer) => answer,
            Err(failure) => op::error(&failure.message),
        };
        let Some(id) = self.ops.answered(link, req_id, &answer) else { return false };
        self.pursue(&id, now);
        true
    }

    /// Somebody came, or this master may act again: who was waited for is asked now.
    pub(super) fn ops_look(&mut self, now: Instant) {
        if !self.recalled() {
            return;
        }
        let waits = |op: &Op| {
            op.phase == Phase::Underway
                && (op.is_whole() || op.targets.iter().any(|target| target.state == State::Unasked))
        };
        let ids: Vec<_> = self.ops.open.values().filter(|op| waits(op)).map(|op| op.id.clone()).collect();
        for id in ids {
            self.begin(&id, now);
        }
    }

    /// A member, or one life of it, is gone: whoever has not answered will not.
    pub(super) fn ops_gone(&mut self, server: &ServerId, now: Instant) {
        let life = self.registry.view().servers.get(server).map(|member| member.incarnation);
        let mut concerned = Vec::new();
        for op in self.ops.open.values_mut() {
            for target in &mut op.targets {
                if let Who::Server { id, incarnation } = &target.who
                    && id == server
                    && life != Some(*incarnation)
                    && !target.is_over()
                {
                    target.answered("gone".into());
                    concerned.push(op.id.clone());
                }
            }
        }
        for id in concerned {
            self.pursue(&id, now);
        }
    }

    /// An operation is over, with this answer or with what the targets said.
    pub(super) fn finish(&mut self, id: &OpId, answer: Option<Value>, now: Instant) {
        let Some(epoch) = self.epoch() else { return };
        let unrecorded = self.is_unrecorded();
        let Some(op) = self.ops.open.get_mut(id) else { return };
        let mut answer = answer.unwrap_or_else(|| op.answer());
        answer["op"] = id.as_str().into();
        let mut write = op.record(epoch, Some(answer.clone()));
        if matches!(&write, Write::Put { value, .. } if value.len() > RECORD_BYTES_MAX) {
            answer["results"] = "too many to be kept".into();
            write = op.record(epoch, Some(answer.clone()));
        }
        if unrecorded {
            answer["recorded"] = false.into();
        }
        op.phase = Phase::Closing(answer);
        self.store(Purpose::Close(id.clone()), vec![write], now);
    }

    /// The answer is recorded, or not: it was done in any case, by targets that know its number.
    pub(super) fn op_closed(&mut self, id: &OpId, result: Result<(), StoreError>, now: Instant) {
        let Some(op) = self.ops.open.get_mut(id) else { return };
        let Phase::Closing(answer) = &mut op.phase else { return };
        match result {
            Ok(()) => {}
            // Whoever leads finishes it, and answers the same to everybody.
            Err(StoreError::Fenced(why)) => {
                let failure = Failure { leader: self.known_leader(), ..Failure::again(why) };
                if let Some(op) = self.ops.drop_open(id) {
                    for asker in op.askers {
                        self.refuse(asker.link, asker.req_id, &failure);
                    }
                }
                return;
            }
            Err(why) => {
                warn!(target: "pomelo::master", "operation {id} is done, which could not be recorded: {why}");
                answer["recorded"] = false.into();
            }
        }
        self.answer_op(id);
        self.ending_recorded(id, now);
    }

    /// Answers everybody who waits for an operation, and remembers the answer.
    pub(super) fn answer_op(&mut self, id: &OpId) {
        let Some(mut op) = self.ops.drop_open(id) else { return };
        let answer = match &mut op.phase {
            Phase::Closing(answer) => std::mem::take(answer),
            Phase::Accepting | Phase::Underway => op.answer(),
        };
        for Asker { link, req_id, plain } in std::mem::take(&mut op.askers) {
            let mut answer = answer.clone();
            if let (Value::Object(fields), true) = (&mut answer, plain) {
                fields.shift_remove("op");
                fields.shift_remove("results");
            }
            self.answer((link, Response::ok(req_id, answer)));
        }
        self.ops.close(op, answer);
    }

    /// A term begins while tools still wait for what they asked of this master in its former one: they ask again.
    pub(super) fn ops_ask_again(&mut self, now: Instant) {
        for op in std::mem::take(&mut self.ops).open.into_values() {
            for asker in op.askers {
                let (id, body, change) = (op.id.clone(), op.body.clone(), op.change.clone());
                self.hold(Waits::Tool { asker, id, body, change }, now);
            }
        }
    }

    /// Operations that former terms left.
    pub(super) fn ops_found(&mut self, records: &[Record], now: Instant) {
        let now_ms = self.wall_us(now) / 1_000;
        let mut broken = Vec::new();
        for record in records {
            let read = OpRecord::read(record).and_then(|record| {
                let change = console::Command::parse(CONSOLE, &record.command);
                match change {
                    Ok(console::Command::Change(change)) => Ok((record, change)),
                    Ok(_) => Err(format!("{} is no change", record.command)),
                    Err(failure) => Err(failure.message),
                }
            });
            let (record, change) = match read {
                Ok(read) => read,
                Err(why) => {
                    warn!(target: "pomelo::master", "an operation's record is not understood: {why}");
                    broken.push(Write::Delete { key: record.key.clone() });
                    continue;
                }
            };
            if let Some(answer) = record.answer {
                self.ops.remember(record.op, record.command, answer, record.at_ms);
                continue;
            }
            let age = Duration::from_millis(now_ms.saturating_sub(record.at_ms));
            let whole = matches!(&change, Change::Stop { ids, .. } if ids.is_empty());
            // Clocks differ. Lives are ended by name, so that this can be done late; everything that lives can't.
            let left = if whole { OP_MAX.saturating_sub(age) } else { OP_MAX };
            let left = if age >= log::DONE_KEPT { Duration::ZERO } else { left };
            info!(target: "pomelo::master", "operation {} of epoch {} goes on: {}", record.op, record.epoch, record.command);
            let op = Op {
                id: record.op,
                body: record.command,
                change,
                targets: record.targets.into_iter().map(Target::new).collect(),
                phase: Phase::Underway,
                askers: Vec::new(),
                at_ms: record.at_ms,
                due: now + left,
                marked: Vec::new(),
            };
            self.ops.open.insert(op.id.clone(), op);
        }
        broken.truncate(store::WRITES_MAX);
        if !broken.is_empty() {
            self.store(Purpose::Note("records that are not understood"), broken, now);
        }
    }

    /// Everything that former terms left is known: it goes on, and who waited for that is served.
    pub(super) fn ops_recalled(&mut self, now: Instant) {
        let ids: Vec<_> = self.ops.open.keys().cloned().collect();
        for id in ids {
            let lapsed = self.ops.open.get(&id).is_some_and(|op| op.due <= now);
            // An order to end everything that nobody has heard of for so long is not one to this cluster any more.
            if lapsed { self.lapse(&id, now) } else { self.begin(&id, now) }
        }
        self.tell_blacklist_again();
        for (_, waits) in std::mem::take(&mut self.held.0) {
            match waits {
                Waits::Tool { asker, id, body, change } => self.change(asker, id, body, change, now),
                Waits::Agent { link, req_id, body } => self.start(link, req_id, body, now),
            }
        }
    }

    fn lapse(&mut self, id: &OpId, now: Instant) {
        let Some(op) = self.ops.open.get(id) else { return };
        if op.phase != Phase::Underway {
            return;
        }
        warn!(target: "pomelo::master", "operation {id} is over: not everybody has answered");
        let answer = op.is_whole().then(|| {
            let remained: Vec<_> = self.registry.view().servers.keys().cloned().collect();
            op.change.answer(&remained)
        });
        self.finish(id, answer, now);
    }

    pub(super) fn ops_tick(&mut self, now: Instant) {
        while self.held.0.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, waits)) = self.held.0.pop_front() else { break };
            let failure =
                Failure::again("this master does not know yet what was done before it led: ask again");
            self.turn_away(waits, &failure);
        }
        // Ending everything has its own deadlines.
        let due = |op: &&Op| op.due <= now && !op.is_whole();
        let lapsed: Vec<_> = self.ops.open.values().filter(due).map(|op| op.id.clone()).collect();
        for id in lapsed {
            self.lapse(&id, now);
        }
        if self.is_active() && self.recalled() {
            let now_ms = self.wall_us(now) / 1_000;
            let mut forgotten = self.ops.forget(now_ms);
            forgotten.extend(std::mem::take(&mut self.ops.doubtful));
            for some in forgotten.chunks(store::WRITES_MAX) {
                let writes = some.iter().map(|id| Write::Delete { key: op::key(id) }).collect();
                self.store(Purpose::Forget(some.to_vec()), writes, now);
            }
        }
    }

    /// Records are gone, or may still be there. In the second case it is tried again, or left to the next master.
    pub(super) fn ops_forgotten(&mut self, ids: Vec<OpId>, result: &Result<(), StoreError>) {
        if matches!(result, Err(StoreError::Unavailable(_))) {
            for id in ids {
                if !self.ops.knows(&id) {
                    self.ops.doubt(id);
                }
            }
        }
    }

    /// This master leads no more: the next one goes on with everything.
    pub(super) fn ops_deposed(&mut self) {
        let failure = Failure {
            leader: self.known_leader(),
            ..Failure::again("this master lost leadership: ask again, with the same operation number")
        };
        let ops = std::mem::take(&mut self.ops);
        for asker in ops.open.into_values().flat_map(|op| op.askers) {
            self.refuse(asker.link, asker.req_id, &failure);
        }
        for (_, waits) in std::mem::take(&mut self.held.0) {
            self.turn_away(waits, &failure);
        }
    }

    /// A frontend may have come when nobody led who could tell it.
    fn tell_blacklist_again(&mut self) {
        let frontends: Vec<_> =
            self.registry.linked().filter(|(info, _)| info.frontend).map(|(_, link)| link).collect();
        for link in frontends {
            self.tell_blacklist(link, true);
        }
    }

    /// What a frontend that comes later is told of the addresses that are not let in.
    pub(super) fn tell_blacklist(&mut self, link: LinkId, frontend: bool) {
        if frontend && self.is_active() && !self.desired.blacklist().is_empty() {
            let addresses: Vec<_> = self.desired.blacklist().iter().copied().collect();
            let order = self.order(blacklist(&addresses));
            self.send(vec![link], AdminMessage::Monitor(order));
        }
    }
}

/// As both kinds of frontends read it.
fn blacklist(addresses: &[std::net::IpAddr]) -> Value {
    json!({ "signal": "blacklist", "addresses": addresses, "blacklist": addresses })
}

/// The number of a change; one that a tool has not numbered itself gets one here.
pub(super) fn number_of(body: &Value) -> Result<(OpId, bool), Failure> {
    match OpId::of_body(body) {
        Ok(Some(id)) => Ok((id, false)),
        Ok(None) => Ok((OpId::new(), true)),
        Err(invalid) => Err(Failure::new(invalid.to_string())),
    }
}
