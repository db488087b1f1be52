//! Conversations of the original with its clients (`wire/client-*.jsonl`): every byte is understood, and written again
//! exactly as it was.
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

use std::{collections::HashMap, fs, path::Path, time::Duration};

use bytes::{Bytes, BytesMut};
use pomelo_protocol::{
    dictionary::Dictionary,
    handshake::{HandshakeOffer, HandshakeReply, HandshakeRequest},
    message::{Message, RouteRef},
    package::{Kick, Package, PackageDecoder, PackageError, PackageKind, encode_package},
    protobuf::{Definitions, Protos, Required},
    websocket::{
        Event, FrameDecoder, Opcode, encode_close, encode_frame, encode_masked_frame, upgrade::HttpRequest,
    },
};
use serde_json::Value;

const BYTES_MAX: usize = 64 * 1024;
/// Recorded bodies that are protobuf.
const BODIES: usize = 9;
const HANDLERS: [&str; 13] = [
    "gate.gateHandler.queryEntry",
    "connector.entryHandler.enter",
    "connector.entryHandler.echo",
    "connector.entryHandler.count",
    "connector.entryHandler.counted",
    "connector.entryHandler.fail",
    "connector.entryHandler.kickMe",
    "chat.chatHandler.send",
    "chat.chatHandler.score",
    "chat.chatHandler.mark",
    "chat.chatHandler.kickUid",
    "chat.chatHandler.echo",
    "chat.chatHandler.bench",
];
const PUSHES: [&str; 4] = ["onChat", "onAdd", "onLeave", "onBench"];

/// One protocol unit as recorded.
struct Unit {
    place: String,
    of_client: bool,
    bytes: Vec<u8>,
    reading: Value,
}

#[test]
fn every_websocket_conversation_is_read_and_written_byte_for_byte() {
    let files = recordings("client-ws-");
    assert_eq!(files.len(), 3);
    for units in files {
        let (opening, rest) = units.split_at(2);
        check_upgrade(&opening[0], &opening[1]);
        for of_client in [true, false] {
            let frames: Vec<_> = rest.iter().filter(|unit| unit.of_client == of_client).collect();
            let stream: Vec<u8> = frames.iter().flat_map(|unit| unit.bytes.clone()).collect();
            // Sizes that put the cuts everywhere: inside headers, masks, payloads.
            for chunk_bytes in [1, 7, stream.len()] {
                let events = read_frames(&stream, of_client, chunk_bytes);
                assert_eq!(events.len(), frames.len());
                for (event, unit) in events.into_iter().zip(&frames) {
                    check_event(event, unit);
                }
            }
        }
    }
}

#[test]
fn every_tcp_conversation_is_read_and_written_byte_for_byte() {
    let files = recordings("client-tcp-");
    assert_eq!(files.len(), 4);
    let mut refused = 0;
    for units in files {
        for of_client in [true, false] {
            let units: Vec<_> = units.iter().filter(|unit| unit.of_client == of_client).collect();
            let stream: Vec<u8> = units.iter().flat_map(|unit| unit.bytes.clone()).collect();
            for chunk_bytes in [1, 7, stream.len()] {
                let (packages, end) = read_packages(&stream, chunk_bytes);
                for (package, unit) in packages.iter().zip(&units) {
                    assert_eq!(check_package(package, unit, 0), unit.bytes, "{}", unit.place);
                }
                let whole = packages.len() + usize::from(end.is_err());
                assert_eq!(whole, units.len());
                if let Err(error) = end {
                    assert_eq!(error, PackageError::UnknownKind(9), "only one client sent a wrong kind");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(refused, 3, "the wrong kind is refused however its bytes arrive");
}

#[test]
fn every_handshake_reply_can_be_made_from_the_request_and_the_routes() {
    let dictionary = Dictionary::new(HANDLERS, PUSHES).unwrap();
    assert_eq!(dictionary.version(), "fYmKnvxfd6PMnj+QJ2FepA==");
    let protos = protos();
    assert_eq!(protos.version(), "TWkq+Npgq2EpydsZJBnbJA==");
    let offer = HandshakeOffer {
        heartbeat: Some(Duration::from_secs(3)),
        dictionary: Some(dictionary),
        protos: Some(protos),
    };
    let mut checked = 0;
    for units in recordings("client-") {
        let mut handshakes = units.iter().filter_map(handshake_body);
        let (request, reply) = (handshakes.next().unwrap(), handshakes.next().unwrap());
        let request = HandshakeRequest::from_body(&request).unwrap();
        let made = offer.reply(&request, None).to_body().unwrap();
        assert_eq!(String::from_utf8(made).unwrap(), String::from_utf8(reply.to_vec()).unwrap());
        checked += 1;
    }
    assert_eq!(checked, 7);
}

#[test]
fn every_protobuf_body_is_read_and_written_byte_for_byte() {
    let (protos, dictionary) = (protos(), Dictionary::new(HANDLERS, PUSHES).unwrap());
    let mut bodies = Vec::new();
    for units in recordings("client-") {
        let mut asked = HashMap::new();
        for unit in &units {
            for message in messages(unit) {
                let named = |route: &RouteRef| match route {
                    RouteRef::Code(code) => dictionary.route(*code).unwrap().to_owned(),
                    RouteRef::Name(name) => name.clone(),
                };
                let route = match &message {
                    Message::Request { id, route, .. } => {
                        asked.insert(*id, named(route));
                        named(route)
                    }
                    Message::Notify { route, .. } | Message::Push { route, .. } => named(route),
                    Message::Response { id, .. } => asked[id].clone(),
                };
                let definitions = if unit.of_client { protos.client() } else { protos.server() };
                let Some(schema) = definitions.schema(&route) else { continue };
                let json = schema.decode(message.body(), BYTES_MAX).unwrap();
                let again = schema.encode(&json, Required::Checked).unwrap();
                assert_eq!(&again[..], &message.body()[..], "{}", unit.place);
                bodies.push((route, String::from_utf8(json).unwrap()));
            }
        }
    }
    let has = |route: &str, json: &str| bodies.iter().any(|(r, j)| r == route && j == json);
    assert!(
        has("chat.chatHandler.send", r#"{"content":"大家好","from":"alice","target":"*"}"#),
        "{bodies:?}"
    );
    assert!(has("onChat", r#"{"msg":"hi all","from":"alice","target":"*","seq":1}"#), "{bodies:?}");
    let score = r#"{"code":200,"delta":69997,"ratio":0.5,"tags":["a","b","bob"]}"#;
    assert!(has("chat.chatHandler.score", score), "{bodies:?}");
    assert_eq!(bodies.len(), BODIES, "{bodies:?}");
}

fn messages(unit: &Unit) -> Vec<Message> {
    let bytes = match &unit.reading["payload"] {
        Value::String(payload) => unhex(payload),
        _ => unit.bytes.clone(),
    };
    let packages = Package::all(bytes.into(), BYTES_MAX).map_while(Result::ok);
    packages
        .filter(|package| package.kind == PackageKind::Data)
        .map(|package| Message::decode(package.body).unwrap())
        .collect()
}

/// What the recorded server had in its two files.
fn protos() -> Protos {
    Protos::new(
        Definitions::parse(include_str!("wire/clientProtos.json")).unwrap(),
        Definitions::parse(include_str!("wire/serverProtos.json")).unwrap(),
    )
}

fn check_upgrade(request: &Unit, answer: &Unit) {
    let (parsed, head_bytes) = HttpRequest::parse(&request.bytes).unwrap();
    assert_eq!(head_bytes, request.bytes.len());
    let HttpRequest::Upgrade(upgrade) = parsed else { panic!("{}: {parsed:?}", request.place) };
    assert_eq!(upgrade.path, "/");
    let mut out = BytesMut::new();
    upgrade.accept(&mut out);
    assert_eq!(out, answer.bytes, "{}", answer.place);
}

fn read_frames(stream: &[u8], of_client: bool, chunk_bytes: usize) -> Vec<Event> {
    let new = if of_client { FrameDecoder::of_client } else { FrameDecoder::of_server };
    let mut decoder = new(BYTES_MAX);
    let mut events = Vec::new();
    for chunk in stream.chunks(chunk_bytes) {
        decoder.feed(chunk);
        while let Some(event) = decoder.next().unwrap() {
            events.push(event);
        }
    }
    assert_eq!(decoder.buffered_bytes(), 0);
    events
}

fn read_packages(stream: &[u8], chunk_bytes: usize) -> (Vec<Package>, Result<(), PackageError>) {
    let mut decoder = PackageDecoder::new(BYTES_MAX);
    let mut packages = Vec::new();
    for chunk in stream.chunks(chunk_bytes) {
        decoder.feed(chunk);
        loop {
            match decoder.next() {
                Ok(Some(package)) => packages.push(package),
                Ok(None) => break,
                Err(error) => return (packages, Err(error)),
            }
        }
    }
    assert_eq!(decoder.buffered_bytes(), 0);
    (packages, Ok(()))
}

fn check_event(event: Event, unit: &Unit) {
    let mut out = BytesMut::new();
    match event {
        Event::Binary(payload) => {
            assert_eq!(unit.reading["payload"], hex(&payload), "{}", unit.place);
            let packages: Vec<_> = Package::all(payload, BYTES_MAX).collect::<Result<_, _>>().unwrap();
            let again = packages.iter().enumerate().map(|(i, package)| check_package(package, unit, i));
            let again: Vec<u8> = again.flatten().collect();
            match unit.of_client {
                true => encode_masked_frame(Opcode::Binary, &again, mask(unit), &mut out),
                false => encode_frame(Opcode::Binary, &again, &mut out),
            }
        }
        Event::Close { code: Some(code), reason } => {
            assert!(reason.is_empty());
            match unit.of_client {
                true => encode_masked_frame(Opcode::Close, &code.to_be_bytes(), mask(unit), &mut out),
                false => encode_close(Some(code), &mut out),
            }
        }
        other => panic!("{}: {other:?} was not recorded", unit.place),
    }
    assert_eq!(hex(&out), hex(&unit.bytes), "{}", unit.place);
}

/// Understands a package, compares with the reading in the file, writes it again from what was understood.
fn check_package(package: &Package, unit: &Unit, at: usize) -> BytesMut {
    let reading = &unit.reading["packages"][at];
    let name = match package.kind {
        PackageKind::Handshake => "handshake",
        PackageKind::HandshakeAck => "handshake-ack",
        PackageKind::Heartbeat => "heartbeat",
        PackageKind::Data => "data",
        PackageKind::Kick => "kick",
    };
    assert_eq!(reading["pkg"], name, "{}", unit.place);
    let mut out = BytesMut::new();
    let body = match package.kind {
        PackageKind::Data => {
            let message = Message::decode(package.body.clone()).unwrap();
            check_reading(&message, reading);
            message.encode_package(&mut out).unwrap();
            return out;
        }
        PackageKind::Handshake if unit.of_client => {
            HandshakeRequest::from_body(&package.body).unwrap().to_body().unwrap()
        }
        PackageKind::Handshake => HandshakeReply::from_body(&package.body).unwrap().to_body().unwrap(),
        PackageKind::Kick => serde_json::from_slice::<Kick>(&package.body).unwrap().to_body(),
        PackageKind::HandshakeAck | PackageKind::Heartbeat => Vec::new(),
    };
    encode_package(package.kind, &body, &mut out).unwrap();
    out
}

fn check_reading(message: &Message, reading: &Value) {
    let (kind, id, route) = match message {
        Message::Request { id, route, .. } => ("request", Some(*id), Some(route)),
        Message::Notify { route, .. } => ("notify", None, Some(route)),
        Message::Response { id, error, .. } => {
            assert!(!error);
            ("response", Some(*id), None)
        }
        Message::Push { route, .. } => ("push", None, Some(route)),
    };
    assert_eq!(reading["msg"], kind);
    assert_eq!(reading["id"].as_u64(), id.map(u64::from));
    match route {
        Some(RouteRef::Code(code)) => {
            let dictionary = Dictionary::new(HANDLERS, PUSHES).unwrap();
            assert_eq!(reading["route"], *code);
            assert_eq!(reading["routeName"].as_str(), dictionary.route(*code));
        }
        Some(RouteRef::Name(name)) => assert_eq!(reading["route"], name.as_str()),
        None => assert_eq!(reading["route"], Value::Null),
    }
}

fn handshake_body(unit: &Unit) -> Option<Bytes> {
    if unit.reading["packages"][0]["pkg"] != "handshake" {
        return None;
    }
    let bytes = match &unit.reading["payload"] {
        Value::String(payload) => unhex(payload),
        _ => unit.bytes.clone(),
    };
    Package::decode(&mut bytes.into(), BYTES_MAX).unwrap().map(|package| package.body)
}

/// The mask key in a recorded client frame of less than 64 KiB.
fn mask(unit: &Unit) -> [u8; 4] {
    let at = if unit.bytes[1] & 0x7f == 126 { 4 } else { 2 };
    unit.bytes[at..at + 4].try_into().unwrap()
}

fn recordings(prefix: &str) -> Vec<Vec<Unit>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix));
    files.iter().map(|path| recording(path)).collect()
}

fn recording(path: &Path) -> Vec<Unit> {
    let text = fs::read_to_string(path).unwrap();
    let units = text.lines().enumerate().map(|(i, line)| {
        let unit: Value = serde_json::from_str(line).unwrap();
        Unit {
            place: format!("{}:{}", path.display(), i + 1),
            of_client: unit["dir"] == "c2s",
            bytes: unhex(unit["hex"].as_str().unwrap()),
            reading: unit["is"].clone(),
        }
    });
    units.collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
