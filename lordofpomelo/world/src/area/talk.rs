//! Talking to NPCs. Where they lead is [`super::travel`]'s.

use super::entity::Body;
use super::events::{NpcTalk, Push};
use super::{Area, Refused, travel_target};
use crate::ids::{EntityId, PlayerId};

/// How near one must be to talk.
pub(super) const TALK_REACH_PX: f64 = 100.0;

/// What an NPC without a row in the talk table says, and what is answered.
const GREETING: (&str, &str) = ("Good day to you, traveller.", "Good day.");

impl Area {
    /// A player wants to talk to an NPC: it goes there and does.
    ///
    /// # Errors
    /// [`Refused::Target`] if there is no such NPC in sight.
    pub fn npc_talk(&mut self, player: PlayerId, target: EntityId) -> Result<(), Refused> {
        let id = self.actor(player)?;
        if !matches!(self.in_sight(id, target)?.body, Body::Npc) {
            return Err(Refused::Target);
        }
        self.aim(id, target);
        Ok(())
    }

    /// A player who is near enough talks to an NPC.
    pub(super) fn talk(&mut self, player: EntityId, npc: EntityId) {
        let Some(kind_id) = self.entities.get(npc).map(|npc| npc.kind_id) else { return };
        let row = self.tables.talk.iter().find(|row| row.npc == kind_id);
        let (npcword, myword) = match row {
            Some(row) if !row.npcword.is_empty() => (row.npcword.as_str(), row.myword.as_str()),
            _ => GREETING,
        };
        let (npcword, myword) = (npcword.to_owned(), myword.to_owned());
        let talk = NpcTalk { npc, kind_id, player, npcword, myword, travel: travel_target(kind_id) };
        self.push(player, Push::NpcTalk(Box::new(talk)));
    }
}
