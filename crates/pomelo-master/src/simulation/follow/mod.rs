//! The links of a process to all masters, as `pomelo_cluster::follow` keeps them: dial for ever with jitter, register, hand what
//! comes to the real [`FollowerState`], and do what that says.

mod heard;

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use pomelo_cluster::{
    coordinator::MasterAddr,
    follow::{Identity, LinkState},
    follower::{Action, Event, FollowerState, Leader},
    membership::{Version, View},
    memory::Memory,
    messages::{self, CLUSTER, MASTER_WATCHER, MONITOR_WATCHER, Said, Told},
    once::{Answer, Key, Once, Taken},
    ops::OpId,
};
use pomelo_protocol::admin::{AdminMessage, Envelope, Failure, MasterRole, ReqId, Response};
use serde_json::{Value, json};

use super::{
    core::{Core, Life, MS, Micros, Node, SECOND, Timer, What, addr, node_of},
    flaws::Flaw,
    net::ConnId,
};

const RETRY_MIN: Micros = 50 * MS;
const RETRY_MAX: Micros = 2 * SECOND;
const OPEN_TIMEOUT: Micros = 5 * SECOND;
const SNAPSHOT_TIMEOUT: Micros = 5 * SECOND;
/// How long the original is busy with one notification, and misses the next.
const BUSY: Micros = 30 * MS;

/// What the process is told.
#[derive(Debug)]
pub(super) enum News {
    Leader(Option<Leader>),
    View(Arc<View>),
    Up,
    /// To a master: the links to the others are others.
    Links(Arc<BTreeMap<MasterAddr, LinkState>>),
    /// The registration was refused: this later life of the server is known.
    Newer(u64),
    /// To be carried out, and answered by [`Follow::answer`].
    Order {
        epoch: u64,
        module_id: String,
        body: Value,
        reply: Reply,
    },
    /// An answer to what was asked under this number; an error if the link ended before.
    Answer {
        number: u64,
        result: Result<Value, Failure>,
    },
}

/// To whom an order's answer is due.
#[derive(Debug)]
pub(super) enum Reply {
    Nobody,
    Asker(ConnId, ReqId),
    /// Whoever asks for this operation.
    Askers(Key),
}

#[derive(Debug)]
enum Pending {
    Snapshot,
    Caller,
}

pub(super) struct Follow {
    me: (Node, Life),
    who: Identity,
    masters: Vec<Node>,
    pub(super) state: FollowerState,
    opening: BTreeMap<ConnId, Node>,
    up: BTreeMap<Node, ConnId>,
    pauses: BTreeMap<Node, Micros>,
    pending: BTreeMap<u64, (Node, Pending)>,
    last: u64,
    /// Masters that were dialled at least once, whatever came of it.
    pub(super) dialled: BTreeMap<Node, bool>,
    /// The links, as a master's decisions are told of them.
    states: BTreeMap<MasterAddr, LinkState>,
    states_told: BTreeMap<MasterAddr, LinkState>,
    /// Flaw F1: an exception ended it.
    deaf: bool,
    busy_until: Micros,
    once: Once<(ConnId, ReqId)>,
    /// Dials under way.
    dialling: BTreeSet<Node>,
    /// Masters whose link broke, not dialled since.
    broke: BTreeSet<Node>,
    /// The leader that knows that it is followed.
    told_following: Option<Leader>,
    /// The leader that is not reached.
    unreached: Option<Leader>,
    /// The last leader that was reached.
    reached: Option<Leader>,
    /// What was remembered when the process began.
    remembered: Memory,
    /// The membership that this process keeps itself, because it leads.
    own: Arc<View>,
    /// When what is known is written next, and was last.
    writes: (bool, Option<Micros>),
    news: Vec<News>,
}

impl Follow {
    pub(super) fn new(core: &mut Core, me: (Node, Life), who: Identity, masters: &[Node]) -> Self {
        let mut masters = masters.to_vec();
        if matches!(who, Identity::Server(_)) && core.is(Flaw::F3StaticAddress) {
            masters.truncate(1);
        }
        masters.retain(|master| *master != me.0);
        for master in &masters {
            core.timer(me, 0, Timer::Dial(*master));
        }
        let mut state = FollowerState::new();
        let memory = core.remembered(me);
        state.on(Event::Remembered { epoch: memory.max_epoch, view: None });
        // Of an epoch that can't be: the membership is worth no more than that.
        let absurd = state.max_epoch() < memory.max_epoch && !core.is(Flaw::M2AbsurdBelieved);
        let remembered = if absurd { Memory::default() } else { memory };
        if matches!(who, Identity::Server(_)) {
            core.timer(me, SECOND, Timer::Alone);
        }
        Self {
            me,
            who,
            masters,
            state,
            remembered,
            own: Arc::default(),
            writes: (false, None),
            opening: BTreeMap::new(),
            up: BTreeMap::new(),
            pauses: BTreeMap::new(),
            pending: BTreeMap::new(),
            last: 0,
            dialled: BTreeMap::new(),
            states: BTreeMap::new(),
            states_told: BTreeMap::new(),
            deaf: false,
            busy_until: 0,
            once: Once::new(),
            dialling: BTreeSet::new(),
            broke: BTreeSet::new(),
            told_following: None,
            unreached: None,
            reached: None,
            news: Vec::new(),
        }
    }

    /// What was remembered when the process began, and the highest epoch seen.
    pub(super) fn remembered(&self) -> (Arc<View>, u64) {
        (Arc::new(self.remembered.view.clone()), self.state.max_epoch())
    }

    /// The membership that this process keeps itself.
    pub(super) fn keep(&mut self, core: &mut Core, own: View) {
        if own.version != self.own.version {
            self.own = Arc::new(own);
            self.changed(core);
        }
    }

    /// There is something to write: soon, and once a second at most.
    fn changed(&mut self, core: &mut Core) {
        let (due, last) = &mut self.writes;
        let known = self.state.max_epoch().max(self.own.version.epoch) > 0;
        if known && !std::mem::replace(due, true) {
            let next = last.map_or(0, |last| last + SECOND);
            let delay = core.rng.u64(..250 * MS).max(next.saturating_sub(core.now));
            core.timer(self.me, delay, Timer::Remember);
        }
    }

    fn write(&mut self, core: &mut Core) {
        self.writes = (false, Some(core.now));
        let followed = self.state.view();
        let view = if self.own.version > followed.version { &self.own } else { followed };
        let max_epoch = self.state.max_epoch().max(view.version.epoch);
        core.remember(self.me.0, Memory { max_epoch, view: View::clone(view) });
    }

    fn begin_with_memory(&mut self) {
        let view = std::mem::take(&mut self.remembered).view;
        if view.version != Version::default() {
            let epoch = self.state.max_epoch();
            self.state.on(Event::Remembered { epoch, view: Some(view) });
        }
    }

    fn is_server(&self) -> bool {
        matches!(self.who, Identity::Server(_))
    }

    pub(super) fn owns(&self, conn: ConnId) -> bool {
        self.opening.contains_key(&conn) || self.up.values().any(|up| *up == conn)
    }

    pub(super) fn link(&self, master: Node) -> Option<ConnId> {
        self.up.get(&master).copied()
    }

    pub(super) fn links(&self) -> impl Iterator<Item = ConnId> {
        self.up.values().copied()
    }

    /// Whether every master was dialled and the membership of a leader, if there is one, is known.
    pub(super) fn is_warm(&self) -> bool {
        let dialled = self.masters.iter().all(|master| self.dialled.contains_key(master));
        dialled && (self.state.view().version != Default::default() || self.state.leader().is_none())
    }

    /// Takes what concerns links; gives back what does not.
    pub(super) fn on(&mut self, core: &mut Core, what: What) -> Result<Vec<News>, What> {
        match what {
            What::Timer(Timer::Dial(master)) => {
                let busy = self.up.contains_key(&master) || self.opening.values().any(|of| *of == master);
                if !busy && self.dialling.insert(master) {
                    core.dial(self.me, master);
                }
            }
            What::Opened { to, conn } => {
                self.dialling.remove(&to);
                self.broke.remove(&to);
                self.opened(core, to, conn);
            }
            What::NotOpened { to, refused } => {
                self.dialling.remove(&to);
                self.not_opened(core, to, refused);
            }
            What::Timer(Timer::Unreached) => self.tell_unreached(core),
            What::Timer(Timer::Remember) => self.write(core),
            What::Timer(Timer::Alone) => self.begin_with_memory(),
            What::Timer(Timer::RegisterBy(conn)) => {
                if let Some(master) = self.opening.remove(&conn) {
                    core.close(conn, self.me.0, false);
                    self.down(core, master, false, false);
                }
            }
            What::Timer(Timer::SnapshotBy(conn, number)) => {
                if self.pending.contains_key(&number) && self.owns(conn) {
                    core.close(conn, self.me.0, false);
                    self.closed(core, conn, true);
                }
            }
            What::Message { conn, message } if self.owns(conn) => self.message(core, conn, message),
            What::Closed { conn, clean } if self.owns(conn) => self.closed(core, conn, clean),
            other => return Err(other),
        }
        self.settle(core);
        Ok(std::mem::take(&mut self.news))
    }

    fn opened(&mut self, core: &mut Core, master: Node, conn: ConnId) {
        // It broke before anything was said on it.
        if !core.net.is_open(conn, self.me.0) {
            return self.down(core, master, false, false);
        }
        self.opening.insert(conn, master);
        core.timer(self.me, OPEN_TIMEOUT, Timer::RegisterBy(conn));
        let hello = self.state.hello();
        let register = self.who.register(None, hello);
        core.send(conn, self.me.0, Rc::new(AdminMessage::Register(register)));
    }

    fn not_opened(&mut self, core: &mut Core, master: Node, refused: bool) {
        if self.is_server() && core.is(Flaw::F2ExitUnlessReached) {
            core.trace(|| format!("server {} ends: a master is not reached", self.me.0));
            core.ends.push(self.me);
        }
        let gone = self.broke.remove(&master) && refused;
        self.down(core, master, gone, false);
    }

    fn down(&mut self, core: &mut Core, master: Node, gone: bool, stood: bool) {
        self.dialled.insert(master, false);
        let was = self.states.remove(&addr(master)).unwrap_or_default();
        let gone = was.gone.or_else(|| gone.then(|| core.instant().into()));
        let down = LinkState { why: Some("no link".to_owned()), gone, ..LinkState::default() };
        self.states.insert(addr(master), down);
        if stood {
            self.broke.insert(master);
        }
        let cut = core.net.is_cut(master, self.me.0) || core.net.is_cut(self.me.0, master);
        if stood
            && self.is_server()
            && (core.is(Flaw::F5NeverAgain) || (core.is(Flaw::F6DeafAfterCut) && cut))
        {
            return;
        }
        let pause = if self.is_server() && core.is(Flaw::F7LongPauses) {
            let last = self.pauses.get(&master).copied().unwrap_or(SECOND / 2);
            (last * 2).min(60 * SECOND)
        } else {
            let last = self.pauses.get(&master).copied().unwrap_or(RETRY_MIN);
            core.rng.u64(RETRY_MIN..=(last * 3).min(RETRY_MAX))
        };
        self.pauses.insert(master, pause);
        // Whether a master is gone is news that its peers must have at once.
        let pause = if stood && matches!(self.who, Identity::Candidate(_)) { 0 } else { pause };
        core.timer(self.me, pause, Timer::Dial(master));
    }

    fn closed(&mut self, core: &mut Core, conn: ConnId, clean: bool) {
        if let Some(master) = self.opening.remove(&conn) {
            return self.down(core, master, false, false);
        }
        let Some(master) = self.up.iter().find(|(_, up)| **up == conn).map(|(master, _)| *master) else {
            return;
        };
        self.up.remove(&master);
        self.told_following.take_if(|told| told.addr == addr(master));
        let lost: Vec<_> = self.pending.extract_if(.., |_, (of, _)| *of == master).collect();
        for (number, (_, pending)) in lost {
            if let Pending::Caller = pending {
                self.news.push(News::Answer { number, result: Err(Failure::new("link ended")) });
            }
        }
        // Closing the dead link throws, and nothing follows anybody any more.
        if self.is_server() && core.is(Flaw::F1DeadLinkThrows) {
            self.deaf = true;
        }
        self.take(core, Event::Disconnected { addr: addr(master) });
        self.down(core, master, false, true);
        if clean {
            self.broke.remove(&master);
        }
    }

    /// What a master says of its role.
    fn note(&mut self, master: Node, role: MasterRole) {
        if let Some(state) = self.states.get_mut(&addr(master)) {
            state.role = Some(role);
        }
    }

    /// One leads, so the others do not.
    fn roles(&mut self, leader: Option<&Leader>) {
        for (addr, state) in self.states.iter_mut().filter(|(_, state)| state.role.is_some()) {
            if leader.is_some_and(|leader| leader.addr == *addr) {
                if !matches!(state.role, Some(MasterRole::Suspended)) {
                    state.role = Some(MasterRole::Active);
                }
            } else if matches!(state.role, Some(MasterRole::Active | MasterRole::Suspended)) {
                state.role = Some(MasterRole::Standby);
            }
        }
    }

    fn ask(&mut self, core: &mut Core, master: Node, module_id: &str, body: Value, pending: Pending) -> u64 {
        self.last += 1;
        self.pending.insert(self.last, (master, pending));
        if let Some(conn) = self.up.get(&master).copied() {
            self.say(core, conn, Envelope::request(self.last, module_id, body));
        }
        self.last
    }

    /// Asks the leader, if it has a link.
    pub(super) fn ask_leader(&mut self, core: &mut Core, module_id: &str, body: Value) -> Option<u64> {
        let master = node_of(&self.state.leader()?.addr);
        self.up.get(&master)?;
        Some(self.ask(core, master, module_id, body, Pending::Caller))
    }

    pub(super) fn say(&self, core: &mut Core, conn: ConnId, envelope: Envelope) {
        core.send(conn, self.me.0, Rc::new(AdminMessage::Monitor(envelope)));
    }

    /// An order with a number is carried out once.
    fn order(
        &mut self,
        core: &mut Core,
        conn: ConnId,
        epoch: u64,
        req_id: Option<ReqId>,
        module_id: String,
        body: Value,
    ) {
        let asker = req_id.map(|req_id| (conn, req_id));
        let reply = match OpId::of_body(&body) {
            Ok(Some(op)) if !core.is(Flaw::G4NoDedupe) => {
                let key = Key::new(op, &module_id, &body);
                let (taken, _) = self.once.take(key.clone(), asker, core.instant());
                match taken {
                    Taken::First => Reply::Askers(key),
                    Taken::Waits | Taken::Answered(None, _) => return,
                    Taken::Answered(Some((conn, req_id)), answer) => {
                        return self.say(core, conn, Envelope::Response(answer.to(req_id)));
                    }
                }
            }
            _ => asker.map_or(Reply::Nobody, |(conn, req_id)| Reply::Asker(conn, req_id)),
        };
        self.news.push(News::Order { epoch, module_id, body, reply });
    }

    /// Answers an order, as servers do.
    pub(super) fn answer(&mut self, core: &mut Core, reply: Reply, result: Value) {
        self.reply(core, reply, Answer::of(|id| Response::in_error(id, result)));
    }

    /// An order can't be carried out.
    pub(super) fn refuse(&mut self, core: &mut Core, reply: Reply, why: &str) {
        self.reply(core, reply, Answer::failed(why));
    }

    /// Answers an order, as masters do.
    pub(super) fn answer_as_master(&mut self, core: &mut Core, reply: Reply, result: Result<Value, Failure>) {
        self.reply(
            core,
            reply,
            Answer::of(|id| match result {
                Ok(result) => Response::ok(id, result),
                Err(failure) => Response::failed(id, &failure),
            }),
        );
    }

    fn reply(&mut self, core: &mut Core, reply: Reply, answer: Answer) {
        let askers = match reply {
            Reply::Nobody => Vec::new(),
            Reply::Asker(conn, req_id) => vec![(conn, req_id)],
            Reply::Askers(key) => self.once.finish(&key, &answer),
        };
        for (conn, req_id) in askers {
            self.say(core, conn, Envelope::Response(answer.clone().to(req_id)));
        }
    }

    /// Tells every linked master.
    pub(super) fn tell_all(&self, core: &mut Core, module_id: &str, body: &Value) {
        for conn in self.up.values() {
            self.say(core, *conn, Envelope::notify(module_id, body.clone()));
        }
    }

    /// The leader is told once that it is followed; the others, again and again, that it is not reached.
    fn settle(&mut self, core: &mut Core) {
        let leader = self.state.leader().filter(|leader| leader.epoch > 0 && !self.deaf).cloned();
        let reached = leader.as_ref().and_then(|leader| self.link(node_of(&leader.addr)));
        let version = self.state.view().version;
        if let (Some(conn), Some(leader)) = (reached, &leader)
            && version.epoch == leader.epoch
            && self.told_following.as_ref() != Some(leader)
        {
            self.say(core, conn, Envelope::notify(CLUSTER, Said::Following { version }.body()));
            self.told_following = Some(leader.clone());
        }
        if matches!(self.who, Identity::Candidate(_)) && self.states != self.states_told {
            self.states_told.clone_from(&self.states);
            self.news.push(News::Links(Arc::new(self.states.clone())));
        }
        if reached.is_some() {
            self.reached.clone_from(&leader);
        }
        let unreached = leader.filter(|_| reached.is_none());
        if unreached != self.unreached {
            if unreached.is_some() {
                let wait = if unreached == self.reached { SECOND } else { 3 * SECOND };
                core.timer(self.me, wait, Timer::Unreached);
            }
            self.unreached = unreached;
        }
    }

    fn tell_unreached(&mut self, core: &mut Core) {
        if let Some(leader) = self.unreached.clone() {
            self.tell_all(core, CLUSTER, &Said::Unreachable { leader }.body());
            core.timer(self.me, SECOND, Timer::Unreached);
        }
    }
}
