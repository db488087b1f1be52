//! Looking at the masters from outside: a follower of its own, registered with all of them as an agent is, that keeps the time at
//! which each of them was followed and lost.
//!
//! It obeys nothing: what a master asks of an agent is answered with an error here.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use pomelo_cluster::{
    config::{Environment, MasterEntry},
    coordinator::MasterAddr,
    follow::{Follower, FollowerConfig, Identity, Leader},
    membership::View,
};
use pomelo_protocol::admin::MasterRole;
use tokio::{sync::watch, task::JoinSet};

/// Changes of the leader that are kept; the oldest go first.
const HISTORY_MAX: usize = 10_000;

/// A master that was followed, and from when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Which, in which epoch.
    pub leader: Leader,
    /// When this process did so.
    pub at: Instant,
}

/// Follows the masters until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    follower: Follower,
    seen: Arc<Mutex<Vec<Followed>>>,
    epoch: watch::Receiver<u64>,
    _tasks: JoinSet<()>,
}

impl Watcher {
    /// Links with every master of the environment. `name` is what the masters call this process.
    pub fn start(environment: &Environment, name: &str) -> Self {
        let pid = std::process::id();
        let host = environment.master.host.clone();
        let identity = Identity::Agent { id: format!("{name}-{host}-{pid}"), host, pid };
        let candidates = environment.candidates.iter().map(MasterEntry::addr);
        let config = FollowerConfig::new(identity, candidates).token(environment.peer_token());
        let (follower, mut orders) = Follower::start(config);
        let seen = Arc::<Mutex<Vec<Followed>>>::default();
        let (tell, epoch) = watch::channel(0);
        let mut tasks = JoinSet::new();
        // An order that is dropped is answered with an error.
        tasks.spawn(async move { while orders.recv().await.is_some() {} });
        tasks.spawn(keep(follower.linked_leader(), Arc::clone(&seen), tell));
        Self { follower, seen, epoch, _tasks: tasks }
    }

    /// The leader that is linked now.
    pub fn leader(&self) -> Option<Leader> {
        self.follower.linked_leader().borrow().clone()
    }

    /// The highest epoch that was followed; 0 before any.
    pub fn epoch(&self) -> u64 {
        *self.epoch.borrow()
    }

    /// Waits until a master of a higher epoch than this is followed; `None` if none is in time.
    pub async fn after(&self, epoch: u64, within: Duration) -> Option<Followed> {
        let mut news = self.epoch.clone();
        let came = tokio::time::timeout(within, news.wait_for(|now| *now > epoch)).await;
        came.ok()?.ok()?;
        self.history().into_iter().find(|followed| followed.leader.epoch > epoch)
    }

    /// Every change of the leader, in the order in which they came.
    pub fn history(&self) -> Vec<Followed> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The masters that stand by and are linked here.
    pub fn standbys(&self) -> Vec<MasterAddr> {
        let links = self.follower.links();
        let links = links.borrow();
        let standby = links.iter().filter(|(_, link)| link.up && link.role == Some(MasterRole::Standby));
        standby.map(|(addr, _)| addr.clone()).collect()
    }

    /// What each master is, as far as is known, for a person: `127.0.0.1:3006 standby`.
    pub fn masters(&self) -> Vec<String> {
        let links = self.follower.links();
        let links = links.borrow();
        let words = |(addr, link): (&MasterAddr, &pomelo_cluster::follow::LinkState)| match link.role {
            Some(role) if link.up => format!("{addr} {}", role.as_str()),
            _ if link.up => format!("{addr} linked"),
            _ => format!("{addr} away"),
        };
        links.iter().map(words).collect()
    }

    /// Who is in the cluster.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.follower.view().borrow())
    }

    /// Leaves the masters in order.
    pub async fn end(self) {
        self.follower.shutdown().await;
    }
}

async fn keep(
    mut leader: watch::Receiver<Option<Leader>>,
    seen: Arc<Mutex<Vec<Followed>>>,
    epoch: watch::Sender<u64>,
) {
    loop {
        let now = leader.borrow_and_update().clone();
        if let Some(leader) = now {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            // A link that was lost and came back is not another leader.
            if seen.last().is_none_or(|last| last.leader != leader) {
                if seen.len() == HISTORY_MAX {
                    seen.remove(0);
                }
                seen.push(Followed { leader: leader.clone(), at: Instant::now() });
                drop(seen);
                epoch.send_modify(|highest| *highest = leader.epoch.max(*highest));
            }
        }
        if leader.changed().await.is_err() {
            return;
        }
    }
}
