//! The commands as an operator uses them: planned switch, one server stopped and started again, the background, a supervisor
//! that dies, development output.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};
use pomelo_testkit::{
    command::{Running, program, run},
    eventually,
    game::{GameDir, signal},
};
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

use tests::{
    cluster::{Cluster, PATIENCE, SERVERS, ids_of},
    player::{Player, Transport},
};

#[tokio::test]
async fn a_master_that_is_told_to_end_hands_over_first() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
    let master = cluster.active().await?;
    signal(master.pid, Signal::TERM)?;
    cluster.printed("now is promoted to master!").await;
    let ended = cluster.printed(&format!("(pid {}) ended after", master.pid)).await;
    ensure!(!ended.contains("exit code"), "it did not end well: {ended}");
    let next = cluster.active().await?;
    ensure!(next.port != master.port, "nobody else leads");
    ensure!(ids_of(&cluster.show_servers(Some(next.port)).await?) == SERVERS);
    player.finish().await?;
    cluster.stop(next.port).await
}

#[tokio::test]
async fn one_server_is_stopped_and_started_again_while_the_others_go_on() -> Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let master = cluster.active().await?;
    let out = run(&cluster.game, "pomelo", &["stop", "gate-server-1"]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let listed = async || ids_of(&cluster.show_servers(None).await.unwrap_or_default());
    eventually("the gate is gone", PATIENCE, async || (listed().await == SERVERS[..4]).then_some(())).await;
    // A change of master does not bring it back: it was stopped on purpose.
    signal(master.pid, Signal::KILL)?;
    cluster.printed("now is promoted to master!").await;
    ensure!(listed().await == SERVERS[..4], "the promoted master lists {:?}", listed().await);

    cluster.supervise(&["start", "-e", "production", "-i", "gate-server-1"]).await?;
    ensure!(ids_of(&cluster.show_servers(None).await?) == SERVERS);
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn a_cluster_in_the_background_outlives_its_supervisor() -> Result<()> {
    let game = GameDir::chat(None)?;
    let mut start = Running::pomelo(&game, &["start", "-e", "production", "-D"])?;
    ensure!(start.end().await?.success(), "start -D: {:?}", start.output());
    let report = start.line("in the background as pid").await?;
    let supervisor: u32 = report
        .split("pid ")
        .nth(1)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .ok_or_else(|| anyhow::anyhow!("no pid in {report:?}"))?;
    signal(supervisor, Signal::KILL)?;

    let player = Player::join(&game, Transport::Tcp, "alice").await?;
    player.heard(5).await;
    player.finish().await?;
    let list = run(&game, "pomelo", &["list"]).await?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for id in SERVERS {
        ensure!(list.contains(id), "{id} is missing in\n{list}");
    }
    let stopped = run(&game, "pomelo", &["stop"]).await?;
    ensure!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    nothing_left(&game).await;
    Ok(())
}

#[tokio::test]
async fn ctrl_c_at_the_supervisor_ends_what_it_started() -> Result<()> {
    let game = GameDir::chat(None)?;
    let mut start = Running::pomelo(&game, &["start"])?; // development: output comes here, line by line
    start.line("chat-server-1 |").await?;
    start.line("ready").await?;
    signal(start.pid().unwrap_or_default(), Signal::INT)?;
    ensure!(start.end().await?.success(), "{:?}", start.output());
    nothing_left(&game).await;
    Ok(())
}

#[tokio::test]
async fn a_console_goes_on_asking_when_its_master_was_killed() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let master = cluster.active().await?;
    let mut command = Command::new(program("pomelo-cli")?);
    command.args(["-P", &master.port.to_string()]).current_dir(cluster.game.path());
    let mut console = Running::start(command)?;
    console.line("Connected to the active master").await?;
    console.write("show servers").await?;
    console.lines("gate-server-1", 1).await?;
    signal(master.pid, Signal::KILL)?;
    cluster.printed("now is promoted to master!").await;
    console.write("show servers").await?;
    console.lines("gate-server-1", 2).await?;
    console.write("use nobody").await?;
    console.line("there is no server \"nobody\"; there are: chat-server-1, ").await?;
    console.write("quit").await?;
    ensure!(console.end().await?.success(), "{:?}", console.output());
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn the_console_tells_who_is_connected_where_and_stops_a_server() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
    let console = async |arguments: &[&str]| {
        let out = run(&cluster.game, "pomelo-cli", arguments).await?;
        let said = [out.stdout, out.stderr].concat();
        anyhow::Ok((out.status.success(), String::from_utf8_lossy(&said).into_owned()))
    };
    let (_, json) = console(&["--json", "-c", "show logins"]).await?;
    let logins: Vec<Value> = serde_json::from_str(&json)?;
    ensure!(logins.len() == 1 && logins[0]["uid"] == "alice*lobby", "{json}");
    let connector = logins[0]["serverId"].as_str().unwrap_or_default();
    let (_, json) = console(&["--json", "-c", "show connections"]).await?;
    let rows: Vec<Value> = serde_json::from_str(&json)?;
    let row = rows.iter().find(|row| row["serverId"] == connector);
    ensure!(row.is_some_and(|row| row["totalConnCount"] == 1 && row["loginedCount"] == 1), "{json}");
    let (_, table) = console(&["-c", "show connections; show logins"]).await?;
    ensure!(table.contains(&format!("\n{connector} 1           1\n")), "{table}");
    ensure!(table.contains(&format!("\n{connector} alice*lobby ")), "{table}");
    let (done, said) = console(&["-c", "use chat-server-1; show logins"]).await?;
    ensure!(!done && said.contains("chat-server-1") && said.contains("backend"), "{said}");

    let (done, said) = console(&["-c", "stop gate-server-1"]).await?;
    ensure!(done && said == "told to stop: gate-server-1\n", "{said}");
    eventually("the gate is gone", PATIENCE, async || {
        (ids_of(&cluster.show_servers(None).await.ok()?) == SERVERS[..4]).then_some(())
    })
    .await;
    let (done, said) = console(&["-c", "stop"]).await?;
    ensure!(!done && said.contains("stop which server?"), "{said}");
    player.finish().await?;
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

#[tokio::test]
async fn kill_ends_every_process_at_once() -> Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let out = run(&cluster.game, "pomelo", &["kill"]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    for supervisor in &mut cluster.supervisors {
        supervisor.end().await?;
    }
    nothing_left(&cluster.game).await;
    Ok(())
}

#[tokio::test]
async fn servers_of_the_example_believe_everybody_until_its_script_has_made_a_secret() -> Result<()> {
    for has_secret in [false, true] {
        let game = GameDir::chat(None)?;
        game.keep_masters(1)?;
        if has_secret {
            new_secret(&game).await?;
        }
        let mut cluster = Cluster { game, supervisors: Vec::new() };
        cluster.supervise(&["start", "-e", "production"]).await?;
        let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
        player.heard(5).await;
        player.finish().await?;
        let warned = cluster.game.read("logs/chat-server-1.log").contains("config/rpc.json");
        ensure!(warned != has_secret, "{}", cluster.game.read("logs/chat-server-1.log"));
        let port = cluster.game.masters[0];
        cluster.stop(port).await?;
    }
    Ok(())
}

/// Runs the script twice: the second time it leaves the secret alone, which others may have by then.
async fn new_secret(game: &GameDir) -> Result<()> {
    let mut secrets = Vec::new();
    for says in ["has a new secret", "is there"] {
        let out = Command::new(game.path().join("scripts/newSecret.sh")).output().await?;
        let said = String::from_utf8_lossy(&out.stdout);
        ensure!(out.status.success() && said.contains(says), "{out:?}");
        secrets.push(game.read("config/rpc.json"));
    }
    let mode = std::fs::metadata(game.path().join("config/rpc.json"))?.permissions().mode();
    ensure!(secrets[0] == secrets[1] && secrets[0].len() > 64 && mode & 0o077 == 0, "{secrets:?} {mode:o}");
    Ok(())
}

async fn nothing_left(game: &GameDir) {
    eventually("no process of the game is left", PATIENCE, async || {
        game.processes().is_empty().then_some(())
    })
    .await;
}
