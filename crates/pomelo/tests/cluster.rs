//! A whole cluster in one process: gate, connectors and chat servers of a small game, masters, and clients over real
//! sockets.

mod support;

use std::{collections::HashMap, sync::Mutex, time::Duration};

use pomelo::{
    App, Args, Channels, Hybrid, Me, Next, Push, Remote, Request, Response, Result, Route, Rpc, Running,
    ServerId, Servers, Session, Sessions, State, UserId,
};
use pomelo_client::Client;
use pomelo_testkit::eventually;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use support::Dir;

const ENTER: Route<Enter, Vec<UserId>> = Route::new("connector.entryHandler.enter");
const WHO_AM_I: Route<(), WhoAmI> = Route::new("connector.entryHandler.whoAmI");
const FAIL: Route<(), ()> = Route::new("connector.entryHandler.fail");
const PANIC: Route<(), ()> = Route::new("chat.chatHandler.panic");
const SEEN: Route<(), WhoAmI> = Route::new("chat.chatHandler.seen");
const SAY: Route<Said, ()> = Route::new("chat.chatHandler.say");
const MARK: Route<u32, Option<u32>> = Route::new("chat.chatHandler.mark");
const KICK: Route<String, ()> = Route::new("chat.chatHandler.kick");
const STEP: Route<Step, ()> = Route::new("chat.chatHandler.step");
const STEPS: Route<(), Vec<u32>> = Route::new("chat.chatHandler.steps");
const LOCKED: Route<(), ()> = Route::new("chat.secretHandler.open");
const ADD: Remote<Join, Vec<UserId>> = Remote::new("chat.chatRemote.add");
const LEAVE: Remote<Join, ()> = Remote::new("chat.chatRemote.leave");
const ON_CHAT: Push<Said> = Push::new("onChat");
const ON_LEAVE: Push<UserId> = Push::new("onLeave");
const ON_MARK: Push<u32> = Push::new("onMark");

const FAILED: &str = r#"{"code":500}"#;
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Serialize, Deserialize)]
struct Enter {
    name: String,
    rid: String,
}

#[derive(Serialize, Deserialize)]
struct Join {
    uid: UserId,
    rid: String,
    frontend: ServerId,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct WhoAmI {
    server: String,
    uid: Option<String>,
    rid: Option<String>,
    mark: Option<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Step {
    n: u32,
    wait_ms: u64,
}

/// What [`STEP`] recorded, by session.
#[derive(Default)]
struct Steps(Mutex<HashMap<u64, Vec<u32>>>);

async fn enter(session: Session, sessions: Sessions, rpc: Rpc, req: Enter) -> Result<Vec<UserId>> {
    let uid = UserId::from(req.name);
    if !sessions.by_uid(&uid).is_empty() {
        return Err(pomelo::Error::msg("this name is taken"));
    }
    session.bind(uid.clone()).await?;
    session.set("rid", &req.rid).await?;
    let join = Join { uid, rid: req.rid, frontend: session.frontend() };
    Ok(rpc.call(ADD, &session, &join).await?)
}

async fn left(session: Session, rpc: Rpc) -> Result<()> {
    let (Ok(uid), Some(rid)) = (session.uid(), session.get("rid")) else { return Ok(()) };
    let join = Join { uid, rid, frontend: session.frontend() };
    Ok(rpc.call(LEAVE, &session, &join).await?)
}

async fn who_am_i(session: Session, me: Me, _: ()) -> Result<WhoAmI> {
    let uid = session.uid().ok().map(|uid| uid.to_string());
    Ok(WhoAmI { server: me.id.to_string(), uid, rid: session.get("rid"), mark: session.get("mark") })
}

async fn fail(_: ()) -> Result<()> {
    Err(pomelo::Error::msg("on purpose"))
}

async fn panics(_: ()) -> Result<()> {
    panic!("on purpose")
}

async fn say(channels: Channels, session: Session, req: Said) -> Result<()> {
    let rid: String = session.get("rid").ok_or_else(|| pomelo::Error::msg("not in a room"))?;
    Ok(channels.channel(&rid).push(ON_CHAT, &req).await?)
}

async fn mark(session: Session, mark: u32) -> Result<Option<u32>> {
    session.set("mark", &mark).await?;
    session.push(ON_MARK, &mark).await?;
    Ok(session.get("mark"))
}

async fn kick(session: Session, reason: String) -> Result<()> {
    Ok(session.kick(&reason).await?)
}

async fn step(steps: State<Steps>, session: Session, req: Step) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(req.wait_ms)).await;
    steps.0.lock().unwrap().entry(session.id()).or_default().push(req.n);
    Ok(())
}

async fn steps(steps: State<Steps>, session: Session, _: ()) -> Result<Vec<u32>> {
    Ok(steps.0.lock().unwrap().get(&session.id()).cloned().unwrap_or_default())
}

async fn add(channels: Channels, join: Join) -> Result<Vec<UserId>> {
    let room = channels.channel(&join.rid);
    room.add(join.uid, join.frontend)?;
    Ok(room.members())
}

async fn leave(channels: Channels, join: Join) -> Result<()> {
    let room = channels.channel(&join.rid);
    room.leave(&join.uid, &join.frontend);
    Ok(room.push(ON_LEAVE, &join.uid).await?)
}

async fn locked(request: Request, next: Next) -> Response {
    if request.route() == LOCKED.name() && request.session().uid().is_err() {
        return Response::json(&json!({ "code": 401 }));
    }
    next.run(request).await
}

fn by_room(session: &Session, chats: &Servers) -> Option<ServerId> {
    chats.by_hash(&session.get::<String>("rid").unwrap_or_default())
}

fn app(dir: &Dir) -> App {
    App::new(dir.config())
        .call_timeout(Duration::from_secs(5))
        .server("gate", |s| s.connector(Hybrid::new()))
        .server("area", |s| s)
        .server("connector", |s| {
            s.connector(Hybrid::new().dictionary())
                .handler(ENTER, enter)
                .handler(WHO_AM_I, who_am_i)
                .handler(FAIL, fail)
                .on_session_closed(left)
        })
        .server("chat", |s| {
            s.state(Steps::default())
                .handler(SEEN, who_am_i)
                .handler(PANIC, panics)
                .handler(SAY, say)
                .handler(MARK, mark)
                .handler(KICK, kick)
                .handler(STEP, step)
                .handler(STEPS, steps)
                .handler(LOCKED, |_: ()| async { Result::<()>::Ok(()) })
                .remote(ADD, add)
                .remote(LEAVE, leave)
                .filter(locked)
        })
        .route("chat", by_room)
}

/// Two connectors, two chat servers, a gate, and none of type `area`, all on free ports.
fn servers() -> Value {
    let connector = |n: u32| json!({ "id": format!("connector-server-{n}"), "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true });
    let chat = |n: u32| json!({ "id": format!("chat-server-{n}"), "host": "127.0.0.1", "port": 0 });
    json!({
        "connector": [connector(1), connector(2)],
        "chat": [chat(1), chat(2)],
        "gate": [{ "id": "gate-server-1", "host": "127.0.0.1", "clientPort": 0, "frontend": true }],
    })
}

struct Cluster {
    _dir: Dir,
    app: App,
    master: Option<Running>,
    servers: HashMap<String, Running>,
}

impl Cluster {
    /// All servers and an active master, and everybody knows everybody.
    async fn start() -> Self {
        let dir = Dir::new(servers());
        let app = app(&dir);
        let mut cluster = Self { _dir: dir, app, master: None, servers: HashMap::new() };
        cluster.master =
            Some(cluster.run(&format!("serverType=master port={}", cluster._dir.masters[0])).await);
        for id in
            ["connector-server-1", "connector-server-2", "chat-server-1", "chat-server-2", "gate-server-1"]
        {
            let running = cluster.run(&format!("id={id}")).await;
            cluster.servers.insert(id.to_owned(), running);
        }
        cluster.settled().await;
        cluster
    }

    async fn run(&self, args: &str) -> Running {
        let args = Args::parse(args.split(' ')).unwrap();
        self.app.start(&args).await.unwrap_or_else(|error| panic!("{args:?}: {error}"))
    }

    /// Both connectors reach both chat servers.
    async fn settled(&self) {
        for n in [1, 2] {
            let client = &self.client(n).await;
            eventually("a connector knows both chat servers", LIMIT, async || {
                let mut seen = Vec::new();
                for room in 0..8 {
                    let req = json!({ "name": format!("probe{n}-{room}"), "rid": format!("probe{room}") });
                    let probe = self.client(n).await;
                    let entered = probe.request::<_, Value>(ENTER.name(), &req).await.ok()?;
                    entered.as_array()?;
                    seen.push(ask::<WhoAmI>(&probe, SEEN.name(), &()).await.server);
                    probe.close().await;
                }
                seen.sort();
                seen.dedup();
                (seen.len() == 2).then_some(())
            })
            .await;
            client.close().await;
        }
    }

    fn port(&self, id: &str) -> u16 {
        self.servers[id].info().client_port.unwrap()
    }

    /// A client of connector 1 over WebSocket, of connector 2 over TCP.
    async fn client(&self, connector: u32) -> Client {
        let port = self.port(&format!("connector-server-{connector}"));
        if connector == 1 {
            Client::connect_ws(&format!("ws://127.0.0.1:{port}")).await.unwrap()
        } else {
            Client::connect_tcp(&format!("127.0.0.1:{port}")).await.unwrap()
        }
    }

    async fn entered(&self, connector: u32, name: &str, rid: &str) -> Client {
        let client = self.client(connector).await;
        ask::<Vec<UserId>>(&client, ENTER.name(), &Enter { name: name.into(), rid: rid.into() }).await;
        client
    }
}

async fn ask<Res: DeserializeOwned>(client: &Client, route: &str, body: &impl Serialize) -> Res {
    client.request(route, body).await.unwrap_or_else(|error| panic!("{route}: {error}"))
}

async fn pushed<Msg: DeserializeOwned>(client: &Client, push: Push<Msg>) -> Msg {
    let next = tokio::time::timeout(LIMIT, client.next_push());
    let message = next.await.expect("no push came").expect("connection was closed");
    assert_eq!(message.route, push.name());
    message.json().unwrap()
}

#[tokio::test]
async fn requests_are_handled_here_or_by_the_server_that_the_route_function_chooses() {
    let cluster = Cluster::start().await;
    let client = cluster.client(1).await;
    let nobody = WhoAmI { server: "connector-server-1".into(), uid: None, rid: None, mark: None };
    assert_eq!(ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await, nobody);

    let members: Vec<String> = ask(&client, ENTER.name(), &json!({ "name": "alice", "rid": "room1" })).await;
    assert_eq!(members, ["alice"]);
    let seen: WhoAmI = ask(&client, SEEN.name(), &json!({})).await;
    assert_eq!((seen.uid.as_deref(), seen.rid.as_deref()), (Some("alice"), Some("room1")));

    // Another client of the room, on the other connector, is sent to the same chat server.
    let bob = cluster.entered(2, "bob", "room1").await;
    assert_eq!(ask::<WhoAmI>(&bob, SEEN.name(), &json!({})).await.server, seen.server);
}

#[tokio::test]
async fn what_cannot_be_answered_gets_code_500_and_the_connection_stays() {
    let cluster = Cluster::start().await;
    let client = cluster.client(1).await;
    for (route, body) in [
        ("connector.entryHandler.nope", json!({})),
        ("chat.chatHandler.nope", json!({})),
        ("chat.chatHandler.constructor", json!({})),
        ("nosuch.thing.method", json!({})),
        ("area.areaHandler.move", json!({})),
        ("no route", json!({})),
        (FAIL.name(), json!({})),
        (PANIC.name(), json!({})),
        (ENTER.name(), json!({ "name": 7 })),
        (MARK.name(), json!({ "not": "a number" })),
        (SAY.name(), json!({ "text": "not in a room" })),
    ] {
        let answer = client.request_raw(route, body.to_string()).await.unwrap();
        assert_eq!(answer, FAILED, "{route}");
    }
    ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await;
}

#[tokio::test]
async fn a_backend_writes_the_session_of_the_connector_and_pushes_to_it() {
    let cluster = Cluster::start().await;
    let client = cluster.entered(2, "alice", "room1").await;
    assert_eq!(ask::<Option<u32>>(&client, MARK.name(), &7).await, Some(7));
    assert_eq!(ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await.mark, Some(7));
    assert_eq!(ask::<WhoAmI>(&client, SEEN.name(), &json!({})).await.mark, Some(7));
    assert_eq!(pushed(&client, ON_MARK).await, 7);
}

#[tokio::test]
async fn a_channel_reaches_its_members_on_all_connectors_in_order_and_nobody_else() {
    let cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(2, "bob", "room1").await;
    let carol = cluster.entered(2, "carol", "room2").await;
    for n in 0..20 {
        client_says(&alice, &n.to_string()).await;
    }
    client_says(&carol, "elsewhere").await;
    for client in [&alice, &bob] {
        for n in 0..20 {
            assert_eq!(pushed(client, ON_CHAT).await.text, n.to_string());
        }
    }
    assert_eq!(pushed(&carol, ON_CHAT).await.text, "elsewhere");
}

async fn client_says(client: &Client, text: &str) {
    ask::<Value>(client, SAY.name(), &Said { text: text.into() }).await;
}

#[tokio::test]
async fn messages_of_one_session_are_handled_in_order_also_by_a_backend_and_as_notifies() {
    let cluster = Cluster::start().await;
    let client = cluster.entered(1, "alice", "room1").await;
    let quick = cluster.entered(1, "bob", "room1").await;
    for n in 0..20 {
        let step = Step { n, wait_ms: if n % 3 == 0 { 10 } else { 0 } };
        client.notify(STEP.name(), &step).await.unwrap();
    }
    // Somebody else is not held up by that.
    ask::<Value>(&quick, STEP.name(), &Step { n: 1, wait_ms: 0 }).await;
    let steps: Vec<u32> = ask(&client, STEPS.name(), &json!({})).await;
    assert_eq!(steps, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_goes_or_is_kicked_leaves_its_room() {
    let cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(2, "bob", "room1").await;
    let carol = cluster.entered(1, "carol", "room1").await;
    bob.close().await;
    assert_eq!(pushed(&alice, ON_LEAVE).await, UserId::from("bob"));
    carol.request::<_, Value>(KICK.name(), "bye").await.ok();
    let reason = tokio::time::timeout(LIMIT, carol.closed()).await.unwrap();
    assert!(format!("{reason:?}").contains("bye"), "{reason:?}");
    assert_eq!(pushed(&alice, ON_LEAVE).await, UserId::from("carol"));
    // The name is free again.
    cluster.entered(1, "carol", "room1").await;
}

#[tokio::test]
async fn filters_stand_before_handlers() {
    let cluster = Cluster::start().await;
    let client = cluster.client(1).await;
    assert_eq!(ask::<Value>(&client, LOCKED.name(), &json!({})).await, json!({ "code": 401 }));
    ask::<Value>(&client, ENTER.name(), &json!({ "name": "alice", "rid": "r" })).await;
    assert_eq!(ask::<Value>(&client, LOCKED.name(), &json!({})).await, json!({}));
}

#[tokio::test]
async fn play_goes_on_without_a_master() {
    let mut cluster = Cluster::start().await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(2, "bob", "room1").await;
    cluster.master.take().unwrap().stop().await.unwrap();
    client_says(&bob, "still here").await;
    assert_eq!(pushed(&alice, ON_CHAT).await.text, "still here");
    cluster.entered(1, "carol", "room2").await;
}

#[tokio::test]
async fn a_server_that_stops_is_not_sent_to_any_more() {
    let mut cluster = Cluster::start().await;
    let client = cluster.entered(1, "alice", "room1").await;
    let mine = ask::<WhoAmI>(&client, SEEN.name(), &json!({})).await.server;
    cluster.servers.remove(&mine).unwrap().stop().await.unwrap();
    eventually("the room is served by the other chat server", LIMIT, async || {
        let seen = client.request::<_, WhoAmI>(SEEN.name(), &json!({})).await.ok()?;
        (seen.server != mine).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_without_any_master_serves_what_it_can() {
    let dir = Dir::new(servers());
    let connector = app(&dir).start(&Args::parse(["id=connector-server-1"]).unwrap()).await.unwrap();
    let port = connector.info().client_port.unwrap();
    let client = Client::connect_ws(&format!("ws://127.0.0.1:{port}")).await.unwrap();
    assert_eq!(ask::<WhoAmI>(&client, WHO_AM_I.name(), &json!({})).await.server, "connector-server-1");
    assert_eq!(client.request_raw(SEEN.name(), "{}").await.unwrap(), FAILED);
    connector.stop().await.unwrap();
}
