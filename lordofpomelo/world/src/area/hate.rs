//! Whom monsters hate: they notice players near them and remember who hit them. Not here: what they do about it ([`super::mind`]).

use super::Area;
use super::entity::{Entities, Entity, Mob};
use crate::ids::EntityId;

/// Points for being near.
const NOTICED: u32 = 1;

/// Points for a blow.
pub(super) const STRUCK: u32 = 6;

/// A monster notices a living player, unless that one has [`super::peace`].
pub(super) fn notice(entities: &mut Entities, mob: EntityId, player: EntityId) {
    let found = entities.get(player).filter(|player| player.is_alive());
    if found.and_then(Entity::player).is_some_and(|player| player.peace_until_ms.is_none()) {
        hate(entities, mob, player, NOTICED);
    }
}

/// Adds points. Whom a monster hates most it goes after; a new target or a new hate stops its walk, the old one does not.
pub(super) fn hate(entities: &mut Entities, mob_id: EntityId, player_id: EntityId, points: u32) {
    let Some((mob, player)) = entities.pair_mut(mob_id, player_id) else { return };
    let (Some(mob), Some(player)) = (mob.mob_mut(), player.player_mut()) else { return };
    match mob.hate.iter_mut().find(|(id, _)| *id == player_id) {
        Some((_, hated)) => *hated = hated.saturating_add(points),
        None => mob.hate.push((player_id, points)),
    }
    if !player.hated_by.contains(&mob_id) {
        player.hated_by.push(mob_id);
    }
    let most = mob.most_hated();
    if !mob.is_awake || mob.life.target != most {
        mob.is_awake = true;
        mob.life.target = most;
        mob.life.chase = None;
        mob.life.walk = None;
    }
}

/// A monster forgets a player; if that was its target, the next most hated becomes it.
pub(super) fn forget(entities: &mut Entities, mob_id: EntityId, player_id: EntityId) {
    if let Some(player) = entities.get_mut(player_id).and_then(|player| player.player_mut()) {
        player.hated_by.retain(|id| *id != mob_id);
    }
    let Some(mob) = entities.get_mut(mob_id).and_then(|mob| mob.mob_mut()) else { return };
    mob.hate.retain(|(id, _)| *id != player_id);
    if mob.life.target == Some(player_id) {
        mob.life.target = mob.most_hated();
        mob.life.chase = None;
    }
}

impl Mob {
    /// The one with most points; of several the one that came first into the area.
    fn most_hated(&self) -> Option<EntityId> {
        self.hate.iter().max_by_key(|(id, points)| (*points, std::cmp::Reverse(*id))).map(|(id, _)| *id)
    }
}

impl Area {
    /// All monsters forget a player who died or left.
    pub(super) fn forget_player(&mut self, id: EntityId) {
        let hated_by = self.player_mut(id).map(|player| std::mem::take(&mut player.hated_by));
        for mob in hated_by.unwrap_or_default() {
            forget(&mut self.entities, mob, id);
        }
    }

    /// All players are free of a monster that died.
    pub(super) fn forget_mob(&mut self, id: EntityId) {
        let hate = self.entities.get_mut(id).and_then(|mob| Some(std::mem::take(&mut mob.mob_mut()?.hate)));
        for (player, _) in hate.unwrap_or_default() {
            if let Some(player) = self.player_mut(player) {
                player.hated_by.retain(|mob| *mob != id);
            }
        }
    }
}
