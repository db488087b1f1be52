//! From the first byte to the first message: protocols, handshake, pages, and what is turned away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::SinkExt as _;
use pomelo_protocol::{
    dictionary::Dictionary,
    handshake::HandshakeReply,
    message::{Message, RouteRef},
    package::PackageKind,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Semaphore,
};
use tokio_websockets as ws;

use super::rig::{DEADLINE, Rig, Service, data, notify, package, request, skip};
use crate::{
    Error,
    connector::{Connector, Handshake, Hybrid},
};

const HELLO: &[u8] = br#"{"sys":{"type":"test","version":"1"},"user":{"token":"t"}}"#;

/// What each side of a recorded conversation sent, unit by unit.
fn recorded(name: &str) -> Vec<(bool, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../pomelo-protocol/tests/wire/");
    let text = std::fs::read_to_string(format!("{folder}{name}.jsonl")).unwrap();
    let unit = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let hex = line["hex"].as_str().unwrap().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        (line["dir"] == "c2s", hex.chunks(2).map(byte).collect())
    };
    text.lines().map(unit).collect()
}

async fn expect_bytes(socket: &mut tokio::net::TcpStream, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    tokio::time::timeout(DEADLINE, socket.read_exact(&mut got)).await.expect("too few bytes").unwrap();
    assert_eq!(got, expected, "{} instead of {}", got.escape_ascii(), expected.escape_ascii());
}

async fn expect_end(socket: &mut tokio::net::TcpStream) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut rest)).await.expect("still open");
    // A reset is an end, too: the client's garbage was not read to its end.
    assert!(read.is_err() || rest.is_empty(), "{} before the end", rest.escape_ascii());
}

#[tokio::test]
async fn a_refused_handshake_is_byte_for_byte_as_recorded() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.tcp_silent().await.socket;
    for (from_client, unit) in recorded("client-ws-handshake-no-sys") {
        if from_client {
            client.write_all(&unit).await.unwrap();
        } else {
            expect_bytes(&mut client, &unit).await;
        }
    }
    expect_end(&mut client).await;
    assert_eq!(rig.handle.counts().refused_handshakes, 1);
    rig.stop(client).await;
}

#[tokio::test]
async fn two_requests_in_one_write_are_answered_as_recorded() {
    // The recorded handler answers `{"code":200,"msg":..}` to `{"msg":..}`; the one here says back what it was told.
    let routes: Vec<String> = (1..9).map(|i| format!("a.a.{i}")).collect();
    let dictionary = Dictionary::new(routes, ["connector.entryHandler.echo"]).unwrap();
    assert_eq!(dictionary.code("connector.entryHandler.echo"), Some(9), "the recorded code");
    let rig = Rig::start_with(Hybrid::new().dictionary(), dictionary);
    let mut client = rig.tcp().await;
    let (mut requests, mut heartbeats) = (Vec::new(), 0);
    for (from_client, unit) in recorded("client-tcp-two-in-one-write") {
        match unit[0] {
            4 if from_client => requests.extend(unit),
            3 if !from_client => heartbeats += 1,
            _ => {}
        }
    }
    client.socket.write_all(&requests).await.unwrap();
    for _ in 0..heartbeats {
        assert_eq!(client.next().await.unwrap().kind, PackageKind::Heartbeat);
    }
    assert_eq!(client.message().await, r#"response 1 {"msg":"one"}"#);
    assert_eq!(client.message().await, r#"response 2 {"msg":"two"}"#);
    drop(client);
    rig.service.told("1 closed: client closed the connection").await;
    rig.stop(()).await;
}

#[tokio::test]
async fn both_transports_share_the_port_and_are_told_heartbeat_and_dictionary() {
    let rig = Rig::start(Hybrid::new().heartbeat(Duration::from_secs(3)).dictionary());
    let mut websocket = rig.ws_silent(ws::Config::default()).await;
    websocket.put(&package(PackageKind::Handshake, HELLO)).await;
    let reply = HandshakeReply::from_body(&websocket.next().await.unwrap().body).unwrap();
    let sys = reply.sys.unwrap();
    assert_eq!((reply.code, sys.heartbeat_interval()), (200, Some(Duration::from_secs(3))));
    let dictionary = sys.dict.unwrap();
    assert_eq!(dictionary.code("onTest"), Some(2));

    // One that has the dictionary is not sent it again.
    let mut tcp = rig.tcp_silent().await;
    let known =
        json!({ "sys": { "type": "t", "version": "1", "dictVersion": dictionary.version() } }).to_string();
    tcp.put(PackageKind::Handshake, known.as_bytes()).await;
    let body = tcp.next().await.unwrap().body;
    assert_eq!(&body[..], br#"{"code":200,"sys":{"heartbeat":3,"useDict":true}}"#);

    websocket.put(&package(PackageKind::HandshakeAck, b"")).await;
    tcp.put(PackageKind::HandshakeAck, b"").await;
    assert_eq!(websocket.next().await.unwrap().kind, PackageKind::Heartbeat);
    assert_eq!(tcp.next().await.unwrap().kind, PackageKind::Heartbeat);
    rig.service.told("1 opened ws").await;
    rig.service.told("2 opened tcp").await;
    assert_eq!(rig.handle.clients(), 2);
    rig.stop((tcp, websocket)).await;
}

#[tokio::test]
async fn routes_come_by_code_and_unknown_codes_are_no_routes() {
    let rig = Rig::start(Hybrid::new().dictionary());
    let mut client = rig.tcp().await;
    for (id, code) in [(1, 1), (2, 99)] {
        let body = bytes::Bytes::from_static(b"{}");
        client
            .socket
            .write_all(&data(&Message::Request { id, route: RouteRef::Code(code), body }))
            .await
            .unwrap();
    }
    assert_eq!(client.message().await, "response 1 {}");
    assert_eq!(client.message().await, r#"response 2 {"code":500}"#);
    assert_eq!(rig.service.log()[1..], ["1 test.h.echo {}", "1 #99 {}"]);
    rig.stop(client).await;
}

#[tokio::test]
async fn the_application_may_refuse_users_and_old_clients() {
    let rig = Rig::start(Hybrid::new().on_handshake(|hello: Handshake| async move {
        // As long as a question to another server takes.
        tokio::task::yield_now().await;
        assert!(hello.addr.ip().is_loopback() && ["ws", "tcp"].contains(&hello.transport));
        match (hello.client.as_str(), hello.version.as_str(), hello.user["token"].as_str()) {
            ("test", "1", Some("t")) => Ok(Some(json!({ "welcome": true }))),
            ("test", "1", Some("ok")) => Err(Error::msg("what is well is no refusal").with_code(200)),
            ("test", "1", Some("panic")) => panic!("as a test wants it"),
            ("test", "1", _) => Err(Error::msg("wrong token")),
            _ => Err(Error::msg("too old").with_code(501)),
        }
    }));
    for (hello, answer) in [
        (HELLO, r#"{"code":200,"sys":{"heartbeat":30},"user":{"welcome":true}}"#),
        (br#"{"sys":{"type":"test","version":"1"}}"#, r#"{"code":500}"#),
        (br#"{"sys":{"type":"test","version":"1"},"user":{"token":"ok"}}"#, r#"{"code":500}"#),
        (br#"{"sys":{"type":"test","version":"1"},"user":{"token":"panic"}}"#, r#"{"code":500}"#),
        (br#"{"sys":{"type":"test","version":"0"},"user":{"token":"t"}}"#, r#"{"code":501}"#),
        (br#"{"sys":{}}"#, r#"{"code":501}"#),
        (b"{", r#"{"code":500}"#),
    ] {
        let (mut tcp, mut websocket) = (rig.tcp_silent().await, rig.ws_silent(ws::Config::default()).await);
        tcp.put(PackageKind::Handshake, hello).await;
        websocket.put(&package(PackageKind::Handshake, hello)).await;
        assert_eq!(tcp.next().await.unwrap().body, answer);
        assert_eq!(websocket.next().await.unwrap().body, answer);
        if !answer.contains("200") {
            assert_eq!(tcp.next().await, None);
            assert_eq!(websocket.close_code().await, Some(1000));
        }
    }
    assert_eq!(rig.handle.counts().refused_handshakes, 12);
    assert_eq!(rig.service.log(), [""; 0], "nobody was let in");
    rig.stop(()).await;
}

/// Counts what is dropped.
struct Asked(Arc<AtomicUsize>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_handshake_waits_for_the_application_and_for_nobody_else() {
    let (gate, asked) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (opened, asking) = (Arc::clone(&gate), Arc::clone(&asked));
    let rig = Rig::start(Hybrid::new().on_handshake(move |hello: Handshake| {
        let (gate, asked) = (Arc::clone(&opened), Arc::clone(&asking));
        async move {
            asked.fetch_add(1, Ordering::SeqCst);
            let _asked = Asked(asked);
            if hello.user["token"] == "t" {
                gate.acquire().await?.forget();
            }
            Result::<_, Error>::Ok(None)
        }
    }));
    let waiting = async |n: usize| {
        rig.eventually("as many ask", |_| asked.load(Ordering::SeqCst) == n).await;
    };
    let mut patient = rig.tcp_silent().await;
    // It does not wait for the answer before it goes on.
    let all = [
        package(PackageKind::Handshake, HELLO),
        package(PackageKind::HandshakeAck, b""),
        request(1, "test.h.echo", "x"),
    ];
    patient.socket.write_all(&all.concat()).await.unwrap();
    let mut gone = rig.tcp_silent().await;
    gone.put(PackageKind::Handshake, HELLO).await;
    waiting(2).await;
    // Others come in meanwhile, and one goes.
    let mut other = rig.ws().await;
    other.put(&request(1, "test.h.echo", "other")).await;
    assert_eq!(other.message().await, "response 1 other");
    drop(gone);
    waiting(1).await;
    gate.add_permits(1);
    assert_eq!(patient.message().await, r#"Handshake {"code":200,"sys":{"heartbeat":30}}"#);
    assert_eq!(patient.message().await, "response 1 x");

    let mut late = rig.tcp_silent().await;
    late.put(PackageKind::Handshake, HELLO).await;
    waiting(1).await;
    skip(Hybrid::new().handshake_timeout + Duration::from_secs(1)).await;
    assert_eq!(late.next().await, None);
    waiting(0).await;
    assert_eq!(rig.handle.counts().timeouts, 1);
    rig.stop((patient, other)).await;
}

#[tokio::test]
async fn garbage_and_oversize_are_closed_and_nobody_else_notices() {
    let rig = Rig::start(Hybrid::new().message_bytes_max(1024));
    let mut bystander = rig.tcp().await;
    let too_long = package(PackageKind::Handshake, &[b' '; 1025]);
    let kicks = [package(PackageKind::Handshake, HELLO), package(PackageKind::Kick, b"{}")].concat();
    let early = [package(PackageKind::Handshake, HELLO), notify("test.h.echo", "{}")].concat();
    let bad: [&[u8]; 6] = [
        b"\0\0\0\0",
        b"\x16\x03\x01 this is TLS",
        &too_long[..4],
        &kicks,
        &early,
        b"\x01\0\0\x01{\x09\0\0\0",
    ];
    for garbage in bad {
        let mut client = rig.tcp_silent().await;
        client.socket.write_all(garbage).await.unwrap();
        while client.next().await.is_some() {}
    }
    let mut websocket = rig.ws_silent(ws::Config::default()).await;
    websocket.put(&[0; 2000]).await;
    assert_eq!(websocket.close_code().await, Some(1009));
    drop(websocket);
    let mut websocket = rig.ws().await;
    websocket.socket.send(ws::Message::text("text")).await.unwrap();
    assert_eq!(websocket.close_code().await, Some(1003));
    drop(websocket);

    bystander.request(1, "test.h.echo", "still here").await;
    assert_eq!(bystander.message().await, "response 1 still here");
    let counts = rig.handle.counts();
    // The last of the six is a malformed handshake, which is answered.
    assert_eq!((counts.faults, counts.refused_tls, counts.refused_handshakes), (6, 1, 1));
    rig.eventually("only the bystander is left", |handle| handle.connections() == 1).await;
    rig.stop(bystander).await;
}

#[tokio::test]
async fn a_websocket_message_may_come_in_fragments_and_hold_several_packages() {
    let rig = Rig::start(Hybrid::new());
    let mut client = rig.ws_silent(ws::Config::default().frame_size(7)).await;
    client.put(&package(PackageKind::Handshake, HELLO)).await;
    client.next().await.unwrap();
    let all = [
        package(PackageKind::HandshakeAck, b""),
        request(1, "test.h.echo", "one"),
        request(2, "test.h.echo", "two"),
    ];
    client.put(&all.concat()).await;
    assert_eq!(client.message().await, "response 1 one");
    assert_eq!(client.message().await, "response 2 two");
    client.socket.send(ws::Message::ping("are you there")).await.unwrap();
    let pong = client.frame().await.unwrap();
    assert!(pong.is_pong() && &pong.as_payload()[..] == b"are you there");
    rig.stop(client).await;
}

#[tokio::test]
async fn half_open_handshakes_are_closed_in_time_without_a_word_to_the_service() {
    let rig = Rig::start(Hybrid::new());
    let mut silent = rig.tcp_silent().await;
    let mut half_http = rig.tcp_silent().await;
    half_http.socket.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut unacknowledged = rig.tcp_silent().await;
    unacknowledged.put(PackageKind::Handshake, HELLO).await;
    unacknowledged.next().await.unwrap();
    let upgraded = rig.ws_silent(ws::Config::default()).await;
    rig.eventually("accepted", |handle| handle.connections() == 4).await;
    skip(Hybrid::new().handshake_timeout + Duration::from_secs(1)).await;
    rig.eventually("all are closed", |handle| handle.counts().timeouts == 4).await;
    for client in [&mut silent, &mut half_http, &mut unacknowledged] {
        assert_eq!(client.next().await, None);
    }
    drop((silent, half_http, unacknowledged, upgraded));
    rig.eventually("all are gone", |handle| handle.connections() == 0).await;
    assert_eq!(rig.service.log(), [""; 0]);
    rig.stop(()).await;
}

#[tokio::test]
async fn a_plain_get_is_answered_with_a_page() {
    let rig = Rig::start(Hybrid::new().page("/", "text/html", b"<h1>chat</h1>"));
    for (request, status, body) in [
        ("GET / HTTP/1.1", "HTTP/1.1 200 ", "<h1>chat</h1>"),
        ("GET /?room=1 HTTP/1.1", "HTTP/1.1 200 ", "<h1>chat</h1>"),
        ("GET /favicon.ico HTTP/1.1", "HTTP/1.1 404 ", "nothing here but a game server's client port\n"),
        ("POST / HTTP/1.1", "HTTP/1.1 405 ", "only GET is answered here\n"),
        ("NONSENSE", "HTTP/1.1 400 ", "malformed request\n"),
    ] {
        let mut client = rig.tcp_silent().await.socket;
        client.write_all(format!("{request}\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(DEADLINE, client.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with(status) && answer.ends_with(body), "{request}: {answer}");
    }
    rig.stop(()).await;
}

#[tokio::test]
async fn connections_over_the_limit_are_refused_until_one_ends() {
    let rig = Rig::start(Hybrid::new().max_connections(2));
    let (first, second) = (rig.tcp().await, rig.ws().await);
    let mut third = rig.tcp_silent().await;
    assert_eq!(third.next().await, None);
    assert_eq!(rig.handle.counts().refused_full, 1);
    drop(first);
    rig.eventually("one is gone", |handle| handle.connections() == 1).await;
    let mut fourth = rig.tcp().await;
    fourth.request(1, "test.h.echo", "in").await;
    assert_eq!(fourth.message().await, "response 1 in");
    rig.stop((second, fourth)).await;
}

#[tokio::test]
async fn a_port_in_use_is_said_with_its_address() {
    let rig = Rig::start(Hybrid::new());
    let dictionary = Arc::new(Dictionary::new([""; 0], [""; 0]).unwrap());
    let service = Arc::new(Arc::new(Service::default()));
    let error =
        Connector::bind(&[rig.addr], Hybrid::new(), None, dictionary, service).err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot listen for clients on {}: ", rig.addr)), "{error}");
    rig.stop(()).await;
}

#[tokio::test]
async fn nobody_is_let_in_from_a_blocked_address_and_whoever_is_in_stays() {
    let rig = Rig::start(Hybrid::new());
    let mut before = rig.tcp().await;
    rig.handle.block(["10.0.0.7".parse().unwrap()]);
    drop(rig.tcp().await);
    rig.handle.block(["::ffff:127.0.0.1".parse().unwrap()]);
    expect_end(&mut rig.tcp_silent().await.socket).await;
    assert_eq!(rig.handle.counts().refused_blocked, 1);
    before.request(1, "test.h.wait", "").await;
    rig.service.told("1 test.h.wait ").await;
    rig.stop(before).await;
}
