//! The walk-through that must always work, over real processes: start, play, kill the active master, go on playing, ask the
//! promoted one, stop. Once for each coordinator, with the chat example, our players and clients from npm; and with LordOfPomelo, its
//! web server and its own script for the standbys.

use std::env;

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{NewHero, Web};
use pomelo_testkit::{
    command::{Running, program},
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use tests::{
    cluster::{Cluster, SERVERS, ids_of, master_of},
    npm,
    pastime::Pastime,
    player::{Player, Transport},
    realm::{Realm, web_server},
};
use tokio::process::Command;

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

    let promoted = promoted(zookeeper, &cluster, master.pid, &SERVERS).await?;
    let so_far = players[0].count();
    players[0].heard(so_far + 20).await;
    for player in players {
        player.finish().await?;
    }
    npm_player.finish().await?;
    cluster.stop(promoted).await
}

/// The active master is killed: a standby says that it was promoted, and knows every server at once. Answers its port.
async fn promoted(
    zookeeper: Option<&ZooKeeper>,
    cluster: &Cluster,
    pid: u32,
    expected: &[&str],
) -> Result<u16> {
    signal(pid, Signal::KILL)?;
    let line = cluster.printed("now is promoted to master!").await;
    let promoted = cluster.game.masters[1..].iter().copied().find(|port| {
        line.contains(&format!("server host: 127.0.0.1, port: {port} now is promoted to master!"))
    });
    let promoted = promoted.with_context(|| format!("not a standby's address: {line:?}"))?;

    // Complete at once: the first answer of the promoted master lists every server.
    let servers = cluster.show_servers(Some(promoted)).await?;
    ensure!(ids_of(&servers) == expected, "the promoted master does not know every server: {servers:?}");
    ensure!(master_of(&servers)?.port == promoted, "another master leads: {servers:?}");
    locks(zookeeper, 2).await?;
    npm::show_servers(&cluster.game, promoted, expected).await?;
    Ok(promoted)
}

#[tokio::test]
async fn lordofpomelo_survives_its_master_on_the_embedded_coordinator() -> Result<()> {
    the_game_survives(None).await
}

#[tokio::test]
async fn lordofpomelo_survives_its_master_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    the_game_survives(Some(&zookeeper)).await
}

async fn the_game_survives(zookeeper: Option<&ZooKeeper>) -> Result<()> {
    let game = GameDir::lordofpomelo(zookeeper.map(ZooKeeper::addr).as_deref())?;
    let mut cluster = Cluster { game, supervisors: Vec::new() };
    cluster.supervise(&["start", "-e", "production"]).await?;
    let standbys = start_master_ha_node(&cluster.game)?;
    standbys.line("ready").await?;
    cluster.supervisors.push(standbys);
    locks(zookeeper, 3).await?;
    let realm = Realm::on(cluster).await?;
    let cluster = &realm.cluster;

    // The web server is started; one can log in and play.
    let (web_server, url) = web_server(&cluster.game).await?;
    let web = Web::at(&url)?;
    let account = web.register("Newcomer", "a secret").await?;
    let newcomer = realm.game.connect(account.uid).await?;
    newcomer.play(&account.token, Some(&NewHero::new("Newcomer"))).await?;
    newcomer.quit().await;
    let pastime = Pastime::begin(&realm).await?;
    pastime.goes_on(2).await;

    let master = cluster.active().await?;
    ensure!(master.port == cluster.game.masters[0], "the first master leads: {master:?}");
    let before = ids_of(&cluster.show_servers(None).await?);
    ensure!(before.len() == 13, "{before:?}");
    let expected: Vec<&str> = before.iter().map(String::as_str).collect();
    let promoted = promoted(zookeeper, cluster, master.pid, &expected).await?;

    let signed_in = web.login("Newcomer", "a secret").await?;
    let newcomer = realm.game.connect(signed_in.uid).await?;
    newcomer.play(&signed_in.token, None).await?;
    newcomer.quit().await;
    pastime.goes_on(3).await;
    pastime.finish().await?;
    // No server of the cluster, and started by itself: it ends by itself.
    drop(web_server);
    realm.cluster.stop(promoted).await
}

/// `scripts/startMasterhaNode.sh` as it is, with this build's `pomelo` first on the path.
fn start_master_ha_node(game: &GameDir) -> Result<Running> {
    let pomelo = program("pomelo")?;
    let folder = pomelo.parent().context("a program has a folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&path)))?;
    let mut command = Command::new("./scripts/startMasterhaNode.sh");
    // Away from its package the game's program has to be named.
    command.args(["production", "--bin"]).arg(program(game.program)?);
    command.env("PATH", paths).current_dir(game.path());
    Running::start(command)
}

/// The candidates that ZooKeeper's own client sees.
async fn locks(zookeeper: Option<&ZooKeeper>, expected: usize) -> Result<()> {
    let Some(zookeeper) = zookeeper else { return Ok(()) };
    let locks = zookeeper.ls("/pomelo/master/lock").await?;
    ensure!(locks.len() == expected, "expected {expected} lock nodes, found {locks:?}");
    Ok(())
}
