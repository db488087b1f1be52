//! Measurements of real processes. `cargo xtask bench failover` builds for release and runs them.
//!
//! Figures from one run on one machine are for comparing rows of that run, nothing else.

mod busy;
mod crowd;
mod crowded;
mod failover;
mod game;
mod lines;
mod load;
mod log;
mod original;
mod output;
mod page;
mod plot;
mod rpc;
mod series;
mod soak;
mod table;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use pomelo_testkit::zookeeper::ZooKeeper;

use crate::output::Output;

/// Measure.
#[derive(Parser)]
struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// How long servers are without a master when the active one dies, freezes or hands over.
    Failover(Failover),
    /// What requests, pushes and connections cost, beside the Node original and the least they must cost.
    Load(load::Load),
    /// Whether thousands of clients lose anything, and servers grow, while a connector and a backend are killed.
    Soak(soak::Soak),
    /// What it costs to have more connections, larger channels and a second connector.
    Growth(load::growth::Growth),
    /// What clients notice of others that flood, do not read, never speak, or speak nonsense.
    Abuse(load::abuse::Abuse),
    /// How many players one area of LordOfPomelo carries that walk, fight, or do what players do.
    Game(game::Game),
    /// How many calls one link between two servers takes, and what they cost.
    Rpc(rpc::Rpc),
    /// The called server of `rpc`.
    #[command(hide = true)]
    RpcPeer(rpc::Peer),
    /// That least, as a server; `load` starts it.
    #[command(hide = true)]
    Floor(Floor),
    /// Plays a part of the simulated servers of `failover`.
    #[command(hide = true)]
    Crowd {
        /// Which, as the measuring process writes it.
        plan: String,
    },
}

/// One of the floor's two processes.
#[derive(Args)]
struct Floor {
    /// Forwards to the process at this port.
    #[arg(long)]
    link: Option<u16>,
    /// Is that process.
    #[arg(long, conflicts_with = "link")]
    links: bool,
    /// Writes pushes every so many milliseconds.
    #[arg(long)]
    flush_interval: Option<u64>,
}

/// What to measure; without `--servers` and `--busy`, five real servers under every fault, beside the Node original.
#[derive(Args)]
struct Failover {
    /// Failovers of each case, half as many of the slow ones [default: 20]; with --storm, cold starts [default: 3].
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
    /// Failovers of the Node original; 0 leaves it out.
    #[arg(long, value_name = "N", default_value_t = 5)]
    original_runs: u32,
    /// Only our cases with this in their name.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Kill -9 with so many simulated servers instead: 1000, 10000.
    #[arg(long, value_name = "N")]
    servers: Option<usize>,
    /// With --servers: instead of failovers, cold starts of one master that all servers wait for.
    #[arg(long, requires = "servers")]
    storm: bool,
    /// With --servers: on the embedded coordinator, not on ZooKeeper.
    #[arg(long, requires = "servers")]
    embedded: bool,
    /// With --servers: so many masters.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=3))]
    masters: u8,
    /// Instead: every core busy for so many seconds and no fault; changes of the master are counted.
    #[arg(long, value_name = "SECONDS", conflicts_with = "servers")]
    busy: Option<u64>,
    #[command(flatten)]
    output: Output,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Bench::parse().what {
        What::Failover(failover) => failover.run().await,
        What::Load(load) => load.run().await,
        What::Soak(soak) => soak.run().await,
        What::Growth(growth) => growth.run().await,
        What::Abuse(abuse) => abuse.run().await,
        What::Game(game) => game.run().await,
        What::Rpc(rpc) => rpc.run().await,
        What::RpcPeer(peer) => peer.run().await,
        What::Floor(Floor { links: true, .. }) => load::floor::echo_links(),
        What::Floor(Floor { link, flush_interval, .. }) => {
            load::floor::serve(link, flush_interval.map(Duration::from_millis))
        }
        What::Crowd { plan } => crowd::part::play(crowd::part::Plan::of_text(&plan)?).await,
    }
}

impl Failover {
    async fn run(self) -> Result<()> {
        let output = &self.output;
        if let Some(seconds) = self.busy {
            return busy::run(seconds, output).await;
        }
        let Some(servers) = self.servers else {
            return failover::run(self.runs.unwrap_or(20), self.original_runs, &self.only, output).await;
        };
        let zookeeper = if self.embedded { None } else { Some(ZooKeeper::start().await?) };
        let (count, zookeeper) = ((servers, usize::from(self.masters)), zookeeper.as_ref());
        match self.storm {
            true => crowded::storms(count, self.runs.unwrap_or(3), zookeeper, output).await,
            false => crowded::failovers(count, self.runs.unwrap_or(20), zookeeper, output).await,
        }
    }
}
