//! The map of an area: where one can walk, where heroes appear, mobs live and NPCs stand; whether a line is free, and the
//! way from one point to another.
//!
//! Not here: who is on it, and how it is drawn.

mod grid;
mod line;
mod path;
pub mod scene;
mod tiled;

use std::path::Path;
use std::sync::Arc;

pub use grid::{Grid, Run, TILE, Tile};
pub use line::Lines;
pub use path::{PathFinder, REMEMBERED, Route};
pub use tiled::MapError;

use crate::{Point, Rect, data::Tables};

/// How often a walkable point of a rectangle is looked for.
pub const TRIES: u32 = 20;

/// A rectangle in which mobs of one kind live.
#[derive(Debug, Clone, PartialEq)]
pub struct MobZone {
    /// Where.
    pub rect: Rect,
    /// Kind of character.
    pub kind: u32,
    /// How many may be alive.
    pub number: u32,
    /// Their level.
    pub level: u32,
    /// After which time a killed one comes back, in milliseconds.
    pub refresh_ms: u64,
}

/// Where an NPC stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NpcSpot {
    /// Kind of NPC.
    pub kind: u32,
    /// Where.
    pub at: Point,
}

/// A map as its file says.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaMap {
    /// Where one can walk.
    pub grid: Arc<Grid>,
    /// Where heroes appear.
    pub birth: Rect,
    /// Where mobs live, in the order of the file.
    pub zones: Vec<MobZone>,
    /// Where NPCs stand, in the order of the file.
    pub npcs: Vec<NpcSpot>,
}

impl AreaMap {
    /// Reads a map file of an area of this size in pixels.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, and where.
    pub fn load(file: &Path, width: u32, height: u32) -> Result<Self, MapError> {
        tiled::load(file, width, height)
    }

    /// Whether the tables know all monsters and NPCs of the map that this file is. A monster that they don't know would never appear,
    /// without a word.
    ///
    /// # Errors
    ///
    /// [`MapError::Kind`], the first that they do not know.
    pub fn check(&self, file: &Path, tables: &Tables) -> Result<(), MapError> {
        let unknown = |group, (n, kind): (usize, u32)| {
            Err(MapError::Kind { file: file.to_owned(), group, object: n + 1, kind })
        };
        let mut mobs = self.zones.iter().map(|zone| zone.kind).enumerate();
        if let Some(mob) = mobs.find(|(_, kind)| tables.character.get(*kind).is_none()) {
            return unknown("mob", mob);
        }
        let mut npcs = self.npcs.iter().map(|npc| npc.kind).enumerate();
        npcs.find(|(_, kind)| tables.npc.get(*kind).is_none()).map_or(Ok(()), |npc| unknown("npc", npc))
    }

    /// A random walkable point of whole pixels in `rect`, or none after [`TRIES`].
    pub fn walkable_in(&self, rect: Rect, chance: &mut fastrand::Rng) -> Option<Point> {
        (0..TRIES).map(|_| rect.random(chance)).find(|point| self.grid.is_walkable(*point))
    }

    /// Where a hero appears: a walkable point of the birth zone, and any point of it if none was found.
    pub fn birth_point(&self, chance: &mut fastrand::Rng) -> Point {
        self.walkable_in(self.birth, chance).unwrap_or_else(|| self.birth.random(chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map whose left half is blocked.
    fn half() -> AreaMap {
        let mut grid = Grid::new(400, 400);
        grid.block_rect(Rect { x: 0.0, y: 0.0, width: 200.0, height: 400.0 });
        let birth = Rect { x: 150.0, y: 100.0, width: 100.0, height: 100.0 };
        AreaMap { grid: grid.into(), birth, zones: Vec::new(), npcs: Vec::new() }
    }

    #[test]
    fn a_monster_or_npc_that_no_table_has_is_named() {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config");
        let tables = Tables::load(&config.join("data")).unwrap();
        for area in &tables.area {
            let file = config.join(&area.path);
            AreaMap::load(&file, area.width, area.height).unwrap().check(&file, &tables).unwrap();
        }
        let check = |map: &AreaMap| map.check(Path::new("m.json"), &tables).unwrap_err().to_string();
        let mut map = half();
        map.npcs = [301, 999].map(|kind| NpcSpot { kind, at: Point::default() }).into();
        assert_eq!(check(&map), "m.json: group npc, object 2: no table has npc 999");
        map.zones = vec![MobZone { rect: map.birth, kind: 7, number: 1, level: 1, refresh_ms: 1 }];
        assert_eq!(check(&map), "m.json: group mob, object 1: no table has mob 7");
    }

    #[test]
    fn heroes_appear_where_one_can_walk() {
        let (map, mut chance) = (half(), fastrand::Rng::with_seed(1));
        for _ in 0..200 {
            let at = map.birth_point(&mut chance);
            assert!(map.grid.is_walkable(at) && map.birth.contains(at), "{at:?}");
        }
    }

    #[test]
    fn a_blocked_rectangle_has_no_walkable_point_and_a_blocked_birth_zone_is_used_all_the_same() {
        let (mut map, mut chance) = (half(), fastrand::Rng::with_seed(1));
        map.birth.x = 20.0;
        assert_eq!(map.walkable_in(map.birth, &mut chance), None);
        assert!(map.birth.contains(map.birth_point(&mut chance)));
    }
}
