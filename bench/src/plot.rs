//! All measured times as a picture: a row for each case, a dot for each time, on a logarithmic scale; the median is a line.
//! SVG, written by hand: no fonts, scripts or files of others. Pure.

use std::fmt::Write as _;

use crate::series::{Series, ms};

const WIDTH: f64 = 960.0;
/// Where the drawing is: left, right.
const LEFT: f64 = 250.0;
const RIGHT: f64 = 850.0;
/// Top of the first row.
const TOP: f64 = 84.0;
/// Height of a row.
const ROW: f64 = 46.0;
/// Height of the cloud of dots in a row.
const CLOUD: f64 = 22.0;

// Colours of all pictures.
pub(crate) const OURS: &str = "#3f7cac";
pub(crate) const THEIRS: &str = "#c05621";
const TEXT: &str = "#1f2933";
pub(crate) const FAINT: &str = "#7b8794";
pub(crate) const GRID: &str = "#e4e7eb";

/// The picture. The original, if it is there, comes last.
pub(crate) fn svg(title: &str, all: &[Series], original: Option<&Series>) -> String {
    let rows: Vec<_> = all.iter().map(|s| (s, OURS)).chain(original.map(|s| (s, THEIRS))).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
    let bottom = TOP + ROW * rows.len() as f64;
    let height = bottom + 44.0;
    let mut svg = begin(WIDTH, height, title);
    _ = writeln!(
        svg,
        "<text x=\"24\" y=\"56\" fill=\"{FAINT}\">a dot for each time, the line is the median; to the right p50 and p99 in ms</text>"
    );
    let scale = Scale::of(&rows);
    for decade in scale.first..=scale.last {
        let (x, label) = (scale.x(10f64.powi(decade)), label(decade));
        _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"{GRID}\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{FAINT}\">{label}</text>",
            bottom + 20.0
        );
    }
    let mut y = TOP + ROW / 2.0;
    for (series, colour) in rows {
        row(&mut svg, &scale, series, colour, y);
        y += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

/// How every picture begins: a white sheet of this size, with its title. `</svg>` ends it.
pub(crate) fn begin(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" font-size=\"12\" fill=\"{TEXT}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"24\" y=\"36\" font-size=\"18\">{}</text>\n",
        escaped(title)
    )
}

fn row(svg: &mut String, scale: &Scale, series: &Series, colour: &str, y: f64) {
    let name = escaped(&series.name);
    _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
        LEFT - 16.0,
        y + 4.0
    );
    let mut spread = 0.0;
    for time in series.times.iter() {
        // The golden ratio's multiples fill the height evenly, and the picture is the same each time it is drawn.
        spread = (spread + 0.618_034_f64) % 1.0;
        let (x, y) = (scale.x(time.as_secs_f64() * 1e3), y + (spread - 0.5) * CLOUD);
        _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\" fill-opacity=\"0.45\"/>"
        );
    }
    let Some(median) = series.times.percentile(50) else { return };
    let (x, half) = (scale.x(median.as_secs_f64() * 1e3), CLOUD / 2.0 + 4.0);
    _ = writeln!(
        svg,
        "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{TEXT}\" stroke-width=\"2\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\">{} / {}</text>",
        y - half,
        y + half,
        RIGHT + 14.0,
        y + 4.0,
        ms(Some(median)),
        ms(series.times.percentile(99))
    );
}

/// Powers of ten of milliseconds between which everything lies.
struct Scale {
    first: i32,
    last: i32,
}

impl Scale {
    fn of(rows: &[(&Series, &str)]) -> Self {
        let times = || rows.iter().flat_map(|(s, _)| s.times.iter()).map(|time| time.as_secs_f64() * 1e3);
        let decade = |ms: f64| ms.clamp(0.01, 1e6).log10();
        let first = times().map(|ms| decade(ms).floor()).fold(f64::INFINITY, f64::min);
        let last = times().map(|ms| decade(ms).ceil()).fold(f64::NEG_INFINITY, f64::max);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to between -2 and 6")]
        let (first, last) = match first.is_finite() {
            true => (first as i32, last as i32),
            false => (0, 1),
        };
        Self { first, last: last.max(first + 1) }
    }

    fn x(&self, ms: f64) -> f64 {
        let (first, last) = (f64::from(self.first), f64::from(self.last));
        let at = (ms.max(0.01).log10() - first) / (last - first);
        LEFT + at.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

fn label(decade: i32) -> String {
    match decade {
        ..=2 => format!("{} ms", 10f64.powi(decade)),
        _ => format!("{} s", 10f64.powi(decade - 3)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_time_is_a_dot_and_the_scale_holds_all() {
        let (mut ours, mut theirs) = (Series::new("a < b", ""), Series::new("original", ""));
        for ms in [4, 9, 12] {
            ours.times.add(Duration::from_millis(ms));
        }
        theirs.times.add(Duration::from_millis(5_000));
        let svg = svg("title", &[ours], Some(&theirs));
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(svg.contains("a &lt; b") && svg.contains(">1 ms<") && svg.contains(">10 s<"), "{svg}");
        assert_eq!(svg, svg.replace("NaN", "").replace("inf", ""));
    }

    #[test]
    fn nothing_measured_is_a_picture_too() {
        assert!(svg("title", &[Series::new("x", "")], None).contains(">10 ms<"));
    }
}
