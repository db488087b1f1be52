//! What a drill found, as a table, a histogram and a document. Pure.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{load::Sent, tally::Tally};
use crate::style::Style;

/// Widest bar of the histogram.
const BAR: usize = 40;

/// Servers and commands that are named in a line of text.
const NAMED_MAX: usize = 8;

/// What is done to the active master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Freeze,
    /// It is asked to hand over.
    Handover,
}

/// Where the time went, as the new master tells it, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Split {
    /// From the first sign until the coordinator elected another, if there was a sign.
    pub detect: Option<f64>,
    /// Until that had its epoch.
    pub elect: f64,
    /// Until its announcement was written.
    pub publish: f64,
    /// Until the last server followed.
    pub follow: f64,
}

/// One fault and what came of it.
#[derive(Clone, Debug)]
pub struct Round {
    /// When it was done.
    pub began: Instant,
    /// Whom it was done to.
    pub from: String,
    /// Who leads then, in which epoch; nothing if nobody did in time.
    pub to: Option<(String, u64)>,
    /// From the fault until the drill followed the new epoch.
    pub outage: Option<Duration>,
    /// As the new master tells it, if it does.
    pub split: Option<Split>,
    /// How many servers follow the new master, of how many.
    pub following: Option<(usize, usize)>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// The whole drill.
#[derive(Clone, Debug)]
pub struct Report {
    /// The environment.
    pub environment: String,
    /// What was done each time.
    pub fault: Fault,
    /// When it began.
    pub began: Instant,
    /// Each time.
    pub rounds: Vec<Round>,
    /// Commands sent meanwhile.
    pub commands: Vec<Sent>,
    /// What became of them and of the servers; nothing if the servers could not be asked.
    pub tally: Option<Tally>,
    /// Why there are fewer rounds than asked for.
    pub ended_early: Option<String>,
}

impl Fault {
    /// `kill`, `freeze`, `handover`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Handover => "handover",
        }
    }
}

impl Report {
    /// Whether every round found a new master and nothing was lost or done twice.
    pub fn is_clean(&self) -> bool {
        self.rounds.iter().all(|round| round.outage.is_some())
            && self.tally.as_ref().is_some_and(Tally::is_clean)
    }

    /// Every outage, the shortest first.
    pub fn outages(&self) -> Vec<Duration> {
        let mut all: Vec<_> = self.rounds.iter().filter_map(|round| round.outage).collect();
        all.sort();
        all
    }

    /// Commands that were due from this round's beginning until the next one's.
    pub fn commands_of(&self, round: usize) -> impl Iterator<Item = &Sent> {
        let from = self.rounds[round].began;
        let until = self.rounds.get(round + 1).map(|next| next.began);
        self.commands.iter().filter(move |one| one.due >= from && until.is_none_or(|until| one.due < until))
    }

    /// The table of rounds; every line ended.
    pub fn table(&self, style: Style) -> String {
        let titles = [
            "round",
            "from",
            "to",
            "epoch",
            "outage ms",
            "detect",
            "elect",
            "publish",
            "follow",
            "servers",
            "commands",
            "failed",
            "slowest ms",
        ];
        let rows: Vec<Vec<String>> = (0..self.rounds.len()).map(|n| self.row(n)).collect();
        let width = |at: usize| {
            rows.iter().map(|row| row[at].chars().count()).fold(titles[at].chars().count(), usize::max)
        };
        let line = |cells: &[String]| {
            let cell = |(at, cell): (usize, &String)| match at {
                1 | 2 => format!("{cell:<width$}", width = width(at)),
                _ => format!("{cell:>width$}", width = width(at)),
            };
            cells.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut text = style.bold(line(&titles.map(str::to_owned))) + "\n";
        for (row, round) in rows.iter().zip(&self.rounds) {
            text += &line(row);
            if let Some(note) = &round.note {
                let _ = write!(text, "  {}", style.dim(note));
            }
            text.push('\n');
        }
        text
    }

    fn row(&self, n: usize) -> Vec<String> {
        let round = &self.rounds[n];
        let of_split = |part: fn(&Split) -> Option<f64>| {
            round.split.as_ref().and_then(part).map_or("-".to_owned(), |ms| format!("{ms:.1}"))
        };
        let commands: Vec<&Sent> = self.commands_of(n).collect();
        let failed = commands.iter().filter(|one| one.failed.is_some()).count();
        let slowest = commands.iter().map(|one| one.took).max();
        vec![
            (n + 1).to_string(),
            round.from.clone(),
            round.to.as_ref().map_or("-".to_owned(), |(to, _)| to.clone()),
            round.to.as_ref().map_or("-".to_owned(), |(_, epoch)| epoch.to_string()),
            round.outage.map_or("none in time".to_owned(), ms),
            of_split(|split| split.detect),
            of_split(|split| Some(split.elect)),
            of_split(|split| Some(split.publish)),
            of_split(|split| Some(split.follow)),
            round.following.map_or("-".to_owned(), |(k, n)| format!("{k}/{n}")),
            commands.len().to_string(),
            failed.to_string(),
            slowest.map_or("-".to_owned(), ms),
        ]
    }

    /// How often each length of outage came; every line ended. Empty without rounds.
    pub fn histogram(&self, style: Style) -> String {
        let outages = self.outages();
        let mut bins = bins(&outages);
        while bins.first().is_some_and(|bin| bin.2 == 0) {
            bins.remove(0);
        }
        while bins.last().is_some_and(|bin| bin.2 == 0) {
            bins.pop();
        }
        let most = bins.iter().map(|bin| bin.2).max().unwrap_or_default();
        let mut text = String::new();
        for (from, to, count) in bins {
            // Any count is seen.
            let bar = "█".repeat((count * BAR).div_ceil(most.max(1)));
            let _ = writeln!(text, "{from:>7} to {to:>6} ms  {} {count}", style.green(bar));
        }
        text
    }

    /// The sums; every line ended.
    pub fn totals(&self, style: Style) -> String {
        let outages = self.outages();
        let mut text = String::new();
        let rounds = self.rounds.len();
        let (verb, without) = (self.fault.name(), rounds - outages.len());
        let _ = write!(text, "{rounds} x {verb}");
        if let [p50, p90, p99, max] = [50, 90, 99, 100].map(|p| percentile(&outages, p).map(ms)).as_slice()
            && let (Some(p50), Some(p90), Some(p99), Some(max)) = (p50, p90, p99, max)
        {
            let _ = write!(text, ": outage p50 {p50} ms, p90 {p90}, p99 {p99}, max {max}");
        }
        text.push('\n');
        if without > 0 {
            let _ = writeln!(text, "{}", style.red(format!("{without} times nobody took over in time")));
        }
        if let Some(why) = &self.ended_early {
            let _ = writeln!(text, "ended early: {why}");
        }
        match &self.tally {
            None => text += &format!("{}\n", style.red("the servers could not be asked what they counted")),
            Some(tally) => text += &sums(tally, style),
        }
        text
    }

    /// For programs. Times are in ms, those of commands since the beginning of the drill.
    pub fn to_json(&self) -> Value {
        let rounds: Vec<_> = (0..self.rounds.len()).map(|n| self.round_json(n)).collect();
        let outages = self.outages();
        let at = |p| percentile(&outages, p).map(millis);
        json!({
            "environment": self.environment,
            "fault": self.fault.name(),
            "rounds": rounds,
            "outageMs": { "p50": at(50), "p90": at(90), "p99": at(99), "max": at(100) },
            "commands": self.tally.as_ref().map(Tally::to_json),
            "endedEarly": self.ended_early,
            "clean": self.is_clean(),
        })
    }

    fn round_json(&self, n: usize) -> Value {
        let round = &self.rounds[n];
        let commands: Vec<&Sent> = self.commands_of(n).collect();
        json!({
            "atMs": millis(round.began - self.began),
            "from": round.from,
            "to": round.to.as_ref().map(|(to, _)| to),
            "epoch": round.to.as_ref().map(|(_, epoch)| epoch),
            "outageMs": round.outage.map(millis),
            "detectMs": round.split.and_then(|split| split.detect),
            "electMs": round.split.map(|split| split.elect),
            "publishMs": round.split.map(|split| split.publish),
            "followMs": round.split.map(|split| split.follow),
            "following": round.following.map(|(k, _)| k),
            "servers": round.following.map(|(_, n)| n),
            "commands": commands.len(),
            "failed": commands.iter().filter(|one| one.failed.is_some()).count(),
            "slowestMs": commands.iter().map(|one| one.took).max().map(millis),
            "note": round.note,
        })
    }
}

fn sums(tally: &Tally, style: Style) -> String {
    let mut text = format!(
        "{} commands: {} answered, {} failed, {} lost, {} executed twice, {} executed for an older epoch\n",
        tally.sent,
        tally.answered,
        tally.failed,
        tally.lost.len(),
        tally.doubled,
        tally.epoch_fell
    );
    let mut say = |what: &str, whom: &[String]| {
        if !whom.is_empty() {
            let named = whom.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
            let more = if whom.len() > NAMED_MAX { ", ..." } else { "" };
            let _ = writeln!(text, "{}", style.red(format!("{} {what}: {named}{more}", whom.len())));
        }
    };
    let lost: Vec<String> = tally.lost.iter().map(|(id, n)| format!("{n} at {id}")).collect();
    say("commands lost", &lost);
    say("servers restarted", &tally.restarted);
    say("servers gone", &tally.gone);
    say("servers gave no report", &tally.silent);
    if tally.skipped > 0 {
        let _ = writeln!(text, "{} commands were not sent: too many waited for answers", tally.skipped);
    }
    if tally.is_clean() {
        let _ = writeln!(text, "{}", style.green("nothing was lost or done twice, no server was restarted"));
    }
    text
}

/// The smallest that is not shorter than so many hundredths of all, which are in order (nearest rank).
pub fn percentile(sorted: &[Duration], hundredths: usize) -> Option<Duration> {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Counts between 1, 2, 5, 10, 20, 50, ... ms; the bounds as text.
fn bins(outages: &[Duration]) -> Vec<(String, String, usize)> {
    let bounds: Vec<u64> =
        std::iter::once(0).chain((0..5).flat_map(|ten| [1, 2, 5].map(|n| n * 10_u64.pow(ten)))).collect();
    let count = |from: u64, to: u64| {
        let inside = |time: &&Duration| {
            let ms = millis(**time);
            ms >= from as f64 && ms < to as f64
        };
        outages.iter().filter(inside).count()
    };
    bounds
        .windows(2)
        .map(|pair| (pair[0].to_string(), pair[1].to_string(), count(pair[0], pair[1])))
        .collect()
}

/// With one digit after the point.
pub fn ms(time: Duration) -> String {
    format!("{:.1}", millis(time))
}

/// In ms.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A drill of made-up rounds, `outages` in ms.
    pub(crate) fn report(outages: &[u64]) -> Report {
        let began = Instant::now();
        let at = |n: usize| began + Duration::from_millis(500 * (n as u64 + 1));
        let round = |(n, ms): (usize, &u64)| Round {
            began: at(n),
            from: "127.0.0.1:3005".into(),
            to: Some(("127.0.0.1:3006".into(), n as u64 + 2)),
            outage: Some(Duration::from_millis(*ms)),
            split: Some(Split { detect: Some(0.5), elect: *ms as f64 / 2.0, publish: 0.1, follow: 1.0 }),
            following: Some((5, 5)),
            note: None,
        };
        let rounds: Vec<Round> = outages.iter().enumerate().map(round).collect();
        let command = |n: u64| Sent {
            n,
            due: began + Duration::from_millis(50 * n),
            took: Duration::from_millis(if n.is_multiple_of(10) { 3 + n % 17 } else { 2 }),
            failed: None,
        };
        let commands: Vec<Sent> = (1..=outages.len() as u64 * 10 + 10).map(command).collect();
        let sent = commands.len() as u64;
        let tally = Some(Tally { sent, answered: sent, ..Tally::default() });
        let environment = "staging".to_owned();
        Report { environment, fault: Fault::Kill, began, rounds, commands, tally, ended_early: None }
    }

    #[test]
    fn the_table_has_a_line_for_each_round() {
        let table = report(&[3, 700]).table(Style::plain());
        let lines: Vec<_> = table.lines().collect();
        assert!(lines[0].starts_with("round  from            to              epoch  outage ms  detect"));
        assert!(lines[1].starts_with("    1  127.0.0.1:3005  127.0.0.1:3006      2        3.0     0.5"));
        assert!(lines[2].contains("  5/5        11       0"), "{table}");
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn the_histogram_begins_and_ends_where_something_is() {
        let text = report(&[3, 3, 4, 3, 12, 3]).histogram(Style::plain());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("      2 to      5 ms") && lines[0].ends_with("█ 5"), "{text}");
        assert_eq!(lines[2].trim_end(), format!("     10 to     20 ms  {} 1", "█".repeat(8)));
        assert_eq!(report(&[]).histogram(Style::plain()), "");
    }

    #[test]
    fn totals_name_what_is_wrong() {
        let mut report = report(&[1, 2, 3, 4]);
        let text = report.totals(Style::plain());
        assert!(text.starts_with("4 x kill: outage p50 2.0 ms, p90 4.0, p99 4.0, max 4.0\n"), "{text}");
        assert!(text.contains("nothing was lost") && report.is_clean());
        report.rounds[0].outage = None;
        let tally = report.tally.as_mut().unwrap();
        tally.lost = vec![("chat-server-1".into(), 7)];
        tally.restarted = vec!["gate-server-1".into()];
        let text = report.totals(Style::plain());
        assert!(text.contains("1 times nobody took over") && text.contains("7 at chat-server-1"), "{text}");
        assert!(text.contains("1 servers restarted: gate-server-1") && !report.is_clean(), "{text}");
        let json = report.to_json();
        assert_eq!((&json["rounds"][0]["outageMs"], &json["clean"]), (&Value::Null, &json!(false)));
        assert_eq!(json["commands"]["lost"], 1);
    }
}
