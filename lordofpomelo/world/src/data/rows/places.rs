//! Where one can be, and under which name: areas, names of teams.

use serde::{Deserialize, Serialize};

use super::Row;

/// For how many an area is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum AreaKind {
    /// 1: one for all.
    Scene,
    /// 2: one for each player.
    SingleInstance,
    /// 3: one for each team.
    TeamInstance,
}

impl TryFrom<u32> for AreaKind {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Scene),
            2 => Ok(Self::SingleInstance),
            3 => Ok(Self::TeamInstance),
            _ => Err("expected 1, 2 or 3"),
        }
    }
}

impl From<AreaKind> for u32 {
    fn from(kind: AreaKind) -> Self {
        match kind {
            AreaKind::Scene => 1,
            AreaKind::SingleInstance => 2,
            AreaKind::TeamInstance => 3,
        }
    }
}

/// An area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Area {
    /// The area's id.
    pub id: u32,
    /// Its name towards clients, who load its picture by it.
    pub name: String,
    /// For how many it is there.
    #[serde(rename = "type")]
    pub kind: AreaKind,
    /// As shown.
    pub area_name: String,
    /// A hint to players; not enforced.
    pub level: u32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The map file, from the folder of the configuration.
    pub path: String,
    /// Of the grid of sight, in pixels.
    pub tower_width: u32,
    /// Of the grid of sight, in pixels.
    pub tower_height: u32,
}

row!(
    Area,
    "area",
    ["id", "name", "type", "areaName", "level", "width", "height", "path", "towerWidth", "towerHeight",]
);

/// A name that a new team may get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamName {
    /// Of the row.
    pub id: u32,
    /// The name.
    pub team_name: String,
}

row!(TeamName, "team", ["id", "teamName"]);
