//! Roles, membership and who may register.

use super::*;

#[test]
fn joins_and_leaves_are_told_to_everybody_else_with_epoch_and_revision() {
    let mut stage = Stage::active(&[]);
    let first = stage.server("chat-1", 1);
    let (second, actions) = stage.register(server("chat-2", 7));
    assert!(told(&actions, second).is_empty(), "it knows itself");
    let told_first = told(&actions, first);
    assert_eq!(
        told_first[0].to_string(),
        r#"{"action":"addServer","server":{"id":"chat-2","host":"127.0.0.1","port":6050,"serverType":"chat","pid":1000,"incarnation":7},"epoch":1,"rev":2}"#
    );
    assert_eq!(sent(&actions, first)[0].epoch(), Some(1));
    let actions = stage.closed(second, true);
    assert_eq!(
        told(&actions, first)[0].to_string(),
        r#"{"action":"removeServer","id":"chat-2","epoch":1,"rev":3,"incarnation":7}"#
    );
}

#[test]
fn agents_and_other_masters_follow_the_membership_too_but_clients_do_not() {
    let mut stage = Stage::active(&[]);
    let (agent, candidate, client) = (stage.agent("here"), stage.candidate(), stage.client("admin"));
    let (_, actions) = stage.register(server("chat-1", 1));
    assert_eq!(told(&actions, agent).len(), 1);
    assert_eq!(told(&actions, candidate).len(), 1);
    assert!(sent(&actions, client).is_empty());
}

#[test]
fn a_change_of_role_that_begins_no_term_is_told_to_rust_peers_once() {
    let mut stage = Stage::new(&[]);
    let (server, agent) = (stage.server("chat-1", 1), stage.agent("here"));
    stage.candidate();
    let role = |actions: &[Action], link| -> Vec<Value> {
        told(actions, link)
            .iter()
            .filter(|told| told["action"] == "state")
            .map(|told| told["role"].clone())
            .collect()
    };
    let actions = stage.role(Role::Standby { ahead: 1 });
    assert_eq!(role(&actions, server), ["standby"]);
    assert_eq!(role(&actions, agent), ["standby"]);
    assert!(role(&stage.role(Role::Standby { ahead: 2 }), server).is_empty(), "nothing has changed for them");
    stage.role(active(3));
    assert!(role(&stage.role(suspended(3)), server).is_empty(), "it may be over in a moment");
    assert_eq!(role(&stage.after(SECOND), server), ["suspended"]);
    assert!(role(&stage.after(SECOND), server).is_empty());
}

#[test]
fn a_standby_that_is_first_in_the_queue_says_nothing_until_it_leads_or_something_is_in_its_way() {
    for fails in [false, true] {
        let mut stage = Stage::new(&[]);
        let server = stage.server("chat-1", 1);
        stage.role(Role::Standby { ahead: 1 });
        assert!(
            stage.role(Role::Joining { why: None }).is_empty(),
            "the announcement is not to wait behind it"
        );
        if fails {
            let actions = stage.role(Role::Joining { why: Some("no quorum".into()) });
            assert_eq!(told(&actions, server)[0]["role"], "joining");
        }
        assert_eq!(told(&stage.role(active(2)), server)[0]["action"], "announce");
    }
}

#[test]
fn a_restarted_server_replaces_its_old_link_and_a_late_leave_does_not_evict_it() {
    let mut stage = Stage::active(&[]);
    let old = stage.server("chat-1", 1);
    stage.now += 5 * SECOND;
    let (_, actions) = stage.register(server("chat-1", 2));
    assert!(actions.contains(&Action::Close { link: old }));
    let watcher = stage.server("chat-2", 1);
    assert!(told(&stage.closed(old, true), watcher).is_empty());
    assert!(stage.control.registry.view().servers.contains_key(&id("chat-1")));
}

#[test]
fn the_second_of_two_living_servers_with_one_id_is_told_who_holds_it() {
    let mut stage = Stage::active(&[]);
    let first = stage.server("chat-1", 1);
    stage.now += 5 * SECOND;
    let at = stage.now - SECOND;
    assert_eq!(stage.control.holder(&id("chat-1")), Some(first));
    stage.on(Event::Heard { link: first, at });
    let (second, actions) = stage.register(server("chat-1", 2));
    assert!(refusal(&actions).unwrap().contains("held by pid 1000 on 127.0.0.1"), "{actions:?}");
    assert!(stage.closed(second, false).is_empty());
}

#[test]
fn the_start_is_over_when_the_last_configured_server_is_ready() {
    let mut stage = Stage::active(&["chat-1", "chat-2"]);
    let (first, second) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    assert!(stage.ready(first).is_empty());
    let actions = stage.ready(second);
    for link in [first, second] {
        assert_eq!(told(&actions, link), [json!({ "action": "startOver" })]);
    }
    let third = stage.server("chat-3", 1);
    let actions = stage.ready(third);
    assert_eq!(told(&actions, third), [json!({ "action": "startOver" })], "who comes later hears it at once");
    assert!(told(&actions, first).is_empty());
}

#[test]
fn servers_that_were_ready_before_the_first_promotion_learn_that_the_start_is_over() {
    let mut stage = Stage::new(&["chat-1"]);
    let link = stage.server("chat-1", 1);
    assert!(stage.ready(link).is_empty());
    assert!(told(&stage.role(active(1)), link).contains(&json!({ "action": "startOver" })));
}

#[test]
fn a_failover_of_a_complete_cluster_does_not_end_its_start_again() {
    let mut stage = Stage::new(&["chat-1"]);
    stage.role(Role::Standby { ahead: 1 });
    let link = stage.server("chat-1", 1);
    stage.ready(link);
    stage.on(Event::Followed(view(1, &[info("chat-1", 1)])));
    assert!(!told(&stage.role(active(2)), link).contains(&json!({ "action": "startOver" })));
}

#[test]
fn a_failover_after_a_server_died_does_not_end_the_start_again() {
    let mut stage = Stage::new(&["chat-1", "chat-2"]);
    stage.role(Role::Standby { ahead: 1 });
    let (link, dead) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    stage.ready(link);
    stage.ready(dead);
    stage.closed(dead, false);
    stage.on(Event::Followed(view(1, &[info("chat-1", 1)])));
    assert!(!told(&stage.role(active(2)), link).contains(&json!({ "action": "startOver" })));
}

#[test]
fn a_stranger_can_not_end_a_masters_authority() {
    let mut stage = Stage::active(&[]);
    let mut tool = client("admin", "admin");
    tool.set_hello(Hello { max_epoch: 5, ..Hello::new() });
    assert!(!stage.register(tool).1.contains(&Action::Superseded(5)));
    let mut wrong = client("admin", "wrong");
    wrong.set_hello(Hello { max_epoch: 5, ..Hello::new() });
    assert!(!stage.register(wrong).1.contains(&Action::Superseded(5)));
}

#[test]
fn the_first_leader_of_a_fresh_cluster_prints_nothing() {
    for epoch in [1, 7] {
        let mut stage = Stage::new(&[]);
        assert!(
            printed(&stage.role(active(epoch))).is_empty(),
            "epoch {epoch}, nobody was there to take over from"
        );
    }
}

#[test]
fn a_promoted_standby_prints_the_line_and_announces_a_complete_membership() {
    let mut stage = Stage::new(&[]);
    stage.role(Role::Standby { ahead: 1 });
    let linked = stage.server("chat-1", 1);
    stage.on(Event::Leader(leader(3005, 1)));
    stage.on(Event::Followed(view(1, &[info("chat-1", 1), info("chat-2", 1)])));
    let actions = stage.role(active(2));
    assert_eq!(printed(&actions), ["server host: 127.0.0.1, port: 3007 now is promoted to master!"]);
    let announced = &told(&actions, linked)[0];
    assert_eq!(announced["action"], "announce");
    assert_eq!((&announced["epoch"], &announced["rev"]), (&json!(2), &json!(0)));
    assert_eq!(announced["digest"], view(1, &[info("chat-1", 1), info("chat-2", 1)]).digest());
    assert_eq!(stage.control.registry.view().version, version(2, 0));

    let client = stage.client("admin");
    let asked = stage.client_asks(client, "watchServer", json!({ "comd": "servers", "context": "all" }));
    let Envelope::Request { req_id, .. } = sent(&asked, linked).remove(0) else { panic!("not asked") };
    let row = json!({ "serverId": "chat-1", "body": { "serverId": "chat-1", "heapUsed": "1.00" } });
    let actions = stage.monitor_says(linked, Envelope::Response(Response::in_error(req_id, row)));
    let rows = answer(&actions, client).unwrap();
    assert_eq!(rows["msg"]["master-server-1"]["port"], 3007);
    assert_eq!(rows["msg"]["chat-1"]["heapUsed"], "1.00");
    assert_eq!(rows["msg"]["chat-2"]["port"], 6050, "not linked here yet, listed all the same");

    let actions = stage.after(10 * SECOND);
    assert_eq!(told(&actions, linked)[0]["action"], "removeServer", "it never came");
}

#[test]
fn a_server_asks_the_leader_for_the_whole_membership_and_a_standby_has_none_to_give() {
    let mut stage = Stage::new(&[]);
    stage.role(Role::Standby { ahead: 1 });
    let link = stage.server("chat-1", 1);
    let ask = || Envelope::request(4, "__cluster__", json!({ "action": "snapshot" }));
    let actions = stage.monitor_says(link, ask());
    assert!(answer(&actions, link).is_err());
    stage.role(active(2));
    let actions = stage.monitor_says(link, ask());
    let snapshot = answer(&actions, link).unwrap();
    assert_eq!((&snapshot["epoch"], &snapshot["rev"]), (&json!(2), &json!(0)));
    assert_eq!(snapshot["servers"]["chat-1"]["incarnation"], 1);
}

#[test]
fn a_suspended_master_publishes_nothing_and_announces_when_it_is_back() {
    let mut stage = Stage::active(&[]);
    let watcher = stage.server("chat-1", 1);
    stage.candidate();
    stage.role(suspended(1));
    let (_, actions) = stage.register(server("chat-2", 1));
    assert!(told(&actions, watcher).is_empty());
    let actions = stage.role(active(1));
    assert_eq!(told(&actions, watcher)[0]["action"], "announce");
    assert!(printed(&actions).is_empty(), "it is no promotion");
}

#[test]
fn a_suspension_of_a_moment_is_no_news() {
    let mut stage = Stage::active(&[]);
    let watcher = stage.server("chat-1", 1);
    stage.candidate();
    assert!(told(&stage.role(suspended(1)), watcher).is_empty());
    assert!(told(&stage.role(active(1)), watcher).is_empty());
    assert!(told(&stage.after(SECOND), watcher).is_empty());
}

#[test]
fn whoever_knows_a_higher_epoch_ends_this_masters_authority_at_once() {
    let mut hello = server("chat-9", 1);
    hello.set_hello(Hello { max_epoch: 5, ..Hello::new() });
    let mut by_registration = Stage::active(&[]);
    let (_, actions) = by_registration.register(hello);
    assert!(actions.contains(&Action::Superseded(5)));

    let mut by_answer = Stage::active(&[]);
    let link = by_answer.server("chat-1", 1);
    let failure = Failure { superseded: Some(5), ..Failure::new("superseded") };
    let response = Envelope::Response(Response::failed(ReqId::Number(1), &failure));
    assert!(by_answer.monitor_says(link, response).contains(&Action::Superseded(5)));

    let mut by_notify = Stage::active(&[]);
    let link = by_notify.server("chat-1", 1);
    let told = Envelope::notify("__cluster__", json!({ "action": "superseded", "epoch": 5, "leader": null }));
    assert!(by_notify.monitor_says(link, told).contains(&Action::Superseded(5)));

    let mut by_leader = Stage::active(&[]);
    assert!(by_leader.on(Event::Leader(leader(3006, 5))).contains(&Action::Superseded(5)));
    for stage in [by_registration, by_answer, by_notify, by_leader] {
        assert_eq!(stage.control.standing, Standing::Standby);
    }
}

#[test]
fn the_election_hears_of_every_epoch_so_that_a_wiped_store_gives_no_old_one() {
    let mut stage = Stage::new(&[]);
    stage.role(Role::Standby { ahead: 1 });
    assert!(stage.on(Event::Leader(leader(3005, 5))).contains(&Action::Superseded(5)));
    let link = stage.server("chat-1", 1);
    let actions = stage.role(active(1));
    assert_eq!(stage.control.standing, Standing::Joining, "{actions:?}");
    assert!(printed(&actions).is_empty());
    assert!(!told(&actions, link).iter().any(|body| body["action"] == "announce"));
    assert!(stage.role(suspended(1)).is_empty());
    assert_eq!(printed(&stage.role(active(6))).len(), 1);
}

#[test]
fn a_server_of_the_original_that_comes_back_without_a_token_is_told_everybody() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-2", 1);
    let again = MonitorRegister {
        id: id("chat-1"),
        server_type: "chat".into(),
        pid: Some(1000),
        info: serde_json::to_value(info("chat-1", 1)).unwrap().as_object().unwrap().clone(),
        token: None,
        hello: None,
    };
    let (link, actions) = stage.register(Register::Monitor(again));
    assert_eq!(admitted(&actions), Some(&Registered::ok(None)));
    let everybody = &told(&actions, link)[0];
    assert_eq!(everybody["action"], "replaceServer");
    assert_eq!(everybody["servers"].as_object().unwrap().len(), 2);
    let (_, actions) = stage.register(server("chat-3", 1));
    assert_eq!(told(&actions, link)[0]["action"], "addServer", "it does not subscribe again");
}

#[test]
fn a_server_of_the_original_hears_of_others_once_it_has_subscribed() {
    let mut stage = Stage::active(&[]);
    let monitor = MonitorRegister {
        hello: None,
        ..MonitorRegister::of(&info("chat-1", 1), Some("x".into()), Hello::new())
    };
    let (link, _) = stage.register(Register::Monitor(monitor));
    let (_, actions) = stage.register(server("chat-2", 1));
    assert!(told(&actions, link).is_empty());
    let subscribe =
        Envelope::request(1, "__masterwatcher__", json!({ "action": "subscribe", "id": "chat-1" }));
    let actions = stage.monitor_says(link, subscribe);
    let everybody = answer(&actions, link).unwrap();
    assert_eq!(everybody.as_object().unwrap().keys().collect::<Vec<_>>(), ["chat-1", "chat-2"]);
    let (_, actions) = stage.register(server("chat-3", 1));
    assert_eq!(told(&actions, link)[0]["action"], "addServer");
}

#[test]
fn an_epoch_that_can_not_be_ends_nobodys_authority() {
    let mut stage = Stage::active(&[]);
    let mut liar = server("chat-1", u64::MAX);
    liar.set_hello(Hello { max_epoch: u64::MAX, ..Hello::new() });
    let (link, _) = stage.register(liar);
    let superseded = json!({ "action": "superseded", "epoch": u64::MAX });
    stage.monitor_says(link, Envelope::notify("__cluster__", superseded));
    assert_eq!(stage.control.leads_in(), Some(1), "else it would never lead again, and keep its place");
}
