//! The network between machines is cut: the active master keeps running and does not hear what it needs, or is not heard. Nobody is
//! told; see [`pomelo_testkit::netns`].

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pomelo_cluster::admin::{AdminClient, AdminError};
use pomelo_testkit::{
    eventually,
    machines::{MASTERS, Machines, SERVERS, ZOOKEEPER},
};
use serde_json::json;
use tests::{
    cluster::PATIENCE,
    player::{Player, Transport},
    trial::Trial,
};

#[tokio::test]
async fn a_master_cut_off_from_zookeeper_is_replaced_and_obeyed_no_more() -> Result<()> {
    replaced(
        |machines, master| machines.net.part(master, ZOOKEEPER),
        |machines, master| machines.net.join(master, ZOOKEEPER),
    )
    .await
}

#[tokio::test]
async fn a_master_cut_off_from_the_servers_is_replaced_and_obeyed_no_more() -> Result<()> {
    replaced(
        |machines, master| machines.net.part(master, SERVERS),
        |machines, master| machines.net.join(master, SERVERS),
    )
    .await
}

#[tokio::test]
async fn a_master_that_does_not_hear_the_servers_is_replaced_and_obeyed_no_more() -> Result<()> {
    replaced(
        |machines, master| machines.net.cut(SERVERS, master),
        |machines, master| machines.net.heal(SERVERS, master),
    )
    .await
}

#[tokio::test]
async fn a_master_that_the_servers_do_not_hear_is_replaced_and_obeyed_no_more() -> Result<()> {
    replaced(
        |machines, master| machines.net.cut(master, SERVERS),
        |machines, master| machines.net.heal(master, SERVERS),
    )
    .await
}

/// Cut off from everybody but administrators, who must not be able to do anything there.
#[tokio::test]
async fn a_master_cut_off_from_its_whole_side_is_replaced_and_obeyed_no_more() -> Result<()> {
    let others = |master: &str| MASTERS.into_iter().filter(|node| *node != master).collect::<Vec<_>>();
    replaced(
        |machines, master| {
            for node in [&others(master)[..], &[SERVERS, ZOOKEEPER]].concat() {
                machines.net.part(master, node)?;
            }
            Ok(())
        },
        |machines, master| {
            for node in [&others(master)[..], &[SERVERS, ZOOKEEPER]].concat() {
                machines.net.join(master, node)?;
            }
            Ok(())
        },
    )
    .await
}

async fn replaced(
    cut: impl FnOnce(&Machines, &str) -> Result<()>,
    heal: impl FnOnce(&Machines, &str) -> Result<()>,
) -> Result<()> {
    let Some(machines) = Machines::for_test().await? else { return Ok(()) };
    let player = Player::join(&machines.servers, Transport::WebSocket, "alice").await?;
    let trial = Trial::begin(&machines.servers).await?;
    trial.standbys(2).await;
    let leader = trial.watcher.leader().context("no master leads")?;
    let node = machines.node_of(&leader.addr.host)?;
    let (process, _) = machines.master(node)?;
    let tool = AdminClient::connect(&leader.addr, "admin", "admin", PATIENCE).await?;

    cut(&machines, node)?;
    let next = trial.after(leader.epoch).await?;
    ensure!(next.leader.addr != leader.addr, "the master that is cut off still leads: {next:?}");
    // An administrator who still talks to the old one: told so, or told nothing.
    let stop = json!({ "signal": "stop", "ids": ["chat-server-1"] });
    let answer = tool.request_within("__console__", stop, Duration::from_secs(10)).await;
    ensure!(answer.is_err(), "the master that is cut off says that it stopped a server: {answer:?}");
    trial.commands(20).await;

    heal(&machines, node)?;
    eventually("the old master stands by", PATIENCE, async || {
        match AdminClient::connect(&leader.addr, "admin", "admin", PATIENCE).await {
            Err(AdminError::Moved { leader: now, .. }) => (now.epoch >= next.leader.epoch).then_some(()),
            _ => None,
        }
    })
    .await;
    ensure!(machines.master(node)?.0 == process, "the master that was cut off was started again");
    player.finish().await?;
    trial.standbys(2).await;
    let outcome = trial.check(&machines.servers, 1).await?;
    println!(
        "{} commands, the slowest took {:?}, failed: {:?}",
        outcome.commands, outcome.slowest, outcome.failed
    );
    Ok(())
}
