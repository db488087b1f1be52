//! No master lives for a while: the game goes on, a server that is started meanwhile knows the others, and the first master that
//! comes lists everybody.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    command::{Running, program},
    eventually,
    game::{is_gone, signal},
};
use rustix::process::Signal;
use serde_json::Value;
use tests::{
    cluster::{Cluster, PATIENCE},
    player::{Player, Transport},
    trial::living,
};
use tokio::{net::TcpStream, process::Command};

/// The server that is started again while no master lives. Nobody's messages go through it: the room is on one of the two.
const AGAIN: &str = "gate-server-1";

#[tokio::test]
async fn with_every_master_dead_the_game_goes_on_and_the_first_one_back_lists_everybody() -> Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
    player.heard(5).await;
    let masters: Vec<u32> =
        cluster.game.masters.iter().map(|port| Ok(cluster.game.master(*port)?.pid)).collect::<Result<_>>()?;
    let before = living(&cluster.game);
    for master in masters {
        signal(master, Signal::KILL)?;
    }
    player.heard(player.count() + 20).await;

    // By hand, since whoever starts servers asks a master first.
    let gate = cluster.game.processes().into_iter().find(|p| p.arguments.contains(&format!("id={AGAIN}")));
    let gate = gate.context("the gate runs")?;
    signal(gate.pid, Signal::KILL)?;
    eventually("the gate is gone", PATIENCE, async || is_gone(gate.pid).then_some(())).await;
    let mut command = Command::new(program("chat")?);
    let arguments = gate.arguments[1..].iter().filter(|word| !word.starts_with("incarnation="));
    command.args(arguments).current_dir(cluster.game.path());
    let again = Running::start(command)?;
    let (host, port) = (cluster.game.host.clone(), cluster.game.gate);
    eventually("the gate takes players again", PATIENCE, async || {
        TcpStream::connect((host.as_str(), port)).await.ok()
    })
    .await;
    // It knows the connectors, which no master has told it of in this life.
    let guest = Player::join(&cluster.game, Transport::Tcp, "robert").await?;
    guest.heard(5).await;

    let first = cluster.game.masters[0];
    cluster.bring_back(first).await?;
    let expected: BTreeMap<String, Option<u32>> =
        before.into_iter().map(|(id, was)| if id == AGAIN { (id, again.pid()) } else { (id, was) }).collect();
    eventually("the master lists the processes that run", PATIENCE, async || {
        let servers = cluster.show_servers(Some(first)).await.ok()?;
        (pids_of(&servers) == expected).then_some(())
    })
    .await;
    ensure!(living(&cluster.game) == expected, "{:?} run, not {expected:?}", living(&cluster.game));
    player.heard(player.count() + 5).await;
    player.finish().await?;
    guest.finish().await?;
    Ok(())
}

fn pids_of(servers: &[Value]) -> BTreeMap<String, Option<u32>> {
    let pid = |server: &Value| server["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let servers = servers.iter().filter(|server| server["serverType"] != "master");
    servers.filter_map(|server| Some((server["serverId"].as_str()?.to_owned(), pid(server)))).collect()
}
