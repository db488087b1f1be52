//! From `kill -9` of the active master until the last server follows the new one, as the servers' own logs tell it.
//!
//! The same five servers and three masters each time: ours on the embedded coordinator, ours on ZooKeeper, and the Node
//! original on the same ZooKeeper.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use pomelo_testkit::{
    cluster::{Cluster, Master, PATIENCE, SERVERS},
    eventually,
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;

use crate::{
    original,
    series::{Series, render},
};

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
    let mut cluster = Cluster::start(zookeeper).await?;
    for n in 1..=runs {
        let Master { port, pid } = cluster.active().await?;
        let epoch = epoch(&cluster.game).context("no server follows a master")?;
        let killed = SystemTime::now();
        signal(pid, Signal::KILL)?;
        let next = format!("epoch={}", epoch + 1);
        let followed = eventually("every server follows the next master", PATIENCE, async || {
            let times: Vec<_> =
                SERVERS.iter().filter_map(|server| followed_at(&cluster.game, server, &next)).collect();
            (times.len() == SERVERS.len()).then_some(times)
        })
        .await;
        let last = followed.into_iter().max().context("no servers")?;
        let time = last.duration_since(killed)?;
        series.add(time);
        println!("{:<12} {n:>3}/{runs}: {:>8.1} ms", series.name, time.as_secs_f64() * 1e3);

        let log = format!("logs/master-server-1-{port}.log");
        let before = cluster.game.read(&log).len();
        cluster.bring_back(port).await?;
        // Servers try a master that was dead again within 2 s. What is measured is a standby that they know.
        eventually("every server is registered with the new standby", PATIENCE, async || {
            let log = cluster.game.read(&log);
            let news = log.get(before..)?;
            SERVERS.iter().all(|server| news.contains(&format!("monitor {server} registered"))).then_some(())
        })
        .await;
    }
    let port = cluster.active().await?.port;
    cluster.stop(port).await?;
    Ok(series)
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
