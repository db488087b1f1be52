//! Masters, servers, agents and tools together: failover, handover, stopping, and peers that misbehave.

use std::time::Duration;

use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    coordinator::MasterAddr,
    follow::Identity,
    membership::Version,
};
use pomelo_protocol::{
    ServerInfo,
    admin::{AdminMessage, Hello, MasterRole, MonitorRegister, Register, Registered},
};
use pomelo_testkit::eventually;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{LIMIT, Masters, Wire, info, within};

#[tokio::test]
async fn servers_see_each_other_come_and_go() {
    let masters = Masters::start(1).await;
    let first = masters.server("chat-1");
    assert_eq!(first.sees(&["chat-1"]).await, Version { epoch: 1, rev: 1 });
    let second = masters.server("chat-2");
    assert_eq!(first.sees(&["chat-1", "chat-2"]).await, Version { epoch: 1, rev: 2 });
    second.sees(&["chat-1", "chat-2"]).await;
    second.follower.shutdown().await;
    assert_eq!(first.sees(&["chat-1"]).await, Version { epoch: 1, rev: 3 });
}

#[tokio::test]
async fn the_start_is_over_when_every_configured_server_has_said_that_it_is_ready() {
    let masters = Masters::start(1).await;
    for name in ["connector-server-1", "chat-server-1", "gate-server-1"] {
        let mut wire = Wire::connect(&masters.addrs[0]).await;
        register(&mut wire, name, 1).await;
        let ready = pomelo_protocol::admin::Envelope::notify(
            "__masterwatcher__",
            json!({ "action": "record", "id": name }),
        );
        wire.say(&AdminMessage::Monitor(ready)).await;
        if name == "gate-server-1" {
            let body = next_request(&mut wire).await;
            assert_eq!(body, json!({ "action": "startOver" }));
        } else {
            // Later pushes are of no interest to this one, but a closed link would be a leave.
            tokio::spawn(async move { while wire.packet().await.is_some() {} });
        }
    }
}

#[tokio::test]
async fn a_standby_knows_everything_and_answers_with_its_leader() {
    let masters = Masters::start(3).await;
    let server = masters.server("chat-1");
    server.linked(3).await;
    server.sees(&["chat-1"]).await;
    let leader = masters.addrs[0].clone();
    for n in 1..3 {
        eventually("the standby knows its leader", LIMIT, || async {
            match masters.admin(n).await {
                Err(AdminError::Moved { leader: named, .. }) => {
                    assert_eq!(MasterAddr { host: named.host, port: named.port }, leader);
                    assert_eq!(named.epoch, 1);
                    Some(())
                }
                Err(AdminError::NoActive { .. }) => None,
                other => panic!("{other:?}"),
            }
        })
        .await;
    }
    let admin = AdminClient::connect_any(&masters.addrs[1..], "admin", "admin", LIMIT).await.unwrap();
    assert_eq!(*admin.master(), leader);
}

#[tokio::test]
async fn a_killed_master_is_followed_by_one_that_lists_everybody_at_once() {
    let mut masters = Masters::start(3).await;
    let servers = ["chat-1", "chat-2", "gate-1"].map(|name| masters.server(name));
    for server in &servers {
        server.linked(3).await;
        server.sees(&["chat-1", "chat-2", "gate-1"]).await;
    }
    for epoch in 2..=3 {
        // Which standby is the next in the queue is up to the kernel.
        masters.kill(leading(&masters, &servers[0])).await;
        for server in &servers {
            server.follows(epoch).await;
        }
        let n = leading(&masters, &servers[0]);
        let listed: Vec<_> = masters.show_servers(n).await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(listed, ["master-server-1", "chat-1", "chat-2", "gate-1"]);
        for server in &servers {
            assert_eq!(server.sees(&["chat-1", "chat-2", "gate-1"]).await.epoch, epoch);
        }
    }
}

#[tokio::test]
async fn a_master_that_is_started_again_is_a_standby_of_the_one_that_took_over() {
    let mut masters = Masters::start(2).await;
    let server = masters.server("chat-1");
    server.linked(2).await;
    server.sees(&["chat-1"]).await;
    for epoch in 2..=6 {
        let dead = usize::from(epoch % 2 == 1);
        masters.kill(dead).await;
        server.follows(epoch).await;
        masters.run(dead).await;
        server.linked(2).await;
        eventually("it stands by", LIMIT, || async {
            matches!(masters.admin(dead).await, Err(AdminError::Moved { .. })).then_some(())
        })
        .await;
        assert_eq!(server.sees(&["chat-1"]).await.epoch, epoch);
    }
}

#[tokio::test]
async fn a_standby_that_has_just_joined_the_queue_has_the_whole_membership() {
    let mut masters = Masters::prepare(2).await;
    masters.run(0).await;
    masters.until_active(0).await;
    let elsewhere = masters.addrs[..1].to_vec();
    let names: Vec<_> = (0..20).map(|n| format!("chat-{n:02}")).collect();
    let servers: Vec<_> = names.iter().map(|name| masters.server_of(name, elsewhere.clone())).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    servers[0].sees(&ids).await;

    let agent = masters.follower(Identity::Agent { id: "here".into(), host: "127.0.0.1".into(), pid: 1 });
    masters.run(1).await;
    let standby = masters.addrs[1].clone();
    let mut links = agent.follower.links();
    let joined = links.wait_for(|links| links[&standby].role == Some(MasterRole::Standby));
    within("it joins", joined).await.unwrap();
    masters.kill(0).await;
    masters.until_active(1).await;
    assert_eq!(masters.show_servers(1).await.len(), 1 + names.len(), "none of them is linked to it");
}

#[tokio::test]
async fn a_terminated_master_hands_over_before_it_ends() {
    let mut masters = Masters::start(2).await;
    let server = masters.server("chat-1");
    server.linked(2).await;
    server.sees(&["chat-1"]).await;
    masters.terminate(0).await;
    let leader = server.follower.leader().borrow().clone().unwrap();
    assert_eq!(
        (leader.addr, leader.epoch),
        (masters.addrs[1].clone(), 2),
        "the server never was without a leader"
    );
}

#[tokio::test]
async fn masters_that_are_terminated_and_started_again_in_turn_skip_and_repeat_no_epoch() {
    let mut masters = Masters::start(3).await;
    let server = masters.server("chat-1");
    server.linked(3).await;
    server.sees(&["chat-1"]).await;
    for epoch in 2..=10 {
        let leader = leading(&masters, &server);
        masters.terminate(leader).await;
        server.follows(epoch).await;
        masters.run(leader).await;
        server.linked(3).await;
        assert_eq!(server.sees(&["chat-1"]).await.epoch, epoch);
    }
}

#[tokio::test]
async fn a_standby_that_dies_in_the_middle_of_a_handover_leaves_it_to_the_next() {
    let mut masters = Masters::start(3).await;
    let server = masters.server("chat-1");
    server.linked(3).await;
    server.sees(&["chat-1"]).await;
    let terminated = masters.begin_termination(0);
    masters.kill(1).await;
    within("it ends", terminated).await.unwrap().unwrap();
    let leads = |leader: &Option<pomelo_cluster::follow::Leader>| {
        leader.as_ref().is_some_and(|leader| leader.addr == masters.addrs[2])
    };
    within("the third leads", server.follower.linked_leader().wait_for(leads)).await.unwrap();
    server.sees(&["chat-1"]).await;
}

#[tokio::test]
async fn a_cluster_is_stopped_by_the_master_that_has_just_been_promoted() {
    let mut masters = Masters::start(3).await;
    let mut server = masters.server("chat-1");
    server.linked(3).await;
    server.sees(&["chat-1"]).await;
    masters.kill(0).await;
    let admin = eventually("one of the others leads", LIMIT, || async {
        AdminClient::connect_any(&masters.addrs[1..], "admin", "admin", LIMIT).await.ok()
    })
    .await;
    let stopped = tokio::spawn(async move {
        admin.request_within("__console__", json!({ "signal": "stop", "ids": [] }), LIMIT).await
    });
    assert_eq!(server.order("__console__").await.epoch, 2);
    server.follower.shutdown().await;
    assert_eq!(within("the answer comes", stopped).await.unwrap().unwrap(), json!({ "status": "all" }));
    for n in 1..3 {
        masters.ended(n).await;
    }
}

#[tokio::test]
async fn stopping_all_ends_servers_standbys_agents_and_the_master() {
    let mut masters = Masters::start(3).await;
    let mut server = masters.server("chat-1");
    let agent = Identity::Agent { id: "here".into(), host: "127.0.0.1".into(), pid: 1 };
    let mut agent = masters.follower(agent);
    server.linked(3).await;
    agent.linked(3).await;
    // The standbys are linked to the leader when they name it.
    for n in 1..3 {
        eventually("the standby knows its leader", LIMIT, || async {
            matches!(masters.admin(n).await, Err(AdminError::Moved { .. })).then_some(())
        })
        .await;
    }
    let admin = masters.admin(0).await.unwrap();
    let stopped =
        tokio::spawn(
            async move { admin.request("__console__", json!({ "signal": "stop", "ids": [] })).await },
        );
    let order = server.order("__console__").await;
    assert_eq!((order.body, order.epoch), (json!({ "signal": "stop" }), 1));
    server.follower.shutdown().await;
    assert_eq!(agent.order("__console__").await.body, json!({ "signal": "stop" }));
    assert_eq!(within("the answer comes", stopped).await.unwrap().unwrap(), json!({ "status": "all" }));
    for n in 0..3 {
        masters.ended(n).await;
    }
}

#[tokio::test]
async fn the_second_server_with_an_id_is_refused_while_the_first_lives() {
    let masters = Masters::start(1).await;
    let first = masters.server("chat-1");
    first.sees(&["chat-1"]).await;
    let second = masters.server("chat-1");
    let mut links = second.follower.links();
    let refused =
        within("it is refused", links.wait_for(|links| links.values().any(|link| link.refused))).await;
    let why = refused.unwrap().values().next().unwrap().why.clone().unwrap();
    assert!(why.contains("two servers with id chat-1: it is held by pid"), "{why}");
    first.follower.shutdown().await;
    second.linked(1).await;
    second.sees(&["chat-1"]).await;
}

#[tokio::test]
async fn garbage_and_oversized_packets_close_their_own_link_only() {
    let masters = Masters::start(1).await;
    let server = masters.server("chat-1");
    let before = server.sees(&["chat-1"]).await;
    let connect = [&[0x10, 0x11, 0, 4][..], b"MQTT", &[4, 2, 0, 0, 0, 5], b"hello"].concat();
    let oversized = [&connect[..], &[0x30, 0xFF, 0xFF, 0xFF, 0x7F]].concat();
    let unregistered = [&connect[..], &[0x30, 9, 0, 7], b"monitor"].concat();
    for bytes in
        [&b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"[..], &[0; 64], &[0xFF; 64], &oversized, &unregistered]
    {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", masters.addrs[0].port)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        // A reset is as good an end as any.
        let _ = within("the link is closed", stream.read_to_end(&mut rest)).await;
    }
    assert_eq!(server.sees(&["chat-1"]).await, before);
    assert_eq!(masters.show_servers(0).await.len(), 2);
}

#[tokio::test]
async fn a_server_that_came_back_is_not_evicted_by_the_late_end_of_its_former_life() {
    let masters = Masters::start(1).await;
    let mut former = Wire::connect(&masters.addrs[0]).await;
    register(&mut former, "chat-1", 5).await;
    let watcher = masters.server("chat-2");
    watcher.sees(&["chat-1", "chat-2"]).await;
    // The former life is silent: after three seconds it may be replaced.
    eventually("the later life is taken", LIMIT, || async {
        let mut later = Wire::connect(&masters.addrs[0]).await;
        let taken = try_register(&mut later, "chat-1", 6).await.is_ok();
        taken.then(|| tokio::spawn(async move { while later.packet().await.is_some() {} }))
    })
    .await;
    while former.packet().await.is_some() {}
    drop(former);
    let version = watcher.sees(&["chat-1", "chat-2"]).await;
    masters.server("chat-3").sees(&["chat-1", "chat-2", "chat-3"]).await;
    assert_eq!(watcher.follower.view().borrow().servers.values().next().unwrap().incarnation, Some(6));
    assert_eq!(version.epoch, 1);
    let mut earlier = Wire::connect(&masters.addrs[0]).await;
    let why = try_register(&mut earlier, "chat-1", 4).await.unwrap_err();
    assert!(why.contains("was started again since"), "{why}");
}

#[tokio::test]
async fn a_tool_hears_one_clear_reason_why_it_is_not_let_in() {
    let masters = Masters::start(1).await;
    let wrong = AdminClient::connect(&masters.addrs[0], "admin", "wrong", LIMIT).await.unwrap_err();
    assert!(wrong.to_string().contains("client auth failed with username or password error"), "{wrong}");
    let looker = AdminClient::connect(&masters.addrs[0], "monitor", "monitor", LIMIT).await.unwrap();
    let denied = looker.request("__console__", json!({ "signal": "stop", "ids": [] })).await.unwrap_err();
    let words = "user \"monitor\" may only look: Command permission denied";
    assert!(denied.to_string().ends_with(words), "{denied}");
}

#[tokio::test]
async fn an_agent_learns_what_to_spawn_from_the_leader() {
    let masters = Masters::start(2).await;
    let server = masters.server("chat-1");
    server.sees(&["chat-1"]).await;
    let agent = masters.follower(Identity::Agent { id: "here".into(), host: "127.0.0.1".into(), pid: 1 });
    let body = json!({ "signal": "start", "servers": ["chat-1", "chat-2"] });
    let answer = agent.follower.request("__console__", body).await.unwrap();
    assert_eq!((&answer["spawn"], &answer["running"]), (&json!(["chat-2"]), &json!(["chat-1"])));
    assert!(answer["claims"]["chat-2"].is_u64(), "{answer}");
}

/// Which master a server follows.
fn leading(masters: &Masters, server: &crate::support::Server) -> usize {
    let leader = server.follower.leader().borrow().clone().unwrap();
    masters.addrs.iter().position(|addr| *addr == leader.addr).unwrap()
}

async fn register(wire: &mut Wire, name: &str, incarnation: u64) -> Registered {
    try_register(wire, name, incarnation).await.unwrap()
}

async fn try_register(wire: &mut Wire, name: &str, incarnation: u64) -> Result<Registered, String> {
    let info = ServerInfo { pid: Some(100), incarnation: Some(incarnation), ..info(name) };
    let register = Register::Monitor(MonitorRegister::of(&info, None, Hello::new()));
    match wire.register(register).await {
        AdminMessage::Registered(reply) if reply.is_ok() => Ok(reply),
        AdminMessage::Registered(reply) => Err(reply.msg),
        other => panic!("no reply but {other:?}"),
    }
}

async fn next_request(wire: &mut Wire) -> serde_json::Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        assert!(tokio::time::Instant::now() < deadline);
        if let AdminMessage::Monitor(pomelo_protocol::admin::Envelope::Request { body, .. }) =
            wire.message().await
        {
            return body;
        }
    }
}
