//! What Rust peers add to the admin protocol, and what is refused: cases no recording has.

use bytes::BytesMut;
use pomelo_protocol::{
    admin::{
        AdminMessage, AgentRegister, CandidateRegister, ClientRegister, ClusterState, Envelope, Failure,
        Hello, Leader, MasterRole, MonitorRegister, Register, Registered, ReqId, Response, ViewStamp,
    },
    mqtt::Packet,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn through_the_wire(message: &AdminMessage) -> (AdminMessage, String) {
    let mut bytes = BytesMut::from(&message.encode().expect("not larger than 256 MiB")[..]);
    let packet = Packet::decode(&mut bytes, usize::MAX).expect("our own packet");
    let Some(Packet::Publish { topic, payload }) = packet else { panic!("not a publish: {packet:?}") };
    let text = String::from_utf8_lossy(&payload).into_owned();
    (AdminMessage::decode(&topic, &payload).expect("our own message"), text)
}

fn view() -> ViewStamp {
    ViewStamp { epoch: 4, rev: 17, digest: "00ff".into() }
}

fn hello() -> Hello {
    Hello { max_epoch: 4, view: Some(view()), ..Hello::new() }
}

#[test]
fn every_kind_of_rust_peer_registers_with_what_it_knows() {
    let server = serde_json::from_value(json!({
        "id": "chat-server-1", "serverType": "chat", "host": "127.0.0.1", "port": 6050, "pid": 7, "incarnation": 99
    }))
    .unwrap();
    let (id, token) = ("master-server-1".parse().unwrap(), Some("t".to_owned()));
    for register in [
        Register::Monitor(MonitorRegister::of(&server, token.clone(), hello())),
        Register::Agent(AgentRegister {
            id: "agent-1".into(),
            host: "127.0.0.1".into(),
            pid: 8,
            token: token.clone(),
            hello: Some(hello()),
        }),
        Register::Candidate(CandidateRegister {
            id,
            host: "127.0.0.1".into(),
            port: 3006,
            pid: 9,
            token,
            hello: Some(hello()),
        }),
        Register::Client(ClientRegister {
            id: "c".into(),
            username: "u".into(),
            password: "p".into(),
            md5: true,
            hello: Some(Hello::new()),
        }),
    ] {
        let message = AdminMessage::Register(register.clone());
        let (again, text) = through_the_wire(&message);
        assert_eq!(again, message);
        assert!(text.contains(r#""link":1"#), "{text}");
        if let Register::Monitor(monitor) = register {
            assert_eq!(monitor.server().unwrap(), server);
        }
    }
}

#[test]
fn a_master_says_what_it_is_and_who_leads() {
    let leader = Leader { host: "127.0.0.1".into(), port: 3007, epoch: 4 };
    for (role, leader) in [(MasterRole::Standby, Some(leader)), (MasterRole::Joining, None)] {
        let cluster = ClusterState { role, view: view(), leader, coordinator: "embedded (run/ha)".into() };
        let reply = AdminMessage::Registered(Registered::ok(Some(cluster)));
        let (again, text) = through_the_wire(&reply);
        assert_eq!(again, reply);
        assert!(text.starts_with(r#"{"code":1,"msg":"ok","cluster":{"role":""#), "{text}");
    }
}

#[test]
fn the_epoch_of_a_master_stands_behind_what_the_original_reads() {
    let ask = Envelope::request(5, "__console__", json!({"signal": "list"})).in_epoch(4);
    let (again, text) = through_the_wire(&AdminMessage::Monitor(ask.clone()));
    assert_eq!(again, AdminMessage::Monitor(ask));
    let inner: String = serde_json::from_str(&text).unwrap();
    assert_eq!(inner, r#"{"reqId":5,"moduleId":"__console__","body":{"signal":"list"},"epoch":4}"#);

    let tell = Envelope::notify("__console__", json!({"signal": "stop"})).in_epoch(4);
    assert_eq!(tell.epoch(), Some(4));
    let (_, text) = through_the_wire(&AdminMessage::Monitor(tell));
    assert_eq!(text, r#"{"moduleId":"__console__","body":{"signal":"stop"},"epoch":4}"#);
}

#[test]
fn answers_are_read_by_who_gave_them() {
    let id = || ReqId::Text("57".into());
    assert_eq!(id().number(), Some(57));
    let result = json!({"serverId": "a", "body": 1});
    assert_eq!(Response::in_error(id(), result.clone()).into_monitor_result(), Ok(result));
    assert_eq!(Response::ok(id(), json!("bar")).into_monitor_result(), Ok(json!("bar")));
    assert_eq!(Response::done(id()).into_result(), Ok(Value::Null));
    let failure = Response::in_error(id(), json!("no handler loaded")).into_monitor_result().unwrap_err();
    assert_eq!(failure.to_string(), "no handler loaded");
    let thrown = Failure::from_json(&json!({"message": "Command permission denied", "stack": "Error: ..."}));
    assert_eq!(thrown, Failure::new("Command permission denied"));
    let leader = Some(Leader { host: "h".into(), port: 1, epoch: 5 });
    let superseded = Failure { message: "superseded".into(), leader, superseded: Some(5), again: true };
    assert_eq!(Response::failed(id(), &superseded).into_result(), Err(superseded));
}

#[test]
fn what_is_not_a_document_is_refused_with_what_was_expected() {
    for (topic, payload, words) in [
        ("monitor", "{", "topic \"monitor\" is not json: EOF while parsing"),
        ("monitor", "\"{\"", "is not json"),
        ("monitor", "[1]", "expected an object, found [1]"),
        ("monitor", "{\"body\":1}", "expected moduleId (text), found null"),
        ("monitor", "{\"moduleId\":\"m\",\"reqId\":-1}", "expected a number or text as id, found -1"),
        ("client", "{\"respId\":null}", "expected a number or text as id, found null"),
        ("client", "{\"command\":1}", "expected command (text), found 1"),
        ("register", "{\"type\":\"x\"}", "expected type monitor, client, agent or candidate"),
        ("register", "{\"type\":\"client\",\"id\":\"c\"}", "expected username (text), found null"),
        ("register", "{\"type\":\"monitor\",\"id\":\"a\"}", "expected info (object), found null"),
        (
            "register",
            "{\"type\":\"monitor\",\"id\":\"a b\",\"info\":{}}",
            "expected id (1 to 128 visible characters)",
        ),
        ("register", "{\"code\":\"1\"}", "expected code (number)"),
        ("rpc", "{}", "unknown admin topic \"rpc\""),
    ] {
        let refused = AdminMessage::decode(topic, payload.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(words), "{topic} {payload}: {refused}");
    }
}

#[test]
fn a_refusal_says_which_life_is_the_later_one() {
    for (newer, expected) in
        [(None, r#"{"code":-1,"msg":"no"}"#), (Some(9), r#"{"code":-1,"msg":"no","newer":9}"#)]
    {
        let reply = AdminMessage::Registered(Registered::refused("no").newer(newer));
        let (again, text) = through_the_wire(&reply);
        assert_eq!((again, text.as_str()), (reply, expected));
    }
}

#[test]
fn a_registration_with_the_record_of_another_server_is_refused() {
    let server = serde_json::from_value(json!({"id": "a", "serverType": "chat", "host": "h"})).unwrap();
    let mut monitor = MonitorRegister::of(&server, None, hello());
    monitor.id = "b".parse().unwrap();
    assert_eq!(monitor.server().unwrap_err(), "registers as b with the info of a");
    monitor.info.remove("host");
    assert!(monitor.server().unwrap_err().contains("missing field `host`"));
}

#[test]
fn a_password_is_not_in_the_debug_text() {
    let (id, username, password) = ("c".into(), "u".into(), "secret".into());
    let client = ClientRegister { id, username, password, md5: false, hello: None };
    assert!(!format!("{client:?}").contains("secret"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".*", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_envelope() -> impl Strategy<Value = Envelope> {
    let req_id = prop_oneof![any::<u64>().prop_map(ReqId::Number), "[0-9a-z]*".prop_map(ReqId::Text)];
    let epoch = prop::option::of(any::<u64>());
    prop_oneof![
        (req_id.clone(), ".*", any_json(), epoch.clone()).prop_map(|(req_id, module_id, body, epoch)| {
            Envelope::Request { req_id, module_id, body, epoch }
        }),
        (".*", any_json(), epoch.clone()).prop_map(|(module_id, body, epoch)| Envelope::Notify {
            module_id,
            body,
            epoch
        }),
        (prop::option::of(req_id.clone()), ".*", any_json(), any_json(), epoch).prop_map(
            |(req_id, command, module_id, body, epoch)| Envelope::Command {
                req_id,
                command,
                module_id,
                body,
                epoch
            }
        ),
        (req_id, prop::option::of(any_json()), prop::option::of(any_json()))
            .prop_map(|(resp_id, error, body)| Envelope::Response(Response { resp_id, error, body })),
    ]
}

proptest! {
    #[test]
    fn every_envelope_comes_back(envelope in any_envelope(), to_tool: bool) {
        let message = if to_tool { AdminMessage::Client(envelope) } else { AdminMessage::Monitor(envelope) };
        prop_assert_eq!(through_the_wire(&message).0, message);
    }

    #[test]
    fn no_bytes_break_the_decoders(bytes in prop::collection::vec(any::<u8>(), 0..64), text in ".*") {
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(packet)) = Packet::decode(&mut buffer, 1024) {
            let mut again = BytesMut::new();
            prop_assert!(packet.encode(&mut again).is_ok());
        }
        for topic in ["register", "reconnect", "reconnect_ok", "monitor", "client"] {
            let _ = AdminMessage::decode(topic, &bytes);
            let _ = AdminMessage::decode(topic, text.as_bytes());
        }
    }
}

#[test]
fn what_a_stranger_says_fills_no_log() {
    let id = format!("x\nERROR all is lost{}", "!".repeat(10_000));
    let register = Register::Client(ClientRegister {
        id: id.clone(),
        username: id.clone(),
        password: String::new(),
        md5: false,
        hello: None,
    });
    let who = register.describe();
    assert!(who.starts_with("client x\\nERROR") && who.len() < 200, "{who}");
    let unknown = AdminMessage::decode(&id, b"{}").unwrap_err().to_string();
    assert!(!unknown.contains('\n') && unknown.len() < 200, "{unknown}");
}
