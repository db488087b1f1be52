//! What is given of each area: its size, where heroes appear, mobs live and NPCs stand, and how much of it cannot be walked
//! on. The rest is made up around these.

use crate::{Point, Rect};

use super::Biome;

/// A rectangle in which mobs of one kind live.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zone {
    /// Kind of character.
    pub kind: u32,
    /// Their level.
    pub level: u32,
    /// How many may be alive.
    pub number: u32,
    /// Where.
    pub rect: Rect,
}

/// What is given of an area.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) area: u32,
    /// Name of the files.
    pub(super) name: &'static str,
    pub(super) biome: Biome,
    pub(super) seed: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) birth: Rect,
    pub(super) zones: &'static [Zone],
    /// Kind and place.
    pub(super) npcs: &'static [(u32, Point)],
    /// How much room places have around them for what belongs to them, in pixels.
    pub(super) yard: f64,
    /// How long a road runs straight, in pixels.
    pub(super) stride: f64,
    /// How wide roads are, as a share of the usual.
    pub(super) wide: f64,
    /// More that stays free.
    pub(super) free: &'static [Rect],
}

const fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x: x as f64, y: y as f64, width: width as f64, height: height as f64 }
}

/// `number` mobs of a kind and level at `x`, `y`.
const fn zone(kind: u32, level: u32, number: u32, at: (u32, u32), size: (u32, u32)) -> Zone {
    Zone { kind, level, number, rect: rect(at.0, at.1, size.0, size.1) }
}

const fn npc(kind: u32, x: u32, y: u32) -> (u32, Point) {
    (kind, Point::new(x as f64, y as f64))
}

pub(super) const DESERT: Facts = Facts {
    area: 1,
    name: "desert",
    biome: Biome::Desert,
    seed: 1021,
    width: 4200,
    height: 2800,
    birth: rect(476, 123, 386, 309),
    zones: &[
        zone(202, 1, 8, (215, 642), (370, 218)),
        zone(202, 5, 8, (357, 1190), (370, 218)),
        zone(202, 10, 8, (2516, 246), (361, 221)),
        zone(209, 15, 8, (1147, 2436), (365, 235)),
        zone(209, 15, 8, (1541, 1487), (386, 235)),
        zone(209, 20, 10, (2428, 1688), (386, 235)),
        zone(209, 25, 8, (3210, 1841), (378, 232)),
        zone(208, 30, 1, (3282, 2333), (403, 249)),
    ],
    npcs: &[npc(301, 1439, 709), npc(302, 1214, 1267), npc(303, 2781, 770), npc(304, 3920, 2501)],
    yard: 230.0,
    stride: 260.0,
    wide: 1.0,
    // Where new heroes begin.
    free: &[rect(346, 81, 126, 129)],
};

pub(super) const OASIS: Facts = Facts {
    area: 2,
    name: "oasis",
    biome: Biome::Oasis,
    seed: 2003,
    width: 6000,
    height: 4000,
    birth: rect(1272, 3004, 366, 224),
    zones: &[
        zone(201, 20, 8, (1928, 3132), (402, 236)),
        zone(201, 25, 8, (1978, 2284), (360, 196)),
        zone(201, 30, 8, (1992, 1432), (432, 244)),
        zone(206, 35, 8, (3558, 3564), (390, 220)),
        zone(206, 35, 8, (308, 1388), (384, 200)),
        zone(206, 35, 8, (3017, 1282), (390, 220)),
        zone(206, 40, 8, (4306, 2944), (360, 208)),
        zone(206, 45, 8, (4020, 1944), (324, 244)),
        zone(206, 50, 5, (4852, 1052), (292, 400)),
        zone(206, 50, 5, (3560, 496), (456, 156)),
        zone(208, 55, 3, (4788, 512), (396, 200)),
        zone(206, 60, 3, (864, 100), (162, 124)),
    ],
    npcs: &[npc(305, 1020, 3024), npc(306, 5060, 296), npc(307, 2701, 2870), npc(308, 1291, 1119)],
    yard: 240.0,
    stride: 260.0,
    wide: 1.0,
    free: &[],
};

pub(super) const ICE: Facts = Facts {
    area: 3,
    name: "ice",
    biome: Biome::Ice,
    seed: 3011,
    width: 6500,
    height: 4800,
    birth: rect(5564, 78, 429, 202),
    zones: &[
        zone(205, 55, 8, (4934, 107), (358, 230)),
        zone(205, 60, 5, (5406, 861), (368, 216)),
        zone(205, 65, 5, (4271, 1397), (371, 216)),
        zone(207, 70, 8, (3464, 1724), (369, 265)),
        zone(207, 70, 8, (4635, 2396), (369, 265)),
        zone(207, 75, 8, (5330, 3629), (410, 245)),
        zone(207, 75, 8, (3495, 3029), (410, 245)),
        zone(207, 75, 8, (2075, 1010), (358, 213)),
        zone(207, 80, 8, (1404, 646), (362, 259)),
        zone(207, 80, 8, (1543, 1422), (362, 259)),
        zone(207, 80, 8, (2531, 2891), (362, 259)),
        zone(207, 80, 8, (3567, 4362), (362, 259)),
        zone(207, 85, 8, (1553, 3749), (364, 259)),
        zone(203, 90, 1, (108, 4218), (377, 254)),
        zone(207, 90, 3, (126, 646), (146, 133)),
    ],
    npcs: &[npc(309, 6189, 183), npc(310, 5486, 4195), npc(311, 2236, 4243), npc(312, 1364, 4129)],
    yard: 210.0,
    stride: 260.0,
    wide: 1.0,
    free: &[],
};

pub(super) const ARENA: Facts = Facts {
    area: 4,
    name: "arena",
    biome: Biome::Arena,
    seed: 4001,
    width: 1600,
    height: 1100,
    birth: rect(963, 273, 121, 141),
    zones: &[zone(209, 30, 6, (301, 339), (384, 227))],
    npcs: &[npc(305, 1097, 512)],
    yard: 60.0,
    stride: 260.0,
    wide: 1.0,
    free: &[],
};

pub(super) const CAVE: Facts = Facts {
    area: 5,
    name: "cave",
    biome: Biome::Cave,
    seed: 5003,
    width: 2560,
    height: 1440,
    birth: rect(1556, 188, 109, 103),
    zones: &[
        zone(209, 85, 8, (870, 45), (74, 66)),
        zone(209, 85, 8, (162, 156), (74, 66)),
        zone(209, 85, 8, (154, 613), (74, 66)),
        zone(209, 85, 8, (348, 1206), (74, 66)),
        zone(209, 85, 8, (1215, 1029), (74, 66)),
        zone(209, 85, 8, (1933, 1219), (74, 66)),
        zone(209, 85, 8, (1671, 548), (66, 59)),
    ],
    npcs: &[npc(305, 2192, 346)],
    yard: 60.0,
    stride: 105.0,
    wide: 0.6,
    free: &[],
};
