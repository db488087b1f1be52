//! What servers tell clients unasked. Most come from an area; chat and teams have their own.

use std::{borrow::Cow, collections::BTreeMap};

use lordofpomelo_world::{
    area::{Attack, HpMp, Move, OwnView, PickItem, Revive, Short, Spot, TeamStatus, Views},
    data::{Color, Place},
    hero::tasks::TaskData,
    ids::{EntityId, PlayerId, TaskId, TeamId},
    team::MemberData,
};
use pomelo::{Push, types::Messages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chat::Scope;

/// Things come into sight.
pub const ON_ADD_ENTITIES: Push<Views> = Push::new("onAddEntities");
/// Things go out of sight.
pub const ON_REMOVE_ENTITIES: Push<Removed> = Push::new("onRemoveEntities");
/// Somebody walks.
pub const ON_MOVE: Push<Move> = Push::new("onMove");
/// Where the player really is.
pub const ON_PATH_CHECKOUT: Push<PathCheckout> = Push::new("onPathCheckout");
/// A blow that hit.
pub const ON_ATTACK: Push<Attack> = Push::new("onAttack");
/// The player rose a level.
pub const ON_UPGRADE: Push<Upgraded> = Push::new("onUpgrade");
/// A dead player is back.
pub const ON_REVIVE: Push<Revive> = Push::new("onRevive");
/// Something was picked up.
pub const ON_PICK_ITEM: Push<PickItem> = Push::new("onPickItem");
/// Rewards fell.
pub const ON_DROP_ITEMS: Push<Dropped> = Push::new("onDropItems");
/// An NPC talks.
pub const ON_NPC_TALK: Push<Talk> = Push::new("onNPCTalk");
/// Tasks came further, by their id as taken.
pub const ON_UPDATE_TASK_DATA: Push<BTreeMap<TaskId, TaskData>> = Push::new("onUpdateTaskData");
/// A task is done and can be handed over.
pub const ON_TASK_COMPLETED: Push<TaskCompleted> = Push::new("onTaskCompleted");
/// A player of the area left the game.
pub const ON_USER_LEAVE: Push<UserLeft> = Push::new("onUserLeave");
/// Hit points and mana came back; only with the rule `regeneration`.
pub const ON_HP_MP: Push<HpMp> = Push::new("onHpMp");
/// Somebody said something.
pub const ON_CHAT: Push<Said> = Push::new("onChat");
/// The members of the team, by player.
pub const ON_UPDATE_TEAM: Push<BTreeMap<PlayerId, MemberData>> = Push::new("onUpdateTeam");
/// A member left.
pub const ON_TEAMMATE_LEAVE_TEAM: Push<Player> = Push::new("onTeammateLeaveTeam");
/// The team is no more; who was in it.
pub const ON_DISBAND_TEAM: Push<Vec<PlayerId>> = Push::new("onDisbandTeam");
/// Somebody became captain, or is none any more.
pub const ON_TEAM_CAPTAIN_STATUS_CHANGE: Push<TeamStatus> = Push::new("onTeamCaptainStatusChange");
/// Somebody joined a team, or is in none any more.
pub const ON_TEAM_MEMBER_STATUS_CHANGE: Push<TeamStatus> = Push::new("onTeamMemberStatusChange");
/// A captain asks the player in.
pub const ON_INVITE_JOIN_TEAM: Push<Short> = Push::new("onInviteJoinTeam");
/// An invitation came to nothing.
pub const ON_INVITE_JOIN_TEAM_REPLY: Push<Reply> = Push::new("onInviteJoinTeamReply");
/// Somebody wants to join the captain's team.
pub const ON_APPLY_JOIN_TEAM: Push<Short> = Push::new("onApplyJoinTeam");
/// An application came to nothing.
pub const ON_APPLY_JOIN_TEAM_REPLY: Push<Reply> = Push::new("onApplyJoinTeamReply");
/// The captain went into an instance: members follow with `changeArea`.
pub const ON_DRAG_MEMBER: Push<Drag> = Push::new("onDragMember2gameCopy");

/// What is out of sight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by its name")]
pub struct Removed {
    pub entities: Vec<EntityId>,
}

/// Where the player's entity is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct PathCheckout {
    pub entity_id: EntityId,
    pub position: Spot,
}

/// The player's figures after a level.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Upgraded {
    /// All of them.
    #[serde(flatten)]
    pub own: OwnView,
    /// `player`.
    #[serde(rename = "type")]
    pub sort: Cow<'static, str>,
}

/// What fell.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by its name")]
pub struct Dropped {
    pub drop_items: Vec<DroppedThing>,
}

/// A piece of equipment on the ground, with the columns of its row.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct DroppedThing {
    pub entity_id: EntityId,
    pub kind_id: u32,
    /// `equipment`.
    #[serde(rename = "type")]
    pub sort: Cow<'static, str>,
    pub x: u32,
    pub y: u32,
    pub player_id: PlayerId,
    pub name: String,
    pub english_name: String,
    pub kind: Place,
    pub attack_value: u32,
    pub defence_value: u32,
    pub price: u32,
    pub color: Color,
    pub hero_level: u32,
    pub img_id: u32,
}

/// What an NPC says.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Talk {
    /// The NPC.
    pub npc: EntityId,
    /// Its words, never empty.
    pub npcword: String,
    /// What the player answers; may be empty.
    pub myword: String,
    /// The player.
    pub player: EntityId,
    /// The NPC's kind.
    pub kind_id: u32,
    /// `changeArea`, if the NPC takes the player elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Cow<'static, str>>,
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<TalkParams>,
}

/// Where an NPC takes the player.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the area")]
pub struct TalkParams {
    pub target: u32,
}

/// Which task, as taken.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by its name")]
pub struct TaskCompleted {
    pub task_id: TaskId,
}

/// Who left the game.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names; the route is `onUserLeave`")]
pub struct UserLeft {
    pub route: Cow<'static, str>,
    pub code: u16,
    pub player_id: PlayerId,
}

/// What somebody said. Names and content have `<`, `>`, `&` and quotes as entities, for clients that write HTML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names; kind is 0")]
pub struct Said {
    pub player_id: PlayerId,
    pub uid: u32,
    pub content: String,
    pub scope: Scope,
    pub kind: u32,
    pub from: String,
}

/// A player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by its name")]
pub struct Player {
    pub player_id: PlayerId,
}

/// Why nothing came of it: 0 refused, else a join code below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by its name")]
pub struct Reply {
    pub reply: i32,
}

/// Where the team goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct Drag {
    pub team_id: TeamId,
    pub target: u32,
}

pub(super) fn list(list: Messages) -> Messages {
    list.push(ON_ADD_ENTITIES)
        .push(ON_REMOVE_ENTITIES)
        .push(ON_MOVE)
        .push(ON_PATH_CHECKOUT)
        .push(ON_ATTACK)
        .push(ON_UPGRADE)
        .push(ON_REVIVE)
        .push(ON_PICK_ITEM)
        .push(ON_DROP_ITEMS)
        .push(ON_NPC_TALK)
        .push(ON_UPDATE_TASK_DATA)
        .push(ON_TASK_COMPLETED)
        .push(ON_USER_LEAVE)
        .push(ON_HP_MP)
        .push(ON_CHAT)
        .push(ON_UPDATE_TEAM)
        .push(ON_TEAMMATE_LEAVE_TEAM)
        .push(ON_DISBAND_TEAM)
        .push(ON_TEAM_CAPTAIN_STATUS_CHANGE)
        .push(ON_TEAM_MEMBER_STATUS_CHANGE)
        .push(ON_INVITE_JOIN_TEAM)
        .push(ON_INVITE_JOIN_TEAM_REPLY)
        .push(ON_APPLY_JOIN_TEAM)
        .push(ON_APPLY_JOIN_TEAM_REPLY)
        .push(ON_DRAG_MEMBER)
}
