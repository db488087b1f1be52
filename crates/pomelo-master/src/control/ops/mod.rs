//! Commands that change something: recorded before they are carried out, finished by the next master if this one dies, and
//! done once by each target, which knows them by their number.
//!
//! accepted -> recorded -> sent -> answered by the targets -> recorded with the answer -> answered. Nothing is sent before the
//! record is written, so that whatever was begun is known to whoever leads next; and a target that is sent one twice repeats
//! its answer. Who asks again with the same number gets the answer of the first time.
//!
//! Here: carrying it out. In `accept`: taking it on. In `recall`: what outlasts a term. In `log` and `op`: the table and what is
//! in it.
//!
//! Not here: how a whole cluster is ended ([`super::ending`]), the store ([`super::stores`]).

mod accept;
mod log;
mod op;
mod recall;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::{StoreError, Write, store},
    ops::OpId,
};
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Failure, Response},
};
use serde_json::{Value, json};
use tracing::warn;

pub(in crate::control) use self::log::OpLog;
use self::op::{Asker, Op, Phase, State, Target, Who};
pub(super) use self::{accept::number_of, recall::Held};
use super::{Control, Peer, stores::Purpose};
use crate::{
    console::{CONSOLE, Change},
    link::LinkId,
};

/// How long an operation may take; who has not answered then is said not to have.
const OP_MAX: Duration = Duration::from_secs(30);
/// Longest record of an operation, in bytes; a command with a longer one is refused in words.
const RECORD_BYTES_MAX: usize = store::VALUE_BYTES_MAX;
/// So many lives of servers are named in the record of a command that ends everything.
const WHOLE_LIVES_MAX: usize = 256;

impl Control {
    pub(super) fn begin(&mut self, id: &OpId, now: Instant) {
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
            Change::Cron(change) => change.order(),
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
                    target.answered(op::GONE.into());
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
        let mut writes = vec![write];
        if let Change::Cron(change) = &op.change
            && op.is_refused()
        {
            writes.extend(self.crons.refused(change));
        }
        self.store(Purpose::Close(id.clone()), writes, now);
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
}

#[cfg(test)]
impl Control {
    /// Whether an operation is over, as this master knows.
    pub(crate) fn has_answered(&self, id: &OpId) -> bool {
        self.ops.knows(id) && !self.ops.open.contains_key(id)
    }
}

/// As both kinds of frontends read it.
fn blacklist(addresses: &[pomelo_cluster::cidr::Cidr]) -> Value {
    json!({ "signal": "blacklist", "addresses": addresses, "blacklist": addresses })
}
