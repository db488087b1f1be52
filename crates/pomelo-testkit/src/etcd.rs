//! A real etcd for tests: Debian's package, started as a plain process on free ports, with its data in memory where the machine
//! allows, and ended with its owner. One server, or three that are one store.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    game::free_ports,
    server::{self, Server},
};

/// Where Debian's package `etcd-server` puts it.
const PROGRAM: &str = "/usr/bin/etcd";

/// Short, because a server that is alone elects itself only after this, and the shortest lease is one and a half times it.
const HEARTBEAT_MS: u64 = 10;
const ELECTION_MS: u64 = 100;

/// One running etcd server, or three that are one store.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    dir: TempDir,
}

#[derive(Debug)]
struct Member {
    name: String,
    port: u16,
    peer_port: u16,
    server: Server,
}

impl Etcd {
    /// Starts `size` servers that are one store and waits until all serve.
    pub async fn start(size: usize) -> Result<Self> {
        server::start(missing(), async || {
            let mut etcd = Self::prepare(size)?;
            etcd.start_again().await?;
            Ok(etcd)
        })
        .await
    }

    /// One server for tests that need it: nothing, with the reason printed, where etcd is not installed.
    ///
    /// # Panics
    ///
    /// If it is installed and does not start; and, with `POMELO_REQUIRE_ALL=1` in the environment, if it is not
    /// installed.
    pub async fn for_test() -> Option<Self> {
        Self::of_size_for_test(1).await
    }

    /// The same with three servers, of which one may die.
    pub async fn ensemble_for_test() -> Option<Self> {
        Self::of_size_for_test(3).await
    }

    async fn of_size_for_test(size: usize) -> Option<Self> {
        if !crate::can_run(missing()) {
            return None;
        }
        Some(Self::start(size).await.expect("etcd is installed and must start"))
    }

    /// `host:port` of the first server.
    pub fn addr(&self) -> String {
        self.members.first().map(Member::addr).unwrap_or_default()
    }

    /// `http://host:port` of every server, with commas between.
    pub fn endpoints(&self) -> String {
        let endpoints: Vec<String> = self.members.iter().map(Member::endpoint).collect();
        endpoints.join(",")
    }

    /// Stops the processes where they are. Connections stay open and nobody answers.
    pub fn pause(&self) -> Result<()> {
        self.members.iter().try_for_each(|member| member.server.pause())
    }

    /// Ends [`Etcd::pause`].
    pub fn resume(&self) -> Result<()> {
        self.members.iter().try_for_each(|member| member.server.resume())
    }

    /// Kills the servers. Their data stays for [`Etcd::start_again`].
    pub fn kill(&mut self) {
        self.members.iter_mut().for_each(|member| member.server.kill());
    }

    /// Kills the one server that leads the others.
    pub async fn kill_leader(&mut self) -> Result<()> {
        for member in &mut self.members {
            let status = ctl(&member.endpoint(), &["endpoint", "status"]).await?;
            // endpoint, id, version, size, leads, learns, ...
            if status.split(", ").nth(4) == Some("true") {
                member.server.kill();
                return Ok(());
            }
        }
        bail!("no server leads")
    }

    /// Starts all servers again, on the same ports with the same data, and waits until they serve.
    pub async fn start_again(&mut self) -> Result<()> {
        self.kill();
        let url = |member: &Member| format!("{}=http://127.0.0.1:{}", member.name, member.peer_port);
        let cluster: Vec<String> = self.members.iter().map(url).collect();
        for member in &mut self.members {
            member.start(self.dir.path(), &cluster.join(","))?;
        }
        for member in &mut self.members {
            member.serves().await?;
        }
        Ok(())
    }

    /// Keys that begin with this, in the order of the keys, as etcd's own client shows them.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let printed = ctl(&self.endpoints(), &["get", "--prefix", "--keys-only", prefix]).await?;
        Ok(printed.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Value of a key as text, as etcd's own client shows it; empty if there is none.
    pub async fn get(&self, key: &str) -> Result<String> {
        Ok(ctl(&self.endpoints(), &["get", "--print-value-only", key]).await?.trim_end().to_owned())
    }

    fn prepare(size: usize) -> Result<Self> {
        let dir = Server::folder("etcd")?;
        let ports = free_ports(2 * size)?;
        let member = |(n, ports): (usize, &[u16])| {
            let name = format!("etcd-{n}");
            let log = dir.path().join(format!("{name}.log"));
            let server = Server::new(format!("{name}-{}", ports[0]), log);
            Member { name, port: ports[0], peer_port: ports[1], server }
        };
        let members = ports.chunks(2).enumerate().map(member).collect();
        Ok(Self { members, dir })
    }
}

impl Member {
    fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.addr())
    }

    fn start(&mut self, dir: &Path, cluster: &str) -> Result<()> {
        let (client, peer) = (self.endpoint(), format!("http://127.0.0.1:{}", self.peer_port));
        let mut command = Command::new(PROGRAM);
        command
            .args(["--name", &self.name, "--data-dir"])
            .arg(dir.join(&self.name))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", cluster])
            .args(["--heartbeat-interval", &HEARTBEAT_MS.to_string()])
            .args(["--election-timeout", &ELECTION_MS.to_string()])
            .args(["--logger", "zap", "--log-level", "warn"]);
        self.server.run(&mut command)
    }

    async fn serves(&mut self) -> Result<()> {
        let addr = self.addr();
        self.server.serves(async || is_healthy(&addr).await).await
    }
}

/// An error while it has no leader, or takes no writes.
async fn is_healthy(addr: &str) -> Result<()> {
    let mut server = TcpStream::connect(addr).await?;
    server.write_all(b"GET /health HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    ensure!(answer.contains(r#""health":"true""#), "it answers {answer}");
    Ok(())
}

/// Runs etcd's own command-line client and returns what it prints.
async fn ctl(endpoints: &str, args: &[&str]) -> Result<String> {
    let output = tokio::process::Command::new("etcdctl")
        .args(["--endpoints", endpoints])
        .args(args)
        .env("ETCDCTL_API", "3")
        .stdin(Stdio::null())
        .output()
        .await
        .context("etcdctl could not be started")?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("etcdctl {args:?} ended with {}: {out}{err}", output.status);
    }
    Ok(out.into_owned())
}

/// What is missing on this machine, if anything.
pub fn missing() -> Option<String> {
    let programs = [PROGRAM, "/usr/bin/etcdctl"];
    let missing = programs.into_iter().find(|program| !Path::new(program).exists())?;
    let advice = "install it with: apt-get install -y --no-install-recommends etcd-server etcd-client";
    Some(format!("etcd is not installed ({missing} is missing); {advice}"))
}
