//! Protobuf between clients and connectors: handlers, backends and pushes know nothing of it. With our client, and with
//! npm's, unchanged (`tests/npm/protobuf-client.js`).

use std::{path::Path, time::Duration};

use pomelo::Hybrid;
use pomelo_client::{Client, ClientOptions};
use pomelo_testkit::{command::Running, require_all};
use serde_json::{Value, json};
use tokio::process::Command;

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
        }),
    );
    dir.add(
        "serverProtos.json",
        &json!({
            SEEN.name(): { "required string server": 1, "optional string uid": 2, "optional string rid": 3, "optional uInt32 mark": 4 },
            FAIL.name(): { "required uInt32 code": 1, "required string name": 2 },
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
        client.close().await;
    }
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
            "wire": ["0a09e5a4a7e5aeb6e5a5bd", "0a09e5a4a7e5aeb6e5a5bd"],
        })
    );
    node.end().await.unwrap();
}
