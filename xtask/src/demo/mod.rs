//! `cargo xtask demo`: the game in production with three masters, so that one can kill the active one while playing. With `--chat` the
//! chat example, which needs neither Node nor time.
//!
//! Works on a fresh copy of the configuration in `target/demo`, where logs go too. What players have done outlives the demo: it is where
//! the game's own configuration says, in `lordofpomelo/game-server/run`.

mod cluster;
mod folder;
mod next;
mod page;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use clap::Args;

use crate::shell::{cargo, run, target_dir};
use cluster::Cluster;
use folder::Folder;

/// Where the page with the game is.
const WEB_PORT: u16 = 3001;

/// What `--help` ends with.
pub(crate) const EXAMPLES: &str = "\
Examples:
  cargo xtask demo
  cargo xtask demo --chat                        the smallest game, at once
  cargo xtask demo --zookeeper 127.0.0.1:2181    masters that meet in ZooKeeper

It says where the page is, and how to kill the master while one plays.";

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct Demo {
    /// The chat example in place of LordOfPomelo: small, and needs no Node.
    #[arg(long)]
    chat: bool,
    /// Elect through this ZooKeeper instead of the embedded coordinator.
    #[arg(long, value_name = "HOST:PORT")]
    zookeeper: Option<String>,
}

/// What is shown.
pub(super) struct Game {
    /// The program that is its servers, and the name of its package.
    program: &'static str,
    /// What else has to run, a program and its package: the web server.
    web: Option<&'static str>,
    /// The folder with `config`, from the root of the project.
    folder: &'static str,
}

const LORDOFPOMELO: Game =
    Game { program: "lordofpomelo", web: Some("lordofpomelo-web"), folder: "lordofpomelo/game-server" };
const CHAT: Game = Game { program: "chat", web: None, folder: "examples/chat" };

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        let game = if self.chat { &CHAT } else { &LORDOFPOMELO };
        // Before anything that takes minutes: this may say that it can't be.
        let folder = Folder::prepare(game, self.zookeeper.as_deref())?;
        if game.web.is_some() {
            page::build()?;
        }
        println!("building the servers (the first time takes some minutes)");
        let packages = ["pomelo-cli", game.program].into_iter().chain(game.web);
        run(cargo().args(["build", "--locked"]).args(packages.flat_map(|package| ["-p", package])))?;

        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, interrupted.clone())?;
        }
        let programs = target_dir()?.join("debug");
        let Some(mut cluster) =
            Cluster::start(game, &programs, &folder, self.zookeeper.is_none(), &interrupted)?
        else {
            return Ok(());
        };
        next::explain(game, &programs, &folder)?;
        while !interrupted.load(Ordering::Relaxed) {
            if let Some(ended) = cluster.ended() {
                println!("{ended}: stopping the rest");
                break;
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        drop(cluster);
        println!("everything has ended");
        Ok(())
    }
}
