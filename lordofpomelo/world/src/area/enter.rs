//! Coming into an area and leaving it. Not here: which area that is ([`super::travel`]) and the sessions behind it.

use super::Area;
use super::entity::{Body, Life, Marks, Player};
use super::events::Push;
use super::limits::Limits;
use super::team::Membership;
use super::view::Views;
use crate::aoi::{EntityKind, Event};
use crate::hero::Hero;
use crate::ids::{EntityId, PlayerId};

/// The range of a player who has not said how large its view is.
const RANGE: u32 = 2;

/// What a player is answered who came in; with [`Area::own_view`], [`Area::hero`] and [`Area::map`] the answer of `enterScene`.
#[derive(Debug)]
pub struct Entered {
    /// Its entity, as long as it stays.
    pub entity: EntityId,
    /// What it sees, itself left out.
    pub entities: Views,
}

/// Why somebody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The session ended: the whole area is told.
    LoggedOut,
    /// To another area.
    Travels,
}

impl Area {
    /// A player comes in. It appears where it was stored, or in the birth zone if nobody can stand there. A player who is still in the
    /// area leaves first, without a word.
    ///
    /// What others are told is for after the answer; itself it is told nothing but the answer.
    pub fn enter(&mut self, mut hero: Hero, team: Option<Membership>, now_ms: u64) -> Entered {
        if let Some(old) = self.entities.of_player(hero.id) {
            self.take_out(old, now_ms);
        }
        if !self.finder.grid().is_walkable(hero.position) {
            hero.position = self.map.birth_point(&mut self.chance);
        }
        if hero.stats.hp == 0 {
            hero.stats.hp = (hero.stats.max_hp / 2).max(1);
        }
        hero.position = hero.position.floor();
        let (kind_id, at) = (hero.kind_id, hero.position);
        let player = Player {
            life: Life::default(),
            hero,
            range: RANGE,
            team,
            offers: Vec::new(),
            hated_by: Vec::new(),
            revive_at_ms: None,
            peace_until_ms: None,
            limits: Limits::new(now_ms),
            unsaved: Marks::default(),
            team_info_due: false,
            team_info_sent_ms: None,
            regeneration_shown_ms: 0,
        };
        let id = self.entities.add(kind_id, at, Body::Player(Box::new(player)));
        self.empty_since_ms = None;
        self.refresh_totals(id);
        self.begin_peace(id, now_ms);
        self.sight(|aoi, tell| aoi.add(id, EntityKind::Player, at, tell));
        let Self { aoi, entities, .. } = self;
        let mut seen = Views::default();
        aoi.watch(id, EntityKind::Player, at, RANGE, &mut |event| {
            if let Event::Looked { gained, .. } = event {
                seen = super::sight::views(gained.iter().copied(), entities);
            }
        });
        Entered { entity: id, entities: seen }
    }

    /// A player leaves; returns it as it is to be stored. The dead leave with half of their hit points. In an instance its position is
    /// the instance's: the server puts a point of its scene in.
    pub fn leave(&mut self, player: PlayerId, why: Farewell, now_ms: u64) -> Option<Hero> {
        let id = self.entities.of_player(player)?;
        let mut hero = self.take_out(id, now_ms)?;
        if hero.stats.hp == 0 {
            hero.stats.hp = (hero.stats.max_hp / 2).max(1);
        }
        if why == Farewell::LoggedOut {
            self.events.push_to_everybody(Push::UserLeave(player));
        }
        Some(hero)
    }

    fn take_out(&mut self, id: EntityId, now_ms: u64) -> Option<Hero> {
        self.forget_player(id);
        self.vanish(id);
        let entity = self.entities.remove(id)?;
        if self.entities.players.is_empty() {
            self.empty_since_ms = Some(now_ms);
        }
        match entity.body {
            Body::Player(player) => Some(player.hero),
            Body::Npc | Body::Thing(_) | Body::Mob(_) => None,
        }
    }
}
