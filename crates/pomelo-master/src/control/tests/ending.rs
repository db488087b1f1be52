//! How a master ends.

use super::*;

fn stop_all(stage: &mut Stage, client: LinkId) -> Vec<Action> {
    stage.client_asks(client, "__console__", json!({ "signal": "stop", "ids": [], "username": "admin" }))
}

fn order(signal: &str) -> Envelope {
    Envelope::notify("__console__", json!({ "signal": signal })).in_epoch(1)
}

#[test]
fn stopping_all_ends_servers_then_masters_then_agents_and_this_master() {
    let mut stage = Stage::active(&[]);
    let (server, candidate, agent) = (stage.server("chat-1", 1), stage.candidate(), stage.agent("here"));
    let client = stage.client("admin");
    let actions = stop_all(&mut stage, client);
    assert_eq!(sent(&actions, server), [order("stop")]);
    assert!(sent(&actions, candidate).is_empty(), "a standby that ends first could not take over");

    let actions = stage.closed(server, true);
    assert_eq!(sent(&actions, candidate).last(), Some(&order("stop")));
    assert!(
        !sent(&actions, agent).contains(&order("stop")),
        "it might end this master before the others know"
    );
    assert!(sent(&actions, client).is_empty());

    let actions = stage.closed(candidate, true);
    assert_eq!(answer(&actions, client).unwrap()["status"], "all");
    let at =
        |link| actions.iter().position(|action| matches!(action, Action::Send { to, .. } if to == &[link]));
    assert_eq!(sent(&actions, agent), [order("stop")]);
    assert!(at(client) < at(agent), "the answer goes before who might end this master");
    assert_eq!(actions[actions.len() - 2..], [Action::Resign, Action::Exit]);
}

#[test]
fn a_server_that_does_not_leave_holds_up_a_stop_for_ten_seconds() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 1);
    let client = stage.client("admin");
    stop_all(&mut stage, client);
    assert!(stage.after(9 * SECOND).is_empty());
    let actions = stage.after(SECOND);
    let answer = answer(&actions, client).unwrap();
    assert_eq!((&answer["status"], &answer["remained"]), (&json!("all"), &json!(["chat-1"])));
    assert!(actions.contains(&Action::Exit));
}

#[test]
fn killing_all_says_whether_somebody_remained() {
    let mut stage = Stage::active(&[]);
    let server = stage.server("chat-1", 1);
    let client = stage.client("admin");
    let actions = stage.client_asks(client, "__console__", json!({ "signal": "kill" }));
    assert_eq!(sent(&actions, server), [order("kill")]);
    assert_eq!(answer(&stage.closed(server, false), client).unwrap()["code"], "ok");
}

#[test]
fn while_all_is_stopped_nothing_else_is_changed() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 1);
    let (first, second) = (stage.client("admin"), stage.client("admin"));
    stop_all(&mut stage, first);
    let failure = answer(&stop_all(&mut stage, second), second).unwrap_err();
    assert_eq!(failure.message, "the cluster is being stopped");
}

#[test]
fn a_master_deposed_while_it_stops_all_says_so() {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 1);
    let client = stage.client("admin");
    stop_all(&mut stage, client);
    let actions = stage.on(Event::Leader(leader(3005, 2)));
    let failure = answer(&actions, client).unwrap_err();
    assert!(failure.message.contains("lost leadership") && failure.again, "{failure:?}");
    assert_eq!(failure.leader, Some(leader(3005, 2)));
    assert!(!stage.after(20 * SECOND).contains(&Action::Exit));
}

#[test]
fn an_active_master_that_is_terminated_ends_when_another_one_leads() {
    let mut stage = Stage::active(&[]);
    let candidate = stage.candidate();
    stage.link_to(3005, linked(MasterRole::Standby));
    let server = stage.server("chat-1", 1);
    let asked = stage.on(Event::Shutdown);
    let ready =
        json!({ "host": "127.0.0.1", "port": 3005, "role": "standby", "ahead": 1, "epoch": 1, "rev": 9 });
    let actions = stage.answers(candidate, &asked, Ok(ready));
    assert_eq!(actions.last(), Some(&Action::Resign));
    assert_eq!(told(&actions, candidate)[0]["action"], "handingOver");
    assert!(stage.role(Role::Stopped).is_empty());
    assert!(told(&stage.closed(server, true), candidate).is_empty(), "it has no authority any more");
    assert_eq!(stage.on(Event::Leader(leader(3005, 2))), [Action::Superseded(2), Action::Exit]);
}

#[test]
fn a_termination_does_not_wait_for_masters_that_do_not_answer() {
    let mut stage = Stage::active(&[]);
    stage.candidate();
    assert!(!stage.on(Event::Shutdown).contains(&Action::Resign));
    let mut actions = stage.after(SECOND);
    actions.extend(stage.after(SECOND));
    assert!(actions.contains(&Action::Resign), "{actions:?}");
    assert!(stage.after(2 * SECOND).contains(&Action::Exit));
}

#[test]
fn a_termination_that_nobody_follows_ends_after_two_seconds() {
    let mut stage = Stage::active(&[]);
    let candidate = stage.candidate();
    let asked = stage.on(Event::Shutdown);
    assert!(stage.answers(candidate, &asked, Err("no")).contains(&Action::Resign));
    assert!(!stage.after(SECOND).contains(&Action::Exit));
    assert_eq!(stage.after(SECOND), [Action::Exit]);
}

#[test]
fn who_has_nobody_to_hand_over_to_ends_at_once() {
    assert_eq!(Stage::active(&[]).on(Event::Shutdown), [Action::Resign, Action::Exit]);
    let mut standby = Stage::new(&[]);
    standby.role(Role::Standby { ahead: 1 });
    standby.candidate();
    assert_eq!(standby.on(Event::Shutdown), [Action::Resign, Action::Exit]);
}

#[test]
fn a_standby_ends_when_the_leader_ends_the_cluster() {
    let mut standby = Stage::new(&[]);
    standby.role(Role::Standby { ahead: 1 });
    assert_eq!(standby.on(Event::Ordered { epoch: 1 }), [Action::Resign, Action::Exit]);
    assert!(standby.role(active(2)).is_empty(), "it is not promoted on its way out");
}

#[test]
fn a_deposed_leader_that_stops_the_cluster_does_not_end_its_successor() {
    let mut stage = Stage::new(&[]);
    stage.role(Role::Standby { ahead: 1 });
    stage.on(Event::Leader(leader(3005, 1)));
    stage.role(active(2));
    assert!(stage.on(Event::Ordered { epoch: 1 }).is_empty());
    assert_eq!(stage.control.standing, Standing::Active { epoch: 2 });
}

#[test]
fn a_server_that_comes_while_all_is_stopped_is_stopped_too() {
    let mut stage = Stage::active(&[]);
    let first = stage.server("chat-1", 1);
    let client = stage.client("admin");
    stop_all(&mut stage, client);
    let (late, actions) = stage.register(server("chat-2", 1));
    assert_eq!(sent(&actions, late), [order("stop")]);
    assert!(sent(&stage.closed(first, true), client).is_empty(), "it is waited for");
    assert!(answer(&stage.closed(late, true), client).is_ok());
}

#[test]
fn masters_and_agents_that_come_while_masters_are_stopped_are_stopped_too() {
    let mut stage = Stage::active(&[]);
    let first = stage.candidate();
    let client = stage.client("admin");
    stop_all(&mut stage, client);
    let (late, actions) = stage.register(candidate(3006));
    assert_eq!(sent(&actions, late), [order("stop")]);
    let agent = stage.agent("late");
    assert!(
        sent(&stage.closed(first, true), client).is_empty(),
        "it would be promoted if it were not waited for"
    );
    let actions = stage.closed(late, true);
    assert!(answer(&actions, client).is_ok());
    assert_eq!(sent(&actions, agent), [order("stop")]);
}

#[test]
fn a_stop_waits_for_a_master_whose_link_broke_and_ends_it_when_it_is_back() {
    let mut stage = Stage::active(&[]);
    let standby = stage.candidate();
    stage.closed(standby, false);
    let client = stage.client("admin");
    assert!(sent(&stop_all(&mut stage, client), client).is_empty(), "it would be promoted");
    let (back, actions) = stage.register(candidate(3005));
    assert_eq!(sent(&actions, back), [order("stop")]);
    let actions = stage.closed(back, true);
    assert!(answer(&actions, client).is_ok());
    assert!(actions.contains(&Action::Exit));
}

#[test]
fn a_stop_waits_for_a_master_that_loses_its_link_after_it_was_told() {
    let mut stage = Stage::active(&[]);
    let standby = stage.candidate();
    let client = stage.client("admin");
    assert_eq!(sent(&stop_all(&mut stage, client), standby), [order("stop")]);
    assert!(sent(&stage.closed(standby, false), client).is_empty(), "it may not have read it");
    assert!(stage.after(2 * SECOND).contains(&Action::Exit), "but not for ever");
}

#[test]
fn a_stop_does_not_wait_for_a_master_that_is_known_to_be_dead() {
    let mut stage = Stage::active(&[]);
    let dead = stage.candidate();
    let client = stage.client("admin");
    stage.closed(dead, false);
    assert!(sent(&stop_all(&mut stage, client), client).is_empty());
    let gone = LinkState { gone: Some(stage.now.into()), ..LinkState::default() };
    let actions = stage.link_to(3005, gone);
    assert!(answer(&actions, client).is_ok());
    assert!(actions.contains(&Action::Exit));
}

#[test]
fn a_termination_while_all_is_stopped_does_not_cut_it_short() {
    let mut stage = Stage::active(&[]);
    let server = stage.server("chat-1", 1);
    let client = stage.client("admin");
    stop_all(&mut stage, client);
    assert!(stage.on(Event::Shutdown).is_empty());
    let actions = stage.closed(server, true);
    assert!(answer(&actions, client).is_ok());
    assert!(actions.contains(&Action::Exit));
}

#[test]
fn a_stop_waits_for_members_that_have_no_link_at_the_moment() {
    let mut stage = Stage::active(&[]);
    let (lost, there) = (stage.server("chat-1", 1), stage.server("chat-2", 1));
    stage.closed(lost, false);
    let client = stage.client("admin");
    stop_all(&mut stage, client);
    assert!(sent(&stage.closed(there, true), client).is_empty(), "a member is missing");
    let (back, actions) = stage.register(server("chat-1", 1));
    assert_eq!(sent(&actions, back), [order("stop")]);
    let actions = stage.closed(back, true);
    assert_eq!(answer(&actions, client).unwrap()["remained"], Value::Null);
    assert!(actions.contains(&Action::Exit));
}

#[test]
fn a_stop_does_not_wait_for_a_member_that_is_known_to_be_dead() {
    let mut stage = Stage::active(&[]);
    let lost = stage.server("chat-1", 1);
    stage.closed(lost, false);
    let client = stage.client("admin");
    assert!(sent(&stop_all(&mut stage, client), client).is_empty());
    let refused = Event::Probed { server: id("chat-1"), incarnation: Some(1), refused: true };
    assert!(answer(&stage.on(refused), client).is_ok());
}

#[test]
fn a_stop_of_everything_is_recorded_first_and_finished_by_the_next_master() {
    let mut first = Stage::active(&[]);
    let server_link = first.server("chat-1", 1);
    let client = first.client("admin");
    first.store = Store::Silent;
    assert!(sent(&stop_all(&mut first, client), server_link).is_empty(), "not before it is recorded");

    let mut first = Stage::active(&[]);
    let server_link = first.server("chat-1", 1);
    let client = first.client("admin");
    assert_eq!(sent(&stop_all(&mut first, client), server_link), [order("stop")]);

    let mut next = Stage::next_to(&first);
    let server_link = next.server("chat-1", 1);
    let actions = next.role(active(2));
    let again = Envelope::notify("__console__", json!({ "signal": "stop" })).in_epoch(2);
    assert!(sent(&actions, server_link).contains(&again), "{actions:?}");
    assert!(next.closed(server_link, true).contains(&Action::Exit));

    let mut third = Stage::next_to(&next);
    let server_link = third.server("chat-1", 2);
    let actions = third.role(active(3));
    assert!(!told(&actions, server_link).iter().any(|body| body["signal"] == "stop"), "it is over");
}

#[test]
fn a_stop_that_nobody_finished_does_not_stop_the_cluster_that_is_started_later() {
    let mut first = Stage::active(&[]);
    first.server("chat-1", 1);
    let client = first.client("admin");
    stop_all(&mut first, client);
    let mut next = Stage::next_to(&first);
    let wall = first.control.wall_us(first.now);
    next.control.wall.set(next.now, wall + 31_000_000);
    let link = next.server("chat-1", 2);
    let actions = next.role(active(2));
    assert!(!told(&actions, link).iter().any(|body| body["signal"] == "stop"), "{actions:?}");
    assert!(next.control.ending.is_none());
}

#[test]
fn a_stop_that_was_cut_off_at_its_end_does_not_stop_the_cluster_that_is_started_right_after() {
    let mut first = Stage::active(&[]);
    let server = first.server("chat-1", 1);
    first.candidate();
    let client = first.client("admin");
    stop_all(&mut first, client);
    // The servers have left, this master dies before it has said that it is over.
    first.closed(server, true);

    let stops = |next: &mut Stage, life| {
        let link = next.server("chat-1", life);
        let actions = next.role(active(2));
        let stops = told(&actions, link).iter().any(|body| body["signal"] == "stop");
        assert_eq!(next.control.ending.is_some(), stops);
        stops
    };
    let later = |first: &Stage| {
        let mut next = Stage::next_to(first);
        let wall = next.control.wall_us(next.now);
        next.now += 5 * SECOND;
        next.control.wall.set(next.now, wall + 5_000_000);
        next.kept = Rc::new(RefCell::new(first.kept.borrow().clone()));
        next
    };
    assert!(!stops(&mut later(&first), 2), "another cluster, within the time that a stop may take");
    let mut next = later(&first);
    let before = view(1, &[info("chat-1", 1)]);
    next.on(Event::Remembered { view: before, max_epoch: 1 });
    next.role(active(2));
    assert!(next.control.ending.is_none(), "another cluster, which remembers the one that was stopped");
    assert!(stops(&mut later(&first), 1), "a master that was started again in the cluster that is stopped");
    assert!(stops(&mut Stage::next_to(&first), 2), "a standby of that time");
}
