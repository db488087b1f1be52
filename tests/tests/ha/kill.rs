//! The active master dies, alone and with its guardian.

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{command::Running, game::signal, zookeeper::ZooKeeper};
use rustix::process::Signal;
use tests::{
    cluster::Cluster,
    player::{Player, Transport},
    trial::Trial,
};

#[tokio::test]
async fn a_killed_master_costs_no_command_and_no_server_on_the_embedded_coordinator() -> Result<()> {
    killed(None, Whom::Master).await
}

#[tokio::test]
async fn a_killed_master_costs_no_command_and_no_server_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    killed(Some(&zookeeper), Whom::Master).await
}

#[tokio::test]
async fn nobody_misses_the_guardian_that_dies_with_its_master_on_the_embedded_coordinator() -> Result<()> {
    killed(None, Whom::MasterAndGuardian).await
}

#[tokio::test]
async fn nobody_misses_the_guardian_that_dies_with_its_master_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    killed(Some(&zookeeper), Whom::MasterAndGuardian).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whom {
    Master,
    MasterAndGuardian,
}

async fn killed(zookeeper: Option<&ZooKeeper>, whom: Whom) -> Result<()> {
    let cluster = Cluster::start(zookeeper).await?;
    let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
    player.heard(5).await;
    let trial = Trial::begin(&cluster.game).await?;
    trial.standbys(2).await;

    let master = cluster.active().await?;
    let epoch = trial.watcher.epoch();
    if whom == Whom::MasterAndGuardian {
        let guardian = cluster.supervisors.first().and_then(Running::pid).context("no supervisor")?;
        signal(guardian, Signal::KILL)?;
    }
    signal(master.pid, Signal::KILL)?;
    let next = trial.after(epoch).await?;
    ensure!(next.leader.addr.port != master.port, "the dead master still leads: {next:?}");

    player.heard(player.count() + 5).await;
    player.finish().await?;
    let outcome = trial.check(&cluster.game, 1).await?;
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    Ok(())
}
