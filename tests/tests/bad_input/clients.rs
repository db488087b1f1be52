//! What comes to the clients' ports and is no client: each such connection is closed, and players notice nothing.

use std::time::Instant;

use anyhow::{Result, ensure};
use pomelo_client::{Client, ClientError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tests::{
    cluster::{Cluster, SERVERS, ids_of},
    player::{Player, Transport},
};

use super::stranger::{Stranger, Strangers, all_closed, first_words, noise};

/// Kinds of packages.
const HANDSHAKE: u8 = 1;
const ACK: u8 = 2;
const HEARTBEAT: u8 = 3;
const DATA: u8 = 4;

/// Connections that say nothing; fewer where a process may not have as many files open.
const SILENT: usize = 10_000;

/// Files that a test has open beside those.
const OTHER_FILES: usize = 500;

/// Opcodes of WebSocket.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

#[tokio::test]
async fn garbage_on_the_clients_ports_closes_its_connection_and_costs_no_player_anything() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let game = &cluster.game;
    let players = [
        Player::join(game, Transport::WebSocket, "alice").await?,
        Player::join(game, Transport::Tcp, "robert").await?,
        Player::join(game, Transport::WebSocket, "carol").await?,
        Player::join(game, Transport::Tcp, "dave").await?,
    ];
    let mut strangers = Strangers::new();
    for port in [game.gate, game.connectors[0], game.connectors[1]] {
        for (what, bytes) in before_the_handshake() {
            strangers.spawn(first_words(port, what.to_owned(), bytes));
        }
        strangers.spawn(left_in_the_middle(port));
        for (what, bytes) in after_the_handshake() {
            strangers.spawn(tcp(port, what, bytes.clone()));
            strangers.spawn(websocket(port, what, frame(BINARY, &bytes)));
        }
        for (what, bytes) in in_websocket_frames() {
            strangers.spawn(websocket(port, what, bytes));
        }
    }
    all_closed(strangers).await?;

    for player in players {
        let so_far = player.count();
        player.heard(so_far + 5).await;
        player.finish().await?;
    }
    // The ports are open to those who can speak.
    for transport in [Transport::WebSocket, Transport::Tcp] {
        let late = Player::join(game, transport, "late").await?;
        late.heard(5).await;
        late.finish().await?;
    }
    ensure!(ids_of(&cluster.show_servers(None).await?) == SERVERS);
    for server in SERVERS {
        let log = game.read(&format!("logs/{server}.log"));
        ensure!(!log.contains("panicked"), "{server}:\n{log}");
        // What anybody on the network can cause must not fill a disk.
        ensure!(log.lines().count() < 50, "{server}:\n{log}");
    }
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn messages_that_nobody_can_handle_are_answered_and_the_connection_goes_on() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let client = Client::connect(&format!("tcp://127.0.0.1:{}", cluster.game.connectors[0])).await?;
    for (route, body) in [
        ("chat.chatHandler.nothing", "{}"),
        ("area.areaHandler.enter", "{}"),
        ("not a route", "{}"),
        ("", "{}"),
        ("connector.entryHandler.enter", "not json"),
        ("connector.entryHandler.enter", r#"{"username": 7}"#),
        ("connector.entryHandler.enter", ""),
        ("chat.chatHandler.send", r#"{"content": "in no room", "target": "*"}"#),
    ] {
        let answer = client.request_raw(route, body).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        ensure!(answer["code"] == 500, "{route:?} {body}: {answer}");
    }
    let entered: Value = client
        .request("connector.entryHandler.enter", &json!({ "username": "alice", "rid": "lobby" }))
        .await?;
    ensure!(entered["code"] == 200, "{entered}");
    client.close().await;
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

#[tokio::test]
async fn ten_thousand_connections_that_never_speak_are_closed_and_players_play_on() -> Result<()> {
    let silent = SILENT.min(files()?.saturating_sub(OTHER_FILES));
    let cluster = Cluster::start(None).await?;
    let port = cluster.game.connectors[0];
    let player = Client::connect(&format!("tcp://127.0.0.1:{port}")).await?;
    let ask = async || {
        let asked = Instant::now();
        let entered: Value =
            player.request("connector.entryHandler.nothing", &json!({})).await.or_else(|error| {
                // The answer that there is no such handler is one, too.
                matches!(error, ClientError::Failed { .. }).then_some(Value::Null).ok_or(error)
            })?;
        ensure!(entered.is_null(), "{entered}");
        Ok(asked.elapsed())
    };
    let mut alone = Vec::new();
    for _ in 0..500 {
        alone.push(ask().await?);
    }
    let mut among_them = Vec::new();
    let mut strangers = Strangers::new();
    for n in 0..silent {
        let stranger = Stranger::connect(port).await?;
        strangers.spawn(async move { stranger.shown_out("silence").await.map(drop) });
        if n % 20 == 0 {
            among_them.push(ask().await?);
        }
    }
    while !strangers.is_empty() {
        among_them.push(ask().await?);
        while let Some(one) = strangers.try_join_next() {
            one??;
        }
    }
    for (whose, mut times) in [("alone", alone), ("among the silent", among_them)] {
        times.sort_unstable();
        let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        eprintln!("{whose}, of {silent}: median {median:?}, p99 {p99:?} of {} requests", times.len());
    }
    let log = cluster.game.read("logs/connector-server-1.log");
    ensure!(log.lines().count() < 50, "{log}");
    let active = cluster.active().await?;
    cluster.stop(active.port).await
}

/// How many files this process may have open, after asking for as many as there can be.
fn files() -> Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(limit.maximum.map_or(usize::MAX, |files| files.try_into().unwrap_or(usize::MAX)))
}

/// First words of somebody who is no client.
fn before_the_handshake() -> Vec<(&'static str, Vec<u8>)> {
    let endless = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 20_000]].concat();
    vec![
        ("noise", noise(1000)),
        ("a lot of noise", noise(2_000_000)),
        ("zeros", vec![0; 64]),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()),
        ("HTTP without end", endless),
        ("HTTP that is none", b"GET\r\n\r\n".to_vec()),
        ("HTTP POST", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".to_vec()),
        (
            "a WebSocket without key",
            b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec(),
        ),
        ("a handshake of 16 MB", vec![HANDSHAKE, 0xff, 0xff, 0xff]),
        ("a handshake that is not JSON", package(HANDSHAKE, b"{oops")),
        ("a handshake that says nothing", package(HANDSHAKE, b"{}")),
        ("an ack", package(ACK, b"")),
        ("data", package(DATA, b"\0\x01\x01x{}")),
        // Closed by the time-out.
        ("half a handshake", package(HANDSHAKE, br#"{"sys":{}}"#)[..7].to_vec()),
        ("half an upgrade", b"GET / HTTP/1.1\r\nUpgr".to_vec()),
        ("nothing", Vec::new()),
    ]
}

/// What an introduced client must not send.
fn after_the_handshake() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a package of no kind", vec![9, 0, 0, 1, 0]),
        ("a package of 16 MB", vec![DATA, 0xff, 0xff, 0xff]),
        ("a package over the limit", package(DATA, &vec![0; 70_000])),
        ("a second handshake", package(HANDSHAKE, br#"{"sys":{}}"#)),
        ("an empty message", package(DATA, b"")),
        ("a message of no type", package(DATA, &[0x0e, 1, 1, b'x'])),
        ("a response", package(DATA, &[0x04, 1, b'{', b'}'])),
        ("an id without end", package(DATA, &[0xff; 12])),
        ("an id of eleven bytes", package(DATA, &[&[0][..], &[0xff; 11], b"\x01x{}"].concat())),
        ("a route longer than its message", package(DATA, &[0, 1, 200, b'x'])),
        ("a route that is not text", package(DATA, &[0, 1, 2, 0xff, 0xfe, b'{', b'}'])),
        ("half a route code", package(DATA, &[1, 1, 0])),
        ("noise", noise(100_000)),
    ]
}

/// What is wrong with the frame, whatever is in it.
fn in_websocket_frames() -> Vec<(&'static str, Vec<u8>)> {
    let heartbeat = package(HEARTBEAT, b"");
    let unmasked = [&[BINARY, 4][..], &heartbeat].concat();
    vec![
        ("a frame without mask", unmasked),
        ("a frame of no kind", frame(0x83, &heartbeat)),
        ("a frame with reserved bits", frame(0xf2, &heartbeat)),
        ("text", frame(TEXT, b"hello")),
        ("text that is none", frame(TEXT, &[0xff, 0xfe])),
        ("the rest of nothing", frame(0x80, &heartbeat)),
        ("a ping in parts", frame(0x09, b"")),
        ("a ping that is too long", frame(0x89, &[0; 126])),
        ("a frame of 8 EB", [&[BINARY, 0xff][..], &[0x7f; 8], &[0; 4]].concat()),
        ("a frame of a negative length", [&[BINARY, 0xff][..], &[0xff; 8], &[0; 4]].concat()),
        ("a frame over the limit", frame(BINARY, &[3; 200_000])),
        ("a close of one byte", frame(0x88, &[3])),
        ("noise", noise(100_000)),
    ]
}

/// A client that does everything right until it says this.
async fn tcp(port: u16, what: &'static str, bytes: Vec<u8>) -> Result<()> {
    let mut stranger = Stranger::connect(port).await?;
    stranger.say(&hello()).await;
    let head = stranger.hear(4).await?;
    ensure!(head[0] == HANDSHAKE, "{head:?}");
    let length = head[1..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    stranger.hear(length).await?;
    stranger.say(&package(ACK, b"")).await;
    ensure!(stranger.hear(4).await? == package(HEARTBEAT, b""), "not introduced");
    stranger.say(&bytes).await;
    stranger.shown_out(&format!("{what} by TCP on port {port}")).await.map(drop)
}

/// The same over WebSocket; the bytes are frames already.
async fn websocket(port: u16, what: &'static str, bytes: Vec<u8>) -> Result<()> {
    let mut stranger = Stranger::connect(port).await?;
    let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stranger.say(upgrade.as_bytes()).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(stranger.hear(1).await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stranger.say(&frame(BINARY, &hello())).await;
    let head = stranger.hear(4).await?;
    ensure!(head[..2] == [BINARY, 126], "the handshake's reply is of middle length: {head:?}");
    stranger.hear(usize::from(head[2]) << 8 | usize::from(head[3])).await?;
    stranger.say(&frame(BINARY, &package(ACK, b""))).await;
    ensure!(
        stranger.hear(6).await? == [&[BINARY, 4][..], &package(HEARTBEAT, b"")].concat(),
        "not introduced"
    );
    stranger.say(&bytes).await;
    stranger.shown_out(&format!("{what} by WebSocket on port {port}")).await.map(drop)
}

/// Leaves with half a package said.
async fn left_in_the_middle(port: u16) -> Result<()> {
    let mut stranger = Stranger::connect(port).await?;
    stranger.say(&hello()[..10]).await;
    stranger.say_no_more().await;
    stranger.shown_out("half a handshake and the end").await.map(drop)
}

fn hello() -> Vec<u8> {
    package(HANDSHAKE, br#"{"sys":{"type":"stranger","version":"1.0.0"}}"#)
}

fn package(kind: u8, body: &[u8]) -> Vec<u8> {
    let [.., a, b, c] = body.len().to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

/// A frame with a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..126 => vec![0x80 | u8::try_from(short).unwrap_or_default()],
        long => [&[0xff][..], &long.to_be_bytes()].concat(),
    };
    [&[first][..], &length, &[0; 4], payload].concat()
}
