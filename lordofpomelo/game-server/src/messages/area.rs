//! What area servers answer: loading, walking, fighting, things, skills, tasks. The team's routes are in [`super::team`].

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use lordofpomelo_world::{
    Point,
    area::{OwnView, Views},
    data::{Character, Effect, Equipment, FightSkill, Item, Npc},
    hero::{Sort, Worn, tasks::TaskData},
    ids::{EntityId, PlayerId, TaskId},
    map::Run,
};
use pomelo::{Route, types::Messages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Code, Nothing, Number};

/// The tables, as far as the client does not have them yet.
pub const LOAD_RESOURCE: Route<LoadResource, Resource> = Route::new("area.resourceHandler.loadResource");
/// The kinds of things in the area.
pub const LOAD_AREA_RESOURCE: Route<Nothing, AreaResource> =
    Route::new("area.resourceHandler.loadAreaResource");
/// Comes into the area of the session.
pub const ENTER_SCENE: Route<Nothing, Scene> = Route::new("area.playerHandler.enterScene");
/// Says how large the view is.
pub const CHANGE_VIEW: Route<ChangeView, ()> = Route::new("area.playerHandler.changeView");
/// Walks.
pub const MOVE: Route<Walk, Code> = Route::new("area.playerHandler.move");
/// Goes to an NPC and talks.
pub const NPC_TALK: Route<Target, ()> = Route::new("area.playerHandler.npcTalk");
/// Travels.
pub const CHANGE_AREA: Route<ChangeArea, AreaChanged> = Route::new("area.playerHandler.changeArea");
/// Goes to something on the ground and picks it up.
pub const PICK_ITEM: Route<Target, Answer> = Route::new("area.playerHandler.pickItem");
/// Destroys something in the bag.
pub const DROP_ITEM: Route<Slot, Status> = Route::new("area.playerHandler.dropItem");
/// Eats or drinks something in the bag.
pub const USE_ITEM: Route<Slot, Used> = Route::new("area.playerHandler.useItem");
/// A door for cheats in the original; always refused.
pub const ADD_ITEM: Route<Value, Added> = Route::new("area.playerHandler.addItem");
/// Learns a skill.
pub const LEARN_SKILL: Route<OfSkill, Learnt> = Route::new("area.playerHandler.learnSkill");
/// Raises a skill.
pub const UPGRADE_SKILL: Route<OfSkill, Status> = Route::new("area.playerHandler.upgradeSkill");
/// Goes to a target and strikes it until it is dead.
pub const ATTACK: Route<Target, Nothing> = Route::new("area.fightHandler.attack");
/// Uses a skill once on the target.
pub const USE_SKILL: Route<OfSkill, ()> = Route::new("area.fightHandler.useSkill");
/// Puts on a piece of equipment of the bag.
pub const EQUIP: Route<Slot, Moved> = Route::new("area.equipHandler.equip");
/// Takes a piece off.
pub const UN_EQUIP: Route<UnEquip, Moved> = Route::new("area.equipHandler.unEquip");
/// The task that is open, or the next one.
pub const GET_NEW_TASK: Route<Nothing, NewTask> = Route::new("area.taskHandler.getNewTask");
/// Takes a task.
pub const START_TASK: Route<StartTask, Started> = Route::new("area.taskHandler.startTask");
/// Hands over all tasks that are done.
pub const HANDOVER_TASK: Route<Nothing, HandedOver> = Route::new("area.taskHandler.handoverTask");
/// All tasks that were ever taken.
pub const GET_HISTORY_TASKS: Route<Nothing, History> = Route::new("area.taskHandler.getHistoryTasks");

/// Versions of tables by name, as the client remembers them.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoadResource {
    /// Numbers that change with a table's content.
    #[serde(default)]
    pub version: BTreeMap<String, Value>,
}

/// The tables that changed, and the versions of all.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    /// What the client lacks.
    pub data: Tables,
    /// To be remembered.
    pub version: BTreeMap<String, u32>,
}

/// Tables by id; those that the client has are left out.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by their names")]
pub struct Tables {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fightskill: Option<Arc<BTreeMap<u32, FightSkill>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equipment: Option<Arc<BTreeMap<u32, Equipment>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Arc<BTreeMap<u32, Item>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character: Option<Arc<BTreeMap<u32, Character>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npc: Option<Arc<BTreeMap<u32, Npc>>>,
    /// By kind of character, then by direction and act: `LeftUpStand`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub animation: Option<Arc<BTreeMap<u32, BTreeMap<String, Frames>>>>,
    /// By class name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Arc<BTreeMap<String, Effect>>>,
}

/// A picture sequence: frame size in pixels, number of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct Frames {
    pub width: u32,
    pub height: u32,
    pub total_frame: u32,
}

/// The kinds to load, as text.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct AreaResource {
    pub players: Vec<String>,
    pub mobs: Vec<String>,
    pub npcs: Vec<String>,
    pub items: Vec<String>,
    pub equipments: Vec<String>,
    pub map_name: String,
}

/// The answer of `enterScene`. With another code than 200 there is nothing else.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scene {
    /// Everything in sight, without the player.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entities: Option<Views>,
    /// The player.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cur_player: Option<Box<CurPlayer>>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Arc<Map>>,
    /// 200 or 500.
    pub code: u16,
}

/// A player as it sees itself.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurPlayer {
    /// Its figures.
    #[serde(flatten)]
    pub own: OwnView,
    /// `player`.
    #[serde(rename = "type")]
    pub sort: Cow<'static, str>,
    /// What it carries.
    pub bag: Bag,
    /// What it wears: kinds of equipment, 0 for nothing.
    pub equipments: Worn,
    /// What it can do, never empty.
    pub fight_skills: Vec<SkillLevel>,
    /// Its open tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cur_tasks: Vec<CurTask>,
}

/// A bag.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bag {
    /// How many slots it has.
    pub item_count: u32,
    /// Those that are not empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<BagItem>,
}

/// A slot of a bag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BagItem {
    /// The slot, from 1.
    pub key: u32,
    /// The kind.
    pub id: u32,
    /// Of which table.
    #[serde(rename = "type")]
    pub sort: Sort,
}

/// A skill of the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by their names")]
pub struct SkillLevel {
    pub id: u32,
    pub level: u32,
}

/// An open task. Data and condition are JSON as text here, as the definitions of the original have them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "columns of the table")]
pub struct CurTask {
    pub accept_talk: String,
    pub work_talk: String,
    pub finish_talk: String,
    pub item: String,
    pub name: String,
    /// As taken.
    pub id: TaskId,
    pub exp: u32,
    /// 0 kills of monsters, 1 of players.
    #[serde(rename = "type")]
    pub sort: u32,
    pub task_state: u32,
    pub task_data: String,
    pub complete_condition: String,
}

/// What can be walked on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SceneMap")]
pub struct Map {
    /// Of the area.
    pub name: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Of a tile, in pixels.
    pub tile_w: u32,
    /// Of a tile, in pixels.
    pub tile_h: u32,
    /// For each column of tiles what is blocked.
    pub weight_map: Vec<Column>,
}

/// The blocked runs of a column of tiles, from the top.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by its name")]
pub struct Column {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collisions: Vec<Run>,
}

/// The size of the client's view.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "pixels")]
pub struct ChangeView {
    pub width: Number,
    pub height: Number,
}

/// A way.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Walk {
    /// At least two points; the first where the player is.
    pub path: Vec<Point>,
}

/// Something in the area.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its entity.
    #[serde(default)]
    pub target_id: Number,
}

impl Target {
    /// As the area knows it.
    pub fn entity(&self) -> EntityId {
        self.target_id.0
    }
}

/// Where to.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangeArea {
    /// The area.
    pub target: Number,
}

/// Whether it worked; then resources are loaded and the scene is entered anew.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "where from, where to, whether")]
pub struct AreaChanged {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_id: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u32>,
    pub success: bool,
}

/// A slot of the bag.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Slot {
    /// From 1.
    pub index: Number,
}

/// `{}`, or a code if it was not possible.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by its name")]
pub struct Answer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
}

/// Whether it worked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by its name")]
pub struct Status {
    pub status: bool,
}

/// Whether something was used up.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by their names")]
pub struct Used {
    pub code: u16,
    pub status: bool,
}

/// Always -1.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by its name")]
pub struct Added {
    pub bag_index: i32,
}

/// A skill.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by its name")]
pub struct OfSkill {
    pub skill_id: Number,
}

/// Whether a skill was learnt.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by their names")]
pub struct Learnt {
    pub status: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<LearntSkill>,
}

/// The skill that was learnt. Clients take either id for the skill's.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct LearntSkill {
    pub id: u32,
    pub skill_id: u32,
    pub level: u32,
    /// `attack`.
    #[serde(rename = "type")]
    pub sort: String,
    pub player_id: PlayerId,
}

/// Where a piece of equipment went.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Whether it worked.
    pub status: bool,
    /// The slot that something was put into, -1 for none.
    pub bag_index: i64,
}

/// What to take off.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnEquip {
    /// The place: `weapon`.
    #[serde(rename = "type")]
    pub place: String,
    /// Else it is destroyed.
    #[serde(default)]
    pub put_in_bag: bool,
}

/// The task that is open, or the next one; none if all are done.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by their names")]
pub struct NewTask {
    pub code: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskRow>,
}

/// A row of the task table.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "columns of the table")]
pub struct TaskRow {
    pub id: u32,
    pub name: String,
    #[serde(rename = "type")]
    pub sort: u32,
    pub hero_level: u32,
    pub desc: String,
    pub accept_talk: String,
    pub work_talk: String,
    pub finish_talk: String,
    pub exp: u32,
    pub item: String,
    /// By kind of monster how many.
    pub complete_condition: BTreeMap<u32, u32>,
}

/// Which task.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartTask {
    /// Of the table.
    pub task_id: Number,
}

/// The task that was taken.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct Started {
    pub code: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_data: Option<StartedTask>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A task that was taken.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "columns of the table")]
pub struct StartedTask {
    /// As taken; what all later messages name.
    pub id: TaskId,
    #[serde(rename = "type")]
    pub sort: u32,
    pub name: String,
    pub accept_talk: String,
    pub work_talk: String,
    pub finish_talk: String,
    pub item: String,
    pub exp: u32,
    pub task_data: TaskData,
    pub task_state: u32,
    pub complete_condition: BTreeMap<u32, u32>,
}

/// The tasks that were handed over, as taken.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by their names")]
pub struct HandedOver {
    pub code: u16,
    pub ids: Vec<TaskId>,
}

/// All tasks that were ever taken.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct History {
    pub code: u16,
    /// `onGetHistoryTasks`.
    pub route: Cow<'static, str>,
    pub re_tasks: Vec<HistoryTask>,
}

/// One of them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "columns of the table")]
pub struct HistoryTask {
    pub accept_talk: String,
    pub item: String,
    pub name: String,
    pub id: TaskId,
    pub exp: u32,
    pub task_data: TaskData,
    pub task_state: u32,
}

pub(super) fn list(list: Messages) -> Messages {
    list.route(LOAD_RESOURCE)
        .route(LOAD_AREA_RESOURCE)
        .route(ENTER_SCENE)
        .route(CHANGE_VIEW)
        .route(MOVE)
        .route(NPC_TALK)
        .route(CHANGE_AREA)
        .route(PICK_ITEM)
        .route(DROP_ITEM)
        .route(USE_ITEM)
        .route(ADD_ITEM)
        .route(LEARN_SKILL)
        .route(UPGRADE_SKILL)
        .route(ATTACK)
        .route(USE_SKILL)
        .route(EQUIP)
        .route(UN_EQUIP)
        .route(GET_NEW_TASK)
        .route(START_TASK)
        .route(HANDOVER_TASK)
        .route(GET_HISTORY_TASKS)
}
