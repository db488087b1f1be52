//! Protobuf between clients and connectors: handlers, backends and pushes know nothing of it. With our client, and with
//! npm's, unchanged (`tests/npm/protobuf-client.js`).

use std::{path::Path, time::Duration};

use bytes::{Bytes, BytesMut};
use pomelo::{Error, Hybrid, Next, Request, Response};
use pomelo_client::{Client, ClientOptions};
use pomelo_protocol::{
    message::{Message, RouteRef},
    package::{HEAD_BYTES, Package, PackageKind, encode_package},
};
use pomelo_testkit::{command::Running, require_all};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

use crate::{dir::Dir, game::*};

/// A cluster whose connectors write what is defined here as protobuf.
async fn cluster() -> Cluster {
    let dir = Dir::new(servers());
    dir.add(
        "clientProtos.json",
        &json!({
            ENTER.name(): { "required string name": 1, "required string rid": 2 },
            SAY.name(): { "required string text": 1 },
            FAIL.name(): {},
            PANIC.name(): {},
        }),
    );
    dir.add(
        "serverProtos.json",
        &json!({
            SEEN.name(): { "required string server": 1, "optional string uid": 2, "optional string rid": 3, "optional uInt32 mark": 4 },
            FAIL.name(): { "required uInt32 code": 1, "required string name": 2 },
            PANIC.name(): { "optional string name": 1 },
            ON_CHAT.name(): { "required string text": 1 },
        }),
    );
    let app = app_with(&dir, Hybrid::new().dictionary().protobuf());
    Cluster::of(dir, app).await
}

#[tokio::test]
async fn handlers_and_backends_see_json_where_clients_see_protobuf() {
    let cluster = cluster().await;
    let options = ClientOptions::default();
    let url = format!("ws://127.0.0.1:{}", cluster.port("connector-server-1"));
    // The second time the client names what it was told the first time.
    for name in ["alice", "bob"] {
        let client = Client::connect_with(&url, options.clone()).await.unwrap();
        let enter = Enter { name: name.into(), rid: "room1".into() };
        ask::<Vec<String>>(&client, ENTER.name(), &enter).await;
        let seen: WhoAmI = ask(&client, SEEN.name(), &()).await;
        assert_eq!((seen.uid.as_deref(), seen.rid.as_deref(), seen.mark), (Some(name), Some("room1"), None));
        client_says(&client, "大家好").await;
        assert_eq!(pushed(&client, ON_CHAT).await, Said { text: "大家好".into() });
        let failed = client.request::<_, Value>(FAIL.name(), &()).await.unwrap_err().to_string();
        assert_eq!(failed, "connector.entryHandler.fail failed with code 500");
        // The definition of its answer has no place for a code.
        let failed = client.request::<_, Value>(PANIC.name(), &()).await.unwrap_err().to_string();
        assert_eq!(failed, "chat.chatHandler.panic failed with code 500");
        client.close().await;
    }
}

/// Sends a request over a connection that has shaken hands, and gives the body of the answer.
async fn raw_request(socket: &mut TcpStream, id: u32, route: &str, body: &'static [u8]) -> Bytes {
    let mut out = BytesMut::new();
    let (route, body) = (RouteRef::Name(route.to_owned()), Bytes::from_static(body));
    Message::Request { id, route, body }.encode_package(&mut out).unwrap();
    socket.write_all(&out).await.unwrap();
    loop {
        let package = read_package(socket).await;
        if package.kind == PackageKind::Data {
            return Message::decode(package.body).unwrap().body().clone();
        }
    }
}

async fn read_package(socket: &mut TcpStream) -> Package {
    let mut head = [0; HEAD_BYTES];
    socket.read_exact(&mut head).await.unwrap();
    let mut bytes = head.to_vec();
    bytes.resize(HEAD_BYTES + u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize, 0);
    socket.read_exact(&mut bytes[HEAD_BYTES..]).await.unwrap();
    Package::decode(&mut bytes.into(), 1 << 20).unwrap().unwrap()
}

#[tokio::test]
async fn what_a_filter_refuses_by_its_session_is_not_decoded_for_it() {
    let dir = Dir::new(servers());
    dir.add("clientProtos.json", &json!({ WHO_AM_I.name(): { "required string name": 1 } }));
    let app = app_with(&dir, Hybrid::new().protobuf()).filter(|request: Request, next: Next| async move {
        if request.session().uid().is_err() && request.route() == WHO_AM_I.name() {
            return Response::error(Error::msg("enter first").with_code(401));
        }
        next.run(request).await
    });
    let cluster = Cluster::of(dir, app).await;
    let mut socket = TcpStream::connect(("127.0.0.1", cluster.port("connector-server-1"))).await.unwrap();
    let mut hello = BytesMut::new();
    encode_package(PackageKind::Handshake, br#"{"sys":{"type":"t","version":"1"}}"#, &mut hello).unwrap();
    socket.write_all(&hello).await.unwrap();
    assert_eq!(read_package(&mut socket).await.kind, PackageKind::Handshake);
    socket.write_all(b"\x02\0\0\0").await.unwrap();
    let unfit = b"\xff fits nothing";
    assert_eq!(raw_request(&mut socket, 1, WHO_AM_I.name(), unfit).await, r#"{"code":401}"#);
    raw_request(&mut socket, 2, ENTER.name(), br#"{"name":"alice","rid":"room1"}"#).await;
    assert_eq!(raw_request(&mut socket, 3, WHO_AM_I.name(), unfit).await, r#"{"code":500}"#);
    let fits = raw_request(&mut socket, 4, WHO_AM_I.name(), b"").await;
    assert!(fits.starts_with(br#"{"server":"connector-server-1","uid":"alice""#), "{fits:?}");
}

#[tokio::test]
async fn npms_client_speaks_protobuf_with_it_and_is_told_the_definitions_once() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/npm/protobuf-client.js");
    if !script.with_file_name("node_modules/pomelo-jsclient-websocket").is_dir() {
        assert!(!require_all(), "npm packages are not installed, and POMELO_REQUIRE_ALL=1 forbids to skip");
        eprintln!(
            "SKIPPED: the npm packages of tests/npm are not installed; `cargo xtask test` installs them"
        );
        return;
    }
    let cluster = cluster().await;
    let mut command = Command::new("node");
    command.arg(script).arg(cluster.port("connector-server-2").to_string());
    let mut node = Running::start(command).unwrap();
    let told = tokio::time::timeout(Duration::from_secs(60), node.line("\"told\"")).await.unwrap().unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    let seen = |name: &str| json!({ "server": told["seen"][0]["server"], "uid": name, "rid": "room1" });
    assert_eq!(
        told,
        json!({
            "told": [true, false],
            "users": [["node1"], ["node2"]],
            "seen": [seen("node1"), seen("node2")],
            "pushed": [{ "text": "大家好" }, { "text": "大家好" }],
            "failed": [{ "code": 500 }, { "code": 500 }],
            // A failure without a place for its code, marked in the flags: no harm to a client that does not look there.
            "silent": [{}, {}],
            "wire": ["0a09e5a4a7e5aeb6e5a5bd", "0a09e5a4a7e5aeb6e5a5bd"],
        })
    );
    node.end().await.unwrap();
}
