//! `pomelo drill`: kills, freezes or hands over the active master of a staging cluster, again and again, while commands go on, and
//! says how long each outage was and what was lost.
//!
//! What there is to see is seen from outside: [`watch`] follows the masters, [`load`] sends commands, [`tally`] compares them with
//! what the servers counted, [`report`] and [`plot`] show it. Not here: how a master is started again, which is its guardian's.

pub mod asked;
pub mod load;
pub mod plot;
pub mod report;
pub mod tally;
pub mod target;
pub mod watch;

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{ArgGroup, Args};
use pomelo_cluster::{
    config::{Config, Environment, MasterEntry},
    follow::Leader,
};
use serde_json::json;

use self::{
    load::{Commands, Load, Login},
    report::{Fault, Report, Round},
    tally::{Life, Tally},
    target::Target,
    watch::Watcher,
};
use crate::{game::DEVELOPMENT, style::Style};

/// The environment that is never drilled by mistake.
const PRODUCTION: &str = "production";

/// How long the drill looks for an active master before it gives up.
const FIND: Duration = Duration::from_secs(10);

/// How long a round waits for a standby. With masters that are started again it takes seconds.
const READY: Duration = Duration::from_secs(60);

/// How long a standby may take to appear where nobody starts masters again.
const SETTLE: Duration = Duration::from_secs(3);

/// How long a new master is waited for. ZooKeeper's longest usual session is 40 s.
const TAKE_OVER: Duration = Duration::from_secs(60);

/// How long the new master is given to say how it went.
const TELL: Duration = Duration::from_secs(2);

/// How often what is waited for is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How long a handover may take.
const HANDOVER: Duration = Duration::from_secs(10);

/// Options of `pomelo drill`.
#[derive(Args, Clone, Debug)]
#[command(group(ArgGroup::new("fault").required(true).args(["kill", "freeze", "handover"])))]
pub struct Drill {
    /// Kill the active master (SIGKILL).
    #[arg(long)]
    kill: bool,
    /// Freeze the active master (SIGSTOP); its guardian kills it. Without a guardian it goes on once another one leads.
    #[arg(long)]
    freeze: bool,
    /// Ask the active master to hand over.
    #[arg(long)]
    handover: bool,
    /// How often.
    #[arg(long, value_name = "N", default_value_t = 5)]
    times: u32,
    /// Pause between two rounds, in ms.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pause_ms: u64,
    /// Commands a second that are sent all the while, each to every server.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    ops_per_second: u32,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Draw the rounds and the commands into an SVG file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Do it although the environment is named production.
    #[arg(long)]
    yes_production: bool,
    /// Section of the configuration: the cluster that is drilled.
    #[arg(short, long, default_value = DEVELOPMENT, value_name = "ENVIRONMENT")]
    env: String,
    /// The game's directory, which has the folder `config`.
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Name of the administrator, see config/adminUser.json.
    #[arg(short = 'u', long, default_value = "admin", value_name = "NAME")]
    username: String,
    /// Password of the administrator.
    #[arg(short = 'p', long, default_value = "admin", value_name = "PASSWORD")]
    password: String,
}

impl Drill {
    /// Does it. An error also if anything was lost, done twice or restarted.
    pub async fn run(self) -> Result<()> {
        let environment = read_config(&self.dir, &self.env)?;
        self.spare_production(&environment.name)?;
        let watcher = Watcher::start(&environment, "drill");
        let leader = first_leader(&watcher, &environment).await?;
        let login = Login {
            masters: environment.candidates.iter().map(MasterEntry::addr).collect(),
            username: self.username.clone(),
            password: self.password.clone(),
        };
        if self.fault() != Fault::Handover {
            // Better now than after the question: whether this can be done here at all.
            let target = self.target(&login, &leader).await?;
            if let Some(name) = &target.environment {
                self.spare_production(name)?;
            }
        }
        self.explain(&environment, &watcher, &leader);
        if !self.yes && !confirmed()? {
            self.note("nothing was done");
            return Ok(());
        }
        let report = self.drill(&environment, watcher, &login).await?;
        self.show(&report)
    }

    fn fault(&self) -> Fault {
        match (self.kill, self.freeze) {
            (true, _) => Fault::Kill,
            (false, true) => Fault::Freeze,
            (false, false) => Fault::Handover,
        }
    }

    fn spare_production(&self, environment: &str) -> Result<()> {
        if environment == PRODUCTION && !self.yes_production {
            bail!(
                "this is the environment {PRODUCTION}; a drill is for staging (--yes-production does it all the same)"
            );
        }
        Ok(())
    }

    /// Says before what will be done.
    fn explain(&self, environment: &Environment, watcher: &Watcher, leader: &Leader) {
        let what = match self.fault() {
            Fault::Kill => "kill the active master (SIGKILL)",
            Fault::Freeze => "freeze the active master (SIGSTOP) until its guardian kills it",
            Fault::Handover => "ask the active master to hand over",
        };
        let (name, addr, epoch) = (&environment.name, &leader.addr, leader.epoch);
        self.note(format_args!(
            "environment {name}: {addr} leads in epoch {epoch}; {}",
            watcher.masters().join(", ")
        ));
        self.note(format_args!(
            "this will {what}, {} times with a pause of {} ms, and send {} numbered commands a second to {} servers meanwhile",
            self.times,
            self.pause_ms,
            self.ops_per_second,
            watcher.view().servers.len()
        ));
        if self.fault() != Fault::Handover && !restarted(environment) {
            self.note(
                "no master is started again (\"auto-restart\": \"true\" at a master does that): it ends when no standby is left",
            );
        }
    }

    async fn drill(&self, environment: &Environment, watcher: Watcher, login: &Login) -> Result<Report> {
        let before = tally::lives(&watcher.view());
        let load = Load::start(login, self.ops_per_second);
        let mut report = Report {
            environment: environment.name.clone(),
            fault: self.fault(),
            began: Instant::now(),
            rounds: Vec::new(),
            commands: Vec::new(),
            tally: None,
            ended_early: None,
        };
        for n in 1..=self.times {
            tokio::time::sleep(Duration::from_millis(self.pause_ms)).await;
            let round = match self.ready(environment, &watcher).await {
                Ok(leader) => self.round(&watcher, login, leader).await,
                Err(why) => Err(why),
            };
            match round {
                Ok(round) => {
                    self.progress(n, &round);
                    let over = round.outage.is_none();
                    report.rounds.push(round);
                    if over {
                        report.ended_early =
                            Some(format!("nobody took over within {} s", TAKE_OVER.as_secs()));
                        break;
                    }
                }
                Err(why) => {
                    report.ended_early = Some(format!("{why:#}"));
                    break;
                }
            }
        }
        // The last failover too is seen by commands after it.
        tokio::time::sleep(Duration::from_millis(self.pause_ms)).await;
        let commands = load.end().await;
        report.tally = tally_of(login, &commands, &before, &watcher).await;
        report.commands = commands.sent;
        watcher.end().await;
        Ok(report)
    }

    /// Waits until there is a master to be hit and one to take over.
    async fn ready(&self, environment: &Environment, watcher: &Watcher) -> Result<Leader> {
        let (began, mut said) = (Instant::now(), String::new());
        let patience = if restarted(environment) { READY } else { SETTLE };
        loop {
            let (leader, standbys) = (watcher.leader(), watcher.standbys());
            let missing = match (&leader, standbys.is_empty()) {
                (Some(leader), false) => return Ok(leader.clone()),
                (Some(_), true) => "a standby",
                (None, _) => "an active master",
            };
            let waiting = format!("waiting for {missing} ({})", watcher.masters().join(", "));
            if began.elapsed() > patience {
                bail!("no standby is ready: {}", watcher.masters().join(", "));
            }
            if said != waiting && began.elapsed() > Duration::from_secs(1) {
                self.note(&waiting);
                said = waiting;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn round(&self, watcher: &Watcher, login: &Login, leader: Leader) -> Result<Round> {
        let mut note = None;
        let mut frozen = None;
        let began;
        match self.fault() {
            Fault::Kill => {
                let target = self.target(login, &leader).await?;
                began = Instant::now();
                target.kill()?;
            }
            Fault::Freeze => {
                let target = self.target(login, &leader).await?;
                began = Instant::now();
                frozen = Some(target.freeze()?);
            }
            Fault::Handover => {
                let client = login.connect().await?;
                began = Instant::now();
                let answer =
                    client.request_within("__console__", json!({ "signal": "handover" }), HANDOVER).await;
                let answer = answer.context("the master did not hand over")?;
                note = answer["pause_ms"].as_f64().map(|pause| format!("commands waited {pause:.1} ms"));
            }
        }
        let followed = watcher.after(leader.epoch, TAKE_OVER).await;
        if let Some(frozen) = frozen {
            let woken = !frozen.ended();
            note = woken.then(|| "no guardian killed it; it goes on now".to_owned());
        }
        let mut round = Round {
            began,
            from: leader.addr.to_string(),
            to: None,
            outage: None,
            split: None,
            following: None,
            note,
        };
        if let Some(followed) = followed {
            round.to = Some((followed.leader.addr.to_string(), followed.leader.epoch));
            round.outage = Some(followed.at.saturating_duration_since(began));
            let told = told(login, followed.leader.epoch).await;
            (round.split, round.following) = (told.split, told.following);
        }
        Ok(round)
    }

    /// The process of the active master, on this machine.
    async fn target(&self, login: &Login, leader: &Leader) -> Result<Target> {
        let client = login.connect().await?;
        ensure!(client.master() == &leader.addr, "{} leads, not {}", client.master(), leader.addr);
        Target::find(&leader.addr, asked::pid_of(&client).await?)
    }

    fn progress(&self, n: u32, round: &Round) {
        let outage =
            round.outage.map_or("nobody took over".to_owned(), |time| format!("{} ms", report::ms(time)));
        let to = round.to.as_ref().map_or(String::new(), |(to, epoch)| format!(" -> {to} (epoch {epoch})"));
        self.note(format_args!("{n}/{}: {} {}{to}: {outage}", self.times, self.fault().name(), round.from));
    }

    fn show(&self, report: &Report) -> Result<()> {
        let style = Style::for_stdout();
        if self.json {
            crate::say(serde_json::to_string_pretty(&report.to_json())?);
        } else {
            for text in [report.table(style), report.histogram(style), report.totals(style)] {
                crate::say(format_args!("\n{}", text.trim_end()));
            }
        }
        if let Some(file) = &self.plot {
            std::fs::write(file, plot::svg(report))
                .with_context(|| format!("{} could not be written", file.display()))?;
            self.note(format_args!("drawn: {}", file.display()));
        }
        ensure!(report.is_clean(), "the drill found faults, see above");
        Ok(())
    }

    /// What is said on the way; beside the document, if that is wanted on stdout.
    fn note(&self, line: impl std::fmt::Display) {
        if self.json {
            // That nobody reads it is no reason to end.
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            crate::say(line);
        }
    }
}

fn read_config(dir: &Path, name: &str) -> Result<Environment> {
    let config = dir.join("config");
    if !config.is_dir() {
        bail!("{} has no folder `config`; name the game's directory with -d", dir.display());
    }
    Ok(Config::load(&config)?.environment(name)?)
}

/// Whether any master is started again when it died.
fn restarted(environment: &Environment) -> bool {
    environment.candidates.iter().any(|master| master.auto_restart)
}

async fn first_leader(watcher: &Watcher, environment: &Environment) -> Result<Leader> {
    let until = Instant::now() + FIND;
    loop {
        // Its list too: what becomes of the servers is seen by comparison.
        if let Some(leader) = watcher.leader().filter(|leader| watcher.view().version.epoch == leader.epoch) {
            return Ok(leader);
        }
        if Instant::now() > until {
            bail!("no active master of environment {}: {}", environment.name, watcher.masters().join(", "));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the new master says of the failover; waits until its last server follows.
async fn told(login: &Login, epoch: u64) -> asked::Told {
    let until = Instant::now() + TELL;
    let mut last = asked::Told::default();
    let Ok(client) = login.connect().await else { return last };
    while Instant::now() < until {
        match asked::masters(&client).await {
            Ok(masters) => last = asked::failover(&masters, epoch),
            Err(_) => return last,
        }
        if last.split.is_some() {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    last
}

async fn tally_of(
    login: &Login,
    commands: &Commands,
    before: &std::collections::BTreeMap<String, Life>,
    watcher: &Watcher,
) -> Option<Tally> {
    let client = login.connect().await.ok()?;
    let rows = asked::counted(&client, &commands.run).await.ok()?;
    Some(Tally::of(commands, &rows, before, &tally::lives(&watcher.view())))
}

fn confirmed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here: say --yes");
    }
    print!("go on? [y/N] ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
