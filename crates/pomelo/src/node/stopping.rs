//! How a server leaves: out of the cluster first, then its clients, then what other servers have asked, its state, its links.
//! The steps are told in [`Drain`]; each has its time, and all together.

use std::time::Duration;

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use super::{Node, follow::Following, hooks::sooner};
use crate::{Drain, connector::Leave};

/// How long the masters are given to hear that this server leaves. They see its links end if they don't.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the last hooks have, also when everything before took all of its time.
pub(super) const STOPPED_TIMEOUT: Duration = Duration::from_secs(1);

/// How long connections of clients may take to end behind their last answers, in which their hooks run.
const CLIENTS_TIMEOUT: Duration = Duration::from_secs(4);

/// What has to be brought down.
pub(super) struct Stopping<'a> {
    pub(super) node: &'a Node,
    pub(super) following: &'a mut Following,
    pub(super) drain: Drain,
    /// The connector, and where it is told to end.
    pub(super) clients: JoinSet<()>,
    pub(super) no_more_clients: watch::Sender<Option<Leave>>,
}

impl Stopping<'_> {
    /// Everything up to the links, over which hooks can still call others.
    pub(super) async fn run(mut self) {
        let until = Instant::now() + self.drain.whole;
        let Self { node, drain, .. } = self;
        let server = &node.parts.0.me.id;
        node.run(&node.hooks.stop, &node.lifecycle(), sooner(drain.hand_over, until)).await;
        self.leave().await;
        self.clients(until).await;
        let running = node.progress.running();
        if running > 0 {
            tracing::info!(%server, running, "finishing what other servers have asked");
            if timeout_at(sooner(drain.finish, until), node.progress.idle()).await.is_err() {
                let running = node.progress.running();
                tracing::warn!(%server, running, "other servers' messages took too long, dropped");
            }
        }
        node.progress.leave();
        if !node.hooks.drain.is_empty() {
            tracing::info!(%server, "handing over");
            node.run(&node.hooks.drain, &node.lifecycle(), sooner(drain.hand_over, until)).await;
        }
    }

    async fn leave(&mut self) {
        let server = &self.node.parts.0.me.id;
        if timeout(LEAVE_TIMEOUT, self.following.leave()).await.is_err() {
            tracing::warn!(%server, "masters did not take leave in time");
        }
        tracing::info!(%server, "left the cluster");
    }

    async fn clients(&mut self, until: Instant) {
        let finish = sooner(self.drain.finish, until);
        let close = sooner(self.drain.finish + CLIENTS_TIMEOUT, until);
        self.no_more_clients.send_replace(Some(Leave { finish, close }));
        while self.clients.join_next().await.is_some() {}
    }
}

/// The last hooks, when nothing comes in or goes out any more; in the reverse order.
pub(super) async fn stopped(node: &Node) {
    let until = Instant::now() + STOPPED_TIMEOUT;
    let mut last = node.hooks.end.clone();
    last.extend_from_slice(&node.hooks.stopped);
    last.reverse();
    node.run(&last, &node.lifecycle(), until).await;
}
