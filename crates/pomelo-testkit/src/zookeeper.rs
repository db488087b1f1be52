//! A real ZooKeeper for tests: Debian's package, started as a plain process on a free port, with its data in memory
//! where the machine allows, and ended with its owner. A single server, or an [`Ensemble`] of several.

mod ensemble;

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub use self::ensemble::Ensemble;
use crate::netns::Net;

/// Where Debian puts them (packages `zookeeper` and what it depends on).
const JARS: [&str; 3] =
    ["/usr/share/java/zookeeper.jar", "/usr/share/java/slf4j-log4j12.jar", "/usr/share/java/log4j-1.2.jar"];

/// A server that does not answer by then will not: a Java machine needs a second or two, more on a busy machine.
const START_TIMEOUT_MS: u64 = 60_000;

/// How long one question whether it serves may take.
const ASK_TIMEOUT_MS: u64 = 500;

/// A port that was free a moment ago may be taken by somebody else before the server binds it.
const START_TRIES: usize = 3;

/// The server's unit of time: sessions last 2 to 20 of these and expire on a multiple of it.
const TICK_MS: u64 = 500;

/// A running ZooKeeper server.
#[derive(Debug)]
pub struct ZooKeeper {
    dir: TempDir,
    host: String,
    port: u16,
    /// What runs it elsewhere: see [`Net::prefix`].
    prefix: Vec<String>,
    server: Option<Child>,
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
        if let Some(reason) = missing() {
            bail!(reason);
        }
        let mut last = None;
        for _ in 0..START_TRIES {
            let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let mut zookeeper = Self::prepare(host, port, prefix, "")?;
            match zookeeper.start_again().await {
                Ok(()) => return Ok(zookeeper),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try was made")?)
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
        self.signal(Signal::STOP)
    }

    /// Ends [`ZooKeeper::pause`].
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills the server. Its data stays for [`ZooKeeper::start_again`].
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            _ = server.kill();
            _ = server.wait();
        }
    }

    /// Starts a killed server again, on the same port with the same data, and waits until it serves.
    pub async fn start_again(&mut self) -> Result<()> {
        self.spawn()?;
        self.wait_until_it_serves().await
    }

    fn spawn(&mut self) -> Result<()> {
        self.kill();
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = match self.prefix.split_first() {
            None => Command::new("java"),
            Some((first, others)) => {
                let mut command = Command::new(first);
                command.args(others).arg("java");
                command
            }
        };
        let server = command
            .args(["-Xms64m", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"])
            .arg(format!("-Dlog4j.configuration=file:{}", self.dir.path().join("log4j.properties").display()))
            .args(["-cp", &JARS.join(":"), "org.apache.zookeeper.server.quorum.QuorumPeerMain"])
            .arg(self.dir.path().join("zoo.cfg"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("java could not be started")?;
        self.server = Some(server);
        Ok(())
    }

    /// How often it has said in its log that a write took the disk long, more than a second by default.
    pub fn fsync_warnings(&self) -> usize {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        log.lines().filter(|line| line.contains("fsync-ing the write ahead log")).count()
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
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("pomelo-zookeeper-").tempdir_in(parent)?;
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
        Ok(Self { dir, host: host.to_owned(), port, prefix: prefix.to_vec(), server: None })
    }

    async fn wait_until_it_serves(&mut self) -> Result<()> {
        let end = Instant::now() + Duration::from_millis(START_TIMEOUT_MS);
        loop {
            // A server asked too early may fail inside and then neither answer nor hang up.
            let asked = tokio::time::timeout(Duration::from_millis(ASK_TIMEOUT_MS), self.mode()).await;
            if matches!(asked, Ok(Ok(_))) {
                return Ok(());
            }
            let ended = self.server.as_mut().and_then(|server| server.try_wait().ok().flatten());
            if let Some(status) = ended {
                bail!("zookeeper ended with {status}:\n{}", self.log_tail());
            }
            if Instant::now() > end {
                bail!("zookeeper did not serve within {START_TIMEOUT_MS} ms:\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the server says of itself: `standalone`, `leader`, `follower`. An error while it does not serve.
    async fn mode(&self) -> Result<String> {
        let mut server = TcpStream::connect(self.addr()).await?;
        server.write_all(b"srvr").await?;
        let mut answer = String::new();
        server.read_to_string(&mut answer).await?;
        let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
        Ok(mode.context("it does not serve yet")?.to_owned())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let server = self.server.as_ref().context("the server does not run")?;
        kill_process(Pid::from_child(server), signal)?;
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("zookeeper.log")
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let kept = std::env::temp_dir().join(format!("pomelo-zookeeper-{}.log", self.port));
            if fs::copy(self.log(), &kept).is_ok() {
                eprintln!("the log of zookeeper was kept: {}", kept.display());
            }
        }
    }
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
