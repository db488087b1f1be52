//! What a follower does when masters die, come back, repeat themselves or were never there.

use std::io;

use tempfile::TempDir;

use super::*;
use crate::{coordinator::CandidateInfo, memory::Memory};

fn order(op: &str, n: u64) -> Envelope {
    Envelope::request(n, "__console__", json!({ "signal": "stop", "op": op })).in_epoch(2)
}

async fn taken(orders: &mut mpsc::Receiver<Order>) -> Order {
    timeout(PATIENCE, orders.recv()).await.expect("no order").expect("follower ended")
}

fn candidate() -> Identity {
    let addr = MasterAddr { host: "127.0.0.1".into(), port: 1 };
    Identity::Candidate(CandidateInfo { id: ServerId::new("master-server-9").unwrap(), addr, pid: 7 })
}

/// A master where another one was before.
async fn bind_again(addr: &MasterAddr) -> FakeMaster {
    let until = Instant::now() + PATIENCE;
    loop {
        match AdminListener::bind("127.0.0.1", addr.port).await {
            Ok(listener) => return FakeMaster { listener, addr: addr.clone() },
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A folder with the memory of an earlier life: epoch 7, one gate.
fn remembering() -> (TempDir, View) {
    let dir = tempfile::tempdir().unwrap();
    let there = view(7, 3, [server("gate-server-1", 1)]);
    assert!(Memory { max_epoch: 7, view: there.clone() }.save(dir.path()).unwrap());
    (dir, there)
}

fn with_memory(identity: Identity, masters: &[MasterAddr], dir: &TempDir) -> FollowerConfig {
    FollowerConfig::new(identity, masters.iter().cloned()).memory(Some(dir.path().to_owned()))
}

#[tokio::test]
async fn the_leader_hears_that_it_is_followed_once_its_membership_is_there() {
    let master = FakeMaster::bind().await;
    let (follower, _orders) = start(&[&master]);
    let there = view(4, 9, [server("gate-server-1", 1)]);
    let mut link = master.accept(state(MasterRole::Active, &there)).await;
    let (id, ..) = link.next_request().await;
    link.say(Envelope::Response(Response::ok(id, messages::replace_servers(there.version, records(&there)))));
    assert_eq!(link.next_said().await, Said::Following { version: there.version });
    assert_eq!(*follower.view().borrow().as_ref(), there, "it says so when others can see it");
    link.announce(&view(5, 0, [server("gate-server-1", 1)]));
    assert_eq!(link.next_said().await, Said::Following { version: Version { epoch: 5, rev: 0 } });
    drop(link);
    let mut link = master.accept(state(MasterRole::Active, &view(5, 0, [server("gate-server-1", 1)]))).await;
    assert_eq!(link.next_said().await, Said::Following { version: Version { epoch: 5, rev: 0 } });
}

#[tokio::test]
async fn the_other_masters_hear_again_and_again_that_the_leader_is_not_reached() {
    let (one, two) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let (follower, _orders) = start(&[&one, &two]);
    let active = one.accept(state(MasterRole::Active, &view(3, 0, []))).await;
    let mut standby = two.accept(state(MasterRole::Standby, &view(3, 0, []))).await;
    until(&mut follower.linked_leader(), Option::is_some).await;
    let lost = one.addr.clone();
    drop(one);
    active.die();
    for _ in 0..2 {
        let Said::Unreachable { leader } = standby.next_said().await else { panic!() };
        assert_eq!(leader, Leader { addr: lost.clone(), epoch: 3 });
    }
    standby.announce(&view(4, 0, []));
    loop {
        match standby.next_said().await {
            Said::Unreachable { .. } => {}
            said => break assert_eq!(said, Said::Following { version: Version { epoch: 4, rev: 0 } }),
        }
    }
}

#[tokio::test]
async fn a_dead_master_is_told_from_one_that_leaves() {
    let (dies, leaves) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let addrs = [dies.addr.clone(), leaves.addr.clone()];
    let (follower, _orders) = Follower::start(FollowerConfig::new(candidate(), addrs.clone()));
    let dying = dies.accept(state(MasterRole::Active, &view(3, 0, []))).await;
    let leaving = leaves.accept(state(MasterRole::Standby, &view(3, 0, []))).await;
    let mut links = follower.links();
    until(&mut links, |links| links.values().all(|link| link.up)).await;
    drop((dies, leaves, leaving));
    dying.die();
    let known = until(&mut links, |links| links[&addrs[0]].gone.is_some()).await;
    assert_eq!(
        follower.leader().borrow().as_ref().map(|leader| leader.epoch),
        Some(3),
        "it is still believed"
    );
    assert!(known[&addrs[1]].gone.is_none(), "{known:?}");

    let back = bind_again(&addrs[0]).await;
    let _link = back.accept(state(MasterRole::Standby, &view(3, 0, []))).await;
    until(&mut links, |links| links[&addrs[0]].up && links[&addrs[0]].gone.is_none()).await;
}

#[tokio::test]
async fn a_candidate_that_is_back_is_dialled_although_the_pause_is_not_over() {
    let (leader, other) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let other_addr = other.addr.clone();
    drop(other);
    let identity = Identity::Server(server("chat-server-1", 1));
    let mut config = FollowerConfig::new(identity, [leader.addr.clone(), other_addr.clone()]);
    config.pauses = (PATIENCE * 100, PATIENCE * 100);
    let (follower, _orders) = Follower::start(config);
    let link = leader.accept(state(MasterRole::Active, &view(3, 0, []))).await;
    until(&mut follower.links(), |links| links[&other_addr].why.is_some()).await;
    let other = bind_again(&other_addr).await;
    let stranger = MasterAddr { host: "nowhere".into(), port: 1 };
    for back in [&stranger, &other_addr] {
        link.say(Envelope::notify(messages::CLUSTER, messages::candidate_back(back)).in_epoch(3));
    }
    let _link = other.accept(state(MasterRole::Standby, &view(3, 0, []))).await;
    assert_eq!(until(&mut follower.links(), |links| links[&other_addr].up).await.len(), 2);
}

#[tokio::test]
async fn a_master_that_this_process_knows_to_be_there_is_dialled_although_the_pause_is_not_over() {
    let master = FakeMaster::bind().await;
    let addr = master.addr.clone();
    drop(master);
    let mut config = FollowerConfig::new(candidate(), [addr.clone()]);
    config.pauses = (PATIENCE * 100, PATIENCE * 100);
    let (follower, _orders) = Follower::start(config);
    until(&mut follower.links(), |links| links[&addr].why.is_some()).await;
    let master = bind_again(&addr).await;
    follower.dial(&addr);
    let _link = master.accept(state(MasterRole::Standby, &view(3, 0, []))).await;
    until(&mut follower.links(), |links| links[&addr].up).await;
}

#[tokio::test]
async fn a_candidate_looks_at_once_whether_a_master_that_it_lost_is_there_again() {
    let master = FakeMaster::bind().await;
    let mut config = FollowerConfig::new(candidate(), [master.addr.clone()]);
    config.pauses = (PATIENCE * 100, PATIENCE * 100);
    let (follower, _orders) = Follower::start(config);
    let link = master.accept(state(MasterRole::Active, &view(3, 0, []))).await;
    until(&mut follower.links(), |links| links[&master.addr].up).await;
    tokio::time::sleep(dial::AT_ONCE_AFTER).await;
    link.die();
    master.registration().await;
}

#[tokio::test]
async fn an_operation_is_done_once_and_its_answer_repeated_also_to_another_master() {
    let (one, two) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let (follower, mut orders) = start(&[&one, &two]);
    let mut first = one.accept(state(MasterRole::Active, &view(2, 0, []))).await;
    let mut second = two.accept(state(MasterRole::Standby, &view(2, 0, []))).await;
    until(&mut follower.links(), |links| links.values().all(|link| link.up)).await;
    first.say(order("op-1", 1));
    let order_one = taken(&mut orders).await;
    assert_eq!(order_one.body["op"], "op-1");
    // The next master takes over while it is being done.
    second.announce(&view(3, 0, []));
    second.say(Envelope::request(9, "__console__", json!({ "signal": "stop", "op": "op-1" })).in_epoch(3));
    second.say(Envelope::request(10, "watchServer", json!({})).in_epoch(3));
    assert_eq!(taken(&mut orders).await.module_id, "watchServer", "the repeated one was not handed on");
    assert_eq!(second.next_response().await.resp_id.number(), Some(10), "not done here");
    order_one.reply.unwrap().ok(json!("done"));
    for (link, id) in [(&mut first, 1), (&mut second, 9)] {
        let answer = link.next_response().await;
        assert_eq!(answer.resp_id.number(), Some(id));
        assert_eq!(answer.into_result(), Ok(json!("done")));
    }
    second.say(Envelope::request(11, "__console__", json!({ "signal": "stop", "op": "op-1" })).in_epoch(3));
    assert_eq!(second.next_response().await.into_result(), Ok(json!("done")));
    assert!(orders.try_recv().is_err());
}

#[tokio::test]
async fn an_operation_without_a_result_is_answered_and_one_that_found_no_room_can_come_again() {
    let master = FakeMaster::bind().await;
    let mut config = FollowerConfig::new(Identity::Server(server("a", 1)), [master.addr.clone()]);
    config.orders_max = 1;
    let (_follower, mut orders) = Follower::start(config);
    let mut link = master.accept(state(MasterRole::Active, &view(2, 0, []))).await;
    link.say(order("op-1", 1));
    link.say(order("op-2", 2));
    let refused = link.next_response().await;
    assert_eq!(refused.resp_id.number(), Some(2));
    assert_eq!(refused.into_result().unwrap_err().message, "too many orders wait here");
    taken(&mut orders).await.reply.unwrap().none();
    assert_eq!(link.next_response().await.into_result(), Ok(Value::Null));
    link.say(order("op-2", 3));
    taken(&mut orders).await.reply.unwrap().ok(json!(2));
    assert_eq!(link.next_response().await.into_result(), Ok(json!(2)));
    link.say(Envelope::request(4, "__console__", json!({ "signal": "stop", "op": "../x" })).in_epoch(2));
    let refused = link.next_response().await.into_result().unwrap_err();
    assert!(refused.message.contains("operation's number"), "{refused:?}");
    // One that wants no answer counts as done when it was handed on.
    let told = json!({ "signal": "stop", "op": "op-3" });
    link.say(Envelope::notify("__console__", told).in_epoch(2));
    assert!(taken(&mut orders).await.reply.is_none());
    link.say(order("op-3", 5));
    assert_eq!(link.next_response().await.into_result(), Ok(Value::Null));
    assert!(orders.try_recv().is_err());
}

#[tokio::test]
async fn an_answer_of_an_old_epoch_is_refused_like_an_order() {
    let (follower, _orders, _master, mut link) = following().await;
    for (epoch, believed) in [(1, false), (2, true), (3, true), (2, false)] {
        let (answer, ()) =
            tokio::join!(follower.request("__console__", json!({ "signal": "start" })), async {
                let id = loop {
                    if let Envelope::Request { req_id, .. } = link.next().await {
                        break req_id;
                    }
                };
                link.say(Envelope::Response(Response::ok(id, json!({ "spawn": [], "epoch": epoch }))));
            });
        match answer {
            Ok(body) => assert!(believed, "{body}"),
            Err(FollowError::Failed(failure)) => {
                assert!(!believed && failure.superseded > Some(epoch), "{failure:?}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(follower.max_epoch(), 3);
}

#[tokio::test]
async fn an_order_of_an_epoch_that_can_not_be_is_refused_and_keeps_nobody_out() {
    let (follower, mut orders, _master, mut link) = following().await;
    link.say(Envelope::request(1, "__console__", json!({ "signal": "stop" })).in_epoch(u64::MAX));
    let failure = link.next_response().await.into_result().unwrap_err();
    assert!(failure.message.contains("can't be"), "{failure:?}");
    link.say(Envelope::request(2, "__console__", json!({ "signal": "stop" })).in_epoch(2));
    assert_eq!(taken(&mut orders).await.epoch, 2);
    assert_eq!(follower.max_epoch(), 2);
}

#[tokio::test]
async fn a_server_of_which_a_later_life_is_there_is_told_so_by_its_follower() {
    let master = FakeMaster::bind().await;
    let (follower, _orders) = start(&[&master]);
    for newer in [None, Some(1), Some(5)] {
        let reply = Registered::refused("another one has this id").newer(newer);
        master.registration().await.link.sender().refuse_with(reply);
    }
    assert_eq!(until(&mut follower.newer(), Option::is_some).await, Some(5), "1 is its own life");
}

#[tokio::test]
async fn a_server_that_finds_no_master_begins_with_what_was_remembered() {
    let (dir, there) = remembering();
    let gone = FakeMaster::bind().await.addr;
    let identity = Identity::Server(server("chat-server-1", 1));
    let (follower, _orders) = Follower::start(with_memory(identity, std::slice::from_ref(&gone), &dir));
    assert_eq!(follower.max_epoch(), 7, "from the first moment");
    assert_eq!(*until(&mut follower.view(), |view| !view.servers.is_empty()).await, there);
    assert_eq!(*follower.leader().borrow(), None);

    let master = bind_again(&gone).await;
    let now = view(8, 0, [server("gate-server-2", 1)]);
    let mut link = master.accept(state(MasterRole::Active, &now)).await;
    assert_eq!(link.register.hello().unwrap().max_epoch, 7);
    let (id, ..) = link.next_request().await;
    link.say(Envelope::Response(Response::ok(id, messages::replace_servers(now.version, records(&now)))));
    until(&mut follower.view(), |view| **view == now).await;
    follower.shutdown().await;
    assert_eq!(Memory::load(dir.path()).unwrap(), Memory { max_epoch: 8, view: now });
}

#[tokio::test]
async fn agents_and_masters_remember_the_epoch_and_begin_without_a_list() {
    for identity in [candidate(), Identity::Agent { id: "agent-1".into(), host: "h".into(), pid: 8 }] {
        let (dir, there) = remembering();
        let (follower, _orders) = Follower::start(with_memory(identity, &[], &dir));
        assert_eq!(follower.max_epoch(), 7);
        assert_eq!(*follower.remembered(), there);
        assert!(follower.view().borrow().servers.is_empty());
        // A master that leads has a list of its own, worth remembering too.
        let own = view(7, 4, []);
        follower.remember(Arc::new(own.clone()));
        follower.shutdown().await;
        assert_eq!(Memory::load(dir.path()).unwrap(), Memory { max_epoch: 7, view: own });
    }
}

#[tokio::test]
async fn every_master_that_is_linked_can_be_told_something_and_a_single_one_too() {
    let (one, two) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let (follower, _orders) = start(&[&one, &two]);
    let mut first = one.accept(state(MasterRole::Standby, &view(0, 0, []))).await;
    let mut second = two.accept(state(MasterRole::Standby, &view(0, 0, []))).await;
    until(&mut follower.links(), |links| links.values().all(|link| link.up)).await;
    let died = Said::Died { servers: vec![(ServerId::new("chat-server-1").unwrap(), 5)] };
    assert!(follower.tell(&two.addr, messages::CLUSTER, Said::Cede { epoch: 4 }.body()));
    assert!(follower.tell_all(messages::CLUSTER, died.body()));
    assert_eq!(first.next_said().await, died);
    assert_eq!(second.next_said().await, Said::Cede { epoch: 4 });
    assert_eq!(second.next_said().await, died);
}
