//! The TypeScript client of `clients/typescript` on a real cluster: its scenarios in Node over both transports, with bodies in
//! JSON and in protobuf, and in a browser. What they claim is in `clients/typescript/test/cluster/scenarios.ts`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use pomelo_testkit::{
    command::{Running, program, run},
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
    in_node(Bodies::Json).await
}

#[tokio::test]
async fn its_scenarios_hold_with_bodies_in_protobuf() -> Result<()> {
    in_node(Bodies::Protobuf).await
}

#[tokio::test]
async fn its_scenarios_hold_in_a_browser() -> Result<()> {
    let build = root().join(BUILD);
    let driver = root().join("tests/npm");
    if !there(&[CHROMIUM.into(), driver.join("node_modules/playwright-core"), build.clone()])? {
        return Ok(());
    }
    let cluster = start(Bodies::Json).await?;
    let mut command = Command::new("node");
    command.arg(driver.join("client.js")).arg(build).arg(place(&cluster.game, Bodies::Json)?.to_string());
    passes(command).await?;
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

#[tokio::test]
async fn a_game_says_its_routes_and_writes_its_types() -> Result<()> {
    let game = GameDir::chat(None)?;
    let bin = program("chat")?;
    let bin = bin.to_str().context("the path of the program")?;
    let ask = async |words: &[&str]| {
        let out = run(&game, "pomelo", &[words, &["-e", "production", "--bin", bin]].concat()).await?;
        ensure!(out.status.success(), "pomelo {words:?}: {}", String::from_utf8_lossy(&out.stderr));
        anyhow::Ok(String::from_utf8(out.stdout)?)
    };
    let rows: Value = serde_json::from_str(&ask(&["routes", "--json"]).await?)?;
    let row = |name: &str| rows.as_array().into_iter().flatten().find(|row| row["name"] == name).cloned();
    let send = json!({ "kind": "route", "name": "chat.chatHandler.send", "req": "Say", "res": "()" });
    ensure!(row("chat.chatHandler.send") == Some(send), "{rows}");
    ensure!(row("onChat").is_some_and(|row| row["kind"] == "push"), "{rows}");
    let add = ask(&["routes"])
        .await?
        .lines()
        .any(|line| line == "remote chat.chatRemote.add            Join -> Users");
    ensure!(add, "the list shows remotes");

    let expected = fs::read_to_string(root().join("examples/chat/client/messages.ts"))?;
    ensure!(ask(&["types"]).await? == expected, "`pomelo types` prints what the example has");
    ensure!(ask(&["types", "-o", "messages.ts"]).await?.contains("wrote messages.ts"), "it writes a file");
    ensure!(game.read("messages.ts") == expected, "the file is what is printed");
    ensure!(ask(&["types", "-o", "messages.ts"]).await?.contains("messages.ts is fresh"), "not twice");
    Ok(())
}

/// What bodies are written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    Json,
    /// Those that the scenarios use have definitions, on both ways.
    Protobuf,
}

async fn in_node(bodies: Bodies) -> Result<()> {
    let build = root().join(BUILD);
    if !there(std::slice::from_ref(&build))? {
        return Ok(());
    }
    let cluster = start(bodies).await?;
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(build.join("clients/typescript/test/cluster/cluster.test.js"))
        .env("POMELO_CLUSTER", place(&cluster.game, bodies)?.to_string());
    passes(command).await?;
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

async fn start(bodies: Bodies) -> Result<Cluster> {
    Cluster::start_with(None, |game| {
        if bodies == Bodies::Json {
            return Ok(());
        }
        let client = json!({
            "chat.chatHandler.send": { "required string content": 1, "required string target": 2 },
            "chat.chatHandler.score": {
                "message Item": { "optional sInt32 n": 1 },
                "required string name": 1,
                "repeated Item items": 2,
            },
        });
        let server = json!({
            "onChat": {
                "required string msg": 1,
                "required string from": 2,
                "required string target": 3,
                "optional uInt32 seq": 4,
            },
            "onBench": { "required uInt32 seq": 1 },
            "chat.chatHandler.score": {
                "required uInt32 code": 1,
                "optional sInt32 delta": 2,
                "optional double ratio": 3,
                "repeated string tags": 4,
            },
        });
        for (file, definitions) in [("clientProtos.json", client), ("serverProtos.json", server)] {
            fs::write(game.path().join("config").join(file), definitions.to_string())?;
        }
        Ok(())
    })
    .await
}

/// It ends well, and something has passed.
async fn passes(command: Command) -> Result<()> {
    let mut running = Running::start(command)?;
    let status = running.end().await?;
    let output = running.output().join("\n");
    if !status.success() || !output.contains("killed comes back by another one") {
        bail!("{status}:\n{output}");
    }
    println!("{output}");
    Ok(())
}

/// Where the cluster is, for the scenarios.
fn place(game: &GameDir, bodies: Bodies) -> Result<Value> {
    let processes = game.processes();
    let connectors = game.connectors.iter().enumerate().map(|(n, port)| {
        let id = format!("id=connector-server-{}", n + 1);
        let process = processes.iter().find(|process| process.arguments.contains(&id));
        let pid = process.with_context(|| format!("no process has {id}"))?.pid;
        Ok(json!({ "port": port, "pid": pid }))
    });
    let connectors = connectors.collect::<Result<Vec<_>>>()?;
    Ok(json!({ "gate": game.gate, "connectors": connectors, "protobuf": bodies == Bodies::Protobuf }))
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
