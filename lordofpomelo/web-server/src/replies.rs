//! How answers look: their headers, and what is said to those who are not heard.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
        HeaderValue, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    },
};
use serde::Serialize;

use crate::files::File;

pub(crate) type Reply = Response<Full<Bytes>>;

/// What the page may do: run its own scripts, draw pictures that it made itself, and talk with the game. Gates and connectors have
/// ports and hosts of their own, so WebSockets may go anywhere. Styles of elements are set by scripts, which needs no permission.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
                      connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Why a question is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is nothing here.
    NotFound,
    /// It is asked with one of these methods.
    Method(&'static str),
    /// The body did not come in time.
    Slow,
    /// The body is larger than it may be.
    TooLarge,
    /// The body is neither a form nor JSON.
    NoForm,
    /// The connection broke within the body.
    Broken,
    /// Too often; again in so many seconds.
    TooMany(u64),
    /// Too many others, or the database does not answer.
    Busy,
}

impl Refusal {
    pub(crate) fn reply(self) -> Reply {
        let (status, text) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "There is nothing here."),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "Not with this method."),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "Too slow."),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Too much."),
            Self::NoForm => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "A form or JSON, please."),
            Self::Broken => (StatusCode::BAD_REQUEST, "The rest is missing."),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many tries. Wait a little."),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too busy. Try again."),
        };
        let mut reply =
            reply(status, "text/plain; charset=utf-8", "no-store", Bytes::from_static(text.as_bytes()));
        let headers = reply.headers_mut();
        match self {
            Self::Method(allowed) => set(headers, ALLOW, HeaderValue::from_static(allowed)),
            Self::TooMany(seconds) => set(headers, RETRY_AFTER, HeaderValue::from(seconds)),
            Self::Busy => set(headers, RETRY_AFTER, HeaderValue::from_static("1")),
            // What is left of the body would be taken for the next request.
            Self::Slow | Self::TooLarge | Self::Broken => {
                set(headers, CONNECTION, HeaderValue::from_static("close"));
            }
            Self::NotFound | Self::NoForm => {}
        }
        reply
    }
}

/// A document that is good for this moment only.
pub(crate) fn json(document: &impl Serialize) -> Reply {
    // These documents have nothing that can't be written.
    let text = serde_json::to_vec(document).unwrap_or_default();
    reply(StatusCode::OK, "application/json", "no-store", text.into())
}

/// A file, or that the browser has it.
pub(crate) fn file(file: &File, if_none_match: Option<&str>) -> Reply {
    let known = if_none_match.is_some_and(|tags| file.is_known(tags));
    let (status, body) =
        if known { (StatusCode::NOT_MODIFIED, Bytes::new()) } else { (StatusCode::OK, file.body.clone()) };
    let mut reply = reply(status, file.content_type, file.cache, body);
    if let Ok(etag) = HeaderValue::from_str(&file.etag) {
        set(reply.headers_mut(), ETAG, etag);
    }
    reply
}

fn reply(status: StatusCode, content_type: &'static str, cache: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    for (name, value) in ALWAYS {
        set(headers, name, value);
    }
    set(headers, CONTENT_TYPE, HeaderValue::from_static(content_type));
    set(headers, CACHE_CONTROL, HeaderValue::from_static(cache));
    reply
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.insert(name, value);
}
