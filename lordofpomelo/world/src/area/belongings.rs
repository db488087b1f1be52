//! What a player does with its bag, equipment and skills: the rules are the hero's ([`crate::hero`]), here is what follows for the area.

use super::entity::Player;
use super::events::{HpMp, Push};
use super::{Area, Refused};
use crate::data::Place;
use crate::hero::{Skill, WornError};
use crate::ids::{EntityId, PlayerId};

/// Hit points grow back from so long after the last blow.
const REGENERATION_WAIT_MS: u64 = 10_000;

/// So often a player is told of hit points that grow back.
const REGENERATION_SHOWN_MS: u64 = 1000;

impl Area {
    /// Uses the item in a slot up. `false` if there is none.
    ///
    /// # Errors
    /// The player is not there or dead; so for all of this file.
    pub fn use_item(&mut self, player: PlayerId, slot: u32) -> Result<bool, Refused> {
        let id = self.actor(player)?;
        let (tables, check_level) = (self.tables.clone(), self.rules.item_levels);
        let used = self.player_mut(id).is_some_and(|player| player.hero.use_item(&tables, slot, check_level));
        if used {
            self.mark(id, |marks| (marks.bag, marks.player) = (true, true));
            self.team_info_changed(id);
        }
        Ok(used)
    }

    /// Destroys what lies in a slot. `false` if it is empty.
    ///
    /// # Errors
    /// As [`Area::use_item`].
    pub fn drop_item(&mut self, player: PlayerId, slot: u32) -> Result<bool, Refused> {
        let id = self.actor(player)?;
        let dropped = self.player_mut(id).and_then(|player| player.hero.bag.take(slot)).is_some();
        if dropped {
            self.mark(id, |marks| marks.bag = true);
        }
        Ok(dropped)
    }

    /// Puts on what lies in a slot; returns the slot of what was worn before.
    ///
    /// # Errors
    /// As [`Area::use_item`], or [`Refused::Worn`].
    pub fn equip(&mut self, player: PlayerId, slot: u32) -> Result<Option<u32>, Refused> {
        let tables = self.tables.clone();
        self.change_equipment(player, |player| player.hero.equip(&tables, slot))
    }

    /// Takes off what is worn, into the bag or into nothing; returns its slot.
    ///
    /// # Errors
    /// As [`Area::use_item`], or [`Refused::Worn`].
    pub fn unequip(
        &mut self,
        player: PlayerId,
        place: Place,
        put_in_bag: bool,
    ) -> Result<Option<u32>, Refused> {
        self.change_equipment(player, |player| player.hero.unequip(place, put_in_bag))
    }

    /// Learns a skill; to be stored at once. `None` if it cannot be learnt.
    ///
    /// # Errors
    /// As [`Area::use_item`].
    pub fn learn_skill(&mut self, player: PlayerId, skill: u32) -> Result<Option<Skill>, Refused> {
        let (id, tables) = (self.actor(player)?, self.tables.clone());
        let learnt = self.player_mut(id).and_then(|player| player.hero.learn(&tables, skill));
        if learnt.is_some() {
            self.mark(id, |marks| marks.skills = true);
        }
        Ok(learnt)
    }

    /// Raises a skill by a level; to be stored at once. `false` if it cannot be raised.
    ///
    /// # Errors
    /// As [`Area::use_item`].
    pub fn upgrade_skill(&mut self, player: PlayerId, skill: u32) -> Result<bool, Refused> {
        let (id, tables) = (self.actor(player)?, self.tables.clone());
        let upgraded = self.player_mut(id).is_some_and(|player| player.hero.upgrade(&tables, skill));
        if upgraded {
            self.mark(id, |marks| (marks.player, marks.skills) = (true, true));
        }
        Ok(upgraded)
    }

    fn change_equipment(
        &mut self,
        player: PlayerId,
        change: impl FnOnce(&mut Player) -> Result<Option<u32>, WornError>,
    ) -> Result<Option<u32>, Refused> {
        let id = self.actor(player)?;
        let Some(player) = self.player_mut(id) else { return Err(Refused::Absent) };
        let slot = change(player)?;
        self.refresh_totals(id);
        self.mark(id, |marks| (marks.bag, marks.equipment) = (true, true));
        Ok(slot)
    }

    /// Attack and defence after a change of level or equipment.
    pub(super) fn refresh_totals(&mut self, id: EntityId) {
        let tables = self.tables.clone();
        if let Some(player) = self.player_mut(id) {
            (player.life.attack, player.life.defence) = player.hero.totals(&tables);
        }
    }

    /// Hit points of those who have not fought for a while grow by a hundredth of their maximum.
    pub(super) fn tick_regeneration(&mut self, now_ms: u64) {
        for n in 0..self.entities.players.len() {
            let id = self.entities.players[n];
            let Some(player) = self.player_mut(id) else { continue };
            let stats = &mut player.hero.stats;
            let rests = now_ms.saturating_sub(player.life.fought_ms) >= REGENERATION_WAIT_MS;
            if !rests || stats.hp == 0 || stats.hp >= stats.max_hp {
                continue;
            }
            stats.hp = (stats.hp + (stats.max_hp / 100).max(1)).min(stats.max_hp);
            let push = Push::HpMp(HpMp { entity_id: id, hp: stats.hp, mp: stats.mp });
            let is_shown = stats.hp == stats.max_hp
                || now_ms.saturating_sub(player.regeneration_shown_ms) >= REGENERATION_SHOWN_MS;
            if is_shown {
                player.regeneration_shown_ms = now_ms;
                self.push(id, push);
            }
            self.mark(id, |marks| marks.player = true);
            self.team_info_changed(id);
        }
    }
}
