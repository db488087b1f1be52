//! The things in an area and what the area keeps of each. Not here: what they do.

use std::collections::{HashMap, VecDeque};

use rustc_hash::FxHashMap;

use super::limits::Limits;
use super::patrol::Patrol;
use super::team::{Membership, Offer};
use super::walk::Walk;
use crate::aoi::EntityKind;
use crate::geometry::Point;
use crate::hero::{Hero, Skills, Sort, Stats};
use crate::ids::{EntityId, PlayerId, TeamId};

/// Anything in an area.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) id: EntityId,
    /// Row of the character, NPC, item or equipment table.
    pub(super) kind_id: u32,
    /// In whole pixels; who walks is up to a pixel further ([`Walk`]).
    pub(super) position: Point,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Npc,
    Thing(Thing),
    Mob(Box<Mob>),
    Player(Box<Player>),
}

/// What heroes and monsters have in common.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Attack and defence with equipment.
    pub(super) attack: u32,
    pub(super) defence: u32,
    /// What it is after: to fight, to pick up, to talk to.
    pub(super) target: Option<EntityId>,
    pub(super) chase: Option<Chase>,
    /// When a way around something was last searched for it, whatever its target was.
    pub(super) searched_ms: Option<u64>,
    pub(super) walk: Option<Walk>,
    /// Whether it is in the area's list of walkers.
    pub(super) is_listed: bool,
    /// When it last dealt or took damage.
    pub(super) fought_ms: u64,
}

/// A way to a target that was planned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chase {
    pub(super) target: EntityId,
    /// Where the target stood when the way was planned.
    pub(super) aimed_at: Point,
    pub(super) planned_ms: u64,
}

#[derive(Debug)]
pub(super) struct Player {
    pub(super) life: Life,
    pub(super) hero: Hero,
    /// How far it sees, in towers.
    pub(super) range: u32,
    pub(super) team: Option<Membership>,
    /// Invitations and applications it has not answered, or that have not been answered.
    pub(super) offers: Vec<Offer>,
    /// Monsters that hate it: they forget it when it dies or leaves.
    pub(super) hated_by: Vec<EntityId>,
    pub(super) revive_at_ms: Option<u64>,
    /// Until when monsters do not notice it, if it goes on doing nothing.
    pub(super) peace_until_ms: Option<u64>,
    pub(super) limits: Limits,
    pub(super) unsaved: Marks,
    /// Whether team mates are to be told of its figures, and when they were last.
    pub(super) team_info_due: bool,
    pub(super) team_info_sent_ms: Option<u64>,
    /// When its own figures were last shown to it while they grew back.
    pub(super) regeneration_shown_ms: u64,
}

#[derive(Debug)]
pub(super) struct Mob {
    pub(super) life: Life,
    pub(super) stats: Stats,
    pub(super) skills: Skills,
    /// The zone it belongs to.
    pub(super) zone: usize,
    /// Where it appeared; it does not go far from there.
    pub(super) home: Point,
    /// Points of hate, by player.
    pub(super) hate: Vec<(EntityId, u32)>,
    /// Whether it is after somebody; else it patrols.
    pub(super) is_awake: bool,
    pub(super) patrol: Patrol,
}

/// A thing on the ground.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thing {
    pub(super) sort: Sort,
    /// The killer; 0 for nobody.
    pub(super) owner: PlayerId,
    pub(super) owner_team: Option<TeamId>,
    /// From then on everybody may have it.
    pub(super) free_at_ms: u64,
}

/// What of a hero changed since it was last stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// Position, figures, experience.
    pub player: bool,
    /// What it carries.
    pub bag: bool,
    /// What it wears.
    pub equipment: bool,
    /// What it can do.
    pub skills: bool,
    /// What it was asked to do.
    pub tasks: bool,
}

impl Marks {
    pub(super) const ALL: Self = Self { player: true, bag: true, equipment: true, skills: true, tasks: true };

    pub(super) fn any(self) -> bool {
        self != Self::default()
    }
}

impl Entity {
    pub(super) fn kind(&self) -> EntityKind {
        match &self.body {
            Body::Npc => EntityKind::Npc,
            Body::Mob(_) => EntityKind::Mob,
            Body::Player(_) => EntityKind::Player,
            Body::Thing(thing) => match thing.sort {
                Sort::Item => EntityKind::Item,
                Sort::Equipment => EntityKind::Equipment,
            },
        }
    }

    pub(super) fn life(&self) -> Option<&Life> {
        match &self.body {
            Body::Mob(mob) => Some(&mob.life),
            Body::Player(player) => Some(&player.life),
            Body::Npc | Body::Thing(_) => None,
        }
    }

    pub(super) fn life_mut(&mut self) -> Option<&mut Life> {
        match &mut self.body {
            Body::Mob(mob) => Some(&mut mob.life),
            Body::Player(player) => Some(&mut player.life),
            Body::Npc | Body::Thing(_) => None,
        }
    }

    /// The figures of who can fight.
    pub(super) fn stats(&self) -> Option<&Stats> {
        match &self.body {
            Body::Mob(mob) => Some(&mob.stats),
            Body::Player(player) => Some(&player.hero.stats),
            Body::Npc | Body::Thing(_) => None,
        }
    }

    pub(super) fn stats_mut(&mut self) -> Option<&mut Stats> {
        match &mut self.body {
            Body::Mob(mob) => Some(&mut mob.stats),
            Body::Player(player) => Some(&mut player.hero.stats),
            Body::Npc | Body::Thing(_) => None,
        }
    }

    pub(super) fn skills_mut(&mut self) -> Option<&mut Skills> {
        match &mut self.body {
            Body::Mob(mob) => Some(&mut mob.skills),
            Body::Player(player) => Some(&mut player.hero.skills),
            Body::Npc | Body::Thing(_) => None,
        }
    }

    pub(super) fn player(&self) -> Option<&Player> {
        if let Body::Player(player) = &self.body { Some(player) } else { None }
    }

    pub(super) fn player_mut(&mut self) -> Option<&mut Player> {
        if let Body::Player(player) = &mut self.body { Some(player) } else { None }
    }

    pub(super) fn mob(&self) -> Option<&Mob> {
        if let Body::Mob(mob) = &self.body { Some(mob) } else { None }
    }

    pub(super) fn mob_mut(&mut self) -> Option<&mut Mob> {
        if let Body::Mob(mob) = &mut self.body { Some(mob) } else { None }
    }

    /// Whether it can fight and is not dead.
    pub(super) fn is_alive(&self) -> bool {
        self.stats().is_some_and(|stats| stats.hp > 0)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.stats().is_some_and(|stats| stats.hp == 0)
    }
}

/// All entities of an area, by id, with lists of those that are looked after in each tick.
#[derive(Debug, Default)]
pub(super) struct Entities {
    by_id: FxHashMap<EntityId, Entity>,
    last_id: EntityId,
    /// In the order they came.
    pub(super) players: Vec<EntityId>,
    pub(super) mobs: Vec<EntityId>,
    pub(super) npcs: Vec<EntityId>,
    /// Things on the ground with the time they vanish, the next first. Some may be gone already.
    pub(super) things: VecDeque<(u64, EntityId)>,
    by_player: HashMap<PlayerId, EntityId>,
}

impl Entities {
    /// Adds an entity under a new id.
    pub(super) fn add(&mut self, kind_id: u32, position: Point, body: Body) -> EntityId {
        self.last_id += 1;
        let id = self.last_id;
        match &body {
            Body::Npc => self.npcs.push(id),
            Body::Mob(_) => self.mobs.push(id),
            Body::Player(player) => {
                self.players.push(id);
                self.by_player.insert(player.hero.id, id);
            }
            Body::Thing(_) => {}
        }
        self.by_id.insert(id, Entity { id, kind_id, position, body });
        id
    }

    pub(super) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        let entity = self.by_id.remove(&id)?;
        match &entity.body {
            Body::Npc => self.npcs.retain(|npc| *npc != id),
            Body::Mob(_) => self.mobs.retain(|mob| *mob != id),
            Body::Player(player) => {
                self.players.retain(|player| *player != id);
                self.by_player.remove(&player.hero.id);
            }
            Body::Thing(_) => {}
        }
        Some(entity)
    }

    pub(super) fn get(&self, id: EntityId) -> Option<&Entity> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: EntityId) -> Option<&mut Entity> {
        self.by_id.get_mut(&id)
    }

    /// Two different ones at once.
    pub(super) fn pair_mut(&mut self, one: EntityId, other: EntityId) -> Option<(&mut Entity, &mut Entity)> {
        if one == other {
            return None;
        }
        let [one, other] = self.by_id.get_disjoint_mut([&one, &other]);
        one.zip(other)
    }

    pub(super) fn of_player(&self, player: PlayerId) -> Option<EntityId> {
        self.by_player.get(&player).copied()
    }

    pub(super) fn player(&self, player: PlayerId) -> Option<(&Entity, &Player)> {
        let entity = self.get(self.of_player(player)?)?;
        Some((entity, entity.player()?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entity> {
        self.by_id.values()
    }
}
