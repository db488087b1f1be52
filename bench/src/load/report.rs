//! Measurements as a table and as a document. Pure.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::{Case, Unit, generator::Measured};

/// Widest name of a case.
const NAME: usize = 34;

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
    systems: Vec<&'static str>,
    /// By system, then by round.
    pub(super) cells: Vec<Vec<Cell>>,
}

impl Cell {
    pub(super) fn new(unit: Unit, measured: &Measured) -> Self {
        let hundredth = |p: usize| {
            let at = measured.latencies.len().saturating_sub(1) * p / 100;
            measured.latencies.get(at).map(|latency| latency.as_secs_f64() * 1e3)
        };
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
        Self { name: case.name, unit: case.unit, goal: case.goal, systems, cells }
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

/// Medians of each system, ours as a ratio to the others (medians of the ratios of a round), and the goal.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<NAME$} {:<15} {:>8} {:>8} {:>9} {:>10} {:>7} {:>14} {:>7}\n",
        "case", "unit", "floor", "ours", "original", "ours/floor", "goal", "original/ours", "p99 ms"
    );
    for row in rows {
        let original = row.systems.len() > 2;
        let or_dash = |value: Option<f64>, digits: usize| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "-".to_owned(),
        };
        let ratio = row.ratio(1, 0);
        let met = if ratio <= row.goal { "" } else { " missed" };
        _ = writeln!(
            text,
            "{:<NAME$} {:<15} {:>8.2} {:>8.2} {:>9} {:>10.2} {:>7.2} {:>14} {:>7}{met}",
            row.name,
            row.unit.name(),
            row.median(0),
            row.median(1),
            or_dash(original.then(|| row.median(2)), 2),
            ratio,
            row.goal,
            or_dash(original.then(|| row.ratio(2, 1)), 1),
            or_dash(row.p99(1), 1),
        );
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
