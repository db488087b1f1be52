//! What servers can count on between each other when one of them is dead or has too much to do.

use std::{
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering::SeqCst},
    thread::JoinHandle,
    time::Duration,
};

use pomelo::{
    App, Args, CallError, Hybrid, Me, Remote, Result, Route, Rpc, Running, ServerId, State, Target,
};
use pomelo_client::Client;
use pomelo_testkit::eventually;
use serde_json::json;
use tokio::{
    runtime::Builder,
    sync::{Semaphore, oneshot},
};

use crate::{
    dir::Dir,
    game::{LIMIT, ask},
};

/// Ends when the test opens the gate.
const SLOW: Remote<(), ()> = Remote::new("worker.workRemote.slow");
const SLOW_BACK: Remote<(), ()> = Remote::new("connector.workRemote.slow");
const NAME: Remote<(), String> = Remote::new("worker.workRemote.name");
const NAME_BACK: Remote<(), String> = Remote::new("connector.workRemote.name");
const FLOOD_BACK: Remote<(), u32> = Remote::new("worker.workRemote.floodBack");
const ASK_BACK: Remote<(), String> = Remote::new("worker.workRemote.askBack");
const GIVE_UP: Remote<(), usize> = Remote::new("worker.workRemote.giveUp");

const WHO: Route<(), String> = Route::new("worker.workHandler.who");
const HERE: Route<(), String> = Route::new("connector.workHandler.here");
const FLOOD: Route<(), u32> = Route::new("connector.workHandler.flood");
const ASK: Route<(), String> = Route::new("connector.workHandler.ask");
const GIVE_UP_THERE: Route<(), usize> = Route::new("connector.workHandler.giveUp");

struct Gate {
    begun: AtomicUsize,
    ended: AtomicUsize,
    open: Semaphore,
}

type Gates = Arc<Gate>;

async fn slow(gate: State<Gates>, _: ()) -> Result<()> {
    gate.begun.fetch_add(1, SeqCst);
    gate.open.acquire().await?.forget();
    gate.ended.fetch_add(1, SeqCst);
    Ok(())
}

async fn name(me: Me, _: ()) -> Result<String> {
    Ok(me.id.to_string())
}

/// Sends slow work until that is refused, and says how often it was taken.
fn flood(rpc: &Rpc, remote: Remote<(), ()>, to: &ServerId) -> Result<u32> {
    for sent in 0..100_000 {
        match rpc.send(remote, to, &()) {
            Ok(()) => {}
            Err(CallError::Link(error)) if error.retry => return Ok(sent),
            Err(error) => return Err(error.into()),
        }
    }
    Err(pomelo::Error::msg("it is never too much"))
}

/// A server on a thread of its own.
struct Elsewhere {
    running: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Elsewhere {
    /// Ends it without a word to anybody.
    fn dies(self) {
        drop(self.running);
        self.thread.join().unwrap();
    }
}

async fn start_elsewhere(app: Arc<App>, args: Args) -> Elsewhere {
    let (running, stopped) = oneshot::channel::<()>();
    let (started, starting) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let _running = app.start(&args).await.unwrap();
            started.send(()).unwrap();
            stopped.await.unwrap_err();
        });
    });
    starting.await.unwrap();
    Elsewhere { running, thread }
}

struct Cluster {
    _dir: Dir,
    _servers: Vec<Running>,
    client: Client,
    gate: Gates,
    first: Elsewhere,
}

impl Cluster {
    /// A connector and two workers. Clients are sent to the first one while it is there.
    async fn start() -> Self {
        let worker = |n: u32| json!({ "id": format!("worker-{n}"), "host": "127.0.0.1", "port": 0 });
        let dir = Dir::new(json!({
            "connector": [{ "id": "connector-1", "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true }],
            "worker": [worker(1), worker(2)],
        }));
        dir.add("rpc.json", &json!({ "secret": "what only these three know" }));
        let gate = Arc::new(Gate { begun: 0.into(), ended: 0.into(), open: Semaphore::new(0) });
        let (here, there) = (gate.clone(), gate.clone());
        let app = Arc::new(
            App::new(dir.config())
                .server("connector", move |s| {
                    s.connector(Hybrid::new())
                        .state::<Gates>(here.clone())
                        .remote(SLOW_BACK, slow)
                        .remote(NAME_BACK, name)
                        .handler(HERE, name)
                        .handler(FLOOD, |rpc: Rpc, _: ()| async move {
                            let worker = ServerId::new("worker-1")?;
                            let sent = flood(&rpc, SLOW, &worker)?;
                            Result::<u32>::Ok(sent.min(rpc.call(FLOOD_BACK, &worker, &()).await?))
                        })
                        .handler(ASK, |rpc: Rpc, _: ()| async move {
                            let worker = ServerId::new("worker-1")?;
                            Result::<String>::Ok(rpc.call(ASK_BACK, &worker, &()).await?)
                        })
                        .handler(GIVE_UP_THERE, |rpc: Rpc, _: ()| async move {
                            Result::<usize>::Ok(rpc.call(GIVE_UP, &ServerId::new("worker-1")?, &()).await?)
                        })
                })
                .server("worker", move |s| {
                    s.state::<Gates>(there.clone())
                        .remote(SLOW, slow)
                        .remote(NAME, name)
                        .remote(FLOOD_BACK, |rpc: Rpc, _: ()| async move {
                            flood(&rpc, SLOW_BACK, &ServerId::new("connector-1")?)
                        })
                        .remote(ASK_BACK, |rpc: Rpc, _: ()| async move {
                            let for_ever = rpc.within(Duration::MAX);
                            Result::<String>::Ok(for_ever.call(NAME_BACK, Target::Random, &()).await?)
                        })
                        .remote(GIVE_UP, give_up)
                        .handler(WHO, name)
                })
                .route("worker", |_, workers| {
                    workers.get("worker-1").or_else(|| workers.iter().next()).map(|worker| worker.id.clone())
                }),
        );
        let args = |args: &str| Args::parse(args.split(' ')).unwrap();
        let master = app.start(&args(&format!("serverType=master port={}", dir.masters[0]))).await.unwrap();
        let mut servers = vec![master];
        for id in ["id=connector-1", "id=worker-2"] {
            servers.push(app.start(&args(id)).await.unwrap());
        }
        let first = start_elsewhere(app, args("id=worker-1")).await;
        let port = servers[1].info().client_port.unwrap();
        let client = Client::connect(&format!("ws://127.0.0.1:{port}")).await.unwrap();
        let cluster = Self { _dir: dir, _servers: servers, client, gate, first };
        eventually("the first worker is asked, and knows the connector", LIMIT, async || {
            let who: String = cluster.client.request(WHO.name(), &json!({})).await.ok()?;
            let asked: Result<String, _> = cluster.client.request(ASK.name(), &json!({})).await;
            (who == "worker-1" && asked.is_ok()).then_some(())
        })
        .await;
        cluster
    }
}

/// Calls this very server and stops waiting as soon as the call has begun.
async fn give_up(me: Me, rpc: Rpc, gate: State<Gates>, _: ()) -> Result<usize> {
    let called = tokio::spawn({
        let (id, rpc) = (me.id.clone(), rpc.within(Duration::MAX).fail_over(2));
        async move { rpc.call(SLOW, &id, &()).await }
    });
    while gate.begun.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    called.abort();
    // What was aborted is gone when this is ready.
    let _ = called.await;
    gate.open.add_permits(1);
    while gate.ended.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    Ok(gate.ended.load(SeqCst))
}

#[tokio::test]
async fn a_request_for_a_server_that_is_dead_goes_to_another_one_at_once() {
    let cluster = Cluster::start().await;
    cluster.first.dies();
    // What was on its way to the dead one when it died may be lost. When this is answered, the connector has seen its end.
    assert_eq!(ask::<String>(&cluster.client, HERE.name(), &json!({})).await, "connector-1");
    for _ in 0..20 {
        assert_eq!(ask::<String>(&cluster.client, WHO.name(), &json!({})).await, "worker-2");
    }
}

#[tokio::test]
async fn servers_that_send_each_other_more_than_they_can_do_still_get_answers() {
    let cluster = Cluster::start().await;
    let sent: u32 = ask(&cluster.client, FLOOD.name(), &json!({})).await;
    assert!((1_000..100_000).contains(&sent), "{sent}");
    for _ in 0..20 {
        assert_eq!(ask::<String>(&cluster.client, ASK.name(), &json!({})).await, "connector-1");
    }
    cluster.gate.open.add_permits(100_000);
    let gate = &cluster.gate;
    let all_done =
        || gate.begun.load(SeqCst) >= 2 * sent as usize && gate.begun.load(SeqCst) == gate.ended.load(SeqCst);
    eventually("all of it is done in the end", LIMIT, async || all_done().then_some(())).await;
}

#[tokio::test]
async fn a_call_of_a_server_to_itself_goes_on_when_its_caller_is_gone() {
    let cluster = Cluster::start().await;
    assert_eq!(ask::<usize>(&cluster.client, GIVE_UP_THERE.name(), &json!({})).await, 1);
}
