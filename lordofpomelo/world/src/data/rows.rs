//! The rows of the tables, one type a file, columns by their names in the file. What they mean is decided where they are used;
//! how a file is read is [`super::table`]'s.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::table::Row;

/// Says which file a row type is read from, and with which columns.
macro_rules! row {
    ($row:ident, $file:literal, [$($column:literal),+ $(,)?]) => {
        impl Row for $row {
            const NAME: &'static str = $file;
            const COLUMNS: &'static [&'static str] = &[$($column),+];
            fn id(&self) -> u32 {
                self.id
            }
        }
    };
}

/// A kind of player or mob.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Character {
    /// The kind: 210 and 211 are the heroes, the others mobs.
    pub id: u32,
    /// As shown.
    pub name: String,
    /// As shown to those who read English.
    pub english_name: String,
    /// Of a new hero; a mob's level is its zone's.
    pub level: u32,
    /// Hit points at level 1.
    pub hp: u32,
    /// Mana at level 1.
    pub mp: u32,
    /// Attack at level 1.
    pub attack_value: u32,
    /// Defence at level 1.
    pub defence_value: u32,
    /// Carried along, without effect.
    pub hit_rate: u32,
    /// Carried along, without effect.
    pub dodge_rate: u32,
    /// Attacks a second.
    pub attack_speed: f64,
    /// Pixels a second.
    pub walk_speed: u32,
    /// Growth a level, as a share of the values at level 1.
    pub upgrade_param: f64,
    /// What a kill is worth, before levels are compared.
    pub base_exp: u32,
}

row!(
    Character,
    "character",
    [
        "id",
        "name",
        "englishName",
        "level",
        "hp",
        "mp",
        "attackValue",
        "defenceValue",
        "hitRate",
        "dodgeRate",
        "attackSpeed",
        "walkSpeed",
        "upgradeParam",
        "baseExp",
    ]
);

/// What a skill is said to be. All of them hit like plain attacks unless buffs are switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkillKind {
    /// A blow.
    Attack,
    /// A blow with a consequence.
    AttackBuff,
    /// A consequence without a blow.
    Buff,
    /// Always on.
    Passive,
}

/// A skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FightSkill {
    /// 1 is the blow that everybody can.
    pub id: u32,
    /// The level that learns it.
    pub player_level: u32,
    /// As shown.
    pub name: String,
    /// What it does, as shown.
    pub desc: String,
    /// What it is said to be.
    #[serde(rename = "type")]
    pub kind: SkillKind,
    /// Added to `attack_param` for each level of the skill above the first.
    pub upgrade_param: f64,
    /// Levels of the player for one level of the skill.
    pub upgrade_player_level: u32,
    /// Seconds until it can be used again.
    pub cooltime: f64,
    /// Mana that it costs.
    pub mp: u32,
    /// Factor on the damage.
    pub attack_param: f64,
    /// Carried along, without effect.
    pub hit_param: u32,
    /// How far it reaches, in pixels.
    pub distance: u32,
    /// The icon.
    pub image_url: u32,
    /// Class name of the [`Effect`] it shows; empty for none.
    pub effect: String,
}

row!(
    FightSkill,
    "fightskill",
    [
        "id",
        "playerLevel",
        "name",
        "desc",
        "type",
        "upgradeParam",
        "upgradePlayerLevel",
        "cooltime",
        "mp",
        "attackParam",
        "hitParam",
        "distance",
        "imageUrl",
        "effect",
    ]
);

/// A picture sequence of a skill. Its `id` is the skill's: clients look it up by that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The skill's id.
    pub id: u32,
    /// Name of the picture.
    pub class_name: String,
    /// Of one frame, in pixels.
    pub width: u32,
    /// Of one frame, in pixels.
    pub height: u32,
    /// How many frames.
    pub total_frames: u32,
}

row!(Effect, "effect", ["id", "className", "width", "height", "totalFrames"]);

/// One picture sequence of a kind of character: one row for each of four directions and four acts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Animation {
    /// Of the row, without meaning.
    pub id: u32,
    /// Of the [`Character`].
    pub kind_id: u32,
    /// Direction and act: one of [`Animation::NAMES`].
    pub name: String,
    /// Of one frame, in pixels.
    pub width: u32,
    /// Of one frame, in pixels.
    pub height: u32,
    /// How many frames.
    pub total_frame: u32,
}

impl Animation {
    /// What every character needs: a client that misses one of them stops loading.
    pub const NAMES: [&str; 16] = [
        "LeftUpStand",
        "LeftUpWalk",
        "LeftUpAttack",
        "LeftUpDead",
        "RightUpStand",
        "RightUpWalk",
        "RightUpAttack",
        "RightUpDead",
        "LeftDownStand",
        "LeftDownWalk",
        "LeftDownAttack",
        "LeftDownDead",
        "RightDownStand",
        "RightDownWalk",
        "RightDownAttack",
        "RightDownDead",
    ];
}

row!(Animation, "animation", ["id", "kindId", "name", "width", "height", "totalFrame"]);

/// What sort of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// Eaten for hit points.
    Food,
    /// Taken for hit points and mana.
    Medicine,
}

/// A thing to be used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// What a task asks for: so many victims, of a kind of mob where the task is about mobs. In the file and towards clients the
/// text of a JSON object, `{"202":3}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The kind of mob.
    pub kind: u32,
    /// How many.
    pub count: u32,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"{}\":{}}}", self.kind, self.count)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refuse =
            || serde::de::Error::custom("expected the text of an object with one kind and its count");
        let text = String::deserialize(deserializer)?;
        let mut pairs: std::collections::BTreeMap<u32, u32> =
            serde_json::from_str(&text).map_err(|_| refuse())?;
        match (pairs.pop_first(), pairs.is_empty()) {
            (Some((kind, count)), true) if count > 0 => Ok(Self { kind, count }),
            _ => Err(refuse()),
        }
    }
}

/// What a task rewards with: kinds of equipment. In the file and towards clients `25;62`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewards(pub Vec<u32>);

impl fmt::Display for Rewards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, id) in self.0.iter().enumerate() {
            write!(f, "{}{id}", if n == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

impl Serialize for Rewards {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rewards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let ids = text.split(';').filter(|id| !id.is_empty()).map(str::parse).collect::<Result<_, _>>();
        ids.map(Self).map_err(|_| serde::de::Error::custom("expected numbers with ; between them"))
    }
}

/// What a task is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum TaskKind {
    /// 0: killing mobs of one kind.
    KillMobs,
    /// 1: killing players of at least the own level.
    KillPlayers,
}

impl TryFrom<u32> for TaskKind {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        match number {
            0 => Ok(Self::KillMobs),
            1 => Ok(Self::KillPlayers),
            _ => Err("expected 0 or 1"),
        }
    }
}

impl From<TaskKind> for u32 {
    fn from(kind: TaskKind) -> Self {
        match kind {
            TaskKind::KillMobs => 0,
            TaskKind::KillPlayers => 1,
        }
    }
}

/// A task of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its place in the chain, from 1.
    pub id: u32,
    /// As shown.
    pub name: String,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: TaskKind,
    /// The level that may take it.
    pub hero_level: u32,
    /// What it asks for.
    pub complete_condition: Condition,
    /// Text, `;`, kind of mob.
    pub desc: String,
    /// Said when it is offered.
    pub accept_talk: String,
    /// Said while it is open.
    pub work_talk: String,
    /// Said when it is done.
    pub finish_talk: String,
    /// Experience that it rewards with.
    pub exp: u32,
    /// Kinds of equipment that it rewards with.
    pub item: Rewards,
    /// Seconds, 0 for none; ignored.
    pub time_limit: u32,
}

row!(
    Task,
    "task",
    [
        "id",
        "name",
        "type",
        "heroLevel",
        "completeCondition",
        "desc",
        "acceptTalk",
        "workTalk",
        "finishTalk",
        "exp",
        "item",
        "timeLimit",
    ]
);

/// A kind of NPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Npc {
    /// The kind.
    pub id: u32,
    /// As shown.
    pub name: String,
    /// As shown to those who read English.
    pub english_name: String,
    /// 1 = offers travel, 0 = talks. Informative.
    pub kind_type: u32,
}

row!(Npc, "npc", ["id", "name", "englishName", "kindType"]);

/// What an NPC says; of several rows for one NPC the first counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Talk {
    /// Of the row.
    pub id: u32,
    /// Title of the talk.
    pub name: String,
    /// Informative.
    pub step: u32,
    /// Kind of the [`Npc`].
    pub npc: u32,
    /// Id of the [`Area`]; informative.
    pub area: u32,
    /// What the NPC says.
    pub npcword: String,
    /// What the player answers.
    pub myword: String,
    /// Informative; 0 for none.
    pub quest_after: u32,
}

row!(Talk, "talk", ["id", "name", "step", "npc", "area", "npcword", "myword", "questAfter"]);

/// What a level asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Experience {
    /// The level.
    pub id: u32,
    /// The level again.
    pub level: u32,
    /// Experience that leads to this level from the one before.
    pub exp: u32,
    /// Informative.
    pub monster_exp: u32,
    /// Informative.
    pub monster_num: u32,
}

row!(Experience, "experience", ["id", "level", "exp", "monsterExp", "monsterNum"]);

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
