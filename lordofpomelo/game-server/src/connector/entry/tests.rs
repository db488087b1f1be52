//! What signing in does to a session.

use std::sync::{Arc, Mutex};

use lordofpomelo_world::{Point, hero::Hero, ids::PlayerId};
use pomelo::{Error, Servers, testing::Stage};
use tempfile::TempDir;

use super::*;
use crate::{
    connector::tests::areas,
    messages::remotes::{Account, Authenticated},
    session::{PLACE, PLAYER, Place, SessionPlayer},
    testing,
};

/// A connector, an auth server to which the token is the account's number, and area servers.
struct Door {
    stage: Stage,
    servers: Servers,
    store: State<Store>,
    resources: State<Resources>,
    /// Of whom the area servers were told, and whether there was a player of it in the session then.
    left: Arc<Mutex<Vec<UserId>>>,
    _folder: TempDir,
}

impl Door {
    async fn new() -> Self {
        Self::with_area(|| Ok(true)).await
    }

    async fn with_area(answer: impl Fn() -> Result<bool> + Send + Sync + 'static) -> Self {
        let (store, folder) = testing::store();
        let left = Arc::<Mutex<Vec<_>>>::default();
        let leaving = Arc::clone(&left);
        let auth = |Token { token }: Token| {
            Ok(match token.parse::<u32>() {
                Ok(id) => Authenticated { code: 200, user: Some(Account { id, name: "ann".into() }) },
                Err(_) => Authenticated { code: 1002, user: None },
            })
        };
        let stage = Stage::new("connector-server-1").answer(AUTH, auth).answer(PLAYER_LEAVE, move |leave| {
            leaving.lock().unwrap().push(leave.uid);
            answer()
        });
        let resources = State::new(testing::resources().await);
        Self { stage, servers: areas(), store, resources, left, _folder: folder }
    }

    /// An account, with a hero in this area.
    async fn hero(&self, name: &str, area_id: u32) -> u32 {
        let user = self.store.register(name, "").await.unwrap();
        let hero =
            Hero::new(&self.resources.tables, PlayerId(0), name, 210, Point::new(400.0, 150.0)).unwrap();
        self.store.create_player(user, Hero { area_id, ..hero }).await.unwrap();
        user
    }

    async fn sign_in(&self, session: &Session, token: &str) -> Result<Entered> {
        let (rpc, servers, token) = (self.stage.rpc(), self.servers.clone(), token.to_owned());
        let (store, resources) = (self.store.clone(), self.resources.clone());
        entry(session.clone(), rpc, servers, store, resources, Entry { token }).await
    }
}

#[tokio::test]
async fn whoever_has_a_hero_gets_all_of_its_row_and_is_on_its_way_to_its_scene() {
    let door = Door::new().await;
    let user = door.hero("ann", 3).await;
    let session = door.stage.session();
    let entered = door.sign_in(&session, &user.to_string()).await.unwrap();
    let row = entered.player.unwrap();
    assert_eq!((entered.code, row.user_id, row.name.as_str(), row.area_id), (200, user, "ann", 3));
    assert_eq!((row.x, row.y, row.hp, row.max_mp, row.attack_speed), (400, 150, 220, 20, 1.2));
    assert_eq!((row.kind_name.as_str(), row.skill_point, row.country, row.rank), ("Angel", 1, 1, 1));
    assert_eq!(session.uid().unwrap().as_str(), user.to_string());
    assert_eq!(session.get(PLAYER), Some(SessionPlayer { id: PlayerId(row.id), name: "ann".into() }));
    let server = pomelo::ServerId::new("area-server-3").unwrap();
    assert_eq!(session.get(PLACE), Some(Place { server, area: 3, instance: None, team: None }));
}

/// D-10: the original read the player while its former self still had to be written.
#[tokio::test]
async fn a_former_player_leaves_every_area_server_before_it_is_read() {
    let door = Door::new().await;
    let user = door.hero("ann", 1).await;
    door.sign_in(&door.stage.session(), &user.to_string()).await.unwrap();
    assert_eq!(*door.left.lock().unwrap(), [UserId::from(user.to_string())]);
}

#[tokio::test]
async fn whoever_signs_in_has_no_team() {
    let door = Door::new().await;
    door.stage.add_server("manager-server-1", "manager");
    let user = door.hero("ann", 1).await;
    let entered = door.sign_in(&door.stage.session(), &user.to_string()).await.unwrap();
    let told: Vec<_> = door.stage.sent(team::LEAVE_ANY).into_iter().map(|(_, of)| of.player.0).collect();
    assert_eq!(told, [entered.player.unwrap().id]);
}

#[tokio::test]
async fn an_area_server_that_fails_keeps_nobody_out() {
    let door = Door::with_area(|| Err(Error::msg("no"))).await;
    let user = door.hero("ann", 1).await;
    assert_eq!(door.sign_in(&door.stage.session(), &user.to_string()).await.unwrap().code, 200);
}

#[tokio::test]
async fn an_account_without_a_hero_is_let_in_without_a_player() {
    let door = Door::new().await;
    let user = door.store.register("ann", "").await.unwrap();
    let session = door.stage.session();
    let entered = door.sign_in(&session, &user.to_string()).await.unwrap();
    assert_eq!(entered, Entered { code: 200, player: None });
    assert_eq!(serde_json::to_value(&entered).unwrap(), serde_json::json!({ "code": 200, "player": null }));
    assert_eq!((session.get(PLAYER), session.get(PLACE)), (None, None));
}

#[tokio::test]
async fn the_code_of_auth_reaches_the_client_and_nobody_is_bound() {
    let door = Door::new().await;
    let session = door.stage.session();
    for (token, code) in [("no number", 1002), ("", 500)] {
        assert_eq!(door.sign_in(&session, token).await.unwrap(), Entered { code, player: None });
    }
    assert!(session.uid().is_err());
    assert!(door.left.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_signs_in_twice() {
    let door = Door::new().await;
    let (ann, bob) = (door.hero("ann", 1).await, door.hero("bob", 1).await);
    let session = door.stage.session();
    door.sign_in(&session, &ann.to_string()).await.unwrap();
    for user in [ann, bob] {
        let again = door.sign_in(&session, &user.to_string()).await.unwrap();
        assert_eq!(again, Entered { code: 500, player: None });
    }
    assert_eq!(session.get(PLAYER).unwrap().name, "ann");
    assert_eq!(door.left.lock().unwrap().len(), 1, "nobody was made to leave for it");
}

#[tokio::test]
async fn while_the_scene_has_no_server_signing_in_fails_and_can_be_tried_again() {
    let mut door = Door::new().await;
    let user = door.hero("ann", 3).await.to_string();
    let session = door.stage.session();
    let all = std::mem::take(&mut door.servers);
    assert!(door.sign_in(&session, &user).await.is_err());
    assert!(session.uid().is_err() && session.get(PLAYER).is_none());
    door.servers = all;
    assert_eq!(door.sign_in(&session, &user).await.unwrap().code, 200);
}

#[tokio::test]
async fn a_client_that_is_gone_meanwhile_is_an_error() {
    let door = Door::new().await;
    let user = door.hero("ann", 1).await;
    let session = door.stage.session();
    session.kick("gone").await.unwrap();
    assert!(door.sign_in(&session, &user.to_string()).await.is_err());
}
