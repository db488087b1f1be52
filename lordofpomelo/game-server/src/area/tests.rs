//! An area server as its handlers see it: a real database and real rules, a stage in place of the other servers.

use std::{sync::Arc, time::Duration};

use lordofpomelo_store::{Parts, Store};
use lordofpomelo_world::{
    Point,
    area::Membership,
    hero::Hero,
    ids::{PlayerId, TeamId},
};
use pomelo::{Game, Leavers, Me, ServerInfo, Servers, Session, State, UserId, testing::Stage};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{
    belongings, coming,
    here::{Door, Here},
    host::Person,
    hosts,
    hosts::Hosts,
    loading::Loading,
    saver,
    saver::Saver,
    teams, travel,
};
use crate::{
    messages::{
        Nothing, Number,
        area::{AreaChanged, ChangeArea, OfSkill, Scene},
        pushes::{ON_ADD_ENTITIES, ON_USER_LEAVE},
        remotes::{CHAT_ADD, Leave, REMOVE_INSTANCE, team},
        team::OfTeam,
    },
    resources::Resources,
    session::{PLACE, PLAYER, Place, SessionPlayer},
    testing,
};

/// An area server with one scene, or for instances.
pub(super) struct Server {
    stage: Stage,
    store: State<Store>,
    resources: State<Resources>,
    loading: State<Loading>,
    saver: State<Saver>,
    pub(super) hosts: State<Hosts>,
    me: Me,
    _folder: TempDir,
}

impl Server {
    async fn new(id: &str, entry: serde_json::Value) -> Self {
        Self::of(game(), id, entry).await
    }

    async fn of(game: Game, id: &str, entry: serde_json::Value) -> Self {
        // Monsters come where they do not come in between.
        fastrand::seed(7);
        let stage = Stage::new(id);
        stage.add_server("chat-server-1", "chat");
        let stage = stage.answer(team::UPDATE_MEMBER, |_| Ok(true)).answer(REMOVE_INSTANCE, |_| Ok(()));
        let mut info = ServerInfo::clone(&stage.me().0);
        info.server_type = serde_json::from_value(json!("area")).unwrap();
        info.extra = entry.as_object().unwrap().clone();
        let me = Me(Arc::new(info));
        let (store, folder) = testing::store();
        let resources = State::new(testing::resources().await);
        let loading = State::new(Loading::new(resources.clone()).await.unwrap());
        let saver = State::new(saver::open(store.clone()).await.unwrap());
        let (channels, rpc) = (stage.channels(), stage.rpc());
        let hosts =
            hosts::open(me.clone(), game, resources.clone(), saver.clone(), channels, rpc).await.unwrap();
        Self { stage, store, resources, loading, saver, hosts: State::new(hosts), me, _folder: folder }
    }

    /// A player who signed in, and stands there in its scene.
    pub(super) async fn player(&self, name: &str, at: Point, place: Place) -> (Session, PlayerId) {
        let user = self.store.register(name, "hash").await.unwrap();
        let hero = Hero::new(&self.resources.tables, PlayerId(0), name, 210, at).unwrap();
        let player = self.store.create_player(user, hero).await.unwrap().hero.id;
        let session = self.stage.session();
        session.bind(UserId::from(user.to_string())).await.unwrap();
        session.set(PLAYER, &SessionPlayer { id: player, name: name.to_owned() }).await.unwrap();
        session.set(PLACE, &place).await.unwrap();
        (session, player)
    }

    pub(super) async fn enter(&self, session: &Session) -> pomelo::Result<Scene> {
        let door = Door::of(session, &self.hosts)?;
        let (store, resources, loading) = (self.store.clone(), self.resources.clone(), self.loading.clone());
        coming::enter_scene(door, self.hosts.clone(), store, resources, loading, self.exit(), Nothing {})
            .await
    }

    fn exit(&self) -> coming::Exit {
        // The database has a thread of its own, which knows nothing of the paused clock.
        self.exit_by(self.saver.clone(), Duration::from_secs(24 * 3600))
    }

    /// As for somebody who waits so long.
    fn exit_by(&self, saver: State<Saver>, waits: Duration) -> coming::Exit {
        let (channels, rpc) = (self.stage.channels(), self.stage.rpc());
        coming::Exit::new(self.resources.clone(), saver, channels, rpc, Some(Instant::now() + waits))
    }

    /// An NPC's way to the oasis is taken.
    async fn change_area(
        &self,
        session: &Session,
        player: PlayerId,
        exit: coming::Exit,
    ) -> pomelo::Result<AreaChanged> {
        let oasis = json!({ "id": "area-server-2", "serverType": "area", "host": "127.0.0.1", "area": 2 });
        let servers = Servers::new([Arc::new(serde_json::from_value(oasis).unwrap())]);
        let here = Here { host: self.hosts.by_key("1").unwrap(), player };
        let (resources, rpc) = (self.resources.clone(), self.stage.rpc());
        let wanted = ChangeArea { target: Number(2) };
        travel::change_area(here, session.clone(), servers, resources, exit, rpc, wanted).await
    }

    pub(super) fn desert(&self) -> Place {
        Place { server: self.me.id.clone(), area: 1, instance: None, team: None }
    }
}

fn game() -> Game {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).into();
    Game { folder, environment: "development".into() }
}

pub(super) async fn desert() -> Server {
    Server::new("area-server-1", json!({ "area": 1 })).await
}

const BIRTH: Point = Point::new(600.0, 250.0);

/// Near the NPC who takes players to the oasis.
const AT_ALMA: Point = Point::new(1439.0, 709.0);

/// Longer than a tick, by the paused clock of these tests.
const A_TICK: Duration = Duration::from_millis(150);

#[tokio::test(start_paused = true)]
async fn who_comes_in_is_answered_with_itself_and_the_others_are_told_after_that() {
    let server = desert().await;
    let (ann, _) = server.player("ann", BIRTH, server.desert()).await;
    let (bob, id) = server.player("bob", BIRTH, server.desert()).await;
    let scene = server.enter(&ann).await.unwrap();
    let own = scene.cur_player.unwrap();
    assert_eq!((own.own.shown.name.as_ref(), own.bag.item_count, own.fight_skills.len()), ("ann", 20, 1));
    assert_eq!(scene.map.unwrap().weight_map.len(), 210);
    server.enter(&bob).await.unwrap();
    let told_of_bob = || {
        let mut told = server.stage.pushed(ON_ADD_ENTITIES);
        told.retain(|push| push.message.player.iter().any(|player| player.id == id));
        told
    };
    assert!(told_of_bob().is_empty(), "before the answer");
    sleep(A_TICK).await;
    assert_eq!(told_of_bob()[0].users, [ann.uid().unwrap()]);
    let chat: Vec<_> = server.stage.sent(CHAT_ADD).into_iter().map(|(_, add)| (add.name, add.area)).collect();
    assert_eq!(chat, [("ann".to_owned(), "1".to_owned()), ("bob".to_owned(), "1".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn who_enters_twice_is_there_once() {
    let server = desert().await;
    let (ann, player) = server.player("ann", BIRTH, server.desert()).await;
    let first = server.enter(&ann).await.unwrap().cur_player.unwrap().own.shown.entity_id;
    let second = server.enter(&ann).await.unwrap().cur_player.unwrap().own.shown.entity_id;
    assert_ne!(first, second);
    let host = server.hosts.by_key("1").unwrap();
    assert_eq!(host.people().len(), 1);
    assert_eq!(host.read(|area| area.entity_of(player)), Some(second));
}

#[tokio::test(start_paused = true)]
async fn whose_client_is_gone_is_stored_and_the_area_is_told() {
    let server = desert().await;
    let (ann, id) = server.player("ann", BIRTH, server.desert()).await;
    let (bob, _) = server.player("bob", BIRTH, server.desert()).await;
    server.enter(&ann).await.unwrap();
    server.enter(&bob).await.unwrap();
    let host = server.hosts.by_key("1").unwrap();
    host.with(|area, now| area.walk(id, vec![BIRTH, Point::new(700.0, 250.0)], now)).unwrap();
    sleep(Duration::from_secs(2)).await;
    let (channel, frontend) = (host.channel(), ann.frontend());
    server.stage.channels().channel(&channel).leave(&ann.uid().unwrap(), &frontend);
    let leavers = Leavers { channel, frontend, users: vec![ann.uid().unwrap()] };
    coming::gone(server.hosts.clone(), server.stage.channels(), server.exit(), leavers).await.unwrap();
    sleep(A_TICK).await;
    server.saver.flush().await.unwrap();
    let stored = server.store.player(id).await.unwrap().unwrap().hero;
    assert_eq!(stored.position, Point::new(700.0, 250.0));
    let told = server.stage.pushed(ON_USER_LEAVE);
    assert_eq!(told.iter().map(|push| push.message.player_id).collect::<Vec<_>>(), [id]);
    assert_eq!(told[0].users, [bob.uid().unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn many_who_go_at_once_are_out_before_any_of_them_is_stored() {
    let server = desert().await;
    let mut users = Vec::new();
    for name in ["ann", "bob", "eve"] {
        let (session, _) = server.player(name, BIRTH, server.desert()).await;
        server.enter(&session).await.unwrap();
        users.push(session.uid().unwrap());
    }
    let host = server.hosts.by_key("1").unwrap();
    let (channel, frontend) = (host.channel(), server.stage.session().frontend());
    for uid in &users {
        server.stage.channels().channel(&channel).leave(uid, &frontend);
    }
    let leavers = Leavers { channel, frontend, users };
    let gone = coming::gone(server.hosts.clone(), server.stage.channels(), server.exit(), leavers);
    // As far as it comes without waiting.
    tokio::select! {
        biased;
        gone = gone => gone.unwrap(),
        () = std::future::ready(()) => {}
    }
    assert!(host.people().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whose_instance_ends_while_it_is_read_from_the_database_does_not_come_into_what_is_left_of_it() {
    let server = Server::new("instance-server-1", json!({ "instance": true })).await;
    let wanted = crate::messages::remotes::NewInstance { area: 4, instance: "4_1".to_owned() };
    hosts::create_instance(server.hosts.clone(), server.stage.rpc(), wanted).await.unwrap();
    let place = Place { area: 4, instance: Some("4_1".to_owned()), ..server.desert() };
    let (ann, _) = server.player("ann", BIRTH, place).await;
    let entering = server.enter(&ann);
    let closing = async {
        let closed = crate::messages::remotes::InstanceId { instance: "4_1".to_owned() };
        assert!(hosts::close_instance(server.hosts.clone(), closed).await.unwrap());
    };
    let (entered, ()) = tokio::join!(biased; entering, closing);
    assert!(entered.unwrap_err().to_string().contains("no area 4_1"));
}

#[tokio::test(start_paused = true)]
async fn who_signs_in_anew_leaves_first_wherever_it_was() {
    let server = desert().await;
    let (ann, id) = server.player("ann", BIRTH, server.desert()).await;
    server.enter(&ann).await.unwrap();
    let leave = || Leave { uid: ann.uid().unwrap() };
    let (hosts, exit) = (server.hosts.clone(), server.exit());
    assert!(coming::player_leave(hosts.clone(), exit, leave()).await.unwrap());
    assert!(server.hosts.by_key("1").unwrap().read(|area| area.hero(id).is_none()));
    assert!(!coming::player_leave(hosts, server.exit(), leave()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_dead_and_those_without_a_place_stay_outside() {
    let server = desert().await;
    let session = server.stage.session();
    assert!(server.enter(&session).await.is_err());
    let elsewhere = Place { instance: Some("4_1".to_owned()), ..server.desert() };
    let (ann, _) = server.player("ann", BIRTH, elsewhere).await;
    let error = server.enter(&ann).await.unwrap_err();
    assert!(error.to_string().contains("no area 4_1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_travelling_player_is_stored_where_it_goes_and_from_an_instance_in_its_scene() {
    let server = desert().await;
    let (ann, id) = server.player("ann", BIRTH, server.desert()).await;
    server.enter(&ann).await.unwrap();
    let host = server.hosts.by_key("1").unwrap();
    let oasis = Place { area: 2, ..server.desert() };
    server.exit().travel(&host, id, &oasis).await.unwrap();
    assert!(host.people().is_empty());
    let stored = server.store.player(id).await.unwrap().unwrap().hero;
    assert_eq!(stored.area_id, 2);
    assert!(server.resources.map(2).unwrap().grid.is_walkable(stored.position));

    let (bob, id) = server.player("bob", BIRTH, server.desert()).await;
    server.enter(&bob).await.unwrap();
    let arena = Place { area: 4, instance: Some(format!("4_{id}")), ..server.desert() };
    server.exit().travel(&host, id, &arena).await.unwrap();
    let stored = server.store.player(id).await.unwrap().unwrap().hero;
    assert_eq!(stored.area_id, 1);
    assert!(server.resources.map(1).unwrap().birth.contains(stored.position), "{:?}", stored.position);
}

#[tokio::test(start_paused = true)]
async fn who_can_not_be_stored_does_not_travel_and_is_sent_to_sign_in_anew() {
    let server = desert().await;
    let (ann, id) = server.player("ann", AT_ALMA, server.desert()).await;
    let nobody = PlayerId(999);
    let hero = Hero { id: nobody, ..server.store.player(id).await.unwrap().unwrap().hero };
    let host = server.hosts.by_key("1").unwrap();
    let person = Person { uid: ann.uid().unwrap(), frontend: ann.frontend(), player: nobody };
    host.enter(hero, None, person);
    assert!(!server.change_area(&ann, nobody, server.exit()).await.unwrap().success);
    assert!(
        server.stage.sessions().get(ann.id()).is_none(),
        "its client would not know that it is another entity"
    );
    assert_eq!(host.people().len(), 1, "until its client is gone");
    assert_eq!(server.stage.channels().channel(&host.channel()).members(), [ann.uid().unwrap()]);
}

/// What a connector waits for a handler.
const CLIENT_WAITS: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn who_wants_to_travel_while_nothing_can_be_stored_is_refused_in_time_and_stays_as_it_is() {
    let server = desert().await;
    let (ann, id) = server.player("ann", AT_ALMA, server.desert()).await;
    let entity = server.enter(&ann).await.unwrap().cur_player.unwrap().own.shown.entity_id;
    let asked = Instant::now();
    let exit = server.exit_by(State::new(Saver::stuck(false)), CLIENT_WAITS);
    assert!(!server.change_area(&ann, id, exit).await.unwrap().success);
    assert!(asked.elapsed() < CLIENT_WAITS, "its client waits no longer");
    assert_eq!(server.hosts.by_key("1").unwrap().read(|area| area.entity_of(id)), Some(entity));
    assert!(server.stage.sessions().get(ann.id()).is_some());
    assert_eq!(ann.get(PLACE), Some(server.desert()));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_stored_in_time_does_not_travel_after_its_client_was_refused() {
    let server = desert().await;
    let (ann, id) = server.player("ann", AT_ALMA, server.desert()).await;
    server.enter(&ann).await.unwrap();
    let asked = Instant::now();
    let exit = server.exit_by(State::new(Saver::stuck(true)), CLIENT_WAITS);
    assert!(!server.change_area(&ann, id, exit).await.unwrap().success);
    assert!(asked.elapsed() < CLIENT_WAITS, "its client waits no longer");
    let host = server.hosts.by_key("1").unwrap();
    assert_eq!(host.people().len(), 1, "it is back until its client, who is sent away, is gone");
    assert!(server.stage.sessions().get(ann.id()).is_none());
    let unsaved = host.with(|area, _| area.take_unsaved());
    assert!(unsaved.iter().any(|(player, marks)| *player == id && marks.player && marks.bag));
}

#[tokio::test(start_paused = true)]
async fn who_wants_to_come_in_while_nothing_can_be_stored_is_refused_in_time() {
    let server = desert().await;
    let (ann, _) = server.player("ann", BIRTH, server.desert()).await;
    let door = Door::of(&ann, &server.hosts).unwrap();
    let (store, resources, loading) =
        (server.store.clone(), server.resources.clone(), server.loading.clone());
    let exit = server.exit_by(State::new(Saver::stuck(false)), CLIENT_WAITS);
    let asked = Instant::now();
    let entered =
        coming::enter_scene(door, server.hosts.clone(), store, resources, loading, exit, Nothing {}).await;
    assert!(entered.is_err() && asked.elapsed() < CLIENT_WAITS);
    assert!(server.hosts.by_key("1").unwrap().people().is_empty());
}

/// In the desert, of such a level.
async fn veteran(server: &Server, level: u32) -> Here {
    let (ann, player) = server.player("ann", BIRTH, server.desert()).await;
    let mut hero = server.store.player(player).await.unwrap().unwrap().hero;
    hero.stats.level = level;
    let host = server.hosts.by_key("1").unwrap();
    host.enter(hero, None, Person { uid: ann.uid().unwrap(), frontend: ann.frontend(), player });
    Here { host, player }
}

#[tokio::test(start_paused = true)]
async fn a_skill_that_can_not_be_stored_now_is_learnt_and_stored_later() {
    let server = desert().await;
    let here = veteran(&server, 50).await;
    let (host, player, asked) = (Arc::clone(&here.host), here.player, Instant::now());
    let stuck = State::new(Saver::stuck(true));
    let learnt = belongings::learn_skill(here, stuck, OfSkill { skill_id: Number(2) }).await.unwrap();
    assert!(learnt.status && asked.elapsed() < CLIENT_WAITS);
    let unsaved = host.with(|area, _| area.take_unsaved());
    assert!(unsaved.iter().any(|(id, marks)| *id == player && marks.skills));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_a_team_that_the_manager_does_not_know_has_none() {
    let mut server = desert().await;
    server.stage = server.stage.answer(team::LEAVE, |_| Ok(false));
    let here = veteran(&server, 1).await;
    let (host, player) = (Arc::clone(&here.host), here.player);
    let lost = Membership { id: TeamId(7), is_captain: false, name: "Dune Riders".into() };
    host.with(|area, _| area.set_team(player, Some(lost))).unwrap();
    teams::leave(here, server.stage.rpc(), OfTeam { team_id: Number(7) }).await.unwrap();
    assert_eq!(host.read(|area| area.membership(player)), None);
}

#[tokio::test(start_paused = true)]
async fn an_instance_ends_when_nobody_has_been_in_it_for_its_life_time() {
    let server = Server::new("instance-server-1", json!({ "instance": true })).await;
    let wanted = || crate::messages::remotes::NewInstance { area: 4, instance: "4_1".to_owned() };
    assert!(hosts::create_instance(server.hosts.clone(), server.stage.rpc(), wanted()).await.unwrap());
    assert!(!hosts::create_instance(server.hosts.clone(), server.stage.rpc(), wanted()).await.unwrap());
    hosts::watch_instances(server.me.clone(), game(), server.hosts.clone(), server.stage.rpc())
        .await
        .unwrap();
    let place = Place { area: 4, instance: Some("4_1".to_owned()), ..server.desert() };
    let (ann, id) = server.player("ann", BIRTH, place).await;
    server.enter(&ann).await.unwrap();
    let an_hour = Duration::from_secs(3600);
    sleep(an_hour).await;
    let host = server.hosts.by_key("4_1").expect("somebody is in it");
    host.leave(id, lordofpomelo_world::area::Farewell::Travels).unwrap();
    sleep(an_hour).await;
    assert!(server.hosts.by_key("4_1").is_none());
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_the_instance_that_was_empty_for_longest_makes_some() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    std::fs::write(folder.path().join("config/instance.json"), r#"{ "max": 2 }"#).unwrap();
    let game = Game { folder: folder.path().into(), environment: "development".into() };
    let server = Server::of(game, "instance-server-1", json!({ "instance": true })).await;
    let make = async |instance: &str| {
        let wanted = crate::messages::remotes::NewInstance { area: 4, instance: instance.to_owned() };
        hosts::create_instance(server.hosts.clone(), server.stage.rpc(), wanted).await
    };
    let enter = async |instance: &str, name: &str| {
        let place = Place { area: 4, instance: Some(instance.to_owned()), ..server.desert() };
        let (session, _) = server.player(name, BIRTH, place).await;
        server.enter(&session).await.unwrap();
    };
    assert!(make("4_1").await.unwrap());
    enter("4_1", "ann").await;
    assert!(make("4_2").await.unwrap());
    assert!(!make("4_2").await.unwrap(), "it is there and takes no place but its own");
    assert!(make("4_3").await.unwrap());
    let there = ["4_1", "4_2", "4_3"].map(|key| server.hosts.by_key(key).is_some());
    assert_eq!(there, [true, false, true], "somebody is in the first");
    enter("4_3", "bob").await;
    assert_eq!(make("4_4").await.unwrap_err().to_string(), "2 instances are here");
}

#[tokio::test(start_paused = true)]
async fn what_changed_is_stored_within_a_minute_and_all_of_it_when_the_server_ends() {
    let server = desert().await;
    let (ann, id) = server.player("ann", BIRTH, server.desert()).await;
    server.enter(&ann).await.unwrap();
    let host = server.hosts.by_key("1").unwrap();
    let walk = |from: Point, to: Point| host.with(|area, now| area.walk(id, vec![from, to], now)).unwrap();
    walk(BIRTH, Point::new(700.0, 250.0));
    sleep(Duration::from_secs(59)).await;
    // The database has a thread of its own, which knows nothing of the paused clock.
    server.saver.flush().await.unwrap();
    let stored = || async { server.store.player(id).await.unwrap().unwrap().hero.position };
    assert_eq!(stored().await, Point::new(700.0, 250.0));
    walk(Point::new(700.0, 250.0), BIRTH);
    sleep(Duration::from_secs(1)).await;
    hosts::close(server.hosts.clone(), server.resources.clone(), server.saver.clone()).await.unwrap();
    assert_eq!(stored().await, BIRTH);
}

#[tokio::test(start_paused = true)]
async fn who_enters_again_has_all_of_it_stored_the_next_time() {
    let server = desert().await;
    let (ann, id) = server.player("ann", BIRTH, server.desert()).await;
    server.enter(&ann).await.unwrap();
    server.enter(&ann).await.unwrap();
    let unsaved = server.hosts.by_key("1").unwrap().with(|area, _| area.take_unsaved());
    assert!(unsaved.iter().any(|(player, marks)| *player == id && marks.bag && marks.tasks));
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_stored_is_stored_the_next_time() {
    let server = desert().await;
    let (ann, id) = server.player("ann", BIRTH, server.desert()).await;
    let nobody = PlayerId(999);
    let hero = Hero { id: nobody, ..server.store.player(id).await.unwrap().unwrap().hero };
    let host = server.hosts.by_key("1").unwrap();
    let person = Person { uid: ann.uid().unwrap(), frontend: ann.frontend(), player: nobody };
    host.enter_again(hero, None, person);
    host.save(&server.saver);
    server.saver.flush().await.unwrap();
    sleep(A_TICK).await;
    let unsaved = host.with(|area, _| area.take_unsaved());
    assert_eq!(unsaved.iter().map(|(player, _)| *player).collect::<Vec<_>>(), [nobody]);
}

#[tokio::test(start_paused = true)]
async fn a_hero_that_can_not_be_stored_costs_the_others_nothing() {
    let server = desert().await;
    let (_, id) = server.player("ann", BIRTH, server.desert()).await;
    let mut hero = server.store.player(id).await.unwrap().unwrap().hero;
    let nobody = Hero { id: PlayerId(999), ..hero.clone() };
    hero.skill_point = 7;
    server.saver.save_later(vec![(nobody, Parts::ALL), (hero, Parts::ALL)]);
    server.saver.flush().await.unwrap();
    assert_eq!(server.store.player(id).await.unwrap().unwrap().hero.skill_point, 7);
}
