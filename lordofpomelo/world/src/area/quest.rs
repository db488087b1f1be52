//! Tasks in an area: kills that count and rewards that fall. The chain's rules are the hero's ([`crate::hero::tasks`]).

use super::events::Push;
use super::{Area, Refused};
use crate::geometry::Point;
use crate::hero::Sort;
use crate::hero::tasks::Victim;
use crate::ids::{EntityId, PlayerId, TaskId};

/// Rewards fall so far from the player, to the right and downwards.
const REWARD_PX: f64 = 50.0;

impl Area {
    /// Takes a task under the number that it was stored with; [`crate::hero::Hero::may_start_task`] says before whether it will do.
    /// To be stored at once.
    ///
    /// # Errors
    /// The player is not there, or ([`Refused::Task`]) may not take the task.
    pub fn start_task(&mut self, player: PlayerId, kind: u32, id: TaskId) -> Result<(), Refused> {
        // Also for a player who died while it was stored.
        let (entity, tables) = (self.entities.of_player(player).ok_or(Refused::Absent)?, self.tables.clone());
        let Some(player) = self.player_mut(entity) else { return Err(Refused::Absent) };
        player.hero.start_task(&tables, kind, id)?;
        self.mark(entity, |marks| marks.tasks = true);
        Ok(())
    }

    /// Hands all complete tasks over and says which: experience is added, equipment falls beside the player, who alone may pick it up for a while.
    ///
    /// # Errors
    /// The player is not there or dead.
    pub fn hand_over_tasks(&mut self, player: PlayerId, now_ms: u64) -> Result<Vec<TaskId>, Refused> {
        let (id, tables) = (self.actor(player)?, self.tables.clone());
        let Some(player) = self.player_mut(id) else { return Err(Refused::Absent) };
        let reward = player.hero.hand_over(&tables);
        if reward.ids.is_empty() {
            return Ok(Vec::new());
        }
        self.mark(id, |marks| marks.tasks = true);
        self.gain(id, reward.experience);
        let mut fallen = Vec::new();
        for kind in reward.equipment {
            let place = self.reward_place(id);
            let view = self.lay_down(kind, Sort::Equipment, place, id, now_ms);
            self.show_but_to(view.entity_id, id);
            fallen.push(view);
        }
        if !fallen.is_empty() {
            self.push(id, Push::DropItems(fallen));
        }
        Ok(reward.ids)
    }

    /// Beside the player, or at its feet where that is blocked.
    fn reward_place(&mut self, id: EntityId) -> Point {
        let feet = self.entities.get(id).map_or_else(Point::default, |entity| entity.position);
        let mut off = || (self.chance.f64() * REWARD_PX).floor();
        let beside = Point::new(feet.x + off(), feet.y + off());
        if self.finder.grid().is_walkable(beside) { beside } else { feet }
    }

    /// Counts a kill for the killer's tasks.
    pub(super) fn count_kill(&mut self, killer: EntityId, victim: Victim) {
        let tables = self.tables.clone();
        let Some(player) = self.player_mut(killer) else { return };
        let progress = player.hero.count_kill(&tables, victim);
        if progress.is_empty() {
            return;
        }
        self.mark(killer, |marks| marks.tasks = true);
        let data = progress.iter().map(|progress| (progress.id, progress.data)).collect();
        self.push(killer, Push::UpdateTaskData(data));
        for done in progress.iter().filter(|progress| progress.completed) {
            self.push(killer, Push::TaskCompleted(done.id));
        }
    }
}
