//! The numbers things are known by, one type each, so that a player's number cannot be taken for the number of its figure in
//! an area. Not here: numbers of the tables (kinds of things), which are plain `u32` as in the data files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A thing in an area: player, monster, NPC or something on the ground. Each area counts up from 1 and uses none twice; a player
/// gets a new one with each entry.
pub use crate::aoi::EntityId;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A player as stored; the same for life.
    PlayerId
}
number! {
    /// A task a player took, as stored. (The task's own number in the tables is its kind.)
    TaskId
}
number! {
    /// A team; counts up from 1. The wire says 0 for "none", this crate `Option`.
    TeamId
}
