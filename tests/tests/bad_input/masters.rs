//! What comes to the masters' ports and is neither server nor tool: that link is closed, the cluster goes on.

use anyhow::{Result, ensure};
use pomelo_testkit::game::signal;
use rustix::process::Signal;
use serde_json::json;
use tests::{
    cluster::{Cluster, SERVERS, ids_of},
    player::{Player, Transport},
};

use super::stranger::{Stranger, Strangers, all_closed, first_words, noise};

/// CONNECT as every tool says it.
const CONNECT: &[u8] = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04tool";
const CONNACK: &[u8] = &[0x20, 2, 0, 0];

#[tokio::test]
async fn garbage_on_the_masters_ports_closes_its_link_and_the_cluster_is_unharmed() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
    let before = cluster.active().await?;
    let mut strangers = Strangers::new();
    for port in cluster.game.masters.iter().copied() {
        for (what, bytes) in before_the_connect() {
            strangers.spawn(first_words(port, what.to_owned(), bytes));
        }
        for (what, bytes) in before_the_registration() {
            strangers.spawn(connected(port, what, bytes));
        }
        for (what, bytes) in after_the_registration() {
            strangers.spawn(logged_in(port, what, bytes));
        }
    }
    all_closed(strangers).await?;

    for port in cluster.game.masters.iter().copied() {
        let servers = cluster.show_servers(Some(port)).await?;
        ensure!(ids_of(&servers) == SERVERS, "asked of {port}: {servers:?}");
        let log = cluster.game.read(&format!("logs/master-server-1-{port}.log"));
        ensure!(!log.contains("panicked"), "{port}:\n{log}");
        ensure!(log.contains("closed: malformed mqtt") && log.contains("at most"), "no reasons in\n{log}");
    }
    let after = cluster.active().await?;
    ensure!(after == before, "{before:?} led before, {after:?} after");

    // The standbys have kept their place, and all they know.
    signal(after.pid, Signal::KILL)?;
    cluster.printed("now is promoted to master!").await;
    let next = cluster.active().await?;
    let servers = cluster.show_servers(Some(next.port)).await?;
    ensure!(ids_of(&servers) == SERVERS, "after the failover: {servers:?}");
    player.finish().await?;
    cluster.stop(next.port).await
}

/// First words of somebody who speaks no MQTT.
fn before_the_connect() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("noise", noise(1000)),
        ("a lot of noise", noise(2_000_000)),
        ("zeros", vec![0; 64]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        ("a CONNECT of 256 MB", vec![0x10, 0xff, 0xff, 0xff, 0x7f]),
        ("a length without end", vec![0x10, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("a CONNECT of another protocol", b"\x10\x10\x00\x04MQXX\x04\x02\x00\x00\x00\x04tool".to_vec()),
        ("an empty CONNECT", vec![0x10, 0]),
        ("a PUBLISH", publish("register", b"{}")),
        ("a package of a game's client", b"\x01\0\0\x0a{\"sys\":{}}".to_vec()),
        // Closed by the time-out.
        ("half a CONNECT", CONNECT[..9].to_vec()),
        ("nothing", Vec::new()),
    ]
}

/// Said where a registration is expected.
fn before_the_registration() -> Vec<(&'static str, Vec<u8>)> {
    let register = |body: serde_json::Value| publish("register", body.to_string().as_bytes());
    vec![
        ("a registration that is not JSON", publish("register", b"{oops")),
        ("a registration that is not text", publish("register", &[0xff, 0xfe])),
        ("a registration of nobody", register(json!({}))),
        ("a registration of another type", register(json!({ "type": "king", "id": "x" }))),
        ("a server without its type", register(json!({ "type": "monitor", "id": "x" }))),
        (
            "a server with a wrong token",
            register(
                json!({ "type": "monitor", "id": "chat-server-1", "serverType": "chat", "token": "wrong", "pid": 1,
                             "info": { "id": "chat-server-1", "serverType": "chat", "host": "h", "port": 1 } }),
            ),
        ),
        (
            "a server with a name of 60 KB",
            register(json!({ "type": "monitor", "id": "x".repeat(60_000), "serverType": "chat" })),
        ),
        (
            "an agent without token",
            register(json!({ "type": "agent", "id": "a", "host": "h", "pid": 1, "link": 1 })),
        ),
        ("a registration of 256 MB", vec![0x30, 0xff, 0xff, 0xff, 0x7f]),
        ("a registration of 100 KB", publish("register", &[b' '; 100_000])),
        ("an order before it", publish("monitor", br#"{"moduleId":"__console__","body":{"signal":"stop"}}"#)),
        ("a question before it", publish("client", br#"{"reqId":1,"moduleId":"__console__","body":{}}"#)),
        ("a SUBSCRIBE", vec![0x82, 2, 0, 1]),
        ("a second CONNECT", CONNECT.to_vec()),
        ("noise", noise(100_000)),
        // Closed by the time-out.
        ("nothing", Vec::new()),
    ]
}

/// Said by a tool with the right password.
fn after_the_registration() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("what is not JSON", publish("client", b"{oops")),
        ("a question without module", publish("client", br#"{"reqId":1}"#)),
        ("another topic", publish("gossip", b"{}")),
        (
            "words of a server",
            publish("monitor", br#"{"moduleId":"__masterwatcher__","body":{"action":"record"}}"#),
        ),
        ("a second registration", log_in()),
        ("2 MB", publish("client", &vec![b' '; 2_000_000])),
        ("256 MB", vec![0x30, 0xff, 0xff, 0xff, 0x7f]),
        ("a SUBSCRIBE", vec![0x82, 2, 0, 1]),
        ("noise", noise(100_000)),
    ]
}

async fn connected(port: u16, what: &'static str, bytes: Vec<u8>) -> Result<()> {
    let mut stranger = connect(port).await?;
    stranger.say(&bytes).await;
    stranger.shown_out(&format!("{what} on port {port}")).await.map(drop)
}

async fn logged_in(port: u16, what: &'static str, bytes: Vec<u8>) -> Result<()> {
    let mut stranger = connect(port).await?;
    stranger.say(&log_in()).await;
    let answer = stranger.hear(21).await?;
    ensure!(answer[0] == 0x30 && answer.ends_with(br#"{"code":1"#), "{}", String::from_utf8_lossy(&answer));
    stranger.say(&bytes).await;
    stranger.shown_out(&format!("{what} of a tool on port {port}")).await.map(drop)
}

async fn connect(port: u16) -> Result<Stranger> {
    let mut stranger = Stranger::connect(port).await?;
    stranger.say(CONNECT).await;
    ensure!(stranger.hear(CONNACK.len()).await? == CONNACK, "not accepted");
    Ok(stranger)
}

fn log_in() -> Vec<u8> {
    let register = json!({ "type": "client", "id": "stranger", "username": "admin", "password": "admin" });
    publish("register", register.to_string().as_bytes())
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut length = 2 + topic.len() + payload.len();
    let mut packet = vec![0x30];
    loop {
        let low = u8::try_from(length % 128).unwrap_or_default();
        length /= 128;
        packet.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    packet.extend([0, u8::try_from(topic.len()).unwrap_or_default()]);
    packet.extend(topic.as_bytes());
    packet.extend(payload);
    packet
}
