//! A real ZooKeeper for tests: Debian's package, started as a plain process on a free port, with its data in memory
//! where the machine allows, and ended with its owner. A single server, or an [`Ensemble`] of several.

mod ensemble;

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub use self::ensemble::Ensemble;
use crate::{
    netns::Net,
    server::{self, Server},
};

/// Where Debian puts them (packages `zookeeper` and what it depends on).
const JARS: [&str; 3] =
    ["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-log4j12.jar", "/usr/share/java/log4j-1.2.jar"];

/// The server's unit of time: sessions last 2 to 20 of these and expire on a multiple of it.
const TICK_MS: u64 = 500;

/// A running ZooKeeper server.
#[derive(Debug)]
pub struct ZooKeeper {
    server: Server,
    host: String,
    port: u16,
    /// What runs it elsewhere: see [`Net::prefix`].
    prefix: Vec<String>,
    dir: TempDir,
}

impl ZooKeeper {
    /// Starts a server and waits until it serves.
    pub async fn start() -> Result<Self> {
        Self::start_at("127.0.0.1", &[]).await
    }

    /// Starts a server on another machine: at a node of this network.
    pub async fn start_in(net: &Net, node: &str) -> Result<Self> {
        Self::start_at(&net.addr(node), &net.prefix(node)).await
    }

    async fn start_at(host: &str, prefix: &[String]) -> Result<Self> {
        server::start(missing(), async || {
            let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let mut zookeeper = Self::prepare(host, port, prefix, "")?;
            zookeeper.start_again().await?;
            Ok(zookeeper)
        })
        .await
    }

    /// Starts so many servers that serve together, each of them on a free port, and waits until all of them do.
    pub async fn ensemble(servers: usize) -> Result<Ensemble> {
        Ensemble::start(servers).await
    }

    /// For tests that need it: nothing, with the reason printed, where ZooKeeper is not installed.
    ///
    /// # Panics
    ///
    /// If it is installed and does not start; and, with `POMELO_REQUIRE_ALL=1` in the environment, if it is not
    /// installed.
    pub async fn for_test() -> Option<Self> {
        if !crate::can_run(missing()) {
            return None;
        }
        Some(Self::start().await.expect("zookeeper is installed and must start"))
    }

    /// `host:port` for clients.
    pub fn addr(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Stops the process where it is. Connections stay open and nobody answers.
    pub fn pause(&self) -> Result<()> {
        self.server.pause()
    }

    /// Ends [`ZooKeeper::pause`].
    pub fn resume(&self) -> Result<()> {
        self.server.resume()
    }

    /// Kills the server. Its data stays for [`ZooKeeper::start_again`].
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts a killed server again, on the same port with the same data, and waits until it serves.
    pub async fn start_again(&mut self) -> Result<()> {
        self.spawn()?;
        self.serves().await
    }

    fn spawn(&mut self) -> Result<()> {
        let mut command = match self.prefix.split_first() {
            None => Command::new("java"),
            Some((first, others)) => {
                let mut command = Command::new(first);
                command.args(others).arg("java");
                command
            }
        };
        command
            .args(["-Xms64m", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"])
            .arg(format!("-Dlog4j.configuration=file:{}", self.dir.path().join("log4j.properties").display()))
            .args(["-cp", &JARS.join(":"), "org.apache.zookeeper.server.quorum.QuorumPeerMain"])
            .arg(self.dir.path().join("zoo.cfg"));
        self.server.run(&mut command)
    }

    async fn serves(&mut self) -> Result<()> {
        let addr = self.addr();
        self.server.serves(async || mode(&addr).await.map(drop)).await
    }

    /// How often it has said in its log that a write took the disk long, more than a second by default.
    pub fn fsync_warnings(&self) -> usize {
        self.server.log().lines().filter(|line| line.contains("fsync-ing the write ahead log")).count()
    }

    /// Runs ZooKeeper's own command-line client and returns what it prints: `["ls", "/pomelo/master/lock"]`.
    pub async fn cli<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String> {
        let output = tokio::process::Command::new("java")
            .args(["-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(["-cp", "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-nop.jar"])
            .args(["org.apache.zookeeper.ZooKeeperMain", "-server", &self.addr()])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .await
            .context("java could not be started")?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            bail!("zookeeper's client ended with {}: {out}{err}", output.status);
        }
        Ok(out.into_owned())
    }

    /// Names of a node's children, as ZooKeeper's own client shows them.
    pub async fn ls(&self, path: &str) -> Result<Vec<String>> {
        let printed = self.cli(["ls", path]).await?;
        let list = printed.lines().rev().find_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
        let list = list.with_context(|| format!("zookeeper's client printed no list: {printed}"))?;
        Ok(list.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Data of a node as text, as ZooKeeper's own client shows it.
    pub async fn get(&self, path: &str) -> Result<String> {
        let printed = self.cli(["get", path]).await?;
        let data = printed.lines().rev().find(|line| !line.trim().is_empty());
        Ok(data.with_context(|| format!("zookeeper's client printed nothing for {path}"))?.to_owned())
    }

    /// Makes its folder, with more lines for its configuration.
    fn prepare(host: &str, port: u16, prefix: &[String], more: &str) -> Result<Self> {
        let dir = Server::folder("zookeeper")?;
        let data = dir.path().join("data");
        fs::create_dir(&data)?;
        fs::write(
            dir.path().join("zoo.cfg"),
            format!(
                "tickTime={TICK_MS}\ndataDir={}\nclientPort={port}\nclientPortAddress={host}\n\
                 admin.enableServer=false\nmaxClientCnxns=0\n4lw.commands.whitelist=*\n{more}",
                data.display()
            ),
        )?;
        fs::write(
            dir.path().join("log4j.properties"),
            "log4j.rootLogger=INFO, OUT\nlog4j.appender.OUT=org.apache.log4j.ConsoleAppender\n\
             log4j.appender.OUT.layout=org.apache.log4j.PatternLayout\n\
             log4j.appender.OUT.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} %m%n\n",
        )?;
        let server = Server::new(format!("zookeeper-{port}"), dir.path().join("zookeeper.log"));
        Ok(Self { server, host: host.to_owned(), port, prefix: prefix.to_vec(), dir })
    }
}

/// What the server there says of itself: `standalone`, `leader`, `follower`. An error while it does not serve.
async fn mode(addr: &str) -> Result<String> {
    let mut server = TcpStream::connect(addr).await?;
    server.write_all(b"srvr").await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
    Ok(mode.context("it does not serve yet")?.to_owned())
}

/// What is missing on this machine, if anything.
pub fn missing() -> Option<String> {
    let advice = "install it with: apt-get install -y --no-install-recommends zookeeper";
    if let Some(jar) = JARS.iter().find(|jar| !Path::new(jar).exists()) {
        return Some(format!("zookeeper is not installed ({jar} is missing); {advice}"));
    }
    let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    java.is_err().then(|| format!("java is not installed; {advice}"))
}
