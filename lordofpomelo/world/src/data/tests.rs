//! The tables that the game comes with.

use std::path::{Path, PathBuf};

use super::*;

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config/data")
}

#[test]
fn the_tables_of_the_game_are_there_and_fit_each_other() {
    let tables = Tables::load(&dir()).unwrap();
    assert_eq!(tables.character.len(), 11);
    assert_eq!((tables.fightskill.len(), tables.effect.len(), tables.animation.len()), (8, 7, 176));
    assert_eq!((tables.item.len(), tables.equipment.len()), (13, 112));
    assert_eq!((tables.task.len(), tables.npc.len(), tables.talk.len()), (5, 12, 12));
    assert_eq!((tables.experience.len(), tables.area.len(), tables.team.len()), (100, 5, 5));
    assert!(tables.npc.iter().all(|npc| tables.talk.with(|talk| talk.npc, npc.id).count() == 1));
    assert!(tables.equipment.up_to(|row| row.hero_level, 1).count() > 0, "a drop at level 1 finds something");
}

#[test]
fn colours_and_places_are_as_many_as_they_should_be() {
    let tables = Tables::load(&dir()).unwrap();
    let colours = [Color::White, Color::Blue, Color::Green, Color::Yellow, Color::Red, Color::Purple];
    assert_eq!(
        colours.map(|color| tables.equipment.with(|row| row.color, color).count()),
        [25, 41, 26, 13, 6, 1]
    );
    let places = Place::ALL.map(|place| tables.equipment.with(|row| row.kind, place).count());
    assert_eq!(places, [12, 11, 13, 10, 13, 16, 14, 13, 10]);
}

#[test]
fn experience_grows_with_the_cube_of_the_level() {
    let tables = Tables::load(&dir()).unwrap();
    let exp = |level: u32| tables.experience.get(level).unwrap().exp;
    assert_eq!([1, 2, 3, 10, 100].map(exp), [51, 58, 77, 1050, 1_000_050]);
}

#[test]
fn rows_go_out_with_the_columns_of_the_file() {
    let tables = Tables::load(&dir()).unwrap();
    let task = serde_json::to_value(tables.task.get(1).unwrap()).unwrap();
    assert_eq!(
        (&task["completeCondition"], &task["item"], &task["type"]),
        (&"{\"202\":3}".into(), &"1;25".into(), &0.into())
    );
    let skill = serde_json::to_value(tables.fightskill.get(3).unwrap()).unwrap();
    assert_eq!(
        (&skill["type"], &skill["imageUrl"], &skill["effect"]),
        (&"attackBuff".into(), &3.into(), &"FxDaze".into())
    );
}

/// Loads the game's tables with one replacement in one file.
fn spoiled(table: &str, from: &str, to: &str) -> String {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let file = copy.path().join(format!("{table}.json"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{table} has no {from}");
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
    Tables::load(copy.path()).unwrap_err().to_string()
}

#[test]
fn a_row_that_points_to_nothing_is_refused() {
    let no_effect = "fightskill: row with id 3, column effect: no effect \"FxDaze\" with the skill's id";
    assert_eq!(spoiled("effect", "FxDaze", "FxNone"), no_effect);
    let error = spoiled("animation", "LeftUpDead", "LeftUpStand");
    assert!(error.ends_with("column id: no animation LeftUpDead"), "{error}");
    let error = spoiled("task", r#"{\"202\":3}"#, r#"{\"299\":3}"#);
    assert_eq!(error, "task: row with id 1, column completeCondition: no such character");
    assert_eq!(
        spoiled("task", "\"1;25\"", "\"1;250\""),
        "task: row with id 1, column item: no such equipment"
    );
    assert_eq!(spoiled("npc", "301,", "399,"), "talk: row with id 1, column npc: no such NPC");
    assert_eq!(
        spoiled("experience", "[7, 7,", "[700, 7,"),
        "experience: row with id 8, column level: one row a level, from 1, without gaps"
    );
    assert!(spoiled("task", r#"{\"202\":3}"#, r#"{}"#).contains("row 3, column completeCondition: "));
}
