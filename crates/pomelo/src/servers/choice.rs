//! How one server of several is chosen. What a choice remembers (whose turn it is) is this server process's own: others
//! take their turns by themselves. Not here: which servers there are.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock},
};

use fastrand::Rng;
use pomelo_protocol::{ServerId, ServerInfo};
use serde_json::Value;

use super::Servers;
use crate::lock;

/// What choices remember. As many turns as there are server types.
#[derive(Default)]
pub(crate) struct Choices {
    turns: Mutex<HashMap<String, usize>>,
    rng: Mutex<Option<Rng>>,
    outstanding: OnceLock<Box<Outstanding>>,
}

/// How many calls of this process to a server wait for their answer.
type Outstanding = dyn Fn(&ServerId) -> usize + Send + Sync;

impl Choices {
    /// Says who knows how many calls wait. Only the first one counts.
    pub(super) fn measure(&self, outstanding: Box<Outstanding>) {
        let _ = self.outstanding.set(outstanding);
    }

    fn turn(&self, server_type: &str) -> usize {
        let mut turns = lock(&self.turns);
        let turn = match turns.get_mut(server_type) {
            Some(turn) => turn,
            None => turns.entry(server_type.to_owned()).or_default(),
        };
        *turn = turn.wrapping_add(1);
        turn.wrapping_sub(1)
    }

    fn below(&self, bound: u64) -> u64 {
        lock(&self.rng).get_or_insert_with(Rng::new).u64(..bound)
    }

    fn outstanding(&self, server: &ServerId) -> usize {
        self.outstanding.get().map_or(0, |outstanding| outstanding(server))
    }
}

impl Servers {
    /// The one that `key` falls to, the same in every process that knows the same servers. When a server comes or goes,
    /// only the keys that fall to it move (rendezvous hashing). `None` if there are no servers.
    pub fn by_hash(&self, key: &str) -> Option<ServerId> {
        self.by_hash_of(key.bytes())
    }

    /// The same for a key that is not in one piece.
    pub(crate) fn by_hash_of(&self, key: impl Iterator<Item = u8> + Clone) -> Option<ServerId> {
        match self.list() {
            [only] => Some(only.id.clone()),
            list => list.iter().max_by_key(|s| score(s.id.as_str(), key.clone())).map(|s| s.id.clone()),
        }
    }

    /// Any of them.
    pub fn random(&self) -> Option<ServerId> {
        let count = self.len() as u64;
        let at = if count > 0 { self.choices().below(count) } else { 0 };
        self.list().get(at as usize).map(|s| s.id.clone())
    }

    /// One after the other in the order of their ids, each time this process asks for one of their type.
    pub fn round_robin(&self) -> Option<ServerId> {
        let list = self.list();
        list.get(self.turn() % list.len().max(1)).map(|s| s.id.clone())
    }

    /// Any of them, one of weight 3 three times as often as one of weight 1. The weight is the field `weight` of a server in
    /// `servers.json`; 1 if there is none. A server of weight 0 is not chosen.
    pub fn weighted(&self) -> Option<ServerId> {
        self.weighted_by(weight)
    }

    /// The same with weights that a function gives. `None` if all are 0.
    ///
    /// ```
    /// # use pomelo::{ServerId, Servers, Session};
    /// fn by_cores(_: &Session, areas: &Servers) -> Option<ServerId> {
    ///     areas.weighted_by(|area| area.extra.get("cores").and_then(|cores| cores.as_u64()).unwrap_or(1) as u32)
    /// }
    /// ```
    pub fn weighted_by(&self, weight: impl Fn(&ServerInfo) -> u32) -> Option<ServerId> {
        let weights: Vec<u64> = self.iter().map(|s| weight(s).into()).collect();
        let whole = weights.iter().sum::<u64>();
        let mut at = if whole > 0 { self.choices().below(whole) } else { return None };
        let mut list = self.iter().zip(weights);
        let chosen = list.find(|(_, weight)| match at.checked_sub(*weight) {
            Some(rest) => {
                at = rest;
                false
            }
            None => true,
        });
        chosen.map(|(s, _)| s.id.clone())
    }

    /// The one with the fewest calls of this process that wait for an answer; those with as few take turns.
    pub fn least_outstanding(&self) -> Option<ServerId> {
        let waiting: Vec<_> = self.iter().map(|s| (self.choices().outstanding(&s.id), s)).collect();
        let least = waiting.iter().map(|(calls, _)| *calls).min()?;
        let equals: Vec<_> = waiting.into_iter().filter(|(calls, _)| *calls == least).collect();
        equals.get(self.turn() % equals.len()).map(|(_, s)| s.id.clone())
    }

    /// How often somebody's turn was asked for before, among servers of this type.
    fn turn(&self) -> usize {
        self.list().first().map_or(0, |first| self.choices().turn(first.server_type.as_str()))
    }
}

/// As `servers.json` has it, or as an argument of the start, which is a text.
fn weight(server: &ServerInfo) -> u32 {
    let number = match server.extra.get("weight") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        None => None,
    };
    number.unwrap_or(1)
}

/// FNV-1a over both names, then a mixing step, because FNV alone leaves the high bits of short names alike.
fn score(server: &str, key: impl Iterator<Item = u8>) -> u64 {
    let bytes = server.bytes().chain([0]).chain(key);
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::servers::{Directory, tests::servers};

    fn counted(n: usize, choose: impl Fn() -> Option<ServerId>) -> Vec<usize> {
        let mut counts = HashMap::new();
        for _ in 0..n {
            *counts.entry(choose().unwrap().to_string()).or_default() += 1;
        }
        ["chat-1", "chat-2", "chat-3"].map(|id| counts.get(id).copied().unwrap_or_default()).into()
    }

    #[test]
    fn when_a_server_leaves_only_its_own_keys_move() {
        let three = servers(&["chat-1", "chat-2", "chat-3"]);
        let two = servers(&["chat-1", "chat-3"]);
        let mut counts = HashMap::new();
        for n in 0..3000 {
            let key = format!("room{n}");
            let before = three.by_hash(&key).unwrap();
            *counts.entry(before.clone()).or_insert(0) += 1;
            if before.as_str() != "chat-2" {
                assert_eq!(two.by_hash(&key), Some(before));
            }
        }
        assert!(counts.values().all(|&n| (800..1200).contains(&n)), "not spread evenly: {counts:?}");
    }

    #[test]
    fn nobody_is_chosen_from_nobody() {
        let none = servers(&[]);
        let choices =
            [none.by_hash("x"), none.random(), none.round_robin(), none.weighted(), none.least_outstanding()];
        assert_eq!(choices, [const { None }; 5]);
    }

    #[test]
    fn turns_are_taken_for_each_type_and_go_on_when_a_server_leaves() {
        let directory = Directory::default();
        directory.replace(servers(&["chat-1", "chat-2", "chat-3", "gate-1"]));
        let next = |server_type| directory.of_type(server_type).round_robin().unwrap().to_string();
        assert_eq!([next("chat"), next("gate"), next("chat")], ["chat-1", "gate-1", "chat-2"]);
        directory.replace(servers(&["chat-1", "chat-3", "gate-1"]));
        assert_eq!([next("chat"), next("chat"), next("chat")], ["chat-1", "chat-3", "chat-1"]);
    }

    #[test]
    fn weights_come_from_the_configuration_or_from_a_function() {
        let weighed = |id: &str, weight: Value| {
            let json = serde_json::json!({ "id": id, "serverType": "chat", "host": "a", "weight": weight });
            Arc::new(serde_json::from_value(json).unwrap())
        };
        let all = Servers::new([
            weighed("chat-1", 1.into()),
            weighed("chat-2", "3".into()),
            weighed("chat-3", 0.into()),
        ]);
        let counts = counted(4000, || all.weighted());
        assert!(
            (800..1200).contains(&counts[0]) && (2800..3200).contains(&counts[1]) && counts[2] == 0,
            "{counts:?}"
        );
        let only_third = |s: &ServerInfo| u32::from(s.id.as_str() == "chat-3");
        assert_eq!(counted(10, || all.weighted_by(only_third)), [0, 0, 10]);
        assert_eq!(all.weighted_by(|_| 0), None);
        let counts = counted(3000, || servers(&["chat-1", "chat-2", "chat-3"]).random());
        assert!(counts.iter().all(|n| (800..1200).contains(n)), "{counts:?}");
    }

    #[test]
    fn the_one_with_the_fewest_calls_is_chosen_and_equals_take_turns() {
        let directory = Directory::default();
        directory.replace(servers(&["chat-1", "chat-2", "chat-3"]));
        directory.measure(|server| usize::from(server.as_str() == "chat-2"));
        assert_eq!(counted(100, || directory.of_type("chat").least_outstanding()), [50, 0, 50]);
    }
}
