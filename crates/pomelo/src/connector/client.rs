//! What the rest of the framework sees of a connected client: [`Client`] to send to it or send it away,
//! [`ClientService`] to be told what it does, [`CloseReason`] for why it went.
//!
//! No session data: who the client is, what it is bound to and where its messages go is the business of the service.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{admission::Refusal, fault::Fault, flusher::Flusher, frame::Frame, out::Out, wording::Body};

/// What a connector tells the framework.
///
/// For one client: `opened`, then any number of `message`, one at a time and in the order they arrived but for those to
/// concurrent routes, then `closed`, each of the two exactly once. A client that never finished its handshake is never mentioned.
pub(crate) trait ClientService: Send + Sync + 'static {
    /// The handshake is done; the client can be sent to.
    fn opened(&self, client: Arc<Client>);

    /// Whether messages to this route wait for no other message of their client, and no other waits for them.
    fn is_concurrent(&self, route: &str) -> bool;

    /// A message came. What the future gives is the body of the response, if the message is a request; a request
    /// without one, or whose future panics, is answered `{"code":500}`. The next message of this client waits for it, unless one of them is to a concurrent route.
    ///
    /// It is not dropped when the client goes: it has [`FINISH_TIMEOUT`](super::FINISH_TIMEOUT) from then on.
    fn message(&self, client: &Arc<Client>, message: Inbound) -> BoxFuture<'static, Option<Bytes>>;

    /// The client is gone; nothing can be sent any more and no message is being handled.
    fn closed(&self, client: &Arc<Client>, why: CloseReason) -> BoxFuture<'static, ()>;
}

/// A request or notify of a client.
#[derive(Clone, Debug)]
pub(crate) struct Inbound {
    /// The id of a request, which its response will carry; none for a notify.
    pub(crate) id: Option<u32>,
    /// `serverType.handler.method`. A dictionary code that means nothing is passed on as `#code`, which is no route.
    pub(crate) route: Arc<str>,
    /// What is said.
    pub(crate) body: Body,
}

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// WebSocket: packages in binary messages.
    WebSocket,
    /// Packages one after the other on a TCP connection.
    Tcp,
}

impl Transport {
    /// As the original names it in a session and in its statistics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "ws",
            Self::Tcp => "tcp",
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CloseReason {
    /// The client closed it.
    #[error("client closed the connection")]
    Left,
    /// [`Client::kick`].
    #[error("kicked: {reason}")]
    Kicked {
        /// What the client was told.
        reason: String,
    },
    /// [`Client::close`].
    #[error("closed by the server")]
    Closed,
    /// The connector ends.
    #[error("connector shuts down")]
    Shutdown,
    /// Nothing was heard for twice the heartbeat interval.
    #[error("no heartbeat")]
    HeartbeatTimeout,
    /// Nothing whole was heard for that long, but a message had begun.
    #[error("message not finished in time")]
    MessageTimeout,
    /// The handshake was not done in time.
    #[error("handshake not finished in time")]
    HandshakeTimeout,
    /// The handshake was answered with this code.
    #[error("handshake refused with code {code}: {why}")]
    Refused {
        /// 500 or 501.
        code: u16,
        /// For the log.
        why: String,
    },
    /// It did not read what was sent to it.
    #[error("client does not read: {queued_bytes} bytes are waiting")]
    SlowReader {
        /// What had piled up.
        queued_bytes: usize,
    },
    /// It sent more messages than it may.
    #[error("flood: more messages within a second than allowed")]
    Flood,
    /// Its proxy said whose it is, and that one is not let in.
    #[error("connection refused: {0}")]
    NotAdmitted(Refusal),
    /// It sent something that is not allowed.
    #[error("{0}")]
    Protocol(Fault),
    /// The network failed.
    #[error("connection lost: {0}")]
    Lost(io::ErrorKind),
    /// It was a plain HTTP request, and has its answer.
    #[error("answered an HTTP request with {status}")]
    Http {
        /// The status of the answer.
        status: u16,
    },
}

/// The client is gone or going: nothing can be sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client connection is closed")]
pub(crate) struct Closed;

/// One client connection, as long as somebody holds it; its socket is closed when the connection ends.
pub(crate) struct Client {
    id: u64,
    remote_addr: SocketAddr,
    /// Where a proxy says it comes from. Boxed: most connections come without.
    proxied_addr: OnceLock<Box<SocketAddr>>,
    transport: OnceLock<Transport>,
    pub(super) out: Out,
    flusher: Arc<Flusher>,
    /// For the flusher's list.
    this: Weak<Self>,
    open: AtomicBool,
    leaving: AtomicBool,
}

impl Client {
    pub(super) fn new(id: u64, remote_addr: SocketAddr, out: Out, flusher: Arc<Flusher>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            id,
            remote_addr,
            proxied_addr: OnceLock::new(),
            transport: OnceLock::new(),
            out,
            flusher,
            open: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
        })
    }

    /// The session id: 1, 2, 3 and so on in the order this connector accepted connections.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Where it connected from; as its proxy says, if it comes through one.
    pub(crate) fn remote_addr(&self) -> SocketAddr {
        self.proxied_addr.get().map_or(self.remote_addr, |addr| **addr)
    }

    /// Its proxy says where it comes from.
    pub(super) fn comes_from(&self, addr: SocketAddr) {
        // Said once, before anybody else has this client.
        let _ = self.proxied_addr.set(Box::new(addr));
    }

    /// What its first bytes said it speaks.
    pub(crate) fn transport(&self) -> Transport {
        self.transport.get().copied().unwrap_or(Transport::Tcp)
    }

    pub(super) fn speaks(&self, transport: Transport) {
        // Decided once, by the connection's task, before anybody else has this client.
        let _ = self.transport.set(transport);
    }

    /// Puts a frame behind what is already waiting for this client; it leaves when the flusher comes to this client,
    /// together with everything else that waits by then. Never blocks. `Ok` says that it will be sent if the client lives.
    ///
    /// If more than `buffer_bytes_max` would be waiting the client is closed as a [slow reader](CloseReason::SlowReader).
    pub(crate) fn send(&self, frame: &Frame) -> Result<(), Closed> {
        if self.out.push(frame.bytes(self.transport()))?
            && let Some(this) = self.this.upgrade()
        {
            self.flusher.add(this);
        }
        Ok(())
    }

    /// Sends what is waiting, then a kick package that names the reason, and closes the connection. Does nothing when
    /// it is already going.
    pub(crate) fn kick(&self, reason: &str) {
        let kick = Frame::kick(reason).bytes(self.transport());
        self.out.end(CloseReason::Kicked { reason: reason.to_owned() }, Some(kick));
    }

    /// Sends what is waiting and closes the connection. Does nothing when it is already going.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the seam has it for what is to end sessions without a kick")
    )]
    pub(crate) fn close(&self) {
        self.out.end(CloseReason::Closed, None);
    }

    /// Whether the connection goes on, as far as is known.
    pub(crate) fn goes_on(&self) -> bool {
        !self.out.is_ended()
    }

    /// Sends the client elsewhere as soon as everything it has asked is answered.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.out.wake();
    }

    /// Whether it is to be sent elsewhere.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Sends what is waiting, tells the client to come back elsewhere, and closes the connection.
    pub(super) fn shut_down(&self) {
        // One that is still in its handshake understands no kick.
        let last = self.open.load(Ordering::Relaxed).then(|| Frame::come_back().bytes(self.transport()));
        self.out.end(CloseReason::Shutdown, last);
    }

    /// The handshake is done.
    pub(super) fn opened(&self) {
        self.open.store(true, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("remote_addr", &self.remote_addr())
            .finish_non_exhaustive()
    }
}
