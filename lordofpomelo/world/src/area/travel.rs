//! Which areas can be reached from where, and what of an area must be loaded to show it. Not here: the change itself, which is the
//! servers' ([`Area::leave`] here, [`Area::enter`] there).

use std::collections::BTreeSet;

use super::entity::Body;
use super::{Area, Refused};
use crate::data::AreaKind;
use crate::hero::Sort;
use crate::ids::PlayerId;

/// How near a player must be to the NPC that takes it elsewhere.
pub const TRAVEL_REACH_PX: f64 = 600.0;

/// The area an NPC of this kind takes players to.
#[must_use]
pub fn travel_target(npc_kind: u32) -> Option<u32> {
    match npc_kind {
        301 | 309 => Some(2),
        302 => Some(4),
        303 => Some(5),
        305 => Some(1),
        306 => Some(3),
        _ => None,
    }
}

/// The kinds of things in an area, for loading: see [`Area::kinds`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "by type")]
pub struct Kinds {
    pub players: BTreeSet<u32>,
    pub mobs: BTreeSet<u32>,
    pub npcs: BTreeSet<u32>,
    pub items: BTreeSet<u32>,
    pub equipments: BTreeSet<u32>,
}

impl Area {
    /// Whether a player may change to area `target` now because of an NPC near it. Members who follow their captain need none
    /// ([`crate::team::Teams::is_dragged`]).
    ///
    /// # Errors
    /// [`Refused::Unreachable`], or the player is not there or dead.
    pub fn may_travel(&self, player: PlayerId, target: u32) -> Result<(), Refused> {
        let id = self.actor(player)?;
        let at = self.entities.get(id).map(|entity| entity.position).ok_or(Refused::Absent)?;
        let npcs = self.entities.npcs.iter().filter_map(|npc| self.entities.get(*npc));
        let mut guides = npcs.filter(|npc| travel_target(npc.kind_id) == Some(target));
        let is_near = guides.any(|npc| npc.position.distance(at) <= TRAVEL_REACH_PX);
        if target != self.id && is_near { Ok(()) } else { Err(Refused::Unreachable) }
    }

    /// Whether it is an instance that belongs to a team.
    #[must_use]
    pub fn is_team_instance(&self) -> bool {
        self.kind == AreaKind::TeamInstance
    }

    /// What is there now and what its zones may make.
    #[must_use]
    pub fn kinds(&self) -> Kinds {
        let mut kinds = Kinds::default();
        for entity in self.entities.iter() {
            let list = match &entity.body {
                Body::Npc => &mut kinds.npcs,
                Body::Mob(_) => &mut kinds.mobs,
                Body::Player(_) => &mut kinds.players,
                Body::Thing(thing) if thing.sort == Sort::Item => &mut kinds.items,
                Body::Thing(_) => &mut kinds.equipments,
            };
            list.insert(entity.kind_id);
        }
        kinds.mobs.extend(self.map.zones.iter().map(|zone| zone.kind));
        kinds
    }
}
