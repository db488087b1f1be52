//! What came of a soak, for a terminal and as a document. Pure.

use std::fmt::Write as _;

use pomelo_robot::Report;
use serde_json::{Value, json};

use super::{
    ledger::Verdict,
    memory::{MARKS, Memory, Row},
};

/// Columns of the robots' table.
const COLUMNS: usize = 100;

/// Everything that was seen.
pub(super) struct Outcome {
    pub(super) robots: Report,
    pub(super) verdict: Verdict,
    pub(super) memory: Memory,
    /// What was done to the servers.
    pub(super) notes: Vec<String>,
}

impl Outcome {
    pub(super) fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.memory.grown().is_empty()
    }

    pub(super) fn table(&self) -> String {
        let mut text = self.robots.table(COLUMNS);
        text += "\nresident MiB        ";
        for mark in MARKS {
            _ = write!(text, "{mark:>14}");
        }
        text += "          most\n";
        let mib = |kib: Option<f64>| kib.map_or("-".to_owned(), |kib| format!("{:.1}", kib / 1024.0));
        for Row { server, marks, most } in self.memory.rows() {
            _ = write!(text, "{server:<20}");
            for kib in marks.into_iter().chain([most]) {
                _ = write!(text, "{:>14}", mib(kib));
            }
            text.push('\n');
        }
        text.push('\n');
        for note in &self.notes {
            text += &format!("{note}\n");
        }
        let Verdict { sent, heard, lost, again, others, allowed, back, away, told } = &self.verdict;
        _ = writeln!(text, "{sent} messages were said, {heard} times one was heard");
        _ = writeln!(
            text,
            "sessions of killed servers: {allowed} errors, {back} clients came again, {away} did not"
        );
        _ = writeln!(
            text,
            "all others: {lost} messages lost, {again} doubled or out of order, {others} errors"
        );
        for one in told {
            _ = writeln!(text, "  {one}");
        }
        for one in self.memory.grown() {
            _ = writeln!(text, "grown although nothing happened: {one}");
        }
        text += if self.is_clean() { "clean\n" } else { "NOT CLEAN\n" };
        text
    }

    pub(super) fn document(&self) -> Value {
        let Verdict { sent, heard, lost, again, others, allowed, back, away, told } = &self.verdict;
        json!({
            "title": "Soak", "clean": self.is_clean(), "notes": self.notes,
            "survivors": {"lost": lost, "doubledOrOutOfOrder": again, "errors": others, "told": told},
            "hit": {"errors": allowed, "back": back, "away": away},
            "said": sent, "heard": heard,
            "memory": self.memory.document(), "grown": self.memory.grown(), "robots": self.robots,
        })
    }
}
