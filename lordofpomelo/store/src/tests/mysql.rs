//! What is about servers: that they go away, and who may use them.

use std::time::Duration;

use mysql::prelude::Queryable as _;
use pomelo_testkit::{
    eventually,
    mariadb::{MariaDb, PASSWORD},
};

use super::{
    Fresh,
    both::{assert_one_stamp, several_heroes, stamped},
    hero, with_player,
};
use crate::{Config, MysqlConfig, OpenError, Parts, Store, StoreError};

/// A server in a [`Fresh`], to get at it again.
fn server(database: &mut Fresh) -> &mut MariaDb {
    match database {
        Fresh::Server(server) => server,
        Fresh::File(_) => unreachable!(),
    }
}

async fn fresh() -> Option<Fresh> {
    MariaDb::for_test().await.map(Fresh::Server)
}

/// Somebody else's connection.
fn at(database: &Fresh) -> mysql::Conn {
    let Config::Mysql(MysqlConfig { url, .. }) = database.config() else { unreachable!() };
    mysql::Conn::new(&*url).unwrap()
}

fn connect(url: String, password: Option<&str>) -> Result<Store, OpenError> {
    Store::connect(&Config::Mysql(MysqlConfig { url, password: password.map(str::to_owned) }))
}

#[tokio::test]
async fn a_server_killed_while_heroes_are_written_has_all_or_nothing_and_is_used_again() {
    let Some(mut database) = fresh().await else { return };
    let heroes = several_heroes(&database, 40).await;
    let store = database.open();
    for round in 0..3 {
        let (writer, written) = (store.clone(), heroes.clone());
        let (first, began) = tokio::sync::oneshot::channel();
        let failed = tokio::spawn(async move {
            let mut first = Some(first);
            for n in 1.. {
                let batch = written.iter().map(|hero| (stamped(hero, round * 100_000 + n), Parts::ALL));
                if let Err(error) = writer.save(batch.collect()).await {
                    return error;
                }
                first.take().map(|first| first.send(()));
            }
            unreachable!()
        });
        began.await.unwrap();
        // Another moment of the writing each time.
        tokio::time::sleep(Duration::from_millis(3 * u64::from(round))).await;
        server(&mut database).kill();
        let error = failed.await.unwrap();
        assert!(error.is_transient() && !error.to_string().contains(PASSWORD), "{error}");
        let error = store.account(1).await.unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("no connection to mysql://"), "{error}");
        server(&mut database).start_again().await.unwrap();
        let store = &store;
        eventually("the server is used again", Duration::from_secs(30), || async move {
            store.account(1).await.ok()
        })
        .await;
        assert_one_stamp(store, &heroes).await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_and_nobody_notices() {
    let Some(mut database) = fresh().await else { return };
    let (store, player) = with_player(&database).await;
    for hp in 1..=5 {
        let own = "SELECT id FROM information_schema.processlist WHERE user = 'lordofpomelo'";
        let number = server(&mut database).sql(own).unwrap();
        server(&mut database).sql(&format!("KILL {number}")).unwrap();
        let mut changed = player.hero.clone();
        changed.stats.hp = hp;
        store.save(vec![(changed, Parts::ALL)]).await.unwrap();
        assert_eq!(store.player(player.hero.id).await.unwrap().unwrap().hero.stats.hp, hp);
    }
}

#[tokio::test]
async fn a_row_that_somebody_else_holds_for_too_long_is_written_when_asked_again() {
    let Some(database) = fresh().await else { return };
    let (store, player) = with_player(&database).await;
    let mut other = at(&database);
    other.query_drop("BEGIN").unwrap();
    other.query_drop("SELECT * FROM `Player` FOR UPDATE").unwrap();
    let error = store.save(vec![(player.hero.clone(), Parts::ALL)]).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("Lock wait timeout"), "{error}");
    other.query_drop("ROLLBACK").unwrap();
    store.save(vec![(player.hero.clone(), Parts::ALL)]).await.unwrap();
}

#[tokio::test]
async fn of_two_that_wait_for_each_other_the_one_that_must_begin_again_does() {
    let Some(mut database) = fresh().await else { return };
    let heroes = several_heroes(&database, 40).await;
    let store = database.open();
    let mut other = at(&database);
    other.query_drop("BEGIN").unwrap();
    // The server makes the one who changed less begin again.
    other.query_drop("UPDATE `Player` SET `hp` = 7 WHERE `id` > 1").unwrap();
    let saved = tokio::spawn({
        let store = store.clone();
        let batch = heroes[..2].iter().map(|hero| (stamped(hero, 3), Parts::ALL)).collect();
        async move { store.save(batch).await }
    });
    let waiting = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'";
    let server = server(&mut database);
    let waits = || server.sql(waiting).unwrap() == "Innodb_row_lock_current_waits\t1";
    eventually("the store waits", Duration::from_secs(30), || async { waits().then_some(()) }).await;
    other.query_drop("UPDATE `Player` SET `hp` = 7 WHERE `id` = 1").unwrap();
    other.query_drop("COMMIT").unwrap();
    saved.await.unwrap().unwrap();
    assert_one_stamp(&store, &heroes[..2]).await;
    let deadlocks = server.sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").unwrap();
    assert_eq!(deadlocks, "Innodb_deadlocks\t1");
}

#[tokio::test]
async fn a_password_may_stand_in_a_file_and_is_never_told() {
    let Some(mut database) = fresh().await else { return };
    let server = server(&mut database);
    drop(connect(server.url_without_password(), Some(PASSWORD)).unwrap());
    let (url, bare) = (server.url(), server.url_without_password());
    for (url, password, expected) in [
        (bare.clone(), Some("s3cret"), "Access denied"),
        (bare, None, "Access denied"),
        (url.replace("/game", "/other"), None, "Access denied"),
        (url.replace("/game", ""), None, "names no database"),
        (url.replace("mysql:", "postgres:"), None, "not the address"),
        (url.replace("127.0.0.1:", "127.0.0.1:s3cret"), None, "not the address"),
        (
            "mysql://lordofpomelo:s3cret@127.0.0.1:1/game".to_owned(),
            None,
            "mysql://lordofpomelo@127.0.0.1:1/game: ",
        ),
        (format!("{url}?s3cret=1"), None, "not the address"),
    ] {
        let error = connect(url.clone(), password).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains(expected), "{url}: {told}");
        assert!(
            !told.contains(PASSWORD) && !told.contains("pass%3A") && !told.contains(":s3cret@"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn tables_half_made_are_completed_and_those_of_a_newer_program_refused() {
    let Some(mut database) = fresh().await else { return };
    drop(database.open());
    let server = server(&mut database);
    server.sql("DROP TABLE `Task`, `FightSkill`; DELETE FROM `Version`").unwrap();
    let (store, player) = with_player(&database).await;
    store.add_task(player.hero.id, 1, 0).await.unwrap();
    database.change(r#"INSERT INTO "Version" ("version") VALUES (99)"#);
    let error = Store::connect(&database.config()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, known: 2, .. }), "{error}");
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_not_cut() {
    let Some(database) = fresh().await else { return };
    let store = database.open();
    let error = store.register(&"x".repeat(51), "hash").await.unwrap_err();
    assert!(matches!(&error, StoreError::Database(_)) && !error.is_transient(), "{error}");
    let user = store.register(&"本".repeat(50), "hash").await.unwrap();
    assert_eq!(store.create_player(user, hero("Annie")).await.unwrap().user, user);
}
