//! Where messages come in: from clients through the connector, from servers through links.
//!
//! Connector and links exist before the node that handles their messages (it needs their ports in its record), and the
//! node holds them; so they hold an inbox, which is told of the node later and does not keep it alive.

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use futures_util::FutureExt as _;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, ErrorKind, Failure, Handled, Limit, RpcError, Service, Who};
use tokio::{sync::Semaphore, time::Instant};

use super::{Node, push::is_for_holder};
use crate::{
    connector::{Client, ClientService, CloseReason, Frame, Inbound},
    session::Connection,
    wire,
};

/// Most words of this server to holders of channels in it that wait for their turn. Beyond it they fail as busy.
const HERE_MAX: usize = 4_096;

pub(super) struct Inbox {
    node: OnceLock<Weak<Node>>,
    here: Arc<Semaphore>,
}

impl Inbox {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { node: OnceLock::new(), here: Arc::new(Semaphore::new(HERE_MAX)) })
    }

    /// Messages go to this node from now on.
    pub(super) fn open(&self, node: &Arc<Node>) {
        // Only the first call counts; there is only one, at the start of the node.
        let _ = self.node.set(Arc::downgrade(node));
    }

    /// A one-way message of this server to itself. What goes to its own clients is with them before whatever it says next.
    pub(super) fn one_way_here(
        self: &Arc<Self>,
        me: &ServerId,
        method: &str,
        body: Bytes,
    ) -> Result<(), RpcError> {
        if !is_for_holder(method) {
            self.hear(me, method, &body);
            return Ok(());
        }
        let busy = |_| RpcError {
            server: me.clone(),
            who: Who::Local,
            retry: true,
            kind: ErrorKind::Busy(Limit::CallsInProgress),
        };
        let permit = Arc::clone(&self.here).try_acquire_owned().map_err(busy)?;
        let (inbox, me, method) = (Arc::clone(self), me.clone(), method.to_owned());
        tokio::spawn(async move {
            inbox.hear(&me, &method, &body);
            drop(permit);
        });
        Ok(())
    }

    fn node(&self) -> Option<Arc<Node>> {
        self.node.get()?.upgrade()
    }

    /// What needs no waiting, in the order it comes in.
    fn hear(&self, from: &ServerId, method: &str, body: &Bytes) {
        let Some(node) = self.node() else { return };
        match node.hear(from, method, body) {
            None => tracing::warn!(%from, method, "one-way message not understood"),
            Some(Err(error)) => node.failures.of_message(&error, method, from),
            Some(Ok(())) => {}
        }
    }
}

impl Service for Inbox {
    fn call(
        &self,
        from: &ServerId,
        method: &str,
        body: Bytes,
        until: Option<Instant>,
    ) -> Handled<Result<Bytes, Failure>> {
        match self.node() {
            Some(node) if method == wire::FORWARD => {
                let from = from.clone();
                Handled::Later(Box::pin(async move { node.forwarded(from, body, until).await }))
            }
            Some(node) => {
                let (from, method) = (from.clone(), method.to_owned());
                Handled::Later(Box::pin(async move { node.server_message(from, method, body, until).await }))
            }
            None => Handled::Done(Err(Failure::new(Failure::LEAVING, "server is not there yet, or no more"))),
        }
    }

    fn one_way(&self, from: &ServerId, method: &str, body: Bytes) {
        self.hear(from, method, &body);
    }
}

/// What only a frontend has.
impl ClientService for Inbox {
    fn opened(&self, client: Arc<Client>) {
        if let Some(node) = self.node()
            && let Some(table) = &node.table
        {
            let (addr, transport) = (client.remote_addr(), client.transport().name());
            tracing::debug!(session = client.id(), %addr, transport, "client connected");
            table.open(client.id(), client);
        }
    }

    fn is_concurrent(&self, route: &str) -> bool {
        self.node().is_some_and(|node| node.concurrent.contains(route))
    }

    fn message(&self, client: &Arc<Client>, message: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let node = self.node();
        let session = node.as_ref().and_then(|node| node.table.as_ref()?.get(client.id()));
        let (Some(node), Some(session)) = (node, session) else { return std::future::ready(None).boxed() };
        let Inbound { id, route, body } = message;
        Box::pin(async move { Some(node.client_message(session, route, body, id.is_none()).await) })
    }

    fn closed(&self, client: &Arc<Client>, why: CloseReason) -> BoxFuture<'static, ()> {
        let node = self.node();
        let session = node.as_ref().and_then(|node| node.table.as_ref()?.close(client.id()));
        let (Some(node), Some(session)) = (node, session) else { return std::future::ready(()).boxed() };
        tracing::debug!(?session, %why, "client gone");
        Box::pin(async move { node.session_closed(session).await })
    }
}

impl Connection for Client {
    fn send(&self, frame: &Frame) -> bool {
        self.send(frame).is_ok()
    }

    fn kick(&self, reason: &str) {
        self.kick(reason);
    }

    fn is_open(&self) -> bool {
        self.goes_on()
    }
}
