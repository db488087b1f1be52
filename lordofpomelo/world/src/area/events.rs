//! What an area says: pushes with who gets them, in the order they must arrive in. A push that many get is stored once with the
//! list of its receivers. Not here: how it is encoded and which connector has the receivers.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::view::{OwnView, Spot, ThingView, Views};
use crate::hero::tasks::TaskData;
use crate::ids::{EntityId, PlayerId, TaskId, TeamId};

/// One push of an area. Bodies are as on the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Push {
    /// `onAddEntities`.
    AddEntities(Views),
    /// `onRemoveEntities {entities}`.
    RemoveEntities(Vec<EntityId>),
    /// `onMove`.
    Move(Move),
    /// `onPathCheckout {entityId, position}`: where the player really is.
    PathCheckout(EntityId, Spot),
    /// `onAttack`.
    Attack(Attack),
    /// `onUpgrade`.
    Upgrade(Box<OwnView>),
    /// `onRevive`.
    Revive(Revive),
    /// `onPickItem`.
    PickItem(PickItem),
    /// `onDropItems {dropItems}`: rewards that fell; the server adds the columns of the equipment table.
    DropItems(Vec<ThingView>),
    /// `onNPCTalk`.
    NpcTalk(Box<NpcTalk>),
    /// `onUpdateTaskData`: an object of task numbers.
    UpdateTaskData(Vec<(TaskId, TaskData)>),
    /// `onTaskCompleted {taskId}`.
    TaskCompleted(TaskId),
    /// `onUserLeave {playerId}`, to the whole area.
    UserLeave(PlayerId),
    /// `onTeamCaptainStatusChange`.
    TeamCaptainStatusChange(TeamStatus),
    /// `onTeamMemberStatusChange`.
    TeamMemberStatusChange(TeamStatus),
    /// `onInviteJoinTeam`: a captain asks.
    InviteJoinTeam(Short),
    /// `onInviteJoinTeamReply {reply}`: 0 refused, else a join code.
    InviteJoinTeamReply(i32),
    /// `onApplyJoinTeam`: an applicant asks.
    ApplyJoinTeam(Short),
    /// `onApplyJoinTeamReply {reply}`: 0 refused, else a join code.
    ApplyJoinTeamReply(i32),
    /// `onHpMp {entityId, hp, mp}`: with [`super::Rules::regeneration`] only.
    HpMp(HpMp),
}

/// Somebody walks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire; pixels a second")]
pub struct Move {
    pub entity_id: EntityId,
    pub path: Vec<Spot>,
    pub speed: u32,
}

/// A blow that hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attack {
    /// Who struck.
    pub attacker: EntityId,
    /// Who was hit.
    pub target: EntityId,
    /// What it did.
    pub result: AttackResult,
    /// With which skill.
    pub skill_id: u32,
    /// The killer's experience within its level, after it killed a monster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// When the killed player comes back, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revive_time: Option<u64>,
}

/// What a blow did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttackResult {
    /// 1 hit, 2 killed.
    pub result: u32,
    /// Hit points it took.
    pub damage: u32,
    /// Mana it cost.
    pub mp_use: u32,
    /// What fell, as far as the receiver sees it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ThingView>,
}

/// A dead player is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire")]
pub struct Revive {
    pub entity_id: EntityId,
    #[serde(flatten)]
    pub at: Spot,
    pub hp: u32,
}

/// Something was picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "fields of the wire; index is the slot of the bag")]
pub struct PickItem {
    pub player: EntityId,
    pub item: EntityId,
    pub index: u32,
}

/// An NPC says something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NpcTalk {
    /// The NPC.
    pub npc: EntityId,
    /// Its kind.
    pub kind_id: u32,
    /// The player.
    pub player: EntityId,
    /// What the NPC says; never empty.
    pub npcword: String,
    /// What the player answers; may be empty.
    pub myword: String,
    /// The area it takes to: on the wire `action: "changeArea", params: {target}`.
    #[serde(skip)]
    pub travel: Option<u32>,
}

/// A player became or stopped being a member or captain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire; 0 and empty for no team")]
pub struct TeamStatus {
    pub player_id: PlayerId,
    pub team_id: TeamId,
    pub is_captain: u8,
    pub team_name: String,
}

/// A player in a question about teams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire; team 0 for none")]
pub struct Short {
    pub id: PlayerId,
    pub name: std::sync::Arc<str>,
    pub level: u32,
    pub team_id: TeamId,
}

/// Hit points and mana that came back by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire")]
pub struct HpMp {
    pub entity_id: EntityId,
    pub hp: u32,
    pub mp: u32,
}

/// Who gets a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To<'a> {
    /// These players.
    Players(&'a [EntityId]),
    /// All players of the area.
    Everybody,
}

/// The pushes of an area since it was asked last, in order. It grows with what happens within one tick; the server drains it after
/// each call.
#[derive(Debug, Default)]
pub struct Events {
    pushes: Vec<(Option<Range<u32>>, Push)>,
    receivers: Vec<EntityId>,
}

impl Events {
    /// All pushes, in the order they must arrive in.
    pub fn iter(&self) -> impl Iterator<Item = (To<'_>, &Push)> {
        self.pushes.iter().map(|(range, push)| {
            let players =
                range.as_ref().map(|range| &self.receivers[range.start as usize..range.end as usize]);
            (players.map_or(To::Everybody, To::Players), push)
        })
    }

    /// How many pushes there are, whatever the number of receivers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pushes.len()
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pushes.is_empty()
    }

    /// Forgets all, but keeps its memory for the next time.
    pub fn clear(&mut self) {
        self.pushes.clear();
        self.receivers.clear();
    }

    /// For these players; for nobody it is dropped.
    pub(super) fn push(&mut self, to: impl IntoIterator<Item = EntityId>, push: Push) {
        let start = self.receivers.len();
        self.receivers.extend(to);
        if self.receivers.len() > start {
            self.pushes.push((Some(start as u32..self.receivers.len() as u32), push));
        }
    }

    pub(super) fn push_to_everybody(&mut self, push: Push) {
        self.pushes.push((None, push));
    }
}
