//! Jobs that are added while servers run, and jobs that are done once.

use super::*;

const AT: i64 = 1_000_000;

fn due(server: &str, at: i64) -> Envelope {
    let body = json!({ "signal": "due", "serverId": server, "serverType": "chat", "job": "1", "at": at });
    Envelope::request(7, "__cron__", body)
}

/// Who does it, as this server is told.
fn asks(stage: &mut Stage, link: LinkId, server: &str, at: i64) -> Result<Value, Failure> {
    let actions = stage.monitor_says(link, due(server, at));
    answer(&actions, link).map(|answer| answer["to"].clone())
}

fn add(id: &str) -> Value {
    let cron = json!({ "id": id, "time": "0 * * * * *", "action": "chatCron.count", "serverType": "chat" });
    json!({ "signal": "addCron", "cron": cron, "op": format!("add-{id}") })
}

#[test]
fn the_first_server_that_asks_does_a_job_and_is_told_so_again() {
    let mut stage = Stage::active(&[]);
    let (one, two) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    assert_eq!(asks(&mut stage, one, "chat-1", AT).unwrap(), "chat-1");
    assert_eq!(asks(&mut stage, two, "chat-2", AT).unwrap(), "chat-1");
    assert_eq!(asks(&mut stage, one, "chat-1", AT).unwrap(), "chat-1", "its answer may have been lost");
    assert_eq!(asks(&mut stage, two, "chat-2", AT + 60_000).unwrap(), "chat-2");
    assert_eq!(asks(&mut stage, one, "chat-1", AT).unwrap(), "", "that time is over");
    let failure = asks(&mut stage, one, "chat-2", AT + 90_000).unwrap_err();
    assert_eq!(failure.message, "servers ask for themselves only");
}

#[test]
fn the_next_leader_knows_who_does_a_job_also_if_the_former_one_died_before_it_said_so() {
    let mut first = Stage::active(&[]);
    let one = first.server("chat-1", 1);
    first.store = Store::Mute;
    assert!(
        sent(&first.monitor_says(one, due("chat-1", AT)), one).is_empty(),
        "nothing is said before it is written"
    );

    let mut next = Stage::next_to(&first);
    let (one, two) = (next.server("chat-1", 1), next.server("chat-2", 1));
    assert!(asks(&mut next, two, "chat-2", AT).is_err(), "a standby grants nothing");
    next.role(active(2));
    assert_eq!(asks(&mut next, two, "chat-2", AT).unwrap(), "chat-1");
    assert_eq!(asks(&mut next, one, "chat-1", AT).unwrap(), "chat-1");
}

#[test]
fn a_leader_that_was_deposed_before_it_wrote_grants_nothing() {
    let mut first = Stage::active(&[]);
    let one = first.server("chat-1", 1);
    first.store = Store::Silent;
    first.monitor_says(one, due("chat-1", AT));
    let mut next = Stage::next_to(&first);
    let two = next.server("chat-2", 1);
    next.role(active(2));
    assert_eq!(asks(&mut next, two, "chat-2", AT).unwrap(), "chat-2");
    let actions = first.role(Role::Joining { why: None });
    assert!(answer(&actions, one).unwrap_err().message.contains("lost leadership"));
}

#[test]
fn a_grant_that_could_not_be_written_is_none() {
    let mut stage = Stage::active(&[]);
    let (one, two) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    stage.store = Store::Away;
    assert!(asks(&mut stage, one, "chat-1", AT).unwrap_err().message.contains("could not be recorded"));
    stage.store = Store::Up;
    assert_eq!(asks(&mut stage, two, "chat-2", AT).unwrap(), "chat-2");
    assert_eq!(asks(&mut stage, one, "chat-1", AT).unwrap(), "chat-2");
    assert_eq!(stage.kept("desired/once")["chat/1"]["to"], "chat-2");
}

#[test]
fn while_the_coordinator_is_away_the_leader_that_may_grants_and_writes_it_down_later() {
    let mut stage = Stage::active(&[]);
    let one = stage.server("chat-1", 1);
    stage.role(suspended(1));
    if let Ok(to) = asks(&mut stage, one, "chat-1", AT) {
        assert_eq!((to, stage.kept("desired/once")), (json!("chat-1"), Value::Null));
        stage.role(active(1));
        assert_eq!(stage.kept("desired/once")["chat/1"]["to"], "chat-1");
    } else {
        panic!("the only master may lead on");
    }
}

#[test]
fn a_server_whose_clock_is_ahead_keeps_nobody_from_a_job_and_gets_its_turn_when_the_cluster_is_there() {
    let mut stage = Stage::active(&[]);
    let now = stage.now;
    stage.control.set_wall(now, AT as u64 * 1_000);
    let (one, two) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    let far = AT + 60_000;
    let failure = asks(&mut stage, one, "chat-1", far).unwrap_err();
    assert!(failure.message.starts_with("the clock of chat-1 is 60 s ahead of the master's"), "{failure:?}");
    assert_eq!(asks(&mut stage, two, "chat-2", AT).unwrap(), "chat-2");
    stage.control.set_wall(now, (AT as u64 + 30_000) * 1_000);
    assert_eq!(asks(&mut stage, one, "chat-1", far).unwrap(), "chat-1");
}

#[test]
fn a_grant_of_a_clock_that_was_wrong_stops_no_job() {
    let mut stage = Stage::active(&[]);
    let now = stage.now;
    let (hour, at_us) = (3_600_000, AT as u64 * 1_000);
    stage.control.set_wall(now, at_us + hour as u64 * 1_000);
    let (one, two) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    assert_eq!(asks(&mut stage, one, "chat-1", AT + hour).unwrap(), "chat-1");
    // The cluster's clock is set back by an hour.
    stage.control.set_wall(now, at_us);
    assert_eq!(asks(&mut stage, two, "chat-2", AT + 10_000).unwrap(), "chat-2");
    assert_eq!(asks(&mut stage, one, "chat-1", AT + 10_000).unwrap(), "chat-2", "once all the same");
    assert_eq!(asks(&mut stage, one, "chat-1", AT).unwrap(), "", "and that time is over");
}

#[test]
fn jobs_are_added_to_servers_that_are_there_and_to_those_that_come_whoever_leads() {
    let mut first = Stage::active(&[]);
    let (one, client) = (first.server("chat-1", 1), first.client("admin"));
    let actions = first.client_asks(client, "__console__", add("9"));
    let order = told(&actions, one).remove(0);
    assert_eq!((&order["signal"], &order["cron"]["action"]), (&json!("addCron"), &json!("chatCron.count")));
    let done = first.obeys(one, &actions, json!(1));
    assert_eq!(answer(&done, client).unwrap()["status"], "ok");

    let mut next = Stage::next_to(&first);
    let early = next.server("chat-1", 1);
    let actions = next.role(active(2));
    let all =
        |actions: &[Action], link| told(actions, link).into_iter().find(|body| body["signal"] == "setCrons");
    assert_eq!(all(&actions, early).unwrap()["crons"][0]["id"], "9");
    let (late, actions) = next.register(server("chat-2", 1));
    assert_eq!(all(&actions, late).unwrap()["crons"][0]["id"], "9");

    // Again by the original's tool, and away.
    let client = next.client("admin");
    let body = json!({ "signal": "removeCron", "args": ["id=9", "serverType=chat"], "op": "remove-9" });
    let actions = next.client_asks(client, "__console__", body);
    assert_eq!(told(&actions, late)[0]["cron"]["id"], "9");
    let (later, actions) = next.register(server("chat-3", 1));
    assert_eq!(all(&actions, later).unwrap()["crons"], json!([]), "it may have missed that it is gone");
}

#[test]
fn what_is_no_job_is_refused_in_words() {
    let mut stage = Stage::active(&[]);
    let client = stage.client("admin");
    for (body, words) in [
        (json!({ "signal": "addCron", "args": ["id"] }), "Error server parameters format"),
        (json!({ "signal": "addCron", "args": ["id=1", "time=x", "action=a.b"] }), "serverType or serverId"),
        (json!({ "signal": "addCron", "args": ["id=1", "serverType=chat"] }), "missing field `time`"),
        (json!({ "signal": "removeCron", "args": ["serverType=chat"] }), "parameters: id"),
        (json!({ "signal": "addCron" }), "expected cron, an object, or args"),
    ] {
        let failure = answer(&stage.client_asks(client, "__console__", body.clone()), client).unwrap_err();
        assert!(failure.message.contains(words), "{body}: {failure}");
    }
}

#[test]
fn a_job_that_no_server_takes_is_told_to_nobody_who_comes_later() {
    let mut stage = Stage::active(&[]);
    let (one, client) = (stage.server("chat-1", 1), stage.client("admin"));
    let actions = stage.client_asks(client, "__console__", add("9"));
    let done = stage.obeys(one, &actions, json!("action \"chatCron.count\" is unknown"));
    let results = &answer(&done, client).unwrap()["results"];
    assert_eq!(results["chat-1"]["error"], "action \"chatCron.count\" is unknown");
    assert_eq!(stage.kept("desired/crons"), json!([]));
    let (late, actions) = stage.register(server("chat-2", 1));
    let named = told(&actions, late).iter().any(|body| body.to_string().contains("chatCron.count"));
    assert!(!named, "{actions:?}");
}

#[test]
fn a_job_for_servers_that_do_not_exist_is_refused() {
    let mut stage = Stage::active(&[]);
    let client = stage.client("admin");
    let failure = answer(&stage.client_asks(client, "__console__", add("9")), client).unwrap_err();
    assert!(failure.message.contains("no server of type \"chat\""), "{failure}");
}

#[test]
fn an_added_job_that_could_not_be_recorded_is_told_to_nobody() {
    let mut stage = Stage::active(&[]);
    let client = stage.client("admin");
    stage.store = Store::Away;
    assert!(answer(&stage.client_asks(client, "__console__", add("9")), client).is_err());
    stage.store = Store::Up;
    let (late, actions) = stage.register(server("chat-2", 1));
    let named = told(&actions, late).iter().any(|body| body.to_string().contains("chatCron.count"));
    assert!(!named, "{actions:?}");
}
