//! Static pages on the client port, for a plain HTTP GET: the answers, built once.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use pomelo_protocol::websocket::upgrade::encode_response;

use super::hybrid::Page;

pub(super) struct Pages(HashMap<&'static str, Bytes>);

impl Pages {
    pub(super) fn new(pages: &[Page]) -> Self {
        let answer = |page: &Page| (page.path, response(200, page.content_type, page.body));
        Self(pages.iter().map(answer).collect())
    }

    /// For a browser or a WebSocket that asks in the clear where it can't.
    pub(super) fn no_tls() -> Bytes {
        let words = b"this port takes TLS only: use wss:// or https://\n";
        response(400, "text/plain; charset=utf-8", words)
    }

    /// Status and bytes of the answer to a request for a path (a query is left aside), or to one that is wrong.
    pub(super) fn answer(&self, request: Result<String, (u16, &'static str)>) -> (u16, Bytes) {
        let (status, words) = match request {
            Ok(path) => match self.0.get(path.split('?').next().unwrap_or_default()) {
                Some(answer) => return (200, answer.clone()),
                None => (404, "nothing here but a game server's client port"),
            },
            Err(wrong) => wrong,
        };
        (status, response(status, "text/plain; charset=utf-8", format!("{words}\n").as_bytes()))
    }
}

fn response(status: u16, content_type: &str, body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    encode_response(status, content_type, body, &mut out);
    out.freeze()
}
