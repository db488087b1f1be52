//! What every simulated process shares: the virtual clock, the queue of what is going to happen, dice, network, store and
//! judge. A schedule is a function of its seed. Nothing here decides anything about masters.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use pomelo_cluster::{coordinator::MasterAddr, election};
use pomelo_protocol::{ServerId, admin::AdminMessage};

use super::{
    faults::Fault,
    flaws::Flaw,
    judge::Judge,
    memory::Memories,
    net::{ConnId, Net},
    store::{Answer, Session, Store},
};

/// Microseconds since the schedule began.
pub(super) type Micros = u64;
/// A place where one process at a time runs; another life of it may follow.
pub(super) type Node = usize;
/// One run of one process. Never used again.
pub(super) type Life = u64;

pub(super) const MS: Micros = 1_000;
pub(super) const SECOND: Micros = 1_000 * MS;

/// When a schedule begins, in µs since 1970.
pub(super) const START_US: u64 = 1_700_000_000_000_000;

/// What is printed of a failing schedule.
const TRACE_LINES_MAX: usize = 120;

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Ev {
    /// To one life of one process; never, if that is over by then.
    To(Node, Life, What),
    /// The next message of one direction of a connection arrives.
    Pump(ConnId, usize),
    /// A connection is asked for.
    Dial { from: Node, life: Life, to: Node },
    /// The next request of a session reaches the store.
    Serve(Session),
    /// Silence is looked for: links, sessions.
    Sweep,
    /// A guardian takes a place in the queue away.
    Remove(String),
    /// A guardian starts its master again.
    StartMaster(Node),
    /// Something goes wrong, or is mended.
    Fault(Fault),
}

/// What a process is told.
#[derive(Debug)]
pub(super) enum What {
    /// A tenth of a second has passed.
    Tick,
    /// A connection stands.
    Opened { to: Node, conn: ConnId },
    /// It does not; `refused` by the kernel of a machine where nobody listens.
    NotOpened { to: Node, refused: bool },
    /// A message came.
    Message { conn: ConnId, message: Rc<AdminMessage> },
    /// The other end is gone.
    Closed { conn: ConnId, clean: bool },
    /// The store answers what was asked under this number.
    Answer { id: u64, answer: Answer },
    /// A watch fired.
    Watch { id: u64 },
    /// The connection to the store is lost.
    StoreDown(Session),
    /// It is back, with the same session.
    StoreUp(Session),
    /// The store says that there is no such session.
    StoreExpired(Session),
    /// A time that the process asked for has come.
    Timer(Timer),
    /// The process is asked to end: SIGTERM.
    Terminate,
    /// To a master's election, of its own decisions.
    Elector(election::Event),
    /// A child of this process has ended; `well` if it did so by itself, because it was asked to.
    Child { node: Node, well: bool },
    /// To a guardian: its master has another place.
    Place(Option<String>),
    /// To an agent: this server is wanted.
    Want(ServerId),
    /// To a master: whether anybody listens at the address of this life.
    Probed { server: ServerId, incarnation: Option<u64>, refused: bool },
}

/// Times that processes ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Dial this node.
    Dial(Node),
    /// Registered by now, or the connection is of no use.
    RegisterBy(ConnId),
    /// The list was to come by now.
    SnapshotBy(ConnId, u64),
    /// Stands for election now, warm or not.
    Warm,
    /// The promotion begins now.
    Promote(u64),
    /// The promotion was to be answered by now.
    PromoteBy(u64),
    /// The place was to be given back by now.
    LeaveBy,
    /// Connects to the store, or looks at the queue, again. Of one candidacy.
    Again(u64),
    /// The process ends.
    End,
    /// The leader has not been reached for a second.
    Unreached,
    /// An operation is carried out.
    Ran(u64),
    /// A tool asks, or asks again; of one attempt.
    Ask(u64),
    /// A tool looks whether another master leads.
    Look(u64),
    /// An agent asks what it may start.
    Start,
    /// A guardian's look, or another attempt to take a place away.
    Guard,
    /// What is known is written for the next start.
    Remember,
    /// No master was there: a server begins with what it remembers.
    Alone,
    /// Children that have not ended by now are told to.
    Remind,
}

/// A server that an agent starts.
#[derive(Clone, Debug)]
pub(super) struct Spawn {
    pub(super) agent: Node,
    pub(super) id: ServerId,
    /// Of its claim; without one it takes the time, as a person does who starts a process by hand.
    pub(super) incarnation: Option<u64>,
}

pub(super) struct Core {
    pub(super) now: Micros,
    base: Instant,
    seq: u64,
    queue: BTreeMap<(Micros, u64), Ev>,
    pub(super) rng: Rng,
    pub(super) flaw: Option<Flaw>,
    pub(super) net: Net,
    pub(super) store: Store,
    pub(super) judge: Judge,
    pub(super) memories: Memories,
    /// Processes that end themselves, or that another one kills, after this event.
    pub(super) ends: Vec<(Node, Life)>,
    /// Servers that agents start after this event.
    pub(super) spawns: Vec<Spawn>,
    /// How many processes listen at the port of each server.
    pub(super) ports: BTreeMap<u16, usize>,
    /// Whether anything may still go wrong.
    pub(super) faulty: bool,
    trace: Option<VecDeque<String>>,
}

impl Core {
    pub(super) fn new(seed: u64, flaw: Option<Flaw>, tracing: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let store = Store::new(&mut rng);
        Self {
            now: 0,
            base: Instant::now(),
            seq: 0,
            queue: BTreeMap::new(),
            rng,
            flaw,
            net: Net::default(),
            store,
            judge: Judge::default(),
            memories: Memories::default(),
            ends: Vec::new(),
            spawns: Vec::new(),
            ports: BTreeMap::new(),
            faulty: true,
            trace: tracing.then(VecDeque::new),
        }
    }

    /// The time as the machines under test know it.
    pub(super) fn instant(&self) -> Instant {
        self.base + Duration::from_micros(self.now)
    }

    pub(super) fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    pub(super) fn at(&mut self, when: Micros, ev: Ev) {
        self.seq += 1;
        self.queue.insert((when.max(self.now), self.seq), ev);
    }

    pub(super) fn after(&mut self, delay: Micros, ev: Ev) {
        self.at(self.now + delay, ev);
    }

    pub(super) fn timer(&mut self, me: (Node, Life), delay: Micros, timer: Timer) {
        self.after(delay, Ev::To(me.0, me.1, What::Timer(timer)));
    }

    /// Through the pipe. What was said before the master's end is read.
    pub(super) fn tell_guardian(&mut self, master: (Node, Life), place: Option<String>) {
        if let Some((life, _)) = self.net.alive.get(&(GUARDIANS + master.0)).copied() {
            self.at(self.now, Ev::To(GUARDIANS + master.0, life, What::Place(place)));
        }
    }

    /// The next thing that happens; the clock moves there.
    pub(super) fn next(&mut self) -> Option<Ev> {
        let ((when, _), ev) = self.queue.pop_first()?;
        self.now = when;
        Some(ev)
    }

    /// What was still going to go wrong does not.
    pub(super) fn forget_faults(&mut self) {
        self.faulty = false;
        self.queue.retain(|_, ev| !matches!(ev, Ev::Fault(_)));
    }

    /// Something goes wrong at a moment when much depends on it.
    pub(super) fn aim(&mut self, percent: u32, fault: Fault) {
        if self.faulty && self.chance(percent) {
            let soon = self.rng.u64(..8 * MS);
            self.after(soon, Ev::Fault(fault));
        }
    }

    /// At random, short most of the time.
    pub(super) fn delay(&mut self) -> Micros {
        match self.rng.u32(..20) {
            0 => self.rng.u64(5 * MS..40 * MS),
            _ => self.rng.u64(100..2 * MS),
        }
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    /// Keeps a line for the report of a failing schedule. Costs nothing otherwise.
    pub(super) fn trace(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            if trace.len() == TRACE_LINES_MAX {
                trace.pop_front();
            }
            trace.push_back(format!("{:>10.3} ms  {}", now as f64 / 1_000.0, line()));
        }
    }

    pub(super) fn traced(&self) -> impl Iterator<Item = &String> {
        self.trace.iter().flatten()
    }
}

/// Where a master listens.
pub(super) fn addr(node: Node) -> MasterAddr {
    let port = u16::try_from(3000 + node).unwrap_or_default();
    MasterAddr { host: "10.0.0.1".to_owned(), port }
}

/// Which master listens there.
pub(super) fn node_of(addr: &MasterAddr) -> Node {
    usize::from(addr.port).saturating_sub(3000)
}

/// Where a process runs: a cut is between machines. A guardian is on its master's, a server on its agent's.
pub(super) fn machine(node: Node) -> Node {
    match node {
        GUARDIANS..AGENTS => node - GUARDIANS,
        SERVERS..STORE => AGENTS + node / SERVERS - 1,
        other => other,
    }
}

/// First node of the guardians; that of a master's is as far from it as the master's is from 0.
pub(super) const GUARDIANS: Node = 10;
/// First node of the agents.
pub(super) const AGENTS: Node = 20;
/// First node of the tools.
pub(super) const CLIENTS: Node = 40;
/// First node of the servers; each process gets its own. As many to each agent.
pub(super) const SERVERS: Node = 1_000_000;
/// The machine of the store.
pub(super) const STORE: Node = Node::MAX;
