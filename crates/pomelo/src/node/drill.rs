//! Counting drill commands: what `pomelo drill` sends while masters are killed, and asks for at the end. A receiver's own witness
//! of what was lost, what was done twice, and whether an older epoch was ever obeyed after a newer one.
//!
//! Memory is bounded: numbers that follow each other are one range, and only so many ranges and runs are kept.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

/// So many runs are remembered; the oldest one goes first.
const RUNS_MAX: usize = 4;

/// Longest name of a run, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Gaps in the numbers of one run that are remembered exactly. With more, the lowest numbers are given up and the report says so.
const RANGES_MAX: usize = 1024;

/// Numbers that came twice and are named in the report.
const DOUBLED_NAMED_MAX: usize = 32;

/// The runs this server has seen.
#[derive(Debug, Default)]
pub(super) struct Drills {
    runs: VecDeque<(String, Run)>,
}

#[derive(Debug, Default)]
struct Run {
    executed: u64,
    doubled: u64,
    doubled_named: Vec<u64>,
    /// First and last number of each stretch without a gap.
    ranges: BTreeMap<u64, u64>,
    truncated: bool,
    epoch: u64,
    /// Commands of a lower epoch than one before.
    epoch_fell: u64,
}

impl Drills {
    /// A command `{"run","n"}` of a master of this epoch. The answer, or what is wrong with it.
    pub(super) fn count(&mut self, epoch: u64, body: &Value) -> Result<Value, &'static str> {
        let name = run_of(body)?;
        let n = body.get("n").and_then(Value::as_u64).ok_or("drill: n, a number, is missing")?;
        let at = match self.runs.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                if self.runs.len() == RUNS_MAX {
                    self.runs.pop_front();
                }
                self.runs.push_back((name.to_owned(), Run::default()));
                self.runs.len() - 1
            }
        };
        let run = &mut self.runs[at].1;
        run.count(epoch, n);
        Ok(json!({ "n": n, "executed": run.executed }))
    }

    /// What was counted of the run `{"run"}`; zeros for one that was never heard of.
    pub(super) fn report(&self, body: &Value) -> Result<Map<String, Value>, &'static str> {
        let name = run_of(body)?;
        let none = Run::default();
        let run = self.runs.iter().find_map(|(known, run)| (known == name).then_some(run)).unwrap_or(&none);
        let ranges: Vec<_> = run.ranges.iter().map(|(first, last)| json!([first, last])).collect();
        Ok([
            ("run", json!(name)),
            ("executed", json!(run.executed)),
            ("doubled", json!(run.doubled)),
            ("doubledNumbers", json!(run.doubled_named)),
            ("ranges", json!(ranges)),
            ("truncated", json!(run.truncated)),
            ("epoch", json!(run.epoch)),
            ("epochFell", json!(run.epoch_fell)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect())
    }
}

impl Run {
    fn count(&mut self, epoch: u64, n: u64) {
        self.executed += 1;
        if epoch < self.epoch {
            self.epoch_fell += 1;
        }
        self.epoch = self.epoch.max(epoch);
        let before = self.ranges.range(..=n).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= n) {
            self.doubled += 1;
            if self.doubled_named.len() < DOUBLED_NAMED_MAX {
                self.doubled_named.push(n);
            }
            return;
        }
        let first = before.filter(|(_, last)| last + 1 == n).map_or(n, |(first, _)| first);
        let last = n.checked_add(1).and_then(|next| self.ranges.remove(&next)).unwrap_or(n);
        self.ranges.insert(first, last);
        if self.ranges.len() > RANGES_MAX {
            self.ranges.pop_first();
            self.truncated = true;
        }
    }
}

fn run_of(body: &Value) -> Result<&str, &'static str> {
    let name = body.get("run").and_then(Value::as_str).ok_or("drill: run, a text, is missing")?;
    if name.len() > NAME_BYTES_MAX { Err("drill: the name of the run is too long") } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(commands: &[(u64, u64)]) -> Map<String, Value> {
        let mut drills = Drills::default();
        for (epoch, n) in commands {
            drills.count(*epoch, &json!({ "run": "r", "n": n })).unwrap();
        }
        drills.report(&json!({ "run": "r" })).unwrap()
    }

    #[test]
    fn gaps_and_repetitions_are_told_apart_in_any_order() {
        let report = counted(&[(1, 3), (1, 1), (1, 2), (1, 7), (1, 2), (1, 8)]);
        assert_eq!(report["ranges"], json!([[1, 3], [7, 8]]));
        assert_eq!((&report["executed"], &report["doubled"]), (&json!(6), &json!(1)));
        assert_eq!(report["doubledNumbers"], json!([2]));
    }

    #[test]
    fn a_command_of_an_older_epoch_is_noticed() {
        assert_eq!(counted(&[(1, 1), (2, 2), (2, 3)])["epochFell"], 0);
        assert_eq!(counted(&[(2, 1), (1, 2), (2, 3)])["epochFell"], 1);
    }

    #[test]
    fn memory_does_not_grow_with_commands_or_runs() {
        let far: Vec<_> = (0..2_000).map(|n| (1, 2 * n)).collect();
        let report = counted(&far);
        assert_eq!(report["ranges"].as_array().unwrap().len(), RANGES_MAX);
        assert_eq!((&report["truncated"], &report["executed"]), (&json!(true), &json!(2_000)));
        let near: Vec<_> = (0..100_000).map(|n| (1, n)).collect();
        assert_eq!(counted(&near)["ranges"], json!([[0, 99_999]]));

        let mut drills = Drills::default();
        for run in 0..100 {
            drills.count(1, &json!({ "run": run.to_string(), "n": 1 })).unwrap();
        }
        assert_eq!(drills.runs.len(), RUNS_MAX);
        assert_eq!(drills.report(&json!({ "run": "0" })).unwrap()["executed"], 0);
        assert_eq!(drills.report(&json!({ "run": "99" })).unwrap()["executed"], 1);
        assert_eq!(counted(&[(1, u64::MAX), (1, u64::MAX)])["doubled"], 1);
    }

    #[test]
    fn what_is_not_a_drill_command_is_refused_in_words() {
        let mut drills = Drills::default();
        assert!(drills.count(1, &json!({ "n": 1 })).is_err());
        assert!(drills.count(1, &json!({ "run": "r", "n": -1 })).is_err());
        assert!(drills.count(1, &json!({ "run": "r".repeat(65), "n": 1 })).is_err());
    }
}
