//! `cargo xtask bench load`: CPU for each unit of work of the data plane, beside the Node original and beside the least that the same
//! work must cost (`floor`), in turn and in one run. What counts are the ratios within a round.

pub(crate) mod abuse;
mod connection;
pub(crate) mod floor;
mod generator;
pub(crate) mod growth;
pub(crate) mod process;
mod report;
mod system;

use anyhow::{Result, bail};
use clap::Args;
use tokio::task::LocalSet;

use crate::{output::Output, page::Page};
use generator::{Measured, Work};
use report::{Cell, Row};
use system::{FLUSH_INTERVAL_MS, System};

const ECHO: &str = "connector.entryHandler.echo";
const HOP: &str = "chat.chatHandler.echo";

/// What to measure.
#[derive(Args)]
pub(crate) struct Load {
    /// Only cases with this in their name.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// How often each case is measured, in turn with the others.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// How long a measurement of requests lasts.
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    seconds: f64,
    /// Measures the Node original, too.
    #[arg(long)]
    original: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    page: Page,
}

/// One row of the table.
struct Case {
    name: &'static str,
    work: Work,
    clients: usize,
    /// Whether clients enter a room, which makes them members of a channel.
    enters: bool,
    /// Which connector: the first, or the second, where pushes wait.
    connector: usize,
    unit: Unit,
    /// How many times the floor's cost ours may be.
    goal: f64,
    /// How long an answer may take, 99 times of 100.
    p99_goal_ms: Option<f64>,
}

/// What a measured figure is of.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    /// CPU seconds for 100,000 answers.
    Answers,
    /// CPU seconds for 1,000,000 deliveries.
    Deliveries,
    /// KiB of the connector for each connection.
    Memory,
}

impl Unit {
    fn of(self, measured: &Measured) -> f64 {
        let cpu: f64 = measured.used.iter().map(|used| used.cpu).sum();
        match self {
            Self::Answers => cpu / measured.units * 1e5,
            Self::Deliveries => cpu / measured.units * 1e6,
            Self::Memory => measured.used[0].resident / measured.units,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Answers => "CPU s per 100k",
            Self::Deliveries => "CPU s per 1M",
            Self::Memory => "KiB each",
        }
    }
}

const fn case(name: &'static str, work: Work, clients: usize, unit: Unit, goal: f64) -> Case {
    let enters = !matches!(unit, Unit::Memory);
    Case { name, work, clients, enters, connector: 0, unit, goal, p99_goal_ms: None }
}

const CASES: [Case; 11] = [
    case("echo, 100 clients", Work::Echo { route: ECHO }, 100, Unit::Answers, 1.25),
    case("echo, 1,000 clients", Work::Echo { route: ECHO }, 1_000, Unit::Answers, 1.25),
    case("echo at a backend, 100 clients", Work::Echo { route: HOP }, 100, Unit::Answers, 1.5),
    case("echo at a backend, 1,000 clients", Work::Echo { route: HOP }, 1_000, Unit::Answers, 1.5),
    Case {
        p99_goal_ms: Some(3.0),
        ..case(
            "2,000 requests/s, 1,000 clients",
            Work::EchoAt { route: ECHO, per_second: 2_000.0 },
            1_000,
            Unit::Answers,
            1.7,
        )
    },
    case(
        "push to 1,000, 32 under way",
        Work::Push { pushes: 2_000, window: 32 },
        1_000,
        Unit::Deliveries,
        1.63,
    ),
    case(
        "push to 1,000, one under way",
        Work::Push { pushes: 300, window: 1 },
        1_000,
        Unit::Deliveries,
        1.23,
    ),
    case("push to 1,000, 50/s", Work::PushAt { pushes: 200, per_second: 50.0 }, 1_000, Unit::Deliveries, 1.2),
    Case {
        connector: 1,
        ..case(
            "push to 1,000, 50/s, every 50 ms",
            Work::PushAt { pushes: 200, per_second: 50.0 },
            1_000,
            Unit::Deliveries,
            1.2,
        )
    },
    case("idle, 5,000 connections", Work::Idle, 5_000, Unit::Memory, 10.0),
    case("idle, 10,000 connections", Work::Idle, 10_000, Unit::Memory, 10.0),
];

impl Load {
    pub(crate) async fn run(self) -> Result<()> {
        let cases: Vec<_> = CASES.iter().filter(|case| case.name.contains(&self.only)).collect();
        if cases.is_empty() {
            let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
            bail!("no case has {:?} in its name; there are: {}", self.only, names.join("; "));
        }
        println!("starting what is measured");
        let systems = self.systems().await?;
        let mut rows = Vec::new();
        let mut rooms = 0;
        for case in cases {
            // What a process took once it hardly gives back: only a fresh one shows what connections need, and only once.
            let fresh = if case.unit == Unit::Memory { Some(self.systems().await?) } else { None };
            let (systems, rounds) = fresh.as_ref().map_or((&systems, self.rounds), |fresh| (fresh, 1));
            let mut row = Row::new(case, systems.iter().map(|system| system.name));
            for round in 1..=rounds {
                for (system, cells) in systems.iter().zip(&mut row.cells) {
                    rooms += 1;
                    let cell = self.measure(case, system, &format!("quiet{rooms}")).await?;
                    println!("{:<34} {round}/{rounds} {:<14} {cell}", case.name, system.name);
                    cells.push(cell);
                }
            }
            rows.push(row);
        }
        let table = report::table(&rows);
        println!("\n{table}");
        self.page.put("load", &table)?;
        self.output.write(&report::document(&rows))
    }

    async fn systems(&self) -> Result<Vec<System>> {
        let mut systems =
            vec![System::floor().await?, System::ours(&[(1, "flush-interval", FLUSH_INTERVAL_MS)]).await?];
        if self.original {
            systems.push(System::original().await?);
        }
        Ok(systems)
    }

    async fn measure(&self, case: &Case, system: &System, room: &str) -> Result<Cell> {
        let connector = &system.connectors[case.connector];
        let servers = [connector.process.clone(), system.backend.clone()];
        let room = case.enters.then_some(room);
        let addrs = [connector.addr.as_str()];
        // The original takes 40 times as long for them.
        let work = match case.work {
            Work::Push { pushes, window } if system.name == "original" => {
                Work::Push { pushes: pushes.min(300), window }
            }
            work => work,
        };
        let run = generator::run(work, &addrs, case.clients, self.seconds, &servers, room);
        // With it end the clients' tasks.
        let measured = LocalSet::new().run_until(run).await?;
        Ok(Cell::new(case.unit, &measured))
    }
}
