//! The client against a server that follows a script, over both transports.
#![expect(clippy::unwrap_used, reason = "a script that does not run as written fails the test")]

mod peer;

use std::time::Duration;

use bytes::Bytes;
use peer::{Peer, Server, Transport};
use pomelo_client::{Client, ClientError, ClientOptions, CloseReason};
use pomelo_protocol::{
    dictionary::Dictionary,
    handshake::{HandshakeOffer, HandshakeReply},
    message::{Message, RouteRef},
    package::{Kick, PackageKind},
    protobuf::{Definitions, Protos},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, time::timeout};

const ECHO: &str = "connector.entryHandler.echo";

fn offer() -> HandshakeOffer {
    let dictionary = Dictionary::new([ECHO], ["onChat"]).unwrap();
    HandshakeOffer { dictionary: Some(dictionary), ..HandshakeOffer::default() }
}

/// Runs a script at the server's end and a test at the client's, over one transport after the other.
async fn both_ends(
    offer: HandshakeOffer,
    options: ClientOptions,
    script: impl AsyncFn(&mut Peer),
    test: impl AsyncFn(&Client),
) {
    for transport in [Transport::Ws, Transport::Tcp] {
        let server = Server::bind(transport).await;
        let serve = async {
            let mut peer = server.accept().await;
            let request = peer.handshake(&offer, Some(json!({ "motd": "hi" }))).await;
            assert_eq!(request.user, Some(json!({})));
            script(&mut peer).await;
            peer
        };
        let play = async {
            let client = server.connect(options.clone()).await.unwrap();
            assert_eq!(client.handshake_user(), Some(&json!({ "motd": "hi" })));
            test(&client).await;
            client
        };
        tokio::join!(serve, play);
    }
}

#[tokio::test]
async fn answers_find_who_asked_also_out_of_order() {
    both_ends(
        offer(),
        ClientOptions::default(),
        async |peer| {
            let (
                Message::Request { id: first, route, body },
                Message::Request { id: second, route: by_name, .. },
            ) = (peer.message().await, peer.message().await)
            else {
                panic!("expected two requests")
            };
            assert_eq!((route, &body[..]), (RouteRef::Code(1), &br#"{"msg":"one"}"#[..]));
            assert_eq!(by_name, RouteRef::Name("chat.chatHandler.send".into()));
            let body = Bytes::from_static(b"{}");
            peer.send_message(Message::Response { id: second, body, error: false }).await;
            let body = Bytes::from_static(br#"{"code":200,"msg":"one"}"#);
            peer.send_message(Message::Response { id: first, body, error: false }).await;
        },
        async |client| {
            let (first, second) = (json!({ "msg": "one" }), json!({}));
            let (one, sent) = tokio::join!(
                client.request::<_, Value>(ECHO, &first),
                client.request::<_, ()>("chat.chatHandler.send", &second),
            );
            assert_eq!(one.unwrap()["msg"], "one");
            sent.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn a_notify_goes_out_and_pushes_come_in_by_code_and_by_name() {
    both_ends(
        offer(),
        ClientOptions::default(),
        async |peer| {
            let Message::Notify { route, body } = peer.message().await else { panic!("expected a notify") };
            assert_eq!((route, &body[..]), (RouteRef::Code(1), &b"7"[..]));
            for route in [RouteRef::Code(2), RouteRef::Name("onLeave".into())] {
                let body = Bytes::from_static(br#"{"user":"bob"}"#);
                peer.send_message(Message::Push { route, body }).await;
            }
        },
        async |client| {
            client.notify(ECHO, &7).await.unwrap();
            let push = client.next_push().await.unwrap();
            assert_eq!(
                (push.route.as_str(), push.json::<Value>().unwrap()),
                ("onChat", json!({ "user": "bob" }))
            );
            assert_eq!(client.next_push().await.unwrap().route, "onLeave");
        },
    )
    .await;
}

#[tokio::test]
async fn pushes_nobody_takes_do_not_hold_up_an_answer() {
    let options = ClientOptions { pushes_max: 10, ..ClientOptions::default() };
    both_ends(
        offer(),
        options,
        async |peer| {
            for _ in 0..100 {
                peer.send_message(Message::Push { route: RouteRef::Code(2), body: Bytes::new() }).await;
            }
            peer.answer(b"1").await;
        },
        async |client| {
            assert_eq!(client.request::<_, u32>(ECHO, &()).await.unwrap(), 1);
            assert_eq!(client.pushes_dropped(), 90);
        },
    )
    .await;
}

#[tokio::test]
async fn pushes_that_are_not_wanted_are_counted_and_not_kept() {
    let options = ClientOptions { wants: |route| route != "onChat", ..ClientOptions::default() };
    both_ends(
        offer(),
        options,
        async |peer| {
            let body = Bytes::from_static(b"{}");
            peer.send_message(Message::Push { route: RouteRef::Code(2), body: body.clone() }).await;
            peer.send_message(Message::Push { route: RouteRef::Name("onChat".into()), body }).await;
            peer.send_message(Message::Push { route: RouteRef::Name("onLeave".into()), body: Bytes::new() })
                .await;
        },
        async |client| {
            assert_eq!(client.next_push().await.unwrap().route, "onLeave");
            assert_eq!(client.pushes_passed_over(), 2);
        },
    )
    .await;
}

#[tokio::test]
async fn a_kick_ends_everything_and_says_why() {
    both_ends(
        offer(),
        ClientOptions::default(),
        async |peer| {
            peer.message().await;
            peer.send(PackageKind::Kick, &Kick { reason: "bye".into(), reconnect: false }.to_body()).await;
            peer.ended().await;
        },
        async |client| {
            let error = client.request_raw(ECHO, "{}").await.unwrap_err();
            assert_eq!(error.to_string(), "connection closed: kicked: bye");
            assert_eq!(client.next_push().await, None);
            assert_eq!(client.closed().await, CloseReason::Kicked("bye".into()));
            assert!(matches!(
                client.notify(ECHO, &()).await,
                Err(ClientError::Closed(CloseReason::Kicked(_)))
            ));
        },
    )
    .await;
}

#[tokio::test]
async fn heartbeats_are_answered_for_as_long_as_they_come() {
    let offer = HandshakeOffer { heartbeat: Some(Duration::from_millis(200)), ..offer() };
    both_ends(
        offer,
        ClientOptions::default(),
        async |peer| {
            for _ in 0..3 {
                peer.send(PackageKind::Heartbeat, &[]).await;
                assert_eq!(peer.next().await.kind, PackageKind::Heartbeat);
            }
            peer.send_message(Message::Push { route: RouteRef::Code(2), body: Bytes::new() }).await;
        },
        async |client| assert_eq!(client.next_push().await.unwrap().route, "onChat"),
    )
    .await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let interval = Duration::from_millis(50);
    let offer = HandshakeOffer { heartbeat: Some(interval), ..offer() };
    both_ends(
        offer,
        ClientOptions::default(),
        async |_| {},
        async |client| assert_eq!(client.closed().await, CloseReason::Silent(2 * interval)),
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout_and_its_place_is_free_again() {
    let options = ClientOptions {
        request_timeout: Duration::from_millis(50),
        pending_requests_max: 1,
        ..ClientOptions::default()
    };
    both_ends(
        offer(),
        options,
        async |peer| {
            let Message::Request { id: late, .. } = peer.message().await else {
                panic!("expected a request")
            };
            let Message::Request { id, .. } = peer.message().await else { panic!("expected a request") };
            for (id, body) in [(late, "0"), (id, "1")] {
                peer.send_message(Message::Response { id, body: body.into(), error: false }).await;
            }
        },
        async |client| {
            let error = client.request_raw(ECHO, "{}").await.unwrap_err();
            assert!(
                error.to_string().starts_with("no answer to connector.entryHandler.echo within"),
                "{error}"
            );
            assert_eq!(
                client.request::<_, u32>(ECHO, &()).await.unwrap(),
                1,
                "the late answer is not taken for this"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn closing_sends_what_is_queued_and_says_goodbye() {
    both_ends(
        offer(),
        ClientOptions::default(),
        async |peer| {
            for _ in 0..5 {
                peer.message().await;
            }
            peer.ended().await;
        },
        async |client| {
            for i in 0..5 {
                client.notify(ECHO, &i).await.unwrap();
            }
            client.close().await;
            assert_eq!(client.close_reason(), Some(CloseReason::Local));
            client.close().await;
        },
    )
    .await;
}

#[tokio::test]
async fn closing_does_not_wait_for_a_server_that_reads_nothing() {
    let options = ClientOptions { outgoing_messages_max: 1, ..ClientOptions::default() };
    let server = Server::bind(Transport::Tcp).await;
    let serve = async {
        let mut peer = server.accept().await;
        peer.handshake(&HandshakeOffer::default(), None).await;
        peer
    };
    let (_peer, client) = tokio::join!(serve, server.connect(options));
    let client = client.unwrap();
    // Until neither the kernel nor the queue takes more.
    let body = vec![b'x'; 1 << 20];
    while timeout(Duration::from_millis(200), client.notify_raw(ECHO, body.clone())).await.is_ok() {}
    timeout(Duration::from_secs(10), client.close()).await.expect("closing waits for the server");
    assert_eq!(client.close_reason(), Some(CloseReason::Local));
    assert!(client.next_push().await.is_none());
    assert!(matches!(client.request_raw(ECHO, "x").await, Err(ClientError::Closed(_))));
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_left_and_named() {
    both_ends(
        offer(),
        ClientOptions::default(),
        async |peer| {
            let body = Bytes::new();
            peer.send_message(Message::Push { route: RouteRef::Code(99), body }).await;
        },
        async |client| {
            let reason = client.closed().await.to_string();
            assert_eq!(
                reason,
                "server broke the protocol: push with code 99, which is not in the dictionary"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_refused_handshake_gives_its_code() {
    for transport in [Transport::Ws, Transport::Tcp] {
        let server = Server::bind(transport).await;
        let serve = async {
            let mut peer = server.accept().await;
            peer.next().await;
            peer.send(PackageKind::Handshake, &HandshakeReply::refused(501).to_body().unwrap()).await;
            peer
        };
        let (_, client) = tokio::join!(serve, server.connect(ClientOptions::default()));
        assert!(matches!(client, Err(ClientError::Refused { code: 501, .. })), "{client:?}");
    }
}

#[tokio::test]
async fn whoever_is_no_pomelo_server_is_told_apart() {
    for (transport, answer, expected) in [
        (Transport::Ws, &b"HTTP/1.1 404 Not Found\r\n\r\n"[..], "refused the websocket"),
        (Transport::Tcp, b"SSH-2.0-OpenSSH\r\n", "unknown package kind 83"),
        (Transport::Tcp, b"\x03\0\0\0", "expected a handshake, found Heartbeat"),
        (Transport::Tcp, b"\x01\0\0\x01x", "malformed handshake"),
        (Transport::Tcp, b"", "closed by the server"),
    ] {
        let server = Server::bind(transport).await;
        let serve = async {
            let mut stream = server.accept_stream().await;
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
            stream
        };
        let (_, client) = tokio::join!(serve, server.connect(ClientOptions::default()));
        let error = client.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_does_not_hold_up_connecting_for_ever() {
    let server = Server::bind(Transport::Tcp).await;
    let options = ClientOptions { connect_timeout: Duration::from_millis(50), ..ClientOptions::default() };
    let client = server.connect(options).await;
    assert!(matches!(client, Err(ClientError::ConnectTimeout { .. })), "{client:?}");
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_an_error_with_the_address() {
    let server = Server::bind(Transport::Tcp).await;
    let address = server.address.clone();
    drop(server);
    let error = Client::connect(&format!("tcp://{address}")).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("could not connect to {address}: ")), "{error}");
}

fn protos() -> Protos {
    let asked = r#"{"connector.entryHandler.echo": {"required string msg": 1}}"#;
    let told = r#"{"connector.entryHandler.echo": {"required uInt32 code": 1, "optional string msg": 2},
        "onChat": {"required string from": 1}}"#;
    Protos::new(Definitions::parse(asked).unwrap(), Definitions::parse(told).unwrap())
}

/// Takes an echo in protobuf, answers it and pushes, in protobuf as well.
async fn speak_protobuf(peer: &mut Peer) {
    let Message::Request { id, body, .. } = peer.message().await else { panic!("expected a request") };
    assert_eq!(body, &b"\x0a\x02hi"[..]);
    let body = Bytes::from_static(b"\x08\xc8\x01\x12\x02hi");
    peer.send_message(Message::Response { id, body, error: false }).await;
    let body = Bytes::from_static(b"\x0a\x03ann");
    peer.send_message(Message::Push { route: RouteRef::Code(2), body }).await;
}

async fn hear_json(client: &Client) {
    let answer: Value = client.request(ECHO, &json!({ "msg": "hi" })).await.unwrap();
    assert_eq!(answer, json!({ "code": 200, "msg": "hi" }));
    assert_eq!(client.next_push().await.unwrap().json::<Value>().unwrap(), json!({ "from": "ann" }));
}

#[tokio::test]
async fn bodies_are_protobuf_where_the_handshake_defines_them_and_json_to_the_caller() {
    both_ends(
        HandshakeOffer { protos: Some(protos()), ..offer() },
        ClientOptions::default(),
        speak_protobuf,
        async |client| {
            let unfit = client.request::<_, Value>(ECHO, &json!({ "msg": 1 })).await.unwrap_err().to_string();
            assert!(unfit.starts_with("connector.entryHandler.echo: msg: invalid type"), "{unfit}");
            hear_json(client).await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_later_connection_names_what_an_earlier_one_was_told_and_is_not_told_again() {
    let offer = HandshakeOffer { protos: Some(protos()), ..offer() };
    let options = ClientOptions::default();
    for (transport, knows) in [(Transport::Ws, false), (Transport::Tcp, true)] {
        let server = Server::bind(transport).await;
        let serve = async {
            let mut peer = server.accept().await;
            let request = peer.handshake(&offer, None).await;
            let sys = request.sys.as_ref().unwrap();
            let version = protos().version().to_owned();
            assert_eq!(sys.proto_version, knows.then(|| version.into()));
            assert_eq!(sys.dict_version.is_some(), knows);
            let told = offer.reply(&request, None).sys.unwrap();
            assert_eq!((told.protos.is_none(), told.dict.is_none()), (knows, knows));
            speak_protobuf(&mut peer).await;
            peer
        };
        let play = async {
            let client = server.connect(options.clone()).await.unwrap();
            hear_json(&client).await;
            client
        };
        tokio::join!(serve, play);
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_its_definition_ends_the_connection_in_words() {
    both_ends(
        HandshakeOffer { protos: Some(protos()), ..offer() },
        ClientOptions::default(),
        async |peer| {
            let body = Bytes::from_static(b"{\"from\":1}");
            peer.send_message(Message::Push { route: RouteRef::Code(2), body }).await;
        },
        async |client| {
            let reason = client.closed().await;
            assert_eq!(reason, CloseReason::Protocol("onChat: no field has the number 15".into()));
        },
    )
    .await;
}
