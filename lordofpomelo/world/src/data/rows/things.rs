//! What is found, used up and worn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Row;

/// What sort of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// Eaten for hit points.
    Food,
    /// Taken for hit points and mana.
    Medicine,
}

/// A thing to be used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The kind of item.
    pub id: u32,
    /// As shown.
    pub name: String,
    /// As shown to those who read English.
    pub english_name: String,
    /// What it is, as shown.
    pub desc: String,
    /// What it is, as shown to those who read English.
    pub english_desc: String,
    /// What sort of thing it is.
    pub kind: ItemKind,
    /// Hit points that it gives.
    pub hp: u32,
    /// Mana that it gives.
    pub mp: u32,
    /// Informative: there are no shops.
    pub price: u32,
    /// The level that finds and uses it.
    pub hero_level: u32,
    /// The icon.
    pub img_id: u32,
}

row!(
    Item,
    "item",
    ["id", "name", "englishName", "desc", "englishDesc", "kind", "hp", "mp", "price", "heroLevel", "imgId",]
);

/// Where a piece of equipment is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the nine places by their names")]
pub enum Place {
    Weapon,
    Armor,
    Helmet,
    Necklace,
    Ring,
    Belt,
    Shoes,
    Legguard,
    Amulet,
}

impl Place {
    /// All nine, in the order of the messages.
    pub const ALL: [Self; 9] = [
        Self::Weapon,
        Self::Armor,
        Self::Helmet,
        Self::Necklace,
        Self::Ring,
        Self::Belt,
        Self::Shoes,
        Self::Legguard,
        Self::Amulet,
    ];

    /// The name of the place in messages, in small letters.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Weapon => "weapon",
            Self::Armor => "armor",
            Self::Helmet => "helmet",
            Self::Necklace => "necklace",
            Self::Ring => "ring",
            Self::Belt => "belt",
            Self::Shoes => "shoes",
            Self::Legguard => "legguard",
            Self::Amulet => "amulet",
        }
    }
}

/// How rare a piece of equipment is; informative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "colours, from common to rare")]
pub enum Color {
    White,
    Blue,
    Green,
    Yellow,
    Red,
    Purple,
}

/// A thing to be worn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Equipment {
    /// The kind of equipment.
    pub id: u32,
    /// As shown.
    pub name: String,
    /// As shown to those who read English.
    pub english_name: String,
    /// What it is, as shown.
    pub desc: String,
    /// Where it is worn.
    pub kind: Place,
    /// Added to the wearer's attack.
    pub attack_value: u32,
    /// Added to the wearer's defence.
    pub defence_value: u32,
    /// Informative: there are no shops.
    pub price: u32,
    /// How rare it is said to be.
    pub color: Color,
    /// The level that finds and wears it.
    pub hero_level: u32,
    /// The icon.
    pub img_id: u32,
}

row!(
    Equipment,
    "equipment",
    [
        "id",
        "name",
        "englishName",
        "desc",
        "kind",
        "attackValue",
        "defenceValue",
        "price",
        "color",
        "heroLevel",
        "imgId",
    ]
);
