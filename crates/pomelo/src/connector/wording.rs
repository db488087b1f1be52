//! How a connector's clients are spoken to, as their handshake told them: codes for routes, protobuf for bodies that are
//! defined so.
//!
//! Both are of the client's link only. Behind the connector, in this process and in others, the bodies of clients'
//! messages are JSON: what comes is translated before it is handled or forwarded, what goes when it is framed, once for
//! all who get it. By its route alone: nothing in a body says how it is written. So a client that writes JSON for a route
//! with a definition is not understood, and answered as one that writes anything else that does not fit.

use bytes::Bytes;
use pomelo_protocol::{
    dictionary::Dictionary,
    protobuf::{CodecError, Protos, Required, Schema},
};
use serde::Deserialize;

/// How much longer than the largest package the JSON of a client's message may be: names and quotes come on top of the
/// values.
const JSON_BYTES_PER_BYTE_MAX: usize = 16;

/// All is well, in an answer.
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
    /// What a client said on this route, as JSON.
    pub(super) fn heard(
        &self,
        route: &str,
        body: Bytes,
        message_bytes_max: usize,
    ) -> Result<Bytes, CodecError> {
        let Some(schema) = self.protos.as_ref().and_then(|protos| protos.client().schema(route)) else {
            return Ok(body);
        };
        let json_bytes_max = message_bytes_max.saturating_mul(JSON_BYTES_PER_BYTE_MAX);
        Ok(schema.decode(&body, json_bytes_max)?.into())
    }

    /// How requests on this route are answered, if not in JSON.
    pub(super) fn answers(&self, route: &str) -> Option<Schema> {
        self.protos.as_ref()?.server().schema(route)
    }

    /// A push as these clients read it.
    pub(crate) fn push(&self, route: &str, json: Bytes) -> Result<Bytes, CodecError> {
        match self.protos.as_ref().and_then(|protos| protos.server().schema(route)) {
            Some(schema) => Ok(schema.encode(&json, Required::Checked)?.into()),
            None => Ok(json),
        }
    }
}

/// An answer as the client reads it. One that says that something failed need not have all that the definition requires.
pub(super) fn answer(schema: &Schema, json: &Bytes) -> Result<Bytes, CodecError> {
    #[derive(Deserialize)]
    struct Outcome {
        code: Option<i64>,
    }
    let written = schema.encode(json, Required::Checked).or_else(|error| {
        let outcome = serde_json::from_slice(json).unwrap_or(Outcome { code: None });
        if outcome.code.is_some_and(|code| code != CODE_OK) {
            schema.encode(json, Required::Ignored)
        } else {
            Err(error)
        }
    });
    Ok(written?.into())
}

#[cfg(test)]
mod tests {
    use pomelo_protocol::protobuf::Definitions;

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
        assert_eq!(wording.heard("a.b.c", Bytes::from_static(b"\x0a\x01x"), 8).unwrap(), json);
        assert_eq!(wording.heard("a.b.d", json.clone(), 8).unwrap(), json);
        assert_eq!(wording.push("onX", Bytes::from_static(br#"{"n":5}"#)).unwrap(), &b"\x08\x05"[..]);
        assert_eq!(wording.push("onY", json.clone()).unwrap(), json);
        let error = wording.push("onX", json.clone()).unwrap_err().to_string();
        assert_eq!(error, "onX: n: required field is missing");
        assert!(wording.answers("a.b.d").is_none());
        // JSON where protobuf is defined is not understood.
        assert!(wording.heard("a.b.c", json, 64).is_err());
        // A small message can't be made a large one.
        assert!(wording.heard("a.b.c", Bytes::from_static(&[0x0a, 4, 1, 1, 1, 1]), 1).is_err());
    }

    #[test]
    fn a_failure_need_not_be_complete_and_a_success_must() {
        let schema = wording().answers("a.b.c").unwrap();
        let failed = answer(&schema, &Bytes::from_static(br#"{"code":500}"#)).unwrap();
        assert_eq!(failed, &b"\x08\xf4\x03"[..]);
        assert!(answer(&schema, &Bytes::from_static(br#"{"code":200}"#)).is_err());
        assert!(answer(&schema, &Bytes::from_static(b"{}")).is_err());
        assert!(answer(&schema, &Bytes::from_static(br#"{"code":500,"name":1}"#)).is_err());
    }
}
