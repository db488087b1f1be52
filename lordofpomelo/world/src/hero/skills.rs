//! The skills a hero has and when they can be used again. Not here: what a blow does ([`crate::rules::combat`]).

use serde::{Deserialize, Serialize};

use super::Hero;
use crate::data::{FightSkill, Tables};

/// The skill everybody has: the plain blow.
pub const PLAIN: u32 = 1;

/// The player must have risen so many levels for each level of a skill.
const LEVELS_EACH: u32 = 5;

/// A skill of somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Its row in the skill table.
    pub id: u32,
    /// From 1.
    pub level: u32,
    /// Until then it cannot be used again. Not stored.
    #[serde(skip)]
    pub ready_at_ms: u64,
}

/// The skills of somebody, in the order they were learnt; never empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Skill>", into = "Vec<Skill>")]
pub struct Skills(Vec<Skill>);

impl Default for Skills {
    /// The plain blow at level 1.
    fn default() -> Self {
        Self(vec![Skill::new(PLAIN)])
    }
}

impl From<Vec<Skill>> for Skills {
    /// Adds the plain blow where it is missing: clients rely on it.
    fn from(mut skills: Vec<Skill>) -> Self {
        if !skills.iter().any(|skill| skill.id == PLAIN) {
            skills.insert(0, Skill::new(PLAIN));
        }
        Self(skills)
    }
}

impl From<Skills> for Vec<Skill> {
    fn from(skills: Skills) -> Self {
        skills.0
    }
}

impl Skill {
    fn new(id: u32) -> Self {
        Self { id, level: 1, ready_at_ms: 0 }
    }

    /// Starts the cooldown of a use at `now_ms`: the plain blow's shrinks with the attack speed, the others' do not.
    pub fn used(&mut self, row: &FightSkill, attack_speed: f64, now_ms: u64) {
        let seconds = if row.id == PLAIN { row.cooltime / attack_speed } else { row.cooltime };
        let ms = (seconds * 1000.0) as u64;
        self.ready_at_ms = now_ms.saturating_add(ms);
    }
}

impl Skills {
    /// The skill, if it is known.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&Skill> {
        self.0.iter().find(|skill| skill.id == id)
    }

    /// The skill, if it is known.
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Skill> {
        self.0.iter_mut().find(|skill| skill.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Skill> {
        self.0.iter()
    }
}

impl Hero {
    /// Learns a skill at level 1; `None` if there is no such skill, it is known, or the hero's level is too low. Costs nothing.
    pub fn learn(&mut self, tables: &Tables, id: u32) -> Option<Skill> {
        let row = tables.fightskill.get(id)?;
        if self.skills.get(id).is_some() || self.stats.level < row.player_level {
            return None;
        }
        let skill = Skill::new(id);
        self.skills.0.push(skill.clone());
        Some(skill)
    }

    /// Raises a known skill by a level for one skill point. `false`, and nothing happens, without a point or if the hero's level is
    /// too low: five levels above the skill's own for each level of it.
    pub fn upgrade(&mut self, tables: &Tables, id: u32) -> bool {
        let Some(row) = tables.fightskill.get(id) else { return false };
        let Some(skill) = self.skills.get_mut(id) else { return false };
        if self.skill_point == 0 || self.stats.level < row.player_level + LEVELS_EACH * skill.level {
            return false;
        }
        skill.level += 1;
        self.skill_point -= 1;
        true
    }
}
