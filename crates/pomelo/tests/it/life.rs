//! The life of servers: what runs before, while and after they serve, and that nothing is lost when one leaves.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use pomelo::{
    App, Args, Drain, Error, Me, Peer, Plugin, Remote, Result, Route, Rpc, Servers, Session, StartError,
    State,
};
use pomelo_client::{ClientError, CloseReason};
use pomelo_testkit::eventually;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{dir::Dir, game::*};

const WAIT: Route<(), ()> = Route::new("chat.waitHandler.wait");
const MADE: Route<(), String> = Route::new("chat.waitHandler.made");
const TAKE: Remote<String, ()> = Remote::new("chat.waitRemote.take");

/// What happened, in order, as `server: what`.
#[derive(Clone)]
struct Diary {
    lines: Arc<Mutex<Vec<String>>>,
    /// Lets waiting handlers go on.
    gate: Arc<Semaphore>,
}

impl Diary {
    fn new() -> Self {
        Self { lines: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }

    fn note(&self, me: &str, what: impl std::fmt::Display) {
        self.lines.lock().unwrap().push(format!("{me}: {what}"));
    }

    fn of(&self, me: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter_map(|line| line.strip_prefix(&format!("{me}: ")).map(str::to_owned)).collect()
    }

    async fn has(&self, me: &str, what: &str) {
        eventually(&format!("{me} {what}"), LIMIT, async || {
            self.of(me).iter().any(|line| line == what).then_some(())
        })
        .await;
    }
}

/// Made when the server starts.
struct Made(String);

async fn make(me: Me) -> Result<Made> {
    tokio::task::yield_now().await;
    Ok(Made(format!("made for {}", me.id)))
}

async fn made(made: State<Made>, _: ()) -> Result<String> {
    Ok(made.0.clone())
}

async fn wait(diary: State<Diary>, _: ()) -> Result<()> {
    diary.note("somebody", "waits");
    diary.gate.acquire().await?.forget();
    Ok(())
}

async fn take(diary: State<Diary>, me: Me, what: String) -> Result<()> {
    diary.note(me.id.as_str(), format!("took {what}"));
    Ok(())
}

async fn hand_over(made: State<Made>, servers: Servers, me: Me, rpc: Rpc) -> Result<()> {
    let chats = servers.of_type("chat");
    assert!(chats.get(me.id.as_str()).is_none(), "it would hand over to itself");
    let heir = chats.iter().next().ok_or_else(|| Error::msg("no heir"))?;
    Ok(rpc.call(TAKE, &heir.id, &made.0).await?)
}

struct Noting(Diary);

impl Plugin for Noting {
    fn name(&self) -> &'static str {
        "noting"
    }

    async fn start(&self, me: Me) -> Result<()> {
        self.0.note(me.id.as_str(), "plug-in starts");
        Ok(())
    }

    async fn stop(&self, me: Me) -> Result<()> {
        self.0.note(me.id.as_str(), "plug-in stops");
        Ok(())
    }
}

macro_rules! noting {
    ($what:literal) => {
        |diary: State<Diary>, me: Me| async move {
            diary.note(me.id.as_str(), $what);
            Result::<()>::Ok(())
        }
    };
}

fn living(diary: &Diary) -> impl FnOnce(App) -> App + use<> {
    let diary = diary.clone();
    move |app| {
        app.plugin(Noting(diary.clone())).each_server(move |server_type, s| {
            let s = s
                .state(diary.clone())
                .on_start(noting!("starts"))
                .on_started(noting!("started"))
                .on_all_started(noting!("all started"))
                .on_stop(noting!("stops"))
                .on_drain(noting!("drains"))
                .on_stopped(noting!("stopped"))
                .on_server_added(|diary: State<Diary>, me: Me, peer: Peer| async move {
                    diary.note(me.id.as_str(), format!("added {}", peer.id));
                    Result::<()>::Ok(())
                })
                .on_server_removed(|diary: State<Diary>, me: Me, peer: Peer| async move {
                    diary.note(me.id.as_str(), format!("removed {}", peer.id));
                    Result::<()>::Ok(())
                });
            match server_type {
                "connector" => {
                    s.on_session_bound(|diary: State<Diary>, me: Me, session: Session| async move {
                        diary.note(me.id.as_str(), format!("bound {}", session.uid()?));
                        Result::<()>::Ok(())
                    })
                }
                "chat" => s
                    .state_from(make)
                    .handler(MADE, made)
                    .handler(WAIT, wait)
                    .remote(TAKE, take)
                    .on_drain(hand_over),
                _ => s,
            }
        })
    }
}

#[tokio::test]
async fn hooks_run_from_before_the_start_until_after_the_end() {
    let diary = Diary::new();
    let mut cluster = Cluster::start_with(living(&diary)).await;
    let client = cluster.entered(1, "alice", "room1").await;
    diary.has("connector-server-1", "bound alice").await;
    let made: String = ask(&client, MADE.name(), &json!(null)).await;
    assert!(made.starts_with("made for chat-server-"), "{made}");

    diary.has("chat-server-1", "all started").await;
    for other in ["chat-server-2", "connector-server-1", "connector-server-2", "gate-server-1"] {
        diary.has("chat-server-1", &format!("added {other}")).await;
    }
    cluster.servers.remove("chat-server-1").unwrap().stop().await.unwrap();
    diary.has("chat-server-2", "removed chat-server-1").await;
    diary.has("chat-server-2", "took made for chat-server-1").await;
    let own: Vec<_> =
        diary.of("chat-server-1").into_iter().filter(|line| !line.contains("-server-")).collect();
    let expected =
        ["plug-in starts", "starts", "started", "all started", "stops", "drains", "stopped", "plug-in stops"];
    assert_eq!(own, expected);
}

#[tokio::test]
async fn a_server_whose_preparations_fail_does_not_start_and_says_why() {
    struct Database;
    let dir = Dir::new(json!({ "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": 0 }] }));
    let refused = async |app: App| match app.start(&Args::parse(["id=chat-server-1"]).unwrap()).await {
        Err(error @ StartError::Hook { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it started"),
    };
    let no_database = || async { Err::<Database, _>(Error::msg("nobody answers at db:3306")) };
    let app = App::new(dir.config()).server("chat", move |s| s.state_from(no_database));
    let text = refused(app).await;
    assert!(text.starts_with("chat-server-1 does not start: "), "{text}");
    assert!(text.contains("Database") && text.ends_with(": nobody answers at db:3306"), "{text}");

    let check = || async { Err::<(), _>(Error::msg("no rooms")) };
    let app = App::new(dir.config()).server("chat", move |s| s.on_start(check));
    assert_eq!(refused(app).await, "chat-server-1 does not start: on_start: no rooms");
}

struct Failing;

impl Plugin for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    async fn start(&self, _: Me) -> Result<()> {
        Err(Error::msg("no such database"))
    }

    async fn stop(&self, _: Me) -> Result<()> {
        panic!("it has not begun")
    }
}

#[tokio::test]
async fn plug_ins_that_have_begun_end_when_the_server_does_not_start() {
    let dir = Dir::new(json!({ "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": 0 }] }));
    let args = Args::parse(["id=chat-server-1"]).unwrap();
    let diary = Diary::new();
    let app = |more: fn(pomelo::Server) -> pomelo::Server| {
        let app = App::new(dir.config()).server("chat", more);
        app.plugin(Noting(diary.clone()))
    };
    let error = app(|s| s).plugin(Failing).start(&args).await.err().expect("it started").to_string();
    assert_eq!(error, "chat-server-1 does not start: failing: no such database");
    assert_eq!(diary.of("chat-server-1"), ["plug-in starts", "plug-in stops"]);

    let panics =
        app(|s| s.on_start(|| async { if true { panic!("on purpose") } else { Result::<()>::Ok(()) } }));
    let error = panics.start(&args).await.err().expect("it started").to_string();
    assert_eq!(error, "chat-server-1 does not start: on_start: it panicked");
    assert_eq!(diary.of("chat-server-1").len(), 4);

    let hangs = app(|s| s.on_start(std::future::pending::<Result<()>>));
    let stop = async {
        eventually("it is starting", LIMIT, async || (diary.of("chat-server-1").len() == 5).then_some(()))
            .await;
    };
    let stopped = tokio::time::timeout(LIMIT, hangs.start_until(&args, stop)).await.expect("it hangs");
    assert!(matches!(stopped, Err(StartError::Interrupted { .. })));
    assert_eq!(diary.of("chat-server-1").len(), 6, "{:?}", diary.of("chat-server-1"));
}

#[tokio::test]
async fn a_connector_that_stops_answers_what_was_asked_and_sends_its_clients_elsewhere() {
    let diary = Diary::new();
    let mut cluster = Cluster::start_with(living(&diary)).await;
    let client = cluster.entered(1, "alice", "room1").await;
    let stopping = cluster.servers.remove("connector-server-1").unwrap();
    let port = stopping.info().client_port.unwrap();
    let asked = client.request::<_, Value>(WAIT.name(), &json!(null));
    let (answer, (), ()) = tokio::join!(
        asked,
        async {
            diary.has("somebody", "waits").await;
            stopping.stop().await.unwrap();
        },
        async {
            // The answer comes while the connector leaves.
            eventually("nobody is let in any more", LIMIT, async || {
                tokio::net::TcpStream::connect(("127.0.0.1", port)).await.err()
            })
            .await;
            diary.gate.add_permits(1);
        }
    );
    answer.unwrap();
    assert_eq!(client.closed().await, CloseReason::ComeBack("server is going down".into()));
    diary.has("chat-server-1", "removed connector-server-1").await;
    // There is another connector.
    cluster.entered(2, "alice", "room1").await;
}

#[tokio::test]
async fn no_request_fails_while_a_backend_leaves() {
    let diary = Diary::new();
    let mut cluster =
        Cluster::start_with(|app| living(&diary)(app).drain(Drain::new().finish(Duration::from_secs(5))))
            .await;
    let mut clients = Vec::new();
    for n in 0..8 {
        clients.push(cluster.entered(1 + n % 2, &format!("user{n}"), &format!("room{n}")).await);
    }
    let mut before = Vec::new();
    for client in &clients {
        before.push(ask::<WhoAmI>(client, SEEN.name(), &json!(null)).await.server);
    }
    assert!(before.iter().any(|server| server == "chat-server-1"), "nobody would notice: {before:?}");
    let stopping = cluster.servers.remove("chat-server-1").unwrap();
    let done = Arc::new(Mutex::new(false));
    let asking = clients.iter().map(|client| {
        let done = Arc::clone(&done);
        async move {
            let mut seen = Vec::new();
            loop {
                let last = *done.lock().unwrap();
                let now: Result<WhoAmI, ClientError> = client.request(SEEN.name(), &json!(null)).await;
                seen.push(now.unwrap_or_else(|error| panic!("after {} answers: {error}", seen.len())).server);
                if last {
                    return seen;
                }
            }
        }
    });
    let (seen, ()) = tokio::join!(futures_util::future::join_all(asking), async {
        stopping.stop().await.unwrap();
        *done.lock().unwrap() = true;
    });
    assert!(seen.iter().all(|seen| seen.last().is_some_and(|server| server == "chat-server-2")));
}

#[tokio::test]
async fn a_backend_that_hands_over_is_not_asked_any_more_even_by_who_has_not_heard_of_it() {
    let diary = Diary::new();
    let mut cluster = Cluster::start_with(|app| {
        living(&diary)(app).each_server(|server_type, s| match server_type {
            "chat" => s.on_drain(|diary: State<Diary>| async move {
                diary.gate.acquire().await?.forget();
                Result::<()>::Ok(())
            }),
            _ => s,
        })
    })
    .await;
    let mut clients = Vec::new();
    for n in 0..8 {
        clients.push(cluster.entered(1, &format!("user{n}"), &format!("room{n}")).await);
    }
    // Without a master nobody hears that a server leaves.
    cluster.master.take().unwrap().stop().await.unwrap();
    let stopping = cluster.servers.remove("chat-server-1").unwrap();
    tokio::join!(stopping.stop(), async {
        diary.has("chat-server-1", "drains").await;
        for client in &clients {
            assert_eq!(ask::<WhoAmI>(client, SEEN.name(), &json!(null)).await.server, "chat-server-2");
        }
        diary.gate.add_permits(1);
    })
    .0
    .unwrap();
}
