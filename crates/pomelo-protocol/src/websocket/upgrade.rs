//! The HTTP head in front of a WebSocket connection: read, judged, answered.
//!
//! Only as much HTTP as a connector needs: a `GET` with or without `Upgrade: websocket`. No bodies are read, and no
//! second request on a connection: whatever is not upgraded is answered and closed.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{BufMut, BytesMut};
use sha1::{Digest as _, Sha1};

/// Longest request head.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Most header lines of a request.
pub const HEADERS_MAX: usize = 64;

/// What a request head asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpRequest {
    /// To go on as WebSocket.
    Upgrade(Upgrade),
    /// A page.
    Get {
        /// Path with query, as it came.
        path: String,
    },
    /// Nothing this side can do: answer with the status and close.
    Bad {
        /// 400, 405, 426, 431 or 505.
        status: u16,
        /// What is wrong, in words.
        reason: &'static str,
    },
}

/// A request to go on as WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Path with query, as it came.
    pub path: String,
    /// `Sec-WebSocket-Key` as it came.
    pub key: String,
    /// First of the subprotocols the client offers. Must be answered, or browsers close.
    pub protocol: Option<String>,
}

impl HttpRequest {
    /// Reads a request head from the first bytes of a connection. `None` when more bytes are needed; else also how many
    /// bytes the head takes, what follows belongs to the WebSocket. A head over [`HEAD_BYTES_MAX`] is bad.
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let bad = |status, reason| Some((Self::Bad { status, reason }, bytes.len()));
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let head_bytes = match request.parse(bytes) {
            Ok(httparse::Status::Complete(head_bytes)) if head_bytes <= HEAD_BYTES_MAX => head_bytes,
            Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => return None,
            Ok(_) => return bad(431, "request head is over 8192 bytes"),
            Err(httparse::Error::TooManyHeaders) => return bad(431, "request has over 64 headers"),
            Err(httparse::Error::Version) => return bad(505, "only HTTP/1.1 is spoken here"),
            Err(_) => return bad(400, "malformed request"),
        };
        Some((judge(&request), head_bytes))
    }
}

impl Upgrade {
    /// Appends the answer that makes the connection a WebSocket.
    pub fn accept(&self, out: &mut BytesMut) {
        out.put_slice(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        out.put_slice(format!("Sec-WebSocket-Accept: {}\r\n", accept_key(&self.key)).as_bytes());
        if let Some(protocol) = &self.protocol {
            out.put_slice(format!("Sec-WebSocket-Protocol: {protocol}\r\n").as_bytes());
        }
        out.put_slice(b"\r\n");
    }
}

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 4.2.2).
pub fn accept_key(key: &str) -> String {
    let digest =
        Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    STANDARD.encode(digest)
}

/// Appends an HTTP answer after which the connection is closed.
pub fn encode_response(status: u16, content_type: &str, body: &[u8], out: &mut BytesMut) {
    let upgrade = if status == 426 { "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{upgrade}Connection: close\r\n\r\n",
        status_text(status),
        body.len(),
    );
    out.reserve(head.len() + body.len());
    out.put_slice(head.as_bytes());
    out.put_slice(body);
}

fn judge(request: &httparse::Request<'_, '_>) -> HttpRequest {
    let bad = |status, reason| HttpRequest::Bad { status, reason };
    let path = request.path.unwrap_or("/").to_owned();
    if request.method != Some("GET") {
        return bad(405, "only GET is answered here");
    }
    if !has_token(request, "upgrade", "websocket") {
        return HttpRequest::Get { path };
    }
    if request.version != Some(1) {
        return bad(505, "websocket needs HTTP/1.1");
    }
    if !has_token(request, "connection", "upgrade") {
        return bad(400, "upgrade without connection: upgrade");
    }
    if values(request, "sec-websocket-version").next() != Some("13") {
        return bad(426, "websocket version 13 is spoken here");
    }
    // Length and content of the key are the client's affair; it is only hashed.
    let Some(key) = values(request, "sec-websocket-key").next().filter(|key| !key.is_empty()) else {
        return bad(400, "upgrade without sec-websocket-key");
    };
    let protocol = values(request, "sec-websocket-protocol").flat_map(tokens).next().map(str::to_owned);
    HttpRequest::Upgrade(Upgrade { path, key: key.to_owned(), protocol })
}

/// Values of a header that are visible ASCII; others can't be one of the few this side reads.
fn values<'a>(request: &'a httparse::Request<'_, '_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.filter_map(|header| {
        std::str::from_utf8(header.value).ok().filter(|value| value.is_ascii()).map(str::trim)
    })
}

fn has_token(request: &httparse::Request<'_, '_>, name: &str, token: &str) -> bool {
    values(request, name).flat_map(tokens).any(|found| found.eq_ignore_ascii_case(token))
}

fn tokens(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|token| !token.is_empty())
}

fn status_text(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgrade(lines: &str) -> HttpRequest {
        let head = format!("GET /?a=b HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        let (request, head_bytes) = HttpRequest::parse(head.as_bytes()).unwrap();
        assert_eq!(head_bytes, head.len());
        request
    }

    #[test]
    fn the_key_of_the_standard_gives_the_accept_of_the_standard() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn an_upgrade_may_be_written_as_browsers_write_it() {
        let lines = "upgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\nsec-websocket-version: 13\r\n\
                     sec-websocket-key: abc\r\nsec-websocket-protocol: pomelo, other\r\n";
        let HttpRequest::Upgrade(upgrade) = upgrade(lines) else { panic!("not taken as an upgrade") };
        assert_eq!((upgrade.path.as_str(), upgrade.key.as_str()), ("/?a=b", "abc"));
        let mut out = BytesMut::new();
        upgrade.accept(&mut out);
        let answer = String::from_utf8(out.to_vec()).unwrap();
        assert!(answer.ends_with("\r\nSec-WebSocket-Protocol: pomelo\r\n\r\n"), "{answer}");
    }

    #[test]
    fn a_request_without_upgrade_is_for_a_page() {
        assert_eq!(upgrade(""), HttpRequest::Get { path: "/?a=b".into() });
    }

    #[test]
    fn what_is_wrong_with_a_request_is_its_status() {
        let status = |head: &str| match HttpRequest::parse(head.as_bytes()) {
            Some((HttpRequest::Bad { status, .. }, _)) => status,
            other => panic!("{head:?} gave {other:?}"),
        };
        let ws = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
        assert_eq!(status("POST / HTTP/1.1\r\n\r\n"), 405);
        assert_eq!(status("GET / HTTP/3.0\r\n\r\n"), 505);
        assert_eq!(status(&format!("GET / HTTP/1.0\r\n{ws}\r\n")), 505);
        assert_eq!(status("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), 400);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{ws}Sec-WebSocket-Version: 8\r\n\r\n")), 426);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{ws}Sec-WebSocket-Version: 13\r\n\r\n")), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nno colon\r\n\r\n"), 400);
        assert_eq!(status("GARBAGE\0"), 400);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(HEAD_BYTES_MAX))), 431);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65))), 431);
    }

    #[test]
    fn a_head_is_not_judged_before_it_is_whole() {
        let head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        for cut in 0..head.len() {
            assert_eq!(HttpRequest::parse(&head.as_bytes()[..cut]), None, "cut at {cut}");
        }
    }
}
