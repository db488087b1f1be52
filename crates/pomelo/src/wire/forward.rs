//! A client's message on its way from its frontend to the server that handles it. The session travels along, so that it can
//! be read there without asking.
//!
//! `[length of the head: u32][head][body]`, where the head is `flags u8 (1: notify, 2: has a user), session u64, life u64,
//! route text8, user text8 (if it has one), settings u32 and so many bytes, ignored rest`. Numbers are big-endian, a text8 is
//! its length as one byte and UTF-8. It is not MessagePack as other heads are because every forwarded message has one.

use bytes::{Buf, BufMut, Bytes};
use pomelo_rpc::Payload;

use super::SplitError;

const NOTIFY: u8 = 1;
const HAS_USER: u8 = 2;

/// A message on its way out, which writes itself into the link's buffer; or, with a body of its own, one that has arrived.
#[derive(Debug, PartialEq)]
pub(crate) struct Forward<'a, B = &'a [u8]> {
    pub(crate) route: &'a str,
    pub(crate) session: u64,
    /// Which life of the frontend holds it: another one counts its sessions from 1 again.
    pub(crate) life: u64,
    pub(crate) uid: Option<&'a str>,
    /// As a JSON object.
    pub(crate) settings: &'a [u8],
    /// The client waits for no response.
    pub(crate) notify: bool,
    pub(crate) body: B,
}

/// One that has arrived.
pub(crate) type Forwarded<'a> = Forward<'a, Bytes>;

impl Forward<'_> {
    fn head_bytes(&self) -> usize {
        1 + 8 + 8 + 1 + self.route.len() + self.uid.map_or(0, |uid| 1 + uid.len()) + 4 + self.settings.len()
    }
}

impl Payload for Forward<'_> {
    fn len(&self) -> usize {
        4 + self.head_bytes() + self.body.len()
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_u32(length(self.head_bytes()));
        let flags = if self.notify { NOTIFY } else { 0 } | if self.uid.is_some() { HAS_USER } else { 0 };
        out.put_u8(flags);
        out.put_u64(self.session);
        out.put_u64(self.life);
        put_text8(out, self.route);
        if let Some(uid) = self.uid {
            put_text8(out, uid);
        }
        out.put_u32(length(self.settings.len()));
        out.put_slice(self.settings);
        out.put_slice(self.body);
    }
}

impl<'a> Forwarded<'a> {
    pub(crate) fn read(message: &'a Bytes) -> Result<Self, SplitError> {
        let mut rest = &message[..];
        let head_bytes = rest.try_get_u32()? as usize;
        let mut head = rest.get(..head_bytes).ok_or(SplitError::Short)?;
        let flags = head.try_get_u8()?;
        let (session, life) = (head.try_get_u64()?, head.try_get_u64()?);
        let route = take_text8(&mut head)?;
        let uid = if flags & HAS_USER != 0 { Some(take_text8(&mut head)?) } else { None };
        let settings_bytes = head.try_get_u32()? as usize;
        let settings = head.get(..settings_bytes).ok_or(SplitError::Short)?;
        let body = message.slice(4 + head_bytes..);
        Ok(Self { route, session, life, uid, settings, notify: flags & NOTIFY != 0, body })
    }
}

/// Both texts have at most 255 bytes: they come from a message of a client, and from a session.
fn put_text8(out: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= 255, "{text:?} was not refused");
    out.put_u8(text.len() as u8);
    out.put_slice(text.as_bytes());
}

fn take_text8<'a>(head: &mut &'a [u8]) -> Result<&'a str, SplitError> {
    let bytes = usize::from(head.try_get_u8()?);
    let (text, rest) = head.split_at_checked(bytes).ok_or(SplitError::Short)?;
    *head = rest;
    std::str::from_utf8(text).map_err(|_| SplitError::NotText)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(forward: &Forward<'_>) -> Bytes {
        let mut out = Vec::new();
        forward.put(&mut out);
        assert_eq!(out.len(), forward.len());
        out.into()
    }

    #[test]
    fn what_is_forwarded_arrives_and_what_a_later_version_adds_to_the_head_is_skipped() {
        let (route, settings, body) = ("chat.chatHandler.send", &br#"{"rid":"room1"}"#[..], &b"{}"[..]);
        for (uid, notify) in [(None, false), (Some("alice"), true)] {
            let mut bytes =
                written(&Forward { route, session: 7, life: 9, uid, settings, notify, body }).to_vec();
            let expected = Forwarded {
                route,
                session: 7,
                life: 9,
                uid,
                settings,
                notify,
                body: Bytes::from_static(body),
            };
            assert_eq!(Forwarded::read(&bytes.clone().into()).unwrap(), expected);

            let head_bytes = u32::from_be_bytes(bytes[..4].try_into().unwrap());
            bytes[..4].copy_from_slice(&(head_bytes + 3).to_be_bytes());
            bytes.splice(4 + head_bytes as usize..4 + head_bytes as usize, *b"new");
            assert_eq!(Forwarded::read(&bytes.into()).unwrap(), expected);
        }
    }

    #[test]
    fn bytes_that_are_no_forwarded_message_are_errors() {
        let forward: Forward<'_> = Forward {
            route: "a.b.c",
            session: 1,
            life: 1,
            uid: Some("u"),
            settings: b"{}",
            notify: false,
            body: b"",
        };
        let whole = written(&forward);
        for end in 0..whole.len() {
            assert!(Forwarded::read(&whole.slice(..end)).is_err(), "{end} bytes were taken");
        }
        assert!(Forwarded::read(&Bytes::from_static(&[0xff; 64])).is_err());
        let mut not_text = whole.to_vec();
        not_text[22] = 0xff;
        assert!(matches!(Forwarded::read(&not_text.into()), Err(SplitError::NotText)));
    }
}
