//! Which agent may start which life of a server.

use super::*;

fn start(servers: &[&str]) -> Envelope {
    asks(json!({ "signal": "start", "servers": servers }))
}

fn asks(body: Value) -> Envelope {
    Envelope::request(1, "__console__", body)
}

fn died(name: &str, incarnation: u64) -> Envelope {
    let servers = json!([{ "id": name, "incarnation": incarnation }]);
    Envelope::notify("__cluster__", json!({ "action": "died", "servers": servers }))
}

fn claim_of(answer: &Value, name: &str) -> u64 {
    answer["claims"][name].as_u64().unwrap_or_else(|| panic!("no claim of {name}: {answer}"))
}

#[test]
fn no_two_agents_are_told_to_spawn_one_server() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 1);
    let (here, there) = (stage.agent("here"), stage.agent("there"));
    let all = ["chat-1", "chat-2", "chat-3"];
    let actions = stage.monitor_says(here, start(&all));
    let granted = answer(&actions, here).unwrap();
    assert_eq!(granted["spawn"], json!(["chat-2", "chat-3"]));
    assert_eq!((&granted["running"], &granted["epoch"]), (&json!(["chat-1"]), &json!(1)));
    let actions = stage.monitor_says(there, start(&all));
    let granted = answer(&actions, there).unwrap();
    assert_eq!((&granted["spawn"], &granted["running"]), (&json!([]), &json!(["chat-1"])));
    let actions = stage.monitor_says(here, start(&["chat-2"]));
    assert_eq!(answer(&actions, here).unwrap()["spawn"], json!(["chat-2"]), "who was told may be told again");
    stage.after(20 * SECOND);
    let actions = stage.monitor_says(there, start(&["chat-3"]));
    assert_eq!(
        answer(&actions, there).unwrap()["spawn"],
        json!(["chat-3"]),
        "the first agent did not do it in time"
    );
}

#[test]
fn only_agents_of_the_leader_start_servers() {
    let mut stage = Stage::active(&[]);
    let server = stage.server("chat-1", 1);
    assert_eq!(
        answer(&stage.monitor_says(server, start(&["chat-2"])), server).unwrap_err().message,
        "only agents start servers"
    );
    let agent = stage.agent("here");
    stage.role(Role::Joining { why: None });
    stage.on(Event::Leader(leader(3005, 2)));
    let failure = answer(&stage.monitor_says(agent, start(&["chat-2"])), agent).unwrap_err();
    assert_eq!(failure.leader, Some(leader(3005, 2)));
}

#[test]
fn an_agent_hears_of_a_claim_when_it_is_recorded_and_not_before() {
    let mut stage = Stage::active(&[]);
    let agent = stage.agent("here");
    stage.store = Store::Mute;
    assert!(sent(&stage.monitor_says(agent, start(&["chat-1"])), agent).is_empty());
    assert_eq!(stage.kept("claims/chat-1")["epoch"], 1);
    stage.store = Store::Away;
    let failure = answer(&stage.monitor_says(agent, start(&["chat-2"])), agent).unwrap_err();
    assert!(failure.message.starts_with("nothing is started") && failure.again, "{failure}");
    stage.store = Store::Up;
    let there = stage.agent("there");
    let granted = answer(&stage.monitor_says(there, start(&["chat-2"])), there).unwrap();
    assert_eq!(granted["spawn"], json!(["chat-2"]), "what was not granted keeps nobody out");
}

#[test]
fn each_claim_is_a_later_life_than_any_claim_or_server_before_whatever_the_clock_says() {
    let mut first = Stage::active(&[]);
    let agent = first.agent("here");
    let claimed = claim_of(&answer(&first.monitor_says(agent, start(&["chat-1"])), agent).unwrap(), "chat-1");
    let again = claim_of(&answer(&first.monitor_says(agent, start(&["chat-1"])), agent).unwrap(), "chat-1");
    assert!(again > claimed);

    let mut next = Stage::next_to(&first);
    next.control.wall.set(next.now, 5);
    next.role(active(2));
    let agent = next.agent("there");
    let later = claim_of(&answer(&next.monitor_says(agent, start(&["chat-1"])), agent).unwrap(), "chat-1");
    assert_eq!(later, again + 1);

    let link = next.server("chat-2", 7_000_000_000_000_000_000);
    next.closed(link, true);
    let later = claim_of(&answer(&next.monitor_says(agent, start(&["chat-2"])), agent).unwrap(), "chat-2");
    assert_eq!(later, 7_000_000_000_000_000_001);
}

#[test]
fn what_a_deposed_master_let_start_does_not_become_a_second_registered_server() {
    let mut zombie = Stage::active(&[]);
    let slow = zombie.agent("slow");
    let old = claim_of(&answer(&zombie.monitor_says(slow, start(&["chat-1"])), slow).unwrap(), "chat-1");

    let mut next = Stage::next_to(&zombie);
    next.role(active(2));
    let agent = next.agent("quick");
    let new = claim_of(&answer(&next.monitor_says(agent, start(&["chat-1"])), agent).unwrap(), "chat-1");
    next.server("chat-1", new);
    let (_, actions) = next.register(server("chat-1", old));
    let newer = actions.iter().find_map(|action| match action {
        Action::Refuse { newer, .. } => *newer,
        _ => None,
    });
    assert_eq!(newer, Some(new), "it is told that its life is over: {actions:?}");
}

#[test]
fn a_server_that_was_stopped_on_purpose_is_not_started_after_its_death_but_when_asked_for() {
    let mut first = Stage::active(&[]);
    let link = first.server("chat-1", 1);
    let client = first.client("admin");
    first.client_asks(client, "__console__", json!({ "signal": "stop", "ids": ["chat-1"] }));
    first.closed(link, true);

    // Whoever leads.
    let mut next = Stage::next_to(&first);
    next.role(active(2));
    let agent = next.agent("here");
    let again = || asks(json!({ "signal": "start", "servers": ["chat-1", "chat-2"], "why": "died" }));
    let granted = answer(&next.monitor_says(agent, again()), agent).unwrap();
    assert_eq!((&granted["stopped"], &granted["spawn"]), (&json!(["chat-1"]), &json!(["chat-2"])));
    let asked = asks(json!({ "signal": "start", "servers": ["chat-1"], "why": "asked" }));
    assert_eq!(answer(&next.monitor_says(agent, asked), agent).unwrap()["spawn"], json!(["chat-1"]));
    let granted = answer(&next.monitor_says(agent, again()), agent).unwrap();
    assert_eq!(granted["stopped"], json!([]), "it is wanted again");
}

#[test]
fn an_agents_question_waits_until_the_claims_of_former_terms_are_known() {
    let mut stage = Stage::new(&[]);
    stage.store = Store::Away;
    stage.role(active(2));
    let agent = stage.agent("here");
    assert!(sent(&stage.monitor_says(agent, start(&["chat-1"])), agent).is_empty());
    stage
        .kept
        .borrow_mut()
        .insert("claims/chat-1".into(), br#"{"incarnation":9000000000000000000,"epoch":1}"#.into());
    stage.store = Store::Up;
    let actions = stage.after(SECOND);
    assert_eq!(claim_of(&answer(&actions, agent).unwrap(), "chat-1"), 9_000_000_000_000_000_001);

    let mut stage = Stage::new(&[]);
    stage.store = Store::Away;
    stage.role(active(2));
    let agent = stage.agent("here");
    stage.monitor_says(agent, start(&["chat-1"]));
    assert!(answer(&stage.after(5 * SECOND), agent).unwrap_err().again, "not for ever");
}

#[test]
fn a_server_whose_agent_says_that_it_died_is_gone_at_once() {
    let mut stage = Stage::active(&[]);
    let (dead, watcher, agent) = (stage.server("chat-1", 4), stage.server("chat-2", 1), stage.agent("here"));
    assert!(told(&stage.monitor_says(agent, died("chat-1", 3)), watcher).is_empty(), "a former life");
    assert!(told(&stage.monitor_says(watcher, died("chat-1", 4)), watcher).is_empty(), "no agent");
    let actions = stage.monitor_says(agent, died("chat-1", 4));
    assert_eq!(told(&actions, watcher)[0]["action"], "removeServer");
    assert!(actions.contains(&Action::Close { link: dead }));
}

#[test]
fn a_server_is_started_again_by_the_agent_that_runs_it_with_a_claim() {
    let mut stage = Stage::active(&[]);
    let (old, agent, client) = (stage.server("chat-1", 4), stage.agent("here"), stage.client("admin"));
    let restart = |ids: &[&str]| json!({ "signal": "restart", "ids": ids, "op": "restart-1" });
    let failure =
        answer(&stage.client_asks(client, "__console__", restart(&["chat-1"])), client).unwrap_err();
    assert!(failure.message.starts_with("no agent runs chat-1"), "{failure}");

    stage.monitor_says(
        agent,
        Envelope::notify("__cluster__", json!({ "action": "children", "servers": ["chat-1"] })),
    );
    let actions = stage.client_asks(client, "__console__", restart(&["chat-1"]));
    let order = told(&actions, agent).remove(0);
    assert_eq!((&order["signal"], &order["op"]), (&json!("restart"), &json!("restart-1")));
    let claim = claim_of(&order, "chat-1");
    assert_eq!(stage.kept("claims/chat-1")["incarnation"], claim);
    assert!(sent(&actions, client).is_empty());

    stage.closed(old, false);
    let (_, joined) = stage.register(server("chat-1", claim));
    assert!(admitted(&joined).is_some(), "its claim lets it in although the old one is only missing");
    let actions = stage.obeys(agent, &actions, json!({ "chat-1": 4711 }));
    let expected = json!({ "code": "ok", "op": "restart-1", "results": { "chat-1": 4711 } });
    assert_eq!(answer(&actions, client).unwrap(), expected);
}

#[test]
fn a_restart_of_what_is_not_there_says_what_is() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 4);
    let client = stage.client("admin");
    for (field, wanted, says) in [
        ("ids", json!(["nope", "chat-1"]), "no server nope (there are: chat-1)"),
        ("type", json!("nope"), "no server of type \"nope\" (there are: chat)"),
    ] {
        let body = json!({ "signal": "restart", "ids": [], field: wanted });
        let failure = answer(&stage.client_asks(client, "__console__", body), client).unwrap_err();
        assert_eq!(failure.message, says);
    }
}

#[test]
fn a_restart_that_an_agent_could_not_do_says_of_whom() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 4);
    let (agent, client) = (stage.agent("here"), stage.client("admin"));
    stage.monitor_says(
        agent,
        Envelope::notify("__cluster__", json!({ "action": "children", "servers": ["chat-1"] })),
    );
    let actions = stage.client_asks(client, "__console__", json!({ "signal": "restart", "ids": [] }));
    let actions = stage.obeys(agent, &actions, json!({ "chat-1": null }));
    let answer = answer(&actions, client).unwrap();
    assert_eq!((&answer["code"], &answer["remained"]), (&json!("remained"), &json!(["chat-1"])));
}

#[test]
fn after_a_machine_was_off_its_servers_are_started_although_the_last_membership_lists_them() {
    let mut stage = Stage::new(&[]);
    stage.on(Event::Remembered { view: view(1, &[info("chat-1", 1), info("chat-2", 1)]), max_epoch: 1 });
    stage.role(active(2));
    let agent = stage.agent("here");
    let asked = |stage: &mut Stage| {
        let answer = answer(&stage.monitor_says(agent, start(&["chat-1", "chat-2"])), agent).unwrap();
        (answer["running"].clone(), answer["spawn"].clone())
    };
    assert_eq!(asked(&mut stage), (json!([]), json!([])), "they may be on their way here");
    assert!(stage.probed.is_empty());
    stage.server("chat-2", 1);
    stage.after(3 * SECOND);
    assert_eq!(stage.probed, [id("chat-1")]);
    stage.on(Event::Probed { server: id("chat-1"), incarnation: Some(1), refused: true });
    assert_eq!(asked(&mut stage), (json!(["chat-2"]), json!(["chat-1"])));
}

#[test]
fn the_last_life_that_can_be_is_no_reason_to_fall_over() {
    let mut stage = Stage::active(&[]);
    let link = stage.server("chat-1", u64::MAX);
    stage.closed(link, true);
    let agent = stage.agent("here");
    assert_eq!(
        claim_of(&answer(&stage.monitor_says(agent, start(&["chat-1"])), agent).unwrap(), "chat-1"),
        u64::MAX
    );
}
