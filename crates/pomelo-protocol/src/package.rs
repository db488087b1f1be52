//! Packages: the outer frame of everything between a client and a connector (pomelo-protocol 0.1.6, `Package`).
//!
//! One byte kind, three bytes body length (big-endian), body. Over TCP packages follow each other in the stream
//! ([`PackageDecoder`]); over WebSocket a binary message holds one or more whole packages ([`Package::all`]). What the
//! body of a data package means is in [`crate::message`], of a handshake in [`crate::handshake`].

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// Bytes in front of the body.
pub const HEAD_BYTES: usize = 4;
/// Longest body the three length bytes can say.
pub const BODY_BYTES_LIMIT: usize = 0xff_ffff;

/// What a package is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PackageKind {
    /// JSON, first the client's request, then the server's reply.
    Handshake = 1,
    /// The client has taken the reply; no body.
    HandshakeAck = 2,
    /// Either side is alive; no body.
    Heartbeat = 3,
    /// A [`crate::message::Message`].
    Data = 4,
    /// The server is about to close the connection; body [`Kick`].
    Kick = 5,
}

impl PackageKind {
    /// The kind of that number.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Handshake),
            2 => Some(Self::HandshakeAck),
            3 => Some(Self::Heartbeat),
            4 => Some(Self::Data),
            5 => Some(Self::Kick),
            _ => None,
        }
    }
}

/// One package, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// What it is for.
    pub kind: PackageKind,
    /// Its body; empty for an ack and a heartbeat.
    pub body: Bytes,
}

/// Bytes that aren't a package, or a body that doesn't fit one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The first byte names no kind.
    #[error("unknown package kind {0}: expected 1 to 5")]
    UnknownKind(u8),
    /// The length is over the limit of the reader, or over what three bytes can say.
    #[error("package body of {body_bytes} bytes (kind {kind:?}) is over the limit of {body_bytes_max}")]
    TooLong {
        /// Kind of the package.
        kind: PackageKind,
        /// Length its head announces, or that was to be written.
        body_bytes: usize,
        /// The limit.
        body_bytes_max: usize,
    },
    /// A WebSocket message ended inside a package.
    #[error("message ends inside a package: {0} bytes left over")]
    Truncated(usize),
}

impl Package {
    /// Takes one package off the front of `bytes`, without copying. `None` when it is not whole; `bytes` is then
    /// untouched.
    pub fn decode(bytes: &mut Bytes, body_bytes_max: usize) -> Result<Option<Self>, PackageError> {
        let Some((kind, body_bytes)) = head(bytes, body_bytes_max)? else { return Ok(None) };
        if bytes.len() < HEAD_BYTES + body_bytes {
            return Ok(None);
        }
        bytes.advance(HEAD_BYTES);
        Ok(Some(Self { kind, body: bytes.split_to(body_bytes) }))
    }

    /// All packages of one WebSocket message; the last item is an error if it does not end where a package ends.
    pub fn all(
        mut message: Bytes,
        body_bytes_max: usize,
    ) -> impl Iterator<Item = Result<Self, PackageError>> {
        std::iter::from_fn(move || {
            if message.is_empty() {
                return None;
            }
            let package = Self::decode(&mut message, body_bytes_max)
                .and_then(|package| package.ok_or(PackageError::Truncated(message.len())));
            if package.is_err() {
                message.clear();
            }
            Some(package)
        })
    }
}

/// Appends a package to `out`. Fails, with `out` untouched, if the body is over [`BODY_BYTES_LIMIT`].
pub fn encode_package(kind: PackageKind, body: &[u8], out: &mut BytesMut) -> Result<(), PackageError> {
    out.reserve(HEAD_BYTES + body.len());
    encode_head(kind, body.len(), out)?;
    out.put_slice(body);
    Ok(())
}

/// Appends only the head of a package, for who writes the body behind it himself.
pub fn encode_head(kind: PackageKind, body_bytes: usize, out: &mut BytesMut) -> Result<(), PackageError> {
    if body_bytes > BODY_BYTES_LIMIT {
        return Err(PackageError::TooLong { kind, body_bytes, body_bytes_max: BODY_BYTES_LIMIT });
    }
    out.put_u8(kind as u8);
    out.put_uint(body_bytes as u64, 3);
    Ok(())
}

/// Cuts a TCP stream into packages, however it was chopped.
///
/// Holds bytes only while a package is partial: with none, an idle connection costs no buffer. What it holds is bounded
/// by the package limit and what was fed since [`Self::next`] last returned `None`.
#[derive(Debug)]
pub struct PackageDecoder {
    body_bytes_max: usize,
    rest: BytesMut,
    /// `rest` is the end of a buffer with packages that were given out since it was fed.
    shared: bool,
    failed: Option<PackageError>,
}

impl PackageDecoder {
    /// A decoder that refuses bodies over `body_bytes_max` as soon as their head says so.
    pub fn new(body_bytes_max: usize) -> Self {
        Self { body_bytes_max, rest: BytesMut::new(), shared: false, failed: None }
    }

    /// Takes bytes as they were read; call [`Self::next`] until it gives `None` before reading on.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.rest.extend_from_slice(bytes);
        }
    }

    /// The next whole package; `None` when more bytes are needed. After an error the stream has no frame any more, so
    /// every later call repeats it.
    #[expect(clippy::should_implement_trait, reason = "an iterator would be done at its first None")]
    pub fn next(&mut self) -> Result<Option<Package>, PackageError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let found = head(&self.rest, self.body_bytes_max);
        if let Err(error) = &found {
            self.failed = Some(error.clone());
            self.rest = BytesMut::new();
        }
        let Some((kind, body_bytes)) = found? else {
            self.keep_rest_only();
            return Ok(None);
        };
        let package_bytes = HEAD_BYTES + body_bytes;
        // Most reads bring one package. It is given away with its buffer; to share one takes an allocation.
        let mut package = match self.rest.len() {
            rest if rest < package_bytes => {
                self.keep_rest_only();
                return Ok(None);
            }
            rest if rest == package_bytes => std::mem::take(&mut self.rest),
            _ => {
                self.shared = true;
                self.rest.split_to(package_bytes)
            }
        };
        package.advance(HEAD_BYTES);
        Ok(Some(Package { kind, body: package.freeze() }))
    }

    /// The beginning of a package may wait long, and must not keep all that was read along with it.
    fn keep_rest_only(&mut self) {
        if std::mem::take(&mut self.shared) {
            self.rest = BytesMut::from(&self.rest[..]);
        }
    }

    /// Bytes that wait for the rest of their package.
    pub fn buffered_bytes(&self) -> usize {
        self.rest.len()
    }
}

/// Body of a kick package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kick {
    /// Why, in the words of who kicked: `{"reason":"bye"}`.
    #[serde(default)]
    pub reason: String,
    /// Whether the client should connect again at once, through the gate: the server goes down, and has nothing against it.
    /// Not of the original, whose clients see a kick as any other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reconnect: bool,
}

impl Kick {
    /// The body as bytes.
    pub fn to_body(&self) -> Vec<u8> {
        let mut body = serde_json::json!({ "reason": self.reason });
        if self.reconnect {
            body["reconnect"] = true.into();
        }
        body.to_string().into_bytes()
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Kind and body length, checked as early as the bytes allow: a wrong kind needs one byte, a length four.
fn head(bytes: &[u8], body_bytes_max: usize) -> Result<Option<(PackageKind, usize)>, PackageError> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let kind = PackageKind::from_byte(first).ok_or(PackageError::UnknownKind(first))?;
    let &[_, a, b, c, ..] = bytes else { return Ok(None) };
    let body_bytes = u32::from_be_bytes([0, a, b, c]) as usize;
    if body_bytes > body_bytes_max {
        return Err(PackageError::TooLong { kind, body_bytes, body_bytes_max });
    }
    Ok(Some((kind, body_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(kind: PackageKind, body: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        encode_package(kind, body, &mut out).unwrap();
        out
    }

    #[test]
    fn a_kick_is_written_as_the_original_writes_it() {
        let body = Kick { reason: "bye".into(), reconnect: false }.to_body();
        assert_eq!(&packed(PackageKind::Kick, &body)[..], b"\x05\0\0\x10{\"reason\":\"bye\"}");
    }

    #[test]
    fn a_package_fed_byte_by_byte_comes_out_once_and_leaves_no_buffer() {
        let bytes = packed(PackageKind::Data, b"body");
        let mut decoder = PackageDecoder::new(16);
        for byte in &bytes[..bytes.len() - 1] {
            decoder.feed(&[*byte]);
            assert_eq!(decoder.next(), Ok(None));
        }
        decoder.feed(&bytes[bytes.len() - 1..]);
        assert_eq!(decoder.next().unwrap().unwrap().body, "body");
        assert_eq!(decoder.next(), Ok(None));
        assert_eq!((decoder.buffered_bytes(), decoder.rest.capacity()), (0, 0));
    }

    #[test]
    fn the_beginning_of_a_package_keeps_nothing_of_those_before_it() {
        let mut decoder = PackageDecoder::new(1 << 20);
        decoder.feed(&[&packed(PackageKind::Data, &[0; 50_000])[..], &[4, 0]].concat());
        let before = decoder.next().unwrap().unwrap();
        assert_eq!((decoder.next(), decoder.buffered_bytes()), (Ok(None), 2));
        assert!(before.body.is_unique(), "the beginning holds the buffer");
        decoder.feed(&[0, 1, b'x']);
        assert_eq!(decoder.next().unwrap().unwrap().body, "x");
    }

    #[test]
    fn an_unknown_kind_is_refused_at_its_first_byte_and_for_good() {
        let mut decoder = PackageDecoder::new(16);
        decoder.feed(&[9]);
        assert_eq!(decoder.next(), Err(PackageError::UnknownKind(9)));
        decoder.feed(&packed(PackageKind::Data, b"body"));
        assert_eq!(decoder.next(), Err(PackageError::UnknownKind(9)));
        assert_eq!(decoder.buffered_bytes(), 0);
    }

    #[test]
    fn a_body_over_the_limit_is_refused_before_it_arrives() {
        let mut decoder = PackageDecoder::new(16);
        decoder.feed(&[4, 0, 0, 17]);
        let error = decoder.next().unwrap_err();
        assert_eq!(error.to_string(), "package body of 17 bytes (kind Data) is over the limit of 16");
    }

    #[test]
    fn a_body_that_three_bytes_cannot_count_is_not_written() {
        let mut out = BytesMut::new();
        assert!(encode_package(PackageKind::Data, &vec![0; BODY_BYTES_LIMIT + 1], &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn a_websocket_message_may_hold_several_packages_but_no_part_of_one() {
        let mut bytes = packed(PackageKind::HandshakeAck, b"");
        bytes.extend_from_slice(&packed(PackageKind::Data, b"x"));
        let all: Vec<_> = Package::all(bytes.clone().freeze(), 16).collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 2);
        bytes.extend_from_slice(&[4, 0]);
        assert_eq!(Package::all(bytes.freeze(), 16).last(), Some(Err(PackageError::Truncated(2))));
    }
}
