//! A hundred failovers in a row, under load.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    eventually,
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use tests::{
    cluster::{Cluster, PATIENCE, SERVERS},
    player::{Player, Transport},
    trial::{Trial, living},
};

/// How often the active master is killed.
const KILLS: u64 = 100;

/// Most that a server may grow meanwhile, in kB: what is kept of each failover is limited, and allocators take a while to settle.
const GROWTH_MAX_KB: u64 = 8 * 1024;

#[tokio::test]
async fn a_hundred_masters_in_a_row_cost_nothing_on_the_embedded_coordinator() -> Result<()> {
    many(None).await
}

#[tokio::test]
async fn a_hundred_masters_in_a_row_cost_nothing_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    many(Some(&zookeeper)).await
}

async fn many(zookeeper: Option<&ZooKeeper>) -> Result<()> {
    let mut cluster = Cluster::start_with(zookeeper, GameDir::environments_of_masters).await?;
    let players = [
        Player::join(&cluster.game, Transport::WebSocket, "alice").await?,
        Player::join(&cluster.game, Transport::Tcp, "robert").await?,
    ];
    let trial = Trial::begin(&cluster.game).await?;
    let mut before = BTreeMap::new();
    for kills in 1..=KILLS {
        trial.standbys(1).await;
        known(&cluster, &trial).await;
        // One whose coordinator is slow for a moment says so, and leads no less in its epoch.
        let leader = eventually("a master leads", PATIENCE, async || trial.watcher.leader()).await;
        let master = cluster.game.master(leader.addr.port)?;
        signal(master.pid, Signal::KILL)?;
        let next = trial.after(leader.epoch).await?;
        ensure!(next.leader.epoch == leader.epoch + 1, "after kill {kills}: {next:?} follows {leader:?}");
        // It is over when commands go on.
        trial.commands(2).await;
        // Not by its guardian: that rests longer and longer before it starts a master again that dies all the time.
        cluster.bring_back_soon(leader.addr.port)?;
        if kills == KILLS / 10 {
            before = memory(&cluster);
        }
    }
    let after = memory(&cluster);
    for (id, kb) in &before {
        let now = after.get(id).with_context(|| format!("{id} is gone"))?;
        println!("{id}: {kb} kB after {} failovers, {now} kB after {KILLS}", KILLS / 10);
        ensure!(*now < kb + GROWTH_MAX_KB, "{id} grew from {kb} to {now} kB");
    }
    for player in players {
        player.finish().await?;
    }
    trial.standbys(2).await;
    let outcome = trial.check(&cluster.game, KILLS).await?;
    println!("{} commands, the slowest took {:?}", outcome.commands, outcome.slowest);
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

/// Waits until every server is registered with every master that stands by: one that is promoted before that leads nobody, and is
/// soon taken for dead.
async fn known(cluster: &Cluster, trial: &Trial) {
    eventually("every server is registered with every standby", PATIENCE, async || {
        let known = |port: u16| {
            let log = cluster.game.read(&format!("logs/master-server-1-{port}.log"));
            let life = log.rsplit_once("listens on").map_or("", |(_, life)| life);
            SERVERS.iter().all(|server| life.contains(&format!("monitor {server} registered")))
        };
        trial.watcher.standbys().iter().all(|addr| known(addr.port)).then_some(())
    })
    .await;
}

/// Resident memory of each server, in kB.
fn memory(cluster: &Cluster) -> BTreeMap<String, u64> {
    let kb = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    living(&cluster.game).into_iter().filter_map(|(id, pid)| Some((id, kb(pid?)?))).collect()
}
