//! The operations that a leading master knows: those under way, and the answers of those that are over. A table and its limits;
//! what happens with an operation is [`super`]'s.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use pomelo_cluster::ops::OpId;
use pomelo_protocol::admin::{Failure, Response};
use serde_json::Value;

use super::op::{Asker, Op, State};
use crate::link::LinkId;

/// Operations under way; one more is refused in words.
pub(super) const UNDERWAY_MAX: usize = 256;
/// Answers that are kept; beyond, the oldest is forgotten.
pub(super) const DONE_MAX: usize = 1_024;
/// How long an answer is kept.
pub(super) const DONE_KEPT: Duration = Duration::from_secs(600);
/// Records that may have been written by mistake and are to go; beyond, they are left to the next master.
const DOUBTFUL_MAX: usize = 256;
/// Tools that wait for one operation; one more is refused in words.
const ASKERS_MAX: usize = 64;

/// The table.
#[derive(Debug, Default)]
pub(in crate::control) struct OpLog {
    pub(super) open: BTreeMap<OpId, Op>,
    done: BTreeMap<OpId, Done>,
    /// Oldest first.
    order: VecDeque<(u64, OpId)>,
    /// Which operation a request to targets was for.
    requests: HashMap<u64, OpId>,
    /// Operations of which a record may have been written although nobody was told that they were accepted. Those records are
    /// to go.
    pub(super) doubtful: BTreeSet<OpId>,
}

#[derive(Debug)]
struct Done {
    body: Value,
    answer: Value,
}

/// What is known of an operation that is asked for.
pub(super) enum Known {
    /// Nothing.
    New,
    /// It is under way, and this asker is answered with the others.
    Waits,
    /// This is the answer.
    Answered(Response),
}

impl OpLog {
    /// Somebody asks for an operation, perhaps again.
    pub(super) fn ask(&mut self, id: &OpId, body: &Value, asker: &Asker) -> Known {
        let another =
            || Failure::new(format!("operation {id} is another command: ask for this one with a new number"));
        if let Some(done) = self.done.get(id) {
            let response = if done.body == *body {
                Response::ok(asker.req_id.clone(), done.answer.clone())
            } else {
                Response::failed(asker.req_id.clone(), &another())
            };
            return Known::Answered(response);
        }
        let Some(op) = self.open.get_mut(id) else { return Known::New };
        let failure = if op.body != *body {
            another()
        } else if op.askers.len() >= ASKERS_MAX {
            Failure::again(format!("busy: {ASKERS_MAX} tools wait for operation {id} already"))
        } else {
            op.askers.push(asker.clone());
            return Known::Waits;
        };
        Known::Answered(Response::failed(asker.req_id.clone(), &failure))
    }

    pub(in crate::control) fn knows(&self, id: &OpId) -> bool {
        self.open.contains_key(id) || self.done.contains_key(id)
    }

    /// Targets of an operation were asked with this number.
    pub(super) fn asked(&mut self, req_id: u64, id: OpId) {
        self.requests.insert(req_id, id);
    }

    /// A target has answered. The operation it was for, if anybody waited for this answer.
    pub(super) fn answered(&mut self, link: LinkId, req_id: u64, answer: &Value) -> Option<OpId> {
        let op = self.open.get_mut(self.requests.get(&req_id)?)?;
        let target = op.targets.iter_mut().find(|target| target.state == State::Asked(link))?;
        target.answered(answer.clone());
        Some(op.id.clone())
    }

    /// A link is lost: who was asked on it and has not answered is to be asked again. Says whether there is anybody.
    pub(in crate::control) fn lost(&mut self, link: LinkId) -> bool {
        let targets = self.open.values_mut().flat_map(|op| &mut op.targets);
        let mut any = false;
        for target in targets.filter(|target| target.state == State::Asked(link)) {
            target.state = State::Unasked;
            any = true;
        }
        any
    }

    /// An operation is over.
    pub(super) fn close(&mut self, op: Op, answer: Value) {
        self.requests.retain(|_, id| *id != op.id);
        self.remember(op.id, op.body, answer, op.at_ms);
    }

    /// An operation was over before this master led.
    pub(super) fn remember(&mut self, id: OpId, body: Value, answer: Value, at_ms: u64) {
        if self.done.insert(id.clone(), Done { body, answer }).is_none() {
            let at = self.order.partition_point(|(other, _)| *other <= at_ms);
            self.order.insert(at, (at_ms, id));
        }
    }

    /// An operation was not accepted.
    pub(super) fn drop_open(&mut self, id: &OpId) -> Option<Op> {
        self.open.remove(id)
    }

    /// A record may be there that should not be.
    pub(super) fn doubt(&mut self, id: OpId) {
        if self.doubtful.len() < DOUBTFUL_MAX {
            self.doubtful.insert(id);
        }
    }

    /// Forgets what is too old or too much, and says what it was.
    pub(super) fn forget(&mut self, now_ms: u64) -> Vec<OpId> {
        let kept = u64::try_from(DONE_KEPT.as_millis()).unwrap_or(u64::MAX);
        let mut forgotten = Vec::new();
        while let Some((at_ms, _)) = self.order.front() {
            if self.order.len() <= DONE_MAX && now_ms.saturating_sub(*at_ms) < kept {
                break;
            }
            let Some((_, id)) = self.order.pop_front() else { break };
            self.done.remove(&id);
            forgotten.push(id);
        }
        forgotten
    }
}
