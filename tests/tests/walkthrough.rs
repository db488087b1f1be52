//! The walk-through that must always work, over real processes: start, play, kill the active master, go on playing, ask the
//! promoted one, stop. Once for each coordinator, with our players and with clients from npm.

use anyhow::{Result, ensure};
use pomelo_testkit::{game::signal, zookeeper::ZooKeeper};
use rustix::process::Signal;
use tests::{
    cluster::{Cluster, SERVERS, ids_of, master_of},
    npm,
    player::{Player, Transport},
};

#[tokio::test]
async fn a_cluster_survives_its_master_on_the_embedded_coordinator() -> Result<()> {
    survives(None).await
}

#[tokio::test]
async fn a_cluster_survives_its_master_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    survives(Some(&zookeeper)).await
}

async fn survives(zookeeper: Option<&ZooKeeper>) -> Result<()> {
    let cluster = Cluster::start(zookeeper).await?;
    locks(zookeeper, 3).await?;
    let master = cluster.active().await?;
    ensure!(master.port == cluster.game.masters[0], "the first master leads: {master:?}");

    let players = [
        Player::join(&cluster.game, Transport::WebSocket, "alice").await?,
        Player::join(&cluster.game, Transport::Tcp, "robert").await?,
    ];
    let npm_player = npm::Player::join(&cluster.game, "node").await?;
    for player in &players {
        player.heard(20).await;
    }

    signal(master.pid, Signal::KILL)?;
    let line = cluster.printed("now is promoted to master!").await;
    let promoted = cluster.game.masters[1..].iter().copied().find(|port| {
        line.contains(&format!("server host: 127.0.0.1, port: {port} now is promoted to master!"))
    });
    let Some(promoted) = promoted else { anyhow::bail!("not a standby's address: {line:?}") };

    // Complete at once: the first answer of the promoted master lists every server.
    let servers = cluster.show_servers(Some(promoted)).await?;
    ensure!(ids_of(&servers) == SERVERS, "the promoted master does not know every server: {servers:?}");
    ensure!(master_of(&servers)?.port == promoted, "another master leads: {servers:?}");
    locks(zookeeper, 2).await?;
    npm::show_servers(&cluster.game, promoted, &SERVERS).await?;

    let so_far = players[0].count();
    players[0].heard(so_far + 20).await;
    for player in players {
        player.finish().await?;
    }
    npm_player.finish().await?;
    cluster.stop(promoted).await
}

/// The candidates that ZooKeeper's own client sees.
async fn locks(zookeeper: Option<&ZooKeeper>, expected: usize) -> Result<()> {
    let Some(zookeeper) = zookeeper else { return Ok(()) };
    let locks = zookeeper.ls("/pomelo/master/lock").await?;
    ensure!(locks.len() == expected, "expected {expected} lock nodes, found {locks:?}");
    Ok(())
}
