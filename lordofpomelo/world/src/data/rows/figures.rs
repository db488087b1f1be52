//! Who fights, with what, and how it looks: characters, levels, skills, pictures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Row;

/// A kind of player or mob.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
