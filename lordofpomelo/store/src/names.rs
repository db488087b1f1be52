//! Heroes' names are taken also for those who write them in other letters ([`name_key`]). That is noted beside the names, which stay as
//! they were given. Not here: what a name may look like, which is for whoever makes a hero to say.

use lordofpomelo_world::text::name_key;

use crate::database::{Database, DatabaseError, Kind, Row};

/// The version of the tables since which keys are noted.
pub(crate) const SINCE_VERSION: usize = 2;

/// Notes the name of a new hero; [`Kind::Taken`] if somebody has it.
pub(crate) fn note(tables: &mut dyn Database, player: u32, name: &str) -> Result<(), DatabaseError> {
    add(tables, player, &name_key(name))
}

/// Notes the names of heroes from before there were keys. They keep them, also those that pass for each other: of these the oldest
/// hero has the key, the others one that no name has.
pub(crate) fn note_all(tables: &mut dyn Database) -> Result<(), DatabaseError> {
    let without = r#"SELECT "id", "name" FROM "Player" LEFT JOIN "HeroName" ON "playerId" = "id" WHERE "playerId" IS NULL
        ORDER BY "id""#;
    for row in tables.query(without, &[])? {
        let (id, key) = player(&row).map_err(|what| DatabaseError::new(Kind::Other, what))?;
        match add(tables, id, &key) {
            Err(error) if error.kind == Kind::Taken => add(tables, id, &format!("{key}#{id}"))?,
            added => added?,
        }
    }
    Ok(())
}

fn player(row: &Row) -> Result<(u32, String), String> {
    Ok((row.integer("id")?, name_key(row.text("name")?)))
}

fn add(tables: &mut dyn Database, player: u32, key: &str) -> Result<(), DatabaseError> {
    let note = r#"INSERT INTO "HeroName" ("playerId", "nameKey") VALUES (?, ?)"#;
    tables.execute(note, &[player.into(), key.into()]).map(|_| ())
}
