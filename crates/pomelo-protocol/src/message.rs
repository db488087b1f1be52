//! Messages: what a data package holds (pomelo-protocol 0.1.6, `Message`).
//!
//! ```text
//! flags   bit 0 route is a code, bits 1-3 kind, bit 4 body is gzip, bit 5 response is a system error
//! id      requests and responses only: varint, low seven bits first
//! route   requests, notifies and pushes: two bytes code (big-endian), or one byte length and text
//! body    the rest
//! ```
//!
//! Bodies are opaque here: JSON or Pomelo protobuf, as the handshake agreed. A gzip body is refused: no client of the
//! hybrid connector sends one unless its server was told to.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    package::{self, PackageError, PackageKind},
    route::ROUTE_BYTES_MAX,
};

const CODE_BIT: u8 = 0x01;
const KIND_MASK: u8 = 0x0e;
const GZIP_BIT: u8 = 0x10;
const ERROR_BIT: u8 = 0x20;

/// A message between client and server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Client to server, answered by a response with the same id.
    Request {
        /// Chosen by the client, unique among its open requests.
        id: u32,
        /// Which handler is asked.
        route: RouteRef,
        /// What is said.
        body: Bytes,
    },
    /// Client to server, not answered.
    Notify {
        /// Which handler is told.
        route: RouteRef,
        /// What is said.
        body: Bytes,
    },
    /// Server to client: the answer to a request.
    Response {
        /// Id of the request.
        id: u32,
        /// The answer.
        body: Bytes,
        /// Whether the framework and not the handler answers. The original never sets this bit, servers after it do.
        error: bool,
    },
    /// Server to client, unasked.
    Push {
        /// Name of the event.
        route: RouteRef,
        /// What is said.
        body: Bytes,
    },
}

/// A route as a message carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RouteRef {
    /// As text, at most [`ROUTE_BYTES_MAX`] bytes.
    Name(String),
    /// As its code in the [`crate::dictionary::Dictionary`] both sides agreed on.
    Code(u16),
}

/// Bytes that are no message, or a message that can't be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The bytes end where more must follow.
    #[error("message of {message_bytes} bytes ends inside its {part}")]
    Truncated {
        /// Which part is not whole: `flags`, `id`, `route code`, `route length`, `route`.
        part: &'static str,
        /// Length of the message.
        message_bytes: usize,
    },
    /// Bits 1-3 name no kind.
    #[error("unknown message kind {0}: expected 0 to 3")]
    UnknownKind(u8),
    /// Flags nobody has given a meaning for this kind of message.
    #[error("message flags {0:#04x} have bits without a meaning")]
    UnknownFlags(u8),
    /// The body is gzip.
    #[error("message body is compressed with gzip, which this server did not offer")]
    Compressed,
    /// The id does not fit 32 bits.
    #[error("message id is over 32 bits")]
    IdTooLarge,
    /// A route in text is not UTF-8.
    #[error("route is not valid utf-8")]
    RouteNotUtf8,
    /// A route in text does not fit its length byte.
    #[error("route of {0} bytes is over the limit of 255")]
    RouteTooLong(usize),
    /// The message does not fit a package.
    #[error(transparent)]
    Package(#[from] PackageError),
}

impl Message {
    /// Reads a message; its body is a slice of `bytes`, not a copy.
    pub fn decode(mut bytes: Bytes) -> Result<Self, MessageError> {
        let message_bytes = bytes.len();
        let truncated = |part| MessageError::Truncated { part, message_bytes };
        let flags = bytes.try_get_u8().map_err(|_| truncated("flags"))?;
        if flags & GZIP_BIT != 0 {
            return Err(MessageError::Compressed);
        }
        let allowed = match (flags & KIND_MASK) >> 1 {
            0 | 1 | 3 => CODE_BIT | KIND_MASK,
            2 => KIND_MASK | ERROR_BIT,
            kind => return Err(MessageError::UnknownKind(kind)),
        };
        if flags & !allowed != 0 {
            return Err(MessageError::UnknownFlags(flags));
        }
        let by_code = flags & CODE_BIT != 0;
        Ok(match (flags & KIND_MASK) >> 1 {
            0 => {
                let id = take_id(&mut bytes, truncated)?;
                let route = take_route(&mut bytes, by_code, truncated)?;
                Self::Request { id, route, body: bytes }
            }
            1 => Self::Notify { route: take_route(&mut bytes, by_code, truncated)?, body: bytes },
            2 => {
                let id = take_id(&mut bytes, truncated)?;
                Self::Response { id, body: bytes, error: flags & ERROR_BIT != 0 }
            }
            _ => Self::Push { route: take_route(&mut bytes, by_code, truncated)?, body: bytes },
        })
    }

    /// Appends the message to `out`. Fails, with `out` untouched, only on a route that is too long.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), MessageError> {
        self.check_route()?;
        out.reserve(self.encoded_bytes());
        self.put(out);
        Ok(())
    }

    /// Appends the message as a data package to `out`, in one piece. Fails, with `out` untouched, on a route or a body
    /// that is too long.
    pub fn encode_package(&self, out: &mut BytesMut) -> Result<(), MessageError> {
        self.check_route()?;
        let message_bytes = self.encoded_bytes();
        out.reserve(package::HEAD_BYTES + message_bytes);
        package::encode_head(PackageKind::Data, message_bytes, out)?;
        self.put(out);
        Ok(())
    }

    /// Length of the message as [`Self::encode`] writes it, in bytes.
    pub fn encoded_bytes(&self) -> usize {
        let head = match self {
            Self::Request { id, route, .. } => id_bytes(*id) + route.encoded_bytes(),
            Self::Notify { route, .. } | Self::Push { route, .. } => route.encoded_bytes(),
            Self::Response { id, .. } => id_bytes(*id),
        };
        1 + head + self.body().len()
    }

    /// What is said.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request { body, .. }
            | Self::Notify { body, .. }
            | Self::Response { body, .. }
            | Self::Push { body, .. } => body,
        }
    }

    fn route(&self) -> Option<&RouteRef> {
        match self {
            Self::Request { route, .. } | Self::Notify { route, .. } | Self::Push { route, .. } => {
                Some(route)
            }
            Self::Response { .. } => None,
        }
    }

    fn check_route(&self) -> Result<(), MessageError> {
        match self.route() {
            Some(RouteRef::Name(name)) if name.len() > ROUTE_BYTES_MAX => {
                Err(MessageError::RouteTooLong(name.len()))
            }
            _ => Ok(()),
        }
    }

    fn put(&self, out: &mut BytesMut) {
        let code_bit = if matches!(self.route(), Some(RouteRef::Code(_))) { CODE_BIT } else { 0 };
        match self {
            Self::Request { id, route, .. } => {
                out.put_u8(code_bit);
                put_id(*id, out);
                put_route(route, out);
            }
            Self::Notify { route, .. } => {
                out.put_u8(1 << 1 | code_bit);
                put_route(route, out);
            }
            Self::Response { id, error, .. } => {
                out.put_u8(2 << 1 | if *error { ERROR_BIT } else { 0 });
                put_id(*id, out);
            }
            Self::Push { route, .. } => {
                out.put_u8(3 << 1 | code_bit);
                put_route(route, out);
            }
        }
        out.put_slice(self.body());
    }
}

impl RouteRef {
    fn encoded_bytes(&self) -> usize {
        match self {
            Self::Name(name) => 1 + name.len(),
            Self::Code(_) => 2,
        }
    }
}

fn take_id(bytes: &mut Bytes, truncated: impl Fn(&'static str) -> MessageError) -> Result<u32, MessageError> {
    let mut id = 0_u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = bytes.try_get_u8().map_err(|_| truncated("id"))?;
        let low = u32::from(byte & 0x7f);
        if shift == 28 && low > 0x0f {
            return Err(MessageError::IdTooLarge);
        }
        id |= low << shift;
        if byte & 0x80 == 0 {
            return Ok(id);
        }
    }
    Err(MessageError::IdTooLarge)
}

fn take_route(
    bytes: &mut Bytes,
    by_code: bool,
    truncated: impl Fn(&'static str) -> MessageError,
) -> Result<RouteRef, MessageError> {
    if by_code {
        return bytes.try_get_u16().map(RouteRef::Code).map_err(|_| truncated("route code"));
    }
    let route_bytes = usize::from(bytes.try_get_u8().map_err(|_| truncated("route length"))?);
    if bytes.len() < route_bytes {
        return Err(truncated("route"));
    }
    let name = bytes.split_to(route_bytes);
    let name = std::str::from_utf8(&name).map_err(|_| MessageError::RouteNotUtf8)?;
    Ok(RouteRef::Name(name.to_owned()))
}

fn put_id(mut id: u32, out: &mut BytesMut) {
    while id >= 0x80 {
        out.put_u8((id & 0x7f) as u8 | 0x80);
        id >>= 7;
    }
    out.put_u8(id as u8);
}

fn put_route(route: &RouteRef, out: &mut BytesMut) {
    match route {
        RouteRef::Code(code) => out.put_u16(*code),
        RouteRef::Name(name) => {
            out.put_u8(name.len() as u8);
            out.put_slice(name.as_bytes());
        }
    }
}

fn id_bytes(id: u32) -> usize {
    (32 - id.leading_zeros()).div_ceil(7).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &'static [u8]) -> Result<Message, MessageError> {
        Message::decode(Bytes::from_static(bytes))
    }

    #[test]
    fn a_request_by_code_reads_as_recorded() {
        let message = decode(b"\x01\xac\x02\x00\x09{}").unwrap();
        let body = Bytes::from_static(b"{}");
        assert_eq!(message, Message::Request { id: 300, route: RouteRef::Code(9), body });
    }

    #[test]
    fn every_cut_of_a_message_head_says_what_is_missing() {
        let cut = |bytes: &'static [u8]| match decode(bytes) {
            Err(MessageError::Truncated { part, .. }) => part,
            other => panic!("{other:?}"),
        };
        assert_eq!(cut(b""), "flags");
        assert_eq!(cut(b"\x00"), "id");
        assert_eq!(cut(b"\x00\x80"), "id");
        assert_eq!(cut(b"\x01\x01\x00"), "route code");
        assert_eq!(cut(b"\x02"), "route length");
        assert_eq!(cut(b"\x02\x05abc"), "route");
    }

    #[test]
    fn flags_without_a_meaning_are_refused_by_name() {
        assert_eq!(decode(b"\x10\x01\x00"), Err(MessageError::Compressed));
        assert_eq!(decode(b"\x08"), Err(MessageError::UnknownKind(4)));
        assert_eq!(decode(b"\x40\x01\x00"), Err(MessageError::UnknownFlags(0x40)));
        assert_eq!(
            decode(b"\x20\x01\x00"),
            Err(MessageError::UnknownFlags(0x20)),
            "only responses are errors"
        );
        assert_eq!(decode(b"\x05\x01"), Err(MessageError::UnknownFlags(5)), "responses have no route");
        assert!(matches!(decode(b"\x24\x01{}"), Ok(Message::Response { id: 1, error: true, .. })));
    }

    #[test]
    fn ids_are_32_bits_and_not_more() {
        assert!(matches!(decode(b"\x04\xff\xff\xff\xff\x0f"), Ok(Message::Response { id: u32::MAX, .. })));
        assert_eq!(decode(b"\x04\xff\xff\xff\xff\x1f"), Err(MessageError::IdTooLarge));
        assert_eq!(decode(b"\x04\xff\xff\xff\xff\x8f\x00"), Err(MessageError::IdTooLarge));
    }

    #[test]
    fn a_route_that_does_not_fit_is_not_written() {
        let route = RouteRef::Name("x".repeat(256));
        let mut out = BytesMut::new();
        let message = Message::Push { route, body: Bytes::new() };
        assert_eq!(message.encode_package(&mut out), Err(MessageError::RouteTooLong(256)));
        assert!(out.is_empty());
    }
}
