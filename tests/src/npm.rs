//! The original's own tools from npm: `pomelo-cli` 0.1.4 and clients on `pomelo-jsclient-websocket`. Code that
//! nobody here wrote, talking to our servers.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use pomelo_testkit::{
    command::Running,
    game::{GameDir, root},
    require_all,
};
use serde_json::Value;
use tokio::process::Command;

/// How often the chat client speaks, 20 times a second.
const EVERY_MS: u32 = 50;

/// A chat client that sends numbered messages; None where the npm packages are not installed.
pub struct Player(Option<Running>);

impl Player {
    /// Enters the room by way of the gate and starts to speak.
    pub async fn join(game: &GameDir, name: &str) -> Result<Self> {
        let arguments = [&game.gate.to_string(), name, "lobby", &EVERY_MS.to_string()];
        let Some(running) = script("chat.js", &arguments)? else { return Ok(Self(None)) };
        running.line("entered").await?;
        Ok(Self(Some(running)))
    }

    /// Stops speaking; everything it sent was answered once and came back once, in order.
    pub async fn finish(self) -> Result<()> {
        let Some(mut running) = self.0 else { return Ok(()) };
        running.write("stop").await?;
        let line = running.line("\"sent\"").await?;
        let counts: Value = serde_json::from_str(&line)?;
        let sent = counts["sent"].as_u64().context("sent")?;
        ensure!(sent > 0, "the client from npm sent nothing");
        let all: Vec<u64> = (0..sent).collect();
        for what in ["answered", "pushed"] {
            let numbers: Vec<u64> = serde_json::from_value(counts[what].clone())?;
            ensure!(numbers == all, "npm client: sent {sent}, {what}: {numbers:?}");
        }
        Ok(())
    }
}

/// `show servers` of npm's pomelo-cli at this port lists these servers and the master there.
pub async fn show_servers(game: &GameDir, port: u16, ids: &[&str]) -> Result<()> {
    let Some(dir) = packages()? else { return Ok(()) };
    let mut command = Command::new("node");
    command
        .arg(dir.join("node_modules/pomelo-cli/bin/pomelo-cli"))
        .args(["-h", "127.0.0.1", "-P", &port.to_string(), "-u", "admin", "-p", "admin"])
        .current_dir(game.path());
    let mut cli = Running::start(command)?;
    cli.line("Welcome").await?;
    cli.write("show servers").await?;
    let master = cli.line("master-server-1").await?;
    ensure!(
        master.split_whitespace().any(|cell| cell == port.to_string()),
        "not the master at {port}: {master}"
    );
    for id in ids {
        cli.line(id).await?;
    }
    cli.write("quit").await?;
    cli.end().await?;
    Ok(())
}

/// A script of `tests/npm` with these arguments; None where the packages are not installed.
pub fn script(name: &str, arguments: &[&str]) -> Result<Option<Running>> {
    let Some(dir) = packages()? else { return Ok(None) };
    let mut command = Command::new("node");
    command.arg(dir.join(name)).args(arguments);
    Running::start(command).map(Some)
}

/// Where the packages are installed; None where they are not, which is said.
pub fn packages() -> Result<Option<PathBuf>> {
    let dir = root().join("tests/npm");
    if dir.join("node_modules/pomelo-cli").is_dir() {
        return Ok(Some(dir));
    }
    if require_all() {
        bail!(
            "the npm packages of {} are not installed, and POMELO_REQUIRE_ALL=1 forbids to skip",
            dir.display()
        );
    }
    eprintln!(
        "SKIPPED: the npm packages of {} are not installed; `cargo xtask test` installs them",
        dir.display()
    );
    Ok(None)
}
