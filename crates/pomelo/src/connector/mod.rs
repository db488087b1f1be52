//! The connections of clients: WebSocket and raw TCP on one port, handshake, heartbeats, kick, limits.
//!
//! [`Connector`] accepts connections and owns their tasks. A task ([`connection`]) reads from its client; what the client
//! may say when is decided without I/O ([`peer`]); its messages are handled one at a time ([`inbox`]); what goes to it
//! waits in a queue of its own ([`out`]), mostly written by one flusher for all; how it ends is in [`closing`]. The rest of
//! the framework is behind [`ClientService`] and holds [`Client`]s.
//!
//! Not here: sessions, routing, handlers. Bodies are never looked into, except that those in protobuf are translated from
//! JSON and to it ([`wording`]).

mod admission;
mod client;
mod closing;
mod connection;
mod counts;
mod fault;
mod flusher;
mod frame;
mod hybrid;
mod inbox;
mod out;
mod page;
mod peer;
mod proxied;
mod secure;
mod sink;
#[cfg(test)]
mod tests;
mod tls;
mod wording;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pomelo_cluster::cidr::Cidr;
use pomelo_protocol::{dictionary::Dictionary, handshake::HandshakeOffer, package::PackageKind};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use crate::{listen::listen, throttle::Throttle};

use admission::{Admission, Place, Refusal};
use connection::Connection;
use counts::Counts;
use flusher::Flusher;
use out::Out;
use page::Pages;

pub use hybrid::{Handshake, Hybrid};
pub use tls::TlsError;

pub(crate) use client::{Client, ClientService, CloseReason, Inbound};
pub(crate) use fault::ConnectorError;
pub(crate) use frame::Frame;
pub(crate) use tls::Tls;
pub(crate) use wording::{Body, Wording};

/// What one read can take; shared by all connections, so that an idle one keeps no buffer.
const SCRATCH_BYTES: usize = 64 * 1024;

/// How long to wait after the system had no connection to give, for want of file descriptors mostly.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long the handler of a client that is gone may go on with its message, before its future is dropped.
pub(crate) const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connections may take to end when nobody says how long; more than any of them should need.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);

/// So many clients are told to go at a time, and then as many [`LEAVE_PAUSE`] later: those who come back at once come to other
/// connectors, and all through one gate.
const LEAVE_AT_ONCE: usize = 200;

/// See [`LEAVE_AT_ONCE`].
const LEAVE_PAUSE: Duration = Duration::from_millis(10);

/// After how long without a word TCP itself asks whether a client without heartbeats is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Accepts clients on one port. [Bind](Self::bind) it, keep a [`handle`](Self::handle), and [`run`](Self::run) it
/// as a task.
pub(crate) struct Connector {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// How the clients of a connector that ends are sent away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leave {
    /// Until then what they asked for may be finished and answered; then they are told to come back elsewhere.
    pub(crate) finish: Instant,
    /// Until then their connections may take to end; then they are dropped.
    pub(crate) close: Instant,
}

impl Leave {
    /// Finishes nothing.
    pub(crate) fn at_once() -> Self {
        Self { finish: Instant::now(), close: Instant::now() + DRAIN_TIMEOUT }
    }
}

/// For asking about a connector while it runs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectorHandle(Arc<Shared>);

/// What the connections of one connector have in common.
struct Shared {
    hybrid: Hybrid,
    dictionary: Arc<Dictionary>,
    /// How bodies are written.
    wording: Wording,
    /// Answers that don't fit their definition, in the log.
    misfits: Throttle,
    service: Arc<dyn ClientService>,
    offer: HandshakeOffer,
    /// None without heartbeats.
    heartbeat: Option<Frame>,
    pages: Pages,
    /// None where connections are in the clear.
    tls: Option<Tls>,
    flusher: Arc<Flusher>,
    /// Locked for one read and the copy of what it brought.
    scratch: Mutex<Box<[u8]>>,
    /// Every connection, from its acceptance on; bounded by the places.
    clients: Mutex<HashMap<u64, Arc<Client>>>,
    /// Those among them whose handshake is done.
    open: AtomicUsize,
    admission: Arc<Admission>,
    counts: Counts,
}

/// A connection's entry among the others, taken back when it is dropped, whatever ends the task.
struct Registration {
    shared: Arc<Shared>,
    client: Arc<Client>,
    /// Whether the service knows of the client.
    open: bool,
    /// Its place among the connections this connector may have.
    place: Place,
}

impl Connector {
    /// Listens on the first of `addrs` that this machine has; port 0 takes a free one. Within a tokio runtime.
    pub(crate) fn bind(
        addrs: &[SocketAddr],
        hybrid: Hybrid,
        tls: Option<Tls>,
        dictionary: Arc<Dictionary>,
        service: Arc<dyn ClientService>,
    ) -> Result<Self, ConnectorError> {
        let listener = listen(addrs).map_err(|(addr, source)| ConnectorError::Bind { addr, source })?;
        Ok(Self { listener, shared: Arc::new(Shared::new(hybrid, tls, dictionary, service)) })
    }

    /// For asking about it while it runs.
    pub(crate) fn handle(&self) -> ConnectorHandle {
        ConnectorHandle(self.shared.clone())
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves clients until `shutdown` is done, then sends them all away and returns when the service knows of it.
    pub(crate) async fn run(self, shutdown: impl Future<Output = Leave>) {
        let Self { listener, shared } = self;
        // Dropped, and so ended, with this future.
        let mut companions = JoinSet::new();
        let flushed = shared.clone();
        companions.spawn(async move { flushed.flusher.run().await });
        let watched = shared.clone();
        companions.spawn(async move {
            if let Some(tls) = &watched.tls {
                tls.watch().await;
            }
        });

        let mut connections = JoinSet::new();
        let leave = tokio::select! {
            leave = shutdown => leave,
            () = accept(&listener, &shared, &mut connections) => Leave::at_once(),
        };
        drop(listener);
        if !connections.is_empty() {
            tracing::info!(connections = connections.len(), "sending clients elsewhere");
        }
        let finished = timeout_at(leave.finish, async {
            let clients: Vec<_> = shared.lock_clients().values().cloned().collect();
            for (client, n) in clients.iter().zip(1..) {
                client.leave();
                if n % LEAVE_AT_ONCE == 0 {
                    sleep(LEAVE_PAUSE).await;
                }
            }
            drop(clients);
            while let Some(ended) = connections.join_next().await {
                report(ended);
            }
        });
        if finished.await.is_err() {
            for client in shared.lock_clients().values() {
                client.shut_down();
            }
        }
        let drained = timeout_at(leave.close, async {
            while let Some(ended) = connections.join_next().await {
                report(ended);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(connections = connections.len(), "connections did not end in time, dropped");
            connections.shutdown().await;
        }
        shared.flusher.clear();
        shared.counts.read().log();
    }
}

impl ConnectorHandle {
    /// How many clients have finished their handshake and are connected now.
    pub(crate) fn clients(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Lets nobody in from there from now on. Whoever is connected stays.
    pub(crate) fn block(&self, nets: impl IntoIterator<Item = Cidr>) {
        self.0.admission.block(nets);
    }

    /// What happened since the connector was bound; it says so in the log when it ends.
    #[cfg(test)]
    fn counts(&self) -> counts::ConnectorCounts {
        self.0.counts.read()
    }

    /// How many connections are open now, whatever they are.
    #[cfg(test)]
    fn connections(&self) -> usize {
        self.0.lock_clients().len()
    }
}

/// Accepts for ever.
async fn accept(listener: &TcpListener, shared: &Arc<Shared>, connections: &mut JoinSet<()>) {
    let (refusing, failing) = (Throttle::default(), Throttle::default());
    let mut id = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
        };
        let (socket, addr) = match accepted {
            // IPv4 comes in the clothes of IPv6 where both are listened to.
            Ok((socket, addr)) => (socket, SocketAddr::new(addr.ip().to_canonical(), addr.port())),
            // The client's affair: others must not wait for it.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) =>
            {
                continue;
            }
            Err(error) => {
                if let Some(left_out) = failing.admit() {
                    tracing::warn!(%error, left_out, "cannot accept a connection");
                }
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let proxied = shared.hybrid.proxies.iter().any(|net| net.contains(addr.ip()));
        let place = match proxied {
            true => shared.admission.admit_proxy(),
            false => shared.admission.admit(addr.ip(), Instant::now()),
        };
        let place = match place {
            Ok(place) => place,
            Err(refusal) => {
                shared.counts.refused(refusal);
                if let Some(left_out) = refusing.admit() {
                    tracing::warn!(%addr, left_out, "connection refused: {refusal}");
                }
                continue;
            }
        };
        id += 1;
        shared.counts.accepted();
        if let Some(connection) = begin(socket, addr, id, shared, place, proxied) {
            connections.spawn(closing::serve(Box::new(connection)));
        }
    }
}

/// A connection that was just accepted; none if it is gone already.
fn begin(
    socket: TcpStream,
    addr: SocketAddr,
    id: u64,
    shared: &Arc<Shared>,
    place: Place,
    proxied: bool,
) -> Option<Connection> {
    socket.set_nodelay(true).ok()?;
    if shared.hybrid.heartbeat.is_none() {
        let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
        socket2::SockRef::from(&socket).set_tcp_keepalive(&keepalive).ok()?;
    }
    let (reader, writer) = socket.into_split();
    let out = Out::new(writer, shared.hybrid.buffer_bytes_max);
    let client = Client::new(id, addr, out, shared.flusher.clone());
    let registration = Registration::new(shared.clone(), client.clone(), place);
    Some(Connection::new(reader, client, registration, proxied))
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "task of a connection failed");
    }
}

impl Shared {
    fn new(
        hybrid: Hybrid,
        tls: Option<Tls>,
        dictionary: Arc<Dictionary>,
        service: Arc<dyn ClientService>,
    ) -> Self {
        Self {
            offer: HandshakeOffer {
                heartbeat: hybrid.heartbeat,
                dictionary: hybrid.dictionary.then(|| Dictionary::clone(&dictionary)),
                protos: hybrid.protobuf.clone(),
            },
            heartbeat: hybrid.heartbeat.and_then(|_| Frame::package(PackageKind::Heartbeat, &[]).ok()),
            pages: Pages::new(&hybrid.pages),
            flusher: Arc::new(Flusher::new(hybrid.flush_interval)),
            scratch: Mutex::new(vec![0; SCRATCH_BYTES].into_boxed_slice()),
            clients: Mutex::default(),
            open: AtomicUsize::new(0),
            admission: Admission::new(&hybrid),
            tls,
            counts: Counts::default(),
            misfits: Throttle::default(),
            wording: Wording { dictionary: None, protos: hybrid.protobuf.clone() },
            hybrid,
            dictionary,
            service,
        }
    }

    /// How long a client may be silent.
    fn late_after(&self) -> Option<Duration> {
        self.hybrid.heartbeat.map(|interval| interval * 2)
    }

    fn lock_clients(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    fn new(shared: Arc<Shared>, client: Arc<Client>, place: Place) -> Self {
        shared.lock_clients().insert(client.id(), client.clone());
        Self { shared, client, open: false, place }
    }

    /// A proxy says whose connection it is.
    fn comes_from(&mut self, addr: SocketAddr, now: Instant) -> Result<(), Refusal> {
        self.client.comes_from(addr);
        self.place.comes_from(addr.ip(), now)
    }

    fn open(&mut self) {
        self.open = true;
        self.shared.open.fetch_add(1, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.lock_clients().remove(&self.client.id());
        if self.open {
            self.shared.open.fetch_sub(1, Ordering::Relaxed);
        }
        // Who still holds the client holds no socket and no bytes.
        self.client.out.end(CloseReason::Closed, None);
        self.client.out.close();
    }
}
