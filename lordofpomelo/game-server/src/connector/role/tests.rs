//! Which heroes are made.

use pomelo::{Servers, UserId, testing::Stage};
use tempfile::TempDir;

use super::*;
use crate::{
    connector::tests::areas,
    messages::Number,
    session::{PLACE, PLAYER},
    testing,
};

/// A connector and its database.
struct Forge {
    stage: Stage,
    servers: Servers,
    store: State<Store>,
    resources: State<Resources>,
    start: State<Start>,
    _folder: TempDir,
}

impl Forge {
    async fn new() -> Self {
        let (store, folder) = testing::store();
        let resources = State::new(testing::resources().await);
        let start = State::new(Start::load(resources.clone()).await.unwrap());
        let stage = Stage::new("connector-server-1");
        Self { stage, servers: areas(), store, resources, start, _folder: folder }
    }

    /// The session of a new account that has signed in.
    async fn account(&self, name: &str) -> Session {
        let user = self.store.register(name, "").await.unwrap();
        let session = self.stage.session();
        session.bind(UserId::from(user.to_string())).await.unwrap();
        session
    }

    async fn make(&self, session: &Session, name: &str, role: u32) -> Result<Created> {
        let wanted = CreatePlayer { name: name.to_owned(), role_id: Number(role) };
        let (servers, store) = (self.servers.clone(), self.store.clone());
        let (resources, start) = (self.resources.clone(), self.start.clone());
        create_player(session.clone(), servers, store, resources, start, wanted).await
    }
}

/// D-9: the original's answer lacked name, position and hit points.
#[tokio::test]
async fn the_answer_has_all_of_the_new_hero() {
    let forge = Forge::new().await;
    let session = forge.account("ann").await;
    let made = forge.make(&session, " Ann the 1st ", 211).await.unwrap();
    let answer = serde_json::to_value(&made).unwrap();
    let player = &answer["player"];
    for field in [
        "id",
        "entityId",
        "name",
        "kindId",
        "kindName",
        "type",
        "x",
        "y",
        "hp",
        "mp",
        "maxHp",
        "maxMp",
        "level",
        "experience",
        "attackValue",
        "defenceValue",
        "walkSpeed",
        "attackSpeed",
        "areaId",
        "hitRate",
        "dodgeRate",
        "nextLevelExp",
        "skillPoint",
        "teamId",
        "isCaptain",
    ] {
        assert!(!player[field].is_null(), "{field} is missing: {player}");
    }
    assert_eq!((&answer["code"], &answer["user"]["id"]), (&200.into(), &1.into()));
    assert_eq!((&player["name"], &player["kindName"]), (&"Ann the 1st".into(), &"Alchemist".into()));
    assert_eq!((&player["hp"], &player["mp"], &player["type"]), (&180.into(), &60.into(), &"player".into()));
    assert_eq!((&player["areaId"], &player["nextLevelExp"]), (&1.into(), &58.into()));
}

#[tokio::test]
async fn a_new_hero_is_stored_and_the_session_plays_it() {
    let forge = Forge::new().await;
    let session = forge.account("ann").await;
    let player = forge.make(&session, "Ann", 210).await.unwrap().player.unwrap();
    let stored = forge.store.player_of(1).await.unwrap().unwrap().hero;
    assert_eq!((stored.id, &*stored.name, stored.skills.iter().count()), (player.own.shown.id, "Ann", 1));
    assert_eq!(session.get(PLAYER).map(|who| (who.id, who.name)), Some((stored.id, "Ann".to_owned())));
    let place = session.get(PLACE).unwrap();
    assert_eq!((place.server.as_str(), place.area, place.key().as_str()), ("area-server-1", 1, "1"));
}

#[tokio::test]
async fn heroes_begin_in_the_start_rectangle_where_one_can_walk() {
    let forge = Forge::new().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        let at = forge.start.point();
        assert!(START.contains(at) && forge.start.0.grid.is_walkable(at), "{at:?}");
        seen.insert((at.x as u32, at.y as u32));
    }
    assert!(seen.len() > 100, "not random: {}", seen.len());
}

#[tokio::test]
async fn names_are_unique_and_clean() {
    let forge = Forge::new().await;
    let (ann, bob) = (forge.account("ann").await, forge.account("bob").await);
    assert_eq!(forge.make(&ann, "Hero", 210).await.unwrap().code, 200);
    for bad in ["Hero", " Hero", "", "  ", "<b>Bob</b>", "Bob;", "a name of 17 long", "😀"] {
        let refused = forge.make(&bob, bad, 210).await.unwrap();
        assert_eq!((refused.code, refused.player.is_none()), (500, true), "{bad:?}");
        assert!(refused.message.is_some());
    }
    assert_eq!(bob.get(PLAYER), None);
    assert_eq!(forge.make(&bob, "小龙女 2_-", 210).await.unwrap().code, 200);
}

#[tokio::test]
async fn nobody_plays_a_monster() {
    let forge = Forge::new().await;
    let ann = forge.account("ann").await;
    for role in [0, 201, 209, 212, u32::MAX] {
        assert_eq!(forge.make(&ann, "Ann", role).await.unwrap().code, 500, "{role}");
    }
    assert!(forge.store.player_of(1).await.unwrap().is_none());
}

#[tokio::test]
async fn an_account_has_one_hero_also_from_two_sessions() {
    let forge = Forge::new().await;
    let ann = forge.account("ann").await;
    let second = forge.stage.session();
    second.bind(ann.uid().unwrap()).await.unwrap();
    assert_eq!(forge.make(&ann, "Ann", 210).await.unwrap().code, 200);
    assert_eq!(forge.make(&second, "Ann 2", 210).await.unwrap().code, 500);
    assert_eq!(second.get(PLAYER), None);
}

#[tokio::test]
async fn without_a_server_of_the_first_scene_nothing_is_made() {
    let mut forge = Forge::new().await;
    let ann = forge.account("ann").await;
    forge.servers = Servers::default();
    assert!(forge.make(&ann, "Ann", 210).await.is_err());
    assert!(forge.store.player_of(1).await.unwrap().is_none());
}
