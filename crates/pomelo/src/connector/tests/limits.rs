//! Who is not let in, and what many of those cost the others.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::rig::{Rig, request, skip};
use crate::{connector::Hybrid, run::allow_open_files};

/// As many as a test may have open at both ends of one process.
const SILENT: usize = 3_000;

/// Whether a new connection is closed at once.
async fn is_refused(rig: &Rig) -> bool {
    let mut client = rig.tcp_silent().await.socket;
    // What is let in waits for a handshake.
    tokio::time::timeout(Duration::from_millis(200), client.read(&mut [0])).await.is_ok()
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_gets_one_more_when_one_ends() {
    let rig = Rig::start(Hybrid::new().max_connections_per_address(2));
    let (first, second) = (rig.tcp().await, rig.tcp().await);
    assert!(is_refused(&rig).await);
    assert_eq!(rig.handle.counts().refused_address, 1);
    drop(first);
    rig.eventually("one has gone", |handle| handle.connections() == 1).await;
    let third = rig.tcp().await;
    rig.stop((second, third)).await;
}

#[tokio::test]
async fn an_address_that_connects_too_often_is_refused_for_a_while() {
    let rig = Rig::start(Hybrid::new().new_connections_per_second(3));
    let mut clients = Vec::new();
    let start = Instant::now();
    while rig.handle.counts().refused_rate == 0 {
        clients.push(rig.tcp_silent().await);
        assert!(start.elapsed() < Duration::from_secs(5), "nobody is refused");
    }
    skip(Duration::from_secs(1)).await;
    let later = rig.tcp().await;
    rig.stop((clients, later)).await;
}

#[tokio::test]
async fn nobody_is_let_in_from_a_blocked_range() {
    let rig = Rig::start(Hybrid::new().blacklist(["127.0.0.0/8"]));
    assert!(is_refused(&rig).await);
    assert_eq!(rig.handle.counts().refused_blocked, 1);
    rig.stop(()).await;
}

#[tokio::test]
async fn thousands_that_never_speak_are_closed_with_a_reason_and_nobody_else_notices() {
    allow_open_files();
    let rig = Rig::start(Hybrid::new().handshake_timeout(Duration::from_secs(30)));
    let mut player = rig.tcp().await;
    let mut silent = Vec::with_capacity(SILENT);
    for n in 0..SILENT {
        silent.push(TcpStream::connect(rig.addr).await.unwrap());
        if n % 100 == 0 {
            player.request(1, "test.h.echo", "on I play").await;
            assert_eq!(player.message().await, "response 1 on I play");
        }
    }
    rig.eventually("all are accepted", |handle| handle.connections() == SILENT + 1).await;
    skip(Duration::from_secs(30)).await;
    player.request(2, "test.h.echo", "and on").await;
    assert_eq!(player.message().await, "response 2 and on");
    for client in &mut silent {
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
    drop(silent);
    rig.eventually("only the player is left", |handle| handle.connections() == 1).await;
    assert_eq!(rig.handle.counts().timeouts, SILENT as u64);
    assert_eq!(
        rig.service.log().iter().filter(|line| line.contains("closed")).count(),
        0,
        "nobody knew of them"
    );
    player.request(3, "test.h.echo", "and on").await;
    assert_eq!(player.message().await, "response 3 and on");
    rig.stop(player).await;
}

#[tokio::test]
async fn a_client_that_sends_too_much_is_told_so_and_closed_and_others_stay() {
    let rig = Rig::start(Hybrid::new().max_messages_per_second(2));
    let (mut tcp, mut websocket, mut other) = (rig.tcp().await, rig.ws().await, rig.tcp().await);
    let flood: Vec<u8> = (1..=100).flat_map(|id| request(id, "test.h.echo", "x")).collect();
    tcp.socket.write_all(&flood).await.unwrap();
    websocket.put(&flood).await;
    // What is still to be handled then is not.
    let kick = r#"Kick {"reason":"too many messages"}"#;
    assert_eq!(tcp.message().await, kick);
    assert_eq!(websocket.message().await, kick);
    assert_eq!(tcp.message().await, "end");
    assert_eq!(websocket.close_code().await, Some(1008));
    assert_eq!(rig.handle.counts().floods, 2);

    other.request(1, "test.h.echo", "well within").await;
    assert_eq!(other.message().await, "response 1 well within");
    rig.stop((tcp, websocket, other)).await;
}

#[tokio::test]
async fn heartbeats_count_as_messages_and_a_pause_lets_a_client_speak_again() {
    let rig = Rig::start(Hybrid::new().max_messages_per_second(2));
    let mut client = rig.tcp().await;
    for _ in 0..3 {
        client.request(1, "test.h.echo", "one").await;
        client.request(2, "test.h.echo", "two").await;
        assert_eq!(client.message().await, "response 1 one");
        assert_eq!(client.message().await, "response 2 two");
        skip(Duration::from_secs(1)).await;
    }
    let heartbeat = [3, 0, 0, 0];
    client.socket.write_all(&heartbeat.repeat(3)).await.unwrap();
    rig.eventually("it is closed", |handle| handle.counts().floods == 1).await;
    rig.stop(client).await;
}
