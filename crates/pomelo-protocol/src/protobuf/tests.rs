//! Definitions and messages by example; what holds for all of them is in `tests/protobuf.rs`.

use super::*;

const JSON_BYTES_MAX: usize = 1 << 20;

fn schema(definition: &str) -> Schema {
    let definitions =
        format!(r#"{{"r":{definition},"message Node":{{"optional Node next":1,"optional uInt32 n":2}}}}"#);
    Definitions::parse(&definitions).unwrap().schema("r").unwrap()
}

fn encode(definition: &str, json: &str) -> Result<Vec<u8>, String> {
    schema(definition).encode(json.as_bytes(), Required::Checked).map_err(|e| e.to_string())
}

fn decode(definition: &str, body: &[u8]) -> Result<String, String> {
    let json = schema(definition).decode(body, JSON_BYTES_MAX).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(json).unwrap())
}

#[test]
fn every_type_is_written_as_the_original_does() {
    let all = r#"{"required uInt32 a":1,"optional sInt32 b":2,"optional int32 c":3,"optional float d":4,
        "optional double e":5,"optional string f":6,"optional In g":7,"message In":{"optional uInt32 x":1},
        "repeated uInt32 h":8,"repeated string i":9,"repeated Node j":10}"#;
    let cases: [(&str, &[u8]); 10] = [
        (r#"{"a":300}"#, b"\x08\xac\x02"),
        (r#"{"b":-3,"a":1}"#, b"\x10\x05\x08\x01"),
        (r#"{"a":1,"c":1}"#, b"\x08\x01\x18\x02"),
        (r#"{"a":1,"d":1.5}"#, b"\x08\x01\x25\0\0\xc0\x3f"),
        (r#"{"a":1,"e":2.5}"#, b"\x08\x01\x29\0\0\0\0\0\0\x04\x40"),
        (r#"{"a":1,"f":"\u00e9"}"#, b"\x08\x01\x32\x02\xc3\xa9"),
        (r#"{"a":1,"g":{"x":3}}"#, b"\x08\x01\x3a\x02\x08\x03"),
        (r#"{"a":1,"h":[1,2,300]}"#, b"\x08\x01\x40\x03\x01\x02\xac\x02"),
        (r#"{"a":1,"i":["x",""]}"#, b"\x08\x01\x4a\x01x\x4a\0"),
        (r#"{"a":1,"j":[{},{"next":{"n":2}}]}"#, b"\x08\x01\x52\0\x52\x04\x0a\x02\x10\x02"),
    ];
    for (json, bytes) in cases {
        assert_eq!(encode(all, json).unwrap(), bytes, "{json}");
        assert_eq!(decode(all, bytes).unwrap(), json.replace("\\u00e9", "é"));
    }
}

#[test]
fn values_are_bent_where_the_original_bends_them() {
    let definition = r#"{"optional uInt32 a":1,"optional sInt32 b":2,"optional double c":3,"repeated uInt32 d":4,
        "repeated float e":5}"#;
    let same = |bent: &str, straight: &str| {
        assert_eq!(encode(definition, bent).unwrap(), encode(definition, straight).unwrap());
    };
    same(r#"{"a":1.9,"b":-1.9}"#, r#"{"a":1,"b":-1}"#);
    same(r#"{"a":"12","b":"-3","c":"1.5"}"#, r#"{"a":12,"b":-3,"c":1.5}"#);
    same(r#"{"unknown":{"a":[1]},"a":1}"#, r#"{"a":1}"#);
    same(r#"{"a":null,"d":null}"#, "{}");
    same(r#"{"d":[]}"#, "{}");
    same(r#"{"e":[null,1]}"#, r#"{"e":[0,1]}"#);
    same("null", "{}");
    same("", "{}");
    assert_eq!(encode(definition, r#"{"a":9007199254740991}"#).unwrap().len(), 9);
}

#[test]
fn numbers_come_back_as_javascript_writes_them() {
    let definition = r#"{"optional float a":1,"optional double b":2}"#;
    let body = |a: f32, b: f64| [&b"\x0d"[..], &a.to_le_bytes(), b"\x11", &b.to_le_bytes()].concat();
    assert_eq!(decode(definition, &body(1.1, 5.0)).unwrap(), r#"{"a":1.100000023841858,"b":5}"#);
    assert_eq!(decode(definition, &body(f32::NAN, f64::INFINITY)).unwrap(), r#"{"a":null,"b":null}"#);
    assert_eq!(decode(definition, &body(-0.0, -1e300)).unwrap(), r#"{"a":0,"b":-1e+300}"#);
}

#[test]
fn what_the_writer_says_of_a_type_is_not_looked_at() {
    let definition = r#"{"optional uInt32 a":1,"optional string b":2}"#;
    assert_eq!(decode(definition, b"\x0f\x05\x10\x01x").unwrap(), r#"{"a":5,"b":"x"}"#);
}

#[test]
fn a_field_that_comes_again_counts_as_it_stands_last_and_lists_are_put_together() {
    let definition = r#"{"optional uInt32 a":1,"repeated uInt32 b":2,"repeated Node c":3}"#;
    assert_eq!(decode(definition, b"\x08\x01\x08\x02").unwrap(), r#"{"a":2}"#);
    assert_eq!(
        decode(definition, b"\x10\x01\x05\x08\x01\x10\x02\x06\x07").unwrap(),
        r#"{"b":[5,6,7],"a":1}"#
    );
    assert_eq!(decode(definition, b"\x10\x01\x05\x10\x01\x06").unwrap(), r#"{"b":[5,6]}"#);
    let inner_twice = b"\x1a\x04\x10\x01\x10\x02\x08\x09\x1a\0";
    assert_eq!(decode(definition, inner_twice).unwrap(), r#"{"c":[{"n":2},{}],"a":9}"#);
}

#[test]
fn text_of_browsers_that_write_halves_of_characters_is_put_together() {
    let definition = r#"{"optional string a":1}"#;
    let halves = "a\u{1f600}".encode_utf16().flat_map(|unit| match unit {
        0..=0x7f => vec![unit as u8],
        _ => vec![0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8],
    });
    let mut body = b"\x0a\x07".to_vec();
    body.extend(halves);
    assert_eq!(decode(definition, &body).unwrap(), r#"{"a":"a😀"}"#);
    assert_eq!(decode(definition, b"\x0a\x03\xff\xed\xa0").unwrap(), "{\"a\":\"\u{fffd}\u{fffd}\u{fffd}\"}");
}

#[test]
fn an_error_says_route_field_and_what_was_expected() {
    let definition = r#"{"required uInt32 a":1,"repeated In b":2,"message In":{"required string x":1,"repeated float y":2}}"#;
    for (json, words) in [
        ("[]", "r: invalid type: sequence, expected an object"),
        ("{", "r: EOF while parsing an object"),
        (r#"{}"#, "r: a: required field is missing"),
        (r#"{"a":true}"#, "r: a: invalid type: boolean `true`, expected a whole number"),
        (
            r#"{"a":-1}"#,
            "r: a: whole number is out of range: expected at most 9007199254740991, or half of it with a sign",
        ),
        (r#"{"a":1,"a":2}"#, "r: a: is there twice"),
        (r#"{"a":1,"b":[{"x":"1"},{}]}"#, "r: b[1].x: required field is missing"),
        (r#"{"a":1,"b":[{"x":7}]}"#, "r: b[0].x: invalid type: integer `7`, expected text"),
        (r#"{"a":1,"b":[{"x":"","y":[1,{}]}]}"#, "r: b[0].y[1]: invalid type: map, expected a number"),
        (r#"{"a":1,"b":[null]}"#, "r: b[0]: invalid type: null, expected an object"),
    ] {
        let error = encode(definition, json).unwrap_err();
        assert!(error.starts_with(words), "{json}: {error}");
    }
    for (body, words) in [
        (&b"\x08"[..], "r: a: bytes end too early: expected the rest of a number"),
        (b"\x48\x01", "r: no field has the number 9"),
        (b"\x12\x05\x0a", "r: b: bytes end too early: expected the rest of a message"),
        (b"\x12\x03\x12\x02\x01", "r: b.y: bytes end too early: expected as many elements as were announced"),
        (b"\x12\0\x12\x02\x0a\x05", "r: b.x: bytes end too early: expected the rest of a text"),
    ] {
        assert_eq!(decode(definition, body).unwrap_err(), words, "{body:?}");
    }
}

#[test]
fn what_is_required_may_be_missing_where_that_is_said() {
    let answer = schema(r#"{"required uInt32 code":1,"required string name":2}"#);
    assert_eq!(answer.encode(br#"{"code":500}"#, Required::Ignored).unwrap(), b"\x08\xf4\x03");
    assert!(answer.encode(br#"{"code":500}"#, Required::Checked).is_err());
}

#[test]
fn no_message_is_deeper_or_longer_than_its_limit() {
    let (definition, too_deep) = (r#"{"optional Node a":1}"#, "r: a.next.next");
    let nested =
        |levels: usize| format!("{{\"a\":{}{{}}{}}}", "{\"next\":".repeat(levels), "}".repeat(levels));
    let mut body = Vec::new();
    for _ in 0..DEPTH_MAX - 1 {
        body.splice(0..0, [0x0a, body.len() as u8]);
    }
    assert_eq!(encode(definition, &nested(DEPTH_MAX - 2)).unwrap(), body);
    assert!(encode(definition, &nested(DEPTH_MAX - 1)).unwrap_err().starts_with(too_deep));
    decode(definition, &body).unwrap();
    body.splice(0..0, [0x0a, body.len() as u8]);
    let error = decode(definition, &body).unwrap_err();
    assert!(error.starts_with(too_deep) && error.ends_with("messages are more than 32 deep"), "{error}");

    let list = schema(r#"{"repeated Node list":1}"#);
    let many = b"\x0a\0".repeat(1000);
    assert_eq!(list.decode(&many, 2000).unwrap_err().fault, CodecFault::TooLong(2000));
    assert!(list.decode(&many, 4000).is_ok());
}

#[test]
fn definitions_that_mean_nothing_are_refused_with_their_place() {
    for (json, words) in [
        ("[]", "the document: expected an object with a message for each route"),
        ("{", "EOF while parsing an object"),
        (r#"{"r":1}"#, r#""r": expected an object with fields"#),
        (r#"{"r":{},"r":{}}"#, r#""r" is there twice"#),
        (r#"{"r":{"requird uInt32 a":1}}"#, r#""r"."requird uInt32 a": expected `required TYPE NAME`"#),
        (r#"{"r":{"required uInt32":1}}"#, r#""r"."required uInt32": expected `required TYPE NAME`"#),
        (
            r#"{"r":{"required uInt32 a":0}}"#,
            r#""r"."required uInt32 a": expected the field's number, 1 to 268435455"#,
        ),
        (r#"{"r":{"required uInt32 a":"1"}}"#, r#""r"."required uInt32 a": expected the field's number"#),
        (
            r#"{"r":{"required uInt32 a":1,"optional string b":1}}"#,
            r#""r"."optional string b": "a" has the number 1 already"#,
        ),
        (
            r#"{"r":{"required uInt32 a":1,"optional string a":2}}"#,
            r#""r"."optional string a": the name "a" is there twice"#,
        ),
        (r#"{"r":{"required bool a":1}}"#, r#""r"."a": unknown type "bool": expected uInt32, sInt32"#),
        (r#"{"r":{"message M":{"required N n":1},"message N":{}}}"#, r#""r"."M"."n": unknown type "N""#),
        (r#"{"r":{"required uInt32 __tags":1}}"#, r#""r"."required uInt32 __tags": expected a name"#),
    ] {
        let error = Definitions::parse(json).unwrap_err().to_string();
        assert!(error.starts_with(words), "{json}: {error}");
    }
    let deep = format!("{{\"r\":{}{{}}{}}}", "{\"message M\":".repeat(DEPTH_MAX), "}".repeat(DEPTH_MAX));
    assert!(matches!(Definitions::parse(&deep), Err(DefinitionError::TooDeep { .. })));
    let wide: Vec<_> = (1..=FIELDS_MAX + 1).map(|n| format!("\"optional uInt32 f{n}\":{n}")).collect();
    let wide = format!("{{\"r\":{{{}}}}}", wide.join(","));
    assert!(matches!(Definitions::parse(&wide), Err(DefinitionError::TooMany { .. })));
}

#[test]
fn a_description_is_read_as_it_was_written() {
    let client = Definitions::parse(
        r#"{"r":{"message In":{"repeated double x":2},"required In in":3,"optional uInt32 10":1},"message S":{},"2":{},"10":{}}"#,
    )
    .unwrap();
    let protos = Protos::new(client, Definitions::none());
    let json = protos.description().json();
    // What looks like an index comes first, as in JavaScript.
    assert!(json.starts_with(r#"{"server":{},"client":{"2":{"__messages":{},"__tags":{}},"10":{"#), "{json}");
    let again = Protos::from_description(protos.description()).unwrap();
    assert_eq!(again, protos);
    let schema = again.client().schema("r").unwrap();
    let body = schema.encode(br#"{"in":{"x":[1]}}"#, Required::Checked).unwrap();
    assert_eq!(schema.decode(&body, JSON_BYTES_MAX).unwrap(), br#"{"in":{"x":[1]}}"#);
    assert!(again.client().schema("message S").is_none());
}
