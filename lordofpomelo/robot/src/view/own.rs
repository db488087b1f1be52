//! The player's own figures, bag and tasks. Not here: its figure among the others in the area, which is [`super::View`]'s.

use std::collections::BTreeMap;

use lordofpomelo_world::{
    hero::{self, Worn, tasks::TaskData},
    ids::{EntityId, PlayerId, TaskId},
};
use serde::de::DeserializeOwned;

use super::entity::Track;
use crate::wire;

/// The player as it knows itself.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "fields of the wire, by their names")]
pub struct Own {
    /// Its figure in this area.
    pub entity: EntityId,
    /// The same for life.
    pub id: PlayerId,
    pub name: String,
    pub kind: u32,
    /// The area's row in the table.
    pub area: u32,
    pub level: u32,
    pub hp: u32,
    pub max_hp: u32,
    pub mp: u32,
    pub max_mp: u32,
    pub experience: u64,
    pub next_level_exp: u64,
    /// Without equipment.
    pub attack: u32,
    /// Without equipment.
    pub defence: u32,
    /// Pixels a second.
    pub walk_speed: u32,
    /// Attacks a second.
    pub attack_speed: f64,
    pub hit_rate: u32,
    pub dodge_rate: u32,
    pub skill_points: u32,
    /// 0 for none.
    pub team: u32,
    pub is_captain: bool,
    pub is_dead: bool,
    /// The slots that are not empty.
    pub bag: BTreeMap<u32, hero::Thing>,
    /// How many slots there are.
    pub slots: u32,
    pub worn: Worn,
    /// Level by skill.
    pub skills: BTreeMap<u32, u32>,
    /// Those that are not handed over.
    pub tasks: BTreeMap<TaskId, Task>,
    pub(super) track: Track,
}

/// A task that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "by their names")]
pub struct Task {
    pub name: String,
    pub exp: u32,
    pub is_complete: bool,
    pub done: TaskData,
    /// By kind of monster how many.
    pub condition: BTreeMap<u32, u32>,
}

impl Own {
    /// As `enterScene` tells it; the error names a text within the text that is not JSON.
    pub(super) fn new(told: wire::CurPlayer) -> Result<Self, String> {
        let wire::CurPlayer { figures, bag, equipments, fight_skills, cur_tasks } = told;
        if fight_skills.is_empty() {
            return Err("fightSkills is empty".to_owned());
        }
        if figures.sort != "player" {
            return Err(format!("type of curPlayer is {:?}", figures.sort));
        }
        let items = bag.items.iter().map(|item| (item.key, hero::Thing { id: item.id, sort: item.sort }));
        let tasks = cur_tasks.into_iter().map(|task| {
            let known = Task {
                name: task.name,
                exp: task.exp,
                is_complete: task.task_state == 1,
                done: text(&task.task_data)?,
                condition: text(&task.complete_condition)?,
            };
            Ok((task.id, known))
        });
        let mut own = Self {
            entity: 0,
            id: PlayerId(0),
            name: String::new(),
            kind: 0,
            area: 0,
            level: 0,
            hp: 0,
            max_hp: 0,
            mp: 0,
            max_mp: 0,
            experience: 0,
            next_level_exp: 0,
            attack: 0,
            defence: 0,
            walk_speed: 0,
            attack_speed: 0.0,
            hit_rate: 0,
            dodge_rate: 0,
            skill_points: 0,
            team: 0,
            is_captain: false,
            is_dead: figures.hp == 0,
            bag: items.collect(),
            slots: bag.item_count,
            worn: equipments,
            skills: fight_skills.into_iter().map(|skill| (skill.id, skill.level)).collect(),
            tasks: tasks.collect::<Result<_, String>>()?,
            track: Track::standing(figures.at.into()),
        };
        own.set(figures);
        Ok(own)
    }

    /// Figures as told anew; where it is it knows better itself.
    pub(super) fn set(&mut self, told: wire::Figures) {
        self.entity = told.entity_id;
        self.id = told.id;
        self.name = told.name;
        self.kind = told.kind_id;
        self.area = told.area_id;
        self.level = told.level;
        (self.hp, self.max_hp) = (told.hp, told.max_hp);
        (self.mp, self.max_mp) = (told.mp, told.max_mp);
        (self.experience, self.next_level_exp) = (told.experience, told.next_level_exp);
        (self.attack, self.defence) = (told.attack_value, told.defence_value);
        (self.walk_speed, self.attack_speed) = (told.walk_speed, told.attack_speed);
        (self.hit_rate, self.dodge_rate) = (told.hit_rate, told.dodge_rate);
        self.skill_points = told.skill_point;
        self.team = told.team_id.unwrap_or(self.team);
        self.is_captain = told.is_captain.map_or(self.is_captain, |told| told == 1);
    }

    /// Whether there is no free slot.
    #[must_use]
    pub fn is_bag_full(&self) -> bool {
        self.bag.len() >= self.slots as usize
    }

    /// Puts something into a slot; false if it is not free.
    pub(super) fn put(&mut self, slot: u32, thing: hero::Thing) -> bool {
        let is_free = (1..=self.slots).contains(&slot) && !self.bag.contains_key(&slot);
        self.bag.insert(slot, thing);
        is_free
    }
}

fn text<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| format!("curTasks: {json:?}: {error}"))
}
