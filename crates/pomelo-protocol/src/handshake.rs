//! The handshake: the JSON documents in a connection's first two packages (pomelo 2.2.7, `connectors/commands/handshake`).
//!
//! The client says who it is and which dictionary it has; the server says how often to beat, and sends the dictionary
//! and the definitions of protobuf messages unless the client has them. Order of fields is that of the original.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::{
    dictionary::{CodeToRoute, Dictionary},
    protobuf::{Description, Protos},
};

/// All is well.
pub const CODE_OK: u16 = 200;
/// The request was malformed, or the application refused the user's data.
pub const CODE_REFUSED: u16 = 500;
/// The application refuses clients of this type or version.
pub const CODE_OLD_CLIENT: u16 = 501;

/// What the client sends first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandshakeRequest {
    /// Said by the client library; without it the handshake is refused. Absent and `null` are alike.
    #[serde(default)]
    pub sys: Option<RequestSys>,
    /// Said by the game's client, for the application's own check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Value>,
}

/// The client library's part of the request. Values are kept as they come: clients in the field send a version of `0`
/// where others send text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestSys {
    /// Which library, `js-websocket`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub client_type: Option<Value>,
    /// Which version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Value>,
    /// Key for signed messages; not used here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rsa: Option<Value>,
    /// [`Dictionary::version`] of the dictionary the client has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dict_version: Option<Value>,
    /// [`Protos::version`] of the definitions the client has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proto_version: Option<Value>,
    /// Every other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What the server answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandshakeReply {
    /// [`CODE_OK`], [`CODE_REFUSED`] or [`CODE_OLD_CLIENT`].
    pub code: u16,
    /// The framework's part; absent when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sys: Option<ReplySys>,
    /// The application's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Value>,
}

/// The framework's part of the reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplySys {
    /// Seconds between heartbeats; absent or 0 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Number>,
    /// Codes of routes, unless the client has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dict: Option<Dictionary>,
    /// The same again: one generation of clients reads this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_to_code: Option<Dictionary>,
    /// The same the other way round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_to_route: Option<CodeToRoute>,
    /// Version of the dictionary sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dict_version: Option<String>,
    /// Whether routes may be codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_dict: Option<bool>,
    /// Definitions of protobuf messages with their version, unless the client has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protos: Option<Description>,
    /// Whether bodies are protobuf where there is a definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_proto: Option<bool>,
    /// Every other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What a connector offers each client.
#[derive(Clone, Debug, Default)]
pub struct HandshakeOffer {
    /// Time between heartbeats, none if there are none.
    pub heartbeat: Option<Duration>,
    /// Codes of routes, none if routes are always names.
    pub dictionary: Option<Dictionary>,
    /// Definitions of messages, none if bodies are always JSON.
    pub protos: Option<Protos>,
}

/// A body that is no handshake document.
#[derive(Debug, thiserror::Error)]
#[error("malformed handshake: {0}")]
pub struct HandshakeError(#[from] serde_json::Error);

impl HandshakeRequest {
    /// Reads the body of the client's handshake package.
    pub fn from_body(body: &[u8]) -> Result<Self, HandshakeError> {
        Ok(serde_json::from_slice(body)?)
    }

    /// The body of the client's handshake package.
    pub fn to_body(&self) -> Result<Vec<u8>, HandshakeError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Type and version of the client library, where it says them as text.
    pub fn client(&self) -> (Option<&str>, Option<&str>) {
        let sys = self.sys.as_ref();
        (
            sys.and_then(|sys| sys.client_type.as_ref()).and_then(Value::as_str),
            sys.and_then(|sys| sys.version.as_ref()).and_then(Value::as_str),
        )
    }
}

impl HandshakeReply {
    /// A refusal with that code.
    pub fn refused(code: u16) -> Self {
        Self { code, ..Self::default() }
    }

    /// Reads the body of the server's handshake package.
    pub fn from_body(body: &[u8]) -> Result<Self, HandshakeError> {
        Ok(serde_json::from_slice(body)?)
    }

    /// The body of the server's handshake package.
    pub fn to_body(&self) -> Result<Vec<u8>, HandshakeError> {
        Ok(serde_json::to_vec(self)?)
    }
}

impl ReplySys {
    /// Time between heartbeats, `None` if there are none.
    pub fn heartbeat_interval(&self) -> Option<Duration> {
        let seconds = self.heartbeat.as_ref()?.as_f64()?;
        Duration::try_from_secs_f64(seconds).ok().filter(|interval| !interval.is_zero())
    }
}

impl HandshakeOffer {
    /// The answer to `request`, with `user` from the application: 500 if the client library said nothing of itself,
    /// else what is offered, without what the client has.
    pub fn reply(&self, request: &HandshakeRequest, user: Option<Value>) -> HandshakeReply {
        let Some(client) = &request.sys else { return HandshakeReply::refused(CODE_REFUSED) };
        let mut sys = ReplySys { heartbeat: self.heartbeat.map(seconds), ..ReplySys::default() };
        if let Some(dictionary) = &self.dictionary {
            if client.dict_version.as_ref().and_then(Value::as_str) != Some(dictionary.version()) {
                sys.dict = Some(dictionary.clone());
                sys.route_to_code = Some(dictionary.clone());
                sys.code_to_route = Some(CodeToRoute(dictionary.clone()));
                sys.dict_version = Some(dictionary.version().to_owned());
            }
            sys.use_dict = Some(true);
        }
        if let Some(protos) = &self.protos {
            if client.proto_version.as_ref().and_then(Value::as_str) != Some(protos.version()) {
                sys.protos = Some(protos.description().clone());
            }
            sys.use_proto = Some(true);
        }
        HandshakeReply { code: CODE_OK, sys: Some(sys), user }
    }
}

/// Whole seconds as the original writes them; a fraction only where there is one.
fn seconds(interval: Duration) -> Number {
    match interval.subsec_nanos() {
        0 => Number::from(interval.as_secs()),
        _ => Number::from_f64(interval.as_secs_f64()).unwrap_or_else(|| Number::from(interval.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::Definitions;

    #[test]
    fn a_request_without_sys_is_refused_with_500() {
        let offer = HandshakeOffer::default();
        for body in [r#"{"sys":null,"user":{}}"#, r#"{"user":{}}"#] {
            let request = HandshakeRequest::from_body(body.as_bytes()).unwrap();
            assert_eq!(offer.reply(&request, None).to_body().unwrap(), br#"{"code":500}"#);
        }
    }

    #[test]
    fn a_client_that_sends_numbers_for_versions_is_understood() {
        let body =
            br#"{"sys":{"type":"js-websocket","version":"0.0.1","rsa":{},"protoVersion":0},"user":{}}"#;
        let request = HandshakeRequest::from_body(body).unwrap();
        assert_eq!(request.client(), (Some("js-websocket"), Some("0.0.1")));
        let protos = Protos::new(Definitions::none(), Definitions::none());
        let offer = HandshakeOffer { protos: Some(protos.clone()), ..HandshakeOffer::default() };
        assert_eq!(offer.reply(&request, None).sys.unwrap().protos.as_ref(), Some(protos.description()));
    }

    #[test]
    fn heartbeats_are_whole_seconds_unless_they_are_not() {
        let request = HandshakeRequest { sys: Some(RequestSys::default()), user: None };
        for (ms, json) in [
            (3000, r#"{"code":200,"sys":{"heartbeat":3}}"#),
            (250, r#"{"code":200,"sys":{"heartbeat":0.25}}"#),
        ] {
            let interval = Duration::from_millis(ms);
            let reply = HandshakeOffer { heartbeat: Some(interval), ..HandshakeOffer::default() }
                .reply(&request, None);
            assert_eq!(String::from_utf8(reply.to_body().unwrap()).unwrap(), json);
            assert_eq!(reply.sys.unwrap().heartbeat_interval(), Some(interval));
        }
    }

    #[test]
    fn malformed_json_says_where() {
        let error = HandshakeRequest::from_body(b"{\"sys\":").unwrap_err();
        assert_eq!(error.to_string(), "malformed handshake: EOF while parsing a value at line 1 column 7");
    }
}
