//! What a standby suspects, event by event.

use super::*;

fn addr(n: u16) -> MasterAddr {
    MasterAddr { host: "10.0.0.1".into(), port: 3000 + n }
}

fn lead(n: u16, epoch: u64) -> Leader {
    Leader { addr: addr(n), epoch }
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn server(n: usize) -> ServerId {
    ServerId::new(format!("chat-server-{n}")).unwrap()
}

/// A standby that follows master 1 and hears the coordinator.
fn standby() -> Suspicion {
    let mut suspicion = Suspicion::new();
    assert_eq!(suspicion.on(Event::Leader(Some(lead(1, 4))), at(0)), None);
    assert_eq!(suspicion.on(Event::Able(true), at(0)), None);
    suspicion
}

fn evict(n: u16, evidence: Evidence) -> Option<Eviction> {
    Some(Eviction { addr: addr(n), evidence })
}

fn tick(linked: usize) -> Event {
    Event::Tick { linked, reached: true }
}

fn report(n: usize, leader: Leader) -> Event {
    Event::Unreachable { by: server(n), leader }
}

#[test]
fn a_leader_that_is_gone_is_evicted_at_once_and_once() {
    let mut suspicion = standby();
    assert_eq!(suspicion.on(Event::Gone(addr(1)), at(5)), evict(1, Evidence::Gone));
    assert_eq!(suspicion.on(Event::Evicted { addr: addr(1), was: true }, at(6)), None);
    assert_eq!(suspicion.on(tick(3), at(50_000)), None);
}

#[test]
fn an_eviction_that_failed_is_wished_again_after_a_pause() {
    let mut suspicion = standby();
    assert_eq!(suspicion.on(Event::Gone(addr(1)), at(0)), evict(1, Evidence::Gone));
    assert_eq!(suspicion.on(tick(3), at(999)), None);
    assert_eq!(suspicion.on(tick(3), at(1_000)), evict(1, Evidence::Gone));
}

#[test]
fn a_link_that_is_there_again_is_no_evidence() {
    let mut suspicion = standby();
    suspicion.on(Event::Able(false), at(0));
    assert_eq!(suspicion.on(Event::Gone(addr(1)), at(0)), None);
    suspicion.on(Event::Back(addr(1)), at(1));
    assert_eq!(suspicion.on(Event::Able(true), at(2)), None);
}

#[test]
fn who_does_not_hear_the_coordinator_evicts_nobody_and_catches_up_when_it_does() {
    let mut suspicion = standby();
    suspicion.on(Event::Able(false), at(0));
    assert_eq!(suspicion.on(Event::Gone(addr(1)), at(1)), None);
    assert_eq!(suspicion.on(tick(3), at(10_000)), None);
    assert_eq!(suspicion.on(Event::Able(true), at(10_001)), evict(1, Evidence::Gone));
}

#[test]
fn more_than_half_of_the_servers_are_needed_and_only_about_the_leader_of_now() {
    let mut suspicion = standby();
    suspicion.on(tick(4), at(0));
    for n in 0..2 {
        assert_eq!(suspicion.on(report(n, lead(1, 4)), at(10)), None, "two of four are not most");
    }
    assert_eq!(suspicion.on(report(2, lead(3, 3)), at(10)), None, "it means an earlier leader");
    assert_eq!(suspicion.on(report(1, lead(1, 4)), at(20)), None, "the same server again");
    let most = Evidence::Unreachable { reports: 3, linked: 4 };
    assert_eq!(suspicion.on(report(3, lead(1, 4)), at(30)), evict(1, most));
}

#[test]
fn one_server_alone_is_not_believed_unless_the_leader_is_not_reached_from_here_either() {
    let mut suspicion = standby();
    suspicion.on(tick(1), at(0));
    assert_eq!(suspicion.on(report(0, lead(1, 4)), at(10)), None);
    let alone = Evidence::Unreachable { reports: 1, linked: 1 };
    let cut = Event::Tick { linked: 1, reached: false };
    assert_eq!(suspicion.on(cut.clone(), at(20)), evict(1, alone));

    let mut suspicion = standby();
    assert_eq!(suspicion.on(cut, at(20)), None, "nobody complains");
    suspicion.on(tick(2), at(30));
    suspicion.on(report(0, lead(1, 4)), at(30));
    let both = Evidence::Unreachable { reports: 2, linked: 2 };
    assert_eq!(suspicion.on(report(1, lead(1, 4)), at(30)), evict(1, both));
}

#[test]
fn words_of_servers_grow_old_and_die_with_their_leader() {
    let mut suspicion = standby();
    suspicion.on(tick(3), at(0));
    suspicion.on(report(0, lead(1, 4)), at(0));
    let late = at(0) + REPORT_FRESH + at(1);
    assert_eq!(suspicion.on(report(1, lead(1, 4)), late), None);
    suspicion.on(Event::Leader(Some(lead(2, 5))), late);
    assert_eq!(suspicion.on(report(2, lead(2, 5)), late), None);
    assert_eq!(suspicion.on(tick(0), late), None, "nobody is linked: nobody is most");
}

#[test]
fn a_leader_that_gave_up_has_a_moment_to_give_its_place_back() {
    let mut suspicion = standby();
    assert_eq!(suspicion.on(Event::Ceded(addr(1)), at(0)), None);
    assert_eq!(suspicion.on(Event::Leader(None), at(0)), None);
    assert_eq!(suspicion.on(tick(3), at(99)), None);
    assert_eq!(suspicion.on(tick(3), at(100)), evict(1, Evidence::Ceded));

    let mut suspicion = standby();
    suspicion.on(Event::Ceded(addr(1)), at(0));
    suspicion.on(Event::Leader(Some(lead(1, 5))), at(50));
    assert_eq!(suspicion.on(tick(3), at(200)), None, "it leads again");
}

#[test]
fn a_master_that_is_gone_is_evicted_after_the_leader() {
    let mut suspicion = standby();
    suspicion.on(Event::Able(false), at(0));
    suspicion.on(Event::Gone(addr(0)), at(0));
    suspicion.on(Event::Gone(addr(1)), at(0));
    assert_eq!(suspicion.on(Event::Able(true), at(1)), evict(1, Evidence::Gone));
    suspicion.on(Event::Evicted { addr: addr(1), was: true }, at(2));
    assert_eq!(suspicion.on(tick(3), at(1_001)), evict(0, Evidence::Gone));
}

#[test]
fn evictions_are_kept_apart_by_pauses_that_grow_and_end_after_a_quiet_minute() {
    let mut suspicion = standby();
    let (mut now, mut pauses) = (at(0), Vec::new());
    for _ in 0..8 {
        let began = now;
        let mut wished = suspicion.on(Event::Gone(addr(1)), now);
        while wished.is_none() {
            now += at(100);
            wished = suspicion.on(tick(3), now);
        }
        suspicion.on(Event::Evicted { addr: addr(1), was: true }, now);
        pauses.push((now - began).as_secs());
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 30, 30]);
    now += QUIET;
    assert_eq!(suspicion.on(Event::Gone(addr(1)), now), evict(1, Evidence::Gone));
    suspicion.on(Event::Evicted { addr: addr(1), was: true }, now);
    assert_eq!(suspicion.on(Event::Gone(addr(1)), now + at(999)), None);
    assert_eq!(suspicion.on(tick(3), now + at(1_000)), evict(1, Evidence::Gone));
}

#[test]
fn an_eviction_that_found_nothing_costs_no_pause() {
    let mut suspicion = standby();
    assert!(suspicion.on(Event::Gone(addr(1)), at(0)).is_some());
    suspicion.on(Event::Evicted { addr: addr(1), was: false }, at(1));
    assert_eq!(suspicion.on(Event::Gone(addr(2)), at(2)), evict(2, Evidence::Gone));
}

#[test]
fn a_promise_is_kept() {
    let mut suspicion = standby();
    suspicion.on(Event::Promised(at(2_000)), at(0));
    assert_eq!(suspicion.on(Event::Gone(addr(1)), at(10)), None);
    suspicion.on(Event::Promised(at(2_000)), at(500));
    assert_eq!(suspicion.on(tick(3), at(2_400)), None);
    assert_eq!(suspicion.on(tick(3), at(2_500)), evict(1, Evidence::Gone));
}
