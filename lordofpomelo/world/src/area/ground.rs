//! Things on the ground: what a monster leaves, picking it up, and the end of what nobody wants. Not here: the odds
//! ([`crate::rules::drops`]) and the bag ([`crate::hero::bag`]).

use super::entity::{Body, Thing};
use super::events::{PickItem, Push};
use super::view::{ThingView, Views};
use super::{Area, Refused};
use crate::aoi::Event;
use crate::geometry::Point;
use crate::hero::{self, Sort};
use crate::ids::{EntityId, PlayerId};
use crate::rules::drops;

/// How long a thing lies on the ground.
pub const THING_LIFE_MS: u64 = 30_000;

/// How long only the killer and its team mates may pick a thing up.
pub const THING_OWNED_MS: u64 = 10_000;

/// How far one can reach for a thing.
pub const PICK_REACH_PX: f64 = 200.0;

/// Things fall so far from where the monster died, in each axis.
const DROP_PX: f64 = 100.0;

/// How often a walkable place is looked for.
const DROP_TRIES: u32 = 10;

/// What became of picking something up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Picked,
    /// It is gone, or was never a thing.
    Vanished,
    TooFar,
    BagFull,
    /// It is somebody else's for a while.
    NotYet,
}

impl Area {
    /// A player picks something up: it goes there and takes it.
    ///
    /// # Errors
    /// [`Refused::Target`] if there is no such thing in sight.
    pub fn pick(&mut self, player: PlayerId, target: EntityId) -> Result<(), Refused> {
        let id = self.actor(player)?;
        if !matches!(self.in_sight(id, target)?.body, Body::Thing(_)) {
            return Err(Refused::Target);
        }
        self.aim(id, target);
        Ok(())
    }

    /// A player is after something from now on.
    pub(super) fn aim(&mut self, id: EntityId, target: EntityId) {
        if let Some(player) = self.player_mut(id)
            && player.life.target != Some(target)
        {
            player.life.target = Some(target);
            player.life.chase = None;
        }
    }

    /// A player reaches for a thing.
    pub(super) fn try_pick(&mut self, player_id: EntityId, thing_id: EntityId, now_ms: u64) -> Pick {
        let Some((entity, thing_entity)) = self.entities.pair_mut(player_id, thing_id) else {
            return Pick::Vanished;
        };
        let (from, at) = (entity.position, thing_entity.position);
        let (Body::Thing(thing), Some(player)) = (&thing_entity.body, entity.player_mut()) else {
            return Pick::Vanished;
        };
        if from.distance(at) > PICK_REACH_PX {
            return Pick::TooFar;
        }
        if !thing.is_free_for(player.hero.id, player.team.as_ref().map(|team| team.id), now_ms) {
            return Pick::NotYet;
        }
        let Some(index) = player.hero.bag.put(hero::Thing { id: thing_entity.kind_id, sort: thing.sort })
        else {
            return Pick::BagFull;
        };
        self.mark(player_id, |marks| marks.bag = true);
        self.take_away(player_id, thing_id, PickItem { player: player_id, item: thing_id, index });
        Pick::Picked
    }

    /// Who sees the thing and knows the picker is told of the picking, others only that the thing is gone.
    fn take_away(&mut self, player: EntityId, thing: EntityId, picked: PickItem) {
        self.entities.remove(thing);
        let Self { aoi, events, entities, .. } = self;
        let Some(from) = entities.get(player).map(|entity| entity.position) else { return };
        let mut knows = aoi.players_watching(from).to_vec();
        knows.sort_unstable();
        aoi.remove(thing, &mut |event| {
            if let Event::Vanished { players, .. } = event {
                let is_known = |id: &EntityId| knows.binary_search(id).is_ok();
                events.push(players.iter().copied().filter(is_known), Push::PickItem(picked));
                let others = players.iter().copied().filter(|id| !is_known(id));
                events.push(others, Push::RemoveEntities(vec![thing]));
            }
        });
    }

    /// What a killed monster leaves: things that exist but are not in sight yet. What finds no place is lost.
    pub(super) fn drops_of(&mut self, mob: EntityId, killer: EntityId, now_ms: u64) -> Vec<ThingView> {
        let level = |id| Some(self.entities.get(id)?.stats()?.level);
        let (Some(mob_level), Some(killer_level)) = (level(mob), level(killer)) else { return Vec::new() };
        let Some(at) = self.entities.get(mob).map(|mob| mob.position) else { return Vec::new() };
        let level = mob_level.min(killer_level);
        let mut fallen = Vec::new();
        for _ in 0..drops::count(&mut self.chance) {
            let (tables, chance) = (&self.tables, &mut self.chance);
            let (sort, kind) = if drops::is_item(chance) {
                let kinds = tables.item.iter().map(|row| (row.id, row.hero_level));
                (Sort::Item, drops::any_up_to(level, kinds, chance))
            } else {
                let kinds = tables.equipment.iter().map(|row| (row.id, row.hero_level));
                let wanted = drops::equipment_level(level, chance);
                (Sort::Equipment, drops::nearest_below(wanted, kinds, chance))
            };
            if let (Some(kind), Some(place)) = (kind, self.place_near(at)) {
                fallen.push(self.lay_down(kind, sort, place, killer, now_ms));
            }
        }
        fallen
    }

    fn place_near(&mut self, at: Point) -> Option<Point> {
        let chance = &mut self.chance;
        let mut off = || ((chance.f64() * 2.0 - 1.0) * DROP_PX).round();
        let mut places = (0..DROP_TRIES).map(|_| Point::new(at.x + off(), at.y + off()));
        places.find(|place| self.finder.grid().is_walkable(*place))
    }

    /// Makes a thing that belongs to a player for a while; it is not in the grid of sight yet.
    pub(super) fn lay_down(
        &mut self,
        kind_id: u32,
        sort: Sort,
        at: Point,
        owner: EntityId,
        now_ms: u64,
    ) -> ThingView {
        let player = self.entities.get(owner).and_then(|owner| owner.player());
        let thing = Thing {
            sort,
            owner: player.map_or(PlayerId(0), |player| player.hero.id),
            owner_team: player.and_then(|player| player.team.as_ref()).map(|team| team.id),
            free_at_ms: now_ms + THING_OWNED_MS,
        };
        let entity_id = self.entities.add(kind_id, at, Body::Thing(thing));
        self.entities.things.push_back((now_ms + THING_LIFE_MS, entity_id));
        ThingView { entity_id, kind_id, at: at.into(), player_id: thing.owner, sort }
    }

    /// Shows a thing to all who see its place but one, who is told otherwise.
    pub(super) fn show_but_to(&mut self, id: EntityId, but: EntityId) {
        let Some(entity) = self.entities.get(id) else { return };
        let mut views = Views::default();
        views.push(entity);
        let (kind, at) = (entity.kind(), entity.position);
        let Self { aoi, events, .. } = self;
        aoi.add(id, kind, at, &mut |event| {
            if let Event::Appeared { players, .. } = event {
                let others = players.iter().copied().filter(|id| *id != but);
                events.push(others, Push::AddEntities(views.clone()));
            }
        });
    }

    /// What lay there long enough vanishes.
    pub(super) fn tick_ground(&mut self, now_ms: u64) {
        while let Some((_, id)) = self.entities.things.pop_front_if(|(until_ms, _)| *until_ms <= now_ms) {
            if self.entities.remove(id).is_some() {
                self.sight(|aoi, tell| aoi.remove(id, tell));
            }
        }
    }
}

impl Thing {
    fn is_free_for(&self, player: PlayerId, team: Option<crate::ids::TeamId>, now_ms: u64) -> bool {
        now_ms >= self.free_at_ms
            || self.owner == PlayerId(0)
            || self.owner == player
            || (team.is_some() && team == self.owner_team)
    }
}
