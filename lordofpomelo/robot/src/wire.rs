//! What a client reads of pushes and of `enterScene`: the fields that the game's protocol requires, the others if they are there. Forms
//! of our own, not the server's, so that a server that leaves out what clients need is noticed. Places are two fields and no `Spot`
//! that is flattened, for which serde would keep every field in memory first: robots read hundreds of thousands of these a second. Not
//! here: what follows from them ([`crate::View`]).

use lordofpomelo_world::{
    area::Spot,
    hero::{Sort, Worn},
    ids::{EntityId, PlayerId, TaskId},
    map::Run,
};
use serde::Deserialize;

/// Things that come into sight.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Added {
    pub(crate) npc: Vec<Npc>,
    pub(crate) mob: Vec<Mob>,
    pub(crate) item: Vec<Thing>,
    pub(crate) equipment: Vec<Thing>,
    pub(crate) player: Vec<Player>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Npc {
    pub(crate) entity_id: EntityId,
    pub(crate) kind_id: u32,
    pub(crate) x: u32,
    pub(crate) y: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mob {
    pub(crate) entity_id: EntityId,
    pub(crate) kind_id: u32,
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) level: u32,
    pub(crate) walk_speed: u32,
    pub(crate) hp: u32,
    pub(crate) max_hp: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Thing {
    pub(crate) entity_id: EntityId,
    pub(crate) kind_id: u32,
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) player_id: PlayerId,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Player {
    pub(crate) entity_id: EntityId,
    pub(crate) kind_id: u32,
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) level: u32,
    pub(crate) walk_speed: u32,
    pub(crate) hp: u32,
    pub(crate) max_hp: u32,
    #[expect(dead_code, reason = "required on the wire; others' mana is shown nowhere")]
    pub(crate) mp: u32,
    #[expect(dead_code, reason = "required on the wire; others' mana is shown nowhere")]
    pub(crate) max_mp: u32,
    pub(crate) id: PlayerId,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) team_id: u32,
    #[serde(default)]
    pub(crate) is_captain: u8,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Removed {
    #[serde(default)]
    pub(crate) entities: Vec<EntityId>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Move {
    pub(crate) entity_id: EntityId,
    pub(crate) path: Vec<Spot>,
    pub(crate) speed: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checkout {
    pub(crate) entity_id: EntityId,
    pub(crate) position: Spot,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attack {
    pub(crate) attacker: EntityId,
    pub(crate) target: EntityId,
    pub(crate) result: AttackResult,
    #[expect(dead_code, reason = "required on the wire; only shown")]
    pub(crate) skill_id: u32,
    #[serde(default)]
    pub(crate) exp: Option<u64>,
    #[serde(default)]
    pub(crate) revive_time: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttackResult {
    pub(crate) result: u32,
    pub(crate) damage: u32,
    #[serde(default)]
    pub(crate) mp_use: u32,
    #[serde(default)]
    pub(crate) items: Vec<Fallen>,
}

/// A thing that a killed monster leaves.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fallen {
    pub(crate) entity_id: EntityId,
    pub(crate) kind_id: u32,
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) player_id: PlayerId,
    #[serde(rename = "type")]
    pub(crate) sort: Sort,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Revive {
    pub(crate) entity_id: EntityId,
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) hp: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Picked {
    pub(crate) player: EntityId,
    pub(crate) item: EntityId,
    pub(crate) index: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DropItems {
    pub(crate) drop_items: Vec<Fallen>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Talk {
    pub(crate) npc: EntityId,
    pub(crate) npcword: String,
    pub(crate) myword: String,
    #[serde(default)]
    pub(crate) action: Option<String>,
    #[serde(default)]
    pub(crate) params: Option<TalkParams>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TalkParams {
    pub(crate) target: u32,
}

/// The answer of `enterScene`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scene {
    #[serde(default)]
    pub(crate) entities: Added,
    pub(crate) cur_player: CurPlayer,
    pub(crate) map: Map,
}

/// The player's own figures, in `enterScene` and `onUpgrade`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    pub(crate) entity_id: EntityId,
    pub(crate) kind_id: u32,
    #[serde(flatten)]
    pub(crate) at: Spot,
    pub(crate) level: u32,
    pub(crate) walk_speed: u32,
    pub(crate) hp: u32,
    pub(crate) max_hp: u32,
    pub(crate) mp: u32,
    pub(crate) max_mp: u32,
    pub(crate) id: PlayerId,
    pub(crate) name: String,
    pub(crate) experience: u64,
    pub(crate) attack_value: u32,
    pub(crate) defence_value: u32,
    pub(crate) attack_speed: f64,
    pub(crate) area_id: u32,
    pub(crate) hit_rate: u32,
    pub(crate) dodge_rate: u32,
    pub(crate) next_level_exp: u64,
    pub(crate) skill_point: u32,
    #[serde(rename = "type")]
    pub(crate) sort: String,
    /// Not in `onUpgrade`.
    #[serde(default)]
    pub(crate) team_id: Option<u32>,
    #[serde(default)]
    pub(crate) is_captain: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CurPlayer {
    #[serde(flatten)]
    pub(crate) figures: Figures,
    pub(crate) bag: Bag,
    pub(crate) equipments: Worn,
    /// Never empty, or clients of the original break.
    pub(crate) fight_skills: Vec<Skill>,
    #[serde(default)]
    pub(crate) cur_tasks: Vec<CurTask>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bag {
    pub(crate) item_count: u32,
    #[serde(default)]
    pub(crate) items: Vec<BagItem>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BagItem {
    pub(crate) key: u32,
    pub(crate) id: u32,
    #[serde(rename = "type")]
    pub(crate) sort: Sort,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Skill {
    pub(crate) id: u32,
    pub(crate) level: u32,
}

/// An open task; data and condition are JSON as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CurTask {
    pub(crate) id: TaskId,
    pub(crate) name: String,
    pub(crate) exp: u32,
    pub(crate) task_state: u32,
    pub(crate) task_data: String,
    pub(crate) complete_condition: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Map {
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) tile_w: u32,
    pub(crate) tile_h: u32,
    pub(crate) weight_map: Vec<Column>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Column {
    #[serde(default)]
    pub(crate) collisions: Vec<Run>,
}
