//! The tables, and how a file of an earlier version gets them. Each version adds to the one before; none is ever changed.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::OpenError;

/// What each version does to the one before.
const VERSIONS: [&str; 1] = [
    // Columns as in the original's database, but for types that were too small, and for one row a hero of each kind.
    r#"
    CREATE TABLE "User" (
        "id" INTEGER PRIMARY KEY AUTOINCREMENT,
        "name" TEXT NOT NULL UNIQUE,
        "password" TEXT NOT NULL DEFAULT '',
        "loginCount" INTEGER NOT NULL DEFAULT 0,
        "from" TEXT NOT NULL DEFAULT '',
        "lastLoginTime" INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE "Player" (
        "id" INTEGER PRIMARY KEY AUTOINCREMENT,
        "userId" INTEGER NOT NULL UNIQUE REFERENCES "User"("id"),
        "kindId" INTEGER NOT NULL,
        "name" TEXT NOT NULL UNIQUE,
        "country" INTEGER NOT NULL DEFAULT 1,
        "rank" INTEGER NOT NULL DEFAULT 1,
        "level" INTEGER NOT NULL DEFAULT 1,
        "experience" INTEGER NOT NULL DEFAULT 0,
        "attackValue" INTEGER NOT NULL,
        "defenceValue" INTEGER NOT NULL,
        "hitRate" INTEGER NOT NULL,
        "dodgeRate" INTEGER NOT NULL,
        "walkSpeed" INTEGER NOT NULL,
        "attackSpeed" REAL NOT NULL,
        "hp" INTEGER NOT NULL,
        "mp" INTEGER NOT NULL,
        "maxHp" INTEGER NOT NULL,
        "maxMp" INTEGER NOT NULL,
        "areaId" INTEGER NOT NULL DEFAULT 1,
        "x" INTEGER NOT NULL,
        "y" INTEGER NOT NULL,
        "skillPoint" INTEGER NOT NULL DEFAULT 1
    ) STRICT;
    CREATE TABLE "Bag" (
        "playerId" INTEGER PRIMARY KEY REFERENCES "Player"("id"),
        "items" TEXT NOT NULL DEFAULT '{}',
        "itemCount" INTEGER NOT NULL DEFAULT 20
    ) STRICT;
    CREATE TABLE "Equipments" (
        "playerId" INTEGER PRIMARY KEY REFERENCES "Player"("id"),
        "weapon" INTEGER NOT NULL DEFAULT 0,
        "armor" INTEGER NOT NULL DEFAULT 0,
        "helmet" INTEGER NOT NULL DEFAULT 0,
        "necklace" INTEGER NOT NULL DEFAULT 0,
        "ring" INTEGER NOT NULL DEFAULT 0,
        "belt" INTEGER NOT NULL DEFAULT 0,
        "shoes" INTEGER NOT NULL DEFAULT 0,
        "legguard" INTEGER NOT NULL DEFAULT 0,
        "amulet" INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE "FightSkill" (
        "id" INTEGER PRIMARY KEY AUTOINCREMENT,
        "playerId" INTEGER NOT NULL REFERENCES "Player"("id"),
        "skillId" INTEGER NOT NULL,
        "level" INTEGER NOT NULL,
        "type" TEXT NOT NULL DEFAULT 'attack',
        UNIQUE ("playerId", "skillId")
    ) STRICT;
    CREATE TABLE "Task" (
        "id" INTEGER PRIMARY KEY AUTOINCREMENT,
        "playerId" INTEGER NOT NULL REFERENCES "Player"("id"),
        "kindId" INTEGER NOT NULL,
        "taskState" INTEGER NOT NULL DEFAULT 0,
        "startTime" INTEGER NOT NULL DEFAULT 0,
        "taskData" TEXT NOT NULL DEFAULT '{}',
        UNIQUE ("playerId", "kindId")
    ) STRICT;
    "#,
];

/// Opens the file, made when it is missing, with all tables.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let at = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(at)?;
    connection.busy_timeout(std::time::Duration::from_millis(crate::BUSY_MS)).map_err(at)?;
    // Committed is what survives the process; the last moments before the machine stops may be lost, as whole transactions.
    for (pragma, value) in [("journal_mode", "wal"), ("synchronous", "normal"), ("foreign_keys", "on")] {
        connection.pragma_update(None, pragma, value).map_err(at)?;
    }
    let known = VERSIONS.len() as u32;
    // Several servers may start at once.
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(at)?;
    let found: u32 = change.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(at)?;
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    for version in &VERSIONS[found as usize..] {
        change.execute_batch(version).map_err(at)?;
    }
    change.pragma_update(None, "user_version", known).map_err(at)?;
    change.commit().map_err(at)?;
    Ok(connection)
}
