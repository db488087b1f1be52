//! What a player heard, in order: for tests that ask what came, and what did not. Not here: what it means ([`crate::View`]).

use std::collections::VecDeque;

use bytes::Bytes;
use pomelo_client::{CloseReason, Push, PushMessage};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Anomaly, View};

/// Pushes that are kept; an older one is forgotten.
pub const HEARD_MAX: usize = 100_000;

/// Anomalies that are kept; a later one is only counted.
pub const ANOMALIES_MAX: usize = 1_000;

/// A push that came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The how manieth of this player, from 0.
    pub n: usize,
    /// When, in milliseconds of the player's clock.
    pub at_ms: u64,
    /// Its name.
    pub route: String,
    /// What it says, JSON.
    pub body: Bytes,
}

impl Heard {
    /// What it says; null if it is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What it says, if it is that push and can be read.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self, push: Push<T>) -> Option<T> {
        (self.route == push.name()).then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }
}

/// What a player knows, and how it came to know it.
#[derive(Debug, Default)]
pub struct Record {
    /// What it knows now.
    pub view: View,
    heard: VecDeque<Heard>,
    /// How many were forgotten.
    forgotten: usize,
    anomalies: Vec<Anomaly>,
    anomalies_all: usize,
    pub(crate) ended: Option<CloseReason>,
    /// Answers under way that change the view.
    holding: usize,
    held: Vec<(PushMessage, u64)>,
    /// Nothing is kept but the view.
    is_plain: bool,
}

impl Record {
    /// One that keeps nothing but the view.
    pub(crate) fn plain() -> Self {
        Self { is_plain: true, ..Self::default() }
    }

    /// All that came since the push with this number, the oldest first; from 0 on all that is kept.
    pub fn heard(&self, since: usize) -> impl Iterator<Item = &Heard> {
        self.heard.iter().skip(since.saturating_sub(self.forgotten))
    }

    /// How many pushes came so far: the number of the next one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.forgotten + self.heard.len()
    }

    /// What made no sense, the first first.
    #[must_use]
    pub fn anomalies(&self) -> &[Anomaly] {
        &self.anomalies
    }

    /// How many there were, also those that are not kept.
    #[must_use]
    pub fn anomalies_all(&self) -> usize {
        self.anomalies_all
    }

    /// Why the connection ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<&CloseReason> {
        self.ended.as_ref()
    }

    /// The names of the last few pushes, for messages.
    pub(crate) fn last(&self) -> String {
        let names: Vec<&str> =
            self.heard.iter().rev().take(12).rev().map(|heard| heard.route.as_str()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    /// A push came. While the view waits for an answer it waits as well: answers and pushes come by different ways out of the client, and
    /// what is pushed after an answer must not count before it.
    pub(crate) fn hear(&mut self, push: PushMessage, at_ms: u64) {
        if !self.is_plain {
            if self.heard.len() >= HEARD_MAX {
                self.heard.pop_front();
                self.forgotten += 1;
            }
            let (n, route, body) = (self.count(), push.route.clone(), push.body.clone());
            self.heard.push_back(Heard { n, at_ms, route, body });
        }
        if self.holding > 0 {
            self.held.push((push, at_ms));
        } else {
            self.apply(&push, at_ms);
        }
    }

    fn apply(&mut self, push: &PushMessage, at_ms: u64) {
        for anomaly in self.view.push(&push.route, &push.body, at_ms) {
            self.note(anomaly);
        }
    }

    pub(crate) fn note(&mut self, anomaly: Anomaly) {
        self.anomalies_all += 1;
        if self.anomalies.len() < ANOMALIES_MAX {
            self.anomalies.push(anomaly);
        }
    }

    pub(crate) fn hold(&mut self) {
        self.holding += 1;
    }

    /// An answer was taken in, or there is none; what came meanwhile counts now.
    pub(crate) fn release(&mut self) {
        self.holding -= 1;
        if self.holding == 0 {
            for (push, at_ms) in std::mem::take(&mut self.held) {
                self.apply(&push, at_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(route: &str, body: &str) -> PushMessage {
        PushMessage { route: route.to_owned(), body: body.to_owned().into() }
    }

    fn chat(content: &str) -> PushMessage {
        let said = format!(
            r#"{{"playerId":1,"uid":1,"content":"{content}","scope":"D41313","kind":0,"from":"bob"}}"#
        );
        push("onChat", &said)
    }

    fn said(record: &Record) -> Vec<&str> {
        record.view.chat.iter().map(|said| said.content.as_str()).collect()
    }

    #[test]
    fn what_comes_while_an_answer_is_awaited_is_heard_at_once_and_counts_afterwards() {
        let mut record = Record::default();
        record.hear(chat("a"), 1);
        record.hold();
        record.hold();
        record.hear(chat("b"), 2);
        record.release();
        assert_eq!((said(&record), record.count()), (vec!["a"], 2));
        record.release();
        record.hear(chat("c"), 3);
        assert_eq!(said(&record), ["a", "b", "c"]);
        let times: Vec<_> = record.heard(1).map(|heard| (heard.n, heard.at_ms)).collect();
        assert_eq!(times, [(1, 2), (2, 3)]);
    }

    #[test]
    fn the_oldest_is_forgotten_and_the_numbers_go_on() {
        let mut record = Record::default();
        for _ in 0..HEARD_MAX + 3 {
            record.hear(push("onHello", "{}"), 0);
        }
        assert_eq!((record.count(), record.heard(0).count()), (HEARD_MAX + 3, HEARD_MAX));
        assert_eq!(record.heard(0).next().map(|heard| heard.n), Some(3));
        assert_eq!(record.heard(HEARD_MAX).count(), 3);
        assert_eq!(record.heard(HEARD_MAX + 9).count(), 0);
        assert_eq!((record.anomalies().len(), record.anomalies_all()), (ANOMALIES_MAX, HEARD_MAX + 3));
    }

    #[test]
    fn one_that_is_plain_keeps_the_view_only() {
        let mut record = Record::plain();
        record.hear(chat("a"), 1);
        record.hear(push("onHello", "{}"), 1);
        assert_eq!((said(&record), record.heard(0).count()), (vec!["a"], 0));
        assert_eq!(record.anomalies(), [Anomaly::UnknownPush { route: "onHello".into() }]);
    }
}
