//! What administrators and agents ask.

use super::*;

fn show_servers() -> Value {
    json!({ "comd": "servers", "param": "", "context": "all", "clientId": "pomelo_cli_1", "username": "admin" })
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_in_the_recorded_words() {
    let mut stage = Stage::active(&[]);
    for register in [client("admin", "wrong"), client("nobody", "admin")] {
        let (_, actions) = stage.register(register);
        assert_eq!(refusal(&actions), Some("client auth failed with username or password error"));
    }
}

#[test]
fn more_clients_than_allowed_are_refused_until_one_leaves() {
    let mut stage = Stage::active(&[]);
    let first = stage.client("admin");
    for _ in 1..4 {
        stage.client("monitor");
    }
    let (_, actions) = stage.register(client("admin", "admin"));
    assert_eq!(refusal(&actions), Some("too many clients: 4 are logged in"));
    stage.closed(first, true);
    stage.client("admin");
}

#[test]
fn a_user_of_level_2_may_look_and_nothing_else() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 1);
    let client = stage.client("monitor");
    let denied = stage.client_asks(client, "__console__", json!({ "signal": "stop", "ids": ["chat-1"] }));
    assert_eq!(answer(&denied, client).unwrap_err().message, "Command permission denied");
    stage.client_asks(client, "watchServer", show_servers());
    let actions = stage.after(SECOND);
    assert!(answer(&actions, client).is_ok());
}

#[test]
fn a_server_that_does_not_answer_within_a_second_is_listed_from_its_record() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 1);
    let client = stage.client("admin");
    assert!(sent(&stage.client_asks(client, "watchServer", show_servers()), client).is_empty());
    let actions = stage.after(SECOND);
    assert_eq!(
        answer(&actions, client).unwrap()["msg"]["chat-1"].to_string(),
        r#"{"serverId":"chat-1","serverType":"chat","host":"127.0.0.1","port":6050,"pid":1000}"#
    );
}

#[test]
fn a_member_that_is_not_linked_here_yet_is_not_called_unknown() {
    let mut stage = Stage::new(&[]);
    stage.on(Event::Followed(view(1, &[info("chat-1", 1)])));
    stage.role(active(2));
    let client = stage.client("admin");
    let stop = stage.client_asks(client, "watchServer", json!({ "comd": "handler", "context": "chat-1" }));
    assert_eq!(
        answer(&stop, client).unwrap_err().message,
        "server chat-1 has no link to this master at the moment; ask again"
    );
}

#[test]
fn a_server_that_dies_while_it_is_asked_does_not_hold_up_the_answer() {
    let mut stage = Stage::active(&[]);
    let dying = stage.server("chat-1", 1);
    let client = stage.client("admin");
    stage.client_asks(client, "watchServer", show_servers());
    let actions = stage.closed(dying, false);
    assert!(answer(&actions, client).is_ok());
}

#[test]
fn a_standby_names_the_active_master() {
    let mut stage = Stage::new(&[]);
    stage.role(Role::Standby { ahead: 1 });
    let (client_link, actions) = stage.register(client("admin", "admin"));
    let cluster = admitted(&actions).unwrap().cluster.clone().unwrap();
    assert_eq!((cluster.role, cluster.leader), (MasterRole::Standby, None));
    let failure =
        answer(&stage.client_asks(client_link, "watchServer", show_servers()), client_link).unwrap_err();
    assert_eq!(failure.message, "no master is active at the moment; this one is a standby");

    stage.on(Event::Leader(leader(3005, 4)));
    let failure =
        answer(&stage.client_asks(client_link, "watchServer", show_servers()), client_link).unwrap_err();
    assert_eq!(failure.message, "this master is a standby; the active one is 127.0.0.1:3005 (epoch 4)");
    assert_eq!(failure.leader, Some(leader(3005, 4)));
    let (_, actions) = stage.register(client("admin", "admin"));
    let cluster = admitted(&actions).unwrap().cluster.clone().unwrap();
    assert_eq!((cluster.view.epoch, cluster.leader), (4, Some(leader(3005, 4))));
}

#[test]
fn a_suspended_master_answers_questions_and_changes_nothing() {
    let mut stage = Stage::active(&[]);
    let client = stage.client("admin");
    stage.candidate();
    stage.role(suspended(1));
    let shown = answer(&stage.client_asks(client, "watchServer", show_servers()), client).unwrap();
    assert_eq!(shown["stale"], true);
    let failure =
        answer(&stage.client_asks(client, "__console__", json!({ "signal": "stop" })), client).unwrap_err();
    assert!(failure.message.contains("does not hear its coordinator"), "{failure}");
    assert_eq!(
        (failure.leader, failure.again),
        (None, true),
        "nobody else is to be asked, but this one again"
    );
}

#[test]
fn stopping_one_server_tells_that_one_and_answers_part() {
    let mut stage = Stage::active(&[]);
    let (first, second) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    let client = stage.client("admin");
    let actions = stage.client_asks(client, "__console__", json!({ "signal": "stop", "ids": ["chat-1"] }));
    let order = &sent(&actions, first)[0];
    let told = &told(&actions, first)[0];
    assert_eq!((order.epoch(), &told["signal"]), (Some(1), &json!("stop")));
    assert!(sent(&actions, second).is_empty());
    assert!(told["op"].is_string());
    let actions = stage.obeys(first, &actions, json!(1));
    assert_eq!(answer(&actions, client).unwrap(), json!({ "status": "part" }), "in the original's words");
}

#[test]
fn stopping_an_unknown_server_stops_nothing_and_says_which_there_are() {
    let mut stage = Stage::active(&[]);
    let link = stage.server("chat-1", 1);
    let client = stage.client("admin");
    let actions =
        stage.client_asks(client, "__console__", json!({ "signal": "stop", "ids": ["chat-1", "chat-9"] }));
    assert_eq!(answer(&actions, client).unwrap_err().message, "no server chat-9 (there are: chat-1)");
    assert!(sent(&actions, link).is_empty());
}

#[test]
fn what_is_asked_of_one_server_is_answered_by_it() {
    let mut stage = Stage::active(&[]);
    let link = stage.server("chat-1", 1);
    let client = stage.client("admin");
    let ask =
        json!({ "comd": "get", "param": "foo", "context": "chat-1", "clientId": "x", "username": "admin" });
    let actions = stage.client_asks(client, "watchServer", ask);
    let Envelope::Request { req_id, body, epoch, .. } = sent(&actions, link).remove(0) else {
        panic!("not asked")
    };
    assert_eq!((body, epoch), (json!({ "comd": "get", "param": "foo", "context": "chat-1" }), Some(1)));
    let actions = stage.monitor_says(link, Envelope::Response(Response::ok(req_id, "bar".into())));
    assert_eq!(answer(&actions, client).unwrap(), "bar");
}
