//! Links over TCP, and over pipes on a paused clock where time decides.

use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::admin::{
    AdminMessage, ClientRegister, Envelope, Hello, MonitorRegister, Register, Registered,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    join,
    time::{Instant, advance, sleep},
};

use super::*;
use crate::admin::AdminListener;

fn tool() -> Register {
    Register::Client(ClientRegister {
        id: "tool".into(),
        username: "admin".into(),
        password: String::new(),
        md5: true,
        hello: None,
    })
}

fn notify(body: impl Into<String>) -> AdminMessage {
    AdminMessage::Monitor(Envelope::notify("test", body.into().into()))
}

async fn listener() -> (AdminListener, MasterAddr) {
    let listener = AdminListener::bind("127.0.0.1", 0).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, MasterAddr { host: addr.ip().to_string(), port: addr.port() })
}

/// Both ends of a link over TCP, the accepting one second.
async fn tcp_pair(dialling: LinkConfig, accepting: LinkConfig) -> (Link, Link) {
    let (listener, addr) = listener().await;
    let accept = async { Link::accept(listener.accept().await, &accepting).await };
    let (dialled, accepted) = join!(Link::dial(&addr, &dialling), accept);
    (dialled.unwrap(), accepted.unwrap())
}

/// Both ends of a link over a pipe, which works with a paused clock.
async fn pipe_pair(dialling: LinkConfig, accepting: LinkConfig) -> (Link, Link) {
    let (near, far) = duplex(64 << 10);
    let (dialled, accepted) = join!(
        Link::dial_over(near, "master".into(), &dialling),
        Link::accept_over(far, "server".into(), &accepting)
    );
    (dialled.unwrap(), accepted.unwrap())
}

/// The accepting end of a link, and the bytes of the other end.
async fn accepted_from_raw(config: LinkConfig) -> (Link, DuplexStream) {
    let (mut near, far) = duplex(1 << 20);
    let mut connect = BytesMut::new();
    Packet::Connect { client_id: "raw".into(), keep_alive_s: 0 }.encode(&mut connect).unwrap();
    near.write_all(&connect).await.unwrap();
    let link = Link::accept_over(far, "raw".into(), &config).await.unwrap();
    assert_eq!(near.read_u32().await.unwrap(), 0x2002_0000, "no CONNACK");
    (link, near)
}

#[tokio::test]
async fn a_registered_peer_and_its_master_tell_each_other_things() {
    let (mut server, mut master) = tcp_pair(LinkConfig::kept(), LinkConfig::default()).await;
    let accept = async {
        let register = master.registration().await.unwrap();
        master.sender().admit(Registered::ok(None)).unwrap();
        register
    };
    let (reply, register) = join!(server.register(tool()), accept);
    assert_eq!((reply.unwrap(), register), (Registered::ok(None), tool()));

    let ask =
        AdminMessage::Monitor(Envelope::request(1, "__console__", json!({"signal": "list"})).in_epoch(3));
    master.send(&ask).unwrap();
    assert_eq!(server.recv().await.unwrap(), ask);
    let large = notify("x".repeat(1 << 20));
    server.send(&large).unwrap();
    assert_eq!(master.recv().await.unwrap(), large);
}

#[tokio::test]
async fn what_is_sent_at_once_does_not_wait_for_the_task_and_keeps_its_order_behind_what_waits() {
    let (mut server, master) = tcp_pair(LinkConfig::kept(), LinkConfig::default()).await;
    let sender = master.sender();
    // A write that finds the connection ready takes the frame; the writing task has had no turn.
    master.send(&notify("first")).unwrap();
    assert_eq!(server.recv().await.unwrap(), notify("first"));
    sender.send_at_once(notify("news").encode().unwrap()).unwrap();
    assert_eq!(sender.shared().queued(), 0);
    assert_eq!(server.recv().await.unwrap(), notify("news"));

    // More than the kernel takes at once, so that frames are cut, and what comes behind them waits.
    let large = |n: usize| notify(format!("{n}{}", "x".repeat(64 << 10)));
    let send = async {
        for n in 0..200 {
            let frame = large(n).encode().unwrap();
            let sent = if n % 3 == 0 { sender.send_encoded(frame) } else { sender.send_at_once(frame) };
            sent.unwrap();
            if n % 20 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let receive = async {
        for n in 0..200 {
            assert!(server.recv().await.unwrap() == large(n), "{n}");
        }
    };
    join!(send, receive);
}

#[tokio::test]
async fn a_refused_registration_says_why_and_ends_the_link() {
    let (mut server, mut master) = tcp_pair(LinkConfig::kept(), LinkConfig::default()).await;
    let refuse = async {
        master.registration().await.unwrap();
        master.sender().refuse("wrong token");
        master.recv().await.unwrap_err()
    };
    let asked = async {
        let refused = server.register(tool()).await.unwrap_err();
        (refused, server.recv().await.unwrap_err())
    };
    let (at_master, (refused, after)) = join!(refuse, asked);
    assert!(
        matches!(&refused, LinkError::Refused { why, newer: None } if why == "wrong token"),
        "{refused:?}"
    );
    assert!(matches!(after, LinkError::Left), "{after:?}");
    drop(server);
    assert!(matches!(at_master, LinkError::Closed), "{at_master:?}");
}

#[tokio::test]
async fn a_monitor_that_reconnects_is_answered_on_its_topic() {
    let (mut server, mut master) = tcp_pair(LinkConfig::default(), LinkConfig::default()).await;
    let server_info =
        serde_json::from_value(json!({"id": "chat-1", "serverType": "chat", "host": "h"})).unwrap();
    let monitor = MonitorRegister { hello: None, ..MonitorRegister::of(&server_info, None, Hello::new()) };
    server.send(&AdminMessage::Reconnect(monitor.clone())).unwrap();
    assert_eq!(master.registration().await.unwrap(), Register::Monitor(monitor));
    master.sender().admit(Registered::ok(None)).unwrap();
    assert_eq!(server.recv().await.unwrap(), AdminMessage::Reconnected(Registered::ok(None)));
}

#[tokio::test]
async fn what_was_queued_before_a_close_arrives_although_the_peer_has_sent_things_nobody_reads() {
    let (mut server, mut master) = tcp_pair(LinkConfig::default(), LinkConfig::default()).await;
    for _ in 0..100 {
        server.send(&notify("x".repeat(1000))).unwrap();
    }
    for n in 0..1000 {
        master.send(&notify(n.to_string())).unwrap();
    }
    let closing = master.sender();
    closing.close();
    let end = tokio::spawn(async move { master.recv().await.unwrap_err() });
    for n in 0..1000 {
        assert_eq!(server.recv().await.unwrap(), notify(n.to_string()));
    }
    let left = server.recv().await.unwrap_err();
    assert!(matches!(left, LinkError::Left), "{left:?}");
    closing.closed().await;
    drop(server);
    assert!(matches!(end.await.unwrap(), LinkError::Closed));
    assert_eq!(closing.send(&notify("late")), Err(SendError::Closed));
}

#[tokio::test]
async fn a_peer_that_vanishes_has_not_left() {
    let (mut link, raw) = accepted_from_raw(LinkConfig::default()).await;
    drop(raw);
    assert!(matches!(link.recv().await.unwrap_err(), LinkError::Ended));
}

#[tokio::test]
async fn a_peer_that_does_not_read_ends_its_link_and_holds_up_nobody() {
    let limits = LinkConfig { queue_frames_max: 100, ..LinkConfig::default() };
    let (_server, mut master) = pipe_pair(LinkConfig::default(), limits).await;
    let sender = master.sender();
    let mut sent = Ok(());
    while sent.is_ok() {
        // The writer gets its turn, and fills the pipe.
        tokio::task::yield_now().await;
        sent = sender.send(&notify("x".repeat(1000)));
    }
    let full = sent.unwrap_err();
    assert!(matches!(full, SendError::Full { frames: 100, .. }), "{full:?}");
    assert!(matches!(master.recv().await.unwrap_err(), LinkError::Overflown));
    assert!(sender.is_closed());
    sender.closed().await;
}

#[tokio::test]
async fn bytes_that_wait_are_limited_as_well_as_messages() {
    let limits = LinkConfig { queue_bytes_max: 100_000, ..LinkConfig::default() };
    let (_server, mut master) = pipe_pair(LinkConfig::default(), limits).await;
    let frame: Bytes = notify("x".repeat(30_000)).encode().unwrap();
    for _ in 0..3 {
        master.sender().send_encoded(frame.clone()).unwrap();
    }
    assert!(matches!(master.sender().send_encoded(frame), Err(SendError::Full { frames: 3, .. })));
    assert!(matches!(master.recv().await.unwrap_err(), LinkError::Overflown));
}

#[tokio::test]
async fn garbage_ends_the_link_with_words() {
    for (bytes, words) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "unsupported mqtt acknowledgement (first byte 0x47)"),
        (b"\x30\x09\x00\x07monitor", "is not json"),
        (b"\x30\x0d\x00\x07monitor[42]", "expected an object, found [42]"),
        (b"\x30\x06\x00\x02hi{}", "unknown admin topic \"hi\""),
        (b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01x", "expected mqtt PUBLISH, got mqtt CONNECT"),
        (b"\x30\xff\xff\x7f", "mqtt packet of 2097151 bytes, at most 65536 are allowed"),
    ] {
        let (mut link, mut raw) = accepted_from_raw(LinkConfig::default()).await;
        raw.write_all(bytes).await.unwrap();
        let end = link.recv().await.unwrap_err().to_string();
        assert!(end.contains(words), "{bytes:?} ended with {end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pings_keep_a_quiet_link_and_are_answered() {
    let (mut server, mut master) = pipe_pair(LinkConfig::kept(), LinkConfig::default()).await;
    master.set_silence_max(Some(LinkConfig::SILENCE_MAX));
    tokio::select! {
        end = server.recv() => panic!("server: {end:?}"),
        end = master.recv() => panic!("master: {end:?}"),
        () = sleep(Duration::from_secs(60)) => {}
    }
    assert!(server.sender().silent_for() <= LinkConfig::PING_INTERVAL);
    assert!(master.sender().silent_for() <= LinkConfig::PING_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_master_is_noticed_by_its_silence() {
    let (mut server, _frozen) = pipe_pair(LinkConfig::kept(), LinkConfig::default()).await;
    let since = Instant::now();
    let end = server.recv().await.unwrap_err();
    assert!(matches!(end, LinkError::Silent { .. }), "{end:?}");
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_was_busy_finds_what_came_meanwhile_before_it_finds_silence() {
    let (mut server, master) = pipe_pair(LinkConfig::kept(), LinkConfig::default()).await;
    master.send(&notify("early")).unwrap();
    sleep(Duration::from_millis(1)).await;
    advance(Duration::from_secs(60)).await;
    assert_eq!(server.recv().await.unwrap(), notify("early"));
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_says_nothing_is_not_waited_for_longer_than_the_timeout() {
    let (_silent, far) = duplex(1024);
    let end = Link::accept_over(far, "stranger".into(), &LinkConfig::default()).await.unwrap_err();
    assert_eq!(end.to_string(), "no mqtt CONNECT within 5000 ms");
    let (mut link, _raw) = accepted_from_raw(LinkConfig::default()).await;
    assert_eq!(link.registration().await.unwrap_err().to_string(), "no registration within 5000 ms");
}

#[tokio::test]
async fn a_receive_that_is_cancelled_loses_nothing() {
    let (mut link, mut raw) = accepted_from_raw(LinkConfig::default()).await;
    let bytes = notify("whole").encode().unwrap();
    for (at, byte) in bytes.iter().enumerate() {
        raw.write_all(&[*byte]).await.unwrap();
        let got = tokio::select! {
            biased;
            got = link.recv() => Some(got.unwrap()),
            () = tokio::task::yield_now() => None,
        };
        assert_eq!(got, (at + 1 == bytes.len()).then(|| notify("whole")));
    }
}

#[tokio::test]
async fn nobody_listening_is_said_at_once() {
    let (listener, addr) = listener().await;
    drop(listener);
    let end = Link::dial(&addr, &LinkConfig::default()).await.unwrap_err();
    assert!(matches!(&end, LinkError::Dial(e) if e.kind() == io::ErrorKind::ConnectionRefused), "{end:?}");
}
