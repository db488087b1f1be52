//! The admin protocol: what monitors, tools, agents and other masters say to a master, and it to them. JSON documents in
//! [MQTT](crate::mqtt) PUBLISH packets; source: recordings of pomelo-admin 1.0.1 in `tests/wire`.
//!
//! [`AdminMessage`] is one PUBLISH, whole. Who connects, waits and answers is in `pomelo-cluster`.
//!
//! Rust peers recognise each other by extra fields that the original ignores: [`Hello`] in a registration, [`ClusterState`] in
//! its reply, `epoch` on what a master asks.

mod cluster;
mod envelope;
mod register;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

pub use self::{
    cluster::{ClusterState, Leader, MasterRole, Registered, ViewStamp},
    envelope::{Envelope, Failure, ReqId, Response},
    register::{
        AgentRegister, CandidateRegister, ClientRegister, Hello, LINK_VERSION, MonitorRegister, Register,
    },
};
use crate::mqtt::{MqttError, Packet};

/// Topic of a registration and its reply.
const REGISTER: &str = "register";
/// Topic on which a monitor of the original registers again after a lost connection.
const RECONNECT: &str = "reconnect";
/// Topic of the reply to [`RECONNECT`].
const RECONNECT_OK: &str = "reconnect_ok";
/// Topic between a master and a monitor, agent or candidate.
const MONITOR: &str = "monitor";
/// Topic between a master and a tool.
const CLIENT: &str = "client";

/// One PUBLISH of the admin protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminMessage {
    /// First message to a master.
    Register(Register),
    /// The master's reply to [`AdminMessage::Register`].
    Registered(Registered),
    /// First message of a Node monitor that was connected before. It carries no token: a master that means to check one
    /// can only ask for a new registration by refusing.
    Reconnect(MonitorRegister),
    /// The master's reply to [`AdminMessage::Reconnect`].
    Reconnected(Registered),
    /// Between a master and a server, an agent or another master, in both directions.
    Monitor(Envelope),
    /// Between a master and a tool, in both directions.
    Client(Envelope),
}

/// Why a PUBLISH is not an admin message.
#[derive(Debug, thiserror::Error)]
pub enum AdminDecodeError {
    /// Not one of the five topics.
    #[error("unknown admin topic {topic:?}")]
    UnknownTopic {
        /// As it came, cut short.
        topic: String,
    },
    /// The payload is not JSON, or the text in it is not.
    #[error("admin message on topic {topic:?} is not json: {source}")]
    NotJson {
        /// As it came.
        topic: String,
        /// Where it stops being JSON.
        source: serde_json::Error,
    },
    /// JSON, but not the document that belongs there.
    #[error("admin message on topic {topic:?}: expected {expected}, found {found}")]
    Shape {
        /// As it came.
        topic: String,
        /// Field or document.
        expected: &'static str,
        /// The JSON there, cut short.
        found: String,
    },
}

impl AdminMessage {
    /// Reads a PUBLISH. What the original encodes once and what it encodes twice is told apart by the payload itself.
    pub fn decode(topic: &str, payload: &[u8]) -> Result<Self, AdminDecodeError> {
        let not_json = |source| AdminDecodeError::NotJson { topic: topic.to_owned(), source };
        if ![REGISTER, RECONNECT, RECONNECT_OK, MONITOR, CLIENT].contains(&topic) {
            return Err(AdminDecodeError::UnknownTopic {
                topic: topic.chars().take(Shape::FOUND_MAX).collect(),
            });
        }
        let mut json: Value = serde_json::from_slice(payload).map_err(not_json)?;
        if let Value::String(inner) = &json {
            json = serde_json::from_str(inner).map_err(not_json)?;
        }
        match topic {
            REGISTER if json.get("code").is_some() => Registered::from_json(json).map(Self::Registered),
            REGISTER => Register::from_json(json).map(Self::Register),
            RECONNECT => MonitorRegister::from_json(json).map(Self::Reconnect),
            RECONNECT_OK => Registered::from_json(json).map(Self::Reconnected),
            MONITOR => Envelope::from_json(json).map(Self::Monitor),
            _ => Envelope::from_json(json).map(Self::Client),
        }
        .map_err(|shape| AdminDecodeError::Shape {
            topic: topic.to_owned(),
            expected: shape.expected,
            found: shape.found,
        })
    }

    /// The whole packet, header included. Fails only for a message larger than MQTT can say (256 MiB).
    pub fn encode(&self) -> Result<Bytes, MqttError> {
        let (topic, json) = match self {
            Self::Register(register) => (REGISTER, register.to_json()),
            Self::Reconnect(register) => (RECONNECT, register.to_reconnect_json()),
            Self::Registered(reply) => (REGISTER, reply.to_json()),
            Self::Reconnected(reply) => (RECONNECT_OK, reply.to_json()),
            Self::Monitor(envelope) => (MONITOR, envelope.to_json()),
            Self::Client(envelope) => (CLIENT, envelope.to_json()),
        };
        let payload = match self {
            Self::Monitor(envelope) | Self::Client(envelope) if envelope.is_encoded_twice() => {
                Value::String(json.to_string()).to_string()
            }
            _ => json.to_string(),
        };
        let mut out = BytesMut::new();
        Packet::Publish { topic: topic.to_owned(), payload: payload.into() }.encode(&mut out)?;
        Ok(out.freeze())
    }
}

/// What a document lacks.
#[derive(Debug)]
struct Shape {
    expected: &'static str,
    found: String,
}

impl Shape {
    /// Longest piece of a peer's JSON that goes into an error, in characters.
    const FOUND_MAX: usize = 80;

    fn new(expected: &'static str, found: &Value) -> Self {
        Self { expected, found: found.to_string().chars().take(Self::FOUND_MAX).collect() }
    }
}
