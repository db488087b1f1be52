//! Peace: monsters do not notice who has just come in or back to life, until it does something or time is up. The original knows none; on
//! its maps monsters patrol through the place where new heroes stand, and who read the screen first was dead. Not here: noticing
//! itself ([`super::hate`]), and blows of other players, which peace does not keep off.

use super::{Area, hate};
use crate::ids::EntityId;

impl Area {
    /// Monsters do not notice this player from now on, for [`super::Rules::peace_ms`] at most. To be called before they could.
    pub(super) fn begin_peace(&mut self, id: EntityId, now_ms: u64) {
        let peace_ms = self.rules.peace_ms;
        let Some(player) = self.player_mut(id).filter(|_| peace_ms > 0) else { return };
        if player.peace_until_ms.replace(now_ms + peace_ms).is_none() {
            self.peaceful.push(id);
        }
    }

    /// Ends the peace of those who walk or are after something, and of those whose time is up.
    pub(super) fn tick_peace(&mut self, now_ms: u64) {
        let mut peaceful = std::mem::take(&mut self.peaceful);
        peaceful.retain(|id| {
            let Some(player) = self.player_mut(*id) else { return false };
            let acts = player.life.walk.is_some() || player.life.target.is_some();
            let lasts = !acts && player.peace_until_ms.is_some_and(|until| now_ms < until);
            if !lasts {
                self.end_peace(*id);
            }
            lasts
        });
        self.peaceful = peaceful;
    }

    /// The monsters of its tower notice it as if it came in now.
    fn end_peace(&mut self, id: EntityId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        let at = entity.position;
        if let Some(player) = entity.player_mut() {
            player.peace_until_ms = None;
        }
        for mob in self.aoi.mobs_watching(at) {
            hate::notice(&mut self.entities, *mob, id);
        }
    }
}
