//! The generator of the maps: one description of each area, a [`Scene`], from which both the server's map file and the file
//! are written that clients draw ground and decoration from, so that picture and grid agree by construction.
//! `cargo run -p lordofpomelo-world --bin lordofpomelo-maps` writes them; a test fails when files and generator disagree.
//!
//! Not here: reading map files, which is the parent's, and drawing.
//!
//! # The scene file
//!
//! `config/scene/<name>.json`, whole numbers and names only, positions in pixels of the map, y downwards:
//!
//! | key | form | meaning |
//! | --- | --- | --- |
//! | `version` | 1 | of this form |
//! | `area`, `name`, `width`, `height` | | as in the table of areas; `name` is the file's (`desert`, `oasis`, `ice`, `arena`, `cave`) |
//! | `biome` | [`Biome`] | which colours and noise the ground has |
//! | `seed` | | for the client's own noise, so that every player sees the same ground |
//! | `birth` | `[x, y, width, height]` | where heroes appear |
//! | `zones` | `{kind, level, rect}` | where mobs live, for maps and warnings |
//! | `npcs` | `{kind, x, y}` | where NPCs stand |
//! | `roads` | [`Road`]: `{kind, width, points}` | lines through points `[x, y]`, to be drawn rounded and with soft edges, above ground and below the rest |
//! | `ground` | `{kind, rings}` | patches one can walk on ([`GroundKind`]), below roads |
//! | `terrain` | `{kind, rings}` | ground that blocks ([`TerrainKind`]): exactly what cannot be walked on |
//! | `props` | `[kind, x, y, size, variant]` or `[kind, x, y, size, variant, rx, ry]` | things ([`PropKind`]) |
//!
//! *Rings* are closed lines `[[x, y], ...]` without the first point again at the end. The first ring of a patch is its outer
//! border, the others are holes in it: fill with the even-odd rule, stroke each ring alone. Terrain ends where its rings
//! end; draw what stands up (a mesa's cliff, an ice ridge) upwards from there or inwards, never outwards, or heroes seem to
//! walk on it.
//!
//! *Props* stand with their foot at `x, y` and are drawn upwards from there, sorted by `y` together with the figures. `size`
//! is in percent of what the kind usually has, `variant` (0 to 255) is chance for the drawer: shape, mirror image, colour.
//! Those with `rx, ry` block: an ellipse with these half axes around `x, y`, which is also a good shadow. Those without
//! can be walked over or stand within terrain that blocks already (trees of a grove).

mod arena;
mod build;
mod cave;
mod desert;
mod facts;
mod field;
mod ice;
mod noise;
mod oasis;
mod pieces;
mod plan;
mod shape;
mod write;

use serde::Serialize;

pub use facts::Zone;
pub use write::{Files, files};

use crate::Rect;

/// What an area looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub enum Biome {
    Desert,
    Oasis,
    Ice,
    Arena,
    Cave,
}

/// How wide a road is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RoadKind {
    /// Between places of the game.
    Road,
    /// To where mobs live.
    Trail,
    /// A stretch of another road with water on both sides, to be drawn over it.
    Bridge,
}

/// A road; nothing that blocks stands on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Road {
    /// How wide it is worn.
    pub kind: RoadKind,
    /// In pixels.
    pub width: u32,
    /// The line in its middle.
    pub points: Vec<[i32; 2]>,
}

/// Ground that cannot be walked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TerrainKind {
    /// Desert: a table mountain of sandstone with steep sides.
    Mesa,
    /// Oasis: a lake or a river.
    Water,
    /// Oasis: undergrowth, full of palms.
    Grove,
    /// Ice: a crest of ice and stone.
    Ridge,
    /// Ice: a crack in the glacier, deep and dark.
    Crevasse,
    /// Ice: a wood of pines.
    Forest,
    /// Arena: the wall around the ring.
    Wall,
    /// Arena: rows of seats behind the wall.
    Stands,
    /// Arena: what is outside.
    Outside,
    /// Cave: solid stone.
    Stone,
    /// Cave: an underground lake.
    Pool,
}

/// Ground that looks different and can be walked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GroundKind {
    /// Earth trodden flat around tents and huts.
    Camp,
    /// Old paving, broken, half under sand or grass.
    Paving,
    /// Desert: dark pebbles. Cave: rubble.
    Gravel,
    /// Oasis: taller grass with flowers.
    Meadow,
    /// Oasis: wet sand along the water.
    Shore,
    /// Ice: a lake frozen over.
    Frozen,
    /// Ice: deep fresh snow.
    Snow,
    /// Cave: moss that glows a little.
    Moss,
    /// Where something large lives: bones and scratches.
    Lair,
}

/// A thing that stands or lies somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub enum PropKind {
    Rock,
    Boulder,
    Cactus,
    DeadTree,
    Column,
    BrokenColumn,
    RuinWall,
    Tent,
    Hut,
    Well,
    Cart,
    Crates,
    Palm,
    Pine,
    IceSpike,
    Cairn,
    Brazier,
    Stalagmite,
    Crystal,
    Bush,
    Fern,
    Reeds,
    Lily,
    Flowers,
    Grass,
    DryGrass,
    Succulent,
    Pebbles,
    Cracks,
    Bones,
    Skull,
    Drift,
    Shards,
    Mushrooms,
    Puddle,
    Web,
    Lamp,
    Campfire,
    Signpost,
    Banner,
    CaveMouth,
    Gate,
}

impl PropKind {
    /// Half axes in pixels of what it blocks at size 100; none for what can be walked over.
    fn base(self) -> Option<(i32, i32)> {
        match self {
            Self::Rock => Some((27, 16)),
            Self::Boulder | Self::Tent => Some((58, 34)),
            Self::Cactus => Some((13, 10)),
            Self::DeadTree | Self::Palm => Some((14, 11)),
            Self::Pine => Some((18, 13)),
            Self::Column | Self::BrokenColumn | Self::Cairn => Some((22, 15)),
            Self::RuinWall => Some((64, 18)),
            Self::Hut => Some((84, 52)),
            Self::Well => Some((42, 30)),
            Self::Cart => Some((46, 24)),
            Self::Crates => Some((32, 22)),
            Self::IceSpike | Self::Stalagmite => Some((24, 16)),
            Self::Brazier | Self::Crystal => Some((16, 12)),
            _ => None,
        }
    }
}

/// A thing that stands or lies somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prop {
    /// What it is.
    pub kind: PropKind,
    /// Where its foot is.
    pub x: i32,
    /// Where its foot is.
    pub y: i32,
    /// In percent of what the kind usually has.
    pub size: i32,
    /// Chance for whoever draws it.
    pub variant: u8,
    /// Half axes of what it blocks; none for what can be walked over, or stands in terrain that blocks.
    pub base: Option<(i32, i32)>,
}

/// Ground of one kind: an outer border, then its holes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Patch<K> {
    /// What it is.
    pub kind: K,
    /// The outer border, then the holes.
    pub rings: Vec<Vec<[i32; 2]>>,
}

/// The description of an area.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see the form of the file in the module's documentation")]
pub struct Scene {
    pub area: u32,
    pub name: &'static str,
    pub biome: Biome,
    pub seed: u32,
    pub width: u32,
    pub height: u32,
    pub birth: Rect,
    pub zones: Vec<Zone>,
    pub npcs: Vec<(u32, crate::Point)>,
    pub roads: Vec<Road>,
    pub ground: Vec<Patch<GroundKind>>,
    pub terrain: Vec<Patch<TerrainKind>>,
    pub props: Vec<Prop>,
}

impl Scene {
    /// The descriptions of all areas, made anew: they are always the same.
    #[must_use]
    pub fn all() -> Vec<Self> {
        vec![desert::scene(), oasis::scene(), ice::scene(), arena::scene(), cave::scene()]
    }
}

#[cfg(test)]
mod tests;
