//! What to do with the demo, with the pids and ports of this run.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Game, WEB_PORT, folder::Folder};
use crate::shell::root;

/// Says where the game is and what to try.
pub(super) fn explain(game: &Game, programs: &Path, folder: &Folder) -> Result<()> {
    let master = active_master(programs, folder)?;
    let (pid, port) = (&master["pid"], &master["port"]);
    let masters = folder.masters()?;
    let standbys: Vec<String> = masters.iter().skip(1).map(|standby| standby["port"].to_string()).collect();
    let (standby, standbys) = (standbys.first().context("no standby")?, standbys.join(" and "));
    let bin = programs.strip_prefix(root()).unwrap_or(programs).display();
    let shown = folder.shown();

    println!();
    if game.web.is_some() {
        println!("  Play here:       http://127.0.0.1:{WEB_PORT}/");
        println!("                   (once more in a second window, under another name: two players)");
        println!("                   (with ?cluster=1 behind it a corner shows which master leads)");
    } else {
        let servers = folder.servers()?;
        let gate = servers.iter().find(|server| server["id"] == "gate-server-1").context("no gate")?;
        println!("  Chat here:       http://127.0.0.1:{}/   (open it twice)", gate["clientPort"]);
    }
    println!(
        "  Active master:   127.0.0.1:{port}, pid {pid}; standbys on {standbys}

  Now, in another terminal:
    kill -9 {pid}
        the active master dies, a standby takes over; go on {}, nothing is lost
    {bin}/pomelo master status -P {standby}
        who leads now and how the change went
    {bin}/pomelo-cli -P {standby} -c \"show servers\"
        the new master knows every server at once, and its own pid is there to be killed next",
        if game.web.is_some() { "playing" } else { "chatting" },
    );
    if game.web.is_some() {
        println!(
            "    cargo run -p lordofpomelo-robot -- --game {shown} -e production -n 20 --duration 300
        20 robots walk and fight around you for five minutes"
        );
    }
    println!(
        "    {bin}/pomelo stop -P {standby}
        stops the whole cluster

  Ctrl-C here stops all of it. Logs: {shown}/logs"
    );
    if game.web.is_some() {
        println!("  Heroes are kept, in {}/run.", game.folder);
    }
    println!();
    Ok(())
}

/// The active master as `show servers` lists it.
fn active_master(programs: &Path, folder: &Folder) -> Result<Value> {
    let out = Command::new(programs.join("pomelo-cli"))
        .args(["--json", "-c", "show servers"])
        .current_dir(&folder.path)
        .output()
        .context("pomelo-cli")?;
    let servers: Vec<Value> = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("pomelo-cli said: {}", String::from_utf8_lossy(&out.stderr)))?;
    servers.into_iter().find(|server| server["serverType"] == "master").context("no master in the list")
}
