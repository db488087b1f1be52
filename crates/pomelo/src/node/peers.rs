//! The other servers over their links, and this one without.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, ErrorKind, Links, RpcError, Service as _, Who};

use super::inbox::Inbox;
use crate::rpc::Peers;

/// [`Links`], and a short cut for messages of a server to itself.
pub(super) struct LinkedPeers {
    pub(super) me: ServerId,
    pub(super) links: Links,
    pub(super) inbox: Arc<Inbox>,
}

impl Peers for LinkedPeers {
    fn call(
        &self,
        server: &ServerId,
        method: &str,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RpcError>> {
        let (server, method) = (server.clone(), method.to_owned());
        if server != self.me {
            let links = self.links.clone();
            return Box::pin(async move { links.call(&server, &method, body, deadline).await });
        }
        let answer = self.inbox.call(&server, &method, body);
        Box::pin(async move {
            let failed = |kind| RpcError { server, who: Who::Remote, retry: false, kind };
            match tokio::time::timeout(deadline, answer).await {
                Ok(answer) => answer.map_err(|failure| failed(ErrorKind::Remote(failure))),
                Err(_) => {
                    let waited_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                    Err(failed(ErrorKind::Deadline { waited_ms }))
                }
            }
        })
    }

    fn send(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError> {
        if *server == self.me {
            self.inbox.one_way_here(server, method, body)
        } else {
            self.links.send(server, method, body)
        }
    }
}
