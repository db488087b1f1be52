//! The active master stops answering and may wake up again: alone, so that its guardian ends it; or with its guardian, as when
//! a virtual machine is paused, so that it wakes up as a zombie that was never told.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    coordinator::MasterAddr,
};
use pomelo_testkit::{
    command::Running,
    eventually,
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use serde_json::json;
use tests::{
    cluster::{Cluster, PATIENCE},
    player::{Player, Transport},
    trial::Trial,
};

#[tokio::test]
async fn a_frozen_master_is_ended_by_its_guardian_on_the_embedded_coordinator() -> Result<()> {
    frozen(None).await
}

#[tokio::test]
async fn a_frozen_master_is_ended_by_its_guardian_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    frozen(Some(&zookeeper)).await
}

async fn frozen(zookeeper: Option<&ZooKeeper>) -> Result<()> {
    let cluster = Cluster::start(zookeeper).await?;
    let trial = Trial::begin(&cluster.game).await?;
    trial.standbys(2).await;
    let master = cluster.active().await?;
    let epoch = trial.watcher.epoch();
    signal(master.pid, Signal::STOP)?;
    let next = trial.after(epoch).await?;
    ensure!(next.leader.addr.port != master.port, "the frozen master still leads: {next:?}");
    gone(&cluster.game, master.pid).await;
    let outcome = trial.check(&cluster.game, 1).await?;
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    Ok(())
}

#[tokio::test]
async fn a_master_that_was_paused_with_its_guardian_has_no_effect_when_it_wakes_up() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    let cluster = Cluster::start(Some(&zookeeper)).await?;
    let player = Player::join(&cluster.game, Transport::Tcp, "robert").await?;
    let trial = Trial::begin(&cluster.game).await?;
    trial.standbys(2).await;
    let master = cluster.active().await?;
    let guardian = cluster.supervisors.first().and_then(Running::pid).context("no supervisor")?;
    let epoch = trial.watcher.epoch();
    // Connected before, so that the commands below are in the master's socket when it wakes up.
    let old = MasterAddr { host: "127.0.0.1".into(), port: master.port };
    let mut tools = Vec::new();
    for _ in 0..4 {
        tools.push(AdminClient::connect(&old, "admin", "admin", PATIENCE).await?);
    }

    // The guardian first: it must not find its master silent.
    let pause = Paused::new([guardian, master.pid])?;
    let next = trial.after(epoch).await?;
    ensure!(next.leader.addr != old, "the paused master still leads: {next:?}");
    let stop = tools.into_iter().map(|tool| {
        tokio::spawn(async move {
            let stop = json!({ "signal": "stop", "ids": ["chat-server-1"] });
            tool.request_within("__console__", stop, Duration::from_secs(20)).await
        })
    });
    let stop: Vec<_> = stop.collect();
    trial.commands(20).await;
    drop(pause);

    for answer in stop {
        let answer = answer.await?;
        ensure!(answer.is_err(), "the zombie says that it stopped a server: {answer:?}");
    }
    // Asked again, it knows who leads, or is dead.
    eventually("the zombie knows better", PATIENCE, async || {
        match AdminClient::connect(&old, "admin", "admin", PATIENCE).await {
            Err(AdminError::Moved { leader, .. }) => (leader.epoch >= next.leader.epoch).then_some(()),
            Err(AdminError::Connect { .. }) => Some(()),
            _ => None,
        }
    })
    .await;
    player.finish().await?;
    let outcome = trial.check(&cluster.game, 1).await?;
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    Ok(())
}

/// Processes that stand still until this is dropped.
struct Paused<const N: usize>([u32; N]);

impl<const N: usize> Paused<N> {
    fn new(pids: [u32; N]) -> Result<Self> {
        let paused = Self(pids);
        for pid in pids {
            signal(pid, Signal::STOP)?;
        }
        Ok(paused)
    }
}

impl<const N: usize> Drop for Paused<N> {
    fn drop(&mut self) {
        for pid in self.0 {
            // Who was killed meanwhile can't be woken.
            let _ = signal(pid, Signal::CONT);
        }
    }
}

async fn gone(game: &GameDir, pid: u32) {
    eventually("the frozen process is gone", PATIENCE, async || {
        (!game.processes().iter().any(|process| process.pid == pid)).then_some(())
    })
    .await;
}
