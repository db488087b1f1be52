//! What is shown of the things in an area: the entries of the messages, whole numbers and the wire's names. Not here: who sees
//! what ([`super::sight`]).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entity::{Body, Entity, Player};
use crate::data::Tables;
use crate::geometry::Point;
use crate::hero::{Hero, Sort};
use crate::ids::{EntityId, PlayerId};
use crate::rules::growth;

/// A point in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "pixels to the right and downwards")]
pub struct Spot {
    pub x: u32,
    pub y: u32,
}

impl From<Point> for Spot {
    fn from(point: Point) -> Self {
        Self { x: point.x as u32, y: point.y as u32 }
    }
}

impl From<Spot> for Point {
    fn from(spot: Spot) -> Self {
        Self::new(f64::from(spot.x), f64::from(spot.y))
    }
}

/// Things in an area by type, as `onAddEntities` and `enterScene` list them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "by type")]
pub struct Views {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub npc: Vec<NpcView>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mob: Vec<MobView>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub item: Vec<ThingView>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equipment: Vec<ThingView>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub player: Vec<PlayerView>,
}

/// An NPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire")]
pub struct NpcView {
    pub entity_id: EntityId,
    pub kind_id: u32,
    #[serde(flatten)]
    pub at: Spot,
}

/// A monster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire")]
pub struct MobView {
    pub entity_id: EntityId,
    pub kind_id: u32,
    #[serde(flatten)]
    pub at: Spot,
    pub level: u32,
    pub walk_speed: u32,
    pub hp: u32,
    pub max_hp: u32,
}

/// A thing on the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire; the player is who made it fall, 0 for nobody")]
pub struct ThingView {
    pub entity_id: EntityId,
    pub kind_id: u32,
    #[serde(flatten)]
    pub at: Spot,
    pub player_id: PlayerId,
    #[serde(rename = "type")]
    pub sort: Sort,
}

/// A player as others see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire; team 0 for none, captain 1 or 0")]
pub struct PlayerView {
    pub entity_id: EntityId,
    pub kind_id: u32,
    #[serde(flatten)]
    pub at: Spot,
    pub level: u32,
    pub walk_speed: u32,
    pub hp: u32,
    pub max_hp: u32,
    pub mp: u32,
    pub max_mp: u32,
    pub id: PlayerId,
    pub name: Arc<str>,
    pub team_id: u32,
    pub is_captain: u8,
}

/// A player as it sees itself, without bag, equipment, skills and tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields of the wire; attack and defence without equipment")]
pub struct OwnView {
    #[serde(flatten)]
    pub shown: PlayerView,
    pub kind_name: String,
    pub area_id: u32,
    pub experience: u64,
    pub attack_value: u32,
    pub defence_value: u32,
    pub attack_speed: f64,
    pub hit_rate: u32,
    pub dodge_rate: u32,
    pub next_level_exp: u64,
    pub skill_point: u32,
}

impl Views {
    /// Adds what is shown of `entity`.
    pub(super) fn push(&mut self, entity: &Entity) {
        let (entity_id, kind_id, at) = (entity.id, entity.kind_id, Spot::from(entity.position));
        match &entity.body {
            Body::Npc => self.npc.push(NpcView { entity_id, kind_id, at }),
            Body::Mob(mob) => self.mob.push(MobView {
                entity_id,
                kind_id,
                at,
                level: mob.stats.level,
                walk_speed: mob.stats.walk_speed,
                hp: mob.stats.hp,
                max_hp: mob.stats.max_hp,
            }),
            Body::Thing(thing) => {
                let view = ThingView { entity_id, kind_id, at, player_id: thing.owner, sort: thing.sort };
                match thing.sort {
                    Sort::Item => self.item.push(view),
                    Sort::Equipment => self.equipment.push(view),
                }
            }
            Body::Player(player) => self.player.push(player.view(entity)),
        }
    }

    /// Whether nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids().next().is_none()
    }

    /// The ids of all that is listed.
    pub fn ids(&self) -> impl Iterator<Item = EntityId> {
        let npcs = self.npc.iter().map(|view| view.entity_id);
        let mobs = self.mob.iter().map(|view| view.entity_id);
        let things = self.item.iter().chain(&self.equipment).map(|view| view.entity_id);
        npcs.chain(mobs).chain(things).chain(self.player.iter().map(|view| view.entity_id))
    }
}

impl Player {
    pub(super) fn view(&self, entity: &Entity) -> PlayerView {
        PlayerView {
            entity_id: entity.id,
            at: entity.position.into(),
            team_id: self.team.as_ref().map_or(0, |team| team.id.0),
            is_captain: self.team.as_ref().is_some_and(|team| team.is_captain).into(),
            ..PlayerView::of(&self.hero)
        }
    }

    pub(super) fn own_view(&self, entity: &Entity, tables: &Tables) -> OwnView {
        OwnView { shown: self.view(entity), ..OwnView::of(&self.hero, tables) }
    }
}

impl PlayerView {
    /// Of a hero that is in no area: its entity is 0, and it has no team.
    fn of(hero: &Hero) -> Self {
        let stats = &hero.stats;
        Self {
            entity_id: 0,
            kind_id: hero.kind_id,
            at: hero.position.into(),
            level: stats.level,
            walk_speed: stats.walk_speed,
            hp: stats.hp,
            max_hp: stats.max_hp,
            mp: stats.mp,
            max_mp: stats.max_mp,
            id: hero.id,
            name: hero.name.clone(),
            team_id: 0,
            is_captain: 0,
        }
    }
}

impl OwnView {
    /// Of a hero that is in no area: its entity is 0, and it has no team.
    #[must_use]
    pub fn of(hero: &Hero, tables: &Tables) -> Self {
        Self {
            shown: PlayerView::of(hero),
            kind_name: tables
                .character
                .get(hero.kind_id)
                .map_or_else(String::new, |k| k.english_name.clone()),
            area_id: hero.area_id,
            experience: hero.experience,
            attack_value: hero.stats.attack_value,
            defence_value: hero.stats.defence_value,
            attack_speed: hero.stats.attack_speed,
            hit_rate: hero.hit_rate,
            dodge_rate: hero.dodge_rate,
            next_level_exp: growth::need(hero.stats.level),
            skill_point: hero.skill_point,
        }
    }
}
