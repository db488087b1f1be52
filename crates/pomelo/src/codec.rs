//! Bodies: JSON to and from clients, MessagePack (field names kept) between servers. What is inside is the business of
//! the types.

use std::{any::TypeId, borrow::Cow};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The body of a client's message. No body and `{}` are both what an empty message looks like, so both make a `()`. What is no
/// UTF-8 in it counts as U+FFFD, as in the original: the browser's client writes characters outside the basic plane as two
/// surrogates of three bytes each.
pub(crate) fn from_client<T: DeserializeOwned + 'static>(body: &[u8]) -> serde_json::Result<T> {
    if TypeId::of::<T>() == TypeId::of::<()>() {
        return serde_json::from_slice(b"null");
    }
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).or_else(|error| {
        match String::from_utf8_lossy(body) {
            Cow::Owned(mended) => serde_json::from_str(&mended),
            Cow::Borrowed(_) => Err(error),
        }
    })
}

/// The body for a client. Nothing (`()`, `None`) is `{}`, as clients of the original expect.
pub(crate) fn to_client<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Bytes> {
    let body = serde_json::to_vec(value)?;
    Ok(if body == b"null" { Bytes::from_static(b"{}") } else { body.into() })
}

/// A body between servers.
pub(crate) fn to_server<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(value).map(Bytes::from)
}

/// A body between servers.
pub(crate) fn from_server<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_an_empty_object_in_both_directions() {
        assert_eq!(to_client(&()).unwrap(), "{}");
        assert_eq!(to_client(&None::<u32>).unwrap(), "{}");
        for body in ["", "{}", "null"] {
            from_client::<()>(body.as_bytes()).unwrap();
        }
        #[derive(serde::Deserialize)]
        struct Optional {
            n: Option<u32>,
        }
        assert_eq!(from_client::<Optional>(b"").unwrap().n, None);
        assert!(from_client::<Optional>(b"[").is_err());
    }

    #[test]
    fn what_is_no_utf_8_in_a_body_of_a_client_is_replaced() {
        // U+1F600 as the browser's client writes it.
        let body = b"{\"said\":\"smile \xed\xa0\xbd\xed\xb8\x80!\"}";
        let read: serde_json::Value = from_client(body).unwrap();
        assert_eq!(read["said"], format!("smile {}!", "\u{fffd}".repeat(6)));
        assert!(from_client::<serde_json::Value>(b"{\xed").is_err());
    }

    #[test]
    fn bodies_between_servers_keep_field_names_so_that_versions_can_differ() {
        #[derive(Serialize)]
        struct Newer {
            added: u8,
            name: &'static str,
        }
        #[derive(serde::Deserialize)]
        struct Older {
            name: String,
        }
        let body = to_server(&Newer { added: 1, name: "x" }).unwrap();
        assert_eq!(from_server::<Older>(&body).unwrap().name, "x");
    }
}
