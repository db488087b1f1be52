//! What a player asks of teams: notifies, all of them, whose results come as pushes.

use pomelo::{Route, types::Messages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Nothing, Number};

/// Makes a team.
pub const CREATE: Route<Nothing, ()> = Route::new("area.teamHandler.createTeam");
/// As captain, ends it.
pub const DISBAND: Route<OfTeam, ()> = Route::new("area.teamHandler.disbandTeam");
/// Leaves it; a captain ends it so.
pub const LEAVE: Route<OfTeam, ()> = Route::new("area.teamHandler.leaveTeam");
/// As captain, asks a player in.
pub const INVITE: Route<Invite, ()> = Route::new("area.teamHandler.inviteJoinTeam");
/// Answers an invitation.
pub const INVITE_REPLY: Route<InviteReply, ()> = Route::new("area.teamHandler.inviteJoinTeamReply");
/// Asks a captain to be taken in.
pub const APPLY: Route<Apply, ()> = Route::new("area.teamHandler.applyJoinTeam");
/// As captain, answers an applicant.
pub const APPLY_REPLY: Route<ApplyReply, ()> = Route::new("area.teamHandler.applyJoinTeamReply");
/// As captain, throws a member out.
pub const KICK_OUT: Route<KickOut, ()> = Route::new("area.teamHandler.kickOut");

/// The own team.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by its name")]
pub struct OfTeam {
    pub team_id: Number,
}

/// A player of the same area is asked in.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct Invite {
    pub invitee_id: Number,
    pub team_id: Number,
}

/// The answer to `onInviteJoinTeam`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "1 yes, 0 no")]
pub struct InviteReply {
    pub team_id: Number,
    pub captain_id: Number,
    pub reply: Number,
}

/// To whose team.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct Apply {
    pub captain_id: Number,
    pub team_id: Number,
}

/// The answer to `onApplyJoinTeam`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "1 yes, 0 no")]
pub struct ApplyReply {
    pub team_id: Number,
    pub applicant_id: Number,
    pub reply: Number,
}

/// Who goes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "by their names")]
pub struct KickOut {
    pub team_id: Number,
    pub kicked_player_id: Number,
}

pub(super) fn list(list: Messages) -> Messages {
    list.route(CREATE)
        .route(DISBAND)
        .route(LEAVE)
        .route(INVITE)
        .route(INVITE_REPLY)
        .route(APPLY)
        .route(APPLY_REPLY)
        .route(KICK_OUT)
}
