//! A protobuf body of a client: any bytes are refused or become JSON within the limit, which can be written again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pomelo_protocol::protobuf::{Definitions, Required, Schema};

const JSON_BYTES_MAX: usize = 4096;
const DEFINITIONS: &str = r#"{
    "message Node": {"optional Node next": 1, "repeated Node children": 2, "required uInt32 n": 3},
    "r": {
        "message In": {"repeated string s": 1, "optional double d": 300},
        "required uInt32 a": 1, "optional sInt32 b": 2, "optional int32 c": 3, "optional float d": 4, "optional double e": 5,
        "optional string f": 6, "optional In g": 7, "optional Node h": 8,
        "repeated uInt32 i": 9, "repeated sInt32 j": 10, "repeated float k": 11, "repeated double l": 12,
        "repeated string m": 13, "repeated In n": 14, "repeated Node o": 15
    }
}"#;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let definitions = Definitions::parse(DEFINITIONS).expect("they are right");
    definitions.schema("r").expect("it is there")
});

fuzz_target!(|data: &[u8]| {
    if let Ok(json) = SCHEMA.decode(data, JSON_BYTES_MAX) {
        // One text may pass the limit before it is noticed, escaped; brackets that were open are closed behind it.
        assert!(json.len() <= JSON_BYTES_MAX + 64);
        let again = SCHEMA.encode(&json, Required::Ignored).expect("what was read can be written");
        SCHEMA.decode(&again, usize::MAX).expect("what was written can be read");
    }
    // And as JSON.
    if let Ok(body) = SCHEMA.encode(data, Required::Checked) {
        let json = SCHEMA.decode(&body, usize::MAX).expect("what was written can be read");
        SCHEMA.encode(&json, Required::Ignored).expect("what was read can be written");
    }
});
