//! The resident memory of every server, looked at each second.

use pomelo_testkit::game::GameDir;
use serde_json::{Value, json};

use crate::load::process::Process;

/// Servers that are looked at.
const SERVERS: [&str; 6] = [
    "connector-server-1",
    "connector-server-2",
    "chat-server-1",
    "chat-server-2",
    "gate-server-1",
    "master-server-1",
];

/// Before the first client.
pub(super) const START: &str = "start";
/// All clients are there and have spoken.
pub(super) const RAMPED: &str = "ramped";
/// Before the first server is killed.
pub(super) const BEFORE: &str = "before kills";
/// All are back from the last one.
pub(super) const SETTLED: &str = "settled";
/// Before the last client leaves.
pub(super) const END: &str = "end";

/// All of them, in the order in which they come.
pub(super) const MARKS: [&str; 5] = [START, RAMPED, BEFORE, SETTLED, END];

/// How much more memory may be at the end of a stretch in which nothing happens: a share, and what the allocator does by chance.
const GROWTH: f64 = 1.05;
const GROWTH_KIB: f64 = 2048.0;

/// Samples of all servers.
pub(super) struct Memory {
    /// KiB of each server; none while it does not run.
    samples: Vec<[Option<f64>; SERVERS.len()]>,
    /// Which sample was the latest at each mark.
    marks: Vec<(&'static str, usize)>,
}

/// One server, in KiB.
pub(super) struct Row {
    pub(super) server: &'static str,
    /// At each of [`MARKS`].
    pub(super) marks: [Option<f64>; MARKS.len()],
    pub(super) most: Option<f64>,
}

/// The process of a server.
pub(super) fn pid(game: &GameDir, id: &str) -> Option<u32> {
    let argument = format!("id={id}");
    game.processes().into_iter().find(|process| process.arguments.contains(&argument)).map(|p| p.pid)
}

impl Memory {
    pub(super) fn new() -> Self {
        Self { samples: Vec::new(), marks: Vec::new() }
    }

    pub(super) fn look(&mut self, game: &GameDir) {
        let processes = game.processes();
        let resident = |name: &'static str| {
            let argument = format!("id={name}");
            let found = processes.iter().find(|process| process.arguments.contains(&argument))?;
            // It may end this very moment.
            Process { name, pid: found.pid }.used().ok().map(|used| used.resident)
        };
        self.samples.push(SERVERS.map(resident));
    }

    pub(super) fn mark(&mut self, name: &'static str) {
        self.marks.push((name, self.samples.len().saturating_sub(1)));
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |(server, name): (usize, &&'static str)| Row {
            server: name,
            marks: MARKS.map(|mark| self.at(mark, server)),
            most: self.samples.iter().filter_map(|sample| sample[server]).reduce(f64::max),
        };
        SERVERS.iter().enumerate().map(row).collect()
    }

    /// Servers that grew where nothing happened: after all had come until the first was killed, and after the last was back.
    pub(super) fn grown(&self) -> Vec<String> {
        let mut grown = Vec::new();
        for (server, name) in SERVERS.iter().enumerate() {
            for [from, to] in [[RAMPED, BEFORE], [SETTLED, END]] {
                if let (Some(before), Some(after)) = (self.at(from, server), self.at(to, server))
                    && after > before * GROWTH + GROWTH_KIB
                {
                    grown.push(format!("{name} from {before:.0} KiB ({from}) to {after:.0} KiB ({to})"));
                }
            }
        }
        grown
    }

    pub(super) fn document(&self) -> Value {
        let marks: Vec<_> = self.marks.iter().map(|(name, at)| json!({"name": name, "sample": at})).collect();
        json!({"servers": SERVERS, "residentKiB": self.samples, "marks": marks})
    }

    fn at(&self, mark: &str, server: usize) -> Option<f64> {
        let (_, sample) = self.marks.iter().find(|(name, _)| *name == mark)?;
        self.samples.get(*sample)?[server]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_where_nothing_happens() {
        let mut memory = Memory::new();
        // The first server grows when clients come, and when those of another come to it; the second one all the while.
        for (mark, first, second) in [
            (START, 5e3, 5e3),
            (RAMPED, 20e3, 20e3),
            (BEFORE, 20.5e3, 30e3),
            (SETTLED, 40e3, 40e3),
            (END, 41e3, 50e3),
        ] {
            memory.samples.push([Some(first), Some(second), None, None, None, None]);
            memory.mark(mark);
        }
        let grown = memory.grown();
        assert_eq!(grown.len(), 2, "{grown:?}");
        assert!(grown.iter().all(|text| text.starts_with("connector-server-2 from ")));
        assert_eq!(memory.rows()[1].most, Some(50e3));
    }
}
