//! All processes of one schedule, and what happens to them: events are taken from the queue in their order, faults are carried
//! out, rules are checked after each step, and at the end everything is mended and must become well.

mod closing;
mod mishaps;
mod well;

use std::collections::BTreeMap;

use pomelo_cluster::{election::Role, membership::Version};
use pomelo_protocol::ServerId;

use super::{
    agent::Agent,
    client::Client,
    core::{
        AGENTS, CLIENTS, Core, Ev, GUARDIANS, Life, MS, Micros, Node, SECOND, SERVERS, START_US, STORE,
        Spawn, Timer, What,
    },
    faults,
    flaws::Flaw,
    guardian::Guardian,
    judge::{Broken, Rule},
    master::Master,
    server::Server,
};

const SWEEP: Micros = 100 * MS;
/// Within this time after the last fault all must be well.
const SETTLE_MAX: Micros = 15 * SECOND;
/// Or within this, if an agent died with a claim or an order, which last 15 and 30 s, or if everything was ended, which takes as long;
/// one may come after the other.
const SETTLE_MAX_LONG: Micros = 50 * SECOND;
/// And must stay so.
const SETTLED: Micros = 1_500 * MS;
/// How often it is looked whether all is well.
const LOOK: Micros = 250 * MS;
/// Events of one schedule; more are a storm.
const EVENTS_MAX: usize = 400_000;

/// Which life of which server.
type List = BTreeMap<ServerId, Option<u64>>;

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
    /// What each leader listed last: its life, the version, and which life of which server.
    lists: BTreeMap<Node, (Life, Version, List)>,
    agents: usize,
    next_life: Life,
    lasts: Micros,
    events: usize,
    /// No master is started any more before everything is mended.
    dark: bool,
    /// Whether everything is ended when all is well; and whether it is being ended for good.
    closes: bool,
    closing: bool,
    /// What was granted to an agent that died, or ordered of it, is nobody's for a while.
    agent_died: bool,
    /// The last life of each server that an agent was granted.
    granted: BTreeMap<ServerId, u64>,
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
            lists: BTreeMap::new(),
            agents: 0,
            next_life: 1,
            lasts: 0,
            events: 0,
            dark: false,
            closes: false,
            closing: false,
            agent_died: false,
            granted: BTreeMap::new(),
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
        world.closes = world.core.chance(15);
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
        let long = self.agent_died || self.core.judge.any_whole();
        let settle_max = if long { SETTLE_MAX_LONG } else { SETTLE_MAX };
        let (until, mut well_since) = (self.core.now + settle_max, None);
        loop {
            self.run_until(self.core.now + LOOK)?;
            match self.is_well() {
                Ok(()) => {
                    let since = *well_since.get_or_insert(self.core.now);
                    if self.core.now - since >= SETTLED {
                        return if self.closes { self.close() } else { Ok(()) };
                    }
                }
                Err(broken) if self.core.now >= until => return Err(broken),
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
                    self.core.judge.claims((node, life), epoch, self.core.now);
                    self.watch_list(node);
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
        let member = matches!(body, Body::Master(_) | Body::Server(_));
        self.core.judge.began(life, member, self.core.now);
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

    /// Somebody says `pomelo start` on a machine of servers.
    fn start_agent(&mut self, node: Node) {
        if self.procs.contains_key(&node) {
            return;
        }
        let life = self.life();
        self.core.trace(|| format!("agent {node} starts, life {life}"));
        let agents = self.agents;
        let mine = |(n, id): (usize, &ServerId)| (AGENTS + n % agents == node).then(|| id.clone());
        let known = self.ids.iter().enumerate().filter_map(mine).collect();
        let agent = Agent::new(&mut self.core, (node, life), known, &self.masters);
        self.insert(node, life, Body::Agent(Box::new(agent)));
        if self.core.is(Flaw::A2OldGrants) {
            let its = |id: &ServerId| self.ids.iter().position(|known| known == id).map(|n| self.agent_of(n));
            let granted: Vec<_> = self
                .granted
                .iter()
                .filter(|(id, _)| its(id) == Some(node))
                .map(|(id, i)| (id.clone(), *i))
                .collect();
            for (id, incarnation) in granted {
                self.core.spawns.push(Spawn { agent: node, id, incarnation: Some(incarnation) });
            }
        }
    }

    /// Each server is on one machine.
    fn agent_of(&self, server: usize) -> Node {
        AGENTS + server % self.agents
    }

    fn spawn(&mut self, Spawn { agent, id, incarnation }: Spawn) {
        let life = self.life();
        let others = self.servers().filter(|(_, _, server)| server.id == id && !server.ending);
        let registered = others.filter(|(_, _, server)| server.follow.links().next().is_some());
        let newest = registered.map(|(_, _, server)| server.incarnation).max();
        self.core.judge.spawned(&id, incarnation, newest);
        if let Some(incarnation) = incarnation {
            self.granted.insert(id.clone(), incarnation);
        }
        let incarnation = incarnation.unwrap_or(START_US + self.core.now);
        let node = SERVERS * (agent - AGENTS + 1) + usize::try_from(life).unwrap_or_default();
        self.core.trace(|| format!("server {id} starts as {node}, incarnation {incarnation}"));
        let n = self.ids.iter().position(|known| *known == id).unwrap_or_default();
        let port = 6_000 + u16::try_from(n).unwrap_or_default();
        let listening = self.core.ports.entry(port).or_default();
        let taken = *listening > 0;
        if !taken {
            *listening += 1;
            let at = (node, life);
            let server =
                Server::new(&mut self.core, at, (id.clone(), port), incarnation, agent, &self.masters);
            self.insert(node, life, Body::Server(Box::new(server)));
            self.core.judge.server_changed(self.core.now);
        }
        let Some(Proc { life, body: Body::Agent(its), .. }) = self.procs.get_mut(&agent) else { return };
        let life = *life;
        its.started(&mut self.core, node, id, incarnation);
        if taken {
            // Its port is the first thing that a server wants, and another process has it.
            self.core.judge.count("port taken");
            let soon = self.core.rng.u64(MS..20 * MS);
            self.core.after(soon, Ev::To(agent, life, What::Child { node, well: false }));
        }
    }

    fn end(&mut self, node: Node, life: Life, fault: bool) {
        let Some(proc) = self.procs.get(&node).filter(|proc| proc.life == life) else { return };
        self.core.trace(|| format!("process {node} life {life} ends{}", if fault { ", killed" } else { "" }));
        let mut well = !fault;
        let parent = match &proc.body {
            Body::Server(server) => {
                self.core.judge.ended((node, life), fault, self.core.now);
                if let Some(count) = self.core.ports.get_mut(&server.port) {
                    *count -= 1;
                }
                Some(server.agent)
            }
            Body::Master(master) => {
                // A guardian's child that it has killed did not end by itself.
                well &= master.is_exiting();
                Some(GUARDIANS + node)
            }
            Body::Agent(_) => {
                if fault {
                    self.core.judge.count("agent killed");
                    self.agent_died = true;
                }
                if self.core.is(Flaw::A1EndsWithItsAgent) {
                    let its = self.servers().filter(|(_, _, server)| server.agent == node);
                    let its: Vec<_> = its.map(|(node, life, _)| (node, life)).collect();
                    self.core.ends.extend(its);
                }
                None
            }
            _ => None,
        };
        let again = match &proc.body {
            // Who says `pomelo stop` says `pomelo start` some time later.
            Body::Master(_) => well,
            Body::Agent(_) => !fault,
            _ => false,
        };
        if again {
            self.start_later(node);
        }
        self.procs.remove(&node);
        self.core.judge.is_gone(life);
        self.core.net.alive.remove(&node);
        self.core.process_gone(node, life);
        // A parent knows at once, and only of its child's end.
        if let Some((parent, life)) = parent.and_then(|parent| Some((parent, self.procs.get(&parent)?.life)))
        {
            let soon = self.core.rng.u64(100..2 * MS);
            self.core.after(soon, Ev::To(parent, life, What::Child { node, well }));
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
        let mut nodes = Vec::new();
        nodes.extend(self.procs.keys().copied());
        for node in nodes {
            self.freeze(node, false);
        }
        self.start_all();
    }

    /// What has died, or has ended because somebody wished so, is started again.
    fn start_all(&mut self) {
        for node in self.masters.clone() {
            self.start_master(node);
        }
        for agent in 0..self.agents {
            self.start_agent(AGENTS + agent);
        }
    }
}
