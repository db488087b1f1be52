//! What a link reads, for `fuzz/`: frames are this crate's own, so their fuzz target cannot see them.

use bytes::BytesMut;

use crate::frame::Frame;

/// Longest frame that is taken.
const FRAME_BYTES_MAX: usize = 512;

/// Reads frames from a stream that comes in chunks of so many bytes: what each of them is, and what is wrong with the one
/// that ends it, if there is one. Each frame must be the same when it is written and read again.
pub fn frames(stream: &[u8], chunk_bytes: usize) -> (Vec<String>, Option<String>) {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for chunk in stream.chunks(chunk_bytes) {
        buffer.extend_from_slice(chunk);
        loop {
            match Frame::decode(&mut buffer, FRAME_BYTES_MAX) {
                Ok(Some(frame)) => {
                    let mut written = Vec::new();
                    frame.encode(&mut written);
                    assert_eq!(written.len(), 4 + frame.len(), "{frame:?}");
                    let again = Frame::decode(&mut BytesMut::from(&written[..]), usize::MAX);
                    assert_eq!(again.as_ref(), Ok(&Some(frame.clone())));
                    frames.push(format!("{frame:?}"));
                }
                Ok(None) => break,
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
        assert!(buffer.len() < Frame::bytes_wanted(&buffer), "a whole frame was left");
        assert!(Frame::bytes_wanted(&buffer) <= 4 + FRAME_BYTES_MAX);
    }
    (frames, None)
}
