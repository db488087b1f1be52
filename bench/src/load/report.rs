//! Measurements as a table and as a document. Pure.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::{Case, Unit, generator::Measured};

/// One measurement of one system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// In the unit of its case.
    pub(super) cost: f64,
    per_second: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    errors: usize,
}

/// All measurements of one case.
pub(super) struct Row {
    name: &'static str,
    unit: Unit,
    goal: f64,
    p99_goal_ms: Option<f64>,
    systems: Vec<&'static str>,
    /// By system, then by round.
    pub(super) cells: Vec<Vec<Cell>>,
}

impl Cell {
    pub(super) fn new(unit: Unit, measured: &Measured) -> Self {
        let hundredth = |p: usize| measured.percentile(p).map(|latency| latency.as_secs_f64() * 1e3);
        Self {
            cost: unit.of(measured),
            per_second: measured.units / measured.seconds,
            p50_ms: hundredth(50),
            p99_ms: hundredth(99),
            errors: measured.errors,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.2}, {:>9.0}/s", self.cost, self.per_second)?;
        if let (Some(p50), Some(p99)) = (self.p50_ms, self.p99_ms) {
            write!(f, ", p50 {p50:.1} ms, p99 {p99:.1} ms")?;
        }
        if self.errors > 0 {
            write!(f, ", {} CONNECTIONS LOST", self.errors)?;
        }
        Ok(())
    }
}

impl Row {
    pub(super) fn new(case: &Case, systems: impl Iterator<Item = &'static str>) -> Self {
        let systems: Vec<_> = systems.collect();
        let cells = vec![Vec::new(); systems.len()];
        let Case { name, unit, goal, p99_goal_ms, .. } = *case;
        Self { name, unit, goal, p99_goal_ms, systems, cells }
    }

    fn median(&self, system: usize) -> f64 {
        median(self.cells[system].iter().map(|cell| cell.cost))
    }

    /// Of what one system costs to what another does in the same round.
    fn ratio(&self, of: usize, to: usize) -> f64 {
        median(self.cells[of].iter().zip(&self.cells[to]).map(|(of, to)| of.cost / to.cost))
    }

    fn p99(&self, system: usize) -> Option<f64> {
        let all: Option<Vec<_>> = self.cells[system].iter().map(|cell| cell.p99_ms).collect();
        all.map(|all| median(all.into_iter()))
    }
}

/// The upper one of the two in the middle; not a number if there is none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Medians of each system, ours as a ratio to the others (medians of the ratios of a round), and the goals. Markdown.
pub(super) fn table(rows: &[Row]) -> String {
    let heads =
        ["case", "unit", "floor", "ours", "original", "ours / floor", "goal", "original / ours", "p99 ms"];
    let mut lines = vec![heads.map(str::to_owned), heads.map(|_| "---".to_owned())];
    for row in rows {
        let original = row.systems.len() > 2;
        let or_nothing = |value: Option<f64>, digits: usize| match value {
            Some(value) => format!("{value:.digits$}"),
            None => String::new(),
        };
        let is_met = |value: f64, goal: f64| if value <= goal { "" } else { ", missed" };
        let ratio = row.ratio(1, 0);
        let p99 = row.p99(1);
        let late = p99.zip(row.p99_goal_ms).map(|(p99, goal)| format!(" (goal {goal}{})", is_met(p99, goal)));
        lines.push([
            row.name.to_owned(),
            row.unit.name().to_owned(),
            format!("{:.2}", row.median(0)),
            format!("{:.2}", row.median(1)),
            or_nothing(original.then(|| row.median(2)), 2),
            format!("{ratio:.2}"),
            format!("{:.2}{}", row.goal, is_met(ratio, row.goal)),
            or_nothing(original.then(|| row.ratio(2, 1)), 1),
            or_nothing(p99, 1) + &late.unwrap_or_default(),
        ]);
    }
    aligned(&lines)
}

/// A table whose columns stand below each other on a terminal, too.
fn aligned<const N: usize>(lines: &[[String; N]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            _ = write!(text, "| {cell:<0$} ", width(column));
        }
        text.push_str("|\n");
    }
    text
}

/// Everything that was measured.
pub(super) fn document(rows: &[Row]) -> Value {
    let cell = |cell: &Cell| json!({"cost": cell.cost, "perSecond": cell.per_second, "p50Ms": cell.p50_ms, "p99Ms": cell.p99_ms, "errors": cell.errors});
    let row = |row: &Row| {
        let systems: serde_json::Map<_, _> = row
            .systems
            .iter()
            .zip(&row.cells)
            .map(|(name, cells)| ((*name).to_owned(), cells.iter().map(cell).collect()))
            .collect();
        json!({"case": row.name, "unit": row.unit.name(), "goalOfFloor": row.goal, "systems": systems})
    };
    json!({"title": "Cost of the data plane", "cases": rows.iter().map(row).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(cost: f64) -> Cell {
        Cell { cost, per_second: 1.0, p50_ms: None, p99_ms: None, errors: 0 }
    }

    #[test]
    fn ratios_are_those_of_a_round_not_of_the_medians() {
        let mut row = Row::new(&super::super::CASES[0], ["floor", "ours"].into_iter());
        // A machine that is three times as slow in the last round.
        row.cells = vec![vec![cell(1.0), cell(1.0), cell(3.0)], vec![cell(2.0), cell(2.0), cell(6.0)]];
        assert!((row.ratio(1, 0) - 2.0).abs() < 1e-9);
        let text = table(&[row]);
        assert!(text.contains("missed"), "{text}");
    }
}
