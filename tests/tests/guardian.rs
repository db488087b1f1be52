//! What the process that `pomelo start` leaves running does about a master or server that dies or hangs. Sessions with ZooKeeper
//! are long here, so that a master whose place is taken away by its guardian is told from one whose session ended.

use anyhow::{Context as _, Result, bail, ensure};
use pomelo_testkit::{
    command::{Running, run},
    eventually,
    game::{GameDir, GameProcess, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::cluster::{Cluster, Master, PATIENCE, SERVERS, ids_of};

/// The longest session that the test's ZooKeeper grants: 20 of its ticks.
const SESSION_MS: u64 = 10_000;

#[tokio::test]
async fn the_place_of_a_killed_master_is_freed_by_its_guardian_and_not_by_the_end_of_its_session()
-> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    let cluster = Cluster::start_with(Some(&zookeeper), long_sessions).await?;
    let before = zookeeper.ls("/pomelo/master/lock").await?;
    let master = cluster.active().await?;
    signal(master.pid, Signal::KILL)?;
    // Had the session ended first, there would have been nothing to free, and the line would say so.
    let freed = cluster.printed(&format!("(pid {}): its place in zookeeper", master.pid)).await;
    ensure!(freed.contains(" was freed after "), "not by the guardian: {freed}");
    let node = before.iter().find(|node| freed.contains(&format!("/lock/{node} ")));
    let node = node.with_context(|| format!("{freed:?} names none of {before:?}"))?;
    let left = zookeeper.ls("/pomelo/master/lock").await?;
    ensure!(!left.contains(node), "{node} is still there: {left:?}");
    let next = another_leads(&cluster, &master).await?;
    ensure!(ids_of(&cluster.show_servers(Some(next.port)).await?) == SERVERS);
    cluster.stop(next.port).await
}

#[tokio::test]
async fn a_master_that_hangs_is_killed_by_its_guardian_and_replaced() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    let cluster = Cluster::start_with(Some(&zookeeper), long_sessions).await?;
    let master = cluster.active().await?;
    signal(master.pid, Signal::STOP)?;
    cluster.printed(&format!("(pid {}): was silent for ", master.pid)).await;
    cluster.printed(&format!("(pid {}) was killed by signal 9", master.pid)).await;
    let freed = cluster.printed(&format!("(pid {}): its place in zookeeper", master.pid)).await;
    ensure!(freed.contains(" was freed after "), "not by the guardian: {freed}");
    let next = another_leads(&cluster, &master).await?;
    ensure!(ids_of(&cluster.show_servers(Some(next.port)).await?) == SERVERS);
    cluster.stop(next.port).await
}

#[tokio::test]
async fn a_master_that_hangs_on_the_embedded_coordinator_is_replaced_too() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let master = cluster.active().await?;
    signal(master.pid, Signal::STOP)?;
    cluster.printed(&format!("(pid {}) was killed by signal 9", master.pid)).await;
    let next = another_leads(&cluster, &master).await?;
    ensure!(ids_of(&cluster.show_servers(Some(next.port)).await?) == SERVERS);
    cluster.stop(next.port).await
}

#[tokio::test]
async fn a_master_that_hangs_is_left_alone_where_nobody_else_could_lead() -> Result<()> {
    let game = GameDir::chat(None)?;
    let mut start = Running::pomelo(&game, &["start", "-e", "production"])?;
    start.line("ready").await?;
    let master = game.master(game.masters[0])?;
    signal(master.pid, Signal::STOP)?;
    start.line("it is left alone, because no other master is ready to lead").await?;
    signal(master.pid, Signal::CONT)?;
    start.line("is heard again after").await?;
    let out = run(&game, "pomelo", &["stop"]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    ensure!(start.end().await?.success(), "{:?}", start.output());
    Ok(())
}

#[tokio::test]
async fn a_master_that_dies_with_its_guardian_is_replaced_all_the_same() -> Result<()> {
    let Some(zookeeper) = ZooKeeper::for_test().await else { return Ok(()) };
    let cluster = Cluster::start(Some(&zookeeper)).await?;
    let master = cluster.active().await?;
    let guardian = cluster.supervisors.first().and_then(Running::pid).context("the first supervisor runs")?;
    signal(guardian, Signal::KILL)?;
    signal(master.pid, Signal::KILL)?;
    let next = another_leads(&cluster, &master).await?;
    eventually("the servers, which nobody keeps now, are all there", PATIENCE, async || {
        let servers = cluster.show_servers(Some(next.port)).await.ok()?;
        (ids_of(&servers) == SERVERS).then_some(())
    })
    .await;
    let out = run(&cluster.game, "pomelo", &["stop", "-P", &next.port.to_string()]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(())
}

#[tokio::test]
async fn a_dead_master_is_started_again_as_a_standby_where_its_entry_says_so() -> Result<()> {
    let cluster = Cluster::start_with(None, GameDir::restart_masters).await?;
    let master = cluster.active().await?;
    signal(master.pid, Signal::KILL)?;
    cluster.printed(&format!("(pid {}): starting it again in 100 ms", master.pid)).await;
    let next = another_leads(&cluster, &master).await?;
    let candidate = |status: &Value, port: u16| {
        let mut candidates = status["candidates"].as_array()?.iter();
        candidates.find(|candidate| candidate["port"] == port).cloned()
    };
    let back = eventually("the dead master is a standby again", PATIENCE, async || {
        let status = status(&cluster.game).await.ok()?;
        candidate(&status, master.port).filter(|back| back["role"] == "standby" && back["lag"] == 0)
    })
    .await;
    ensure!(back["pid"] != master.pid, "the same process: {back}");
    ensure!(back["guardian"]["silenceMs"] == 500, "nobody watches it: {back}");
    cluster.stop(next.port).await
}

#[tokio::test]
async fn a_dead_master_stays_dead_where_nothing_else_is_said() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let master = cluster.active().await?;
    signal(master.pid, Signal::KILL)?;
    let next = another_leads(&cluster, &master).await?;
    // A master that leads has its links with the others, or makes them again.
    eventually("the two that live are linked, and no third one", PATIENCE, async || {
        let status = status(&cluster.game).await.ok()?;
        let candidates = status["candidates"].as_array()?;
        let linked = |port: u16| candidates.iter().any(|one| one["port"] == port && one["link"] == true);
        let living = cluster.game.masters.iter().filter(|port| **port != master.port);
        (!linked(master.port) && living.into_iter().all(|port| linked(*port))).then_some(())
    })
    .await;
    ensure!(cluster.game.master(master.port).is_err(), "it runs again");
    cluster.stop(next.port).await
}

#[tokio::test]
async fn a_restart_gives_one_server_another_process_and_changes_nothing_else() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let before = pids(&cluster).await?;
    let out = run(&cluster.game, "pomelo", &["restart", "chat-server-1", "--json"]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let answer: Value = serde_json::from_slice(&out.stdout)?;
    let process = one(&cluster.game, "chat-server-1")?;
    ensure!(answer["results"]["chat-server-1"] == process.pid, "{process:?} is not the one of {answer}");
    let after = eventually("the server is there again", PATIENCE, async || {
        let pids = pids(&cluster).await.ok()?;
        (pids["chat-server-1"] == process.pid).then_some(pids)
    })
    .await;
    for (id, pid) in before.as_object().context("pids by id")? {
        let changed = after[id] != *pid;
        ensure!(changed == (id == "chat-server-1"), "before: {before}, after: {after}");
    }
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn a_restart_of_nobody_that_is_known_changes_nothing_and_says_so() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let before = pids(&cluster).await?;
    let out = run(&cluster.game, "pomelo", &["restart", "chat-server-9"]).await?;
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(!out.status.success() && error.contains("chat-server-9"), "{error}");
    ensure!(pids(&cluster).await? == before);
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn a_killed_server_comes_back_once_where_its_entry_says_so() -> Result<()> {
    let cluster = Cluster::start_with(None, |game| {
        game.configure("servers.json", |file| file["production"]["chat"][0]["auto-restart"] = json!("true"))
    })
    .await?;
    let before = one(&cluster.game, "chat-server-1")?;
    let other = one(&cluster.game, "chat-server-2")?;
    signal(before.pid, Signal::KILL)?;
    signal(other.pid, Signal::KILL)?;
    let after = eventually("chat-server-1 is listed with another process", PATIENCE, async || {
        let after = one(&cluster.game, "chat-server-1").ok().filter(|after| after.pid != before.pid)?;
        (pids(&cluster).await.ok()?["chat-server-1"] == after.pid).then_some(after)
    })
    .await;
    ensure!(incarnation(&after)? > incarnation(&before)?, "an older life: {after:?}");
    // The answer of the master that claimed it is the only one that starts it: by now a second one would run, too.
    one(&cluster.game, "chat-server-1")?;
    let left = cluster.game.processes();
    ensure!(!left.iter().any(|process| is(process, "chat-server-2")), "it came back without being asked for");
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn a_server_that_was_stopped_on_purpose_stays_down_until_it_is_started_by_name() -> Result<()> {
    let mut cluster = Cluster::start_with(None, |game| {
        game.configure("servers.json", |file| file["production"]["chat"][0]["auto-restart"] = json!("true"))
    })
    .await?;
    let out = run(&cluster.game, "pomelo", &["stop", "chat-server-1"]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    eventually("it is gone", PATIENCE, async || one(&cluster.game, "chat-server-1").is_err().then_some(()))
        .await;
    let master = cluster.active().await?;
    signal(master.pid, Signal::KILL)?;
    another_leads(&cluster, &master).await?;
    ensure!(one(&cluster.game, "chat-server-1").is_err(), "it came back");
    cluster.supervise(&["start", "-e", "production", "-i", "chat-server-1"]).await?;
    one(&cluster.game, "chat-server-1")?;
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn the_status_of_a_healthy_cluster_says_so() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let healthy = eventually("everybody is linked and follows", PATIENCE, async || {
        let out = run(&cluster.game, "pomelo", &["master", "status"]).await.ok()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.contains("healthy: another master takes over").then_some(text)
    })
    .await;
    for part in ["leads in epoch 1", "5 of 5 servers follow it", "kills after 500 ms", "standby"] {
        ensure!(healthy.contains(part), "{part:?} is missing in\n{healthy}");
    }
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

fn long_sessions(game: &GameDir) -> Result<()> {
    game.configure("masterha.json", |file| file["zookeeper"]["sessionTimeoutMs"] = SESSION_MS.into())
}

/// Waits until a master on another port leads, and the servers say that they follow it.
async fn another_leads(cluster: &Cluster, before: &Master) -> Result<Master> {
    cluster.printed("now is promoted to master!").await;
    let next = eventually("another master leads", PATIENCE, async || {
        cluster.active().await.ok().filter(|next| next.port != before.port)
    })
    .await;
    Ok(next)
}

/// `pomelo master status --json`.
async fn status(game: &GameDir) -> Result<Value> {
    let out = run(game, "pomelo", &["master", "status", "--json"]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(serde_json::from_slice(&out.stdout)?)
}

/// The process of everybody in `show servers`, by id.
async fn pids(cluster: &Cluster) -> Result<Value> {
    let rows = cluster.show_servers(None).await?;
    Ok(rows
        .iter()
        .filter_map(|row| Some((row["serverId"].as_str()?.to_owned(), row["pid"].clone())))
        .collect())
}

/// The one process of a server.
fn one(game: &GameDir, id: &str) -> Result<GameProcess> {
    let mut found = game.processes();
    found.retain(|process| is(process, id));
    match (found.pop(), found.len()) {
        (Some(process), 0) => Ok(process),
        (None, _) => bail!("{id} does not run"),
        (Some(_), more) => bail!("{id} runs {} times", more + 1),
    }
}

fn is(process: &GameProcess, id: &str) -> bool {
    process.arguments.iter().any(|argument| *argument == format!("id={id}"))
}

/// Which life of a server a process was started as.
fn incarnation(process: &GameProcess) -> Result<u64> {
    let given = process.arguments.iter().find_map(|argument| argument.strip_prefix("incarnation="));
    Ok(given.with_context(|| format!("no incarnation in {process:?}"))?.parse()?)
}
