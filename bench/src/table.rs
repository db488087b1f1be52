//! Measured times for a terminal. Pure.

use std::fmt::Write as _;

use crate::series::{PARTS, Series, Times, ms};

/// Widest name of a case.
const NAME: usize = 34;

/// The tables, and each case's median as a ratio to that of `original`, if there is one.
pub(crate) fn render(all: &[Series], original: Option<&Series>) -> String {
    let mut text = format!(
        "{:<NAME$} {:>5} {:>9} {:>9} {:>9} {:>9}  {}\n",
        "case", "runs", "p50 ms", "p90 ms", "p99 ms", "max ms", "bounded by"
    );
    for s in all.iter().chain(original) {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|p| ms(s.times.percentile(p)));
        let (name, n, by) = (&s.name, s.times.len(), &s.bounded_by);
        _ = writeln!(text, "{name:<NAME$} {n:>5} {p50:>9} {p90:>9} {p99:>9} {max:>9}  {by}");
    }
    parts(&mut text, all);
    if let Some((original, theirs)) = original.and_then(|o| Some((o, o.times.percentile(50)?))) {
        text.push('\n');
        for s in all.iter().filter(|s| !s.planned) {
            if let Some(median) = s.times.percentile(50).filter(|median| !median.is_zero()) {
                let ratio = theirs.as_secs_f64() / median.as_secs_f64();
                _ = writeln!(text, "{}: {ratio:.0} times as fast as {} (medians)", s.name, original.name);
            }
        }
    }
    text
}

/// Medians and 99th hundredths of the parts, of those cases that have any.
fn parts(text: &mut String, all: &[Series]) {
    let split = |s: &&Series| !s.to_epoch.is_empty() || s.parts.iter().any(|part| !part.is_empty());
    if !all.iter().any(|s| split(&s)) {
        return;
    }
    let cell = |times: &Times| match times.is_empty() {
        true => "-".to_owned(),
        false => format!("{} / {}", ms(times.percentile(50)), ms(times.percentile(99))),
    };
    let mut line = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<_> = cells.map(|cell| format!("{cell:>16}")).collect();
        _ = writeln!(text, "{name:<NAME$} {}", cells.join(" "));
    };
    line("", &mut std::iter::empty());
    let titles = PARTS.into_iter().map(str::to_owned);
    line("p50 / p99 ms", &mut std::iter::once("until the epoch".to_owned()).chain(titles));
    for s in all.iter().filter(split) {
        line(&s.name, &mut std::iter::once(&s.to_epoch).chain(&s.parts).map(cell));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ratios_are_of_medians() {
        let (mut ours, mut theirs) = (Series::new("ours", ""), Series::new("theirs", ""));
        ours.times.add(Duration::from_millis(10));
        theirs.times.add(Duration::from_millis(5_000));
        let text = render(&[ours], Some(&theirs));
        assert!(text.contains("ours: 500 times as fast as theirs"), "{text}");
        assert!(!text.contains("p50 / p99"), "{text}");
    }

    #[test]
    fn a_part_that_was_never_told_is_a_dash() {
        let mut s = Series::new("x", "");
        s.to_epoch.add(Duration::from_micros(1_500));
        let text = render(&[s], None);
        let row = text.lines().last().unwrap();
        assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["x", "1.5", "/", "1.5", "-", "-", "-", "-"]);
    }
}
