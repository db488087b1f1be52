//! The TypeScript client of `clients/typescript` on a real cluster: its scenarios in Node over both transports, and in a
//! browser. What they claim is in `clients/typescript/test/cluster/scenarios.ts`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pomelo_testkit::{
    command::Running,
    game::{GameDir, root},
    require_all,
};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tokio::process::Command;

/// Where Debian puts it.
const CHROMIUM: &str = "/usr/bin/chromium";
/// What `npm run pretest` has compiled.
const BUILD: &str = "clients/typescript/build";

#[tokio::test]
async fn its_scenarios_hold_in_node_over_websocket_and_tcp() -> Result<()> {
    let build = root().join(BUILD);
    if !there(std::slice::from_ref(&build))? {
        return Ok(());
    }
    let cluster = Cluster::start(None).await?;
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(build.join("clients/typescript/test/cluster/"))
        .env("POMELO_CLUSTER", place(&cluster.game)?.to_string());
    passes(command).await?;
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

#[tokio::test]
async fn its_scenarios_hold_in_a_browser() -> Result<()> {
    let build = root().join(BUILD);
    let driver = root().join("tests/npm");
    if !there(&[CHROMIUM.into(), driver.join("node_modules/playwright-core"), build.clone()])? {
        return Ok(());
    }
    let cluster = Cluster::start(None).await?;
    let mut command = Command::new("node");
    command.arg(driver.join("client.js")).arg(build).arg(place(&cluster.game)?.to_string());
    passes(command).await?;
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

/// It ends well.
async fn passes(command: Command) -> Result<()> {
    let mut running = Running::start(command)?;
    let status = running.end().await?;
    if !status.success() {
        bail!("{status}:\n{}", running.output().join("\n"));
    }
    Ok(())
}

/// Where the cluster is, for the scenarios.
fn place(game: &GameDir) -> Result<Value> {
    let processes = game.processes();
    let connectors = game.connectors.iter().enumerate().map(|(n, port)| {
        let id = format!("id=connector-server-{}", n + 1);
        let process = processes.iter().find(|process| process.arguments.contains(&id));
        let pid = process.with_context(|| format!("no process has {id}"))?.pid;
        Ok(json!({ "port": port, "pid": pid }))
    });
    Ok(json!({ "gate": game.gate, "connectors": connectors.collect::<Result<Vec<_>>>()? }))
}

/// Whether all of it is there; if not, that is said.
fn there(needed: &[PathBuf]) -> Result<bool> {
    let Some(missing) = needed.iter().find(|path| !Path::new(path).exists()) else { return Ok(true) };
    let missing = missing.display();
    if require_all() {
        bail!("{missing} is not there, and POMELO_REQUIRE_ALL=1 forbids to skip");
    }
    eprintln!("SKIPPED: {missing} is not there; `cargo xtask test` makes it");
    Ok(false)
}
