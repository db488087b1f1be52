//! Who is not let in, and what many of those cost the others.

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, net::TcpStream, time::Instant};

use super::rig::{Rig, skip};
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
