//! The file as its users see it: written, closed, read again; and asked for what can't be.

use std::path::Path;

use lordofpomelo_world::{
    Point,
    data::{Place, Tables},
    hero::{Hero, Sort, TaskState, Thing},
    ids::PlayerId,
};
use tempfile::TempDir;

use crate::{OpenError, Parts, Player, Store, StoreError};

fn hero(name: &str) -> Hero {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config/data");
    let tables = Tables::load(&config).unwrap();
    Hero::new(&tables, PlayerId(0), name, 210, Point::new(400.0, 150.0)).unwrap()
}

fn open(dir: &TempDir) -> Store {
    Store::open(&dir.path().join("game.db")).unwrap()
}

async fn with_player(dir: &TempDir) -> (Store, Player) {
    let store = open(dir);
    let user = store.register("ann", "hash").await.unwrap();
    let player = store.create_player(user, hero("Annie")).await.unwrap();
    (store, player)
}

#[tokio::test]
async fn an_account_is_found_again_by_name_and_number_and_counts_its_logins() {
    let dir = tempfile::tempdir().unwrap();
    let user = open(&dir).register("ann", "hash").await.unwrap();
    let store = open(&dir);
    store.signed_in(user, 1_700_000_000_000).await.unwrap();
    let account = store.account_by_name("ann").await.unwrap().unwrap();
    assert_eq!((account.id, account.password.as_str(), account.login_count), (user, "hash", 1));
    assert_eq!(account.last_login_ms, 1_700_000_000_000);
    assert_eq!(store.account(user).await.unwrap(), Some(account));
    assert_eq!(store.account_by_name("bob").await.unwrap(), None);
    assert!(matches!(store.signed_in(99, 0).await, Err(StoreError::Missing)));
    assert!(matches!(store.register("ann", "other").await, Err(StoreError::NameTaken)));
}

#[tokio::test]
async fn everything_of_a_hero_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (store, mut player) = with_player(&dir).await;
    let id = store.add_task(player.hero.id, 1, 5).await.unwrap();
    assert!(matches!(store.add_task(player.hero.id, 1, 6).await, Err(StoreError::NameTaken)));
    let hero = &mut player.hero;
    let mut task = store.player(hero.id).await.unwrap().unwrap().hero.tasks.0.remove(0);
    assert_eq!((task.id, task.kind_id, task.task_state), (id, 1, TaskState::InProgress));
    task.task_state = TaskState::Complete;
    task.task_data.mob_killed = 3;
    hero.tasks.0.push(task);
    hero.position = Point::new(1234.0, 77.0);
    (hero.area_id, hero.experience, hero.stats.level, hero.stats.hp) = (3, u64::from(u32::MAX) * 2, 60, 7);
    hero.bag.put(Thing { id: 3, sort: Sort::Item });
    hero.bag.put(Thing { id: 5, sort: Sort::Equipment });
    hero.equipments.put(Place::Amulet, Some(103));
    store.save(vec![(hero.clone(), Parts::ALL)]).await.unwrap();
    assert_eq!(open(&dir).player_of(player.user).await.unwrap(), Some(player));
}

#[tokio::test]
async fn only_the_parts_that_are_named_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let (store, player) = with_player(&dir).await;
    let mut changed = player.hero.clone();
    changed.stats.hp = 1;
    changed.bag.put(Thing { id: 3, sort: Sort::Item });
    let nothing = Parts { player: false, bag: false, equipment: false, skills: false, tasks: false };
    store.save(vec![(changed.clone(), Parts { bag: true, ..nothing })]).await.unwrap();
    let stored = store.player(player.hero.id).await.unwrap().unwrap().hero;
    assert_eq!((stored.stats.hp, &stored.bag), (player.hero.stats.hp, &changed.bag));
}

#[tokio::test]
async fn of_several_heroes_all_are_written_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let (store, player) = with_player(&dir).await;
    let (mut changed, mut nobody) = (player.hero.clone(), player.hero.clone());
    changed.stats.hp = 1;
    nobody.id = PlayerId(99);
    let saved = store.save(vec![(changed, Parts::ALL), (nobody, Parts::ALL)]).await;
    assert!(matches!(saved, Err(StoreError::Missing)), "{saved:?}");
    assert_eq!(store.player(player.hero.id).await.unwrap().unwrap().hero, player.hero);
}

#[tokio::test]
async fn names_and_accounts_have_one_hero_each() {
    let dir = tempfile::tempdir().unwrap();
    let (store, player) = with_player(&dir).await;
    let again = store.create_player(player.user, hero("Other")).await;
    assert!(matches!(again, Err(StoreError::HasPlayer)), "{again:?}");
    let bob = store.register("bob", "hash").await.unwrap();
    let taken = store.create_player(bob, hero("Annie")).await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    assert!(matches!(store.create_player(99, hero("Nobody")).await, Err(StoreError::Missing)));
    assert_eq!(store.player_of(bob).await.unwrap(), None);
    assert_eq!(store.create_player(bob, hero("Bobby")).await.unwrap().user, bob);
}

#[tokio::test]
async fn what_is_written_by_one_server_is_read_by_another_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (one, player) = with_player(&dir).await;
    let other = open(&dir);
    for hp in 1..=50 {
        let mut changed = player.hero.clone();
        changed.stats.hp = hp;
        let (writer, reader) = if hp % 2 == 0 { (&one, &other) } else { (&other, &one) };
        writer.save(vec![(changed, Parts::ALL)]).await.unwrap();
        assert_eq!(reader.player(player.hero.id).await.unwrap().unwrap().hero.stats.hp, hp);
    }
}

#[tokio::test]
async fn damage_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, player) = with_player(&dir).await;
    let file = rusqlite::Connection::open(dir.path().join("game.db")).unwrap();
    file.execute(r#"UPDATE "Bag" SET "items" = '{"21":'"#, []).unwrap();
    let error = store.player(player.hero.id).await.unwrap_err().to_string();
    assert!(error.starts_with("Bag 1: "), "{error}");
}

#[test]
fn a_file_of_a_newer_program_or_of_something_else_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("game.db");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    assert!(matches!(Store::open(&path), Err(OpenError::Newer { found: 99, known: 1, .. })));
    std::fs::write(&path, "no database, but long enough to be read as one".repeat(100)).unwrap();
    let error = Store::open(&path).unwrap_err().to_string();
    assert!(error.contains("game.db") && error.contains("not a database"), "{error}");
    let error = Store::open(&dir.path().join("no/such/folder/game.db")).unwrap_err().to_string();
    assert!(error.contains("no/such/folder"), "{error}");
}
