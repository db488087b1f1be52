//! How long finding ways takes on the maps of the game, and telling who sees whom while a crowd walks:
//! `cargo run --release -p lordofpomelo-world --example land`.

use std::path::Path;
use std::time::Instant;

use lordofpomelo_world::aoi::{Aoi, EntityKind, Event};
use lordofpomelo_world::data::{Area, Tables};
use lordofpomelo_world::map::{AreaMap, PathFinder};
use lordofpomelo_world::{Point, Rect};

/// How many ways of each kind.
const WAYS: u32 = 2000;

/// How many walk in one area, and for how many ticks of 100 ms.
const CROWD: u32 = 2000;
const TICKS: u32 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config");
    let tables = Tables::load(&config.join("data"))?;
    for area in &tables.area {
        let map = AreaMap::load(&config.join(&area.path), area.width, area.height)?;
        ways(area, &map);
        crowd(area, &map);
    }
    Ok(())
}

fn somewhere(map: &AreaMap, rect: Rect, chance: &mut fastrand::Rng) -> Point {
    std::iter::repeat_with(|| map.walkable_in(rect, chance)).flatten().next().unwrap_or_default()
}

fn whole(area: &Area) -> Rect {
    Rect { x: 0.0, y: 0.0, width: f64::from(area.width), height: f64::from(area.height) }
}

/// Ways as a mob in pursuit needs them, and ways across the whole area.
fn ways(area: &Area, map: &AreaMap) {
    let (mut finder, mut chance) = (PathFinder::new(map.grid.clone()), fastrand::Rng::with_seed(1));
    for (what, reach) in [("within 500 pixels", 500.0), ("anywhere", f64::INFINITY)] {
        let (mut longest, mut steps) = (0.0_f64, 0);
        let mut spent = 0.0;
        for _ in 0..WAYS {
            let from = somewhere(map, whole(area), &mut chance);
            let near = Rect { x: from.x - reach, y: from.y - reach, width: 2.0 * reach, height: 2.0 * reach };
            let to = somewhere(map, if reach.is_finite() { near } else { whole(area) }, &mut chance);
            let start = Instant::now();
            let way = finder.find(from, to);
            let took = start.elapsed().as_secs_f64() * 1e6;
            spent += took;
            longest = longest.max(took);
            steps += way.map_or(0, |way| way.points.len());
        }
        let ways = f64::from(WAYS);
        println!(
            "{:15} ways {what}: {:.1} µs each, {longest:.0} µs at most, {:.1} points",
            area.name,
            spent / ways,
            steps as f64 / ways
        );
    }
}

/// Everybody walks straight on and turns where the area ends, with the window of a screen of 1280 pixels.
fn crowd(area: &Area, map: &AreaMap) {
    let size = |size: u32| f64::from(size);
    let mut aoi =
        Aoi::new(size(area.width), size(area.height), size(area.tower_width), size(area.tower_height));
    let mut chance = fastrand::Rng::with_seed(2);
    let mut walkers: Vec<(Point, f64, f64)> = (0..CROWD)
        .map(|_| {
            let angle = chance.f64() * std::f64::consts::TAU;
            (somewhere(map, whole(area), &mut chance), angle.cos() * 24.0, angle.sin() * 24.0)
        })
        .collect();
    for (id, (at, ..)) in (0..).zip(&walkers) {
        aoi.add(id, EntityKind::Player, *at, &mut |_| {});
        aoi.watch(id, EntityKind::Player, *at, 3, &mut |_| {});
    }
    let (mut told, mut worst, start) = (0, 0.0_f64, Instant::now());
    for _ in 0..TICKS {
        let tick = Instant::now();
        for (id, (at, dx, dy)) in (0..).zip(&mut walkers) {
            *dx = if at.x + *dx < 0.0 || at.x + *dx >= size(area.width) { -*dx } else { *dx };
            *dy = if at.y + *dy < 0.0 || at.y + *dy >= size(area.height) { -*dy } else { *dy };
            *at = Point::new(at.x + *dx, at.y + *dy);
            aoi.walk(id, *at, &mut |event| {
                told += match event {
                    Event::Appeared { players, .. } | Event::Vanished { players, .. } => players.len(),
                    Event::Looked { .. } => 1,
                }
            });
        }
        worst = worst.max(tick.elapsed().as_secs_f64() * 1e3);
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / f64::from(TICKS);
    println!(
        "{:15} {CROWD} walk: {each:.2} ms a tick, {worst:.2} ms at most, {} told a tick",
        area.name,
        told / TICKS as usize
    );
}
