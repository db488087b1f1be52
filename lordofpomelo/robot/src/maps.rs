//! Maps as servers tell of them in `enterScene`, and ways across them. Players who go the same maps share one [`Maps`]: a map is then
//! read once. Not here: who is where.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use lordofpomelo_world::{
    Point, Rect,
    map::{Grid, PathFinder, Route, TILE},
};

use crate::wire;

/// How often a point is looked for to which a way leads.
const TRIES: u32 = 20;

/// The maps that were told of, by name. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Maps(Arc<Mutex<HashMap<String, Map>>>);

/// A map. Clones share it.
#[derive(Clone, Debug)]
pub struct Map {
    name: Arc<str>,
    grid: Arc<Grid>,
    finder: Arc<Mutex<PathFinder>>,
}

impl Maps {
    /// The map of this name, and what it is if that is not known yet.
    pub(crate) fn learn(&self, told: &wire::Map) -> Map {
        let mut maps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = maps.get(&told.name) {
            return known.clone();
        }
        let map = Map::new(&told.name, grid(told));
        maps.insert(told.name.clone(), map.clone());
        map
    }
}

impl Map {
    /// A map of this name with these obstacles.
    #[must_use]
    pub fn new(name: &str, grid: Grid) -> Self {
        let grid = Arc::new(grid);
        let finder = Arc::new(Mutex::new(PathFinder::new(Arc::clone(&grid))));
        Self { name: name.into(), grid, finder }
    }

    /// Its name: `desert`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What of it can be walked on.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// A way that a server takes, with its length in pixels; none if there is none, or `from` is `to`.
    #[must_use]
    pub fn way(&self, from: Point, to: Point) -> Option<Route> {
        let way = self.finder.lock().unwrap_or_else(PoisonError::into_inner).find(from, to);
        way.filter(|way| way.points.len() >= 2 && way.cost > 0.0)
    }

    /// A way from here to somewhere at most so many pixels away in each axis.
    #[must_use]
    pub fn stroll(&self, from: Point, reach_px: f64) -> Option<Route> {
        let around = Rect {
            x: from.x - reach_px,
            y: from.y - reach_px,
            width: 2.0 * reach_px,
            height: 2.0 * reach_px,
        };
        self.way_into(from, around)
    }

    /// A way from here to somewhere on the map.
    #[must_use]
    pub fn journey(&self, from: Point) -> Option<Route> {
        let (width, height) = (f64::from(self.grid.width()), f64::from(self.grid.height()));
        self.way_into(from, Rect { x: 0.0, y: 0.0, width, height })
    }

    fn way_into(&self, from: Point, rect: Rect) -> Option<Route> {
        let mut chance = fastrand::Rng::new();
        (0..TRIES).find_map(|_| {
            let to = rect.random(&mut chance);
            if self.grid.is_walkable(to) { self.way(from, to) } else { None }
        })
    }
}

fn grid(told: &wire::Map) -> Grid {
    let mut grid = Grid::new(told.width, told.height);
    for (x, column) in (0_u32..).zip(&told.weight_map) {
        for run in &column.collisions {
            let (x, y) = (f64::from(x) * TILE, f64::from(run.start) * TILE);
            grid.block_rect(Rect { x, y, width: TILE, height: f64::from(run.length) * TILE });
        }
    }
    grid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_what_the_server_has_tile_by_tile() {
        let mut grid = Grid::new(410, 290);
        grid.block_rect(Rect { x: 30.0, y: 45.0, width: 75.0, height: 60.0 });
        grid.block_rect(Rect { x: 200.0, y: 0.0, width: 20.0, height: 290.0 });
        grid.block_rect(Rect { x: 400.0, y: 280.0, width: 20.0, height: 20.0 });
        let weight_map = grid.runs().into_iter().map(|collisions| wire::Column { collisions }).collect();
        let told =
            wire::Map { name: "m".into(), width: 410, height: 290, tile_w: 20, tile_h: 20, weight_map };
        let maps = Maps::default();
        assert_eq!(*maps.learn(&told).grid(), grid);
        assert!(Arc::ptr_eq(&maps.learn(&told).grid, &maps.learn(&told).grid), "it is read once");
    }

    #[test]
    fn strolls_and_journeys_are_ways_that_servers_take() {
        let mut grid = Grid::new(800, 600);
        grid.block_rect(Rect { x: 300.0, y: 0.0, width: 100.0, height: 500.0 });
        let map = Map::new("m", grid);
        let from = Point::new(210.0, 90.0);
        for _ in 0..50 {
            for way in [map.stroll(from, 150.0), map.journey(from)] {
                let way = way.unwrap();
                assert_eq!(way.points[0], from);
                assert!(map.grid().is_path_free(&way.points, lordofpomelo_world::map::Lines::Strict));
            }
        }
        assert!(map.way(from, from).is_none());
    }
}
