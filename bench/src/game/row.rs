//! What came of one number of robots, as a row of a table and of the document. Pure.

use serde_json::{Value, json};

use super::{
    Behaviour,
    ticks::{Ticks, percentile_ms},
};

/// Share of a core from which on a process has no time left, and of the machine from which on nobody has.
const FULL: f64 = 0.93;

/// Share of the machine's work from which on it is others' that counts: what they take is missing here.
const OTHERS: f64 = 0.2;

/// Routes with fewer of all answers than this share are no measure.
const RARE: f64 = 0.01;

/// The columns.
pub(super) const TITLES: [&str; 14] = [
    "robots",
    "tick p50 ms",
    "p99",
    "max",
    "of it CPU, p99",
    "late p99",
    "area, cores",
    "connectors",
    "robots, cores",
    "all of the machine",
    "request p50 ms",
    "p99",
    "deliveries a second",
    "limited by",
];

/// Figures of one number of robots.
pub(super) struct Row {
    pub(super) behaviour: Behaviour,
    pub(super) robots: usize,
    /// Measured for so long, in seconds.
    pub(super) seconds: f64,
    pub(super) ticks: Ticks,
    /// CPU seconds in each second of the servers, by name: the area first, then two connectors.
    pub(super) servers: Vec<(&'static str, f64)>,
    /// The same of the robots.
    pub(super) robots_cpu: f64,
    /// The same of the whole machine, other work included, and how many there are.
    pub(super) machine: f64,
    pub(super) cores: usize,
    /// The robots' report of that time.
    pub(super) report: Value,
}

impl Row {
    /// Median and 99th hundredth of the ticks, in milliseconds.
    pub(super) fn tick_ms(&self) -> Option<[f64; 2]> {
        let of = |percent| percentile_ms(&self.ticks.took, percent);
        of(50).zip(of(99)).map(<[f64; 2]>::from)
    }

    /// As a line of the table.
    pub(super) fn cells(&self) -> [String; TITLES.len()] {
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), short);
        let tick = |percent| ms(percentile_ms(&self.ticks.took, percent));
        let [p50, p99] = self.request_ms();
        [
            format!("{} {}", thousands(self.robots), self.behaviour.doing()),
            tick(50),
            tick(99),
            tick(100),
            ms(percentile_ms(&self.ticks.work, 99)),
            ms(percentile_ms(&self.ticks.late, 99)),
            format!("{:.2}", self.server(0)),
            format!("{:.2} + {:.2}", self.server(1), self.server(2)),
            format!("{:.2}", self.robots_cpu),
            format!("{:.2} of {}", self.machine, self.cores),
            ms(p50),
            ms(p99),
            thousands(self.deliveries() as usize),
            self.limit().to_owned(),
        ]
    }

    /// As a part of the document.
    pub(super) fn json(&self) -> Value {
        let times = |times: &[std::time::Duration]| {
            let [p50, p99, max] = [50, 99, 100].map(|percent| percentile_ms(times, percent));
            json!({ "p50": p50, "p99": p99, "max": max })
        };
        let per = |cpu: f64| (self.deliveries() > 0.0).then(|| cpu / self.deliveries() * 1e6);
        let servers: serde_json::Map<_, _> =
            self.servers.iter().map(|(name, cpu)| ((*name).to_owned(), json!(cpu))).collect();
        json!({
            "behaviour": self.behaviour.name(),
            "robots": self.robots,
            "players": self.ticks.players,
            "seconds": self.seconds,
            "ticks": self.ticks.took.len(),
            "tickMs": times(&self.ticks.took),
            "rulesMs": times(&self.ticks.rules),
            "workMs": times(&self.ticks.work),
            "lateMs": times(&self.ticks.late),
            "cpu": { "servers": servers, "robots": self.robots_cpu, "machine": self.machine, "cores": self.cores },
            "deliveriesPerSecond": self.deliveries(),
            "usOfDelivery": { "area": per(self.server(0)), "connectors": per(self.server(1) + self.server(2)) },
            "requestMs": { "p50": self.request_ms()[0], "p99": self.request_ms()[1] },
            "limitedBy": self.limit(),
            "robotsSaw": self.report,
        })
    }

    /// What is to be said below the table: who was missing, and what failed.
    pub(super) fn remarks(&self) -> Vec<String> {
        let who = format!("{} {}", thousands(self.robots), self.behaviour.doing());
        let mut remarks = Vec::new();
        match self.ticks.players {
            Some([least, most]) if least == self.robots && most == self.robots => {}
            Some([least, most]) => remarks.push(format!("{who}: {least} to {most} were in the area")),
            None => remarks.push(format!("{who}: the area said nothing of its ticks")),
        }
        for failure in array(&self.report, "failures") {
            let text = |name: &str| failure[name].as_str().unwrap_or("?");
            remarks.push(format!("{who}: {} times {}: {}", failure["times"], text("what"), text("kind")));
        }
        remarks
    }

    fn server(&self, n: usize) -> f64 {
        self.servers.get(n).map_or(0.0, |(_, cpu)| *cpu)
    }

    /// Pushes that robots got in a second.
    fn deliveries(&self) -> f64 {
        array(&self.report, "pushes").filter_map(|push| push["perSecond"].as_f64()).sum()
    }

    /// Of the routes of the area the slowest median and 99th hundredth.
    fn request_ms(&self) -> [Option<f64>; 2] {
        let of_area = |one: &&Value| one["name"].as_str().is_some_and(|name| name.starts_with("area."));
        let answered = |one: &Value| one["answered"].as_f64().unwrap_or_default();
        let asked: Vec<&Value> = array(&self.report, "requests").filter(of_area).collect();
        let all: f64 = asked.iter().map(|one| answered(one)).sum();
        ["p50Ms", "p99Ms"].map(|name| {
            let often = asked.iter().filter(|one| answered(one) >= all * RARE);
            often.filter_map(|one| one[name].as_f64()).max_by(f64::total_cmp)
        })
    }

    /// CPU of everything that is measured.
    fn ours(&self) -> f64 {
        self.robots_cpu + self.servers.iter().map(|(_, cpu)| cpu).sum::<f64>()
    }

    /// Who had no time left. Where it is not the area, its ticks had to wait for a core, and its CPU says more.
    fn limit(&self) -> &'static str {
        #[expect(clippy::cast_precision_loss, reason = "a handful of cores")]
        let is_machine_full = self.machine >= FULL * self.cores as f64;
        match () {
            () if self.server(0) >= FULL => "the area",
            () if self.server(1).max(self.server(2)) >= FULL => "a connector",
            () if is_machine_full && self.ours() < self.machine * (1.0 - OTHERS) => "other work",
            () if is_machine_full && self.robots_cpu > self.server(0) => "the machine: robots",
            () if is_machine_full => "the machine",
            () => "",
        }
    }
}

fn array<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[name].as_array().into_iter().flatten()
}

/// Three digits are enough.
fn short(ms: f64) -> String {
    match ms {
        ..10.0 => format!("{ms:.2}"),
        ..100.0 => format!("{ms:.1}"),
        _ => format!("{ms:.0}"),
    }
}

/// With a comma behind the thousands.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row() -> Row {
        let ms = |times: [u64; 2]| times.map(Duration::from_millis).to_vec();
        let ticks = Ticks {
            took: ms([4, 30]),
            rules: ms([1, 2]),
            work: ms([3, 5]),
            late: ms([0, 1]),
            players: Some([999, 1000]),
        };
        let report = json!({
            "requests": [
                { "name": "area.playerHandler.move", "answered": 5000, "p50Ms": 2.0, "p99Ms": 40.0 },
                { "name": "area.playerHandler.enterScene", "answered": 2, "p50Ms": 700.0, "p99Ms": 900.0 },
                { "name": "come in", "answered": 1000, "p50Ms": 700.0, "p99Ms": 900.0 },
            ],
            "pushes": [{ "name": "onMove", "perSecond": 90000.0 }, { "name": "onAttack", "perSecond": 10000.0 }],
            "failures": [{ "what": "connection", "kind": "ended", "times": 3 }],
        });
        let servers = vec![("area", 0.5), ("connector 1", 0.25), ("connector 2", 0.2)];
        let (behaviour, robots) = (Behaviour::Walk, 1000);
        let (seconds, robots_cpu, machine, cores) = (10.0, 1.0, 1.98, 2);
        Row { behaviour, robots, seconds, ticks, servers, robots_cpu, machine, cores, report }
    }

    #[test]
    fn a_row_has_the_slowest_of_what_is_asked_often() {
        let cells = row().cells();
        assert_eq!(cells[..6], ["1,000 walking", "4.00", "30.0", "30.0", "5.00", "1.00"]);
        assert_eq!(cells[10..], ["2.00", "40.0", "100,000", "the machine: robots"]);
        assert_eq!(row().json()["usOfDelivery"]["area"], 5.0);
    }

    #[test]
    fn who_was_missing_and_what_failed_is_said() {
        let remarks = row().remarks();
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(remarks[0].contains("999 to 1000") && remarks[1].contains("3 times connection: ended"));
    }

    #[test]
    fn the_area_is_the_limit_where_its_core_is_full() {
        let mut row = row();
        row.servers[0].1 = 0.97;
        assert_eq!(row.limit(), "the area");
        (row.servers[0].1, row.robots_cpu) = (0.1, 0.1);
        assert_eq!(row.limit(), "other work", "of two full cores a third is known");
        row.machine = 1.2;
        assert_eq!(row.limit(), "");
    }
}
