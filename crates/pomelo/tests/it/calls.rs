//! Calls between servers as a game makes them: to one, to all, chosen in many ways, with deadlines and second attempts.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use pomelo::{
    App, Args, CallError, Deadline, Hybrid, Me, Remote, Result, Route, Rpc, Running, ServerId, Session,
    State, Target,
};
use pomelo_client::Client;
use pomelo_testkit::eventually;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    dir::Dir,
    game::{LIMIT, ask},
};

const NAME: Remote<(), String> = Remote::new("worker.workRemote.name");
const FAIL_ON_1: Remote<(), String> = Remote::new("worker.workRemote.failOn1");
const LEFT: Remote<u32, Vec<u64>> = Remote::new("worker.workRemote.left");
const HANG_ON_1: Remote<(), String> = Remote::new("worker.workRemote.hangOn1").idempotent();
const NOTE: Remote<u32, ()> = Remote::new("worker.workRemote.note");
const NOTED: Remote<(), u32> = Remote::new("worker.workRemote.noted");

const CHOSEN: Route<String, Vec<String>> = Route::new("connector.rpcHandler.chosen");
const ALL: Route<(), BTreeMap<String, Option<String>>> = Route::new("connector.rpcHandler.all");
const SEND_ALL: Route<u32, usize> = Route::new("connector.rpcHandler.sendAll");
const NOTED_ALL: Route<(), u32> = Route::new("connector.rpcHandler.notedAll");
const DEADLINES: Route<(), Vec<u64>> = Route::new("connector.rpcHandler.deadlines");
const TRY: Route<Try, String> = Route::new("connector.rpcHandler.try");
const SAFE: Route<(), String> = Route::new("connector.rpcHandler.safe");
const FORWARDED: Route<(), Option<u64>> = Route::new("worker.workHandler.left");

#[derive(Serialize, Deserialize)]
struct Try {
    attempts: u32,
    within_ms: u64,
    hang: bool,
}

#[derive(Default)]
struct Noted(AtomicU32);

async fn name(me: Me, _: ()) -> Result<String> {
    Ok(me.id.to_string())
}

async fn fail_on_1(me: Me, _: ()) -> Result<String> {
    if me.id.as_str() == "worker-1" { Err(pomelo::Error::msg("on purpose")) } else { Ok(me.id.to_string()) }
}

/// How many milliseconds are left here, and at the servers that this one asks, so many deep.
async fn left(rpc: Rpc, deadline: Deadline, depth: u32) -> Result<Vec<u64>> {
    let here = deadline.left().ok_or_else(|| pomelo::Error::msg("no deadline"))?;
    let mut all = vec![here.as_millis() as u64];
    if depth > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        all.extend(rpc.call(LEFT, Target::RoundRobin, &(depth - 1)).await?);
    }
    Ok(all)
}

async fn hang_on_1(me: Me, _: ()) -> Result<String> {
    if me.id.as_str() == "worker-1" { std::future::pending().await } else { Ok(me.id.to_string()) }
}

async fn note(noted: State<Noted>, by: u32) -> Result<()> {
    noted.0.fetch_add(by, Relaxed);
    Ok(())
}

async fn noted(noted: State<Noted>, _: ()) -> Result<u32> {
    Ok(noted.0.load(Relaxed))
}

async fn chosen(session: Session, rpc: Rpc, how: String) -> Result<Vec<String>> {
    let first = ServerId::new("worker-1")?;
    let target = match how.as_str() {
        "session" => Target::Session(&session),
        "server" => Target::Server(&first),
        "random" => Target::Random,
        "turns" => Target::RoundRobin,
        "weighted" => Target::Weighted,
        key => Target::Key(key),
    };
    let mut names = Vec::new();
    for _ in 0..12 {
        names.push(rpc.call(NAME, target, &()).await?);
    }
    Ok(names)
}

async fn all(rpc: Rpc, _: ()) -> Result<BTreeMap<String, Option<String>>> {
    let answers = rpc.call_all(FAIL_ON_1, &()).await;
    Ok(answers.into_iter().map(|(server, answer)| (server.to_string(), answer.ok())).collect())
}

async fn send_all(rpc: Rpc, by: u32) -> Result<usize> {
    Ok(rpc.send_all(NOTE, &by).iter().filter(|(_, sent)| sent.is_ok()).count())
}

async fn noted_all(rpc: Rpc, _: ()) -> Result<u32> {
    Ok(rpc.call_all(NOTED, &()).await.into_iter().filter_map(|(_, noted)| noted.ok()).sum())
}

async fn deadlines(rpc: Rpc, _: ()) -> Result<Vec<u64>> {
    Ok(rpc.within(Duration::from_secs(7)).call(LEFT, Target::RoundRobin, &2).await?)
}

async fn try_it(rpc: Rpc, req: Try) -> Result<String> {
    let rpc = rpc.within(Duration::from_millis(req.within_ms)).fail_over(req.attempts);
    let remote = if req.hang { HANG_ON_1 } else { NAME };
    // By turns: the one that is down, or hangs, is asked before the others at least once in three times.
    let mut names = Vec::new();
    for _ in 0..3 {
        match rpc.call(remote, Target::RoundRobin, &()).await {
            Ok(name) => names.push(name),
            Err(error) => return Ok(told(&error)),
        }
    }
    Ok(names.join(" "))
}

fn told(error: &CallError) -> String {
    match error {
        CallError::Link(error) => format!("{} failed, retry {}", error.server, error.retry),
        other => other.to_string(),
    }
}

async fn safe(rpc: Rpc, _: ()) -> Result<String> {
    let first = ServerId::new("worker-1")?;
    Ok(rpc.call_or(FAIL_ON_1, &first, &(), "nobody".to_owned()).await)
}

struct Cluster {
    _dir: Dir,
    _master: Running,
    servers: BTreeMap<String, Running>,
    client: Client,
}

impl Cluster {
    /// A connector and three workers, of which the third has the weight 0, and they know each other. The route function sends
    /// every session to the second.
    async fn start() -> Self {
        let worker =
            |n: u32| json!({ "id": format!("worker-{n}"), "host": "127.0.0.1", "port": 0, "weight": 3 - n });
        let dir = Dir::new(json!({
            "connector": [{ "id": "connector-1", "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true }],
            "worker": [worker(1), worker(2), worker(3)],
        }));
        let app = App::new(dir.config())
            .call_timeout(Duration::from_secs(8))
            .server("connector", |s| {
                s.connector(Hybrid::new())
                    .handler(CHOSEN, chosen)
                    .handler(ALL, all)
                    .handler(SEND_ALL, send_all)
                    .handler(NOTED_ALL, noted_all)
                    .handler(DEADLINES, deadlines)
                    .handler(TRY, try_it)
                    .handler(SAFE, safe)
            })
            .server("worker", |s| {
                s.state(Noted::default())
                    .remote(NAME, name)
                    .remote(FAIL_ON_1, fail_on_1)
                    .remote(LEFT, left)
                    .remote(HANG_ON_1, hang_on_1)
                    .remote(NOTE, note)
                    .remote(NOTED, noted)
                    .handler(FORWARDED, |deadline: Deadline, _: ()| async move {
                        Result::<_>::Ok(deadline.left().map(|left| left.as_millis() as u64))
                    })
            })
            .route("worker", |_, workers| workers.get("worker-2").map(|worker| worker.id.clone()));
        let start = async |args: String| app.start(&Args::parse(args.split(' ')).unwrap()).await.unwrap();
        let master = start(format!("serverType=master port={}", dir.masters[0])).await;
        let mut servers = BTreeMap::new();
        for id in ["connector-1", "worker-1", "worker-2", "worker-3"] {
            servers.insert(id.to_owned(), start(format!("id={id}")).await);
        }
        let port = servers["connector-1"].info().client_port.unwrap();
        let client = Client::connect(&format!("ws://127.0.0.1:{port}")).await.unwrap();
        let cluster = Self { _dir: dir, _master: master, servers, client };
        cluster.knows(3).await;
        // Workers call each other, too.
        eventually("the workers know each other", LIMIT, async || {
            cluster.client.request::<_, Vec<u64>>(DEADLINES.name(), &json!({})).await.ok().map(drop)
        })
        .await;
        cluster
    }

    async fn knows(&self, workers: usize) {
        eventually("the connector knows the workers", LIMIT, async || {
            let all: BTreeMap<String, Value> = self.client.request(ALL.name(), &json!({})).await.ok()?;
            (all.len() == workers).then_some(())
        })
        .await;
    }

    async fn chosen(&self, how: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for name in ask::<Vec<String>>(&self.client, CHOSEN.name(), &how).await {
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}

fn counts<const N: usize>(of: [(&str, usize); N]) -> BTreeMap<String, usize> {
    of.map(|(name, n)| (name.to_owned(), n)).into()
}

#[tokio::test]
async fn a_server_is_chosen_as_the_target_says() {
    let cluster = Cluster::start().await;
    assert_eq!(cluster.chosen("session").await, counts([("worker-2", 12)]));
    assert_eq!(cluster.chosen("server").await, counts([("worker-1", 12)]));
    assert_eq!(cluster.chosen("turns").await, counts([("worker-1", 4), ("worker-2", 4), ("worker-3", 4)]));
    let weighted = cluster.chosen("weighted").await;
    assert_eq!(weighted.get("worker-3"), None, "its weight is 0: {weighted:?}");
    assert_eq!(cluster.chosen("random").await.values().sum::<usize>(), 12);
    let room = cluster.chosen("room1").await;
    assert_eq!(room.len(), 1, "a key falls to one server: {room:?}");
    assert_eq!(cluster.chosen("room1").await, room);
}

#[tokio::test]
async fn all_servers_of_a_type_are_called_and_each_answers_for_itself() {
    let cluster = Cluster::start().await;
    let all: BTreeMap<String, Option<String>> = ask(&cluster.client, ALL.name(), &json!({})).await;
    let expected = [("worker-1", None), ("worker-2", Some("worker-2")), ("worker-3", Some("worker-3"))];
    assert_eq!(all, expected.map(|(id, name)| (id.to_owned(), name.map(str::to_owned))).into());
    assert_eq!(ask::<usize>(&cluster.client, SEND_ALL.name(), &7).await, 3);
    eventually("all three have heard it", LIMIT, async || {
        (ask::<u32>(&cluster.client, NOTED_ALL.name(), &json!({})).await == 21).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deadline_travels_along_and_nested_calls_have_what_is_left_of_it() {
    let cluster = Cluster::start().await;
    let left: Vec<u64> = ask(&cluster.client, DEADLINES.name(), &json!({})).await;
    assert_eq!(left.len(), 3);
    assert!(left[0] <= 7000 && left[1] <= left[0] - 100 && left[2] <= left[1] - 100, "{left:?}");
    let forwarded: Option<u64> = ask(&cluster.client, FORWARDED.name(), &json!({})).await;
    assert!(forwarded.is_some_and(|left| left <= 8000), "{forwarded:?}");
}

#[tokio::test]
async fn a_call_that_may_be_repeated_goes_to_another_server() {
    let mut cluster = Cluster::start().await;
    let hangs = Try { attempts: 3, within_ms: 6000, hang: true };
    let names: String = ask(&cluster.client, TRY.name(), &hangs).await;
    assert!(!names.contains("worker-1") && names.contains("worker-2"), "{names}");
    let once = Try { attempts: 1, within_ms: 300, hang: true };
    let failed: String = ask(&cluster.client, TRY.name(), &once).await;
    assert_eq!(failed, "worker-1 failed, retry false");

    cluster.servers.remove("worker-3").unwrap().stop().await.unwrap();
    let plain = Try { attempts: 3, within_ms: 6000, hang: false };
    let names: String = ask(&cluster.client, TRY.name(), &plain).await;
    assert!(!names.contains("worker-3") && !names.contains("failed"), "{names}");
}

#[tokio::test]
async fn a_call_with_a_default_never_fails() {
    let cluster = Cluster::start().await;
    assert_eq!(ask::<String>(&cluster.client, SAFE.name(), &json!({})).await, "nobody");
}
