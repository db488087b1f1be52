//! How connections end: by whom ever, once, and with nothing left.

use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::package::PackageKind;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::rig::{DEADLINE, Rig, notify, request, skip};
use crate::connector::{FINISH_TIMEOUT, Frame, Hybrid, client::Closed};

/// How often the service was told that this client is gone.
fn closings(rig: &Rig, id: u64) -> usize {
    rig.service.log().iter().filter(|line| line.starts_with(&format!("{id} closed"))).count()
}

#[tokio::test]
async fn a_kick_comes_behind_what_waits_and_ends_both_transports_once() {
    let rig = Rig::start(Hybrid::new());
    let (mut tcp, mut websocket) = (rig.tcp().await, rig.ws().await);
    rig.service.until("both open", |log| log.len() == 2).await;
    let frame = Frame::push("onTest", None, Bytes::from_static(b"last")).unwrap();
    for id in [1, 2] {
        let client = rig.service.client(id);
        client.send(&frame).unwrap();
        client.kick("bye");
        client.kick("again");
        client.close();
        assert_eq!(client.send(&frame), Err(Closed));
    }
    assert_eq!(tcp.message().await, "push onTest last");
    assert_eq!(tcp.message().await, r#"Kick {"reason":"bye"}"#);
    assert_eq!(tcp.message().await, "end");
    assert_eq!(websocket.message().await, "push onTest last");
    assert_eq!(websocket.message().await, r#"Kick {"reason":"bye"}"#);
    assert_eq!(websocket.close_code().await, Some(1000));
    for id in [1, 2] {
        rig.service.told(&format!("{id} closed: kicked: bye")).await;
        assert_eq!(closings(&rig, id), 1);
    }
    assert_eq!(rig.handle.counts().kicked, 2);
    rig.stop((tcp, websocket)).await;
}

#[tokio::test]
async fn a_kick_reaches_a_client_that_is_still_sending() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.tcp().await;
    let messages: Vec<u8> = (0..5000).flat_map(|_| notify("test.h.nothing", "on and on")).collect();
    let kick = request(1, "test.h.kickMe", "");
    client.socket.write_all(&kick).await.unwrap();
    let (mut reader, mut writer) = client.socket.split();
    // What is sent after the kick must not make the kernel reset the connection before the kick is read.
    let sending = async {
        let _ = writer.write_all(&messages).await;
        let _ = writer.shutdown().await;
    };
    let mut said = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut said);
    let (_, read) = tokio::join!(sending, reading);
    read.unwrap();
    assert!(said.ends_with(br#"{"reason":"bye"}"#), "{}", said.escape_ascii());
    rig.service.told("1 closed: kicked: bye").await;
    rig.stop(()).await;
}

#[tokio::test]
async fn messages_that_came_before_a_client_left_are_handled_before_it_is_closed() {
    let rig = Rig::start(Hybrid::new());
    let mut tcp = rig.tcp().await;
    let mut websocket = rig.ws().await;
    rig.service.until("both open", |log| log.len() == 2).await;
    tcp.socket.write_all(&[notify("test.h.wait", "a"), notify("test.h.echo", "b")].concat()).await.unwrap();
    websocket.put(&[notify("test.h.wait", "a"), notify("test.h.echo", "b")].concat()).await;
    rig.service.told("1 test.h.wait a").await;
    rig.service.told("2 test.h.wait a").await;
    assert_eq!(
        tcp.next().await.unwrap().kind,
        PackageKind::Heartbeat,
        "or the kernel would reset the connection"
    );
    drop(tcp);
    futures_util::SinkExt::close(&mut websocket.socket).await.unwrap();
    assert_eq!((closings(&rig, 1), closings(&rig, 2)), (0, 0));
    rig.service.gate.0.add_permits(2);
    for id in [1, 2] {
        rig.service.told(&format!("{id} closed: client closed the connection")).await;
        let prefix = format!("{id} ");
        let log: Vec<_> = rig
            .service
            .log()
            .iter()
            .filter_map(|line| Some(line.strip_prefix(&prefix)?.to_owned()))
            .collect();
        assert_eq!(
            log[1..],
            ["test.h.wait a", "waited a", "test.h.echo b", "closed: client closed the connection"]
        );
    }
    rig.stop(()).await;
}

#[tokio::test]
async fn messages_that_came_before_a_connection_was_reset_are_handled_too() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.tcp().await;
    client
        .socket
        .write_all(&[notify("test.h.wait", "a"), notify("test.h.echo", "b")].concat())
        .await
        .unwrap();
    rig.service.told("1 test.h.wait a").await;
    socket2::SockRef::from(&client.socket).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let open = rig.service.client(1);
    let gone = |_: &_| open.send(&Frame::response(1, Bytes::new(), false).unwrap()).is_err();
    rig.eventually("gone", gone).await;
    rig.service.gate.0.add_permits(1);
    rig.service.told("1 closed: connection lost: connection reset").await;
    assert_eq!(rig.service.log()[3], "1 test.h.echo b");
    drop(open);
    rig.stop(()).await;
}

#[tokio::test]
async fn a_handler_that_never_ends_does_not_keep_a_client_that_is_gone_for_ever() {
    let rig = Rig::start(Hybrid::new().max_connections(1));
    let mut client = rig.tcp().await;
    client.request(1, "test.h.wait", "").await;
    rig.service.told("1 test.h.wait ").await;
    drop(client);
    rig.eventually("ended", |_| {
        rig.service.client(1).send(&Frame::response(1, Bytes::new(), false).unwrap()).is_err()
    })
    .await;
    assert_eq!(closings(&rig, 1), 0);
    // Twice: the first wakes the task before it has set its timer, if it comes that early.
    while closings(&rig, 1) == 0 {
        skip(FINISH_TIMEOUT).await;
    }
    rig.eventually("its place is free", |handle| handle.connections() == 0).await;
    rig.stop(()).await;
}

#[tokio::test]
async fn clients_that_vanish_leave_nothing_behind() {
    let rig = Rig::start(Hybrid::new());
    for round in 0..40_u64 {
        let mut client = rig.tcp().await;
        if round % 2 == 0 {
            // A reset, as from a process that was killed with something unread.
            socket2::SockRef::from(&client.socket).set_linger(Some(Duration::ZERO)).unwrap();
        }
        if round % 3 == 0 {
            client.request(1, "test.h.echo", "x").await;
        }
        drop(client);
    }
    rig.eventually("all are gone", |handle| handle.connections() == 0).await;
    rig.service
        .until("all closed", |log| log.iter().filter(|line| line.contains(" closed")).count() == 40)
        .await;
    for id in 1..=40 {
        assert_eq!(closings(&rig, id), 1, "client {id}");
    }
    rig.stop(()).await;
}

#[tokio::test]
async fn a_client_that_does_not_go_after_a_kick_is_cut() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.tcp().await;
    client.request(1, "test.h.kickMe", "").await;
    rig.service.told("1 closed: kicked: bye").await;
    assert_eq!(rig.handle.connections(), 1, "the client has not gone yet");
    while rig.handle.connections() > 0 {
        skip(Duration::from_secs(3)).await;
    }
    rig.stop(client).await;
}

const COME_BACK: &str = r#"Kick {"reason":"server is going down","reconnect":true}"#;

#[tokio::test]
async fn what_a_client_has_asked_is_answered_before_it_is_sent_elsewhere() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.tcp().await;
    for (id, route) in [(1, "test.h.wait"), (2, "test.beside.wait"), (3, "test.h.echo")] {
        client.request(id, route, "x").await;
    }
    rig.service.told("1 test.h.wait x").await;
    rig.service.told("1 test.beside.wait x").await;
    let (addr, service) = (rig.addr, rig.service.clone());
    let talk = async {
        // It is known to leave before the handlers go on: nobody can connect any more.
        nobody_gets_in(addr).await;
        service.gate.0.add_permits(2);
        let mut answers = [client.message().await, client.message().await, client.message().await];
        answers.sort();
        assert_eq!(answers, ["response 1 x", "response 2 x", "response 3 x"]);
        assert_eq!(client.message().await, COME_BACK);
        assert_eq!(client.message().await, "end");
        drop((client, service));
    };
    tokio::join!(rig.stop(()), talk);
}

async fn nobody_gets_in(addr: std::net::SocketAddr) {
    let refused = async { while TcpStream::connect(addr).await.is_ok() {} };
    tokio::time::timeout(DEADLINE, refused).await.expect("it still accepts");
}

#[tokio::test]
async fn the_end_of_the_connector_closes_everybody_and_frees_the_port() {
    let rig = Rig::start(Hybrid::new());
    let (mut tcp, mut websocket) = (rig.tcp().await, rig.ws().await);
    let mut half_open = rig.tcp_silent().await;
    rig.service.until("both open", |log| log.len() == 2).await;
    rig.eventually("accepted", |handle| handle.connections() == 3).await;
    let (addr, service) = (rig.addr, rig.service.clone());
    let clients = async {
        assert_eq!(websocket.close_code().await, Some(1001));
        assert_eq!(half_open.next().await, None);
        assert_eq!(tcp.message().await, COME_BACK);
        assert_eq!(tcp.next().await, None);
        drop((tcp, websocket, half_open));
    };
    drop(service);
    tokio::join!(rig.stop(()), clients);
    std::net::TcpListener::bind(addr).unwrap();
}
