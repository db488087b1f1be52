//! What clients are told adds up to what is in their windows.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// What each player would know who is told everything.
#[derive(Default)]
struct Views(BTreeMap<EntityId, BTreeSet<Seen>>);

impl Views {
    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Appeared { object, players, mobs } => {
                assert!(!players.is_empty() || !mobs.is_empty());
                for player in players {
                    assert_ne!(*player, object.id);
                    assert!(self.0.get_mut(player).unwrap().insert(object), "{object:?} appears twice");
                }
            }
            Event::Vanished { object, players } => {
                assert!(!players.is_empty());
                for player in players {
                    assert!(self.0.get_mut(player).unwrap().remove(&object), "{object:?} was not in sight");
                }
            }
            Event::Looked { player, gained, lost } => {
                let view = self.0.get_mut(&player).unwrap();
                for object in lost {
                    assert!(view.remove(object), "{object:?} was not in sight");
                }
                for object in gained {
                    assert!(object.id != player && view.insert(*object), "{object:?} is in sight already");
                }
                assert!(!gained.is_empty() || !lost.is_empty());
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Join { id: EntityId, kind: EntityKind, at: Point, range: u32 },
    Leave { id: EntityId },
    Walk { id: EntityId, to: Point },
    Resize { id: EntityId, range: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 0..30_u32;
    let at = || (-50.0..2600.0, -50.0..1500.0).prop_map(|(x, y)| Point::new(x, y));
    let kind = prop_oneof![
        3 => Just(EntityKind::Player),
        1 => Just(EntityKind::Mob),
        1 => Just(EntityKind::Npc),
        1 => Just(EntityKind::Item),
        1 => Just(EntityKind::Equipment),
    ];
    prop_oneof![
        3 => (id(), kind, at(), 0..8_u32).prop_map(|(id, kind, at, range)| Step::Join { id, kind, at, range }),
        1 => id().prop_map(|id| Step::Leave { id }),
        8 => (id(), at()).prop_map(|(id, to)| Step::Walk { id, to }),
        2 => (id(), 0..8_u32).prop_map(|(id, range)| Step::Resize { id, range }),
    ]
}

proptest! {
    #[test]
    fn what_a_client_was_told_is_what_its_window_holds(steps in prop::collection::vec(step(), 1..200)) {
        let mut aoi = Aoi::new(2560.0, 1440.0, 300.0, 300.0);
        let mut views = Views::default();
        let mut places: BTreeMap<EntityId, (EntityKind, Point, u32)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Join { id, kind, at, range } => {
                    if places.contains_key(&id) {
                        continue;
                    }
                    let range = if kind == EntityKind::Mob { 0 } else { range };
                    places.insert(id, (kind, at, range));
                    if kind == EntityKind::Player {
                        views.0.insert(id, BTreeSet::new());
                    }
                    aoi.add(id, kind, at, &mut |event| views.hear(event));
                    aoi.watch(id, kind, at, range, &mut |event| views.hear(event));
                }
                Step::Leave { id } => {
                    places.remove(&id);
                    views.0.remove(&id);
                    aoi.leave(id, &mut |event| views.hear(event));
                }
                Step::Walk { id, to } => {
                    if let Some(place) = places.get_mut(&id) {
                        place.1 = to;
                    }
                    aoi.walk(id, to, &mut |event| views.hear(event));
                }
                Step::Resize { id, range } => {
                    if let Some(place) = places.get_mut(&id) {
                        place.2 = range;
                    }
                    aoi.resize(id, range, &mut |event| views.hear(event));
                }
            }
            for (id, view) in &views.0 {
                let (_, at, range) = places[id];
                let held: BTreeSet<Seen> = aoi.in_window(at, range).filter(|seen| seen.id != *id).collect();
                prop_assert_eq!(view, &held);
                // The window's objects again, from the places alone.
                let window = aoi.window(*id).unwrap();
                let inside = |n: f64, size: f64, last: f64, (from, to): (u32, u32)| {
                    let tower = (n / size).floor().clamp(0.0, last);
                    tower >= f64::from(from) && tower <= f64::from(to)
                };
                let expected: BTreeSet<Seen> = places
                    .iter()
                    .filter(|(other, _)| *other != id)
                    .filter(|(_, (_, p, _))| {
                        inside(p.x, 300.0, 8.0, window.x) && inside(p.y, 300.0, 4.0, window.y)
                    })
                    .map(|(id, (kind, ..))| Seen { id: *id, kind: *kind })
                    .collect();
                prop_assert_eq!(view, &expected);
            }
        }
    }
}

fn area() -> Aoi {
    Aoi::new(3000.0, 3000.0, 300.0, 300.0)
}

#[test]
fn a_mob_is_told_who_enters_its_tower_only() {
    let mut aoi = area();
    aoi.watch(9, EntityKind::Mob, Point::new(450.0, 450.0), 0, &mut |_| {});
    let mut noticed = Vec::new();
    let mut tell = |event: Event<'_>| {
        if let Event::Appeared { object, mobs, .. } = event {
            noticed.extend(mobs.iter().map(|mob| (*mob, object.id)));
        }
    };
    aoi.add(1, EntityKind::Player, Point::new(250.0, 450.0), &mut tell);
    aoi.walk(1, Point::new(310.0, 450.0), &mut tell);
    aoi.walk(1, Point::new(350.0, 450.0), &mut tell);
    assert_eq!(noticed, [(9, 1)]);
}

#[test]
fn a_push_at_a_point_reaches_those_whose_window_holds_it() {
    let mut aoi = area();
    for (id, x) in [(1, 100.0), (2, 1500.0), (3, 2900.0)] {
        aoi.watch(id, EntityKind::Player, Point::new(x, 1500.0), 2, &mut |_| {});
    }
    let at = |x: f64| {
        let mut players = aoi.players_watching(Point::new(x, 1500.0)).to_vec();
        players.sort_unstable();
        players
    };
    assert_eq!(at(1000.0), [1, 2]);
    assert_eq!(at(1800.0), [2, 3]);
    aoi.unwatch(2);
    assert_eq!(aoi.players_watching(Point::new(1800.0, 1500.0)), [3]);
}

#[test]
fn a_step_within_a_tower_tells_nobody_anything() {
    let mut aoi = area();
    for id in 1..5 {
        aoi.add(id, EntityKind::Player, Point::new(310.0, 310.0), &mut |_| {});
        aoi.watch(id, EntityKind::Player, Point::new(310.0, 310.0), 2, &mut |_| {});
    }
    aoi.walk(1, Point::new(599.0, 599.0), &mut |event| panic!("{event:?}"));
}
