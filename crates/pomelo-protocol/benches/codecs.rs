//! What it costs to read and write what clients and servers say: `cargo bench -p pomelo-protocol`.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use pomelo_protocol::{
    message::{Message, RouteRef},
    package::{Package, PackageDecoder, PackageKind, encode_package},
    protobuf::{Definitions, Required},
    websocket::{FrameDecoder, Opcode, encode_frame, encode_masked_frame},
};

const BYTES_MAX: usize = 64 * 1024;
/// Messages that arrive in one read.
const BATCH: usize = 16;
const BODY: &[u8] = br#"{"content":"hello, how are you today?","target":"*","n":12345678}"#;
const DEFINITIONS: &str = r#"{
    "chat.chatHandler.send": {"required string content": 1, "required string from": 2, "required string target": 3},
    "message Path": {"required double x": 1, "required double y": 2},
    "onMove": {"required uInt32 entityId": 1, "repeated Path path": 2, "required float speed": 3},
    "onAddEntities": {
        "message Mob": {"required uInt32 entityId": 1, "required uInt32 kindId": 2, "required uInt32 x": 3, "required uInt32 y": 4,
            "required uInt32 level": 5, "required uInt32 walkSpeed": 6, "required uInt32 hp": 7, "required uInt32 maxHp": 8},
        "repeated Mob mob": 1
    }
}"#;

fn request() -> Message {
    Message::Request { id: 300, route: RouteRef::Code(9), body: Bytes::from_static(BODY) }
}

fn message(c: &mut Criterion) {
    let (request, mut out) = (request(), BytesMut::new());
    c.bench_function("message/write a request of 64 bytes as a package", |b| {
        b.iter(|| {
            out.clear();
            black_box(&request).encode_package(&mut out).expect("it fits");
        });
    });
    let mut bytes = BytesMut::new();
    request.encode(&mut bytes).expect("it fits");
    let bytes = bytes.freeze();
    c.bench_function("message/read a request of 64 bytes", |b| {
        b.iter(|| Message::decode(black_box(bytes.clone())));
    });
    let named = Message::Push { route: RouteRef::Name("onChat".to_owned()), body: Bytes::from_static(BODY) };
    c.bench_function("message/write a push by name", |b| {
        b.iter(|| {
            out.clear();
            black_box(&named).encode_package(&mut out).expect("it fits");
        });
    });
}

fn package(c: &mut Criterion) {
    let mut stream = BytesMut::new();
    for _ in 0..BATCH {
        request().encode_package(&mut stream).expect("it fits");
    }
    let mut decoder = PackageDecoder::new(BYTES_MAX);
    c.bench_function("package/read 16 from one piece of a stream", |b| {
        b.iter(|| {
            decoder.feed(black_box(&stream));
            let mut packages = 0;
            while let Ok(Some(package)) = decoder.next() {
                packages += usize::from(package.kind == PackageKind::Data);
            }
            assert_eq!(packages, BATCH);
        });
    });
    let one = stream.freeze();
    c.bench_function("package/read one of a websocket message", |b| {
        b.iter(|| Package::decode(&mut black_box(one.clone()), BYTES_MAX));
    });
    let mut out = BytesMut::new();
    c.bench_function("package/write a heartbeat", |b| {
        b.iter(|| {
            out.clear();
            encode_package(PackageKind::Heartbeat, black_box(&[]), &mut out)
        });
    });
}

fn websocket(c: &mut Criterion) {
    let (mut package, mut stream) = (BytesMut::new(), BytesMut::new());
    request().encode_package(&mut package).expect("it fits");
    for n in 0..BATCH {
        encode_masked_frame(Opcode::Binary, &package, [n as u8, 7, 77, 200], &mut stream);
    }
    let mut decoder = FrameDecoder::of_client(BYTES_MAX);
    c.bench_function("websocket/read 16 masked frames of 75 bytes", |b| {
        b.iter(|| {
            decoder.feed(black_box(&stream));
            let mut messages = 0;
            while let Ok(Some(event)) = decoder.next() {
                black_box(event);
                messages += 1;
            }
            assert_eq!(messages, BATCH);
        });
    });
    let mut out = BytesMut::new();
    c.bench_function("websocket/write a frame of 75 bytes", |b| {
        b.iter(|| {
            out.clear();
            encode_frame(Opcode::Binary, black_box(&package), &mut out);
        });
    });
}

fn protobuf(c: &mut Criterion) {
    let definitions = Definitions::parse(DEFINITIONS).expect("they are right");
    let mob =
        r#"{"entityId":1234,"kindId":1001,"x":1280,"y":796,"level":12,"walkSpeed":160,"hp":200,"maxHp":320}"#;
    let mobs = format!(r#"{{"mob":[{}]}}"#, vec![mob; 20].join(","));
    for (route, name, json) in [
        (
            "chat.chatHandler.send",
            "3 texts",
            r#"{"content":"hello, how are you today?","from":"alice","target":"*"}"#,
        ),
        (
            "onMove",
            "4 numbers and 2 messages",
            r#"{"entityId":14,"path":[{"x":128.5,"y":796},{"x":677,"y":895}],"speed":160}"#,
        ),
        ("onAddEntities", "20 messages of 8 numbers", &mobs),
    ] {
        let schema = definitions.schema(route).expect("it is there");
        let body = schema.encode(json.as_bytes(), Required::Checked).expect("it fits");
        c.bench_function(&format!("protobuf/write {name} from json"), |b| {
            b.iter(|| schema.encode(black_box(json.as_bytes()), Required::Checked));
        });
        c.bench_function(&format!("protobuf/read {name} to json"), |b| {
            b.iter(|| schema.decode(black_box(&body), BYTES_MAX));
        });
    }
}

criterion_group!(codecs, message, package, websocket, protobuf);
criterion_main!(codecs);
