//! A drill as a picture: above, how long each outage was and where the time went; below, how long every command took, when.
//! SVG, written by hand: no fonts, scripts or files of others. Pure.

use std::{fmt::Write as _, time::Duration};

use super::{
    load::Sent,
    report::{Report, Round, Split, millis, ms, percentile},
};

/// Size of the picture.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 640.0;
/// Where the two drawings are: left, right.
const LEFT: f64 = 72.0;
const RIGHT: f64 = 936.0;
/// Top and bottom of the bars.
const BARS: (f64, f64) = (112.0, 328.0);
/// Top and bottom of the commands.
const DOTS: (f64, f64) = (404.0, 584.0);
/// Dots at most; of more, the slowest of each stretch are shown.
const DOTS_MAX: usize = 3_000;
/// Widest bar.
const BAR_MAX: f64 = 44.0;

/// Detect, elect, publish, follow, and what is not in the split.
const COLOURS: [&str; 5] = ["#274b7a", "#3f7cac", "#7fb7be", "#c9dfe3", "#9aa5b1"];
const NAMES: [&str; 5] = ["detect", "elect", "publish", "follow", "not split"];
const TEXT: &str = "#1f2933";
const FAINT: &str = "#7b8794";
const GRID: &str = "#e4e7eb";
const GOOD: &str = "#2f855a";
const BAD: &str = "#c53030";

/// The picture.
pub fn svg(report: &Report) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" font-size=\"12\" fill=\"{TEXT}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    head(&mut svg, report);
    bars(&mut svg, report);
    dots(&mut svg, report);
    svg.push_str("</svg>\n");
    svg
}

fn head(svg: &mut String, report: &Report) {
    let outages = report.outages();
    let times = |p| percentile(&outages, p).map_or("-".to_owned(), ms);
    let (rounds, verb) = (report.rounds.len(), report.fault.name());
    text(svg, LEFT, 36.0, "start", 20, TEXT, &format!("{rounds} × {verb} of the active master"));
    let under = format!(
        "environment {} · outage p50 {} ms, p90 {} ms, max {} ms",
        report.environment,
        times(50),
        times(90),
        times(100)
    );
    text(svg, LEFT, 58.0, "start", 13, FAINT, &under);
    let (verdict, colour) = match &report.tally {
        None => ("servers could not be asked".to_owned(), BAD),
        Some(tally) => {
            let said = format!(
                "{} commands: {} failed, {} lost, {} twice · {} servers restarted",
                tally.sent,
                tally.failed,
                tally.lost.len(),
                tally.doubled,
                tally.restarted.len()
            );
            (said, if tally.is_clean() { GOOD } else { BAD })
        }
    };
    text(svg, RIGHT, 36.0, "end", 13, colour, &verdict);
}

/// One bar for each round, of its parts.
fn bars(svg: &mut String, report: &Report) {
    let (top, bottom) = BARS;
    let longest = report.outages().last().copied().map_or(1.0, millis).max(0.1);
    let step = step(longest);
    let highest = (longest / step).ceil() * step;
    let y = |ms: f64| bottom - (ms / highest) * (bottom - top);
    text(svg, LEFT, top - 16.0, "start", 12, FAINT, "outage of each round, ms");
    let mut tick = 0.0;
    while tick <= highest + step / 2.0 {
        line(svg, LEFT, y(tick), RIGHT, y(tick), GRID, "");
        text(svg, LEFT - 8.0, y(tick) + 4.0, "end", 12, FAINT, &number(tick));
        tick += step;
    }
    let place = (RIGHT - LEFT) / report.rounds.len().max(1) as f64;
    let width = (place * 0.7).min(BAR_MAX);
    // Every round gets its number as long as numbers do not touch.
    let every = (report.rounds.len() as f64 * 26.0 / (RIGHT - LEFT)).ceil().max(1.0) as usize;
    for (n, round) in report.rounds.iter().enumerate() {
        let middle = LEFT + (n as f64 + 0.5) * place;
        if (n + 1) % every == 0 || n == 0 {
            text(svg, middle, bottom + 16.0, "middle", 11, FAINT, &(n + 1).to_string());
        }
        match round.outage {
            None => text(svg, middle, bottom - 6.0, "middle", 14, BAD, "✕"),
            Some(outage) => {
                let mut below = 0.0;
                for (part, colour) in parts(round, millis(outage)).into_iter().zip(COLOURS) {
                    let (from, to) = (y(below), y(below + part));
                    if part > 0.0 {
                        let _ = writeln!(
                            svg,
                            "<rect x=\"{:.1}\" y=\"{to:.2}\" width=\"{width:.1}\" height=\"{:.2}\" fill=\"{colour}\"/>",
                            middle - width / 2.0,
                            from - to
                        );
                    }
                    below += part;
                }
                if place >= 30.0 {
                    text(svg, middle, y(millis(outage)) - 5.0, "middle", 11, TEXT, &ms(outage));
                }
            }
        }
    }
    line(svg, LEFT, bottom, RIGHT, bottom, FAINT, "");
    legend(svg, report, top - 20.0);
}

/// Outages by part; what the master does not account for, or measured longer than the drill saw, is the last or cut off.
fn parts(round: &Round, outage: f64) -> [f64; 5] {
    let Some(Split { detect, elect, publish, follow }) = round.split else {
        return [0.0, 0.0, 0.0, 0.0, outage];
    };
    let mut left = outage;
    let mut take = |part: f64| {
        let taken = part.clamp(0.0, left);
        left -= taken;
        taken
    };
    let known = [detect.unwrap_or_default(), elect, publish, follow].map(&mut take);
    [known[0], known[1], known[2], known[3], left]
}

fn legend(svg: &mut String, report: &Report, y: f64) {
    let all: Vec<[f64; 5]> =
        report.rounds.iter().filter_map(|r| r.outage.map(|outage| parts(r, millis(outage)))).collect();
    let mut x = RIGHT;
    for part in (0..5).rev() {
        if !all.iter().any(|parts| parts[part] > parts.iter().sum::<f64>() / 100.0) {
            continue;
        }
        text(svg, x, y + 4.0, "end", 12, FAINT, NAMES[part]);
        x -= 6.2 * NAMES[part].len() as f64 + 16.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" rx=\"2\" fill=\"{}\"/>",
            y - 5.0,
            COLOURS[part]
        );
        x -= 14.0;
    }
}

/// Every command: when it was due, and how long it took, on a logarithmic scale.
fn dots(svg: &mut String, report: &Report) {
    let (top, bottom) = DOTS;
    text(svg, LEFT, top - 16.0, "start", 12, FAINT, "time of each command, ms (a line is a fault)");
    if report.commands.is_empty() {
        text(svg, (LEFT + RIGHT) / 2.0, (top + bottom) / 2.0, "middle", 13, FAINT, "no commands were sent");
        return;
    }
    let since = |at: std::time::Instant| at.saturating_duration_since(report.began).as_secs_f64();
    let last_fault = report.rounds.last().map_or(0.0, |round| since(round.began));
    let length = report.commands.iter().map(|one| since(one.due)).fold(last_fault, f64::max).max(0.001);
    let slowest = report.commands.iter().map(|one| millis(one.took)).fold(1.0, f64::max);
    let (low, high) = (-1.0, slowest.log10().ceil().max(1.0));
    let x = |seconds: f64| LEFT + seconds / length * (RIGHT - LEFT);
    let y = |ms: f64| bottom - (ms.max(0.1).log10() - low) / (high - low) * (bottom - top);
    let mut power = low;
    while power <= high {
        let ms = 10_f64.powf(power);
        line(svg, LEFT, y(ms), RIGHT, y(ms), GRID, "");
        text(svg, LEFT - 8.0, y(ms) + 4.0, "end", 12, FAINT, &number(ms));
        power += 1.0;
    }
    for round in &report.rounds {
        let at = x(since(round.began));
        line(svg, at, top, at, bottom, FAINT, " stroke-dasharray=\"2 3\"");
    }
    for one in thinned(&report.commands) {
        let (cx, cy) = (x(since(one.due)), y(millis(one.took)));
        if one.failed.is_some() {
            text(svg, cx, cy + 4.0, "middle", 12, BAD, "✕");
        } else {
            let _ = writeln!(
                svg,
                "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"2\" fill=\"{GOOD}\" fill-opacity=\"0.55\"/>"
            );
        }
    }
    line(svg, LEFT, bottom, RIGHT, bottom, FAINT, "");
    let step = step(length);
    let mut tick = 0.0;
    while tick <= length {
        text(svg, x(tick), bottom + 18.0, "middle", 11, FAINT, &format!("{} s", number(tick)));
        tick += step;
    }
}

/// All of them, or of each stretch the slowest and those that failed.
fn thinned(commands: &[Sent]) -> Vec<&Sent> {
    let stretch = commands.len().div_ceil(DOTS_MAX).max(1);
    let of_stretch = |stretch: &'_ [Sent]| {
        let slowest = stretch.iter().map(|one| one.took).max().unwrap_or(Duration::ZERO);
        stretch.iter().position(|one| one.took == slowest).unwrap_or_default()
    };
    commands
        .chunks(stretch)
        .flat_map(|chunk| {
            let slowest = of_stretch(chunk);
            chunk.iter().enumerate().filter(move |(n, one)| *n == slowest || one.failed.is_some())
        })
        .map(|(_, one)| one)
        .collect()
}

/// A round step that divides this into about five.
fn step(length: f64) -> f64 {
    let rough = length / 5.0;
    let ten = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * ten >= rough).unwrap_or(10.0);
    times * ten
}

/// Without digits that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn line(svg: &mut String, x1: f64, y1: f64, x2: f64, y2: f64, colour: &str, more: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"{more}/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, size: u8, colour: &str, text: &str) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{colour}\">{escaped}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::{super::report::tests::report, *};

    #[test]
    fn every_round_and_command_is_in_the_picture() {
        let svg = svg(&report(&[3, 4, 12]));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<circle").count(), 40);
        assert_eq!(svg.matches("stroke-dasharray").count(), 3);
        assert!(svg.contains("3 × kill of the active master"));
        for name in NAMES {
            assert!(svg.contains(name), "{name} is not in the legend");
        }
    }

    #[test]
    fn names_can_not_break_the_picture() {
        let mut report = report(&[1]);
        report.environment = "<script>&".into();
        assert!(svg(&report).contains("environment &lt;script&gt;&amp; "));
        report.rounds[0].outage = None;
        report.commands.clear();
        report.tally = None;
        let picture = svg(&report);
        assert!(picture.contains("✕") && !picture.contains("NaN") && !picture.contains("inf"));
    }

    #[test]
    fn a_long_drill_keeps_its_slowest_commands() {
        let mut report = report(&[5; 2_000]);
        report.commands[77].took = Duration::from_secs(9);
        let shown = thinned(&report.commands);
        assert!(shown.len() <= DOTS_MAX, "{}", shown.len());
        assert!(shown.iter().any(|one| one.took == Duration::from_secs(9)));
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([0.8, 7.0, 12.0, 640.0].map(step), [0.2, 2.0, 5.0, 200.0]);
        assert_eq!([0.1, 10.0, 2.5].map(number), ["0.1", "10", "2.5"]);
    }
}
