//! Who leads: asked of real masters.

use std::{path::Path, sync::Arc};

use lordofpomelo_web::Options;
use pomelo_cluster::{
    admin::AdminListener,
    config::Config,
    coordinator::{CandidateInfo, MasterAddr, local::LocalCoordinator},
};
use pomelo_master::{Limits, Master, MasterConfig};
use pomelo_testkit::eventually;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::running::{Game, PATIENCE, Running};

/// A master in this process; the end of the task is its death.
fn run_master(game: &Path, name: &str, listener: AdminListener) -> JoinHandle<()> {
    let env = Config::load(game.join("config")).unwrap().environment("development").unwrap();
    let addr = MasterAddr { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
    let config = MasterConfig {
        me: CandidateInfo { id: name.parse().unwrap(), addr, pid: std::process::id() },
        env,
        coordinator: Arc::new(LocalCoordinator::new(game.join("run/ha"))),
        limits: Limits::default(),
        guardian: None,
        memory: None,
    };
    tokio::spawn(async move {
        Master::new(config, listener).run(std::future::pending()).await.unwrap();
    })
}

async fn until_leads(web: &Running, port: u16) -> u64 {
    let name = &format!("master-server-1:{port}");
    let led = eventually(name, PATIENCE, async || {
        let told = web.get("/cluster.json").await.document();
        if told["leader"] == *name { told["epoch"].as_u64() } else { None }
    });
    led.await
}

#[tokio::test]
async fn the_page_learns_who_leads_and_who_leads_after_that() {
    let game = Game::new();
    let one = AdminListener::bind("127.0.0.1", 0).await.unwrap();
    let other = AdminListener::bind("127.0.0.1", 0).await.unwrap();
    let port = |listener: &AdminListener| listener.local_addr().unwrap().port();
    let (of_one, of_other) = (port(&one), port(&other));
    game.config("master", &json!({ "id": "master-server-1", "host": "127.0.0.1", "port": of_one }));
    game.config("masterha", &json!([{ "id": "master-server-1", "host": "127.0.0.1", "port": of_other }]));
    game.config("adminUser", &json!([{ "id": "1", "username": "watcher", "password": "w", "level": 2 }]));
    let web = Running::start(&game).await;

    let first = run_master(game.dir(), "master-server-1", one);
    let before = until_leads(&web, of_one).await;
    let _second = run_master(game.dir(), "master-server-1", other);
    assert_eq!(until_leads(&web, of_one).await, before);
    first.abort();
    assert!(until_leads(&web, of_other).await > before);
}

#[tokio::test]
async fn where_nobody_leads_or_nobody_may_ask_the_answer_is_null() {
    let nobody = json!({ "leader": Value::Null, "epoch": Value::Null });
    let game = Game::new();
    let told = |web: Running| async move { web.get("/cluster.json").await.document() };
    assert_eq!(told(Running::start(&game).await).await, nobody, "no user");
    game.config("adminUser", &json!([{ "id": "1", "username": "watcher", "password": "w", "level": 2 }]));
    assert_eq!(told(Running::start_with(&game, |_: &mut Options| {}).await).await, nobody, "no master");
}
