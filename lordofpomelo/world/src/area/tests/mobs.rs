//! Monsters: where they come from, whom they notice, how far they follow, how they patrol.

use super::*;

const AT: Point = Point::new(1950.0, 1650.0);

fn with_a_harpy() -> Play {
    let mut play = Play::new(vec![zone_at(202, 1, AT)], Vec::new(), Rules::default());
    play.ticks(1);
    play
}

#[test]
fn monsters_appear_with_the_values_of_their_level() {
    let play = {
        let mut play = Play::new(vec![zone_at(202, 10, AT)], Vec::new(), Rules::default());
        play.ticks(1);
        play
    };
    let stats = play.stats(play.mob());
    assert_eq!((stats.level, stats.hp, stats.max_hp, stats.walk_speed), (10, 222, 222, 160));
    assert_eq!(play.position(play.mob()), AT);
}

#[test]
fn a_zone_fills_up_and_makes_up_for_the_killed_after_its_time() {
    let rect = Rect { x: 1800.0, y: 1500.0, width: 300.0, height: 300.0 };
    let mut play = Play::new(vec![zone(202, 1, 5, rect)], Vec::new(), Rules::default());
    let mut alive = Vec::new();
    for ticks in [1, 49, 1, 100] {
        play.ticks(ticks);
        alive.push(play.area.counts().mobs);
    }
    assert_eq!(alive, [3, 3, 5, 5]);

    let place = play.position(play.mob());
    play.enter(Play::veteran(1, 60, place));
    let mob = play.mob();
    play.area.attack(PlayerId(1), mob).unwrap();
    play.until("one is dead", |play| play.area.counts().mobs == 4);
    play.leave(1, Farewell::LoggedOut);
    play.ticks(49);
    assert_eq!(play.area.counts().mobs, 4);
    play.ticks(1);
    assert_eq!(play.area.counts().mobs, 5);
}

#[test]
fn a_monster_patrols_with_rests_near_its_place() {
    let mut play = with_a_harpy();
    let mob = play.mob();
    let (mut walked, mut rested) = (0, 0);
    for _ in 0..3000 {
        let before = play.position(mob);
        play.ticks(1);
        if play.position(mob) == before {
            rested += 1;
        } else {
            walked += 1;
        }
        let off = play.position(mob);
        assert!((off.x - AT.x).abs() <= 600.0 && (off.y - AT.y).abs() <= 600.0);
    }
    assert!(walked > 300 && rested > 1000, "{walked} ticks on its way, {rested} at rest");
}

#[test]
fn patrols_are_seen() {
    let mut play = with_a_harpy();
    let ann = play.join(1, p(AT.x, AT.y - 320.0));
    play.heard(ann);
    play.ticks(200);
    let mob = play.mob();
    assert!(play.heard(ann).iter().any(|push| matches!(push, Push::Move(walk) if walk.entity_id == mob)));
    assert!(!play.area.entities.get(mob).unwrap().mob().unwrap().is_awake || play.target(mob).is_some());
}

#[test]
fn a_monster_notices_who_comes_into_its_tower_and_strikes() {
    let mut play = with_a_harpy();
    let mob = play.mob();
    let ann = play.join(1, p(1950.0, 1450.0));
    play.ticks(1);
    assert_eq!(play.target(mob), None, "next door is not near");
    // The patrol may have begun; the tower is what counts.
    let at = play.position(mob);
    play.walk(1, &[(1950.0, 1450.0), (at.x, at.y)]).unwrap();
    play.until("it notices", |play| play.target(mob) == Some(ann));
    play.until("it strikes", |play| play.stats(ann).hp < 220);
}

#[test]
fn a_monster_gives_up_far_from_home_and_goes_back() {
    let mut play = with_a_harpy();
    let mob = play.mob();
    let at = play.position(mob);
    let ann = play.enter(Play::veteran(1, 60, at));
    play.ticks(1);
    assert_eq!(play.target(mob), Some(ann));
    // She walks away at 240, it follows at 160.
    play.walk(1, &[(at.x, at.y), (at.x + 1500.0, at.y)]).unwrap();
    let mut farthest = 0.0_f64;
    play.until("it gives up", |play| {
        farthest = farthest.max((play.position(mob).x - AT.x).abs());
        play.target(mob).is_none()
    });
    assert!((500.0..520.0).contains(&farthest), "{farthest}");
    assert!(play.area.player_mut(ann).unwrap().hated_by.is_empty());
    play.until("it is home", |play| play.position(mob) == AT);
}

/// D-15: in the original a hunted monster stopped at every blow.
#[test]
fn a_blow_from_the_one_it_follows_does_not_stop_a_monster() {
    let mut play = with_a_harpy();
    let mob = play.mob();
    let at = play.position(mob);
    let ann = play.join(1, p(at.x + 250.0, at.y));
    hate::hate(&mut play.area.entities, mob, ann, 1);
    play.ticks(2);
    let walks = |play: &Play| play.area.entities.get(mob).unwrap().life().unwrap().walk.is_some();
    assert!(walks(&play));
    hate::hate(&mut play.area.entities, mob, ann, hate::STRUCK);
    assert!(walks(&play));
}

#[test]
fn a_monster_goes_after_whom_it_hates_most_and_after_the_next_when_that_one_leaves() {
    let mut play = with_a_harpy();
    let mob = play.mob();
    let at = play.position(mob);
    let [ann, bob, eve] = [1, 2, 3].map(|id| play.join(id, p(at.x + 20.0, at.y)));
    assert_eq!(play.target(mob), Some(ann), "the first of those with as many points");
    hate::hate(&mut play.area.entities, mob, eve, hate::STRUCK);
    assert_eq!(play.target(mob), Some(eve));
    hate::hate(&mut play.area.entities, mob, bob, 2);
    assert_eq!(play.target(mob), Some(eve));
    play.leave(3, Farewell::LoggedOut);
    assert_eq!(play.target(mob), Some(bob));
    play.leave(2, Farewell::Travels);
    play.leave(1, Farewell::Travels);
    play.ticks(1);
    assert_eq!(play.target(mob), None);
}

const PEACE_MS: u64 = 20_000;

/// A monster that stands beside ann, who has just come in.
fn in_peace(level: u32) -> (Play, EntityId, EntityId) {
    let rules = Rules { peace_ms: PEACE_MS, ..Rules::default() };
    let mut play = Play::new(vec![zone_at(202, level, AT)], Vec::new(), rules);
    play.ticks(1);
    let (mob, ann) = (play.mob(), play.join(1, AT));
    (play, mob, ann)
}

#[test]
fn who_has_just_come_in_and_does_nothing_is_left_in_peace_for_a_while() {
    let (mut play, mob, ann) = in_peace(1);
    play.ticks(199);
    assert_eq!((play.target(mob), play.stats(ann).hp), (None, 220));
    play.until("it strikes", |play| play.stats(ann).hp < 220);
    assert!(play.now_ms > PEACE_MS);
}

#[test]
fn peace_ends_with_the_first_step_or_blow_and_whoever_stands_near_notices() {
    let (mut play, mob, ann) = in_peace(1);
    play.walk(1, &[(AT.x, AT.y), (AT.x + 5.0, AT.y)]).unwrap();
    play.ticks(1);
    assert_eq!(play.target(mob), Some(ann));
    let (mut play, mob, ann) = in_peace(1);
    play.area.attack(PlayerId(1), mob).unwrap();
    play.ticks(1);
    assert_eq!(play.target(mob), Some(ann));
}

#[test]
fn who_comes_back_to_life_is_left_in_peace() {
    let rules = Rules { peace_ms: PEACE_MS, ..Rules::default() };
    let mut play = Play::new(vec![zone(202, 20, 5, BIRTH)], Vec::new(), rules);
    play.ticks(101);
    let ann = play.join(1, BIRTH.random(&mut Rng::with_seed(1)));
    play.area.attack(PlayerId(1), play.mob()).unwrap();
    play.until("ann dies", |play| play.stats(ann).hp == 0);
    play.until("ann is back", |play| play.stats(ann).hp > 0);
    play.ticks(190);
    assert_eq!(play.stats(ann).hp, 110, "among five monsters");
    play.until("ann dies again", |play| play.stats(ann).hp == 0);
}

#[test]
fn the_dead_are_not_noticed_and_are_forgotten() {
    let mut play = Play::new(vec![zone_at(208, 30, AT)], Vec::new(), Rules::default());
    play.ticks(1);
    let mob = play.mob();
    let ann = play.join(1, p(AT.x + 20.0, AT.y));
    play.until("she is dead", |play| play.stats(ann).hp == 0);
    assert_eq!(play.target(mob), None);
    play.join(2, p(AT.x + 20.0, AT.y + 20.0));
    assert_ne!(play.target(mob), Some(ann));
    hate::notice(&mut play.area.entities, mob, ann);
    assert!(play.area.player_mut(ann).unwrap().hated_by.is_empty());
}

/// D-11: in the original monsters planned on the desert's map wherever they were.
#[test]
fn a_monster_walks_around_what_stands_in_its_way() {
    let mut play = Play::new(vec![zone_at(202, 1, p(950.0, 750.0))], Vec::new(), Rules::default());
    play.ticks(1);
    let mob = play.mob();
    let ann = play.join(1, p(1200.0, 750.0));
    hate::hate(&mut play.area.entities, mob, ann, 1);
    play.until("it strikes", |play| {
        let at = play.position(mob);
        assert!(play.area.map.grid.is_walkable(at), "{at:?}");
        play.stats(ann).hp < 220
    });
}

#[test]
fn a_monster_that_comes_near_notices() {
    let mut play = with_a_harpy();
    let mob = play.mob();
    let ann = play.join(1, p(AT.x + 300.0, AT.y));
    assert_eq!(play.target(mob), None);
    play.area.relocate(mob, p(AT.x + 200.0, AT.y));
    play.hear();
    assert_eq!(play.target(mob), Some(ann));
}

/// The client takes a killed monster away by itself, but only who sees the killer is told of the blow.
#[test]
fn who_sees_a_monster_die_but_not_its_killer_is_told_that_it_is_gone() {
    let mut play = Play::new(vec![zone_at(202, 1, p(1510.0, 1650.0))], Vec::new(), Rules::default());
    play.ticks(1);
    let mob = play.mob();
    let ann = play.enter(Play::veteran(1, 60, p(1490.0, 1650.0)));
    let near = play.join(2, p(1650.0, 1950.0));
    let far = play.join(3, p(2200.0, 1650.0));
    assert!(play.clients[&far].knows.contains(&mob) && !play.clients[&far].knows.contains(&ann));
    play.heard(near);
    play.heard(far);
    play.area.attack(PlayerId(1), mob).unwrap();
    play.ticks(1);
    assert!(play.area.entities.get(mob).is_none());
    assert!(play.heard(far).contains(&Push::RemoveEntities(vec![mob])));
    let told = play.heard(near);
    assert!(matches!(&told[0], Push::Attack(attack) if attack.result.result == 2), "{told:?}");
    assert!(!told.contains(&Push::RemoveEntities(vec![mob])), "{told:?}");
}
