//! What is measured: our chat example, the same game on the Node original, and the floor. Each is started once and then waits idle
//! while the others have their turn.

use std::time::Duration;

use anyhow::{Context as _, Result};
use pomelo_testkit::{
    cluster::Cluster,
    command::Running,
    eventually,
    game::{GameDir, root},
};
use serde_json::json;
use tokio::{process::Command, time::timeout};

use super::{connection::Connection, process::Process};

/// Longer than any of them takes to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than a server that works takes to answer. The original never answers a request whose handler throws.
const ANSWER: Duration = Duration::from_secs(2);

/// How seldom the second connector writes pushes, where it is to wait for more of them.
pub(super) const FLUSH_INTERVAL_MS: u64 = 50;

/// Servers under test.
pub(super) struct System {
    pub(super) name: &'static str,
    /// The two connectors.
    pub(super) connectors: [Connector; 2],
    pub(super) backend: Process,
    /// What ends with it.
    _running: Vec<Running>,
    game: Option<GameDir>,
}

/// A process with clients.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    /// Where its clients connect.
    pub(super) addr: String,
    pub(super) process: Process,
}

impl System {
    /// Processes of `floor`. The second connector has no backend; pushes wait there.
    pub(super) async fn floor() -> Result<Self> {
        let (backend, port) = floor(&["floor", "--links"]).await?;
        let connector = floor(&["floor", "--link", &port]).await?;
        let waiting = floor(&["floor", "--flush-interval", &FLUSH_INTERVAL_MS.to_string()]).await?;
        let process =
            |name, running: &Running| anyhow::Ok(Process { name, pid: running.pid().context("it ended")? });
        let client = |(running, port): &(Running, String)| {
            anyhow::Ok(Connector {
                addr: format!("127.0.0.1:{port}"),
                process: process("connector", running)?,
            })
        };
        Ok(Self {
            name: "floor",
            connectors: [client(&connector)?, client(&waiting)?],
            backend: process("backend", &backend)?,
            _running: vec![connector.0, waiting.0, backend],
            game: None,
        })
    }

    /// The chat example as `pomelo start` runs it, with one master. Options of `servers.json` are of these connectors.
    pub(super) async fn ours(options: &[(usize, &str, u64)]) -> Result<Self> {
        let game = GameDir::chat(None)?;
        game.keep_masters(1)?;
        for &(connector, option, value) in options {
            game.configure("servers.json", |file| {
                file["production"]["connector"][connector][option] = value.into();
            })?;
        }
        let mut cluster = Cluster { game, supervisors: Vec::new() };
        cluster.supervise(&["start", "-e", "production"]).await?;
        let Cluster { game, supervisors } = cluster;
        Self::game("pomelo (ours)", game, supervisors).await
    }

    /// The same game on npm's `pomelo`, with what the framework logs for each message turned off and TCP_NODELAY on: without those
    /// it takes three times the CPU, and 44 ms for each call.
    pub(super) async fn original() -> Result<Self> {
        let game = GameDir::chat(None)?;
        let original = root().join("bench/original");
        copy(&original.join("load"), game.path())?;
        let modules = original.join("node_modules");
        let mut command = Command::new(modules.join(".bin/pomelo"));
        command.args(["start", "-e", "production"]).current_dir(game.path()).env("NODE_PATH", &modules);
        let running = Running::start(command)?;
        Self::game("original", game, vec![running]).await
    }

    /// What its first connector has counted, as far as there is any of it; it says so when it has ended.
    pub(super) fn counted(&self) -> Option<String> {
        let log = self.game.as_ref()?.read("logs/connector-server-1.log");
        let said = log.lines().find(|line| line.contains("connector has ended"))?;
        let counts = said.split_whitespace().filter_map(|word| word.split_once('='));
        let some =
            counts.filter(|(name, count)| *name != "accepted" && count.parse().is_ok_and(|n: u64| n > 0));
        Some(
            some.map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
                .collect::<Vec<_>>()
                .join(", "),
        )
    }

    async fn game(name: &'static str, game: GameDir, running: Vec<Running>) -> Result<Self> {
        let addrs = [0, 1].map(|n| format!("{}:{}", game.host, game.connectors[n]));
        for addr in &addrs {
            eventually("connector and chat server answer", PATIENCE, async || {
                let mut client = Connection::open(addr).await.ok()?;
                let route = "connector.entryHandler.enter";
                let who = json!({"username": addr, "rid": "quiet", "chatId": "chat-server-1", "quiet": true});
                let answer = timeout(ANSWER, client.call(route, &who)).await.ok()?.ok()?;
                (answer["code"] == 200).then_some(())
            })
            .await;
        }
        let processes = game.processes();
        let process = |name, id: &str| {
            let argument = format!("id={id}");
            let found = processes.iter().find(|p| p.arguments.contains(&argument));
            found.map(|p| Process { name, pid: p.pid }).with_context(|| format!("no {id}"))
        };
        let [first, second] = addrs;
        let connector = |addr, id| anyhow::Ok(Connector { addr, process: process("connector", id)? });
        let connectors = [connector(first, "connector-server-1")?, connector(second, "connector-server-2")?];
        let backend = process("backend", "chat-server-1")?;
        Ok(Self { name, connectors, backend, _running: running, game: Some(game) })
    }
}

/// This program as the floor; it says its port first.
async fn floor(arguments: &[&str]) -> Result<(Running, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    let running = Running::start(command)?;
    let port =
        eventually("the floor says its port", PATIENCE, async || running.output().first().cloned()).await;
    Ok((running, port))
}

/// Everything in a folder.
fn copy(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
