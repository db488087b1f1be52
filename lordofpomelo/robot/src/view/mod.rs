//! What a client knows of the game, kept from what it is told, exactly as a client must keep it: everything in sight by its number, the
//! player's own figures, bag and tasks, its team, what was said. Whatever does not fit what is known already is an [`Anomaly`].
//!
//! Times are milliseconds of the caller's clock. Not here: the connection, and what was told when ([`crate::Record`]).

mod anomaly;
mod apply;
mod entity;
mod own;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lordofpomelo::messages::pushes::Said;
use lordofpomelo_world::{
    Point,
    area::Short,
    data::Place,
    hero,
    ids::{EntityId, PlayerId, TaskId},
    team::MemberData,
};
use rustc_hash::FxHashMap;

pub use anomaly::Anomaly;
pub use entity::{Entity, Sort, Who};
pub use own::{Own, Task};

use crate::{Map, Maps, wire};
use entity::Track;

/// How far the own position may be from the server's before it is corrected, in pixels, as in the original's clients.
pub const DRIFT_PX_MAX: f64 = 100.0;

/// Lines of chat that are kept; an older one is forgotten.
pub const CHAT_MAX: usize = 1_000;

/// What a client knows.
#[derive(Debug, Default)]
pub struct View {
    own: Option<Own>,
    map: Option<Map>,
    entities: FxHashMap<EntityId, Entity>,
    /// What an NPC said last.
    pub talk: Option<Talk>,
    /// The members of the own team, itself too.
    pub team: BTreeMap<PlayerId, MemberData>,
    /// What was said, the oldest first; at most [`CHAT_MAX`].
    pub chat: Vec<Said>,
    /// Captains who ask the player in, the last one last.
    pub invitations: Vec<Short>,
    /// Who asks to be let into the own team, the last one last.
    pub applications: Vec<Short>,
    /// Where the server says that the player is, at its last word on it.
    pub checkout: Option<Point>,
}

/// What an NPC said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// Which NPC.
    pub npc: EntityId,
    /// Its words.
    pub words: String,
    /// The answer that the player is offered; may be empty.
    pub answer: String,
    /// The area it takes the player to.
    pub travel: Option<u32>,
}

impl View {
    /// The player itself, once it is in an area.
    #[must_use]
    pub fn own(&self) -> Option<&Own> {
        self.own.as_ref()
    }

    /// Where it is.
    #[must_use]
    pub fn map(&self) -> Option<&Map> {
        self.map.as_ref()
    }

    /// Where the player is, in pixels; the upper left corner before it is anywhere.
    #[must_use]
    pub fn position(&self, now_ms: u64) -> Point {
        self.own.as_ref().map(|own| own.track.at(now_ms)).unwrap_or_default()
    }

    /// Whether the player walks.
    #[must_use]
    pub fn is_walking(&self, now_ms: u64) -> bool {
        self.own.as_ref().is_some_and(|own| own.track.is_walking(now_ms))
    }

    /// When the player's walk will be over, if it walks.
    #[must_use]
    pub fn arrives_ms(&self, now_ms: u64) -> Option<u64> {
        self.own.as_ref().filter(|own| own.track.is_walking(now_ms)).map(|own| own.track.ends_ms())
    }

    /// What has this number, if it is in sight. The player itself is not among them.
    #[must_use]
    pub fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(&id)
    }

    /// Everything in sight, in no order.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    /// Everything of a sort in sight, in no order.
    pub fn of(&self, sort: Sort) -> impl Iterator<Item = &Entity> {
        self.entities().filter(move |entity| entity.sort == sort)
    }

    /// Another player in sight, by name.
    #[must_use]
    pub fn player(&self, name: &str) -> Option<&Entity> {
        self.of(Sort::Player).find(|entity| entity.player.as_ref().is_some_and(|who| who.name == name))
    }

    /// The thing in sight that is nearest to the player, of those that pass.
    pub fn nearest(&self, now_ms: u64, mut pass: impl FnMut(&Entity) -> bool) -> Option<&Entity> {
        let here = self.position(now_ms);
        let far = |entity: &Entity| entity.position(now_ms).distance(here);
        self.entities().filter(|entity| pass(entity)).min_by(|a, b| far(a).total_cmp(&far(b)))
    }

    /// The player came into an area: what was in sight before is gone.
    pub(crate) fn enter(&mut self, scene: wire::Scene, maps: &Maps) -> Result<(), Anomaly> {
        let error = |error| Anomaly::Unreadable { route: "enterScene".to_owned(), error };
        let map = maps.learn(&scene.map);
        let grid = map.grid();
        let tiles = (scene.map.tile_w, scene.map.tile_h, scene.map.weight_map.len());
        if tiles != (20, 20, grid.columns() as usize) {
            return Err(error(format!("tiles of the map: {tiles:?}")));
        }
        let own = Own::new(scene.cur_player).map_err(error)?;
        self.entities.clear();
        for entity in scene.entities.into_entities() {
            let id = entity.id;
            if id == own.entity || self.entities.insert(id, entity).is_some() {
                return Err(error(format!("entity {id} is there twice")));
            }
        }
        (self.own, self.map, self.talk, self.checkout) = (Some(own), Some(map), None, None);
        Ok(())
    }

    /// The player begins to walk along these points.
    pub(crate) fn walk(&mut self, path: Vec<Point>, now_ms: u64) {
        if let Some(own) = &mut self.own {
            own.track = Track::walking(path, own.walk_speed, now_ms);
        }
    }

    /// The player was not let go from here: perhaps it is elsewhere, and then it will be told.
    pub(crate) fn astray(&mut self, from: Point) {
        if let Some(own) = &mut self.own {
            own.track = Track::doubtful(from);
        }
    }

    /// The player stops where it is.
    pub(crate) fn stop(&mut self, now_ms: u64) {
        if let Some(own) = &mut self.own {
            own.track.stop(now_ms);
        }
    }

    /// A slot of the bag was emptied.
    pub(crate) fn dropped(&mut self, slot: u32) -> Option<hero::Thing> {
        self.own.as_mut()?.bag.remove(&slot)
    }

    /// Something of the bag was used up that gives so much.
    pub(crate) fn used(&mut self, slot: u32, hp: u32, mp: u32) {
        if let Some(own) = &mut self.own {
            own.bag.remove(&slot);
            own.hp = own.max_hp.min(own.hp + hp);
            own.mp = own.max_mp.min(own.mp + mp);
        }
    }

    /// A piece of equipment was put on; what was worn there went to the slot `back`.
    pub(crate) fn equipped(&mut self, slot: u32, place: Place, back: Option<u32>) -> Result<(), Anomaly> {
        let Some(own) = &mut self.own else { return Ok(()) };
        let Some(piece) = own.bag.remove(&slot) else { return Ok(()) };
        let before = own.worn.at(place);
        own.worn.put(place, Some(piece.id));
        match (before, back) {
            (Some(id), Some(back)) => own.put_back("equip", id, back),
            (None, None) => Ok(()),
            (before, back) => Err(Anomaly::Unreadable {
                route: "equip".to_owned(),
                error: format!("{before:?} was worn, and slot {back:?} was filled"),
            }),
        }
    }

    /// A piece was taken off, into a slot or nowhere.
    pub(crate) fn unequipped(&mut self, place: Place, slot: Option<u32>) -> Result<(), Anomaly> {
        let Some(own) = &mut self.own else { return Ok(()) };
        let before = own.worn.at(place);
        own.worn.put(place, None);
        match (before, slot) {
            (Some(id), Some(slot)) => own.put_back("unEquip", id, slot),
            _ => Ok(()),
        }
    }

    pub(crate) fn learnt(&mut self, skill: u32, level: u32) {
        if let Some(own) = &mut self.own {
            own.skills.insert(skill, level);
        }
    }

    pub(crate) fn upgraded(&mut self, skill: u32) {
        if let Some(own) = &mut self.own {
            *own.skills.entry(skill).or_default() += 1;
            own.skill_points = own.skill_points.saturating_sub(1);
        }
    }

    pub(crate) fn started(&mut self, id: TaskId, task: Task) {
        if let Some(own) = &mut self.own {
            own.tasks.insert(id, task);
        }
    }

    /// What was handed over is no task any more, and brought its experience.
    pub(crate) fn handed_over(&mut self, ids: &[TaskId]) {
        if let Some(own) = &mut self.own {
            // A rise that it brought is told apart.
            own.experience +=
                ids.iter().filter_map(|id| own.tasks.remove(id)).map(|task| u64::from(task.exp)).sum::<u64>();
        }
    }
}

impl Own {
    fn put_back(&mut self, route: &str, id: u32, slot: u32) -> Result<(), Anomaly> {
        let thing = hero::Thing { id, sort: hero::Sort::Equipment };
        if self.put(slot, thing) { Ok(()) } else { Err(Anomaly::Slot { route: route.to_owned(), slot }) }
    }
}
