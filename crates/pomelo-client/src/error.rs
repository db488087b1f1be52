//! How a client can fail, and why a connection ended.

use std::{io, time::Duration};

use bytes::Bytes;
use pomelo_protocol::{message::MessageError, protobuf::CodecError};

use crate::TlsError;

/// A connection that could not be made, or a message that could not be sent or was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("address {address:?}: {expected}")]
    Address {
        /// As given.
        address: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Nobody could be reached there.
    #[error("could not connect to {address}: {source}")]
    Connect {
        /// Host and port.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Whoever is there does not speak TLS, or is not who the certificate is for, or is nobody to be trusted.
    #[error("no TLS with {address}: {source}")]
    Tls {
        /// Host and port.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It can't be known whom to trust.
    #[error(transparent)]
    Trust(#[from] TlsError),
    /// Whoever is there does not speak WebSocket.
    #[error("{address} refused the websocket: {reason}")]
    Upgrade {
        /// Host and port.
        address: String,
        /// What it did instead.
        reason: String,
    },
    /// Whoever is there does not speak Pomelo.
    #[error("handshake with {address} failed: {reason}")]
    Handshake {
        /// Host and port.
        address: String,
        /// What it said instead.
        reason: String,
    },
    /// The server does not want this client: 500 refused, 501 client too old.
    #[error("{address} refused the handshake with code {code}")]
    Refused {
        /// Host and port.
        address: String,
        /// Code of the reply.
        code: u16,
    },
    /// Dialling and handshake took too long.
    #[error("no connection to {address} within {after:?}")]
    ConnectTimeout {
        /// Host and port.
        address: String,
        /// The limit.
        after: Duration,
    },
    /// A request was not answered in time. It may have been executed.
    #[error("no answer to {route} within {after:?}")]
    Timeout {
        /// What was asked.
        route: String,
        /// The limit.
        after: Duration,
    },
    /// Too many requests wait already; this one was not sent.
    #[error("{pending} requests wait for an answer already")]
    Busy {
        /// The limit.
        pending: usize,
    },
    /// The connection is gone; a request may have been executed.
    #[error("connection closed: {0}")]
    Closed(CloseReason),
    /// The server answered with a failure: a code that is not 200, see [`Client::request`](crate::Client::request).
    #[error("{route} failed with code {code}{}", .message.as_ref().map(|m| format!(": {m}")).unwrap_or_default())]
    Failed {
        /// What was asked.
        route: String,
        /// `code` of the answer.
        code: i64,
        /// `message` or `msg` of the answer.
        message: Option<String>,
        /// The whole answer, JSON.
        answer: Bytes,
    },
    /// The body can't be written as JSON.
    #[error("body for {route}: {source}")]
    Encode {
        /// Where it was to go.
        route: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The answer is not what was expected.
    #[error("answer of {route}: {source}")]
    Decode {
        /// What was asked.
        route: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The message does not fit the protocol.
    #[error("message to {route}: {source}")]
    Message {
        /// Where it was to go.
        route: String,
        /// Why.
        source: MessageError,
    },
    /// A body does not fit the server's definition of protobuf messages, or an answer does not.
    #[error(transparent)]
    Unfit(CodecError),
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// This side closed it.
    #[error("closed by this client")]
    Local,
    /// The server told the client to go.
    #[error("kicked: {0}")]
    Kicked(String),
    /// The server goes down, and asks the client to connect again at once, through the gate.
    #[error("server asks to connect again: {0}")]
    ComeBack(String),
    /// The server closed it without a word.
    #[error("closed by the server")]
    Server,
    /// Nothing was heard for twice the heartbeat's interval.
    #[error("nothing heard from the server for {0:?}")]
    Silent(Duration),
    /// The connection broke.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The server said something that is not Pomelo.
    #[error("server broke the protocol: {0}")]
    Protocol(String),
}
