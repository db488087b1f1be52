//! What this master hears of the other candidates: who leads, the membership that one keeps, how the links to them are, and what
//! they ask or order.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use pomelo_cluster::{
    config::{Environment, MasterEntry},
    coordinator::{CandidateInfo, MasterAddr},
    follow::{Follower, FollowerConfig, Identity, Leader, LinkState, Order, Reply},
    membership::View,
    messages::CLUSTER,
};
use pomelo_protocol::admin::Failure;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tracing::debug;

use crate::{console::CONSOLE, control::Event};

/// Questions of other masters that wait for their answer; one more is answered with an error.
const ASKS_MAX: usize = 256;

/// The news of the other candidates.
#[derive(Debug)]
pub(crate) struct Others {
    view: watch::Receiver<Arc<View>>,
    leader: watch::Receiver<Option<Leader>>,
    links: watch::Receiver<Arc<BTreeMap<MasterAddr, LinkState>>>,
    orders: mpsc::Receiver<Order>,
    /// Whether the follower's tasks are still there.
    alive: bool,
}

/// Links to every candidate but this one.
pub(crate) fn follow(me: &CandidateInfo, env: &Environment, memory: Option<PathBuf>) -> (Follower, Others) {
    let candidates: Vec<MasterAddr> =
        env.candidates.iter().map(MasterEntry::addr).filter(|addr| *addr != me.addr).collect();
    let config = FollowerConfig::new(Identity::Candidate(me.clone()), candidates);
    let config = config.token(env.peer_token()).memory(memory);
    let (follower, orders) = Follower::start(config);
    let mut links = follower.links();
    links.mark_changed();
    let (view, leader) = (follower.view(), follower.leader());
    let others = Others { view, leader, links, orders, alive: true };
    (follower, others)
}

/// Returns when this master knows what the one that leads knows, if any does: when each of the others has been dialled
/// and the membership of a leader has come. Promoted before that, it would list only the servers that found it first.
pub(crate) async fn warm(follower: Follower) {
    let (mut links, mut view) = (follower.links(), follower.view());
    let leader = follower.leader();
    loop {
        let dialled = links.borrow_and_update().values().all(|link| link.up || link.why.is_some());
        let known = view.borrow_and_update().version.epoch;
        if dialled && leader.borrow().as_ref().is_none_or(|leader| known >= leader.epoch) {
            return;
        }
        // An error is the end of the links, and nothing more will come.
        let changed = tokio::select! {
            changed = links.changed() => changed,
            changed = view.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

impl Others {
    /// The membership, if a newer one has come than was told: before this master leads it must have the whole of it.
    pub(crate) fn latest(&mut self) -> Option<Event> {
        let news = self.view.has_changed().unwrap_or(false);
        news.then(|| Event::Followed(Arc::clone(&self.view.borrow_and_update())))
    }

    /// The next news. Cancel safe.
    pub(crate) async fn next(&mut self, asks: &mut Asks) -> Event {
        while self.alive {
            tokio::select! {
                changed = self.view.changed() => match changed {
                    Ok(()) => return Event::Followed(Arc::clone(&self.view.borrow_and_update())),
                    Err(_) => self.alive = false,
                },
                changed = self.leader.changed() => match changed {
                    Ok(()) => {
                        let leader = self.leader.borrow_and_update().as_ref().map(Leader::to_wire);
                        if let Some(leader) = leader {
                            return Event::Leader(leader);
                        }
                    }
                    Err(_) => self.alive = false,
                },
                changed = self.links.changed() => match changed {
                    Ok(()) => return Event::Masters(Arc::clone(&self.links.borrow_and_update())),
                    Err(_) => self.alive = false,
                },
                Some(order) = self.orders.recv() => {
                    if let Some(event) = asks.obey(order) {
                        return event;
                    }
                }
            }
        }
        std::future::pending().await
    }
}

/// Questions of other masters that wait for their answer.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    waiting: HashMap<u64, Reply>,
    last: u64,
}

impl Asks {
    /// Answers one. Nobody waits for an unknown one.
    pub(crate) fn reply(&mut self, ask: u64, result: Result<Value, Failure>) {
        match (self.waiting.remove(&ask), result) {
            (Some(reply), Ok(answer)) => reply.ok(answer),
            (Some(reply), Err(failure)) => reply.fail(failure.message),
            (None, _) => {}
        }
    }

    /// Masters obey the order to end, and answer what other masters ask about leading.
    fn obey(&mut self, order: Order) -> Option<Event> {
        let signal = order.body.get("signal").and_then(Value::as_str).unwrap_or_default();
        if order.module_id == CONSOLE && (signal == "stop" || signal == "kill") {
            return Some(Event::Ordered { epoch: order.epoch });
        }
        if order.module_id != CLUSTER {
            debug!(target: "pomelo::master", "nothing is done about {:?} from {}", order.module_id, order.from);
            if let Some(reply) = order.reply {
                reply.fail("masters answer tools, not other masters");
            }
            return None;
        }
        let ask = match order.reply {
            Some(reply) if self.waiting.len() >= ASKS_MAX => {
                reply.fail(format!("busy: {ASKS_MAX} questions of other masters wait already"));
                return None;
            }
            Some(reply) => {
                self.last += 1;
                self.waiting.insert(self.last, reply);
                Some(self.last)
            }
            None => None,
        };
        Some(Event::Asked { ask, epoch: order.epoch, body: order.body })
    }
}
