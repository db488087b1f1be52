//! What the role means: promotion, loss of authority, and what is told of the membership.

use std::time::Instant;

use pomelo_cluster::{
    elector::Role,
    follower::EPOCH_JUMP_MAX,
    membership::{Change, Version},
    messages::{self, CLUSTER, MONITOR_WATCHER},
};
use pomelo_protocol::admin::{AdminMessage, ClusterState, Envelope, Failure, Leader, MasterRole, ViewStamp};
use serde_json::Value;
use tracing::{error, info, warn};

use super::{Action, Control, Ending, Peer, Standing};
use crate::{documents, link::LinkId, registry::Delta};

impl Control {
    pub(super) fn role(&mut self, role: Role, now: Instant) {
        if self.ending.as_ref().is_some_and(Ending::is_of_this_process) {
            return;
        }
        self.joining(&role, now);
        self.ahead = match role {
            Role::Standby { ahead } => Some(ahead),
            Role::Active { .. } | Role::Suspended { .. } => Some(0),
            Role::Joining { .. } | Role::Stopped => None,
        };
        match role {
            // A store that was wiped, or that is not everybody's: nobody would obey, and the election takes a higher one.
            Role::Active { term } | Role::Suspended { term, .. } if term.epoch < self.epoch_seen => {
                warn!(target: "pomelo::master", "epoch {} is not used: {} has begun", term.epoch, self.epoch_seen);
                self.not_leading(Standing::Joining, now);
            }
            Role::Active { term } | Role::Suspended { term, .. } if term.epoch <= self.given_up => {
                self.not_leading(Standing::Joining, now);
            }
            Role::Active { term } if self.epoch() == Some(term.epoch) => {
                self.silence = None;
                self.stand(now);
            }
            Role::Active { term } => self.promoted(term.epoch, now),
            Role::Suspended { term, why } if self.epoch() == Some(term.epoch) => {
                self.silence = Some(why);
                self.stand(now);
            }
            // Promoted while nobody is heard: it begins when somebody is.
            Role::Suspended { .. } | Role::Joining { .. } => self.not_leading(Standing::Joining, now),
            Role::Standby { .. } => {
                self.waited = true;
                self.elected = None;
                self.not_leading(Standing::Standby, now);
            }
            Role::Stopped => self.not_leading(Standing::Stopped, now),
        }
        self.suspect_of_me(now);
    }

    /// Whoever waits for this master is told what it waits for itself.
    fn joining(&mut self, role: &Role, now: Instant) {
        let outside = match role {
            Role::Joining { why } => why.clone(),
            _ => None,
        };
        if matches!(role, Role::Joining { why: None }) && self.standing == Standing::Standby {
            // First in the queue: the promotion has begun.
            self.elected = Some(now);
        }
        let news = self.outside != outside;
        self.outside = outside;
        // A term begins with its announcement, which says enough.
        let begins = matches!(role, Role::Active { .. });
        if news && self.standing == Standing::Joining && !self.is_between_leaders() && !begins {
            self.tell_state();
        }
    }

    fn promoted(&mut self, epoch: u64, now: Instant) {
        if self.epoch().is_some() {
            self.lead_no_more(now);
        } else if self.handover.is_some() {
            // What was under way when it gave up begins anew from its records.
            self.ops_deposed();
        }
        let addr = &self.me.addr;
        let succeeds = self.registry.view().version != Version::default();
        self.registry.lead(epoch, now);
        self.standing = Standing::Active { epoch };
        self.active_since = Some(now);
        self.epoch_seen = self.epoch_seen.max(epoch);
        let former = self.leader.replace(Leader { host: addr.host.clone(), port: addr.port, epoch });
        // Nothing goes before the announcement.
        self.announce();
        self.actions.push(Action::Announced(epoch));
        self.measure(epoch, former, now);
        let addr = &self.me.addr;
        let servers = self.registry.view().servers.len();
        info!(target: "pomelo::master", "active in epoch {epoch}, {servers} servers known");
        if self.waited {
            // The line that scripts and people wait for, in the original's words.
            let line = format!("server host: {}, port: {} now is promoted to master!", addr.host, addr.port);
            self.actions.push(Action::Print(line));
        }
        // A cluster that is complete, or once was, was told by the former leader that its start is over.
        let servers = &self.registry.view().servers;
        let complete = self.configured.iter().all(|id| servers.contains_key(id) || self.ready.contains(id));
        self.start_over = succeeds && complete;
        self.look_whether_start_is_over();
        self.recall(now);
        self.read_history();
        self.handover_undone(now);
    }

    pub(super) fn not_leading(&mut self, standing: Standing, now: Instant) {
        let led = self.epoch().is_some();
        let news = std::mem::replace(&mut self.standing, standing) != standing;
        if news && !self.is_between_leaders() && !self.is_being_promoted() {
            self.tell_state();
        }
        if led {
            warn!(target: "pomelo::master", "leads no more");
            self.lead_no_more(now);
            self.ending_deposed(now);
        }
    }

    /// Whether this master is first in the queue and its promotion is under way, with nothing in its way so far. Nothing is said of that:
    /// a message to each of ten thousand links would keep the announcement, which comes a millisecond later, waiting for a quarter
    /// of a second.
    fn is_being_promoted(&self) -> bool {
        self.standing == Standing::Joining && self.elected.is_some() && self.outside.is_none()
    }

    /// What was of the term that is over, if one is.
    pub(super) fn lead_no_more(&mut self, now: Instant) {
        self.registry.step_down();
        // The successor's membership may have come while this master still led and looked away.
        self.registry.followed(&self.followed);
        self.stores_deposed();
        if !self.is_between_leaders() {
            // Else whoever waits is told where to go as soon as that is known.
            self.ops_deposed();
        }
        (self.silence, self.lapsed) = (None, false);
        (self.failsafe, self.suspension, self.active_since) = (None, None, None);
        self.history_deposed();
        self.handover_deposed(now);
    }

    pub(super) fn another_leads(&mut self, leader: Leader, now: Instant) {
        if self.leader.as_ref().is_some_and(|known| known.epoch >= leader.epoch) {
            if self.epoch() == Some(leader.epoch) && !self.is_me(&leader.host, leader.port) {
                let Leader { host, port, epoch } = &leader;
                error!(
                    target: "pomelo::master",
                    "{host}:{port} leads in epoch {epoch} as this master does: they do not share one coordinator"
                );
            }
            return;
        }
        // Peers may still name a former life of this very master.
        self.waited |= !self.is_me(&leader.host, leader.port);
        let epoch = leader.epoch;
        // Known first: whoever is turned away by what follows is told where to go.
        self.leader = Some(leader);
        self.seen(epoch, now);
        self.suspect_of_me(now);
        self.handover_succeeds(now);
        self.ending_succeeded(now);
    }

    /// Somebody knows an epoch. A higher one than this master's own ends its authority on the spot; the election hears of
    /// it in any case, so that it takes none that is lower. One that can't be is nobody's, as it is for the election: this
    /// master would keep its place and never lead again.
    pub(super) fn seen(&mut self, epoch: u64, now: Instant) {
        if epoch <= self.epoch_seen {
            return;
        }
        if epoch > self.epoch_seen.saturating_add(EPOCH_JUMP_MAX) {
            let last = self.epoch_seen;
            return warn!(target: "pomelo::master", "not believed: no epoch can be {epoch} after {last}");
        }
        self.epoch_seen = epoch;
        if self.epoch().is_some() {
            warn!(target: "pomelo::master", "superseded: epoch {epoch} was heard of");
            self.not_leading(Standing::Standby, now);
        }
        self.actions.push(Action::Superseded(epoch));
    }

    /// Tells everybody who leads and which membership holds: Rust peers by its digest, servers of the original whole.
    pub(super) fn announce(&mut self) {
        let message = Envelope::notify(CLUSTER, messages::announce(self.registry.view()));
        self.tell_at_once(Peer::is_rust, message);
        let originals = self.links_of(|peer| matches!(peer, Peer::Server { rust: false, subscribed: true }));
        if !originals.is_empty() {
            let message = self.request(MONITOR_WATCHER, self.all_servers());
            self.send(originals, AdminMessage::Monitor(message));
        }
    }

    /// Tells Rust peers what this master is now, where that is not the beginning of a term.
    pub(super) fn tell_state(&mut self) {
        let message = Envelope::notify(CLUSTER, messages::state(&self.cluster_state()));
        self.tell(Peer::is_rust, message);
    }

    /// Body of `replaceServer`.
    pub(super) fn all_servers(&self) -> Value {
        let view = self.registry.view();
        messages::replace_servers(view.version, documents::records(view))
    }

    /// Tells everybody but `except` of a step of the membership. While suspended nothing is told: whoever lacks the step
    /// finds that out from the next one, or from the announcement that ends the suspension.
    ///
    /// Servers of the original answer it. From all others no answer is needed: they find out what they lack by its number, and
    /// say so if its epoch is over. With answers, a thousand servers that come would be a million more messages.
    pub(super) fn publish(&mut self, delta: Option<Delta>, except: impl Into<Option<LinkId>>) {
        let (Some(Delta { version, change }), true) = (delta, self.is_active()) else { return };
        let body = match change {
            Change::Add(info) => messages::add_server(version, documents::record(&info)),
            Change::Remove { id, incarnation } => messages::remove_server(version, &id, incarnation),
        };
        let except = except.into();
        let follows = self.peers.iter().filter(|(link, peer)| peer.follows() && Some(**link) != except);
        let (rust, original): (Vec<_>, Vec<_>) = follows.partition(|(_, peer)| peer.is_rust());
        let links = |peers: Vec<(&LinkId, &Peer)>| peers.into_iter().map(|(link, _)| *link).collect();
        let (rust, original): (Vec<_>, Vec<_>) = (links(rust), links(original));
        if !original.is_empty() {
            let message = self.request(MONITOR_WATCHER, body.clone());
            self.send(original, AdminMessage::Monitor(message));
        }
        let message = self.stamped(Envelope::notify(MONITOR_WATCHER, body));
        self.send(rust, AdminMessage::Monitor(message));
    }

    pub(super) fn epoch(&self) -> Option<u64> {
        match self.standing {
            Standing::Active { epoch } | Standing::Suspended { epoch } => Some(epoch),
            Standing::Joining | Standing::Standby | Standing::Stopped => None,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        matches!(self.standing, Standing::Active { .. })
    }

    /// Why this master can't do what only the leader does.
    pub(super) fn not_the_leader(&self) -> Failure {
        let leader = self.known_leader().filter(|_| self.epoch().is_none());
        let message = match (&leader, self.standing) {
            (_, Standing::Active { .. }) => "the cluster is being stopped".to_owned(),
            (_, Standing::Suspended { .. }) => {
                "this master does not hear its coordinator: it answers questions and changes nothing"
                    .to_owned()
            }
            (Some(Leader { host, port, epoch }), _) => {
                format!("this master is a standby; the active one is {host}:{port} (epoch {epoch})")
            }
            (None, _) => "no master is active at the moment; this one is a standby".to_owned(),
        };
        // Asked again, another master may lead, or this one hear its coordinator.
        let again = !self.is_active();
        Failure { leader, again, ..Failure::new(message) }
    }

    pub(super) fn is_me(&self, host: &str, port: u16) -> bool {
        self.me.addr.host == host && self.me.addr.port == port
    }

    /// Who leads; a former term of this master itself tells nobody anything.
    pub(super) fn known_leader(&self) -> Option<Leader> {
        let leads = |leader: &&Leader| self.epoch().is_some() || !self.is_me(&leader.host, leader.port);
        self.leader.as_ref().filter(leads).cloned()
    }

    fn stamp(&self) -> ViewStamp {
        let view = self.registry.view();
        let epoch = self.epoch().unwrap_or(self.epoch_seen);
        ViewStamp { epoch, rev: view.version.rev, digest: view.digest() }
    }

    pub(super) fn cluster_state(&self) -> ClusterState {
        let role = match self.standing {
            Standing::Joining => MasterRole::Joining,
            Standing::Standby | Standing::Stopped => MasterRole::Standby,
            Standing::Active { .. } => MasterRole::Active,
            Standing::Suspended { .. } => MasterRole::Suspended,
        };
        let coordinator = self.outside.as_ref().unwrap_or(&self.coordinator).clone();
        ClusterState { role, view: self.stamp(), leader: self.known_leader(), coordinator }
    }
}
