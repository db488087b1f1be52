//! The ice: crests of stone and ice with passes where roads cross them, cracks in the glacier, woods of pines, lakes frozen
//! over, and in the far west the lair.

use super::build::{Builder, Lay, Strew, rise};
use super::facts::ICE;
use super::noise::{crest, noise, rough};
use super::shape::{centre, distance, to_rect};
use super::{GroundKind, PropKind, Scene, TerrainKind};
use crate::Point;

const RIDGES: f64 = 0.096;
const CREVASSES: f64 = 0.022;
const FORESTS: f64 = 0.05;

pub(super) fn scene() -> Scene {
    let mut b = Builder::new(&ICE, 40.0);
    let s = |n: u32| ICE.seed + n;
    let lay = Lay { share: RIDGES, least: 120.0, margin: 28.0, gap: 0.0 };
    b.terrain(TerrainKind::Ridge, lay, |at| {
        // Along a slope from north-west to south-east the crests lie across the way.
        let slant = Point::new(at.x * 0.75 + at.y * 0.45, at.y * 1.15 - at.x * 0.35);
        crest(slant, 1150.0, s(1)) * 0.75 + rough(at, 360.0, s(2)) * 0.35
    });
    let lay = Lay { share: CREVASSES, least: 65.0, margin: 28.0, gap: 70.0 };
    b.terrain(TerrainKind::Crevasse, lay, |at| {
        let slant = Point::new(at.x * 0.5 - at.y * 0.7, at.y * 0.9 + at.x * 0.2);
        crest(slant, 640.0, s(3)) + rise(noise(at, 1300.0, s(4)), 0.35, 0.65) * 0.6
    });
    let lay = Lay { share: FORESTS, least: 100.0, margin: 24.0, gap: 4.0 };
    b.terrain(TerrainKind::Forest, lay, |at| rough(at, 560.0, s(5)));
    ground(&mut b);
    places(&mut b);
    plants(&mut b);
    b.finish()
}

fn ground(b: &mut Builder) {
    let s = |n: u32| ICE.seed + n;
    let depths = b.depths();
    b.ground(GroundKind::Snow, 150.0, |at| rough(at, 640.0, s(11)) - 0.6);
    b.ground(GroundKind::Frozen, 150.0, |at| {
        (rough(at, 760.0, s(12)) - 0.66).min(-depths.at(at) / 3.0 - 0.03)
    });
    let birth = ICE.birth;
    let npcs = [0, 1, 2, 3].map(|n: usize| ICE.npcs[n].1);
    b.ground(GroundKind::Camp, 60.0, |at| {
        let near = npcs.iter().map(|npc| distance(at, *npc) - 110.0).fold(to_rect(at, birth), f64::min);
        (40.0 - near) / 250.0 + (noise(at, 90.0, s(13)) - 0.5) * 0.3
    });
    let lair = ICE.zones[13].rect;
    b.ground(GroundKind::Lair, 60.0, |at| {
        (60.0 - to_rect(at, lair)) / 250.0 + (noise(at, 110.0, s(14)) - 0.5) * 0.5
    });
}

fn places(b: &mut Builder) {
    b.camp(centre(ICE.birth), 340.0, 4);
    for (n, (_, npc)) in ICE.npcs.iter().enumerate() {
        if n % 2 == 0 {
            b.village(*npc, 180.0, 2);
        } else {
            b.camp(*npc, 170.0, 3);
        }
        b.signpost(*npc);
    }
    let lair = centre(ICE.zones[13].rect);
    b.lair(lair, 220.0);
    b.ring_of(PropKind::IceSpike, lair, 300.0, 26);
    b.ring_of(PropKind::Lamp, lair, 240.0, 5);
}

fn plants(b: &mut Builder) {
    let s = |n: u32| ICE.seed + n;
    let (ridge, forest) = (b.depths_of(TerrainKind::Ridge), b.depths_of(TerrainKind::Forest));
    let foot = |at: Point| rise(ridge.at(at), -0.5, -0.12);
    let edge = |at: Point| rise(forest.at(at), -0.35, -0.08);
    b.fill(Strew { kind: PropKind::Pine, apart: 76.0, size: (80, 140) }, TerrainKind::Forest, 0.01, |_| 0.94);
    b.fill(Strew { kind: PropKind::Bush, apart: 80.0, size: (60, 100) }, TerrainKind::Forest, -0.01, |_| 0.5);
    b.strew(Strew { kind: PropKind::Pine, apart: 96.0, size: (70, 130) }, |at| {
        0.012 + edge(at) * 0.3 + rise(rough(at, 520.0, s(21)), 0.62, 0.75) * 0.3
    });
    b.strew(Strew { kind: PropKind::IceSpike, apart: 120.0, size: (60, 150) }, |at| {
        foot(at) * 0.14 + rise(rough(at, 560.0, s(22)), 0.64, 0.74) * 0.35
    });
    b.strew(Strew { kind: PropKind::Rock, apart: 130.0, size: (60, 140) }, |at| foot(at) * 0.25 + 0.01);
    b.strew(Strew { kind: PropKind::Boulder, apart: 300.0, size: (60, 120) }, |at| foot(at) * 0.3);
    b.strew(Strew { kind: PropKind::Cairn, apart: 900.0, size: (90, 110) }, |_| 0.5);
    b.strew(Strew { kind: PropKind::Drift, apart: 140.0, size: (60, 150) }, |at| {
        0.08 + rise(rough(at, 640.0, s(11)), 0.5, 0.7) * 0.4
    });
    b.strew(Strew { kind: PropKind::Shards, apart: 120.0, size: (60, 130) }, |at| {
        foot(at) * 0.25 + rise(rough(at, 560.0, s(22)), 0.55, 0.7) * 0.3
    });
    b.strew(Strew { kind: PropKind::DryGrass, apart: 110.0, size: (60, 110) }, |at| {
        edge(at) * 0.3 + rise(rough(at, 430.0, s(24)), 0.55, 0.75) * 0.35
    });
    b.strew(Strew { kind: PropKind::Pebbles, apart: 140.0, size: (60, 120) }, |at| foot(at) * 0.4);
    b.strew(Strew { kind: PropKind::Bones, apart: 800.0, size: (60, 110) }, |_| 0.3);
}
