//! `cargo xtask bench game`: how many players one area of LordOfPomelo carries, with real servers and robots that play over real
//! connections. What a tick took is what the area's server says in its log; what requests took is what robots saw.

mod realm;
mod row;
mod ticks;

use std::{
    fs,
    path::PathBuf,
    thread::available_parallelism,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use self::{
    realm::{Realm, Troop},
    row::{Row, TITLES},
    ticks::Ticks,
};
use crate::{
    lines::{self, Line, Panel},
    load::process::{Process, Used, machine_cpu},
    page::Page,
};

/// Robots where nothing is said.
const WALKING: [usize; 5] = [250, 500, 1_000, 2_000, 3_000];
const MIXED: [usize; 3] = [250, 500, 1_000];
const FIGHTING: [usize; 3] = [250, 500, 1_000];

/// What a tick may take, in milliseconds: half of the time between two.
const GOAL_MS: f64 = 50.0;

/// What to measure.
#[derive(Args)]
#[command(after_help = "\
All robots are in one area, and see five by five towers of 300 pixels unless --view says otherwise. Those that fight and
those that are mixed keep everything a client has to know, and begin where walking has spread them.

Examples:
  cargo xtask bench game --seconds 10 --walking 500
                                  a first look, in two minutes
  cargo xtask bench game --walking 1000,2000 --fighting 1000
  cargo xtask bench game --json game.json --plot docs/game.svg --into docs/performance.md
                                  everything: half an hour")]
pub(crate) struct Game {
    /// Numbers of robots that walk all the time [default: 250,500,1000,2000,3000, if nothing else is asked for].
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    walking: Vec<usize>,
    /// Numbers of robots that do what players do [default: 250,500,1000, the same].
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    mixed: Vec<usize>,
    /// Numbers of robots that fight all the time [default: 250,500,1000, the same].
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    fighting: Vec<usize>,
    /// How long each is measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    seconds: f64,
    /// How long robots play before they are measured, once all have come.
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0, value_parser = seconds)]
    settle: f64,
    /// How many come in a second.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// The page that robots say they have, which decides how far they see.
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    view: Option<String>,
    /// How long the connectors let pushes wait for others [default: as the game's config/servers.json says].
    #[arg(long, value_name = "MILLISECONDS")]
    flush_interval: Option<u32>,
    /// How nice robots are to the servers, which have a machine of their own in earnest: 0 to 19.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(..=19))]
    nice: u8,
    /// How robots are connected. What servers do is nearly the same; robots read raw TCP with half of the CPU.
    #[arg(long, value_enum, default_value = "tcp")]
    transport: Transport,
    /// Also write everything measured into this file.
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
    /// Also draw it.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    page: Page,
}

/// What robots do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Behaviour {
    Walk,
    Mixed,
    Fight,
}

/// How clients are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Ws,
    Tcp,
}

impl Transport {
    fn scheme(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Tcp => "tcp",
        }
    }
}

impl Behaviour {
    /// As the robots' program has it.
    fn name(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Mixed => "mixed",
            Self::Fight => "fight",
        }
    }

    fn doing(self) -> &'static str {
        match self {
            Self::Walk => "walking",
            Self::Mixed => "mixed",
            Self::Fight => "fighting",
        }
    }

    fn panel(self, lines: [Line; 2]) -> Panel {
        let (counted, published, what) = match self {
            Self::Walk => ("players who walk, ms of a tick", 800, "the original: 800 on 8 cores"),
            Self::Mixed => ("players of all sorts, ms of a tick", 558, "the original: 558 on 8 cores"),
            Self::Fight => ("players who fight, ms of a tick", 486, "the original: 486 on 8 cores"),
        };
        Panel::new(counted, lines).goal(GOAL_MS).mark(published, what)
    }
}

impl Game {
    pub(crate) async fn run(self) -> Result<()> {
        let steps = self.steps();
        let most = steps.iter().map(|(_, count)| *count).max().context("nobody is to play")?;
        ensure!(steps.iter().all(|(_, count)| *count > 0), "no robots are no measurement");
        println!("starting the game");
        let realm = Realm::start(self.flush_interval).await?;
        println!("{most} robots come and spread over the area, which is not measured");
        self.play(&realm, Behaviour::Walk, most, Duration::ZERO).await?;
        let mut rows = Vec::new();
        println!("{}", line(&TITLES.map(str::to_owned)));
        for (behaviour, count) in steps {
            let row = self.play(&realm, behaviour, count, Duration::from_secs_f64(self.seconds)).await?;
            println!("{}", line(&row.cells()));
            row.remarks().iter().for_each(|remark| println!("  {remark}"));
            rows.push(row);
        }
        self.put(&rows)
    }

    fn steps(&self) -> Vec<(Behaviour, usize)> {
        let (mut walking, mut mixed, mut fighting) =
            (self.walking.clone(), self.mixed.clone(), self.fighting.clone());
        if walking.is_empty() && mixed.is_empty() && fighting.is_empty() {
            (walking, mixed, fighting) = (WALKING.into(), MIXED.into(), FIGHTING.into());
        }
        [(Behaviour::Walk, walking), (Behaviour::Mixed, mixed), (Behaviour::Fight, fighting)]
            .into_iter()
            .flat_map(|(behaviour, counts)| counts.into_iter().map(move |count| (behaviour, count)))
            .collect()
    }

    /// So many robots, from the first to come until the last is gone.
    async fn play(
        &self,
        realm: &Realm,
        behaviour: Behaviour,
        count: usize,
        measured: Duration,
    ) -> Result<Row> {
        let ramp = Duration::from_secs_f64(count as f64 / f64::from(self.rate));
        let settle = Duration::from_secs_f64(self.settle);
        let troop = Troop {
            behaviour,
            count,
            ramp,
            settle,
            measured,
            view: self.view.as_deref(),
            nice: self.nice,
            transport: self.transport,
        };
        let robots = realm.let_in(&troop)?;
        sleep_until(Instant::now() + ramp + settle).await;
        let (from, before) = (SystemTime::now(), Sample::take(realm, &robots.process)?);
        sleep_until(Instant::now() + measured).await;
        let (to, after) = (SystemTime::now(), Sample::take(realm, &robots.process)?);
        let report = robots.report().await?;
        let seconds = to.duration_since(from)?.as_secs_f64().max(f64::EPSILON);
        let share = |before: &Used, after: &Used| after.since(before).cpu / seconds;
        let servers = realm.servers.iter().zip(before.servers.iter().zip(&after.servers));
        let row = Row {
            behaviour,
            robots: count,
            seconds,
            ticks: Ticks::between(&realm.log(), from, to),
            servers: servers.map(|(server, (before, after))| (server.name, share(before, after))).collect(),
            robots_cpu: share(&before.robots, &after.robots),
            machine: (after.machine - before.machine) / seconds,
            cores: available_parallelism().map_or(1, usize::from),
            report,
        };
        realm.is_left().await?;
        Ok(row)
    }

    fn put(&self, rows: &[Row]) -> Result<()> {
        let mut table = format!("| {} |\n|{}\n", TITLES.join(" | "), " --- |".repeat(TITLES.len()));
        for row in rows {
            table.push_str(&format!("| {} |\n", row.cells().join(" | ")));
        }
        self.page.put("game", &table)?;
        if let Some(file) = &self.json {
            let rows: Vec<Value> = rows.iter().map(Row::json).collect();
            let document = json!({ "view": self.view, "rows": rows });
            fs::write(file, serde_json::to_string_pretty(&document)?)
                .with_context(|| file.display().to_string())?;
        }
        if let Some(file) = &self.plot {
            let panels: Vec<_> = [Behaviour::Walk, Behaviour::Mixed, Behaviour::Fight]
                .into_iter()
                .filter_map(|behaviour| panel(behaviour, rows))
                .collect();
            let svg = lines::svg("How long a tick takes, the more players are in one area", &panels);
            fs::write(file, svg).with_context(|| file.display().to_string())?;
        }
        Ok(())
    }
}

/// CPU that was used until a moment.
struct Sample {
    servers: Vec<Used>,
    robots: Used,
    /// By everything on this machine, in seconds.
    machine: f64,
}

impl Sample {
    fn take(realm: &Realm, robots: &Process) -> Result<Self> {
        let servers = realm.servers.iter().map(Process::used).collect::<Result<_>>()?;
        Ok(Self { servers, robots: robots.used()?, machine: machine_cpu()? })
    }
}

fn panel(behaviour: Behaviour, rows: &[Row]) -> Option<Panel> {
    let (mut p50, mut p99) = (Line::new("median"), Line::new("99 of 100"));
    let of_it = rows.iter().filter(|row| row.behaviour == behaviour);
    let points: Vec<_> = of_it.filter_map(|row| Some((row.robots, row.tick_ms()?))).collect();
    for (robots, ms) in &points {
        p50.add(*robots, ms[0]);
        p99.add(*robots, ms[1]);
    }
    // The first line's values stand above it.
    (!points.is_empty()).then(|| behaviour.panel([p99, p50]))
}

/// Cells as wide as their titles, for a terminal.
fn line(cells: &[String; TITLES.len()]) -> String {
    let widths = TITLES.iter().map(|title| title.chars().count().max(8));
    let first = format!("{:<14}", cells[0]);
    cells.iter().zip(widths).skip(1).fold(first, |line, (cell, width)| format!("{line}  {cell:>width$}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (1.0..=3_600.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds, from 1 to 3600".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        game: Game,
    }

    fn steps(words: &str) -> Vec<(Behaviour, usize)> {
        let words = std::iter::once("game").chain(words.split_whitespace());
        Program::try_parse_from(words).unwrap().game.steps()
    }

    #[test]
    fn only_what_is_asked_for_is_measured_and_everything_if_nothing_is() {
        assert_eq!(steps("--walking 500"), [(Behaviour::Walk, 500)]);
        assert_eq!(
            steps("--fighting 7 --walking 1,2"),
            [(Behaviour::Walk, 1), (Behaviour::Walk, 2), (Behaviour::Fight, 7)]
        );
        assert_eq!(steps("").len(), WALKING.len() + MIXED.len() + FIGHTING.len());
    }
}
