//! A game, the chat example if nothing else is said, started with the commands of the README.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{
    command::{Running, run},
    eventually,
    game::GameDir,
    zookeeper::ZooKeeper,
};

/// Longer than anything takes that works; what is not done by then hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Ids of the example's servers.
pub const SERVERS: [&str; 5] =
    ["chat-server-1", "chat-server-2", "connector-server-1", "connector-server-2", "gate-server-1"];

/// A cluster with one active and two standby masters.
pub struct Cluster {
    /// Its directory and ports.
    pub game: GameDir,
    /// `pomelo start` and every `pomelo masterha`.
    pub supervisors: Vec<Running>,
}

/// The active master as `show servers` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master {
    /// Port of the admin protocol.
    pub port: u16,
    /// Its process.
    pub pid: u32,
}

impl Cluster {
    /// Starts it and waits until both commands say that they are ready.
    pub async fn start(zookeeper: Option<&ZooKeeper>) -> Result<Self> {
        Self::start_with(zookeeper, |_| Ok(())).await
    }

    /// The same, with a change of its configuration before.
    pub async fn start_with(
        zookeeper: Option<&ZooKeeper>,
        configure: impl FnOnce(&GameDir) -> Result<()>,
    ) -> Result<Self> {
        Self::start_at(zookeeper.map(ZooKeeper::addr).as_deref(), configure).await
    }

    /// The same, on a ZooKeeper at `host:port`, several with commas between, or on the embedded coordinator.
    pub async fn start_at(
        zookeeper: Option<&str>,
        configure: impl FnOnce(&GameDir) -> Result<()>,
    ) -> Result<Self> {
        let game = GameDir::chat(zookeeper)?;
        configure(&game)?;
        Self::of(game).await
    }

    /// Starts this game and waits until both commands say that they are ready.
    pub async fn of(game: GameDir) -> Result<Self> {
        let mut cluster = Self { game, supervisors: Vec::new() };
        cluster.supervise(&["start", "-e", "production"]).await?;
        cluster.supervise(&["masterha", "/config/masterha.json", "-e", "production"]).await?;
        Ok(cluster)
    }

    /// Runs one more `pomelo start` or `pomelo masterha` and waits until it is ready.
    pub async fn supervise(&mut self, arguments: &[&str]) -> Result<()> {
        let supervisor = Running::pomelo(&self.game, arguments)?;
        supervisor.line("ready").await?;
        self.supervisors.push(supervisor);
        Ok(())
    }

    /// Starts the dead master of this port again, as a standby.
    pub async fn bring_back(&mut self, port: u16) -> Result<()> {
        let again: &[&str] =
            if port == self.game.masters[0] { &["start", "-t", "master"] } else { &["masterha"] };
        self.supervise(&[again, &["-e", "production"]].concat()).await
    }

    /// The same without waiting, for a cluster with [`GameDir::environments_of_masters`].
    pub fn bring_back_soon(&mut self, port: u16) -> Result<()> {
        let environment = format!("only-{port}");
        let supervisor = Running::pomelo(&self.game, &["start", "-t", "master", "-e", &environment])?;
        self.supervisors.push(supervisor);
        Ok(())
    }

    /// `pomelo-cli -c "show servers"`, asked of the master at `port`, or of those of the configuration.
    pub async fn show_servers(&self, port: Option<u16>) -> Result<Vec<Value>> {
        let port = port.map(|port| port.to_string());
        let mut arguments = vec!["--json", "-c", "show servers"];
        if let Some(port) = &port {
            arguments.extend(["-P", port]);
        }
        let out = run(&self.game, "pomelo-cli", &arguments).await?;
        ensure!(out.status.success(), "pomelo-cli: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).context("pomelo-cli --json")
    }

    /// The active master, from `show servers`.
    pub async fn active(&self) -> Result<Master> {
        master_of(&self.show_servers(None).await?)
    }

    /// The process that has started this master and watches over it.
    pub fn guardian(&self, master: u32) -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{master}/stat")).ok()?;
        // The fields after the name, which may have anything in it: state, parent.
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse::<u32>().ok()?;
        self.supervisors.iter().filter_map(Running::pid).find(|pid| *pid == parent)
    }

    /// Waits until a line with `text` was printed by any supervisor.
    pub async fn printed(&self, text: &str) -> String {
        eventually(text, PATIENCE, async || {
            self.supervisors.iter().flat_map(Running::output).find(|line| line.contains(text))
        })
        .await
    }

    /// `pomelo stop -P port`, and then nothing is left: no supervisor, no process of the game.
    pub async fn stop(mut self, port: u16) -> Result<()> {
        let out = run(&self.game, "pomelo", &["stop", "-P", &port.to_string()]).await?;
        ensure!(out.status.success(), "pomelo stop: {}", String::from_utf8_lossy(&out.stderr));
        for supervisor in &mut self.supervisors {
            supervisor.end().await?;
        }
        eventually("no process of the game is left", PATIENCE, async || {
            self.game.processes().is_empty().then_some(())
        })
        .await;
        Ok(())
    }
}

/// The master in a list of servers.
pub fn master_of(servers: &[Value]) -> Result<Master> {
    let masters: Vec<_> = servers.iter().filter(|s| s["serverType"] == "master").collect();
    let [master] = masters.as_slice() else { bail!("expected one master in {servers:?}") };
    let number = |field: &str| master[field].as_u64().with_context(|| format!("no {field} in {master}"));
    Ok(Master { port: u16::try_from(number("port")?)?, pid: u32::try_from(number("pid")?)? })
}

/// The ids of all servers in a list but the master, sorted.
pub fn ids_of(servers: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> = servers
        .iter()
        .filter(|s| s["serverType"] != "master")
        .filter_map(|s| s["serverId"].as_str().map(str::to_owned))
        .collect();
    ids.sort();
    ids
}
