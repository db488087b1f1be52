//! One client of a measurement: Pomelo's client protocol over WebSocket, with as little work for each message as there can be,
//! because the generator shares the machine with what it measures. Not a client for anything else: `pomelo-client` is.

use std::{collections::HashMap, io, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub(super) const HANDSHAKE: u8 = 1;
pub(super) const ACK: u8 = 2;
pub(super) const HEARTBEAT: u8 = 3;
pub(super) const DATA: u8 = 4;
pub(super) const KICK: u8 = 5;

/// What is read at once, and so the most that one message may have.
const READ_BYTES: usize = 16 * 1024;

/// A masked binary frame; the mask of zeros leaves the payload as it is.
const MASKED: [u8; 4] = [0; 4];

/// A connection whose handshake is done.
pub(super) struct Connection {
    socket: TcpStream,
    /// Bytes that are not a whole frame yet.
    input: Vec<u8>,
    codes: HashMap<String, u16>,
    /// How often the server wants to hear something; none if never.
    pub(super) heartbeat: Option<Duration>,
}

impl Connection {
    pub(super) async fn open(addr: &str) -> io::Result<Self> {
        let mut socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        let upgrade = format!(
            "GET / HTTP/1.1\r\nHost: {addr}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        socket.write_all(upgrade.as_bytes()).await?;
        let mut this = Self { socket, input: Vec::new(), codes: HashMap::new(), heartbeat: None };
        let end = loop {
            if let Some(end) = this.input.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            this.fill().await?;
        };
        if !this.input.starts_with(b"HTTP/1.1 101") {
            return Err(io::Error::other("the server does not speak WebSocket"));
        }
        this.input.drain(..end);

        let offer = br#"{"sys":{"type":"js-websocket","version":"0.0.1"},"user":{}}"#;
        this.send(&frame(HANDSHAKE, offer)).await?;
        let mut reply = None;
        while reply.is_none() {
            this.read(|kind, body| {
                if kind == HANDSHAKE {
                    reply = Some(body.to_vec());
                }
            })
            .await?;
        }
        let reply: Value = serde_json::from_slice(&reply.unwrap_or_default())?;
        if reply["code"] != 200 {
            return Err(io::Error::other(format!("handshake refused: {reply}")));
        }
        this.heartbeat = reply["sys"]["heartbeat"].as_f64().filter(|s| *s > 0.0).map(Duration::from_secs_f64);
        if let Some(dictionary) = reply["sys"]["dict"].as_object() {
            let code = |code: &Value| code.as_u64().and_then(|code| u16::try_from(code).ok());
            this.codes = dictionary.iter().filter_map(|(k, v)| Some((k.clone(), code(v)?))).collect();
        }
        this.send(&frame(ACK, b"")).await?;
        Ok(this)
    }

    /// The frame of a request; the same bytes can be sent again and again while only one waits for its answer.
    pub(super) fn request(&self, id: u8, route: &str, body: &Value) -> Vec<u8> {
        let code = self.codes.get(route);
        let mut message = vec![u8::from(code.is_some()), id & 0x7f];
        match code {
            Some(code) => message.extend_from_slice(&code.to_be_bytes()),
            None => {
                message.push(u8::try_from(route.len()).unwrap_or(u8::MAX));
                message.extend_from_slice(route.as_bytes());
            }
        }
        message.extend_from_slice(body.to_string().as_bytes());
        frame(DATA, &message)
    }

    pub(super) async fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.socket.write_all(frame).await
    }

    /// Sends a request and waits for its answer; what else comes is dropped.
    pub(super) async fn call(&mut self, route: &str, body: &Value) -> io::Result<Value> {
        let request = self.request(1, route, body);
        self.send(&request).await?;
        let mut answer = None;
        while answer.is_none() {
            self.read(|kind, body| {
                if kind == DATA && is_response(body) {
                    // No more than one byte of id, and no route.
                    answer = body.get(2..).map(<[u8]>::to_vec);
                }
            })
            .await?;
        }
        Ok(serde_json::from_slice(&answer.unwrap_or_default())?)
    }

    /// Waits for bytes and hands on each package in them: its type and body.
    pub(super) async fn read(&mut self, mut package: impl FnMut(u8, &[u8])) -> io::Result<()> {
        self.fill().await?;
        let mut at = 0;
        while let Some((head, payload)) = frame_head(&self.input[at..]) {
            let mut rest = &self.input[at + head..at + head + payload];
            while let [kind, a, b, c, tail @ ..] = rest {
                let bytes = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
                let Some((body, others)) = tail.split_at_checked(bytes) else { break };
                package(*kind, body);
                rest = others;
            }
            at += head + payload;
        }
        self.input.drain(..at);
        Ok(())
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.input.reserve(READ_BYTES);
        match self.socket.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Bytes of the head and of the payload of a frame of a server, if it is whole.
fn frame_head(bytes: &[u8]) -> Option<(usize, usize)> {
    let (head, payload) = match *bytes.get(1)? & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    (bytes.len() >= head + payload).then_some((head, payload))
}

/// A package in a masked frame.
pub(super) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let package = package(kind, body);
    let mut out = vec![0x82];
    match u8::try_from(package.len()) {
        Ok(short) if short < 126 => out.push(0x80 | short),
        _ => {
            out.push(0x80 | 126);
            out.extend_from_slice(&u16::try_from(package.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASKED);
    out.extend_from_slice(&package);
    out
}

/// A package, as it goes over raw TCP.
pub(super) fn package(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

/// Whether a message answers a request.
pub(super) fn is_response(message: &[u8]) -> bool {
    message.first().is_some_and(|flag| flag >> 1 & 7 == 2)
}

/// Whether a message is a push.
pub(super) fn is_push(message: &[u8]) -> bool {
    message.first().is_some_and(|flag| flag >> 1 & 7 == 3)
}
