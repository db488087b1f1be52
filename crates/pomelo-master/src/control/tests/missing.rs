//! Members whose link broke.

use super::*;

fn rows(stage: &mut Stage, client: LinkId) -> Value {
    let actions = stage.client_asks(client, "watchServer", json!({ "comd": "servers", "context": "all" }));
    let actions = if sent(&actions, client).is_empty() { stage.after(SECOND) } else { actions };
    answer(&actions, client).unwrap()["msg"].clone()
}

#[test]
fn a_server_whose_link_breaks_is_no_news_until_it_is_known_to_be_dead() {
    let mut stage = Stage::active(&[]);
    let (lost, watcher) = (stage.server("chat-1", 7), stage.server("chat-2", 1));
    assert!(told(&stage.closed(lost, false), watcher).is_empty());
    assert_eq!(stage.probed, [id("chat-1")], "its address is looked at");
    let probed = |refused| Event::Probed { server: id("chat-1"), incarnation: Some(7), refused };
    assert!(told(&stage.on(probed(false)), watcher).is_empty());
    let actions = stage.on(probed(true));
    assert_eq!(told(&actions, watcher)[0]["action"], "removeServer");
}

#[test]
fn a_server_that_comes_back_in_time_is_no_news_at_all() {
    let mut stage = Stage::active(&[]);
    let (lost, watcher) = (stage.server("chat-1", 7), stage.server("chat-2", 1));
    stage.closed(lost, false);
    assert!(told(&stage.after(5 * SECOND), watcher).is_empty());
    let (_, actions) = stage.register(server("chat-1", 7));
    assert!(told(&actions, watcher).is_empty());
    assert!(told(&stage.after(20 * SECOND), watcher).is_empty());
}

#[test]
fn a_server_is_shown_as_missing_after_three_seconds_and_removed_after_ten() {
    let mut stage = Stage::active(&[]);
    let (lost, client) = (stage.server("chat-1", 7), stage.client("admin"));
    stage.closed(lost, false);
    assert_eq!(rows(&mut stage, client)["chat-1"]["missing"], Value::Null);
    stage.after(3 * SECOND);
    assert_eq!(rows(&mut stage, client)["chat-1"]["missing"], 3);
    stage.after(7 * SECOND);
    assert_eq!(rows(&mut stage, client)["chat-1"], Value::Null);
}

#[test]
fn a_server_that_is_not_linked_with_the_next_master_yet_is_shown_as_missing_and_not_probed() {
    let mut stage = Stage::new(&[]);
    stage.on(Event::Followed(view(1, &[info("chat-1", 1)])));
    stage.role(active(2));
    stage.after(4 * SECOND);
    let client = stage.client("admin");
    assert_eq!(rows(&mut stage, client)["chat-1"]["missing"], 4);
    assert!(stage.probed.is_empty());
    let watcher = stage.server("chat-2", 1);
    let (_, actions) = stage.register(server("chat-1", 1));
    assert!(told(&actions, watcher).is_empty(), "a change of master is no reason to publish it again");
}

#[test]
fn a_stray_process_does_not_take_the_place_of_a_member() {
    let mut stage = Stage::active(&[]);
    let lost = stage.server("chat-1", 7);
    stage.closed(lost, false);
    let (_, actions) = stage.register(server("chat-1", 8));
    assert!(refusal(&actions).unwrap().contains("held by pid 1000"), "{actions:?}");

    let mut standby = Stage::new(&[]);
    standby.role(Role::Standby { ahead: 1 });
    standby.on(Event::Followed(view(1, &[info("chat-1", 7)])));
    let (_, actions) = standby.register(server("chat-1", 8));
    assert!(refusal(&actions).unwrap().contains("held by pid 1000"), "{actions:?}");
    assert!(admitted(&standby.register(server("chat-1", 7)).1).is_some());
}
