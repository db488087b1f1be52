//! The bytes of a link. Pure: no socket, no clock. Not here: who sends what when (`hello` for the first frame of each
//! side, `drive` for the rest).
//!
//! A frame is `u32 length (big-endian, of what follows), u8 kind, fields`. Numbers are big-endian; `tag` is a LEB128
//! varint of at most 64 bits; `text8` is `u8 length, UTF-8`; `rest` goes to the end of the frame.
//!
//! | kind | name | fields | |
//! | --- | --- | --- | --- |
//! | 1 | hello | `"PMLK"`, version u16, incarnation u64, id text8, to text8, nonce 32 bytes or none, ignored rest | first frame of the dialling side |
//! | 2 | welcome | `"PMLK"`, version u16, incarnation u64, id text8, ignored rest | the answer; then both sides are free |
//! | 3 | refuse | `"PMLK"`, version u16, reason u8, message rest | the other answer, and the last frame |
//! | 4 | ping | | nothing was sent for a while; not answered |
//! | 5 | call | wait_ms u32, tag, method text8, body rest | tags are the caller's, each direction has its own |
//! | 6 | reply | tag, body rest | |
//! | 7 | fail | tag, busy u8, code u16, message rest | busy 1: the call was not executed |
//! | 8 | one way | method text8, body rest | |
//! | 9 | challenge | nonce 32 bytes, proof 32 bytes | the answer to a hello with a nonce, see `secret` |
//! | 10 | proof | proof 32 bytes | the answer to that; then the welcome |
//!
//! `wait_ms` is how long the caller still waits from the moment the frame is written; 0: no longer, [`FOR_EVER`]: no limit. A
//! duration and not a time, because clocks differ.
//!
//! Magic, version and the form of `refuse` stay the same in every later version, so that two versions can tell each other
//! why they can't talk.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use pomelo_protocol::{InvalidName, ServerId};

use crate::secret::Bytes32;
use crate::{Failure, Payload};

/// The version of the link this code speaks.
pub(crate) const VERSION: u16 = 3;

/// The `wait_ms` of a caller that waits as long as it takes.
pub(crate) const FOR_EVER: u32 = u32::MAX;

/// Longest frame before the hello is done: two ids, or a refusal with its message.
pub(crate) const HELLO_BYTES_MAX: usize = 512;

/// Longest name of a method.
pub(crate) const METHOD_BYTES_MAX: usize = 255;

const MAGIC: &[u8; 4] = b"PMLK";
const CALL: u8 = 5;
const ONE_WAY: u8 = 8;

/// Where the `wait_ms` of a call's frame is, from the frame's length field on.
const WAIT_AT: usize = 5;

/// What travels. `M` is a method's name: `&str` on the way out, [`Text`] on the way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame<M> {
    Hello { id: ServerId, incarnation: u64, to: ServerId, nonce: Option<Bytes32> },
    Welcome { id: ServerId, incarnation: u64 },
    Refuse { version: u16, reason: Reason, message: String },
    Ping,
    Call { wait_ms: u32, tag: u64, method: M, body: Bytes },
    Reply { tag: u64, body: Bytes },
    Fail { tag: u64, busy: bool, failure: Failure },
    OneWay { method: M, body: Bytes },
    Challenge { nonce: Bytes32, proof: Bytes32 },
    Proof(Bytes32),
}

/// Why a hello was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Anything without a code of its own.
    Other,
    Version,
    WrongId,
    /// Both sides dialled at once and the other connection stays.
    Duplicate,
}

/// UTF-8 that still lies in the buffer it was read into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(Bytes);

/// Bytes that are no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("frame of {bytes} bytes, the limit is {bytes_max}")]
    TooLong { bytes: usize, bytes_max: usize },
    #[error("unknown kind of frame {0}")]
    Kind(u8),
    #[error("frame ends inside its {0}")]
    Truncated(&'static str),
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
    #[error("tag is longer than 64 bits")]
    LongTag,
    #[error("hello does not start with \"PMLK\"")]
    Magic,
    #[error("hello of link version {theirs}, this server speaks {VERSION}")]
    Version { theirs: u16 },
    #[error(transparent)]
    Id(#[from] InvalidName),
}

impl<M: AsRef<str>> Frame<M> {
    /// Bytes of the frame without its length field.
    pub(crate) fn len(&self) -> usize {
        1 + match self {
            Self::Hello { id, to, nonce, .. } => {
                let nonce = nonce.map_or(0, |nonce| nonce.len());
                4 + 2 + 8 + 1 + id.as_str().len() + 1 + to.as_str().len() + nonce
            }
            Self::Welcome { id, .. } => 4 + 2 + 8 + 1 + id.as_str().len(),
            Self::Refuse { message, .. } => 4 + 2 + 1 + message.len(),
            Self::Ping => 0,
            Self::Call { tag, method, body, .. } => call_len(*tag, method.as_ref(), body.len()) - 1,
            Self::Reply { tag, body } => tag_len(*tag) + body.len(),
            Self::Fail { tag, failure, .. } => tag_len(*tag) + 1 + 2 + failure.message.len(),
            Self::OneWay { method, body } => one_way_len(method.as_ref(), body.len()) - 1,
            Self::Challenge { nonce, proof } => nonce.len() + proof.len(),
            Self::Proof(proof) => proof.len(),
        }
    }

    /// Appends the frame. Names must have been checked to fit ([`METHOD_BYTES_MAX`]; ids always do).
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Call { wait_ms, tag, method, body } => {
                return put_call(out, *wait_ms, *tag, method.as_ref(), body);
            }
            Self::OneWay { method, body } => return put_one_way(out, method.as_ref(), body),
            _ => {}
        }
        let len = self.len();
        out.reserve(4 + len);
        put_length(out, len);
        out.put_u8(self.kind());
        match self {
            Self::Hello { id, incarnation, to, nonce } => {
                put_head(out, VERSION);
                out.put_u64(*incarnation);
                put_text8(out, id.as_str());
                put_text8(out, to.as_str());
                out.put_slice(nonce.as_ref().map_or(&[], |nonce| &nonce[..]));
            }
            Self::Welcome { id, incarnation } => {
                put_head(out, VERSION);
                out.put_u64(*incarnation);
                put_text8(out, id.as_str());
            }
            Self::Refuse { version, reason, message } => {
                put_head(out, *version);
                out.put_u8(*reason as u8);
                out.put_slice(message.as_bytes());
            }
            Self::Ping | Self::Call { .. } | Self::OneWay { .. } => {}
            Self::Reply { tag, body } => {
                put_tag(out, *tag);
                out.put_slice(body);
            }
            Self::Fail { tag, busy, failure } => {
                put_tag(out, *tag);
                out.put_u8(u8::from(*busy));
                out.put_u16(failure.code);
                out.put_slice(failure.message.as_bytes());
            }
            Self::Challenge { nonce, proof } => {
                out.put_slice(nonce);
                out.put_slice(proof);
            }
            Self::Proof(proof) => out.put_slice(proof),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => 1,
            Self::Welcome { .. } => 2,
            Self::Refuse { .. } => 3,
            Self::Ping => 4,
            Self::Call { .. } => CALL,
            Self::Reply { .. } => 6,
            Self::Fail { .. } => 7,
            Self::OneWay { .. } => ONE_WAY,
            Self::Challenge { .. } => 9,
            Self::Proof(_) => 10,
        }
    }
}

impl Frame<Text> {
    /// Takes the first whole frame out of `buffer`; `None` if there is none yet. Bodies share the buffer's memory.
    pub(crate) fn decode(buffer: &mut BytesMut, bytes_max: usize) -> Result<Option<Self>, FrameError> {
        let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
        let len = u32::from_be_bytes(*head) as usize;
        if len > bytes_max {
            return Err(FrameError::TooLong { bytes: len, bytes_max });
        }
        if buffer.len() < 4 + len {
            return Ok(None);
        }
        buffer.advance(4);
        Self::decode_one(buffer.split_to(len).freeze()).map(Some)
    }

    /// How many bytes `buffer` needs to hold before [`Frame::decode`] can go on.
    pub(crate) fn bytes_wanted(buffer: &BytesMut) -> usize {
        4 + buffer.first_chunk::<4>().map_or(0, |head| u32::from_be_bytes(*head) as usize)
    }

    fn decode_one(mut frame: Bytes) -> Result<Self, FrameError> {
        let kind = frame.try_get_u8().map_err(|_| FrameError::Truncated("kind"))?;
        Ok(match kind {
            1 => {
                let incarnation = take_versioned(&mut frame)?;
                let id = take_id(&mut frame, "id")?;
                let to = take_id(&mut frame, "addressee")?;
                Self::Hello { id, incarnation, to, nonce: take_32(&mut frame).ok() }
            }
            2 => {
                let incarnation = take_versioned(&mut frame)?;
                Self::Welcome { id: take_id(&mut frame, "id")?, incarnation }
            }
            3 => {
                let version = take_head(&mut frame)?;
                let reason = frame.try_get_u8().map_err(|_| FrameError::Truncated("reason"))?;
                let message = String::from_utf8_lossy(&frame).into_owned();
                Self::Refuse { version, reason: Reason::from_u8(reason), message }
            }
            4 => Self::Ping,
            CALL => {
                let wait_ms = frame.try_get_u32().map_err(|_| FrameError::Truncated("time"))?;
                let tag = take_tag(&mut frame)?;
                Self::Call { wait_ms, tag, method: take_text8(&mut frame, "method")?, body: frame }
            }
            6 => Self::Reply { tag: take_tag(&mut frame)?, body: frame },
            7 => {
                let tag = take_tag(&mut frame)?;
                let busy = frame.try_get_u8().map_err(|_| FrameError::Truncated("failure"))? != 0;
                let code = frame.try_get_u16().map_err(|_| FrameError::Truncated("failure"))?;
                let message = String::from_utf8_lossy(&frame).into_owned();
                Self::Fail { tag, busy, failure: Failure { code, message } }
            }
            ONE_WAY => Self::OneWay { method: take_text8(&mut frame, "method")?, body: frame },
            9 => Self::Challenge { nonce: take_32(&mut frame)?, proof: take_32(&mut frame)? },
            10 => Self::Proof(take_32(&mut frame)?),
            other => return Err(FrameError::Kind(other)),
        })
    }
}

/// Bytes of a call's frame without its length field.
pub(crate) fn call_len(tag: u64, method: &str, body_bytes: usize) -> usize {
    1 + 4 + tag_len(tag) + 1 + method.len() + body_bytes
}

/// Bytes of a one-way message's frame without its length field.
pub(crate) fn one_way_len(method: &str, body_bytes: usize) -> usize {
    1 + 1 + method.len() + body_bytes
}

/// Appends a call. The body writes itself into the buffer, so that nothing is put together elsewhere first.
pub(crate) fn put_call(out: &mut Vec<u8>, wait_ms: u32, tag: u64, method: &str, body: &dyn Payload) {
    let len = call_len(tag, method, body.len());
    out.reserve(4 + len);
    put_length(out, len);
    out.put_u8(CALL);
    out.put_u32(wait_ms);
    put_tag(out, tag);
    put_text8(out, method);
    body.put(out);
}

/// Says anew how long the caller waits, in the call's frame that begins at `at`.
pub(crate) fn set_wait(out: &mut [u8], at: usize, wait_ms: u32) {
    if let Some(field) = out.get_mut(at + WAIT_AT..).and_then(<[u8]>::first_chunk_mut) {
        *field = wait_ms.to_be_bytes();
    }
}

/// Appends a one-way message.
pub(crate) fn put_one_way(out: &mut Vec<u8>, method: &str, body: &dyn Payload) {
    let len = one_way_len(method, body.len());
    out.reserve(4 + len);
    put_length(out, len);
    out.put_u8(ONE_WAY);
    put_text8(out, method);
    body.put(out);
}

fn put_length(out: &mut Vec<u8>, len: usize) {
    out.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
}

impl Reason {
    fn from_u8(reason: u8) -> Self {
        match reason {
            1 => Self::Version,
            2 => Self::WrongId,
            3 => Self::Duplicate,
            _ => Self::Other,
        }
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        // Checked when it was taken in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn put_head(out: &mut Vec<u8>, version: u16) {
    out.put_slice(MAGIC);
    out.put_u16(version);
}

fn put_text8(out: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= METHOD_BYTES_MAX, "a name of {} bytes was not refused", text.len());
    out.put_u8(text.len() as u8);
    out.put_slice(text.as_bytes());
}

fn put_tag(out: &mut Vec<u8>, mut tag: u64) {
    while tag >= 0x80 {
        out.put_u8(tag as u8 | 0x80);
        tag >>= 7;
    }
    out.put_u8(tag as u8);
}

fn tag_len(tag: u64) -> usize {
    (64 - (tag | 1).leading_zeros() as usize).div_ceil(7)
}

fn take_head(frame: &mut Bytes) -> Result<u16, FrameError> {
    if frame.len() < 6 {
        return Err(FrameError::Truncated("hello"));
    }
    if frame.split_to(4) != MAGIC[..] {
        return Err(FrameError::Magic);
    }
    Ok(frame.get_u16())
}

fn take_versioned(frame: &mut Bytes) -> Result<u64, FrameError> {
    let theirs = take_head(frame)?;
    if theirs != VERSION {
        return Err(FrameError::Version { theirs });
    }
    frame.try_get_u64().map_err(|_| FrameError::Truncated("hello"))
}

fn take_id(frame: &mut Bytes, what: &'static str) -> Result<ServerId, FrameError> {
    Ok(ServerId::new(take_text8(frame, what)?.as_ref())?)
}

fn take_text8(frame: &mut Bytes, what: &'static str) -> Result<Text, FrameError> {
    let len = usize::from(frame.try_get_u8().map_err(|_| FrameError::Truncated(what))?);
    if frame.len() < len {
        return Err(FrameError::Truncated(what));
    }
    let text = frame.split_to(len);
    std::str::from_utf8(&text).map_err(|_| FrameError::NotText(what))?;
    Ok(Text(text))
}

fn take_32(frame: &mut Bytes) -> Result<Bytes32, FrameError> {
    let mut bytes = Bytes32::default();
    frame.try_copy_to_slice(&mut bytes).map_err(|_| FrameError::Truncated("proof"))?;
    Ok(bytes)
}

fn take_tag(frame: &mut Bytes) -> Result<u64, FrameError> {
    let mut tag = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = frame.try_get_u8().map_err(|_| FrameError::Truncated("tag"))?;
        let bits = u64::from(byte & 0x7f);
        if (bits << shift) >> shift != bits {
            return Err(FrameError::LongTag);
        }
        tag |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(tag);
        }
    }
    Err(FrameError::LongTag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1 << 20;

    fn id() -> impl Strategy<Value = ServerId> {
        "[a-zA-Z0-9_-]{1,128}".prop_map(|id| ServerId::new(id).unwrap())
    }

    fn body() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
    }

    fn frame() -> impl Strategy<Value = Frame<String>> {
        let reason = prop_oneof![
            Just(Reason::Other),
            Just(Reason::Version),
            Just(Reason::WrongId),
            Just(Reason::Duplicate)
        ];
        prop_oneof![
            (id(), any::<u64>(), id(), any::<Option<Bytes32>>())
                .prop_map(|(id, incarnation, to, nonce)| Frame::Hello { id, incarnation, to, nonce }),
            any::<[Bytes32; 2]>().prop_map(|[nonce, proof]| Frame::Challenge { nonce, proof }),
            any::<Bytes32>().prop_map(Frame::Proof),
            (id(), any::<u64>()).prop_map(|(id, incarnation)| Frame::Welcome { id, incarnation }),
            (any::<u16>(), reason, ".{0,80}").prop_map(|(version, reason, message)| Frame::Refuse {
                version,
                reason,
                message
            }),
            Just(Frame::Ping),
            (any::<u32>(), any::<u64>(), ".{0,60}", body())
                .prop_map(|(wait_ms, tag, method, body)| Frame::Call { wait_ms, tag, method, body }),
            (any::<u64>(), body()).prop_map(|(tag, body)| Frame::Reply { tag, body }),
            (any::<u64>(), any::<bool>(), any::<u16>(), ".{0,80}").prop_map(|(tag, busy, code, message)| {
                Frame::Fail { tag, busy, failure: Failure { code, message } }
            }),
            (".{0,60}", body()).prop_map(|(method, body)| Frame::OneWay { method, body }),
        ]
    }

    fn owned(frame: Frame<Text>) -> Frame<String> {
        match frame {
            Frame::Call { wait_ms, tag, method, body } => {
                Frame::Call { wait_ms, tag, method: method.as_ref().to_owned(), body }
            }
            Frame::OneWay { method, body } => Frame::OneWay { method: method.as_ref().to_owned(), body },
            Frame::Hello { id, incarnation, to, nonce } => Frame::Hello { id, incarnation, to, nonce },
            Frame::Challenge { nonce, proof } => Frame::Challenge { nonce, proof },
            Frame::Proof(proof) => Frame::Proof(proof),
            Frame::Welcome { id, incarnation } => Frame::Welcome { id, incarnation },
            Frame::Refuse { version, reason, message } => Frame::Refuse { version, reason, message },
            Frame::Ping => Frame::Ping,
            Frame::Reply { tag, body } => Frame::Reply { tag, body },
            Frame::Fail { tag, busy, failure } => Frame::Fail { tag, busy, failure },
        }
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
            frames in proptest::collection::vec(frame(), 0..8),
            cut in 1usize..200,
        ) {
            let mut bytes = Vec::new();
            for frame in &frames {
                let before = bytes.len();
                frame.encode(&mut bytes);
                prop_assert_eq!(bytes.len() - before, 4 + frame.len());
            }
            let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
            for chunk in bytes.chunks(cut) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = Frame::decode(&mut buffer, MAX).unwrap() {
                    found.push(owned(frame));
                }
            }
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(found, frames);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic_or_read_past_a_frame(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = Frame::decode(&mut buffer, MAX) {}
            for kind in 0..=11u8 {
                let mut buffer = BytesMut::new();
                buffer.put_u32(bytes.len() as u32 + 1);
                buffer.put_u8(kind);
                buffer.put_slice(&bytes);
                buffer.put_slice(b"next");
                let _ = Frame::decode(&mut buffer, MAX);
                prop_assert_eq!(&buffer[..], b"next");
            }
        }
    }

    #[test]
    fn the_bytes_of_each_kind_stay_as_they_are() {
        let hex = |frame: Frame<&str>| {
            let mut out = Vec::new();
            frame.encode(&mut out);
            out.iter().map(|b| format!("{b:02x}")).collect::<String>()
        };
        let id = |id: &str| ServerId::new(id).unwrap();
        let body = Bytes::from_static(b"!");
        assert_eq!(
            hex(Frame::Hello { id: id("a"), incarnation: 7, to: id("b"), nonce: None }),
            "0000001301504d4c4b0003000000000000000701610162"
        );
        assert_eq!(
            hex(Frame::Welcome { id: id("b"), incarnation: 1 }),
            "0000001102504d4c4b000300000000000000010162"
        );
        let message = "no".to_owned();
        assert_eq!(
            hex(Frame::Refuse { version: 1, reason: Reason::Duplicate, message }),
            "0000000a03504d4c4b0001036e6f"
        );
        assert_eq!(hex(Frame::Ping), "0000000104");
        let call = Frame::Call { wait_ms: 10_000, tag: 300, method: "m", body: body.clone() };
        assert_eq!(hex(call), "0000000a0500002710ac02016d21");
        assert_eq!(hex(Frame::Reply { tag: 1, body: body.clone() }), "00000003060121");
        let failure = Failure::new(500, "x");
        assert_eq!(hex(Frame::Fail { tag: 1, busy: false, failure }), "0000000607010001f478");
        assert_eq!(hex(Frame::OneWay { method: "m", body }), "0000000408016d21");
    }

    #[test]
    fn how_long_the_caller_waits_is_said_anew_in_its_own_call_only() {
        let mut out = Vec::new();
        put_call(&mut out, FOR_EVER, 1, "m", b"one");
        let second = out.len();
        put_call(&mut out, FOR_EVER, 300, "m", b"two");
        set_wait(&mut out, second, 7);
        set_wait(&mut out, 1000, 7);
        let mut buffer = BytesMut::from(&out[..]);
        let mut wait = || match Frame::decode(&mut buffer, MAX).unwrap().unwrap() {
            Frame::Call { wait_ms, body, .. } => (wait_ms, body),
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(), (FOR_EVER, "one".into()));
        assert_eq!(wait(), (7, "two".into()));
    }

    #[test]
    fn what_is_wrong_with_a_frame_is_said() {
        let decode = |bytes: &[u8]| Frame::decode(&mut BytesMut::from(bytes), MAX).unwrap_err().to_string();
        assert_eq!(decode(b"GET / HTTP/1.1"), "frame of 1195725856 bytes, the limit is 1048576");
        assert_eq!(decode(&[0, 0, 0, 0]), "frame ends inside its kind");
        assert_eq!(decode(&[0, 0, 0, 1, 99]), "unknown kind of frame 99");
        assert_eq!(decode(b"\0\0\0\x0b\x01nope\0\x01abcd"), "hello does not start with \"PMLK\"");
        assert_eq!(decode(b"\0\0\0\x08\x01PMLK\0\x01x"), "hello of link version 1, this server speaks 3");
        let mut long = vec![0, 0, 0, 12, 6];
        long.extend([0xff; 11]);
        assert_eq!(decode(&long), "tag is longer than 64 bits");
    }
}
