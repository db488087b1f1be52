//! Who is told what: entering, walking, leaving.

use super::*;

#[test]
fn two_players_see_each_other_appear_walk_and_leave() {
    let mut play = Play::empty();
    let ann = play.join(1, p(400.0, 400.0));
    let bob = play.join(2, p(500.0, 400.0));
    let heard = play.heard(ann);
    assert!(
        matches!(&heard[..], [Push::AddEntities(views)] if views.player[0].entity_id == bob),
        "{heard:?}"
    );
    assert!(play.heard(bob).is_empty(), "ann was in bob's answer");

    play.walk(2, &[(500.0, 400.0), (560.0, 480.0)]).unwrap();
    assert!(play.heard(bob).is_empty(), "who walks is not told");
    let heard = play.heard(ann);
    let [Push::Move(walk)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((walk.entity_id, walk.speed), (bob, 240));
    assert_eq!(walk.path, [Spot { x: 500, y: 400 }, Spot { x: 560, y: 480 }]);
    play.ticks(5);
    assert_eq!(play.position(bob), p(560.0, 480.0));

    let hero = play.leave(2, Farewell::LoggedOut).unwrap();
    assert_eq!(hero.position, p(560.0, 480.0));
    let heard = play.heard(ann);
    assert_eq!(heard, [Push::RemoveEntities(vec![bob]), Push::UserLeave(PlayerId(2))]);
    assert!(play.leave(2, Farewell::LoggedOut).is_none());
}

#[test]
fn who_travels_leaves_without_a_word_to_the_area() {
    let mut play = Play::empty();
    let ann = play.join(1, p(400.0, 400.0));
    let bob = play.join(2, p(500.0, 400.0));
    play.heard(ann);
    play.leave(2, Farewell::Travels).unwrap();
    assert_eq!(play.heard(ann), [Push::RemoveEntities(vec![bob])]);
}

/// D-10: in the original the second entry of a player failed while the first was still there.
#[test]
fn who_enters_again_is_there_once() {
    let mut play = Play::empty();
    let ann = play.join(1, p(400.0, 400.0));
    let old = play.join(2, p(500.0, 400.0));
    play.heard(ann);
    play.clients.remove(&old);
    let new = play.join(2, p(450.0, 400.0));
    assert_ne!(old, new);
    assert_eq!(play.area.players().count(), 2);
    let heard = play.heard(ann);
    assert_eq!(heard[0], Push::RemoveEntities(vec![old]));
    assert!(matches!(&heard[1], Push::AddEntities(views) if views.player[0].entity_id == new));
}

#[test]
fn who_stands_in_a_rock_appears_at_the_birth_zone() {
    let mut play = Play::empty();
    let ann = play.join(1, p(1050.0, 700.0));
    assert!(BIRTH.contains(play.position(ann)));
}

#[test]
fn a_walk_across_the_map_brings_things_in_and_out_of_sight() {
    let npcs = (0..14).map(|n| NpcSpot { kind: 304, at: p(150.0 + 300.0 * f64::from(n), 450.0) }).collect();
    let mut play = Play::new(Vec::new(), npcs, Rules::default());
    let ann = play.join(1, p(150.0, 400.0));
    assert_eq!(play.clients[&ann].knows.len(), 5);
    play.walk(1, &[(150.0, 400.0), (4100.0, 410.0)]).unwrap();
    play.until("she is there", |play| play.position(ann).x >= 4100.0);
    let heard = play.heard(ann);
    let added = heard.iter().filter(|push| matches!(push, Push::AddEntities(_))).count();
    let removed = heard.iter().filter(|push| matches!(push, Push::RemoveEntities(_))).count();
    assert_eq!((added, removed), (9, 9));
}

#[test]
fn a_walking_player_is_told_its_place_every_second() {
    let mut play = Play::empty();
    let ann = play.join(1, p(100.0, 400.0));
    play.walk(1, &[(100.0, 400.0), (900.0, 400.0)]).unwrap();
    play.ticks(31);
    let heard = play.heard(ann);
    let places: Vec<u32> = heard
        .iter()
        .filter_map(|push| if let Push::PathCheckout(_, at) = push { Some(at.x) } else { None })
        .collect();
    assert_eq!(places, [340, 580, 820]);
}

#[test]
fn a_larger_view_shows_more_and_a_smaller_one_less() {
    let npcs = (0..14).map(|n| NpcSpot { kind: 304, at: p(150.0 + 300.0 * f64::from(n), 450.0) }).collect();
    let mut play = Play::new(Vec::new(), npcs, Rules::default());
    let ann = play.join(1, p(150.0, 400.0));
    for (width, height, seen) in [(1900, 1000, 9), (500, 400, 3), (0, 0, 3), (1200, 90, 5), (9999, 9, 11)] {
        play.area.change_view(PlayerId(1), width, height, play.now_ms).unwrap();
        play.hear();
        assert_eq!(play.clients[&ann].knows.len(), seen, "{width} x {height}");
    }
}

#[test]
fn an_area_is_empty_since_the_last_player_left() {
    let mut play = Play::empty();
    assert_eq!(play.area.empty_since_ms(), Some(0));
    play.join(1, p(400.0, 400.0));
    assert_eq!(play.area.empty_since_ms(), None);
    play.ticks(10);
    play.leave(1, Farewell::LoggedOut);
    assert_eq!(play.area.empty_since_ms(), Some(1000));
    assert!(!crate::instances::is_over(&play.area, 1_800_999, crate::instances::LIFE_MS));
    assert!(crate::instances::is_over(&play.area, 1_801_000, crate::instances::LIFE_MS));
}
