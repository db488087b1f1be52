//! `cargo xtask bench NAME`: builds for release and runs one measurement of `bench/`.

use anyhow::Result;
use clap::Args;

use crate::{
    install::{self, Missing},
    shell::{cargo, run},
};

/// What `--help` ends with.
pub(crate) const EXAMPLES: &str = "\
Examples:
  cargo xtask bench help                  everything that can be measured
  cargo xtask bench failover --runs 20    one of them, with its options
  cargo xtask bench load --help           which those are";

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure, with its options: failover, load, soak, growth, abuse, game or rpc.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        install::zookeeper(Missing::Install)?;
        install::npm("bench/original", Missing::Install)?;
        let framework = ["build", "--release", "--locked", "-p", "pomelo-cli", "-p", "chat", "-p", "bench"];
        // The game is large, and only its own measurement needs it.
        let game = ["-p", "lordofpomelo", "-p", "lordofpomelo-robot"];
        let is_game = self.arguments.first().is_some_and(|what| what == "game");
        run(cargo().args(framework).args(game.iter().filter(|_| is_game)))?;
        run(cargo()
            .args(["run", "--release", "--locked", "--quiet", "-p", "bench", "--"])
            .args(&self.arguments))
    }
}
