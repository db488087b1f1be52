//! What a server says that a client can't make sense of: where a real client would show something wrong, or break.

use lordofpomelo_world::ids::{EntityId, PlayerId, TaskId};

/// Something that should not have been said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the push, and what of it is wrong")]
pub enum Anomaly {
    /// No client knows this push.
    #[error("push {route} is none of the game")]
    UnknownPush { route: String },
    /// A required field is missing or of another type.
    #[error("{route}: {error}")]
    Unreadable { route: String, error: String },
    /// About something in the area before the player is in one.
    #[error("{route} before the scene was entered")]
    BeforeScene { route: String },
    /// About a thing that was never shown, or is gone.
    #[error("{route} about entity {entity}, which is not known")]
    UnknownEntity { route: String, entity: EntityId },
    /// Shown although it is known.
    #[error("{route} shows entity {entity}, which is known already")]
    AddedTwice { route: String, entity: EntityId },
    /// The player's own figure comes into sight or goes out of it.
    #[error("{route} adds or removes the own entity {entity}")]
    Own { route: String, entity: EntityId },
    /// Only the player itself should have been told.
    #[error("{route} about entity {entity}, which is not the own one")]
    NotOwn { route: String, entity: EntityId },
    /// The dead walk or fight, or the living come back to life.
    #[error("{route}: entity {entity} is {}", if *.is_dead { "dead" } else { "not dead" })]
    Life { route: String, entity: EntityId, is_dead: bool },
    /// Something is put into a slot that is taken, or does not exist.
    #[error("{route} into slot {slot} of the bag, which is not free")]
    Slot { route: String, slot: u32 },
    /// About a task that the player does not have.
    #[error("{route} about task {task}, which is not open")]
    UnknownTask { route: String, task: TaskId },
    /// About the team of somebody who is not in sight.
    #[error("{route} about player {player}, who is not known")]
    UnknownPlayer { route: String, player: PlayerId },
}

impl Anomaly {
    /// What is counted together: without the numbers, which differ each time.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::UnknownPush { .. } | Self::BeforeScene { .. } | Self::Unreadable { .. } => self.to_string(),
            Self::UnknownEntity { route, .. } => format!("{route} about an unknown entity"),
            Self::AddedTwice { route, .. } => format!("{route} shows a known entity"),
            Self::Own { route, .. } => format!("{route} adds or removes the own entity"),
            Self::NotOwn { route, .. } => format!("{route} about another than the own entity"),
            Self::Life { route, is_dead: true, .. } => format!("{route} about a dead entity"),
            Self::Life { route, is_dead: false, .. } => format!("{route} about a living entity"),
            Self::Slot { route, .. } => format!("{route} into a slot that is not free"),
            Self::UnknownTask { route, .. } => format!("{route} about an unknown task"),
            Self::UnknownPlayer { route, .. } => format!("{route} about an unknown player"),
        }
    }
}
