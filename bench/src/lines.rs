//! Lines over logarithmic scales, panels side by side: what grows with its number rises, what does not is flat. SVG, written by
//! hand: no fonts, scripts or files of others. Pure.

use std::fmt::Write as _;

use crate::plot::{self, FAINT, GRID, OURS, THEIRS};

const HEIGHT: f64 = 360.0;
/// Top and bottom of the drawings.
const TOP: f64 = 92.0;
const BOTTOM: f64 = 310.0;
/// Width of a panel's drawing, and what is left of it.
const PANEL: f64 = 380.0;
const LEFT: f64 = 70.0;
/// From one panel's drawing to that of the next.
const NEXT: f64 = PANEL + LEFT + 20.0;
const COLOURS: [&str; 2] = [OURS, THEIRS];

/// Values by number.
pub(crate) struct Line {
    name: &'static str,
    points: Vec<(usize, f64)>,
}

impl Line {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, points: Vec::new() }
    }

    pub(crate) fn add(&mut self, number: usize, value: f64) {
        self.points.push((number, value));
    }
}

/// A drawing of the picture.
pub(crate) struct Panel {
    counted: &'static str,
    lines: [Line; 2],
    goal: Option<f64>,
    mark: Option<(usize, &'static str)>,
}

impl Panel {
    /// With a name for what is counted.
    pub(crate) fn new(counted: &'static str, lines: [Line; 2]) -> Self {
        Self { counted, lines, goal: None, mark: None }
    }

    /// With a line that values should stay below.
    pub(crate) fn goal(self, value: f64) -> Self {
        Self { goal: Some(value), ..self }
    }

    /// With a number that is worth to be seen.
    pub(crate) fn mark(self, number: usize, what: &'static str) -> Self {
        Self { mark: Some((number, what)), ..self }
    }
}

/// The picture.
#[expect(clippy::cast_precision_loss, reason = "a handful of panels")]
pub(crate) fn svg(title: &str, panels: &[Panel]) -> String {
    let mut svg = plot::begin(20.0 + panels.len() as f64 * NEXT, HEIGHT, title);
    for (n, one) in panels.iter().enumerate() {
        panel(&mut svg, LEFT + n as f64 * NEXT, one);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, left: f64, Panel { counted, lines, goal, mark }: &Panel) {
    let decades = decades(lines, *goal);
    let y = |value: f64| y(value, decades);
    for decade in decades[0]..=decades[1] {
        let (y, value) = (y(10f64.powi(decade)), 10f64.powi(decade));
        _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"{GRID}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{FAINT}\">{value}</text>",
            left + PANEL,
            left - 8.0,
            y + 4.0
        );
    }
    _ = writeln!(svg, "<text x=\"{left}\" y=\"{:.1}\" fill=\"{FAINT}\">{counted}</text>", BOTTOM + 40.0);
    let measured = || lines.iter().flat_map(|line| line.points.iter().map(|(number, _)| *number));
    let numbers = || measured().chain(mark.map(|(number, _)| number));
    let (least, most) = (numbers().min().unwrap_or(1), numbers().max().unwrap_or(10));
    let x = |number: usize| {
        let at = (log(number) - log(least)) / (log(most) - log(least)).max(f64::EPSILON);
        left + 30.0 + at * (PANEL - 60.0)
    };
    if let Some(goal) = goal {
        let (right, y) = (left + PANEL, y(*goal));
        _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\" stroke=\"{FAINT}\" stroke-dasharray=\"6 4\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{FAINT}\">goal: below {goal}</text>",
            left + 4.0,
            y - 6.0
        );
    }
    if let Some((number, what)) = mark {
        let x = x(*number);
        let (anchor, beside) = if x < left + PANEL / 2.0 { ("start", 6.0) } else { ("end", -6.0) };
        _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\" stroke=\"{FAINT}\" stroke-dasharray=\"2 4\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"{FAINT}\">{what}</text>",
            x + beside,
            BOTTOM - 8.0
        );
    }
    // The first line's values stand above it, the second one's below.
    for ((line, colour), beside) in lines.iter().zip(COLOURS).zip([-10.0, 20.0]) {
        let path: Vec<_> =
            line.points.iter().map(|(number, value)| format!("{:.1},{:.1}", x(*number), y(*value))).collect();
        _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (number, value) in &line.points {
            let (x, y) = (x(*number), y(*value));
            _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>\n\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.1}</text>\n\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{FAINT}\">{number}</text>",
                y + beside,
                BOTTOM + 20.0
            );
        }
    }
    for (n, (line, colour)) in lines.iter().zip(COLOURS).enumerate() {
        let x = left + if n == 0 { 0.0 } else { PANEL / 2.0 };
        _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            TOP - 20.0,
            line.name
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "up to some thousands")]
fn log(number: usize) -> f64 {
    (number.max(1) as f64).log10()
}

/// The powers of ten between which everything lies.
#[expect(clippy::cast_possible_truncation, reason = "an exponent")]
fn decades(lines: &[Line; 2], goal: Option<f64>) -> [i32; 2] {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)).chain(goal);
    let logs: Vec<_> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
    let least = logs.iter().copied().fold(f64::INFINITY, f64::min).floor();
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
    if logs.is_empty() { [0, 1] } else { [least as i32, (most as i32).max(least as i32 + 1)] }
}

fn y(value: f64, decades: [i32; 2]) -> f64 {
    let [first, last] = decades.map(f64::from);
    let at = (value.max(1e-9).log10() - first) / (last - first);
    BOTTOM - at.clamp(0.0, 1.0) * (BOTTOM - TOP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_a_point_and_what_does_not_grow_is_flat() {
        let (mut flat, mut grows) = (Line::new("flat"), Line::new("grows"));
        for number in [10, 100, 1_000] {
            flat.add(number, 2.0);
            grows.add(number, number as f64 / 10.0);
        }
        let svg = svg("title", &[Panel::new("members", [flat, grows]).goal(5.0).mark(50, "theirs")]);
        assert_eq!(svg.matches("<circle").count(), 6);
        let line = svg.split("<polyline points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let heights: Vec<_> = line.split(' ').map(|point| point.split(',').nth(1).unwrap()).collect();
        assert!(heights.windows(2).all(|pair| pair[0] == pair[1]), "{heights:?}");
        assert!(svg.contains("goal: below 5") && svg.contains("theirs"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn the_largest_value_is_below_the_upper_edge() {
        let (mut small, mut large) = (Line::new("small"), Line::new("large"));
        small.add(10, 5.0);
        large.add(10, 334.6);
        assert_eq!(decades(&[small, large], Some(50.0)), [0, 3]);
    }

    #[test]
    fn nothing_measured_is_a_picture_too() {
        let svg = svg("title", &[Panel::new("members", [Line::new("a"), Line::new("b")])]);
        assert!(!svg.contains("NaN"), "{svg}");
    }
}
