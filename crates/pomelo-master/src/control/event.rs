//! What a master's decisions are made on, and what they come to: the events and actions of [`super::Control`].

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use pomelo_cluster::{
    coordinator::{MasterAddr, Record, StoreError, Write},
    elector::Role,
    follow::LinkState,
    membership::View,
};
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Failure, Leader, Register, Registered},
};
use serde_json::Value;

use crate::{guarded::Guardian, link::LinkId};

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
    /// Something was heard on a link; see [`Control::holder`](super::Control::holder).
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
    /// What was remembered of the cluster by processes of this machine, before anything else is known.
    Remembered {
        /// The last membership.
        view: Arc<View>,
        /// The highest epoch.
        max_epoch: u64,
    },
    /// What is wrong between this master and the coordinator, in words; `None` while it is heard.
    Trouble(Option<String>),
    /// Whether the time is over for which this master may take its place in the queue for granted. The driver looks before it
    /// passes anything on.
    Lease {
        /// It is.
        over: bool,
    },
    /// The links to the other masters are others, or what those say of themselves.
    Masters(Arc<BTreeMap<MasterAddr, LinkState>>),
    /// Another master asks or tells something of module `__cluster__`.
    Asked {
        /// Names it in [`Action::Reply`], if an answer is wanted.
        ask: Option<u64>,
        /// In which epoch it leads; this master's own may be higher.
        epoch: u64,
        /// What it says.
        body: Value,
    },
    /// What became of [`Action::HandOver`] or [`Action::StepAside`]: this master is at the tail of the queue, or why not.
    Moved {
        /// Whether it was to step aside.
        aside: bool,
        /// Words if it did not move.
        result: Result<(), String>,
    },
    /// What became of [`Action::Evict`].
    Evicted {
        /// Whose place.
        addr: MasterAddr,
        /// Whether it was there, before this master's.
        result: Result<bool, StoreError>,
    },
    /// The announcement of this epoch is written to every link; see [`Action::Announced`].
    Announced {
        /// Which epoch.
        epoch: u64,
    },
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
        /// Whether thousands wait for it: then each gets it by a write of its own, before anything else is done.
        at_once: bool,
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
    /// Say [`Event::Announced`] as soon as everything that was sent before is written.
    Announced(u64),
    /// Give leadership up and go to the tail of the queue. [`Event::Moved`] follows.
    HandOver,
    /// Go to the tail of the queue as a standby. [`Event::Moved`] follows.
    StepAside,
    /// Take the place of the master at this address away, if it is before this one's. [`Event::Evicted`] follows.
    Evict {
        /// Whose.
        addr: MasterAddr,
    },
    /// Tell a master something for module `__cluster__`, on the link that this one has made to it.
    Tell {
        /// Whom.
        to: MasterAddr,
        /// What.
        body: Value,
    },
    /// Dial a master at once, if this one is not linked with it: it is there.
    Dial {
        /// Which.
        to: MasterAddr,
    },
    /// Answer another master.
    Reply {
        /// Which question.
        ask: u64,
        /// The answer.
        result: Result<Value, Failure>,
    },
    /// Leave the election, confirmed by the coordinator if that is possible in time.
    Resign,
    /// Flush and close all links, and end.
    Exit,
}
