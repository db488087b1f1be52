//! The connections of clients: WebSocket and raw TCP on one port, handshake, heartbeats, kick, limits.
//!
//! [`Connector`] accepts connections and owns their tasks ([`connection`]). What a client may send when is decided by a
//! state machine without I/O ([`peer`]); what goes to it waits in its own queue ([`out`]) and is written by one flusher.
//! The rest of the framework is behind [`ClientService`] and holds [`Client`]s.
//!
//! Not here: sessions, routing, handlers. Bodies are never looked into.

mod client;
mod fault;
mod frame;
mod hybrid;
mod out;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use pomelo_protocol::dictionary::Dictionary;
use tokio::net::{TcpListener, TcpSocket};

pub use hybrid::Hybrid;

pub(crate) use client::{Client, ClientService, CloseReason, Closed, Inbound, Transport};
pub(crate) use fault::ConnectorError;
pub(crate) use frame::Frame;

/// How many connections the kernel keeps for us between two turns of the accepting task.
const BACKLOG: u32 = 4096;

/// How long a handler may go on with a message after its client is gone, before its future is dropped.
pub(crate) const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts clients on one port. Bind it, keep a [`handle`](Self::handle), and [`run`](Self::run) it as a task.
pub(crate) struct Connector {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// For asking about a connector while it runs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectorHandle(Arc<Shared>);

/// What connections of one connector have in common.
struct Shared {
    hybrid: Hybrid,
    dictionary: Arc<Dictionary>,
    service: Arc<dyn ClientService>,
    clients: AtomicUsize,
    counts: Counts,
}

/// What has happened at a connector since it started.
#[derive(Default)]
struct Counts {
    refused_full: AtomicU64,
}

impl Connector {
    /// Listens on `addr`; port 0 takes a free one. Within a tokio runtime.
    pub(crate) fn bind(
        addr: SocketAddr,
        hybrid: Hybrid,
        dictionary: Arc<Dictionary>,
        service: Arc<dyn ClientService>,
    ) -> Result<Self, ConnectorError> {
        let listener = listen(addr).map_err(|source| ConnectorError::Bind { addr, source })?;
        let shared =
            Shared { hybrid, dictionary, service, clients: AtomicUsize::new(0), counts: Counts::default() };
        Ok(Self { listener, shared: Arc::new(shared) })
    }

    /// For asking about it while it runs.
    pub(crate) fn handle(&self) -> ConnectorHandle {
        ConnectorHandle(self.shared.clone())
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves clients until `shutdown` is done, then closes them all and returns when the service knows of it.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
    }
}

impl ConnectorHandle {
    /// How many clients have finished their handshake and are connected now.
    pub(crate) fn clients(&self) -> usize {
        self.0.clients.load(Ordering::Relaxed)
    }
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
