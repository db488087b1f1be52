//! A master process: the real [`Election`] and the real [`Control`], with everything that `elector` and `master` do around them.

mod acts;

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use pomelo_cluster::{
    config::{AdminUser, ServerTokens},
    coordinator::{CandidateInfo, MasterAddr},
    election::{self, Election, Role},
    follow::Identity,
    follower::Leader,
    messages::{CLUSTER, MONITOR_WATCHER},
};
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Envelope, Failure, Register, Registered},
};
use serde_json::Value;

use super::{
    core::{AGENTS, Core, Ev, Life, MS, Micros, Node, SECOND, SERVERS, START_US, Timer, What, addr, node_of},
    faults::{Fault, Target},
    flaws::Flaw,
    follow::{Follow, News, Reply},
    net::ConnId,
    recipe::{Outcome, Recipe},
    store::{Answer, Ask},
};
use crate::{
    Limits,
    access::Access,
    console::CONSOLE,
    control::{Action, Control, Event},
    link::LinkId,
    process::Usage,
};

const TICK: Micros = 100 * MS;
const WARM_TIMEOUT: Micros = 2 * SECOND;
/// How long a master that ends waits until its place is given back.
const END_TIMEOUT: Micros = 2 * SECOND;
/// Type of all servers.
pub(super) const SERVER_TYPE: &str = "chat";

/// What an errand was for.
enum Errand {
    Store(u64),
    Read(u64, &'static str),
    Evict(MasterAddr),
}

pub(super) struct Master {
    me: (Node, Life),
    election: Election,
    control: Control,
    follow: Follow,
    recipe: Recipe,
    role: Role,
    /// What the election wants first, until this master is warm.
    waiting: Option<Vec<election::Action>>,
    promotion: Option<(u64, u64)>,
    /// Links of peers that have registered.
    links: BTreeSet<ConnId>,
    /// Those whose registration was taken.
    admitted: BTreeSet<ConnId>,
    errands: BTreeMap<u64, Errand>,
    last_errand: u64,
    /// Told to go: only the place in the queue is still given back.
    exiting: bool,
    led: bool,
    /// What the guardian was told last.
    place: Option<String>,
    trouble: Option<String>,
    /// Questions of other masters that wait for their answer.
    asks: BTreeMap<u64, Reply>,
    /// Wishes to be at the tail of the queue.
    moving: Vec<bool>,
    /// When it last was linked with the leader.
    current: Micros,
}

impl Master {
    pub(super) fn new(core: &mut Core, me: (Node, Life), masters: &[Node], servers: &[ServerId]) -> Self {
        let info = CandidateInfo {
            id: ServerId::new("master-server-1").expect("a valid id"),
            addr: addr(me.0),
            pid: u32::try_from(me.1).unwrap_or_default(),
        };
        let user =
            AdminUser { id: "user".into(), username: "admin".into(), password: "admin".into(), level: 1 };
        let access = Access::of(vec![user], ServerTokens::default(), vec![SERVER_TYPE.into()]);
        let usage = || Usage { resident_mb: 1.0, uptime_min: 1.0 };
        let configured = servers.iter().cloned().collect();
        let control =
            Control::new(info.clone(), access, configured, Limits::default(), "model".into(), usage);
        let among = masters.iter().map(|master| (addr(*master), info.id.clone()));
        let mut control = control.among(among.collect());
        // Clocks differ.
        let mut wall = START_US + core.now + core.rng.u64(..SECOND);
        if core.is(Flaw::S1ClockBehind) && core.now > SECOND {
            wall -= 600 * SECOND;
        }
        control.set_wall(core.instant(), wall);
        let (election, first) = Election::new();
        core.timer(me, WARM_TIMEOUT, Timer::Warm);
        let tick = core.rng.u64(..TICK);
        core.after(tick, Ev::To(me.0, me.1, What::Tick));
        let mut master = Self {
            me,
            role: election.role(),
            election,
            control,
            follow: Follow::new(core, me, Identity::Candidate(info.clone()), masters),
            recipe: Recipe::new(me, info.addr),
            waiting: Some(first),
            promotion: None,
            links: BTreeSet::new(),
            admitted: BTreeSet::new(),
            errands: BTreeMap::new(),
            last_errand: 0,
            exiting: false,
            led: false,
            place: None,
            trouble: None,
            asks: BTreeMap::new(),
            moving: Vec::new(),
            current: 0,
        };
        let (view, max_epoch) = master.follow.remembered();
        master.decide(core, Event::Remembered { view, max_epoch });
        master
    }

    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    /// Whether it ends because it was told to.
    pub(super) fn is_exiting(&self) -> bool {
        self.exiting
    }

    /// Whether it has a link to another master.
    pub(super) fn is_linked(&self, master: Node) -> bool {
        self.follow.link(master).is_some()
    }

    pub(super) fn role(&self) -> &Role {
        &self.role
    }

    /// Connections of peers whose registration was taken.
    pub(super) fn admitted(&self) -> impl Iterator<Item = ConnId> {
        self.admitted.iter().copied()
    }

    pub(super) fn on(&mut self, core: &mut Core, what: What) {
        match what {
            What::Tick => {
                core.after(TICK, Ev::To(self.me.0, self.me.1, What::Tick));
                self.decide(core, Event::Tick);
                let leader = self.follow.state.leader();
                if leader.is_some_and(|leader| self.follow.link(node_of(&leader.addr)).is_some()) {
                    self.current = core.now;
                }
                if let Some(own) = self.control.own_view() {
                    self.follow.keep(core, own.clone());
                }
            }
            What::Terminate => self.decide(core, Event::Shutdown),
            What::Probed { server, incarnation, refused } => {
                self.decide(core, Event::Probed { server, incarnation, refused });
            }
            What::Elector(event) => self.wished(core, event),
            What::Answer { id, answer } => self.recipe.on_answer(core, id, answer),
            What::Watch { id } => self.recipe.on_watch(core, id),
            What::StoreDown(session) => self.recipe.on_down(core, session),
            What::StoreUp(session) => self.recipe.on_up(core, session),
            What::StoreExpired(session) => self.recipe.on_expired(core, session),
            What::Timer(Timer::Again(candidacy)) => self.recipe.on_again(core, candidacy),
            What::Timer(Timer::Warm) => self.warm(core),
            What::Timer(Timer::Promote(attempt)) => self.promote(core, attempt),
            What::Timer(Timer::PromoteBy(attempt)) => self.recipe.give_up(attempt),
            What::Timer(Timer::LeaveBy) => self.recipe.on_leave_by(core),
            What::Timer(Timer::End) => core.ends.push(self.me),
            what => match self.follow.on(core, what) {
                Ok(news) => self.others(core, news),
                Err(what) => self.link(core, what),
            },
        }
        self.elect(core);
    }

    /// What the store and the queue come to.
    fn elect(&mut self, core: &mut Core) {
        loop {
            let outcomes = self.recipe.outcomes();
            if outcomes.is_empty() {
                break;
            }
            for outcome in outcomes {
                match outcome {
                    Outcome::Election(event) => self.election(core, event),
                    Outcome::Errand(errand, result) => self.errand_done(core, errand, result),
                }
            }
        }
        if self.place.as_ref() != self.recipe.place() {
            self.place = self.recipe.place().cloned();
            core.tell_guardian(self.me, self.place.clone());
        }
        if self.exiting && self.election.is_stopped() {
            core.ends.push(self.me);
        }
    }

    fn election(&mut self, core: &mut Core, event: election::Event) {
        core.trace(|| format!("master {}: {event:?}", self.me.0));
        let failed = matches!(event, election::Event::Promoted { result: Err(_), .. });
        let actions = self.election.on(event);
        // The role is known before anything is done about it.
        let role = self.election.role();
        if role != self.role {
            self.role = role.clone();
            core.trace(|| format!("master {}: {role}", self.me.0));
            let deposed = self.led && role.authority().is_none();
            if role.authority().is_some() {
                self.led = true;
                core.judge.begins(self.me, core.now, self.current, self.links.len());
            } else {
                core.judge.ends(self.me);
            }
            let keeps = deposed && core.is(Flaw::E4NoDemotion);
            if !keeps && !self.exiting {
                let leads = role.authority().is_some();
                self.decide(core, Event::Role(role));
                if leads && core.is(Flaw::F9EverythingToEverybody) {
                    self.tell_everything(core);
                }
            }
        }
        let trouble = self.election.trouble().map(str::to_owned);
        if trouble != self.trouble {
            self.trouble.clone_from(&trouble);
            self.decide(core, Event::Trouble(trouble));
        }
        if !(failed && core.is(Flaw::E7PromotionNotRepeated)) {
            self.act(core, actions);
        }
    }

    /// As if every server had registered now.
    fn tell_everything(&mut self, core: &mut Core) {
        let links: Vec<_> = self.links.iter().map(|conn| LinkId(*conn as u64)).collect();
        for id in self.control.lists().into_keys() {
            let body = serde_json::json!({ "action": "removeServer", "id": id, "epoch": 0, "rev": 0 });
            let message = AdminMessage::Monitor(Envelope::notify(MONITOR_WATCHER, body));
            self.send(core, &links, message);
        }
    }

    fn act(&mut self, core: &mut Core, actions: Vec<election::Action>) {
        for action in actions {
            match action {
                election::Action::Join => {
                    core.aim(5, Fault::ResetStore(Target::This(self.me.0)));
                    self.recipe.join(core);
                    for aside in std::mem::take(&mut self.moving) {
                        self.decide(core, Event::Moved { aside, result: Ok(()) });
                    }
                }
                election::Action::Promote { attempt, above, after_ms } => {
                    self.promotion = Some((attempt, above));
                    core.aim(2, Fault::RemoveFirst);
                    core.aim(2, Fault::ResetStore(Target::This(self.me.0)));
                    core.aim(1, Fault::Freeze(Target::This(self.me.0)));
                    core.aim(1, Fault::Crash(Target::This(self.me.0)));
                    self.recipe.give_up(attempt.saturating_sub(1));
                    match after_ms {
                        0 => self.promote(core, attempt),
                        ms => core.timer(self.me, ms * MS, Timer::Promote(attempt)),
                    }
                }
                election::Action::Leave => {
                    self.promotion = None;
                    self.recipe.leave(core);
                }
            }
        }
    }

    fn promote(&mut self, core: &mut Core, attempt: u64) {
        if let Some((wanted, above)) = self.promotion
            && wanted == attempt
        {
            self.recipe.promote(core, attempt, above);
        }
    }

    fn warm(&mut self, core: &mut Core) {
        if let Some(first) = self.waiting.take() {
            self.act(core, first);
        }
    }

    /// News of the other masters.
    fn others(&mut self, core: &mut Core, news: Vec<News>) {
        if self.waiting.is_some() && self.follow.is_warm() {
            self.warm(core);
        }
        for news in news {
            match news {
                News::Leader(Some(leader)) if !core.is(Flaw::E4NoDemotion) => {
                    self.decide(core, Event::Leader(Leader::to_wire(&leader)));
                }
                News::View(view) => self.decide(core, Event::Followed(view)),
                News::Links(links) => self.decide(core, Event::Masters(links)),
                News::Order { epoch, module_id, body, reply } => {
                    let signal = body.get("signal").and_then(Value::as_str).unwrap_or_default();
                    if module_id == CONSOLE && (signal == "stop" || signal == "kill") {
                        if !core.is(Flaw::S2StandbyStays) {
                            self.decide(core, Event::Ordered { epoch });
                        }
                        if self.exiting {
                            core.judge.ends_with_everything(self.me, core.now);
                        }
                    } else if module_id == CLUSTER {
                        self.last_errand += 1;
                        let ask = (!matches!(reply, Reply::Nobody)).then_some(self.last_errand);
                        self.asks.insert(self.last_errand, reply);
                        self.decide(core, Event::Asked { ask, epoch, body });
                    } else {
                        let failure = Failure::new("masters answer tools, not other masters");
                        self.follow.answer_as_master(core, reply, Err(failure));
                    }
                }
                _ => {}
            }
        }
    }

    /// Links of those who register here.
    fn link(&mut self, core: &mut Core, what: What) {
        match what {
            What::Message { conn, message } => {
                let link = LinkId(conn as u64);
                match Rc::unwrap_or_clone(message) {
                    AdminMessage::Register(mut register) => {
                        self.links.insert(conn);
                        core.judge.changed(self.me);
                        if let Register::Monitor(monitor) = &register {
                            self.hear_holder(core, &monitor.id);
                        }
                        if core.is(Flaw::E4NoDemotion) {
                            forget_epoch(&mut register);
                        }
                        self.decide(core, Event::Register { link, register });
                    }
                    message if core.is(Flaw::E4NoDemotion) && supersedes(&message) => {}
                    message if self.links.contains(&conn) => {
                        self.decide(core, Event::Message { link, message });
                    }
                    _ => {}
                }
            }
            What::Closed { conn, clean } => {
                self.admitted.remove(&conn);
                let known = self.links.remove(&conn);
                if known {
                    core.judge.changed(self.me);
                    // The original takes a lost link for a crashed server, whether or not it still leads.
                    if self.led
                        && core.is(Flaw::G1LostLinkIsCrash)
                        && let Some(peer) = core.net.peer(conn, self.me.0)
                        && peer.0 >= SERVERS
                    {
                        core.ends.push(peer);
                    }
                    self.decide(core, Event::Closed { link: LinkId(conn as u64), clean });
                }
            }
            _ => {}
        }
    }

    fn hear_holder(&mut self, core: &mut Core, id: &ServerId) {
        let Some(link) = self.control.holder(id) else { return };
        let conn = ConnId::try_from(link.0).unwrap_or_default();
        if let Some(heard) = core.net.heard(conn, self.me.0) {
            let at = core.instant() - std::time::Duration::from_micros(core.now - heard);
            self.decide(core, Event::Heard { link, at });
        }
    }
}

/// Whether a message says that a higher epoch has begun.
fn supersedes(message: &AdminMessage) -> bool {
    let text = |envelope: &Envelope| format!("{envelope:?}").contains("superseded");
    matches!(message, AdminMessage::Monitor(envelope) if text(envelope))
}

fn forget_epoch(register: &mut Register) {
    match register {
        Register::Monitor(monitor) => monitor.hello = monitor.hello.take().map(|h| no_epoch(&h)),
        Register::Agent(agent) => agent.hello = agent.hello.take().map(|h| no_epoch(&h)),
        Register::Candidate(candidate) => candidate.hello = candidate.hello.take().map(|h| no_epoch(&h)),
        Register::Client(_) => {}
    }
}

fn no_epoch(hello: &pomelo_protocol::admin::Hello) -> pomelo_protocol::admin::Hello {
    pomelo_protocol::admin::Hello { max_epoch: 0, ..hello.clone() }
}
