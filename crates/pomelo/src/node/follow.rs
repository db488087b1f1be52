//! What masters tell a running server: who is in the cluster, and what it is to do.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use pomelo_cluster::{
    config::{Environment, MasterEntry},
    follow::{Follower, FollowerConfig, Identity, Order},
    membership::{Members, View},
};
use pomelo_protocol::{ServerId, ServerInfo};
use pomelo_rpc::Links;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    Ending,
    departures::{Departures, Step},
    events::Told,
    orders::Status,
};
use crate::{Channels, Drain, Servers, servers::Directory};

/// How long a server that left may still answer what it was asked before, until its link is cut: at least so long, and as
/// long as [`Drain`] gives it. One that stops in order closes it earlier by itself.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// What a server that leaves may need beyond its [`Drain`]: to end its links and for its last hooks.
const FINISH_MARGIN: Duration = Duration::from_secs(3);

/// The links to all masters, and what comes over them.
pub(super) struct Following {
    pub(super) follower: Follower,
    view: watch::Receiver<Arc<View>>,
    orders: mpsc::Receiver<Order>,
    newer: watch::Receiver<Option<u64>>,
    me: Arc<ServerInfo>,
    known: Members,
    /// Which life of each server was the last one known, also of those that are leaving.
    lives: BTreeMap<ServerId, u64>,
    departures: Departures,
    directory: Arc<Directory>,
    links: Links,
    channels: Channels,
    /// What the hooks of this server are told.
    pub(super) told: Told,
}

impl Following {
    /// Begins to dial the masters; that none answers is no reason to wait: what was known when the last process of this machine
    /// was told something, in the folder `memory`, is better than nothing.
    pub(super) fn start(
        env: &Environment,
        me: &Arc<ServerInfo>,
        memory: PathBuf,
        directory: Arc<Directory>,
        links: Links,
        channels: Channels,
    ) -> Self {
        let candidates = env.candidates.iter().map(MasterEntry::addr);
        let config = FollowerConfig::new(Identity::Server(ServerInfo::clone(me)), candidates)
            .token(env.server_tokens.token_for(&me.server_type))
            .memory(Some(memory));
        let (follower, orders) = Follower::start(config);
        let (view, newer) = (follower.view(), follower.newer());
        directory.set_blind(true);
        Self {
            follower,
            view,
            newer,
            orders,
            me: Arc::clone(me),
            known: Members::default(),
            lives: BTreeMap::new(),
            departures: Departures::new(FINISH_TIMEOUT),
            directory,
            links,
            channels,
            told: Told::new(),
        }
    }

    /// Gives servers that leave as long as this says.
    pub(super) fn drain(mut self, drain: &Drain) -> Self {
        self.departures = Departures::new(FINISH_TIMEOUT.max(drain.whole + FINISH_MARGIN));
        self
    }

    /// Leaves the cluster: the masters hear of it, and this server does not choose itself any more.
    pub(super) async fn leave(&self) {
        let others = self.known.values().filter(|info| info.id != self.me.id).cloned();
        self.directory.replace(Servers::new(others));
        self.follower.shutdown().await;
    }

    /// Follows until a master orders the end, or knows a later life of this server.
    pub(super) async fn run(&mut self, status: &Status) -> Ending {
        loop {
            tokio::select! {
                Ok(()) = self.view.changed() => self.known(),
                Some(order) = self.orders.recv() => {
                    if let Some(ending) = self.obey(order, status) {
                        return ending;
                    }
                }
                Ok(()) = self.newer.changed() => {
                    if let Some(by) = *self.newer.borrow_and_update() {
                        return Ending::Replaced { by };
                    }
                }
                () = due(self.departures.due()) => self.part(),
                // The follower ends only when it is told to, below.
                else => std::future::pending().await,
            }
        }
    }

    fn known(&mut self) {
        let view = Arc::clone(&self.view.borrow_and_update());
        let servers = &view.servers;
        for id in self.known.keys().filter(|&id| !servers.contains_key(id) && *id != self.me.id) {
            tracing::debug!(server = %id, "left");
            self.departures.left(id.clone(), Instant::now());
        }
        let left = self.known.values().filter(|info| info.frontend && info.incarnation.is_some());
        let left = left.map(|info| &info.id).filter(|id| **id != self.me.id);
        self.directory.miss(|missing| {
            missing.extend(left.cloned());
            missing.retain(|id| !servers.contains_key(id));
        });
        self.departures.back(|id| servers.contains_key(id));
        for (id, now) in servers.iter().filter(|(id, _)| **id != self.me.id) {
            let life = now.incarnation.unwrap_or_default();
            match self.lives.insert(id.clone(), life) {
                Some(former) if former != life => {
                    tracing::debug!(server = %id, "is there in another life");
                    self.links.forget_before(id, life);
                }
                Some(_) | None => {}
            }
        }
        self.known.clone_from(servers);
        // A server knows itself, also while no master does.
        let others = view.servers.values().filter(|info| info.id != self.me.id).cloned();
        let servers = Servers::new(others.chain([Arc::clone(&self.me)]));
        self.directory.replace(servers.clone());
        self.directory.set_blind(false);
        self.told.servers.send_replace(servers);
    }

    fn obey(&self, order: Order, status: &Status) -> Option<Ending> {
        let obeyed = status.obey(&order.module_id, order.epoch, &order.body);
        match (order.reply, obeyed.answer) {
            (Some(reply), Some(answer)) => reply.in_error(answer),
            (Some(reply), None) => reply.none(),
            (None, _) => {}
        }
        if obeyed.all_started {
            self.told.all_started.send_replace(true);
        }
        if let Some(ending) = obeyed.ending {
            tracing::info!(server = %status.me.id, from = %order.from, epoch = order.epoch, ?ending, "ordered to end");
        }
        obeyed.ending
    }

    fn part(&mut self) {
        let linked = |id: &ServerId| self.links.present(id).is_some();
        for step in self.departures.steps(Instant::now(), linked) {
            match step {
                Step::Cut(id) => {
                    self.links.forget(&id);
                    self.lives.remove(&id);
                }
                Step::Forget(id) => {
                    self.directory.miss(|missing| missing.retain(|other| *other != id));
                    self.channels.forget(&id);
                }
            }
        }
    }
}

/// Resolves when it is time.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
