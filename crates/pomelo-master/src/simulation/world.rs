//! All processes of one schedule, and what happens to them: events are taken from the queue in their order, faults are carried
//! out, rules are checked after each step, and at the end everything is mended and must become well.

use std::collections::BTreeMap;

use pomelo_cluster::election::Role;
use pomelo_protocol::ServerId;

use super::{
    agent::Agent,
    client::Client,
    core::{
        AGENTS, CLIENTS, Core, Ev, GUARDIANS, Life, MS, Micros, Node, SECOND, SERVERS, STORE, Spawn, Timer,
        What,
    },
    faults::{self, Fault, Target},
    flaws::Flaw,
    guardian::Guardian,
    judge::{Broken, Rule},
    master::Master,
    server::Server,
};

const SWEEP: Micros = 100 * MS;
/// Within this time after the last fault all must be well.
const SETTLE_MAX: Micros = 15 * SECOND;
/// And must stay so.
const SETTLED: Micros = 1_500 * MS;
/// How often it is looked whether all is well.
const LOOK: Micros = 250 * MS;
/// When a schedule begins, in µs since 1970.
const START_US: u64 = 1_700_000_000_000_000;
/// Events of one schedule; more are a storm.
const EVENTS_MAX: usize = 400_000;

pub(super) enum Body {
    Master(Box<Master>),
    Server(Box<Server>),
    Agent(Box<Agent>),
    Client(Box<Client>),
    Guardian(Box<Guardian>),
}

pub(super) struct Proc {
    pub(super) life: Life,
    pub(super) frozen: bool,
    deferred: Vec<What>,
    pub(super) body: Body,
}

pub(super) struct World {
    pub(super) core: Core,
    pub(super) procs: BTreeMap<Node, Proc>,
    masters: Vec<Node>,
    ids: Vec<ServerId>,
    agents: usize,
    next_life: Life,
    lasts: Micros,
    events: usize,
    /// No master is started any more before everything is mended.
    dark: bool,
}

impl World {
    pub(super) fn new(seed: u64, flaw: Option<Flaw>, tracing: bool) -> Self {
        // The code under test rolls dice, too.
        fastrand::seed(seed);
        let mut core = Core::new(seed, flaw, tracing);
        let masters = (0..core.rng.usize(2..=3)).collect();
        let ids = (1..=core.rng.usize(2..=4)).map(|n| ServerId::new(format!("chat-server-{n}")));
        let ids = ids.collect::<Result<_, _>>().expect("valid ids");
        let mut world = Self {
            core,
            procs: BTreeMap::new(),
            masters,
            ids,
            agents: 0,
            next_life: 1,
            lasts: 0,
            events: 0,
            dark: false,
        };
        if world.core.rng.bool() {
            for master in world.masters.clone() {
                world.start_guardian(master);
            }
        }
        for master in world.masters.clone() {
            world.start_master(master);
        }
        world.agents = world.core.rng.usize(1..=2);
        for agent in 0..world.agents {
            world.start_agent(AGENTS + agent);
        }
        for client in 0..world.core.rng.usize(0..=2) {
            let life = world.life();
            let node = CLIENTS + client;
            let client = Client::new(&mut world.core, (node, life), &world.masters, &world.ids);
            world.insert(node, life, Body::Client(Box::new(client)));
        }
        let (lasts, faults) = faults::draw(&mut world.core.rng, world.masters.len());
        world.lasts = lasts;
        for (at, fault) in faults {
            world.core.at(at, Ev::Fault(fault));
        }
        world.core.after(SWEEP, Ev::Sweep);
        world
    }

    /// The whole schedule; the first rule that is broken ends it.
    pub(super) fn run(&mut self) -> Result<(), Broken> {
        self.run_until(self.lasts)?;
        self.mend();
        let (until, mut well_since) = (self.core.now + SETTLE_MAX, None);
        loop {
            self.run_until(self.core.now + LOOK)?;
            match self.is_well() {
                Ok(()) => {
                    let since = *well_since.get_or_insert(self.core.now);
                    if self.core.now - since >= SETTLED {
                        return Ok(());
                    }
                }
                Err(how) if self.core.now >= until => return Err(Broken { rule: Rule::I7, how }),
                Err(_) => well_since = None,
            }
        }
    }

    fn run_until(&mut self, until: Micros) -> Result<(), Broken> {
        while self.core.now < until {
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Broken> {
        self.events += 1;
        if self.events > EVENTS_MAX {
            return Err(Broken { rule: Rule::I7, how: format!("more than {EVENTS_MAX} events") });
        }
        match self.core.next().expect("the sweep never ends") {
            Ev::To(node, life, what) => self.to(node, life, what),
            Ev::Pump(conn, end) => self.core.pump(conn, end),
            Ev::Dial { from, life, to } => self.core.dialled(from, life, to),
            Ev::Serve(session) => self.core.serve(session),
            Ev::Sweep => {
                self.core.after(SWEEP, Ev::Sweep);
                self.core.sweep_conns();
                self.core.sweep_sessions();
            }
            Ev::Remove(name) => self.core.store_remove(&name),
            Ev::StartMaster(_) if self.dark => {}
            Ev::StartMaster(node) => self.start_master(node),
            Ev::Fault(fault) => self.fault(fault),
        }
        for (node, life) in std::mem::take(&mut self.core.ends) {
            self.end(node, life, false);
        }
        for spawn in std::mem::take(&mut self.core.spawns) {
            self.spawn(spawn);
        }
        self.core.judge.verdict()
    }

    fn to(&mut self, node: Node, life: Life, what: What) {
        let Some(proc) = self.procs.get_mut(&node).filter(|proc| proc.life == life) else { return };
        if proc.frozen {
            return proc.deferred.push(what);
        }
        // An answer that a cut holds up is one that a broken connection loses.
        if matches!(what, What::Answer { .. } | What::Watch { .. }) && self.core.net.is_cut(STORE, node) {
            return self.core.store_reset(node);
        }
        let standby_ready = matches!((&proc.body, &what), (Body::Guardian(_), What::Timer(Timer::Guard)))
            .then(|| self.is_ready_beside(node - GUARDIANS));
        let Some(proc) = self.procs.get_mut(&node) else { return };
        match &mut proc.body {
            Body::Master(master) => {
                master.on(&mut self.core, what);
                if let Some(epoch) = master.control().leads_in() {
                    self.core.judge.claims((node, life), epoch);
                }
            }
            Body::Server(server) => server.on(&mut self.core, what),
            Body::Agent(agent) => agent.on(&mut self.core, what),
            Body::Client(client) => client.on(&mut self.core, what),
            Body::Guardian(guardian) => {
                if let Some(ready) = standby_ready {
                    guardian.sees_ready(ready);
                }
                guardian.on(&mut self.core, what);
            }
        }
    }

    /// Whether another master runs and is ready, as the guardian's own links tell it.
    fn is_ready_beside(&self, master: Node) -> bool {
        self.living_masters().any(|(node, proc, other)| {
            node != master
                && !proc.frozen
                && !self.core.net.is_cut(node, master)
                && !self.core.net.is_cut(master, node)
                && !matches!(other.role(), Role::Joining { .. } | Role::Stopped)
        })
    }

    fn insert(&mut self, node: Node, life: Life, body: Body) {
        self.core.net.alive.insert(node, (life, true));
        self.procs.insert(node, Proc { life, frozen: false, deferred: Vec::new(), body });
    }

    fn life(&mut self) -> Life {
        self.next_life += 1;
        self.next_life
    }

    fn start_master(&mut self, node: Node) {
        if self.procs.contains_key(&node) {
            return;
        }
        let life = self.life();
        self.core.trace(|| format!("master {node} starts, life {life}"));
        let master = Master::new(&mut self.core, (node, life), &self.masters, &self.ids);
        self.insert(node, life, Body::Master(Box::new(master)));
        if let Some(Proc { body: Body::Guardian(guardian), .. }) = self.procs.get_mut(&(GUARDIANS + node)) {
            guardian.started(&mut self.core, life);
        }
    }

    fn start_guardian(&mut self, master: Node) {
        let (node, life) = (GUARDIANS + master, self.life());
        if !self.procs.contains_key(&node) {
            let guardian = Guardian::new(&mut self.core, (node, life));
            self.insert(node, life, Body::Guardian(Box::new(guardian)));
        }
    }

    fn start_agent(&mut self, node: Node) {
        let life = self.life();
        let known: Vec<_> = self.ids.iter().enumerate().filter(|(n, _)| self.agent_of(*n) == node).collect();
        let known = known.into_iter().map(|(_, id)| id.clone()).collect();
        let agent = Agent::new(&mut self.core, (node, life), known, &self.masters);
        self.insert(node, life, Body::Agent(Box::new(agent)));
    }

    /// Each server is on one machine.
    fn agent_of(&self, server: usize) -> Node {
        AGENTS + server % self.agents
    }

    fn spawn(&mut self, Spawn { agent, id, incarnation }: Spawn) {
        let life = self.life();
        let incarnation = incarnation.unwrap_or(START_US + self.core.now);
        let node = SERVERS * (agent - AGENTS + 1) + usize::try_from(life).unwrap_or_default();
        let others = self.servers().filter(|(_, _, server)| server.id == id && !server.ending);
        let registered = others.filter(|(_, _, server)| server.follow.links().next().is_some());
        let newest = registered.map(|(_, _, server)| server.incarnation).max();
        self.core.judge.spawned(&id, incarnation, newest);
        self.core.trace(|| format!("server {id} starts as {node}, incarnation {incarnation}"));
        let n = self.ids.iter().position(|known| *known == id).unwrap_or_default();
        let port = 6_000 + u16::try_from(n).unwrap_or_default();
        *self.core.ports.entry(port).or_default() += 1;
        let server =
            Server::new(&mut self.core, (node, life), (id.clone(), port), incarnation, agent, &self.masters);
        self.insert(node, life, Body::Server(Box::new(server)));
        self.core.judge.server_changed(self.core.now);
        if let Some(Proc { body: Body::Agent(agent), .. }) = self.procs.get_mut(&agent) {
            agent.started(&mut self.core, node, id, incarnation);
        }
    }

    fn end(&mut self, node: Node, life: Life, fault: bool) {
        let Some(proc) = self.procs.get(&node).filter(|proc| proc.life == life) else { return };
        self.core.trace(|| format!("process {node} life {life} ends{}", if fault { ", killed" } else { "" }));
        let parent = match &proc.body {
            Body::Server(server) => {
                self.core.judge.ended((node, life), fault, self.core.now);
                if let Some(count) = self.core.ports.get_mut(&server.port) {
                    *count -= 1;
                }
                Some(server.agent)
            }
            Body::Master(_) => Some(GUARDIANS + node),
            _ => None,
        };
        self.procs.remove(&node);
        self.core.net.alive.remove(&node);
        self.core.process_gone(node, life);
        // A parent knows at once, and only of its child's end.
        if let Some((parent, life)) = parent.and_then(|parent| Some((parent, self.procs.get(&parent)?.life)))
        {
            let soon = self.core.rng.u64(100..2 * MS);
            self.core.after(soon, Ev::To(parent, life, What::Child(node)));
        }
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = (Node, Life, &Server)> {
        self.procs.iter().filter_map(|(node, proc)| match &proc.body {
            Body::Server(server) => Some((*node, proc.life, &**server)),
            _ => None,
        })
    }

    pub(super) fn living_masters(&self) -> impl Iterator<Item = (Node, &Proc, &Master)> {
        self.procs.iter().filter_map(|(node, proc)| match &proc.body {
            Body::Master(master) => Some((*node, proc, &**master)),
            _ => None,
        })
    }

    /// The master that leads, in the highest epoch if several believe so.
    fn leader(&self) -> Option<Node> {
        let leads = |(node, _, master): (Node, &Proc, &Master)| Some((master.control().leads_in()?, node));
        self.living_masters().filter_map(leads).max().map(|(_, node)| node)
    }

    fn resolve(&mut self, target: Target) -> Option<Node> {
        if let Some(node) = target.fixed() {
            return Some(node);
        }
        let leader = self.leader();
        if target == Target::Leader {
            return leader;
        }
        let others: Vec<_> = self.masters.iter().copied().filter(|master| Some(*master) != leader).collect();
        self.core.rng.choice(&others).copied()
    }

    fn fault(&mut self, fault: Fault) {
        self.core.trace(|| format!("FAULT {fault:?}"));
        match fault {
            Fault::Crash(target) => self.on_process(target, |world, node, life| {
                world.end(node, life, true);
                world.start_later(node);
            }),
            Fault::Terminate(target) => self.on_process(target, |world, node, life| {
                world.core.at(world.core.now, Ev::To(node, life, What::Terminate));
                world.start_later(node);
            }),
            Fault::Start(_) if self.dark => {}
            Fault::Start(node) if self.procs.contains_key(&node) => self.start_later(node),
            Fault::Start(node) => self.start_master(node),
            Fault::Freeze(target) => self.on_process(target, |world, node, _| {
                world.freeze(node, true);
                let pause = match world.core.rng.u32(..3) {
                    0 => world.core.rng.u64(10 * MS..900 * MS),
                    _ => world.core.rng.u64(500 * MS..7 * SECOND),
                };
                world.core.after(pause, Ev::Fault(Fault::Thaw(node)));
            }),
            Fault::Thaw(node) => self.freeze(node, false),
            Fault::Cut(ways) => {
                let mut known = BTreeMap::new();
                for (from, to) in ways {
                    let mut one = |world: &mut Self, target: Target| {
                        let found =
                            *known.entry(format!("{target:?}")).or_insert_with(|| world.resolve(target));
                        found
                    };
                    if let (Some(from), Some(to)) = (one(self, from), one(self, to)) {
                        self.core.trace(|| format!("cut from {from} to {to}"));
                        self.core.net.cut(from, to);
                    }
                }
            }
            Fault::Mend => self.core.net.mend_all(),
            Fault::Reset(target) => {
                if let Some(node) = self.resolve(target) {
                    let all = self.core.rng.bool();
                    for conn in self.core.net.open_conns() {
                        if self.core.net.has(conn, node) && (all || self.core.rng.bool()) {
                            self.core.reset(conn);
                        }
                    }
                }
            }
            Fault::ResetStore(target) => {
                if let Some(node) = self.resolve(target) {
                    self.core.store_reset(node);
                }
            }
            Fault::StoreAway => self.core.store_up(false),
            Fault::StoreBack => self.core.store_up(true),
            Fault::Expire(target) => {
                if let Some(node) = self.resolve(target) {
                    self.core.expire_of(node);
                }
            }
            Fault::RemovePlace => {
                let names: Vec<_> = self.core.store.head().places.iter().map(|p| p.name.clone()).collect();
                if let Some(name) = self.core.rng.choice(&names).cloned() {
                    self.core.store_remove(&name);
                }
            }
            Fault::RemoveFirst => {
                let first = self.core.store.head().places.iter().min_by_key(|place| place.sequence);
                if let Some(name) = first.map(|place| place.name.clone()) {
                    self.core.store_remove(&name);
                }
            }
            Fault::Dark => {
                self.dark = true;
                for node in self.masters.clone() {
                    if let Some(life) = self.procs.get(&node).map(|proc| proc.life) {
                        self.end(node, life, true);
                    }
                }
            }
            Fault::CrashServer => {
                let all: Vec<_> = self.servers().map(|(node, life, _)| (node, life)).collect();
                if let Some((node, life)) = self.core.rng.choice(&all).copied() {
                    self.end(node, life, true);
                }
            }
            Fault::StartServer => {
                let n = self.core.rng.usize(..self.ids.len());
                let agent = self.agent_of(n);
                if let Some(life) = self.procs.get(&agent).map(|proc| proc.life) {
                    let want = What::Want(self.ids[n].clone());
                    self.core.at(self.core.now, Ev::To(agent, life, want));
                }
            }
        }
    }

    fn on_process(&mut self, target: Target, what: impl FnOnce(&mut Self, Node, Life)) {
        if let Some(node) = self.resolve(target)
            && let Some(proc) = self.procs.get(&node)
        {
            let life = proc.life;
            what(self, node, life);
        }
    }

    fn start_later(&mut self, node: Node) {
        let pause = match self.core.rng.u32(..3) {
            0 => self.core.rng.u64(MS..300 * MS),
            1 => self.core.rng.u64(300 * MS..5 * SECOND),
            _ => self.core.rng.u64(2 * SECOND..30 * SECOND),
        };
        self.core.after(pause, Ev::Fault(Fault::Start(node)));
    }

    fn freeze(&mut self, node: Node, frozen: bool) {
        let Some(proc) = self.procs.get_mut(&node) else { return };
        proc.frozen = frozen;
        let life = proc.life;
        self.core.net.alive.insert(node, (life, !frozen));
        if !frozen {
            for what in std::mem::take(&mut proc.deferred) {
                self.core.at(self.core.now, Ev::To(node, life, what));
            }
        }
    }

    /// No more faults: everybody lives, every line is whole.
    fn mend(&mut self) {
        self.dark = false;
        for proc in self.procs.values_mut() {
            if let Body::Client(client) = &mut proc.body {
                client.wants_no_more();
            }
        }
        self.core.trace(|| "no more faults".to_owned());
        self.core.forget_faults();
        self.core.net.mend_all();
        self.core.store_up(true);
        for node in self.procs.keys().copied().collect::<Vec<_>>() {
            self.freeze(node, false);
        }
        for node in self.masters.clone() {
            self.start_master(node);
        }
    }

    /// One master leads, everybody follows it, and it lists who is there.
    fn is_well(&mut self) -> Result<(), String> {
        let epoch = self.core.store.head().epoch;
        for master in self.masters.clone() {
            self.start_master(master); // one that ended on its own wish
        }
        let leaders: Vec<_> = self
            .living_masters()
            .filter_map(|(node, _, master)| Some((node, master.control().leads_in()?)))
            .collect();
        let [(leader, leads_in)] = leaders[..] else {
            let roles: Vec<_> = self.living_masters().map(|(n, _, m)| format!("{n}: {}", m.role())).collect();
            return Err(format!("{} masters lead: {leaders:?}, they are {roles:?}", leaders.len()));
        };
        if leads_in != epoch {
            return Err(format!("{leader} leads in epoch {leads_in}, the last one is {epoch}"));
        }
        for proc in self.procs.values() {
            match &proc.body {
                Body::Agent(agent) if !agent.is_quiet() => return Err("an agent still waits".to_owned()),
                Body::Client(client) => {
                    if let Some(op) = client.waits_for() {
                        return Err(format!("a tool still waits for {op}"));
                    }
                }
                _ => {}
            }
        }
        let mut ids: Vec<_> = self.servers().map(|(_, _, server)| &server.id).collect();
        ids.sort();
        if let Some(two) = ids.windows(2).find(|two| two[0] == two[1]) {
            return Err(format!("two processes are server {}", two[0]));
        }
        let living: BTreeMap<_, _> = self
            .servers()
            .filter(|(_, _, server)| !server.ending)
            .map(|(_, _, server)| (server.id.clone(), Some(server.incarnation)))
            .collect();
        for (node, proc, master) in self.living_masters() {
            if !self.core.store.queues(node, proc.life) {
                return Err(format!("master {node} is {} and not in the queue", master.role()));
            }
            let list = master.control().lists();
            if list != living {
                return Err(format!("master {node} lists {list:?}, there are {living:?}"));
            }
            if node != leader && !matches!(master.role(), Role::Standby { .. }) {
                return Err(format!("master {node} is {}", master.role()));
            }
        }
        for (_, _, server) in self.servers().filter(|(_, _, server)| !server.ending) {
            let follows = server.leader().map(|leader| leader.epoch);
            if follows != Some(epoch) || server.follow.link(leader).is_none() {
                return Err(format!("server {} follows epoch {follows:?}, not {epoch}", server.id));
            }
            let view = server.follow.state.view();
            let list: BTreeMap<_, _> =
                view.servers.values().map(|info| (info.id.clone(), info.incarnation)).collect();
            if list != living {
                return Err(format!("server {} knows {list:?}, there are {living:?}", server.id));
            }
        }
        Ok(())
    }
}
