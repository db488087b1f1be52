//! All links of one server. Not here yet: the links (next commit); every call fails as closed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::net::TcpListener;

use crate::{ErrorKind, Limits, RpcError, Service};

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
    me: Hello,
}

impl Links {
    /// No link yet; they are opened when needed. `service` answers the peers.
    pub fn new(me: Hello, _resolve: Resolve, _service: Arc<dyn Service>, _limits: Limits) -> Self {
        Self { me }
    }

    /// Accepts links until `shutdown` resolves. Links that are up stay up; [`Links::close`] ends them.
    pub async fn serve(&self, _listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        shutdown.await;
    }

    /// Calls `method` of `server` and waits at most `deadline` for the answer, dialling included.
    pub async fn call(
        &self,
        server: &ServerId,
        _method: &str,
        _body: Bytes,
        _deadline: Duration,
    ) -> Result<Bytes, RpcError> {
        Err(RpcError::local(server, ErrorKind::Closed))
    }

    /// Sends a message nobody answers. `Ok` means that it is in the link's buffer (which is there from the start of a
    /// dial on); it arrives at most once. Must be called inside a tokio runtime.
    pub fn send(&self, server: &ServerId, _method: &str, _body: Bytes) -> Result<(), RpcError> {
        Err(RpcError::local(server, ErrorKind::Closed))
    }

    /// Ends the link to a server that left and forgets failed dials of it. Its calls fail as
    /// [`ErrorKind::Disconnected`]; a later message dials again.
    pub fn forget(&self, _server: &ServerId) {}

    /// The servers this one holds a link to at the moment.
    pub fn linked(&self) -> Vec<ServerId> {
        Vec::new()
    }

    /// Takes no new calls of peers, waits for those in progress and for the buffers to be written (at most
    /// [`Limits::close_timeout`]), then ends all links.
    pub async fn close(&self) {}

    /// Who this server is.
    pub fn me(&self) -> &Hello {
        &self.me
    }
}
