//! A fault and the claims that hold after any: one master is active, every server follows it, the membership is who lives, no
//! server was restarted, no command was lost or executed twice.
//!
//! It watches from before the fault: a [`Watcher`] keeps the epochs, a [`Load`] of numbered commands goes to every server, which
//! count what they execute. What the fault is, and that players notice nothing of it, is the suites'.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use pomelo_cli::drill::{
    asked,
    load::{Load, Login},
    tally::{Life, Tally, lives},
    watch::{Followed, Watcher},
};
use pomelo_cluster::{
    config::{Config, Environment, MasterEntry},
    coordinator::MasterAddr,
};
use pomelo_testkit::{eventually, game::GameDir};

use crate::cluster::PATIENCE;

/// Commands a second.
const COMMANDS: u32 = 50;

/// A cluster under observation.
pub struct Trial {
    /// Who to ask for administrators.
    pub login: Login,
    /// Who follows its masters.
    pub watcher: Watcher,
    load: Load,
    before: BTreeMap<String, Life>,
    first: u64,
}

/// What commands came to in a trial whose claims held.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Commands that failed in words. None was executed twice, and none of the others was lost.
    pub failed: Vec<String>,
    /// The longest that a command took.
    pub slowest: Duration,
    /// How many there were.
    pub commands: usize,
}

impl Trial {
    /// Watches the cluster of this directory, in `production`.
    pub async fn begin(game: &GameDir) -> Result<Self> {
        let environment = environment(game)?;
        let login = Login {
            masters: environment.candidates.iter().map(MasterEntry::addr).collect(),
            username: "admin".into(),
            password: "admin".into(),
        };
        let watcher = Watcher::start(&environment, "trial");
        let wanted = environment.servers.len();
        eventually("the trial follows a master that knows every server", PATIENCE, async || {
            (watcher.epoch() > 0 && watcher.view().servers.len() == wanted).then_some(())
        })
        .await;
        let (before, first) = (lives(&watcher.view()), watcher.epoch());
        let load = Load::start(&login, COMMANDS);
        let trial = Self { login, watcher, load, before, first };
        trial.commands(10).await;
        Ok(trial)
    }

    /// Waits until a master of a higher epoch than this is followed here.
    pub async fn after(&self, epoch: u64) -> Result<Followed> {
        self.watcher
            .after(epoch, PATIENCE)
            .await
            .with_context(|| format!("no master after epoch {epoch}: {}", self.watcher.masters().join(", ")))
    }

    /// Waits until so many more commands are over.
    pub async fn commands(&self, count: usize) {
        let until = self.load.count() + count;
        eventually("commands are answered", PATIENCE, async || (self.load.count() >= until).then_some(()))
            .await;
    }

    /// Waits until so many masters stand by.
    pub async fn standbys(&self, count: usize) {
        eventually("masters stand by", PATIENCE, async || {
            (self.watcher.standbys().len() >= count).then_some(())
        })
        .await;
    }

    /// Checks every claim, after so many failovers and no more.
    pub async fn check(self, game: &GameDir, failovers: u64) -> Result<Outcome> {
        self.commands(10).await;
        let commands = self.load.end().await;
        let epoch = self.watcher.epoch();
        ensure!(
            epoch == self.first + failovers,
            "{failovers} failovers led from epoch {} to {epoch}: {:?}",
            self.first,
            self.watcher.history()
        );
        let leader = self.watcher.leader().context("no master leads")?;
        one_active(&self.watcher, &leader.addr).await;
        let mut all = BTreeSet::new();
        for id in self.before.keys() {
            let epochs = eventually(&format!("{id} follows epoch {epoch}"), PATIENCE, async || {
                let epochs = epochs(game, id);
                (epochs.last() == Some(&epoch)).then_some(epochs)
            })
            .await;
            ensure!(epochs.is_sorted_by(|a, b| a < b), "{id} followed {epochs:?}");
            all.extend(epochs);
        }
        let expected: BTreeSet<u64> = (self.first..=epoch).collect();
        ensure!(all.is_superset(&expected), "epochs {expected:?} were expected, servers followed {all:?}");

        let view = self.watcher.view();
        let known: BTreeMap<String, Option<u32>> =
            view.servers.values().map(|info| (info.id.to_string(), info.pid)).collect();
        ensure!(known == living(game), "the membership is {known:?}, there live {:?}", living(game));
        let client = self.login.connect().await?;
        ensure!(client.master() == &leader.addr, "{} answers as the leader", client.master());
        let rows = asked::counted(&client, &commands.run).await?;
        let tally = Tally::of(&commands, &rows, &self.before, &lives(&view));
        ensure!(tally.is_clean(), "{tally:?}");
        ensure!(tally.skipped == 0 && tally.answered > 0, "{tally:?}");
        self.watcher.end().await;
        Ok(Outcome {
            failed: commands.sent.iter().filter_map(|one| one.failed.clone()).collect(),
            slowest: commands.sent.iter().map(|one| one.took).max().unwrap_or_default(),
            commands: commands.sent.len(),
        })
    }
}

/// Exactly this one says that it leads, of all that are linked. One that wakes up takes a moment to see that it does not.
async fn one_active(watcher: &Watcher, leader: &MasterAddr) {
    let expected = [format!("{leader} active")];
    eventually(&format!("only {leader} is active"), PATIENCE, async || {
        let masters = watcher.masters();
        let active: Vec<_> = masters.into_iter().filter(|words| words.ends_with(" active")).collect();
        (active == expected).then_some(())
    })
    .await;
}

/// The configuration in force.
pub fn environment(game: &GameDir) -> Result<Environment> {
    Ok(Config::load(game.path().join("config"))?.environment("production")?)
}

/// The epochs that a server followed in its last life, in order, as its log tells.
pub fn epochs(game: &GameDir, server: &str) -> Vec<u64> {
    let log = game.read(&format!("logs/{server}.log"));
    let follows = log.lines().filter(|line| line.contains("following master"));
    follows
        .filter_map(|line| line.split_whitespace().find_map(|word| word.strip_prefix("epoch=")?.parse().ok()))
        .collect()
}

/// The servers that run, by id, as the system has them.
pub fn living(game: &GameDir) -> BTreeMap<String, Option<u32>> {
    let servers = game.processes().into_iter().filter_map(|process| {
        let value = |key: &str| process.arguments.iter().find_map(|word| word.strip_prefix(key));
        let id = value("id=").filter(|_| value("serverType=").is_some_and(|kind| kind != "master"))?;
        Some((id.to_owned(), Some(process.pid)))
    });
    servers.collect()
}
