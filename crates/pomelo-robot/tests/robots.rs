//! Robots on a connector, over real sockets: what they see is counted, once, and a run ends.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    fs,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pomelo::{App, Args, Config, Error, Hybrid, Push, Result, Route, Running, Session};
use pomelo_robot::{Fault, Plan, Report, Robot, Scenario};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ADD: Route<Add, Sum> = Route::new("connector.entryHandler.add");
const FAIL: Route<(), ()> = Route::new("connector.entryHandler.fail");
const KICK: Route<(), ()> = Route::new("connector.entryHandler.kick");
const ON_SUM: Push<Sum> = Push::new("onSum");

#[derive(Serialize, Deserialize)]
struct Add {
    a: usize,
    b: usize,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sum {
    sum: usize,
}

async fn add(session: Session, req: Add) -> Result<Sum> {
    let sum = Sum { sum: req.a + req.b };
    session.push(ON_SUM, &sum).await?;
    Ok(sum)
}

async fn fail(_: ()) -> Result<()> {
    Err(Error::msg("no").with_code(1003))
}

async fn kick(session: Session, _: ()) -> Result<()> {
    Ok(session.kick("enough").await?)
}

/// A connector by itself.
struct Game {
    _dir: tempfile::TempDir,
    running: Running,
}

impl Game {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        fs::create_dir(&config).unwrap();
        let connector = json!({ "id": "connector-server-1", "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true });
        let servers = json!({ "development": { "connector": [connector] } });
        let master = json!({ "development": { "id": "master-server-1", "host": "127.0.0.1", "port": 1 } });
        fs::write(config.join("servers.json"), servers.to_string()).unwrap();
        fs::write(config.join("master.json"), master.to_string()).unwrap();
        let app = App::new(Config::load(&config).unwrap()).server("connector", |s| {
            s.connector(Hybrid::new().dictionary()).handler(ADD, add).handler(FAIL, fail).handler(KICK, kick)
        });
        let running = app.start(&Args::parse(["id=connector-server-1"]).unwrap()).await.unwrap();
        Self { _dir: dir, running }
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.running.info().client_port.unwrap())
    }
}

fn plan(count: usize) -> Plan {
    Plan {
        count: NonZeroUsize::new(count).unwrap(),
        ramp: Duration::from_millis(100),
        duration: Duration::from_secs(20),
        workers: NonZeroUsize::new(2),
        ..Plan::default()
    }
}

/// Name, answered, failed.
fn requests(report: &Report) -> Vec<(&str, u64, u64)> {
    report.requests.iter().map(|one| (one.name.as_str(), one.answered, one.failed)).collect()
}

/// What, kind, times.
fn failures(report: &Report) -> Vec<(&str, &str, u64)> {
    report.failures.iter().map(|one| (one.what.as_str(), one.kind.as_str(), one.times)).collect()
}

#[tokio::test]
async fn every_robot_plays_with_its_own_number_and_all_that_it_sees_is_counted() {
    let game = Game::start().await;
    let (url, numbers) = (game.url(), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&numbers);
    let play = async move |robot: Robot| {
        let link = robot.connect(&url).await?;
        for b in 0..3 {
            let expected = Sum { sum: robot.n() + b };
            assert_eq!(link.request(ADD, &Add { a: robot.n(), b }).await?, expected);
            assert_eq!(link.push(ON_SUM).await?, expected);
        }
        link.notify(ADD, &Add { a: 0, b: 0 }).await?;
        link.push(ON_SUM).await?;
        seen.fetch_add(robot.n(), Ordering::Relaxed);
        link.close().await;
        Ok(())
    };
    let report = pomelo_robot::run(&Plan { first: 1000, ..plan(50) }, play).await.unwrap();
    assert_eq!(numbers.load(Ordering::Relaxed), (1000..1050).sum::<usize>());
    assert_eq!(requests(&report), [("connect", 50, 0), (ADD.name(), 200, 0)]);
    assert_eq!((report.came, report.failed, report.pushes[0].taken), (50, 0, 200));
    assert!(report.is_clean() && report.requests[1].p50_ms.unwrap() > 0.0, "{report:?}");
}

#[tokio::test]
async fn a_robot_that_fails_comes_again_and_each_fault_is_counted_once() {
    let game = Game::start().await;
    let url = game.url();
    let again = Arc::new(AtomicUsize::new(0));
    let play = async move |robot: Robot| {
        if again.fetch_add(1, Ordering::Relaxed) >= 2 {
            return Ok(());
        }
        let link = robot.connect(&url).await?;
        // The failure of a request is one, whether the robot goes on after it or not.
        assert!(link.request(FAIL, &()).await.is_err());
        link.request(FAIL, &()).await
    };
    let report = pomelo_robot::run(&plan(1), play).await.unwrap();
    assert_eq!(failures(&report), [(FAIL.name(), "code 1003", 4)]);
    assert_eq!(requests(&report), [("connect", 2, 0), (FAIL.name(), 0, 4)]);
    assert_eq!((report.came, report.failed, report.is_clean()), (1, 2, false));
}

#[tokio::test]
async fn the_end_of_a_connection_is_one_fault_however_many_notice_it() {
    let game = Game::start().await;
    let url = game.url();
    let play = async move |robot: Robot| {
        let link = robot.connect(&url).await?;
        let _ = link.request(KICK, &()).await;
        while link.next_push().await.is_ok() {}
        assert!(link.notify(ADD, &Add { a: 1, b: 1 }).await.is_err());
        link.request(ADD, &Add { a: 1, b: 1 }).await.map(drop)
    };
    let report = pomelo_robot::run(&Plan { once: true, ..plan(3) }, play).await.unwrap();
    assert_eq!(failures(&report), [("connection", "kicked: enough", 3)]);
    assert_eq!((report.came, report.failed), (3, 3));
}

#[tokio::test]
async fn what_a_robot_measures_or_does_not_expect_is_told_beside_the_routes() {
    let play = async |robot: Robot| {
        robot.measure("thinking", async { Ok(()) }).await?;
        match robot.n() {
            0 => Err(Fault::unexpected("a sheep among wolves")),
            1 => panic!("on purpose"),
            _ => robot.connect("ws://127.0.0.1:1").await.map(drop),
        }
    };
    let report = pomelo_robot::run(&Plan { once: true, ..plan(3) }, play).await.unwrap();
    assert_eq!(requests(&report), [("connect", 0, 1), ("thinking", 3, 0)]);
    let expected = [
        ("connect", "could not connect: connection refused", 1),
        ("robot", "a sheep among wolves", 1),
        ("robot", "panicked", 1),
    ];
    assert_eq!(failures(&report), expected);
}

#[tokio::test]
async fn a_run_ends_for_those_who_pause_and_for_those_who_hear_nothing() {
    let game = Game::start().await;
    let url = game.url();
    let play = async move |robot: Robot| {
        let link = robot.connect(&url).await?;
        match robot.n() {
            0 => loop {
                robot.pause(Duration::from_secs(3600)).await?;
            },
            1 => link.next_push().await.map(drop),
            _ => std::future::pending().await,
        }
    };
    let plan = Plan { duration: Duration::from_millis(300), ..plan(3) };
    let report = pomelo_robot::run(&plan, play).await.unwrap();
    assert_eq!((report.came, report.is_clean()), (3, true), "{report:?}");
}

#[tokio::test]
async fn a_scenario_is_played_by_each_robot_with_its_own_values() {
    let game = Game::start().await;
    let scenario = json!({
        "vars": { "twice": "{{n + 100}}" },
        "steps": [
            { "connect": game.url() },
            { "request": ADD.name(), "body": { "a": "{{n}}", "b": "{{twice}}" }, "save": { "both": "sum" } },
            { "wait": "onSum", "where": { "sum": "{{both}}" }, "within": 5 },
            { "repeat": [
                { "notify": ADD.name(), "body": { "a": "{{i}}", "b": 1000 } },
                { "sleep": 0.01 },
                { "request": ADD.name(), "body": { "a": 1, "b": 1 } },
                // What came before the answer is not missed.
                { "wait": "onSum", "where": { "sum": "{{i + 1000}}" }, "within": 5 },
                { "repeat": [{ "sleep": 0 }], "times": 9 },
                { "request": ADD.name(), "body": { "a": "{{i}}", "b": 2000 } },
                { "wait": "onSum", "where": { "sum": "{{i + 2000}}" }, "within": 5 }
            ], "times": 3 },
            { "request": ADD.name(), "body": { "a": "{{i}}", "b": 3000 } },
            { "wait": "onSum", "where": { "sum": 3000 }, "within": 5 }
        ]
    });
    let scenario = Scenario::parse(&scenario.to_string()).unwrap();
    let play = async move |robot| scenario.play(robot).await;
    let report = pomelo_robot::run(&plan(5), play).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(requests(&report), [("connect", 5, 0), (ADD.name(), 55, 0)]);
}

#[tokio::test]
async fn a_scenario_that_meets_something_else_says_what() {
    let game = Game::start().await;
    for (step, what, kind) in [
        (json!({ "wait": "onSum", "within": 0.05 }), "robot", "no onSum within 50ms"),
        (json!({ "request": FAIL.name() }), FAIL.name(), "code 1003"),
        (
            json!({ "request": ADD.name(), "body": { "a": 1, "b": 1 }, "save": { "x": "sum.of" } }),
            "robot",
            "connector.entryHandler.add has no field sum.of",
        ),
    ] {
        let scenario: Value = json!({ "steps": [{ "connect": game.url() }, step] });
        let scenario = Scenario::parse(&scenario.to_string()).unwrap();
        let play = async move |robot| scenario.play(robot).await;
        let report = pomelo_robot::run(&Plan { once: true, ..plan(1) }, play).await.unwrap();
        assert_eq!(failures(&report), [(what, kind, 1)]);
    }
}
