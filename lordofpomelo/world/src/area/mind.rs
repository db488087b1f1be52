//! Who is after something: players after what they were told to fight, pick up or talk to, monsters after whom they hate. One thought a
//! tick: in reach, do it; else go there. Not here: blows, picking, talking themselves.
//!
//! The original built this from a general tree of conditions and actions. What the trees of players and monsters amount to is the two
//! functions `think_player` and `think_mob`.

use super::Area;
use super::entity::{Body, Chase};
use super::fight::Blow;
use super::ground::PICK_REACH_PX;
use super::hate;
use super::talk::TALK_REACH_PX;
use crate::geometry::Point;
use crate::hero::skills::PLAIN;
use crate::ids::EntityId;

/// A monster further than this from where it appeared, in either axis, gives up.
const LEASH_PX: f64 = 500.0;

/// A way to a target is planned anew when the target has moved so far,
const REPLAN_PX: f64 = 40.0;

/// and at most so often. A way around something is searched for no more often either, however often the target changes.
const REPLAN_MS: u64 = 300;

/// Ways around something that are searched for in a tick, for players, and as many for monsters: each may look at the whole map. Who
/// comes later has its turn first in the next tick.
const SEARCHES_PER_TICK_MAX: u32 = 16;

/// The searches of a tick.
#[derive(Debug, Default)]
pub(super) struct Searches {
    left: u32,
    /// The first who could not search any more.
    put_off: Option<EntityId>,
    /// Who that was among players, and among monsters, in the last tick.
    first_player: Option<EntityId>,
    first_mob: Option<EntityId>,
}

impl Searches {
    /// Those whose turn it is now may search so often.
    fn begin(&mut self) {
        (self.left, self.put_off) = (SEARCHES_PER_TICK_MAX, None);
    }

    /// Whether one more may search now.
    fn pass(&mut self, id: EntityId) -> bool {
        let passes = self.left > 0;
        if passes {
            self.left -= 1;
        } else {
            self.put_off.get_or_insert(id);
        }
        passes
    }
}

/// All places of a list, from that of `first` on and around.
fn turns(all: &[EntityId], first: Option<EntityId>) -> impl Iterator<Item = usize> + use<> {
    let first = first.and_then(|first| all.iter().position(|one| *one == first)).unwrap_or(0);
    (first..all.len()).chain(0..first)
}

/// What came of going to a target.
enum Approach {
    /// In reach; it stands still now.
    Arrived,
    /// On its way.
    UnderWay,
    /// There is no way.
    Lost,
}

/// What a player can do with its target.
enum Aim {
    Fight,
    Pick,
    Talk,
    /// It is gone or dead.
    Nothing,
}

impl Area {
    pub(super) fn tick_players(&mut self, now_ms: u64) {
        self.searches.begin();
        for n in turns(&self.entities.players, self.searches.first_player) {
            let id = self.entities.players[n];
            if let Some(target) = self.entities.get(id).and_then(|entity| entity.life()?.target) {
                self.think_player(id, target, now_ms);
            }
        }
        self.searches.first_player = self.searches.put_off;
    }

    /// No monster dies in this: they strike players only.
    pub(super) fn tick_mobs(&mut self, now_ms: u64) {
        self.searches.begin();
        for n in turns(&self.entities.mobs, self.searches.first_mob) {
            let id = self.entities.mobs[n];
            if self.entities.get(id).and_then(|entity| entity.mob()).is_some_and(|mob| mob.is_awake) {
                self.think_mob(id, now_ms);
            }
        }
        self.searches.first_mob = self.searches.put_off;
        for n in 0..self.entities.mobs.len() {
            self.patrol(self.entities.mobs[n], now_ms);
        }
    }

    fn think_player(&mut self, id: EntityId, target: EntityId, now_ms: u64) {
        let aim = match self.entities.get(target).map(|entity| &entity.body) {
            Some(Body::Mob(mob)) if mob.stats.hp > 0 => Aim::Fight,
            Some(Body::Player(player)) if player.hero.stats.hp > 0 => Aim::Fight,
            Some(Body::Thing(_)) => Aim::Pick,
            Some(Body::Npc) => Aim::Talk,
            _ => Aim::Nothing,
        };
        let reach = match aim {
            Aim::Fight => self.plain_reach(),
            Aim::Pick => PICK_REACH_PX,
            Aim::Talk => TALK_REACH_PX,
            Aim::Nothing => return self.lose_target(id),
        };
        match self.approach(id, target, reach, now_ms) {
            Approach::UnderWay => {}
            Approach::Lost => self.lose_target(id),
            Approach::Arrived => match aim {
                Aim::Fight => {
                    self.fight(id, target, now_ms);
                }
                // Whatever comes of it, it is not tried again.
                Aim::Pick => {
                    self.try_pick(id, target, now_ms);
                    self.lose_target(id);
                }
                Aim::Talk => {
                    self.talk(id, target);
                    self.lose_target(id);
                }
                Aim::Nothing => {}
            },
        }
    }

    /// A monster that is after somebody. Without anybody left to hate, too far from home or without a way it gives up.
    fn think_mob(&mut self, id: EntityId, now_ms: u64) {
        let Some(entity) = self.entities.get(id) else { return };
        let (at, Some(mob)) = (entity.position, entity.mob()) else { return };
        let Some(target) = mob.life.target else { return self.fall_asleep(id) };
        if self.entities.get(target).is_none_or(|target| !target.is_alive()) {
            return hate::forget(&mut self.entities, id, target);
        }
        let is_far = (at.x - mob.home.x).abs() > LEASH_PX || (at.y - mob.home.y).abs() > LEASH_PX;
        let reach = self.plain_reach();
        let is_in_reach = |target: Point| at.distance(target) <= reach;
        if is_far && !self.entities.get(target).is_some_and(|target| is_in_reach(target.position)) {
            hate::forget(&mut self.entities, id, target);
            return self.fall_asleep(id);
        }
        match self.approach(id, target, reach, now_ms) {
            Approach::UnderWay => {}
            Approach::Lost => self.fall_asleep(id),
            Approach::Arrived => {
                self.fight(id, target, now_ms);
            }
        }
    }

    fn fight(&mut self, id: EntityId, target: EntityId, now_ms: u64) {
        if matches!(self.strike(id, target, PLAIN, now_ms), Blow::AlreadyDead | Blow::Impossible) {
            self.lose_target(id);
        }
    }

    fn lose_target(&mut self, id: EntityId) {
        if let Some(life) = self.entities.get_mut(id).and_then(|entity| entity.life_mut()) {
            life.target = None;
            life.chase = None;
        }
    }

    fn fall_asleep(&mut self, id: EntityId) {
        self.lose_target(id);
        if let Some(mob) = self.entities.get_mut(id).and_then(|entity| entity.mob_mut()) {
            mob.is_awake = false;
            mob.patrol.begin_again();
        }
    }

    /// Goes to `target` until it is within `reach`; plans again when the target has moved on or the way ended short of it. The straight
    /// way costs little; where something stands in it, it may have to wait for its turn to search.
    fn approach(&mut self, id: EntityId, target: EntityId, reach: f64, now_ms: u64) -> Approach {
        let Some(to) = self.entities.get(target).map(|target| target.position) else { return Approach::Lost };
        let Some(entity) = self.entities.get_mut(id) else { return Approach::Lost };
        let from = entity.position;
        let Some(life) = entity.life_mut() else { return Approach::Lost };
        if from.distance(to) <= reach {
            if life.chase.take().is_some() {
                life.walk = None;
            }
            return Approach::Arrived;
        }
        if let Some(chase) = life.chase.filter(|chase| chase.target == target) {
            let is_stale = chase.aimed_at.distance(to) >= REPLAN_PX && now_ms >= chase.planned_ms + REPLAN_MS;
            if life.walk.is_some() && !is_stale {
                return Approach::UnderWay;
            }
        }
        let chase = Chase { target, aimed_at: to, planned_ms: now_ms };
        let route = if let Some(route) = self.finder.straight(from, to) {
            route
        } else {
            let is_too_soon = life.searched_ms.is_some_and(|searched| now_ms < searched + REPLAN_MS);
            if is_too_soon || !self.searches.pass(id) {
                return Approach::UnderWay;
            }
            life.searched_ms = Some(now_ms);
            let Some(route) = self.finder.find(from, to) else { return Approach::Lost };
            route
        };
        life.chase = Some(chase);
        self.set_out(id, route.points, now_ms, true);
        Approach::UnderWay
    }
}
