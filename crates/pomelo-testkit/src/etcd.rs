//! A real etcd for tests: Debian's package, started as a plain process on free ports, with its data in memory where the machine
//! allows, and ended with its owner. One server, or three that are one store.

use std::{
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

use crate::game::free_ports;

/// Where Debian's package `etcd-server` puts it.
const PROGRAM: &str = "/usr/bin/etcd";

/// A server that does not answer by then will not: it needs half a second, more on a busy machine.
const START_TIMEOUT_MS: u64 = 60_000;

/// How long one question whether it serves may take.
const ASK_TIMEOUT_MS: u64 = 500;

/// A port that was free a moment ago may be taken by somebody else before the server binds it.
const START_TRIES: usize = 3;

/// Short, because a server that is alone elects itself only after this, and the shortest lease is one and a half times it.
const HEARTBEAT_MS: u64 = 10;
const ELECTION_MS: u64 = 100;

/// One running etcd server, or three that are one store.
#[derive(Debug)]
pub struct Etcd {
    dir: TempDir,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    port: u16,
    peer_port: u16,
    server: Option<Child>,
}

impl Etcd {
    /// Starts `size` servers that are one store and waits until all serve.
    pub async fn start(size: usize) -> Result<Self> {
        if let Some(reason) = missing() {
            bail!(reason);
        }
        let mut last = None;
        for _ in 0..START_TRIES {
            let mut etcd = Self::prepare(size)?;
            match etcd.start_again().await {
                Ok(()) => return Ok(etcd),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try was made")?)
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
        self.members.iter().try_for_each(|member| member.signal(Signal::STOP))
    }

    /// Ends [`Etcd::pause`].
    pub fn resume(&self) -> Result<()> {
        self.members.iter().try_for_each(|member| member.signal(Signal::CONT))
    }

    /// Kills the servers. Their data stays for [`Etcd::start_again`].
    pub fn kill(&mut self) {
        self.members.iter_mut().for_each(Member::kill);
    }

    /// Kills the one server that leads the others.
    pub async fn kill_leader(&mut self) -> Result<()> {
        for member in &mut self.members {
            let status = ctl(&member.endpoint(), &["endpoint", "status"]).await?;
            // endpoint, id, version, size, leads, learns, ...
            if status.split(", ").nth(4) == Some("true") {
                member.kill();
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
            member.wait_until_it_serves(self.dir.path()).await?;
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
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("pomelo-etcd-").tempdir_in(parent)?;
        let ports = free_ports(2 * size)?;
        let member = |(n, ports): (usize, &[u16])| Member {
            name: format!("etcd-{n}"),
            port: ports[0],
            peer_port: ports[1],
            server: None,
        };
        Ok(Self { dir, members: ports.chunks(2).enumerate().map(member).collect() })
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            for member in &self.members {
                let kept = std::env::temp_dir().join(format!("pomelo-etcd-{}.log", member.port));
                if fs::copy(member.log(self.dir.path()), &kept).is_ok() {
                    eprintln!("the log of {} was kept: {}", member.name, kept.display());
                }
            }
        }
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
        let log = File::options().create(true).append(true).open(self.log(dir))?;
        let (client, peer) = (self.endpoint(), format!("http://127.0.0.1:{}", self.peer_port));
        let server = Command::new(PROGRAM)
            .args(["--name", &self.name, "--data-dir"])
            .arg(dir.join(&self.name))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", cluster])
            .args(["--heartbeat-interval", &HEARTBEAT_MS.to_string()])
            .args(["--election-timeout", &ELECTION_MS.to_string()])
            .args(["--logger", "zap", "--log-level", "warn"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("etcd could not be started")?;
        self.server = Some(server);
        Ok(())
    }

    async fn wait_until_it_serves(&mut self, dir: &Path) -> Result<()> {
        let end = Instant::now() + Duration::from_millis(START_TIMEOUT_MS);
        loop {
            let asked = tokio::time::timeout(Duration::from_millis(ASK_TIMEOUT_MS), self.is_healthy()).await;
            if matches!(asked, Ok(Ok(true))) {
                return Ok(());
            }
            let ended = self.server.as_mut().and_then(|server| server.try_wait().ok().flatten());
            if let Some(status) = ended {
                bail!("etcd ended with {status}:\n{}", self.log_tail(dir));
            }
            if Instant::now() > end {
                bail!("etcd did not serve within {START_TIMEOUT_MS} ms:\n{}", self.log_tail(dir));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it has a leader and takes writes.
    async fn is_healthy(&self) -> Result<bool> {
        let mut server = TcpStream::connect(self.addr()).await?;
        server.write_all(b"GET /health HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        server.read_to_string(&mut answer).await?;
        Ok(answer.contains(r#""health":"true""#))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let server = self.server.as_ref().context("the server does not run")?;
        kill_process(Pid::from_child(server), signal)?;
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            _ = server.kill();
            _ = server.wait();
        }
    }

    fn log(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.log", self.name))
    }

    fn log_tail(&self, dir: &Path) -> String {
        let log = fs::read_to_string(self.log(dir)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
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
