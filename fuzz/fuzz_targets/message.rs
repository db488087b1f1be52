//! A message: any bytes are refused or understood, and what was understood is written and read again alike.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use pomelo_protocol::message::Message;

fuzz_target!(|data: &[u8]| {
    let Ok(message) = Message::decode(Bytes::copy_from_slice(data)) else { return };
    let mut out = BytesMut::new();
    message.encode(&mut out).expect("a route that was read fits");
    assert_eq!(out.len(), message.encoded_bytes());
    // An id may be written longer than needed, so the bytes themselves may differ.
    assert!(out.len() <= data.len());
    assert_eq!(Message::decode(out.freeze()), Ok(message));
});
