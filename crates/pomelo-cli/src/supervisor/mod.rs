//! The process that `pomelo start` and `pomelo masterha` leave running: it started its children, shows how they fare, is the
//! guardian of its masters and the agent of its machine for the active master.
//!
//! Masters it starts by itself; they stand for election. Servers it starts when the active master says that they do not
//! run yet, so that nothing is started twice after a failover. It ends its children when the active master says so, or
//! when it gets a signal; when it is killed itself, they go on.
//!
//! One task owns all of this but the masters: each of those has a task of its own ([`guard`]), because their deaths can't wait.
//! Not here: what is decided about servers ([`agent`]), how a process is started and what its output looks like ([`child`]),
//! what a command asks for ([`plan`]), when everything runs ([`ready`]), going to the background ([`daemon`]).

mod agent;
mod chance;
pub mod child;
pub mod daemon;
mod guard;
mod pipe;
pub mod plan;
mod ready;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    pin::Pin,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Error, Result, anyhow};
use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    config::{Environment, MasterEntry},
    coordinator::MasterAddr,
    follow::{FollowError, Follower, FollowerConfig, Identity, Leader, Order, Reply},
    memory,
    messages::{CLUSTER, Said},
};
use pomelo_protocol::{ServerId, ServerInfo};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

pub use self::plan::Plan;
use self::{
    agent::{Agent, Do, Ticket},
    child::{Child, Ended, Kind, Role, ended_well},
    daemon::Detach,
    guard::{Guardian, SharedGuard, Surroundings},
};
use crate::{game::Game, say};

/// How long children that were told to end by the master may take before they get SIGTERM.
const REMIND: Duration = Duration::from_secs(5);

/// How long children may take to end before they get SIGKILL.
const GRACE: Duration = Duration::from_secs(10);

/// After this long without being ready it is said what is waited for, and again each time twice as long has passed.
const EXPLAIN: Duration = Duration::from_secs(5);

/// How long a port is given to answer whether a master runs there already.
const PROBE: Duration = Duration::from_secs(2);

/// News of children not yet read by the supervisor; then those who tell them wait.
const NEWS_MAX: usize = 64;

/// Starts what the plan says and stays with it until nothing of it runs any more.
pub async fn run(game: Game, plan: Plan, detach: Option<Detach>) -> Result<()> {
    let plan = without_running_masters(plan).await;
    let game = Arc::new(game);
    let environment = &game.environment;
    let config =
        FollowerConfig::new(identity(environment), environment.candidates.iter().map(MasterEntry::addr));
    let memory = memory::folder(&game.dir, &environment.name);
    let config = config.token(environment.peer_token()).memory(Some(memory));
    let (follower, orders) = Follower::start(config);
    let (tell, news) = mpsc::channel(NEWS_MAX);
    let (ending, end) = watch::channel(false);
    let known =
        environment.servers.iter().map(|info| (info.clone(), environment.options_of(&info.id).auto_restart));
    let mut agent = Agent::new(known, GRACE);
    let now = Instant::now();
    agent.want(plan.servers.iter().map(|info| info.id.clone()), now.into_std());
    let around = Surroundings {
        game: Arc::clone(&game),
        guard: SharedGuard::default(),
        tell: tell.clone(),
        ending: end,
        links: follower.links(),
    };
    let mut guards = JoinSet::new();
    for (hue, master) in plan.masters.iter().enumerate() {
        guards.spawn(Guardian::new(around.clone(), master.clone(), hue).run());
    }
    let supervisor = Supervisor {
        masters: plan.masters.iter().map(MasterEntry::addr).collect(),
        wanted: plan.servers.into_iter().map(|info| info.id).collect(),
        game,
        follower,
        agent,
        guards,
        children: Vec::new(),
        spawned: plan.masters.len(),
        tell,
        ending,
        started: now,
        phase: Phase::Starting,
        explain_at: now + EXPLAIN,
        failed: None,
        asking: None,
        leader: None,
        tickets: 0,
        kept: None,
        replies: BTreeMap::new(),
        detach,
    };
    supervisor.run(orders, news).await
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

/// What the supervisor is told about its children.
#[derive(Debug)]
enum News {
    /// One runs.
    Started(Child),
    /// One could not be started.
    NotStarted(Error),
    /// One has ended.
    Ended(Ended),
    /// Something for the person at the terminal.
    Said(String),
}

struct Supervisor {
    game: Arc<Game>,
    follower: Follower,
    agent: Agent,
    /// One for each master of the plan that is not dead for good.
    guards: JoinSet<()>,
    children: Vec<Child>,
    /// How many were started so far, to give each its colour.
    spawned: usize,
    tell: mpsc::Sender<News>,
    /// Tells the guardians that everything is to end.
    ending: watch::Sender<bool>,
    /// Masters of the plan.
    masters: BTreeSet<MasterAddr>,
    /// Servers of the plan.
    wanted: BTreeSet<ServerId>,
    started: Instant,
    phase: Phase,
    explain_at: Instant,
    /// Why the start failed.
    failed: Option<Error>,
    /// The question to the active master that is under way.
    asking: Option<Asking>,
    leader: Option<Leader>,
    tickets: Ticket,
    /// Servers that the masters were told are kept here.
    kept: Option<BTreeSet<ServerId>>,
    /// Orders that are being carried out.
    replies: BTreeMap<Ticket, Reply>,
    detach: Option<Detach>,
}

impl Supervisor {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut news: mpsc::Receiver<News>) -> Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut leader = self.follower.linked_leader();
        let mut view = self.follower.view();
        let mut links = self.follower.links();
        while self.has_work() {
            self.ask();
            self.tell_kept();
            self.check_ready()?;
            let timer = self.timer();
            tokio::select! {
                Some(news) = news.recv() => self.take(news),
                Some(order) = orders.recv() => self.obey(order),
                Ok(()) = leader.changed() => {
                    let leader = leader.borrow_and_update().clone();
                    self.led_by(leader);
                }
                Ok(()) = view.changed() => {}
                // A master that is linked again has to be told.
                Ok(()) = links.changed() => self.kept = None,
                // A guardian ends when its master is dead for good and its place is free.
                Some(_) = self.guards.join_next() => {}
                answer = answered(&mut self.asking) => self.take_answer(answer),
                _ = interrupt.recv() => self.end("interrupted", None),
                _ = terminate.recv() => self.end("told to end", None),
                () = sleep_until(timer) => self.tick(),
            }
        }
        while let Ok(news) = news.try_recv() {
            self.take(news);
        }
        self.follower.shutdown().await;
        match (self.failed, self.phase) {
            (Some(why), _) => return Err(why),
            (None, Phase::Starting) => say("ready: everything that was asked for runs already"),
            (None, _) => say("nothing of what was started here runs any more"),
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        let waits = !self.is_ending() && self.agent.is_waiting();
        !self.children.is_empty() || !self.guards.is_empty() || waits
    }

    fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending { .. })
    }

    fn is_led(&self) -> bool {
        self.follower.linked_leader().borrow().is_some()
    }

    /// Asks the active master which servers may be started.
    fn ask(&mut self) {
        if self.asking.is_some() || !self.is_led() {
            return;
        }
        let Some((why, ids)) = self.agent.ask(now()) else { return };
        let follower = self.follower.clone();
        self.asking = Some(Box::pin(async move {
            let body = json!({ "signal": "start", "servers": ids, "why": why.as_str() });
            follower.request("__console__", body).await
        }));
    }

    /// Tells every master which servers are kept here, if that is news.
    fn tell_kept(&mut self) {
        let kept = self.agent.keeps();
        if self.kept.as_ref() != Some(&kept) {
            let body = json!({ "action": "children", "servers": kept });
            self.kept = self.follower.tell_all(CLUSTER, body).then_some(kept);
        }
    }

    fn take_answer(&mut self, answer: Result<Value, FollowError>) {
        self.asking = None;
        let dos = self.agent.answered(answer.ok().as_ref(), self.follower.max_epoch(), now());
        self.carry_out(dos);
    }

    fn take(&mut self, news: News) {
        match news {
            News::Said(line) => say(line),
            News::Started(child) => {
                if self.is_ending() {
                    child.signal(Signal::TERM);
                }
                self.children.push(child);
            }
            News::NotStarted(why) => self.not_started(why),
            News::Ended(ended) => self.ended(&ended),
        }
    }

    fn carry_out(&mut self, dos: Vec<Do>) {
        let mut dos = VecDeque::from(dos);
        while let Some(next) = dos.pop_front() {
            match next {
                Do::Spawn(info) => dos.extend(self.spawn(&info)),
                Do::Terminate(id) => self.signal_server(&id, Signal::TERM),
                Do::Kill(id) => self.signal_server(&id, Signal::KILL),
                Do::TellDied(servers) => {
                    self.follower.tell_all(CLUSTER, Said::Died { servers }.body());
                }
                Do::Answer(ticket, result) => match (self.replies.remove(&ticket), result) {
                    (Some(reply), Ok(done)) => reply.ok(Value::Object(done)),
                    (Some(reply), Err(why)) => reply.fail(why),
                    (None, _) => {}
                },
                Do::Say(line) => say(line),
            }
        }
    }

    /// Starts a server.
    fn spawn(&mut self, info: &ServerInfo) -> Vec<Do> {
        let options = self.game.environment.options_of(&info.id);
        let role = Role::server(info, &options, &self.game.environment.name);
        let (child, mut process) = match Child::spawn(&self.game, role, self.spawned, Stdio::null()) {
            Ok(spawned) => spawned,
            Err(why) => {
                self.not_started(why);
                return self.agent.not_started(&info.id, now());
            }
        };
        self.spawned += 1;
        let (pid, tell) = (child.pid, self.tell.clone());
        tokio::spawn(async move {
            let status = process.wait().await;
            let _ = tell.send(News::Ended(Ended { pid, status })).await;
        });
        self.children.push(child);
        self.agent.started(&info.id, info.incarnation, pid, now())
    }

    fn not_started(&mut self, why: Error) {
        match self.phase {
            Phase::Starting => self.start_failed(why),
            Phase::Watching | Phase::Ending { .. } => say(format_args!("{why:#}")),
        }
    }

    /// Takes note of the end of a child.
    fn ended(&mut self, ended: &Ended) {
        let Some(at) = self.children.iter().position(|child| child.pid == ended.pid) else { return };
        let child = self.children.swap_remove(at);
        let well = ended_well(&ended.status);
        let expected = match &child.role.kind {
            Kind::Master => false,
            Kind::Server { id, .. } => self.agent.is_restarting(id),
        };
        if !(self.is_ending() && well) {
            say(child.obituary(&ended.status));
        }
        if self.phase == Phase::Starting && !well && !expected {
            self.start_failed(anyhow!("{} could not be started", child.role.label));
        }
        if let Kind::Server { id, .. } = &child.role.kind {
            let dos = self.agent.ended(id, well, now());
            self.carry_out(dos);
        }
    }

    /// A child that can't be started, or ends by itself before everything runs, ends the others: the first such one is what
    /// the command fails for.
    fn start_failed(&mut self, why: Error) {
        self.failed = Some(why);
        self.end("not everything could be started", None);
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
                for child in self.children.iter().filter(|child| child.role.kind != Kind::Master) {
                    child.signal(Signal::KILL);
                }
            }
            ("__console__", "restart") => return self.restart(order),
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

    fn restart(&mut self, order: Order) {
        self.tickets += 1;
        let claims = order.body["claims"].as_object().into_iter().flatten();
        let claims = claims.filter_map(|(id, incarnation)| Some((id.parse().ok()?, incarnation.as_u64()?)));
        let dos = self.agent.restart(self.tickets, claims.collect(), now());
        self.replies.extend(order.reply.map(|reply| (self.tickets, reply)));
        self.carry_out(dos);
    }

    /// Ends the children: with SIGTERM at once or after a while, with SIGKILL after [`GRACE`]. A second time: at once.
    fn end(&mut self, why: &str, remind_after: Option<Duration>) {
        if self.is_ending() {
            if remind_after.is_none() {
                self.signal(Signal::KILL);
            }
            return;
        }
        if !self.children.is_empty() {
            say(format_args!("{why}: ending {} processes", self.children.len()));
        }
        let now = Instant::now();
        self.phase = Phase::Ending { remind_at: remind_after.map(|after| now + after), kill_at: now + GRACE };
        self.ending.send_replace(true);
        let dos = self.agent.end();
        self.carry_out(dos);
        if remind_after.is_none() {
            self.signal(Signal::TERM);
        }
    }

    fn signal(&self, signal: Signal) {
        for child in &self.children {
            child.signal(signal);
        }
    }

    fn signal_server(&self, wanted: &ServerId, signal: Signal) {
        for child in &self.children {
            if matches!(&child.role.kind, Kind::Server { id, .. } if id == wanted) {
                child.signal(signal);
            }
        }
    }

    /// Says so when another master leads than before, and tells it what the one before may have died with.
    fn led_by(&mut self, leader: Option<Leader>) {
        let Some(leader) = leader else {
            if let (Some(last), false) = (&self.leader, self.is_ending()) {
                say(format_args!("no link to the active master {}; servers go on without one", last.addr));
            }
            return;
        };
        if self.leader.as_ref().is_some_and(|last| last.epoch < leader.epoch) {
            let MasterAddr { host, port } = &leader.addr;
            say(format_args!("server host: {host}, port: {port} now is promoted to master!"));
        }
        self.leader = Some(leader);
        let dos = self.agent.led_by_another(now());
        self.carry_out(dos);
    }

    /// When something is due next.
    fn timer(&self) -> Instant {
        let far = Instant::now() + GRACE;
        let phase = match self.phase {
            Phase::Starting => self.explain_at,
            Phase::Watching => far,
            Phase::Ending { remind_at, kill_at } => remind_at.unwrap_or(kill_at).min(kill_at),
        };
        self.agent.due(self.is_led()).map_or(phase, |due| phase.min(Instant::from_std(due)))
    }

    fn tick(&mut self) {
        let dos = self.agent.tick(now());
        self.carry_out(dos);
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

/// The clock of [`agent`].
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// The answer to the question that is under way; never, if there is none.
async fn answered(asking: &mut Option<Asking>) -> Result<Value, FollowError> {
    match asking {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}
