//! Runs a master: accepts links, stands for election, follows the other masters, and carries out what
//! [`crate::control`] decides. One task makes all decisions; everything here is input and output.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    io::{self, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use pomelo_cluster::{
    admin::{AdminListener, LinkSender},
    config::Environment,
    coordinator::{Candidacy, CandidateInfo, Coordinator, MasterAddr, Obituary, StoreError, closed_first},
    elector::{Elector, Role},
    follow::Follower,
    guardian::BEAT_MS,
    membership::Version,
    messages::CLUSTER,
};
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Register, Registered},
};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Interval, MissedTickBehavior},
};
use tracing::{info, warn};

use crate::{
    Limits,
    access::Access,
    control::{Action, Control, Event},
    errands::Errands,
    guarded::{Guarded, Guardian},
    link::{LinkEvent, LinkId, Serving},
    others::{self, Asks, Others},
    process::Usage,
};

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(100);

/// How often a guardian is told that this master is alive, from the task that makes its decisions.
const BEAT: Duration = Duration::from_millis(BEAT_MS);

/// How often the membership of a leader is remembered at most.
const REMEMBER: Duration = Duration::from_secs(1);

/// What a master needs to know before it starts.
pub struct MasterConfig {
    /// Which candidate it is. `addr` is what the others reach it by, and what is printed and published.
    pub me: CandidateInfo,
    /// The cluster's configuration: the other candidates, servers, users, tokens.
    pub env: Environment,
    /// Where it queues for leadership.
    pub coordinator: Arc<dyn Coordinator>,
    /// [`Limits::default`], unless there is a reason.
    pub limits: Limits,
    /// This end of the pipe to the guardian, if it has one ([`pomelo_cluster::guardian`]).
    pub guardian: Option<UnixStream>,
    /// The folder where processes of this machine keep what they know of the cluster for their next start, if any: `run` of
    /// the game.
    pub memory: Option<PathBuf>,
}

impl fmt::Debug for MasterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coordinator = self.coordinator.describe();
        f.debug_struct("MasterConfig").field("me", &self.me).field("coordinator", &coordinator).finish()
    }
}

/// Why a master ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// The listener is of no use.
    #[error("can't listen for servers and tools on {addr}: {source}")]
    Listen {
        /// The master's address.
        addr: MasterAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A master that has not started yet.
#[derive(Debug)]
pub struct Master {
    config: MasterConfig,
    listener: AdminListener,
}

impl Master {
    /// A master on a listener that is bound already, so that a port in use is reported before anything is started.
    pub fn new(config: MasterConfig, listener: AdminListener) -> Self {
        Self { config, listener }
    }

    /// Runs until `shutdown` resolves or an administrator stops the cluster. An active master hands over first.
    ///
    /// `shutdown` stands for SIGTERM and Ctrl-C; nothing is installed behind the caller's back.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), MasterError> {
        let Self { config, listener } = self;
        let addr = listener
            .local_addr()
            .map_err(|source| MasterError::Listen { addr: config.me.addr.clone(), source })?;
        let coordinator = config.coordinator.describe();
        info!(target: "pomelo::master", "{} listens on {addr}, coordinator: {coordinator}", config.me.id);
        let (mut driver, inputs) = Driver::start(config, coordinator);
        driver.run(listener, inputs, shutdown).await;
        driver.end().await;
        Ok(())
    }
}

/// Where the driver's events come from.
struct Inputs {
    links: mpsc::Receiver<LinkEvent>,
    role: watch::Receiver<Role>,
    trouble: watch::Receiver<Option<String>>,
    others: Others,
}

/// Carries out what [`Control`] decides.
struct Driver {
    control: Control,
    limits: Limits,
    serving: Serving,
    permits: Arc<Semaphore>,
    senders: HashMap<LinkId, LinkSender>,
    tasks: JoinSet<()>,
    last_link: u64,
    elector: Arc<Elector>,
    resigning: Option<JoinHandle<()>>,
    follower: Follower,
    errands: Errands,
    asks: Asks,
    guarded: Guarded,
    /// What the guardian was told last.
    shown: Option<Obituary>,
    /// The membership of its own that was remembered last, and when.
    remembered: (Version, std::time::Instant),
    done: bool,
}

impl Driver {
    fn start(config: MasterConfig, coordinator: String) -> (Self, Inputs) {
        let MasterConfig { me, env, coordinator: queue, limits, guardian, memory } = config;
        let (events, links) = mpsc::channel(limits.events_max);
        let (follower, others) = others::follow(&me, &env, memory);
        let warm = tokio::time::timeout(limits.warm_timeout, others::warm(follower.clone()));
        let ready = async move {
            if warm.await.is_err() {
                warn!(target: "pomelo::master", "joins the election without the membership of the master that leads");
            }
        };
        let elector = Arc::new(Elector::start_after(ready, queue, me.clone()));
        let started = std::time::Instant::now();
        let configured = env.servers.iter().map(|info| info.id.clone()).collect();
        let usage = move || Usage::of_this_process(started);
        let masters = env.candidates.iter().map(|master| (master.addr(), master.id.clone())).collect();
        let control = Control::new(me, Access::new(&env), configured, limits.clone(), coordinator, usage);
        let control = control.among(masters);
        let driver = Self {
            control,
            serving: Serving::new(&limits, events),
            permits: Arc::new(Semaphore::new(limits.links_max)),
            limits,
            senders: HashMap::new(),
            tasks: JoinSet::new(),
            last_link: 0,
            follower,
            resigning: None,
            errands: Errands::new(),
            asks: Asks::default(),
            // Its end is what the guardian waits for when this process dies.
            guarded: Guarded::new(guardian.map(|pipe| closed_first(pipe.into()).into())),
            shown: None,
            remembered: (Version::default(), now()),
            done: false,
            elector: Arc::clone(&elector),
        };
        let (role, trouble) = (elector.role(), elector.trouble());
        (driver, Inputs { links, role, trouble, others })
    }

    async fn run(&mut self, listener: AdminListener, mut inputs: Inputs, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let (mut shutting_down, mut electing) = (false, true);
        let mut beats = tokio::time::interval(if self.guarded.is_there() { BEAT } else { TICK });
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticked = now();
        inputs.role.mark_changed();
        let remembered =
            Event::Remembered { view: self.follower.remembered(), max_epoch: self.follower.max_epoch() };
        self.decide(remembered);
        while !self.done {
            tokio::select! {
                // A lost role is acted on before anything else is.
                biased;
                changed = inputs.role.changed(), if electing => {
                    electing = changed.is_ok();
                    // Without an election there is no right to act, whatever it said last.
                    let role = if electing { inputs.role.borrow_and_update().clone() } else { Role::Stopped };
                    // What the former leader said last is known before this one leads.
                    if let Some(latest) = inputs.others.latest() {
                        self.decide(latest);
                    }
                    self.decide(Event::Role(role));
                    self.show_place();
                }
                Ok(()) = inputs.trouble.changed() => {
                    let trouble = inputs.trouble.borrow_and_update().clone();
                    self.decide(Event::Trouble(trouble));
                }
                () = &mut shutdown, if !shutting_down => {
                    shutting_down = true;
                    self.decide(Event::Shutdown);
                }
                event = inputs.others.next(&mut self.asks) => self.decide(event),
                event = self.errands.next() => {
                    self.errands.write(self.place());
                    self.decide(event);
                }
                _ = beats.tick() => {
                    self.show_place();
                    self.guarded.beat();
                    if now().saturating_duration_since(ticked) >= TICK || !self.guarded.is_there() {
                        ticked = now();
                        self.decide(Event::Tick);
                        self.remember();
                    }
                }
                guardian = self.guarded.next() => self.guardian(guardian, &mut beats),
                Some(event) = inputs.links.recv() => self.link_event(event),
                stream = listener.accept() => self.accept(stream),
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    /// Flushes and closes every link, and waits until the place in the queue is given back.
    async fn end(mut self) {
        for sender in self.senders.values() {
            sender.close();
        }
        let senders = std::mem::take(&mut self.senders);
        let flushed = async {
            for sender in senders.values() {
                sender.closed().await;
            }
        };
        let resigned = async {
            if let Some(resigning) = &mut self.resigning {
                let _ = resigning.await;
            }
        };
        let all = async { tokio::join!(flushed, resigned, self.follower.shutdown()) };
        if tokio::time::timeout(self.limits.handover_timeout, all).await.is_err() {
            warn!(target: "pomelo::master", "ends without having told everybody");
        }
    }

    /// Without a guardian nobody listens to beats.
    fn guardian(&mut self, guardian: Option<Guardian>, beats: &mut Interval) {
        if guardian.is_none() {
            *beats = tokio::time::interval(TICK);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        self.decide(Event::Guardian(guardian));
    }

    fn accept(&mut self, stream: TcpStream) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return warn!(target: "pomelo::master", "admin link refused: {} are open", self.limits.links_max);
        };
        self.last_link += 1;
        self.tasks.spawn(self.serving.clone().serve(LinkId(self.last_link), stream, permit));
    }

    fn link_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Register { link, register, sender } => {
                self.senders.insert(link, sender);
                if let Register::Monitor(monitor) = &register {
                    self.hear_holder(&monitor.id);
                }
                self.decide(Event::Register { link, register });
            }
            LinkEvent::Message { link, message } => self.decide(Event::Message { link, message }),
            LinkEvent::Closed { link, clean } => {
                self.senders.remove(&link);
                self.decide(Event::Closed { link, clean });
            }
        }
    }

    fn hear_holder(&mut self, id: &ServerId) {
        let Some(link) = self.control.holder(id) else { return };
        let silent_for = self.senders.get(&link).map(LinkSender::silent_for);
        if let Some(at) = silent_for.and_then(|silent_for| now().checked_sub(silent_for)) {
            self.decide(Event::Heard { link, at });
        }
    }

    /// Passes an event on, once it is known whether this master may still act.
    fn decide(&mut self, event: Event) {
        if self.control.own_view().is_some() {
            let over = self.place().and_then(|place| place.lease_left()) == Some(Duration::ZERO);
            if self.control.is_lapsed() != over {
                self.carry_out(Event::Lease { over });
            }
        }
        self.carry_out(event);
    }

    fn carry_out(&mut self, event: Event) {
        for action in self.control.on(event, now()) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Admit { link, reply } => {
                if let Some(sender) = self.senders.get(&link) {
                    // A link that has ended already says so by its event; here and below.
                    let _ = sender.admit(reply);
                }
            }
            Action::Refuse { link, why, newer } => {
                if let Some(sender) = self.senders.get(&link) {
                    sender.refuse_with(Registered::refused(why).newer(newer));
                }
            }
            Action::Send { to, message, at_once } => self.send(&to, &message, at_once),
            Action::Close { link } => {
                if let Some(sender) = self.senders.get(&link) {
                    sender.close();
                }
            }
            Action::Print(line) => print(&line),
            Action::Superseded(epoch) => self.elector.superseded(epoch),
            Action::Store { id, epoch, writes } => self.errands.store(self.place(), id, epoch, writes),
            Action::Read { id, folder } => self.errands.read(self.place(), id, folder),
            Action::Probe { server, incarnation, addr } => self.errands.probe(server, incarnation, addr),
            Action::Announced(epoch) => {
                // Behind the tasks that write what was sent, which were woken before.
                self.errands.run(async move {
                    tokio::task::yield_now().await;
                    Event::Announced { epoch }
                });
            }
            Action::HandOver => {
                let elector = Arc::clone(&self.elector);
                self.errands.run(async move {
                    let result = elector.hand_over().await.map_err(|why| why.to_string());
                    Event::Moved { aside: false, result }
                });
            }
            Action::StepAside => {
                let elector = Arc::clone(&self.elector);
                self.errands.run(async move {
                    let result = elector.step_aside().await.map_err(|why| why.to_string());
                    Event::Moved { aside: true, result }
                });
            }
            Action::Evict { addr } => {
                let place = self.place();
                self.errands.run(async move {
                    let result = match place {
                        Some(place) => place.evict(&addr).await,
                        None => {
                            Err(StoreError::Unavailable("this master has no place of its own".to_owned()))
                        }
                    };
                    Event::Evicted { addr, result }
                });
            }
            Action::Tell { to, body } => {
                // Said again while it matters.
                self.follower.tell(&to, CLUSTER, body);
            }
            Action::Dial { to } => self.follower.dial(&to),
            Action::Reply { ask, result } => self.asks.reply(ask, result),
            Action::Resign => {
                let elector = Arc::clone(&self.elector);
                self.resigning = Some(tokio::spawn(async move { elector.resign_and_stop().await }));
            }
            Action::Exit => self.done = true,
        }
    }

    /// This master's place in the coordinator's queue at the moment.
    fn place(&self) -> Option<Arc<dyn Candidacy>> {
        self.elector.candidacy().borrow().clone()
    }

    /// The guardian is told what this master's place is, whenever that is another.
    fn show_place(&mut self) {
        if !self.guarded.is_there() {
            return;
        }
        let place = self.place().map(|place| place.obituary());
        let obituary = place.as_ref().map(watch::Receiver::borrow);
        let obituary = obituary.as_deref().and_then(Option::as_ref);
        if obituary != self.shown.as_ref() {
            self.shown = obituary.cloned();
            self.guarded.place(self.shown.clone());
        }
    }

    /// What the leader keeps is remembered as what others follow.
    fn remember(&mut self) {
        let Some(own) = self.control.own_view() else { return };
        let (version, at) = self.remembered;
        if own.version != version && now().saturating_duration_since(at) >= REMEMBER {
            self.remembered = (own.version, now());
            self.follower.remember(Arc::new(own.clone()));
        }
    }

    fn send(&self, to: &[LinkId], message: &AdminMessage, at_once: bool) {
        match message.encode() {
            Ok(frame) => {
                for sender in to.iter().filter_map(|link| self.senders.get(link)) {
                    let frame = frame.clone();
                    let _ = if at_once { sender.send_at_once(frame) } else { sender.send_encoded(frame) };
                }
            }
            Err(why) => warn!(target: "pomelo::master", "nothing sent: {why}"),
        }
    }
}

/// The clock of [`Control`], which follows tokio's so that tests can stop it.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// A line on standard output. A closed one is no reason to end.
fn print(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
