//! Clients that are connected: order of responses and pushes, heartbeats, back pressure, slow readers.

use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::{dictionary::Dictionary, package::PackageKind};
use tokio::io::AsyncWriteExt as _;

use super::rig::{DEADLINE, Rig, Tcp, notify, request, skip};
use crate::connector::{Frame, Hybrid, client::Closed};

const INTERVAL: Duration = Duration::from_secs(5);

#[tokio::test]
async fn requests_of_one_client_are_handled_one_at_a_time_and_in_order() {
    let rig = Rig::start(Hybrid::new());
    let (mut client, mut other) = (rig.tcp().await, rig.ws().await);
    client.request(1, "test.h.wait", "first").await;
    client.notify("test.h.echo", "second").await;
    client.request(3, "test.h.echo", "third").await;
    rig.service.told("1 test.h.wait first").await;
    // Another client is not held up.
    other.put(&request(1, "test.h.echo", "other")).await;
    assert_eq!(other.message().await, "response 1 other");
    assert!(!rig.service.log().contains(&"1 test.h.echo second".to_owned()));
    rig.service.gate.0.add_permits(1);
    assert_eq!(client.message().await, "response 1 first");
    assert_eq!(client.message().await, "response 3 third");
    let log: Vec<_> = rig.service.log().into_iter().filter(|line| line.starts_with("1 ")).collect();
    let order = [
        "1 opened tcp",
        "1 test.h.wait first",
        "1 waited first",
        "1 test.h.echo second",
        "1 test.h.echo third",
    ];
    assert_eq!(log, order);
    rig.stop((client, other)).await;
}

#[tokio::test]
async fn what_a_handler_pushes_comes_before_its_response() {
    let rig = Rig::start(Hybrid::new());
    let (mut tcp, mut websocket) = (rig.tcp().await, rig.ws().await);
    tcp.request(1, "test.h.pushTwice", "x").await;
    websocket.put(&request(1, "test.h.pushTwice", "x")).await;
    for expected in ["push onTest x", "push onTest x", "response 1 x"] {
        assert_eq!(tcp.message().await, expected);
        assert_eq!(websocket.message().await, expected);
    }
    rig.stop((tcp, websocket)).await;
}

#[tokio::test]
async fn one_frame_reaches_clients_of_both_transports() {
    let dictionary = Dictionary::new(["test.h.echo"], ["onTest"]).unwrap();
    let rig = Rig::start(Hybrid::new().dictionary());
    let (mut tcp, mut websocket) = (rig.tcp().await, rig.ws().await);
    rig.service.until("both open", |log| log.len() == 2).await;
    for i in 0..200 {
        let body = Bytes::from(format!("{i}"));
        let frame = Frame::push("onTest", Some(&dictionary), body).unwrap();
        for id in [1, 2] {
            rig.service.client(id).send(&frame).unwrap();
        }
    }
    for i in 0..200 {
        assert_eq!(tcp.message().await, format!("push 2 {i}"));
        assert_eq!(websocket.message().await, format!("push 2 {i}"));
    }
    rig.stop((tcp, websocket)).await;
}

#[tokio::test]
async fn a_request_without_an_answer_is_answered_500_and_a_notify_is_not() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.tcp().await;
    client.notify("test.h.panic", "0").await;
    client.request(1, "test.h.panic", "1").await;
    client.request(2, "test.h.nothing", "2").await;
    client.request(3, "test.h.echo", "3").await;
    assert_eq!(client.message().await, r#"response 1 {"code":500}"#);
    assert_eq!(client.message().await, r#"response 2 {"code":500}"#);
    assert_eq!(client.message().await, "response 3 3");
    rig.stop(client).await;
}

#[tokio::test]
async fn heartbeats_are_answered_while_a_message_is_handled() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.tcp().await;
    assert_eq!(client.next().await.unwrap().kind, PackageKind::Heartbeat, "the first comes unasked");
    client.request(1, "test.h.wait", "").await;
    rig.service.told("1 test.h.wait ").await;
    client.put(PackageKind::Heartbeat, b"").await;
    assert_eq!(client.next().await.unwrap().kind, PackageKind::Heartbeat);
    rig.service.gate.0.add_permits(1);
    assert_eq!(client.message().await, "response 1 ");
    rig.stop(client).await;
}

#[tokio::test]
async fn a_client_that_is_silent_for_two_intervals_is_closed_and_one_that_beats_is_not() {
    let rig = Rig::start(Hybrid::new().heartbeat(INTERVAL));
    let (mut silent, mut alive, mut websocket) = (rig.tcp().await, rig.tcp().await, rig.ws().await);
    rig.service.until("all open", |log| log.len() == 3).await;
    skip(INTERVAL * 3 / 2).await;
    alive.put(PackageKind::Heartbeat, b"").await;
    for _ in 0..2 {
        assert_eq!(alive.next().await.unwrap().kind, PackageKind::Heartbeat);
    }
    skip(INTERVAL).await;
    rig.service.told("1 closed: no heartbeat").await;
    rig.service.told("3 closed: no heartbeat").await;
    // The first heartbeat, and then the end without a kick, as recorded.
    assert_eq!(silent.next().await.unwrap().kind, PackageKind::Heartbeat);
    assert_eq!(silent.next().await, None);
    assert_eq!(websocket.next().await.unwrap().kind, PackageKind::Heartbeat);
    assert_eq!(websocket.close_code().await, Some(1000));
    alive.request(1, "test.h.echo", "alive").await;
    assert_eq!(alive.message().await, "response 1 alive");
    skip(INTERVAL * 3).await;
    rig.service.told("2 closed: no heartbeat").await;
    assert_eq!(rig.handle.counts().timeouts, 3);
    rig.stop(alive).await;
}

#[tokio::test]
async fn without_heartbeats_silence_is_no_reason_to_close() {
    let rig = Rig::start(Hybrid::new().no_heartbeat());
    let mut client = rig.tcp().await;
    rig.service.told("1 opened tcp").await;
    skip(Duration::from_secs(3600)).await;
    client.put(PackageKind::Heartbeat, b"").await;
    client.request(1, "test.h.echo", "x").await;
    assert_eq!(
        client.next().await.map(|package| package.kind),
        Some(PackageKind::Data),
        "heartbeats are not answered"
    );
    rig.stop(client).await;
}

/// Sends one byte more of a message again and again, and answers whether it was closed for that.
async fn trickle(rig: &Rig, mut client: Tcp) -> bool {
    client.socket.write_all(b"\x04\0\xff\xff").await.unwrap();
    let closed = "1 closed: message not finished in time".to_owned();
    for _ in 0..20 {
        skip(INTERVAL).await;
        if rig.service.log().contains(&closed) {
            return true;
        }
        // Refused once the connection is closed.
        let _ = client.socket.write_all(b"x").await;
        // So that it is read before the clock goes on.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}

#[tokio::test]
async fn a_message_that_does_not_end_is_closed_however_alive_its_bytes_look() {
    for hybrid in [Hybrid::new().heartbeat(INTERVAL), Hybrid::new().no_heartbeat()] {
        let rig = Rig::start(hybrid);
        let client = rig.tcp().await;
        rig.service.told("1 opened tcp").await;
        assert!(trickle(&rig, client).await, "{:?}", rig.service.log());
        assert_eq!(rig.handle.counts().timeouts, 1);
        rig.stop(()).await;
    }
}

#[tokio::test]
async fn without_heartbeats_a_message_that_ended_is_no_reason_to_close() {
    let rig = Rig::start(Hybrid::new().no_heartbeat());
    let mut client = rig.tcp().await;
    let request = request(1, "test.h.echo", "in two parts");
    client.socket.write_all(&request[..7]).await.unwrap();
    rig.service.told("1 opened tcp").await;
    skip(INTERVAL).await;
    client.socket.write_all(&request[7..]).await.unwrap();
    assert_eq!(client.message().await, "response 1 in two parts");
    skip(Duration::from_secs(3600)).await;
    client.request(2, "test.h.echo", "x").await;
    assert_eq!(client.message().await, "response 2 x");
    rig.stop(client).await;
}

#[tokio::test]
async fn limits_without_end_are_no_limits() {
    let forever = Duration::MAX;
    let rig = Rig::start(Hybrid::new().handshake_timeout(forever).heartbeat(forever));
    let mut client = rig.tcp().await;
    client.request(1, "test.h.echo", "x").await;
    assert_eq!(client.message().await, "response 1 x");
    rig.stop(client).await;
}

#[tokio::test]
async fn a_client_that_sends_faster_than_it_is_handled_is_made_to_wait_and_loses_nothing() {
    const MESSAGES: usize = 10_000;
    let rig = Rig::start(Hybrid::new().heartbeat(INTERVAL).pending_messages_max(8));
    let mut client = rig.tcp().await;
    socket2::SockRef::from(&client.socket).set_send_buffer_size(64 * 1024).unwrap();
    client.request(1, "test.h.wait", "").await;
    rig.service.told("1 test.h.wait ").await;
    let body = "x".repeat(1000);
    let all: Vec<u8> = (0..MESSAGES).flat_map(|i| notify("test.h.nothing", &format!("{i} {body}"))).collect();
    // Until the kernel's buffers are full on both sides, which is when nothing has moved for a while.
    let mut written = 0;
    while let Ok(n) =
        tokio::time::timeout(Duration::from_millis(200), client.socket.write(&all[written..])).await
    {
        written += n.unwrap();
        assert!(written < all.len(), "the connector took in {written} bytes");
    }
    // That it is not read is no fault of the client: its heartbeats cannot be heard.
    skip(INTERVAL * 3).await;
    rig.service.gate.0.add_permits(1);
    client.socket.write_all(&all[written..]).await.unwrap();
    client.request(2, "test.h.echo", "done").await;
    assert_eq!(client.message().await, "response 1 ");
    assert_eq!(client.message().await, "response 2 done");
    let handled: Vec<String> = rig
        .service
        .log()
        .iter()
        .filter_map(|line| Some(line.strip_prefix("1 test.h.nothing ")?.to_owned()))
        .collect();
    assert_eq!(handled.len(), MESSAGES);
    assert!(handled.iter().enumerate().all(|(i, line)| line.starts_with(&format!("{i} "))), "out of order");
    rig.stop(client).await;
}

#[tokio::test]
async fn a_client_that_floods_takes_turns_with_the_others() {
    /// Far less than what it has sent by then.
    const TURNS_MAX: usize = 10_000;
    let rig = Rig::start(Hybrid::new());
    let (mut flooder, mut bystander) = (rig.tcp().await, rig.ws().await);
    let block = notify("test.h.nothing", "").repeat(10_000);
    let flood = tokio::spawn(async move { while flooder.socket.write_all(&block).await.is_ok() {} });
    let handled = || rig.service.log().iter().filter(|line| line.starts_with("1 test.h.nothing")).count();
    rig.service.until("the flood is there", |log| log.len() > TURNS_MAX).await;
    for n in 0..10 {
        let before = handled();
        bystander.put(&request(n, "test.h.echo", "I play")).await;
        assert_eq!(bystander.message().await, format!("response {n} I play"));
        let meanwhile = handled() - before;
        assert!(meanwhile < TURNS_MAX, "{meanwhile} messages of the flood came before one request");
    }
    flood.abort();
    rig.stop(bystander).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_nobody_else_notices() {
    let rig = Rig::start(Hybrid::new().buffer_bytes_max(64 * 1024));
    let (slow_tcp, slow_ws) = (rig.tcp().await, rig.ws().await);
    let mut reader = rig.tcp().await;
    rig.service.until("all open", |log| log.len() == 3).await;
    let slow = [rig.service.client(1), rig.service.client(2)];
    let good = rig.service.client(3);
    let body = Bytes::from(vec![b'x'; 8 * 1024]);
    let frame = Frame::push("onTest", None, body).unwrap();
    let mut pushes = 0;
    let flood = async {
        while slow.iter().any(|client| client.send(&frame).is_ok()) {
            good.send(&frame).unwrap();
            pushes += 1;
            assert!(reader.message().await.starts_with("push onTest x"));
        }
    };
    tokio::time::timeout(DEADLINE, flood).await.expect("slow readers are not closed");
    for id in [1, 2] {
        let closed = format!("{id} closed: client does not read");
        rig.service.until(&closed, |log| log.iter().any(|line| line.starts_with(&closed))).await;
    }
    assert_eq!(slow[0].send(&frame), Err(Closed));
    good.send(&Frame::push("onTest", None, Bytes::from_static(b"last")).unwrap()).unwrap();
    assert_eq!(reader.message().await, "push onTest last", "after {pushes} pushes");
    assert_eq!(rig.handle.counts().slow_readers, 2);
    rig.eventually("the slow are gone", |handle| handle.connections() == 1).await;
    drop((slow, good));
    rig.stop((slow_tcp, slow_ws, reader)).await;
}

#[tokio::test]
async fn a_burst_larger_than_the_limit_reaches_a_client_that_reads() {
    const PUSHES: usize = 64;
    let rig = Rig::start(Hybrid::new().buffer_bytes_max(16 * 1024));
    let mut client = rig.tcp().await;
    rig.service.told("1 opened tcp").await;
    let open = rig.service.client(1);
    for i in 0..PUSHES {
        // All within one turn: no flusher runs in between.
        open.send(&Frame::push("onTest", None, Bytes::from(format!("{i} {}", "x".repeat(1024)))).unwrap())
            .unwrap();
    }
    for i in 0..PUSHES {
        assert!(client.message().await.starts_with(&format!("push onTest {i} ")));
    }
    drop(open);
    rig.stop(client).await;
}

#[tokio::test]
async fn a_client_that_reads_late_gets_everything_in_order() {
    const PUSHES: usize = 4000;
    let rig = Rig::start(Hybrid::new().buffer_bytes_max(64 << 20));
    let mut client = rig.tcp().await;
    rig.service.told("1 opened tcp").await;
    let open = rig.service.client(1);
    let body = "x".repeat(4096);
    for i in 0..PUSHES {
        open.send(&Frame::push("onTest", None, Bytes::from(format!("{i} {body}"))).unwrap()).unwrap();
        if i % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for i in 0..PUSHES {
        assert!(client.message().await.starts_with(&format!("push onTest {i} ")), "push {i}");
    }
    drop(open);
    rig.stop(client).await;
}
