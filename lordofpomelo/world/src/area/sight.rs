//! Who is told when something comes into or goes out of sight, and monsters that notice. The grid of sight itself is [`crate::aoi`].

use super::entity::Entities;
use super::events::{Events, Push};
use super::view::Views;
use super::{Area, hate};
use crate::aoi::{Aoi, EntityKind, Event, Seen};
use crate::geometry::Point;
use crate::ids::EntityId;

impl Area {
    /// Shows a new entity that is not a player: those who see its place are told.
    pub(super) fn show(&mut self, id: EntityId) {
        let Some(entity) = self.entities.get(id) else { return };
        let (kind, at) = (entity.kind(), entity.position);
        self.sight(|aoi, tell| aoi.add(id, kind, at, tell));
        if kind == EntityKind::Mob {
            self.sight(|aoi, tell| aoi.watch(id, kind, at, 0, tell));
            self.notice_around(id);
        }
    }

    /// Puts somebody at an exact point. Others are told of it before it is told of what it sees there.
    pub(super) fn relocate(&mut self, id: EntityId, to: Point) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.position = to.floor();
        let at = entity.position;
        if let Some(player) = entity.player_mut() {
            player.hero.position = at;
        }
        let is_mob = entity.mob().is_some();
        let before = self.aoi.window(id);
        self.sight(|aoi, tell| aoi.walk(id, to, tell));
        if is_mob && self.aoi.window(id) != before {
            self.notice_around(id);
        }
    }

    /// A monster without a target notices the players of its tower.
    fn notice_around(&mut self, mob: EntityId) {
        if self.entities.get(mob).and_then(|mob| mob.life()).is_none_or(|life| life.target.is_some()) {
            return;
        }
        for seen in self.aoi.seen_by(mob).filter(|seen| seen.kind == EntityKind::Player) {
            hate::notice(&mut self.entities, mob, seen.id);
        }
    }

    /// Changes the grid of sight and says what follows from it.
    pub(super) fn sight(&mut self, act: impl FnOnce(&mut Aoi, &mut &mut dyn FnMut(Event<'_>))) {
        let Self { aoi, entities, events, .. } = self;
        let mut tell: &mut dyn FnMut(Event<'_>) = &mut |event| tell(event, entities, events);
        act(aoi, &mut tell);
    }
}

fn tell(event: Event<'_>, entities: &mut Entities, events: &mut Events) {
    match event {
        Event::Appeared { object, players, mobs } => {
            let views = views([object].into_iter(), entities);
            events.push(players.iter().copied(), Push::AddEntities(views));
            if object.kind == EntityKind::Player {
                for mob in mobs {
                    hate::notice(entities, *mob, object.id);
                }
            }
        }
        Event::Vanished { object, players } => {
            events.push(players.iter().copied(), Push::RemoveEntities(vec![object.id]));
        }
        Event::Looked { player, gained, lost } => {
            if !lost.is_empty() {
                let ids = lost.iter().map(|seen| seen.id).collect();
                events.push([player], Push::RemoveEntities(ids));
            }
            if !gained.is_empty() {
                events.push([player], Push::AddEntities(views(gained.iter().copied(), entities)));
            }
        }
    }
}

/// What is shown of all these.
pub(super) fn views(seen: impl Iterator<Item = Seen>, entities: &Entities) -> Views {
    // In a crowd nearly all that one sees are players.
    let mut views = Views { player: Vec::with_capacity(seen.size_hint().0), ..Views::default() };
    for entity in seen.filter_map(|seen| entities.get(seen.id)) {
        views.push(entity);
    }
    views
}
