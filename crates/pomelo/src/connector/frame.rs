//! Packages ready to be sent, for either transport: [`Frame`].
//!
//! What the bytes mean is in `pomelo-protocol`; how they get to the socket is in [`super::out`].

use bytes::{Buf as _, Bytes, BytesMut};
use pomelo_protocol::{
    dictionary::Dictionary,
    message::{Message, MessageError, RouteRef},
    package::{self, HEAD_BYTES, Kick, PackageError, PackageKind},
    websocket::{self, Opcode},
};

use super::client::Transport;

/// One package as it goes over the wire, built once for any number of clients of both transports: a WebSocket header
/// in front of it, which raw TCP leaves out. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    bytes: Bytes,
    header_bytes: usize,
}

/// Why clients are kicked that a connector sends elsewhere. People may see it in clients that know of kicks only.
const GOING_DOWN: &str = "server is going down";

impl Frame {
    /// A push to clients. With the dictionary the clients were sent, the route is its code if it has one.
    ///
    /// Fails if the route is longer than 255 bytes or the body does not fit a package (16 MiB).
    pub(crate) fn push(
        route: &str,
        dictionary: Option<&Dictionary>,
        body: Bytes,
    ) -> Result<Self, MessageError> {
        let route = dictionary
            .map_or_else(|| RouteRef::Name(route.to_owned()), |dictionary| dictionary.shorten(route));
        Self::message(&Message::Push { route, body })
    }

    /// The answer to the request with that id; `error` says so where the body can't. Fails if the body does not fit a
    /// package (16 MiB).
    pub(crate) fn response(id: u32, body: Bytes, error: bool) -> Result<Self, MessageError> {
        Self::message(&Message::Response { id, body, error })
    }

    pub(super) fn kick(reason: &str) -> Self {
        Self::kicked(&Kick { reason: reason.to_owned(), reconnect: false })
    }

    /// The kick of a client that is to connect again, elsewhere.
    pub(super) fn come_back() -> Self {
        Self::kicked(&Kick { reason: GOING_DOWN.to_owned(), reconnect: true })
    }

    fn kicked(kick: &Kick) -> Self {
        // A reason that does not fit 16 MiB is left out rather than the kick.
        Self::package(PackageKind::Kick, &kick.to_body())
            .or_else(|_| Self::package(PackageKind::Kick, b"{}"))
            .unwrap_or_else(|_| Self { bytes: Bytes::new(), header_bytes: 0 })
    }

    pub(super) fn package(kind: PackageKind, body: &[u8]) -> Result<Self, PackageError> {
        let mut bytes = Self::begin(HEAD_BYTES + body.len());
        let header_bytes = bytes.len();
        package::encode_package(kind, body, &mut bytes)?;
        Ok(Self { bytes: bytes.freeze(), header_bytes })
    }

    fn message(message: &Message) -> Result<Self, MessageError> {
        let mut bytes = Self::begin(HEAD_BYTES + message.encoded_bytes());
        let header_bytes = bytes.len();
        message.encode_package(&mut bytes)?;
        Ok(Self { bytes: bytes.freeze(), header_bytes })
    }

    /// A buffer of exactly the right size, which holds the WebSocket header for a package of that size. With a byte more it
    /// would take another allocation to count who shares it.
    fn begin(package_bytes: usize) -> BytesMut {
        let mut bytes = BytesMut::with_capacity(websocket::frame_header_bytes(package_bytes) + package_bytes);
        websocket::encode_frame_header(Opcode::Binary, package_bytes, &mut bytes);
        bytes
    }

    pub(super) fn bytes(&self, transport: Transport) -> Bytes {
        self.clone().into_bytes(transport)
    }

    /// The same for one client alone, shared with nobody.
    pub(super) fn into_bytes(self, transport: Transport) -> Bytes {
        let Self { mut bytes, header_bytes } = self;
        if transport == Transport::Tcp {
            bytes.advance(header_bytes);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_serves_both_transports() {
        let dictionary = Dictionary::new(["a.b.c"], ["onChat"]).unwrap();
        let frame = Frame::push("onChat", Some(&dictionary), Bytes::from_static(b"{}")).unwrap();
        assert_eq!(&frame.bytes(Transport::Tcp)[..], b"\x04\0\0\x05\x07\0\x02{}");
        assert_eq!(&frame.bytes(Transport::WebSocket)[..], b"\x82\x09\x04\0\0\x05\x07\0\x02{}");
    }

    #[test]
    fn a_route_outside_the_dictionary_is_written_out() {
        let frame = Frame::push("onX", None, Bytes::from_static(b"1")).unwrap();
        assert_eq!(&frame.bytes(Transport::Tcp)[..], b"\x04\0\0\x06\x06\x03onX1");
    }

    #[test]
    fn a_kick_is_written_as_recorded() {
        let kick = Frame::kick("bye").bytes(Transport::WebSocket);
        assert_eq!(&kick[..], b"\x82\x14\x05\0\0\x10{\"reason\":\"bye\"}");
    }

    #[test]
    fn a_response_is_written_as_recorded() {
        let frame = Frame::response(300, Bytes::from_static(b"{}"), false).unwrap();
        assert_eq!(&frame.bytes(Transport::Tcp)[..], b"\x04\0\0\x05\x04\xac\x02{}");
    }
}
