//! What there is to see while robots play: on a terminal a table that is drawn again each second, elsewhere a line now and then.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use rustix::termios::tcgetwinsize;

use crate::{
    Plan,
    report::{self, Report},
    stats::Stats,
};

/// What a terminal has that does not say.
const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// How often a line comes where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Failures that are shown meanwhile.
const FAILURES_SHOWN: usize = 5;

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Drawn again and again; the document goes to stdout.
    Stderr,
    /// Drawn again and again.
    Stdout,
    /// A line now and then, on stderr.
    Lines,
}

/// What was shown last.
pub(crate) struct Live {
    output: Output,
    robots: usize,
    lines: usize,
    /// When it was, and what had been counted by then.
    at: Duration,
    answered: HashMap<String, u64>,
    pushed: HashMap<String, u64>,
    line_at: Duration,
}

impl Output {
    pub(crate) fn of(plan: &Plan) -> Self {
        match plan.json {
            false if io::stdout().is_terminal() => Self::Stdout,
            true if io::stderr().is_terminal() => Self::Stderr,
            _ => Self::Lines,
        }
    }
}

impl Live {
    pub(crate) fn new(output: Output, robots: usize) -> Self {
        let (answered, pushed) = (HashMap::new(), HashMap::new());
        Self { output, robots, lines: 0, at: Duration::ZERO, answered, pushed, line_at: Duration::ZERO }
    }

    pub(crate) fn show(&mut self, stats: &Stats, now: Duration) {
        if self.output == Output::Lines {
            if now >= self.line_at + LINE_EVERY {
                self.line_at = now;
                _ = writeln!(io::stderr(), "{}", self.summary(stats, now));
            }
            return;
        }
        let (columns, rows) = size(self.output);
        let drawing = self.drawing(stats, now, columns, rows);
        self.draw(&drawing);
    }

    /// Leaves the place to the report.
    pub(crate) fn end(&mut self, stats: &Stats, now: Duration) {
        match self.output {
            Output::Lines => _ = writeln!(io::stderr(), "{}", self.summary(stats, now)),
            Output::Stdout | Output::Stderr => self.draw(""),
        }
    }

    /// What there is to see; the rates are those since the last time.
    fn drawing(&mut self, stats: &Stats, now: Duration, columns: usize, rows: usize) -> String {
        let seconds = (now.saturating_sub(self.at)).as_secs_f64().max(1e-3);
        self.at = now;
        #[expect(clippy::cast_precision_loss, reason = "far less than an f64 can tell apart")]
        let rate = |before: &mut HashMap<String, u64>, name: &str, count: u64| {
            let counted = before.insert(name.to_owned(), count).unwrap_or_default();
            count.saturating_sub(counted) as f64 / seconds
        };
        let report = Report::new(&Plan::default(), now, stats);
        let names =
            report.requests.iter().map(|one| &one.name).chain(report.pushes.iter().map(|one| &one.name));
        let name = report::width(columns, names.map(String::as_str));
        let mut text = self.summary(stats, now) + "\n" + &report::titles(name);
        for one in &report.requests {
            text += &one.line(name, rate(&mut self.answered, &one.name, one.answered));
        }
        if !report.pushes.is_empty() {
            text += &report::push_titles(name);
        }
        for one in &report.pushes {
            text += &one.line(name, rate(&mut self.pushed, &one.name, one.taken));
        }
        text.push('\n');
        text += &report::failure_lines(&report.failures, columns, FAILURES_SHOWN);
        // A line that has scrolled away can't be drawn again.
        let lines: Vec<_> = text.trim_end().lines().collect();
        let shown = lines.len().min(rows.saturating_sub(2));
        lines[..shown]
            .iter()
            .fold(String::new(), |text, line| text + &line.chars().take(columns).collect::<String>() + "\n")
    }

    fn summary(&self, stats: &Stats, now: Duration) -> String {
        let robots = &stats.robots;
        let counted: u64 = stats.failures.values().map(|failed| failed.times).sum();
        let answered: u64 = stats.requests.values().map(|timed| timed.answered).sum();
        let mut text = format!(
            "{:.0} s: {} of {} robots play, {} connections, {} answers",
            now.as_secs_f64(),
            report::thousands(robots.playing()),
            report::thousands(self.robots as u64),
            report::thousands(robots.links()),
            report::thousands(answered),
        );
        if counted > 0 {
            _ = write!(text, ", {} failures", report::thousands(counted));
        }
        text
    }

    /// In place of what was drawn last.
    fn draw(&mut self, text: &str) {
        let mut out = String::new();
        if self.lines > 0 {
            _ = write!(out, "\x1b[{}A", self.lines);
        }
        out += "\r\x1b[J";
        out += text;
        self.lines = text.lines().count();
        // Whoever closed the terminal does not want to see it.
        _ = match self.output {
            Output::Stderr => io::stderr().write_all(out.as_bytes()),
            _ => io::stdout().write_all(out.as_bytes()).and_then(|()| io::stdout().flush()),
        };
    }
}

/// How wide stdout is.
pub(crate) fn columns() -> usize {
    size(Output::Stdout).0
}

fn size(output: Output) -> (usize, usize) {
    let size = match output {
        Output::Stderr => tcgetwinsize(io::stderr()),
        _ => tcgetwinsize(io::stdout()),
    };
    let or = |size: u16, otherwise: usize| if size == 0 { otherwise } else { usize::from(size) };
    size.map_or((COLUMNS, ROWS), |size| (or(size.ws_col, COLUMNS), or(size.ws_row, ROWS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_since_the_last_look_and_the_drawing_fits() {
        let mut live = Live::new(Output::Stdout, 10);
        let mut stats = Stats::default();
        for round in 1..=3u64 {
            for _ in 0..round * 100 {
                stats.request("chat.chatHandler.send", Some(Duration::from_millis(2)));
                stats.pushes("onChat", 1);
            }
            let drawing = live.drawing(&stats, Duration::from_secs(round), 80, 24);
            let line = |with: &str| drawing.lines().find(|line| line.starts_with(with)).unwrap().to_owned();
            let rate = |line: String| line.split_whitespace().nth(2).unwrap().to_owned();
            assert_eq!(rate(line("chat.")), (round * 100).to_string(), "{drawing}");
            assert_eq!(rate(line("onChat")), (round * 100).to_string(), "{drawing}");
        }
        for n in 0..30 {
            stats.request(&format!("r.r.{n}"), None);
        }
        let drawing = live.drawing(&stats, Duration::from_secs(9), 60, 12);
        assert_eq!(drawing.lines().count(), 10);
        assert!(drawing.lines().all(|line| line.chars().count() <= 60));
    }
}
