//! Blows: whether one can be struck, and what it does. Not here: what follows a deadly one ([`super::death`]), and who strikes again
//! by itself ([`super::mind`]).

use super::events::{Attack, AttackResult, Push};
use super::hate::{STRUCK, hate};
use super::{Area, Refused};
use crate::hero::skills::PLAIN;
use crate::ids::{EntityId, PlayerId};
use crate::rules::combat;

/// What became of a blow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Blow {
    /// It hit, deadly or not.
    Struck,
    /// The target was dead before.
    AlreadyDead,
    /// The target is further away than the skill reaches, in pixels.
    TooFar(f64),
    /// The skill needs more mana than there is.
    NoMana,
    /// The skill was used too short a time ago.
    CoolingDown,
    /// One of the two cannot fight, or does not have the skill.
    Impossible,
}

/// A blow that can be struck.
struct Strike {
    damage: u32,
    mp_use: u32,
    killed: bool,
}

impl Area {
    /// A player attacks: it goes there and strikes until the target is dead or gone, or the player walks. Nothing happens if that is
    /// its target already.
    ///
    /// # Errors
    /// No such living target in sight, oneself, or a team mate. The wire's answer is the same.
    pub fn attack(&mut self, player: PlayerId, target: EntityId) -> Result<(), Refused> {
        let id = self.actor(player)?;
        let found = self.in_sight(id, target)?;
        if target == id || found.is_dead() {
            return Err(Refused::Target);
        }
        if self.are_mates(id, target) {
            return Err(Refused::Team);
        }
        let Some(player) = self.player_mut(id) else { return Err(Refused::Absent) };
        if player.life.target != Some(target) {
            player.life.target = Some(target);
            player.life.chase = None;
            player.life.walk = None;
        }
        Ok(())
    }

    /// A player uses a skill once on its target. Nothing happens out of reach, while the skill cools down or without mana.
    ///
    /// # Errors
    /// The player is not there or dead, or has no target to fight.
    pub fn use_skill(&mut self, player: PlayerId, skill: u32, now_ms: u64) -> Result<(), Refused> {
        let id = self.actor(player)?;
        let target = self.player_mut(id).and_then(|player| player.life.target).ok_or(Refused::Target)?;
        self.strike(id, target, skill, now_ms);
        Ok(())
    }

    /// `attacker` strikes `target` once.
    pub(super) fn strike(&mut self, attacker: EntityId, target: EntityId, skill: u32, now_ms: u64) -> Blow {
        if self.are_mates(attacker, target) {
            return Blow::Impossible;
        }
        let strike = match self.try_strike(attacker, target, skill, now_ms) {
            Ok(strike) => strike,
            Err(blow) => return blow,
        };
        hate(&mut self.entities, target, attacker, STRUCK);
        for id in [attacker, target] {
            self.mark(id, |marks| marks.player = true);
        }
        self.team_info_changed(target);
        let Strike { damage, mp_use, killed } = strike;
        let result = AttackResult { result: if killed { 2 } else { 1 }, damage, mp_use, items: Vec::new() };
        let attack = Attack { attacker, target, result, skill_id: skill, exp: None, revive_time: None };
        if killed {
            self.die(attack, now_ms);
        } else if let Some(at) = self.entities.get(attacker).map(|attacker| attacker.position) {
            self.push_by_sight(at, Push::Attack(attack));
        }
        Blow::Struck
    }

    fn try_strike(
        &mut self,
        attacker: EntityId,
        target: EntityId,
        skill: u32,
        now_ms: u64,
    ) -> Result<Strike, Blow> {
        let row = self.tables.fightskill.get(skill).ok_or(Blow::Impossible)?;
        let (attacker, target) = self.entities.pair_mut(attacker, target).ok_or(Blow::Impossible)?;
        let (stats, defence) = match (attacker.stats(), target.life()) {
            (Some(stats), Some(life)) if stats.hp > 0 => (*stats, life.defence),
            _ => return Err(Blow::Impossible),
        };
        if target.is_dead() {
            return Err(Blow::AlreadyDead);
        }
        let reach = f64::from(row.distance);
        let distance = attacker.position.distance(target.position);
        let skill = attacker.skills_mut().and_then(|skills| skills.get_mut(skill)).ok_or(Blow::Impossible)?;
        if distance > reach {
            return Err(Blow::TooFar(reach));
        }
        if now_ms < skill.ready_at_ms {
            return Err(Blow::CoolingDown);
        }
        if stats.mp < row.mp {
            return Err(Blow::NoMana);
        }
        skill.used(row, stats.attack_speed, now_ms);
        let factor = combat::skill_factor(row.attack_param, row.upgrade_param, skill.level);
        let attack = attacker.life_mut().map_or(0, |life| {
            life.fought_ms = now_ms;
            life.attack
        });
        if let Some(stats) = attacker.stats_mut() {
            stats.mp -= row.mp;
        }
        if let Some(life) = target.life_mut() {
            life.fought_ms = now_ms;
        }
        let stats = target.stats_mut().ok_or(Blow::Impossible)?;
        let damage = combat::damage(attack, defence, factor, self.chance.f64(), stats.hp);
        stats.hp -= damage;
        Ok(Strike { damage, mp_use: row.mp, killed: stats.hp == 0 })
    }

    /// How far the plain blow reaches, in pixels.
    pub(super) fn plain_reach(&self) -> f64 {
        self.tables.fightskill.get(PLAIN).map_or(0.0, |row| f64::from(row.distance))
    }

    /// Whether both are players of one team.
    fn are_mates(&self, one: EntityId, other: EntityId) -> bool {
        let team = |id| Some(self.entities.get(id)?.player()?.team.as_ref()?.id);
        one != other && team(one).is_some_and(|mine| team(other) == Some(mine))
    }
}
