//! The page with the game: built with Node's tools, when something of it has changed.

use std::{fs, path::Path, process::Command, time::SystemTime};

use anyhow::{Result, bail};

use crate::{
    install::{self, Missing},
    shell::{exists, root, run},
};

const CLIENT: &str = "lordofpomelo/web-client";

/// What the page is made of, from the root of the project.
const SOURCES: [&str; 9] = [
    "clients/typescript/src",
    "lordofpomelo/game-server/config/data",
    "lordofpomelo/game-server/config/map",
    "lordofpomelo/game-server/config/scene",
    "lordofpomelo/web-client/gallery.html",
    "lordofpomelo/web-client/index.html",
    "lordofpomelo/web-client/package-lock.json",
    "lordofpomelo/web-client/src",
    "lordofpomelo/web-client/vite.config.ts",
];

/// Oldest Node that builds it.
const NODE_MAJOR_MIN: u32 = 20;

/// Builds the page, unless it is newer than all it is made of.
pub(super) fn build() -> Result<()> {
    let client = root().join(CLIENT);
    let built = newest(&client.join("dist"));
    let changed = SOURCES.iter().filter_map(|source| newest(&root().join(source))).max();
    if built.is_some() && built >= changed {
        println!("the page is built");
        return Ok(());
    }
    check_node()?;
    install::npm(CLIENT, Missing::Install)?;
    println!("building the page");
    run(Command::new("npm").args(["run", "--silent", "build", "--", "--logLevel=warn"]).current_dir(&client))
}

fn check_node() -> Result<()> {
    const ADVICE: &str = "the game's page is built with Node.js 20 or newer and npm: install them (Debian, Ubuntu: apt-get install nodejs \
                          npm; others: https://nodejs.org), or try `cargo xtask demo --chat`, which needs neither";
    if let Some(missing) = ["node", "npm"].into_iter().find(|program| !exists(program)) {
        bail!("{missing} is not installed; {ADVICE}");
    }
    let out = Command::new("node").arg("--version").output()?;
    let version = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR_MIN) {
        bail!("node is {version}; {ADVICE}");
    }
    Ok(())
}

/// When the newest file in `path`, or the file itself, was changed; none if there is none.
fn newest(path: &Path) -> Option<SystemTime> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_dir() {
        return metadata.modified().ok();
    }
    fs::read_dir(path).ok()?.filter_map(|entry| newest(&entry.ok()?.path())).max()
}
