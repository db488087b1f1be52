//! Scenarios of whole areas on a map made for it, with a clock of their own and a model of what each client knows.

mod cheats;
mod fights;
mod mobs;
mod sights;
mod teams;
mod things;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::*;
use crate::geometry::{Point, Rect};
use crate::map::{Grid, MobZone, NpcSpot};

/// The game's own tables.
static TABLES: LazyLock<Arc<Tables>> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config/data");
    Arc::new(Tables::load(&dir).unwrap())
});

pub(super) const BIRTH: Rect = Rect { x: 100.0, y: 100.0, width: 100.0, height: 80.0 };

/// What a client knows of its area, from what it was told alone. It does what the original client does.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) knows: BTreeSet<EntityId>,
    pub(super) heard: Vec<Push>,
}

/// An area, a clock, and clients.
pub(super) struct Play {
    pub(super) area: Area,
    pub(super) now_ms: u64,
    pub(super) clients: BTreeMap<EntityId, Client>,
    /// Who of the clients are mobs, as far as any client was told.
    mobs: BTreeSet<EntityId>,
    events: Events,
}

pub(super) fn p(x: f64, y: f64) -> Point {
    Point::new(x, y)
}

pub(super) fn zone(kind: u32, level: u32, number: u32, rect: Rect) -> MobZone {
    MobZone { rect, kind, number, level, refresh_ms: 5000 }
}

/// A zone so small that its monsters appear at this point.
pub(super) fn zone_at(kind: u32, level: u32, at: Point) -> MobZone {
    zone(kind, level, 1, Rect { x: at.x, y: at.y, width: 0.0, height: 0.0 })
}

impl Play {
    /// The desert's size with one rock in the middle of its upper left quarter, and what else the test wants.
    pub(super) fn new(zones: Vec<MobZone>, npcs: Vec<NpcSpot>, rules: Rules) -> Self {
        let mut grid = Grid::new(4200, 2800);
        grid.block_rect(Rect { x: 1000.0, y: 600.0, width: 100.0, height: 300.0 });
        let map = AreaMap { grid: Arc::new(grid), birth: BIRTH, zones, npcs };
        let area = Area::new(TABLES.clone(), Arc::new(map), 1, None, rules, 3, 0).unwrap();
        Self { area, now_ms: 0, clients: BTreeMap::new(), mobs: BTreeSet::new(), events: Events::default() }
    }

    pub(super) fn empty() -> Self {
        Self::new(Vec::new(), Vec::new(), Rules::default())
    }

    pub(super) fn hero(id: u32, at: Point) -> Hero {
        Hero::new(&TABLES, PlayerId(id), &format!("p{id}"), 210, at).unwrap()
    }

    /// A hero of this level.
    pub(super) fn veteran(id: u32, level: u32, at: Point) -> Hero {
        let mut hero = Self::hero(id, at);
        while hero.stats.level < level {
            let need = crate::rules::growth::need(hero.stats.level);
            hero.gain(&TABLES, need);
        }
        hero
    }

    pub(super) fn enter(&mut self, hero: Hero) -> EntityId {
        let entered = self.area.enter(hero, None, self.now_ms);
        let knows: BTreeSet<EntityId> = entered.entities.ids().collect();
        self.mobs.extend(entered.entities.mob.iter().map(|mob| mob.entity_id));
        self.clients.insert(entered.entity, Client { knows, heard: Vec::new() });
        self.hear();
        entered.entity
    }

    pub(super) fn join(&mut self, id: u32, at: Point) -> EntityId {
        self.enter(Self::hero(id, at))
    }

    pub(super) fn leave(&mut self, id: u32, why: Farewell) -> Option<Hero> {
        let entity = self.area.entity_of(PlayerId(id));
        let hero = self.area.leave(PlayerId(id), why, self.now_ms);
        entity.map(|entity| self.clients.remove(&entity));
        self.hear();
        hero
    }

    pub(super) fn walk(&mut self, id: u32, path: &[(f64, f64)]) -> Result<(), Refused> {
        let path = path.iter().map(|(x, y)| p(*x, *y)).collect();
        let walked = self.area.walk(PlayerId(id), path, self.now_ms);
        self.hear();
        walked
    }

    /// Lets so many ticks pass.
    pub(super) fn ticks(&mut self, count: u32) {
        for _ in 0..count {
            self.now_ms += TICK_MS;
            self.area.tick(self.now_ms);
            self.hear();
        }
    }

    /// Lets time pass until this is so; gives up after 10 minutes of it.
    pub(super) fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        for _ in 0..6000 {
            if is_so(self) {
                return;
            }
            self.ticks(1);
        }
        panic!("not within 10 minutes: {what}");
    }

    /// Delivers what the area said, and checks that all clients know what is in their windows and nothing else.
    pub(super) fn hear(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        self.area.drain(&mut events);
        for (to, push) in events.iter() {
            let everybody: Vec<EntityId> = self.clients.keys().copied().collect();
            let to = match to {
                To::Players(players) => players,
                To::Everybody => &everybody,
            };
            if let Push::AddEntities(views) = push {
                self.mobs.extend(views.mob.iter().map(|mob| mob.entity_id));
            }
            for player in to {
                let Some(client) = self.clients.get_mut(player) else { panic!("{player} is gone: {push:?}") };
                client.hear(*player, push, &self.mobs);
            }
        }
        self.events = events;
        for (entity, player) in self.area.players() {
            let window: BTreeSet<EntityId> = self.area.seen_by(player).ids().collect();
            assert_eq!(self.clients[&entity].knows, window, "what {entity} knows is not what it sees");
        }
    }

    pub(super) fn stats(&self, id: EntityId) -> crate::hero::Stats {
        *self.area.entities.get(id).unwrap().stats().unwrap()
    }

    pub(super) fn position(&self, id: EntityId) -> Point {
        self.area.entities.get(id).unwrap().position
    }

    pub(super) fn target(&self, id: EntityId) -> Option<EntityId> {
        self.area.entities.get(id).unwrap().life().unwrap().target
    }

    /// The only monster.
    pub(super) fn mob(&self) -> EntityId {
        self.area.entities.mobs[0]
    }

    /// What a client was told since the last call.
    pub(super) fn heard(&mut self, id: EntityId) -> Vec<Push> {
        std::mem::take(&mut self.clients.get_mut(&id).unwrap().heard)
    }

    /// Puts a thing on the ground that nobody owns.
    pub(super) fn lay(&mut self, kind: u32, sort: crate::hero::Sort, at: Point) -> EntityId {
        let view = self.area.lay_down(kind, sort, at, 0, self.now_ms);
        self.area.show(view.entity_id);
        self.hear();
        view.entity_id
    }
}

impl Client {
    fn hear(&mut self, own: EntityId, push: &Push, mobs: &BTreeSet<EntityId>) {
        let knows = |id: EntityId| id == own || self.knows.contains(&id);
        match push {
            Push::AddEntities(views) => {
                for id in views.ids() {
                    assert!(id != own, "told of itself");
                    assert!(self.knows.insert(id), "{own} knew {id} already");
                }
            }
            Push::RemoveEntities(ids) => {
                for id in ids {
                    assert!(self.knows.remove(id), "{own} did not know {id}");
                }
            }
            Push::Move(walk) => assert!(knows(walk.entity_id), "{own} does not know who walks"),
            Push::Revive(revive) => assert!(knows(revive.entity_id), "{own} does not know who is back"),
            Push::PickItem(picked) => {
                assert!(knows(picked.player), "{own} does not know who picks up");
                assert!(self.knows.remove(&picked.item), "{own} does not know what is picked up");
            }
            Push::Attack(attack) if knows(attack.attacker) && knows(attack.target) => {
                if attack.result.result == 2 && mobs.contains(&attack.target) {
                    self.knows.remove(&attack.target);
                }
                for item in &attack.result.items {
                    assert!(self.knows.insert(item.entity_id), "{own} knew what fell already");
                }
            }
            Push::DropItems(things) => {
                for thing in things {
                    assert!(self.knows.insert(thing.entity_id), "{own} knew the reward already");
                }
            }
            _ => {}
        }
        self.heard.push(push.clone());
    }
}
