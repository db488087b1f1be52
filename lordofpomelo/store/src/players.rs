//! Heroes, with what they carry, wear, can and were asked to do. Not here: when which part is written.

use lordofpomelo_world::{
    Point,
    data::Place,
    hero::{Bag, Hero, HeroTask, Skill, Skills, Stats, TaskState, Tasks, Worn, bag::SLOTS},
    ids::{PlayerId, TaskId},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Store, StoreError,
    accounts::number,
    database::{Database, Kind, Row, Value},
    names,
};

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
    /// Makes a hero with all that belongs to it, and returns it with its number; the number in `hero` does not count. A name is taken
    /// if somebody has it in whatever case, and with as many blanks between its words as there may be.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::HasPlayer`], [`StoreError::Missing`] if there is no such account, or the database
    /// fails; then nothing was made.
    pub async fn create_player(&self, user: u32, hero: Hero) -> Result<Player, StoreError> {
        self.write(move |tables| {
            let id = add(tables, user, &hero)?;
            let hero = Hero { id, ..hero.clone() };
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

    /// Takes a hero over: as [`Store::player`], and from here on nothing is stored of it as it was read before. So a server that hung
    /// or was cut off can't overwrite what its player has done since, elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the database fails.
    pub async fn take_over(&self, id: PlayerId) -> Result<Option<Player>, StoreError> {
        self.write(move |tables| {
            tables.execute(r#"UPDATE "Player" SET "term" = "term" + 1 WHERE "id" = ?"#, &[id.0.into()])?;
            load(tables, "id", id.0)
        })
        .await
    }

    /// Writes parts of heroes, all or nothing. Of what is there twice the later one counts.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such hero, [`StoreError::Superseded`] if it was [taken over](Store::take_over) after it was
    /// read, or the database fails; then nothing was written.
    pub async fn save(&self, mut heroes: Vec<(Hero, Parts)>) -> Result<(), StoreError> {
        // Two servers that write the same ones then wait for each other, and not each for what the other holds.
        heroes.sort_by_key(|(hero, _)| hero.id);
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
                r#"INSERT INTO "Task" ("playerId", "kindId", "startTime") VALUES (?, ?, ?)"#,
                &[player.0.into(), kind.into(), now_ms.into()],
            );
            match added {
                Ok(added) => number(added.last_id).map(TaskId),
                Err(error) if error.kind == Kind::Taken => Err(StoreError::NameTaken),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

/// Adds the row of a hero with what never changes; the rest is written like any other change.
fn add(tables: &mut dyn Database, user: u32, hero: &Hero) -> Result<PlayerId, StoreError> {
    let added = tables.execute(
        r#"INSERT INTO "Player" ("userId", "kindId", "name", "attackValue", "defenceValue", "hitRate", "dodgeRate", "walkSpeed",
            "attackSpeed", "hp", "mp", "maxHp", "maxMp", "x", "y") VALUES (?, ?, ?, 0, 0, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0)"#,
        &[
            user.into(),
            hero.kind_id.into(),
            (&*hero.name).into(),
            hero.hit_rate.into(),
            hero.dodge_rate.into(),
        ],
    );
    match added {
        Ok(added) => {
            let id = number(added.last_id)?;
            match names::note(tables, id, &hero.name) {
                Err(error) if error.kind == Kind::Taken => Err(StoreError::NameTaken),
                noted => Ok(noted.map(|()| PlayerId(id))?),
            }
        }
        Err(error) if error.kind == Kind::Taken => {
            let own = tables.query(r#"SELECT "id" FROM "Player" WHERE "userId" = ?"#, &[user.into()])?;
            Err(if own.is_empty() { StoreError::NameTaken } else { StoreError::HasPlayer })
        }
        Err(error) => Err(error.into()),
    }
}

fn write_parts(tables: &mut dyn Database, hero: &Hero, parts: Parts) -> Result<(), StoreError> {
    let id = hero.id.0;
    hold(tables, hero)?;
    if parts.player {
        write_player(tables, hero)?;
    }
    if parts.bag {
        tables.execute(
            r#"REPLACE INTO "Bag" ("playerId", "items", "itemCount") VALUES (?, ?, ?)"#,
            &[id.into(), (&*json(&hero.bag)).into(), SLOTS.into()],
        )?;
    }
    if parts.equipment {
        write_worn(tables, hero)?;
    }
    if parts.skills {
        write_skills(tables, hero)?;
    }
    if parts.tasks {
        for HeroTask { id: task, task_state, task_data, .. } in &hero.tasks.0 {
            tables.execute(
                r#"UPDATE "Task" SET "taskState" = ?, "taskData" = ? WHERE "id" = ? AND "playerId" = ?"#,
                &[u32::from(*task_state).into(), (&*json(task_data)).into(), task.0.into(), id.into()],
            )?;
        }
    }
    Ok(())
}

/// Makes sure that nobody has taken the hero over, and that nobody does before this is written.
fn hold(tables: &mut dyn Database, hero: &Hero) -> Result<(), StoreError> {
    let held = tables.execute(
        r#"UPDATE "Player" SET "term" = ? WHERE "id" = ? AND "term" = ?"#,
        &[hero.term.into(), hero.id.0.into(), hero.term.into()],
    )?;
    if held.rows > 0 {
        return Ok(());
    }
    let there = tables.query(r#"SELECT "term" FROM "Player" WHERE "id" = ?"#, &[hero.id.0.into()])?;
    Err(if there.is_empty() { StoreError::Missing } else { StoreError::Superseded })
}

fn write_player(tables: &mut dyn Database, hero: &Hero) -> Result<(), StoreError> {
    let Stats { level, hp, max_hp, mp, max_mp, attack_value, defence_value, walk_speed, attack_speed } =
        hero.stats;
    let position = hero.position.floor();
    tables.execute(
        r#"UPDATE "Player" SET "level" = ?, "experience" = ?, "attackValue" = ?, "defenceValue" = ?, "walkSpeed" = ?,
            "attackSpeed" = ?, "hp" = ?, "mp" = ?, "maxHp" = ?, "maxMp" = ?, "areaId" = ?, "x" = ?, "y" = ?, "skillPoint" = ?
        WHERE "id" = ?"#,
        &[
            level.into(),
            hero.experience.into(),
            attack_value.into(),
            defence_value.into(),
            walk_speed.into(),
            Value::Real(attack_speed),
            hp.into(),
            mp.into(),
            max_hp.into(),
            max_mp.into(),
            hero.area_id.into(),
            Value::Integer(position.x as i64),
            Value::Integer(position.y as i64),
            hero.skill_point.into(),
            hero.id.0.into(),
        ],
    )?;
    Ok(())
}

fn write_worn(tables: &mut dyn Database, hero: &Hero) -> Result<(), StoreError> {
    let at = |place| hero.equipments.at(place).unwrap_or(0).into();
    tables.execute(
        r#"REPLACE INTO "Equipments" ("playerId", "weapon", "armor", "helmet", "necklace", "ring", "belt", "shoes", "legguard",
            "amulet") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"#,
        &[
            hero.id.0.into(),
            at(Place::Weapon),
            at(Place::Armor),
            at(Place::Helmet),
            at(Place::Necklace),
            at(Place::Ring),
            at(Place::Belt),
            at(Place::Shoes),
            at(Place::Legguard),
            at(Place::Amulet),
        ],
    )?;
    Ok(())
}

/// Skills keep their rows, whose order is the order of learning.
fn write_skills(tables: &mut dyn Database, hero: &Hero) -> Result<(), StoreError> {
    let id = hero.id.0;
    let known: Vec<Skill> = skills(tables, id)?;
    for Skill { id: skill, level, .. } in hero.skills.iter() {
        let values = [(*level).into(), id.into(), (*skill).into()];
        match known.iter().find(|known| known.id == *skill) {
            Some(known) if known.level == *level => continue,
            Some(_) => tables.execute(
                r#"UPDATE "FightSkill" SET "level" = ? WHERE "playerId" = ? AND "skillId" = ?"#,
                &values,
            )?,
            None => tables.execute(
                r#"INSERT INTO "FightSkill" ("level", "playerId", "skillId") VALUES (?, ?, ?)"#,
                &values,
            )?,
        };
    }
    Ok(())
}

fn load(tables: &mut dyn Database, key: &str, value: u32) -> Result<Option<Player>, StoreError> {
    let query = format!(r#"SELECT * FROM "Player" WHERE "{key}" = ?"#);
    let Some(row) = tables.query(&query, &[value.into()])?.pop() else { return Ok(None) };
    let id = row.integer("id").map_err(damaged("Player", value))?;
    let mut player = figures(&row).map_err(damaged("Player", id))?;
    let hero = &mut player.hero;
    let bags = tables.query(r#"SELECT "items" FROM "Bag" WHERE "playerId" = ?"#, &[id.into()])?;
    if let Some(row) = bags.first() {
        hero.bag = row.text("items").and_then(parsed).map_err(damaged("Bag", id))?;
    }
    let equipments = tables.query(r#"SELECT * FROM "Equipments" WHERE "playerId" = ?"#, &[id.into()])?;
    if let Some(row) = equipments.first() {
        hero.equipments = worn(row).map_err(damaged("Equipments", id))?;
    }
    hero.skills = skills(tables, id)?.into();
    let tasks =
        r#"SELECT "id", "kindId", "taskState", "taskData" FROM "Task" WHERE "playerId" = ? ORDER BY "id""#;
    for row in tables.query(tasks, &[id.into()])? {
        let id = row.integer("id").unwrap_or_default();
        hero.tasks.0.push(task(&row).map_err(damaged("Task", id))?);
    }
    Ok(Some(player))
}

fn skills(tables: &mut dyn Database, player: u32) -> Result<Vec<Skill>, StoreError> {
    let query = r#"SELECT "id", "skillId", "level" FROM "FightSkill" WHERE "playerId" = ? ORDER BY "id""#;
    let skill = |row: Row| {
        let (id, level) = (row.integer("skillId"), row.integer("level"));
        let skill = id.and_then(|id| Ok(Skill { id, level: level?, ready_at_ms: 0 }));
        skill.map_err(damaged("FightSkill", row.integer("id").unwrap_or_default()))
    };
    tables.query(query, &[player.into()])?.into_iter().map(skill).collect()
}

/// The row of the hero itself; the rest is in other tables.
fn figures(row: &Row) -> Result<Player, String> {
    let hero = Hero {
        id: PlayerId(row.integer("id")?),
        name: row.text("name")?.into(),
        kind_id: row.integer("kindId")?,
        area_id: row.integer("areaId")?,
        position: Point::new(f64::from(row.integer::<i32>("x")?), f64::from(row.integer::<i32>("y")?)),
        stats: Stats {
            level: row.integer("level")?,
            hp: row.integer("hp")?,
            max_hp: row.integer("maxHp")?,
            mp: row.integer("mp")?,
            max_mp: row.integer("maxMp")?,
            attack_value: row.integer("attackValue")?,
            defence_value: row.integer("defenceValue")?,
            walk_speed: row.integer("walkSpeed")?,
            attack_speed: row.real("attackSpeed")?,
        },
        experience: row.integer("experience")?,
        skill_point: row.integer("skillPoint")?,
        hit_rate: row.integer("hitRate")?,
        dodge_rate: row.integer("dodgeRate")?,
        bag: Bag::default(),
        equipments: Worn::default(),
        skills: Skills::default(),
        tasks: Tasks::default(),
        term: row.integer("term")?,
    };
    Ok(Player { user: row.integer("userId")?, hero })
}

fn worn(row: &Row) -> Result<Worn, String> {
    let mut worn = Worn::default();
    for place in Place::ALL {
        let id: u32 = row.integer(place.key())?;
        worn.put(place, (id > 0).then_some(id));
    }
    Ok(worn)
}

fn task(row: &Row) -> Result<HeroTask, String> {
    let state: u32 = row.integer("taskState")?;
    Ok(HeroTask {
        id: TaskId(row.integer("id")?),
        kind_id: row.integer("kindId")?,
        task_state: TaskState::try_from(state).map_err(|what| format!("taskState {state}: {what}"))?,
        task_data: parsed(row.text("taskData")?)?,
    })
}

fn json(value: &impl Serialize) -> String {
    // Plain objects of numbers and words: there is nothing in them that could not become JSON.
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn damaged(table: &'static str, id: u32) -> impl FnOnce(String) -> StoreError {
    move |what| StoreError::Damaged { table, id, what }
}
