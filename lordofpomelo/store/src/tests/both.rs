//! What holds for SQLite and MySQL alike.

use std::{collections::BTreeSet, future::ready};

use lordofpomelo_world::{
    Point,
    data::Place,
    hero::{Hero, Skill, Sort, TaskState, Thing},
    ids::PlayerId,
};

use super::{Fresh, hero, on_both, with_player};
use crate::{Parts, Player, Store, StoreError};

on_both! {
    async fn an_account_is_found_again_by_name_and_number_and_counts_its_logins(database) {
        let user = database.open().register("ann", "hash").await.unwrap();
        let store = database.open();
        store.signed_in(user, 1_700_000_000_000).await.unwrap();
        let account = store.account_by_name("ann").await.unwrap().unwrap();
        assert_eq!((account.id, account.password.as_str(), account.login_count), (user, "hash", 1));
        assert_eq!(account.last_login_ms, 1_700_000_000_000);
        store.signed_in(user, 1_700_000_000_000).await.unwrap();
        assert_eq!(store.account(user).await.unwrap().unwrap().login_count, 2);
        assert_eq!(store.account_by_name("bob").await.unwrap(), None);
        assert!(matches!(store.signed_in(99, 0).await, Err(StoreError::Missing)));
        assert!(matches!(store.register("ann", "other").await, Err(StoreError::NameTaken)));
    }

    async fn names_of_accounts_differ_by_case_accents_and_blanks(database) {
        let store = database.open();
        for name in ["ann", "Ann", "änn", "ann ", " ann", "安", "🍊"] {
            let user = store.register(name, "hash").await.unwrap();
            assert_eq!(store.account_by_name(name).await.unwrap().unwrap().id, user, "{name:?}");
        }
        assert_eq!(store.account_by_name("ANN").await.unwrap(), None);
    }

    async fn names_of_heroes_differ_by_more_than_case_and_blanks(database) {
        let store = database.open();
        for (n, (name, is_free)) in [
            ("Ann the 2nd", true), ("ann the 2nd", false), ("ANN  the 2nd", false), (" Ann the 2nd ", false), ("Annthe 2nd", true),
            ("Änn the 2nd", true), ("änn THE 2nd", false), ("Straße", true), ("strasse", false), ("安", true), ("🍊", true),
        ].into_iter().enumerate() {
            let user = store.register(&format!("user {n}"), "hash").await.unwrap();
            match store.create_player(user, hero(name)).await {
                Ok(player) => assert!(is_free && *player.hero.name == *name, "{name:?}"),
                Err(StoreError::NameTaken) => assert!(!is_free, "{name:?}"),
                Err(error) => panic!("{name:?}: {error}"),
            }
            assert_eq!(store.player_of(user).await.unwrap().is_some(), is_free, "{name:?}");
        }
    }

    async fn heroes_of_an_older_game_keep_names_that_pass_for_each_other_and_nobody_else_gets_them(database) {
        let (store, annie) = with_player(database).await;
        let user = store.register("bob", "hash").await.unwrap();
        let bob = store.create_player(user, hero("Bob")).await.unwrap();
        store.close().await;
        database.change(r#"UPDATE "Player" SET "name" = 'ANNIE' WHERE "name" = 'Bob'"#);
        database.age();
        let store = database.open();
        assert_eq!(&*store.player(annie.hero.id).await.unwrap().unwrap().hero.name, "Annie");
        assert_eq!(&*store.player(bob.hero.id).await.unwrap().unwrap().hero.name, "ANNIE");
        let user = store.register("eve", "hash").await.unwrap();
        let taken = store.create_player(user, hero("annie")).await;
        assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
        store.create_player(user, hero("Bob")).await.unwrap();
    }

    async fn nothing_is_stored_of_a_hero_as_it_was_before_another_server_took_it_over(database) {
        let (slow, player) = with_player(database).await;
        let id = player.hero.id;
        let mut before = slow.take_over(id).await.unwrap().unwrap().hero;
        let store = database.open();
        let mut hero = store.take_over(id).await.unwrap().unwrap().hero;
        (before.experience, hero.experience) = (1, 2);
        store.save(vec![(hero.clone(), Parts::ALL)]).await.unwrap();
        for parts in [Parts::ALL, Parts { player: false, ..Parts::ALL }] {
            let late = slow.save(vec![(before.clone(), parts)]).await;
            assert!(matches!(late, Err(StoreError::Superseded)), "{late:?}");
        }
        assert_eq!(store.player(id).await.unwrap().unwrap().hero, hero);
        assert_eq!(store.take_over(PlayerId(99)).await.unwrap(), None);
    }

    async fn everything_of_a_hero_comes_back_as_it_was(database) {
        let (store, mut player) = with_player(database).await;
        let id = store.add_task(player.hero.id, 1, 1_700_000_000_000).await.unwrap();
        assert!(matches!(store.add_task(player.hero.id, 1, 6).await, Err(StoreError::NameTaken)));
        assert!(matches!(store.add_task(PlayerId(99), 1, 6).await, Err(StoreError::Missing)));
        let hero = &mut player.hero;
        let mut task = store.player(hero.id).await.unwrap().unwrap().hero.tasks.0.remove(0);
        assert_eq!((task.id, task.kind_id, task.task_state), (id, 1, TaskState::InProgress));
        task.task_state = TaskState::Complete;
        task.task_data.mob_killed = 3;
        hero.tasks.0.push(task);
        hero.position = Point::new(1234.0, -77.0);
        (hero.area_id, hero.experience, hero.stats.level) = (3, u64::from(u32::MAX) * 2, 60);
        // Sizes that the original cut.
        (hero.stats.hp, hero.stats.max_hp, hero.stats.attack_speed) = (u32::MAX, u32::MAX, 1.2);
        hero.skills = vec![skill(3, 7), skill(1, 1), skill(2, 1)].into();
        hero.equipments.put(Place::Amulet, Some(103));
        for _ in 0..20 {
            hero.bag.put(Thing { id: u32::MAX, sort: Sort::Equipment });
        }
        store.save(vec![(hero.clone(), Parts::ALL)]).await.unwrap();
        let learned: Vec<u32> = hero.skills.iter().map(|skill| skill.id).collect();
        let mut stored = database.open().player_of(player.user).await.unwrap().unwrap();
        // The first skill is known from the beginning.
        assert_eq!((learned, stored.hero.skills.iter().map(|skill| skill.id).collect()), (vec![3, 1, 2], vec![1, 3, 2]));
        stored.hero.skills = player.hero.skills.clone();
        assert_eq!(stored, player);
        store.save(vec![(player.hero.clone(), Parts::ALL)]).await.unwrap();
        assert_eq!(store.player(player.hero.id).await.unwrap().unwrap().hero.bag, player.hero.bag);
    }

    async fn skills_keep_the_order_of_learning_whatever_is_written_later(database) {
        let (store, mut player) = with_player(database).await;
        for (id, level) in [(5, 1), (2, 1), (5, 2), (4, 1), (2, 3)] {
            let mut skills: Vec<Skill> = player.hero.skills.iter().cloned().collect();
            skills.retain(|skill| skill.id != id);
            skills.insert(0, skill(id, level));
            player.hero.skills = skills.into();
            store.save(vec![(player.hero.clone(), Parts::ALL)]).await.unwrap();
        }
        let stored = store.player(player.hero.id).await.unwrap().unwrap().hero.skills;
        let stored: Vec<_> = stored.iter().map(|skill| (skill.id, skill.level)).collect();
        assert_eq!(stored, [(1, 1), (5, 2), (2, 3), (4, 1)]);
    }

    async fn only_the_parts_that_are_named_are_written(database) {
        let (store, player) = with_player(database).await;
        let mut changed = player.hero.clone();
        changed.stats.hp = 1;
        changed.bag.put(Thing { id: 3, sort: Sort::Item });
        store.save(vec![(changed.clone(), Parts { bag: true, ..NOTHING })]).await.unwrap();
        let stored = store.player(player.hero.id).await.unwrap().unwrap().hero;
        assert_eq!((stored.stats.hp, &stored.bag), (player.hero.stats.hp, &changed.bag));
    }

    async fn of_several_heroes_all_are_written_or_none(database) {
        let (store, player) = with_player(database).await;
        for parts in [Parts::ALL, Parts { bag: true, ..NOTHING }, Parts { skills: true, ..NOTHING }] {
            let (mut changed, mut nobody) = (player.hero.clone(), player.hero.clone());
            changed.stats.hp = 1;
            nobody.id = PlayerId(99);
            let saved = store.save(vec![(changed, Parts::ALL), (nobody, parts)]).await;
            assert!(matches!(saved, Err(StoreError::Missing)), "{parts:?}: {saved:?}");
            assert_eq!(store.player(player.hero.id).await.unwrap().unwrap().hero, player.hero);
        }
    }

    async fn names_and_accounts_have_one_hero_each(database) {
        let (store, player) = with_player(database).await;
        let again = store.create_player(player.user, hero("Other")).await;
        assert!(matches!(again, Err(StoreError::HasPlayer)), "{again:?}");
        let bob = store.register("bob", "hash").await.unwrap();
        let taken = store.create_player(bob, hero("Annie")).await;
        assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
        assert!(matches!(store.create_player(99, hero("Nobody")).await, Err(StoreError::Missing)));
        assert_eq!(store.player_of(bob).await.unwrap(), None);
        assert_eq!(store.create_player(bob, hero("Bobby")).await.unwrap().user, bob);
    }

    async fn what_is_written_by_one_server_is_read_by_another_at_once(database) {
        let (one, player) = with_player(database).await;
        let other = database.open();
        for hp in 1..=50 {
            let mut changed = player.hero.clone();
            changed.stats.hp = hp;
            let (writer, reader) = if hp % 2 == 0 { (&one, &other) } else { (&other, &one) };
            writer.save(vec![(changed, Parts::ALL)]).await.unwrap();
            assert_eq!(reader.player(player.hero.id).await.unwrap().unwrap().hero.stats.hp, hp);
        }
    }

    async fn servers_that_start_at_once_find_one_set_of_tables(database) {
        let mut opened = Vec::new();
        for _ in 0..12 {
            let config = database.config();
            opened.push(std::thread::spawn(move || Store::connect(&config)));
        }
        for (n, opened) in opened.into_iter().enumerate() {
            let store = opened.join().unwrap().unwrap();
            assert_eq!(store.register(&format!("user {n}"), "hash").await.unwrap(), n as u32 + 1);
        }
    }

    async fn of_servers_that_give_a_name_at_once_one_succeeds(database) {
        let stores: Vec<Store> = (0..4).map(|_| database.open()).collect();
        for name in ["ann", "bob", "eve"] {
            let register = |store: Store| tokio::spawn(async move { store.register(name, "hash").await });
            let asked: Vec<_> = stores.iter().cloned().map(register).collect();
            let mut users = Vec::new();
            for asked in asked {
                match asked.await.unwrap() {
                    Ok(user) => users.push(user),
                    Err(error) => assert!(matches!(error, StoreError::NameTaken), "{error}"),
                }
            }
            let [user] = users[..] else { panic!("{users:?}") };
            let create = |store: Store| tokio::spawn(async move { store.create_player(user, hero(name)).await });
            let asked: Vec<_> = stores.iter().cloned().map(create).collect();
            let mut made = 0;
            for asked in asked {
                match asked.await.unwrap() {
                    Ok(_) => made += 1,
                    Err(error) => assert!(matches!(error, StoreError::HasPlayer), "{error}"),
                }
            }
            assert_eq!(made, 1);
        }
    }

    async fn tasks_of_all_servers_have_numbers_of_their_own(database) {
        let (store, player) = with_player(database).await;
        let bob = store.register("bob", "hash").await.unwrap();
        let bob = store.create_player(bob, hero("Bobby")).await.unwrap().hero.id;
        let asked: Vec<_> = [(store, player.hero.id), (database.open(), bob)].into_iter().map(|(store, player)| {
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for kind in 1..=30 {
                    numbers.push(store.add_task(player, kind, 0).await.unwrap());
                }
                numbers
            })
        }).collect();
        let mut numbers = BTreeSet::new();
        for asked in asked {
            numbers.extend(asked.await.unwrap());
        }
        assert_eq!(numbers.len(), 60);
    }

    async fn servers_that_write_the_same_heroes_in_any_order_wait_for_each_other(database) {
        let heroes = several_heroes(database, 12).await;
        let reader = database.open();
        let writers: Vec<_> = (0..4).map(|n| {
            let (store, mut heroes) = (database.open(), heroes.clone());
            // In opposite orders, so that each holds what the other wants.
            if n % 2 == 1 {
                heroes.reverse();
            }
            tokio::spawn(async move {
                for round in 0..25 {
                    let stamped = heroes.iter().map(|hero| (stamped(hero, n * 1_000 + round), Parts::ALL));
                    store.save(stamped.collect()).await.unwrap();
                }
            })
        }).collect();
        while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            let hero = reader.player(heroes[3].id).await.unwrap().unwrap().hero;
            assert_stamped(&hero);
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_one_stamp(&reader, &heroes).await;
    }

    async fn all_that_was_asked_is_done_when_the_store_is_closed(database) {
        let (store, player) = with_player(database).await;
        let clone = store.clone();
        for hp in 1..=300 {
            let mut changed = player.hero.clone();
            changed.stats.hp = hp;
            // Asked, and forgotten.
            tokio::select! {
                biased;
                saved = store.save(vec![(changed, Parts::ALL)]) => saved.unwrap(),
                () = ready(()) => {}
            }
        }
        tokio::join!(store.close(), clone.close());
        assert!(matches!(clone.account(1).await, Err(StoreError::Closed)));
        clone.close().await;
        assert_eq!(database.open().player(player.hero.id).await.unwrap().unwrap().hero.stats.hp, 300);
    }

    async fn damage_is_named(database) {
        let (store, player) = with_player(database).await;
        store.add_task(player.hero.id, 4, 0).await.unwrap();
        for (damage, repair, expected) in [
            (r#"UPDATE "Bag" SET "items" = '{"21":'"#, r#"UPDATE "Bag" SET "items" = '{}'"#, "Bag 1: "),
            (r#"UPDATE "Task" SET "taskState" = 7"#, r#"UPDATE "Task" SET "taskState" = 0"#, "Task 1: taskState 7"),
            (r#"UPDATE "Task" SET "taskData" = 'x'"#, r#"UPDATE "Task" SET "taskData" = '{}'"#, "Task 1: "),
        ] {
            database.change(damage);
            let error = store.player(player.hero.id).await.unwrap_err();
            assert!(error.to_string().starts_with(expected) && !error.is_transient(), "{error}");
            database.change(repair);
            store.player(player.hero.id).await.unwrap();
        }
    }
}

const NOTHING: Parts = Parts { player: false, bag: false, equipment: false, skills: false, tasks: false };

fn skill(id: u32, level: u32) -> Skill {
    Skill { id, level, ready_at_ms: 0 }
}

/// So many heroes of as many accounts.
pub(super) async fn several_heroes(database: &Fresh, count: u32) -> Vec<Hero> {
    let store = database.open();
    let mut heroes = Vec::new();
    for n in 0..count {
        let user = store.register(&format!("user {n}"), "hash").await.unwrap();
        heroes.push(store.create_player(user, hero(&format!("Hero {n}"))).await.unwrap().hero);
    }
    heroes
}

/// The hero with the same number in all its tables.
pub(super) fn stamped(hero: &Hero, stamp: u32) -> Hero {
    let mut hero = hero.clone();
    hero.stats.hp = stamp;
    hero.equipments.put(Place::Weapon, Some(stamp + 1));
    hero.skills = vec![skill(1, stamp)].into();
    hero
}

/// Checks that the hero is as one writer wrote it, and says when.
pub(super) fn assert_stamped(hero: &Hero) -> u32 {
    let stamp = hero.stats.hp;
    if hero.equipments.at(Place::Weapon).is_some() {
        assert_eq!(hero.equipments.at(Place::Weapon), Some(stamp + 1));
        assert_eq!(hero.skills.iter().map(|skill| skill.level).collect::<Vec<_>>(), [stamp]);
    }
    stamp
}

/// Checks that one writer wrote all heroes last.
pub(super) async fn assert_one_stamp(store: &Store, heroes: &[Hero]) {
    let mut stamps = BTreeSet::new();
    for hero in heroes {
        let Player { hero, .. } = store.player(hero.id).await.unwrap().unwrap();
        stamps.insert(assert_stamped(&hero));
    }
    assert_eq!(stamps.len(), 1, "{stamps:?}");
}
