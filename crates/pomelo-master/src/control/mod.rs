//! All decisions of a master, as a state machine without I/O: events and the time in, actions out. [`crate::master`] drives
//! it.
//!
//! Here are the state and what all parts use; the parts are `leading` (what the role means), `register` (who is on a link),
//! `followers` (what servers, agents and other masters say), `clients` (what administrators ask), `ops` (what they want
//! changed), `claims` (which servers agents may start), `desired` (what is to last), `crons` (jobs
//! of servers), `stores` (what is kept outside), `ending`
//! (how a master ends), `handover` (how it gives leadership away), `failsafe` (what a leader is while it does not hear its
//! coordinator), `suspect` (what it holds against other masters), `rounds` (what it asks them), `status` and `history` (what it
//! says of them, and of the last changes).

mod claims;
mod clients;
mod crons;
mod desired;
mod ending;
mod event;
mod failsafe;
mod followers;
mod handover;
mod history;
mod leading;
mod ops;
mod register;
mod rounds;
mod status;
mod stores;
mod suspect;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Instant,
};

use pomelo_cluster::{
    coordinator::{CandidateInfo, MasterAddr, store},
    follow::LinkState,
    follower,
    membership::{Change, View},
    messages::{self, Asked},
    suspicion::Suspicion,
};
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Envelope, Failure, Leader, ReqId, Response},
};
use serde_json::Value;
use tracing::{info, warn};

pub(crate) use self::event::{Action, Event};
use self::{
    claims::{Claims, Wall},
    crons::Crons,
    desired::Desired,
    ending::Ending,
    failsafe::{Failsafe, Suspension},
    handover::Handover,
    history::{History, Sign},
    ops::{Held, OpLog},
    rounds::Rounds,
    stores::Stores,
};
use crate::{
    Limits,
    access::{Access, Right},
    gather::{Gathers, Ready},
    guarded::Guardian,
    link::LinkId,
    process::Usage,
    registry::{Delta, Parted, Probe, Registry},
};

/// The state of a master.
pub(crate) struct Control {
    me: CandidateInfo,
    access: Access,
    limits: Limits,
    coordinator: String,
    guardian: Option<Guardian>,
    /// Why this master has no place in the coordinator's queue, as far as is known.
    outside: Option<String>,
    /// Servers of `servers.json`: when all of them have said that they are ready, the start is over.
    configured: BTreeSet<ServerId>,
    usage: Box<dyn Fn() -> Usage + Send>,
    registry: Registry,
    /// The latest membership of another leader.
    followed: Arc<View>,
    gathers: Gathers,
    peers: BTreeMap<LinkId, Peer>,
    standing: Standing,
    /// The highest one heard of, this master included.
    leader: Option<Leader>,
    epoch_seen: u64,
    /// The last term that it gave up of its own will. The election may still say that it holds it, until it has heard of that.
    given_up: u64,
    /// Whether this master ever stood behind another: only then is its turn a promotion, and worth a line on the
    /// terminal.
    waited: bool,
    ready: BTreeSet<ServerId>,
    start_over: bool,
    wall: Wall,
    /// When this life of the master began.
    born: Option<Instant>,
    stores: Stores,
    claims: Claims,
    desired: Desired,
    crons: Crons,
    ops: OpLog,
    held: Held,
    rounds: Rounds,
    /// What is wrong between this master and the coordinator, whatever its role.
    trouble: Option<String>,
    /// The same while it leads: it may not act on its own then.
    silence: Option<String>,
    /// Whether the lease of its place has run out.
    lapsed: bool,
    failsafe: Option<Failsafe>,
    suspension: Option<Suspension>,
    /// How many are before it in the queue.
    ahead: Option<usize>,
    suspicion: Suspicion,
    /// What the suspicion knows of this master and of the leader.
    able: bool,
    suspected_leader: Option<follower::Leader>,
    /// Where the suspicion's clock begins.
    began: Option<Instant>,
    cede_again: Option<Instant>,
    /// When the coordinator was heard again, after it was not.
    heard_again: Option<Instant>,
    /// The links to the other masters, and the masters of the configuration.
    masters: Arc<BTreeMap<MasterAddr, LinkState>>,
    configured_masters: BTreeMap<MasterAddr, ServerId>,
    /// Masters whose link here broke, and that may live all the same.
    lost_masters: BTreeSet<MasterAddr>,
    /// When everybody was last told that a master is there.
    told_back: BTreeMap<MasterAddr, Instant>,
    handover: Option<Handover>,
    /// Masters that wait until this one has gone to the tail of the queue.
    asides: BTreeSet<u64>,
    history: History,
    sign: Option<Sign>,
    /// When it was first in the queue, and when its term began.
    elected: Option<Instant>,
    active_since: Option<Instant>,
    /// Servers that follow this term.
    following: BTreeSet<LinkId>,
    ending: Option<Ending>,
    /// Whether this process was told to end.
    terminated: bool,
    last_req_id: u64,
    /// The registration that was refused last, and why: who is refused tries again, and is a warning once.
    refused: String,
    actions: Vec<Action>,
}

/// Who is on a link.
#[derive(Debug)]
enum Peer {
    Server {
        /// Whether it understands epochs and revisions.
        rust: bool,
        subscribed: bool,
    },
    Client {
        right: Right,
    },
    Agent {
        id: String,
    },
    Candidate(CandidateInfo),
}

/// What this master may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Joining,
    Standby,
    Active { epoch: u64 },
    Suspended { epoch: u64 },
    Stopped,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("me", &self.me)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

impl Control {
    /// A master that has not joined the election yet. `coordinator` is told to peers; `usage` measures this process.
    pub(crate) fn new(
        me: CandidateInfo,
        access: Access,
        configured: BTreeSet<ServerId>,
        limits: Limits,
        coordinator: String,
        usage: impl Fn() -> Usage + Send + 'static,
    ) -> Self {
        Self {
            registry: Registry::new(limits.fresh, limits.missing_max),
            followed: Arc::default(),
            gathers: Gathers::new(limits.gathers_max),
            wall: Wall::default(),
            born: None,
            stores: Stores::default(),
            claims: Claims::default(),
            desired: Desired::default(),
            crons: Crons::default(),
            ops: OpLog::default(),
            held: Held::default(),
            rounds: Rounds::default(),
            trouble: None,
            silence: None,
            lapsed: false,
            failsafe: None,
            suspension: None,
            ahead: None,
            suspicion: Suspicion::new(),
            able: false,
            suspected_leader: None,
            began: None,
            cede_again: None,
            heard_again: None,
            masters: Arc::default(),
            configured_masters: BTreeMap::new(),
            lost_masters: BTreeSet::new(),
            told_back: BTreeMap::new(),
            handover: None,
            asides: BTreeSet::new(),
            history: History::default(),
            sign: None,
            elected: None,
            active_since: None,
            following: BTreeSet::new(),
            me,
            access,
            limits,
            coordinator,
            guardian: None,
            outside: None,
            configured,
            usage: Box::new(usage),
            peers: BTreeMap::new(),
            standing: Standing::Joining,
            leader: None,
            epoch_seen: 0,
            given_up: 0,
            waited: false,
            ready: BTreeSet::new(),
            start_over: false,
            ending: None,
            terminated: false,
            last_req_id: 0,
            refused: String::new(),
            actions: Vec::new(),
        }
    }

    /// The masters of the configuration: what is shown of those that are not there.
    #[must_use]
    pub(crate) fn among(mut self, masters: BTreeMap<MasterAddr, ServerId>) -> Self {
        self.configured_masters = masters;
        self
    }

    /// The membership that this master keeps while it leads.
    pub(crate) fn own_view(&self) -> Option<&View> {
        self.epoch().map(|_| self.registry.view())
    }

    /// Takes one event and says what to do, in this order.
    pub(crate) fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        self.born.get_or_insert(now);
        match event {
            Event::Register { link, register } => self.register(link, register, now),
            Event::Message { link, message } => self.message(link, message, now),
            Event::Heard { link, at } => self.registry.heard(link, at),
            Event::Closed { link, clean } => self.closed(link, clean, now),
            Event::Role(role) => self.role(role, now),
            Event::Followed(view) => {
                self.registry.followed(&view);
                self.followed = view;
            }
            Event::Remembered { view, max_epoch } => {
                if self.followed.version < view.version {
                    self.registry.followed(&view);
                    self.followed = view;
                }
                self.seen(max_epoch, now);
            }
            Event::Leader(leader) => self.another_leads(leader, now),
            Event::Ordered { epoch } => self.ordered_to_end(epoch, now),
            Event::Shutdown => self.shut_down(now),
            Event::Guardian(guardian) => self.guardian = guardian,
            Event::Trouble(trouble) => self.troubled(trouble, now),
            Event::Lease { over } => self.lease(over, now),
            Event::Masters(masters) => self.masters_changed(masters, now),
            Event::Asked { ask, epoch, body } => self.asked_by_master(ask, epoch, &body, now),
            Event::Moved { aside: true, result } => self.stepped_aside(result),
            Event::Moved { aside: false, result } => {
                if let Err(why) = result {
                    warn!(target: "pomelo::master", "has not given its place back: {why}");
                }
            }
            Event::Evicted { addr, result } => self.evicted(addr, result, now),
            Event::Announced { epoch } => self.announced(epoch, now),
            Event::Stored { id, result } => self.stored(id, result, now),
            Event::Read { folder: store::HISTORY, result, .. } => self.history_read(result, now),
            Event::Read { id, folder, result } => self.read(id, folder, result, now),
            Event::Probed { server, incarnation, refused } => {
                self.probed(&server, incarnation, refused, now);
            }
            Event::Tick => self.tick(now),
        }
        std::mem::take(&mut self.actions)
    }

    /// The link of the server that has this id now. Before a registration for the same id is passed on, the caller says
    /// by [`Event::Heard`] how long ago that link was heard: a living one is not given up for a newcomer.
    pub(crate) fn holder(&self, id: &ServerId) -> Option<LinkId> {
        self.registry.link_of(id)
    }

    fn message(&mut self, link: LinkId, message: AdminMessage, now: Instant) {
        match message {
            AdminMessage::Monitor(envelope) => self.follower_says(link, envelope, now),
            AdminMessage::Client(envelope) => self.client_says(link, envelope, now),
            AdminMessage::Register(_) | AdminMessage::Reconnect(_) => self.close(link, "it registered twice"),
            AdminMessage::Registered(_) | AdminMessage::Reconnected(_) => {
                self.close(link, "a reply to a registration came where one sends them");
            }
        }
    }

    fn closed(&mut self, link: LinkId, clean: bool, now: Instant) {
        let master = self.master_on(link);
        if self.peers.remove(&link).is_none() {
            return;
        }
        if let Some(addr) = master {
            self.failsafe_lost(&addr, clean, now);
        }
        self.rounds_lost(link, now);
        self.history_lost(link, now);
        for ready in self.gathers.lost(link) {
            self.answer(ready);
        }
        self.claims.lost(link);
        let asked_again = self.ops.lost(link);
        if let Some(Parted { id, deltas, missing }) = self.registry.leave(link, clean, now) {
            let how = match (clean, missing) {
                (true, _) => "left",
                (false, true) => "is missing: its link broke",
                (false, false) => "has no link here any more",
            };
            info!(target: "pomelo::master", "server {id} {how}");
            self.publish_all(deltas, now);
            self.ops_gone(&id, now);
        }
        if asked_again {
            // Its server may be on another link already.
            self.ops_look(now);
        }
        self.probe(now);
        self.ending_lost(link, now);
    }

    /// What the address of a missing server said.
    fn probed(&mut self, server: &ServerId, incarnation: Option<u64>, refused: bool, now: Instant) {
        let deltas = self.registry.probed(server, incarnation, refused);
        if !deltas.is_empty() {
            info!(target: "pomelo::master", "server {server} is gone: nobody listens at its address");
        }
        self.publish_all(deltas, now);
    }

    fn probe(&mut self, now: Instant) {
        for Probe { server, incarnation, addr } in self.registry.probes(now) {
            self.actions.push(Action::Probe { server, incarnation, addr });
        }
    }

    /// Steps of the membership that come from no link: members that are gone for good.
    fn publish_all(&mut self, deltas: Vec<Delta>, now: Instant) {
        let gone: Vec<_> = deltas
            .iter()
            .filter_map(|delta| match &delta.change {
                Change::Remove { id, .. } => Some(id.clone()),
                Change::Add(_) => None,
            })
            .collect();
        for delta in deltas {
            self.publish(Some(delta), None);
        }
        for id in gone {
            self.ops_gone(&id, now);
            self.ending_gone(&id, None, now);
        }
    }

    fn tick(&mut self, now: Instant) {
        for ready in self.gathers.expire(now) {
            self.answer(ready);
        }
        if self.is_active() {
            let deltas = self.registry.expire(now);
            for delta in &deltas {
                if let Change::Remove { id, .. } = &delta.change {
                    let missing = self.limits.missing_max.as_secs();
                    warn!(target: "pomelo::master", "server {id} removed: it was missing for {missing} s");
                }
            }
            self.publish_all(deltas, now);
            self.probe(now);
        }
        self.failsafe_tick(now);
        self.rounds_tick(now);
        self.suspect_tick(now);
        self.handover_tick(now);
        self.history_tick(now);
        self.claims.expire(now);
        self.stores_tick(now);
        self.ops_tick(now);
        self.ending_tick(now);
    }

    /// Another master asks or tells something. The links to the others do not know this master's own epoch, so that it is
    /// compared here.
    fn asked_by_master(&mut self, ask: Option<u64>, epoch: u64, body: &Value, now: Instant) {
        let asked = Asked::read(messages::CLUSTER, body);
        // How an epoch ended stays true in the next.
        let of_any_epoch = matches!(asked, Ok(Some(Asked::HandingOver { .. })));
        if epoch < self.epoch_seen && !of_any_epoch {
            let superseded =
                Failure { superseded: Some(self.epoch_seen), ..Failure::new("superseded by a later epoch") };
            return self.reply(ask, Err(superseded));
        }
        self.seen(epoch, now);
        let result = match asked {
            Ok(Some(Asked::StepAside { to })) => match ask {
                Some(ask) => match self.step_aside(ask, &to) {
                    Some(result) => result,
                    None => return,
                },
                None => return,
            },
            Ok(Some(Asked::Failsafe { .. })) => Ok(self.may_promise(now)),
            Ok(Some(Asked::About)) => Ok(self.about()),
            Ok(Some(Asked::HandingOver { .. })) => {
                self.note_handover(epoch, now);
                Ok(Value::Null)
            }
            Ok(None) => Err(Failure::new("masters answer tools, not other masters")),
            Err(why) => Err(Failure::new(why)),
        };
        self.reply(ask, result);
    }

    /// Sends to every peer of a kind, in this master's epoch.
    fn tell(&mut self, who: impl Fn(&Peer) -> bool, envelope: Envelope) {
        let to = self.links_of(who);
        let message = AdminMessage::Monitor(self.stamped(envelope));
        self.send(to, message);
    }

    /// The same, of what everybody waits for.
    fn tell_at_once(&mut self, who: impl Fn(&Peer) -> bool, envelope: Envelope) {
        let to = self.links_of(who);
        let message = AdminMessage::Monitor(self.stamped(envelope));
        self.actions.push(Action::Send { to, message, at_once: true });
    }

    fn links_of(&self, who: impl Fn(&Peer) -> bool) -> Vec<LinkId> {
        self.peers.iter().filter_map(|(link, peer)| who(peer).then_some(*link)).collect()
    }

    /// In this master's epoch, if it leads.
    fn stamped(&self, envelope: Envelope) -> Envelope {
        match self.epoch() {
            Some(epoch) => envelope.in_epoch(epoch),
            None => envelope,
        }
    }

    /// A request to servers, in this master's epoch.
    fn request(&mut self, module_id: &str, body: Value) -> Envelope {
        self.last_req_id += 1;
        self.stamped(Envelope::request(self.last_req_id, module_id, body))
    }

    fn answer(&mut self, (link, response): Ready) {
        let message = match self.peers.get(&link) {
            Some(Peer::Client { .. }) => AdminMessage::Client(Envelope::Response(response)),
            Some(_) => AdminMessage::Monitor(Envelope::Response(response)),
            None => return,
        };
        self.send(vec![link], message);
    }

    fn refuse(&mut self, link: LinkId, resp_id: ReqId, failure: &Failure) {
        self.answer((link, Response::failed(resp_id, failure)));
    }

    fn send(&mut self, to: Vec<LinkId>, message: AdminMessage) {
        if !to.is_empty() {
            self.actions.push(Action::Send { to, message, at_once: false });
        }
    }

    fn close(&mut self, link: LinkId, why: &str) {
        warn!(target: "pomelo::master", "link {} closed: {why}", link.0);
        self.actions.push(Action::Close { link });
    }
}

/// What the simulation looks at.
#[cfg(test)]
impl Control {
    /// The epoch this master acts in, if it may act.
    pub(crate) fn leads_in(&self) -> Option<u64> {
        self.epoch().filter(|_| self.is_active())
    }

    /// From now on it is so many µs since 1970, by this master's clock.
    pub(crate) fn set_wall(&mut self, now: Instant, us: u64) {
        self.wall.set(now, us);
    }

    /// Which life of which server it lists.
    pub(crate) fn lists(&self) -> BTreeMap<ServerId, Option<u64>> {
        self.registry.view().servers.values().map(|info| (info.id.clone(), info.incarnation)).collect()
    }
}

impl Peer {
    /// Whether it speaks `__cluster__`.
    fn is_rust(&self) -> bool {
        matches!(self, Self::Server { rust: true, .. } | Self::Agent { .. } | Self::Candidate(_))
    }

    /// Whether it is told of joins and leaves.
    fn follows(&self) -> bool {
        match self {
            Self::Server { rust, subscribed } => *rust || *subscribed,
            Self::Agent { .. } | Self::Candidate(_) => true,
            Self::Client { .. } => false,
        }
    }
}
