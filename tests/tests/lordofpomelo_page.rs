//! LordOfPomelo in a real browser, with every server a process: two people see each other, fight and talk while masters and connectors
//! die.

use anyhow::{Context as _, Result};
use pomelo_testkit::{
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use tests::{cluster::Cluster, played::TwoPlayers};

#[tokio::test]
async fn two_people_play_in_a_browser_and_do_not_notice_that_the_master_was_killed_twice() -> Result<()> {
    played_on(GameDir::lordofpomelo(None)?, "embedded").await
}

#[tokio::test]
async fn two_people_play_in_a_browser_and_do_not_notice_that_the_master_was_killed_twice_on_zookeeper()
-> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    played_on(GameDir::lordofpomelo(Some(&zookeeper.addr()))?, "zookeeper").await
}

async fn played_on(game: GameDir, name: &str) -> Result<()> {
    let cluster = Cluster::of(game).await?;
    let Some(mut players) = TwoPlayers::open(&cluster.game, name).await? else { return Ok(()) };
    for _ in 0..2 {
        signal(cluster.active().await?.pid, Signal::KILL)?;
        players.see_next_leader().await?;
        players.go_on().await?;
    }
    players.close().await?;
    let last = cluster.active().await?.port;
    cluster.stop(last).await
}

#[tokio::test]
async fn whoever_loses_its_connector_comes_back_in_place_by_itself() -> Result<()> {
    let cluster = Cluster::of(GameDir::lordofpomelo(None)?).await?;
    let Some(mut players) = TwoPlayers::open(&cluster.game, "connector").await? else { return Ok(()) };
    let port = *players.ports.first().context("they are on no connector")?;
    let n = cluster.game.connectors.iter().position(|one| *one == port).context("no such connector")?;
    kill(&cluster, &format!("connector-server-{}", n + 1))?;
    players.come_back(port).await?;
    players.go_on().await?;
    players.close().await?;
    let master = cluster.active().await?.port;
    cluster.stop(master).await
}

#[tokio::test]
async fn whoever_loses_the_server_of_its_area_comes_back_in_place_when_it_runs_again() -> Result<()> {
    let game = GameDir::lordofpomelo(None)?;
    game.configure("servers.json", |file| {
        let areas = file["production"]["area"].as_array_mut();
        areas.into_iter().flatten().for_each(|area| area["auto-restart"] = "true".into());
    })?;
    let cluster = Cluster::of(game).await?;
    let Some(mut players) = TwoPlayers::open(&cluster.game, "area").await? else { return Ok(()) };
    kill(&cluster, "area-server-1")?;
    players.come_back_both().await?;
    players.go_on().await?;
    players.close().await?;
    let master = cluster.active().await?.port;
    cluster.stop(master).await
}

fn kill(cluster: &Cluster, id: &str) -> Result<()> {
    let wanted = format!("id={id}");
    let processes = cluster.game.processes();
    let server = processes.iter().find(|process| process.arguments.contains(&wanted));
    signal(server.with_context(|| format!("{id} does not run"))?.pid, Signal::KILL)
}
