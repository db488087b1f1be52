//! A change of the master that is wanted: no command fails, no link is lost.

use anyhow::{Context as _, Result, ensure};
use pomelo_cli::drill::asked;
use pomelo_testkit::{command::run, eventually, game::signal, zookeeper::ZooKeeper};
use rustix::process::Signal;
use tests::{
    cluster::{Cluster, PATIENCE},
    trial::Trial,
};

/// How often it is handed over.
const HANDOVERS: u64 = 10;

#[tokio::test]
async fn a_handover_fails_no_command_on_the_embedded_coordinator() -> Result<()> {
    handed_over(None).await
}

#[tokio::test]
async fn a_handover_fails_no_command_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    handed_over(Some(&zookeeper)).await
}

async fn handed_over(zookeeper: Option<&ZooKeeper>) -> Result<()> {
    let cluster = Cluster::start(zookeeper).await?;
    let trial = Trial::begin(&cluster.game).await?;
    for n in 0..HANDOVERS {
        queue(&trial).await;
        let leader = trial.watcher.leader().context("no master leads")?;
        // Whoever the master chooses, and every other time one that is named.
        let to = cluster.game.masters.iter().rfind(|port| **port != leader.addr.port).context("another")?;
        let to = to.to_string();
        let named = ["master", "handover", "--to", &to];
        let command = if n % 2 == 0 { &named[..2] } else { &named };
        let out = run(&cluster.game, "pomelo", command).await?;
        ensure!(out.status.success(), "pomelo master handover: {}", String::from_utf8_lossy(&out.stderr));
        let next = trial.after(leader.epoch).await?;
        ensure!(next.leader.epoch == leader.epoch + 1, "{next:?} follows {leader:?}");
        ensure!(next.leader.addr != leader.addr, "it still leads: {next:?}");
        ensure!(n % 2 == 0 || next.leader.addr.port.to_string() == to, "{to} was named, {next:?} leads");
    }
    let outcome = trial.check(&cluster.game, HANDOVERS).await?;
    println!("{} commands, the slowest took {:?}", outcome.commands, outcome.slowest);
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    Ok(())
}

/// Waits until every standby has its place in the queue and knows it, which takes one that has just handed over a second.
async fn queue(trial: &Trial) {
    eventually("every standby knows its place", PATIENCE, async || {
        let masters = asked::masters(&trial.login.connect().await.ok()?).await.ok()?;
        let mut ahead: Vec<_> = masters.candidates.iter().filter_map(|candidate| candidate.ahead).collect();
        ahead.sort();
        let standbys = trial.watcher.standbys().len();
        (standbys == 2 && ahead == [0, 1, 2]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_master_that_is_told_to_end_fails_no_command_on_the_embedded_coordinator() -> Result<()> {
    told_to_end(None).await
}

#[tokio::test]
async fn a_master_that_is_told_to_end_fails_no_command_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    told_to_end(Some(&zookeeper)).await
}

async fn told_to_end(zookeeper: Option<&ZooKeeper>) -> Result<()> {
    let mut cluster = Cluster::start(zookeeper).await?;
    let trial = Trial::begin(&cluster.game).await?;
    for _ in 0..2 {
        trial.standbys(2).await;
        let leader = trial.watcher.leader().context("no master leads")?;
        let master = cluster.game.master(leader.addr.port)?;
        signal(master.pid, Signal::TERM)?;
        let next = trial.after(leader.epoch).await?;
        ensure!(next.leader.addr != leader.addr, "it still leads: {next:?}");
        eventually("the old master ends", PATIENCE, async || {
            (!cluster.game.processes().contains(&master)).then_some(())
        })
        .await;
        cluster.bring_back(leader.addr.port).await?;
    }
    let outcome = trial.check(&cluster.game, 2).await?;
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    Ok(())
}
