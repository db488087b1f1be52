//! One connection to etcd's JSON gateway: HTTP/1.1, one request at a time, answers whole or line by line. As much of HTTP as
//! etcd speaks there, and no more: no TLS, no redirects, no compression.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf as _, Bytes, BytesMut};
use httparse::{Header, Status};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};

/// Longest answer, or line of one, in bytes: a page of [`super::client::PAGE`] of the longest values, with room to spare.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Longest head of an answer, in bytes, and most fields in it.
const HEAD_BYTES_MAX: usize = 16 << 10;
const FIELDS_MAX: usize = 32;

/// gRPC's number for "there is no such thing".
const NOT_FOUND: i64 = 5;

/// Why etcd did not do something.
#[derive(Debug, thiserror::Error)]
pub(super) enum EtcdError {
    /// Nobody listens, or no way leads there.
    #[error("{at} can't be reached: {source}")]
    Connect { at: String, source: io::Error },
    /// The connection ended in the middle. What was asked may have been done.
    #[error("the connection to {at} broke: {source}")]
    Broken { at: String, source: io::Error },
    /// What was asked may have been done, or be done later.
    #[error("no answer from {at}")]
    Silent { at: String },
    /// etcd said no.
    #[error("etcd refused: {message}")]
    Refused { code: i64, message: String },
    /// Not etcd, or not a version that is known.
    #[error("{at} answered as no etcd does: {what}")]
    Foreign { at: String, what: String },
}

impl EtcdError {
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: NOT_FOUND, .. })
    }
}

/// Where requests go: one connection at a time, to one endpoint after the other when one fails.
#[derive(Debug)]
pub(super) struct Http {
    /// `host:port`, at least one.
    endpoints: Arc<[String]>,
    at: usize,
    stream: Option<Stream>,
}

impl Http {
    pub(super) fn new(endpoints: Arc<[String]>) -> Self {
        Self { endpoints, at: 0, stream: None }
    }

    /// Another connection, to the same endpoint first.
    pub(super) fn another(&self) -> Self {
        Self { endpoints: Arc::clone(&self.endpoints), at: self.at, stream: None }
    }

    /// The endpoint that was asked last, or will be asked next.
    pub(super) fn endpoint(&self) -> &str {
        self.endpoints.get(self.at).map_or("", String::as_str)
    }

    /// Asks and waits for the answer. An idle connection that the other end has closed meanwhile is replaced and the request made
    /// again, so it must be one that may be made twice. After a failure the next endpoint will be asked.
    pub(super) async fn ask(
        &mut self,
        path: &str,
        request: &Value,
        limit: Duration,
    ) -> Result<Value, EtcdError> {
        let body = request.to_string();
        let asked = time::timeout(limit, async {
            let idle = self.stream.is_some();
            match self.attempt(path, &body).await {
                Err(EtcdError::Broken { .. }) if idle => self.attempt(path, &body).await,
                result => result,
            }
        });
        let result =
            asked.await.unwrap_or_else(|_| Err(EtcdError::Silent { at: self.endpoint().to_owned() }));
        // A member that is cut off from the others refuses what another would do.
        if matches!(&result, Err(error) if !error.is_not_found()) {
            self.at = (self.at + 1) % self.endpoints.len();
            self.stream = None;
        }
        result
    }

    /// Asks for an answer that goes on line by line. The connection is then the answer's own.
    pub(super) async fn listen(&mut self, path: &str, body: &str) -> Result<Lines, EtcdError> {
        let at = self.endpoint().to_owned();
        let (mut stream, head) = self.begin(path, body).await?;
        if head.status != 200 {
            let (answer, _) = stream.whole(head).await.map_err(|error| error.at(&at))?;
            return Err(refusal(&at, &answer));
        }
        Ok(Lines { stream, body: head.body, line: BytesMut::new(), at })
    }

    async fn attempt(&mut self, path: &str, body: &str) -> Result<Value, EtcdError> {
        let at = self.endpoint().to_owned();
        let (mut stream, head) = self.begin(path, body).await?;
        let ok = head.status == 200;
        let (answer, reusable) = stream.whole(head).await.map_err(|error| error.at(&at))?;
        if reusable {
            self.stream = Some(stream);
        }
        match serde_json::from_slice(&answer) {
            Ok(answer) if ok => Ok(answer),
            _ => Err(refusal(&at, &answer)),
        }
    }

    /// Sends the request and reads the head of the answer. The connection is taken out meanwhile: one that is given up in the
    /// middle of an answer is of no use for the next.
    async fn begin(&mut self, path: &str, body: &str) -> Result<(Stream, Head), EtcdError> {
        let at = self.endpoint().to_owned();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => match Stream::connect(&at).await {
                Ok(stream) => stream,
                Err(source) => return Err(EtcdError::Connect { at, source }),
            },
        };
        // A member that knows no leader says so instead of waiting for one.
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Grpc-Metadata-Hasleader: true\r\n\r\n{body}",
            body.len()
        );
        let answered = async {
            stream.tcp.write_all(request.as_bytes()).await?;
            stream.head().await
        };
        match answered.await {
            Ok(head) => Ok((stream, head)),
            Err(error) => Err(error.at(&at)),
        }
    }
}

/// An answer that goes on.
#[derive(Debug)]
pub(super) struct Lines {
    stream: Stream,
    body: Body,
    line: BytesMut,
    at: String,
}

impl Lines {
    /// The next line.
    pub(super) async fn next(&mut self) -> Result<Value, EtcdError> {
        loop {
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                let line = self.line.split_to(end + 1);
                return serde_json::from_slice(&line).map_err(|_| foreign(&self.at, &line));
            }
            let piece = self.stream.piece(&mut self.body).await.map_err(|error| error.at(&self.at))?;
            let Some(piece) = piece else {
                return Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into()).at(&self.at));
            };
            if self.line.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(ReadError::Malformed("an answer that is too long").at(&self.at));
            }
            self.line.extend_from_slice(&piece);
        }
    }
}

fn refusal(at: &str, answer: &[u8]) -> EtcdError {
    let refused = || {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let message = answer.get("error").or_else(|| answer.get("message"))?.as_str()?.to_owned();
        Some(EtcdError::Refused { code: answer.get("code").and_then(Value::as_i64)?, message })
    };
    refused().unwrap_or_else(|| foreign(at, answer))
}

pub(super) fn foreign(at: &str, answer: &[u8]) -> EtcdError {
    /// Enough to recognise it by.
    const SHOWN_BYTES: usize = 100;
    let shown = &answer[..answer.len().min(SHOWN_BYTES)];
    EtcdError::Foreign { at: at.to_owned(), what: format!("{:?}", String::from_utf8_lossy(shown).trim()) }
}

#[derive(Debug)]
enum ReadError {
    Io(io::Error),
    Malformed(&'static str),
}

impl ReadError {
    fn at(self, at: &str) -> EtcdError {
        let at = at.to_owned();
        match self {
            Self::Io(source) => EtcdError::Broken { at, source },
            Self::Malformed(what) => EtcdError::Foreign { at, what: what.to_owned() },
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What the head of an answer says.
#[derive(Debug)]
struct Head {
    status: u16,
    body: Body,
    /// Whether the connection may be used again.
    keep: bool,
}

/// How the rest of an answer comes, and what of it is still to come.
#[derive(Debug)]
enum Body {
    Whole { left: usize },
    Chunks { left: usize, first: bool },
    Over,
}

#[derive(Debug)]
struct Stream {
    tcp: TcpStream,
    read: BytesMut,
}

impl Stream {
    async fn connect(at: &str) -> io::Result<Self> {
        let tcp = TcpStream::connect(at).await?;
        tcp.set_nodelay(true)?;
        Ok(Self { tcp, read: BytesMut::new() })
    }

    async fn fill(&mut self) -> Result<(), ReadError> {
        match self.tcp.read_buf(&mut self.read).await? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            _ => Ok(()),
        }
    }

    async fn head(&mut self) -> Result<Head, ReadError> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
            let mut answer = httparse::Response::new(&mut fields);
            match answer.parse(&self.read) {
                Ok(Status::Complete(bytes)) => {
                    let head = judge(&answer)?;
                    self.read.advance(bytes);
                    return Ok(head);
                }
                Ok(Status::Partial) if self.read.len() <= HEAD_BYTES_MAX => self.fill().await?,
                _ => return Err(ReadError::Malformed("not HTTP/1.1")),
            }
        }
    }

    /// The rest of an answer, and whether the connection may be used again.
    async fn whole(&mut self, mut head: Head) -> Result<(Vec<u8>, bool), ReadError> {
        let mut answer = Vec::new();
        while let Some(piece) = self.piece(&mut head.body).await? {
            if answer.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(ReadError::Malformed("an answer that is too long"));
            }
            answer.extend_from_slice(&piece);
        }
        Ok((answer, head.keep && self.read.is_empty()))
    }

    /// The next piece of an answer; nothing at its end.
    async fn piece(&mut self, body: &mut Body) -> Result<Option<Bytes>, ReadError> {
        loop {
            match body {
                Body::Over | Body::Whole { left: 0 } => return Ok(None),
                Body::Chunks { left: 0, first } => *body = self.chunk(*first).await?,
                Body::Whole { left } | Body::Chunks { left, .. } => {
                    if self.read.is_empty() {
                        self.fill().await?;
                    }
                    let piece = self.read.split_to((*left).min(self.read.len())).freeze();
                    *left -= piece.len();
                    return Ok(Some(piece));
                }
            }
        }
    }

    /// Reads how long the next chunk is, behind the line end of the one before.
    async fn chunk(&mut self, first: bool) -> Result<Body, ReadError> {
        let malformed = || ReadError::Malformed("a malformed chunk");
        if !first {
            while self.read.len() < 2 {
                self.fill().await?;
            }
            if !self.read.starts_with(b"\r\n") {
                return Err(malformed());
            }
            self.read.advance(2);
        }
        loop {
            match httparse::parse_chunk_size(&self.read).map_err(|_| malformed())? {
                Status::Complete((bytes, 0)) => {
                    self.read.advance(bytes);
                    break;
                }
                Status::Complete((bytes, left)) => {
                    self.read.advance(bytes);
                    let left = usize::try_from(left).map_err(|_| malformed())?;
                    return Ok(Body::Chunks { left, first: false });
                }
                Status::Partial => self.fill().await?,
            }
        }
        // The last one: fields may follow, and an empty line does.
        loop {
            let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
            match httparse::parse_headers(&self.read, &mut fields).map_err(|_| malformed())? {
                Status::Complete((bytes, _)) => {
                    self.read.advance(bytes);
                    return Ok(Body::Over);
                }
                Status::Partial if self.read.len() <= HEAD_BYTES_MAX => self.fill().await?,
                Status::Partial => return Err(malformed()),
            }
        }
    }
}

fn judge(answer: &httparse::Response<'_, '_>) -> Result<Head, ReadError> {
    let field = |name: &str| {
        let named = |field: &&Header<'_>| field.name.eq_ignore_ascii_case(name);
        answer.headers.iter().find(named).map(|field| field.value)
    };
    let body = match (field("transfer-encoding"), field("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case(b"chunked") => Body::Chunks { left: 0, first: true },
        (None, Some(length)) => {
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            Body::Whole { left: length.ok_or(ReadError::Malformed("a malformed content-length"))? }
        }
        _ => return Err(ReadError::Malformed("an answer of no known length")),
    };
    let close = field("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    Ok(Head { status: answer.code.unwrap_or_default(), body, keep: !close && answer.version == Some(1) })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each connection with the next of `answers`, in pieces of one byte, then closes it.
    async fn server(answers: Vec<&'static str>) -> Arc<[String]> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                _ = stream.read(&mut [0; 1024]).await;
                for byte in answer.as_bytes() {
                    _ = stream.write_all(&[*byte]).await;
                    tokio::task::yield_now().await;
                }
            }
        });
        [addr].into()
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn answers_are_read_whole_however_they_come() {
        let sized = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nx: y\r\n\r\n";
        let mut http = Http::new(server(vec![sized, chunked]).await);
        for _ in 0..2 {
            let answer = http.ask("/", &Value::Null, LIMIT).await.unwrap();
            assert_eq!(answer, serde_json::json!({ "a": 1 }));
        }
    }

    #[tokio::test]
    async fn lines_are_read_as_they_come_and_their_end_is_an_error() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n1\n2\r\n1\r\n\n\r\n0\r\n\r\n";
        let mut http = Http::new(server(vec![text]).await);
        let mut lines = http.listen("/", "{}").await.unwrap();
        assert_eq!((lines.next().await.unwrap(), lines.next().await.unwrap()), (1.into(), 2.into()));
        assert!(matches!(lines.next().await, Err(EtcdError::Broken { .. })));
    }

    #[tokio::test]
    async fn what_is_no_etcd_is_refused_in_words() {
        let cases = [
            (
                "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nNot Found",
                "answered as no etcd does: \"Not Found\"",
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n<p>", "answered as no etcd does: \"<p>\""),
            ("HTTP/1.1 200 OK\r\n\r\n", "an answer of no known length"),
            ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "a malformed content-length"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno\r\n", "a malformed chunk"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1234", "a malformed chunk"),
            ("SSH-2.0-OpenSSH_9.2p1\r\n", "not HTTP/1.1"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{", "broke: "),
        ];
        for (text, expected) in cases {
            let mut http = Http::new(server(vec![text]).await);
            let error = http.ask("/", &Value::Null, LIMIT).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[tokio::test]
    async fn after_a_failure_the_next_endpoint_is_asked() {
        let bad = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{"]).await;
        let good = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1"]).await;
        let mut http = Http::new([bad[0].clone(), good[0].clone()].into());
        assert!(http.ask("/", &Value::Null, LIMIT).await.is_err());
        assert_eq!(http.ask("/", &Value::Null, LIMIT).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_idle_connection_that_was_closed_is_replaced() {
        let one = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1";
        let mut http = Http::new(server(vec![one, one]).await);
        assert_eq!(http.ask("/", &Value::Null, LIMIT).await.unwrap(), 1);
        assert_eq!(http.ask("/", &Value::Null, LIMIT).await.unwrap(), 1);
    }
}
