//! What this master hears of the other candidates: who leads, the membership that one keeps, and its order to end.

use std::sync::Arc;

use pomelo_cluster::{
    config::{Environment, MasterEntry},
    coordinator::{CandidateInfo, MasterAddr},
    follow::{Follower, FollowerConfig, Identity, Leader, Order},
    membership::{Version, View},
};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tracing::debug;

use crate::{console::CONSOLE, control::Event};

/// The news of the other candidates.
#[derive(Debug)]
pub(crate) struct Others {
    view: watch::Receiver<Arc<View>>,
    leader: watch::Receiver<Option<Leader>>,
    orders: mpsc::Receiver<Order>,
    /// Whether the follower's tasks are still there.
    alive: bool,
}

/// Links to every candidate but this one.
pub(crate) fn follow(me: &CandidateInfo, env: &Environment) -> (Follower, Others) {
    let candidates: Vec<MasterAddr> =
        env.candidates.iter().map(MasterEntry::addr).filter(|addr| *addr != me.addr).collect();
    let config = FollowerConfig::new(Identity::Candidate(me.clone()), candidates).token(env.peer_token());
    let (follower, orders) = Follower::start(config);
    let others = Others { view: follower.view(), leader: follower.leader(), orders, alive: true };
    (follower, others)
}

/// Returns when this master knows what the one that leads knows, if any does: when each of the others has been dialled
/// and the membership of a leader has come. Promoted before that, it would list only the servers that found it first.
pub(crate) async fn warm(follower: Follower) {
    let (mut links, mut view) = (follower.links(), follower.view());
    let leader = follower.leader();
    loop {
        let dialled = links.borrow_and_update().values().all(|link| link.up || link.why.is_some());
        let known = view.borrow_and_update().version != Version::default();
        if dialled && (known || leader.borrow().is_none()) {
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
    /// The next news. Cancel safe.
    pub(crate) async fn next(&mut self) -> Event {
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
                Some(order) = self.orders.recv() => {
                    if let Some(event) = obey(order) {
                        return event;
                    }
                }
            }
        }
        std::future::pending().await
    }
}

/// Masters obey one order: to end.
fn obey(order: Order) -> Option<Event> {
    let signal = order.body.get("signal").and_then(Value::as_str).unwrap_or_default();
    if order.module_id == CONSOLE && (signal == "stop" || signal == "kill") {
        return Some(Event::Ordered { epoch: order.epoch });
    }
    debug!(target: "pomelo::master", "nothing is done about {:?} from {}", order.module_id, order.from);
    if let Some(reply) = order.reply {
        reply.fail("masters answer tools, not other masters");
    }
    None
}
