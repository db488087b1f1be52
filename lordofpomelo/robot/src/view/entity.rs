//! What is known of one thing in the area. Not here: how it came to be known.

use lordofpomelo_world::{
    Point,
    area::Spot,
    ids::{EntityId, PlayerId},
};

use crate::wire;

/// What a thing in an area is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "by their names")]
pub enum Sort {
    Npc,
    Mob,
    Player,
    Item,
    Equipment,
}

/// A thing in the area, as far as its pushes tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its number here.
    pub id: EntityId,
    /// What it is.
    pub sort: Sort,
    /// The row of the table of its sort.
    pub kind: u32,
    /// Monsters and players; 0 else.
    pub level: u32,
    /// Monsters and players; 0 else.
    pub hp: u32,
    /// Monsters and players; 0 else.
    pub max_hp: u32,
    /// Pixels a second; monsters and players.
    pub walk_speed: u32,
    /// If it is a player.
    pub player: Option<Who>,
    /// For things on the ground: who made it fall, 0 for nobody.
    pub owner: PlayerId,
    /// Lies dead. Dead monsters are forgotten at once, dead players stay.
    pub is_dead: bool,
    pub(super) track: Track,
}

/// Which player an entity is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The same for life.
    pub id: PlayerId,
    /// Unique.
    pub name: String,
    /// 0 for none.
    pub team: u32,
    /// Of that team.
    pub is_captain: bool,
}

/// Where something is, or walks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    /// One point for whoever stands.
    path: Vec<Point>,
    /// Pixels a second.
    speed: u32,
    began_ms: u64,
    /// What the server says of where it is counts, however small the difference.
    pub(super) is_doubtful: bool,
}

impl Track {
    pub(super) fn standing(at: Point) -> Self {
        Self { path: vec![at], speed: 0, began_ms: 0, is_doubtful: false }
    }

    /// Here, as far as the player knows: the server did not let it go from here.
    pub(super) fn doubtful(at: Point) -> Self {
        Self { is_doubtful: true, ..Self::standing(at) }
    }

    /// Along points, at least one.
    pub(super) fn walking(path: Vec<Point>, speed: u32, now_ms: u64) -> Self {
        Self { path, speed, began_ms: now_ms, is_doubtful: false }
    }

    pub(super) fn at(&self, now_ms: u64) -> Point {
        let &[mut at, ref rest @ ..] = self.path.as_slice() else { return Point::default() };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one walk")]
        let mut left = now_ms.saturating_sub(self.began_ms) as f64 * f64::from(self.speed) / 1000.0;
        for to in rest {
            let distance = at.distance(*to);
            if distance > left {
                let share = left / distance;
                return Point::new(at.x + (to.x - at.x) * share, at.y + (to.y - at.y) * share);
            }
            left -= distance;
            at = *to;
        }
        at
    }

    /// When it is at its end.
    pub(super) fn ends_ms(&self) -> u64 {
        let length: f64 = self.path.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
        let takes_s = length / f64::from(self.speed.max(1));
        self.began_ms.saturating_add((takes_s * 1000.0).ceil() as u64)
    }

    pub(super) fn is_walking(&self, now_ms: u64) -> bool {
        self.path.last().is_some_and(|end| self.at(now_ms) != *end)
    }

    pub(super) fn stop(&mut self, now_ms: u64) {
        // Whoever fights in a crowd hears of hundreds of blows a second, and hardly one of those who strike walks.
        if self.path.len() > 1 {
            *self = Self::standing(self.at(now_ms));
        }
    }
}

impl Entity {
    /// Where it is, in pixels: along its way if it walks. That of others is only as good as what was told: a walk that began out of
    /// sight is not known.
    #[must_use]
    pub fn position(&self, now_ms: u64) -> Point {
        self.track.at(now_ms)
    }

    /// Whether it walks, as far as it is known.
    #[must_use]
    pub fn is_walking(&self, now_ms: u64) -> bool {
        self.track.is_walking(now_ms)
    }

    /// Whether it is a living monster or player.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.sort, Sort::Mob | Sort::Player) && !self.is_dead
    }

    /// Whether it can be picked up.
    #[must_use]
    pub fn is_thing(&self) -> bool {
        matches!(self.sort, Sort::Item | Sort::Equipment)
    }

    fn new(id: EntityId, sort: Sort, kind: u32, at: Point) -> Self {
        Self {
            id,
            sort,
            kind,
            level: 0,
            hp: 0,
            max_hp: 0,
            walk_speed: 0,
            player: None,
            owner: PlayerId(0),
            is_dead: false,
            track: Track::standing(at),
        }
    }
}

fn at(x: u32, y: u32) -> Point {
    Spot { x, y }.into()
}

impl wire::Added {
    pub(super) fn into_entities(self) -> impl Iterator<Item = Entity> {
        let thing = |sort| {
            move |thing: wire::Thing| Entity {
                owner: thing.player_id,
                ..Entity::new(thing.entity_id, sort, thing.kind_id, at(thing.x, thing.y))
            }
        };
        let npcs = self
            .npc
            .into_iter()
            .map(|npc| Entity::new(npc.entity_id, Sort::Npc, npc.kind_id, at(npc.x, npc.y)));
        let mobs = self.mob.into_iter().map(|mob| Entity {
            level: mob.level,
            hp: mob.hp,
            max_hp: mob.max_hp,
            walk_speed: mob.walk_speed,
            ..Entity::new(mob.entity_id, Sort::Mob, mob.kind_id, at(mob.x, mob.y))
        });
        let items = self.item.into_iter().map(thing(Sort::Item));
        let equipment = self.equipment.into_iter().map(thing(Sort::Equipment));
        let players = self.player.into_iter().map(|player| Entity {
            level: player.level,
            hp: player.hp,
            max_hp: player.max_hp,
            walk_speed: player.walk_speed,
            is_dead: player.hp == 0,
            player: Some(Who {
                id: player.id,
                name: player.name,
                team: player.team_id,
                is_captain: player.is_captain == 1,
            }),
            ..Entity::new(player.entity_id, Sort::Player, player.kind_id, at(player.x, player.y))
        });
        npcs.chain(mobs).chain(items).chain(equipment).chain(players)
    }
}

impl wire::Fallen {
    pub(super) fn into_entity(self) -> Entity {
        let sort = match self.sort {
            lordofpomelo_world::hero::Sort::Item => Sort::Item,
            lordofpomelo_world::hero::Sort::Equipment => Sort::Equipment,
        };
        Entity {
            owner: self.player_id,
            ..Entity::new(self.entity_id, sort, self.kind_id, at(self.x, self.y))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_walks_is_somewhere_on_its_way_and_then_at_its_end() {
        let path = [(0.0, 0.0), (30.0, 40.0), (30.0, 140.0)].map(|(x, y)| Point::new(x, y)).to_vec();
        let mut track = Track::walking(path, 100, 1000);
        assert_eq!(track.at(500), Point::new(0.0, 0.0));
        assert_eq!(track.at(1250), Point::new(15.0, 20.0));
        assert_eq!(track.at(2000), Point::new(30.0, 90.0));
        assert!(track.is_walking(2499) && !track.is_walking(2500));
        track.stop(1250);
        assert_eq!(track.at(9000), Point::new(15.0, 20.0));
    }
}
