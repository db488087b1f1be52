//! Commands that change something, on real sockets: done once whichever master dies meanwhile, recorded before they are sent,
//! and what is started by two masters is registered once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pomelo_cluster::{
    admin::{AdminError, Asker},
    follow::{Follower, FollowerConfig, Identity, Order},
};
use pomelo_protocol::{
    ServerInfo,
    admin::{AdminMessage, Hello, MonitorRegister, Register},
};
use pomelo_testkit::eventually;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{LIMIT, Masters, Server, Wire, info, within};

/// Commands of one test.
const COMMANDS: u64 = 120;

/// Carries out what a server is told, and counts it.
fn obey(mut orders: mpsc::Receiver<Order>) -> Arc<AtomicUsize> {
    let done = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&done);
    tokio::spawn(async move {
        while let Some(order) = orders.recv().await {
            if order.module_id == "__console__" {
                counter.fetch_add(1, Ordering::Relaxed);
                if let Some(reply) = order.reply {
                    reply.in_error(json!(1));
                }
            }
        }
    });
    done
}

fn asker(masters: &Masters) -> Asker {
    Asker::new(masters.addrs.clone(), "admin", "admin").wait(LIMIT)
}

fn drill(n: u64) -> Value {
    json!({ "signal": "drill", "run": "r", "n": n })
}

async fn following(masters: &Masters, name: &str, count: usize) -> (Follower, mpsc::Receiver<Order>) {
    let server = masters.server(name);
    server.linked(count).await;
    server.sees(&[name]).await;
    let Server { follower, orders } = server;
    (follower, orders)
}

#[tokio::test]
async fn asked_twice_a_server_does_it_once_and_both_get_the_same_answer() {
    let masters = Masters::start(1).await;
    let (_follower, orders) = following(&masters, "chat-1", 1).await;
    let done = obey(orders);
    let body = json!({ "signal": "drill", "run": "r", "n": 1, "op": "drill-1" });
    let first = asker(&masters).mutate("__console__", body.clone(), LIMIT).await.unwrap();
    let second = asker(&masters).mutate("__console__", body, LIMIT).await.unwrap();
    assert_eq!(first, json!({ "status": "ok", "op": "drill-1", "results": { "chat-1": 1 } }));
    assert_eq!((second, done.load(Ordering::Relaxed)), (first, 1));
}

#[tokio::test]
async fn what_a_master_has_sent_before_it_dies_is_not_done_again_by_the_next() {
    let mut masters = Masters::start(2).await;
    let (follower, mut orders) = following(&masters, "chat-1", 2).await;
    let mut tool = asker(&masters);
    let asked = tokio::spawn(async move { tool.mutate("__console__", drill(1), LIMIT).await });
    // The first master has sent it and dies before the server has answered.
    let order = within("an order comes", async {
        loop {
            let order = orders.recv().await.unwrap();
            if order.module_id == "__console__" {
                return order;
            }
        }
    })
    .await;
    masters.kill(0).await;
    let mut leader = follower.leader();
    within("the next one leads", leader.wait_for(|leader| leader.as_ref().is_some_and(|l| l.epoch == 2)))
        .await
        .unwrap();
    order.reply.unwrap().in_error(json!(1));
    let done = obey(orders);
    let answer = within("the answer comes", asked).await.unwrap().unwrap();
    assert_eq!(answer["results"], json!({ "chat-1": 1 }));
    assert_eq!(done.load(Ordering::Relaxed), 0, "the repeated order is not delivered");
}

#[tokio::test]
async fn what_a_master_has_recorded_and_not_sent_is_done_by_the_next_once() {
    let mut masters = Masters::start(2).await;
    // A member whose link is away. It names no port, so that nobody can find out whether it lives.
    let member = ServerInfo { port: None, pid: Some(100), incarnation: Some(5), ..info("chat-1") };
    let mut wires = Vec::new();
    for addr in &masters.addrs {
        let mut wire = Wire::connect(addr).await;
        let register = Register::Monitor(MonitorRegister::of(&member, None, Hello::new()));
        assert!(matches!(wire.register(register).await, AdminMessage::Registered(reply) if reply.is_ok()));
        wires.push(wire);
    }
    let watcher = masters.server("gate-1");
    watcher.linked(2).await;
    watcher.sees(&["chat-1", "gate-1"]).await;
    drop(wires);
    let mut tool = asker(&masters);
    let asked = tokio::spawn(async move {
        let body = json!({ "signal": "stop", "ids": ["chat-1"], "op": "stop-of-chat-1" });
        tool.mutate("__console__", body, LIMIT).await
    });
    eventually("it is recorded", LIMIT, || async { masters.keep("stop-of-chat-1").then_some(()) }).await;
    masters.kill(0).await;
    watcher.follows(2).await;
    let (_follower, orders) =
        Follower::start(FollowerConfig::new(Identity::Server(member), masters.addrs.clone()));
    let done = obey(orders);
    let answer = within("the answer comes", asked).await.unwrap().unwrap();
    let expected = json!({ "status": "part", "op": "stop-of-chat-1", "results": { "chat-1": 1 } });
    assert_eq!((answer, done.load(Ordering::Relaxed)), (expected, 1));
}

#[tokio::test]
async fn many_commands_through_many_failovers_are_each_done_exactly_once() {
    let mut masters = Masters::start(3).await;
    let (follower, orders) = following(&masters, "chat-1", 3).await;
    let done = obey(orders);
    let mut tool = asker(&masters);
    let asked = tokio::spawn(async move {
        for n in 0..COMMANDS {
            tool.mutate("__console__", drill(n), LIMIT).await.unwrap();
        }
    });
    for epoch in 2..=5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let leader = follower.leader().borrow().clone().unwrap();
        let n = masters.addrs.iter().position(|addr| *addr == leader.addr).unwrap();
        masters.kill(n).await;
        let mut leader = follower.leader();
        let next = leader.wait_for(|leader| leader.as_ref().is_some_and(|leader| leader.epoch == epoch));
        within("the next one leads", next).await.unwrap();
        masters.run(n).await;
    }
    within("all are answered", asked).await.unwrap();
    assert_eq!(done.load(Ordering::Relaxed), usize::try_from(COMMANDS).unwrap());
}

#[tokio::test]
async fn of_two_lives_that_two_masters_let_start_one_is_registered() {
    let mut masters = Masters::start(2).await;
    let agent = |name: &str| Identity::Agent { id: name.into(), host: "127.0.0.1".into(), pid: 1 };
    let start = json!({ "signal": "start", "servers": ["chat-1"] });
    let slow = masters.follower(agent("slow"));
    slow.linked(2).await;
    let old = within("claimed", slow.follower.request("__console__", start.clone())).await.unwrap();
    masters.kill(0).await;
    slow.follows(2).await;
    let quick = masters.follower(agent("quick"));
    quick.follows(2).await;
    let new = within("claimed", quick.follower.request("__console__", start)).await.unwrap();
    let life = |answer: &Value| answer["claims"]["chat-1"].as_u64().unwrap();
    assert!(life(&new) > life(&old), "{new} {old}");

    let server = |incarnation| {
        let info = ServerInfo { incarnation: Some(incarnation), ..info("chat-1") };
        let (follower, orders) =
            Follower::start(FollowerConfig::new(Identity::Server(info), masters.addrs.clone()));
        Server { follower, orders }
    };
    let newer = server(life(&new));
    newer.sees(&["chat-1"]).await;
    let older = server(life(&old));
    let mut links = older.follower.links();
    // Not by whoever has the port of the dead one by now: other tests have masters, too.
    let living = masters.addrs[1].clone();
    let refused =
        within("it is refused", links.wait_for(|links| links.get(&living).is_some_and(|link| link.refused)));
    let why = refused.await.unwrap()[&living].why.clone().unwrap();
    assert!(why.contains("was started again since"), "{why}");
    let listed = masters.show_servers(1).await;
    assert_eq!(listed.len(), 2, "the master and one server: {listed:?}");
}

#[tokio::test]
async fn a_user_who_may_only_look_is_not_asked_again() {
    let masters = Masters::start(1).await;
    let mut tool = Asker::new(masters.addrs.clone(), "monitor", "monitor");
    let error = tool.mutate("__console__", drill(1), LIMIT).await.unwrap_err();
    assert!(matches!(error, AdminError::Denied { .. }), "{error}");
}
