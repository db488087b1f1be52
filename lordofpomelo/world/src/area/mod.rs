//! One area as it lives: players, monsters, NPCs and things on the ground, and what they do to each other. A state machine without I/O.
//!
//! In go the commands of players (each a method, by [`PlayerId`]) and [`Area::tick`], every [`TICK_MS`]; out come [`Events`]: pushes
//! with who gets them, in the order they must arrive in. The server drains them after each call, or after several calls that no answer
//! waits for. A command's result is its answer. Everything that a session could lie about is checked here: commands of players who are
//! not there or dead are refused, targets must be in sight, ways must begin where the player is.
//!
//! ```
//! use std::sync::Arc;
//! use lordofpomelo_world::{area::{Area, Push, Rules}, data::Tables, hero::Hero, ids::PlayerId, map::AreaMap, Point};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let config = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../game-server/config"));
//! let tables = Arc::new(Tables::load(&config.join("data"))?);
//! let desert = tables.area.get(1).ok_or("no desert")?;
//! let map = AreaMap::load(&config.join(&desert.path), desert.width, desert.height)?;
//! let mut area = Area::new(tables.clone(), Arc::new(map), 1, None, Rules::default(), 7, 0).ok_or("no area 1")?;
//!
//! let start = Point::new(500.0, 200.0);
//! for (id, name) in [(1, "ann"), (2, "bob")] {
//!     let hero = Hero::new(&tables, PlayerId(id), name, 210, start).ok_or("not playable")?;
//!     area.enter(hero, None, 0);
//! }
//! let mut events = lordofpomelo_world::area::Events::default();
//! area.drain(&mut events);
//! let (to, push) = events.iter().next().ok_or("ann is told of bob")?;
//! assert!(matches!(push, Push::AddEntities(views) if &*views.player[0].name == "bob"));
//! area.tick(100);
//! # Ok(())
//! # }
//! ```
//!
//! # What a tick does
//!
//! Zones make monsters ([`zone`]); things on the ground vanish ([`ground`]); who acts, or had peace long enough, has none any more
//! ([`peace`]); who walks walks on and who was dead long enough comes back ([`walk`], [`death`]); players and then monsters who are after somebody think ([`mind`]); the other monsters patrol ([`patrol`]). What
//! time it is comes with the call. Who does nothing costs nothing but a look into a list.
//!
//! # Not here
//!
//! Sessions, encoding, storage, other areas. Teams and the directory of instances are the manager's ([`crate::team`],
//! [`crate::instances`]): the area only keeps to which team a player belongs.

mod belongings;
mod death;
mod enter;
mod entity;
mod events;
mod fight;
mod ground;
mod hate;
mod limits;
mod mind;
mod patrol;
mod peace;
mod quest;
mod sight;
mod talk;
mod team;
mod travel;
mod view;
mod walk;
mod zone;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use fastrand::Rng;
use serde::Deserialize;
use thiserror::Error;

use crate::aoi::Aoi;
use crate::data::{AreaKind, Tables};
use crate::hero::tasks::TaskError;
use crate::hero::{Hero, WornError};
use crate::ids::{EntityId, PlayerId};
use crate::map::{AreaMap, Lines, PathFinder};

use entity::{Body, Entities, Player};
use zone::Zone;

pub use enter::{Entered, Farewell};
pub use entity::Marks;
pub use events::{
    Attack, AttackResult, Events, HpMp, Move, NpcTalk, PickItem, Push, Revive, Short, TeamStatus, To,
};
pub use ground::{PICK_REACH_PX, THING_LIFE_MS, THING_OWNED_MS};
pub use limits::{
    LEAP_PX_MAX, MOVES_PER_S_MAX, PATH_POINTS_MAX, PATH_PX_MAX, TEAM_ASKS_PER_10_S_MAX, VIEWS_PER_S_MAX,
};
pub use team::{MemberChange, Membership, TeamAsk};
pub use travel::{Kinds, TRAVEL_REACH_PX, travel_target};
pub use view::{MobView, NpcView, OwnView, PlayerView, Spot, ThingView, Views};

/// How often [`Area::tick`] is to be called.
pub const TICK_MS: u64 = 100;

/// How long a dead player is dead.
pub const REVIVE_MS: u64 = 5000;

/// Switches of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Rules {
    /// How players' ways are checked.
    pub lines: Lines,
    /// Whether an item asks for its level; the original did not.
    pub item_levels: bool,
    /// Whether team mates within 600 px share the experience of a kill: 60 % to the killer.
    pub share_experience: bool,
    /// Whether hit points grow back after 10 s without a fight.
    pub regeneration: bool,
    /// For how long monsters leave in peace who has just come in or back to life and has done nothing yet, in milliseconds; 0, as in the
    /// original, for not at all.
    pub peace_ms: u64,
}

/// Why a command had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// The player is not in this area.
    #[error("the player is not in this area")]
    Absent,
    /// The dead do nothing.
    #[error("the player is dead")]
    Dead,
    /// The way cannot be walked.
    #[error("the way cannot be walked")]
    Path,
    /// The way begins elsewhere.
    #[error("the way does not begin where the player is")]
    Leap,
    /// More than so many in a second.
    #[error("too often")]
    TooOften,
    /// The target is not there, not in sight, or nothing to do that to.
    #[error("there is no such target in sight")]
    Target,
    /// Nothing leads there from here.
    #[error("nothing leads there from here")]
    Unreachable,
    /// The rules of teams forbid it.
    #[error("the team's rules forbid it")]
    Team,
    /// It cannot be put on or taken off.
    #[error(transparent)]
    Worn(#[from] WornError),
    /// The task cannot be taken.
    #[error(transparent)]
    Task(#[from] TaskError),
}

/// One area.
#[derive(Debug)]
pub struct Area {
    tables: Arc<Tables>,
    map: Arc<AreaMap>,
    rules: Rules,
    id: u32,
    kind: AreaKind,
    instance_id: Option<String>,
    chance: Rng,
    finder: PathFinder,
    searches: mind::Searches,
    aoi: Aoi,
    entities: Entities,
    zones: Vec<Zone>,
    /// Who walks, in the order they began.
    walkers: Vec<EntityId>,
    /// Dead players, in the order they died.
    dead: Vec<EntityId>,
    /// Players whom monsters leave in peace; some may be gone already.
    peaceful: Vec<EntityId>,
    /// Players with [`Marks`].
    unsaved: Vec<EntityId>,
    /// Players whose team mates are to be told.
    team_info_due: Vec<EntityId>,
    events: Events,
    empty_since_ms: Option<u64>,
}

impl Area {
    /// The area with this row in the area table, with its NPCs and without a monster; those come with the first tick. `instance_id` is
    /// its key if it is an instance. `seed` decides all that is chance. `None` if there is no such row.
    #[must_use]
    pub fn new(
        tables: Arc<Tables>,
        map: Arc<AreaMap>,
        id: u32,
        instance_id: Option<String>,
        rules: Rules,
        seed: u64,
        now_ms: u64,
    ) -> Option<Self> {
        let row = tables.area.get(id)?;
        let [width, height, tower_width, tower_height] =
            [row.width, row.height, row.tower_width, row.tower_height].map(f64::from);
        let mut area = Self {
            kind: row.kind,
            finder: PathFinder::new(map.grid.clone()),
            searches: mind::Searches::default(),
            aoi: Aoi::new(width, height, tower_width, tower_height),
            zones: map.zones.iter().map(Zone::new).collect(),
            rules,
            id,
            instance_id,
            chance: Rng::with_seed(seed),
            entities: Entities::default(),
            walkers: Vec::new(),
            dead: Vec::new(),
            peaceful: Vec::new(),
            unsaved: Vec::new(),
            team_info_due: Vec::new(),
            events: Events::default(),
            empty_since_ms: Some(now_ms),
            tables,
            map,
        };
        for npc in area.map.clone().npcs.iter() {
            let id = area.entities.add(npc.kind, npc.at, Body::Npc);
            area.show(id);
        }
        Some(area)
    }

    /// Lets time pass until `now_ms`. To be called every [`TICK_MS`]; late calls catch up.
    pub fn tick(&mut self, now_ms: u64) {
        self.tick_zones(now_ms);
        self.tick_ground(now_ms);
        self.tick_peace(now_ms);
        self.tick_walkers(now_ms);
        self.tick_dead(now_ms);
        self.tick_players(now_ms);
        self.tick_mobs(now_ms);
        if self.rules.regeneration {
            self.tick_regeneration(now_ms);
        }
    }

    /// Swaps what was said since the last call into `events`, whatever was in there is lost. Their memory goes back and forth.
    pub fn drain(&mut self, events: &mut Events) {
        events.clear();
        std::mem::swap(&mut self.events, events);
    }

    /// The row of the area table.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its key if it is an instance.
    #[must_use]
    pub fn instance_id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }

    /// The map, for `enterScene`.
    #[must_use]
    pub fn map(&self) -> &Arc<AreaMap> {
        &self.map
    }

    /// Since when nobody has been in it; `None` while somebody is.
    #[must_use]
    pub fn empty_since_ms(&self) -> Option<u64> {
        self.empty_since_ms
    }

    /// Whether the player may give commands: the filter of all routes but those that enter.
    ///
    /// # Errors
    /// [`Refused::Absent`] or [`Refused::Dead`].
    pub fn admit(&self, player: PlayerId) -> Result<(), Refused> {
        self.actor(player).map(drop)
    }

    /// The player as stored, as it is now.
    #[must_use]
    pub fn hero(&self, player: PlayerId) -> Option<&Hero> {
        self.entities.player(player).map(|(_, player)| &player.hero)
    }

    /// The player as it sees itself.
    #[must_use]
    pub fn own_view(&self, player: PlayerId) -> Option<OwnView> {
        let (entity, player) = self.entities.player(player)?;
        Some(player.own_view(entity, &self.tables))
    }

    /// The entity of a player in this area.
    #[must_use]
    pub fn entity_of(&self, player: PlayerId) -> Option<EntityId> {
        self.entities.of_player(player)
    }

    /// All players with their entities, in the order they came.
    pub fn players(&self) -> impl Iterator<Item = (EntityId, PlayerId)> {
        let players = self.entities.players.iter().filter_map(|id| self.entities.get(*id));
        players.filter_map(|entity| Some((entity.id, entity.player()?.hero.id)))
    }

    /// Everything in the window of a player, without itself.
    #[must_use]
    pub fn seen_by(&self, player: PlayerId) -> Views {
        let mut views = Views::default();
        let Some(id) = self.entities.of_player(player) else { return views };
        let seen = self.aoi.seen_by(id).filter(|seen| seen.id != id);
        for entity in seen.filter_map(|seen| self.entities.get(seen.id)) {
            views.push(entity);
        }
        views
    }

    /// How many players, monsters and things on the ground there are, for administrators.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let things = self.entities.things.iter().filter(|(_, id)| self.entities.get(*id).is_some());
        Counts { players: self.entities.players.len(), mobs: self.entities.mobs.len(), items: things.count() }
    }

    /// The heroes that changed since the last call, and what of them did; by [`Area::hero`] they can be read and stored.
    pub fn take_unsaved(&mut self) -> Vec<(PlayerId, Marks)> {
        let unsaved = std::mem::take(&mut self.unsaved);
        let players = unsaved.into_iter().filter_map(|id| {
            let player = self.entities.get_mut(id)?.player_mut()?;
            Some((player.hero.id, std::mem::take(&mut player.unsaved)))
        });
        players.filter(|(_, marks)| marks.any()).collect()
    }

    /// A hero is to be stored again, all of it: what [`Area::take_unsaved`] named was not, or it came in as nobody stored it.
    pub fn mark_unsaved(&mut self, player: PlayerId) {
        if let Some(id) = self.entities.of_player(player) {
            self.mark(id, |marks| *marks = Marks::ALL);
        }
    }

    /// The entity of a player who may act.
    fn actor(&self, player: PlayerId) -> Result<EntityId, Refused> {
        let (entity, player) = self.entities.player(player).ok_or(Refused::Absent)?;
        if player.hero.stats.hp == 0 { Err(Refused::Dead) } else { Ok(entity.id) }
    }

    /// Something that a player who may act sees: what a command names may be anything.
    fn in_sight(&self, actor: EntityId, target: EntityId) -> Result<&entity::Entity, Refused> {
        let target = self.entities.get(target).ok_or(Refused::Target)?;
        if self.aoi.sees(actor, target.position) { Ok(target) } else { Err(Refused::Target) }
    }

    fn player_mut(&mut self, id: EntityId) -> Option<&mut Player> {
        self.entities.get_mut(id)?.player_mut()
    }

    /// Notes what of a hero changed.
    fn mark(&mut self, id: EntityId, change: impl FnOnce(&mut Marks)) {
        let Some(player) = self.entities.get_mut(id).and_then(|entity| entity.player_mut()) else { return };
        if !player.unsaved.any() {
            self.unsaved.push(id);
        }
        change(&mut player.unsaved);
    }

    fn push(&mut self, to: EntityId, push: Push) {
        self.events.push([to], push);
    }

    /// To all players who see this point.
    fn push_by_sight(&mut self, at: crate::Point, push: Push) {
        self.events.push(self.aoi.players_watching(at).iter().copied(), push);
    }
}

/// See [`Area::counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "by their names")]
pub struct Counts {
    pub players: usize,
    pub mobs: usize,
    pub items: usize,
}
