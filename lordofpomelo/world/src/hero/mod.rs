//! A player's hero as it is stored: figures, bag, equipment, skills, tasks, and the rules that need nobody else. Not here: where it
//! walks and whom it fights ([`crate::area`]), and the account it belongs to, which is the server's.

pub mod bag;
pub mod skills;
pub mod tasks;
pub mod worn;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Character, Tables};
use crate::geometry::Point;
use crate::ids::PlayerId;
use crate::rules::growth;

pub use bag::{Bag, Sort, Thing};
pub use skills::{Skill, Skills};
pub use tasks::{HeroTask, TaskState, Tasks};
pub use worn::{Worn, WornError};

/// The kinds of character that players can choose.
pub const PLAYABLE: [u32; 2] = [210, 211];

/// The figures of somebody who fights, hero or monster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// From 1 to [`growth::LEVEL_MAX`].
    pub level: u32,
    /// Hit points; nobody with 0 acts.
    pub hp: u32,
    /// Hit points when well.
    pub max_hp: u32,
    /// Mana.
    pub mp: u32,
    /// Mana when rested.
    pub max_mp: u32,
    /// Attack without equipment.
    pub attack_value: u32,
    /// Defence without equipment.
    pub defence_value: u32,
    /// Pixels a second.
    pub walk_speed: u32,
    /// Blows a second.
    pub attack_speed: f64,
}

/// A hero as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hero {
    /// Its number for life.
    pub id: PlayerId,
    /// Unique among all players.
    pub name: Arc<str>,
    /// The character it is: one of [`PLAYABLE`].
    pub kind_id: u32,
    /// The scene it is in, or returns to from an instance; never an instance.
    pub area_id: u32,
    /// Where it stands.
    #[serde(flatten)]
    pub position: Point,
    /// Its figures.
    #[serde(flatten)]
    pub stats: Stats,
    /// Experience within the level.
    pub experience: u64,
    /// Levels of skills it may still raise.
    pub skill_point: u32,
    /// Carried along, without effect.
    pub hit_rate: u32,
    /// Carried along, without effect.
    pub dodge_rate: u32,
    /// What it carries.
    pub bag: Bag,
    /// What it wears.
    pub equipments: Worn,
    /// What it can do; skill 1 always.
    pub skills: Skills,
    /// What it was asked to do.
    pub tasks: Tasks,
    /// Each server that takes the hero over begins a new term; what is to be stored of an earlier one comes too late.
    pub term: u32,
}

impl Hero {
    /// A new hero of level 1 at `position` in area 1; `None` if `kind_id` is none that can be played.
    #[must_use]
    pub fn new(tables: &Tables, id: PlayerId, name: &str, kind_id: u32, position: Point) -> Option<Self> {
        let kind = PLAYABLE.contains(&kind_id).then(|| tables.character.get(kind_id))??;
        Some(Self {
            id,
            name: name.into(),
            kind_id,
            area_id: 1,
            position,
            stats: Stats {
                level: 1,
                hp: kind.hp,
                max_hp: kind.hp,
                mp: kind.mp,
                max_mp: kind.mp,
                attack_value: kind.attack_value,
                defence_value: kind.defence_value,
                walk_speed: kind.walk_speed,
                attack_speed: kind.attack_speed,
            },
            experience: 0,
            skill_point: 1,
            hit_rate: kind.hit_rate,
            dodge_rate: kind.dodge_rate,
            bag: Bag::default(),
            equipments: Worn::default(),
            skills: Skills::default(),
            tasks: Tasks::default(),
            term: 0,
        })
    }

    /// Adds experience; returns whether the hero rose a level. Each level heals, strengthens and gives a skill point.
    pub fn gain(&mut self, tables: &Tables, experience: u64) -> bool {
        let risen = growth::rise(self.stats.level, self.experience, experience);
        self.experience = risen.experience;
        if risen.levels == 0 {
            return false;
        }
        if let Some(kind) = tables.character.get(self.kind_id) {
            self.stats.grow(kind, risen.levels);
        }
        self.stats.level = risen.level;
        self.skill_point += risen.levels;
        true
    }

    /// Attack and defence with all that is worn.
    #[must_use]
    pub fn totals(&self, tables: &Tables) -> (u32, u32) {
        let (attack, defence) = self.equipments.bonus(tables);
        (self.stats.attack_value + attack, self.stats.defence_value + defence)
    }

    /// Eats or drinks the item in a slot of the bag. `false`, and nothing happens, if there is no item, or (with `check_level`)
    /// the hero's level is too low for it.
    pub fn use_item(&mut self, tables: &Tables, slot: u32, check_level: bool) -> bool {
        let item = self.bag.get(slot).filter(|thing| thing.sort == Sort::Item);
        let Some(item) = item.and_then(|thing| tables.item.get(thing.id)) else { return false };
        if check_level && self.stats.level < item.hero_level {
            return false;
        }
        self.bag.take(slot);
        self.stats.hp = self.stats.hp.saturating_add(item.hp).min(self.stats.max_hp);
        self.stats.mp = self.stats.mp.saturating_add(item.mp).min(self.stats.max_mp);
        true
    }
}

impl Stats {
    fn grow(&mut self, kind: &Character, levels: u32) {
        let grown = |base| growth::level_step(base, kind.upgrade_param) * levels;
        self.max_hp += grown(kind.hp);
        self.max_mp += grown(kind.mp);
        self.attack_value += grown(kind.attack_value);
        self.defence_value += grown(kind.defence_value);
        self.hp = self.max_hp;
        self.mp = self.max_mp;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Place;
    use crate::ids::TaskId;

    fn tables() -> Tables {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../game-server/config/data");
        Tables::load(std::path::Path::new(dir)).unwrap()
    }

    #[test]
    fn only_the_two_heroes_can_be_played() {
        let tables = tables();
        let playable = |kind| Hero::new(&tables, PlayerId(1), "p", kind, Point::default()).is_some();
        let kinds: Vec<u32> = (0..400).filter(|kind| playable(*kind)).collect();
        assert_eq!(kinds, [210, 211], "D-9: the original let monsters be played");
    }

    #[test]
    fn a_hero_survives_being_stored_but_for_its_cooldowns() {
        let tables = tables();
        let mut hero = Hero::new(&tables, PlayerId(7), "小龙女", 211, Point::new(400.0, 150.0)).unwrap();
        hero.gain(&tables, 200_000);
        hero.bag.put(Thing { id: 1, sort: Sort::Equipment });
        hero.bag.put(Thing { id: 2, sort: Sort::Item });
        hero.equip(&tables, 1).unwrap();
        hero.learn(&tables, 2).unwrap();
        hero.start_task(&tables, 1, TaskId(9)).unwrap();
        let text = serde_json::to_string(&hero).unwrap();
        assert_eq!(serde_json::from_str::<Hero>(&text).unwrap(), hero, "{text}");
        assert_eq!(hero.equipments.at(Place::Weapon), Some(1));

        let used = hero.skills.get_mut(2).unwrap();
        used.used(tables.fightskill.get(2).unwrap(), 1.2, 1000);
        assert_eq!(used.ready_at_ms, 6000);
        let stored: Hero = serde_json::from_str(&serde_json::to_string(&hero).unwrap()).unwrap();
        assert_eq!(stored.skills.get(2).unwrap().ready_at_ms, 0);
    }

    #[test]
    fn a_hero_without_skills_gets_the_plain_blow() {
        let skills: Skills = serde_json::from_str("[]").unwrap();
        assert!(skills.get(skills::PLAIN).is_some());
        let skills: Skills = serde_json::from_str(r#"[{"id":3,"level":2}]"#).unwrap();
        assert_eq!(skills.iter().map(|skill| (skill.id, skill.level)).collect::<Vec<_>>(), [(1, 1), (3, 2)]);
    }
}
