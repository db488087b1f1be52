//! The links of a process to all masters: registered with each, following the one that leads.
//!
//! A game server, an agent and a master that stands by run a [`Follower`]. It dials every candidate for ever, answers
//! pings, keeps the membership, and hands on what masters ask as [`Order`]s; whom to believe is decided in
//! [`crate::follower`]. It never gives up and never ends the process: with every master dead it holds the last membership.
//!
//! Limits: every queue and table here is bounded, see the constants in [`FollowerConfig`] and `LinkConfig`. A second
//! request of a master that finds [`FollowerConfig::orders_max`] orders waiting is answered with an error.

mod asking;
mod believing;
mod dial;
mod heard;
mod identity;
mod keep;
mod order;
mod run;
mod telling;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use pomelo_protocol::admin::{Failure, MasterRole};
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};

use crate::{admin::LinkConfig, coordinator::MasterAddr, membership::View};
use run::{Handles, Input, Publishers, Runner};

pub use crate::follower::Leader;
pub use identity::Identity;
pub use order::{Order, Reply};

/// What a follower needs to know, with its limits.
#[derive(Clone, Debug)]
pub struct FollowerConfig {
    /// Who registers.
    pub identity: Identity,
    /// All masters, in any order.
    pub candidates: Vec<MasterAddr>,
    /// What `adminServer.json` demands.
    pub token: Option<String>,
    /// Limits and times of each link.
    pub link: LinkConfig,
    /// How long [`Follower::request`] waits, for a leader and for its answer together.
    pub request_timeout: Duration,
    /// How many orders wait to be taken; a further one is answered with an error.
    pub orders_max: usize,
    /// The folder where processes of this machine keep what they know for their next start: `run` of the game. None if
    /// nothing is kept.
    pub memory: Option<PathBuf>,
    /// Shortest and longest pause before a master is dialled again.
    pub(crate) pauses: (Duration, Duration),
}

impl FollowerConfig {
    /// With the usual limits: a ping each second, a link without a byte for 10 s is dropped.
    pub fn new(identity: Identity, candidates: impl IntoIterator<Item = MasterAddr>) -> Self {
        Self {
            identity,
            candidates: candidates.into_iter().collect(),
            token: None,
            link: LinkConfig::kept(),
            request_timeout: Duration::from_secs(5),
            orders_max: 256,
            memory: None,
            pauses: (dial::RETRY_MIN, dial::RETRY_MAX),
        }
    }

    /// Keeps what it knows in this folder, and begins with what is there.
    #[must_use]
    pub fn memory(mut self, dir: Option<PathBuf>) -> Self {
        self.memory = dir;
        self
    }

    /// Registers with a token.
    #[must_use]
    pub fn token(mut self, token: Option<impl Into<String>>) -> Self {
        self.token = token.map(Into::into);
        self
    }
}

/// The state of the link to one master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether this process is registered there now.
    pub up: bool,
    /// What that master is, as far as is known; a master of the original never says.
    pub role: Option<MasterRole>,
    /// Where that master queues for leadership, in its own words, and what is wrong there.
    pub coordinator: String,
    /// Why the link is down.
    pub why: Option<String>,
    /// Whether the master has refused the registration, in the words of `why`. It is tried again all the same.
    pub refused: bool,
    /// Since when that master's process is gone, as far as can be told from here: the link broke without a word, and the
    /// machine refuses new ones on that port.
    pub gone: Option<Instant>,
}

/// Why a request to the leader has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// No master that leads was linked in time. Nothing was sent.
    #[error("no active master within {} ms", after.as_millis())]
    NoLeader {
        /// How long was waited.
        after: Duration,
    },
    /// The leader has not answered in time; it may do what it was asked.
    #[error("active master has not answered within {} ms", after.as_millis())]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// The link ended before the answer; the leader may have done what it was asked.
    #[error("link to the active master ended before its answer")]
    Disconnected,
    /// Too many requests wait for answers. Nothing was sent.
    #[error("{waiting} requests to the active master wait for answers already")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// The leader answered that it can't.
    #[error("active master refused: {}", .0.message)]
    Failed(Failure),
    /// The follower was shut down.
    #[error("follower is shut down")]
    Closed,
}

/// A handle to the links. Cheap to clone; when the last one is dropped, the links end.
#[derive(Clone, Debug)]
pub struct Follower {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inbox: mpsc::Sender<Input>,
    view: watch::Receiver<Arc<View>>,
    leader: watch::Receiver<Option<Leader>>,
    reach: watch::Receiver<Option<Leader>>,
    links: watch::Receiver<Arc<BTreeMap<MasterAddr, LinkState>>>,
    own: watch::Sender<Arc<View>>,
    remembered: Arc<View>,
    epoch: watch::Receiver<u64>,
    newer: watch::Receiver<Option<u64>>,
    stop: watch::Sender<bool>,
    done: watch::Receiver<bool>,
    request_timeout: Duration,
    identity: Identity,
}

impl Follower {
    /// Starts dialling. Must be called within a tokio runtime.
    pub fn start(mut config: FollowerConfig) -> (Self, mpsc::Receiver<Order>) {
        config.identity.complete();
        let (inbox, inputs) = mpsc::channel(run::INPUTS_MAX);
        let (orders, receiver) = mpsc::channel(config.orders_max.max(1));
        let (stop, stopped) = watch::channel(false);
        let publishers = Publishers::default();
        let (view, leader) = (publishers.view.subscribe(), publishers.leader.subscribe());
        let (reach, links) = (publishers.reach.subscribe(), publishers.links.subscribe());
        let (epoch, newer) = (publishers.epoch.subscribe(), publishers.newer.subscribe());
        let done = publishers.done.subscribe();
        let (request_timeout, identity) = (config.request_timeout, config.identity.clone());
        let (own, owned) = watch::channel(Arc::default());
        let handles = Handles { inbox: inbox.clone(), orders, own: owned, stop: stopped };
        let (runner, remembered) = Runner::new(config, handles, publishers);
        let remembered = Arc::new(remembered.view);
        tokio::spawn(runner.run(inputs));
        let shared = Shared {
            inbox,
            own,
            remembered,
            view,
            leader,
            reach,
            links,
            epoch,
            newer,
            stop,
            done,
            request_timeout,
            identity,
        };
        (Self { shared: Arc::new(shared) }, receiver)
    }

    /// Who this process registers as, with what [`Follower::start`] filled in.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Who is in the cluster: the latest, and the last known one while no master is there.
    pub fn view(&self) -> watch::Receiver<Arc<View>> {
        self.shared.view.clone()
    }

    /// Who leads, as far as is known. It may be that there is no link to it; see [`Follower::links`].
    pub fn leader(&self) -> watch::Receiver<Option<Leader>> {
        self.shared.leader.clone()
    }

    /// The leader while there is a link to it: where [`Follower::request`] goes at once.
    pub fn linked_leader(&self) -> watch::Receiver<Option<Leader>> {
        self.shared.reach.clone()
    }

    /// The link to each candidate.
    pub fn links(&self) -> watch::Receiver<Arc<BTreeMap<MasterAddr, LinkState>>> {
        self.shared.links.clone()
    }

    /// The highest epoch heard of: nothing of a lower one is to be obeyed, an answer that names its epoch included.
    pub fn max_epoch(&self) -> u64 {
        *self.shared.epoch.borrow()
    }

    /// The incarnation of a later process with this server's id, once a master refuses this one for it: this process must
    /// end.
    pub fn newer(&self) -> watch::Receiver<Option<u64>> {
        self.shared.newer.clone()
    }

    /// The membership that was remembered when this process started; empty if none was. Of no use once a master has spoken. A
    /// game server that finds no master begins with it by itself, others do not.
    pub fn remembered(&self) -> Arc<View> {
        Arc::clone(&self.shared.remembered)
    }

    /// The membership that this process keeps itself, since it is the master that leads: only to be remembered. Each call costs
    /// the next step of the list a copy of it; once a second is enough.
    pub fn remember(&self, own: Arc<View>) {
        self.shared.own.send_replace(own);
    }

    /// Tells a module of one master, whoever leads. Nothing comes back: not if there is no link to it, and not whether it was
    /// heard. False if too much waits to be sent here.
    pub fn tell(&self, to: &MasterAddr, module_id: &str, body: Value) -> bool {
        self.put(Input::Tell { to: Some(to.clone()), module_id: module_id.to_owned(), body })
    }

    /// The same, to every master that is linked.
    pub fn tell_all(&self, module_id: &str, body: Value) -> bool {
        self.put(Input::Tell { to: None, module_id: module_id.to_owned(), body })
    }

    /// Dials this master at once if it is not linked: somebody knows that it is there.
    pub fn dial(&self, master: &MasterAddr) {
        // Else it is dialled when its pause is over.
        self.put(Input::Dial(master.clone()));
    }

    fn put(&self, input: Input) -> bool {
        self.shared.inbox.try_send(input).is_ok()
    }

    /// Asks a module of the leader; waits for a leader if there is none, within [`FollowerConfig::request_timeout`].
    pub async fn request(&self, module_id: &str, body: Value) -> Result<Value, FollowError> {
        self.request_within(module_id, body, self.shared.request_timeout).await
    }

    /// As [`Follower::request`], with another time.
    pub async fn request_within(
        &self,
        module_id: &str,
        body: Value,
        after: Duration,
    ) -> Result<Value, FollowError> {
        let until = Instant::now() + after;
        let mut reach = self.shared.reach.clone();
        loop {
            match timeout_at(until, reach.wait_for(Option::is_some)).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Err(FollowError::Closed),
                Err(_) => return Err(FollowError::NoLeader { after }),
            }
            let (answer, answered) = oneshot::channel();
            let ask = Input::Ask { module_id: module_id.to_owned(), body: body.clone(), answer };
            self.shared.inbox.send(ask).await.map_err(|_| FollowError::Closed)?;
            match timeout_at(until, answered).await {
                // It went between our look and the question, which was not sent.
                Ok(Ok(Err(FollowError::NoLeader { .. }))) => {}
                Ok(Ok(result)) => return result,
                Ok(Err(_)) => return Err(FollowError::Closed),
                Err(_) => return Err(FollowError::Timeout { after }),
            }
        }
    }

    /// Says DISCONNECT on every link, so that the masters see a clean leave, and ends them.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        // An error is the end of the task, which is what is waited for.
        let _ = self.shared.done.clone().wait_for(|done| *done).await;
    }
}

#[cfg(test)]
mod tests;
