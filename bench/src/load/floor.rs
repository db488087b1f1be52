//! The least that the work must cost: one thread, epoll, no runtime, no sessions, no JSON. It speaks just enough of the protocol for
//! the generator, and trusts it; nobody else may talk to it.
//!
//! It answers requests with their own body, those for a chat server through a link to a second process like it, and pushes to
//! everybody, many queued pushes in one write.

use std::{
    io::{self, IoSlice, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use pomelo_protocol::websocket::upgrade::accept_key;
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
};

const HANDSHAKE: &[u8] = br#"{"code":200,"sys":{"heartbeat":30,"dict":{"connector.entryHandler.echo":1,"connector.entryHandler.enter":2,"chat.chatHandler.bench":3,"onBench":4,"chat.chatHandler.echo":5}}}"#;

/// Codes of the dictionary above.
const BENCH: u16 = 3;
const ON_BENCH: u16 = 4;
const FORWARDED: u16 = 5;

/// One read, shared by all connections.
const READ_BYTES: usize = 64 * 1024;

/// Events taken at once.
const EVENTS: usize = 256;

/// Pushes of one write.
const SLICES: usize = 64;

/// The listener and the link among the keys of events; connections count from the number after.
const LISTENER: usize = 0;
const LINK: usize = 1;

/// Runs until it is killed; says its port on stdout. With the port of a `link`, forwards there what is for a chat server. With an
/// `interval`, pushes are written as seldom as that.
pub(crate) fn serve(link: Option<u16>, interval: Option<Duration>) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?.port());
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, data(LISTENER), EventFlags::IN)?;
    let link = link.map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port))).transpose()?;
    if let Some(link) = &link {
        link.set_nodelay(true)?;
        link.set_nonblocking(true)?;
        epoll::add(&epoll, link, data(LINK), EventFlags::IN)?;
    }
    let link = link.map(|socket| Link { socket, input: Vec::new(), out: Vec::new() });
    let mut floor = Floor {
        epoll,
        // The keys of listener and link are nobody's.
        connections: vec![None, None],
        link,
        dirty: Vec::new(),
        scratch: vec![0; READ_BYTES],
    };
    let mut events = Vec::with_capacity(EVENTS);
    let mut flushed = Instant::now();
    loop {
        events.clear();
        let rest = interval.map(|interval| interval.saturating_sub(flushed.elapsed()));
        let timeout = rest.filter(|_| !floor.dirty.is_empty()).map(Timespec::try_from).transpose()?;
        epoll::wait(&floor.epoll, spare_capacity(&mut events), timeout.as_ref())?;
        for event in events.drain(..) {
            match usize::try_from(event.data.u64())? {
                LISTENER => floor.accept(&listener)?,
                LINK => floor.answers()?,
                key => floor.ready(key, event.flags),
            }
        }
        // From the beginning of one round to that of the next, as ours counts it.
        let now = Instant::now();
        let all = interval.is_none_or(|interval| now - flushed >= interval);
        floor.flush(all)?;
        if all {
            flushed = now;
        }
    }
}

/// The second process: gives back what comes over links. A frame is its length, a key, a body.
pub(crate) fn echo_links() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let (mut socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    let mut scratch = vec![0; READ_BYTES];
    loop {
        // The frames go back as they are, so their limits don't matter.
        match socket.read(&mut scratch)? {
            0 => return Ok(()),
            read => socket.write_all(&scratch[..read])?,
        }
    }
}

struct Floor {
    epoll: rustix::fd::OwnedFd,
    /// By key; none where one has gone.
    connections: Vec<Option<Box<Connection>>>,
    link: Option<Link>,
    /// Connections with something to write.
    dirty: Vec<usize>,
    scratch: Vec<u8>,
}

struct Connection {
    socket: TcpStream,
    /// Of the upgrade, or of a frame that is not whole.
    input: Vec<u8>,
    upgraded: bool,
    /// Answers.
    out: Vec<u8>,
    pushes: Vec<Rc<[u8]>>,
    dirty: bool,
    blocked: bool,
}

struct Link {
    socket: TcpStream,
    input: Vec<u8>,
    out: Vec<u8>,
}

/// What a message wants beyond an answer.
enum Wish {
    Push(Vec<u8>),
    Forward(Vec<u8>),
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            let socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept"),
            };
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            epoll::add(&self.epoll, &socket, data(self.connections.len()), EventFlags::IN)?;
            let connection = Connection {
                socket,
                input: Vec::new(),
                upgraded: false,
                out: Vec::new(),
                pushes: Vec::new(),
                dirty: false,
                blocked: false,
            };
            self.connections.push(Some(Box::new(connection)));
        }
    }

    fn ready(&mut self, key: usize, flags: EventFlags) {
        let Some(connection) = self.connections[key].as_mut() else { return };
        if flags.contains(EventFlags::OUT) {
            connection.blocked = false;
            // An error here is seen by the next read.
            let _ = epoll::modify(&self.epoll, &connection.socket, data(key), EventFlags::IN);
            mark(connection, key, &mut self.dirty);
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return;
        }
        let read = match connection.socket.read(&mut self.scratch) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Ok(0) | Err(_) => {
                self.connections[key] = None;
                return;
            }
            Ok(read) => read,
        };
        let mut wishes = Vec::new();
        connection.input(&mut self.scratch[..read], &mut wishes);
        mark(connection, key, &mut self.dirty);
        for wish in wishes {
            match wish {
                Wish::Push(body) => {
                    let mut frame = Vec::new();
                    package(&mut frame, 4, &[&[7], &ON_BENCH.to_be_bytes(), &body]);
                    let frame: Rc<[u8]> = frame.into();
                    for (key, connection) in self.connections.iter_mut().enumerate() {
                        let Some(connection) = connection else { continue };
                        connection.pushes.push(Rc::clone(&frame));
                        mark(connection, key, &mut self.dirty);
                    }
                }
                Wish::Forward(answer) => {
                    if let Some(link) = &mut self.link {
                        let bytes = u32::try_from(answer.len()).unwrap_or_default();
                        link.out.extend_from_slice(&bytes.to_be_bytes());
                        link.out.extend_from_slice(&(key as u64).to_be_bytes());
                        link.out.extend_from_slice(&answer);
                    }
                }
            }
        }
    }

    /// What came back over the link, to those who asked.
    fn answers(&mut self) -> Result<()> {
        let Some(link) = &mut self.link else { return Ok(()) };
        match link.socket.read(&mut self.scratch) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Ok(0) => anyhow::bail!("the other end of the link has gone"),
            read => link.input.extend_from_slice(&self.scratch[..read?]),
        }
        let mut at = 0;
        while let Some(head) = link.input.get(at..at + 12) {
            let bytes = u32::from_be_bytes(head[..4].try_into()?) as usize;
            let key = usize::try_from(u64::from_be_bytes(head[4..].try_into()?))?;
            let Some(answer) = link.input.get(at + 12..at + 12 + bytes) else { break };
            if let Some(Some(connection)) = self.connections.get_mut(key) {
                package(&mut connection.out, 4, &[answer]);
                mark(connection, key, &mut self.dirty);
            }
            at += 12 + bytes;
        }
        link.input.drain(..at);
        Ok(())
    }

    /// One write for each connection that has something, and one for the link; those that have nothing but pushes wait if they
    /// are not all meant.
    fn flush(&mut self, all: bool) -> Result<()> {
        for key in std::mem::take(&mut self.dirty) {
            let Some(connection) = self.connections[key].as_mut() else { continue };
            if !all && connection.out.is_empty() {
                self.dirty.push(key);
                continue;
            }
            connection.dirty = false;
            if !connection.blocked && !connection.flush() {
                connection.blocked = true;
                let both = EventFlags::IN | EventFlags::OUT;
                let _ = epoll::modify(&self.epoll, &connection.socket, data(key), both);
            }
        }
        if let Some(link) = &mut self.link
            && !link.out.is_empty()
        {
            // A full link is not part of the measurement: it would only wait here.
            rustix::io::ioctl_fionbio(&link.socket, false)?;
            link.socket.write_all(&link.out)?;
            rustix::io::ioctl_fionbio(&link.socket, true)?;
            link.out.clear();
        }
        Ok(())
    }
}

fn data(key: usize) -> EventData {
    EventData::new_u64(key as u64)
}

fn mark(connection: &mut Connection, key: usize, dirty: &mut Vec<usize>) {
    let nothing = connection.out.is_empty() && connection.pushes.is_empty();
    if !connection.dirty && !nothing {
        connection.dirty = true;
        dirty.push(key);
    }
}

impl Connection {
    /// Whole frames are handled where they are; what is left is kept.
    fn input(&mut self, bytes: &mut [u8], wishes: &mut Vec<Wish>) {
        let mut kept = std::mem::take(&mut self.input);
        let bytes = match kept.is_empty() {
            true => bytes,
            false => {
                kept.extend_from_slice(bytes);
                &mut kept[..]
            }
        };
        let mut at = 0;
        if !self.upgraded {
            match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => {
                    let head = String::from_utf8_lossy(&bytes[..end]);
                    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
                    let accept = accept_key(key.unwrap_or_default());
                    let head =
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
                    self.out.extend_from_slice(
                        format!("{head}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes(),
                    );
                    (self.upgraded, at) = (true, end + 4);
                }
                None => {
                    self.input = bytes.to_vec();
                    return;
                }
            }
        }
        while let Some((payload, end)) = unmasked(&mut bytes[at..]) {
            let message = at + payload..at + end;
            at += end;
            package_in(&bytes[message], &mut self.out, wishes);
        }
        self.input = bytes[at..].to_vec();
    }

    /// False if the socket takes no more.
    fn flush(&mut self) -> bool {
        let slices = std::iter::once(&self.out[..]).chain(self.pushes.iter().map(|push| &push[..]));
        let slices: Vec<_> =
            slices.filter(|slice| !slice.is_empty()).take(SLICES).map(IoSlice::new).collect();
        let mut written = self.socket.write_vectored(&slices).unwrap_or_default();
        let out = written.min(self.out.len());
        self.out.drain(..out);
        written -= out;
        let mut whole = 0;
        while self.pushes.get(whole).is_some_and(|push| push.len() <= written) {
            written -= self.pushes[whole].len();
            whole += 1;
        }
        self.pushes.drain(..whole);
        if written > 0 {
            // Rare: the rest of a push goes first the next time.
            let rest = self.pushes.remove(0);
            self.out.extend_from_slice(&rest[written..]);
        }
        self.out.is_empty() && self.pushes.is_empty()
    }
}

/// Where the payload of a client's frame begins and where it ends, with the mask taken off; none if it is not whole.
fn unmasked(bytes: &mut [u8]) -> Option<(usize, usize)> {
    let (head, payload) = match *bytes.get(1)? & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        short => (2, usize::from(short)),
    };
    let (begin, end) = (head + 4, head + 4 + payload);
    let mask: [u8; 4] = bytes.get(head..begin)?.try_into().ok()?;
    let payload = bytes.get_mut(begin..end)?;
    payload.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Some((begin, end))
}

/// A package of a client: kind, three bytes of length, body.
fn package_in(package_bytes: &[u8], out: &mut Vec<u8>, wishes: &mut Vec<Wish>) {
    let [kind, _, _, _, body @ ..] = package_bytes else { return };
    match (kind, body) {
        (1, _) => package(out, 1, &[HANDSHAKE]),
        (2 | 3, _) => package(out, 3, &[]),
        // Every route of the generator is in the dictionary, and every id has one byte.
        (4, [1, id, high, low, body @ ..]) => {
            let answer = [4, *id];
            match u16::from_be_bytes([*high, *low]) {
                FORWARDED => wishes.push(Wish::Forward([&answer, body].concat())),
                code => {
                    if code == BENCH {
                        wishes.push(Wish::Push(body.to_vec()));
                    }
                    let body: &[u8] = if code == 1 { body } else { br#"{"code":200}"# };
                    package(out, 4, &[&answer, body]);
                }
            }
        }
        _ => {}
    }
}

/// A package in a frame of a server.
fn package(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    out.push(0x82);
    match u8::try_from(bytes + 4) {
        Ok(short) if short < 126 => out.push(short),
        _ => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(bytes + 4).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    let [_, a, b, c] = u32::try_from(bytes).unwrap_or_default().to_be_bytes();
    out.extend_from_slice(&[kind, a, b, c]);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
