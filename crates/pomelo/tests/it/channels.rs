//! What channels promise, over real sockets: who hears what, in which order, and who is a member when.

use std::{sync::Mutex, time::Duration};

use pomelo::{
    App, Args, Channels, Hybrid, Leavers, Push, Remote, Result, Route, Rpc, Running, ServerId, Session,
    Sessions, State, UserId,
};
use pomelo_client::Client;
use pomelo_testkit::eventually;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    dir::Dir,
    game::{LIMIT, ask, pushed},
};

/// Binds the session and joins a room of the chat server.
const JOIN: Route<Place, ()> = Route::new("connector.roomHandler.join");
/// How many sessions a user has here.
const SESSIONS: Route<String, usize> = Route::new("connector.roomHandler.sessions");
/// Binds the session and joins a room of the connector itself.
const JOIN_HERE: Route<Place, ()> = Route::new("connector.roomHandler.joinHere");
const SAY_HERE: Route<String, usize> = Route::new("connector.roomHandler.sayHere");
const MEMBERS_HERE: Route<String, Vec<UserId>> = Route::new("connector.roomHandler.membersHere");
const MEMBERS: Route<String, Vec<UserId>> = Route::new("chat.roomHandler.members");
/// Five pushes in five ways, with the numbers from this one on.
const ROUND: Route<u32, ()> = Route::new("chat.roomHandler.round");
/// A broadcast of this number to all, and one of the next to those with a user.
const ANNOUNCE: Route<u32, ()> = Route::new("chat.roomHandler.announce");
/// Whom the hook for members that are gone was told of.
const GONE: Route<(), Vec<UserId>> = Route::new("chat.roomHandler.gone");
const ADD: Remote<Member, bool> = Remote::new("chat.roomRemote.add");
const ON_NUMBER: Push<u32> = Push::new("onNumber");

const ROOM: &str = "room";

#[derive(Serialize, Deserialize)]
struct Place {
    name: String,
    room: String,
}

#[derive(Serialize, Deserialize)]
struct Member {
    uid: UserId,
    frontend: ServerId,
    room: String,
}

async fn join(session: Session, rpc: Rpc, place: Place) -> Result<()> {
    session.bind(UserId::from(place.name)).await?;
    let member = Member { uid: session.uid()?, frontend: session.frontend(), room: place.room };
    rpc.call(ADD, &session, &member).await?;
    Ok(())
}

async fn add(channels: Channels, member: Member) -> Result<bool> {
    Ok(channels.channel(&member.room).add(member.uid, member.frontend)?)
}

async fn sessions(sessions: Sessions, name: String) -> Result<usize> {
    Ok(sessions.by_uid(&UserId::from(name)).len())
}

async fn join_here(session: Session, channels: Channels, place: Place) -> Result<()> {
    session.bind(UserId::from(place.name)).await?;
    channels.channel(&place.room).add(session.uid()?, session.frontend())?;
    Ok(())
}

async fn say_here(channels: Channels, room: String) -> Result<usize> {
    let room = channels.channel(&room);
    room.push(ON_NUMBER, &7).await?;
    Ok(room.len())
}

async fn members(channels: Channels, room: String) -> Result<Vec<UserId>> {
    Ok(channels.channel(&room).members())
}

async fn round(channels: Channels, session: Session, n: u32) -> Result<()> {
    let (room, me) = (channels.channel(ROOM), session.uid()?);
    room.push(ON_NUMBER, &n).await?;
    room.push_to(&room.members(), ON_NUMBER, &(n + 1)).await?;
    session.push(ON_NUMBER, &(n + 2)).await?;
    room.push_except([&me], ON_NUMBER, &(n + 3)).await?;
    let frontend = session.frontend();
    channels.push_to_users([(&me, &frontend)], ON_NUMBER, &(n + 4)).await?;
    Ok(())
}

async fn announce(channels: Channels, n: u32) -> Result<()> {
    channels.broadcast("connector", ON_NUMBER, &n).await?;
    Ok(channels.broadcast_to_bound("connector", ON_NUMBER, &(n + 1)).await?)
}

/// Who left, in order.
#[derive(Default)]
struct Gone(Mutex<Vec<UserId>>);

async fn left(gone: State<Gone>, leavers: Leavers) -> Result<()> {
    gone.0.lock().unwrap().extend(leavers.users);
    Ok(())
}

async fn gone(gone: State<Gone>, _: ()) -> Result<Vec<UserId>> {
    Ok(gone.0.lock().unwrap().clone())
}

struct Rooms {
    /// Of the two connectors.
    ports: [u16; 2],
    _servers: Vec<Running>,
    _dir: Dir,
}

impl Rooms {
    async fn open(flush_interval: Duration) -> Self {
        let connector = |n: u32| json!({ "id": format!("connector-server-{n}"), "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true });
        let dir = Dir::new(json!({
            "connector": [connector(1), connector(2)],
            "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": 0 }],
        }));
        let app = App::new(dir.config())
            .server("connector", move |s| {
                s.connector(Hybrid::new().flush_interval(flush_interval))
                    .handler(JOIN, join)
                    .handler(SESSIONS, sessions)
                    .handler(JOIN_HERE, join_here)
                    .handler(SAY_HERE, say_here)
                    .handler(MEMBERS_HERE, members)
            })
            .server("chat", |s| {
                s.handler(MEMBERS, members)
                    .handler(ROUND, round)
                    .handler(ANNOUNCE, announce)
                    .remote(ADD, add)
                    .on_members_left(left)
                    .state(Gone::default())
                    .handler(GONE, gone)
            });
        let mut servers = Vec::new();
        let master = format!("serverType=master port={}", dir.masters[0]);
        for args in [master.as_str(), "id=connector-server-1", "id=connector-server-2", "id=chat-server-1"] {
            servers.push(app.start(&Args::parse(args.split(' ')).unwrap()).await.unwrap());
        }
        let ports = [1, 2].map(|n: usize| servers[n].info().client_port.unwrap());
        let rooms = Self { ports, _servers: servers, _dir: dir };
        for n in [1, 2] {
            let probe = rooms.client(n).await;
            eventually("connector and chat server know each other", LIMIT, async || {
                probe.request::<_, Vec<UserId>>(MEMBERS.name(), "none").await.ok()
            })
            .await;
            probe.close().await;
        }
        rooms
    }

    async fn client(&self, connector: usize) -> Client {
        let port = self.ports[connector - 1];
        Client::connect(&format!("ws://127.0.0.1:{port}")).await.unwrap()
    }

    async fn joined(&self, connector: usize, route: Route<Place, ()>, name: &str) -> Client {
        let client = self.client(connector).await;
        ask::<Value>(&client, route.name(), &Place { name: name.into(), room: ROOM.into() }).await;
        client
    }
}

async fn members_of(client: &Client, route: Route<String, Vec<UserId>>) -> Vec<String> {
    ask(client, route.name(), &ROOM).await
}

async fn heard(client: &Client, count: usize) -> Vec<u32> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(pushed(client, ON_NUMBER).await);
    }
    heard
}

async fn rounds(flush_interval: Duration) {
    let rooms = Rooms::open(flush_interval).await;
    let alice = rooms.joined(1, JOIN, "alice").await;
    let bob = rooms.joined(2, JOIN, "bob").await;
    let carol = rooms.joined(1, JOIN, "carol").await;
    for round in 0..20 {
        ask::<Value>(&alice, ROUND.name(), &(round * 5)).await;
    }
    let expected = |these: &[u32]| {
        (0..20).flat_map(|round| these.iter().map(move |n| round * 5 + n)).collect::<Vec<_>>()
    };
    assert_eq!(heard(&alice, 80).await, expected(&[0, 1, 2, 4]));
    assert_eq!(heard(&bob, 60).await, expected(&[0, 1, 3]));
    assert_eq!(heard(&carol, 60).await, expected(&[0, 1, 3]));
}

#[tokio::test]
async fn what_one_server_pushes_to_one_client_arrives_in_order_in_whatever_way_it_was_pushed() {
    rounds(Duration::ZERO).await;
}

#[tokio::test]
async fn pushes_that_wait_for_each_other_keep_their_order() {
    rounds(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_user_leaves_with_the_last_of_its_sessions_though_nothing_is_pushed() {
    let rooms = Rooms::open(Duration::ZERO).await;
    let bob = rooms.joined(2, JOIN, "bob").await;
    let first = rooms.joined(1, JOIN, "alice").await;
    let second = rooms.joined(1, JOIN, "alice").await;
    assert_eq!(members_of(&bob, MEMBERS).await, ["alice", "bob"]);
    first.close().await;
    eventually("the connector knows that one of two is gone", LIMIT, async || {
        (ask::<usize>(&second, SESSIONS.name(), &"alice").await == 1).then_some(())
    })
    .await;
    ask::<Value>(&bob, ROUND.name(), &0).await;
    assert_eq!(heard(&second, 3).await, [0, 1, 3]);
    assert_eq!(members_of(&bob, MEMBERS).await, ["alice", "bob"]);
    second.close().await;
    eventually("the other one is gone, too", LIMIT, async || {
        (members_of(&bob, MEMBERS).await == ["bob"]).then_some(())
    })
    .await;
    // Of the first session nobody heard.
    assert_eq!(ask::<Vec<String>>(&bob, GONE.name(), &()).await, ["alice"]);
}

#[tokio::test]
async fn who_goes_and_comes_back_at_once_is_a_member_again() {
    let rooms = Rooms::open(Duration::ZERO).await;
    let bob = rooms.joined(2, JOIN, "bob").await;
    for round in 0..10 {
        let alice = rooms.joined(1, JOIN, "alice").await;
        ask::<Value>(&bob, ROUND.name(), &round).await;
        assert_eq!(heard(&alice, 3).await, [round, round + 1, round + 3]);
        drop(alice);
    }
}

#[tokio::test]
async fn a_broadcast_reaches_all_clients_of_a_type_or_those_with_a_user() {
    let rooms = Rooms::open(Duration::ZERO).await;
    let alice = rooms.joined(1, JOIN, "alice").await;
    let bob = rooms.joined(2, JOIN, "bob").await;
    let nobody = rooms.client(2).await;
    for n in [0, 2] {
        ask::<Value>(&alice, ANNOUNCE.name(), &n).await;
    }
    assert_eq!(heard(&alice, 4).await, [0, 1, 2, 3]);
    assert_eq!(heard(&bob, 4).await, [0, 1, 2, 3]);
    assert_eq!(heard(&nobody, 2).await, [0, 2]);
}

#[tokio::test]
async fn a_connector_has_channels_of_its_own() {
    let rooms = Rooms::open(Duration::ZERO).await;
    let alice = rooms.joined(1, JOIN_HERE, "alice").await;
    let bob = rooms.joined(1, JOIN_HERE, "bob").await;
    assert_eq!(ask::<usize>(&bob, SAY_HERE.name(), &ROOM).await, 2);
    assert_eq!((heard(&alice, 1).await, heard(&bob, 1).await), (vec![7], vec![7]));
    alice.close().await;
    eventually("a member that is gone has left", LIMIT, async || {
        (members_of(&bob, MEMBERS_HERE).await == ["bob"]).then_some(())
    })
    .await;
}
