//! Whether the tables fit each other: what one row names must be there in another table, and what clients insist on must
//! not be missing.

use super::{Animation, DataError, Row, Tables};

pub(super) fn check(tables: &Tables) -> Result<(), DataError> {
    skills(tables)?;
    characters(tables)?;
    tasks(tables)?;
    talks(tables)?;
    levels(tables)?;
    areas(tables)
}

/// The fault of row `id` of `R`'s table.
fn fault<R: Row>(id: u32, column: &'static str, reason: impl Into<String>) -> DataError {
    DataError::Reference { table: R::NAME, id, column, reason: reason.into() }
}

/// Everybody can skill 1. Clients look the effect of any other skill up by the skill's id.
fn skills(tables: &Tables) -> Result<(), DataError> {
    if tables.fightskill.get(1).is_none() {
        return Err(fault::<super::FightSkill>(1, "id", "the blow that everybody can is missing"));
    }
    for skill in tables.fightskill.iter().filter(|skill| skill.id > 1) {
        let named = tables.effect.get(skill.id).is_some_and(|effect| effect.class_name == skill.effect);
        if !named {
            let reason = format!("no effect {:?} with the skill's id", skill.effect);
            return Err(fault::<super::FightSkill>(skill.id, "effect", reason));
        }
    }
    Ok(())
}

/// A client that misses one of a character's sixteen animations stops loading.
fn characters(tables: &Tables) -> Result<(), DataError> {
    for character in &tables.character {
        for name in Animation::NAMES {
            let mut rows = tables.animation.with(|row| row.kind_id, character.id);
            if !rows.any(|row| row.name == name) {
                return Err(fault::<super::Character>(character.id, "id", format!("no animation {name}")));
            }
        }
    }
    for row in &tables.animation {
        if tables.character.get(row.kind_id).is_none() {
            return Err(fault::<Animation>(row.id, "kindId", "no such character"));
        }
        if !Animation::NAMES.contains(&row.name.as_str()) {
            return Err(fault::<Animation>(row.id, "name", "no such direction and act"));
        }
    }
    Ok(())
}

/// The next task is the one with the next id, so there are no gaps.
fn tasks(tables: &Tables) -> Result<(), DataError> {
    for (task, place) in tables.task.iter().zip(1..) {
        let fault = |column, reason| Err(fault::<super::Task>(task.id, column, reason));
        if task.id != place {
            return fault("id", "tasks are a chain: 1, 2, 3 without gaps");
        }
        let mobs = task.kind == super::TaskKind::KillMobs;
        if mobs && tables.character.get(task.complete_condition.kind).is_none() {
            return fault("completeCondition", "no such character");
        }
        if task.item.0.iter().any(|&id| tables.equipment.get(id).is_none()) {
            return fault("item", "no such equipment");
        }
    }
    Ok(())
}

fn talks(tables: &Tables) -> Result<(), DataError> {
    for talk in &tables.talk {
        if tables.npc.get(talk.npc).is_none() {
            return Err(fault::<super::Talk>(talk.id, "npc", "no such NPC"));
        }
        if tables.area.get(talk.area).is_none() {
            return Err(fault::<super::Talk>(talk.id, "area", "no such area"));
        }
    }
    Ok(())
}

fn levels(tables: &Tables) -> Result<(), DataError> {
    for (row, level) in tables.experience.iter().zip(1..) {
        if row.id != level || row.level != level {
            return Err(fault::<super::Experience>(row.id, "level", "one row a level, from 1, without gaps"));
        }
    }
    Ok(())
}

fn areas(tables: &Tables) -> Result<(), DataError> {
    for area in &tables.area {
        let sizes = [area.width, area.height, area.tower_width, area.tower_height];
        if sizes.contains(&0) {
            return Err(fault::<super::Area>(
                area.id,
                "width",
                "sizes of the area and its towers are above 0",
            ));
        }
    }
    Ok(())
}
