//! A coordinator that is away: for everybody, or only for the leader.

use super::*;

fn promise(ms: u64) -> Value {
    json!({ "promise_ms": ms })
}

#[test]
fn a_leader_goes_on_while_every_other_master_waits_for_the_coordinator_too() {
    let mut stage = Stage::active(&[]);
    let (first, second) = (stage.candidate_at(3005), stage.candidate_at(3006));
    let asked = stage.role(suspended(1));
    assert!(!stage.control.is_active(), "authority first");
    assert_eq!(told(&asked, first), [Asked::Failsafe { epoch: 1 }.body()]);
    stage.answers(first, &asked, Ok(promise(2_000)));
    assert!(!stage.control.is_active(), "one has not promised");
    stage.answers(second, &asked, Ok(promise(2_000)));
    assert!(stage.control.is_active() && stage.control.is_unrecorded());

    let again = stage.after(SECOND);
    stage.answers(first, &again, Ok(promise(2_000)));
    stage.answers(second, &again, Ok(promise(2_000)));
    stage.after(SECOND);
    assert!(stage.control.is_active(), "the promises were renewed");
    stage.after(SECOND);
    assert!(!stage.control.is_active(), "nobody has answered again");
    stage.role(active(1));
    assert!(stage.control.is_active() && !stage.control.is_unrecorded());
}

#[test]
fn a_leader_stops_when_another_master_hears_the_coordinator() {
    let mut stage = Stage::active(&[]);
    let (first, second) = (stage.candidate_at(3005), stage.candidate_at(3006));
    let asked = stage.role(suspended(1));
    stage.answers(first, &asked, Ok(promise(2_000)));
    stage.answers(second, &asked, Ok(promise(0)));
    assert!(!stage.control.is_active());
    stage.now += Duration::from_millis(600);
    let again = stage.on(Event::Tick);
    stage.answers(first, &again, Ok(promise(2_000)));
    stage.answers(second, &again, Ok(promise(2_000)));
    assert!(stage.control.is_active(), "it does not hear it any more");
}

#[test]
fn a_leader_without_other_masters_goes_on() {
    let mut stage = Stage::active(&[]);
    stage.role(suspended(1));
    assert!(stage.control.is_active() && stage.control.is_unrecorded());
}

#[test]
fn a_master_that_has_ended_is_not_waited_for_and_one_that_is_silent_is() {
    let mut stage = Stage::active(&[]);
    let (first, second) = (stage.candidate_at(3005), stage.candidate_at(3006));
    stage.role(suspended(1));
    stage.closed(first, true);
    stage.closed(second, false);
    assert!(!stage.control.is_active(), "it may be alive");
    stage.link_to(3006, linked(MasterRole::Standby));
    stage.link_to(3006, LinkState { gone: Some(stage.now.into()), ..LinkState::default() });
    assert!(stage.control.is_active(), "its process is gone");
}

#[test]
fn a_master_that_was_lost_before_the_coordinator_is_waited_for_until_it_is_known_to_be_gone() {
    let gone = |stage: &Stage| LinkState { gone: Some(stage.now.into()), ..LinkState::default() };
    let mut stage = Stage::active(&[]);
    let (first, second) = (stage.candidate_at(3005), stage.candidate_at(3006));
    stage.closed(first, false);
    stage.link_to(3006, gone(&stage));
    stage.closed(second, false);
    stage.role(suspended(1));
    assert!(!stage.control.is_active(), "the first one may hear the coordinator behind a broken line");
    stage.role(active(1));
    stage.link_to(3005, gone(&stage));
    stage.role(suspended(1));
    assert!(stage.control.is_active(), "nobody is there who could lead");
}

#[test]
fn a_lease_that_runs_out_ends_authority_before_the_election_knows() {
    let mut stage = Stage::active(&[]);
    stage.candidate();
    stage.on(Event::Lease { over: true });
    assert!(!stage.control.is_active());
    stage.on(Event::Lease { over: false });
    assert!(stage.control.is_active());
}

#[test]
fn a_lease_that_has_run_out_is_said_again_of_the_next_term_though_no_role_was_seen_between() {
    let mut stage = Stage::active(&[]);
    stage.candidate();
    stage.on(Event::Lease { over: true });
    stage.role(active(2));
    assert!(!stage.control.is_lapsed(), "a term begins with a lease, as long as nobody says otherwise");
    stage.on(Event::Lease { over: true });
    assert!(stage.control.is_lapsed() && !stage.control.is_active());
}

#[test]
fn a_promotion_while_nobody_is_heard_begins_when_somebody_is() {
    let mut stage = Stage::new(&[]);
    let server = stage.server("chat-1", 1);
    stage.role(Role::Standby { ahead: 1 });
    stage.role(suspended(2));
    assert_eq!(stage.control.epoch(), None);
    let actions = stage.role(active(2));
    assert_eq!(told(&actions, server)[0]["action"], "announce");
    assert!(stage.control.lists().contains_key(&id("chat-1")));
}

#[test]
fn a_standby_promises_only_while_it_does_not_hear_the_coordinator_and_keeps_its_promise() {
    let mut standby = Stage::new(&[]);
    standby.role(Role::Standby { ahead: 1 });
    standby.on(Event::Leader(leader(3005, 1)));
    let asked = Asked::Failsafe { epoch: 1 };
    assert_eq!(replied(&standby.asked(1, &asked)), Some(Ok(promise(0))));
    standby.on(Event::Trouble(Some("no quorum".into())));
    assert_eq!(replied(&standby.asked(1, &asked)), Some(Ok(promise(2_000))));
    standby.on(Event::Trouble(None));
    standby.link_to(3005, linked(MasterRole::Active));
    let gone = LinkState { gone: Some(standby.now.into()), ..LinkState::default() };
    assert!(!standby.link_to(3005, gone).contains(&Action::Evict { addr: addr(3005) }), "it has promised");
    standby.after(SECOND);
    assert!(standby.after(SECOND).contains(&Action::Evict { addr: addr(3005) }));
}

#[test]
fn a_suspended_leader_gives_up_when_a_standby_hears_the_coordinator() {
    let mut stage = Stage::active(&[]);
    let (server, candidate) = (stage.server("chat-1", 1), stage.candidate());
    let cede = |epoch| Envelope::notify("__cluster__", messages::Said::Cede { epoch }.body());
    assert!(stage.monitor_says(candidate, cede(1)).is_empty(), "it hears it itself");
    stage.role(suspended(1));
    assert!(stage.monitor_says(candidate, cede(1)).is_empty(), "not at once");
    stage.after(SECOND);
    assert!(stage.monitor_says(server, cede(1)).is_empty(), "not for a server");
    assert!(stage.monitor_says(candidate, cede(2)).is_empty(), "another term is meant");
    let actions = stage.monitor_says(candidate, cede(1));
    assert_eq!(actions[0], Action::HandOver);
    assert_eq!(told(&actions, server)[0]["role"], "joining");
    assert_eq!(stage.control.epoch(), None);
    stage.role(active(1));
    assert_eq!(stage.control.epoch(), None, "the election has not heard of it yet");
    stage.role(active(2));
    assert_eq!(stage.control.epoch(), Some(2));
}
