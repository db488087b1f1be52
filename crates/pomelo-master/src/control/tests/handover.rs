//! Leadership that is given to another master on purpose.

use super::*;

const RFC: &str = "__console__";

/// A leader with two standbys and a tool that wants `to` to lead; what the masters are asked.
fn wanted(to: &str) -> (Stage, [LinkId; 2], LinkId, Vec<Action>) {
    let mut stage = Stage::active(&[]);
    stage.server("chat-1", 1);
    let others = [stage.candidate_at(3005), stage.candidate_at(3006)];
    for port in [3005, 3006] {
        stage.link_to(port, linked(MasterRole::Standby));
    }
    let client = stage.client("admin");
    let to = if to.is_empty() { Value::Null } else { to.into() };
    let actions = stage.client_asks(client, RFC, json!({ "signal": "handover", "to": to }));
    (stage, others, client, actions)
}

fn ready(port: u16, ahead: usize) -> Value {
    json!({ "host": "127.0.0.1", "port": port, "role": "standby", "ahead": ahead, "epoch": 1, "rev": 1 })
}

fn show() -> Value {
    json!({ "comd": "servers", "context": "all" })
}

#[test]
fn the_next_in_the_queue_takes_over_and_what_was_asked_meanwhile_is_answered_with_who_leads() {
    let (mut stage, [next, last], client, asked) = wanted("");
    assert!(stage.answers(last, &asked, Ok(ready(3006, 2))).is_empty());
    let actions = stage.answers(next, &asked, Ok(ready(3005, 1)));
    assert!(actions.contains(&Action::HandOver), "nobody has to stand aside: {actions:?}");
    assert_eq!(told(&actions, last)[0]["to"], json!({ "host": "127.0.0.1", "port": 3005 }));
    assert!(!stage.control.is_active(), "authority is gone already");
    assert!(stage.role(Role::Joining { why: Some("handed over".into()) }).is_empty(), "it is no news yet");
    assert!(stage.role(Role::Standby { ahead: 2 }).is_empty());

    let second = stage.client("admin");
    assert!(sent(&stage.client_asks(second, "watchServer", show()), second).is_empty(), "it waits");
    stage.now += Duration::from_millis(7);
    let actions = stage.on(Event::Leader(leader(3005, 2)));
    let over = answer(&actions, client).unwrap();
    assert_eq!(
        (&over["epoch"], &over["to"]["port"], &over["from"]["port"]),
        (&json!(2), &json!(3005), &json!(3007))
    );
    assert!((over["pause_ms"].as_f64().unwrap() - 7.0).abs() < 1e-6);
    assert_eq!(answer(&actions, second).unwrap_err().leader, Some(leader(3005, 2)));
}

#[test]
fn those_before_the_chosen_one_stand_aside_first() {
    let (mut stage, [next, chosen], client, asked) = wanted("3006");
    stage.answers(next, &asked, Ok(ready(3005, 1)));
    let aside = stage.answers(chosen, &asked, Ok(ready(3006, 2)));
    assert_eq!(told(&aside, next)[0], Asked::StepAside { to: addr(3006) }.body());
    assert!(told(&aside, chosen).is_empty());
    assert!(stage.control.is_active(), "until they have, this master leads");
    assert!(stage.answers(next, &aside, Ok(Value::Null)).contains(&Action::HandOver));
    stage.role(Role::Standby { ahead: 2 });
    assert!(answer(&stage.on(Event::Leader(leader(3006, 2))), client).is_ok());
}

#[test]
fn who_does_not_stand_aside_leaves_everything_as_it_was() {
    for answered in [true, false] {
        let (mut stage, [next, chosen], client, asked) = wanted("127.0.0.1:3006");
        stage.answers(next, &asked, Ok(ready(3005, 1)));
        let aside = stage.answers(chosen, &asked, Ok(ready(3006, 2)));
        let actions =
            if answered { stage.answers(next, &aside, Err("it is joining")) } else { stage.after(SECOND) };
        let failure = answer(&actions, client).unwrap_err();
        assert!(failure.message.contains("127.0.0.1:3005"), "{failure}");
        assert!(stage.control.is_active());
    }
}

#[test]
fn a_master_that_is_not_ready_is_not_handed_over_to() {
    let lagging = json!({ "host": "h", "port": 3006, "role": "standby", "ahead": 1, "epoch": 1, "rev": 0 });
    let mut deaf = ready(3006, 1);
    deaf["trouble"] = "no quorum".into();
    let mut joining = ready(3006, 1);
    joining["role"] = "joining".into();
    for (state, why) in [
        (lagging, "whole membership"),
        (deaf, "no quorum"),
        (joining, "it is joining"),
        (json!(7), "not understood"),
    ] {
        let (mut stage, [next, chosen], client, asked) = wanted("3006");
        stage.answers(next, &asked, Ok(ready(3005, 1)));
        let failure = answer(&stage.answers(chosen, &asked, Ok(state)), client).unwrap_err();
        assert!(
            failure.message.contains(why) && failure.message.contains("nothing was changed"),
            "{failure}"
        );
        assert!(stage.control.is_active());
    }
}

#[test]
fn leadership_goes_to_a_master_that_this_one_would_hear_of_it_from() {
    for (to, over) in [("", true), ("3005", false)] {
        let (mut stage, [next, last], client, asked) = wanted(to);
        stage.link_to(3005, LinkState::default());
        stage.answers(next, &asked, Ok(ready(3005, 1)));
        let actions = stage.answers(last, &asked, Ok(ready(3006, 2)));
        if over {
            assert_eq!(told(&actions, next)[0], Asked::StepAside { to: addr(3006) }.body());
        } else {
            let failure = answer(&actions, client).unwrap_err();
            assert!(failure.message.contains("no link to it yet") && failure.again, "{failure}");
            assert!(stage.control.is_active());
        }
    }
}

#[test]
fn a_master_that_comes_is_dialled_at_once_unless_it_is_linked() {
    let mut stage = Stage::active(&[]);
    let dial = Action::Dial { to: addr(3005) };
    assert!(stage.register(candidate(3005)).1.contains(&dial));
    stage.link_to(3005, linked(MasterRole::Standby));
    assert!(!stage.register(candidate(3005)).1.contains(&dial));
}

#[test]
fn a_wish_that_can_not_be_met_is_answered_in_words() {
    for (to, why) in [
        ("3009", "no master 3009 is linked"),
        ("3007", "leads already"),
        ("master-server-1", "several masters are called"),
    ] {
        let (_, _, client, actions) = wanted(to);
        let failure = answer(&actions, client).unwrap_err();
        assert!(failure.message.contains(why), "{failure}");
    }
    let mut alone = Stage::active(&[]);
    let client = alone.client("admin");
    let body = json!({ "signal": "handover" });
    let failure = answer(&alone.client_asks(client, RFC, body.clone()), client).unwrap_err();
    assert!(failure.message.contains("nobody to hand over to"), "{failure}");
    let looks = alone.client("monitor");
    assert!(answer(&alone.client_asks(looks, RFC, body), looks).is_err(), "it is no question");
}

#[test]
fn a_chosen_one_that_does_not_take_over_loses_its_place_to_the_next() {
    let (mut stage, [next, last], client, asked) = wanted("");
    stage.answers(last, &asked, Ok(ready(3006, 2)));
    stage.answers(next, &asked, Ok(ready(3005, 1)));
    stage.role(Role::Standby { ahead: 2 });
    assert!(stage.after(SECOND).contains(&Action::Evict { addr: addr(3005) }));
    let actions = stage.on(Event::Leader(leader(3006, 2)));
    assert_eq!(answer(&actions, client).unwrap()["to"]["port"], 3006);
}

#[test]
fn a_master_that_nobody_relieves_leads_again_and_says_so() {
    let (mut stage, [next, last], client, asked) = wanted("");
    stage.answers(last, &asked, Ok(ready(3006, 2)));
    stage.answers(next, &asked, Ok(ready(3005, 1)));
    let second = stage.client("admin");
    stage.client_asks(second, "watchServer", show());
    stage.role(Role::Standby { ahead: 1 });
    let actions = stage.role(active(2));
    assert!(answer(&actions, client).unwrap_err().message.contains("leads again"));
    let server = stage.control.registry.link_of(&id("chat-1")).unwrap();
    assert_eq!(told(&actions, server).last().unwrap(), &show(), "what waited is carried out");
}

#[test]
fn operations_under_way_are_answered_with_who_leads() {
    let (mut stage, [next, last], _, asked) = wanted("");
    let second = stage.client("admin");
    stage.client_asks(second, RFC, json!({ "signal": "stop", "ids": ["chat-1"] }));
    stage.answers(last, &asked, Ok(ready(3006, 2)));
    let actions = stage.answers(next, &asked, Ok(ready(3005, 1)));
    assert!(sent(&actions, second).is_empty(), "it is not known yet");
    let failure = answer(&stage.on(Event::Leader(leader(3005, 2))), second).unwrap_err();
    assert!(failure.again);
    assert_eq!(failure.leader, Some(leader(3005, 2)));
}

#[test]
fn a_termination_during_a_handover_ends_when_it_is_over() {
    let (mut stage, [next, last], client, asked) = wanted("");
    stage.answers(last, &asked, Ok(ready(3006, 2)));
    stage.answers(next, &asked, Ok(ready(3005, 1)));
    assert!(stage.on(Event::Shutdown).contains(&Action::Resign));
    let actions = stage.on(Event::Leader(leader(3005, 2)));
    assert!(answer(&actions, client).is_ok());
    assert!(actions.contains(&Action::Exit));
}

#[test]
fn a_standby_lets_others_pass_and_the_chosen_one_stays() {
    let mut standby = Stage::new(&[]);
    standby.role(Role::Standby { ahead: 1 });
    let stays = standby.asked(1, &Asked::StepAside { to: addr(3007) });
    assert_eq!(replied(&stays), Some(Ok(Value::Null)));
    let goes = standby.asked(1, &Asked::StepAside { to: addr(3006) });
    assert!(goes.contains(&Action::StepAside) && replied(&goes).is_none());
    let done = standby.on(Event::Moved { aside: true, result: Ok(()) });
    assert_eq!(replied(&done), Some(Ok(Value::Null)));

    standby.on(Event::Trouble(Some("no quorum".into())));
    let refused = replied(&standby.asked(1, &Asked::StepAside { to: addr(3006) })).unwrap().unwrap_err();
    assert!(refused.message.contains("no quorum"), "{refused}");
}

#[test]
fn what_a_deposed_leader_asks_is_refused() {
    let mut standby = Stage::new(&[]);
    standby.role(Role::Standby { ahead: 1 });
    standby.on(Event::Leader(leader(3005, 4)));
    let actions = standby.asked(3, &Asked::StepAside { to: addr(3006) });
    assert_eq!(replied(&actions).unwrap().unwrap_err().superseded, Some(4));
    assert!(!actions.contains(&Action::StepAside));
}
