//! What a client that lies gets: nothing.

use super::*;
use crate::hero::Sort;

const ME: PlayerId = PlayerId(1);

/// D-14: the original believed whatever place a client said it was at.
#[test]
fn a_way_that_begins_elsewhere_is_refused_and_the_client_is_told_where_it_is() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 400.0));
    assert_eq!(play.walk(1, &[(501.0, 400.0), (600.0, 400.0)]), Err(Refused::Leap));
    assert_eq!(play.heard(ann), [Push::PathCheckout(ann, Spot { x: 300, y: 400 })]);
    assert_eq!(play.position(ann), p(300.0, 400.0));
    assert_eq!(play.walk(1, &[(500.0, 400.0), (600.0, 400.0)]), Ok(()));
    assert_eq!(play.position(ann), p(500.0, 400.0));
}

#[test]
fn nobody_is_faster_than_a_quarter_more_than_its_speed_however_it_asks() {
    let mut play = Play::empty();
    let ann = play.join(1, p(100.0, 2000.0));
    for _ in 0..100 {
        let at = play.position(ann);
        for ahead in [190.0, 100.0, 50.0, 20.0, 10.0, 5.0] {
            let _ = play.walk(1, &[(at.x + ahead, 2000.0), (at.x + ahead + 400.0, 2000.0)]);
        }
        play.ticks(1);
    }
    let walked = play.position(ann).x - 100.0;
    assert!(walked <= 240.0 * 10.0 * 1.25 + LEAP_PX_MAX, "{walked} px in 10 s");
    assert!(walked >= 2000.0, "{walked} px in 10 s");
}

#[test]
fn more_than_ten_ways_a_second_are_refused() {
    let mut play = Play::empty();
    play.join(1, p(300.0, 400.0));
    let tried: Vec<_> = (0..12).map(|_| play.walk(1, &[(300.0, 400.0), (310.0, 410.0)])).collect();
    assert_eq!(tried.iter().filter(|tried| tried.is_ok()).count(), MOVES_PER_S_MAX);
    assert_eq!(tried[11], Err(Refused::TooOften));
    play.now_ms += 1000;
    assert_eq!(play.walk(1, &[(300.0, 400.0), (310.0, 410.0)]), Ok(()));
}

#[test]
fn views_and_requests_about_teams_are_not_asked_for_without_end() {
    let mut play = Play::empty();
    play.join(1, p(300.0, 400.0));
    let refused =
        |tried: Vec<Result<(), Refused>>| tried.iter().filter(|t| **t == Err(Refused::TooOften)).count();
    let views = (0..30).map(|n| play.area.change_view(ME, 600 + 600 * (n % 2), 0, 0)).collect();
    assert_eq!(
        refused(views),
        30 - VIEWS_PER_S_MAX * 2,
        "a refused change leaves the range, which may be asked for"
    );
    let asks = (0..30).map(|_| play.area.ask_team(ME, TeamAsk::Create, 0)).collect();
    assert_eq!(refused(asks), 30 - TEAM_ASKS_PER_10_S_MAX);
    assert_eq!(play.area.ask_team(ME, TeamAsk::Create, 10_000), Ok(()));
}

#[test]
fn ways_through_walls_out_of_the_map_or_without_end_are_refused() {
    let mut play = Play::empty();
    play.join(1, p(900.0, 700.0));
    let zigzag: Vec<_> = (0..201).map(|n| (900.0 + f64::from(n % 2), 700.0)).collect();
    let far: Vec<_> = (0..30)
        .map(|n| (if n % 2 == 0 { 900.0 } else { 910.0 }, if n % 2 == 0 { 2700.0 } else { 1000.0 }))
        .collect();
    for path in [
        &[(900.0, 700.0), (1190.0, 710.0)][..],
        &[(900.0, 700.0), (1050.0, 700.0)],
        &[(900.0, 700.0), (-10.0, 710.0)],
        &[(900.0, 700.0), (f64::NAN, 710.0)],
        &[(900.0, 700.0), (f64::INFINITY, 710.0)],
        &[(900.0, 700.0)],
        &[],
        &zigzag,
        &far,
    ] {
        assert_eq!(play.walk(1, path), Err(Refused::Path), "{path:?}");
        play.now_ms += 1000;
    }
}

#[test]
fn things_are_not_picked_up_from_afar() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 400.0));
    let near = play.lay(1, Sort::Item, p(800.0, 400.0));
    let far = play.lay(1, Sort::Item, p(3800.0, 400.0));
    assert_eq!(play.area.pick(ME, far), Err(Refused::Target), "out of sight");
    play.area.pick(ME, near).unwrap();
    play.ticks(1);
    assert_eq!(play.area.hero(ME).unwrap().bag.iter().count(), 0);
    play.until("she took it", |play| play.area.entities.get(near).is_none());
    assert!(play.position(ann).x >= 600.0);
}

#[test]
fn numbers_that_are_nothing_or_something_else_do_nothing() {
    let npcs = vec![NpcSpot { kind: 301, at: p(350.0, 400.0) }];
    let mut play = Play::new(Vec::new(), npcs, Rules::default());
    let ann = play.join(1, p(300.0, 400.0));
    let bob = play.join(2, p(350.0, 400.0));
    let npc = play.area.entities.npcs[0];
    for target in [0, 999_999, u32::MAX, ann] {
        assert_eq!(play.area.attack(ME, target), Err(Refused::Target));
        assert_eq!(play.area.pick(ME, target), Err(Refused::Target));
        assert_eq!(play.area.npc_talk(ME, target), Err(Refused::Target));
    }
    assert_eq!(play.area.pick(ME, bob), Err(Refused::Target));
    assert_eq!(play.area.pick(ME, npc), Err(Refused::Target));
    for slot in [0, 21, u32::MAX] {
        assert_eq!(play.area.use_item(ME, slot), Ok(false));
        assert_eq!(play.area.drop_item(ME, slot), Ok(false));
        assert_eq!(play.area.equip(ME, slot), Err(Refused::Worn(WornError::NoEquipment(slot))));
    }
    for skill in [0, 9, u32::MAX] {
        assert_eq!(play.area.learn_skill(ME, skill), Ok(None));
        assert_eq!(play.area.upgrade_skill(ME, skill), Ok(false));
    }
    assert_eq!(play.area.attack(PlayerId(77), bob), Err(Refused::Absent));
    play.ticks(10);
}

/// Two things behind the rock, and as many players before it: there is a way to each, but not a straight one.
fn behind_the_rock(players: u32) -> (Play, [EntityId; 2], Vec<EntityId>) {
    let mut play = Play::empty();
    let things = [700.0, 800.0].map(|y| play.lay(1, Sort::Item, p(1340.0, y)));
    let players = (1..=players).map(|id| play.join(id, p(760.0, 750.0))).collect();
    (play, things, players)
}

#[test]
fn whoever_changes_its_mind_all_the_time_has_no_more_ways_searched_for_than_others() {
    let (mut play, things, _) = behind_the_rock(1);
    let before = play.area.finder.searches();
    for n in 0..12 {
        play.area.pick(PlayerId(1), things[n % 2]).unwrap();
        play.ticks(1);
    }
    let searches = play.area.finder.searches() - before;
    assert!((2..=4).contains(&searches), "{searches} searches in 12 ticks");
}

#[test]
fn many_at_once_have_their_ways_one_after_the_other_and_nobody_is_forgotten() {
    let (mut play, things, players) = behind_the_rock(70);
    let start: Vec<_> = players.iter().map(|id| play.position(*id)).collect();
    for n in 0..12 {
        for id in 1..=70 {
            play.area.pick(PlayerId(id), things[n % 2]).unwrap();
        }
        let before = play.area.finder.searches();
        play.ticks(1);
        let searches = play.area.finder.searches() - before;
        assert!(searches <= 16, "{searches} searches in a tick");
    }
    let stand = players.iter().zip(start).filter(|(id, start)| play.position(**id) == *start).count();
    assert_eq!(stand, 0, "somebody never had its turn");
}
