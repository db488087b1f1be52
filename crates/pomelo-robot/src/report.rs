//! What came of a run: as a table that fits a terminal of 80 columns, and as JSON. Pure.

use std::{fmt::Write as _, io::Write as _, time::Duration};

use serde::Serialize;

use crate::{
    Plan,
    fault::NO_TLS,
    stats::{Robots, Stats, Timed},
};

/// Width of the columns behind the name.
const COLUMNS: usize = 52;

/// Narrowest and widest column of names.
const NAME: [usize; 2] = [16, 60];

/// Longest line of an example: it is worth a second line of the terminal.
const EXAMPLE: usize = 240;

/// What robots saw. [`Display`](std::fmt::Display) is the table; serialised it is the document of `--json`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How long it took, from the first robot to the last, without [`Plan::warm_up`].
    pub seconds: f64,
    /// How many were to come.
    pub robots: usize,
    /// How many came.
    pub came: u64,
    /// How often one failed, and came again or not.
    pub failed: u64,
    /// What was asked, by name.
    pub requests: Vec<Requests>,
    /// What was pushed, by name.
    pub pushes: Vec<Pushes>,
    /// Pushes that no robot took in time.
    pub untaken_pushes: u64,
    /// What failed, the most frequent first.
    pub failures: Vec<Failures>,
}

/// Requests to one route, connections, or what a robot measured itself. Times are in milliseconds, those of notifies none.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// Its route, `connect`, or the name that the robot gave it.
    pub name: String,
    /// How many were answered; of notifies, how many were sent.
    pub answered: u64,
    /// How many failed.
    pub failed: u64,
    /// Answered in a second, on average of the whole run.
    pub per_second: f64,
    /// So many had their answer by then: one half.
    pub p50_ms: Option<f64>,
    /// Nine of ten.
    pub p90_ms: Option<f64>,
    /// 99 of a hundred.
    pub p99_ms: Option<f64>,
    /// All.
    pub max_ms: Option<f64>,
}

/// Pushes of one name.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pushes {
    /// Its name.
    pub name: String,
    /// How many were taken.
    pub taken: u64,
    /// In a second, on average of the whole run.
    pub per_second: f64,
}

/// Failures of one kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// A route, `connect`, `connection` for one that ended unasked, or `robot` for what a robot did not expect.
    pub what: String,
    /// What failed, without what differs each time.
    pub kind: String,
    /// How often.
    pub times: u64,
    /// The first one, in full.
    pub example: String,
}

impl Failures {
    /// Whether whoever is there does not speak TLS, or is nobody to be trusted.
    pub fn is_tls(&self) -> bool {
        self.kind.starts_with(NO_TLS)
    }
}

impl Report {
    pub(crate) fn new(plan: &Plan, took: Duration, stats: &Stats) -> Self {
        let seconds = took.as_secs_f64();
        let Robots { came, failed, .. } = stats.robots;
        let mut requests: Vec<_> =
            stats.requests.iter().map(|(name, timed)| Requests::new(name, timed, seconds)).collect();
        requests.sort_by(|a, b| a.name.cmp(&b.name));
        let push = |(name, taken): (&String, &u64)| Pushes {
            name: name.clone(),
            taken: *taken,
            per_second: per_second(*taken, seconds),
        };
        let mut pushes: Vec<_> = stats.pushes.iter().map(push).collect();
        pushes.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            seconds,
            robots: plan.count.get(),
            came,
            failed,
            requests,
            pushes,
            untaken_pushes: stats.untaken,
            failures: failures(stats),
        }
    }

    /// Whether nothing failed.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.failures.is_empty()
    }

    /// Whether anything was answered at all.
    pub fn reached_anybody(&self) -> bool {
        self.requests.iter().any(|one| one.answered > 0)
    }

    /// The table, for a terminal of so many columns; every line ended.
    pub fn table(&self, columns: usize) -> String {
        let name = width(columns, self.names());
        let mut text = format!(
            "{} of {} robots in {:.1} s\n",
            thousands(self.came),
            thousands(self.robots as u64),
            self.seconds,
        );
        if !self.requests.is_empty() {
            text += &titles(name);
            for one in &self.requests {
                text += &one.line(name, one.per_second);
            }
        }
        if !self.pushes.is_empty() {
            text += &push_titles(name);
            for one in &self.pushes {
                text += &one.line(name, one.per_second);
            }
        }
        if self.untaken_pushes > 0 {
            _ = writeln!(text, "{} pushes were not taken by their robots", thousands(self.untaken_pushes));
        }
        if self.failed > 0 {
            _ = writeln!(text, "\nrobots gave up {} times", thousands(self.failed));
        }
        if !self.failures.is_empty() {
            text.push('\n');
        }
        text += &failure_lines(&self.failures, columns, usize::MAX);
        for one in self.failures.iter().filter(|one| !one.kind.contains(&one.example)) {
            text += &(fit_end(&format!("{:>11}  first: {}", "", one.example), EXAMPLE) + "\n");
        }
        text
    }

    /// Prints the document or the table on stdout.
    pub fn print(&self, json: bool) {
        let text = match json {
            true => serde_json::to_string_pretty(self).unwrap_or_default() + "\n",
            false => format!("\n{}", self.table(crate::live::columns())),
        };
        // That nobody reads it is no failure of the game.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.requests
            .iter()
            .map(|one| one.name.as_str())
            .chain(self.pushes.iter().map(|one| one.name.as_str()))
    }
}

impl Requests {
    fn new(name: &str, timed: &Timed, seconds: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "ten minutes of microseconds")]
        let ms = |us: u64| us as f64 / 1e3;
        let at =
            |quantile: f64| (!timed.times.is_empty()).then(|| ms(timed.times.value_at_quantile(quantile)));
        Self {
            name: name.to_owned(),
            answered: timed.answered,
            failed: timed.failed,
            per_second: per_second(timed.answered, seconds),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }

    /// With the rate of the moment or of the whole.
    pub(crate) fn line(&self, name_width: usize, per_second: f64) -> String {
        let times = [self.p50_ms, self.p90_ms, self.p99_ms, self.max_ms];
        let times: String =
            times.iter().map(|ms| format!("{:>7}", ms.map_or("-".to_owned(), short))).collect();
        let (answered, failed) = (thousands(self.answered), thousands(self.failed));
        format!(
            "{:<name_width$}{answered:>10}{per_second:>7.0}{failed:>7}{times}\n",
            fit(&self.name, name_width)
        )
    }
}

impl Pushes {
    pub(crate) fn line(&self, name_width: usize, per_second: f64) -> String {
        format!(
            "{:<name_width$}{:>10}{per_second:>7.0}\n",
            fit(&self.name, name_width),
            thousands(self.taken)
        )
    }
}

/// The most frequent first.
pub(crate) fn failures(stats: &Stats) -> Vec<Failures> {
    let one = |((what, kind), failed): (&(String, String), &crate::stats::Failed)| Failures {
        what: what.clone(),
        kind: kind.clone(),
        times: failed.times,
        example: failed.example.clone(),
    };
    let mut all: Vec<_> = stats.failures.iter().map(one).collect();
    all.sort_by(|a, b| (b.times, &a.what, &a.kind).cmp(&(a.times, &b.what, &b.kind)));
    all
}

/// At most so many of them, a line each, and how many more there are.
pub(crate) fn failure_lines(failures: &[Failures], columns: usize, max: usize) -> String {
    let mut text = String::new();
    if failures.is_empty() || max == 0 {
        return text;
    }
    _ = writeln!(text, "{:>11}  what failed", "times");
    for one in failures.iter().take(max) {
        let line = format!("{:>11}  {}: {}", thousands(one.times), one.what, one.kind);
        text += &(fit_end(&line, columns) + "\n");
    }
    if failures.len() > max {
        _ = writeln!(text, "{:>11}  and {} other kinds", "", failures.len() - max);
    }
    text
}

pub(crate) fn titles(name: usize) -> String {
    let (sent, rate, failed) = ("answered", "/s", "failed");
    format!(
        "\n{:<name$}{sent:>10}{rate:>7}{failed:>7}{:>7}{:>7}{:>7}{:>7}\n",
        "request (ms)", "p50", "p90", "p99", "max"
    )
}

pub(crate) fn push_titles(name: usize) -> String {
    format!("\n{:<name$}{:>10}{:>7}\n", "push", "taken", "/s")
}

/// Of the column of names.
pub(crate) fn width<'a>(columns: usize, names: impl Iterator<Item = &'a str>) -> usize {
    let longest = names.map(|name| name.chars().count()).max().unwrap_or_default();
    longest.min(columns.saturating_sub(COLUMNS)).clamp(NAME[0], NAME[1])
}

/// The end of a name is what tells routes apart.
fn fit(name: &str, width: usize) -> String {
    let length = name.chars().count();
    if length <= width {
        return name.to_owned();
    }
    std::iter::once('…').chain(name.chars().skip(length + 1 - width)).collect()
}

fn fit_end(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Three digits are enough.
fn short(ms: f64) -> String {
    match ms {
        ..1.0 => format!("{ms:.2}"),
        ..100.0 => format!("{ms:.1}"),
        _ => format!("{ms:.0}"),
    }
}

/// With commas.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "far less than an f64 can tell apart")]
fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut stats = Stats::default();
        for ms in 1..=100 {
            stats.request("connector.entryHandler.enter", Some(Duration::from_millis(ms)));
        }
        stats.request("a.very.longHandlerThatDoesNotFitIntoItsColumn", Some(Duration::from_micros(420)));
        stats.request("connect", None);
        for _ in 0..1234 {
            stats.pushes("onChat", 1);
        }
        stats.failure("connect", "no connection within 5s".into(), 1, || "no connection to a:1".into());
        stats.failure("robot", "wrong answer ".repeat(10), 2, || "x".into());
        stats.robots.came = 7;
        Report::new(&Plan::default(), Duration::from_secs(2), &stats)
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let table = report().table(80);
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        let line = |with: &str| table.lines().find(|line| line.contains(with)).unwrap().to_owned();
        assert_eq!(
            line("enter"),
            "connector.entryHandler.enter       100     50      0   50.2   90.1   99.3    100"
        );
        assert_eq!(line("connect ").trim_end().chars().count(), 80);
        assert_eq!(line("onChat"), "onChat                           1,234    617");
        assert!(line("robot: wrong").ends_with('…'), "{table}");
        assert!(table.find("robot:") < table.find("connect: no"), "the most frequent first: {table}");
        assert_eq!(report().table(40).lines().next(), Some("7 of 100 robots in 2.0 s"));
    }

    #[test]
    fn the_document_has_what_the_table_shortens() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["requests"][0]["name"], "a.very.longHandlerThatDoesNotFitIntoItsColumn");
        assert_eq!(json["requests"][1]["p50Ms"], serde_json::Value::Null);
        assert_eq!(json["pushes"][0]["taken"], 1234);
        assert_eq!(json["failures"][1]["example"], "no connection to a:1");
        assert!(!report().is_clean());
    }

    #[test]
    fn numbers_have_commas_between_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
