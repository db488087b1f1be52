//! What the servers counted against what was sent: which commands were lost, which were done twice, and which servers are not
//! what they were. Pure.

use std::collections::{BTreeMap, BTreeSet};

use pomelo_cluster::membership::View;
use serde_json::{Value, json};

use super::load::Commands;

/// Numbers that are named, of many.
const NAMED_MAX: usize = 20;

/// A server's life: process and incarnation.
pub type Life = (Option<u32>, Option<u64>);

/// What became of the commands and the servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Commands sent.
    pub sent: u64,
    /// Those that were answered with success.
    pub answered: u64,
    /// Those that were answered with an error or not at all.
    pub failed: u64,
    /// Due, but not sent, because too many waited.
    pub skipped: u64,
    /// Answered with success, and not executed by a server: server and number.
    pub lost: Vec<(String, u64)>,
    /// Executions beyond the first, over all servers.
    pub doubled: u64,
    /// Executions of an older epoch's command after a newer one's, over all servers.
    pub epoch_fell: u64,
    /// Servers whose process or incarnation is another than at the start.
    pub restarted: Vec<String>,
    /// Servers that were there at the start and are not now.
    pub gone: Vec<String>,
    /// Servers that gave no report.
    pub silent: Vec<String>,
}

/// Who lives in which life.
pub fn lives(view: &View) -> BTreeMap<String, Life> {
    view.servers.values().map(|info| (info.id.to_string(), (info.pid, info.incarnation))).collect()
}

impl Tally {
    /// From the servers' rows of `drillReport`, by id. A server that was started again has forgotten what it counted: nothing is
    /// called lost there.
    pub fn of(
        commands: &Commands,
        rows: &BTreeMap<String, Value>,
        before: &BTreeMap<String, Life>,
        after: &BTreeMap<String, Life>,
    ) -> Self {
        let answered: Vec<u64> =
            commands.sent.iter().filter(|one| one.failed.is_none()).map(|one| one.n).collect();
        let sent = commands.sent.len() as u64;
        let mut tally = Self {
            sent,
            answered: answered.len() as u64,
            failed: sent - answered.len() as u64,
            skipped: commands.skipped,
            gone: before.keys().filter(|id| !after.contains_key(*id)).cloned().collect(),
            restarted: before
                .iter()
                .filter(|(id, life)| after.get(*id).is_some_and(|now| now != *life))
                .map(|(id, _)| id.clone())
                .collect(),
            ..Self::default()
        };
        let restarted: BTreeSet<&String> = tally.restarted.iter().collect();
        let mut lost = Vec::new();
        for id in after.keys() {
            let Some(row) = rows.get(id) else {
                tally.silent.push(id.clone());
                continue;
            };
            let number = |name: &str| row.get(name).and_then(Value::as_u64).unwrap_or_default();
            tally.doubled += number("doubled");
            tally.epoch_fell += number("epochFell");
            if restarted.contains(id) || !before.contains_key(id) {
                continue;
            }
            let ranges = ranges(row);
            let seen = |n: u64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&n));
            lost.extend(answered.iter().filter(|n| !seen(**n)).map(|n| (id.clone(), *n)));
        }
        tally.lost = lost;
        tally
    }

    /// Whether nothing was lost or done twice, and no server was touched. Commands that failed are said, and are no fault of
    /// this kind.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.doubled == 0
            && self.epoch_fell == 0
            && self.restarted.is_empty()
            && self.gone.is_empty()
            && self.silent.is_empty()
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let lost: Vec<_> =
            self.lost.iter().take(NAMED_MAX).map(|(id, n)| json!({ "server": id, "n": n })).collect();
        json!({
            "sent": self.sent, "answered": self.answered, "failed": self.failed, "skipped": self.skipped,
            "lost": self.lost.len(), "lostNamed": lost, "doubled": self.doubled, "epochFell": self.epoch_fell,
            "restarted": self.restarted, "gone": self.gone, "silent": self.silent,
        })
    }
}

fn ranges(row: &Value) -> Vec<(u64, u64)> {
    let pairs = row.get("ranges").and_then(Value::as_array).into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.get(0)?.as_u64()?, pair.get(1)?.as_u64()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{super::load::Sent, *};

    fn commands(failed: &[u64]) -> Commands {
        let one = |n: u64| Sent {
            n,
            due: Instant::now(),
            took: Duration::ZERO,
            failed: failed.contains(&n).then(|| "no".to_owned()),
        };
        Commands { run: "r".into(), sent: (1..=5).map(one).collect(), skipped: 0 }
    }

    fn lives(incarnation: u64) -> BTreeMap<String, Life> {
        [("a".to_owned(), (Some(1), Some(1))), ("b".to_owned(), (Some(2), Some(incarnation)))].into()
    }

    fn rows(a: Value, b: Value) -> BTreeMap<String, Value> {
        [("a".to_owned(), a), ("b".to_owned(), b)].into()
    }

    #[test]
    fn a_command_that_was_answered_and_not_executed_is_lost() {
        let all = json!({ "ranges": [[1, 5]] });
        let tally = Tally::of(&commands(&[]), &rows(all.clone(), all.clone()), &lives(1), &lives(1));
        assert!(tally.is_clean(), "{tally:?}");
        assert_eq!((tally.sent, tally.answered), (5, 5));
        let gap = json!({ "ranges": [[1, 2], [4, 5]] });
        let tally = Tally::of(&commands(&[]), &rows(all.clone(), gap.clone()), &lives(1), &lives(1));
        assert_eq!(tally.lost, [("b".to_owned(), 3)]);
        // The login was told that it failed.
        let tally = Tally::of(&commands(&[3]), &rows(all, gap), &lives(1), &lives(1));
        assert!(tally.is_clean() && tally.failed == 1, "{tally:?}");
    }

    #[test]
    fn what_is_done_twice_or_late_and_who_is_not_the_same_is_said() {
        let all = json!({ "ranges": [[1, 5]], "doubled": 1, "epochFell": 2 });
        let tally = Tally::of(&commands(&[]), &rows(all, json!({ "ranges": [] })), &lives(1), &lives(2));
        assert_eq!((tally.doubled, tally.epoch_fell, tally.lost.len()), (1, 2, 0));
        assert_eq!(tally.restarted, ["b"]);
        let none = BTreeMap::new();
        let tally =
            Tally::of(&commands(&[]), &none, &lives(1), &[("a".to_owned(), (Some(1), Some(1)))].into());
        assert_eq!((tally.silent, tally.gone), (vec!["a".to_owned()], vec!["b".to_owned()]));
    }
}
