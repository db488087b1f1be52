//! Heroes, with what they carry, wear, can and were asked to do. Not here: when which part is written.

use lordofpomelo_world::{
    Point,
    data::Place,
    hero::{Bag, Hero, HeroTask, Skill, Skills, Stats, TaskState, Tasks, Worn, bag::SLOTS},
    ids::{PlayerId, TaskId},
};
use rusqlite::{OptionalExtension as _, Row, Transaction, named_params, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Store, StoreError, accounts::last_id};

/// A hero and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Player {
    /// The account.
    pub user: u32,
    /// The hero.
    pub hero: Hero,
}

/// What of a hero is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "by their names")]
pub struct Parts {
    /// Position, figures, experience.
    pub player: bool,
    pub bag: bool,
    pub equipment: bool,
    pub skills: bool,
    pub tasks: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self { player: true, bag: true, equipment: true, skills: true, tasks: true };
}

impl Store {
    /// Makes a hero with all that belongs to it, and returns it with its number; the number in `hero` does not count.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::HasPlayer`], [`StoreError::Missing`] if there is no such account, or the database
    /// fails; then nothing was made.
    pub async fn create_player(&self, user: u32, hero: Hero) -> Result<Player, StoreError> {
        self.write(move |tables| {
            let has = |query, value: &dyn rusqlite::ToSql| Ok::<_, StoreError>(tables.prepare_cached(query)?.exists([value])?);
            if !has(r#"SELECT 1 FROM "User" WHERE "id" = ?1"#, &user)? {
                return Err(StoreError::Missing);
            }
            if has(r#"SELECT 1 FROM "Player" WHERE "userId" = ?1"#, &user)? {
                return Err(StoreError::HasPlayer);
            }
            if has(r#"SELECT 1 FROM "Player" WHERE "name" = ?1"#, &&*hero.name)? {
                return Err(StoreError::NameTaken);
            }
            tables.execute(
                r#"INSERT INTO "Player" ("userId", "kindId", "name", "attackValue", "defenceValue", "hitRate", "dodgeRate",
                    "walkSpeed", "attackSpeed", "hp", "mp", "maxHp", "maxMp", "x", "y")
                VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, 0, 0, 0, 0, 0, 0, 0, 0)"#,
                params![user, hero.kind_id, &*hero.name, hero.hit_rate, hero.dodge_rate],
            )?;
            let hero = Hero { id: PlayerId(last_id(tables)?), ..hero };
            write_parts(tables, &hero, Parts::ALL)?;
            Ok(Player { user, hero })
        })
        .await
    }

    /// The hero of an account.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the database fails.
    pub async fn player_of(&self, user: u32) -> Result<Option<Player>, StoreError> {
        self.read(move |tables| load(tables, "userId", user)).await
    }

    /// The hero with this number.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the database fails.
    pub async fn player(&self, id: PlayerId) -> Result<Option<Player>, StoreError> {
        self.read(move |tables| load(tables, "id", id.0)).await
    }

    /// Writes parts of heroes, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such hero, or the database fails; then nothing was written.
    pub async fn save(&self, heroes: Vec<(Hero, Parts)>) -> Result<(), StoreError> {
        self.write(move |tables| {
            heroes.iter().try_for_each(|(hero, parts)| write_parts(tables, hero, *parts))
        })
        .await
    }

    /// Notes that a hero takes a task at `now_ms` since 1970, and returns the number it is known by from now on.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if it took this task before, or the database fails.
    pub async fn add_task(&self, player: PlayerId, kind: u32, now_ms: u64) -> Result<TaskId, StoreError> {
        self.write(move |tables| {
            let added = tables.execute(
                r#"INSERT INTO "Task" ("playerId", "kindId", "startTime") VALUES (?1, ?2, ?3)"#,
                params![player.0, kind, now_ms as i64],
            );
            match added {
                Ok(_) => Ok(TaskId(last_id(tables)?)),
                Err(error) if is_taken(&error) => Err(StoreError::NameTaken),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

/// Whether a row was refused because another one has its key.
pub(crate) fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn write_parts(tables: &Transaction<'_>, hero: &Hero, parts: Parts) -> Result<(), StoreError> {
    if parts.player {
        write_player(tables, hero)?;
    }
    if parts.bag {
        let mut bag = tables.prepare_cached(
            r#"INSERT OR REPLACE INTO "Bag" ("playerId", "items", "itemCount") VALUES (?1, ?2, ?3)"#,
        )?;
        bag.execute(params![hero.id.0, json(&hero.bag), SLOTS])?;
    }
    if parts.equipment {
        write_worn(tables, hero)?;
    }
    if parts.skills {
        let mut skill = tables.prepare_cached(
            r#"INSERT INTO "FightSkill" ("playerId", "skillId", "level") VALUES (?1, ?2, ?3)
            ON CONFLICT ("playerId", "skillId") DO UPDATE SET "level" = ?3"#,
        )?;
        for Skill { id, level, .. } in hero.skills.iter() {
            skill.execute(params![hero.id.0, id, level])?;
        }
    }
    if parts.tasks {
        let mut task = tables.prepare_cached(
            r#"UPDATE "Task" SET "taskState" = ?3, "taskData" = ?4 WHERE "id" = ?1 AND "playerId" = ?2"#,
        )?;
        for HeroTask { id, task_state, task_data, .. } in &hero.tasks.0 {
            task.execute(params![id.0, hero.id.0, u32::from(*task_state), json(task_data)])?;
        }
    }
    Ok(())
}

fn write_player(tables: &Transaction<'_>, hero: &Hero) -> Result<(), StoreError> {
    let Stats { level, hp, max_hp, mp, max_mp, attack_value, defence_value, walk_speed, attack_speed } =
        hero.stats;
    let position = hero.position.floor();
    let mut player = tables.prepare_cached(
        r#"UPDATE "Player" SET "level" = :level, "experience" = :experience, "attackValue" = :attack, "defenceValue" = :defence,
            "walkSpeed" = :walk, "attackSpeed" = :speed, "hp" = :hp, "mp" = :mp, "maxHp" = :max_hp, "maxMp" = :max_mp,
            "areaId" = :area, "x" = :x, "y" = :y, "skillPoint" = :points WHERE "id" = :id"#,
    )?;
    let changed = player.execute(named_params! {
        ":id": hero.id.0, ":level": level, ":experience": hero.experience as i64, ":attack": attack_value,
        ":defence": defence_value, ":walk": walk_speed, ":speed": attack_speed, ":hp": hp, ":mp": mp, ":max_hp": max_hp,
        ":max_mp": max_mp, ":area": hero.area_id, ":x": position.x as i64, ":y": position.y as i64,
        ":points": hero.skill_point,
    })?;
    if changed == 0 { Err(StoreError::Missing) } else { Ok(()) }
}

fn write_worn(tables: &Transaction<'_>, hero: &Hero) -> Result<(), StoreError> {
    let mut worn = tables.prepare_cached(
        r#"INSERT OR REPLACE INTO "Equipments" ("playerId", "weapon", "armor", "helmet", "necklace", "ring", "belt", "shoes",
            "legguard", "amulet") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"#,
    )?;
    let at = |place| hero.equipments.at(place).unwrap_or(0);
    worn.execute(params![
        hero.id.0,
        at(Place::Weapon),
        at(Place::Armor),
        at(Place::Helmet),
        at(Place::Necklace),
        at(Place::Ring),
        at(Place::Belt),
        at(Place::Shoes),
        at(Place::Legguard),
        at(Place::Amulet),
    ])?;
    Ok(())
}

fn load(tables: &Transaction<'_>, key: &str, value: u32) -> Result<Option<Player>, StoreError> {
    let query = format!(r#"SELECT * FROM "Player" WHERE "{key}" = ?1"#);
    let Some(mut player) = tables.prepare_cached(&query)?.query_row([value], figures).optional()? else {
        return Ok(None);
    };
    let id = player.hero.id.0;
    let hero = &mut player.hero;
    let items = tables
        .prepare_cached(r#"SELECT "items" FROM "Bag" WHERE "playerId" = ?1"#)?
        .query_row([id], |row| row.get::<_, String>(0))
        .optional()?;
    if let Some(items) = items {
        hero.bag = parsed("Bag", id, &items)?;
    }
    let worn = tables
        .prepare_cached(r#"SELECT * FROM "Equipments" WHERE "playerId" = ?1"#)?
        .query_row([id], worn)
        .optional()?;
    hero.equipments = worn.unwrap_or_default();
    hero.skills = tables
        .prepare_cached(r#"SELECT "skillId", "level" FROM "FightSkill" WHERE "playerId" = ?1 ORDER BY "id""#)?
        .query_map([id], |row| Ok(Skill { id: row.get(0)?, level: row.get(1)?, ready_at_ms: 0 }))?
        .collect::<rusqlite::Result<Vec<_>>>()?
        .into();
    let mut tasks = tables.prepare_cached(
        r#"SELECT "id", "kindId", "taskState", "taskData" FROM "Task" WHERE "playerId" = ?1 ORDER BY "id""#,
    )?;
    let mut rows = tasks.query([id])?;
    while let Some(row) = rows.next()? {
        let (id, state): (u32, u32) = (row.get("id")?, row.get("taskState")?);
        let task_state = TaskState::try_from(state).map_err(|what| StoreError::Damaged {
            table: "Task",
            id,
            what: format!("taskState {state}: {what}"),
        })?;
        let task_data = parsed("Task", id, &row.get::<_, String>("taskData")?)?;
        hero.tasks.0.push(HeroTask { id: TaskId(id), kind_id: row.get("kindId")?, task_state, task_data });
    }
    Ok(Some(player))
}

/// The row of the hero itself; the rest is in other tables.
fn figures(row: &Row<'_>) -> rusqlite::Result<Player> {
    let hero = Hero {
        id: PlayerId(row.get("id")?),
        name: row.get::<_, String>("name")?.into(),
        kind_id: row.get("kindId")?,
        area_id: row.get("areaId")?,
        position: Point::new(row.get("x")?, row.get("y")?),
        stats: Stats {
            level: row.get("level")?,
            hp: row.get("hp")?,
            max_hp: row.get("maxHp")?,
            mp: row.get("mp")?,
            max_mp: row.get("maxMp")?,
            attack_value: row.get("attackValue")?,
            defence_value: row.get("defenceValue")?,
            walk_speed: row.get("walkSpeed")?,
            attack_speed: row.get("attackSpeed")?,
        },
        experience: row.get::<_, i64>("experience")?.max(0) as u64,
        skill_point: row.get("skillPoint")?,
        hit_rate: row.get("hitRate")?,
        dodge_rate: row.get("dodgeRate")?,
        bag: Bag::default(),
        equipments: Worn::default(),
        skills: Skills::default(),
        tasks: Tasks::default(),
    };
    Ok(Player { user: row.get("userId")?, hero })
}

fn worn(row: &Row<'_>) -> rusqlite::Result<Worn> {
    let mut worn = Worn::default();
    for place in Place::ALL {
        let id: u32 = row.get(place.key())?;
        worn.put(place, (id > 0).then_some(id));
    }
    Ok(worn)
}

fn json(value: &impl Serialize) -> String {
    // Plain objects of numbers and words: there is nothing in them that could not become JSON.
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(table: &'static str, id: u32, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged { table, id, what: error.to_string() })
}
