//! The tables of the game: what kinds of characters, skills, things, tasks and areas there are. Files are read once, when a
//! server starts; afterwards they never change.
//!
//! A file is a JSON array of arrays: titles for people, names of columns, then rows. See [`Table`] for the queries.

mod check;
mod rows;
mod table;

use std::path::Path;

pub use rows::{
    Animation, Area, AreaKind, Character, Color, Condition, Effect, Equipment, Experience, FightSkill, Item,
    ItemKind, Npc, Place, Rewards, SkillKind, Talk, Task, TaskKind, TeamName,
};
pub use table::{DataError, Row, Table};

/// All tables.
///
/// ```
/// # fn main() -> Result<(), lordofpomelo_world::data::DataError> {
/// # let dir = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../game-server/config/data"));
/// let tables = lordofpomelo_world::data::Tables::load(dir)?;
/// assert_eq!(tables.character.get(202).map(|harpy| harpy.hp), Some(60));
/// let affordable = tables.equipment.up_to(|row| row.hero_level, 4);
/// # assert!(affordable.count() > 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each by the name of its file; the rows say what they are")]
pub struct Tables {
    pub character: Table<Character>,
    pub fightskill: Table<FightSkill>,
    pub effect: Table<Effect>,
    pub animation: Table<Animation>,
    pub item: Table<Item>,
    pub equipment: Table<Equipment>,
    pub task: Table<Task>,
    pub npc: Table<Npc>,
    pub talk: Table<Talk>,
    pub experience: Table<Experience>,
    pub area: Table<Area>,
    pub team: Table<TeamName>,
}

impl Tables {
    /// Reads and checks all tables of the folder `config/data`.
    ///
    /// # Errors
    ///
    /// The first fault in a file, or the first row that points to nothing.
    pub fn load(dir: &Path) -> Result<Self, DataError> {
        let tables = Self {
            character: Table::load(dir)?,
            fightskill: Table::load(dir)?,
            effect: Table::load(dir)?,
            animation: Table::load(dir)?,
            item: Table::load(dir)?,
            equipment: Table::load(dir)?,
            task: Table::load(dir)?,
            npc: Table::load(dir)?,
            talk: Table::load(dir)?,
            experience: Table::load(dir)?,
            area: Table::load(dir)?,
            team: Table::load(dir)?,
        };
        check::check(&tables)?;
        Ok(tables)
    }
}

#[cfg(test)]
mod tests;
