//! Thousands of schedules of a whole control plane in one thread: real elections, real masters' decisions, real followers, on a
//! model of the coordinator, of the network and of time. Each schedule is a function of its seed; the rules of
//! [`judge::Rule`] are checked after each step.
//!
//! A schedule that fails prints its seed, the rule and the last events; `POMELO_SEED=n` replays it alone. To prove that the
//! simulation can see, it is also run with each fault of the original built in ([`flaws::Flaw`]), and must find it.
//!
//! What is modelled: elections on a store like ZooKeeper; followers, their links and what they remember for their next start; tools
//! that ask twice, again, or give up; agents that die with what they were granted; servers whose ports are taken; guardians; the end of
//! the whole cluster, by order and by power loss. What is not: the wire, processes and files themselves, servers and tools of the
//! original, jobs that are done once for the cluster, history.
//!
//! This is the slow part of the crate's tests: about a minute of one core in all, if the crates that it runs are optimised
//! (`opt-level = 1`), and several times that if they are not. It is split so that each core has its share.

mod agent;
mod client;
mod core;
mod faults;
mod flaws;
mod follow;
mod guardian;
mod judge;
mod master;
mod memory;
mod net;
mod recipe;
mod server;
mod store;
mod world;

use std::ops::Range;

use self::{flaws::Flaw, judge::Broken, world::World};

/// Schedules of a run of the tests, in parts so that each core has its share.
const SEEDS: u64 = 20_000;
const PARTS: u64 = 8;
/// Schedules in which each fault of the original must be found.
const SEEDS_PER_FLAW: u64 = 6_000;

/// Schedules in which everything that is meant to happen happens.
const SEEDS_REACHED: u64 = 1_000;
const REACHED: [&str; 20] = [
    "promotion",
    "eviction",
    "handover",
    "stepped aside",
    "operation run",
    "operation answered",
    "claim",
    "restart",
    "place freed by a guardian",
    "killed for silence",
    "operation refused",
    "asked again",
    "gave up",
    "server stopped for good",
    "agent killed",
    "port taken",
    "everything ended",
    "closing",
    "power lost",
    "began with memory",
];

fn seeds(part: u64) -> Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "a failing seed is replayed by naming it: POMELO_SEED=17")]
    let one = std::env::var("POMELO_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    match one {
        Some(seed) if part == 0 => seed..seed + 1,
        Some(_) => 0..0,
        None => part * SEEDS / PARTS..(part + 1) * SEEDS / PARTS,
    }
}

/// The first seed whose schedule breaks a rule, and what it broke.
fn first_violation(flaw: Option<Flaw>, mut seeds: Range<u64>) -> Option<(u64, Broken)> {
    seeds.find_map(|seed| World::new(seed, flaw, false).run().err().map(|broken| (seed, broken)))
}

fn hold(part: u64) {
    let Some((seed, broken)) = first_violation(None, seeds(part)) else { return };
    let mut world = World::new(seed, None, true);
    let again = world.run().err().map(|broken| broken.to_string());
    let last: Vec<_> = world.core.traced().map(String::as_str).collect();
    panic!(
        "\nseed {seed} breaks {broken}\nreplay with POMELO_SEED={seed}; replayed here: {again:?}\n{}",
        last.join("\n")
    );
}

macro_rules! parts {
    ($($name:ident $part:literal),*) => {
        $(#[test]
        fn $name() {
            hold($part);
        })*
    };
}

parts!(
    no_schedule_breaks_a_rule_and_all_end_well_1 0, no_schedule_breaks_a_rule_and_all_end_well_2 1,
    no_schedule_breaks_a_rule_and_all_end_well_3 2, no_schedule_breaks_a_rule_and_all_end_well_4 3,
    no_schedule_breaks_a_rule_and_all_end_well_5 4, no_schedule_breaks_a_rule_and_all_end_well_6 5,
    no_schedule_breaks_a_rule_and_all_end_well_7 6, no_schedule_breaks_a_rule_and_all_end_well_8 7
);

/// What no schedule reaches is not tested.
#[test]
fn schedules_reach_what_they_are_meant_to_test() {
    let mut reached = std::collections::BTreeMap::<_, u64>::new();
    for seed in 0..SEEDS_REACHED {
        let mut world = World::new(seed, None, false);
        // Whether it breaks a rule is another test's question.
        _ = world.run();
        for (what, times) in world.core.judge.counts() {
            *reached.entry(*what).or_default() += times;
        }
    }
    println!("in {SEEDS_REACHED} schedules: {reached:?}");
    let missing: Vec<_> = REACHED.into_iter().filter(|what| !reached.contains_key(what)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

#[test]
fn the_simulation_finds_each_fault_of_the_original() {
    let mut table = String::new();
    let mut unseen = Vec::new();
    for flaw in Flaw::ALL {
        match first_violation(Some(flaw), 0..SEEDS_PER_FLAW) {
            Some((seed, broken)) => table += &format!("{flaw:?} | {} | {broken}\n", seed + 1),
            None => unseen.push(flaw),
        }
    }
    println!("fault | seeds needed | rule broken\n{table}");
    assert!(unseen.is_empty(), "went unnoticed: {unseen:?}");
}
