//! Who is there, without links or a clock.

use super::*;

const FRESH: Duration = Duration::from_secs(3);
const MISSING: Duration = Duration::from_secs(10);

fn server(id: &str, incarnation: u64) -> ServerInfo {
    let record = serde_json::json!({
        "id": id, "serverType": "chat", "host": "127.0.0.1", "port": 6050, "pid": 100 + incarnation,
        "incarnation": incarnation,
    });
    serde_json::from_value(record).unwrap()
}

fn leader() -> (Registry, Instant) {
    let (mut registry, now) = standby();
    registry.lead(1, now);
    (registry, now)
}

fn standby() -> (Registry, Instant) {
    (Registry::new(FRESH, MISSING), Instant::now())
}

fn followed(epoch: u64, servers: &[ServerInfo]) -> View {
    View::new(Version { epoch, rev: 9 }, servers.iter().cloned())
}

fn id(name: &str) -> ServerId {
    ServerId::new(name).unwrap()
}

fn ids(registry: &Registry) -> Vec<&str> {
    registry.view().servers.keys().map(ServerId::as_str).collect()
}

#[test]
fn each_join_and_leave_is_one_revision() {
    let (mut registry, now) = leader();
    let joined = registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    assert_eq!(joined.delta.unwrap().version, Version { epoch: 1, rev: 1 });
    let left = registry.leave(LinkId(1), true, now).unwrap().deltas.remove(0);
    assert_eq!(left.version, Version { epoch: 1, rev: 2 });
    assert!(matches!(left.change, Change::Remove { incarnation: Some(1), .. }));
    assert!(ids(&registry).is_empty());
}

#[test]
fn a_server_that_links_again_with_the_same_record_changes_nothing() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    let again = registry.admit(LinkId(2), server("chat-1", 1), false, now).unwrap();
    assert_eq!(again, Admitted { replaced: Some(LinkId(1)), delta: None });
    assert_eq!(registry.leave(LinkId(1), false, now), None, "the old link takes nobody with it");
    assert_eq!(ids(&registry), ["chat-1"]);
}

#[test]
fn a_late_leave_of_a_dead_process_does_not_evict_the_one_in_its_place() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    let later = now + FRESH;
    let newer = registry.admit(LinkId(2), server("chat-1", 2), false, later).unwrap();
    assert_eq!(newer.replaced, Some(LinkId(1)));
    assert!(newer.delta.is_some());
    assert_eq!(registry.leave(LinkId(1), true, now), None);
    assert_eq!(registry.view().servers[&ServerId::new("chat-1").unwrap()].incarnation, Some(2));
}

#[test]
fn of_two_living_processes_with_one_id_the_second_is_refused_with_the_first_ones_pid() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.heard(LinkId(1), now + FRESH);
    let refused = registry.admit(LinkId(2), server("chat-1", 2), false, now + FRESH + FRESH / 2).unwrap_err();
    assert!(refused.to_string().contains("held by pid 101 on 127.0.0.1"), "{refused}");
    assert_eq!(registry.link_of(&ServerId::new("chat-1").unwrap()), Some(LinkId(1)));
    assert_eq!(registry.leave(LinkId(2), false, now), None);
}

#[test]
fn an_earlier_life_is_refused_however_silent_the_later_one_is() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 5), false, now).unwrap();
    let refused = registry.admit(LinkId(2), server("chat-1", 4), false, now + 10 * FRESH).unwrap_err();
    assert!(matches!(refused, Refused::Older { known: 5, given: 4, .. }));
}

#[test]
fn a_promoted_standby_knows_everybody_at_once_and_drops_those_who_never_come() {
    let (mut registry, now) = standby();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.admit(LinkId(2), server("chat-3", 1), false, now).unwrap();
    registry.followed(&followed(4, &[server("chat-1", 1), server("chat-2", 1)]));
    registry.lead(5, now);
    assert_eq!(ids(&registry), ["chat-1", "chat-2", "chat-3"]);
    assert_eq!(registry.view().version, Version { epoch: 5, rev: 0 });
    assert!(registry.expire(now + MISSING / 2).is_empty());
    let dropped = registry.expire(now + MISSING);
    assert_eq!(dropped.len(), 1);
    assert_eq!(ids(&registry), ["chat-1", "chat-3"]);
}

#[test]
fn a_member_of_whom_only_a_former_life_is_linked_at_the_promotion_is_dropped_if_it_never_comes() {
    let (mut registry, now) = standby();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.followed(&followed(4, &[server("chat-1", 2)]));
    registry.lead(5, now);
    let former = registry.admit(LinkId(2), server("chat-1", 1), false, now).unwrap_err();
    assert!(matches!(former, Refused::Older { known: 2, given: 1, .. }));
    let parted = registry.leave(LinkId(1), false, now).unwrap();
    assert_eq!((parted.deltas, ids(&registry)), (vec![], vec!["chat-1"]), "the later life may still come");
    assert_eq!(registry.expire(now + MISSING).len(), 1);
    assert!(ids(&registry).is_empty());
}

#[test]
fn a_member_that_comes_in_time_after_a_promotion_changes_nothing() {
    let (mut registry, now) = standby();
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.lead(5, now);
    assert_eq!(registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap().delta, None);
    assert!(registry.expire(now + 2 * MISSING).is_empty());
}

#[test]
fn who_said_goodbye_to_a_standby_is_not_revived_by_its_promotion() {
    let (mut registry, now) = standby();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.leave(LinkId(1), true, now);
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.lead(5, now);
    assert!(ids(&registry).is_empty());
}

#[test]
fn a_lost_link_to_a_standby_is_no_leave() {
    let (mut registry, now) = standby();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.leave(LinkId(1), false, now);
    registry.lead(5, now);
    assert_eq!(ids(&registry), ["chat-1"]);
}

#[test]
fn a_standby_publishes_nothing_and_forgets_an_older_view() {
    let (mut registry, now) = standby();
    assert_eq!(registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap().delta, None);
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.followed(&followed(3, &[]));
    assert_eq!(ids(&registry), ["chat-1"]);
    assert!(registry.leave(LinkId(1), true, now).unwrap().deltas.is_empty());
}

#[test]
fn a_deposed_leader_publishes_nothing_and_follows() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.step_down();
    assert!(registry.leave(LinkId(1), false, now).unwrap().deltas.is_empty());
    registry.followed(&followed(2, &[server("chat-2", 1)]));
    assert_eq!(ids(&registry), ["chat-2"]);
}

#[test]
fn a_member_whose_link_breaks_is_missing_and_coming_back_changes_nothing() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    let version = registry.view().version;
    let parted = registry.leave(LinkId(1), false, now).unwrap();
    assert_eq!((parted.deltas, parted.missing), (vec![], true));
    assert_eq!(registry.missing_for(&id("chat-1"), now + FRESH), Some(FRESH));
    assert!(registry.expire(now + MISSING / 2).is_empty());
    let back = registry.admit(LinkId(2), server("chat-1", 1), false, now + MISSING / 2).unwrap();
    assert_eq!((back.delta, registry.view().version), (None, version));
    assert!(registry.expire(now + 2 * MISSING).is_empty());
    assert_eq!(registry.missing_for(&id("chat-1"), now + MISSING), None);
}

#[test]
fn a_missing_member_is_removed_when_its_address_refuses_or_its_agent_says_so_or_in_the_end() {
    for how in ["refused", "died", "late"] {
        let (mut registry, now) = leader();
        registry.admit(LinkId(1), server("chat-1", 7), false, now).unwrap();
        registry.leave(LinkId(1), false, now);
        let id = id("chat-1");
        assert_eq!(registry.probed(&id, Some(7), false), []);
        assert_eq!(registry.probed(&id, Some(6), true), [], "an answer about a former life");
        assert_eq!(registry.died(&id, 6), (None, vec![]), "the end of a former life");
        assert_eq!(registry.died(&id, 8), (None, vec![]), "the end of a life that was never registered");
        assert_eq!(ids(&registry), ["chat-1"]);
        let deltas = match how {
            "refused" => registry.probed(&id, Some(7), true),
            "died" => registry.died(&id, 7).1,
            _ => registry.expire(now + MISSING),
        };
        assert_eq!((deltas.len(), ids(&registry)), (1, vec![]), "{how}");
    }
}

#[test]
fn the_address_of_a_lost_member_is_looked_at_at_once_and_again() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.leave(LinkId(1), false, now);
    let addr = MasterAddr { host: "127.0.0.1".into(), port: 6050 };
    let probe = || Probe { server: id("chat-1"), incarnation: Some(1), addr: addr.clone() };
    assert_eq!(registry.probes(now), [probe()]);
    assert_eq!(registry.probes(now), []);
    assert_eq!(registry.probes(now + Duration::from_millis(100)), [probe()]);
    registry.admit(LinkId(2), server("chat-1", 1), false, now).unwrap();
    assert_eq!(registry.probes(now + MISSING), [], "it is back");
}

#[test]
fn who_has_not_come_since_a_promotion_is_not_looked_for() {
    let (mut registry, now) = standby();
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.lead(5, now);
    assert_eq!(registry.probes(now + FRESH), []);
}

#[test]
fn a_process_whose_server_is_known_to_have_died_leaves_its_link_to_be_closed() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    let (link, deltas) = registry.died(&id("chat-1"), 1);
    assert_eq!((link, deltas.len()), (Some(LinkId(1)), 1));
    assert_eq!(registry.leave(LinkId(1), false, now), None);
    assert!(registry.admit(LinkId(2), server("chat-1", 2), false, now).is_ok(), "its place is free at once");
}

#[test]
fn a_stray_process_does_not_displace_a_member_whose_link_is_away() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.leave(LinkId(1), false, now);
    let stray = registry.admit(LinkId(2), server("chat-1", 2), false, now + FRESH / 2).unwrap_err();
    assert!(matches!(stray, Refused::Held { .. }), "{stray}");
    let back = registry.admit(LinkId(3), server("chat-1", 1), false, now + FRESH / 2).unwrap();
    assert_eq!(back.delta, None);

    registry.leave(LinkId(3), false, now);
    let claimed = registry.admit(LinkId(4), server("chat-1", 2), true, now).unwrap();
    assert!(claimed.delta.is_some(), "an agent was told to start this one");
    let former = registry.admit(LinkId(5), server("chat-1", 1), false, now).unwrap_err();
    assert!(matches!(former, Refused::Older { known: 2, given: 1, .. }));
}

#[test]
fn a_stray_process_that_finds_a_standby_first_does_not_displace_the_member() {
    let (mut registry, now) = standby();
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    let stray = registry.admit(LinkId(1), server("chat-1", 2), false, now + MISSING).unwrap_err();
    assert!(matches!(stray, Refused::Held { .. }), "{stray}");

    // This one came before the membership did.
    let (mut registry, now) = standby();
    registry.admit(LinkId(1), server("chat-1", 2), false, now).unwrap();
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.lead(5, now);
    let member = |registry: &Registry| registry.view().servers[&id("chat-1")].incarnation;
    assert_eq!(member(&registry), Some(1));
    let real = registry.admit(LinkId(2), server("chat-1", 1), false, now).unwrap();
    assert_eq!((real.replaced, real.delta), (Some(LinkId(1)), None));

    // And this one is in nobody's way when the member never comes.
    let (mut registry, now) = standby();
    registry.admit(LinkId(1), server("chat-1", 2), false, now).unwrap();
    registry.followed(&followed(4, &[server("chat-1", 1)]));
    registry.lead(5, now);
    assert_eq!(registry.expire(now + MISSING).len(), 2);
    assert_eq!(member(&registry), Some(2));
}

#[test]
fn the_place_of_a_server_that_ended_is_free_on_a_standby_before_the_leader_says_so() {
    let (mut registry, now) = standby();
    registry.followed(&followed(4, &[server("chat-1", 1), server("chat-2", 1)]));
    registry.admit(LinkId(1), server("chat-1", 1), false, now).unwrap();
    registry.leave(LinkId(1), true, now);
    registry.died(&id("chat-2"), 1);
    assert!(registry.admit(LinkId(2), server("chat-1", 2), false, now).is_ok());
    assert!(registry.admit(LinkId(3), server("chat-2", 2), false, now).is_ok());
}

#[test]
fn a_life_that_is_over_is_not_begun_again_by_whoever_comes_late() {
    let (mut registry, now) = leader();
    registry.admit(LinkId(1), server("chat-1", 5), false, now).unwrap();
    registry.leave(LinkId(1), true, now);
    let late = registry.admit(LinkId(2), server("chat-1", 4), false, now + 10 * MISSING).unwrap_err();
    assert!(matches!(late, Refused::Older { known: 5, given: 4, .. }));
    assert!(
        registry.admit(LinkId(3), server("chat-1", 5), false, now).is_ok(),
        "the same one may change its mind"
    );
    assert_eq!(registry.last_life(&id("chat-1")), 5);
}
