//! What an agent does, claim by claim.

use serde_json::json;

use super::*;

const GRACE: Duration = Duration::from_secs(10);

fn id(id: &str) -> ServerId {
    ServerId::new(id).unwrap()
}

fn info(name: &str) -> ServerInfo {
    serde_json::from_value(json!({ "id": name, "serverType": "chat", "host": "h", "port": 1 })).unwrap()
}

/// An agent of servers a (with auto-restart) and b (without).
fn agent() -> (Agent, Instant) {
    (Agent::new([(info("a"), true), (info("b"), false)], GRACE), Instant::now())
}

fn spawned(dos: &[Do]) -> Vec<(&str, Option<u64>)> {
    let one = |action: &'_ Do| match action {
        Do::Spawn(info) => Some((info.id.clone(), info.incarnation)),
        _ => None,
    };
    let names = ["a", "b"];
    let name = |id: ServerId| names.into_iter().find(|name| *name == id.as_str()).unwrap();
    dos.iter().filter_map(one).map(|(id, incarnation)| (name(id), incarnation)).collect()
}

fn claim(servers: &[(&str, u64)], epoch: u64) -> Value {
    let ids: Vec<_> = servers.iter().map(|(id, _)| *id).collect();
    let claims: Map<String, Value> = servers.iter().map(|(id, n)| ((*id).to_owned(), (*n).into())).collect();
    json!({ "spawn": ids, "claims": claims, "running": [], "stopped": [], "epoch": epoch })
}

/// a runs in its life 5.
fn with_a() -> (Agent, Instant) {
    let (mut agent, now) = agent();
    agent.want([id("a")], now);
    assert_eq!(agent.ask(now), Some((Why::Asked, vec![id("a")])));
    let dos = agent.answered(Some(&claim(&[("a", 5)], 3)), 3, now);
    assert_eq!(spawned(&dos), [("a", Some(5))]);
    assert_eq!(agent.started(&id("a"), Some(5), 77, now), []);
    (agent, now)
}

#[test]
fn a_server_is_started_as_the_life_that_the_master_has_claimed_and_once() {
    let (mut agent, now) = with_a();
    assert!(!agent.is_waiting());
    assert_eq!(agent.ask(now + ASK_AGAIN), None);
    assert_eq!(agent.answered(Some(&claim(&[("a", 6)], 3)), 3, now), [], "it was not asked for");
}

#[test]
fn the_word_of_a_master_whose_epoch_is_over_starts_nothing_and_the_next_one_is_asked() {
    let (mut agent, now) = agent();
    agent.want([id("a")], now);
    agent.ask(now);
    let dos = agent.answered(Some(&claim(&[("a", 5)], 3)), 4, now);
    assert_eq!(spawned(&dos), []);
    assert!(matches!(&dos[..], [Do::Say(line)] if line.contains("epoch 3") && line.contains("epoch 4")));
    assert_eq!(agent.ask(now), None, "not at once");
    assert!(agent.ask(now + ASK_AGAIN).is_some());
}

#[test]
fn what_runs_elsewhere_or_was_stopped_on_purpose_is_not_asked_for_again() {
    let (mut agent, now) = agent();
    agent.want([id("a"), id("b")], now);
    agent.ask(now);
    let answer = json!({ "spawn": [], "running": ["a"], "stopped": ["b"], "epoch": 1 });
    let dos = agent.answered(Some(&answer), 1, now);
    assert!(
        matches!(&dos[..], [Do::Say(a), Do::Say(b)] if a == "a runs already" && b.contains("on purpose"))
    );
    assert!(!agent.is_waiting());
    assert_eq!(agent.due(true), None);
}

#[test]
fn a_dead_server_is_told_to_all_and_asked_for_again_only_where_its_entry_says_so() {
    let (mut agent, now) = with_a();
    let dos = agent.ended(&id("a"), false, now);
    assert_eq!(dos[0], Do::TellDied(vec![(id("a"), 5)]));
    assert_eq!(agent.ask(now), None, "after a pause");
    assert_eq!(agent.keeps(), BTreeSet::from([id("a")]), "it is this agent's all the same");
    assert_eq!(agent.due(false), None, "nobody can be asked");
    let later = agent.due(true).unwrap();
    assert_eq!(agent.ask(later), Some((Why::Died, vec![id("a")])));
    let dos = agent.answered(Some(&claim(&[("a", 9)], 3)), 3, later);
    assert_eq!(spawned(&dos), [("a", Some(9))], "once");

    agent.started(&id("b"), Some(6), 78, now);
    assert_eq!(agent.keeps(), BTreeSet::from([id("b")]));
    assert_eq!(agent.ended(&id("b"), false, now), [Do::TellDied(vec![(id("b"), 6)])]);
    assert!(!agent.is_waiting());
    assert!(agent.keeps().is_empty());
}

#[test]
fn a_server_that_was_asked_to_end_stays_down() {
    let (mut agent, now) = with_a();
    assert_eq!(agent.ended(&id("a"), true, now), [Do::TellDied(vec![(id("a"), 5)])]);
    assert!(!agent.is_waiting());
}

#[test]
fn a_master_that_begins_to_lead_is_told_of_the_latest_deaths() {
    let (mut agent, now) = with_a();
    agent.ended(&id("a"), true, now);
    assert_eq!(agent.led_by_another(now), [Do::TellDied(vec![(id("a"), 5)])]);
    assert_eq!(agent.led_by_another(now + DIED_AGAIN), []);
}

#[test]
fn a_restart_ends_the_child_and_starts_the_claimed_life_and_answers_with_its_process() {
    let (mut agent, now) = with_a();
    let dos = agent.restart(1, BTreeMap::from([(id("a"), 8)]), now);
    assert!(dos.contains(&Do::Terminate(id("a"))), "{dos:?}");
    assert!(agent.is_restarting(&id("a")));
    assert_eq!(agent.tick(now), []);
    let dos = agent.ended(&id("a"), true, now);
    assert_eq!(spawned(&dos), [("a", Some(8))]);
    let answer = agent.started(&id("a"), Some(8), 99, now);
    let expected = json!({ "a": 99 }).as_object().cloned().unwrap();
    assert_eq!(answer, [Do::Answer(1, Ok(expected))]);
    assert_eq!(agent.due(true), None);
    let dos = agent.ended(&id("a"), false, now);
    assert_eq!(dos[0], Do::TellDied(vec![(id("a"), 8)]), "the life that it was");
}

#[test]
fn a_child_that_does_not_end_is_killed_after_its_grace_and_started_all_the_same() {
    let (mut agent, now) = with_a();
    agent.restart(1, BTreeMap::from([(id("a"), 8)]), now);
    assert_eq!(agent.due(true), Some(now + GRACE));
    let dos = agent.tick(now + GRACE);
    assert!(dos.contains(&Do::Kill(id("a"))), "{dos:?}");
    assert_eq!(agent.tick(now + GRACE), [], "once");
    let dos = agent.ended(&id("a"), false, now + GRACE);
    assert_eq!(spawned(&dos), [("a", Some(8))], "once, and without asking again");
    assert!(!agent.is_waiting());
}

#[test]
fn a_restart_starts_what_is_dead_and_refuses_what_nobody_knows() {
    let (mut agent, now) = agent();
    let dos = agent.restart(1, BTreeMap::from([(id("b"), 4)]), now);
    assert_eq!(spawned(&dos), [("b", Some(4))]);
    let dos = agent.restart(2, BTreeMap::from([(id("c"), 4)]), now);
    assert_eq!(dos, [Do::Answer(2, Err("c is not in config/servers.json here".to_owned()))]);
}

#[test]
fn one_that_can_not_be_started_is_answered_and_tried_again_only_with_auto_restart() {
    let (mut agent, now) = agent();
    agent.restart(1, BTreeMap::from([(id("a"), 4), (id("b"), 4)]), now);
    agent.started(&id("b"), Some(4), 9, now);
    let dos = agent.not_started(&id("a"), now);
    let expected = json!({ "b": 9, "a": null }).as_object().cloned().unwrap();
    assert_eq!(dos[0], Do::Answer(1, Ok(expected)));
    assert!(agent.is_waiting());
    assert_eq!(agent.not_started(&id("b"), now), []);
}

#[test]
fn at_the_end_nothing_is_started_and_every_order_is_answered() {
    let (mut agent, now) = with_a();
    agent.want([id("b")], now);
    agent.ask(now);
    agent.restart(1, BTreeMap::from([(id("a"), 8)]), now);
    assert!(matches!(&agent.end()[..], [Do::Answer(1, Err(_))]));
    assert_eq!(spawned(&agent.answered(Some(&claim(&[("b", 5)], 3)), 3, now)), []);
    assert_eq!(spawned(&agent.ended(&id("a"), true, now)), []);
    assert!(!agent.is_waiting());
    assert!(matches!(&agent.restart(2, BTreeMap::from([(id("a"), 9)]), now)[..], [Do::Answer(2, Err(_))]));
}
