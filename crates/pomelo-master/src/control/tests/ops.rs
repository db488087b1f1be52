//! Commands that change something: recorded first, done once, finished by whoever leads next.

use super::*;

const OP: &str = "0190-1";

fn stop(ids: &[&str]) -> Value {
    json!({ "signal": "stop", "ids": ids, "op": OP, "clientId": "x", "username": "admin" })
}

fn ask(stage: &mut Stage, client: LinkId, body: Value) -> Vec<Action> {
    stage.client_asks(client, "__console__", body)
}

/// A master with one server and one tool that has asked to stop that server.
fn asked() -> (Stage, LinkId, LinkId, Vec<Action>) {
    asked_with(Store::Up)
}

/// The same, with a store that is like this when it is asked.
fn asked_with(store: Store) -> (Stage, LinkId, LinkId, Vec<Action>) {
    let mut stage = Stage::active(&[]);
    let (server, client) = (stage.server("chat-1", 7), stage.client("admin"));
    stage.store = store;
    let actions = ask(&mut stage, client, stop(&["chat-1"]));
    (stage, server, client, actions)
}

fn orders(actions: &[Action], link: LinkId) -> Vec<Value> {
    told(actions, link).into_iter().filter(|body| body.get("signal").is_some()).collect()
}

#[test]
fn an_operation_is_recorded_before_it_is_sent_and_answered_when_its_answer_is_recorded() {
    let (stage, server, _, actions) = asked_with(Store::Mute);
    assert!(actions.is_empty(), "nothing before the store has answered");
    let record = stage.kept(&format!("ops/{OP}"));
    assert_eq!(record["command"], json!({ "signal": "stop", "ids": ["chat-1"] }));
    assert_eq!(record["targets"], json!([{ "id": "chat-1", "incarnation": 7 }]));
    assert_eq!((&record["epoch"], &record["answer"]), (&json!(1), &Value::Null));
    assert_eq!(stage.kept("desired/stopped"), json!(["chat-1"]));

    let (mut stage, server_2, client, actions) = asked();
    assert_eq!(server, server_2);
    assert_eq!(orders(&actions, server), [json!({ "signal": "stop", "op": OP })]);
    stage.store = Store::Mute;
    let closing = stage.obeys(server, &actions, json!(1));
    assert!(sent(&closing, client).is_empty());
    assert_eq!(stage.kept(&format!("ops/{OP}"))["answer"]["status"], "part");

    let (mut stage, server, client, actions) = asked();
    let actions = stage.obeys(server, &actions, json!(1));
    let expected = json!({ "status": "part", "op": OP, "results": { "chat-1": 1 } });
    assert_eq!(answer(&actions, client).unwrap(), expected);
}

#[test]
fn what_can_not_be_recorded_is_not_done_now_and_nobody_is_told_more_than_is_known() {
    let (mut stage, server, client, actions) = asked_with(Store::Away);
    assert!(sent(&actions, server).is_empty());
    let failure = answer(&actions, client).unwrap_err();
    assert!(failure.message.contains("not known whether operation ") && failure.again, "{failure}");
    assert!(failure.message.contains(OP) && failure.message.contains("no quorum"), "{failure}");
    assert!(!stage.control.desired.is_stopped(&id("chat-1")));

    stage.store = Store::Up;
    let actions = ask(&mut stage, client, stop(&["chat-1"]));
    assert_eq!(orders(&actions, server).len(), 1, "asked again it is done");
}

#[test]
fn a_record_that_may_have_been_written_although_it_was_said_not_to_be_is_taken_back() {
    let (mut stage, ..) = asked_with(Store::Away);
    let key = format!("ops/{OP}");
    stage.kept.borrow_mut().insert(key.clone(), b"{}".into());
    stage.after(SECOND);
    assert_eq!(stage.kept(&key), json!({}), "still away");
    stage.store = Store::Up;
    stage.after(SECOND);
    assert_eq!(stage.kept(&key), Value::Null);
}

#[test]
fn nobody_is_told_for_good_that_an_operation_is_not_done_while_a_record_of_it_may_be_there() {
    let (mut stage, server, client, _) = asked_with(Store::Away);
    stage.closed(server, true);
    let refused = |stage: &mut Stage| answer(&ask(stage, client, stop(&["chat-1"])), client).unwrap_err();
    assert!(refused(&mut stage).again, "the record is in doubt");
    stage.store = Store::Silent;
    stage.after(SECOND);
    let failure = refused(&mut stage);
    assert!(failure.again && failure.message.contains("chat-1"), "it is on its way out: {failure}");

    let (mut stage, server, client, _) = asked_with(Store::Away);
    stage.closed(server, true);
    stage.store = Store::Up;
    stage.after(SECOND);
    let failure = answer(&ask(&mut stage, client, stop(&["chat-1"])), client).unwrap_err();
    assert!(!failure.again, "the record is gone: {failure}");
}

#[test]
fn a_record_in_doubt_is_taken_back_when_the_coordinator_is_there_again_not_before() {
    let (mut stage, ..) = asked_with(Store::Away);
    let key = format!("ops/{OP}");
    stage.kept.borrow_mut().insert(key.clone(), b"{}".into());
    stage.role(suspended(1));
    assert!(stage.control.is_failsafe(), "nobody else could lead");
    stage.store = Store::Up;
    stage.after(SECOND);
    assert_eq!(stage.kept(&key), json!({}), "nothing is written meanwhile");
    stage.role(active(1));
    stage.after(SECOND);
    assert_eq!(stage.kept(&key), Value::Null);
}

#[test]
fn asked_twice_it_is_done_once_and_answered_twice() {
    let (mut stage, server, first, actions) = asked();
    let second = stage.client("admin");
    let attached = ask(&mut stage, second, stop(&["chat-1"]));
    assert!(attached.is_empty(), "it waits with the first: {attached:?}");
    let done = stage.obeys(server, &actions, json!(1));
    assert_eq!(answer(&done, first).unwrap(), answer(&done, second).unwrap());

    let third = stage.client("admin");
    let repeated = ask(&mut stage, third, stop(&["chat-1"]));
    assert!(sent(&repeated, server).is_empty());
    assert_eq!(answer(&repeated, third).unwrap(), answer(&done, first).unwrap());

    let other = ask(&mut stage, third, json!({ "signal": "kill", "ids": ["chat-1"], "op": OP }));
    let failure = answer(&other, third).unwrap_err();
    assert!(failure.message.contains("another command"), "{failure}");
}

#[test]
fn what_was_accepted_is_finished_by_the_next_master() {
    let (mut first, server_link, client, actions) = asked();
    assert_eq!(orders(&actions, server_link).len(), 1);
    let lost = first.on(Event::Leader(leader(3005, 2)));
    let failure = answer(&lost, client).unwrap_err();
    assert!(failure.again && failure.leader == Some(leader(3005, 2)), "{failure:?}");

    let mut next = Stage::next_to(&first);
    let server_link = next.server("chat-1", 7);
    let actions = next.role(active(2));
    assert_eq!(
        orders(&actions, server_link),
        [json!({ "signal": "stop", "op": OP })],
        "with the same number"
    );
    let client = next.client("admin");
    assert!(ask(&mut next, client, stop(&["chat-1"])).is_empty());
    let done = next.obeys(server_link, &actions, json!(1));
    assert_eq!(answer(&done, client).unwrap()["results"], json!({ "chat-1": 1 }));

    let mut third = Stage::next_to(&next);
    let server_link = third.server("chat-1", 7);
    assert!(orders(&third.role(active(3)), server_link).is_empty(), "it is over");
    let client = third.client("admin");
    let repeated = ask(&mut third, client, stop(&["chat-1"]));
    assert_eq!(answer(&repeated, client).unwrap(), answer(&done, client).unwrap());
}

#[test]
fn the_next_master_leaves_a_later_life_alone() {
    let (first, ..) = asked();
    let mut next = Stage::next_to(&first);
    let later = next.server("chat-1", 8);
    let actions = next.role(active(2));
    assert!(orders(&actions, later).is_empty());
    assert_eq!(next.kept(&format!("ops/{OP}"))["answer"]["results"], json!({ "chat-1": "gone" }));
}

#[test]
fn commands_wait_until_it_is_known_what_former_terms_have_done() {
    let (first, ..) = asked();
    let mut next = Stage::next_to(&first);
    next.store = Store::Away;
    let server_link = next.server("chat-1", 7);
    next.role(active(2));
    let client = next.client("admin");
    assert!(ask(&mut next, client, stop(&["chat-1"])).is_empty());
    next.store = Store::Up;
    let actions = next.after(SECOND);
    assert_eq!(orders(&actions, server_link).len(), 1, "once, for both: {actions:?}");
    assert!(answer(&next.obeys(server_link, &actions, json!(1)), client).is_ok());
}

#[test]
fn commands_do_not_wait_for_a_store_for_ever_nor_without_number() {
    let mut stage = Stage::new(&[]);
    stage.store = Store::Away;
    stage.role(active(1));
    stage.server("chat-1", 7);
    let client = stage.client("admin");
    for _ in 0..256 {
        assert!(ask(&mut stage, client, stop(&["chat-1"])).is_empty());
    }
    let refused = answer(&ask(&mut stage, client, stop(&["chat-1"])), client).unwrap_err();
    assert!(refused.message.starts_with("busy"), "{refused}");
    let actions = stage.after(5 * SECOND);
    let answers: Vec<_> = sent(&actions, client);
    assert_eq!(answers.len(), 256);
}

#[test]
fn a_target_that_loses_its_link_is_asked_again_in_the_same_life_and_else_is_gone() {
    let (mut stage, server_link, client, _) = asked();
    stage.closed(server_link, false);
    let (back, actions) = stage.register(server("chat-1", 7));
    assert_eq!(orders(&actions, back), [json!({ "signal": "stop", "op": OP })]);
    stage.closed(back, false);
    let gone = stage.on(Event::Probed { server: id("chat-1"), incarnation: Some(7), refused: true });
    assert_eq!(answer(&gone, client).unwrap()["results"], json!({ "chat-1": "gone" }));

    let (mut stage, server_link, client, _) = asked();
    let left = stage.closed(server_link, true);
    assert_eq!(answer(&left, client).unwrap()["results"], json!({ "chat-1": "gone" }));
}

#[test]
fn a_target_that_is_on_another_link_already_is_asked_there() {
    let (mut stage, old, ..) = asked();
    let (new, actions) = stage.register(server("chat-1", 7));
    assert!(orders(&actions, new).is_empty(), "it may have been heard on the old link");
    let actions = stage.closed(old, false);
    assert_eq!(orders(&actions, new), [json!({ "signal": "stop", "op": OP })]);
}

#[test]
fn a_member_without_a_link_is_told_when_it_comes() {
    let mut stage = Stage::active(&[]);
    let lost = stage.server("chat-1", 7);
    stage.closed(lost, false);
    let client = stage.client("admin");
    assert!(ask(&mut stage, client, stop(&["chat-1"])).is_empty());
    let (back, actions) = stage.register(server("chat-1", 7));
    assert_eq!(orders(&actions, back).len(), 1);
}

#[test]
fn who_does_not_answer_within_thirty_seconds_is_said_not_to_have() {
    let (mut stage, _, client, _) = asked();
    assert!(sent(&stage.after(29 * SECOND), client).is_empty());
    let answer = answer(&stage.after(SECOND), client).unwrap();
    assert_eq!(answer["results"], json!({ "chat-1": "unanswered" }));
    assert_eq!(answer["remained"], json!(["chat-1"]));
}

#[test]
fn a_target_that_can_not_is_quoted() {
    let (mut stage, server, client, actions) = asked();
    let done = stage.obeys(server, &actions, json!({ "message": "it is busy" }));
    assert_eq!(answer(&done, client).unwrap()["results"], json!({ "chat-1": { "error": "it is busy" } }));
}

#[test]
fn a_suspended_master_sends_nothing_and_goes_on_when_it_is_back() {
    let mut stage = Stage::active(&[]);
    let lost = stage.server("chat-1", 7);
    stage.closed(lost, false);
    let client = stage.client("admin");
    stage.candidate();
    ask(&mut stage, client, stop(&["chat-1"]));
    stage.role(suspended(1));
    let (back, actions) = stage.register(server("chat-1", 7));
    assert!(orders(&actions, back).is_empty());
    assert_eq!(orders(&stage.role(active(1)), back).len(), 1);
}

#[test]
fn a_server_of_the_original_gets_the_plain_order() {
    let mut stage = Stage::active(&[]);
    let monitor = MonitorRegister {
        hello: None,
        ..MonitorRegister::of(&info("chat-1", 1), Some("x".into()), Hello::new())
    };
    let (link, _) = stage.register(Register::Monitor(monitor));
    let client = stage.client("admin");
    let actions = ask(&mut stage, client, stop(&["chat-1"]));
    let order = Envelope::notify("__console__", json!({ "signal": "stop" })).in_epoch(1);
    assert_eq!(sent(&actions, link), [order]);
    assert_eq!(answer(&actions, client).unwrap()["results"], json!({ "chat-1": "told" }));
}

#[test]
fn there_is_a_limit_to_what_is_under_way() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 7);
    let client = stage.client("admin");
    let drill = |n: usize| json!({ "signal": "drill", "run": "r", "n": n, "op": format!("op-{n}") });
    for n in 0..256 {
        assert!(sent(&ask(&mut stage, client, drill(n)), client).is_empty());
    }
    let refused = answer(&ask(&mut stage, client, drill(256)), client).unwrap_err();
    assert!(refused.message.starts_with("busy") && refused.again, "{refused}");
}

#[test]
fn answers_are_kept_for_ten_minutes_and_at_most_so_many() {
    let mut stage = Stage::active(&[]);
    let (server, client) = (stage.server("chat-1", 7), stage.client("admin"));
    let drill = |n: usize| json!({ "signal": "drill", "run": "r", "n": n, "op": format!("op-{n}") });
    for n in 0..1_100 {
        let actions = ask(&mut stage, client, drill(n));
        assert_eq!(orders(&actions, server).len(), 1);
        stage.obeys(server, &actions, json!({ "n": n }));
    }
    stage.after(SECOND);
    assert_eq!(stage.kept.borrow().keys().filter(|key| key.starts_with("ops/")).count(), 1_024);
    let repeated = ask(&mut stage, client, drill(1_099));
    assert!(answer(&repeated, client).is_ok() && orders(&repeated, server).is_empty());
    stage.after(600 * SECOND);
    assert!(!stage.kept.borrow().keys().any(|key| key.starts_with("ops/")), "the store forgets, too");
}

#[test]
fn numbers_that_could_not_be_kept_are_refused() {
    let mut stage = Stage::active(&[]);
    let client = stage.client("admin");
    let refused = ask(&mut stage, client, json!({ "signal": "stop", "op": "../x" }));
    assert!(answer(&refused, client).unwrap_err().message.contains("letters, digits or hyphens"));
}

#[test]
fn blocked_addresses_are_told_to_frontends_now_and_later_whoever_leads() {
    let frontend = |name: &str| {
        let mut info = info(name, 1);
        info.frontend = true;
        Register::Monitor(MonitorRegister::of(&info, None, Hello::new()))
    };
    let mut first = Stage::active(&[]);
    let (gate, _) = first.register(frontend("gate-1"));
    let (backend, client) = (first.server("chat-1", 1), first.client("admin"));
    let body = json!({ "signal": "blacklist", "args": ["10.0.0.7", "2001:db8::/32"], "op": OP });
    let actions = ask(&mut first, client, body);
    let told = json!(["10.0.0.7", "2001:db8::/32"]);
    assert_eq!(orders(&actions, gate)[0]["addresses"], told);
    assert!(sent(&actions, backend).is_empty());
    let done = first.obeys(gate, &actions, json!(1));
    assert_eq!(answer(&done, client).unwrap()["status"], "ok");

    let mut next = Stage::next_to(&first);
    let (early, _) = next.register(frontend("gate-3"));
    assert_eq!(orders(&next.role(active(2)), early)[0]["addresses"], told);
    let (late, actions) = next.register(frontend("gate-2"));
    assert_eq!(orders(&actions, late)[0]["addresses"], told);
    let wrong = ask(&mut first, client, json!({ "signal": "blacklist", "args": ["ten"] }));
    assert!(answer(&wrong, client).unwrap_err().message.contains("error format"));
}

#[test]
fn what_is_to_last_is_written_with_the_second_attempt_if_the_first_one_failed() {
    let mut stage = Stage::active(&[]);
    let client = stage.client("admin");
    let block = json!({ "signal": "blacklist", "blacklist": ["10.0.0.9"], "op": "block-1" });
    stage.store = Store::Away;
    assert!(answer(&ask(&mut stage, client, block.clone()), client).is_err());
    stage.store = Store::Up;
    assert!(answer(&ask(&mut stage, client, block), client).is_ok());
    assert_eq!(stage.kept("desired/blacklist"), json!(["10.0.0.9"]), "the next master tells it, too");
}

#[test]
fn what_is_to_last_is_written_when_the_coordinator_is_back() {
    let mut stage = Stage::active(&[]);
    let (client, link) = (stage.client("admin"), stage.server("chat-1", 1));
    stage.role(suspended(1));
    let actions = ask(&mut stage, client, stop(&["chat-1"]));
    let actions = stage.obeys(link, &actions, json!("ok"));
    assert_eq!(answer(&actions, client).unwrap()["recorded"], false);
    assert_eq!(stage.kept("desired/stopped"), Value::Null);
    stage.role(active(1));
    assert_eq!(stage.kept("desired/stopped"), json!(["chat-1"]));
}
