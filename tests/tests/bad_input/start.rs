//! Ports and ids that are taken, and a coordinator that is away: what a start finds out only when it is under way.

use std::{net::TcpListener, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    command::{Running, program, run},
    eventually,
    game::{GameDir, free_ports},
    zookeeper::ZooKeeper,
};
use serde_json::Value;
use tests::{
    cluster::{Cluster, PATIENCE, SERVERS, ids_of},
    player::{Player, Transport},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::{does_not_start, fails, has, one_line};

#[tokio::test]
async fn a_port_in_use_is_told_with_the_server_that_needs_it_and_the_process_that_has_it() -> Result<()> {
    let game = GameDir::chat(None)?;
    let servers: Value = serde_json::from_str(&game.read("config/servers.json"))?;
    let port = servers["production"]["chat"][1]["port"].as_u64().context("the port of chat-server-2")?;
    for (port, server, what) in [
        (u16::try_from(port)?, "chat-server-2", "port for other servers"),
        (game.gate, "gate-server-1", "port for clients"),
        (game.masters[0], "master-server-1", "port for servers and tools"),
    ] {
        let _held = TcpListener::bind(("127.0.0.1", port))?;
        let addr = format!(":{port} ({what})");
        let holder = format!("process {} has it: ", std::process::id());
        let program = program_of_this_test()?;
        let words = [&*format!("{server} can't listen on "), &addr, &holder, &program];
        for arguments in [&["start", "-e", "production"][..], &["start", "-e", "production", "-D"]] {
            let said = does_not_start(&game, arguments).await?;
            has(&said.out, &words)?;
            has(&said.err, &[server, "could not be started"])?;
        }
    }
    // In development everything comes to the terminal, the server's own words too.
    let _held = TcpListener::bind(("127.0.0.1", game.gate))?;
    let said = does_not_start(&game, &["start"]).await?;
    has(&said.out, &["gate-server-1 can't listen on", &format!("process {} has it", std::process::id())])?;
    Ok(())
}

#[tokio::test]
async fn something_on_the_masters_port_that_hangs_up_is_not_taken_for_a_master_that_runs() -> Result<()> {
    let game = GameDir::chat(None)?;
    let held = tokio::net::TcpListener::bind(("127.0.0.1", game.masters[0])).await?;
    let hangs_up = tokio::spawn(async move { while held.accept().await.is_ok() {} });
    let said = does_not_start(&game, &["start", "-e", "production"]).await?;
    has(&said.out, &["master-server-1 can't listen on", "Address already in use"])?;
    ensure!(!said.out.contains("runs already"), "{}", said.out);
    hangs_up.abort();
    Ok(())
}

#[tokio::test]
async fn a_second_process_with_an_id_is_refused_by_pid_and_host_while_the_first_goes_on() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let player = Player::join(&cluster.game, Transport::Tcp, "alice").await?;
    let before = cluster.show_servers(None).await?;
    // On the same port it does not come far.
    let second = fails(&cluster.game, "chat", &["env=production", "id=chat-server-1"]).await?;
    let holder = pid_of(&before, "chat-server-1")?;
    has(
        &second.err,
        &["chat-server-1 can't listen on", &format!("process {holder} has it: "), "id=chat-server-1"],
    )?;

    let ports = free_ports(5)?;
    let strays = [
        stray(&cluster.game, "chat-server-1", &[format!("port={}", ports[0])])?,
        stray(&cluster.game, "chat-server-2", &[format!("port={}", ports[1])])?,
        stray(
            &cluster.game,
            "connector-server-1",
            &[format!("port={}", ports[2]), format!("clientPort={}", ports[3])],
        )?,
        stray(&cluster.game, "gate-server-1", &[format!("clientPort={}", ports[4])])?,
    ];
    for (stray, id) in
        strays.iter().zip(["chat-server-1", "chat-server-2", "connector-server-1", "gate-server-1"])
    {
        let holder = pid_of(&before, id)?;
        // One refusal by each master, standbys included.
        stray.lines(&format!("two servers with id {id}: it is held by pid {holder} on 127.0.0.1"), 3).await?;
    }
    let so_far = player.count();
    player.heard(so_far + 20).await;
    let after = cluster.show_servers(None).await?;
    for id in SERVERS {
        ensure!(pid_of(&after, id)? == pid_of(&before, id)?, "{id} was replaced: {after:?}");
    }
    player.finish().await?;

    // A newcomer goes on trying: when the first one ends, it may have the id.
    let newcomer = strays[3].pid().context("it runs")?;
    let stopped = run(&cluster.game, "pomelo", &["stop", "gate-server-1"]).await?;
    ensure!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    eventually("the newcomer has the id", PATIENCE, async || {
        let servers = cluster.show_servers(None).await.ok()?;
        (pid_of(&servers, "gate-server-1").ok()? == u64::from(newcomer)).then_some(())
    })
    .await;
    drop(strays);
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn a_cluster_whose_zookeeper_is_away_says_so_and_starts_when_it_comes() -> Result<()> {
    let Some(mut zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    zookeeper.kill();
    let game = GameDir::chat(Some(&zookeeper.addr()))?;
    let start = Running::pomelo(&game, &["start", "-e", "production"])?;
    let masterha = Running::pomelo(&game, &["masterha", "-e", "production"])?;
    let away = format!("zookeeper {}/pomelo/master can't be reached: Connection refused", zookeeper.addr());
    let waiting = start.line("waiting for").await?;
    has(&waiting, &[&away, &format!("127.0.0.1:{}", game.masters[0]), "chat-server-1", "gate-server-1"])?;
    masterha.line(&away).await?;
    let log = format!("logs/master-server-1-{}.log", game.masters[0]);
    eventually("the log says that it tries again", PATIENCE, async || {
        (game.read(&log).matches(&format!("{away} (os error 111); trying again")).count() > 1).then_some(())
    })
    .await;
    for (name, arguments) in
        [("pomelo", &["list"][..]), ("pomelo", &["stop"]), ("pomelo-cli", &["-c", "show servers"])]
    {
        let said = fails(&game, name, &[arguments, &["--wait", "0"]].concat()).await?;
        one_line(&said, &["no active master", &away, &game.masters[2].to_string()])?;
    }

    zookeeper.start_again().await?;
    start.line("ready").await?;
    masterha.line("ready").await?;
    let cluster = Cluster { game, supervisors: vec![start, masterha] };
    ensure!(ids_of(&cluster.show_servers(None).await?) == SERVERS);
    let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
    player.heard(5).await;
    player.finish().await?;
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn output_that_nobody_reads_any_more_ends_neither_a_supervisor_nor_its_servers() -> Result<()> {
    let game = GameDir::chat(None)?;
    let mut command = Command::new(program("pomelo")?);
    command.args(["start", "--bin"]).arg(program("chat")?).current_dir(game.path());
    let mut supervisor = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(supervisor.stdout.take().context("it was asked for")?).lines();
    while !lines.next_line().await?.context("it ended")?.contains("ready") {}
    drop(lines);
    let listed = async || {
        let list = run(&game, "pomelo", &["list"]).await?;
        ensure!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
        has(&String::from_utf8_lossy(&list.stdout), &["master-server-1", "chat-server-2", "gate-server-1"])
    };
    listed().await?;
    // Its end is something to say for everybody.
    ensure!(run(&game, "pomelo", &["stop", "chat-server-1"]).await?.status.success());
    eventually("chat-server-1 has ended", PATIENCE, async || {
        let mut processes = game.processes().into_iter();
        (!processes.any(|process| process.arguments.contains(&"id=chat-server-1".into()))).then_some(())
    })
    .await;
    listed().await?;
    ensure!(supervisor.try_wait()?.is_none(), "the supervisor has ended");

    supervisor.kill().await?;
    listed().await?;
    ensure!(run(&game, "pomelo", &["stop"]).await?.status.success());
    eventually("nothing is left", PATIENCE, async || game.processes().is_empty().then_some(())).await;
    Ok(())
}

/// A server started by hand, with an id of the configuration and other ports.
fn stray(game: &GameDir, id: &str, more: &[String]) -> Result<Running> {
    let mut command = Command::new(program("chat")?);
    command.arg("env=production").arg(format!("id={id}")).args(more).current_dir(game.path());
    Running::start(command)
}

fn pid_of(servers: &[Value], id: &str) -> Result<u64> {
    let server = servers.iter().find(|server| server["serverId"] == id);
    server.and_then(|server| server["pid"].as_u64()).with_context(|| format!("no pid of {id} in {servers:?}"))
}

fn program_of_this_test() -> Result<String> {
    let me = std::env::current_exe()?;
    Ok(me.file_name().context("a program has a name")?.to_string_lossy().into_owned())
}
