//! Bodies in protobuf: on the wire as recorded, JSON to the service.

use bytes::Bytes;
use pomelo_protocol::{
    message::Message,
    package::PackageKind,
    protobuf::{Definitions, Protos},
};
use serde_json::{Value, json};

use super::rig::{Rig, Tcp, request};
use crate::connector::Hybrid;

fn protos() -> Protos {
    let client = r#"{"test.h.echo": {"required uInt32 code": 1, "optional string name": 2},
        "test.h.panic": {"optional uInt32 n": 1}, "test.beside.wait": {"required uInt32 code": 1}, "test.h.refused": {"optional string name": 1}}"#;
    let server = r#"{"test.h.echo": {"required uInt32 code": 1, "optional string name": 2}, "onTest": {"required uInt32 n": 1},
        "test.h.panic": {"optional uInt32 code": 1, "required string name": 2}, "test.beside.wait": {"required uInt32 code": 1}, "test.h.refused": {}}"#;
    Protos::new(Definitions::parse(client).unwrap(), Definitions::parse(server).unwrap())
}

fn rig() -> Rig {
    Rig::start(Hybrid::new().protobuf().with_protos(&protos()))
}

#[tokio::test]
async fn a_request_is_json_to_the_service_and_its_answer_protobuf_to_the_client() {
    let rig = rig();
    let mut client = rig.ws().await;
    client.put(&request(1, "test.h.echo", "\x08\x05\x12\x02hi")).await;
    client.put(&request(2, "test.beside.wait", "\x08\x07")).await;
    client.put(&request(3, "test.h.wait", "as it is")).await;
    assert_eq!(client.message().await, "response 1 \x08\x05\x12\x02hi");
    rig.service.gate.0.add_permits(2);
    let mut both = [client.message().await, client.message().await];
    both.sort();
    assert_eq!(both, ["response 2 \x08\x07", "response 3 as it is"]);
    let log = rig.service.log();
    assert!(log.contains(&r#"1 test.h.echo {"code":5,"name":"hi"}"#.to_owned()), "{log:?}");
    assert!(log.contains(&r#"1 test.beside.wait {"code":7}"#.to_owned()), "{log:?}");
    rig.stop(client).await;
}

/// The next answer, heartbeats left aside.
async fn answered(client: &mut Tcp) -> Message {
    loop {
        let package = client.next().await.unwrap();
        if package.kind == PackageKind::Data {
            return Message::decode(package.body).unwrap();
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_answered_with_a_failure_and_the_client_stays() {
    let rig = rig();
    let mut client = rig.tcp().await;
    // JSON where protobuf is defined, a text that ends too early, a notify.
    client.request(1, "test.h.echo", r#"{"code":5}"#).await;
    client.request(2, "test.h.echo", "\x12\x05hi").await;
    client.notify("test.h.echo", "\x12\x05hi").await;
    // The service fails at this one, and the answer lacks what its definition requires.
    client.request(3, "test.h.panic", "").await;
    client.request(4, "test.h.echo", "\x08\x01").await;
    // {"code":500} in protobuf.
    let failed = |id: u32| Message::Response { id, body: Bytes::from_static(b"\x08\xf4\x03"), error: false };
    for expected in [failed(1), failed(2), failed(3)] {
        assert_eq!(answered(&mut client).await, expected);
    }
    assert_eq!(client.message().await, "response 4 \x08\x01");
    let log = rig.service.log();
    assert_eq!(log[1..4], ["1 test.h.echo misfit"; 3]);
    assert_eq!(log[4..], ["1 test.h.panic {}", r#"1 test.h.echo {"code":1}"#]);
    rig.stop(client).await;
}

#[tokio::test]
async fn what_is_refused_unseen_is_never_decoded() {
    let rig = rig();
    let mut client = rig.tcp().await;
    client.request(1, "test.h.refused", "this fits no definition").await;
    // Its definition has no place for the code.
    assert_eq!(answered(&mut client).await, Message::Response { id: 1, body: Bytes::new(), error: true });
    assert_eq!(rig.service.log()[1..], ["1 refused"]);
    rig.stop(client).await;
}

#[tokio::test]
async fn no_definitions_are_no_offer_of_protobuf() {
    let none = Protos::new(Definitions::none(), Definitions::none());
    let rig = Rig::start(Hybrid::new().protobuf().with_protos(&none));
    let mut client = rig.tcp_silent().await;
    client.put(PackageKind::Handshake, br#"{"sys":{"type":"t","version":"1","protoVersion":0}}"#).await;
    assert_eq!(client.next().await.unwrap().body, r#"{"code":200,"sys":{"heartbeat":30}}"#);
    rig.stop(client).await;
}

#[tokio::test]
async fn the_handshake_brings_the_definitions_unless_the_client_has_them() {
    let rig = rig();
    for (version, knows) in [("old", false), (protos().version(), true)] {
        let mut client = rig.tcp_silent().await;
        let hello = json!({ "sys": { "type": "t", "version": "1", "protoVersion": version } }).to_string();
        client.put(PackageKind::Handshake, hello.as_bytes()).await;
        let reply: Value = serde_json::from_slice(&client.next().await.unwrap().body).unwrap();
        assert_eq!(reply["sys"]["useProto"], true);
        let told = (!knows).then(|| serde_json::from_str(protos().description().json()).unwrap());
        assert_eq!(reply["sys"].get("protos"), told.as_ref());
    }
    rig.stop(()).await;
}
