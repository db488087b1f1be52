//! Blows, kills, experience, death and return; skills.

use super::*;

fn blows(heard: &[Push]) -> Vec<Attack> {
    let blow = |push: &Push| if let Push::Attack(attack) = push { Some(attack.clone()) } else { None };
    heard.iter().filter_map(blow).collect()
}

/// A harpy of level 1 beside a hero of this level, who attacks it.
fn beside_a_harpy(level: u32) -> (Play, EntityId, EntityId) {
    let mut play = Play::new(vec![zone_at(202, 1, p(450.0, 400.0))], Vec::new(), Rules::default());
    let ann = play.enter(Play::veteran(1, level, p(400.0, 400.0)));
    play.ticks(1);
    let mob = play.mob();
    play.area.attack(PlayerId(1), mob).unwrap();
    (play, ann, mob)
}

#[test]
fn who_attacks_strikes_as_fast_as_it_can_until_the_target_is_dead() {
    let (mut play, ann, mob) = beside_a_harpy(1);
    let mut times = Vec::new();
    play.until("the harpy is dead", |play| {
        let blows = blows(&play.heard(ann));
        times
            .extend(blows.iter().filter(|blow| blow.attacker == ann).map(|blow| (play.now_ms, blow.clone())));
        play.area.entities.get(mob).is_none()
    });
    let last = times.pop().unwrap().1;
    assert!(times.iter().all(|(_, blow)| blow.result.result == 1 && (27..=33).contains(&blow.result.damage)));
    for pair in times.windows(2) {
        let between = pair[1].0 - pair[0].0;
        assert!((833..=933).contains(&between), "{between} ms between two blows at 1.2 a second");
    }
    assert_eq!((last.result.result, last.exp), (2, Some(10)));
    assert_eq!(play.area.hero(PlayerId(1)).unwrap().experience, 10);
    assert_eq!(play.target(ann), None);
}

#[test]
fn a_rise_is_told_before_the_blow_that_brought_it() {
    let (mut play, ann, mob) = beside_a_harpy(1);
    play.area.player_mut(ann).unwrap().hero.experience = 57;
    play.heard(ann);
    play.until("the harpy is dead", |play| play.area.entities.get(mob).is_none());
    let heard = play.heard(ann);
    let rise = heard.iter().position(|push| matches!(push, Push::Upgrade(_))).unwrap();
    let blow =
        heard.iter().position(|push| matches!(push, Push::Attack(blow) if blow.exp.is_some())).unwrap();
    assert!(rise < blow);
    let Push::Upgrade(own) = &heard[rise] else { unreachable!() };
    assert_eq!((own.shown.level, own.shown.max_hp, own.shown.hp, own.skill_point), (2, 286, 286, 2));
    assert_eq!((own.attack_value, own.defence_value, own.experience, own.next_level_exp), (30, 12, 9, 77));
    let life = play.area.entities.get(ann).unwrap().life().unwrap();
    assert_eq!((life.attack, life.defence), (30, 12));
}

#[test]
fn walking_ends_an_attack() {
    let (mut play, ann, _) = beside_a_harpy(1);
    play.ticks(1);
    assert!(play.target(ann).is_some());
    assert_eq!(play.walk(1, &[(0.0, 0.0), (-5.0, 0.0)]), Err(Refused::Path));
    assert_eq!(play.target(ann), None, "even by a way that is refused");
}

#[test]
fn who_is_out_of_reach_is_walked_to_and_everybody_is_told() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 400.0));
    let bob = play.join(2, p(700.0, 400.0));
    play.area.attack(PlayerId(1), bob).unwrap();
    play.heard(ann);
    play.ticks(1);
    assert!(matches!(&play.heard(ann)[..], [Push::Move(walk)] if walk.entity_id == ann), "even the walker");
    assert!(matches!(&play.heard(bob)[..], [Push::Move(_)]));
    play.until("bob is hit", |play| play.stats(bob).hp < 220);
    let distance = play.position(ann).distance(play.position(bob));
    assert!(distance <= 100.0 && distance > 60.0, "{distance}");
}

/// D-15: in the original the pursuer stood still when its target was far away.
#[test]
fn who_flees_is_followed_however_far() {
    let mut play = Play::empty();
    play.join(1, p(300.0, 400.0));
    let bob = play.join(2, p(700.0, 400.0));
    play.walk(2, &[(700.0, 400.0), (2900.0, 400.0)]).unwrap();
    play.area.attack(PlayerId(1), bob).unwrap();
    play.until("bob is hit at last", |play| play.stats(bob).hp < 220);
    assert_eq!(play.position(bob), p(2900.0, 400.0));
}

#[test]
fn a_pursuer_turns_when_its_target_does_but_not_at_every_step() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 1000.0));
    let bob = play.join(2, p(900.0, 1000.0));
    play.walk(2, &[(900.0, 1000.0), (900.0, 1480.0)]).unwrap();
    play.area.attack(PlayerId(1), bob).unwrap();
    play.ticks(20);
    let own_ways = play
        .heard(ann)
        .iter()
        .filter(|push| matches!(push, Push::Move(walk) if walk.entity_id == ann))
        .count();
    // 40 px take bob 167 ms, but 300 ms pass between two plans.
    assert!((6..=7).contains(&own_ways), "{own_ways} ways in 2 s");
}

#[test]
fn a_dead_player_waits_five_seconds_and_comes_back_with_half_its_hit_points() {
    let mut play = Play::empty();
    let ann = play.enter(Play::veteran(1, 60, p(650.0, 400.0)));
    let bob = play.join(2, p(700.0, 400.0));
    let eve = play.join(3, p(3000.0, 2000.0));
    play.area.attack(PlayerId(1), bob).unwrap();
    play.ticks(1);
    assert_eq!(play.stats(bob).hp, 0);
    let death = blows(&play.heard(bob)).pop().unwrap();
    assert_eq!((death.result.result, death.revive_time, death.exp), (2, Some(5000), None));
    assert_eq!(play.target(ann), None);
    let died_at = play.now_ms;

    let id = PlayerId(2);
    assert_eq!(play.walk(2, &[(700.0, 400.0), (800.0, 400.0)]), Err(Refused::Dead));
    assert_eq!(play.area.attack(id, ann), Err(Refused::Dead));
    assert_eq!(play.area.use_skill(id, 1, play.now_ms), Err(Refused::Dead));
    assert_eq!(play.area.use_item(id, 1), Err(Refused::Dead));
    assert_eq!(play.area.admit(id), Err(Refused::Dead));
    assert_eq!(play.area.attack(PlayerId(1), bob), Err(Refused::Target), "the dead are not attacked");

    play.heard(bob);
    play.until("bob is back", |play| play.stats(bob).hp > 0);
    assert_eq!(play.now_ms - died_at, REVIVE_MS);
    assert_eq!(play.stats(bob).hp, 110);
    assert!(BIRTH.contains(play.position(bob)));
    let back = play.heard(bob);
    assert!(matches!(back.last(), Some(Push::Revive(revive)) if revive.entity_id == bob && revive.hp == 110));
    assert!(play.heard(eve).is_empty(), "far away nobody is told");
}

#[test]
fn the_killed_leave_with_half_their_hit_points() {
    let mut play = Play::empty();
    play.enter(Play::veteran(1, 60, p(650.0, 400.0)));
    let bob = play.join(2, p(700.0, 400.0));
    play.area.attack(PlayerId(1), bob).unwrap();
    play.ticks(1);
    assert_eq!(play.leave(2, Farewell::LoggedOut).unwrap().stats.hp, 110);
    play.ticks(100);
}

#[test]
fn skills_need_reach_mana_and_time() {
    let mut play = Play::empty();
    let ann = play.enter(Play::veteran(1, 20, p(650.0, 400.0)));
    let bob = play.enter(Play::veteran(2, 90, p(700.0, 400.0)));
    let id = PlayerId(1);
    assert_eq!(play.area.use_skill(id, 2, 0), Err(Refused::Target), "without a target");
    play.area.attack(id, bob).unwrap();
    let mp = play.stats(ann).mp;
    let struck = |play: &mut Play, skill| {
        play.area.use_skill(id, skill, play.now_ms).unwrap();
        play.hear();
        blows(&play.heard(ann)).iter().any(|blow| blow.attacker == ann && blow.skill_id == skill)
    };
    assert!(!struck(&mut play, 2), "not learnt");
    assert!(!struck(&mut play, 77), "no such skill");
    let learnt = play.area.learn_skill(id, 2).unwrap().unwrap();
    assert_eq!((learnt.id, learnt.level), (2, 1));
    assert!(struck(&mut play, 2));
    assert_eq!(play.stats(ann).mp, mp - 5, "D-24: mana is used");
    play.now_ms += 4999;
    assert!(!struck(&mut play, 2), "it cools down");
    play.now_ms += 1;
    assert!(struck(&mut play, 2));
    play.now_ms += 5000;
    play.area.player_mut(ann).unwrap().hero.stats.mp = 4;
    assert!(!struck(&mut play, 2), "without mana");
    play.area.player_mut(ann).unwrap().hero.stats.mp = 5;
    play.area.relocate(bob, p(751.0, 400.0));
    assert!(!struck(&mut play, 2), "out of reach");
}

#[test]
fn skills_are_learnt_and_raised_by_level_and_points() {
    let mut play = Play::empty();
    play.enter(Play::veteran(1, 14, p(650.0, 400.0)));
    let id = PlayerId(1);
    assert_eq!(play.area.learn_skill(id, 4).unwrap(), None, "level 15 is needed");
    assert!(play.area.learn_skill(id, 3).unwrap().is_some());
    assert_eq!(play.area.learn_skill(id, 3).unwrap(), None, "known");
    assert_eq!(play.area.learn_skill(id, 99).unwrap(), None);
    assert!(play.area.upgrade_skill(id, 3).unwrap(), "level 10 is needed");
    assert!(!play.area.upgrade_skill(id, 3).unwrap(), "level 15 is needed");
    assert!(!play.area.upgrade_skill(id, 5).unwrap(), "not known");
    let hero = play.area.hero(id).unwrap();
    assert_eq!((hero.skill_point, hero.skills.get(3).unwrap().level), (13, 2));
}

#[test]
fn with_regeneration_hit_points_grow_back_after_ten_quiet_seconds() {
    for regeneration in [false, true] {
        let mut play = Play::new(Vec::new(), Vec::new(), Rules { regeneration, ..Rules::default() });
        let mut hero = Play::hero(1, p(650.0, 400.0));
        hero.stats.hp = 100;
        let ann = play.enter(hero);
        play.ticks(99);
        assert_eq!(play.stats(ann).hp, 100);
        play.ticks(11);
        assert_eq!(play.stats(ann).hp, if regeneration { 122 } else { 100 });
        let shown = play.heard(ann).iter().filter(|push| matches!(push, Push::HpMp(_))).count();
        assert_eq!(shown, if regeneration { 2 } else { 0 });
    }
}
