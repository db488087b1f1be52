//! Failovers and cold starts with thousands of servers, which a few processes play ([`crate::crowd`]); the masters are real processes.

use std::{
    cell::Cell,
    fs,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result, ensure};
use pomelo_cluster::{
    coordinator::MasterAddr,
    membership::{Version, View},
    memory::{Memory, folder},
};
use pomelo_testkit::{
    command::{Running, program},
    eventually,
    game::{GameDir, signal},
    zookeeper::ZooKeeper,
};
use rustix::process::Signal;
use serde_json::json;
use tokio::process::Command;

use crate::{
    Output,
    crowd::{self, Crowd},
    failover::{login, parts},
    log,
    series::Series,
};

/// Longer than anything takes that works, with ten thousand servers on two cores.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long no master lives before a cold start: longer than the longest pause between two attempts.
const COLD: Duration = Duration::from_secs(10);

/// Connections that are opened at once where that is not what is measured.
const DIALLING_MAX: usize = 512;

/// With more servers fewer pings, of which real ones send one a second: masters and servers share a machine here.
const MANY: usize = 2_000;

/// A game whose servers are simulated.
struct Crowded {
    game: GameDir,
    addrs: Vec<MasterAddr>,
    crowd: Crowd,
    servers: usize,
    zookeeper: bool,
}

/// Kills the active master again and again under so many servers.
pub(crate) async fn failovers(
    (servers, masters): (usize, usize),
    runs: u32,
    zookeeper: Option<&ZooKeeper>,
    output: &Output,
) -> Result<()> {
    let all = Crowded::start(servers, masters, DIALLING_MAX, zookeeper)?;
    let _supervisors = all.supervise()?;
    let login = login(&all.game, masters);
    let mut series = Series::new(all.name(), "announcements and answers on two cores");
    let ports: Vec<_> = all.addrs.iter().map(|addr| addr.port).collect();
    for n in 1..=runs {
        let epoch = all.ready().await?;
        let (port, _) =
            log::active_at(&all.game, &ports, epoch).context("no master's log says that it leads")?;
        let leader = all.game.master(port)?.pid;
        let (killed, killed_at) = (Instant::now(), SystemTime::now());
        signal(leader, Signal::KILL)?;
        let last =
            eventually("every server follows the next master", PATIENCE, async || all.followed(epoch)).await;
        let time = last.saturating_duration_since(killed);
        series.times.add(time);
        println!("{:<34} {n:>3}/{runs}: {:>8.1} ms", series.name, time.as_secs_f64() * 1e3);
        if let Some((_, at)) = log::active_at(&all.game, &ports, all.crowd.epoch()) {
            series.to_epoch.add(at.duration_since(killed_at).unwrap_or_default());
        }
        parts(&mut series, &login, all.crowd.epoch()).await?;
    }
    all.ready().await?;
    let title = format!("Kill -9 of the active master until {servers} servers follow the new one");
    output.show(&title, &[series], None, json!({ "servers": servers, "masters": masters }))
}

/// All masters die; after a while one comes back, and every server dials when its pause is over.
pub(crate) async fn storms(
    (servers, masters): (usize, usize),
    runs: u32,
    zookeeper: Option<&ZooKeeper>,
    output: &Output,
) -> Result<()> {
    let all = Crowded::start(servers, masters, servers * masters, zookeeper)?;
    let mut registered =
        Series::new(format!("{}: registered", all.name()), "pauses between attempts, 2 s at most");
    let mut follow =
        Series::new(format!("{}: follow", all.name()), "the same, and 2 s without a leader's list");
    registered.planned = true;
    follow.planned = true;
    let mut dropped = 0;
    for n in 1..=runs {
        let supervisors = all.supervise()?;
        all.ready().await?;
        drop(supervisors);
        for process in all.game.processes() {
            signal(process.pid, Signal::KILL)?;
        }
        eventually("no master lives", PATIENCE, async || {
            all.addrs.iter().all(|addr| all.crowd.linked(addr) == 0).then_some(())
        })
        .await;
        tokio::time::sleep(COLD).await;
        let (drops, dials) = (listen_drops()?, all.crowd.dials());
        let (in_all, of_all, master) = all.cold_start().await?;
        registered.times.add(in_all);
        follow.times.add(of_all);
        let drops = listen_drops()? - drops;
        dropped += drops;
        println!(
            "cold start {n}/{runs}: all registered after {:.2} s, all follow after {:.2} s; {} attempts, {drops} dropped SYNs",
            in_all.as_secs_f64(),
            of_all.as_secs_f64(),
            all.crowd.dials() - dials
        );
        drop(master);
    }
    let title = format!("One master starts, and {servers} servers have waited for it");
    output.show(&title, &[registered, follow], None, json!({ "servers": servers, "droppedSyns": dropped }))
}

impl Crowded {
    fn start(servers: usize, masters: usize, dialling: usize, zookeeper: Option<&ZooKeeper>) -> Result<Self> {
        let ping = Duration::from_secs(if servers > MANY { 3 } else { 1 });
        println!("{servers} simulated servers, {masters} masters, a ping every {} s\n", ping.as_secs());
        // Masters inherit it: a link to each server, and some for all the rest.
        pomelo_robot::open_files(servers as u64 + 2_000)?;
        let game = GameDir::chat(zookeeper.map(ZooKeeper::addr).as_deref())?;
        game.keep_masters(masters)?;
        game.restart_masters()?;
        let addrs: Vec<MasterAddr> = game.masters[..masters]
            .iter()
            .map(|port| MasterAddr { host: game.host.clone(), port: *port })
            .collect();
        // Else each of them would be told of each other one as it comes, which no failover brings about.
        let version = Version { epoch: 1, rev: servers as u64 };
        let view = View::new(version, (1..=servers).filter_map(|n| crowd::server(n).ok()));
        Memory { max_epoch: 1, view }.save(&folder(game.path(), "production"))?;
        let crowd = Crowd::start(servers, &addrs, ping, dialling)?;
        Ok(Self { game, addrs, crowd, servers, zookeeper: zookeeper.is_some() })
    }

    fn name(&self) -> String {
        format!("{} servers, {}", self.servers, if self.zookeeper { "zookeeper" } else { "embedded" })
    }

    /// Starts the masters.
    fn supervise(&self) -> Result<[Running; 2]> {
        Ok([
            Running::pomelo(&self.game, &["start", "-t", "master", "-e", "production"])?,
            Running::pomelo(&self.game, &["masterha", "-e", "production"])?,
        ])
    }

    /// Waits until every server is registered everywhere and follows the same epoch, which it returns.
    async fn ready(&self) -> Result<u64> {
        let until = Instant::now() + PATIENCE;
        loop {
            let linked: Vec<usize> = self.addrs.iter().map(|addr| self.crowd.linked(addr)).collect();
            let epoch = self.crowd.epoch();
            let followed = self.crowd.followed(epoch).map_or(0, |(count, _)| count);
            if linked.iter().all(|linked| *linked == self.servers) && followed == self.servers {
                // A moment for what the registrations caused.
                tokio::time::sleep(Duration::from_millis(500)).await;
                return Ok(epoch);
            }
            ensure!(
                Instant::now() < until,
                "of {} servers {linked:?} are registered, {followed} follow epoch {epoch}; refused: {:?}",
                self.servers,
                self.crowd.refused()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// When the last server followed an epoch higher than this, if all do.
    fn followed(&self, epoch: u64) -> Option<Instant> {
        let now = self.crowd.epoch();
        self.crowd.followed(now).filter(|(count, _)| now > epoch && *count == self.servers).map(|(_, at)| at)
    }

    /// Starts a master alone: how long until all are registered, and until all follow it.
    async fn cold_start(&self) -> Result<(Duration, Duration, Running)> {
        let (epoch, addr) = (self.crowd.epoch(), &self.addrs[0]);
        let mut command = Command::new(program("chat")?);
        command
            .args([
                "env=production",
                "serverType=master",
                "id=master-server-1",
                &format!("port={}", addr.port),
            ])
            .current_dir(self.game.path());
        let started = Instant::now();
        let master = Running::start(command)?;
        let registered = Cell::new(None);
        let last = eventually("every server follows the only master", PATIENCE, async || {
            if registered.get().is_none() && self.crowd.linked(addr) == self.servers {
                registered.set(Some(started.elapsed()));
            }
            self.followed(epoch)
        })
        .await;
        let follow = last.saturating_duration_since(started);
        Ok((registered.get().unwrap_or(follow), follow, master))
    }
}

/// Connections that this machine has dropped because a listener's queue was full.
fn listen_drops() -> Result<u64> {
    let table = fs::read_to_string("/proc/net/netstat")?;
    let mut lines = table.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().context("netstat")?, lines.next().context("netstat")?);
    let value = |wanted| {
        let mut pairs = names.split_whitespace().zip(values.split_whitespace());
        let (_, value) =
            pairs.find(|(name, _)| *name == wanted).context("a counter is missing in netstat")?;
        anyhow::Ok(value.parse::<u64>()?)
    };
    // An overflow is counted in both; drops are what there is of other reasons too.
    Ok(value("ListenDrops")?.max(value("ListenOverflows")?))
}
