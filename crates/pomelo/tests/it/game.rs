//! A small game, and a cluster of it in this process: gate, connectors, chat servers, master, and clients over real sockets.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use pomelo::{
    App, Args, Channels, Hybrid, Me, Next, Push, Remote, Request, Response, Result, Route, Rpc, Running,
    ServerId, Servers, Session, Sessions, State, UserId,
};
use pomelo_client::Client;
use pomelo_cluster::coordinator::MasterAddr;
use pomelo_testkit::eventually;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::dir::Dir;

pub(crate) const ENTER: Route<Enter, Vec<UserId>> = Route::new("connector.entryHandler.enter");
pub(crate) const WHO_AM_I: Route<(), WhoAmI> = Route::new("connector.entryHandler.whoAmI");
pub(crate) const FAIL: Route<(), ()> = Route::new("connector.entryHandler.fail");
pub(crate) const PANIC: Route<(), ()> = Route::new("chat.chatHandler.panic");
pub(crate) const SEEN: Route<(), WhoAmI> = Route::new("chat.chatHandler.seen");
pub(crate) const SAY: Route<Said, ()> = Route::new("chat.chatHandler.say");
pub(crate) const MARK: Route<u32, Option<u32>> = Route::new("chat.chatHandler.mark");
pub(crate) const KICK: Route<String, ()> = Route::new("chat.chatHandler.kick");
pub(crate) const STEP: Route<Step, ()> = Route::new("chat.chatHandler.step");
pub(crate) const STEPS: Route<(), Vec<u32>> = Route::new("chat.chatHandler.steps");
pub(crate) const LOCKED: Route<(), ()> = Route::new("chat.secretHandler.open");
pub(crate) const ADD: Remote<Join, Vec<UserId>> = Remote::new("chat.chatRemote.add");
pub(crate) const LEAVE: Remote<Join, ()> = Remote::new("chat.chatRemote.leave");
pub(crate) const ON_CHAT: Push<Said> = Push::new("onChat");
pub(crate) const ON_LEAVE: Push<UserId> = Push::new("onLeave");
pub(crate) const ON_MARK: Push<u32> = Push::new("onMark");

pub(crate) const FAILED: &str = r#"{"code":500}"#;
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

#[derive(Serialize, Deserialize)]
pub(crate) struct Enter {
    pub(crate) name: String,
    pub(crate) rid: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Join {
    pub(crate) uid: UserId,
    pub(crate) rid: String,
    pub(crate) frontend: ServerId,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WhoAmI {
    pub(crate) server: String,
    pub(crate) uid: Option<String>,
    pub(crate) rid: Option<String>,
    pub(crate) mark: Option<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) text: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) n: u32,
    pub(crate) wait_ms: u64,
}

/// What [`STEP`] recorded, by session.
#[derive(Default)]
pub(crate) struct Steps(Mutex<HashMap<u64, Vec<u32>>>);

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

pub(crate) fn app(dir: &Dir) -> App {
    app_with(dir, Hybrid::new().dictionary())
}

/// The same with other settings of the connectors.
pub(crate) fn app_with(dir: &Dir, hybrid: Hybrid) -> App {
    App::new(dir.config())
        .call_timeout(Duration::from_secs(5))
        .server("gate", |s| s.connector(Hybrid::new()))
        .server("area", |s| s)
        .server("connector", move |s| {
            s.connector(hybrid.clone())
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
pub(crate) fn servers() -> Value {
    let connector = |n: u32| json!({ "id": format!("connector-server-{n}"), "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true });
    let chat = |n: u32| json!({ "id": format!("chat-server-{n}"), "host": "127.0.0.1", "port": 0 });
    json!({
        "connector": [connector(1), connector(2)],
        "chat": [chat(1), chat(2)],
        "gate": [{ "id": "gate-server-1", "host": "127.0.0.1", "clientPort": 0, "frontend": true }],
    })
}

pub(crate) struct Cluster {
    pub(crate) dir: Dir,
    pub(crate) app: App,
    pub(crate) master: Option<Running>,
    pub(crate) servers: HashMap<String, Running>,
}

impl Cluster {
    /// All servers and an active master, and everybody knows everybody.
    pub(crate) async fn start() -> Self {
        Self::start_with(|app| app).await
    }

    /// The same with more in the application.
    pub(crate) async fn start_with(more: impl FnOnce(App) -> App) -> Self {
        let dir = Dir::new(servers());
        let app = more(app(&dir));
        Self::of(dir, app).await
    }

    /// The same of another application.
    pub(crate) async fn of(dir: Dir, app: App) -> Self {
        let mut cluster = Self { dir, app, master: None, servers: HashMap::new() };
        cluster.master =
            Some(cluster.run(&format!("serverType=master port={}", cluster.dir.masters[0])).await);
        for id in
            ["connector-server-1", "connector-server-2", "chat-server-1", "chat-server-2", "gate-server-1"]
        {
            let running = cluster.run(&format!("id={id}")).await;
            cluster.servers.insert(id.to_owned(), running);
        }
        cluster.settled().await;
        cluster
    }

    /// Arguments of the master (0) or the standby (1).
    pub(crate) fn master_args(&self, n: usize) -> String {
        format!("serverType=master port={}", self.dir.masters[n])
    }

    pub(crate) fn master_addr(&self, n: usize) -> MasterAddr {
        MasterAddr { host: "127.0.0.1".into(), port: self.dir.masters[n] }
    }

    pub(crate) async fn run(&self, args: &str) -> Running {
        let args = Args::parse(args.split(' ')).unwrap();
        self.app.start(&args).await.unwrap_or_else(|error| panic!("{args:?}: {error}"))
    }

    /// Both connectors reach both chat servers.
    pub(crate) async fn settled(&self) {
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

    pub(crate) fn port(&self, id: &str) -> u16 {
        self.servers[id].info().client_port.unwrap()
    }

    /// A client of connector 1 over WebSocket, of connector 2 over TCP.
    pub(crate) async fn client(&self, connector: u32) -> Client {
        let port = self.port(&format!("connector-server-{connector}"));
        if connector == 1 {
            Client::connect(&format!("ws://127.0.0.1:{port}")).await.unwrap()
        } else {
            Client::connect(&format!("tcp://127.0.0.1:{port}")).await.unwrap()
        }
    }

    pub(crate) async fn entered(&self, connector: u32, name: &str, rid: &str) -> Client {
        let client = self.client(connector).await;
        ask::<Vec<UserId>>(&client, ENTER.name(), &Enter { name: name.into(), rid: rid.into() }).await;
        client
    }
}

pub(crate) async fn ask<Res: DeserializeOwned>(client: &Client, route: &str, body: &impl Serialize) -> Res {
    client.request(route, body).await.unwrap_or_else(|error| panic!("{route}: {error}"))
}

pub(crate) async fn pushed<Msg: DeserializeOwned>(client: &Client, push: Push<Msg>) -> Msg {
    let next = tokio::time::timeout(LIMIT, client.next_push());
    let message = next.await.expect("no push came").expect("connection was closed");
    assert_eq!(message.route, push.name());
    message.json().unwrap()
}

pub(crate) async fn client_says(client: &Client, text: &str) {
    ask::<Value>(client, SAY.name(), &Said { text: text.into() }).await;
}
