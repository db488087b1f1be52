//! `cargo xtask bench NAME`: builds for release and runs one measurement of `bench/`.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{
    install,
    shell::{cargo, run},
};

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// From `kill -9` of the active master until the last server follows the new one, per coordinator, beside the Node
    /// original.
    Failover {
        /// Failovers per coordinator.
        #[arg(long, default_value_t = 20)]
        runs: u32,
        /// Failovers of the Node original (each takes about 15 s); 0 leaves it out.
        #[arg(long, default_value_t = 5)]
        original_runs: u32,
    },
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        match self.what {
            What::Failover { runs, original_runs } => {
                install::zookeeper()?;
                if original_runs > 0 {
                    install::npm("bench/original")?;
                }
                run(cargo().args([
                    "build",
                    "--release",
                    "--locked",
                    "-p",
                    "pomelo-cli",
                    "-p",
                    "chat",
                    "-p",
                    "bench",
                ]))?;
                run(cargo().args(["run", "--release", "--locked", "-p", "bench", "--", "failover"]).args([
                    "--runs",
                    &runs.to_string(),
                    "--original-runs",
                    &original_runs.to_string(),
                ]))
            }
        }
    }
}
