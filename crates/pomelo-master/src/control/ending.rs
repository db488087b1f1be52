//! How a master ends: everything is stopped by an administrator, it hands over to another one, or the leader ends it.

use std::{collections::BTreeSet, time::Instant};

use pomelo_cluster::ops::OpId;
use pomelo_protocol::{ServerId, admin::AdminMessage};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{Action, Control, Peer, Standing};
use crate::link::LinkId;

/// A master on its way out.
#[derive(Debug)]
pub(super) enum Ending {
    /// All servers were told to end; waits for their links to close.
    Servers {
        /// Which operation.
        op: OpId,
        /// Without grace.
        kill: bool,
        /// Those still there.
        waiting: BTreeSet<LinkId>,
        /// Members that had no link, and are told when they come.
        absent: BTreeSet<ServerId>,
        /// When it goes on without them.
        due: Instant,
    },
    /// The other masters were told to end, too; waits for them, so that none is promoted, and for those whose link broke and
    /// that may live all the same: they are told when they come. Agents are told last of all: one
    /// that kills its processes may kill this master before anybody else has read what it was told.
    Masters {
        /// Which operation.
        op: OpId,
        /// Without grace.
        kill: bool,
        /// What is answered then.
        answer: Value,
        /// Those still there.
        waiting: BTreeSet<LinkId>,
        /// When it goes on without them.
        due: Instant,
    },
    /// The answer is being recorded, so that a master that is started again does not go on with it.
    Recording {
        /// Which operation.
        op: OpId,
        /// Without grace.
        kill: bool,
        /// When it ends all the same.
        due: Instant,
    },
    /// Leadership was given up; waits for the next one, so that servers have somebody to follow before the links close.
    HandingOver {
        /// The term that was given up.
        epoch: u64,
        /// When it ends all the same.
        due: Instant,
    },
    /// Nothing more to wait for.
    Over,
}

impl Ending {
    /// Whether only this process ends. It has left the election then, whatever that says.
    pub(super) fn is_of_this_process(&self) -> bool {
        matches!(self, Self::HandingOver { .. } | Self::Over)
    }
}

impl Control {
    /// SIGTERM. Authority goes first, then the place in the queue.
    pub(super) fn shut_down(&mut self, now: Instant) {
        self.terminated = true;
        if self.ending.is_some() {
            // It ends anyway, once everything else has.
            return;
        }
        if self.end_by_handover(now) {
            return;
        }
        let epoch = self.epoch();
        self.resign(now);
        match epoch {
            // One that is suspended has nothing to ask the others.
            Some(epoch) if self.linked_masters().next().is_some() => {
                info!(target: "pomelo::master", "handing over epoch {epoch}");
                self.ending = Some(Ending::HandingOver { epoch, due: now + self.limits.handover_timeout });
            }
            _ => self.exit(),
        }
    }

    /// Another master ends the whole cluster. The links to the others do not know this master's own epoch, so that it is
    /// compared here: one that was deposed and does not know it yet must not end its successor.
    pub(super) fn ordered_to_end(&mut self, epoch: u64, now: Instant) {
        if epoch < self.epoch_seen {
            return warn!(
                target: "pomelo::master",
                "not ended by a master of epoch {epoch}: epoch {} has begun", self.epoch_seen
            );
        }
        info!(target: "pomelo::master", "ended by the active master");
        self.resign(now);
        self.exit();
    }

    /// `stop` or `kill` without ids.
    pub(super) fn end_all(&mut self, op: &OpId, kill: bool, now: Instant) {
        info!(target: "pomelo::master", "the whole cluster is stopped by operation {op}");
        let order = self.order(signal(kill));
        let servers = self.links_of(|peer| matches!(peer, Peer::Server { .. }));
        self.send(servers.clone(), AdminMessage::Monitor(order));
        let waiting: BTreeSet<_> = servers.into_iter().collect();
        let due = now + if kill { self.limits.kill_timeout } else { self.limits.stop_timeout };
        let absent = self.registry.missing().cloned().collect();
        self.ending = Some(Ending::Servers { op: op.clone(), kill, waiting, absent, due });
        self.ending_tick(now);
    }

    pub(super) fn ending_lost(&mut self, link: LinkId, now: Instant) {
        match &mut self.ending {
            Some(Ending::Servers { waiting, .. } | Ending::Masters { waiting, .. }) => {
                waiting.remove(&link);
            }
            Some(Ending::Recording { .. } | Ending::HandingOver { .. } | Ending::Over) | None => return,
        }
        self.ending_tick(now);
    }

    /// A server is gone for good, and so may be the link it was on.
    pub(super) fn ending_gone(&mut self, id: &ServerId, link: Option<LinkId>, now: Instant) {
        if let Some(Ending::Servers { waiting, absent, .. }) = &mut self.ending {
            let link = link.is_some_and(|link| waiting.remove(&link));
            if absent.remove(id) || link {
                self.ending_tick(now);
            }
        }
    }

    pub(super) fn ending_tick(&mut self, now: Instant) {
        match self.ending.take() {
            Some(Ending::Servers { op, kill, waiting, absent, due })
                if (waiting.is_empty() && absent.is_empty()) || due <= now =>
            {
                let remained = waiting.iter().filter_map(|link| self.registry.server_on(*link));
                let remained: Vec<_> = remained.chain(&absent).collect();
                let answer = answer(kill, &remained);
                self.stop_masters(op, kill, answer, now);
            }
            Some(Ending::Masters { op, kill, answer, waiting, due })
                if (waiting.is_empty() && self.lost_masters.is_empty()) || due <= now =>
            {
                let due = now + self.limits.handover_timeout;
                self.ending = Some(Ending::Recording { op: op.clone(), kill, due });
                self.finish(&op, Some(answer), now);
            }
            Some(Ending::Recording { op, kill, due }) if due <= now => {
                self.answer_op(&op);
                self.end_agents(kill, now);
            }
            Some(Ending::HandingOver { due, .. }) if due <= now => {
                warn!(target: "pomelo::master", "nobody took over in time");
                self.exit();
            }
            other => self.ending = other,
        }
    }

    /// The answer to an operation is recorded and given.
    pub(super) fn ending_recorded(&mut self, op: &OpId, now: Instant) {
        if let Some(Ending::Recording { op: ours, kill, .. }) = &self.ending
            && ours == op
        {
            self.end_agents(*kill, now);
        }
    }

    fn end_agents(&mut self, kill: bool, now: Instant) {
        let order = self.order(signal(kill));
        let agents = self.links_of(|peer| matches!(peer, Peer::Agent { .. }));
        self.send(agents, AdminMessage::Monitor(order));
        self.resign(now);
        self.exit();
    }

    /// Another master leads.
    pub(super) fn ending_succeeded(&mut self, _now: Instant) {
        if let (Some(Ending::HandingOver { epoch, .. }), Some(leader)) = (&self.ending, &self.leader)
            && leader.epoch > *epoch
        {
            info!(target: "pomelo::master", "{}:{} took over in epoch {}", leader.host, leader.port, leader.epoch);
            self.exit();
        }
    }

    /// Leadership was lost while everything was being stopped: the rest is the new leader's affair.
    pub(super) fn ending_deposed(&mut self, now: Instant) {
        let ending = self.ending.take();
        if matches!(ending, Some(Ending::Servers { .. } | Ending::Masters { .. } | Ending::Recording { .. }))
            && self.terminated
        {
            self.resign(now);
            self.exit();
        }
    }

    /// Somebody came while everything is being stopped, and is told so, too. Masters have their turn when the servers
    /// have had theirs, and agents at the end.
    pub(super) fn ending_joined(&mut self, link: LinkId) {
        let kill = match (&mut self.ending, self.peers.get(&link)) {
            (Some(Ending::Servers { kill, waiting, absent, .. }), Some(Peer::Server { .. })) => {
                waiting.insert(link);
                if let Some(id) = self.registry.server_on(link) {
                    absent.remove(id);
                }
                *kill
            }
            (Some(Ending::Masters { kill, waiting, .. }), Some(Peer::Candidate(_))) => {
                waiting.insert(link);
                *kill
            }
            (
                Some(Ending::Masters { kill, .. } | Ending::Recording { kill, .. }),
                Some(Peer::Server { .. }),
            )
            | (Some(Ending::Recording { kill, .. }), Some(Peer::Candidate(_))) => *kill,
            _ => return,
        };
        let order = self.order(signal(kill));
        self.send(vec![link], AdminMessage::Monitor(order));
    }

    fn stop_masters(&mut self, op: OpId, kill: bool, answer: Value, now: Instant) {
        let masters = self.links_of(|peer| matches!(peer, Peer::Candidate(_)));
        let order = self.order(signal(kill));
        self.send(masters.clone(), AdminMessage::Monitor(order));
        let waiting = masters.into_iter().collect();
        self.ending =
            Some(Ending::Masters { op, kill, answer, waiting, due: now + self.limits.handover_timeout });
        self.ending_tick(now);
    }

    /// Authority first, then the place in the queue. Who waits for an operation is answered when this process ends, when it is
    /// known who leads.
    pub(super) fn resign(&mut self, now: Instant) {
        if self.epoch().is_some() {
            self.registry.step_down();
            self.history_deposed();
            self.failsafe = None;
            self.suspension = None;
            self.handover_deposed(now);
        }
        self.standing = Standing::Stopped;
        self.actions.push(Action::Resign);
    }

    fn exit(&mut self) {
        // Whoever waits still is told where to go.
        self.ops_deposed();
        self.ending = Some(Ending::Over);
        self.actions.push(Action::Exit);
    }
}

fn signal(kill: bool) -> Value {
    json!({ "signal": if kill { "kill" } else { "stop" } })
}

/// `{"status": "all"}` of `stop`, `{"code": "ok" | "remained"}` of `kill`; with the servers that did not leave, if any.
fn answer(kill: bool, remained: &[&ServerId]) -> Value {
    match (kill, remained.is_empty()) {
        (false, true) => json!({ "status": "all" }),
        (false, false) => json!({ "status": "all", "remained": remained }),
        (true, true) => json!({ "code": "ok" }),
        (true, false) => json!({ "code": "remained", "remained": remained }),
    }
}
