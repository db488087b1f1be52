//! The client against recorded masters of the original, and against masters that say they lead or do not.

use std::{fs, path::Path, slice};

use bytes::BytesMut;
use pomelo_protocol::{
    admin::{Registered, ReqId, Response, ViewStamp},
    mqtt::Packet,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::admin::AdminListener;

const TIMEOUT: Duration = Duration::from_secs(5);

async fn listener() -> (AdminListener, MasterAddr) {
    let listener = AdminListener::bind("127.0.0.1", 0).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, MasterAddr { host: addr.ip().to_string(), port: addr.port() })
}

/// Plays the master's side of a recording: sends what it sent once it has read as many packets as it had. Returns what it read.
async fn replay(mut stream: TcpStream, file: &str) -> Vec<Packet> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pomelo-protocol/tests/wire");
    let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
    for line in fs::read_to_string(folder.join(file)).unwrap().lines() {
        let unit: Value = serde_json::from_str(line).unwrap();
        let hex = unit["hex"].as_str().unwrap();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        if unit["dir"] == "s2c" {
            stream.write_all(&bytes).await.unwrap();
            continue;
        }
        let packet = loop {
            if let Some(packet) = Packet::decode(&mut buffer, 1 << 20).unwrap() {
                break packet;
            }
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return read;
            }
        };
        read.push(packet);
    }
    read
}

/// A master that says `cluster` of itself, and answers requests with what was asked.
async fn master(listener: AdminListener, cluster: Option<ClusterState>) {
    loop {
        let stream = listener.accept().await;
        let cluster = cluster.clone();
        tokio::spawn(async move {
            let mut link = Link::accept(stream, &LinkConfig::default()).await.unwrap();
            link.registration().await.unwrap();
            link.sender().admit(Registered::ok(cluster)).unwrap();
            while let Ok(AdminMessage::Client(Envelope::Request { req_id, body, .. })) = link.recv().await {
                let stale = AdminMessage::Client(Envelope::Response(Response::done(ReqId::Number(0))));
                link.send(&stale).unwrap();
                let answer = Envelope::Response(Response::ok(req_id, body));
                link.send(&AdminMessage::Client(answer)).unwrap();
            }
        });
    }
}

fn cluster(role: MasterRole, epoch: u64, leader: Option<(&MasterAddr, u64)>) -> Option<ClusterState> {
    Some(ClusterState {
        role,
        view: ViewStamp { epoch, rev: 1, digest: "00".into() },
        leader: leader.map(|(at, epoch)| Leader { host: at.host.clone(), port: at.port, epoch }),
        coordinator: "embedded".into(),
    })
}

#[tokio::test]
async fn a_master_of_the_original_answers_and_denies() {
    let (listener, addr) = listener().await;
    let played =
        tokio::spawn(async move { replay(listener.accept().await, "cli-monitor-denied.jsonl").await });
    let client = AdminClient::connect(&addr, "monitor", "monitor", TIMEOUT).await.unwrap();
    assert!(client.cluster().is_none());
    let body = json!({"comd": "servers", "param": "", "context": "all"});
    let servers = client.request("watchServer", body).await.unwrap();
    assert_eq!(servers["msg"]["master-server-1"]["port"], 3005);
    let body = json!({"signal": "stop", "ids": ["gate-server-1"]});
    let denied = client.request("__console__", body).await.unwrap_err();
    assert!(matches!(&denied, AdminError::Denied { .. }), "{denied:?}");
    assert_eq!(
        denied.to_string(),
        format!("master {addr}: user \"monitor\" may only look: Command permission denied")
    );

    let sent = played.await.unwrap();
    let text = |at: usize| match &sent[at] {
        Packet::Publish { payload, .. } => String::from_utf8_lossy(payload).into_owned(),
        other => panic!("{other:?}"),
    };
    assert!(
        text(1).contains(r#""username":"monitor","password":"08b5411f848a2581a41672a759c87380","md5":true"#)
    );
    let id = &client.client_id;
    let asked = json!({"reqId": 1, "moduleId": "watchServer", "body":
        {"comd": "servers", "param": "", "context": "all", "clientId": id, "username": "monitor"}});
    assert_eq!(text(2), Value::String(asked.to_string()).to_string());
}

#[tokio::test]
async fn a_wrong_password_is_told_in_the_masters_words() {
    let (listener, addr) = listener().await;
    let played =
        tokio::spawn(async move { replay(listener.accept().await, "cli-wrong-password.jsonl").await });
    let refused =
        AdminClient::connect_any(slice::from_ref(&addr), "admin", "wrong", TIMEOUT).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("master {addr} refused user \"admin\": client auth failed with username or password error")
    );
    played.await.unwrap();
}

#[tokio::test]
async fn a_tool_that_asks_a_standby_is_sent_to_the_active_master() {
    let (active, active_at) = listener().await;
    let (standby, standby_at) = listener().await;
    tokio::spawn(master(active, cluster(MasterRole::Active, 7, Some((&active_at, 7)))));
    tokio::spawn(master(standby, cluster(MasterRole::Standby, 7, Some((&active_at, 7)))));
    let moved = AdminClient::connect(&standby_at, "admin", "admin", TIMEOUT).await.unwrap_err();
    assert!(matches!(&moved, AdminError::Moved { leader, .. } if leader.port == active_at.port), "{moved:?}");
    let client = AdminClient::connect_any(&[standby_at], "admin", "admin", TIMEOUT).await.unwrap();
    assert_eq!(client.master(), &active_at);
    assert_eq!(client.request("m", json!([1, 2])).await.unwrap(), json!([1, 2]));
    assert_eq!(client.request("m", json!(null)).await.unwrap(), json!(null));
}

#[tokio::test]
async fn of_two_that_say_they_lead_the_higher_epoch_is_believed_and_dead_ones_are_passed_over() {
    let (old, old_at) = listener().await;
    let (new, new_at) = listener().await;
    let (dead, dead_at) = listener().await;
    drop(dead);
    tokio::spawn(master(old, cluster(MasterRole::Active, 1, None)));
    tokio::spawn(master(new, cluster(MasterRole::Active, 2, None)));
    let candidates = [dead_at, old_at, new_at.clone()];
    let client = AdminClient::connect_any(&candidates, "admin", "admin", TIMEOUT).await.unwrap();
    assert_eq!(client.master(), &new_at);
}

#[tokio::test(start_paused = true)]
async fn whoever_leads_in_a_new_epoch_or_is_named_by_another_is_not_waited_to_be_confirmed() {
    let ((first, at), (second, named_at)) = (listener().await, listener().await);
    // Takes connections and says nothing, as a master that was stopped.
    let (_silent, silent_at) = listener().await;
    tokio::spawn(master(first, cluster(MasterRole::Active, 3, None)));
    let since = Instant::now();
    let asked = [silent_at.clone(), at.clone()];
    let client = AdminClient::connect_later(&asked, Some(2), "admin", "admin", TIMEOUT).await.unwrap();
    assert_eq!((client.master(), since.elapsed()), (&at, Duration::ZERO));

    tokio::spawn(master(second, cluster(MasterRole::Standby, 3, Some((&at, 3)))));
    let all = [silent_at, at.clone(), named_at];
    let client = AdminClient::connect_later(&all, Some(3), "admin", "admin", TIMEOUT).await.unwrap();
    assert_eq!((client.master(), since.elapsed()), (&at, Duration::ZERO));

    // Nobody else has said anything of the epoch that the tool knows: it may be over.
    let client = AdminClient::connect_later(&asked, Some(3), "admin", "admin", TIMEOUT).await.unwrap();
    assert_eq!((client.master(), since.elapsed()), (&at, SECOND_OPINION));
}

#[tokio::test]
async fn without_an_active_master_every_candidate_is_named_with_its_reason() {
    let (standby, standby_at) = listener().await;
    let (dead, dead_at) = listener().await;
    drop(dead);
    tokio::spawn(master(standby, cluster(MasterRole::Standby, 3, Some((&dead_at, 3)))));
    let candidates = [standby_at.clone(), dead_at.clone()];
    let none =
        AdminClient::connect_any(&candidates, "admin", "admin", TIMEOUT).await.unwrap_err().to_string();
    assert!(none.starts_with("no active master: "), "{none}");
    assert!(none.contains(&format!("{dead_at}: can't connect: ")), "{none}");
    assert!(none.contains(&format!("{standby_at}: says that {dead_at} leads (epoch 3)")), "{none}");

    let alone =
        AdminClient::connect_any(slice::from_ref(&dead_at), "admin", "admin", TIMEOUT).await.unwrap_err();
    assert!(matches!(alone, AdminError::Connect { .. }), "{alone:?}");
}

#[tokio::test]
async fn a_standby_that_knows_no_leader_says_so() {
    let (standby, at) = listener().await;
    tokio::spawn(master(standby, cluster(MasterRole::Joining, 0, None)));
    let none = AdminClient::connect_any(slice::from_ref(&at), "admin", "admin", TIMEOUT).await.unwrap_err();
    assert_eq!(none.to_string(), format!("no active master: {at} is joining and knows of none (embedded)"));
}

#[tokio::test]
async fn a_reason_that_several_masters_have_is_told_once() {
    let (first, first_at) = listener().await;
    let (second, second_at) = listener().await;
    drop((first, second));
    let mut candidates = [first_at, second_at];
    let none =
        AdminClient::connect_any(&candidates, "admin", "admin", TIMEOUT).await.unwrap_err().to_string();
    candidates.sort();
    let [first, second] = candidates;
    let expected = format!("no active master: {first}, {second}: can't connect: ");
    assert!(none.starts_with(&expected), "{none}");
}

#[tokio::test]
async fn something_else_on_the_port_is_not_taken_for_a_master() {
    let (listener, at) = listener().await;
    tokio::spawn(async move {
        let mut stream = listener.accept().await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let other = AdminClient::connect(&at, "admin", "admin", TIMEOUT).await.unwrap_err();
    assert!(matches!(other, AdminError::NotAMaster { .. }), "{other:?}");
}

#[tokio::test]
async fn who_hangs_up_at_the_first_words_is_not_taken_for_a_master() {
    let (listener, at) = listener().await;
    tokio::spawn(async move { drop(listener.accept().await) });
    let other = AdminClient::connect(&at, "admin", "admin", TIMEOUT).await.unwrap_err();
    assert!(matches!(other, AdminError::NotAMaster { .. }), "{other:?}");
}

#[tokio::test]
async fn a_master_that_says_nothing_is_not_waited_for_longer_than_the_timeout() {
    let (_listener, at) = listener().await;
    let late = AdminClient::connect(&at, "admin", "admin", Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(late.to_string(), format!("master {at} gave no mqtt CONNACK within 50 ms"));
}

#[tokio::test]
async fn a_master_that_dies_before_its_answer_is_a_closed_connection() {
    let (listener, at) = listener().await;
    tokio::spawn(async move {
        let mut link = Link::accept(listener.accept().await, &LinkConfig::default()).await.unwrap();
        link.registration().await.unwrap();
        link.sender().admit(Registered::ok(None)).unwrap();
        link.recv().await.unwrap();
    });
    let client = AdminClient::connect(&at, "admin", "admin", TIMEOUT).await.unwrap();
    let closed = client.request("__console__", json!({"signal": "kill"})).await.unwrap_err();
    assert!(matches!(closed, AdminError::Closed { .. }), "{closed:?}");
}
