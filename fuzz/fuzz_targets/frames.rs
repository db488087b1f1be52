//! WebSocket of a client, HTTP head first: any bytes in any chunks give the same events as in one piece, within the
//! limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pomelo_protocol::websocket::{CONTROL_BYTES_MAX, Event, FrameDecoder, FrameError, upgrade::HttpRequest};

const MESSAGE_BYTES_MAX: usize = 512;

fuzz_target!(|data: &[u8]| {
    let _ = HttpRequest::parse(data);
    let Some((&chunk_bytes, stream)) = data.split_first() else { return };
    let chopped = read(stream, usize::from(chunk_bytes).max(1));
    assert_eq!(chopped, read(stream, stream.len().max(1)));
    for event in chopped.0 {
        match event {
            Event::Text(body) => {
                assert!(body.len() <= MESSAGE_BYTES_MAX && std::str::from_utf8(&body).is_ok());
            }
            Event::Binary(body) => assert!(body.len() <= MESSAGE_BYTES_MAX),
            Event::Ping(body) | Event::Pong(body) => assert!(body.len() <= CONTROL_BYTES_MAX),
            Event::Close { reason, .. } => assert!(std::str::from_utf8(&reason).is_ok()),
        }
    }
});

fn read(stream: &[u8], chunk_bytes: usize) -> (Vec<Event>, Option<FrameError>) {
    let mut decoder = FrameDecoder::of_client(MESSAGE_BYTES_MAX);
    let mut events = Vec::new();
    for chunk in stream.chunks(chunk_bytes) {
        decoder.feed(chunk);
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
        assert!(decoder.buffered_bytes() < 2 * MESSAGE_BYTES_MAX + CONTROL_BYTES_MAX);
    }
    (events, None)
}
