//! A follower against masters that do what the test says, over TCP.

use pomelo_protocol::{
    ServerId, ServerInfo,
    admin::{AdminMessage, ClusterState, Envelope, Register, Registered, Response, ViewStamp},
};
use serde_json::json;
use tokio::time::timeout;

mod faults;

use super::*;
use crate::{
    admin::{AdminListener, Link, LinkError},
    coordinator::CandidateInfo,
    membership::{Change, Version},
    messages::{self, Said},
};

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port of a master, and what the test does with who comes.
struct FakeMaster {
    listener: AdminListener,
    addr: MasterAddr,
}

/// The master's end of a link.
struct FakeLink {
    link: Link,
    register: Register,
    /// The connection under the link.
    socket: std::net::TcpStream,
}

impl FakeMaster {
    async fn bind() -> Self {
        let listener = AdminListener::bind("127.0.0.1", 0).await.unwrap();
        let at = listener.local_addr().unwrap();
        Self { listener, addr: MasterAddr { host: at.ip().to_string(), port: at.port() } }
    }

    async fn registration(&self) -> FakeLink {
        let accepted = async {
            let stream = self.listener.accept().await.into_std().unwrap();
            let socket = stream.try_clone().unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let mut link = Link::accept(stream, &LinkConfig::default()).await.unwrap();
            let register = link.registration().await.unwrap();
            FakeLink { link, register, socket }
        };
        timeout(PATIENCE, accepted).await.expect("nobody came")
    }

    async fn accept(&self, state: Option<ClusterState>) -> FakeLink {
        let accepted = self.registration().await;
        accepted.link.sender().admit(Registered::ok(state)).unwrap();
        accepted
    }
}

impl FakeLink {
    /// The next message, whatever it is.
    async fn any(&mut self) -> Envelope {
        match timeout(PATIENCE, self.link.recv()).await.expect("silence").expect("link ended") {
            AdminMessage::Monitor(envelope) => envelope,
            other => panic!("unexpected {other:?}"),
        }
    }

    /// The next message that is neither `record` nor `following`.
    async fn next(&mut self) -> Envelope {
        loop {
            match self.any().await {
                Envelope::Notify { module_id, .. } if module_id == messages::MASTER_WATCHER => {}
                Envelope::Notify { module_id, body, .. }
                    if matches!(Said::read(&module_id, &body), Ok(Some(Said::Following { .. }))) => {}
                envelope => return envelope,
            }
        }
    }

    /// The next thing that it says as one of `__cluster__`, without being asked.
    async fn next_said(&mut self) -> Said {
        loop {
            if let Envelope::Notify { module_id, body, .. } = self.any().await
                && let Some(said) = Said::read(&module_id, &body).unwrap()
            {
                return said;
            }
        }
    }

    async fn next_request(&mut self) -> (pomelo_protocol::admin::ReqId, String, Value) {
        match self.next().await {
            Envelope::Request { req_id, module_id, body, .. } => (req_id, module_id, body),
            other => panic!("expected a request, got {other:?}"),
        }
    }

    async fn next_response(&mut self) -> Response {
        match self.next().await {
            Envelope::Response(response) => response,
            other => panic!("expected a response, got {other:?}"),
        }
    }

    fn say(&self, envelope: Envelope) {
        self.link.send(&AdminMessage::Monitor(envelope)).unwrap();
    }

    fn announce(&self, view: &View) {
        self.say(Envelope::notify(messages::CLUSTER, messages::announce(view)).in_epoch(view.version.epoch));
    }

    /// Ends as the link of a process that is killed does: without a word. A dropped one says DISCONNECT.
    fn die(self) {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
    }

    async fn end(mut self) -> LinkError {
        let ended = async {
            loop {
                if let Err(why) = self.link.recv().await {
                    return why;
                }
            }
        };
        timeout(PATIENCE, ended).await.expect("link did not end")
    }
}

fn server(id: &str, incarnation: u64) -> ServerInfo {
    let record = json!({ "id": id, "serverType": "chat", "host": "127.0.0.1", "port": 6050, "incarnation": incarnation });
    serde_json::from_value(record).unwrap()
}

fn records(view: &View) -> Value {
    view.servers.iter().map(|(id, info)| (id.to_string(), serde_json::to_value(&**info).unwrap())).collect()
}

fn view(epoch: u64, rev: u64, servers: impl IntoIterator<Item = ServerInfo>) -> View {
    View::new(Version { epoch, rev }, servers)
}

fn state(role: MasterRole, view: &View) -> Option<ClusterState> {
    let Version { epoch, rev } = view.version;
    let view = ViewStamp { epoch, rev, digest: view.digest() };
    Some(ClusterState { role, view, leader: None, coordinator: "a test".into() })
}

fn start(masters: &[&FakeMaster]) -> (Follower, mpsc::Receiver<Order>) {
    let candidates = masters.iter().map(|master| master.addr.clone());
    Follower::start(FollowerConfig::new(Identity::Server(server("chat-server-1", 1)), candidates))
}

async fn until<T: Clone + Send + Sync>(watch: &mut watch::Receiver<T>, holds: impl FnMut(&T) -> bool) -> T {
    timeout(PATIENCE, watch.wait_for(holds))
        .await
        .expect("did not come true")
        .expect("follower ended")
        .clone()
}

/// A follower of one active master in epoch 2, with an empty membership.
async fn following() -> (Follower, mpsc::Receiver<Order>, FakeMaster, FakeLink) {
    let master = FakeMaster::bind().await;
    let (follower, orders) = start(&[&master]);
    let link = master.accept(state(MasterRole::Active, &view(2, 0, []))).await;
    until(&mut follower.linked_leader(), Option::is_some).await;
    (follower, orders, master, link)
}

#[tokio::test]
async fn a_master_that_was_joining_is_seen_as_a_standby_once_it_says_so() {
    let master = FakeMaster::bind().await;
    let identity = Identity::Agent { id: "agent-1".into(), host: "127.0.0.1".into(), pid: 1 };
    let (follower, _orders) = Follower::start(FollowerConfig::new(identity, [master.addr.clone()]));
    let state = |role| ClusterState {
        role,
        view: ViewStamp { epoch: 0, rev: 0, digest: View::default().digest() },
        leader: None,
        coordinator: "embedded".into(),
    };
    let link = master.accept(Some(state(MasterRole::Joining))).await;
    let mut links = follower.links();
    let mut wait_for = async |role| {
        let seen =
            links.wait_for(|links| links.get(&master.addr).is_some_and(|link| link.role == Some(role)));
        timeout(PATIENCE, seen).await.expect("the role was not seen").unwrap();
    };
    wait_for(MasterRole::Joining).await;
    let told = Envelope::notify(messages::CLUSTER, messages::state(&state(MasterRole::Standby)));
    link.link.sender().send(&AdminMessage::Monitor(told)).unwrap();
    wait_for(MasterRole::Standby).await;
}

#[tokio::test]
async fn it_registers_with_every_master_and_follows_the_one_that_leads() {
    let (one, two) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let (follower, _orders) = start(&[&one, &two]);
    let there = view(4, 9, [server("chat-server-1", 1), server("gate-server-1", 1)]);
    let standby = one.accept(state(MasterRole::Standby, &view(0, 0, []))).await;
    let mut active = two.accept(state(MasterRole::Active, &there)).await;

    let Register::Monitor(monitor) = &standby.register else { panic!("{:?}", standby.register) };
    assert_eq!(monitor.server().unwrap().incarnation, Some(1));
    let (id, module, body) = active.next_request().await;
    assert_eq!((module.as_str(), body), (messages::CLUSTER, messages::ask_snapshot()));
    let all = messages::replace_servers(there.version, records(&there));
    active.say(Envelope::Response(Response::ok(id, all)));

    let got = until(&mut follower.view(), |view| view.version.epoch == 4).await;
    assert_eq!(*got, there);
    let leader = until(&mut follower.leader(), Option::is_some).await;
    assert_eq!(leader, Some(Leader { addr: two.addr.clone(), epoch: 4 }));
    let links = until(&mut follower.links(), |links| links.values().all(|link| link.up)).await;
    assert_eq!(links[&one.addr].role, Some(MasterRole::Standby));
    assert_eq!(links[&two.addr].role, Some(MasterRole::Active));
}

#[tokio::test]
async fn a_standby_that_is_promoted_is_followed_without_a_new_link_or_list() {
    let (one, two) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let (follower, _orders) = start(&[&one, &two]);
    let active = one.accept(state(MasterRole::Active, &view(1, 0, []))).await;
    let mut standby = two.accept(state(MasterRole::Standby, &view(1, 0, []))).await;
    until(&mut follower.links(), |links| links.values().all(|link| link.up)).await;
    drop((one, active));
    standby.announce(&view(2, 0, []));
    let leader = until(&mut follower.leader(), |leader| leader.as_ref().is_some_and(|l| l.epoch == 2)).await;
    assert_eq!(leader.unwrap().addr, two.addr);
    let add = messages::add_server(Version { epoch: 2, rev: 1 }, json!(server("gate-server-1", 1)));
    standby.say(Envelope::request(7, messages::MONITOR_WATCHER, add).in_epoch(2));
    assert_eq!(standby.next_response().await.error, Some(json!(1)), "it asked for what it had");
    let got = until(&mut follower.view(), |view| view.version.rev == 1).await;
    assert_eq!(got.servers.len(), 1);
}

#[tokio::test]
async fn a_leader_that_hears_its_coordinator_again_is_shown_as_active_again() {
    let (follower, _orders, master, link) = following().await;
    let mut links = follower.links();
    let shows = |role| {
        let addr = master.addr.clone();
        move |links: &Arc<BTreeMap<MasterAddr, LinkState>>| links[&addr].role == Some(role)
    };
    let suspended = state(MasterRole::Suspended, &view(2, 0, [])).unwrap();
    link.say(Envelope::notify(messages::CLUSTER, messages::state(&suspended)));
    until(&mut links, shows(MasterRole::Suspended)).await;
    link.announce(&view(2, 0, []));
    until(&mut links, shows(MasterRole::Active)).await;
}

#[tokio::test]
async fn orders_reach_the_process_and_its_answers_the_master() {
    let (_follower, mut orders, master, mut link) = following().await;
    for answer in ["error", "body", "fail", "drop"] {
        link.say(Envelope::request(1, "watchServer", json!({ "comd": "servers" })).in_epoch(2));
        let order = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
        assert_eq!((order.module_id.as_str(), order.epoch), ("watchServer", 2));
        assert_eq!((order.body, order.from), (json!({ "comd": "servers" }), master.addr.clone()));
        let reply = order.reply.unwrap();
        let expected = match answer {
            "error" => {
                reply.in_error(json!({ "serverId": "a" }));
                (Some(json!({ "serverId": "a" })), None)
            }
            "body" => {
                reply.ok(json!(5));
                (Some(Value::Null), Some(json!(5)))
            }
            "fail" => {
                reply.fail("no");
                (Some(json!({ "message": "no" })), None)
            }
            _ => {
                drop(reply);
                (Some(json!({ "message": "not done here" })), None)
            }
        };
        let response = link.next_response().await;
        assert_eq!((response.error, response.body), expected, "{answer}");
    }
    link.say(Envelope::notify("__console__", json!({ "signal": "stop" })).in_epoch(2));
    let order = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
    assert!(order.reply.is_none());
}

#[tokio::test]
async fn an_order_of_an_old_epoch_is_refused_and_not_delivered() {
    let (follower, mut orders, _master, mut link) = following().await;
    link.say(Envelope::notify("__console__", json!({ "signal": "kill" })).in_epoch(1));
    let Envelope::Notify { module_id, body, .. } = link.next().await else { panic!() };
    assert_eq!(messages::read_superseded(&module_id, &body), Some(2));

    link.say(Envelope::request(5, "__console__", json!({ "signal": "kill" })).in_epoch(1));
    link.next().await;
    let failure = link.next_response().await.into_result().unwrap_err();
    assert_eq!((failure.superseded, failure.leader.unwrap().epoch), (Some(2), 2));

    link.say(Envelope::notify("__console__", json!({ "signal": "stop" })).in_epoch(2));
    let order = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
    assert_eq!(order.body, json!({ "signal": "stop" }), "the first that came is the first that may");
    follower.shutdown().await;
}

#[tokio::test]
async fn orders_that_find_no_room_are_answered() {
    let master = FakeMaster::bind().await;
    let mut config = FollowerConfig::new(Identity::Server(server("a", 1)), [master.addr.clone()]);
    config.orders_max = 1;
    let (_follower, mut orders) = Follower::start(config);
    let mut link = master.accept(state(MasterRole::Active, &view(1, 0, []))).await;
    link.say(Envelope::request(1, "watchServer", json!({})).in_epoch(1));
    link.say(Envelope::request(2, "watchServer", json!({})).in_epoch(1));
    let refused = link.next_response().await;
    assert_eq!(refused.resp_id.number(), Some(2));
    assert_eq!(refused.into_result().unwrap_err().message, "too many orders wait here");
    assert!(timeout(PATIENCE, orders.recv()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_request_goes_to_the_leader_and_brings_its_answer() {
    let (follower, _orders, _master, mut link) = following().await;
    let asked = tokio::spawn({
        let follower = follower.clone();
        async move {
            let good = follower.request("__console__", json!({ "signal": "start" })).await;
            let bad = follower.request("__console__", json!({ "signal": "start" })).await;
            (good, bad)
        }
    });
    let (id, module, body) = link.next_request().await;
    assert_eq!((module.as_str(), body), ("__console__", json!({ "signal": "start" })));
    link.say(Envelope::Response(Response::ok(id, json!({ "spawn": [] }))));
    let (id, ..) = link.next_request().await;
    link.say(Envelope::Response(Response::failed(id, &Failure::new("not now"))));
    let (good, bad) = asked.await.unwrap();
    assert_eq!(good, Ok(json!({ "spawn": [] })));
    assert_eq!(bad, Err(FollowError::Failed(Failure::new("not now"))));
}

#[tokio::test]
async fn a_request_waits_for_a_leader_and_then_for_its_answer_but_not_for_ever() {
    let master = FakeMaster::bind().await;
    let (follower, _orders) = start(&[&master]);
    let mut link = master.accept(state(MasterRole::Standby, &view(0, 0, []))).await;
    let short = Duration::from_millis(20);
    let nobody = follower.request_within("m", json!({}), short).await;
    assert_eq!(nobody, Err(FollowError::NoLeader { after: short }));

    let asked = tokio::spawn({
        let follower = follower.clone();
        async move { follower.request("m", json!({})).await }
    });
    link.announce(&view(1, 0, []));
    link.next_request().await;
    let silent = follower.request_within("m", json!({}), short).await;
    assert_eq!(silent, Err(FollowError::Timeout { after: short }));
    drop(link);
    assert_eq!(asked.await.unwrap(), Err(FollowError::Disconnected));
    follower.shutdown().await;
    assert_eq!(follower.request("m", json!({})).await, Err(FollowError::Closed));
}

#[tokio::test]
async fn a_master_that_comes_back_is_told_what_is_known() {
    let (follower, _orders, master, link) = following().await;
    drop(link);
    let again = master.registration().await;
    let hello = again.register.hello().unwrap();
    assert_eq!(hello.max_epoch, 2);
    assert_eq!(hello.view.as_ref().map(|view| view.epoch), Some(2));
    assert_eq!(follower.leader().borrow().as_ref().map(|leader| leader.epoch), Some(2));
    assert_eq!(*follower.linked_leader().borrow(), None);
}

#[tokio::test]
async fn a_shutdown_is_a_clean_leave_and_so_is_the_end_of_the_handles() {
    let (follower, _orders, _master, link) = following().await;
    let (ended, ()) = tokio::join!(link.end(), follower.shutdown());
    assert!(matches!(ended, LinkError::Left), "{ended}");

    let (follower, _orders, _master, link) = following().await;
    drop(follower);
    let ended = link.end().await;
    assert!(matches!(ended, LinkError::Left), "{ended}");
}

#[tokio::test]
async fn a_refused_registration_is_shown_and_tried_again() {
    let master = FakeMaster::bind().await;
    let (follower, _orders) = start(&[&master]);
    master.registration().await.link.sender().refuse("two servers with id chat-server-1");
    let links = until(&mut follower.links(), |links| links[&master.addr].why.is_some()).await;
    let link = &links[&master.addr];
    assert!(link.refused && !link.up);
    assert!(link.why.as_ref().unwrap().contains("two servers with id chat-server-1"), "{link:?}");
    let _link = master.accept(state(MasterRole::Standby, &view(0, 0, []))).await;
    until(&mut follower.links(), |links| links[&master.addr].up).await;
}

#[tokio::test]
async fn a_master_that_is_not_there_keeps_nobody_from_the_others() {
    let (gone, here) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let gone_addr = gone.addr.clone();
    drop(gone);
    let candidates = [gone_addr.clone(), here.addr.clone()];
    let (follower, _orders) =
        Follower::start(FollowerConfig::new(Identity::Server(server("a", 1)), candidates));
    let _link = here.accept(state(MasterRole::Active, &view(1, 0, []))).await;
    until(&mut follower.linked_leader(), Option::is_some).await;
    let links = until(&mut follower.links(), |links| links[&gone_addr].why.is_some()).await;
    assert!(links[&gone_addr].why.as_ref().unwrap().contains("can't connect"), "{links:?}");
}

#[tokio::test]
async fn a_master_makes_no_link_to_itself_and_an_agent_says_who_it_is() {
    let (me, other) = (FakeMaster::bind().await, FakeMaster::bind().await);
    let candidate =
        CandidateInfo { id: ServerId::new("master-server-1").unwrap(), addr: me.addr.clone(), pid: 7 };
    let all = [me.addr.clone(), other.addr.clone()];
    let (follower, _orders) =
        Follower::start(FollowerConfig::new(Identity::Candidate(candidate), all.clone()));
    assert_eq!(follower.links().borrow().keys().collect::<Vec<_>>(), [&other.addr]);
    let came = other.registration().await;
    assert!(matches!(&came.register, Register::Candidate(c) if c.port == me.addr.port && c.pid == 7));

    let agent = Identity::Agent { id: "agent-1".into(), host: "h".into(), pid: 8 };
    let (_agent, _orders) = Follower::start(FollowerConfig::new(agent, all).token(Some("secret")));
    let came = me.registration().await;
    let Register::Agent(agent) = came.register else { panic!() };
    assert_eq!((agent.id.as_str(), agent.pid, agent.token.as_deref()), ("agent-1", 8, Some("secret")));
}

#[tokio::test]
async fn a_master_of_the_original_is_followed_with_numbers_of_our_own() {
    let master = FakeMaster::bind().await;
    let (follower, mut orders) = start(&[&master]);
    let mut link = master.accept(None).await;
    let (id, module, body) = link.next_request().await;
    assert_eq!(module, messages::MASTER_WATCHER);
    assert_eq!(body, json!({ "action": "subscribe", "id": "chat-server-1" }));
    let there = view(0, 0, [server("chat-server-1", 1)]);
    link.say(Envelope::Response(Response::ok(id, records(&there))));
    let add = json!({ "action": "addServer", "server": server("gate-server-1", 1) });
    link.say(Envelope::request(3, messages::MONITOR_WATCHER, add));
    assert_eq!(link.next_response().await.error, Some(json!(1)));
    let got = until(&mut follower.view(), |view| view.servers.len() == 2).await;
    assert_eq!(got.version, Version { epoch: 0, rev: 2 });
    let remove = json!({ "action": "removeServer", "id": "gate-server-1" });
    link.say(Envelope::request(4, messages::MONITOR_WATCHER, remove));
    until(&mut follower.view(), |view| view.servers.len() == 1).await;
    link.next_response().await;
    link.say(Envelope::request(5, messages::MONITOR_WATCHER, json!({ "action": "startOver" })));
    assert_eq!(link.next_response().await.error, Some(json!(1)));
    let news = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
    assert_eq!((news.body, news.reply.is_none()), (json!({ "action": "startOver" }), true));
}

#[tokio::test]
async fn what_can_not_be_understood_is_answered_and_changes_nothing() {
    let (follower, _orders, _master, mut link) = following().await;
    let bad = json!({ "action": "addServer", "server": { "id": "x" }, "epoch": 2, "rev": 1 });
    link.say(Envelope::request(3, messages::MONITOR_WATCHER, bad).in_epoch(2));
    let failure = link.next_response().await.into_result().unwrap_err();
    assert!(failure.message.contains("record of server x"), "{failure:?}");
    let unnumbered = json!({ "action": "removeServer", "id": "x" });
    link.say(Envelope::request(4, messages::MONITOR_WATCHER, unnumbered).in_epoch(2));
    let failure = link.next_response().await.into_result().unwrap_err();
    assert!(failure.message.contains("without epoch and rev"), "{failure:?}");
    let view = Arc::clone(&follower.view().borrow());
    assert_eq!(view.version, Version { epoch: 2, rev: 0 });
    let add = messages::add_server(Version { epoch: 2, rev: 1 }, json!(server("y", 1)));
    link.say(Envelope::request(5, messages::MONITOR_WATCHER, add).in_epoch(2));
    until(&mut follower.view(), |view| view.version.rev == 1).await;
}

#[tokio::test]
async fn a_server_gets_a_life_of_its_own_if_it_brings_none() {
    let mut info = server("a", 1);
    info.incarnation = None;
    let (first, _orders) = Follower::start(FollowerConfig::new(Identity::Server(info.clone()), []));
    let (second, _orders) = Follower::start(FollowerConfig::new(Identity::Server(info), []));
    let life = |follower: &Follower| match follower.identity() {
        Identity::Server(info) => (info.incarnation.unwrap(), info.pid.unwrap()),
        other => panic!("{other:?}"),
    };
    assert!(life(&first).0 <= life(&second).0);
    assert_eq!(life(&first).1, std::process::id());
    let change = Change::Remove { id: ServerId::new("a").unwrap(), incarnation: Some(life(&first).0 - 1) };
    let Identity::Server(info) = first.identity().clone() else { panic!() };
    let mut view = view(1, 0, [info]);
    assert_eq!(view.advance(change), None);
}
