//! The same measurement of the Node original, as its master's output tells it: `bench/original` says what is run.

use std::{
    fs,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use pomelo_testkit::{
    command::Running,
    eventually,
    game::{GameDir, root, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use tokio::process::Command;

use crate::series::Series;

/// What its promoted master prints for each server that registers.
const REGISTERED: &str = "masterwatcher receive add server event, with server:";

/// Servers in the configuration.
const SERVERS: usize = 5;

/// Longer than it ever took; as published, it never follows.
const PATIENCE: Duration = Duration::from_secs(25);

pub(crate) async fn measure(zookeeper: &ZooKeeper, runs: u32) -> Result<Series> {
    let mut series =
        Series::new("Node original, mended", "ZooKeeper's session time-out: 5000 ms asked for, tick 500 ms");
    for n in 1..=runs {
        match one(zookeeper).await? {
            Some(time) => {
                series.times.add(time);
                println!("{:<34} {n:>3}/{runs}: {:>8.1} ms", "original", time.as_secs_f64() * 1e3);
            }
            None => println!("{:<34} {n:>3}/{runs}: not within {} s", "original", PATIENCE.as_secs()),
        }
    }
    Ok(series)
}

/// One cluster, one kill; None if its servers did not follow.
async fn one(zookeeper: &ZooKeeper) -> Result<Option<Duration>> {
    let game = GameDir::chat(None)?;
    let app = root().join("bench/original/app");
    for file in ["app.js", "package.json"] {
        fs::copy(app.join(file), game.path().join(file))?;
    }
    let pomelo = |arguments: &[&str]| {
        let modules = root().join("bench/original/node_modules");
        let mut command = Command::new(modules.join(".bin/pomelo"));
        command
            .args(arguments)
            .current_dir(game.path())
            .env("NODE_PATH", &modules)
            .env("ZK", zookeeper.addr());
        Running::start(command)
    };
    let start = pomelo(&["start", "-e", "production"])?;
    eventually("the original's servers are registered", PATIENCE, async || registered(&start, None)).await;
    // Without an argument: with one, it crashes.
    let standbys = pomelo(&["masterha"])?;
    let lock = "/pomelo/master/lock";
    let deadline = Instant::now() + PATIENCE;
    while zookeeper.ls(lock).await?.len() < 3 {
        if Instant::now() > deadline {
            bail!("the original's standbys did not come up:\n{}", standbys.output().join("\n"));
        }
    }

    let master = game
        .processes()
        .into_iter()
        .find(|p| p.arguments.iter().any(|word| word == "type=all"))
        .context("the original's master does not run")?;
    let killed = SystemTime::now();
    signal(master.pid, Signal::KILL)?;
    let deadline = Instant::now() + PATIENCE;
    let time = loop {
        if let Some(last) = registered(&standbys, Some(killed)) {
            break Some(last.duration_since(killed)?);
        }
        if Instant::now() > deadline {
            break None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    drop((start, standbys, game));
    // The next run must not meet the locks of this one.
    let deadline = Instant::now() + PATIENCE;
    while !zookeeper.ls(lock).await?.is_empty() && Instant::now() < deadline {}
    Ok(time)
}

/// When the last server registered after `since`, if all did.
fn registered(master: &Running, since: Option<SystemTime>) -> Option<SystemTime> {
    let mut first: std::collections::BTreeMap<String, SystemTime> = std::collections::BTreeMap::new();
    for (time, line) in master.timed_output() {
        if since.is_some_and(|since| time < since) {
            continue;
        }
        let Some((_, server)) = line.split_once(REGISTERED) else { continue };
        let id = server.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next());
        if let Some(id) = id.filter(|id| !id.starts_with("master")) {
            first.entry(id.to_owned()).or_insert(time);
        }
    }
    (first.len() == SERVERS).then(|| first.into_values().max()).flatten()
}
