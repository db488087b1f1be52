//! What a client says, as far as it may say it: bytes in, [`Event`]s out.
//!
//! Without I/O and without a clock. Knows which protocol the connection speaks, once its first byte is there, and how far
//! the handshake is. What to answer is up to [`super::connection`].

use bytes::{Bytes, BytesMut};
use pomelo_protocol::{
    message::Message,
    package::{HEAD_BYTES, Package, PackageDecoder, PackageError, PackageKind},
    websocket::{self, FrameDecoder, upgrade::HttpRequest},
};

use super::{client::Transport, fault::Fault};

/// The receiving side of one connection.
pub(super) struct Peer {
    wire: Wire,
    phase: Phase,
    message_bytes_max: usize,
}

/// What the connection speaks.
enum Wire {
    /// Not known before the first byte; these have come.
    Unknown(BytesMut),
    /// The head of an HTTP request, not whole yet.
    Http(BytesMut),
    /// Upgraded; with the packages of the last binary message that have not been looked at yet.
    WebSocket { frames: FrameDecoder, packages: Bytes },
    /// Packages in the stream.
    Tcp(PackageDecoder),
    /// Nothing more is expected: a plain HTTP request, or a close frame.
    Done,
}

/// How far the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    Ack,
    Working,
}

/// Something a client said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The protocol is known. A WebSocket waits for these bytes before it says anything.
    Speaks(Transport, Bytes),
    /// A plain HTTP request: answer with that page, or with a status and words.
    Http(Result<String, (u16, &'static str)>),
    /// The body of a handshake package.
    Handshake(Bytes),
    /// The handshake is done.
    Acked,
    /// Answer with one.
    Heartbeat,
    /// A message in a data package, of a kind that clients send.
    Message(Message),
    /// Answer with a pong of this payload.
    Ping(Bytes),
    /// A WebSocket's goodbye. Answer with the same code; nothing else will come.
    Close(Option<u16>),
}

impl Peer {
    /// A connection of which nothing is known. No package may have a body over `message_bytes_max`.
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self { wire: Wire::Unknown(BytesMut::new()), phase: Phase::Handshake, message_bytes_max }
    }

    /// Takes bytes as they were read. Call [`next`](Self::next) until it gives `None` before reading more: what is held
    /// here is bounded by that.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        match &mut self.wire {
            Wire::Unknown(first) => first.extend_from_slice(bytes),
            Wire::Http(head) => head.extend_from_slice(bytes),
            Wire::WebSocket { frames, .. } => frames.feed(bytes),
            Wire::Tcp(packages) => packages.feed(bytes),
            Wire::Done => {}
        }
    }

    /// The next thing the client said; `None` when more bytes are needed. After a fault nothing more is to be asked.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            let package = match &mut self.wire {
                Wire::Done => return Ok(None),
                Wire::Unknown(bytes) => match bytes.first() {
                    None => return Ok(None),
                    Some(&first) if first == PackageKind::Handshake as u8 => {
                        let mut packages = PackageDecoder::new(self.message_bytes_max);
                        packages.feed(bytes);
                        self.wire = Wire::Tcp(packages);
                        return Ok(Some(Event::Speaks(Transport::Tcp, Bytes::new())));
                    }
                    // Every HTTP method begins so.
                    Some(first) if first.is_ascii_uppercase() => {
                        self.wire = Wire::Http(std::mem::take(bytes));
                        continue;
                    }
                    Some(&first) => return Err(Fault::Garbage { first }),
                },
                Wire::Http(head) => {
                    let Some((request, head_bytes)) = HttpRequest::parse(head) else { return Ok(None) };
                    let rest = head.split_off(head_bytes);
                    return Ok(Some(self.request(request, &rest)));
                }
                Wire::WebSocket { frames, packages } if packages.is_empty() => match frames.next()? {
                    None => return Ok(None),
                    Some(websocket::Event::Binary(message)) => {
                        *packages = message;
                        continue;
                    }
                    Some(websocket::Event::Pong(_)) => continue,
                    Some(websocket::Event::Ping(payload)) => return Ok(Some(Event::Ping(payload))),
                    Some(websocket::Event::Text(_)) => return Err(Fault::Text),
                    Some(websocket::Event::Close { code, .. }) => {
                        self.wire = Wire::Done;
                        return Ok(Some(Event::Close(code)));
                    }
                },
                // A message holds whole packages only.
                Wire::WebSocket { packages, .. } => Package::decode(packages, self.message_bytes_max)?
                    .ok_or(PackageError::Truncated(packages.len()))?,
                Wire::Tcp(packages) => match packages.next()? {
                    None => return Ok(None),
                    Some(package) => package,
                },
            };
            if let Some(event) = self.package(package)? {
                return Ok(Some(event));
            }
        }
    }

    /// Whether bytes are held; those of a package or frame that is not whole, when there is no [`next`](Self::next).
    pub(super) fn holds_bytes(&self) -> bool {
        match &self.wire {
            Wire::WebSocket { frames, packages } => !packages.is_empty() || frames.buffered_bytes() > 0,
            Wire::Tcp(packages) => packages.buffered_bytes() > 0,
            Wire::Unknown(_) | Wire::Http(_) | Wire::Done => false,
        }
    }

    fn request(&mut self, request: HttpRequest, rest: &[u8]) -> Event {
        self.wire = Wire::Done;
        match request {
            HttpRequest::Upgrade(upgrade) => {
                let mut accept = BytesMut::new();
                upgrade.accept(&mut accept);
                let mut frames = FrameDecoder::of_client(HEAD_BYTES + self.message_bytes_max);
                frames.feed(rest);
                self.wire = Wire::WebSocket { frames, packages: Bytes::new() };
                Event::Speaks(Transport::WebSocket, accept.freeze())
            }
            HttpRequest::Get { path } => Event::Http(Ok(path)),
            HttpRequest::Bad { status, reason } => Event::Http(Err((status, reason))),
        }
    }

    /// What a package means in this phase; nothing for a heartbeat that comes before it is due.
    fn package(&mut self, package: Package) -> Result<Option<Event>, Fault> {
        let event = match (self.phase, package.kind) {
            (Phase::Handshake, PackageKind::Handshake) => {
                self.phase = Phase::Ack;
                Event::Handshake(package.body)
            }
            (Phase::Ack, PackageKind::HandshakeAck) => {
                self.phase = Phase::Working;
                Event::Acked
            }
            (Phase::Ack, PackageKind::Heartbeat) => return Ok(None),
            (Phase::Working, PackageKind::Heartbeat) => Event::Heartbeat,
            (Phase::Working, PackageKind::Data) => match Message::decode(package.body)? {
                message @ (Message::Request { .. } | Message::Notify { .. }) => Event::Message(message),
                Message::Response { .. } => return Err(self.unexpected("response")),
                Message::Push { .. } => return Err(self.unexpected("push")),
            },
            (_, PackageKind::Handshake) => return Err(self.unexpected("handshake")),
            (_, PackageKind::HandshakeAck) => return Err(self.unexpected("handshake ack")),
            (_, PackageKind::Heartbeat) => return Err(self.unexpected("heartbeat")),
            (_, PackageKind::Data) => return Err(self.unexpected("message")),
            (_, PackageKind::Kick) => return Err(self.unexpected("kick")),
        };
        Ok(Some(event))
    }

    fn unexpected(&self, got: &'static str) -> Fault {
        let during = match self.phase {
            Phase::Handshake => "before the handshake",
            Phase::Ack => "before the handshake is acknowledged",
            Phase::Working => "from a client that is connected",
        };
        Fault::Unexpected { got, during }
    }
}

#[cfg(test)]
mod tests {
    use pomelo_protocol::{
        message::RouteRef,
        websocket::{Opcode, encode_masked_frame},
    };

    use super::*;

    const HANDSHAKE: &[u8] = b"\x01\0\0\x02{}";
    const ACK: &[u8] = b"\x02\0\0\0";
    const HEARTBEAT: &[u8] = b"\x03\0\0\0";
    const NOTIFY: &[u8] = b"\x04\0\0\x05\x03\0\x07{}";
    const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    fn said(peer: &mut Peer, bytes: &[u8]) -> Result<Vec<Event>, Fault> {
        peer.feed(bytes);
        let mut events = Vec::new();
        while let Some(event) = peer.next()? {
            events.push(event);
        }
        Ok(events)
    }

    fn in_frame(packages: &[u8]) -> BytesMut {
        let mut frame = BytesMut::new();
        encode_masked_frame(Opcode::Binary, packages, [1, 2, 3, 4], &mut frame);
        frame
    }

    fn notified() -> Event {
        Event::Message(Message::Notify { route: RouteRef::Code(7), body: Bytes::from_static(b"{}") })
    }

    #[test]
    fn a_tcp_client_is_known_by_its_handshake_package() {
        let all = [HANDSHAKE, ACK, HEARTBEAT, NOTIFY].concat();
        let expected = [
            Event::Speaks(Transport::Tcp, Bytes::new()),
            Event::Handshake(Bytes::from_static(b"{}")),
            Event::Acked,
            Event::Heartbeat,
            notified(),
        ];
        assert_eq!(said(&mut Peer::new(64), &all).unwrap(), expected);
        let mut peer = Peer::new(64);
        let one_by_one: Vec<Event> = all.iter().flat_map(|byte| said(&mut peer, &[*byte]).unwrap()).collect();
        assert_eq!(one_by_one, expected);
    }

    #[test]
    fn a_websocket_client_may_send_frames_right_behind_its_upgrade() {
        let mut peer = Peer::new(64);
        let all = [UPGRADE, &in_frame(HANDSHAKE), &in_frame(&[ACK, NOTIFY].concat())].concat();
        let events = said(&mut peer, &all).unwrap();
        assert!(
            matches!(&events[0], Event::Speaks(Transport::WebSocket, accept) if accept.starts_with(b"HTTP/1.1 101 "))
        );
        assert_eq!(events[1..], [Event::Handshake(Bytes::from_static(b"{}")), Event::Acked, notified()]);
    }

    #[test]
    fn what_is_neither_http_nor_a_handshake_is_garbage_at_its_first_byte() {
        for first in [0, 2, 4, 0x16, b'g', 0xff] {
            assert_eq!(said(&mut Peer::new(64), &[first]), Err(Fault::Garbage { first }));
        }
    }

    #[test]
    fn nothing_but_the_handshake_comes_before_it_is_done() {
        let cut = |bytes: &[&[u8]]| said(&mut Peer::new(64), &bytes.concat()).unwrap_err().to_string();
        assert_eq!(cut(&[HANDSHAKE, NOTIFY]), "unexpected message before the handshake is acknowledged");
        assert_eq!(cut(&[HANDSHAKE, HANDSHAKE]), "unexpected handshake before the handshake is acknowledged");
        assert_eq!(cut(&[HANDSHAKE, ACK, ACK]), "unexpected handshake ack from a client that is connected");
        assert_eq!(cut(&[HANDSHAKE, ACK, b"\x05\0\0\0"]), "unexpected kick from a client that is connected");
        assert_eq!(
            said(&mut Peer::new(64), &[UPGRADE, &in_frame(HEARTBEAT)].concat()).unwrap_err().to_string(),
            "unexpected heartbeat before the handshake"
        );
    }

    #[test]
    fn a_package_cut_by_the_end_of_its_websocket_message_is_refused() {
        let mut peer = Peer::new(64);
        let error = said(&mut peer, &[UPGRADE, &in_frame(&HANDSHAKE[..5])].concat()).unwrap_err();
        assert_eq!(error, Fault::Package(PackageError::Truncated(5)));
    }

    #[test]
    fn a_close_frame_is_the_last_thing_heard() {
        let mut peer = Peer::new(64);
        said(&mut peer, UPGRADE).unwrap();
        let mut close = BytesMut::new();
        encode_masked_frame(Opcode::Close, &1000_u16.to_be_bytes(), [1, 2, 3, 4], &mut close);
        assert_eq!(
            said(&mut peer, &[&close[..], &in_frame(HANDSHAKE)].concat()).unwrap(),
            [Event::Close(Some(1000))]
        );
    }
}
