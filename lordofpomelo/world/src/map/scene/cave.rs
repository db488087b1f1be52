//! The cave: halls where mobs live, passages between them, an underground lake, lamps along the way.

use super::build::{Builder, Lay, SLOPE, Strew, rise};
use super::facts::CAVE;
use super::noise::{Dice, noise, rough};
use super::shape::{centre, distance};
use super::{GroundKind, PropKind, Scene, TerrainKind};
use crate::Point;

const STONE: f64 = 0.728;
const POOLS: f64 = 0.022;

pub(super) fn scene() -> Scene {
    let mut b = Builder::new(&CAVE, 20.0);
    let s = |n: u32| CAVE.seed + n;
    let lake = Point::new(1300.0, 700.0);
    let lay = Lay { share: POOLS, least: 60.0, margin: 16.0, gap: 0.0 };
    b.terrain(TerrainKind::Pool, lay, |at| {
        (150.0 - distance(at, lake)) / SLOPE + (noise(at, 140.0, s(1)) - 0.5) * 0.4
    });
    let halls: Vec<_> = CAVE.zones.iter().map(|zone| centre(zone.rect)).collect();
    let (niches, plan) = (niches(&b), super::plan::Plan::new(&CAVE));
    let lay = Lay { share: STONE, least: 26.0, margin: 0.0, gap: 66.0 };
    b.terrain(TerrainKind::Stone, lay, |at| {
        let hall = halls.iter().map(|hall| distance(at, *hall) - 120.0).fold(f64::INFINITY, f64::min);
        let niche = niches.iter().map(|(niche, size)| distance(at, *niche) - size).fold(hall, f64::min);
        (plan.clearance(at).min(niche) + (rough(at, 120.0, s(2)) - 0.5) * 150.0) / SLOPE
    });
    let (depths, pool) = (b.depths_of(TerrainKind::Stone), b.depths_of(TerrainKind::Pool));
    b.ground(GroundKind::Moss, 50.0, |at| rough(at, 240.0, s(11)) - 0.6);
    b.ground(GroundKind::Gravel, 50.0, |at| rough(at, 200.0, s(12)) - 0.63);
    for hall in &halls {
        b.lair(*hall, 80.0);
    }
    b.camp(CAVE.npcs[0].1, 120.0, 1);
    // At the foot of the stone, but not where one walks around the lake.
    furnish(&mut b, |at| rise(depths.at(at), -0.28, -0.1) * rise(-pool.at(at), 0.28, 0.36));
    lamps(&mut b);
    b.finish()
}

fn furnish(b: &mut Builder, wall: impl Fn(Point) -> f64 + Copy) {
    let s = |n: u32| CAVE.seed + n;
    b.strew(Strew { kind: PropKind::Stalagmite, apart: 70.0, size: (60, 130) }, |at| wall(at) * 0.45);
    b.strew(Strew { kind: PropKind::Crystal, apart: 90.0, size: (70, 150) }, |at| {
        wall(at) * rise(rough(at, 300.0, s(21)), 0.45, 0.6) * 0.8
    });
    b.strew(Strew { kind: PropKind::Rock, apart: 110.0, size: (50, 90) }, |at| wall(at) * 0.35);
    b.strew(Strew { kind: PropKind::Mushrooms, apart: 64.0, size: (60, 140) }, |at| {
        rise(rough(at, 240.0, s(11)), 0.5, 0.65) * 0.6
    });
    b.strew(Strew { kind: PropKind::Puddle, apart: 170.0, size: (60, 130) }, |_| 0.35);
    b.strew(Strew { kind: PropKind::Pebbles, apart: 80.0, size: (60, 120) }, |_| 0.35);
    b.strew(Strew { kind: PropKind::Web, apart: 160.0, size: (80, 120) }, |at| wall(at) * 0.4);
    b.fill(Strew { kind: PropKind::Lily, apart: 90.0, size: (60, 100) }, TerrainKind::Pool, 0.05, |_| 0.4);
    b.fill(
        Strew { kind: PropKind::Crystal, apart: 150.0, size: (60, 130) },
        TerrainKind::Stone,
        0.03,
        |at| rise(wall(at), 0.2, 1.0) * 0.3,
    );
}

/// Niches beside the ways, now on one side, now on the other.
fn niches(b: &Builder) -> Vec<(Point, f64)> {
    let mut dice = Dice::new(CAVE.seed);
    let mut niches = Vec::new();
    for way in &b.plan.roads {
        for pair in way.line.windows(2).step_by(9) {
            let (at, to) = (pair[0], pair[1]);
            let length = distance(at, to).max(1.0);
            let (side, size) = (dice.between(-110.0, 110.0), dice.between(20.0, 75.0));
            let off = (side / length * (at.y - to.y), side / length * (to.x - at.x));
            niches.push((Point::new(at.x + off.0, at.y + off.1), size));
        }
    }
    niches
}

/// Lamps on one side of the ways, then on the other.
fn lamps(b: &mut Builder) {
    let lines: Vec<_> = b.plan.roads.iter().map(|way| way.line.clone()).collect();
    let mut last: Vec<Point> = Vec::new();
    for line in lines {
        for pair in line.windows(2) {
            let (at, to) = (pair[0], pair[1]);
            if last.iter().any(|last| distance(*last, at) < 210.0) {
                continue;
            }
            let length = distance(at, to).max(1.0);
            let side = if last.len().is_multiple_of(2) { 46.0 } else { -46.0 };
            let spot = Point::new(at.x + (at.y - to.y) / length * side, at.y + (to.x - at.x) / length * side);
            if b.depth(spot) < -0.04 {
                b.lay_down(PropKind::Lamp, spot, 100);
                last.push(at);
            }
        }
    }
}
