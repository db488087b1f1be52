//! All decisions of a master, as a state machine without I/O: events and the time in, actions out. [`crate::master`] drives
//! it.
//!
//! Here are the state and what all parts use; the parts are `leading` (what the role means), `register` (who is on a link),
//! `followers` (what servers, agents and other masters say), `clients` (what administrators ask), `ops` (what they want
//! changed), `claims` (which servers agents may start), `desired` (what is to last), `stores` (what is kept outside), `ending`
//! (how a master ends).

mod claims;
mod clients;
mod desired;
mod ending;
mod followers;
mod leading;
mod ops;
mod register;
mod stores;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Instant,
};

use pomelo_cluster::{
    coordinator::{CandidateInfo, MasterAddr, Record, StoreError, Write},
    elector::Role,
    membership::{Change, View},
};
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Envelope, Failure, Leader, Register, Registered, ReqId, Response},
};
use serde_json::Value;
use tracing::{info, warn};

use self::{
    claims::{Claims, Wall},
    desired::Desired,
    ending::Ending,
    ops::{Held, OpLog},
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

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The first message of a link.
    Register {
        /// Which link.
        link: LinkId,
        /// Who it is.
        register: Register,
    },
    /// Any other message.
    Message {
        /// Which link.
        link: LinkId,
        /// What it says.
        message: AdminMessage,
    },
    /// Something was heard on a link; see [`Control::holder`].
    Heard {
        /// Which link.
        link: LinkId,
        /// When.
        at: Instant,
    },
    /// A link is gone.
    Closed {
        /// Which link.
        link: LinkId,
        /// Whether the peer said goodbye.
        clean: bool,
    },
    /// The election gave this master another role.
    Role(Role),
    /// The membership as told by the leader that this master follows.
    Followed(Arc<View>),
    /// Another master leads.
    Leader(Leader),
    /// Another master ends the whole cluster.
    Ordered {
        /// In which epoch it leads; this master's own may be higher.
        epoch: u64,
    },
    /// This process is to end: SIGTERM.
    Shutdown,
    /// The guardian is in another state; `None` when it is gone.
    Guardian(Option<Guardian>),
    /// What became of [`Action::Store`].
    Stored {
        /// Which one.
        id: u64,
        /// Whether it is written.
        result: Result<(), StoreError>,
    },
    /// What [`Action::Read`] has found.
    Read {
        /// Which one.
        id: u64,
        /// Which folder.
        folder: &'static str,
        /// Its records.
        result: Result<Vec<Record>, StoreError>,
    },
    /// What [`Action::Probe`] has found.
    Probed {
        /// Which server.
        server: ServerId,
        /// Which life of it was looked for.
        incarnation: Option<u64>,
        /// Whether its machine said that nobody listens there.
        refused: bool,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done about it.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Accept a registration.
    Admit {
        /// Whose.
        link: LinkId,
        /// What to reply.
        reply: Registered,
    },
    /// Refuse a registration, and close the link.
    Refuse {
        /// Whose.
        link: LinkId,
        /// For a person.
        why: String,
        /// The life of the server that has begun since, for one of an earlier life: it is to end.
        newer: Option<u64>,
    },
    /// Send the same message on each of these links.
    Send {
        /// In no particular order.
        to: Vec<LinkId>,
        /// What to say.
        message: AdminMessage,
    },
    /// Close a link after what was sent on it before. [`Event::Closed`] follows.
    Close {
        /// Which link.
        link: LinkId,
    },
    /// Print a line on standard output.
    Print(String),
    /// Tell the election that this epoch, higher than any before, has begun.
    Superseded(u64),
    /// Write to the coordinator's store, all or none. [`Event::Stored`] follows, whatever happens.
    Store {
        /// Names it in the answer.
        id: u64,
        /// The term it is written in.
        epoch: u64,
        /// What is written.
        writes: Vec<Write>,
    },
    /// Read a folder of the coordinator's store. [`Event::Read`] follows, whatever happens.
    Read {
        /// Names it in the answer.
        id: u64,
        /// Which folder.
        folder: &'static str,
    },
    /// Find out whether anybody listens at a server's address. [`Event::Probed`] follows, whatever happens.
    Probe {
        /// Which server.
        server: ServerId,
        /// Which life of it.
        incarnation: Option<u64>,
        /// Where it is said to listen.
        addr: MasterAddr,
    },
    /// Leave the election, confirmed by the coordinator if that is possible in time.
    Resign,
    /// Flush and close all links, and end.
    Exit,
}

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
    /// Whether this master ever stood behind another: only then is its turn a promotion, and worth a line on the
    /// terminal.
    waited: bool,
    ready: BTreeSet<ServerId>,
    start_over: bool,
    wall: Wall,
    stores: Stores,
    claims: Claims,
    desired: Desired,
    ops: OpLog,
    held: Held,
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
    Candidate,
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
            stores: Stores::default(),
            claims: Claims::default(),
            desired: Desired::default(),
            ops: OpLog::default(),
            held: Held::default(),
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

    /// Takes one event and says what to do, in this order.
    pub(crate) fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
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
            Event::Leader(leader) => self.another_leads(leader),
            Event::Ordered { epoch } => self.ordered_to_end(epoch),
            Event::Shutdown => self.shut_down(now),
            Event::Guardian(guardian) => self.guardian = guardian,
            Event::Stored { id, result } => self.stored(id, result, now),
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
        if self.peers.remove(&link).is_none() {
            return;
        }
        for ready in self.gathers.lost(link) {
            self.answer(ready);
        }
        self.claims.lost(link);
        self.ops.lost(link);
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
        self.claims.expire(now);
        self.stores_tick(now);
        self.ops_tick(now);
        self.ending_tick(now);
    }

    /// Sends to every peer of a kind, in this master's epoch.
    fn tell(&mut self, who: impl Fn(&Peer) -> bool, envelope: Envelope) {
        let to = self.peers.iter().filter_map(|(link, peer)| who(peer).then_some(*link)).collect();
        let envelope = match self.epoch() {
            Some(epoch) => envelope.in_epoch(epoch),
            None => envelope,
        };
        self.send(to, AdminMessage::Monitor(envelope));
    }

    /// A request to servers, in this master's epoch.
    fn request(&mut self, module_id: &str, body: Value) -> Envelope {
        self.last_req_id += 1;
        let request = Envelope::request(self.last_req_id, module_id, body);
        match self.epoch() {
            Some(epoch) => request.in_epoch(epoch),
            None => request,
        }
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
            self.actions.push(Action::Send { to, message });
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

    /// Which life of which server it lists.
    pub(crate) fn lists(&self) -> BTreeMap<ServerId, Option<u64>> {
        self.registry.view().servers.values().map(|info| (info.id.clone(), info.incarnation)).collect()
    }
}

impl Peer {
    /// Whether it speaks `__cluster__`.
    fn is_rust(&self) -> bool {
        matches!(self, Self::Server { rust: true, .. } | Self::Agent { .. } | Self::Candidate)
    }

    /// Whether it is told of joins and leaves.
    fn follows(&self) -> bool {
        match self {
            Self::Server { rust, subscribed } => *rust || *subscribed,
            Self::Agent { .. } | Self::Candidate => true,
            Self::Client { .. } => false,
        }
    }
}
