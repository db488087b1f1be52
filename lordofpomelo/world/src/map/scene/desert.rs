//! The desert: table mountains in winding chains, scree at their feet, groups of cactus, the ruins of a caravan town.

use super::build::{Builder, Lay, Strew, rise};
use super::facts::DESERT;
use super::noise::{crest, noise, rough};
use super::pieces::Circle;
use super::shape::{centre, distance, to_rect};
use super::{GroundKind, PropKind, Scene, TerrainKind};
use crate::Point;

/// How much of the area table mountains cover; rocks, plants and ruins add to it.
const MESAS: f64 = 0.034;

pub(super) fn scene() -> Scene {
    let mut b = Builder::new(&DESERT, 40.0);
    let s = |n: u32| DESERT.seed + n;
    // One of them hides the cave.
    let cave = Point::new(3140.0, 640.0);
    let lay = Lay { share: MESAS, least: 85.0, margin: 30.0, gap: 0.0 };
    b.terrain(TerrainKind::Mesa, lay, |at| {
        let hill = (1.0 - distance(at, cave) / 260.0).max(0.0) * 0.8;
        0.5 * crest(at, 760.0, s(1)) + 0.62 * rough(at, 300.0, s(2)) + hill
    });
    ground(&mut b);
    places(&mut b, cave);
    plants(&mut b);
    b.finish()
}

fn ground(b: &mut Builder) {
    let s = |n: u32| DESERT.seed + n;
    b.ground(GroundKind::Gravel, 120.0, |at| rough(at, 520.0, s(11)) - 0.66);
    let birth = DESERT.birth;
    b.ground(GroundKind::Camp, 60.0, |at| {
        (70.0 - to_rect(at, birth)) / 250.0 + (noise(at, 90.0, s(12)) - 0.5) * 0.3
    });
    b.ground(GroundKind::Paving, 40.0, |at| {
        let halls = [DESERT.npcs[1].1, DESERT.npcs[2].1];
        let near = halls.iter().map(|hall| distance(at, *hall)).fold(f64::INFINITY, f64::min);
        (190.0 - near) / 250.0 + (noise(at, 70.0, s(13)) - 0.5) * 0.7
    });
    let lair = DESERT.zones[7].rect;
    b.ground(GroundKind::Lair, 60.0, |at| {
        (30.0 - to_rect(at, lair)) / 250.0 + (noise(at, 110.0, s(14)) - 0.5) * 0.5
    });
}

fn places(b: &mut Builder, cave: Point) {
    let [alma, ives, maro, bram] = [0, 1, 2, 3].map(|n: usize| DESERT.npcs[n].1);
    b.camp(centre(DESERT.birth), 330.0, 6);
    b.camp(alma, 160.0, 2);
    b.ruin(ives, 190.0);
    b.ruin(maro, 210.0);
    b.camp(bram, 170.0, 3);
    for npc in [alma, ives, maro, bram] {
        b.signpost(npc);
    }
    b.mouth(PropKind::CaveMouth, Point::new(cave.x, cave.y + 260.0), cave);
    // The way to the arena.
    b.lay_down(PropKind::Gate, Point::new(ives.x, ives.y - 100.0), 100);
    // The well that the scarabs keep.
    let lair = centre(DESERT.zones[7].rect);
    b.circle(lair, Circle { kind: PropKind::Well, radius: 290.0, places: 9, size: (120.0, 120.0), most: 1 });
    b.lair(lair, 190.0);
    for zone in DESERT.zones.iter().filter(|zone| zone.kind == 202) {
        b.lair(centre(zone.rect), 110.0);
    }
}

fn plants(b: &mut Builder) {
    let s = |n: u32| DESERT.seed + n;
    let depths = b.depths();
    let foot = |at: Point| rise(depths.at(at), -0.55, -0.12);
    b.strew(Strew { kind: PropKind::Boulder, apart: 210.0, size: (60, 120) }, |at| {
        foot(at) * 0.2 + rise(rough(at, 700.0, s(21)), 0.64, 0.76) * 0.25
    });
    b.strew(Strew { kind: PropKind::Rock, apart: 95.0, size: (60, 140) }, |at| {
        foot(at) * 0.16 + rise(rough(at, 620.0, s(22)), 0.64, 0.78) * 0.3
    });
    b.strew(Strew { kind: PropKind::Cactus, apart: 78.0, size: (70, 130) }, |at| {
        rise(rough(at, 480.0, s(23)), 0.56, 0.72) * 0.6
    });
    b.strew(Strew { kind: PropKind::DeadTree, apart: 420.0, size: (80, 120) }, |_| 0.3);
    b.strew(Strew { kind: PropKind::Bones, apart: 500.0, size: (60, 110) }, |_| 0.3);
    b.strew(Strew { kind: PropKind::Succulent, apart: 120.0, size: (60, 120) }, |at| {
        rise(rough(at, 480.0, s(23)), 0.48, 0.7) * 0.5
    });
    b.strew(Strew { kind: PropKind::DryGrass, apart: 70.0, size: (70, 130) }, |at| {
        0.05 + rise(rough(at, 420.0, s(24)), 0.5, 0.75) * 0.5
    });
    b.strew(Strew { kind: PropKind::Pebbles, apart: 90.0, size: (60, 140) }, |at| 0.08 + foot(at) * 0.5);
    b.strew(Strew { kind: PropKind::Cracks, apart: 260.0, size: (80, 150) }, |at| {
        rise(noise(at, 800.0, s(25)), 0.5, 0.8) * 0.6
    });
}
