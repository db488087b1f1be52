//! WebSocket (RFC 6455) as a server speaks it, without I/O: frames in [`FrameDecoder`] and [`encode_frame_header`], the
//! HTTP request that opens a connection in [`upgrade`].
//!
//! Own framing because raw TCP shares the connector's port and a broadcast's frame is built once for all its receivers.
//! Extensions (compression) are not offered, so no reserved bit is ever allowed.

mod decoder;
pub mod upgrade;

use bytes::{BufMut, Bytes, BytesMut};

pub use decoder::FrameDecoder;

/// Longest payload of a control frame.
pub const CONTROL_BYTES_MAX: usize = 125;
/// Longest header of a frame a server writes.
pub const HEADER_BYTES_MAX: usize = 10;

/// Kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// Goes on with the fragmented message.
    Continuation = 0x0,
    /// UTF-8.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The sender is done.
    Close = 0x8,
    /// To be answered by a pong with the same payload.
    Ping = 0x9,
    /// Answer to a ping.
    Pong = 0xa,
}

/// What a peer said, fragments joined and payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A text message, valid UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// To be answered by a pong with this payload.
    Ping(Bytes),
    /// Answer to a ping.
    Pong(Bytes),
    /// The peer is done: answer with [`encode_close`] of the same code, and close. Nothing comes after it.
    Close {
        /// Why, if the peer says.
        code: Option<u16>,
        /// Why in words, valid UTF-8, often empty.
        reason: Bytes,
    },
}

/// How a peer broke the protocol. Tell it by a close frame with [`Self::close_code`], then close.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// RSV1 to RSV3, which belong to extensions.
    #[error("reserved bits are set in a frame, no extension was agreed")]
    ReservedBits,
    /// An opcode the standard keeps for later.
    #[error("unknown opcode {0:#x}")]
    UnknownOpcode(u8),
    /// A client must mask.
    #[error("frame of a client is not masked")]
    NotMasked,
    /// A server must not mask.
    #[error("frame of a server is masked")]
    Masked,
    /// A control frame in fragments or over 125 bytes.
    #[error("control frame {opcode:?} is {fault}")]
    Control {
        /// Which.
        opcode: Opcode,
        /// `fragmented` or `longer than 125 bytes`.
        fault: &'static str,
    },
    /// A length written longer than needed, or with its highest bit set.
    #[error("frame length is not in its shortest form")]
    LengthForm,
    /// A continuation without a beginning.
    #[error("continuation frame without a message to continue")]
    NothingToContinue,
    /// A new message inside a fragmented one.
    #[error("new message begins before the fragmented one has ended")]
    Interleaved,
    /// A close frame of one byte.
    #[error("close frame with half a code")]
    HalfCloseCode,
    /// A close code that must not be sent.
    #[error("close code {0} is not one a peer may send")]
    CloseCode(u16),
    /// Text, or the reason of a close, is not UTF-8.
    #[error("text is not valid utf-8")]
    NotUtf8,
    /// A message over the reader's limit, fragments added up.
    #[error("message of {message_bytes} bytes or more is over the limit of {message_bytes_max}")]
    TooLong {
        /// Length as far as it is known.
        message_bytes: u64,
        /// The limit.
        message_bytes_max: usize,
    },
}

impl FrameError {
    /// The close code that tells the peer: 1002 protocol error, 1007 not UTF-8, 1009 too big.
    pub fn close_code(&self) -> u16 {
        match self {
            Self::NotUtf8 => 1007,
            Self::TooLong { .. } => 1009,
            _ => 1002,
        }
    }
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xa => Some(Self::Pong),
            _ => None,
        }
    }

    fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// Appends the header of an unmasked, unfragmented frame of `payload_bytes`: what a server writes.
pub fn encode_frame_header(opcode: Opcode, payload_bytes: usize, out: &mut BytesMut) {
    put_header(opcode, payload_bytes, 0, out);
}

/// How many bytes that header has.
pub fn frame_header_bytes(payload_bytes: usize) -> usize {
    match payload_bytes {
        ..126 => 2,
        126..65_536 => 4,
        _ => HEADER_BYTES_MAX,
    }
}

/// Appends a whole frame as a server writes it.
pub fn encode_frame(opcode: Opcode, payload: &[u8], out: &mut BytesMut) {
    out.reserve(HEADER_BYTES_MAX + payload.len());
    encode_frame_header(opcode, payload.len(), out);
    out.put_slice(payload);
}

/// Appends a close frame as a server writes it; a close without code has no payload.
pub fn encode_close(code: Option<u16>, out: &mut BytesMut) {
    match code {
        Some(code) => encode_frame(Opcode::Close, &code.to_be_bytes(), out),
        None => encode_frame(Opcode::Close, &[], out),
    }
}

/// Appends a whole frame as a client writes it, masked with `mask`: for tests and tools.
pub fn encode_masked_frame(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut BytesMut) {
    out.reserve(HEADER_BYTES_MAX + mask.len() + payload.len());
    put_header(opcode, payload.len(), 0x80, out);
    out.put_slice(&mask);
    let from = out.len();
    out.put_slice(payload);
    apply_mask(&mut out[from..], mask);
}

/// Masks or, the same operation, unmasks.
fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

fn put_header(opcode: Opcode, payload_bytes: usize, mask_bit: u8, out: &mut BytesMut) {
    out.put_u8(0x80 | opcode as u8);
    if payload_bytes <= CONTROL_BYTES_MAX {
        out.put_u8(mask_bit | payload_bytes as u8);
    } else if let Ok(short) = u16::try_from(payload_bytes) {
        out.put_u8(mask_bit | 126);
        out.put_u16(short);
    } else {
        out.put_u8(mask_bit | 127);
        out.put_u64(payload_bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        let header = |payload_bytes| {
            let mut out = BytesMut::new();
            encode_frame_header(Opcode::Binary, payload_bytes, &mut out);
            assert_eq!(out.len(), frame_header_bytes(payload_bytes));
            out.to_vec()
        };
        assert_eq!(header(125), [0x82, 125]);
        assert_eq!(header(126), [0x82, 126, 0, 126]);
        assert_eq!(header(65_535), [0x82, 126, 0xff, 0xff]);
        assert_eq!(header(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn masking_twice_gives_the_payload_back_at_every_length() {
        for length in 0..40 {
            let payload: Vec<u8> = (0..length).collect();
            let mut masked = payload.clone();
            apply_mask(&mut masked, [1, 2, 3, 4]);
            let slowly: Vec<u8> = payload.iter().enumerate().map(|(i, b)| b ^ [1, 2, 3, 4][i % 4]).collect();
            assert_eq!(masked, slowly);
            apply_mask(&mut masked, [1, 2, 3, 4]);
            assert_eq!(masked, payload);
        }
    }
}
