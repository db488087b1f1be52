//! `cargo xtask bench growth`: whether cost grows with what there is of it. Connections, members of a channel, and one connector
//! process beside two. Only our chat example: what it costs beside others is in `load`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::task::LocalSet;

use super::{
    ECHO,
    generator::{self, Measured, Work},
    system::System,
};
use crate::{
    lines::{self, Line, Panel},
    page::Page,
};

/// Connections to one connector.
const CONNECTIONS: [usize; 3] = [1_000, 5_000, 10_000];

/// Members of one channel.
const MEMBERS: [usize; 4] = [10, 100, 1_000, 10_000];

/// Deliveries of one measurement of pushes, and the fewest and most pushes that may be.
const DELIVERIES: usize = 1_000_000;
const PUSHES: [usize; 2] = [60, 4_000];

/// How many pushes may be under way.
const WINDOW: usize = 32;

/// Clients where one connector stands beside two.
const SHARED: usize = 1_000;

/// What to measure it with.
#[derive(Args)]
pub(crate) struct Growth {
    /// How often each is measured; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// How long a measurement of requests lasts.
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    seconds: f64,
    /// Also draw it.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    page: Page,
}

/// A row of the table.
struct Row {
    what: &'static str,
    of: String,
    /// Microseconds of CPU of connectors and backend for each answer or delivery.
    cpu_us: Option<f64>,
    per_second: Option<f64>,
    p99_ms: Option<f64>,
    /// KiB of the connector for each connection.
    kib: Option<f64>,
}

impl Growth {
    pub(crate) async fn run(self) -> Result<()> {
        let mut rows = Vec::new();
        let (mut memory, mut echo) = (Line::new("KiB of an idle connection"), Line::new("µs of an answer"));
        for clients in CONNECTIONS {
            // Anew for each, so that memory that was given back to nobody but the allocator is not taken for free.
            let system = System::ours(&[]).await?;
            let idle = self.measure(&system, Work::Idle, clients, 1).await?;
            let kib = idle.used[0].resident / idle.units;
            let mut row = self.median(&system, Work::Echo { route: ECHO }, clients, 1).await?;
            (row.what, row.of, row.kib) = ("echo", format!("{} connections", number(clients)), Some(kib));
            memory.add(clients, kib);
            echo.add(clients, row.cpu_us.unwrap_or_default());
            rows.push(row.told());
        }
        let (mut one, mut many) = (Line::new("one under way"), Line::new("32 under way"));
        let system = System::ours(&[]).await?;
        for members in MEMBERS {
            let pushes = (DELIVERIES / members).clamp(PUSHES[0], PUSHES[1]);
            for (line, window, what) in
                [(&mut one, 1, "push, one under way"), (&mut many, WINDOW, "push, 32 under way")]
            {
                let mut row = self.median(&system, Work::Push { pushes, window }, members, 1).await?;
                (row.what, row.of) = (what, format!("{} members", number(members)));
                line.add(members, row.cpu_us.unwrap_or_default());
                rows.push(row.told());
            }
        }
        for (what, work) in [
            ("echo", Work::Echo { route: ECHO }),
            ("push, 32 under way", Work::Push { pushes: 1_000, window: WINDOW }),
        ] {
            for connectors in [1, 2] {
                let mut row = self.median(&system, work, SHARED, connectors).await?;
                let of = format!("{} clients, {connectors} connector processes", number(SHARED));
                (row.what, row.of) = (what, of.replace("1 connector processes", "1 connector process"));
                rows.push(row.told());
            }
        }
        let table = table(&rows);
        println!("\n{table}");
        self.page.put("growth", &table)?;
        if let Some(file) = &self.plot {
            let panels = [
                Panel::new("connections of one connector", [memory, echo]),
                Panel::new("members of a channel, µs of a delivery", [one, many]),
            ];
            let svg = lines::svg("What one costs, the more there are", &panels);
            fs::write(file, svg).with_context(|| file.display().to_string())?;
        }
        Ok(())
    }

    /// Of the rounds the one with the median cost.
    async fn median(&self, system: &System, work: Work, clients: usize, connectors: usize) -> Result<Row> {
        let mut rounds = Vec::with_capacity(self.rounds);
        for _ in 0..self.rounds {
            rounds.push(Row::new(work, &self.measure(system, work, clients, connectors).await?));
        }
        rounds.sort_by(|a, b| a.cpu_us.partial_cmp(&b.cpu_us).unwrap_or(std::cmp::Ordering::Equal));
        let middle = rounds.len() / 2;
        rounds.into_iter().nth(middle).context("no round")
    }

    async fn measure(
        &self,
        system: &System,
        work: Work,
        clients: usize,
        connectors: usize,
    ) -> Result<Measured> {
        let connectors = &system.connectors[..connectors];
        let addrs: Vec<_> = connectors.iter().map(|connector| connector.addr.as_str()).collect();
        let mut servers: Vec<_> = connectors.iter().map(|connector| connector.process.clone()).collect();
        servers.push(system.backend.clone());
        let room = (work != Work::Idle).then(|| format!("quiet{}", fastrand::u64(..)));
        let run = generator::run(work, &addrs, clients, self.seconds, &servers, room.as_deref());
        LocalSet::new().run_until(run).await
    }
}

impl Row {
    fn new(work: Work, measured: &Measured) -> Self {
        let cpu: f64 = measured.used.iter().map(|used| used.cpu).sum();
        let is_echo = matches!(work, Work::Echo { .. });
        Self {
            what: "",
            of: String::new(),
            cpu_us: Some(cpu / measured.units * 1e6),
            per_second: Some(measured.units / measured.seconds),
            p99_ms: measured.percentile(99).filter(|_| is_echo).map(|p99| p99.as_secs_f64() * 1e3),
            kib: None,
        }
    }

    /// Says on the terminal that it is done.
    fn told(self) -> Self {
        println!("{:<20} {:<40} {:>8}", self.what, self.of, cell(self.cpu_us, 2));
        self
    }
}

fn table(rows: &[Row]) -> String {
    let mut text =
        "| what | of | CPU µs each | a second | p99 ms | KiB each |\n| --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for row in rows {
        let cells = [
            row.what.to_owned(),
            row.of.clone(),
            cell(row.cpu_us, 2),
            row.per_second.map_or_else(String::new, |n| number(n as usize)),
            cell(row.p99_ms, 1),
            cell(row.kib, 1),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

/// With a comma behind the thousands.
fn number(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
