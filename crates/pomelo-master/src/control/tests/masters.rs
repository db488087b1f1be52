//! What a master holds against others, what it says of all, and what it measures.

use super::*;

/// A standby of the master at 3005, which leads in epoch 1.
fn standby() -> Stage {
    let mut stage = Stage::new(&[]);
    stage.role(Role::Standby { ahead: 1 });
    stage.on(Event::Leader(leader(3005, 1)));
    stage.link_to(3005, linked(MasterRole::Active));
    stage
}

fn gone(stage: &Stage) -> LinkState {
    LinkState { gone: Some(stage.now.into()), why: Some("connection ended".into()), ..LinkState::default() }
}

fn evicts(actions: &[Action]) -> bool {
    actions.contains(&Action::Evict { addr: addr(3005) })
}

#[test]
fn a_leader_whose_process_is_gone_loses_its_place_unless_this_master_does_not_hear_the_coordinator() {
    let mut stage = standby();
    let gone = gone(&stage);
    assert!(evicts(&stage.link_to(3005, gone.clone())));

    let mut deaf = standby();
    deaf.on(Event::Trouble(Some("no quorum".into())));
    assert!(!evicts(&deaf.link_to(3005, gone)));
    assert!(evicts(&deaf.on(Event::Trouble(None))));
}

#[test]
fn a_leader_that_most_servers_do_not_reach_loses_its_place() {
    let mut stage = standby();
    let servers: Vec<_> = (1..=3).map(|n| stage.server(&format!("chat-{n}"), 1)).collect();
    stage.after(SECOND);
    let leader = follower::Leader { addr: addr(3005), epoch: 1 };
    let says = Envelope::notify("__cluster__", messages::Said::Unreachable { leader }.body());
    assert!(!evicts(&stage.monitor_says(servers[0], says.clone())));
    assert!(evicts(&stage.monitor_says(servers[1], says)));
}

#[test]
fn a_suspended_leader_is_asked_to_give_up_and_its_place_goes_when_it_has() {
    let mut stage = standby();
    let actions = stage.link_to(3005, linked(MasterRole::Suspended));
    let cede = [Action::Tell { to: addr(3005), body: messages::Said::Cede { epoch: 1 }.body() }];
    assert_eq!(actions, cede);
    assert!(stage.after(SECOND / 4).is_empty(), "it was asked a moment ago");
    assert_eq!(stage.after(SECOND / 2), cede);
    assert!(!evicts(&stage.link_to(3005, linked(MasterRole::Joining))), "it has a moment to do it itself");
    assert!(evicts(&stage.after(SECOND / 4)));
}

#[test]
fn a_leader_has_a_while_to_hear_the_coordinator_again_that_this_master_hears_again() {
    let mut stage = standby();
    stage.on(Event::Trouble(Some("no quorum".into())));
    stage.link_to(3005, linked(MasterRole::Suspended));
    assert!(stage.on(Event::Trouble(None)).is_empty());
    assert!(stage.after(SECOND / 2).is_empty());
    let cede = [Action::Tell { to: addr(3005), body: messages::Said::Cede { epoch: 1 }.body() }];
    assert_eq!(stage.after(SECOND / 2), cede);
}

#[test]
fn who_has_handed_over_is_not_suspected() {
    let mut stage = standby();
    stage.link_to(3005, linked(MasterRole::Standby));
    stage.on(Event::Leader(leader(3006, 2)));
    assert!(!evicts(&stage.after(SECOND)));
}

#[test]
fn everybody_is_told_of_a_master_that_has_come_and_not_over_and_over() {
    let mut stage = Stage::active(&[]);
    let server = stage.server("chat-1", 1);
    let back = |actions: &[Action]| told(actions, server).iter().any(|told| told["action"] == "candidate");
    assert!(back(&stage.register(candidate(3005)).1));
    assert!(!back(&stage.register(candidate(3005)).1));
    stage.after(SECOND);
    assert!(back(&stage.register(candidate(3005)).1));
}

#[test]
fn a_failover_is_measured_and_the_next_master_knows_it() {
    let mut stage = standby();
    let server = stage.server("chat-1", 1);
    let former = gone(&stage);
    stage.link_to(3005, former);
    stage.now += Duration::from_millis(2);
    stage.role(Role::Joining { why: None });
    stage.now += Duration::from_millis(3);
    stage.role(active(2));
    stage.now += Duration::from_millis(4);
    let following = messages::Said::Following { version: version(2, 0) };
    stage.monitor_says(server, Envelope::notify("__cluster__", following.body()));
    let kept = stage.kept("history/failovers");
    let failover = &kept[0];
    assert_eq!((&failover["epoch"], &failover["from"]["port"]), (&json!(2), &json!(3005)));
    assert_eq!(failover["why"], "link: connection ended");
    let ms = |field: &str| failover[field].as_f64().unwrap();
    assert_eq!([ms("detect_ms"), ms("elect_ms"), ms("publish_ms"), ms("follow_ms")], [2.0, 3.0, 0.0, 4.0]);
    assert_eq!((&failover["followed"], &failover["linked"]), (&json!(1), &json!(1)));

    let mut next = Stage::next_to(&stage);
    next.role(active(3));
    let epochs: Vec<_> = next.control.history.failovers.iter().map(|failover| failover.epoch).collect();
    assert_eq!(epochs, [2, 3]);
}

#[test]
fn a_handover_is_on_record_as_one_whichever_comes_first_the_word_or_the_place() {
    let over = Asked::HandingOver { to: addr(3006) };
    let why = |stage: &Stage| stage.kept("history/failovers")[0]["why"].clone();
    let mut told = standby();
    told.asked(1, &over);
    told.role(active(2));
    assert_eq!(why(&told), "handed over");

    let mut granted = standby();
    granted.role(active(2));
    assert_eq!(why(&granted), "the coordinator took its place away");
    let answer = granted.asked(1, &over);
    assert!(answer.contains(&Action::Reply { ask: 9, result: Ok(Value::Null) }), "{answer:?}");
    assert_eq!(why(&granted), "handed over");

    // Somebody's word about an epoch before that changes nothing.
    let mut third = standby();
    third.on(Event::Leader(leader(3005, 2)));
    third.role(active(3));
    third.asked(1, &over);
    assert_eq!(why(&third), "the coordinator took its place away");
}

#[test]
fn a_server_that_does_not_follow_is_not_waited_for_for_ever() {
    let mut stage = standby();
    stage.server("chat-1", 1);
    stage.role(active(2));
    assert_eq!(stage.kept("history/failovers"), Value::Null);
    stage.after(5 * SECOND);
    let failover = &stage.kept("history/failovers")[0];
    assert_eq!((&failover["followed"], &failover["linked"]), (&json!(0), &json!(1)));
}

#[test]
fn the_history_has_an_end() {
    let mut stage = Stage::new(&[]);
    for epoch in 1..=40 {
        stage.role(active(epoch));
        stage.role(Role::Standby { ahead: 1 });
    }
    let kept = stage.kept("history/failovers");
    assert_eq!(kept.as_array().unwrap().len(), 32);
    assert_eq!(kept[31]["epoch"], 40);
}

#[test]
fn the_leader_says_how_all_masters_are() {
    let mut stage = Stage::active(&[]);
    let masters = [(addr(3007), id("master-server-1")), (addr(3008), id("master-server-3"))];
    stage.control.configured_masters = masters.into();
    let (server, other, client) = (stage.server("chat-1", 1), stage.candidate(), stage.client("monitor"));
    stage.link_to(3005, linked(MasterRole::Standby));
    let following = messages::Said::Following { version: version(1, 1) };
    stage.monitor_says(server, Envelope::notify("__cluster__", following.body()));
    let asked = stage.client_asks(client, "__console__", json!({ "signal": "masters" }));
    let about = json!({
        "host": "127.0.0.1", "port": 3005, "role": "standby", "link": true, "ahead": 1, "coordinator": "test",
        "epoch": 1, "rev": 0, "guardian": { "pid": 5, "silenceMs": 500, "coordinator": "connected" },
    });
    let actions = stage.answers(other, &asked, Ok(about));
    let masters = answer(&actions, client).unwrap();
    let leader = &masters["leader"];
    assert_eq!((&leader["port"], &leader["pid"], &leader["epoch"]), (&json!(3007), &json!(77), &json!(1)));
    assert_eq!(
        (&leader["following"], &leader["linked"], &leader["servers"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let [standby, own, absent] = masters["candidates"].as_array().unwrap().as_slice() else {
        panic!("{masters}")
    };
    assert_eq!((&standby["lag"], &standby["link"], &standby["pid"]), (&json!(1), &json!(true), &json!(78)));
    assert_eq!(standby["guardian"]["silenceMs"], 500);
    assert_eq!((&own["role"], &own["ahead"]), (&json!("active"), &json!(0)));
    assert_eq!((&absent["id"], &absent["link"]), (&json!("master-server-3"), &json!(false)));
}

#[test]
fn a_standby_says_what_it_knows_of_the_masters() {
    let mut stage = standby();
    stage.candidate();
    let client = stage.client("admin");
    let masters =
        answer(&stage.client_asks(client, "__console__", json!({ "signal": "masters" })), client).unwrap();
    assert_eq!(masters["leader"]["port"], 3005);
    assert_eq!(masters["candidates"].as_array().unwrap().len(), 2);
    let about = replied(&stage.asked(1, &Asked::About)).unwrap().unwrap();
    assert_eq!((&about["role"], &about["ahead"], &about["pid"]), (&json!("standby"), &json!(1), &json!(77)));
}

#[test]
fn a_master_that_starts_with_a_memory_lists_everybody_at_once() {
    let mut stage = Stage::new(&["chat-1"]);
    let actions = stage.on(Event::Remembered { view: view(4, &[info("chat-1", 1)]), max_epoch: 6 });
    assert!(actions.contains(&Action::Superseded(6)), "the election takes none that is lower");
    stage.role(active(7));
    assert!(stage.control.lists().contains_key(&id("chat-1")));
    assert!(stage.control.start_over, "nobody is told again that the start is over");
}
