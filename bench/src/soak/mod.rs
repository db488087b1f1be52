//! `cargo xtask bench soak`: thousands of clients of the chat example talk in rooms for minutes, while a connector and a chat server
//! are killed and started again. Every message is numbered by its sender, and every receiver looks whether one is missing, comes twice
//! or out of order ([`heard`], [`ledger`]); the memory of every server is looked at each second ([`memory`]).
//!
//! What is allowed: sessions of the killed connector, and those whose room was on the killed chat server, end and come again. To
//! everybody else nothing may happen at all.

mod heard;
mod ledger;
mod memory;
mod player;
mod report;

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use pomelo_robot::Plan;
use pomelo_testkit::{
    cluster::Cluster,
    game::{GameDir, is_gone, signal},
};
use rustix::process::Signal;
use tokio::{
    sync::watch,
    time::{interval, sleep},
};

use self::{
    ledger::{Kill, Ledger},
    memory::Memory,
    player::Manner,
    report::Outcome,
};
use crate::output::Output;

/// What is killed, and when: after which share of the time.
const KILLS: [(Kill, f64); 2] = [(Kill::Connector(0), 0.25), (Kill::Chat(0), 0.5)];

/// After which share of the time everybody has come back, and memory must be as it will stay.
const SETTLED: f64 = 0.625;

/// How long the last messages may take to everybody.
const TAIL: Duration = Duration::from_secs(5);

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How many clients come in a second.
const COME_PER_SECOND: f64 = 200.0;

/// How long a killed server may take to be back.
const BACK: Duration = Duration::from_secs(60);

/// How to soak.
#[derive(Args)]
pub(crate) struct Soak {
    /// How many clients.
    #[arg(long, value_name = "N", default_value = "5000")]
    clients: NonZeroUsize,
    /// How long they talk, once all have come.
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    minutes: f64,
    /// How often each of them says something, on average.
    #[arg(long, value_name = "SECONDS", default_value_t = 8.0)]
    every: f64,
    /// How many share a room.
    #[arg(long, value_name = "N", default_value = "20")]
    room: NonZeroUsize,
    /// Threads that play the clients; the servers need the other cores.
    #[arg(long, value_name = "N", default_value = "1")]
    workers: NonZeroUsize,
    #[command(flatten)]
    output: Output,
}

impl Soak {
    pub(crate) async fn run(self) -> Result<()> {
        let game = GameDir::chat(None)?;
        game.keep_masters(1)?;
        start_again(&game)?;
        let mut cluster = Cluster { game, supervisors: Vec::new() };
        cluster.supervise(&["start", "-e", "production"]).await?;
        let talk = Duration::from_secs_f64(self.minutes * 60.0);
        let plan = Plan {
            count: self.clients,
            ramp: Duration::from_secs_f64((self.clients.get() as f64 / COME_PER_SECOND).max(2.0)),
            duration: talk + TAIL,
            workers: Some(self.workers),
            ..Plan::default()
        };
        let ledger = Arc::new(Ledger::new(self.clients.get(), self.room.get()));
        let (over, is_over) = watch::channel(false);
        let (be_quiet, quiet) = watch::channel(false);
        let manner = Manner {
            gate: format!("ws://{}:{}", cluster.game.host, cluster.game.gate),
            connectors: cluster.game.connectors.clone(),
            every: Duration::from_secs_f64(self.every),
            quiet,
        };
        let shared = Arc::clone(&ledger);
        let play = async move |robot| player::play(robot, &manner, &shared).await;
        let robots = async {
            let report = pomelo_robot::run(&plan, play).await;
            over.send_replace(true);
            report
        };
        let director =
            Director { game: &cluster.game, ledger: &ledger, ramp: plan.ramp, talk, be_quiet, over: is_over };
        let (robots, directed) = tokio::join!(robots, director.direct());
        let (memory, notes) = directed?;
        let outcome = Outcome { robots: robots?, verdict: ledger.verdict(), memory, notes };
        println!("\n{}", outcome.table());
        self.output.write(&outcome.document())?;
        ensure!(outcome.is_clean(), "the run found faults, see above");
        Ok(())
    }
}

/// Servers that die are started again, as in production.
fn start_again(game: &GameDir) -> Result<()> {
    game.configure("servers.json", |file| {
        let sections = file.as_object_mut().into_iter().flat_map(|sections| sections.values_mut());
        let types =
            sections.filter_map(|section| section.as_object_mut()).flat_map(|types| types.values_mut());
        for server in types.filter_map(|servers| servers.as_array_mut()).flatten() {
            server["auto-restart"] = "true".into();
        }
    })
}

/// Kills, and looks at memory.
struct Director<'a> {
    game: &'a GameDir,
    ledger: &'a Ledger,
    ramp: Duration,
    talk: Duration,
    be_quiet: watch::Sender<bool>,
    /// The robots have ended, maybe before their time.
    over: watch::Receiver<bool>,
}

impl Director<'_> {
    async fn direct(mut self) -> Result<(Memory, Vec<String>)> {
        let (mut memory, mut notes) = (Memory::new(), Vec::new());
        let mut looks = interval(LOOK);
        let mut plot = self.plot().into_iter().peekable();
        let began = Instant::now();
        loop {
            tokio::select! {
                _ = looks.tick() => memory.look(self.game),
                _ = self.over.wait_for(|over| *over) => break,
            }
            while let Some((_, act)) = plot.next_if(|(at, _)| began.elapsed() >= *at) {
                match act {
                    Act::Mark(name) => memory.mark(name),
                    Act::Kill(kill) => {
                        let at = began.elapsed().as_secs();
                        let back = self.kill(kill).await?;
                        notes.push(format!(
                            "{at} s: killed {}, which was back after {back:.1?}",
                            kill.server()
                        ));
                    }
                    Act::Quiet => drop(self.be_quiet.send_replace(true)),
                }
            }
        }
        if plot.peek().is_some() {
            notes.push("ended early: not everything was done that was to be".to_owned());
        }
        Ok((memory, notes))
    }

    /// What is done when, from the beginning on.
    fn plot(&self) -> Vec<(Duration, Act)> {
        let at = |share: f64| self.ramp + self.talk.mul_f64(share);
        let kill = |(kill, share): (Kill, f64)| (at(share), Act::Kill(kill));
        let mut plot = vec![
            (Duration::ZERO, Act::Mark(memory::START)),
            (at(0.1), Act::Mark(memory::RAMPED)),
            (at(KILLS[0].1 - 0.01), Act::Mark(memory::BEFORE)),
            (at(SETTLED), Act::Mark(memory::SETTLED)),
            (at(0.99), Act::Mark(memory::END)),
            (at(1.0), Act::Quiet),
        ];
        plot.extend(KILLS.map(kill));
        plot.sort_by_key(|(at, _)| *at);
        plot
    }

    /// Kills a server and waits until another process is in its place.
    async fn kill(&self, kill: Kill) -> Result<Duration> {
        let id = kill.server();
        let pid = memory::pid(self.game, id).with_context(|| format!("{id} does not run"))?;
        self.ledger.killed(kill);
        signal(pid, Signal::KILL)?;
        let killed = Instant::now();
        loop {
            sleep(Duration::from_millis(20)).await;
            if is_gone(pid) && memory::pid(self.game, id).is_some() {
                return Ok(killed.elapsed());
            }
            ensure!(killed.elapsed() < BACK, "{id} is not back {} s after it was killed", BACK.as_secs());
        }
    }
}

/// What the director does.
enum Act {
    Mark(&'static str),
    Kill(Kill),
    /// Nobody says anything any more.
    Quiet,
}
