//! Random play: what clients know is what they see (checked by [`Play::hear`] after everything that happens), and nothing is
//! doubled or lost between bags, bodies and the ground.

use proptest::prelude::*;

use super::*;
use crate::data::Place;
use crate::hero::{Sort, Thing};

#[derive(Debug, Clone)]
enum Act {
    Enter(f64, f64),
    Leave,
    Travel,
    Walk(f64, f64),
    View(u32),
    /// Attacks or picks the nth of what it knows.
    Attack(usize),
    Pick(usize),
    Talk(usize),
    Skill(u32),
    Equip(u32),
    Unequip(usize),
    Use(u32),
    Drop(u32),
    Wait(u32),
}

fn act() -> impl Strategy<Value = (u32, Act)> {
    let at = || (0.0..1900.0_f64, 0.0..1500.0_f64);
    let act = prop_oneof![
        3 => at().prop_map(|(x, y)| Act::Enter(x, y)),
        1 => Just(Act::Leave),
        1 => Just(Act::Travel),
        6 => at().prop_map(|(x, y)| Act::Walk(x, y)),
        1 => (0..4000_u32).prop_map(Act::View),
        6 => (0..30_usize).prop_map(Act::Attack),
        6 => (0..30_usize).prop_map(Act::Pick),
        1 => (0..30_usize).prop_map(Act::Talk),
        1 => (1..4_u32).prop_map(Act::Skill),
        3 => (0..22_u32).prop_map(Act::Equip),
        2 => (0..9_usize).prop_map(Act::Unequip),
        1 => (0..22_u32).prop_map(Act::Use),
        1 => (0..22_u32).prop_map(Act::Drop),
        6 => (1..60_u32).prop_map(Act::Wait),
    ];
    (1..7_u32, act)
}

/// How many things there are, on the ground, in bags and on bodies, and how many were made away with by command.
struct Stock<'a>(&'a Area);

impl Stock<'_> {
    fn things(&self) -> usize {
        let held = |hero: &Hero| hero.bag.iter().count() + hero.equipments.iter().count();
        let heroes = self.0.players().filter_map(|(_, id)| self.0.hero(id)).map(held).sum::<usize>();
        heroes + self.0.counts().items
    }
}

fn nth(play: &Play, player: u32, n: usize, fits: impl Fn(&Body) -> bool) -> Option<EntityId> {
    let own = play.area.entity_of(PlayerId(player))?;
    let known = play.clients[&own].knows.iter().copied();
    let fitting: Vec<EntityId> =
        known.filter(|id| play.area.entities.get(*id).is_some_and(|entity| fits(&entity.body))).collect();
    fitting.get(n % fitting.len().max(1)).copied()
}

fn play_act(play: &mut Play, player: u32, act: &Act) {
    let id = PlayerId(player);
    let now = play.now_ms;
    match *act {
        Act::Enter(x, y) => {
            if let Some(old) = play.area.entity_of(id) {
                play.clients.remove(&old);
            }
            let mut hero = Play::veteran(player, 5 * player, p(x, y));
            for kind in 1..=player {
                hero.bag.put(Thing { id: kind, sort: Sort::Equipment });
                hero.bag.put(Thing { id: kind, sort: Sort::Item });
            }
            play.enter(hero);
        }
        Act::Leave => drop(play.leave(player, Farewell::LoggedOut)),
        Act::Travel => drop(play.leave(player, Farewell::Travels)),
        Act::Walk(x, y) => {
            if let Some(own) = play.area.entity_of(id) {
                let at = play.position(own);
                let _ = play.walk(player, &[(at.x, at.y), (x, y)]);
            }
        }
        Act::View(width) => drop(play.area.change_view(id, width, 0, now)),
        Act::Attack(n) => {
            let fits = |body: &Body| matches!(body, Body::Mob(_) | Body::Player(_));
            let _ = nth(play, player, n, fits).map(|target| play.area.attack(id, target));
        }
        Act::Pick(n) => {
            let fits = |body: &Body| matches!(body, Body::Thing(_));
            let _ = nth(play, player, n, fits).map(|target| play.area.pick(id, target));
        }
        Act::Talk(n) => {
            let fits = |body: &Body| matches!(body, Body::Npc);
            let _ = nth(play, player, n, fits).map(|target| play.area.npc_talk(id, target));
        }
        Act::Skill(skill) => {
            let _ = play.area.learn_skill(id, skill);
            let _ = play.area.use_skill(id, skill, now);
        }
        Act::Equip(slot) => drop(play.area.equip(id, slot)),
        Act::Unequip(place) => drop(play.area.unequip(id, Place::ALL[place], true)),
        Act::Use(slot) => drop(play.area.use_item(id, slot)),
        Act::Drop(slot) => drop(play.area.drop_item(id, slot)),
        Act::Wait(ticks) => play.ticks(ticks),
    }
    play.hear();
}

/// Monsters all around, weak and strong.
fn playground() -> Play {
    let rect = |x, y| Rect { x, y, width: 300.0, height: 200.0 };
    let zones = vec![
        zone(202, 1, 8, rect(200.0, 200.0)),
        zone(209, 5, 6, rect(700.0, 300.0)),
        zone(206, 20, 4, rect(1200.0, 500.0)),
        zone(202, 2, 6, rect(500.0, 900.0)),
    ];
    let npcs = vec![NpcSpot { kind: 301, at: p(600.0, 600.0) }, NpcSpot { kind: 304, at: p(1300.0, 900.0) }];
    Play::new(zones, npcs, Rules::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn clients_know_what_they_see_whatever_happens(acts in prop::collection::vec(act(), 1..120)) {
        let mut play = playground();
        play.ticks(60);
        for (player, act) in &acts {
            play_act(&mut play, *player, act);
        }
        play.ticks(400);
    }

    #[test]
    fn no_thing_is_doubled_or_lost(acts in prop::collection::vec(act(), 1..120)) {
        let mut play = Play::empty();
        for n in 0..12_u32 {
            let sort = if n % 2 == 0 { Sort::Item } else { Sort::Equipment };
            play.lay(n + 1, sort, p(200.0 + 100.0 * f64::from(n), 300.0));
        }
        for (player, act) in &acts {
            let before = Stock(&play.area).things();
            let id = PlayerId(*player);
            let held = |play: &Play| play.area.hero(id).map_or(0, |hero| hero.bag.iter().count() + hero.equipments.iter().count());
            let own = held(&play);
            let until = play.now_ms + if let Act::Wait(ticks) = act { u64::from(*ticks) * TICK_MS } else { 0 };
            let lies = |id| play.area.entities.get(id).is_some();
            let due = play.area.entities.things.iter().filter(|(until_ms, id)| *until_ms <= until && lies(*id));
            let expire = due.count();
            let stay = play.area.counts().items - expire;
            play_act(&mut play, *player, act);
            let after = Stock(&play.area).things();
            match act {
                Act::Enter(..) => prop_assert_eq!(after, before - own + 2 * *player as usize),
                Act::Leave | Act::Travel => prop_assert_eq!(after, before - own),
                Act::Use(_) | Act::Drop(_) => prop_assert!(after == before || (after + 1 == before && held(&play) + 1 == own)),
                // What was picked up in time does not vanish.
                Act::Wait(_) => prop_assert!(after <= before && after + expire >= before && play.area.counts().items <= stay),
                _ => prop_assert_eq!(after, before),
            }
        }
    }
}

/// Chance comes from the seed alone.
#[test]
fn the_same_seed_and_commands_play_the_same_game() {
    let game = || {
        let mut play = playground();
        for player in 1..6 {
            play.enter(Play::veteran(player, 10, p(200.0 * f64::from(player), 400.0)));
        }
        for round in 0..200 {
            for player in 1..6 {
                play_act(&mut play, player, &Act::Attack(round));
            }
            play.ticks(3);
        }
        play.clients.into_values().map(|client| client.heard).collect::<Vec<_>>()
    };
    let heard = game();
    assert!(
        heard
            .iter()
            .flatten()
            .any(|push| matches!(push, Push::Attack(blow) if !blow.result.items.is_empty()))
    );
    assert!(heard == game());
}
