//! Monsters that are after nobody walk around their place: to a few points near it, with a rest at each. Not here: what wakes them
//! ([`super::hate`]).

use fastrand::Rng;

use super::Area;
use crate::geometry::Point;
use crate::ids::EntityId;
use crate::map::PathFinder;

/// Points of a patrol besides the place itself.
const POINTS: usize = 3;

/// How often each is looked for.
const TRIES: u32 = 12;

/// The way between two of them is at most so long.
const WAY_PX_MAX: f64 = 300.0;

/// Ticks of rest at each.
const REST_TICKS: u32 = 50;

/// The points of a monster's patrol and how far it is.
#[derive(Debug)]
pub(super) struct Patrol {
    points: Vec<Point>,
    next: usize,
    /// Whether it has set out for the next point.
    is_under_way: bool,
    rest_ticks: u32,
}

impl Patrol {
    /// Up to three points around `home`, each reachable from the one before, and `home` last.
    pub(super) fn around(home: Point, finder: &mut PathFinder, chance: &mut Rng) -> Self {
        let mut points: Vec<Point> = Vec::with_capacity(POINTS + 1);
        for _ in 0..POINTS {
            let from = points.last().copied().unwrap_or(home);
            let mut tries = (0..TRIES).map(|_| step_from(from, finder, chance));
            let found = tries.find_map(|to| to);
            points.extend(found);
        }
        points.push(home);
        Self { points, next: 0, is_under_way: false, rest_ticks: 0 }
    }

    /// It comes back from elsewhere: it goes on to the next point at once.
    pub(super) fn begin_again(&mut self) {
        self.is_under_way = false;
        self.rest_ticks = 0;
    }

    /// One tick; returns where to go if it is time to. `walks` says whether it is on its way.
    fn tick(&mut self, walks: bool) -> Option<Point> {
        if walks {
            return None;
        }
        if self.is_under_way {
            self.is_under_way = false;
            self.next = (self.next + 1) % self.points.len();
            self.rest_ticks = REST_TICKS;
        }
        if self.rest_ticks > 0 {
            self.rest_ticks -= 1;
            return None;
        }
        self.is_under_way = true;
        Some(self.points[self.next])
    }
}

/// A point 100 to 199 px from here in each axis, mirrored at the map's borders; `None` if the way there is none or long.
fn step_from(from: Point, finder: &mut PathFinder, chance: &mut Rng) -> Option<Point> {
    let mut off = || f64::from(chance.u32(100..200)) * if chance.bool() { 1.0 } else { -1.0 };
    let (dx, dy) = (off(), off());
    let mirrored = |at: f64, off: f64, size: u32| {
        let inside = |at: &f64| (0.0..f64::from(size)).contains(at);
        Some(at + off).filter(inside).unwrap_or(at - off)
    };
    let grid = finder.grid();
    let to = Point::new(mirrored(from.x, dx, grid.width()), mirrored(from.y, dy, grid.height()));
    let route = finder.find(from, to)?;
    (route.cost <= WAY_PX_MAX).then_some(to)
}

impl Area {
    /// One tick of a monster, if it patrols.
    pub(super) fn patrol(&mut self, id: EntityId, now_ms: u64) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        let from = entity.position;
        let Some(mob) = entity.mob_mut().filter(|mob| !mob.is_awake) else { return };
        let Some(to) = mob.patrol.tick(mob.life.walk.is_some()) else { return };
        if let Some(route) = self.finder.find(from, to) {
            self.set_out(id, route.points, now_ms, true);
        }
    }
}
