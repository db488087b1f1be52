//! The active master is killed again and again, the dead ones come back as standbys: epochs grow by one each time, and each
//! new master knows every server.

use anyhow::{Result, ensure};
use pomelo_testkit::{command::Running, eventually, game::signal, zookeeper::ZooKeeper};
use rustix::process::Signal;
use tests::cluster::{Cluster, PATIENCE, SERVERS, ids_of};

/// How often.
const KILLS: u64 = 10;

#[tokio::test]
async fn ten_masters_in_a_row_are_replaced_on_the_embedded_coordinator() -> Result<()> {
    killed_in_a_row(None).await
}

#[tokio::test]
async fn ten_masters_in_a_row_are_replaced_on_zookeeper() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    killed_in_a_row(Some(&zookeeper)).await
}

async fn killed_in_a_row(zookeeper: Option<&ZooKeeper>) -> Result<()> {
    let mut cluster = Cluster::start(zookeeper).await?;
    for kills in 1..=KILLS {
        let master = cluster.active().await?;
        signal(master.pid, Signal::KILL)?;
        let followed = format!("epoch={}", kills + 1);
        eventually("every server follows the next epoch", PATIENCE, async || {
            SERVERS.iter().all(|server| epochs(&cluster, server).contains(&followed)).then_some(())
        })
        .await;
        let next = cluster.active().await?;
        ensure!(next.port != master.port, "the dead master still leads");
        let servers = cluster.show_servers(Some(next.port)).await?;
        ensure!(ids_of(&servers) == SERVERS, "after {kills} kills: {servers:?}");

        cluster.bring_back(master.port).await?;
    }
    let expected: Vec<String> = (1..=KILLS + 1).map(|epoch| format!("epoch={epoch}")).collect();
    for server in SERVERS {
        let followed = epochs(&cluster, server);
        ensure!(followed == expected, "{server} followed {followed:?}");
    }
    let active = cluster.active().await?;
    everybody_is_linked(&cluster, active.port).await;
    cluster.stop(active.port).await
}

/// A master that was dead is dialled again within 2 s, and who has no link to the active one can't be told to stop.
async fn everybody_is_linked(cluster: &Cluster, port: u16) {
    let agent = cluster.supervisors.first().and_then(Running::pid);
    let mut links: Vec<String> =
        SERVERS.iter().map(|server| format!("monitor {server} registered")).collect();
    links.extend(agent.map(|pid| format!("-{pid} registered")));
    let others = cluster.game.masters.iter().filter(|other| **other != port);
    links.extend(others.map(|other| format!("candidate 127.0.0.1:{other} registered")));
    eventually("everybody is linked with the active master", PATIENCE, async || {
        let log = cluster.game.read(&format!("logs/master-server-1-{port}.log"));
        let (_, life) = log.rsplit_once("listens on")?;
        links.iter().all(|link| life.contains(link)).then_some(())
    })
    .await;
}

/// The epochs that a server followed, in order, as its log tells.
fn epochs(cluster: &Cluster, server: &str) -> Vec<String> {
    let log = cluster.game.read(&format!("logs/{server}.log"));
    let follows = log.lines().filter(|line| line.contains("following master"));
    follows
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("epoch=")))
        .map(str::to_owned)
        .collect()
}
