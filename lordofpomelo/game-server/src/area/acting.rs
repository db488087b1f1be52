//! Handlers of what a player does in its area: look, walk, talk, fight, pick up. What comes of it is told by the area.

use pomelo::Result;

use super::here::Here;
use crate::messages::{
    Code, Nothing,
    area::{Answer, ChangeView, OfSkill, Target, Walk},
};

/// The window is as large as the client's view.
pub(super) async fn change_view(here: Here, view: ChangeView) -> Result<()> {
    Ok(here.host.with(|area, now_ms| area.change_view(here.player, view.width.0, view.height.0, now_ms))?)
}

/// Walks a way, from where the player is.
pub(super) async fn walk(here: Here, way: Walk) -> Result<Code> {
    here.host.with(|area, now_ms| area.walk(here.player, way.path, now_ms))?;
    Ok(Code::OK)
}

/// Goes to an NPC and talks to it.
pub(super) async fn npc_talk(here: Here, target: Target) -> Result<()> {
    Ok(here.host.with(|area, _| area.npc_talk(here.player, target.entity()))?)
}

/// Goes to a target and strikes it until one of the two is dead. The answer says nothing, whatever becomes of it.
pub(super) async fn attack(here: Here, target: Target) -> Result<Nothing> {
    if let Err(refused) = here.host.with(|area, _| area.attack(here.player, target.entity())) {
        tracing::debug!(%refused, player = %here.player, target = target.entity(), "does not attack");
    }
    Ok(Nothing {})
}

/// Uses a skill once, on whoever the player is after.
pub(super) async fn use_skill(here: Here, used: OfSkill) -> Result<()> {
    Ok(here.host.with(|area, now_ms| area.use_skill(here.player, used.skill_id.0, now_ms))?)
}

/// Goes to something on the ground and picks it up.
pub(super) async fn pick_item(here: Here, target: Target) -> Result<Answer> {
    here.host.with(|area, _| area.pick(here.player, target.entity()))?;
    Ok(Answer::default())
}
