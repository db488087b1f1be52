//! What a client can do wrong on the wire, and what a connector can fail at.

use std::{io, net::SocketAddr};

use pomelo_protocol::{
    message::MessageError, package::PackageError, proxy::ProxyError, websocket::FrameError,
};

/// Something a client sent that is not allowed; its connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The first byte belongs to no protocol spoken here.
    #[error("first byte {first:#04x} begins neither a handshake package nor an HTTP request")]
    Garbage {
        /// That byte.
        first: u8,
    },
    /// What a proxy should say before all else.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// In the clear, where TLS is expected.
    #[error("no TLS: first byte {first:#04x}, and this connector takes encrypted connections only")]
    NotEncrypted {
        /// That byte.
        first: u8,
    },
    /// TLS, where it is not expected.
    #[error("TLS, and this connector has no certificate")]
    Encrypted,
    /// Not TLS as it should be, or none that both sides know.
    #[error("TLS: {0}")]
    Tls(String),
    /// A message of the TLS handshake that is longer than any can be.
    #[error("TLS: {bytes} bytes of a message that has not ended yet")]
    TlsTooLong {
        /// How much of it is there.
        bytes: usize,
    },
    /// Not WebSocket as RFC 6455 has it, or over a limit.
    #[error(transparent)]
    WebSocket(#[from] FrameError),
    /// A text message, where packages are binary.
    #[error("websocket text message: packages are binary")]
    Text,
    /// Not a package, or over the limit.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Not a message in a data package.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A package or message at the wrong time or from the wrong side.
    #[error("unexpected {got} {during}")]
    Unexpected {
        /// What came.
        got: &'static str,
        /// When.
        during: &'static str,
    },
}

impl Fault {
    /// The close code that tells a WebSocket client (RFC 6455 7.4.1).
    pub(super) fn close_code(&self) -> u16 {
        match self {
            Self::WebSocket(error) => error.close_code(),
            Self::Text => 1003,
            Self::Package(PackageError::TooLong { .. }) => 1009,
            Self::Garbage { .. }
            | Self::Proxy(_)
            | Self::NotEncrypted { .. }
            | Self::Encrypted
            | Self::Tls(_)
            | Self::TlsTooLong { .. }
            | Self::Package(_)
            | Self::Message(_)
            | Self::Unexpected { .. } => 1008,
        }
    }
}

/// A connector that cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectorError {
    /// The port is taken, or the address is not of this machine.
    #[error("cannot listen for clients on {addr}: {source}")]
    Bind {
        /// Where it was to listen.
        addr: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}
