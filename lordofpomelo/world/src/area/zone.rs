//! Where monsters come from: each zone keeps its number alive. Not here: what they do then.

use std::collections::VecDeque;

use super::Area;
use super::entity::{Body, Life, Mob};
use super::patrol::Patrol;
use crate::geometry::{Point, Rect};
use crate::hero::{Skills, Stats};
use crate::ids::EntityId;
use crate::map::MobZone;
use crate::rules::growth::mob_value;

/// How often a zone makes monsters,
const BATCH_MS: u64 = 5000;

/// and how many at once.
const BATCH: usize = 3;

/// A zone and who of it is alive.
#[derive(Debug)]
pub(super) struct Zone {
    rect: Rect,
    kind: u32,
    level: u32,
    /// How many may be alive.
    most: usize,
    refresh_ms: u64,
    alive: usize,
    /// When the places of the killed are free again, the first first.
    taken_until_ms: VecDeque<u64>,
    next_batch_ms: u64,
}

impl Zone {
    pub(super) fn new(zone: &MobZone) -> Self {
        Self {
            rect: zone.rect,
            kind: zone.kind,
            level: zone.level,
            most: zone.number as usize,
            refresh_ms: zone.refresh_ms,
            alive: 0,
            taken_until_ms: VecDeque::new(),
            next_batch_ms: 0,
        }
    }

    /// One of its monsters died: its place stays empty for a while.
    pub(super) fn killed(&mut self, now_ms: u64) {
        self.alive = self.alive.saturating_sub(1);
        self.taken_until_ms.push_back(now_ms + self.refresh_ms);
    }

    /// How many monsters it makes now.
    fn due(&mut self, now_ms: u64) -> usize {
        while self.taken_until_ms.pop_front_if(|until| *until <= now_ms).is_some() {}
        let free = self.most.saturating_sub(self.alive + self.taken_until_ms.len());
        if free == 0 || now_ms < self.next_batch_ms {
            return 0;
        }
        self.next_batch_ms = now_ms + BATCH_MS;
        free.min(BATCH)
    }
}

impl Area {
    pub(super) fn tick_zones(&mut self, now_ms: u64) {
        for n in 0..self.zones.len() {
            for _ in 0..self.zones[n].due(now_ms) {
                let rect = self.zones[n].rect;
                // No place was found: the next batch tries again.
                let Some(at) = self.map.walkable_in(rect, &mut self.chance) else { break };
                self.spawn(n, at);
            }
        }
    }

    /// A monster of a zone appears.
    pub(super) fn spawn(&mut self, zone: usize, at: Point) -> Option<EntityId> {
        let (kind, level) = (self.zones[zone].kind, self.zones[zone].level);
        let row = self.tables.character.get(kind)?;
        let value = |base| mob_value(base, level, row.upgrade_param);
        let stats = Stats {
            level,
            hp: value(row.hp),
            max_hp: value(row.hp),
            mp: value(row.mp),
            max_mp: value(row.mp),
            attack_value: value(row.attack_value),
            defence_value: value(row.defence_value),
            walk_speed: row.walk_speed,
            attack_speed: row.attack_speed,
        };
        let life = Life { attack: stats.attack_value, defence: stats.defence_value, ..Life::default() };
        let mob = Mob {
            life,
            stats,
            skills: Skills::default(),
            zone,
            home: at,
            hate: Vec::new(),
            is_awake: false,
            patrol: Patrol::around(at, &mut self.finder, &mut self.chance),
        };
        self.zones[zone].alive += 1;
        let id = self.entities.add(kind, at, Body::Mob(Box::new(mob)));
        self.show(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(most: u32, refresh_ms: u64) -> Zone {
        Zone::new(&MobZone { rect: Rect::default(), kind: 202, number: most, level: 1, refresh_ms })
    }

    fn make(zone: &mut Zone, now_ms: u64) -> usize {
        let made = zone.due(now_ms);
        zone.alive += made;
        made
    }

    #[test]
    fn a_zone_fills_by_three_every_five_seconds() {
        let mut zone = zone(8, 5000);
        let made = [100, 200, 5000, 5100, 10_100, 15_100].map(|now| make(&mut zone, now));
        assert_eq!(made, [3, 0, 0, 3, 2, 0]);
    }

    /// D-25: in the original a killed monster was often back at once.
    #[test]
    fn a_killed_monster_comes_back_after_the_refresh_time_of_its_zone() {
        let mut zone = zone(1, 8000);
        assert_eq!(make(&mut zone, 100), 1);
        zone.killed(60_000);
        assert_eq!([60_100, 67_900, 68_000].map(|now| make(&mut zone, now)), [0, 0, 1]);
    }
}
