//! Walking: the ways players ask for, and the steps everybody takes in a tick. Not here: where monsters and pursuers want to go
//! ([`super::mind`], [`super::patrol`]).

use super::events::{Move, Push};
use super::limits::is_reasonable;
use super::view::Spot;
use super::{Area, Refused};
use crate::aoi::range_of_view;
use crate::geometry::Point;
use crate::ids::{EntityId, PlayerId};

/// A walking player is told its place on the server every so many steps.
const CHECKOUT_STEPS: u32 = 10;

/// The least range of a player: less, and it would not see whom it fights.
const RANGE_MIN: u32 = 1;

/// A way under one's feet.
#[derive(Debug)]
pub(super) struct Walk {
    path: Vec<Point>,
    /// The point it goes to next.
    next: usize,
    /// Where it is exactly.
    at: Point,
    updated_ms: u64,
    steps: u32,
}

impl Walk {
    /// A walk along these points, two or more, from the first.
    pub(super) fn new(path: Vec<Point>, now_ms: u64) -> Self {
        let at = path.first().copied().unwrap_or_default();
        Self { path, next: 1, at, updated_ms: now_ms, steps: 0 }
    }

    /// Goes on until `now_ms`; says whether the end is reached.
    fn advance(&mut self, speed: u32, now_ms: u64) -> bool {
        let passed_ms = now_ms.saturating_sub(self.updated_ms);
        self.updated_ms = self.updated_ms.max(now_ms);
        let mut left = f64::from(speed) * passed_ms as f64 / 1000.0;
        while let Some(to) = self.path.get(self.next) {
            let distance = self.at.distance(*to);
            if distance > left {
                let share = left / distance;
                self.at = Point::new(
                    self.at.x + (to.x - self.at.x) * share,
                    self.at.y + (to.y - self.at.y) * share,
                );
                return false;
            }
            left -= distance;
            self.at = *to;
            self.next += 1;
        }
        true
    }
}

impl Area {
    /// A player walks along a path of two points or more, in pixels; its first point is where the player believes to be. Whatever it was
    /// after is forgotten, even if the way is refused.
    ///
    /// # Errors
    /// The way is refused; after [`Refused::Leap`] the player is also told where it is.
    pub fn walk(&mut self, player: PlayerId, path: Vec<Point>, now_ms: u64) -> Result<(), Refused> {
        let id = self.actor(player)?;
        let Some(player) = self.player_mut(id) else { return Err(Refused::Absent) };
        player.life.target = None;
        player.life.chase = None;
        if !player.limits.may_move(now_ms) {
            return Err(Refused::TooOften);
        }
        if !is_reasonable(&path) || !self.finder.grid().is_path_free(&path, self.rules.lines) {
            return Err(Refused::Path);
        }
        self.step(id, now_ms);
        let Some(entity) = self.entities.get_mut(id) else { return Err(Refused::Absent) };
        let here = entity.position;
        let Some(player) = entity.player_mut() else { return Err(Refused::Absent) };
        let distance = player.life.walk.as_ref().map_or(here, |walk| walk.at).distance(path[0]);
        if !player.limits.may_leap(distance, player.hero.stats.walk_speed, now_ms) {
            self.push(id, Push::PathCheckout(id, here.into()));
            return Err(Refused::Leap);
        }
        self.set_out(id, path, now_ms, false);
        Ok(())
    }

    /// A player's view has another size, in pixels.
    ///
    /// # Errors
    /// The player is not there or dead, or asks too often.
    pub fn change_view(
        &mut self,
        player: PlayerId,
        width: u32,
        height: u32,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let id = self.actor(player)?;
        let range = range_of_view(width, height).max(RANGE_MIN);
        let Some(player) = self.player_mut(id) else { return Err(Refused::Absent) };
        if player.range == range {
            return Ok(());
        }
        if !player.limits.may_look(now_ms) {
            return Err(Refused::TooOften);
        }
        player.range = range;
        self.sight(|aoi, tell| aoi.resize(id, range, tell));
        Ok(())
    }

    /// Begins a walk, in place of one that is under way, and tells who sees its start; with `tell_self` the walker too.
    pub(super) fn set_out(&mut self, id: EntityId, path: Vec<Point>, now_ms: u64, tell_self: bool) {
        let Some(start) = path.first().copied() else { return };
        self.relocate(id, start);
        let Some(entity) = self.entities.get_mut(id) else { return };
        let speed = entity.stats().map_or(0, |stats| stats.walk_speed);
        let Some(life) = entity.life_mut() else { return };
        let spots = path.iter().map(|point| Spot::from(*point)).collect();
        life.walk = Some(Walk::new(path, now_ms));
        if !life.is_listed {
            life.is_listed = true;
            self.walkers.push(id);
        }
        let push = Push::Move(Move { entity_id: id, path: spots, speed });
        let watchers = self.aoi.players_watching(start).iter().copied();
        self.events.push(watchers.filter(|watcher| tell_self || *watcher != id), push);
    }

    pub(super) fn tick_walkers(&mut self, now_ms: u64) {
        let mut walkers = std::mem::take(&mut self.walkers);
        walkers.retain(|id| {
            let walks_on = self.step(*id, now_ms);
            if !walks_on && let Some(life) = self.entities.get_mut(*id).and_then(|entity| entity.life_mut()) {
                life.is_listed = false;
            }
            walks_on
        });
        self.walkers = walkers;
    }

    /// Somebody walks on until `now_ms`; says whether it still walks then.
    fn step(&mut self, id: EntityId, now_ms: u64) -> bool {
        let Some(entity) = self.entities.get_mut(id) else { return false };
        let speed = entity.stats().map_or(0, |stats| stats.walk_speed);
        let is_player = entity.player().is_some();
        let Some(life) = entity.life_mut() else { return false };
        let Some(walk) = &mut life.walk else { return false };
        let ended = walk.advance(speed, now_ms);
        walk.steps += 1;
        let (at, steps) = (walk.at, walk.steps);
        if ended {
            life.walk = None;
        }
        self.relocate(id, at);
        if is_player {
            self.mark(id, |marks| marks.player = true);
            if steps.is_multiple_of(CHECKOUT_STEPS) {
                self.push(id, Push::PathCheckout(id, at.into()));
            }
        }
        !ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_takes_as_long_as_its_length_says() {
        let path = [(0.0, 0.0), (30.0, 40.0), (30.0, 140.0)].map(|(x, y)| Point::new(x, y));
        let mut walk = Walk::new(path.to_vec(), 1000);
        assert!(!walk.advance(100, 1250));
        assert_eq!(walk.at, Point::new(15.0, 20.0));
        assert!(!walk.advance(100, 2000));
        assert_eq!(walk.at, Point::new(30.0, 90.0));
        assert!(!walk.advance(100, 1500), "a clock that goes back moves nobody");
        assert!(walk.advance(100, 2500));
        assert_eq!(walk.at, Point::new(30.0, 140.0));
    }
}
