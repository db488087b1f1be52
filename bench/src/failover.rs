//! From `kill -9` of the active master until the last server follows the new one, as the servers' own logs tell it.
//!
//! The same five servers and three masters each time: ours on the embedded coordinator, ours on ZooKeeper, and the Node
//! original on the same ZooKeeper.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    command::{Running, run as run_program},
    eventually,
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    original,
    series::{Series, render},
};

/// The servers whose logs are read.
const SERVERS: [&str; 5] =
    ["connector-server-1", "connector-server-2", "chat-server-1", "chat-server-2", "gate-server-1"];

/// Longer than any failover; what is not over by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(runs: u32, original_runs: u32) -> Result<()> {
    println!(
        "kill -9 of the active master until the last of {} servers follows the new one\n",
        SERVERS.len()
    );
    let zookeeper = ZooKeeper::start().await?;
    let mut all = vec![ours(None, runs).await?, ours(Some(&zookeeper), runs).await?];
    if original_runs > 0 {
        all.push(original::measure(&zookeeper, original_runs).await?);
    }
    println!("\n{}", render(&all));
    Ok(())
}

async fn ours(zookeeper: Option<&ZooKeeper>, runs: u32) -> Result<Series> {
    let mut series = match zookeeper {
        None => Series::new("embedded", "the kernel's release of the lock, and one fsync of the epoch"),
        Some(_) => Series::new("zookeeper", "ZooKeeper's session time-out: 2000 ms asked for, tick 500 ms"),
    };
    let game = GameDir::chat(zookeeper.map(ZooKeeper::addr).as_deref())?;
    let mut supervisors = Vec::new();
    for command in ["start", "masterha"] {
        let supervisor = Running::pomelo(&game, &[command, "-e", "production"])?;
        supervisor.line("ready").await?;
        supervisors.push(supervisor);
    }
    for n in 1..=runs {
        let (port, pid) = active(&game).await?;
        let epoch = epoch(&game).context("no server follows a master")?;
        let killed = SystemTime::now();
        signal(pid, Signal::KILL)?;
        let next = format!("epoch={}", epoch + 1);
        let followed = eventually("every server follows the next master", PATIENCE, async || {
            let times: Vec<_> =
                SERVERS.iter().filter_map(|server| followed_at(&game, server, &next)).collect();
            (times.len() == SERVERS.len()).then_some(times)
        })
        .await;
        let last = followed.into_iter().max().context("no servers")?;
        let time = last.duration_since(killed)?;
        series.add(time);
        println!("{:<12} {n:>3}/{runs}: {:>8.1} ms", series.name, time.as_secs_f64() * 1e3);

        let log = format!("logs/master-server-1-{port}.log");
        let before = game.read(&log).len();
        let again: &[&str] = if port == game.masters[0] { &["start", "-t", "master"] } else { &["masterha"] };
        let supervisor = Running::pomelo(&game, &[again, &["-e", "production"]].concat())?;
        supervisor.line("ready").await?;
        // Servers try a master that was dead again within 2 s. What is measured is a standby that they know.
        eventually("every server is registered with the new standby", PATIENCE, async || {
            let log = game.read(&log);
            let news = log.get(before..)?;
            SERVERS.iter().all(|server| news.contains(&format!("monitor {server} registered"))).then_some(())
        })
        .await;
        supervisors.push(supervisor);
    }
    let (port, _) = active(&game).await?;
    let stopped = run_program(&game, "pomelo", &["stop", "-P", &port.to_string()]).await?;
    ensure!(stopped.status.success(), "stop failed: {}", String::from_utf8_lossy(&stopped.stderr));
    Ok(series)
}

/// Port and process of the active master.
async fn active(game: &GameDir) -> Result<(u16, u32)> {
    let out = run_program(game, "pomelo-cli", &["--json", "-c", "show servers"]).await?;
    let servers: Vec<Value> = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("pomelo-cli: {}", String::from_utf8_lossy(&out.stderr)))?;
    let master = servers.iter().find(|s| s["serverType"] == "master").context("no master in the list")?;
    let number = |field: &str| master[field].as_u64().with_context(|| format!("no {field} in {master}"));
    Ok((u16::try_from(number("port")?)?, u32::try_from(number("pid")?)?))
}

/// The epoch that every server follows.
fn epoch(game: &GameDir) -> Option<u64> {
    let log = game.read(&format!("logs/{}.log", SERVERS[0]));
    let line = log.lines().rfind(|line| line.contains("following master"))?;
    line.split("epoch=").nth(1)?.split_whitespace().next()?.parse().ok()
}

/// When a server said that it follows a master of this epoch.
fn followed_at(game: &GameDir, server: &str, epoch: &str) -> Option<SystemTime> {
    let log = game.read(&format!("logs/{server}.log"));
    let line = log.lines().find(|line| {
        line.contains("following master") && line.split_whitespace().any(|word| word == epoch)
    })?;
    time_of(line)
}

/// The time at the start of a log line, `2026-11-23T00:45:04.123456Z`.
fn time_of(line: &str) -> Option<SystemTime> {
    let (date, time) = line.split_whitespace().next()?.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let (hours, minutes) = (time.next()?.parse::<u64>().ok()?, time.next()?.parse::<u64>().ok()?);
    let seconds: f64 = time.next()?.parse().ok()?;
    // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let whole = u64::try_from(days).ok()? * 86_400 + hours * 3_600 + minutes * 60;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(whole) + Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_log_line_is_read_to_the_microsecond() {
        let time = time_of("2026-11-23T00:45:04.123456Z  INFO pomelo::follow: following").unwrap();
        assert_eq!(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros(), 1_795_394_704_123_456);
        assert_eq!(time_of("no time here"), None);
    }
}
