//! The links of a process to all masters, as `pomelo_cluster::follow` keeps them: dial for ever with jitter, register, hand what
//! comes to the real [`FollowerState`], and do what that says.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use pomelo_cluster::{
    coordinator::CandidateInfo,
    follower::{Action, Event, FollowerState, Leader},
    membership::View,
    messages::{self, CLUSTER, MASTER_WATCHER, MONITOR_WATCHER, Said, Told},
    once::{Answer, Key, Once, Taken},
    ops::OpId,
};
use pomelo_protocol::{
    ServerInfo,
    admin::{
        AdminMessage, AgentRegister, CandidateRegister, Envelope, Failure, Hello, MonitorRegister, Register,
        ReqId, Response,
    },
};
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

/// Who registers.
#[derive(Clone, Debug)]
pub(super) enum Who {
    Server(ServerInfo),
    Agent(String),
    Candidate(CandidateInfo),
}

/// What the process is told.
#[derive(Debug)]
pub(super) enum News {
    Leader(Option<Leader>),
    View(Arc<View>),
    Up(Node),
    /// No link, or no more; `gone` if it broke and the machine refuses the next one.
    Down {
        master: Node,
        gone: bool,
    },
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
    who: Who,
    masters: Vec<Node>,
    pub(super) state: FollowerState,
    opening: BTreeMap<ConnId, Node>,
    up: BTreeMap<Node, ConnId>,
    pauses: BTreeMap<Node, Micros>,
    pending: BTreeMap<u64, (Node, Pending)>,
    last: u64,
    /// Masters that were dialled at least once, whatever came of it.
    pub(super) dialled: BTreeMap<Node, bool>,
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
    news: Vec<News>,
}

impl Follow {
    pub(super) fn new(core: &mut Core, me: (Node, Life), who: Who, masters: &[Node]) -> Self {
        let mut masters = masters.to_vec();
        if matches!(who, Who::Server(_)) && core.is(Flaw::F3StaticAddress) {
            masters.truncate(1);
        }
        masters.retain(|master| *master != me.0);
        for master in &masters {
            core.timer(me, 0, Timer::Dial(*master));
        }
        Self {
            me,
            who,
            masters,
            state: FollowerState::new(),
            opening: BTreeMap::new(),
            up: BTreeMap::new(),
            pauses: BTreeMap::new(),
            pending: BTreeMap::new(),
            last: 0,
            dialled: BTreeMap::new(),
            deaf: false,
            busy_until: 0,
            once: Once::new(),
            dialling: BTreeSet::new(),
            broke: BTreeSet::new(),
            told_following: None,
            unreached: None,
            news: Vec::new(),
        }
    }

    fn is_server(&self) -> bool {
        matches!(self.who, Who::Server(_))
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
            What::Timer(Timer::RegisterBy(conn)) => {
                if let Some(master) = self.opening.remove(&conn) {
                    core.close(conn, self.me.0, false);
                    self.down(core, master, false, false);
                }
            }
            What::Timer(Timer::SnapshotBy(conn, number)) => {
                if self.pending.contains_key(&number) && self.owns(conn) {
                    core.close(conn, self.me.0, false);
                    self.closed(core, conn);
                }
            }
            What::Message { conn, message } if self.owns(conn) => self.message(core, conn, message),
            What::Closed { conn, .. } if self.owns(conn) => self.closed(core, conn),
            other => return Err(other),
        }
        self.settle(core);
        Ok(std::mem::take(&mut self.news))
    }

    fn opened(&mut self, core: &mut Core, master: Node, conn: ConnId) {
        self.opening.insert(conn, master);
        core.timer(self.me, OPEN_TIMEOUT, Timer::RegisterBy(conn));
        let hello = self.state.hello();
        let register = self.who.register(hello);
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
        self.news.push(News::Down { master, gone });
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
        let pause = if stood && matches!(self.who, Who::Candidate(_)) { 0 } else { pause };
        core.timer(self.me, pause, Timer::Dial(master));
    }

    fn closed(&mut self, core: &mut Core, conn: ConnId) {
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
    }

    fn message(&mut self, core: &mut Core, conn: ConnId, message: Rc<AdminMessage>) {
        let message = Rc::unwrap_or_clone(message);
        if let Some(master) = self.opening.get(&conn).copied() {
            let AdminMessage::Registered(reply) = message else { return };
            self.opening.remove(&conn);
            if !reply.is_ok() {
                core.close(conn, self.me.0, false);
                self.news.extend(reply.newer.map(News::Newer));
                return self.down(core, master, false, false);
            }
            self.up.insert(master, conn);
            self.dialled.insert(master, true);
            if !core.is(Flaw::F7LongPauses) {
                self.pauses.remove(&master);
            }
            if let Who::Server(info) = &self.who {
                let body = json!({ "action": "record", "id": info.id });
                self.say(core, conn, Envelope::notify(MASTER_WATCHER, body));
            }
            self.news.push(News::Up(master));
            if let Some(cluster) = &reply.cluster {
                core.judge.saw(self.me, cluster.view.epoch);
            }
            self.take(core, Event::Connected { addr: addr(master), state: reply.cluster });
            return;
        }
        let Some(master) = self.up.iter().find(|(_, up)| **up == conn).map(|(master, _)| *master) else {
            return;
        };
        let AdminMessage::Monitor(envelope) = message else { return };
        if self.deaf {
            return;
        }
        self.envelope(core, conn, master, envelope);
    }

    fn envelope(&mut self, core: &mut Core, conn: ConnId, master: Node, envelope: Envelope) {
        let epoch = envelope.epoch().unwrap_or(0);
        match envelope {
            Envelope::Response(response) => self.answered(core, master, response),
            Envelope::Request { req_id, module_id, body, .. } => {
                self.told(core, conn, master, epoch, Some(req_id), module_id, body);
            }
            Envelope::Notify { module_id, body, .. } => {
                self.told(core, conn, master, epoch, None, module_id, body);
            }
            Envelope::Command { .. } => {}
        }
    }

    fn answered(&mut self, core: &mut Core, master: Node, response: Response) {
        let Some(number) = response.resp_id.number() else { return };
        let Some((_, pending)) = self.pending.remove(&number) else { return };
        let result = response.into_result();
        match pending {
            Pending::Caller => {
                if let Err(Failure { leader: Some(leader), .. }) = &result {
                    core.judge.saw(self.me, leader.epoch);
                    self.take(core, Event::Moved { leader: Leader::from_wire(leader) });
                }
                self.news.push(News::Answer { number, result });
            }
            Pending::Snapshot => {
                let told = result.map_err(|failure| failure.message).and_then(|body| Told::snapshot(&body));
                match told {
                    Ok(told) => drop(self.news_of(core, master, told)),
                    Err(_) => drop(self.take(core, Event::NoSnapshot { addr: addr(master) })),
                }
            }
        }
    }

    /// Takes news of the membership; false if its sender was refused.
    fn news_of(&mut self, core: &mut Core, master: Node, told: Told) -> Option<Failure> {
        let addr = addr(master);
        let event = match told {
            Told::Announce(view) => {
                core.judge.saw(self.me, view.epoch);
                Event::Announce { addr, view }
            }
            Told::State(state) => {
                core.judge.saw(self.me, state.view.epoch);
                Event::State { addr, state }
            }
            Told::Step { version, change } => {
                let version = version?;
                core.judge.saw(self.me, version.epoch);
                Event::Step { addr, version, change }
            }
            Told::Candidate(back) => {
                let spread = core.rng.u64(..MS);
                core.timer(self.me, spread, Timer::Dial(node_of(&back)));
                return None;
            }
            Told::Snapshot { version, servers } => {
                let version = version?;
                let mut servers = servers;
                core.judge.saw(self.me, version.epoch);
                if self.is_server() && core.is(Flaw::F8OnlyAdds) {
                    let told: Vec<_> = servers.iter().map(|info| info.id.clone()).collect();
                    let known = self.state.view().servers.values();
                    servers
                        .extend(known.filter(|info| !told.contains(&info.id)).map(|info| (**info).clone()));
                }
                let view = View::new(version, servers);
                Event::Snapshot { addr, view }
            }
        };
        self.take(core, event)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one frame")]
    fn told(
        &mut self,
        core: &mut Core,
        conn: ConnId,
        master: Node,
        epoch: u64,
        req_id: Option<ReqId>,
        module_id: String,
        body: Value,
    ) {
        let told = match Told::read(&module_id, &body) {
            Ok(told) => told,
            Err(why) => panic!("a master said what is not understood: {why}: {body}"),
        };
        let failure = match told {
            Some(told) => {
                // While one notification is worked on, the next finds no watch.
                let missed = self.is_server()
                    && core.is(Flaw::F4LostNotification)
                    && !matches!(told, Told::Snapshot { .. })
                    && std::mem::replace(&mut self.busy_until, core.now + BUSY) > core.now;
                if missed { None } else { self.news_of(core, master, told) }
            }
            None => {
                core.judge.saw(self.me, epoch);
                let failure = self.take(core, Event::Frame { addr: addr(master), epoch });
                let obeyed = failure.is_none() || (self.is_server() && core.is(Flaw::E5FramesWithoutEpoch));
                if obeyed {
                    core.judge.obeyed(self.me, epoch);
                    if module_id != MONITOR_WATCHER {
                        return self.order(core, conn, epoch, req_id, module_id, body);
                    }
                    None
                } else {
                    failure
                }
            }
        };
        if let Some(req_id) = req_id {
            let response = match failure {
                None => Response::in_error(req_id, json!(1)),
                Some(failure) => Response::failed(req_id, &failure),
            };
            self.say(core, conn, Envelope::Response(response));
        }
    }

    /// Takes an event to the state machine and does what it says; the refusal, if it was one.
    fn take(&mut self, core: &mut Core, event: Event) -> Option<Failure> {
        let mut refused = None;
        for action in self.state.on(event) {
            match action {
                Action::Lead(leader) => {
                    if let Some(leader) = &leader {
                        core.judge.obeyed(self.me, leader.epoch);
                    }
                    core.trace(|| format!("{} follows {leader:?}", self.me.0));
                    self.news.push(News::Leader(leader));
                }
                Action::Publish => {
                    let view = Arc::clone(self.state.view());
                    core.judge.obeyed(self.me, view.version.epoch);
                    self.news.push(News::View(view));
                }
                Action::AskSnapshot { addr } => {
                    let master = node_of(&addr);
                    if let Some(conn) = self.up.get(&master).copied() {
                        let number =
                            self.ask(core, master, CLUSTER, messages::ask_snapshot(), Pending::Snapshot);
                        core.timer(self.me, SNAPSHOT_TIMEOUT, Timer::SnapshotBy(conn, number));
                    }
                }
                Action::Refuse { addr, epoch, leader } => {
                    if let Some(conn) = self.up.get(&node_of(&addr)).copied() {
                        let body = messages::superseded(epoch, leader.as_ref());
                        self.say(core, conn, Envelope::notify(CLUSTER, body));
                    }
                    refused = Some(Failure {
                        leader: leader.map(|leader| leader.to_wire()),
                        superseded: Some(epoch),
                        ..Failure::new(format!("superseded by epoch {epoch}"))
                    });
                }
                Action::Absurd { epoch, .. } => {
                    refused = Some(Failure::new(format!("epoch {epoch} can't be")));
                }
                Action::Deliver => {}
            }
        }
        refused
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

    /// Answers an order.
    pub(super) fn answer(&mut self, core: &mut Core, reply: Reply, result: Value) {
        let answer = Answer::of(|id| Response::in_error(id, result));
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
        let unreached = leader.filter(|_| reached.is_none());
        if unreached != self.unreached {
            if unreached.is_some() {
                core.timer(self.me, SECOND, Timer::Unreached);
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

impl Who {
    fn register(&self, hello: Hello) -> Register {
        match self {
            Self::Server(info) => Register::Monitor(MonitorRegister::of(info, None, hello)),
            Self::Agent(id) => Register::Agent(AgentRegister {
                id: id.clone(),
                host: "10.0.0.1".to_owned(),
                pid: 1,
                token: None,
                hello: Some(hello),
            }),
            Self::Candidate(me) => Register::Candidate(CandidateRegister {
                id: me.id.clone(),
                host: me.addr.host.clone(),
                port: me.addr.port,
                pid: me.pid,
                token: None,
                hello: Some(hello),
            }),
        }
    }
}
