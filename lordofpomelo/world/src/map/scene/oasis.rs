//! The oasis: a river from north to south with lakes along it, fords where roads cross, groves of palms, a village, and what
//! is left of a city.

use super::build::{Builder, Lay, Strew, rise};
use super::facts::OASIS;
use super::noise::{noise, rough};
use super::shape::{centre, distance, smooth, to_line, to_rect};
use super::{GroundKind, PropKind, Scene, TerrainKind};
use crate::Point;

const WATER: f64 = 0.083;
const GROVES: f64 = 0.06;

/// The middle of the river.
const RIVER: [(f64, f64); 9] = [
    (2760.0, -80.0),
    (2860.0, 420.0),
    (2560.0, 900.0),
    (2700.0, 1450.0),
    (2620.0, 1900.0),
    (3150.0, 2250.0),
    (3480.0, 2700.0),
    (3060.0, 3300.0),
    (3240.0, 4080.0),
];

/// A brook from the west into it.
const BROOK: [(f64, f64); 5] =
    [(-80.0, 2150.0), (620.0, 2000.0), (1250.0, 2130.0), (1850.0, 1900.0), (2620.0, 1900.0)];

/// Lakes: their middle, and how large they are.
const LAKES: [(f64, f64, f64); 5] = [
    (3260.0, 2420.0, 420.0),
    (1180.0, 2060.0, 330.0),
    (5280.0, 2280.0, 400.0),
    (560.0, 640.0, 250.0),
    (2720.0, 420.0, 230.0),
];

pub(super) fn scene() -> Scene {
    let mut b = Builder::new(&OASIS, 40.0);
    let s = |n: u32| OASIS.seed + n;
    let line =
        |points: &[(f64, f64)]| smooth(&points.iter().map(|(x, y)| Point::new(*x, *y)).collect::<Vec<_>>());
    let (river, brook) = (line(&RIVER), line(&BROOK));
    let lay = Lay { share: WATER, least: 120.0, margin: -14.0, gap: 0.0 };
    b.terrain(TerrainKind::Water, lay, |at| {
        let flow = (92.0 - to_line(at, &river)).max(58.0 - to_line(at, &brook));
        let flow = flow + (rough(at, 300.0, s(1)) - 0.5) * 70.0;
        let lake = LAKES.iter().map(|(x, y, size)| size - distance(at, Point::new(*x, *y)));
        let lake = lake.fold(f64::NEG_INFINITY, f64::max) + (rough(at, 520.0, s(2)) - 0.5) * 480.0;
        flow.max(lake) / 250.0
    });
    let lay = Lay { share: GROVES, least: 100.0, margin: 26.0, gap: 4.0 };
    b.terrain(TerrainKind::Grove, lay, |at| rough(at, 520.0, s(3)));
    ground(&mut b);
    places(&mut b);
    plants(&mut b);
    b.bridges();
    b.finish()
}

fn ground(b: &mut Builder) {
    let s = |n: u32| OASIS.seed + n;
    let water = b.depths_of(TerrainKind::Water);
    b.ground(GroundKind::Meadow, 160.0, |at| rough(at, 700.0, s(11)) - 0.6);
    b.ground(GroundKind::Shore, 80.0, |at| water.at(at) + 0.17 + (noise(at, 80.0, s(12)) - 0.5) * 0.1);
    let [tomas, _, talia, yori] = [0, 1, 2, 3].map(|n: usize| OASIS.npcs[n].1);
    let birth = OASIS.birth;
    b.ground(GroundKind::Camp, 60.0, |at| {
        let near = to_rect(at, birth).min(distance(at, tomas) - 120.0).min(distance(at, talia) - 150.0);
        (50.0 - near) / 250.0 + (noise(at, 90.0, s(13)) - 0.5) * 0.3
    });
    b.ground(GroundKind::Paving, 40.0, |at| {
        (420.0 - distance(at, yori)) / 250.0 + (noise(at, 120.0, s(14)) - 0.5) * 2.2
    });
    let lairs = [OASIS.zones[10].rect, OASIS.zones[11].rect];
    b.ground(GroundKind::Lair, 60.0, |at| {
        let near = lairs.iter().map(|rect| to_rect(at, *rect)).fold(f64::INFINITY, f64::min);
        (30.0 - near) / 250.0 + (noise(at, 110.0, s(15)) - 0.5) * 0.5
    });
}

fn places(b: &mut Builder) {
    let [tomas, nerida, talia, yori] = [0, 1, 2, 3].map(|n: usize| OASIS.npcs[n].1);
    b.village(centre(OASIS.birth), 330.0, 4);
    b.village(tomas, 190.0, 2);
    b.camp(nerida, 180.0, 3);
    b.village(talia, 210.0, 4);
    b.ruin(yori, 200.0);
    b.ruin(Point::new(yori.x, yori.y), 330.0);
    b.ruin(Point::new(yori.x + 330.0, yori.y - 210.0), 150.0);
    for npc in [tomas, nerida, talia, yori] {
        b.signpost(npc);
    }
    for zone in &OASIS.zones[10..12] {
        b.lair(centre(zone.rect), 120.0);
    }
}

fn plants(b: &mut Builder) {
    let s = |n: u32| OASIS.seed + n;
    let (all, water, grove) = (b.depths(), b.depths_of(TerrainKind::Water), b.depths_of(TerrainKind::Grove));
    let bank = |at: Point| rise(water.at(at), -0.35, -0.12);
    let edge = |at: Point| rise(grove.at(at), -0.3, -0.08);
    b.fill(Strew { kind: PropKind::Palm, apart: 84.0, size: (85, 140) }, TerrainKind::Grove, 0.01, |_| 0.92);
    b.fill(Strew { kind: PropKind::Bush, apart: 62.0, size: (70, 130) }, TerrainKind::Grove, -0.01, |_| 0.75);
    b.fill(Strew { kind: PropKind::Fern, apart: 66.0, size: (70, 120) }, TerrainKind::Grove, -0.01, |_| 0.6);
    b.fill(Strew { kind: PropKind::Lily, apart: 70.0, size: (60, 130) }, TerrainKind::Water, 0.05, |at| {
        rise(rough(at, 260.0, s(20)), 0.55, 0.7) * 0.7
    });
    b.fill(Strew { kind: PropKind::Reeds, apart: 46.0, size: (70, 130) }, TerrainKind::Water, -0.02, |at| {
        rise(water.at(at), 0.09, 0.0) * rise(rough(at, 240.0, s(21)), 0.45, 0.6) * 0.8
    });
    b.strew(Strew { kind: PropKind::Palm, apart: 92.0, size: (80, 130) }, |at| {
        0.006 + bank(at) * 0.22 + edge(at) * 0.35 + rise(rough(at, 420.0, s(22)), 0.64, 0.74) * 0.3
    });
    b.strew(Strew { kind: PropKind::Rock, apart: 120.0, size: (60, 130) }, |at| {
        bank(at) * 0.12 + rise(rough(at, 700.0, s(23)), 0.62, 0.75) * 0.35
    });
    b.strew(Strew { kind: PropKind::Boulder, apart: 330.0, size: (60, 110) }, |at| {
        rise(rough(at, 900.0, s(24)), 0.55, 0.7) * 0.5
    });
    b.strew(Strew { kind: PropKind::Bush, apart: 110.0, size: (60, 110) }, |at| {
        0.06 + edge(at) * 0.4 + bank(at) * 0.1
    });
    b.strew(Strew { kind: PropKind::Fern, apart: 90.0, size: (60, 110) }, |at| edge(at) * 0.5);
    b.strew(Strew { kind: PropKind::Flowers, apart: 84.0, size: (70, 130) }, |at| {
        rise(rough(at, 700.0, s(11)), 0.55, 0.7) * 0.55
    });
    b.strew(Strew { kind: PropKind::Grass, apart: 76.0, size: (70, 130) }, |at| {
        rise(all.at(at), -0.9, -0.3) * 0.2 + rise(rough(at, 380.0, s(25)), 0.45, 0.7) * 0.5
    });
    b.strew(Strew { kind: PropKind::Pebbles, apart: 120.0, size: (60, 120) }, |at| bank(at) * 0.4);
}
