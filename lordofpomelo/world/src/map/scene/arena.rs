//! The arena: an oval of sand, a wall around it, rows of seats behind.

use super::build::{Builder, Strew};
use super::facts::ARENA;
use super::noise::{around, noise};
use super::shape::Ring;
use super::{GroundKind, PropKind, Scene, TerrainKind};
use crate::Point;

/// The middle of the oval and its half axes.
const MIDDLE: (f64, f64) = (708.0, 472.0);
const SAND: (f64, f64) = (498.0, 342.0);

/// How far behind the sand the seats begin, and where they end.
const WALL: f64 = 44.0;
const STANDS: f64 = 400.0;

pub(super) fn scene() -> Scene {
    let mut b = Builder::new(&ARENA, 20.0);
    b.plan.roads.clear();
    let (sand, wall, stands) = (oval(0.0), oval(WALL), oval(STANDS));
    let (width, height) = (ARENA.width as i32, ARENA.height as i32);
    let outside = vec![[0, 0], [width, 0], [width, height], [0, height]];
    b.ring(TerrainKind::Outside, vec![outside, stands.clone()]);
    b.ring(TerrainKind::Stands, vec![stands, wall.clone()]);
    b.ring(TerrainKind::Wall, vec![wall, sand]);
    let reach = |at: Point| {
        let (x, y) = ((at.x - MIDDLE.0) / SAND.0, (at.y - MIDDLE.1) / SAND.1);
        (x * x + y * y).sqrt()
    };
    // A ring of paving around a round field of gravel.
    b.ground(GroundKind::Paving, 40.0, |at| (0.11 - (reach(at) - 0.86).abs()) * 2.0);
    b.ground(GroundKind::Gravel, 40.0, |at| 0.32 - reach(at) + (noise(at, 60.0, 5) - 0.5) * 0.1);
    furnish(&mut b, reach);
    b.finish()
}

fn furnish(b: &mut Builder, reach: impl Fn(Point) -> f64 + Copy) {
    let on = |part: f64, out: f64| {
        let (x, y) = around(part);
        Point::new(MIDDLE.0 + x * (SAND.0 + out), MIDDLE.1 + y * (SAND.1 + out))
    };
    for n in 0..20 {
        let part = f64::from(n) / 20.0;
        b.lay_down(PropKind::Banner, on(part + 0.025, WALL * 0.6), 100);
        b.lay_down(PropKind::Lamp, on(part, WALL * 0.5), 100);
    }
    // Two gates, to the left and to the right.
    b.lay_down(PropKind::Gate, on(0.5, 8.0), 120);
    b.lay_down(PropKind::Gate, on(0.0, 8.0), 120);
    for (n, kind) in (0..12).zip([PropKind::Column, PropKind::BrokenColumn].into_iter().cycle()) {
        let (x, y) = around(f64::from(n) / 12.0 + 0.0417);
        b.put(kind, Point::new(MIDDLE.0 + x * 448.0, MIDDLE.1 + y * 302.0), 100);
    }
    for n in 0..12 {
        let (x, y) = around(f64::from(n) / 12.0);
        b.put(PropKind::Brazier, Point::new(MIDDLE.0 + x * 462.0, MIDDLE.1 + y * 314.0), 100);
    }
    let inside = move |at: Point, share: f64| if reach(at) < 0.92 { share } else { 0.0 };
    b.strew(Strew { kind: PropKind::Cracks, apart: 150.0, size: (70, 130) }, |at| inside(at, 0.5));
    b.strew(Strew { kind: PropKind::Bones, apart: 190.0, size: (60, 100) }, |at| inside(at, 0.45));
    b.strew(Strew { kind: PropKind::Pebbles, apart: 90.0, size: (60, 120) }, |at| inside(at, 0.4));
}

/// An oval this far outside the sand, within the map.
fn oval(out: f64) -> Ring {
    let point = |n: i32| {
        let (x, y) = around(f64::from(n) / 64.0);
        let whole = |v: f64, size: u32| (v + 0.5).floor().clamp(0.0, f64::from(size)) as i32;
        let x = whole(MIDDLE.0 + x * (SAND.0 + out), ARENA.width);
        [x, whole(MIDDLE.1 + y * (SAND.1 + out), ARENA.height)]
    };
    (0..64).map(point).collect()
}
