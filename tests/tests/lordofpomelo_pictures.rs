//! The pictures of README and documents, in `docs/pictures`: the real page, in a real browser, on a real cluster, with heroes who have
//! come as far as the picture wants. `cargo xtask test` does not run it; after the client or a map has changed:
//!
//! ```text
//! cargo build --workspace --bins && (cd lordofpomelo/web-client && npm run build)
//! cargo nextest run -p tests --test lordofpomelo_pictures --run-ignored only --no-capture
//! ```

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::Web;
use lordofpomelo_store::Parts;
use lordofpomelo_world::{
    Point,
    data::Place,
    hero::{Hero, HeroTask, Sort, TaskState, tasks::TaskData},
    ids::PlayerId,
};
use pomelo_testkit::game::root;
use tests::{
    played::{play, serve},
    realm::{Realm, now_ms, thing},
};

/// As the script knows it.
const PASSWORD: &str = "a secret";

/// What it takes, in this order. No single one takes long.
const PICTURES: [&str; 15] = [
    "login",
    "hero-choice",
    "desert",
    "team",
    "quest",
    "oasis",
    "ice",
    "npc",
    "arena",
    "cave",
    "bag",
    "skills",
    "chinese",
    "phone",
    "death",
];

/// A hero by its name, area, level, position in pixels and kind.
type Placed = (&'static str, u32, u32, (f64, f64), u32);

/// Who is where, of which level and kind; the names are the script's. Beside the NPC stands who travels on.
const HEROES: [Placed; 9] = [
    ("Mira", 1, 9, (560.0, 600.0), 210),
    ("Bran", 1, 8, (500.0, 640.0), 211),
    ("Sela", 1, 7, (620.0, 560.0), 210),
    ("Odo", 2, 27, (1900.0, 3120.0), 211),
    ("Iko", 3, 74, (4700.0, 2380.0), 210),
    ("Taro", 1, 31, (1214.0, 1300.0), 211),
    ("Vesna", 1, 88, (2781.0, 810.0), 210),
    ("Lin", 2, 1, (1930.0, 3200.0), 211),
    ("Noor", 1, 42, (700.0, 300.0), 210),
];

#[tokio::test]
#[ignore = "writes docs/pictures"]
async fn pictures_of_the_game_are_taken() -> Result<()> {
    let realm = Realm::start(|_| Ok(())).await?;
    let (_web, url) = serve(&realm.cluster.game).await?.context("no browser, or no built page")?;
    let accounts = Web::at(&url)?;
    for (name, area, level, at, kind) in HEROES {
        let account = accounts.register(name, PASSWORD).await?;
        realm
            .accounts
            .store()
            .create_player(account.uid, hero(&realm, name, kind, (area, at), level)?)
            .await?;
        if name == "Mira" {
            give_quest(&realm, account.uid).await?;
        }
    }
    let mut pages = play("pictures.mjs", &url, &root().join("docs/pictures"))?;
    for name in PICTURES {
        println!("{}", pages.line(&format!("picture {name}.webp")).await?);
    }
    let status = pages.end().await?;
    ensure!(status.success(), "the script failed");
    Ok(())
}

/// A hero who has what one has at this level: the best equipment of every place, some more in the bag, every skill.
fn hero(realm: &Realm, name: &str, kind: u32, (area, (x, y)): (u32, (f64, f64)), level: u32) -> Result<Hero> {
    let at = realm.near(area, Point::new(x, y))?;
    let mut hero = Hero::new(&realm.tables, PlayerId(0), name, kind, at).context("no such kind")?;
    hero.area_id = area;
    realm.raise(&mut hero, level);
    let mut wearable: Vec<_> = realm.tables.equipment.iter().filter(|row| row.hero_level <= level).collect();
    wearable.sort_by_key(|row| (row.hero_level, row.id));
    for row in wearable.iter().filter(|_| level > 1) {
        let place: Place = row.kind;
        hero.equipments.put(place, Some(row.id));
    }
    for row in wearable.iter().rev().take(5) {
        hero.bag.put(thing(Sort::Equipment, row.id));
    }
    for row in realm.tables.item.iter().take(8) {
        hero.bag.put(thing(Sort::Item, row.id));
    }
    for skill in 2..=8 {
        // Those of higher levels are refused.
        let _ = hero.learn(&realm.tables, skill);
    }
    Ok(hero)
}

/// The first quest, half done.
async fn give_quest(realm: &Realm, uid: u32) -> Result<()> {
    let mut hero = realm.accounts.store().player_of(uid).await?.context("no hero")?.hero;
    let id = realm.accounts.store().add_task(hero.id, 1, now_ms()).await?;
    let task_data = TaskData { mob_killed: 1, player_killed: 0 };
    hero.tasks.0.push(HeroTask { id, kind_id: 1, task_state: TaskState::InProgress, task_data });
    let tasks = Parts { player: false, bag: false, equipment: false, skills: false, tasks: true };
    realm.accounts.store().save(vec![(hero, tasks)]).await?;
    Ok(())
}
