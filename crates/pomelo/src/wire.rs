//! What the framework itself says between servers: names of methods and forms of bodies. Between Rust servers only; the
//! original's RPC is not here.
//!
//! A body with a payload is `[length of the head: u32 big-endian][head: MessagePack map][payload]`, so that a payload is
//! passed on without being parsed or copied.

mod forward;

use bytes::{BufMut, Bytes, BytesMut, TryGetError};
use serde::{Deserialize, Serialize};

pub(crate) use self::forward::{Forward, Forwarded};
use crate::CallError;

/// A client's message for a handler of another server: [`Forward`]; answered with the response's body.
pub(crate) const FORWARD: &str = "sys.forward";
/// A command to a session: `SessionCommand`, answered with `CommandReply`.
pub(crate) const SESSION: &str = "sys.session";
/// Code of a failure of [`FORWARD`] whose message is what the client is to be told, as JSON.
pub(crate) const ANSWERED: u16 = 0;

pub(crate) fn join(head: &impl Serialize, payload: &[u8]) -> Result<Bytes, CallError> {
    let mut out = BytesMut::with_capacity(128 + payload.len());
    out.put_u32(0);
    let mut writer = out.writer();
    let mut serializer = rmp_serde::Serializer::new(&mut writer).with_struct_map();
    head.serialize(&mut serializer)?;
    let mut out = writer.into_inner();
    let head_bytes = u32::try_from(out.len() - 4).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&head_bytes.to_be_bytes());
    out.put_slice(payload);
    Ok(out.freeze())
}

/// The head, which may borrow from the body, and the payload, which is a slice of it.
pub(crate) fn split<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<(T, Bytes), SplitError> {
    let head_bytes =
        body.get(..4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).ok_or(SplitError::Short)?;
    let head_end =
        (head_bytes as usize).checked_add(4).filter(|&end| end <= body.len()).ok_or(SplitError::Short)?;
    let head = rmp_serde::from_slice(&body[4..head_end])?;
    Ok((head, body.slice(head_end..)))
}

/// A peer sent something else.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SplitError {
    #[error("body ends within its head")]
    Short,
    #[error("text in the head is not UTF-8")]
    NotText,
    #[error("malformed head: {0}")]
    Head(#[from] rmp_serde::decode::Error),
}

impl From<TryGetError> for SplitError {
    fn from(_: TryGetError) -> Self {
        Self::Short
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::message::{Era, PushHead, To};

    #[test]
    fn head_and_payload_come_back_and_cut_bodies_are_errors() {
        let era = Era { life: 1, link: 2 };
        let head = PushHead { era, route: "onChat", to: To::Users(vec!["alice"]) };
        let body = join(&head, b"{}").unwrap();
        let (back, payload) = split::<PushHead<'_>>(&body).unwrap();
        assert_eq!((back.era, back.route, &payload[..]), (era, "onChat", &b"{}"[..]));
        assert_eq!(back.to, To::Users(vec!["alice"]));
        for end in 0..body.len() - 2 {
            assert!(split::<PushHead<'_>>(&body.slice(..end)).is_err(), "{end} bytes were taken");
        }
        assert!(split::<PushHead<'_>>(&Bytes::from_static(&[0xff; 16])).is_err());
    }
}
