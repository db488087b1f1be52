//! The rows of the tables, one type a file, columns by their names in the file. What they mean is decided where they are used;
//! how a file is read is [`super::table`]'s.

use super::table::Row;

/// Says which file a row type is read from, and with which columns.
macro_rules! row {
    ($row:ident, $file:literal, [$($column:literal),+ $(,)?]) => {
        impl Row for $row {
            const NAME: &'static str = $file;
            const COLUMNS: &'static [&'static str] = &[$($column),+];
            fn id(&self) -> u32 {
                self.id
            }
        }
    };
}

mod figures;
mod places;
mod story;
mod things;

pub use figures::{Animation, Character, Effect, Experience, FightSkill, SkillKind};
pub use places::{Area, AreaKind, TeamName};
pub use story::{Condition, Npc, Rewards, Talk, Task, TaskKind};
pub use things::{Color, Equipment, Item, ItemKind, Place};
