//! Peers that die, restart, are somebody else or no peer at all, and the end of a server's own links.

use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{DialError, ErrorKind, Limit, Limits, Who};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::rig::{Addresses, DEADLINE, dial_error, eventually, pair};

#[tokio::test]
async fn calls_in_the_middle_fail_at_once_when_the_peer_dies() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let mut calls = JoinSet::new();
    for _ in 0..500 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move { caller.call(&called, "wait", "x").await });
    }
    called.started.acquire_many(500).await.unwrap().forget();
    // The other end of the caller's link, gone without a word.
    called.links.forget(caller.id());
    let mut failed = 0;
    while let Some(done) = calls.join_next().await {
        let error = done.unwrap().unwrap_err();
        assert_eq!((error.who, error.retry), (Who::Transport, false));
        assert!(matches!(error.kind, ErrorKind::Disconnected(_)), "{error:?}");
        failed += 1;
    }
    assert_eq!(failed, 500);
    assert_eq!(caller.call(&called, "echo", "a new link").await.unwrap(), "a new link");
}

#[tokio::test]
async fn a_restarted_peer_is_linked_again_by_the_next_call() {
    let (caller, called, serving, addresses) = pair(Limits::default()).await;
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
    drop(serving);
    called.links.close().await;
    eventually("the caller sees the end", || caller.links.linked().is_empty()).await;

    let closed = addresses.of(&called);
    let error = caller.call(&called, "echo", "x").await.unwrap_err();
    assert_eq!((error.who, error.retry), (Who::Transport, true));
    assert!(matches!(dial_error(&error), DialError::Connect { addr, .. } if *addr == closed), "{error}");

    let again = addresses.life("chat-1", 2, Limits::default());
    let _serving = again.listen(&addresses).await;
    caller.links.forget(called.id());
    assert_eq!(caller.call(&again, "echo", "x").await.unwrap(), "x");
}

#[tokio::test]
async fn news_of_a_restart_ends_the_link_to_the_former_life_only() {
    let addresses = Addresses::default();
    let caller = addresses.node("connector-1", Limits::default());
    let called = addresses.life("chat-1", 5, Limits::default());
    let _serving = called.listen(&addresses).await;
    let waiting = async { caller.call(&called, "wait", "x").await };
    let news = async {
        called.started.acquire().await.unwrap().forget();
        caller.links.forget_before(called.id(), 5);
        called.gate.add_permits(1);
    };
    assert_eq!(tokio::join!(waiting, news).0.unwrap(), "x");
    let waiting = async { caller.call(&called, "wait", "x").await };
    let news = async {
        called.started.acquire().await.unwrap().forget();
        caller.links.forget_before(called.id(), 6);
    };
    let error = tokio::join!(waiting, news).0.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Disconnected(_)), "{error}");
    assert!(caller.links.linked().is_empty());
}

#[tokio::test]
async fn a_restarted_peer_replaces_the_link_of_its_former_life_and_not_the_reverse() {
    let addresses = Addresses::default();
    let chat = addresses.node("chat-1", Limits::default());
    let _serving = chat.listen(&addresses).await;
    let (old, new) =
        (addresses.life("gate-1", 5, Limits::default()), addresses.life("gate-1", 6, Limits::default()));
    assert_eq!(old.call(&chat, "echo", "x").await.unwrap(), "x");
    assert_eq!(new.call(&chat, "echo", "x").await.unwrap(), "x");
    eventually("the old life's link is closed", || old.links.linked().is_empty()).await;
    let error = old.call(&chat, "echo", "x").await.unwrap_err();
    assert!(
        matches!(dial_error(&error), DialError::Refused { message, .. } if message.contains("later process"))
    );
    assert_eq!(chat.call(&new, "echo", "to the new one").await.unwrap(), "to the new one");
}

#[tokio::test]
async fn whoever_answers_in_the_place_of_a_peer_is_named() {
    let (caller, called, _serving, addresses) = pair(Limits::default()).await;
    let other = addresses.node("chat-2", Limits::default());
    addresses.set(other.id(), addresses.of(&called));
    let error = caller.call(&other, "echo", "x").await.unwrap_err();
    assert!(error.to_string().ends_with("refused the link: hello for chat-2, this is chat-1"), "{error}");
    assert!(error.retry);
}

#[tokio::test]
async fn a_server_calls_itself_as_it_calls_others() {
    let (server, other, _serving, _) = pair(Limits { notices_max: 2, ..Limits::default() }).await;
    let large = "x".repeat(1 << 20);
    assert_eq!(server.call(&server, "back", &large).await.unwrap(), large);
    assert!(server.call(&server, "panic", "").await.unwrap_err().to_string().ends_with("the call panicked"));
    // Whoever stops waiting does not stop what was begun.
    let waiting = server.links.start(server.id(), "wait", b"", DEADLINE).unwrap();
    server.started.acquire().await.unwrap().forget();
    drop(waiting);
    for _ in 0..2 {
        server.notify(&server, "wait", "").unwrap();
    }
    assert_eq!(server.notify(&server, "wait", "").unwrap_err().kind, ErrorKind::Busy(Limit::Notices));
    server.started.acquire_many(2).await.unwrap().forget();
    server.gate.add_permits(3);
    eventually("all three go on", || server.gate.available_permits() == 0).await;
    server.send(&server, "note", "said").unwrap();
    assert_eq!(server.call(&server, "seen", "").await.unwrap(), "1");
    let late =
        server.links.call(server.id(), "wait", Bytes::new(), Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(late.kind, ErrorKind::Deadline { .. }), "{late}");
    assert_eq!(server.links.linked(), [], "it is no other server");
    assert_eq!(server.call(&other, "echo", "x").await.unwrap(), "x");
    server.links.forget(server.id());
    server.gate.add_permits(1);
    server.links.close().await;
    assert_eq!(server.call(&server, "echo", "x").await.unwrap_err().kind, ErrorKind::Closed);
}

/// A port that answers each connection with these bytes.
async fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 64];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    addr
}

#[tokio::test]
async fn a_dial_that_meets_something_else_says_what() {
    let addresses = Addresses::default();
    let caller = addresses.node("connector-1", Limits::default());
    let answers: [(&str, &'static [u8], &str); 5] = [
        (
            "http",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "does not speak this protocol: frame of 1213486160 bytes",
        ),
        ("silent", b"", "closed the connection during the hello: the connection ended"),
        ("wrong-id", b"\0\0\0\x11\x02PMLK\0\x02\0\0\0\0\0\0\0\x01\x01z", "is z, not wrong-id"),
        ("later", b"\0\0\0\x0c\x02PMLK\0\x09later", "speaks link version 9, this server speaks 2"),
        ("early", b"\0\0\0\x01\x04", "does not speak this protocol: the first frame is no hello"),
    ];
    for (id, bytes, expected) in answers {
        let server = ServerId::new(id).unwrap();
        addresses.set(&server, answering(bytes).await);
        let error = caller.links.call(&server, "echo", Bytes::new(), DEADLINE).await.unwrap_err();
        assert_eq!((error.who, error.retry), (Who::Transport, true));
        dial_error(&error);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn garbage_on_the_port_closes_that_connection_and_nothing_else() {
    let (caller, called, _serving, addresses) = pair(Limits::default()).await;
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
    let addr = addresses.of(&called);
    let hello = b"\0\0\0\x1d\x01PMLK\0\x02\0\0\0\0\0\0\0\x01\x06gate-1\x06chat-1";
    let after = |frame: &[u8]| [&hello[..], frame].concat();
    let cases: [Vec<u8>; 8] = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 1000],
        vec![0; 4],
        b"\0\0\0\x01\x04".to_vec(),
        b"\0\0\0\x0a\x01NOPE\0\x01xxx".to_vec(),
        after(&[0xff; 4]),
        after(b"\0\0\0\x01\x63"),
        after(hello),
    ];
    for bytes in cases {
        let mut stream = TcpStream::connect(&addr).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let closed = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await;
        assert!(closed.is_ok(), "not closed after {bytes:?}");
    }
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
}

#[tokio::test]
async fn another_version_and_a_wrong_addressee_are_told_why() {
    let (_caller, called, _serving, addresses) = pair(Limits::default()).await;
    let addr = addresses.of(&called);
    let version = "hello of link version 3, this server speaks 2";
    let cases: [(&[u8], &str); 2] = [
        (b"\0\0\0\x0d\x01PMLK\0\x03future", version),
        (
            b"\0\0\0\x1d\x01PMLK\0\x02\0\0\0\0\0\0\0\x01\x06gate-1\x06chat-7",
            "hello for chat-7, this is chat-1",
        ),
    ];
    for (hello, expected) in cases {
        let mut stream = TcpStream::connect(&addr).await.unwrap();
        stream.write_all(hello).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer[4..11], *b"\x03PMLK\0\x02");
        assert_eq!(String::from_utf8_lossy(&answer[12..]), expected);
    }
}

#[tokio::test]
async fn more_peers_than_links_max_are_refused() {
    let addresses = Addresses::default();
    let chat = addresses.node("chat-1", Limits { links_max: 2, ..Limits::default() });
    let _serving = chat.listen(&addresses).await;
    let gates: Vec<_> = (0..3).map(|n| addresses.node(&format!("gate-{n}"), Limits::default())).collect();
    assert!(gates[0].call(&chat, "echo", "x").await.is_ok());
    assert!(gates[1].call(&chat, "echo", "x").await.is_ok());
    let error = gates[2].call(&chat, "echo", "x").await.unwrap_err();
    assert!(error.to_string().contains("too many links"), "{error}");
    addresses.set(&ServerId::new("area-1").unwrap(), "127.0.0.1:1");
    let error = chat.links.send(&ServerId::new("area-1").unwrap(), "m", Bytes::new()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy(Limit::Links));
    gates[0].links.close().await;
    eventually("a place is free", || chat.links.linked().len() == 1).await;
    assert!(gates[2].links.call(chat.id(), "echo", Bytes::new(), DEADLINE).await.is_err(), "backed off");
    gates[2].links.forget(chat.id());
    assert!(gates[2].call(&chat, "echo", "x").await.is_ok());
}

#[tokio::test]
async fn closing_lets_calls_in_progress_finish_and_buffers_be_written() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let waiting = tokio::spawn({
        let (caller, called) = (caller.clone(), called.clone());
        async move { caller.call(&called, "wait", "in time").await }
    });
    called.started.acquire().await.unwrap().forget();
    for n in 0..1000 {
        called.send(&caller, "note", n.to_string()).unwrap();
    }
    let closing = tokio::spawn({
        let called = called.clone();
        async move { called.links.close().await }
    });
    let refused = loop {
        match caller.call(&called, "echo", "x").await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!((refused.who, refused.retry), (Who::Remote, true));
    called.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap(), "in time");
    closing.await.unwrap();
    assert_eq!(caller.seen().len(), 1000);
    let error = called.call(&caller, "echo", "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Closed);
}

#[tokio::test]
async fn dropping_the_last_handle_ends_its_links() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
    drop(caller);
    eventually("the peer sees the end", || called.links.linked().is_empty()).await;
}
