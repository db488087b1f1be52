//! What is about files.

use std::{sync::mpsc, time::Duration};

use super::{Fresh, file_in, with_player};
use crate::{OpenError, Parts, Store};

#[test]
fn a_file_of_a_newer_program_or_of_something_else_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = file_in(&dir);
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    assert!(matches!(Store::open(&path), Err(OpenError::Newer { found: 99, known: 2, .. })));
    std::fs::write(&path, "no database, but long enough to be read as one".repeat(100)).unwrap();
    let error = Store::open(&path).unwrap_err().to_string();
    assert!(error.contains("game.db") && error.contains("not a database"), "{error}");
    let error = Store::open(&dir.path().join("no/such/folder/game.db")).unwrap_err().to_string();
    assert!(error.contains("no/such/folder"), "{error}");
}

#[tokio::test]
async fn a_game_says_which_file_and_its_folder_is_made() {
    let game = tempfile::tempdir().unwrap();
    std::fs::create_dir(game.path().join("config")).unwrap();
    let config =
        r#"{"development": {"sqlite": "run/deep/game.db"}, "production": {"mysql": "mysql://127.0.0.1"}}"#;
    std::fs::write(game.path().join("config/database.json"), config).unwrap();
    let store = Store::load(game.path(), "development").unwrap();
    store.register("ann", "hash").await.unwrap();
    assert!(game.path().join("run/deep/game.db").is_file());
    // Whether this program knows MySQL or not.
    let error = Store::load(game.path(), "production").unwrap_err().to_string();
    assert!(error.contains("config/database.json: production.mysql: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_somebody_else_writes_for_too_long_can_be_read_and_is_written_when_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = rusqlite::Connection::open(file_in(&dir)).unwrap();
    let database = Fresh::File(dir);
    let (store, player) = with_player(&database).await;
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    let other = database.open();
    let mut changed = player.hero.clone();
    changed.stats.hp = 1;
    let saved = tokio::spawn({
        let (store, changed) = (store.clone(), changed.clone());
        async move { store.save(vec![(changed, Parts::ALL)]).await }
    });
    assert_eq!(other.player(player.hero.id).await.unwrap().unwrap(), player);
    let error = saved.await.unwrap().unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("locked"), "{error}");
    assert_eq!(store.player(player.hero.id).await.unwrap().unwrap(), player);
    // Somebody who goes on within the time is waited for.
    let (asked, held) = mpsc::channel();
    let holder = std::thread::spawn(move || {
        held.recv().unwrap();
        file.execute_batch("COMMIT").unwrap();
    });
    let saved = store.save(vec![(changed.clone(), Parts::ALL)]);
    tokio::pin!(saved);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut saved).await.is_err());
    asked.send(()).unwrap();
    saved.await.unwrap();
    holder.join().unwrap();
    assert_eq!(other.player(player.hero.id).await.unwrap().unwrap().hero, changed);
}

#[test]
fn a_file_opened_for_the_first_time_by_many_at_once_is_refused_to_nobody() {
    for _ in 0..100 {
        let dir = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(16);
        std::thread::scope(|threads| {
            for _ in 0..16 {
                threads.spawn(|| {
                    start.wait();
                    Store::open(&file_in(&dir)).unwrap();
                });
            }
        });
    }
}
