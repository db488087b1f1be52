//! Measurements of real processes. `cargo xtask bench failover` builds for release and runs them.
//!
//! Figures from one run on one machine are for comparing rows of that run, nothing else.

mod failover;
mod original;
mod series;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measure.
#[derive(Parser)]
struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// How long servers are without a master when the active one is killed.
    Failover {
        /// Failovers of each of our coordinators.
        #[arg(long, default_value_t = 20)]
        runs: u32,
        /// Failovers of the Node original; 0 leaves it out.
        #[arg(long, default_value_t = 5)]
        original_runs: u32,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Bench::parse().what {
        What::Failover { runs, original_runs } => failover::run(runs, original_runs).await,
    }
}
