//! How a connector's clients are spoken to, as their handshake told them: codes for routes, protobuf for bodies that are
//! defined so.
//!
//! Both are of the client's link only. Behind the connector, in this process and in others, the bodies of clients'
//! messages are JSON: what comes is translated when somebody looks at it or it is forwarded, so that nothing is done for
//! what is refused by its route or its session; what goes is translated when it is framed, once for all who get it. By its route alone: nothing in a body says how it is written. So a client that writes JSON for a route
//! with a definition is not understood, and answered as one that writes anything else that does not fit.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use pomelo_protocol::{
    dictionary::Dictionary,
    protobuf::{CodecError, Definitions, Protos, Required, Schema},
    route,
};
use serde::Deserialize;

/// How much longer than the largest package the JSON of a client's message may be: names and quotes come on top of the
/// values.
const JSON_BYTES_PER_BYTE_MAX: usize = 16;

/// The field of an answer that says whether something failed.
const CODE: &str = "code";

/// All is well, in that field.
const CODE_OK: i64 = 200;

/// What the clients of one connector know. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wording {
    /// None if routes are always names.
    pub(crate) dictionary: Option<Dictionary>,
    /// None if bodies are always JSON.
    pub(crate) protos: Option<Protos>,
}

impl Wording {
    /// What a client said on this route.
    pub(super) fn heard(&self, route: &str, bytes: Bytes, message_bytes_max: usize) -> Body {
        let Some(schema) = self.protos.as_ref().and_then(|protos| protos.client().schema(route)) else {
            return Body::Json(bytes);
        };
        let json_bytes_max = message_bytes_max.saturating_mul(JSON_BYTES_PER_BYTE_MAX);
        Body::Protobuf(Arc::new(Coded { bytes, schema, json_bytes_max, json: OnceLock::new() }))
    }

    /// How requests on this route are answered, if not in JSON.
    pub(super) fn answers(&self, route: &str) -> Option<Schema> {
        self.protos.as_ref()?.server().schema(route)
    }

    /// Requests to these server types whose answers have no place for the code of a failure, in order.
    pub(crate) fn without_code(&self, types: &BTreeSet<String>) -> Vec<&str> {
        let server = self.protos.as_ref().map(Protos::server);
        let is_request = |name: &&str| route::server_type(name).is_some_and(|of| types.contains(of));
        let tells = |name: &str| server?.schema(name).map(|schema| schema.has_number(CODE));
        let defined = server.into_iter().flat_map(Definitions::routes).filter(is_request);
        let mut silent: Vec<_> = defined.filter(|name| tells(name) == Some(false)).collect();
        silent.sort_unstable();
        silent
    }

    /// A push as these clients read it.
    pub(crate) fn push(&self, route: &str, json: Bytes) -> Result<Bytes, CodecError> {
        match self.protos.as_ref().and_then(|protos| protos.server().schema(route)) {
            Some(schema) => Ok(schema.encode(&json, Required::Checked)?.into()),
            None => Ok(json),
        }
    }
}

/// What a client said.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// As it is.
    Json(Bytes),
    /// Translated when it is looked at, once for all clones.
    Protobuf(Arc<Coded>),
}

/// A body in protobuf.
#[derive(Debug)]
pub(crate) struct Coded {
    bytes: Bytes,
    schema: Schema,
    json_bytes_max: usize,
    json: OnceLock<Result<Bytes, CodecError>>,
}

impl Body {
    /// What was said; an error if it does not fit its definition.
    pub(crate) fn json(&self) -> Result<&Bytes, &CodecError> {
        match self {
            Self::Json(json) => Ok(json),
            Self::Protobuf(coded) => {
                let decode = || Ok(coded.schema.decode(&coded.bytes, coded.json_bytes_max)?.into());
                coded.json.get_or_init(decode).as_ref()
            }
        }
    }

    /// How many bytes came.
    pub(super) fn received_bytes(&self) -> usize {
        match self {
            Self::Json(bytes) => bytes.len(),
            Self::Protobuf(coded) => coded.bytes.len(),
        }
    }
}

/// An answer in protobuf.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) body: Bytes,
    /// It is a failure, and the body has no place for its code.
    pub(super) error: bool,
}

/// An answer as the client reads it. One that says that something failed need not have all that the definition requires.
pub(super) fn answer(schema: &Schema, json: &[u8]) -> Result<Written, CodecError> {
    let tells = schema.has_number(CODE);
    match schema.encode(json, Required::Checked) {
        Ok(body) => Ok(Written { body: body.into(), error: !tells && is_failure(json) }),
        Err(_) if is_failure(json) => {
            Ok(Written { body: schema.encode(json, Required::Ignored)?.into(), error: !tells })
        }
        Err(error) => Err(error),
    }
}

/// A failure whatever the definition is; one without fields if that is all it can be.
pub(super) fn failure(schema: &Schema, json: &[u8]) -> Written {
    answer(schema, json).unwrap_or(Written { body: Bytes::new(), error: true })
}

fn is_failure(json: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outcome {
        code: Option<i64>,
    }
    serde_json::from_slice(json).is_ok_and(|Outcome { code }| code.is_some_and(|code| code != CODE_OK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording() -> Wording {
        let client = r#"{"a.b.c": {"required string name": 1}}"#;
        let server = r#"{"a.b.c": {"required uInt32 code": 1, "required string name": 2}, "onX": {"required uInt32 n": 1}}"#;
        let definitions = |json| Definitions::parse(json).unwrap();
        Wording { dictionary: None, protos: Some(Protos::new(definitions(client), definitions(server))) }
    }

    #[test]
    fn what_is_defined_is_translated_and_the_rest_is_left_alone() {
        let (wording, json) = (wording(), Bytes::from_static(br#"{"name":"x"}"#));
        let heard = |route: &str, bytes: Bytes, max| {
            let body = wording.heard(route, bytes, max);
            body.json().cloned().map_err(Clone::clone)
        };
        assert_eq!(heard("a.b.c", Bytes::from_static(b"\x0a\x01x"), 8).unwrap(), json);
        assert_eq!(heard("a.b.d", json.clone(), 8).unwrap(), json);
        assert_eq!(wording.push("onX", Bytes::from_static(br#"{"n":5}"#)).unwrap(), &b"\x08\x05"[..]);
        assert_eq!(wording.push("onY", json.clone()).unwrap(), json);
        let error = wording.push("onX", json.clone()).unwrap_err().to_string();
        assert_eq!(error, "onX: n: required field is missing");
        assert!(wording.answers("a.b.d").is_none());
        // JSON where protobuf is defined is not understood.
        assert!(heard("a.b.c", json, 64).is_err());
        // A small message can't be made a large one.
        assert!(heard("a.b.c", Bytes::from_static(&[0x0a, 4, 1, 1, 1, 1]), 1).is_err());
    }

    #[test]
    fn a_failure_need_not_be_complete_and_a_success_must() {
        let schema = wording().answers("a.b.c").unwrap();
        let failed = Written { body: Bytes::from_static(b"\x08\xf4\x03"), error: false };
        assert_eq!(answer(&schema, br#"{"code":500}"#).unwrap(), failed);
        assert_eq!(failure(&schema, br#"{"code":500}"#), failed);
        assert!(answer(&schema, br#"{"code":200}"#).is_err());
        assert!(answer(&schema, b"{}").is_err());
        assert!(answer(&schema, br#"{"code":500,"name":1}"#).is_err());
    }

    #[test]
    fn requests_whose_failures_have_no_place_for_a_code_are_named() {
        let server = r#"{"b.h.x": {}, "a.h.z": {"optional string code": 1}, "a.h.y": {"optional uInt32 code": 1}, "c.h.x": {}, "onX": {}}"#;
        let protos = Protos::new(Definitions::none(), Definitions::parse(server).unwrap());
        let wording = Wording { dictionary: None, protos: Some(protos) };
        let types = ["a", "b"].map(str::to_owned).into();
        assert_eq!(wording.without_code(&types), ["a.h.z", "b.h.x"]);
        assert!(Wording::default().without_code(&types).is_empty());
    }

    #[test]
    fn a_failure_without_a_place_for_its_code_is_marked() {
        let server = r#"{"map": {"optional string name": 1}, "text": {"required string code": 1}, "codes": {"repeated uInt32 code": 1}}"#;
        let definitions = Definitions::parse(server).unwrap();
        let marked = Written { body: Bytes::new(), error: true };
        for route in ["map", "text", "codes"] {
            assert_eq!(failure(&definitions.schema(route).unwrap(), br#"{"code":500}"#), marked, "{route}");
        }
        let map = definitions.schema("map").unwrap();
        assert_eq!(answer(&map, br#"{"code":429}"#).unwrap(), marked);
        let named = Bytes::from_static(b"\x0a\x01x");
        assert_eq!(
            answer(&map, br#"{"code":429,"name":"x"}"#).unwrap(),
            Written { body: named.clone(), error: true }
        );
        assert_eq!(
            answer(&map, br#"{"code":200,"name":"x"}"#).unwrap(),
            Written { body: named, error: false }
        );
        assert_eq!(answer(&map, b"{}").unwrap(), Written { body: Bytes::new(), error: false });
    }
}
