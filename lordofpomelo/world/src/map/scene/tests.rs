//! The maps that the game comes with.

use std::path::{Path, PathBuf};

use super::*;
use crate::Point;
use crate::data::{Area, Tables};
use crate::map::{AreaMap, Lines, PathFinder, Tile};

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config")
}

fn maps() -> Vec<(Area, AreaMap)> {
    let tables = Tables::load(&config().join("data")).unwrap();
    let load = |area: &Area| AreaMap::load(&config().join(&area.path), area.width, area.height).unwrap();
    tables.area.iter().map(|area| (area.clone(), load(area))).collect()
}

/// Points of a rectangle, `apart` pixels from each other.
fn points_of(rect: Rect, apart: f64) -> impl Iterator<Item = Point> {
    let count = |size: f64| (size / apart).ceil() as u32;
    let (columns, rows) = (count(rect.width), count(rect.height));
    let place = move |n: u32| (f64::from(n % columns) * apart, f64::from(n / columns) * apart);
    (0..columns * rows).map(place).map(move |(x, y)| Point::new(rect.x + x, rect.y + y))
}

#[test]
fn the_files_are_those_of_the_generator() {
    for scene in Scene::all() {
        let files = files(&scene).unwrap();
        for (folder, text) in [("map", &files.map), ("scene", &files.scene)] {
            let file = config().join(folder).join(format!("{}.json", files.name));
            let there = std::fs::read_to_string(&file).unwrap_or_default();
            let same = there == *text;
            assert!(
                same,
                "{} is old: cargo run -p lordofpomelo-world --bin lordofpomelo-maps",
                file.display()
            );
        }
    }
}

#[test]
fn what_is_drawn_as_free_is_free_and_what_is_drawn_as_an_obstacle_blocks() {
    for (scene, (area, map)) in Scene::all().into_iter().zip(maps()) {
        assert_eq!((area.id, area.width, area.height), (scene.area, scene.width, scene.height));
        for road in &scene.roads {
            let points: Vec<_> =
                road.points.iter().map(|p| Point::new(f64::from(p[0]), f64::from(p[1]))).collect();
            assert!(map.grid.is_path_free(&points, Lines::Strict), "{}: {road:?}", scene.name);
        }
        for prop in scene.props.iter().filter(|prop| prop.base.is_some()) {
            let at = Point::new(f64::from(prop.x), f64::from(prop.y));
            assert!(!map.grid.is_walkable(at), "{}: {prop:?}", scene.name);
        }
    }
}

#[test]
fn places_of_the_game_are_walkable_and_joined_by_ways() {
    for (area, map) in maps() {
        let (name, grid) = (&area.name, &map.grid);
        let mut finder = PathFinder::new(grid.clone());
        let birth = shape::centre(map.birth);
        let mut reach = |what: &str, at: Point| {
            assert!(grid.is_walkable(at), "{name}: {what} at {at:?} is blocked");
            assert!(finder.find(birth, at).is_some(), "{name}: no way from birth to {what} at {at:?}");
        };
        points_of(map.birth, 20.0).for_each(|at| reach("birth point", at));
        map.npcs.iter().for_each(|npc| reach("NPC", npc.at));
        for zone in &map.zones {
            let points: Vec<_> = points_of(zone.rect, 10.0).collect();
            let walkable: Vec<_> = points.iter().filter(|at| grid.is_walkable(**at)).collect();
            let enough = walkable.len() * 10 >= points.len() * 7;
            assert!(enough, "{name}: {} of {} points of {zone:?}", walkable.len(), points.len());
            walkable.iter().step_by(40).for_each(|at| reach("mob zone", **at));
        }
    }
}

#[test]
fn nothing_walkable_is_out_of_reach() {
    for (area, map) in maps() {
        let grid = &map.grid;
        let reached = grid.connected_to(grid.tile(shape::centre(map.birth)).unwrap());
        let tiles = (0..grid.rows()).flat_map(|y| (0..grid.columns()).map(move |x| Tile { x, y }));
        let lost = |tile: &Tile| !grid.is_blocked(*tile) && !reached[grid.index(*tile).unwrap()];
        assert_eq!(tiles.filter(lost).collect::<Vec<_>>(), [], "{}", area.name);
    }
}

#[test]
fn new_heroes_begin_on_free_ground() {
    let (_, desert) = maps().swap_remove(0);
    let begin = Rect { x: 346.0, y: 81.0, width: 126.0, height: 129.0 };
    assert!(points_of(begin, 1.0).all(|at| desert.grid.is_walkable(at)));
}

#[test]
fn about_as_much_is_blocked_as_on_the_maps_of_the_original() {
    for ((area, map), share) in maps().into_iter().zip([0.071, 0.174, 0.203, 0.719, 0.79]) {
        let blocked = map.grid.blocked_share();
        assert!((blocked - share).abs() < 0.012, "{}: {blocked:.4}, not {share}", area.name);
    }
}

#[test]
fn zones_and_npcs_are_of_kinds_that_there_are() {
    let tables = Tables::load(&config().join("data")).unwrap();
    for (_, map) in maps() {
        assert!(map.zones.iter().all(|zone| tables.character.get(zone.kind).is_some()));
        assert!(map.npcs.iter().all(|npc| tables.npc.get(npc.kind).is_some()));
    }
}
