//! All links of one server: the API. Not here: how links come and go (`peers`).

use std::io::ErrorKind as Io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::calling::Calling;
use crate::link::{Link, NotTaken};
use crate::peers::Peers;
use crate::transport::{Connect, tcp};
use crate::{ErrorKind, Limits, Payload, RpcError, Service};

/// How long nobody is accepted after the system could not accept (usually: too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// In place of a deadline that no clock can show.
pub(crate) const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Who this server is to its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Its id.
    pub id: ServerId,
    /// Which life of this id it is (see `ServerInfo::incarnation`); a peer refuses an older life while it holds a link
    /// to a newer one. 0 if unknown.
    pub incarnation: u64,
}

/// Tells where a server listens for links, as `host:port`; `None` for one that is unknown or has no port.
pub type Resolve = Arc<dyn Fn(&ServerId) -> Option<String> + Send + Sync>;

/// All links of one server. Clones share them; dropping the last one ends them at once.
#[derive(Clone)]
pub struct Links {
    pub(crate) peers: Arc<Peers>,
    /// The tasks hold `peers` too, so its own count says nothing about the users'.
    _users: Arc<Users>,
}

struct Users(Arc<Peers>);

impl Links {
    /// No link yet; they are opened when needed. `service` answers the peers. A service that holds these links itself
    /// keeps them alive, and itself, until [`Links::close`].
    pub fn new(me: Hello, resolve: Resolve, service: Arc<dyn Service>, limits: Limits) -> Self {
        Self::over(me, resolve, service, limits, tcp())
    }

    pub(crate) fn over(
        me: Hello,
        resolve: Resolve,
        service: Arc<dyn Service>,
        limits: Limits,
        connect: Connect,
    ) -> Self {
        let peers = Peers::new(me, resolve, service, limits, connect);
        Self { _users: Arc::new(Users(peers.clone())), peers }
    }

    /// Accepts links until `shutdown` resolves or [`Links::close`] is called. Links that are up stay up.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        let mut closing = self.peers.closing.subscribe();
        let closed = closing.wait_for(|closing| *closing);
        tokio::select! {
            () = self.accept_all(&listener) => {}
            () = shutdown => {}
            _ = closed => {}
        }
    }

    /// Calls `method` of `server` and waits at most `deadline` for the answer, dialling included. The called server is told
    /// how long that still is when the call leaves. Dropping the future forgets the answer; the call may still be executed.
    pub async fn call(
        &self,
        server: &ServerId,
        method: &str,
        body: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, RpcError> {
        self.start(server, method, &body, deadline)?.await
    }

    /// The same in two steps: the call is queued when this returns. Must be called inside a tokio runtime.
    pub fn start(
        &self,
        server: &ServerId,
        method: &str,
        body: &dyn Payload,
        deadline: Duration,
    ) -> Result<Calling, RpcError> {
        let now = Instant::now();
        let until = now.checked_add(deadline).unwrap_or_else(|| now + FAR);
        self.queue(server, |link| link.call(method, body, deadline, until))
    }

    /// How many calls to `server` wait for their answer.
    pub fn calls_waiting(&self, server: &ServerId) -> usize {
        self.peers.present(server).map_or(0, |link| link.calls_waiting())
    }

    /// Calls `method` of `server` without waiting for it. `Ok` means that the call is queued; it is begun at most once, and in
    /// order with the other calls. The peer says when it has done with it, so that only so many are under way
    /// ([`Limits::notices_max`]): a peer that can't keep up is heard of here, and nothing else waits for it. Must be called
    /// inside a tokio runtime.
    pub fn notify(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError> {
        self.queue(server, |link| link.notify(method, &body))
    }

    /// Sends a message nobody answers, which the peer handles as it is read ([`Service::one_way`]). `Ok` means that it is in the link's buffer (which is there from the start of a
    /// dial on); it arrives at most once. Must be called inside a tokio runtime.
    pub fn send(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError> {
        self.send_body(server, method, &body)
    }

    /// The same for a body that writes itself into the link's buffer.
    pub fn send_body(&self, server: &ServerId, method: &str, body: &dyn Payload) -> Result<(), RpcError> {
        self.queue(server, |link| link.send(method, body))
    }

    /// The number of the link that messages to `server` go over now; opens one if there is none. Each link has a higher number
    /// than those before it. What was sent over one link arrives in order up to some message and not beyond it; whoever needs
    /// to know what may be missing remembers the number, and sends with [`Links::send_over`].
    pub fn link(&self, server: &ServerId) -> Result<u64, RpcError> {
        Ok(self.peers.link_to(server)?.number)
    }

    /// The same if there is a link already.
    pub fn present(&self, server: &ServerId) -> Option<u64> {
        Some(self.peers.present(server)?.number)
    }

    /// [`Links::send`] over the link of this number and no other: if it is gone, the message was not sent.
    pub fn send_over(
        &self,
        server: &ServerId,
        number: u64,
        method: &str,
        body: Bytes,
    ) -> Result<(), RpcError> {
        let gone =
            || RpcError::not_sent(server, ErrorKind::Disconnected("the link it was for is gone".into()));
        let link = self.peers.present(server).filter(|link| link.number == number).ok_or_else(gone)?;
        link.send(method, &body).map_err(|not_taken| match not_taken {
            NotTaken::Over => gone(),
            NotTaken::Refused(error) => error,
        })
    }

    /// Ends the link to another server that left and forgets failed dials of it. Its calls fail as
    /// [`ErrorKind::Disconnected`]; a later message dials again.
    pub fn forget(&self, server: &ServerId) {
        self.peers.forget(server);
    }

    /// Says that a server has been started again and lives its life `incarnation` now: ends a link to an earlier one, and
    /// forgets failed dials. A link to this life, made before the news of it came, stays.
    pub fn forget_before(&self, server: &ServerId, incarnation: u64) {
        self.peers.forget_before(server, incarnation);
    }

    /// The other servers this one holds a link to at the moment.
    pub fn linked(&self) -> Vec<ServerId> {
        self.peers.linked()
    }

    /// Takes no new calls of peers and no new links, waits for the calls of peers in progress and for the buffers to be
    /// written (at most [`Limits::close_timeout`]), then ends all links and whatever still runs.
    pub async fn close(&self) {
        self.peers.close().await;
    }

    /// Who this server is.
    pub fn me(&self) -> &Hello {
        &self.peers.me
    }

    /// Queues something on the link to `server`. A link can end between finding and using it; then the next one takes it.
    fn queue<T>(
        &self,
        server: &ServerId,
        put: impl Fn(&Arc<Link>) -> Result<T, NotTaken>,
    ) -> Result<T, RpcError> {
        for _ in 0..2 {
            match put(&self.peers.link_to(server)?) {
                Ok(done) => return Ok(done),
                Err(NotTaken::Refused(error)) => return Err(error),
                Err(NotTaken::Over) => {}
            }
        }
        Err(RpcError::not_sent(server, ErrorKind::Disconnected("it ends as soon as it is up".into())))
    }

    async fn accept_all(&self, listener: &TcpListener) {
        let hellos = Arc::new(Semaphore::new(self.peers.limits.hellos_waiting_max));
        loop {
            // Never closed.
            let Ok(waiting) = hellos.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, from)) => {
                    self.peers.accept(Box::new(without_delay(stream)), from.to_string(), waiting);
                }
                // The peer's affair, not ours.
                Err(error) if matches!(error.kind(), Io::ConnectionAborted | Io::ConnectionReset) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept links");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn without_delay(stream: TcpStream) -> TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    stream
}
