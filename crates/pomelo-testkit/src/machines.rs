//! The chat example over several machines: a master on each of three, the servers on a fourth, ZooKeeper on a fifth, each a node of
//! a [`Net`] with a directory of its own, as an operator would set it up.
//!
//! Every machine has the same configuration but for which master is its own: `pomelo start -t master` starts that.

use anyhow::{Context as _, Result, ensure};

use crate::{
    command::{Running, program},
    game::{GameDir, GameProcess},
    netns::Net,
    zookeeper::ZooKeeper,
};

/// The nodes: masters, servers, ZooKeeper.
pub const MASTERS: [&str; 3] = ["m1", "m2", "m3"];
/// Where all servers run.
pub const SERVERS: &str = "servers";
/// Where ZooKeeper runs.
pub const ZOOKEEPER: &str = "zk";

/// A cluster over machines, which the network can cut off from each other.
pub struct Machines {
    /// What each program has started; ended first.
    pub supervisors: Vec<Running>,
    /// The directory of each master's machine, in the order of [`MASTERS`].
    pub masters: Vec<GameDir>,
    /// The directory of the servers' machine.
    pub servers: GameDir,
    /// What the masters ask.
    pub zookeeper: ZooKeeper,
    /// What connects them.
    pub net: Net,
}

impl Machines {
    /// Starts the masters one after the other, so that the first one leads, and then the servers. Nothing, with the reason printed,
    /// where that is not possible.
    ///
    /// # Panics
    ///
    /// As [`Net::for_test`] and [`ZooKeeper::for_test`].
    pub async fn for_test() -> Result<Option<Self>> {
        let nodes = [&MASTERS[..], &[SERVERS, ZOOKEEPER]].concat();
        let Some(net) = Net::for_test(&nodes) else { return Ok(None) };
        if let Some(reason) = crate::zookeeper::missing() {
            ensure!(!crate::require_all(), "{reason}, and POMELO_REQUIRE_ALL=1 forbids to skip");
            eprintln!("SKIPPED: {reason}");
            return Ok(None);
        }
        let zookeeper = ZooKeeper::start_in(&net, ZOOKEEPER).await?;
        let hosts: Vec<String> = MASTERS.iter().map(|node| net.addr(node)).collect();
        let dir = |first: usize| {
            let mut hosts = hosts.clone();
            hosts.rotate_left(first);
            GameDir::chat_on(&hosts, &net.addr(SERVERS), &zookeeper.addr())
        };
        let masters = (0..MASTERS.len()).map(dir).collect::<Result<_>>()?;
        let mut machines = Self { supervisors: Vec::new(), masters, servers: dir(0)?, zookeeper, net };
        for (n, node) in MASTERS.into_iter().enumerate() {
            let master = machines.pomelo(node, &machines.masters[n], &["start", "-t", "master"])?;
            master.line("ready").await?;
            machines.supervisors.push(master);
        }
        for server_type in ["gate", "connector", "chat"] {
            let servers = machines.pomelo(SERVERS, &machines.servers, &["start", "-t", server_type])?;
            machines.supervisors.push(servers);
        }
        for servers in &machines.supervisors[MASTERS.len()..] {
            servers.line("ready").await?;
        }
        Ok(Some(machines))
    }

    fn pomelo(&self, node: &str, game: &GameDir, arguments: &[&str]) -> Result<Running> {
        let mut command = self.net.command(node, program("pomelo")?);
        command.args(arguments).args(["-e", "production"]).arg("--bin").arg(program("chat")?);
        command.current_dir(game.path());
        Running::start(command)
    }

    /// The machine whose master listens at this host.
    pub fn node_of(&self, host: &str) -> Result<&'static str> {
        let node = MASTERS.into_iter().find(|node| self.net.addr(node) == host);
        node.with_context(|| format!("no master is at {host}"))
    }

    /// The master's process on a machine, and its guardian's.
    pub fn master(&self, node: &str) -> Result<(GameProcess, u32)> {
        let n = MASTERS.iter().position(|master| *master == node).context("not a master's machine")?;
        let mut processes = self.masters[n].processes();
        processes.retain(|process| process.arguments.iter().any(|word| word == "serverType=master"));
        let master = processes.pop().with_context(|| format!("no master runs on {node}"))?;
        Ok((master, self.supervisors[n].pid().context("its supervisor has ended")?))
    }
}
