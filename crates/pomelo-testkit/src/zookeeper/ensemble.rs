//! Several servers of ZooKeeper that serve together: what happens when one of them is away, or all of them.

use std::{fs, time::Duration};

use anyhow::Result;

use super::{ZooKeeper, missing, mode};
use crate::{
    game::free_ports,
    server::{self, ASK_TIMEOUT_MS},
};

const HOST: &str = "127.0.0.1";

/// Running servers, each named by its place in the list. They are ended with this.
#[derive(Debug)]
pub struct Ensemble {
    servers: Vec<ZooKeeper>,
}

impl Ensemble {
    /// See [`ZooKeeper::ensemble`].
    pub(super) async fn start(count: usize) -> Result<Self> {
        server::start(missing(), async || {
            let mut ensemble = Self::prepare(count)?;
            ensemble.start_all().await?;
            Ok(ensemble)
        })
        .await
    }

    /// For tests that need it: nothing, with the reason printed, where ZooKeeper is not installed.
    ///
    /// # Panics
    ///
    /// As [`ZooKeeper::for_test`].
    pub async fn for_test(count: usize) -> Option<Self> {
        if !crate::can_run(missing()) {
            return None;
        }
        Some(Self::start(count).await.expect("zookeeper is installed and must start"))
    }

    fn prepare(count: usize) -> Result<Self> {
        let ports = free_ports(3 * count)?;
        let members: String = ports
            .chunks_exact(3)
            .enumerate()
            .map(|(n, port)| format!("server.{}={HOST}:{}:{}\n", n + 1, port[1], port[2]))
            .collect();
        let more = format!("initLimit=10\nsyncLimit=5\nquorumListenOnAllIPs=false\n{members}");
        let mut servers = Vec::new();
        for (n, port) in ports.chunks_exact(3).enumerate() {
            let server = ZooKeeper::prepare(HOST, port[0], &[], &more)?;
            fs::write(server.dir.path().join("data/myid"), (n + 1).to_string())?;
            servers.push(server);
        }
        Ok(Self { servers })
    }

    /// For clients: `host:port` of every server, with commas between.
    pub fn addr(&self) -> String {
        self.servers.iter().map(ZooKeeper::addr).collect::<Vec<_>>().join(",")
    }

    /// One of the servers, to ask it or to look at its log.
    pub fn server(&self, n: usize) -> &ZooKeeper {
        &self.servers[n]
    }

    /// How many servers there are.
    pub fn count(&self) -> usize {
        self.servers.len()
    }

    /// Stops a server where it is.
    pub fn pause(&self, n: usize) -> Result<()> {
        self.servers[n].pause()
    }

    /// Ends [`Ensemble::pause`].
    pub fn resume(&self, n: usize) -> Result<()> {
        self.servers[n].resume()
    }

    /// Kills a server. Its data stays.
    pub fn kill(&mut self, n: usize) {
        self.servers[n].kill();
    }

    /// Kills all of them.
    pub fn kill_all(&mut self) {
        for server in &mut self.servers {
            server.kill();
        }
    }

    /// Starts a killed server again and waits until it serves: the others must be enough for that.
    pub async fn start_again(&mut self, n: usize) -> Result<()> {
        self.servers[n].start_again().await
    }

    /// Starts all of them, again those that run, and waits until they serve.
    pub async fn start_all(&mut self) -> Result<()> {
        for server in &mut self.servers {
            server.spawn()?;
        }
        for server in &mut self.servers {
            server.serves().await?;
        }
        Ok(())
    }

    /// Which server leads at this moment, if one does.
    pub async fn leader(&self) -> Option<usize> {
        for (n, server) in self.servers.iter().enumerate() {
            let asked =
                tokio::time::timeout(Duration::from_millis(ASK_TIMEOUT_MS), mode(&server.addr())).await;
            if matches!(asked, Ok(Ok(mode)) if mode == "leader") {
                return Some(n);
            }
        }
        None
    }

    /// The sum of [`ZooKeeper::fsync_warnings`].
    pub fn fsync_warnings(&self) -> usize {
        self.servers.iter().map(ZooKeeper::fsync_warnings).sum()
    }
}
