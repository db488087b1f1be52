//! The task of one connection: reads, answers the handshake and heartbeats, has the client's messages handled, writes
//! what waits, keeps time.
//!
//! While a message is being handled the task goes on reading, so that heartbeats are answered; messages that come
//! meanwhile wait. When too many wait nothing more is read, and TCP makes the client wait. Whatever ends a connection is
//! noted in its [`Out`](super::out::Out), where only the first reason counts; what happens then is in [`super::closing`].

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use pomelo_protocol::{
    handshake::{CODE_OK, CODE_REFUSED, HandshakeReply, HandshakeRequest},
    package::PackageKind,
    websocket::{Opcode, encode_close, encode_frame},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
    task::yield_now,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    Registration, Shared,
    client::{Client, CloseReason},
    fault::Fault,
    frame::Frame,
    hybrid::Handshake,
    inbox::Inbox,
    page::Pages,
    peer::{Event, Peer},
    proxied,
    secure::Received,
};
use crate::Result;

/// How often a task may go round before it lets others run: a client that never stops sending must not hold them up.
const ROUNDS_PER_TURN: usize = 4;

/// How a connection's bytes are sent.
enum Security {
    /// A proxy will say first whose it is; this came of that.
    Proxied(Vec<u8>),
    /// Its first byte will say.
    Unknown,
    Plain,
    Tls,
}

/// How long a message may take from its first byte to its last where there are no heartbeats.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a client is not let in when the application's function for that panics; the panic hook has told about it.
const PANICKED: &str = "on_handshake panicked";

/// What a client is told that sends more messages than it may.
const FLOOD: &str = "too many messages";

/// The first byte of every TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// A connection from its acceptance to its end.
pub(super) struct Connection {
    pub(super) client: Arc<Client>,
    pub(super) shared: Arc<Shared>,
    pub(super) socket: OwnedReadHalf,
    pub(super) inbox: Inbox,
    pub(super) registration: Registration,
    security: Security,
    peer: Peer,
    /// The application is asked whether it may come in.
    checking: Option<Box<Checking>>,
    /// Whether `peer` may hold something that has not been looked at.
    undecoded: bool,
    /// It said goodbye in the way of TLS.
    left: bool,
    /// A record of TLS has begun that is not whole.
    in_record: bool,
    /// When to look whether the client is late; nothing once it is connected without heartbeats, but for a message that has
    /// begun.
    timer: Option<Pin<Box<Sleep>>>,
    /// When it said something last that was whole.
    heard: Instant,
    /// When it may send a second's worth of messages at once again, where there is a limit.
    paced: Option<Instant>,
}

/// A handshake that the application thinks about.
struct Checking {
    request: HandshakeRequest,
    answer: BoxFuture<'static, Result<Option<Value>>>,
}

impl Connection {
    /// One that is `proxied` begins with what a proxy says.
    pub(super) fn new(
        socket: OwnedReadHalf,
        client: Arc<Client>,
        registration: Registration,
        proxied: bool,
    ) -> Self {
        let shared = registration.shared.clone();
        let heard = Instant::now();
        Self {
            socket,
            inbox: Inbox::new(client.clone(), shared.clone()),
            registration,
            security: if proxied { Security::Proxied(Vec::new()) } else { Security::Unknown },
            checking: None,
            peer: Peer::new(shared.hybrid.message_bytes_max),
            undecoded: false,
            left: false,
            in_record: false,
            timer: Some(Box::pin(sleep_until(heard + shared.hybrid.handshake_timeout))),
            heard,
            paced: None,
            client,
            shared,
        }
    }

    /// Serves the client until something ends the connection, which then is in its [`Out`](super::out::Out). Always by the
    /// same task.
    pub(super) fn poll_serve(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let more = (0..ROUNDS_PER_TURN).all(|_| self.poll_round(cx));
        // One write for all that was answered in this turn.
        let _ = self.client.out.poll_flush(self.socket.as_ref(), cx);
        self.poll_timer(cx);
        if self.client.out.is_ended() {
            self.checking = None;
            return Poll::Ready(());
        }
        // Not woken at once: tokio would give it many turns before it looks who else has sent something.
        if more { pin!(yield_now()).poll(cx) } else { Poll::Pending }
    }

    /// Takes in what was read, goes on with what is being handled, and reads. Whether there is more to do at once.
    fn poll_round(&mut self, cx: &mut Context<'_>) -> bool {
        self.take_in();
        self.poll_checking(cx);
        // Pending or not, the rest has its turn.
        let idle = self.inbox.poll(cx).is_ready();
        let leaving = self.client.is_leaving();
        if leaving && idle && !self.undecoded {
            self.client.shut_down();
        }
        let read = if leaving { Poll::Pending } else { self.poll_read(cx) };
        !self.client.out.is_ended() && (read.is_ready() || self.undecoded && self.has_room())
    }

    /// Reads once, into the connector's buffer, when everything read before has been taken in.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.undecoded || self.left {
            return Poll::Pending;
        }
        // Locked for one read, never across an await.
        let mut scratch = self.shared.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = ReadBuf::new(&mut scratch);
        match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
            Err(e) => self.end(CloseReason::Lost(e.kind())),
            Ok(()) if buffer.filled().is_empty() => self.end(CloseReason::Left),
            Ok(()) => {
                let mut behind;
                let mut read = buffer.filled_mut();
                if let Security::Proxied(header) = &mut self.security {
                    match proxied::unwrap(header, read, &mut self.registration) {
                        Ok(None) => return Poll::Ready(()),
                        Ok(Some(rest)) => behind = rest,
                        Err(why) => {
                            self.end(why);
                            return Poll::Ready(());
                        }
                    }
                    self.security = Security::Unknown;
                    if behind.is_empty() {
                        return Poll::Ready(());
                    }
                    read = &mut behind;
                }
                if let Security::Unknown = self.security {
                    match security(&self.client, &self.shared, read[0]) {
                        Ok(security) => self.security = security,
                        Err(fault) => {
                            self.end(CloseReason::Protocol(fault));
                            return Poll::Ready(());
                        }
                    }
                }
                self.undecoded = true;
                let peer = &mut self.peer;
                let received = match self.security {
                    Security::Tls => self.client.out.decrypt(read, |said| peer.feed(said)),
                    Security::Plain | Security::Unknown | Security::Proxied(_) => {
                        peer.feed(read);
                        Ok(Received::More)
                    }
                };
                match received {
                    Ok(received) => {
                        self.left = received == Received::Last;
                        self.in_record = received == Received::Part;
                    }
                    Err(fault) => self.end(CloseReason::Protocol(fault)),
                }
            }
        }
        Poll::Ready(())
    }

    /// Takes in what the client said, as far as there is room for it.
    fn take_in(&mut self) {
        let mut spoke = false;
        while self.undecoded && self.has_room() && !self.client.out.is_ended() {
            match self.peer.next() {
                Ok(Some(event)) => {
                    spoke = true;
                    if self.is_within_rate(&event) { self.on(event) } else { self.end_flood() }
                }
                Ok(None) => self.undecoded = false,
                Err(fault) => self.end(CloseReason::Protocol(fault)),
            }
        }
        if self.checking.is_some() && !self.peer.holds_bytes() {
            // So that it is noticed if the client goes meanwhile.
            self.undecoded = false;
        }
        if spoke {
            self.heard = Instant::now();
        }
        if self.left && !self.undecoded {
            self.end(CloseReason::Left);
        }
        if self.timer.is_none() && (self.in_record || self.peer.holds_bytes()) {
            self.heard = Instant::now();
            self.timer = Some(Box::pin(sleep_until(self.heard + MESSAGE_TIMEOUT)));
        }
    }

    /// Whether anything else the client says can be taken in.
    fn has_room(&self) -> bool {
        self.checking.is_none() && self.inbox.has_room()
    }

    /// Whether it may still say this. What is asked of it, as the handshake is, does not count.
    fn is_within_rate(&mut self, event: &Event) -> bool {
        let Some(rate) = self.shared.hybrid.message_rate else { return true };
        if !matches!(event, Event::Message(_) | Event::Heartbeat | Event::Ping(_)) {
            return true;
        }
        let next = rate.take(self.paced, Instant::now());
        self.paced = next.or(self.paced);
        next.is_some()
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Speaks(transport, accept) => {
                self.client.speaks(transport);
                self.put(accept);
            }
            Event::Http(request) => {
                let (status, answer) = self.shared.pages.answer(request);
                self.client.out.push_unlimited(answer);
                self.end(CloseReason::Http { status });
            }
            Event::Handshake(body) => self.answer_handshake(&body),
            Event::Acked => self.open(),
            Event::Heartbeat => self.beat(),
            Event::Message(message) => self.inbox.push(message),
            Event::Ping(payload) => {
                let mut pong = BytesMut::new();
                encode_frame(Opcode::Pong, &payload, &mut pong);
                self.put(pong.freeze());
            }
            Event::Close(code) => {
                let mut close = BytesMut::new();
                encode_close(code, &mut close);
                self.put(close.freeze());
                self.end(CloseReason::Left);
            }
        }
    }

    fn answer_handshake(&mut self, body: &[u8]) {
        let request = match HandshakeRequest::from_body(body) {
            Ok(request) if request.sys.is_some() => request,
            Ok(_) => return self.refuse(CODE_REFUSED, "it has no sys".to_owned()),
            Err(error) => return self.refuse(CODE_REFUSED, error.to_string()),
        };
        let Some(admit) = &self.shared.hybrid.on_handshake else { return self.let_in(&request, None) };
        let (client, version) = request.client();
        let hello = Handshake {
            client: client.unwrap_or_default().to_owned(),
            version: version.unwrap_or_default().to_owned(),
            user: request.user.clone().unwrap_or_default(),
            addr: self.client.remote_addr(),
            transport: self.client.transport().name(),
        };
        match catch_unwind(AssertUnwindSafe(|| admit(hello))) {
            Ok(answer) => self.checking = Some(Box::new(Checking { request, answer })),
            Err(_) => self.refuse(CODE_REFUSED, PANICKED.to_owned()),
        }
    }

    /// Goes on with what the application thinks about.
    fn poll_checking(&mut self, cx: &mut Context<'_>) {
        let Some(checking) = &mut self.checking else { return };
        let polled = catch_unwind(AssertUnwindSafe(|| checking.answer.as_mut().poll(cx)));
        let answer = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(answer)) => answer.map_err(|error| (error.code(), error.to_string())),
            Err(_) => Err((CODE_REFUSED, PANICKED.to_owned())),
        };
        let Some(checking) = self.checking.take() else { return };
        match answer {
            Ok(user) => self.let_in(&checking.request, user),
            // That would be an answer without what a client needs.
            Err((CODE_OK, why)) => self.refuse(CODE_REFUSED, why),
            Err((code, why)) => self.refuse(code, why),
        }
    }

    fn let_in(&mut self, request: &HandshakeRequest, user: Option<Value>) {
        self.reply(&self.shared.offer.reply(request, user));
    }

    fn refuse(&mut self, code: u16, why: String) {
        self.reply(&HandshakeReply::refused(code));
        self.end(CloseReason::Refused { code, why });
    }

    fn reply(&self, reply: &HandshakeReply) {
        let body = reply.to_body().map_err(|e| e.to_string());
        match body.and_then(|body| Frame::package(PackageKind::Handshake, &body).map_err(|e| e.to_string())) {
            Ok(frame) => self.client.out.push_unlimited(frame.bytes(self.client.transport())),
            Err(why) => self.end(CloseReason::Refused { code: CODE_REFUSED, why }),
        }
    }

    fn open(&mut self) {
        self.timer = self.shared.late_after().map(|after| Box::pin(sleep_until(Instant::now() + after)));
        self.beat();
        self.registration.open();
        self.client.opened();
        self.shared.service.opened(self.client.clone());
    }

    fn beat(&mut self) {
        if let Some(heartbeat) = &self.shared.heartbeat {
            self.put(heartbeat.bytes(self.client.transport()));
        }
    }

    /// Ends the connection when the client is late. If it was heard since, it gets time from then on: the timer is set
    /// once in an interval and not with each package.
    fn poll_timer(&mut self, cx: &mut Context<'_>) {
        while let Some(timer) = &mut self.timer {
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            if !self.registration.is_open() {
                return self.end(CloseReason::HandshakeTimeout);
            }
            let in_part = self.in_record || self.peer.holds_bytes();
            let Some(late_after) = self.shared.late_after().or(in_part.then_some(MESSAGE_TIMEOUT)) else {
                self.timer = None;
                return;
            };
            let now = Instant::now();
            if self.undecoded {
                // It is us who do not listen.
                self.heard = now;
            }
            let due = self.heard + late_after;
            if due <= now {
                return self.end(if in_part {
                    CloseReason::MessageTimeout
                } else {
                    CloseReason::HeartbeatTimeout
                });
            }
            timer.as_mut().reset(due);
        }
    }

    /// Queues bytes that this task will write at the end of its turn.
    fn put(&self, bytes: Bytes) {
        // Refused only when the connection has ended, which the turn notices.
        let _ = self.client.out.push_unflushed(bytes);
    }

    /// Ends the connection of a client that sends too much, which is told so.
    fn end_flood(&self) {
        let kick = Frame::kick(FLOOD).bytes(self.client.transport());
        self.client.out.end(CloseReason::Flood, Some(kick));
    }

    fn end(&self, why: CloseReason) {
        self.client.out.end(why, None);
    }
}

/// What the first byte says about the connection; TLS begins.
fn security(client: &Client, shared: &Shared, first: u8) -> Result<Security, Fault> {
    match (&shared.tls, first) {
        (Some(tls), TLS_HANDSHAKE) => {
            client.out.secure(tls.accept()?);
            Ok(Security::Tls)
        }
        (None, TLS_HANDSHAKE) => Err(Fault::Encrypted),
        (Some(tls), _) if !tls.plain_too() => {
            if first.is_ascii_uppercase() {
                client.out.push_unlimited(Pages::no_tls());
            }
            Err(Fault::NotEncrypted { first })
        }
        _ => Ok(Security::Plain),
    }
}
