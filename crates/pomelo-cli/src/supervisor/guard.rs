//! The guardian of one master: starts its process, listens to it, waits for its end, and does what
//! [`GuardianState`] decides. A task of its own, so that nothing else the supervisor does comes before a death.
//!
//! The kernel says that a process has ended by its pidfd (tokio waits on one where there is such a thing), with nobody polling; and
//! before that, while it still closes what the process had open, by the end of the pipe.

use std::{
    collections::BTreeMap,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{ExitStatus, Stdio},
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Result;
use pomelo_cluster::{
    config::MasterEntry,
    coordinator::{MasterAddr, Obituary, defer, guard, is_ending},
    follow::LinkState,
    guardian::{Action, Event, FromGuardian, FromMaster, GuardianState},
};
use pomelo_protocol::admin::MasterRole;
use tokio::{
    process::Child as Process,
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    News,
    chance::Chance,
    child::{Child, Ended, Role, ended_well},
    pipe::Pipe,
};
use crate::game::Game;

/// How often it is looked whether the connection to the coordinator is another than the master was told.
const HEALTH: Duration = Duration::from_secs(1);

/// How long a supervisor that is to end waits until the places of its dead masters are free. The coordinator frees them later.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// The connection to the coordinator: one for all guardians of a supervisor, opened when the first master says its place.
pub(super) type SharedGuard = Arc<OnceLock<Arc<dyn guard::Guard>>>;

/// What a guardian needs to know of its supervisor.
#[derive(Clone)]
pub(super) struct Surroundings {
    /// What to start.
    pub(super) game: Arc<Game>,
    /// The connection that places are taken away with.
    pub(super) guard: SharedGuard,
    /// Where it tells what happens.
    pub(super) tell: mpsc::Sender<News>,
    /// Whether everything is to end.
    pub(super) ending: watch::Receiver<bool>,
    /// The supervisor's own links to all masters.
    pub(super) links: watch::Receiver<Arc<BTreeMap<MasterAddr, LinkState>>>,
}

/// The guardian of one master of the configuration, through all its lives.
pub(super) struct Guardian {
    around: Surroundings,
    entry: MasterEntry,
    hue: usize,
    state: GuardianState,
    life: Option<Life>,
    /// The process of the last life.
    pid: u32,
    freeing: JoinSet<Event>,
    restart_at: Option<Instant>,
    give_up_at: Option<Instant>,
}

/// One process of the master.
struct Life {
    process: Process,
    pipe: Pipe,
    chance: Chance,
}

impl Guardian {
    /// `hue` is the colour of the master's name in a terminal.
    pub(super) fn new(around: Surroundings, entry: MasterEntry, hue: usize) -> Self {
        let state = GuardianState::new(around.game.environment.guardian.silence_ms, entry.auto_restart);
        Self {
            around,
            entry,
            hue,
            state,
            life: None,
            pid: 0,
            freeing: JoinSet::new(),
            restart_at: None,
            give_up_at: None,
        }
    }

    /// Starts the master and watches it, until it is dead for good and its place is free.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(self.state.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut health = interval(HEALTH);
        health.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.start().await;
        self.around.links.mark_changed();
        while !self.state.is_over() {
            let alive = self.life.is_some();
            let later = Instant::now() + HEALTH;
            let (restart_at, give_up_at) = (self.restart_at, self.give_up_at);
            tokio::select! {
                biased;
                end = ended(&mut self.life) => match end {
                    End::OfProcess(status) => self.ended(status).await,
                    End::OfPipe => self.listen().await,
                },
                Ok(()) = self.around.ending.changed() => {
                    if *self.around.ending.borrow_and_update() {
                        self.restart_at = None;
                        self.give_up_at = Some(Instant::now() + LAST_WAIT);
                        self.on(Event::Ending).await;
                    }
                }
                Ok(()) = self.around.links.changed() => {
                    let ready = self.standby_ready();
                    self.on(Event::StandbyReady(ready)).await;
                }
                Some(Ok(evicted)) = self.freeing.join_next() => self.on(evicted).await,
                _ = ticks.tick(), if alive => {
                    self.listen().await;
                    self.on(Event::Tick).await;
                }
                _ = health.tick(), if alive => self.say_here(),
                () = sleep_until(restart_at.unwrap_or(later)), if restart_at.is_some() => self.start().await,
                () = sleep_until(give_up_at.unwrap_or(later)), if give_up_at.is_some() && !alive => break,
            }
        }
    }

    async fn ended(&mut self, status: std::io::Result<ExitStatus>) {
        let died = Instant::now();
        // Its last words may be about its place.
        let words = self.life.take().map(|mut life| life.pipe.look()).unwrap_or_default();
        for line in words {
            self.heard(line).await;
        }
        self.act(Event::Exited { well: ended_well(&status) }, died).await;
        self.tell(News::Ended(Ended { pid: self.pid, status })).await;
    }

    async fn listen(&mut self) {
        let Some(life) = &mut self.life else { return };
        let (open, lines) = (!life.pipe.is_closed(), life.pipe.look());
        let closed = open && life.pipe.is_closed();
        let excused = if lines.is_empty() {
            life.chance.excused(self.pid, Instant::now().into_std())
        } else {
            life.chance.heard();
            Duration::ZERO
        };
        // Also if it is nothing: what was counted so far is not excused later.
        self.on(Event::Excused(excused)).await;
        for line in lines {
            self.heard(line).await;
        }
        if closed {
            // Nobody has waited for the process yet, so that its number is no other one's: `wait` comes first, and has not returned.
            // One that closes the pipe and lives has not lost its place: it is left alone.
            self.on(if is_ending(self.pid) { Event::Dying } else { Event::Unguarded }).await;
        }
    }

    async fn heard(&mut self, line: FromMaster) {
        if let FromMaster::Place(Some(place)) = &line {
            // Long before it is needed: a failover does not wait for a handshake.
            self.around.guard.get_or_init(|| guard::open(place));
            self.say_here();
        }
        self.on(Event::Line(line)).await;
    }

    async fn on(&mut self, event: Event) {
        self.act(event, Instant::now()).await;
    }

    async fn act(&mut self, event: Event, now: Instant) {
        let mut words = Vec::new();
        for action in self.state.on(event, now.into_std()) {
            match action {
                Action::Kill => {
                    if let Some(life) = &mut self.life {
                        // It fails if the process has just ended, which comes next.
                        let _ = life.process.start_kill();
                    }
                }
                Action::Evict(place) => self.evict(place, now),
                Action::Defer => defer(self.pid),
                Action::Restart { after } => self.restart_at = Some(now + after),
                Action::Say(note) => words.push(format!("{} (pid {}): {note}", self.label(), self.pid)),
            }
        }
        for line in words {
            self.tell(News::Said(line)).await;
        }
    }

    fn evict(&mut self, place: Obituary, died: Instant) {
        let guard = Arc::clone(self.around.guard.get_or_init(|| guard::open(&place)));
        self.freeing.spawn(async move {
            let result = guard.evict(&place).await.map_err(|error| error.to_string());
            Event::Evicted { place, after: died.elapsed(), result }
        });
    }

    async fn start(&mut self) {
        self.restart_at = None;
        match self.spawn() {
            Ok((child, life)) => {
                self.pid = child.pid;
                self.life = Some(life);
                self.on(Event::Started { pid: child.pid }).await;
                self.say_here();
                self.tell(News::Started(child)).await;
            }
            Err(why) => {
                self.on(Event::Exited { well: false }).await;
                self.tell(News::NotStarted(why)).await;
            }
        }
    }

    fn spawn(&self) -> Result<(Child, Life)> {
        let (ours, theirs) = UnixStream::pair()?;
        let game = &self.around.game;
        let role = Role::master(&self.entry, &game.environment.name);
        let pipe = Pipe::new(ours)?;
        let (child, process) = Child::spawn(game, role, self.hue, Stdio::from(OwnedFd::from(theirs)))?;
        Ok((child, Life { process, pipe, chance: Chance::default() }))
    }

    /// Tells the master who watches it, if that is news.
    fn say_here(&mut self) {
        let Some(life) = &mut self.life else { return };
        let health = self.around.guard.get().map(|guard| guard.health());
        life.pipe.say(&FromGuardian::Here {
            pid: std::process::id(),
            silence_ms: self.around.game.environment.guardian.silence_ms,
            coordinator: health.unwrap_or_else(|| "not connected: the master has no place yet".to_owned()),
        });
    }

    /// Whether another master could lead if this one is killed: it waits for that, or leads already.
    fn standby_ready(&mut self) -> bool {
        let me = self.entry.addr();
        let links = self.around.links.borrow_and_update();
        let ready =
            |link: &LinkState| link.up && matches!(link.role, Some(MasterRole::Active | MasterRole::Standby));
        links.iter().any(|(addr, link)| *addr != me && ready(link))
    }

    fn label(&self) -> String {
        format!("{}-{}", self.entry.id, self.entry.port)
    }

    /// A supervisor that does not listen any more is on its way out.
    async fn tell(&self, news: News) {
        let _ = self.around.tell.send(news).await;
    }
}

/// What has ended.
enum End {
    OfPipe,
    OfProcess(std::io::Result<ExitStatus>),
}

/// What ended of a life; never, if there is none. Cancel safe.
async fn ended(life: &mut Option<Life>) -> End {
    let Some(Life { process, pipe, .. }) = life else { return std::future::pending().await };
    tokio::select! {
        biased;
        status = process.wait() => End::OfProcess(status),
        () = pipe.ended() => End::OfPipe,
    }
}
