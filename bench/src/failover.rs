//! From a fault of the active master until the last server follows the new one, as the servers' own logs tell it.
//!
//! The same five servers and three masters each time: ours on the embedded coordinator and on ZooKeeper, with its data in memory,
//! under several faults; and the Node original on the same ZooKeeper.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use pomelo_cli::drill::{asked, load::Login};
use pomelo_cluster::coordinator::MasterAddr;
use pomelo_testkit::{
    cluster::{Cluster, Master, PATIENCE, SERVERS},
    command::run as run_program,
    eventually,
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{Output, log, original, series::Series};

/// How long the new master is given to write the record of the failover.
const RECORD: Duration = Duration::from_secs(3);

/// What is done to the active master.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGKILL; its guardian lives.
    Kill,
    /// SIGSTOP; its guardian kills it.
    Freeze,
    /// SIGKILL, and its guardian the same moment before.
    KillWithGuardian,
    /// `pomelo master handover`.
    Handover,
}

impl Fault {
    fn bounded_by(self, zookeeper: bool) -> &'static str {
        match self {
            Self::Kill if zookeeper => "guardian: exit seen, lock deleted",
            Self::Kill => "kernel's release of the lock",
            Self::Freeze => "guardian: 500 ms of silence",
            Self::KillWithGuardian => "standby: link reset, port refused",
            Self::Handover => "how long commands are held",
        }
    }
}

/// Each of our cases and how it is called: `--only` takes a part of a name.
const CASES: [(&str, Fault, bool); 6] = [
    ("embedded, kill -9", Fault::Kill, false),
    ("zookeeper, kill -9", Fault::Kill, true),
    ("zookeeper, frozen", Fault::Freeze, true),
    ("zookeeper, with its guardian", Fault::KillWithGuardian, true),
    ("embedded, handover", Fault::Handover, false),
    ("zookeeper, handover", Fault::Handover, true),
];

/// Measures those of our cases whose name has `only` in it, and the original.
pub(crate) async fn run(runs: u32, original_runs: u32, only: &str, output: &Output) -> Result<()> {
    println!(
        "a fault of the active master until the last of {} servers follows the new one\n",
        SERVERS.len()
    );
    let zookeeper = ZooKeeper::start().await?;
    let mut all = Vec::new();
    for (name, fault, on_zookeeper) in CASES.into_iter().filter(|(name, ..)| name.contains(only)) {
        let runs =
            if matches!(fault, Fault::Freeze | Fault::KillWithGuardian) { runs.div_ceil(2) } else { runs };
        all.push(ours(name, fault, on_zookeeper.then_some(&zookeeper), runs).await?);
    }
    let original = match original_runs {
        0 => None,
        runs => Some(original::measure(&zookeeper, runs).await?),
    };
    let slow = zookeeper.fsync_warnings();
    let title = format!("A fault of the active master until {} servers follow the new one", SERVERS.len());
    output.show(&title, &all, original.as_ref(), json!({ "zookeeperFsyncWarnings": slow }))?;
    println!("\nzookeeper's warnings that its disk was slow: {slow}");
    Ok(())
}

async fn ours(name: &str, fault: Fault, zookeeper: Option<&ZooKeeper>, runs: u32) -> Result<Series> {
    let mut series = Series::new(name, fault.bounded_by(zookeeper.is_some()));
    series.planned = fault == Fault::Handover;
    let mut cluster = Cluster::start(zookeeper).await?;
    let login = login(&cluster.game, cluster.game.masters.len());
    for n in 1..=runs {
        let Master { port, pid } = cluster.active().await?;
        let epoch = log::epoch(&cluster.game, SERVERS[0]).context("no server follows a master")?;
        let began = SystemTime::now();
        let paused = strike(&cluster, pid, fault).await?;
        let followed = eventually("every server follows the next master", PATIENCE, async || {
            let times: Vec<_> = SERVERS
                .iter()
                .filter_map(|server| log::followed_at(&cluster.game, server, epoch + 1))
                .collect();
            (times.len() == SERVERS.len()).then_some(times)
        })
        .await;
        let last = followed.into_iter().max().context("no servers")?.duration_since(began)?;
        series.times.add(paused.unwrap_or(last));
        if let Some((_, at)) = log::active_at(&cluster.game, &cluster.game.masters, epoch + 1) {
            series.to_epoch.add(at.duration_since(began).unwrap_or_default());
        }
        println!("{name:<34} {n:>3}/{runs}: {:>8.1} ms", paused.unwrap_or(last).as_secs_f64() * 1e3);
        parts(&mut series, &login, epoch + 1).await?;
        if fault != Fault::Handover {
            back(&mut cluster, port, pid).await?;
        }
    }
    let port = cluster.active().await?.port;
    cluster.stop(port).await?;
    Ok(series)
}

/// Does it to the active master. For how long commands were held, if that is what is measured.
async fn strike(cluster: &Cluster, pid: u32, fault: Fault) -> Result<Option<Duration>> {
    match fault {
        Fault::Kill => signal(pid, Signal::KILL)?,
        Fault::Freeze => signal(pid, Signal::STOP)?,
        Fault::KillWithGuardian => {
            // One guardian has two masters: in a later round its other one leads, and has none any more.
            if let Some(guardian) = cluster.guardian(pid) {
                signal(guardian, Signal::KILL)?;
            }
            signal(pid, Signal::KILL)?;
        }
        Fault::Handover => {
            let out = run_program(&cluster.game, "pomelo", &["master", "handover", "--json"]).await?;
            anyhow::ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            let answer: Value = serde_json::from_slice(&out.stdout)?;
            let pause = answer["pause_ms"].as_f64().context("handover --json tells no pause_ms")?;
            return Ok(Some(Duration::from_secs_f64(pause / 1e3)));
        }
    }
    Ok(None)
}

/// How the first so many masters of a game are asked.
pub(crate) fn login(game: &GameDir, masters: usize) -> Login {
    let addr = |port: &u16| MasterAddr { host: game.host.clone(), port: *port };
    Login {
        masters: game.masters.iter().take(masters).map(addr).collect(),
        username: "admin".into(),
        password: "admin".into(),
    }
}

/// What the new master has recorded of the failover to this epoch.
pub(crate) async fn parts(series: &mut Series, login: &Login, epoch: u64) -> Result<()> {
    let client = login.connect().await?;
    let until = tokio::time::Instant::now() + RECORD;
    while tokio::time::Instant::now() < until {
        let masters = asked::masters(&client).await?;
        if let Some(record) = masters.failovers.iter().find(|record| record.epoch == epoch) {
            series.add_parts(record);
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Starts the dead master again and waits until every server knows it.
async fn back(cluster: &mut Cluster, port: u16, pid: u32) -> Result<()> {
    eventually("the old master is dead", PATIENCE, async || {
        (!cluster.game.processes().iter().any(|process| process.pid == pid)).then_some(())
    })
    .await;
    let log = log::of_master(port);
    let before = cluster.game.read(&log).len();
    cluster.bring_back(port).await?;
    // What is measured is a standby that they know.
    eventually("every server is registered with the new standby", PATIENCE, async || {
        let log = cluster.game.read(&log);
        let news = log.get(before..)?;
        SERVERS.iter().all(|server| news.contains(&format!("monitor {server} registered"))).then_some(())
    })
    .await;
    Ok(())
}
