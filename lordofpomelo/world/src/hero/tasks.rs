//! The tasks of a hero: a chain, each taken after the one before was handed over. Not here: where rewards fall and who is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Hero;
use crate::data::{Tables, Task, TaskKind};
use crate::ids::TaskId;

/// How far a task is. On the wire and stored as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum TaskState {
    /// 0: taken.
    InProgress,
    /// 1: what it asks for is done.
    Complete,
    /// 2: handed over, the reward was given.
    HandedOver,
}

impl TryFrom<u32> for TaskState {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, &'static str> {
        match number {
            0 => Ok(Self::InProgress),
            1 => Ok(Self::Complete),
            2 => Ok(Self::HandedOver),
            _ => Err("expected 0, 1 or 2"),
        }
    }
}

impl From<TaskState> for u32 {
    fn from(state: TaskState) -> Self {
        state as Self
    }
}

/// What has been done for a task. As JSON `{"mobKilled":0,"playerKilled":0}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskData {
    /// Monsters of the task's kind.
    pub mob_killed: u32,
    /// Players of at least the own level.
    pub player_killed: u32,
}

/// A task that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeroTask {
    /// As stored; what all messages about a taken task name.
    pub id: TaskId,
    /// The row of the task table.
    pub kind_id: u32,
    /// How far it is.
    pub task_state: TaskState,
    /// What was done for it.
    pub task_data: TaskData,
}

/// All tasks a hero ever took, in that order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tasks(pub Vec<HeroTask>);

/// Why a task cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TaskError {
    /// Not in the table.
    #[error("there is no task {0}")]
    Unknown(u32),
    /// It is open or was handed over.
    #[error("task {0} was taken already")]
    Taken(u32),
    /// The one before was not handed over.
    #[error("task {0} comes first")]
    Before(u32),
    /// The hero is not there yet.
    #[error("level {0} is needed")]
    Level(u32),
}

/// Whom somebody killed, as far as tasks care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// A monster of this kind.
    Mob(u32),
    /// A player of this level.
    Player(u32),
}

/// A task that a kill counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The task as stored.
    pub id: TaskId,
    /// What has been done now.
    pub data: TaskData,
    /// Whether this kill was the last one needed.
    pub completed: bool,
}

/// What handing over brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reward {
    /// The tasks handed over.
    pub ids: Vec<TaskId>,
    /// Experience of all of them; not added yet.
    pub experience: u64,
    /// Kinds of equipment.
    pub equipment: Vec<u32>,
}

impl Tasks {
    /// Those that are not handed over.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &HeroTask> {
        self.0.iter().filter(|task| task.task_state != TaskState::HandedOver)
    }

    fn of_kind(&self, kind_id: u32) -> Option<&HeroTask> {
        self.0.iter().find(|task| task.kind_id == kind_id)
    }
}

impl Hero {
    /// The task to speak of: the newest open one, else the next of the chain; `None` at its end.
    #[must_use]
    pub fn current_task<'t>(&self, tables: &'t Tables) -> Option<&'t Task> {
        let open = self.tasks.open().map(|task| task.kind_id).max();
        let last = self.tasks.0.iter().map(|task| task.kind_id).max().unwrap_or(0);
        tables.task.get(open.unwrap_or(last + 1))
    }

    /// Whether the task of this kind can be taken now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_start_task<'t>(&self, tables: &'t Tables, kind_id: u32) -> Result<&'t Task, TaskError> {
        let row = tables.task.get(kind_id).ok_or(TaskError::Unknown(kind_id))?;
        if self.tasks.of_kind(kind_id).is_some() {
            return Err(TaskError::Taken(kind_id));
        }
        let done = |before| self.tasks.of_kind(before).is_some_and(|t| t.task_state == TaskState::HandedOver);
        if kind_id > 1 && !done(kind_id - 1) {
            return Err(TaskError::Before(kind_id - 1));
        }
        if self.stats.level < row.hero_level {
            return Err(TaskError::Level(row.hero_level));
        }
        Ok(row)
    }

    /// Takes a task under the number its row was stored with.
    ///
    /// # Errors
    /// As [`Hero::may_start_task`].
    pub fn start_task(&mut self, tables: &Tables, kind_id: u32, id: TaskId) -> Result<(), TaskError> {
        self.may_start_task(tables, kind_id)?;
        let (task_state, task_data) = (TaskState::InProgress, TaskData::default());
        self.tasks.0.push(HeroTask { id, kind_id, task_state, task_data });
        Ok(())
    }

    /// Counts a kill for all tasks in progress that ask for it.
    pub fn count_kill(&mut self, tables: &Tables, victim: Victim) -> Vec<Progress> {
        let own_level = self.stats.level;
        let in_progress = self.tasks.0.iter_mut().filter(|task| task.task_state == TaskState::InProgress);
        in_progress
            .filter_map(|task| {
                let row = tables.task.get(task.kind_id)?;
                let count = match (row.kind, victim) {
                    (TaskKind::KillMobs, Victim::Mob(kind)) if kind == row.complete_condition.kind => {
                        &mut task.task_data.mob_killed
                    }
                    (TaskKind::KillPlayers, Victim::Player(level)) if level >= own_level => {
                        &mut task.task_data.player_killed
                    }
                    _ => return None,
                };
                *count += 1;
                let completed = *count >= row.complete_condition.count;
                if completed {
                    task.task_state = TaskState::Complete;
                }
                Some(Progress { id: task.id, data: task.task_data, completed })
            })
            .collect()
    }

    /// Hands over all complete tasks. The reward is not given yet.
    pub fn hand_over(&mut self, tables: &Tables) -> Reward {
        let mut reward = Reward::default();
        for task in self.tasks.0.iter_mut().filter(|task| task.task_state == TaskState::Complete) {
            task.task_state = TaskState::HandedOver;
            reward.ids.push(task.id);
            if let Some(row) = tables.task.get(task.kind_id) {
                reward.experience += u64::from(row.exp);
                reward.equipment.extend(&row.item.0);
            }
        }
        reward
    }
}
