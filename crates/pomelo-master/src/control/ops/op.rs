//! One operation: a command that changes something, who is to carry it out, and what they answered. And its record in the
//! coordinator's store, which is what the next master goes on from.

use std::time::Instant;

use pomelo_cluster::{
    coordinator::{Record, Write, store},
    ops::OpId,
};
use pomelo_protocol::{ServerId, admin::ReqId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{console::Change, link::LinkId};

/// Longest answer of one target that is kept, in bytes; a longer one is kept as a remark.
const RESULT_BYTES_MAX: usize = 1024;

/// An operation that is not over.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) id: OpId,
    /// The command's body as it was asked, without who asked.
    pub(super) body: Value,
    pub(super) change: Change,
    pub(super) targets: Vec<Target>,
    pub(super) phase: Phase,
    pub(super) askers: Vec<Asker>,
    /// When it was accepted, in ms since 1970, by the clock of the master that did.
    pub(super) at_ms: u64,
    /// When it is over, whoever has not answered.
    pub(super) due: Instant,
    /// Servers that this operation marked as stopped on purpose.
    pub(super) marked: Vec<ServerId>,
}

/// Who waits for an operation's answer.
#[derive(Clone, Debug)]
pub(in crate::control) struct Asker {
    pub(in crate::control) link: LinkId,
    pub(in crate::control) req_id: ReqId,
    /// It gave no number, as the original's tools do: it is answered in their words and no more.
    pub(in crate::control) plain: bool,
}

/// How far an operation is.
#[derive(Debug, PartialEq)]
pub(super) enum Phase {
    /// Its record is being written; nothing is done yet.
    Accepting,
    /// It is carried out.
    Underway,
    /// Its answer is being written.
    Closing(Value),
}

/// Somebody who is to carry an operation out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) who: Who,
    pub(super) state: State,
}

/// Who that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Who {
    /// One life of a server.
    Server {
        id: ServerId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incarnation: Option<u64>,
    },
    /// The agent that runs these servers, each with the life that it may begin.
    Agent { agent: String, claims: Vec<(ServerId, u64)> },
}

/// What it has said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Not asked, or the link was lost before it answered.
    Unasked,
    /// Asked on this link.
    Asked(LinkId),
    /// Its answer, or why there will be none.
    Answered(Value),
}

/// An operation's record.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OpRecord {
    pub(super) op: OpId,
    pub(super) command: Value,
    pub(super) targets: Vec<Who>,
    pub(super) epoch: u64,
    pub(super) at_ms: u64,
    /// What was answered, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Value>,
}

impl Target {
    pub(super) fn new(who: Who) -> Self {
        Self { who, state: State::Unasked }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Answered(_))
    }

    /// The lives that an agent may begin.
    pub(super) fn claims(&self) -> &[(ServerId, u64)] {
        match &self.who {
            Who::Agent { claims, .. } => claims,
            Who::Server { .. } => &[],
        }
    }

    /// Takes its answer.
    pub(super) fn answered(&mut self, answer: Value) {
        let bytes = answer.to_string().len();
        let long = bytes > RESULT_BYTES_MAX;
        self.state = State::Answered(if long { format!("answered {bytes} bytes").into() } else { answer });
    }
}

impl Op {
    pub(super) fn is_over(&self) -> bool {
        self.targets.iter().all(Target::is_over)
    }

    /// Whether it ends the whole cluster, the master included.
    pub(super) fn is_whole(&self) -> bool {
        matches!(&self.change, Change::Stop { ids, .. } if ids.is_empty())
    }

    pub(super) fn claims(&self) -> Vec<(ServerId, u64)> {
        self.targets.iter().flat_map(Target::claims).cloned().collect()
    }

    /// Whether somebody said why it can't be done, and nobody did it or may do it yet.
    pub(super) fn is_refused(&self) -> bool {
        let refused =
            |target: &Target| matches!(&target.state, State::Answered(said) if said.get("error").is_some());
        let gone = |target: &Target| matches!(&target.state, State::Answered(said) if said == GONE);
        self.targets.iter().any(refused) && self.targets.iter().all(|target| refused(target) || gone(target))
    }

    /// What the targets said, by name, and who said nothing.
    pub(super) fn answer(&self) -> Value {
        let (mut results, mut remained) = (Map::new(), Vec::new());
        for target in &self.targets {
            let said = match &target.state {
                State::Answered(said) => Some(said),
                State::Unasked | State::Asked(_) => None,
            };
            match &target.who {
                Who::Server { id, .. } => {
                    if said.is_none() {
                        remained.push(id.clone());
                    }
                    results.insert(id.to_string(), said.cloned().unwrap_or_else(unanswered));
                }
                // An agent says it of each server: the process, or null.
                Who::Agent { claims, .. } => {
                    for (id, _) in claims {
                        let one = match said {
                            Some(Value::Object(each)) if each.get("error").is_none() => {
                                each.get(id.as_str()).cloned().unwrap_or_default()
                            }
                            Some(all) => all.clone(),
                            None => unanswered(),
                        };
                        if !one.is_number() {
                            remained.push(id.clone());
                        }
                        results.insert(id.to_string(), one);
                    }
                }
            }
        }
        let mut answer = self.change.answer(&remained);
        answer["op"] = self.id.as_str().into();
        answer["results"] = results.into();
        answer
    }

    /// Its record, so that the next master does it, or knows what was answered.
    pub(super) fn record(&self, epoch: u64, answer: Option<Value>) -> Write {
        let record = OpRecord {
            op: self.id.clone(),
            command: self.body.clone(),
            targets: self.targets.iter().map(|target| target.who.clone()).collect(),
            epoch,
            at_ms: self.at_ms,
            answer,
        };
        record.write()
    }
}

impl OpRecord {
    fn write(&self) -> Write {
        // Values and names have nothing that JSON lacks.
        Write::Put { key: key(&self.op), value: serde_json::to_vec(self).unwrap_or_default() }
    }

    pub(super) fn read(record: &Record) -> Result<Self, String> {
        serde_json::from_slice(&record.value).map_err(|why| format!("{}: {why}", record.key))
    }
}

/// Where an operation's record is.
pub(super) fn key(op: &OpId) -> String {
    format!("{}/{op}", store::OPS)
}

/// The answer of who can't give one any more.
pub(super) const GONE: &str = "gone";

pub(super) fn unanswered() -> Value {
    "unanswered".into()
}

/// As a result: the target can't, and why.
pub(super) fn error(why: &str) -> Value {
    json!({ "error": why })
}
