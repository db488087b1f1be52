//! A model of ZooKeeper, as far as masters use it: one linearisable log; sessions that expire; reads from a replica that lags,
//! but never behind what the session has seen; one-shot watches and answers that arrive late, in order within a session;
//! connections that break with requests on their way, done or not done.

mod sessions;

use std::{collections::BTreeMap, rc::Rc};

use fastrand::Rng;
use pomelo_cluster::coordinator::{MasterAddr, Record, Write};

use super::{
    core::{Core, Ev, Life, MS, Micros, Node, SECOND, STORE, What},
    flaws::Flaw,
};

pub(super) type Session = u64;

/// Session time-out; the server notices up to a tick later.
const SESSION: Micros = 2 * SECOND;
const TICK: Micros = 500 * MS;
/// Silence after which a client calls its connection lost.
const SUSPECT: Micros = 800 * MS;
/// For so long after it was last heard a client may take its session for granted.
const LEASE: Micros = 1_200 * MS;
/// States that a lagging replica may show.
const LAG_MAX: usize = 4;

/// A candidate's node in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) sequence: u64,
    pub(super) session: Session,
    pub(super) addr: MasterAddr,
}

/// What was last promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) place: String,
    pub(super) session: Session,
    pub(super) epoch: u64,
}

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) epoch: u64,
    pub(super) version: u64,
    pub(super) published: Option<Published>,
    pub(super) places: Vec<Place>,
    pub(super) records: Rc<BTreeMap<String, Vec<u8>>>,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Open,
    /// Nodes of this session.
    Own,
    Enter(MasterAddr),
    /// Watches a node; the number comes back with the watch.
    Watch(String, u64),
    Places,
    Term,
    /// Check of the own node, epoch at this version, leader: one step.
    Promote {
        place: String,
        version: u64,
        epoch: u64,
    },
    Sync,
    Remove(String),
    /// Check of the own node, and writes.
    Write {
        place: String,
        epoch: u64,
        writes: Vec<Write>,
    },
    List(String),
    /// Check of the own node, and removal of another.
    Evict {
        place: String,
        of: MasterAddr,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Opened,
    Own(Option<String>),
    Entered(String),
    Watching(bool),
    Places(Vec<String>),
    Term {
        epoch: u64,
        version: u64,
        published: Option<Published>,
    },
    Promoted,
    Done(bool),
    /// The own node is gone.
    Fenced,
    /// Another version than the one that was named.
    Stale,
    Records(Vec<Record>),
    /// The connection broke; done or not.
    Lost,
}

#[derive(Debug)]
struct Client {
    node: Node,
    life: Life,
    /// The connection stands, as the client knows.
    connected: bool,
    /// Requests on their way.
    asked: Vec<(u64, Ask)>,
    serving: bool,
    /// When the server last heard it.
    heard: Micros,
    /// When its last answer arrives: later ones come later.
    out: Micros,
    /// The newest state it has seen.
    seen: u64,
    expired: bool,
}

pub(super) struct Store {
    up: bool,
    states: Vec<State>,
    /// Number of the last of them.
    zxid: u64,
    clients: BTreeMap<Session, Client>,
    watches: Vec<(String, Session, u64)>,
    next_session: Session,
    next_sequence: u64,
}

impl Store {
    pub(super) fn new(rng: &mut Rng) -> Self {
        // Numbers whose order as text is another one come soon.
        let next_sequence = *rng.choice(&[0, 7, 8, 97, 98]).unwrap_or(&0);
        Self {
            up: true,
            states: vec![State::default()],
            zxid: 0,
            clients: BTreeMap::new(),
            watches: Vec::new(),
            next_session: 1,
            next_sequence,
        }
    }

    pub(super) fn head(&self) -> &State {
        self.states.last().expect("never empty")
    }

    /// Whether a living session of this process holds a place.
    pub(super) fn queues(&self, node: Node, life: Life) -> bool {
        let holds = |place: &Place| {
            self.clients.get(&place.session).is_some_and(|c| (c.node, c.life) == (node, life) && !c.expired)
        };
        self.head().places.iter().any(holds)
    }

    fn change(&mut self, touched: &[String], change: impl FnOnce(&mut State)) -> Vec<(Session, u64)> {
        let mut state = self.head().clone();
        change(&mut state);
        self.states.push(state);
        if self.states.len() > LAG_MAX {
            self.states.remove(0);
        }
        self.zxid += 1;
        let fired = self.watches.extract_if(.., |(name, ..)| touched.contains(name));
        fired.map(|(_, session, id)| (session, id)).collect()
    }

    /// What a session reads: the newest state, or one a little older.
    fn read(&mut self, session: Session, rng: &mut Rng) -> &State {
        let oldest = self.zxid + 1 - self.states.len() as u64;
        let seen = self.clients.get(&session).map_or(0, |client| client.seen);
        let from = oldest.max(seen).min(self.zxid);
        let at = if rng.u32(..4) == 0 { rng.u64(from..=self.zxid) } else { self.zxid };
        if let Some(client) = self.clients.get_mut(&session) {
            client.seen = at;
        }
        &self.states[usize::try_from(at - oldest).unwrap_or_default()]
    }
}

impl Core {
    /// A new session for this process. It is usable when [`Ask::Open`] is answered.
    pub(super) fn session(&mut self, node: Node, life: Life) -> Session {
        let session = self.store.next_session;
        self.store.next_session += 1;
        let client = Client {
            node,
            life,
            connected: true,
            asked: Vec::new(),
            serving: false,
            heard: self.now,
            out: 0,
            seen: self.store.zxid,
            expired: false,
        };
        self.store.clients.insert(session, client);
        session
    }

    pub(super) fn ask(&mut self, session: Session, id: u64, ask: Ask) {
        let delay = self.delay();
        let Some(client) = self.store.clients.get_mut(&session) else { return };
        client.asked.push((id, ask));
        if !std::mem::replace(&mut client.serving, true) {
            self.after(delay, Ev::Serve(session));
        }
    }

    fn reaches(&self, node: Node, life: Life) -> bool {
        self.store.up
            && self.net.alive.get(&node) == Some(&(life, true))
            && !self.net.is_cut(node, STORE)
            && !self.net.is_cut(STORE, node)
    }

    /// The next request of a session arrives.
    pub(super) fn serve(&mut self, session: Session) {
        let up = self.store.up;
        let Some(client) = self.store.clients.get_mut(&session) else { return };
        if client.asked.is_empty() || !client.connected {
            client.serving = false;
            return;
        }
        if !up || self.net.is_cut(client.node, STORE) {
            return self.after(60 * MS, Ev::Serve(session));
        }
        let (id, ask) = client.asked.remove(0);
        let more = !client.asked.is_empty();
        client.serving = more;
        let answer = self.execute(session, ask);
        self.reply(session, |_| What::Answer { id, answer });
        self.fire_behind(session);
        if more {
            let delay = self.delay();
            self.after(delay, Ev::Serve(session));
        }
    }

    /// In order within a session.
    fn reply(&mut self, session: Session, what: impl FnOnce(()) -> What) {
        let delay = self.delay();
        let Some(client) = self.store.clients.get_mut(&session) else { return };
        client.out = client.out.max(self.now + delay) + 1;
        let (at, node, life) = (client.out, client.node, client.life);
        self.at(at, Ev::To(node, life, what(())));
    }

    /// A watch on a node that a lagging read still showed fires as soon as the replica is no longer behind.
    fn fire_behind(&mut self, session: Session) {
        let Store { watches, states, .. } = &mut self.store;
        let places = &states.last().expect("never empty").places;
        let gone = watches.extract_if(.., |(name, of, _)| {
            *of == session && !places.iter().any(|place| place.name == *name)
        });
        let gone: Vec<_> = gone.map(|(_, session, id)| (session, id)).collect();
        self.fire(gone);
    }

    fn fire(&mut self, fired: Vec<(Session, u64)>) {
        for (session, id) in fired {
            self.reply(session, |()| What::Watch { id });
        }
    }

    fn execute(&mut self, session: Session, ask: Ask) -> Answer {
        let Some(client) = self.store.clients.get(&session) else { return Answer::Lost };
        let (node, life) = (client.node, client.life);
        if client.expired {
            return Answer::Lost;
        }
        let unguarded = self.is(Flaw::E5UnguardedStore);
        let reads = matches!(ask, Ask::Own | Ask::Watch(..) | Ask::Places | Ask::Term | Ask::List(_));
        let writes = !reads;
        let Self { store, rng, .. } = self;
        let holds = |store: &Store, name: &str| store.head().places.iter().any(|place| place.name == name);
        let (answer, fired) = match ask {
            Ask::Open => (Answer::Opened, Vec::new()),
            Ask::Own => {
                let own = store.read(session, rng).places.iter().find(|place| place.session == session);
                (Answer::Own(own.map(|place| place.name.clone())), Vec::new())
            }
            Ask::Enter(addr) => {
                let sequence = store.next_sequence;
                store.next_sequence += 1;
                let name = format!("master-{}-{sequence:010}", addr.port);
                let place = Place { name: name.clone(), sequence, session, addr };
                let fired = store.change(&[], |state| state.places.push(place));
                (Answer::Entered(name), fired)
            }
            Ask::Watch(name, id) => {
                let there = store.read(session, rng).places.iter().any(|place| place.name == name);
                if there {
                    store.watches.push((name, session, id));
                }
                (Answer::Watching(there), Vec::new())
            }
            Ask::Places => {
                let names = store.read(session, rng).places.iter().map(|place| place.name.clone());
                (Answer::Places(names.collect()), Vec::new())
            }
            Ask::Term => {
                let State { epoch, version, published, .. } = store.read(session, rng);
                let (epoch, version, published) = (*epoch, *version, published.clone());
                (Answer::Term { epoch, version, published }, Vec::new())
            }
            Ask::Promote { place, version, epoch } => {
                let head = store.head();
                if !holds(store, &place) && !unguarded {
                    (Answer::Fenced, Vec::new())
                } else if head.version != version && !unguarded {
                    (Answer::Stale, Vec::new())
                } else {
                    let lowest = head.places.iter().min_by_key(|place| place.sequence);
                    let lowest = lowest.is_some_and(|lowest| lowest.name == place);
                    self.judge.promoted((node, life), epoch, lowest);
                    let published = Published { place, session, epoch };
                    let fired = store.change(&[], |state| {
                        state.epoch = epoch;
                        state.version += 1;
                        state.published = Some(published);
                    });
                    (Answer::Promoted, fired)
                }
            }
            Ask::Sync => {
                let zxid = store.zxid;
                store.clients.entry(session).and_modify(|client| client.seen = zxid);
                (Answer::Done(true), Vec::new())
            }
            Ask::Remove(name) => {
                let there = holds(store, &name);
                (Answer::Done(there), store.remove(&name))
            }
            Ask::Write { place, epoch, writes } => {
                let granted = |p: &Published| p.place == place && p.epoch == epoch;
                let granted = store.head().published.as_ref().is_some_and(granted);
                let may = granted && holds(store, &place);
                if may || unguarded {
                    for write in &writes {
                        if let Write::Put { key, .. } = write
                            && let Some(("ops", op)) = key.split_once('/')
                        {
                            self.judge.is_on_record(op);
                        }
                    }
                    let fired = store.change(&[], |state| apply(Rc::make_mut(&mut state.records), writes));
                    (Answer::Done(true), fired)
                } else {
                    (Answer::Fenced, Vec::new())
                }
            }
            Ask::List(folder) => {
                let inside = |key: &str| key.split_once('/').is_some_and(|(of, _)| of == folder);
                let records = store.read(session, rng).records.iter().filter(|(key, _)| inside(key));
                let records = records.map(|(key, value)| Record { key: key.clone(), value: value.clone() });
                (Answer::Records(records.collect()), Vec::new())
            }
            Ask::Evict { place, of } => {
                let places = &store.head().places;
                match places.iter().find(|mine| mine.name == place).map(|mine| mine.sequence) {
                    None => (Answer::Fenced, Vec::new()),
                    Some(mine) => {
                        let before = places.iter().find(|p| p.addr == of && p.sequence < mine);
                        let before = before.map(|place| place.name.clone());
                        let fired = before.as_ref().map(|name| store.remove(name)).unwrap_or_default();
                        (Answer::Done(before.is_some()), fired)
                    }
                }
            }
        };
        // Whoever writes sees what it wrote.
        if writes {
            let zxid = self.store.zxid;
            self.store.clients.entry(session).and_modify(|client| client.seen = zxid);
        }
        self.fire(fired);
        answer
    }
}

impl Store {
    fn remove(&mut self, name: &str) -> Vec<(Session, u64)> {
        if !self.head().places.iter().any(|place| place.name == name) {
            return Vec::new();
        }
        self.change(&[name.to_owned()], |state| state.places.retain(|place| place.name != name))
    }
}

fn apply(records: &mut BTreeMap<String, Vec<u8>>, writes: Vec<Write>) {
    for write in writes {
        match write {
            Write::Put { key, value } => records.insert(key, value),
            Write::Delete { key } => records.remove(&key),
        };
    }
}
