//! The other servers over their links, and this one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, Links, Payload, RpcError};

use super::inbox::Inbox;
use crate::{
    channel::message::{ASK, CHANGE, LEFT, PUSH},
    rpc::{Answer, Peers},
};

/// Stands for the number of a link where there is none.
const TO_ITSELF: u64 = 0;

/// [`Links`], and a short cut for what a server tells itself about channels: a push to a client of its own is with that client
/// before the answer behind it.
pub(super) struct LinkedPeers {
    me: ServerId,
    links: Links,
    inbox: Arc<Inbox>,
}

impl LinkedPeers {
    pub(super) fn new(me: ServerId, links: Links, inbox: Arc<Inbox>) -> Self {
        Self { me, links, inbox }
    }
}

impl Peers for LinkedPeers {
    fn call(
        &self,
        server: &ServerId,
        method: &str,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RpcError>> {
        Box::pin(self.start(server, method, &body, deadline))
    }

    fn start(&self, server: &ServerId, method: &str, body: &dyn Payload, deadline: Duration) -> Answer {
        match self.links.start(server, method, body, deadline) {
            Ok(calling) => Answer::Over(calling),
            Err(error) => Answer::Refused(Some(error)),
        }
    }

    fn calls_waiting(&self, server: &ServerId) -> usize {
        self.links.calls_waiting(server)
    }

    fn send(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError> {
        if !matches!(method, PUSH | CHANGE | LEFT | ASK) {
            // It may have to wait for something there, and nothing may have to wait for it.
            self.links.notify(server, method, body)
        } else if *server == self.me {
            self.inbox.one_way_here(server, method, body)
        } else {
            self.links.send(server, method, body)
        }
    }

    fn link(&self, server: &ServerId) -> Result<u64, RpcError> {
        if *server == self.me { Ok(TO_ITSELF) } else { self.links.link(server) }
    }

    fn present(&self, server: &ServerId) -> Option<u64> {
        if *server == self.me { Some(TO_ITSELF) } else { self.links.present(server) }
    }

    fn send_over(&self, server: &ServerId, link: u64, method: &str, body: Bytes) -> Result<(), RpcError> {
        if *server == self.me {
            self.inbox.one_way_here(server, method, body)
        } else {
            self.links.send_over(server, link, method, body)
        }
    }
}
