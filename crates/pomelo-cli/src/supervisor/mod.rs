//! The process that `pomelo start` and `pomelo masterha` leave running: it started its children, shows how they fare, and
//! is the agent of its machine for the active master.
//!
//! Masters it starts by itself; they stand for election. Servers it starts when the active master says that they do not
//! run yet, so that nothing is started twice after a failover. It ends its children when the active master says so, or
//! when it gets a signal; when it is killed itself, they go on.
//!
//! One task owns all of this. Not here: how a process is started and what its output looks like ([`child`]), what a
//! command asks for ([`plan`]), going to the background ([`daemon`]).

pub mod child;
pub mod daemon;
pub mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Result, bail};
use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    config::{Environment, MasterEntry},
    coordinator::MasterAddr,
    follow::{FollowError, Follower, FollowerConfig, Identity, Leader, LinkState, Order},
};
use pomelo_protocol::{ServerId, ServerInfo, admin::MasterRole};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until},
};

pub use self::plan::Plan;
use self::{
    child::{Child, Ended, Role},
    daemon::Detach,
};
use crate::{game::Game, say, style::Style};

/// How long children that were told to end by the master may take before they get SIGTERM.
const REMIND: Duration = Duration::from_secs(5);

/// How long children may take to end before they get SIGKILL.
const GRACE: Duration = Duration::from_secs(10);

/// Pause before the active master is asked again for what it did not agree to start.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// After this long without being ready it is said what is waited for, and again each time twice as long has passed.
const EXPLAIN: Duration = Duration::from_secs(5);

/// How long a port is given to answer whether a master runs there already.
const PROBE: Duration = Duration::from_secs(2);

/// Ends of children not yet read by the supervisor.
const ENDS_MAX: usize = 64;

/// Starts what the plan says and stays with it until nothing of it runs any more.
pub async fn run(game: Game, plan: Plan, detach: Option<Detach>) -> Result<()> {
    let plan = without_running_masters(plan).await;
    let environment = &game.environment;
    let config =
        FollowerConfig::new(identity(environment), environment.candidates.iter().map(MasterEntry::addr));
    let (follower, orders) = Follower::start(config.token(environment.peer_token()));
    let (tell_end, ends) = mpsc::channel(ENDS_MAX);
    let now = Instant::now();
    let mut supervisor = Supervisor {
        masters: plan.masters.iter().map(MasterEntry::addr).collect(),
        wanted: plan.servers.iter().map(|info| info.id.clone()).collect(),
        pending: plan.servers.into_iter().map(|info| (info.id.clone(), info)).collect(),
        game,
        follower,
        children: Vec::new(),
        spawned: 0,
        tell_end,
        started: now,
        phase: Phase::Starting,
        explain_at: now + EXPLAIN,
        asking: None,
        ask_at: now,
        leader: None,
        detach,
    };
    for master in &plan.masters {
        supervisor.spawn(Role::master(master, &supervisor.game.environment.name))?;
    }
    supervisor.run(orders, ends).await
}

/// Masters that run already are left alone: after a failover the same command brings back only what is dead.
async fn without_running_masters(mut plan: Plan) -> Plan {
    let mut dead = Vec::new();
    for master in plan.masters {
        match AdminClient::connect(&master.addr(), "", "", PROBE).await {
            // Nobody listens there, or somebody who is no master: then the child will say who has its port.
            Err(AdminError::Connect { .. } | AdminError::NotAMaster { .. } | AdminError::Timeout { .. }) => {
                dead.push(master);
            }
            // A master answers, if only to say that it does not know us.
            _ => say(format_args!("master {} runs already", master.addr())),
        }
    }
    plan.masters = dead;
    plan
}

fn identity(environment: &Environment) -> Identity {
    let pid = std::process::id();
    let host = environment.master.host.clone();
    Identity::Agent { id: format!("agent-{host}-{pid}"), host, pid }
}

/// Where it is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Something of the plan does not run yet.
    Starting,
    /// Everything runs, or did.
    Watching,
    /// The children are to end; those that still run then are reminded or killed.
    Ending { remind_at: Option<Instant>, kill_at: Instant },
}

type Asking = Pin<Box<dyn Future<Output = Result<Value, FollowError>> + Send>>;

struct Supervisor {
    game: Game,
    follower: Follower,
    children: Vec<Child>,
    /// How many were started so far, to give each its colour.
    spawned: usize,
    tell_end: mpsc::Sender<Ended>,
    /// Masters of the plan.
    masters: BTreeSet<MasterAddr>,
    /// Servers of the plan.
    wanted: BTreeSet<ServerId>,
    /// Those among them that no master has agreed to start yet.
    pending: BTreeMap<ServerId, ServerInfo>,
    started: Instant,
    phase: Phase,
    explain_at: Instant,
    /// The question to the active master that is under way.
    asking: Option<Asking>,
    ask_at: Instant,
    leader: Option<Leader>,
    detach: Option<Detach>,
}

impl Supervisor {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut ends: mpsc::Receiver<Ended>) -> Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut leader = self.follower.linked_leader();
        let mut view = self.follower.view();
        let mut links = self.follower.links();
        let mut failed = None;
        while !self.children.is_empty() || (self.phase == Phase::Starting && !self.pending.is_empty()) {
            self.ask();
            self.check_ready()?;
            let timer = self.timer();
            tokio::select! {
                Some(ended) = ends.recv() => failed = failed.or(self.ended(&ended)),
                Some(order) = orders.recv() => self.obey(order),
                Ok(()) = leader.changed() => {
                    let leader = leader.borrow_and_update().clone();
                    self.led_by(leader);
                }
                Ok(()) = view.changed() => {}
                Ok(()) = links.changed() => {}
                answer = answered(&mut self.asking) => self.start_agreed(answer)?,
                _ = interrupt.recv() => self.end("interrupted", None),
                _ = terminate.recv() => self.end("told to end", None),
                () = sleep_until(timer) => self.tick(),
            }
        }
        self.follower.shutdown().await;
        match (failed, self.phase) {
            (Some(child), _) => bail!("{child} could not be started"),
            (None, Phase::Starting) => say("ready: everything that was asked for runs already"),
            (None, _) => say("nothing of what was started here runs any more"),
        }
        Ok(())
    }

    /// Asks the active master which of the pending servers do not run yet.
    fn ask(&mut self) {
        let due = self.ask_at <= Instant::now() && self.follower.linked_leader().borrow().is_some();
        if self.phase != Phase::Starting || self.pending.is_empty() || self.asking.is_some() || !due {
            return;
        }
        let follower = self.follower.clone();
        let ids: Vec<ServerId> = self.pending.keys().cloned().collect();
        self.asking = Some(Box::pin(async move {
            follower.request("__console__", json!({ "signal": "start", "servers": ids })).await
        }));
    }

    /// Starts what the master agreed to, and forgets what runs elsewhere.
    fn start_agreed(&mut self, answer: Result<Value, FollowError>) -> Result<()> {
        self.asking = None;
        self.ask_at = Instant::now() + ASK_AGAIN;
        let Ok(answer) = answer else { return Ok(()) }; // another master may lead by the next time
        let named = |field: &str| -> Vec<ServerId> {
            let ids = answer[field].as_array().map_or(&[][..], Vec::as_slice);
            ids.iter().filter_map(|id| id.as_str()?.parse().ok()).collect()
        };
        for id in named("running") {
            if self.pending.remove(&id).is_some() {
                say(format_args!("{id} runs already"));
            }
        }
        for id in named("spawn") {
            let Some(info) = self.pending.remove(&id) else { continue };
            let options = self.game.environment.options_of(&id);
            self.spawn(Role::server(&info, &options, &self.game.environment.name))?;
        }
        Ok(())
    }

    fn spawn(&mut self, role: Role) -> Result<()> {
        let (child, mut process) = Child::spawn(&self.game, role, self.spawned)?;
        self.spawned += 1;
        let (pid, tell) = (child.pid, self.tell_end.clone());
        tokio::spawn(async move {
            let status = process.wait().await;
            let _ = tell.send(Ended { pid, status }).await;
        });
        self.children.push(child);
        Ok(())
    }

    /// Takes note of the end of a child. One that ends by itself before everything runs has failed, and with it the start:
    /// the name of the first such child is returned, and the others are ended.
    fn ended(&mut self, ended: &Ended) -> Option<String> {
        let at = self.children.iter().position(|child| child.pid == ended.pid)?;
        let child = self.children.swap_remove(at);
        let well = ended.status.as_ref().is_ok_and(ExitStatus::success);
        if matches!(self.phase, Phase::Ending { .. }) && well {
            return None;
        }
        say(child.obituary(&ended.status));
        if self.phase != Phase::Starting || well {
            return None;
        }
        self.end("not everything could be started", None);
        Some(child.role.label)
    }

    /// Does what the active master asks of an agent.
    fn obey(&mut self, order: Order) {
        let signal = order.body["signal"].as_str().unwrap_or_default();
        match (order.module_id.as_str(), signal) {
            // The servers and masters have their own orders; they are helped along only if they do not leave.
            ("__console__", "stop") => self.end("stopped by the master", Some(REMIND)),
            ("__console__", "kill") => {
                self.end("killed by the master", Some(REMIND));
                // Not the masters: they end themselves once they have told everybody.
                for child in self.children.iter().filter(|child| !child.role.is_master) {
                    child.signal(Signal::KILL);
                }
            }
            _ => {
                if let Some(reply) = order.reply {
                    reply.fail(format!("an agent can't {} {signal}", order.module_id));
                }
                return;
            }
        }
        if let Some(reply) = order.reply {
            reply.ok(Value::Null);
        }
    }

    /// Ends the children: with SIGTERM at once or after a while, with SIGKILL after [`GRACE`]. A second time: at once.
    fn end(&mut self, why: &str, remind_after: Option<Duration>) {
        if let Phase::Ending { .. } = self.phase {
            if remind_after.is_none() {
                self.signal(Signal::KILL);
            }
            return;
        }
        say(format_args!("{why}: ending {} processes", self.children.len()));
        let now = Instant::now();
        self.phase = Phase::Ending { remind_at: remind_after.map(|after| now + after), kill_at: now + GRACE };
        if remind_after.is_none() {
            self.signal(Signal::TERM);
        }
    }

    fn signal(&self, signal: Signal) {
        for child in &self.children {
            child.signal(signal);
        }
    }

    /// Says so when another master leads than before.
    fn led_by(&mut self, leader: Option<Leader>) {
        let Some(leader) = leader else {
            if let (Some(last), false) = (&self.leader, matches!(self.phase, Phase::Ending { .. })) {
                say(format_args!("no link to the active master {}; servers go on without one", last.addr));
            }
            return;
        };
        if self.leader.as_ref().is_some_and(|last| last.epoch < leader.epoch) {
            let MasterAddr { host, port } = &leader.addr;
            say(format_args!("server host: {host}, port: {port} now is promoted to master!"));
        }
        self.leader = Some(leader);
    }

    /// Says once that everything of the plan runs, and lets go of the terminal if that was asked for.
    fn check_ready(&mut self) -> Result<()> {
        if self.phase != Phase::Starting || !self.pending.is_empty() || !self.missing().is_empty() {
            return Ok(());
        }
        self.phase = Phase::Watching;
        let mut what: Vec<String> = self.masters.iter().map(|addr| self.describe(addr)).collect();
        if !self.wanted.is_empty() {
            what.push(format!("{} servers", self.wanted.len()));
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let style = Style::for_stdout();
        say(style.green(format!("ready: {} in {seconds:.1} s", what.join(", "))));
        if !self.game.is_development() {
            say(format_args!("output goes to {}", self.game.logs().display()));
        }
        match self.detach.take() {
            Some(detach) => detach.finish(),
            None => Ok(()),
        }
    }

    /// What of the plan is not there yet, in words.
    fn missing(&self) -> Vec<String> {
        let (view, links) = (self.follower.view(), self.follower.links());
        let (view, links) = (view.borrow(), links.borrow());
        let elected = |role| matches!(role, Some(MasterRole::Active | MasterRole::Standby));
        let masters = self.masters.iter().filter_map(|addr| match links.get(addr) {
            Some(link) if link.up && elected(link.role) => None,
            Some(LinkState { up: true, coordinator, .. }) => {
                Some(format!("master {addr} (it waits for its coordinator: {coordinator})"))
            }
            Some(LinkState { why: Some(why), .. }) => Some(format!("master {addr} ({why})")),
            _ => Some(format!("master {addr}")),
        });
        let servers =
            self.wanted.iter().filter(|id| !view.servers.contains_key(*id)).map(ToString::to_string);
        let leaderless = (self.follower.linked_leader().borrow().is_none() && !self.wanted.is_empty())
            .then(|| "an active master".to_owned());
        masters.chain(leaderless).chain(servers).collect()
    }

    fn describe(&self, addr: &MasterAddr) -> String {
        let links = self.follower.links();
        match links.borrow().get(addr).and_then(|link| link.role) {
            Some(role) => format!("{} master {addr}", role.as_str()),
            None => format!("master {addr}"),
        }
    }

    /// When something is due next.
    fn timer(&self) -> Instant {
        let far = Instant::now() + GRACE;
        match self.phase {
            Phase::Starting if self.pending.is_empty() || self.ask_at <= Instant::now() => self.explain_at,
            Phase::Starting => self.explain_at.min(self.ask_at),
            Phase::Watching => far,
            Phase::Ending { remind_at, kill_at } => remind_at.unwrap_or(kill_at).min(kill_at),
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        match &mut self.phase {
            Phase::Starting if self.explain_at <= now => {
                say(format_args!("waiting for {}", self.missing().join(", ")));
                self.explain_at = now + (now - self.started);
            }
            Phase::Starting | Phase::Watching => {}
            Phase::Ending { remind_at, kill_at } => {
                let (remind, kill) = (remind_at.is_some_and(|at| at <= now), *kill_at <= now);
                *remind_at = remind_at.filter(|_| !remind);
                if kill {
                    *kill_at = now + GRACE;
                    for child in &self.children {
                        say(format_args!(
                            "{} (pid {}) does not end; killing it",
                            child.role.label, child.pid
                        ));
                    }
                    self.signal(Signal::KILL);
                } else if remind {
                    self.signal(Signal::TERM);
                }
            }
        }
    }
}

/// The answer to the question that is under way; never, if there is none.
async fn answered(asking: &mut Option<Asking>) -> Result<Value, FollowError> {
    match asking {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}
